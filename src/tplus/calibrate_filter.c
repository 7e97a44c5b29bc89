/*-------------------------------------------------------------------------
 *
 * calibrate_filter.c
 *		Calibration: the flag of stopped records, and filters on text.
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
	{TPLUS_ENCODING_TEXT, "text"},
	{TPLUS_ENCODING_01, "01"},
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

static void
decide_spelling(TplusStudy *study)
{
	TplusOperation first = tplus_study_first(study);
	StringInfoData objections;
	TplusFinding other;
	TplusFact  *fact;
	int			i;

	initStringInfo(&objections);
	for (i = 0; i < (int) lengthof(spellings); i++)
	{
		if (proves(study, first, &spellings[i], &study->disabled, &objections))
			break;
	}
	if (i == (int) lengthof(spellings))
	{
		tplus_study_leave(study, TPLUS_FACT_BOOL_FILTER,
						  psprintf("at %s, %s", tplus_study_operation(first),
								   objections.data));
		return;
	}
	if (study->relevant[TPLUS_OPERATION_QUERY] &&
		study->relevant[TPLUS_OPERATION_PAGE])
	{
		resetStringInfo(&objections);
		if (!proves(study, TPLUS_OPERATION_PAGE, &spellings[i], &other,
					&objections))
		{
			tplus_study_leave(study, TPLUS_FACT_BOOL_FILTER,
							  psprintf("Query understands %s, but at QueryPage, %s",
									   spellings[i].option, objections.data));
			return;
		}
	}
	study->encoding = spellings[i].encoding;
	fact = tplus_study_decide(study, TPLUS_FACT_BOOL_FILTER,
							  spellings[i].option,
							  psprintf("true brought %d disabled records and no other, false none of them",
									   study->disabled.rows));
	fact->setting = fact->value;
	fact->fields = list_make1(unconstify(char *,
										 tplus_probe_flag(study->probe)));
}

typedef enum Visibility
{
	VISIBILITY_OPEN,
	VISIBILITY_SHOWN,
	VISIBILITY_HIDDEN
} Visibility;

/* A stopped record that can be asked for. */
static const TplusWitness *
stopped_witness(const TplusStudy *study)
{
	int			i;

	for (i = 0; i < study->disabled.nwitnesses; i++)
	{
		if (study->disabled.witnesses[i].key &&
			study->disabled.witnesses[i].code &&
			tplus_study_is_plain(study,
								 study->disabled.witnesses[i].code))
			return &study->disabled.witnesses[i];
	}
	return NULL;
}

static Visibility
look_for_stopped(TplusStudy *study, TplusOperation operation)
{
	const TplusWitness *witness;
	TplusQuestion question;
	TplusFinding finding;

	if (count_flag(&study->plain[operation], true) > 0 ||
		(operation == TPLUS_OPERATION_QUERY &&
		 count_flag(&study->zero, true) > 0))
		return VISIBILITY_SHOWN;
	if (study->encoding == TPLUS_ENCODING_AUTO ||
		(witness = stopped_witness(study)) == NULL)
		return VISIBILITY_OPEN;
	if (operation == TPLUS_OPERATION_QUERY && study->zero_is_whole)
		return VISIBILITY_HIDDEN;
	if (!study->code_works)
		return VISIBILITY_OPEN;
	tplus_study_question(study, operation, study->plain[operation].size,
						 &question);
	question.code = witness->code;
	tplus_probe_ask(study->probe, &question, &finding);
	if (!finding.asked || finding.refused)
		return VISIBILITY_OPEN;
	if (tplus_finding_find(&finding, witness->key) >= 0)
		return VISIBILITY_SHOWN;
	return finding.rows == 0 ? VISIBILITY_HIDDEN : VISIBILITY_OPEN;
}

static void
decide_hidden(TplusStudy *study)
{
	const char *declared = study->spec->table->variants;
	bool		ours = strcmp(declared, "auto") == 0 ||
	strcmp(declared, "none") == 0;
	bool		shown = true;
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		TplusFact  *fact;

		if (!study->relevant[i])
			continue;
		switch (look_for_stopped(study, i))
		{
			case VISIBILITY_HIDDEN:
				fact = tplus_study_decide(study, TPLUS_FACT_HIDDEN, "hidden",
										  psprintf("%s shows a disabled record only when \"%s\" is asked for",
												   tplus_study_operation(i),
												   tplus_probe_flag(study->probe)));
				fact->setting = ours ? "auto" : NULL;
				return;
			case VISIBILITY_OPEN:
				shown = false;
				break;
			case VISIBILITY_SHOWN:
				break;
		}
	}
	if (shown)
	{
		TplusFact  *fact = tplus_study_decide(study, TPLUS_FACT_HIDDEN,
											  "shown",
											  "disabled records come unasked");

		fact->setting = ours ? "none" : NULL;
	}
	else
		tplus_study_leave(study, TPLUS_FACT_HIDDEN,
						  study->disabled.rows == 0 ?
						  "no disabled record was seen" :
						  "no disabled record could be asked for alone");
}

void
tplus_calibrate_flag(TplusStudy *study)
{
	const char *flag = tplus_probe_flag(study->probe);

	if (flag == NULL || tplus_probe_is_fixed(study->probe, flag))
	{
		const char *why = flag ? "\"fixed_params\" set the flag" :
		"the catalog knows no flag of disabled records";

		tplus_study_leave(study, TPLUS_FACT_BOOL_FILTER, why);
		tplus_study_leave(study, TPLUS_FACT_HIDDEN, why);
		return;
	}
	decide_spelling(study);
	decide_hidden(study);
}

/* Asks for a code; *found: the record came, alone. */
static void
ask_code(TplusStudy *study, const TplusWitness *witness, const char *code,
		 TplusFinding *finding, bool *found)
{
	TplusOperation operation = tplus_study_first(study);
	TplusQuestion question;

	tplus_study_question(study, operation, study->plain[operation].size,
						 &question);
	question.code = code;
	tplus_probe_ask(study->probe, &question, finding);
	*found = tplus_finding_find(finding, witness->key) >= 0;
}

/* With capitals and small letters exchanged; NULL if there are none. */
static char *
swap_case(const char *text)
{
	char	   *result = pstrdup(text);
	char	   *p;

	for (p = result; *p; p++)
	{
		unsigned char c = *p;

		*p = pg_ascii_tolower(c) != c ? pg_ascii_tolower(c) :
			pg_ascii_toupper(c);
	}
	return strcmp(result, text) == 0 ? NULL : result;
}

static void
decide_case(TplusStudy *study, const TplusWitness *witness)
{
	char	   *swapped = swap_case(witness->code);
	TplusFinding finding;
	bool		found;

	if (swapped == NULL)
	{
		tplus_study_leave(study, TPLUS_FACT_CASE,
						  "no code in the sample has a letter");
		return;
	}
	ask_code(study, witness, swapped, &finding, &found);
	if (!finding.asked || finding.refused || (!found && finding.rows > 0))
		tplus_study_leave(study, TPLUS_FACT_CASE,
						  "the question was not answered");
	else
		(void) tplus_study_decide(study, TPLUS_FACT_CASE,
								  found ? "ignored" : "told",
								  psprintf("\"%s\" %s \"%s\"", swapped,
										   found ? "brought" : "did not bring",
										   witness->code));
}

static void
decide_like(TplusStudy *study, const TplusWitness *witness)
{
	char	   *part = pstrdup(witness->code + 1);
	char	   *pattern;
	TplusFinding finding;
	bool		found;

	part[strlen(part) - 1] = '\0';
	pattern = psprintf("%%%s%%", part);
	ask_code(study, witness, pattern, &finding, &found);
	if (!finding.asked || finding.refused || (!found && finding.rows > 0))
		tplus_study_leave(study, TPLUS_FACT_LIKE,
						  "the question was not answered");
	else
		(void) tplus_study_decide(study, TPLUS_FACT_LIKE,
								  found ? "like" : "literal",
								  psprintf("\"%s\" %s \"%s\"", pattern,
										   found ? "brought" : "did not bring",
										   witness->code));
}

void
tplus_calibrate_equality(TplusStudy *study)
{
	const TplusFinding *sample = &study->plain[tplus_study_first(study)];
	const TplusWitness *witness = tplus_study_coded(study);
	const char *code = tplus_probe_code(study->probe);
	TplusFinding finding;
	bool		found;

	if (code == NULL || tplus_probe_is_fixed(study->probe, code) ||
		witness == NULL || sample->rows < 2)
	{
		tplus_study_leave(study, TPLUS_FACT_EQUALITY,
						  "there are no two records, one to ask for by its code");
		return;
	}
	ask_code(study, witness, witness->code, &finding, &found);
	if (!found || finding.rows != 1)
	{
		tplus_study_leave(study, TPLUS_FACT_EQUALITY,
						  psprintf("\"%s\" as \"%s\" brought %d records, its own %s",
								   witness->code, code, finding.rows,
								   found ? "among them" : "not"));
		return;
	}
	study->code_works = true;
	(void) tplus_study_decide(study, TPLUS_FACT_EQUALITY, "equal",
							  psprintf("\"%s\" as \"%s\" brought its record alone",
									   witness->code, code));
}

void
tplus_calibrate_text(TplusStudy *study)
{
	const TplusWitness *witness = tplus_study_coded(study);

	if (!study->code_works)
	{
		tplus_study_leave(study, TPLUS_FACT_CASE, "see \"text filter\"");
		tplus_study_leave(study, TPLUS_FACT_LIKE, "see \"text filter\"");
		return;
	}
	decide_case(study, witness);
	decide_like(study, witness);
}
