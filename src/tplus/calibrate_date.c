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
 * Otherwise a known record is asked for by its code, together with a day:
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

/* Days asked for on the way; at least two. */
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
} Pattern;

#define YES		PRESENCE_YES
#define NO		PRESENCE_NO
#define ANY		PRESENCE_OPEN

static const Pattern patterns[] = {
	{YES, YES, NO, YES, ANY, "ge", "ge"},
	{YES, NO, NO, YES, ANY, "gt", "gt"},
	{NO, YES, YES, ANY, YES, "le", "le"},
	{NO, NO, YES, ANY, YES, "lt", NULL},
	{YES, YES, YES, YES, YES, "ignored", "none"},
};

/* What came of one operation. */
typedef struct Comparator
{
	const char *value;			/* NULL: open */
	const char *setting;
	const char *evidence;
} Comparator;

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
ask_day(TplusStudy *study, TplusOperation operation, const char *code,
		int32 day, TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, operation, tplus_study_size(study, operation),
						 &question);
	question.code = code;
	question.day = tplus_day_text(day);
	tplus_probe_ask(study->probe, &question, finding);
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

/* Does the day bring exactly its records, as far as they are known? */
static bool
is_day_of_its_own(TplusStudy *study, TplusOperation operation,
				  const TplusFinding *known, int32 day, bool *refused)
{
	TplusFinding answer;

	ask_day(study, operation, NULL, day, &answer);
	*refused = answer.refused;
	return answer.asked && !answer.refused &&
		answer.rows == answer.nwitnesses && is_exactly(&answer, known, day);
}

static void
conclude_equality(const TplusFinding *known, int confirmed, const char *days,
				  Comparator *result)
{
	if (confirmed < MIN_CONFIRMED)
		result->evidence = psprintf("it looks like equality, but %d records are too few to be sure",
									confirmed);
	else if (has_times(known))
		result->evidence = "it looks like equality, but records have times of day";
	else
	{
		result->value = result->setting = "eq";
		result->evidence = psprintf("%s brought exactly their records, %d of them known before",
									days, confirmed);
	}
}

/*
 * Is it equality?  Returns false if that is out of the question; then *result
 * is still open.
 */
static bool
try_equality(TplusStudy *study, TplusOperation operation,
			 const TplusFinding *known, Comparator *result)
{
	int32		asked[MAX_DAYS] = {0};
	int			nasked;
	int			confirmed = 0;
	StringInfoData days;

	initStringInfo(&days);
	appendStringInfo(&days, "at %s", tplus_study_operation(operation));
	for (nasked = 0; nasked < MAX_DAYS; nasked++)
	{
		int			records = fullest_day(known, asked, nasked, &asked[nasked]);
		bool		refused;

		/* All records may be of one day: then the next one must be empty. */
		if (records == 0)
		{
			if (nasked != 1)
				break;
			asked[nasked] = asked[0] + 1;
		}
		if (!is_day_of_its_own(study, operation, known, asked[nasked], &refused))
		{
			if (!refused || nasked > 0)
				return false;
			result->value = "refused";
			result->setting = "none";
			result->evidence = psprintf("%s refuses a question for a day",
										tplus_study_operation(operation));
			return true;
		}
		confirmed += records;
		appendStringInfo(&days, "%s %s", nasked > 0 ? " and" : ",",
						 tplus_day_text(asked[nasked]));
		if (nasked > 0 && confirmed >= MIN_CONFIRMED)
			break;
	}
	conclude_equality(known, confirmed, days.data, result);
	return true;
}

static Presence
look(TplusStudy *study, TplusOperation operation, const TplusWitness *witness,
	 int offset)
{
	TplusFinding answer;

	ask_day(study, operation, witness->code, witness->day + offset, &answer);
	if (!answer.asked || answer.refused)
		return PRESENCE_OPEN;
	if (tplus_finding_find(&answer, witness->key) >= 0)
		return PRESENCE_YES;
	return answer.rows == 0 ? PRESENCE_NO : PRESENCE_OPEN;
}

/* The n-th record that can be asked for by its code and has a day. */
static const TplusWitness *
dated_witness(const TplusStudy *study, const TplusFinding *known, int n)
{
	int			i;

	for (i = 0; i < known->nwitnesses; i++)
	{
		const TplusWitness *witness = &known->witnesses[i];

		if (witness->key && witness->code && witness->has_day &&
			tplus_study_is_plain(study, witness->code) && n-- == 0)
			return witness;
	}
	return NULL;
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
		   const TplusWitness *witness, Presence expected, int offset)
{
	return expected == PRESENCE_OPEN ||
		look(study, operation, witness, offset) == expected;
}

/* The comparator that a record's presence before, at and after its day shows. */
static void
try_patterns(TplusStudy *study, TplusOperation operation,
			 const TplusFinding *known, Comparator *result)
{
	const TplusWitness *witness = dated_witness(study, known, 0);
	const TplusWitness *second = dated_witness(study, known, 1);
	Presence	before;
	Presence	at;
	Presence	after;
	int			i;

	if (!study->code_works || witness == NULL || second == NULL)
	{
		result->evidence = "it is not equality, and no record can be asked for by its code";
		return;
	}
	at = look(study, operation, witness, 0);
	after = look(study, operation, witness, 1);
	before = look(study, operation, witness, -1);
	result->evidence = psprintf("at %s, the record \"%s\" of %s is %s when the day before is asked for, %s on its day, %s on the day after",
								tplus_study_operation(operation),
								witness->code, tplus_day_text(witness->day),
								presence_text(before), presence_text(at),
								presence_text(after));
	for (i = 0; i < (int) lengthof(patterns); i++)
	{
		const Pattern *pattern = &patterns[i];

		if (pattern->before != before || pattern->at != at ||
			pattern->after != after)
			continue;
		if (!far_agrees(study, operation, witness, pattern->far_before, -FAR_DAYS) ||
			!far_agrees(study, operation, witness, pattern->far_after, FAR_DAYS))
			result->evidence = psprintf("%s, but far away it is not the same",
										result->evidence);
		else if (look(study, operation, second, 0) != at)
			result->evidence = psprintf("%s, but for \"%s\" it is not the same",
										result->evidence, second->code);
		else
		{
			result->value = pattern->value;
			result->setting = pattern->setting;
		}
		return;
	}
}

/* The records of an operation that are known to be visible. */
static const TplusFinding *
known_records(const TplusStudy *study, TplusOperation operation)
{
	return operation == TPLUS_OPERATION_QUERY &&
		study->zero.rows > study->plain[operation].rows ?
		&study->zero : &study->plain[operation];
}

static void
compare_at(TplusStudy *study, TplusOperation operation, Comparator *result)
{
	const TplusFinding *known = known_records(study, operation);
	int32		day;

	memset(result, 0, sizeof(*result));
	if (fullest_day(known, NULL, 0, &day) == 0)
		result->evidence = "no record with a day is known";
	else if (known->rows < 2)
		result->evidence = "one record is too few";
	else if (!try_equality(study, operation, known, result))
		try_patterns(study, operation, known, result);
}

void
tplus_calibrate_date(TplusStudy *study)
{
	Comparator	result;
	Comparator	other;
	TplusFact  *fact;

	if (study->spec->date == NULL ||
		tplus_probe_is_fixed(study->probe, study->spec->date_param))
	{
		tplus_study_leave(study, TPLUS_FACT_DATE,
						  "no column has a day that T+ filters by");
		return;
	}
	compare_at(study, tplus_study_first(study), &result);
	if (result.value && study->relevant[TPLUS_OPERATION_QUERY] &&
		study->relevant[TPLUS_OPERATION_PAGE])
	{
		compare_at(study, TPLUS_OPERATION_PAGE, &other);
		if (other.value == NULL || strcmp(result.value, other.value) != 0)
		{
			tplus_study_leave(study, TPLUS_FACT_DATE,
							  psprintf("it is \"%s\" for Query; for QueryPage, %s",
									   result.value, other.evidence));
			return;
		}
	}
	if (result.value == NULL)
	{
		tplus_study_leave(study, TPLUS_FACT_DATE, result.evidence);
		return;
	}
	fact = tplus_study_decide(study, TPLUS_FACT_DATE, result.value,
							  result.evidence);
	fact->setting = result.setting;
	fact->fields = list_make1(unconstify(char *, study->spec->date));
}
