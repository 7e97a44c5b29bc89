/*-------------------------------------------------------------------------
 *
 * calibrate_values.c
 *		Calibration: does a record come when it is asked for by its values?
 *
 * A parameter that the server overlooks costs time only, because every clause
 * is checked again here.  One that it reads in another way than the protocol
 * has it may bring nothing, and then records are missing without a sign.  So
 * one record is asked for by all its values together, and where it does not
 * come, by each of them: a column whose value does not bring its own record
 * is not asked for by value.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_values.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "tplus/calibrate_values.h"
#include "tplus/filter.h"
#include "tplus/secrets.h"

/* Records to choose from. */
#define MAX_CHOICE	100

/* What came of a question for one record by its values. */
typedef enum Outcome
{
	OUTCOME_FOUND,
	OUTCOME_LOST,
	OUTCOME_OPEN,
	OUTCOME_UNASKED
} Outcome;

/* A value of the record, as a clause of a query would ask for it. */
typedef struct Value
{
	TplusFilter filter;
	const char *text;
	List	   *params;			/* of TplusParam: one */
} Value;

/* What one operation says of the values of a record. */
typedef struct Trial
{
	TplusOperation operation;
	const TplusWitness *witness;
	List	   *values;			/* of Value */
	const Value *anchor;		/* what brings the record alone, or NULL */
	List	   *lost;
	List	   *open;
	bool		unasked;
	bool		respelled;
	TplusVerdict id;
} Trial;

/* The parameter for a value; NIL if no query would send it. */
static List *
encode_value(const TplusStudy *study, const TplusFilter *filter,
			 const char *text)
{
	TplusCondition *cond = palloc0(sizeof(TplusCondition));
	TplusFiltering filtering;
	char	   *end;

	cond->filter = *filter;
	cond->compare = TPLUS_COMPARE_EQ;
	cond->values = palloc(sizeof(Datum));
	cond->nvalues = 1;
	if (filter->kind == TPLUS_FILTER_KIND_ID)
	{
		errno = 0;
		cond->values[0] = Int64GetDatum(strtoi64(text, &end, 10));
		if (errno != 0 || end == text || *end != '\0')
			return NIL;
		cond->column_type = cond->value_type = INT8OID;
	}
	else
	{
		cond->values[0] = CStringGetTextDatum(text);
		cond->column_type = cond->value_type = TEXTOID;
	}
	if (tplus_filter_refuses(&cond->filter, study->spec->table, cond->compare,
							 cond->column_type, cond->value_type))
		return NIL;
	tplus_filter_apply(list_make1(cond), study->spec->table, NULL, &filtering);
	if (cond->local || filtering.impossible || filtering.sets == NIL)
		return NIL;
	return ((TplusParamSet *) linitial(filtering.sets))->params;
}

/* The values (a List of Value) that this record can be asked for by. */
static List *
record_values(const TplusStudy *study, const TplusWitness *witness)
{
	List	   *result = NIL;
	ListCell   *lc;
	int			i = 0;

	foreach(lc, study->spec->filters)
	{
		const TplusFilter *filter = lfirst(lc);
		const char *text = witness->values[i++];
		Value	   *value;
		List	   *params;

		if (text == NULL || tplus_probe_is_fixed(study->probe, filter->param) ||
			tplus_secrets_found(study->spec->account, text))
			continue;
		params = encode_value(study, filter, text);
		if (params == NIL)
			continue;
		value = palloc(sizeof(Value));
		value->filter = *filter;
		value->text = text;
		value->params = params;
		result = lappend(result, value);
	}
	return result;
}

/*
 * A visible record that tells most, and that the operation itself has shown if
 * there is such; *values are its own.
 */
static const TplusWitness *
choose(const TplusStudy *study, TplusOperation operation, List **values)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_QUERY];
	const TplusWitness *best = NULL;
	int			most = 0;
	int			i;

	*values = NIL;
	for (i = 0; i < Min(sample->nwitnesses, MAX_CHOICE); i++)
	{
		const TplusWitness *witness = &sample->witnesses[i];
		List	   *own;
		int			weight;

		if (witness->key == NULL || witness->values == NULL ||
			(witness->disabled_known && witness->disabled))
			continue;
		own = record_values(study, witness);
		weight = 2 * list_length(own);
		if (weight > 0 &&
			tplus_finding_find(&study->plain[operation], witness->key) >= 0)
			weight++;
		if (weight > most)
		{
			most = weight;
			best = witness;
			*values = own;
		}
	}
	return best;
}

/*
 * An answer that has records, but not this one, may have been cut off before
 * it.
 */
static Outcome
ask(TplusStudy *study, TplusOperation operation, const TplusWitness *witness,
	List *params)
{
	TplusQuestion question;
	TplusFinding finding;

	tplus_study_question(study, operation, study->plain[operation].size,
						 &question);
	question.params = params;
	tplus_probe_ask_surely(study->probe, &question, &finding);
	if (!finding.asked)
		return OUTCOME_UNASKED;
	if (tplus_finding_find(&finding, witness->key) >= 0)
		return OUTCOME_FOUND;
	return finding.refused || finding.rows == 0 ? OUTCOME_LOST : OUTCOME_OPEN;
}

/* Is the record still what it was when its values were taken? */
static bool
is_unchanged(TplusStudy *study, const TplusWitness *witness)
{
	TplusQuestion question;
	TplusFinding finding;
	int			i;

	tplus_study_question(study, TPLUS_OPERATION_QUERY,
						 study->plain[TPLUS_OPERATION_QUERY].size, &question);
	question.all_fields = true;
	tplus_probe_ask(study->probe, &question, &finding);
	i = tplus_finding_find(&finding, witness->key);
	if (i < 0)
	{
		/* It may be among the rest; alone it comes. */
		question.params = tplus_study_pin(study, TPLUS_OPERATION_QUERY, witness);
		if (question.params == NIL)
			return false;
		tplus_probe_ask(study->probe, &question, &finding);
		i = tplus_finding_find(&finding, witness->key);
	}
	if (i < 0 || finding.witnesses[i].version != witness->version)
		return false;
	for (int k = 0; k < list_length(study->spec->filters); k++)
	{
		const char *now = finding.witnesses[i].values ?
		finding.witnesses[i].values[k] : NULL;

		if ((now == NULL) != (witness->values[k] == NULL) ||
			(now && strcmp(now, witness->values[k]) != 0))
			return false;
	}
	return true;
}

bool
tplus_calibrate_has_id(const TplusStudy *study)
{
	ListCell   *lc;

	foreach(lc, study->spec->filters)
	{
		const TplusFilter *filter = lfirst(lc);

		if (filter->kind == TPLUS_FILTER_KIND_ID &&
			strcmp(filter->field, study->spec->key) == 0 &&
			!tplus_probe_is_fixed(study->probe, filter->param))
			return true;
	}
	return false;
}

/* The names of the fields, quoted, for evidence. */
static char *
field_names(List *values)
{
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, values)
		appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
						 ((const Value *) lfirst(lc))->filter.field);
	return names.data;
}

static List *
all_params(List *values)
{
	List	   *params = NIL;
	ListCell   *lc;

	foreach(lc, values)
		params = list_concat(params, ((const Value *) lfirst(lc))->params);
	return params;
}

static Value *
find_id(List *values)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		Value	   *value = lfirst(lc);

		if (value->filter.kind == TPLUS_FILTER_KIND_ID)
			return value;
	}
	return NULL;
}

static const char *
spelling(const Value *value, TplusOperation operation)
{
	return value->filter.encoding[operation] == TPLUS_ENCODING_JSON ?
		"json" : "text";
}

/* The fields of the values, for a fact. */
static List *
fields_of(List *values)
{
	List	   *fields = NIL;
	ListCell   *lc;

	foreach(lc, values)
		fields = lappend(fields, unconstify(char *, ((const Value *) lfirst(lc))->filter.field));
	return fields;
}

/* The id as the table's options spell it for this operation, or otherwise. */
static Value *
spell(const TplusStudy *study, const Value *id, TplusEncoding encoding)
{
	Value	   *other = palloc(sizeof(Value));
	int			i;

	*other = *id;
	for (i = 0; i < TPLUS_NOPERATIONS; i++)
		other->filter.encoding[i] = encoding;
	other->params = encode_value(study, &other->filter, id->text);
	return other;
}

static void
decide_id(Trial *trial, const Value *id, const char *setting,
		  const char *evidence)
{
	trial->anchor = id;
	trial->id = tplus_verdict_decided(spelling(id, trial->operation), setting,
									  psprintf("\"%s\" brought its record so%s",
											   id->filter.field, evidence));
	if (setting)
		trial->id.fields = fields_of(list_make1(unconstify(Value *, id)));
}

/* The id, alone: as it would be sent, and in the other spelling. */
static Outcome
try_id(TplusStudy *study, Trial *trial, Value *id)
{
	Outcome		outcome = ask(study, trial->operation, trial->witness,
							  id->params);
	Value	   *other;

	if (outcome == OUTCOME_FOUND)
	{
		decide_id(trial, id, NULL, "");
		return outcome;
	}
	if (outcome == OUTCOME_UNASKED)
	{
		trial->id = tplus_verdict_unasked();
		return outcome;
	}
	other = spell(study, id, strcmp(spelling(id, trial->operation), "json") == 0 ?
				  TPLUS_ENCODING_TEXT : TPLUS_ENCODING_JSON);
	if (outcome == OUTCOME_LOST &&
		ask(study, trial->operation, trial->witness,
			other->params) == OUTCOME_FOUND)
	{
		decide_id(trial, other, spelling(other, trial->operation),
				  psprintf(", and not as %s",
						   spelling(id, trial->operation)));
		trial->respelled = true;
		return OUTCOME_FOUND;
	}
	trial->id = tplus_verdict_open(TPLUS_STATUS_OPEN,
								   psprintf("at %s, \"%s\" brought its record in no spelling",
											tplus_study_operation(trial->operation),
											id->filter.field));
	return outcome;
}

static void
note_outcome(Trial *trial, Value *value, Outcome outcome)
{
	if (outcome == OUTCOME_LOST)
		trial->lost = lappend(trial->lost, value);
	else if (outcome != OUTCOME_FOUND)
		trial->open = lappend(trial->open, value);
	trial->unasked |= outcome == OUTCOME_UNASKED;
}

/* The text that is known to bring a record alone. */
static Value *
find_text(const TplusStudy *study, const Trial *trial)
{
	TplusPin	pin = study->pin[trial->operation];
	ListCell   *lc;

	if (pin != TPLUS_PIN_CODE && pin != TPLUS_PIN_NAME)
		return NULL;
	foreach(lc, trial->values)
	{
		Value	   *value = lfirst(lc);

		if (strcmp(value->filter.param, tplus_study_text_param(study, pin)) == 0)
			return value;
	}
	return NULL;
}

/* One by one, each beside a value that brings the record alone. */
static void
try_each(TplusStudy *study, Trial *trial)
{
	Value	   *id = find_id(trial->values);
	Value	   *code = find_text(study, trial);
	ListCell   *lc;

	if (id)
		note_outcome(trial, id, try_id(study, trial, id));
	if (code)
		trial->anchor = code;
	foreach(lc, trial->values)
	{
		Value	   *value = lfirst(lc);

		if (value == code || value == id)
			continue;
		note_outcome(trial, value,
					 ask(study, trial->operation, trial->witness, trial->anchor ?
						 list_concat_copy(trial->anchor->params, value->params) :
						 value->params));
	}
}

/* What the questions for one value after the other say. */
static TplusVerdict
conclude(TplusStudy *study, Trial *trial)
{
	const char *at = tplus_study_operation(trial->operation);
	TplusVerdict verdict;

	if (trial->lost != NIL && trial->operation == TPLUS_OPERATION_PAGE &&
		study->base_open)
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  "it is open which number the first page has");
	if (trial->lost != NIL && !is_unchanged(study, trial->witness))
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  "the record that was asked for has changed meanwhile");
	if (trial->lost != NIL)
	{
		verdict = tplus_verdict_decided("lost", "none",
										psprintf("at %s, a record was not brought by its own %s%s%s",
												 at, field_names(trial->lost),
												 trial->open == NIL ? "" : "; open for ",
												 field_names(trial->open)));
		verdict.fields = fields_of(trial->lost);
		return verdict;
	}
	if (trial->unasked)
		return tplus_verdict_open(TPLUS_STATUS_UNASKED,
								  psprintf("whether %s brings its record was not asked, no request was left",
										   field_names(trial->open)));
	if (trial->open != NIL)
		return tplus_verdict_open(TPLUS_STATUS_OPEN,
								  psprintf("at %s, %s brought other records, and whether its own is among the rest cannot be seen",
										   at, field_names(trial->open)));
	if (trial->respelled)
		return tplus_verdict_decided("found", NULL,
									 psprintf("at %s, a record was brought by each of its %s",
											  at, field_names(trial->values)));
	return tplus_verdict_open(TPLUS_STATUS_OPEN,
							  psprintf("at %s, a record was not brought by %s together, but by each of them",
									   at, field_names(trial->values)));
}

static TplusVerdict
try_values(TplusStudy *study, TplusOperation operation, TplusVerdict *id_verdict)
{
	Trial		trial = {0};
	Value	   *id;
	List	   *params;
	Outcome		outcome;

	*id_verdict = tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
									 "no column has the id");
	trial.operation = operation;
	trial.witness = choose(study, operation, &trial.values);
	if (trial.witness == NULL ||
		(trial.witness->id && study->plain[operation].nwitnesses > 0 &&
		 study->plain[operation].witnesses[0].id == NULL))
	{
		*id_verdict = tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
										 "see \"filters\"");
		return tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
								  "there is no record with values to ask for");
	}
	trial.id = *id_verdict;
	params = all_params(trial.values);
	outcome = ask(study, operation, trial.witness, params);
	id = find_id(trial.values);
	if (outcome == OUTCOME_UNASKED)
	{
		*id_verdict = tplus_verdict_unasked();
		return *id_verdict;
	}
	if (outcome == OUTCOME_FOUND)
	{
		if (id)
			*id_verdict = tplus_verdict_decided(spelling(id, operation), NULL,
												"see \"filters\"");
		return tplus_verdict_decided("found", NULL,
									 psprintf("at %s, a record was brought by its %s together",
											  tplus_study_operation(operation),
											  field_names(trial.values)));
	}
	try_each(study, &trial);
	*id_verdict = trial.id;
	return conclude(study, &trial);
}

void
tplus_calibrate_values(TplusStudy *study)
{
	TplusVerdict values[TPLUS_NOPERATIONS] = {0};
	TplusVerdict ids[TPLUS_NOPERATIONS] = {0};
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		if (study->relevant[i])
			values[i] = try_values(study, i, &ids[i]);
	}
	tplus_study_settle(study, TPLUS_FACT_VALUES, values);
	tplus_study_settle(study, TPLUS_FACT_ID, ids);
}
