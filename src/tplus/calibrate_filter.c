/*-------------------------------------------------------------------------
 *
 * calibrate_filter.c
 *		Calibration: the flag of stopped records.
 *
 * A spelling of the flag that is declared is trusted by every read.  So it
 * must bring stopped records and no others for true, and others and no
 * stopped ones for false: a server that overlooks it would answer both alike.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_filter.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/calibrate_filter.h"
#include "tplus/calibrate_paging.h"

#define SAMPLE_SIZE		100

typedef struct Spelling
{
	TplusEncoding encoding;
	const char *option;			/* the value of filter_encoding */
} Spelling;

/* In the order of trying: what the official SDK sends comes first. */
static const Spelling spellings[] = {
	{TPLUS_ENCODING_JSON, "json"},
	{TPLUS_ENCODING_TRUEFALSE, "TrueFalse"},
	{TPLUS_ENCODING_01, "01"},
	{TPLUS_ENCODING_TEXT, "text"},
};

/* How many records have the flag at this value; -1: one does not tell. */
static int
count_flag(const TplusFinding *finding, bool flag)
{
	int			count = 0;
	int			i;

	for (i = 0; i < finding->nwitnesses; i++)
	{
		if (!finding->witnesses[i].disabled_known)
			return -1;
		if (finding->witnesses[i].disabled == flag)
			count++;
	}
	return count;
}

/* Does the answer have records with the flag as asked, and only such? */
static bool
ask_flag(TplusStudy *study, TplusOperation operation, TplusEncoding encoding,
		 bool flag, TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, operation,
						 Min(SAMPLE_SIZE, study->plain[operation].size),
						 &question);
	question.has_flag = true;
	question.flag = flag;
	question.encoding = encoding;
	tplus_probe_ask(study->probe, &question, finding);
	return finding->rows > 0 && count_flag(finding, flag) == finding->rows;
}

/* What an answer says against a spelling. */
static const char *
objection(const Spelling *spelling, bool flag, const TplusFinding *finding)
{
	const char *what;

	if (!finding->asked)
		what = "not asked, no request was left";
	else if (finding->refused)
		what = "refused";
	else if (finding->rows == 0)
		what = "brought nothing";
	else if (count_flag(finding, flag) < 0)
		what = "brought records that do not tell";
	else
		what = "brought others";
	return psprintf("%s %s %s", spelling->option, flag ? "true" : "false",
					what);
}

static bool
proves(TplusStudy *study, TplusOperation operation, const Spelling *spelling,
	   TplusFinding *disabled, StringInfo objections)
{
	TplusFinding enabled;
	const char *text;

	if (!ask_flag(study, operation, spelling->encoding, true, disabled))
		text = objection(spelling, true, disabled);
	else if (!ask_flag(study, operation, spelling->encoding, false, &enabled))
		text = objection(spelling, false, &enabled);
	else
		return true;
	if (objections->len > 0)
		appendStringInfoString(objections, ", ");
	appendStringInfoString(objections, text);
	return false;
}

/*
 * What a spelling proves where no record is stopped: true brings none, and
 * false the others, which a server that overlooks the flag, or matches nothing
 * with it, would not do.
 */
static bool
proves_without(TplusStudy *study, TplusOperation operation,
			   const Spelling *spelling, const TplusFinding *disabled)
{
	TplusFinding enabled;

	return disabled->asked && !disabled->refused && disabled->rows == 0 &&
		ask_flag(study, operation, spelling->encoding, false, &enabled);
}

/* The spellings in the order of trying: first what the other operation knows. */
static void
order_spellings(const TplusStudy *study, TplusOperation operation,
				const Spelling **order)
{
	TplusEncoding known = operation == TPLUS_OPERATION_PAGE ?
	study->encoding[TPLUS_OPERATION_QUERY] : TPLUS_ENCODING_AUTO;
	int			n = 0;
	int			i;

	for (i = 0; i < (int) lengthof(spellings); i++)
	{
		if (spellings[i].encoding == known)
			order[n++] = &spellings[i];
	}
	for (i = 0; i < (int) lengthof(spellings); i++)
	{
		if (spellings[i].encoding != known)
			order[n++] = &spellings[i];
	}
}

static TplusVerdict
judge_spelling(TplusStudy *study, TplusOperation operation)
{
	const Spelling *order[lengthof(spellings)];
	TplusFinding *disabled = &study->disabled[operation];
	StringInfoData objections;
	TplusVerdict verdict;
	int			i;

	order_spellings(study, operation, order);
	initStringInfo(&objections);
	for (i = 0; i < (int) lengthof(spellings); i++)
	{
		if (proves(study, operation, order[i], disabled, &objections))
			break;
		if (!disabled->asked)
			return tplus_verdict_unasked();
		if (!proves_without(study, operation, order[i], disabled))
			continue;
		study->encoding[operation] = order[i]->encoding;
		verdict = tplus_verdict_decided(order[i]->option, order[i]->option,
										psprintf("at %s, true brought no record, false only such as are not disabled",
												 tplus_study_operation(operation)));
		verdict.fields = list_make1(unconstify(char *, tplus_probe_flag(study->probe)));
		return verdict;
	}
	if (i == (int) lengthof(spellings))
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  psprintf("at %s, %s",
										   tplus_study_operation(operation),
										   objections.data));
	study->encoding[operation] = order[i]->encoding;
	verdict = tplus_verdict_decided(order[i]->option, order[i]->option,
									psprintf("at %s, true brought %d disabled records and no other, false none of them",
											 tplus_study_operation(operation),
											 disabled->rows));
	verdict.fields = list_make1(unconstify(char *, tplus_probe_flag(study->probe)));
	return verdict;
}

static void
decide_spelling(TplusStudy *study)
{
	TplusVerdict verdicts[TPLUS_NOPERATIONS] = {0};
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		if (study->relevant[i])
			verdicts[i] = judge_spelling(study, i);
	}
	tplus_study_settle(study, TPLUS_FACT_BOOL_FILTER, verdicts);
}

/*
 * Is the table to be read by page numbers only, from an operation that cannot
 * be asked for stopped records, nor shows any?  What comes unfiltered from it
 * is then not known to be all: what the other operation can be asked for would
 * be taken away.
 */
static bool
is_read_blindly(const TplusStudy *study)
{
	return study->reads[TPLUS_OPERATION_PAGE] &&
		!study->reads[TPLUS_OPERATION_QUERY] &&
		study->relevant[TPLUS_OPERATION_QUERY] &&
		study->disabled[TPLUS_OPERATION_PAGE].asked &&
		study->encoding[TPLUS_OPERATION_PAGE] == TPLUS_ENCODING_AUTO &&
		count_flag(&study->plain[TPLUS_OPERATION_PAGE], true) <= 0;
}

static bool
is_stopped(const TplusWitness *witness)
{
	return witness->key && witness->disabled_known && witness->disabled;
}

/* A stopped record, known from either operation, to ask this one for. */
static const TplusWitness *
stopped_witness(const TplusStudy *study, TplusOperation operation)
{
	int			i;
	int			k;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		for (k = 0; k < study->disabled[i].nwitnesses; k++)
		{
			const TplusWitness *witness = &study->disabled[i].witnesses[k];

			if (is_stopped(witness) &&
				tplus_study_pin(study, operation, witness) != NIL)
				return witness;
		}
	}
	return NULL;
}

static TplusVerdict
shown(TplusOperation operation)
{
	return tplus_verdict_decided("shown", NULL,
								 psprintf("disabled records come unasked from %s",
										  tplus_study_operation(operation)));
}

static TplusVerdict
hidden(const TplusStudy *study, TplusOperation operation)
{
	return tplus_verdict_decided("hidden", NULL,
								 psprintf("%s shows a disabled record only when \"%s\" is asked for",
										  tplus_study_operation(operation),
										  tplus_probe_flag(study->probe)));
}

/* All that the operation shows unasked; NULL if that is not known. */
static const TplusFinding *
all_shown(const TplusStudy *study, TplusOperation operation)
{
	const TplusFinding *page = &study->plain[TPLUS_OPERATION_PAGE];

	if (operation == TPLUS_OPERATION_QUERY)
		return study->zero_is_whole ? &study->zero : NULL;

	/* A count that a small page told as well counts more than its page. */
	return page->rows == page->nwitnesses && page->total == page->rows &&
		study->small.total == page->total &&
		study->small.rows < page->rows ? page : NULL;
}

/* A stopped record that is not among all that the operation shows unasked. */
static bool
is_left_out(const TplusStudy *study, TplusOperation operation)
{
	const TplusFinding *all = all_shown(study, operation);
	const TplusFinding *disabled = &study->disabled[operation];
	uint64		highest = 0;
	int			i;

	if (all == NULL)
		return false;
	for (i = 0; i < all->nwitnesses; i++)
		highest = Max(highest, all->witnesses[i].version);
	for (i = 0; i < disabled->nwitnesses; i++)
	{
		/* One that is younger may have been made, or stopped, since then. */
		if (is_stopped(&disabled->witnesses[i]) &&
			disabled->witnesses[i].version > 0 &&
			disabled->witnesses[i].version <= highest &&
			tplus_finding_find(all, disabled->witnesses[i].key) < 0)
			return true;
	}
	return false;
}

/* Asks for a stopped record, without the flag, and with it. */
static TplusVerdict
ask_for_stopped(TplusStudy *study, TplusOperation operation,
				const TplusWitness *witness)
{
	TplusFinding finding;
	TplusParam *flag;
	int			i;

	tplus_study_ask_pinned(study, operation, witness, NIL, &finding);
	if (!finding.asked)
		return tplus_verdict_unasked();
	i = tplus_finding_find(&finding, witness->key);
	if (i >= 0 && finding.witnesses[i].disabled_known &&
		finding.witnesses[i].disabled)
		return shown(operation);
	if (finding.refused || finding.rows > 0 ||
		study->encoding[operation] == TPLUS_ENCODING_AUTO)
		return tplus_verdict_open(tplus_finding_status(&finding),
								  "a disabled record was asked for, and it stayed open whether it is hidden");

	/* Is it still there, and stopped? */
	flag = tplus_encode_bool(tplus_probe_flag(study->probe), true,
							 study->encoding[operation]);
	tplus_study_ask_pinned(study, operation, witness, list_make1(flag), &finding);
	if (!finding.asked)
		return tplus_verdict_unasked();
	if (tplus_finding_find(&finding, witness->key) >= 0)
		return hidden(study, operation);
	return tplus_verdict_open(TPLUS_STATUS_OPEN,
							  "a disabled record was there no more when it was asked for again");
}

static TplusVerdict
judge_hidden(TplusStudy *study, TplusOperation operation)
{
	const TplusWitness *witness;

	if (count_flag(&study->plain[operation], true) > 0 ||
		(operation == TPLUS_OPERATION_QUERY &&
		 count_flag(&study->zero, true) > 0))
		return shown(operation);
	if (is_left_out(study, operation))
		return hidden(study, operation);
	witness = stopped_witness(study, operation);
	if (witness)
		return ask_for_stopped(study, operation, witness);
	if (study->disabled[operation].rows > 0)
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  "no disabled record could be asked for alone");
	if (!study->disabled[operation].asked)
		return tplus_verdict_unasked();
	return tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
							  "no disabled record was seen, it takes one");
}

/* One table, one option: what one operation hides is asked for. */
static void
decide_hidden(TplusStudy *study)
{
	const char *declared = study->spec->table->variants;
	bool		ours = strcmp(declared, "auto") == 0 ||
	strcmp(declared, "none") == 0;
	TplusVerdict verdicts[TPLUS_NOPERATIONS] = {0};
	bool		hides = false;
	bool		shows = true;
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		if (!study->relevant[i])
			continue;
		verdicts[i] = judge_hidden(study, i);
		if (!study->reads[i])
			continue;
		hides |= verdicts[i].value && strcmp(verdicts[i].value, "hidden") == 0;
		shows &= verdicts[i].value && strcmp(verdicts[i].value, "shown") == 0;
	}
	tplus_study_settle(study, TPLUS_FACT_HIDDEN, verdicts);
	if (ours && (hides || shows))
		tplus_study_set_last(study, TPLUS_FACT_HIDDEN, hides ? "auto" : "none");
}

void
tplus_calibrate_flag(TplusStudy *study)
{
	const char *flag = tplus_probe_flag(study->probe);

	if (flag == NULL || tplus_probe_is_fixed(study->probe, flag))
	{
		const char *why = flag ? "\"fixed_params\" set the flag" :
		"the catalog knows no flag of disabled records";

		tplus_study_leave(study, TPLUS_FACT_BOOL_FILTER,
						  TPLUS_STATUS_UNDECIDABLE, why);
		tplus_study_leave(study, TPLUS_FACT_HIDDEN, TPLUS_STATUS_UNDECIDABLE,
						  why);
		return;
	}
	decide_spelling(study);
	if (is_read_blindly(study))
		tplus_calibrate_leave_paging(study);
	decide_hidden(study);
}
