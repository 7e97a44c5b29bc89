/*-------------------------------------------------------------------------
 *
 * calibrate_text.c
 *		Calibration: what a text filter takes for the same, and for a pattern.
 *
 * A record is asked for by its code in the other case, and by a pattern that
 * fits its code and not those of others.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_text.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/calibrate_filter.h"
#include "tplus/calibrate_text.h"

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

/*
 * Asks for the witness by a text; a text that does not bring it decides only
 * if the witness is still there.
 */
static TplusVerdict
ask_text(TplusStudy *study, TplusOperation operation,
		 const TplusWitness *witness, const char *text, const char *brought,
		 const char *not_brought)
{
	TplusFinding finding;

	tplus_calibrate_code(study, operation, text, &finding);
	if (!finding.asked)
		return tplus_verdict_unasked();
	if (tplus_finding_find(&finding, witness->key) >= 0 &&
		finding.rows < study->plain[operation].rows)
		return tplus_verdict_decided(brought, NULL,
									 psprintf("\"%s\" brought \"%s\"", text,
											  witness->code));
	if (finding.refused)
		return tplus_verdict_open(TPLUS_STATUS_REFUSED,
								  psprintf("\"%s\" was refused", text));
	if (finding.rows > 0)
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  psprintf("\"%s\" brought %d records, and not just \"%s\"",
										   text, finding.rows, witness->code));
	if (!tplus_study_is_there(study, operation, witness))
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  psprintf("\"%s\" brought nothing, but \"%s\" did not come again either",
										   text, witness->code));
	return tplus_verdict_decided(not_brought, NULL,
								 psprintf("\"%s\" did not bring \"%s\"", text,
										  witness->code));
}

static TplusVerdict
judge_case(TplusStudy *study, TplusOperation operation,
		   const TplusWitness *witness)
{
	char	   *swapped = swap_case(witness->code);

	if (swapped == NULL)
		return tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
								  "no code in the sample has a letter");
	return ask_text(study, operation, witness, swapped, "ignored", "told");
}

/*
 * All of the code but its first letter: numbers that count up share what
 * stands in their middle.
 */
static TplusVerdict
judge_like(TplusStudy *study, TplusOperation operation,
		   const TplusWitness *witness)
{
	return ask_text(study, operation, witness,
					psprintf("%%%s%%", witness->code + 1), "like", "literal");
}

typedef TplusVerdict (*Judge) (TplusStudy *study, TplusOperation operation,
							   const TplusWitness *witness);

static void
decide(TplusStudy *study, TplusFactKind kind, Judge judge)
{
	TplusVerdict verdicts[TPLUS_NOPERATIONS] = {0};
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		if (!study->relevant[i])
			continue;
		verdicts[i] = study->pin[i] == TPLUS_PIN_CODE ?
			judge(study, i, tplus_study_coded(study, i)) :
			tplus_verdict_undecidable(study,
									  "no text filter is known to work, see \"text filter\"");
	}
	tplus_study_settle(study, kind, verdicts);
}

void
tplus_calibrate_text(TplusStudy *study)
{
	decide(study, TPLUS_FACT_CASE, judge_case);
	decide(study, TPLUS_FACT_LIKE, judge_like);
}
