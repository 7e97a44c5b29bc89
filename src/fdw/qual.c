/*-------------------------------------------------------------------------
 *
 * qual.c
 *		A WHERE clause as filter, comparison and expression, or why not.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/qual.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/pg_locale.h"

#include "fdw/qual.h"

/* Indexed by btree strategy. */
static const TplusCompare compares[] = {
	[BTLessStrategyNumber] = TPLUS_COMPARE_LT,
	[BTLessEqualStrategyNumber] = TPLUS_COMPARE_LE,
	[BTEqualStrategyNumber] = TPLUS_COMPARE_EQ,
	[BTGreaterEqualStrategyNumber] = TPLUS_COMPARE_GE,
	[BTGreaterStrategyNumber] = TPLUS_COMPARE_GT,
};

/* The column that an expression is, casts that change nothing aside; or 0. */
static int
column_of(Node *node, Index varno)
{
	while (node && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node && IsA(node, Var) && ((Var *) node)->varno == (int) varno &&
		((Var *) node)->varlevelsup == 0 && ((Var *) node)->varattno > 0)
		return ((Var *) node)->varattno;
	return 0;
}

/* How a built-in operator compares; false if it does not, in this sense. */
static bool
comparison_of(Oid operator, TplusCompare *compare)
{
	List	   *interpretations;
	OpBtreeInterpretation *first;

	if (operator >= FirstGenbkiObjectId)
		return false;
	interpretations = get_op_btree_interpretation(operator);
	if (interpretations == NIL)
		return false;
	first = linitial(interpretations);
	if (first->strategy > BTMaxStrategyNumber)
		return false;			/* <> */
	*compare = compares[first->strategy];
	return true;
}

/* Why the value cannot be had before the scan begins; NULL if it can. */
static const char *
value_refuses(Node *value)
{
	if (contain_var_clause(value))
		return "it compares with another column";
	if (contain_volatile_functions(value))
		return "the value is volatile";
	if (contain_subplans(value))
		return "the value needs a subplan";
	return NULL;
}

static const char *
classify_operator(const TplusTable *table, Index varno, OpExpr *op,
				  TplusPushable *pushable)
{
	Oid			operator = op->opno;
	Node	   *left;
	Node	   *right;
	const char *reason;
	const TplusColumn *column;

	if (list_length(op->args) != 2)
		return "it is no comparison of a column";
	left = linitial(op->args);
	right = lsecond(op->args);
	if (column_of(left, varno) == 0)
	{
		Node	   *swap = left;

		left = right;
		right = swap;
		operator = get_commutator(operator);
	}
	pushable->attnum = column_of(left, varno);
	if (pushable->attnum == 0)
		return "it is no comparison of a column";
	if (!OidIsValid(operator) || !comparison_of(operator, &pushable->compare))
		return "T+ has no such operator";
	if ((reason = value_refuses(right)) != NULL)
		return reason;
	if (OidIsValid(op->inputcollid) &&
		!get_collation_isdeterministic(op->inputcollid))
		return "the collation is not deterministic";

	pushable->value = (Expr *) right;
	column = &table->columns[pushable->attnum - 1];
	return tplus_filter_refuses(&column->filter, table->options,
								pushable->compare, column->type,
								getBaseType(exprType(right)));
}

/* "column", "NOT column", "column IS TRUE": the column is true, or false. */
static const char *
classify_boolean(const TplusTable *table, Index varno, Expr *clause,
				 TplusPushable *pushable)
{
	Node	   *node = (Node *) clause;
	bool		value = true;
	const TplusColumn *column;

	if (is_notclause(node))
	{
		value = false;
		node = (Node *) get_notclausearg(clause);
	}
	else if (IsA(node, BooleanTest))
	{
		BooleanTest *test = (BooleanTest *) node;

		if (test->booltesttype != IS_TRUE && test->booltesttype != IS_FALSE)
			return "a missing value would match as well";
		value = test->booltesttype == IS_TRUE;
		node = (Node *) test->arg;
	}
	pushable->attnum = column_of(node, varno);
	if (pushable->attnum == 0)
		return "it is no comparison of a column";
	pushable->compare = TPLUS_COMPARE_EQ;
	pushable->value = (Expr *) makeBoolConst(value, false);
	column = &table->columns[pushable->attnum - 1];
	return tplus_filter_refuses(&column->filter, table->options,
								TPLUS_COMPARE_EQ, column->type, BOOLOID);
}

const char *
tplus_qual_classify(const TplusTable *table, Index varno, Expr *clause,
					TplusPushable *pushable)
{
	if (IsA(clause, OpExpr))
		return classify_operator(table, varno, (OpExpr *) clause, pushable);
	if (exprType((Node *) clause) == BOOLOID &&
		(IsA(clause, Var) || IsA(clause, BooleanTest) || is_notclause(clause)))
		return classify_boolean(table, varno, clause, pushable);
	return "it is no comparison of a column";
}
