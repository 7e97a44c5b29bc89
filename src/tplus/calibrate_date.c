/*-------------------------------------------------------------------------
 *
 * calibrate_date.c
 *		Calibration: how the day of filing is compared.
 *
 * A declared comparator is trusted, so it must be proven.  A few days of
 * known records are asked for as they are: a server that compares by equality
 * answers with exactly the records of the day.  One that counts days in
 * another zone brings those of the next day, one that compares with a time of
 * day lacks some of the day's.
 *
 * Otherwise a known record is asked for by its code or key, together with a day:
 * before its own, at it, after it, and far away.  What a range sends has a
 * margin of a day (two for ">", see filter.c), which covers what this cannot
 * tell apart: ">" with times of day from ">=", and ">=" by days of another
 * zone from ">".
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_date.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/calibrate_date.h"
#include "tplus/day.h"

/* Known records that equality must find on their days. */
#define MIN_CONFIRMED	3

/* Days asked for on the way: one, and those beside it. */
#define MAX_DAYS		3

/* Farther than any window that a server might put around a day. */
#define FAR_DAYS		400

/* Was the record in the answer? */
typedef enum Presence
{
	PRESENCE_OPEN,
	PRESENCE_NO,
	PRESENCE_YES
} Presence;

/* What a comparator answers; far days are asked only where given. */
typedef struct Pattern
{
	Presence	before;
	Presence	at;
	Presence	after;
	Presence	far_before;
	Presence	far_after;
	const char *value;
	const char *setting;		/* of filter_op; NULL: it has no name there */
	const char *wider;			/* what holds where times of day matter */
} Pattern;

#define YES		PRESENCE_YES
#define NO		PRESENCE_NO
#define ANY		PRESENCE_OPEN

static const Pattern patterns[] = {
	{YES, YES, NO, YES, ANY, "ge", "ge", "gt"},
	{YES, NO, NO, YES, ANY, "gt", "gt", "gt"},
	{NO, YES, YES, ANY, YES, "le", "le", "le"},
	{NO, NO, YES, ANY, YES, "lt", NULL, "le"},
	{YES, YES, YES, YES, YES, "ignored", "none", NULL},
};

/* Is the day among those that were asked for? */
static bool
is_asked(const int32 *asked, int nasked, int32 day)
{
	while (nasked-- > 0)
	{
		if (asked[nasked] == day)
			return true;
	}
	return false;
}

/* The day, not asked for yet, that most known records have; 0: there is none. */
static int
fullest_day(const TplusFinding *known, const int32 *asked, int nasked,
			int32 *day)
{
	int			best = 0;
	int			i;
	int			k;

	for (i = 0; i < known->nwitnesses; i++)
	{
		int			count = 0;

		if (!known->witnesses[i].has_day ||
			is_asked(asked, nasked, known->witnesses[i].day))
			continue;
		for (k = 0; k < known->nwitnesses; k++)
			count += known->witnesses[k].has_day &&
				known->witnesses[k].day == known->witnesses[i].day;
		if (count > best)
		{
			best = count;
			*day = known->witnesses[i].day;
		}
	}
	return best;
}

/* Of an answer to a day: has it all known records of the day, and no other? */
static bool
is_exactly(const TplusFinding *answer, const TplusFinding *known, int32 day)
{
	int			i;

	for (i = 0; i < answer->nwitnesses; i++)
	{
		if (!answer->witnesses[i].has_day || answer->witnesses[i].day != day)
			return false;
	}
	for (i = 0; i < known->nwitnesses; i++)
	{
		const TplusWitness *witness = &known->witnesses[i];

		if (witness->has_day && witness->day == day &&
			tplus_finding_find(answer, witness->key) < 0)
			return false;
	}
	return true;
}

static void
ask_day(TplusStudy *study, TplusOperation operation, int32 day,
		TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, operation, tplus_study_size(study, operation),
						 &question);
	question.day = tplus_day_text(day);
	tplus_probe_ask_surely(study->probe, &question, finding);
}

static bool
has_times(const TplusFinding *known)
{
	int			i;

	for (i = 0; i < known->nwitnesses; i++)
	{
		if (known->witnesses[i].has_day && known->witnesses[i].has_time)
			return true;
	}
	return false;
}

static TplusVerdict
conclude_equality(const TplusFinding *known, int confirmed, const char *days)
{
	if (has_times(known))
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  "it looks like equality, but records have times of day");
	if (confirmed < MIN_CONFIRMED)
		return tplus_verdict_decided("eq", NULL,
									 psprintf("%s brought exactly their records; as they are %d, and it takes %d to rely on it, the option stays",
											  days, confirmed, MIN_CONFIRMED));
	return tplus_verdict_decided("eq", "eq",
								 psprintf("%s brought exactly their records, %d of them known before",
										  days, confirmed));
}

/* What the first question for a day brought. */
typedef struct FirstDay
{
	int32		day;
	TplusFinding answer;
} FirstDay;

/*
 * Is it equality?  Returns false if that is out of the question.
 */
static bool
try_equality(TplusStudy *study, TplusOperation operation,
			 const TplusFinding *known, FirstDay *first,
			 TplusVerdict *verdict)
{
	int32		asked[MAX_DAYS] = {0};
	int			nasked;
	int			confirmed = 0;
	bool		one_day = false;
	StringInfoData days;

	initStringInfo(&days);
	appendStringInfo(&days, "at %s", tplus_study_operation(operation));
	for (nasked = 0; nasked < MAX_DAYS; nasked++)
	{
		int			records = fullest_day(known, asked, nasked, &asked[nasked]);
		TplusFinding answer;

		/* All records may be of one day: then those beside it must be empty. */
		one_day |= records == 0 && nasked == 1;
		if (one_day)
			asked[nasked] = asked[0] + (nasked == 1 ? 1 : -1);
		else if (records == 0)
			break;
		ask_day(study, operation, asked[nasked], &answer);
		if (nasked == 0)
		{
			first->day = asked[0];
			first->answer = answer;
		}
		if (!answer.asked)
		{
			*verdict = tplus_verdict_unasked();
			return true;
		}
		if (answer.refused && nasked == 0)
		{
			*verdict = tplus_verdict_decided("refused", "none",
											 psprintf("%s refuses a question for a day",
													  tplus_study_operation(operation)));
			return true;
		}
		if (answer.refused || answer.rows != answer.nwitnesses ||
			!is_exactly(&answer, known, asked[nasked]))
			return false;
		confirmed += records;
		appendStringInfo(&days, "%s %s", nasked > 0 ? " and" : ",",
						 tplus_day_text(asked[nasked]));
		if (nasked > 0 && confirmed >= MIN_CONFIRMED && !one_day)
			break;
	}
	*verdict = conclude_equality(known, confirmed, days.data);
	return true;
}

/* A record that was edited meanwhile tells nothing. */
static Presence
look(TplusStudy *study, TplusOperation operation, const TplusWitness *witness,
	 int offset, bool *asked)
{
	TplusFinding answer;
	TplusParam *day = tplus_encode_text(study->spec->date_param,
										tplus_day_text(witness->day + offset));
	int			i;

	tplus_study_ask_pinned(study, operation, witness, list_make1(day), &answer);
	*asked = answer.asked;
	if (!answer.asked || answer.refused)
		return PRESENCE_OPEN;
	i = tplus_finding_find(&answer, witness->key);
	if (i >= 0)
		return answer.witnesses[i].version == witness->version ?
			PRESENCE_YES : PRESENCE_OPEN;
	return answer.rows == 0 ? PRESENCE_NO : PRESENCE_OPEN;
}

/* What is known already of the record on its own day. */
static Presence
known_at(const TplusWitness *witness, const FirstDay *first)
{
	const TplusFinding *answer = &first->answer;

	if (!answer->asked || answer->refused || first->day != witness->day)
		return PRESENCE_OPEN;
	return tplus_finding_find(answer, witness->key) >= 0 ? PRESENCE_YES :
		answer->rows == 0 ? PRESENCE_NO : PRESENCE_OPEN;
}

/*
 * A record that can be asked for alone and has a day, other than one: if there
 * is such, one of which something is known already.
 */
static const TplusWitness *
dated_witness(const TplusStudy *study, TplusOperation operation,
			  const TplusFinding *known, const FirstDay *first,
			  const TplusWitness *other)
{
	const TplusWitness *found = NULL;
	int			i;

	for (i = 0; i < known->nwitnesses; i++)
	{
		const TplusWitness *witness = &known->witnesses[i];

		if (witness == other || witness->key == NULL || !witness->has_day ||
			tplus_study_pin(study, operation, witness) == NIL)
			continue;
		if (first && known_at(witness, first) != PRESENCE_OPEN)
			return witness;
		if (found == NULL)
			found = witness;
	}
	return found;
}

static const char *
presence_text(Presence presence)
{
	return presence == PRESENCE_YES ? "there" :
		presence == PRESENCE_NO ? "not there" : "open";
}

/* Does a far day, if the pattern speaks of it, agree? */
static bool
far_agrees(TplusStudy *study, TplusOperation operation,
		   const TplusWitness *witness, Presence expected, int offset,
		   bool *asked)
{
	return expected == PRESENCE_OPEN ||
		look(study, operation, witness, offset, asked) == expected;
}

/* The pattern is that of one record: is it the server's? */
static TplusVerdict
confirm(TplusStudy *study, TplusOperation operation, const Pattern *pattern,
		const TplusWitness *witness, const TplusWitness *second,
		const char *evidence)
{
	bool		asked = true;
	Presence	at;

	if (!far_agrees(study, operation, witness, pattern->far_before, -FAR_DAYS,
					&asked) ||
		!far_agrees(study, operation, witness, pattern->far_after, FAR_DAYS,
					&asked))
		return asked ?
			tplus_verdict_open(TPLUS_STATUS_OPEN,
							   psprintf("%s, but far away it is not the same",
										evidence)) :
			tplus_verdict_unasked();
	if (second == NULL)
		return tplus_verdict_decided(pattern->value, NULL,
									 psprintf("%s; as it is the only one, the option stays",
											  evidence));
	at = look(study, operation, second, 0, &asked);
	if (at == pattern->at)
		return tplus_verdict_decided(pattern->value, pattern->setting, evidence);

	/* By times of day, or days of another zone: that with the wider margin. */
	if (at != PRESENCE_OPEN && pattern->before != pattern->after &&
		tplus_study_is_there(study, operation, second))
		return tplus_verdict_decided(pattern->wider, pattern->wider,
									 psprintf("%s, and for another record it is not the same",
											  evidence));
	return asked ?
		tplus_verdict_open(TPLUS_STATUS_OPEN,
						   psprintf("%s, but for another record it is not the same",
									evidence)) :
		tplus_verdict_unasked();
}

/* The comparator that a record's presence before, at and after its day shows. */
static TplusVerdict
try_patterns(TplusStudy *study, TplusOperation operation,
			 const TplusFinding *known, const FirstDay *first)
{
	const TplusWitness *witness = dated_witness(study, operation, known, first,
												NULL);
	const TplusWitness *second = dated_witness(study, operation, known, NULL,
											   witness);
	Presence	before;
	Presence	at;
	Presence	after;
	bool		asked;
	const char *evidence;
	int			i;

	if (witness == NULL || (second == NULL && known->rows > 1))
		return tplus_verdict_undecidable(study,
										 "it is not equality, and no record can be asked for alone");
	at = known_at(witness, first);
	if (at == PRESENCE_OPEN)
		at = look(study, operation, witness, 0, &asked);
	after = look(study, operation, witness, 1, &asked);
	before = look(study, operation, witness, -1, &asked);
	if (!asked)
		return tplus_verdict_unasked();
	evidence = psprintf("at %s, the record \"%s\" of %s is %s when the day before is asked for, %s on its day, %s on the day after",
						tplus_study_operation(operation),
						witness->code ? witness->code : witness->key,
						tplus_day_text(witness->day), presence_text(before),
						presence_text(at), presence_text(after));
	for (i = 0; i < (int) lengthof(patterns); i++)
	{
		if (patterns[i].before == before && patterns[i].at == at &&
			patterns[i].after == after)
			return confirm(study, operation, &patterns[i], witness, second,
						   evidence);
	}
	return tplus_verdict_open(TPLUS_STATUS_OPEN, evidence);
}

/* The records of an operation that are known to be visible. */
static const TplusFinding *
known_records(const TplusStudy *study, TplusOperation operation)
{
	return operation == TPLUS_OPERATION_QUERY &&
		study->zero.rows > study->plain[operation].rows ?
		&study->zero : &study->plain[operation];
}

static TplusVerdict
compare_at(TplusStudy *study, TplusOperation operation, bool not_equality)
{
	const TplusFinding *known = known_records(study, operation);
	FirstDay	first = {0};
	TplusVerdict verdict = {0};
	int32		day;

	if (!study->plain[operation].asked)
		return tplus_verdict_unasked();
	if (fullest_day(known, NULL, 0, &day) == 0)
		return tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
								  "no record with a day is known");
	if (not_equality)
		verdict = try_patterns(study, operation, known, &first);
	if (verdict.value == NULL &&
		!try_equality(study, operation, known, &first, &verdict) &&
		!not_equality)
		verdict = try_patterns(study, operation, known, &first);
	verdict.fields = list_make1(unconstify(char *, study->spec->date));
	return verdict;
}

void
tplus_calibrate_date(TplusStudy *study)
{
	TplusVerdict verdicts[TPLUS_NOPERATIONS] = {0};
	bool		not_equality = false;
	int			i;

	if (study->spec->date == NULL ||
		tplus_probe_is_fixed(study->probe, study->spec->date_param))
	{
		tplus_study_leave(study, TPLUS_FACT_DATE, TPLUS_STATUS_UNDECIDABLE,
						  "no column has a day that T+ filters by");
		return;
	}
	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		if (study->relevant[i])
			verdicts[i] = compare_at(study, i, not_equality);
		not_equality |= verdicts[i].setting && strcmp(verdicts[i].setting, "eq") != 0 &&
			strcmp(verdicts[i].value, "refused") != 0;
	}
	tplus_study_settle(study, TPLUS_FACT_DATE, verdicts);
}
