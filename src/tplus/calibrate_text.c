/*-------------------------------------------------------------------------
 *
 * calibrate_text.c
 *		Calibration: does a text filter work, what does it take for the same,
 *		and what for a pattern?
 *
 * A record is asked for by its code, or where that does not work, by its name:
 * as it is, in the other case, and by a pattern that fits it and not others.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_text.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "tplus/calibrate_text.h"
#include "tplus/calibrate_values.h"

/* In the order of trying. */
static const TplusPin texts[] = {TPLUS_PIN_CODE, TPLUS_PIN_NAME};

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

/* Have all records of the answer this text, and some of the sample another? */
static bool
is_apart(const TplusFinding *answer, const TplusFinding *sample, TplusPin pin,
		 const char *text)
{
	bool		other = false;
	int			i;

	for (i = 0; i < answer->nwitnesses; i++)
	{
		const char *brought = tplus_study_text(&answer->witnesses[i], pin);

		if (brought == NULL || strcmp(brought, text) != 0)
			return false;
	}
	for (i = 0; i < sample->nwitnesses && !other; i++)
	{
		const char *known = tplus_study_text(&sample->witnesses[i], pin);

		other = known && pg_strcasecmp(known, text) != 0;
	}
	return other && answer->rows == answer->nwitnesses;
}

/* Does a text that no record has bring nothing? */
static bool
never_comes(TplusStudy *study, TplusOperation operation, TplusPin pin)
{
	TplusFinding finding;

	tplus_study_ask_text(study, operation, pin, TPLUS_NO_TEXT, &finding);
	return finding.asked && !finding.refused && finding.rows == 0;
}

static TplusVerdict
object(TplusOperation operation, const char *param, const char *text,
	   const TplusFinding *finding, bool found)
{
	return tplus_verdict_open(tplus_finding_status(finding),
							  psprintf("at %s, \"%s\" as \"%s\" %s",
									   tplus_study_operation(operation),
									   text, param,
									   finding->refused ? "was refused" :
									   psprintf("brought %d records, its own %s",
												finding->rows,
												found ? "among them" : "not")));
}

/*
 * Does the text of a record bring it, and not those that have another?  If it
 * came alone, that is also a way to ask for one record.
 */
static TplusVerdict
try_text(TplusStudy *study, TplusOperation operation, TplusPin pin)
{
	const char *param = tplus_study_text_param(study, pin);
	const TplusWitness *witness = param ?
	tplus_study_texted(study, operation, pin) : NULL;
	TplusFinding finding;
	const char *shown;
	bool		found;

	if (witness == NULL)
		return tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
								  "there is no record to ask for by its code or name");
	tplus_study_ask_text(study, operation, pin, tplus_study_text(witness, pin),
						 &finding);
	if (!finding.asked)
		return tplus_verdict_unasked();
	shown = tplus_study_shown(tplus_study_text(witness, pin));
	found = tplus_finding_find(&finding, witness->key) >= 0;
	if (!found || (!is_apart(&finding, &study->plain[operation], pin,
							 tplus_study_text(witness, pin)) &&
				   !never_comes(study, operation, pin)))
		return object(operation, param, shown, &finding, found);
	study->text[operation] = pin;
	if (finding.rows == 1)
		study->pin[operation] = pin;
	if (finding.rows == 1 && operation == TPLUS_OPERATION_PAGE)
	{
		study->single = finding;
		study->single_key = witness->key;
	}
	return tplus_verdict_decided("equal", NULL,
								 psprintf("\"%s\" as \"%s\" brought its record%s",
										  shown, param, finding.rows == 1 ?
										  " alone" : ", and not those of other texts"));
}

static TplusVerdict
judge_equality(TplusStudy *study, TplusOperation operation)
{
	TplusVerdict verdict = {0};
	int			i;

	if (!study->plain[operation].asked)
		return tplus_verdict_unasked();
	for (i = 0; i < (int) lengthof(texts); i++)
	{
		TplusVerdict next;

		if (study->pin[operation] != TPLUS_PIN_NONE)
			break;
		next = try_text(study, operation, texts[i]);
		if (i == 0 || (verdict.value == NULL && next.value) ||
			(verdict.value == NULL && verdict.status == TPLUS_STATUS_UNDECIDABLE))
			verdict = next;
		else if (verdict.value == NULL &&
				 next.status != TPLUS_STATUS_UNDECIDABLE)
			verdict.evidence = psprintf("%s; %s", verdict.evidence,
										next.evidence);
	}
	return verdict;
}

/* Does an id that no record has bring nothing, asked for as the pin says? */
static bool
id_never_comes(TplusStudy *study, TplusOperation operation)
{
	TplusWitness none = {0};
	TplusFinding finding;

	none.id = TPLUS_NO_ID;
	tplus_study_ask_pinned(study, operation, &none, NIL, &finding);
	return finding.asked && !finding.refused && finding.rows == 0;
}

/* Does the key, in some spelling, bring its record alone? */
static void
find_other_pin(TplusStudy *study, TplusOperation operation)
{
	static const TplusPin pins[] = {TPLUS_PIN_KEY, TPLUS_PIN_NUMBER};
	const TplusFinding *sample = &study->plain[operation];
	const TplusWitness *witness = NULL;
	TplusFinding finding;
	int			i;

	if (!tplus_calibrate_has_id(study))
		return;
	for (i = 0; i < sample->nwitnesses && witness == NULL; i++)
	{
		const char *key = sample->witnesses[i].id;

		if (key && *key != '0' && strspn(key, "0123456789") == strlen(key))
			witness = &sample->witnesses[i];
	}
	if (witness == NULL)
		return;
	for (i = 0; i < (int) lengthof(pins); i++)
	{
		study->pin[operation] = pins[i];
		tplus_study_ask_pinned(study, operation, witness, NIL, &finding);
		if (finding.rows == 1 &&
			tplus_finding_find(&finding, witness->key) == 0 &&
			(sample->rows > 1 || id_never_comes(study, operation)))
			return;
	}
	study->pin[operation] = TPLUS_PIN_NONE;
}

void
tplus_calibrate_equality(TplusStudy *study)
{
	TplusVerdict verdicts[TPLUS_NOPERATIONS] = {0};
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		if (!study->relevant[i])
			continue;
		verdicts[i] = judge_equality(study, i);
		if (study->pin[i] == TPLUS_PIN_NONE)
			find_other_pin(study, i);
	}
	tplus_study_settle(study, TPLUS_FACT_EQUALITY, verdicts);
}

/* Is the record, asked for by its text, still what it was? */
static bool
is_there(TplusStudy *study, TplusOperation operation, TplusPin pin,
		 const TplusWitness *witness)
{
	TplusFinding finding;
	int			i;

	tplus_study_ask_text(study, operation, pin, tplus_study_text(witness, pin),
						 &finding);
	i = tplus_finding_find(&finding, witness->key);
	return i >= 0 && finding.witnesses[i].version == witness->version;
}

/*
 * Asks for the witness by a text; a text that does not bring it decides only
 * if the witness is still there.
 */
static TplusVerdict
ask_text(TplusStudy *study, TplusOperation operation, TplusPin pin,
		 const TplusWitness *witness, const char *text, const char *brought,
		 const char *not_brought)
{
	const char *own = tplus_study_shown(tplus_study_text(witness, pin));
	const char *shown = tplus_study_shown(text);
	TplusFinding finding;

	tplus_study_ask_text(study, operation, pin, text, &finding);
	if (!finding.asked)
		return tplus_verdict_unasked();
	if (tplus_finding_find(&finding, witness->key) >= 0 &&
		(finding.rows < study->plain[operation].rows || finding.rows == 1))
		return tplus_verdict_decided(brought, NULL,
									 psprintf("\"%s\" brought \"%s\"", shown,
											  own));
	if (finding.refused)
		return tplus_verdict_open(TPLUS_STATUS_REFUSED,
								  psprintf("\"%s\" was refused", shown));
	if (finding.rows > 0)
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  psprintf("\"%s\" brought %d records, and not just \"%s\"",
										   shown, finding.rows, own));
	if (!is_there(study, operation, pin, witness))
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  psprintf("\"%s\" brought nothing, but \"%s\" did not come again either",
										   shown, own));
	return tplus_verdict_decided(not_brought, NULL,
								 psprintf("\"%s\" did not bring \"%s\"", shown,
										  own));
}

static TplusVerdict
judge_case(TplusStudy *study, TplusOperation operation, TplusPin pin,
		   const TplusWitness *witness)
{
	char	   *swapped = swap_case(tplus_study_text(witness, pin));

	if (swapped == NULL)
		return tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
								  "no code or name in the sample has a letter");
	return ask_text(study, operation, pin, witness, swapped, "ignored", "told");
}

/*
 * All of the text but its first letter: numbers that count up share what
 * stands in their middle.
 */
static TplusVerdict
judge_like(TplusStudy *study, TplusOperation operation, TplusPin pin,
		   const TplusWitness *witness)
{
	const char *text = tplus_study_text(witness, pin);

	text += Min(pg_utf_mblen((const unsigned char *) text), (int) strlen(text));
	return ask_text(study, operation, pin, witness, psprintf("%%%s%%", text),
					"like", "literal");
}

typedef TplusVerdict (*Judge) (TplusStudy *study, TplusOperation operation,
							   TplusPin pin, const TplusWitness *witness);

/* By the text that is known to work, and where that leaves it open, another. */
static TplusVerdict
judge_text(TplusStudy *study, TplusOperation operation, Judge judge)
{
	TplusVerdict verdict = {0};
	int			i;

	if (study->text[operation] == TPLUS_PIN_NONE)
		return tplus_verdict_undecidable(study,
										 "no text filter is known to work, see \"text filter\"");
	for (i = 0; i < (int) lengthof(texts); i++)
	{
		const TplusWitness *witness;

		if (texts[i] < study->text[operation] ||
			tplus_study_text_param(study, texts[i]) == NULL ||
			(witness = tplus_study_texted(study, operation, texts[i])) == NULL)
			continue;
		verdict = judge(study, operation, texts[i], witness);
		if (verdict.value)
			break;
	}
	return verdict;
}

/* The collation is that of the database: what one operation shows is so. */
static void
decide(TplusStudy *study, TplusFactKind kind, Judge judge)
{
	TplusVerdict verdicts[TPLUS_NOPERATIONS] = {0};
	int			i;
	int			k;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		if (!study->relevant[i])
			continue;
		verdicts[i] = judge_text(study, i, judge);
		for (k = 0; verdicts[i].value && k < TPLUS_NOPERATIONS; k++)
			verdicts[k] = verdicts[i];
		if (verdicts[i].value)
			break;
	}
	tplus_study_settle(study, kind, verdicts);
}

void
tplus_calibrate_text(TplusStudy *study)
{
	decide(study, TPLUS_FACT_CASE, judge_case);
	decide(study, TPLUS_FACT_LIKE, judge_like);
}
