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
	OUTCOME_OPEN
} Outcome;

/* A value of the record, as a clause of a query would ask for it. */
typedef struct Value
{
	TplusFilter filter;
	const char *text;
	List	   *params;			/* of TplusParam: one */
} Value;

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

/* A visible record that tells most; *values are its own. */
static const TplusWitness *
choose(const TplusStudy *study, List **values)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_QUERY];
	const TplusWitness *best = NULL;
	int			i;

	*values = NIL;
	for (i = 0; i < Min(sample->nwitnesses, MAX_CHOICE); i++)
	{
		const TplusWitness *witness = &sample->witnesses[i];
		List	   *own;

		if (witness->key == NULL || witness->values == NULL ||
			(witness->disabled_known && witness->disabled))
			continue;
		own = record_values(study, witness);
		if (list_length(own) > list_length(*values))
		{
			best = witness;
			*values = own;
		}
	}
	return best;
}

/*
 * Asks each operation that will be read.  An answer that has records, but not
 * this one, may have been cut off before it.
 */
static Outcome
ask(TplusStudy *study, const TplusWitness *witness, List *params)
{
	Outcome		result = OUTCOME_FOUND;
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		TplusQuestion question;
		TplusFinding finding;

		if (!study->relevant[i])
			continue;
		tplus_study_question(study, i, study->plain[i].size, &question);
		question.params = params;
		tplus_probe_ask(study->probe, &question, &finding);
		if (finding.asked &&
			tplus_finding_find(&finding, witness->key) >= 0)
			continue;
		if (finding.asked && (finding.refused || finding.rows == 0))
			return OUTCOME_LOST;
		result = OUTCOME_OPEN;
	}
	return result;
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
find_value(List *values, TplusFilterKind kind, const char *field)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		Value	   *value = lfirst(lc);

		if (field ? strcmp(value->filter.field, field) == 0 :
			value->filter.kind == kind)
			return value;
	}
	return NULL;
}

static const char *
spelling(const TplusFilter *filter)
{
	return filter->encoding[filter->first] == TPLUS_ENCODING_JSON ? "json" : "text";
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

/*
 * The id, alone: as it would be sent, and in the other spelling.  *anchor is
 * what brought the record.
 */
static Outcome
study_id(TplusStudy *study, const TplusWitness *witness, Value *id,
		 const Value **anchor)
{
	Value	   *other = palloc(sizeof(Value));
	Outcome		outcome = ask(study, witness, id->params);
	TplusFact  *fact;

	if (outcome == OUTCOME_FOUND)
	{
		*anchor = id;
		(void) tplus_study_decide(study, TPLUS_FACT_ID, spelling(&id->filter),
								  psprintf("\"%s\" brought its record so",
										   id->filter.field));
		return outcome;
	}
	*other = *id;
	other->filter.encoding[0] = other->filter.encoding[1] =
		id->filter.encoding[0] == TPLUS_ENCODING_JSON ?
		TPLUS_ENCODING_TEXT : TPLUS_ENCODING_JSON;
	other->params = encode_value(study, &other->filter, id->text);
	if (outcome == OUTCOME_LOST &&
		ask(study, witness, other->params) == OUTCOME_FOUND)
	{
		*anchor = other;
		fact = tplus_study_decide(study, TPLUS_FACT_ID,
								  spelling(&other->filter),
								  psprintf("\"%s\" brought its record so, and not as %s",
										   id->filter.field,
										   spelling(&id->filter)));
		fact->setting = fact->value;
		fact->fields = fields_of(list_make1(other));
		return OUTCOME_FOUND;
	}
	tplus_study_leave(study, TPLUS_FACT_ID,
					  psprintf("\"%s\" brought its record in no spelling",
							   id->filter.field));
	return outcome;
}

/* What the questions for one value after the other say. */
static void
conclude(TplusStudy *study, List *values, List *lost, List *open,
		 bool respelled)
{
	TplusFact  *fact;

	if (lost != NIL)
	{
		fact = tplus_study_decide(study, TPLUS_FACT_VALUES, "lost",
								  psprintf("a record was not brought by its own %s%s%s",
										   field_names(lost),
										   open == NIL ? "" : "; not answered for ",
										   field_names(open)));
		fact->setting = "none";
		fact->fields = fields_of(lost);
	}
	else if (open != NIL)
		tplus_study_leave(study, TPLUS_FACT_VALUES,
						  psprintf("whether %s brings its record was not answered",
								   field_names(open)));
	else if (respelled)
		(void) tplus_study_decide(study, TPLUS_FACT_VALUES, "found",
								  psprintf("a record was brought by each of its %s",
										   field_names(values)));
	else
		tplus_study_leave(study, TPLUS_FACT_VALUES,
						  psprintf("a record was not brought by %s together, but by each of them",
								   field_names(values)));
}

/* One by one, each beside a value that brings the record alone. */
static void
study_each(TplusStudy *study, const TplusWitness *witness, List *values)
{
	const Value *anchor = NULL;
	Value	   *id = find_value(values, TPLUS_FILTER_KIND_ID, NULL);
	List	   *open = NIL;
	List	   *lost = NIL;
	bool		respelled = false;
	ListCell   *lc;

	if (study->code_works)
		anchor = find_value(values, TPLUS_FILTER_KIND_TEXT,
							tplus_probe_code(study->probe));
	foreach(lc, values)
	{
		Value	   *value = lfirst(lc);
		const Value *before = anchor;
		Outcome		outcome;

		if (anchor && value == anchor)
			continue;
		if (id && value == id)
		{
			outcome = study_id(study, witness, value, &anchor);
			respelled = outcome == OUTCOME_FOUND && anchor != value;
		}
		else
			outcome = ask(study, witness, anchor ?
						  list_concat_copy(anchor->params, value->params) :
						  value->params);
		if (before)
			anchor = before;
		if (outcome == OUTCOME_LOST)
			lost = lappend(lost, value);
		else if (outcome == OUTCOME_OPEN)
			open = lappend(open, value);
	}
	conclude(study, values, lost, open, respelled);
	if (id == NULL)
		tplus_study_leave(study, TPLUS_FACT_ID, "no column has the id");
}

void
tplus_calibrate_values(TplusStudy *study)
{
	List	   *values;
	const TplusWitness *witness = choose(study, &values);
	Value	   *id;

	if (witness == NULL || study->plain[TPLUS_OPERATION_QUERY].rows < 2)
	{
		tplus_study_leave(study, TPLUS_FACT_VALUES,
						  "there are no two records, one with values to ask for");
		tplus_study_leave(study, TPLUS_FACT_ID, "see \"filters\"");
		return;
	}
	if (ask(study, witness, all_params(values)) != OUTCOME_FOUND)
	{
		study_each(study, witness, values);
		return;
	}
	(void) tplus_study_decide(study, TPLUS_FACT_VALUES, "found",
							  psprintf("a record was brought by its %s together",
									   field_names(values)));
	id = find_value(values, TPLUS_FILTER_KIND_ID, NULL);
	if (id)
		(void) tplus_study_decide(study, TPLUS_FACT_ID, spelling(&id->filter),
								  "see \"filters\"");
	else
		tplus_study_leave(study, TPLUS_FACT_ID, "no column has the id");
}
