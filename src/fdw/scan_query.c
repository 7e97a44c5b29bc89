/*-------------------------------------------------------------------------
 *
 * scan_query.c
 *		From the plan of a scan and the values of now to the query for T+.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/scan_query.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "fdw/arms.h"
#include "fdw/scan.h"

/* The values of a condition; none of them is null. */
static void
set_values(TplusCondition *cond, Datum value, bool isnull, Oid type)
{
	Oid			element = get_element_type(type);
	bool	   *nulls;
	int			n;
	int			i;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	cond->isnull = isnull;
	cond->value_type = getBaseType(tplus_compare_is_list(cond->compare) ?
								   element : type);
	if (isnull)
		return;
	if (!tplus_compare_is_list(cond->compare))
	{
		cond->values = palloc(sizeof(Datum));
		cond->values[0] = value;
		cond->nvalues = 1;
		return;
	}
	get_typlenbyvalalign(element, &typlen, &typbyval, &typalign);
	deconstruct_array(DatumGetArrayTypeP(value), element, typlen, typbyval,
					  typalign, &cond->values, &nulls, &n);
	for (i = 0; i < n; i++)
	{
		if (!nulls[i])
			cond->values[cond->nvalues++] = cond->values[i];
	}
}

/* The pushed clauses with their values. */
static List *
evaluate_conditions(TplusScanState *state)
{
	ExprContext *econtext = state->node->ss.ps.ps_ExprContext;
	List	   *conditions = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, state->pushed, lc2, state->value_states)
	{
		List	   *item = lfirst(lc);
		ExprState  *expr = lfirst(lc2);
		int			attnum = intVal(linitial(item));
		const TplusColumn *column = &state->table->columns[attnum - 1];
		TplusCondition *cond = palloc0(sizeof(TplusCondition));
		Datum		value;
		bool		isnull;

		cond->filter = column->filter;
		cond->compare = intVal(lsecond(item));
		cond->column_type = column->type;
		cond->max_length = column->max_length;
		value = ExecEvalExpr(expr, econtext, &isnull);
		set_values(cond, value, isnull, exprType((Node *) expr->expr));
		conditions = lappend(conditions, cond);
	}
	return conditions;
}

/* The spelling of the flag that the table's options declare. */
static void
declare_encoding(const TplusTable *table, TplusQuery *query)
{
	int			i;

	for (i = 0; i < table->natts; i++)
	{
		const TplusColumn *column = &table->columns[i];

		if (!column->live || !column->filter.is_flag)
			continue;
		memcpy(query->bool_encoding, column->filter.encoding,
			   sizeof(query->bool_encoding));
		return;
	}
}

void
tplus_scan_prepare(TplusScanState *state)
{
	TplusQuery *query = &state->query;
	const TplusTable *table = state->table;
	bool		with_flag;

	memset(query, 0, sizeof(*query));
	query->account = state->account;
	query->table = table->options;
	query->resource = table->resource;
	query->what = state->what;
	query->key = table->key;
	query->key_kind = tplus_table_kind(table, table->key);
	query->version = table->resource->version;
	declare_encoding(table, query);
	query->page_size = table->options->page_size > 0 ?
		table->options->page_size : state->account->server.page_size;
	query->limit = state->limit;
	query->first_page_size = state->limit > 0 ?
		Min(state->limit, query->page_size) : query->page_size;
	query->stats = &state->stats;
	query->learned = state->learned;
	tplus_query_declare(query);
	state->conditions = evaluate_conditions(state);
	tplus_arms_make(table, state->account->server.timezone, state->conditions,
					query);
	if (query->unique_field)
		query->unique_kind = tplus_table_kind(table, query->unique_field);
	with_flag = query->hidden_arms > 0 ||
		(query->arms && ((TplusArm *) linitial(query->arms))->has_disabled);
	query->disabled = with_flag ? table->resource->disabled : NULL;
	query->select_fields = tplus_table_select(table, state->columns, with_flag);
	query->key_fields = tplus_table_select(table, NULL, with_flag);
}
