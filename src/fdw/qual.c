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
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "fdw/collation.h"
#include "fdw/qual.h"

/* text ^@ text, for which there is no name in the headers. */
#define TEXT_PREFIX_OPERATOR	3877

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
	List	   *meanings;
	int			strategy;

	if (operator >= FirstGenbkiObjectId)
		return false;
	meanings = tplus_op_meanings(operator);
	if (meanings == NIL)
		return false;
	strategy = tplus_first_strategy(meanings);
	if (strategy > BTMaxStrategyNumber)
		return false;			/* <> */
	*compare = compares[strategy];
	return true;
}

static bool
contains_var_of(Node *node, Index *varno)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varno == (int) *varno &&
			((Var *) node)->varlevelsup == 0;
	return expression_tree_walker(node, contains_var_of, varno);
}

/* Why the value cannot be had before the scan begins; NULL if it can. */
static const char *
value_refuses(Node *value, Index varno)
{
	if (contains_var_of(value, &varno))
		return "it compares with another column";
	if (contain_volatile_functions(value))
		return "the value is volatile";
	if (contain_subplans(value))
		return "the value needs a subplan";
	return NULL;
}

/* What is common to all comparisons of a column with a value. */
static const char *
check_comparison(const TplusTable *table, Index varno, Oid collation,
				 Oid value_type, TplusPushable *pushable)
{
	const TplusColumn *column = &table->columns[pushable->attnum - 1];
	const char *reason;

	if ((reason = value_refuses((Node *) pushable->value, varno)) != NULL)
		return reason;
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		return "the collation is not deterministic";
	if (column->filter.kind == TPLUS_FILTER_KIND_VERSION &&
		OidIsValid(collation) && !tplus_collation_sorts_versions(collation))
		return "the collation does not sort row versions as they count";
	pushable->exact = tplus_filter_is_exact(&column->filter,
											pushable->compare, column->type);
	return tplus_filter_refuses(&column->filter, table->options,
								pushable->compare, column->type,
								getBaseType(value_type));
}

/* The patterns of a text column that are worth a look. */
static bool
pattern_of(Oid operator, TplusCompare *compare)
{
	static const struct
	{
		Oid			operator;
		TplusCompare compare;
	}			patterns[] = {
		{OID_TEXT_LIKE_OP, TPLUS_COMPARE_LIKE},
		{OID_TEXT_ICLIKE_OP, TPLUS_COMPARE_ILIKE},
		{OID_NAME_LIKE_OP, TPLUS_COMPARE_LIKE},
		{OID_NAME_ICLIKE_OP, TPLUS_COMPARE_ILIKE},
		{TEXT_PREFIX_OPERATOR, TPLUS_COMPARE_PREFIX},
	};
	int			i;

	for (i = 0; i < (int) lengthof(patterns); i++)
	{
		if (patterns[i].operator == operator)
		{
			*compare = patterns[i].compare;
			return true;
		}
	}
	return false;
}

static const char *
classify_operator(const TplusTable *table, Index varno, OpExpr *op,
				  TplusPushable *pushable)
{
	Oid			operator = op->opno;
	Node	   *left;
	Node	   *right;

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
	if (!OidIsValid(operator) ||
		(!comparison_of(operator, &pushable->compare) &&
		 !pattern_of(operator, &pushable->compare)))
		return "T+ has no such operator";
	pushable->value = (Expr *) right;
	return check_comparison(table, varno, op->inputcollid, exprType(right),
							pushable);
}

/* The comparison with any of several values; false if there is none. */
static bool
list_of(TplusCompare *compare)
{
	switch (*compare)
	{
		case TPLUS_COMPARE_EQ:
			*compare = TPLUS_COMPARE_ANY;
			return true;
		case TPLUS_COMPARE_LIKE:
			*compare = TPLUS_COMPARE_LIKE_ANY;
			return true;
		case TPLUS_COMPARE_ILIKE:
			*compare = TPLUS_COMPARE_ILIKE_ANY;
			return true;
		default:
			return tplus_compare_is_list(*compare);
	}
}

/* "column = ANY (array)", also written as IN; "column LIKE ANY (array)". */
static const char *
classify_any(const TplusTable *table, Index varno, ScalarArrayOpExpr *any,
			 TplusPushable *pushable)
{
	Node	   *array = lsecond(any->args);
	Oid			element = get_element_type(exprType(array));

	pushable->attnum = column_of(linitial(any->args), varno);
	if (pushable->attnum == 0)
		return "it is no comparison of a column";
	if (!any->useOr || !OidIsValid(element) ||
		(!comparison_of(any->opno, &pushable->compare) &&
		 !pattern_of(any->opno, &pushable->compare)) ||
		!list_of(&pushable->compare))
		return "T+ has no such operator";
	pushable->value = (Expr *) array;
	return check_comparison(table, varno, any->inputcollid, element, pushable);
}

/* The elements of an array, as expressions. */
static List *
elements_of(const Const *array)
{
	Oid			element = get_element_type(array->consttype);
	List	   *elements = NIL;
	int16		len;
	bool		byval;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			i;

	get_typlenbyvalalign(element, &len, &byval, &align);
	deconstruct_array(DatumGetArrayTypeP(array->constvalue), element, len,
					  byval, align, &values, &nulls, &n);
	for (i = 0; i < n; i++)
		elements = lappend(elements,
						   makeConst(element, array->consttypmod,
									 array->constcollid, len, values[i],
									 nulls[i], byval));
	return elements;
}

/*
 * The values of "column = value", "column = ANY (list)" or of a pattern, if
 * the clause is that, as expressions; NIL if it is not.  pushable tells the
 * column, and the comparison as that with a list.
 */
static List *
values_of_comparison(const TplusTable *table, Index varno, Node *clause,
					 TplusPushable *pushable, const char **reason)
{
	Const	   *array;

	if (IsA(clause, OpExpr))
	{
		*reason = classify_operator(table, varno, (OpExpr *) clause, pushable);
		return *reason || !list_of(&pushable->compare) ? NIL :
			list_make1(pushable->value);
	}
	if (!IsA(clause, ScalarArrayOpExpr))
		return NIL;
	*reason = classify_any(table, varno, (ScalarArrayOpExpr *) clause,
						   pushable);
	if (*reason)
		return NIL;
	array = (Const *) pushable->value;
	if (IsA(array, ArrayExpr) && !((ArrayExpr *) array)->multidims)
		return ((ArrayExpr *) array)->elements;
	if (!IsA(array, Const) || array->constisnull)
		return NIL;
	return elements_of(array);
}

/*
 * What one alternative of an OR compares: the first comparison in it, or the
 * one that is like what the alternatives before it have in common.  It may be
 * an AND of more: what one of them asks for includes the alternative.
 */
static List *
values_of_alternative(const TplusTable *table, Index varno, Node *clause,
					  const TplusPushable *common, TplusPushable *pushable,
					  const char **reason)
{
	List	   *clauses = is_andclause(clause) ?
	((BoolExpr *) clause)->args : list_make1(clause);
	ListCell   *lc;

	foreach(lc, clauses)
	{
		List	   *values = values_of_comparison(table, varno, lfirst(lc),
												  pushable, reason);

		if (values != NIL &&
			(common->attnum == 0 ||
			 (pushable->attnum == common->attnum &&
			  pushable->compare == common->compare)))
			return values;
	}
	return NIL;
}

/* "column = a OR column = b": the same as IN. */
static const char *
classify_or(const TplusTable *table, Index varno, BoolExpr *expr,
			TplusPushable *pushable)
{
	static const char other[] = "it is no OR of like comparisons of one column";
	ArrayExpr  *array = makeNode(ArrayExpr);
	const char *reason = NULL;
	bool		exact = true;
	ListCell   *lc;

	pushable->attnum = 0;
	foreach(lc, expr->args)
	{
		Node	   *clause = lfirst(lc);
		TplusPushable part = {0};
		List	   *values = values_of_alternative(table, varno, clause,
												   pushable, &part, &reason);

		if (values == NIL)
			return reason ? reason : other;
		if (pushable->attnum != 0 &&
			array->element_typeid != exprType(linitial(values)))
			return other;
		pushable->attnum = part.attnum;
		pushable->compare = part.compare;
		exact &= part.exact && !is_andclause(clause);
		array->element_typeid = exprType(linitial(values));
		array->array_collid = exprCollation(linitial(values));
		array->elements = list_concat(array->elements, values);
	}
	array->array_typeid = get_array_type(array->element_typeid);
	array->location = -1;
	if (!OidIsValid(array->array_typeid))
		return other;
	pushable->value = (Expr *) array;
	reason = check_comparison(table, varno, InvalidOid, array->element_typeid,
							  pushable);
	pushable->exact &= exact;
	return reason;
}

/*
 * Which value of the column a clause without operator asks for: "column",
 * "NOT column", "column IS TRUE"; or that it is not the true one.
 */
static Node *
boolean_of(Node *node, TplusCompare *compare, bool *value)
{
	*compare = TPLUS_COMPARE_EQ;
	*value = true;
	if (is_notclause(node))
	{
		*value = false;
		return (Node *) get_notclausearg(node);
	}
	if (IsA(node, NullTest))
	{
		*compare = TPLUS_COMPARE_NOT_TRUE;
		return (Node *) ((NullTest *) node)->arg;
	}
	if (!IsA(node, BooleanTest))
		return node;
	switch (((BooleanTest *) node)->booltesttype)
	{
		case IS_TRUE:
			break;
		case IS_FALSE:
			*value = false;
			break;
		case IS_NOT_TRUE:
		case IS_UNKNOWN:
			*compare = TPLUS_COMPARE_NOT_TRUE;
			break;
		default:
			return NULL;
	}
	return (Node *) ((BooleanTest *) node)->arg;
}

static const char *
classify_boolean(const TplusTable *table, Index varno, Expr *clause,
				 TplusPushable *pushable)
{
	bool		value;
	Node	   *node;
	const TplusColumn *column;

	if (IsA(clause, NullTest) &&
		((NullTest *) clause)->nulltesttype == IS_NOT_NULL)
		return "T+ cannot be asked for missing values";
	node = boolean_of((Node *) clause, &pushable->compare, &value);
	if (node == NULL)
		return "a missing value would match as well";
	pushable->attnum = column_of(node, varno);
	if (pushable->attnum == 0)
		return "it is no comparison of a column";
	column = &table->columns[pushable->attnum - 1];
	pushable->value = (Expr *) makeBoolConst(value, false);
	pushable->exact = tplus_filter_is_exact(&column->filter,
											pushable->compare, column->type);
	return tplus_filter_refuses(&column->filter, table->options,
								pushable->compare, column->type, BOOLOID);
}

const char *
tplus_qual_classify(const TplusTable *table, Index varno, Expr *clause,
					TplusPushable *pushable)
{
	if (IsA(clause, OpExpr))
		return classify_operator(table, varno, (OpExpr *) clause, pushable);
	if (IsA(clause, ScalarArrayOpExpr))
		return classify_any(table, varno, (ScalarArrayOpExpr *) clause, pushable);
	if (is_orclause(clause))
		return classify_or(table, varno, (BoolExpr *) clause, pushable);
	if (IsA(clause, BooleanTest) &&
		((BooleanTest *) clause)->booltesttype == IS_TRUE &&
		column_of((Node *) ((BooleanTest *) clause)->arg, varno) == 0)
		return tplus_qual_classify(table, varno,
								   ((BooleanTest *) clause)->arg, pushable);
	if (IsA(clause, NullTest) || IsA(clause, BooleanTest) ||
		is_notclause(clause) || IsA(clause, Var))
		return classify_boolean(table, varno, clause, pushable);
	return "it is no comparison of a column";
}
