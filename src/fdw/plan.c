/*-------------------------------------------------------------------------
 *
 * plan.c
 *		Row estimate, paths, and the plan of a foreign scan.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/plan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "fdw/plan.h"
#include "fdw/qual.h"
#include "fdw/table.h"

/*
 * Records to expect of a table that was never analysed and says nothing of
 * its size: a small company's items.
 */
#define DEFAULT_ROWS	5000

/*
 * Invented: what a millisecond of waiting costs, in the planner's units.  A
 * cached page read costs 1 there and takes some microseconds, so this is not
 * too high.
 */
#define COST_PER_MS		10.0

/* The planner's view of a foreign table, in RelOptInfo.fdw_private. */
typedef struct TplusPlanState
{
	TplusTable *table;
	double		latency_ms;
	int			page_size;
	double		fetched;		/* records that cross the wire */
	List	   *pushed;			/* of TplusPushable */
	List	   *notes;			/* see TPLUS_PLAN_CLAUSES */
	Bitmapset  *columns;		/* attnums that the query needs */
	bool		only_bound;
} TplusPlanState;

/* The clause as EXPLAIN will print it, with the reason why it is local. */
static List *
make_note(RelOptInfo *baserel, Expr *clause, const char *reason)
{
	Node	   *copy = copyObject((Node *) clause);

	if (baserel->relid != 1)
		ChangeVarNodes(copy, baserel->relid, 1, 0);
	return list_make2(copy, makeString(pstrdup(reason ? reason : "")));
}

/* Sorts the clauses into those that T+ can be asked and the others. */
static List *
classify_clauses(RelOptInfo *baserel, TplusPlanState *state)
{
	List	   *sent = NIL;
	ListCell   *lc;

	state->only_bound = true;
	foreach(lc, baserel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		TplusPushable *pushable = palloc0(sizeof(TplusPushable));
		const char *reason;

		/* It says whether to scan at all, and a node above us asks it. */
		if (rinfo->pseudoconstant)
			continue;
		reason = tplus_qual_classify(state->table, baserel->relid,
									 rinfo->clause, pushable);
		state->notes = lappend(state->notes,
							   make_note(baserel, rinfo->clause, reason));
		if (reason == NULL)
		{
			state->pushed = lappend(state->pushed, pushable);
			sent = lappend(sent, rinfo);
		}
		if (reason != NULL ||
			state->table->columns[pushable->attnum - 1].filter.kind !=
			TPLUS_FILTER_KIND_VERSION)
			state->only_bound = false;
	}
	return sent;
}

/* The columns that the target list or a local clause uses. */
static Bitmapset *
needed_columns(RelOptInfo *baserel, const TplusTable *table,
			   Relation relation)
{
	Bitmapset  *offsets = NULL;
	Bitmapset  *columns = NULL;
	ListCell   *lc;
	int			attnum;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid,
				   &offsets);
	foreach(lc, baserel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		pull_varattnos((Node *) rinfo->clause, baserel->relid, &offsets);
	}
	for (attnum = 1; attnum <= table->natts; attnum++)
	{
		if (table->columns[attnum - 1].live &&
			(bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber,
						   offsets) ||
			 bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, offsets)))
			columns = bms_add_member(columns, attnum);
	}
	return tplus_table_needs(table, relation, columns);
}

void
tplusGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
					   Oid foreigntableid)
{
	TplusPlanState *state = palloc0(sizeof(TplusPlanState));
	Relation	relation = table_open(foreigntableid, NoLock);
	TplusServerOptions *server = tplus_option_server(baserel->serverid);
	List	   *sent;

	state->table = tplus_table_open(relation);
	state->latency_ms = server->latency_ms;
	state->page_size = state->table->options->page_size > 0 ?
		state->table->options->page_size : server->page_size;
	state->columns = needed_columns(baserel, state->table, relation);
	table_close(relation, NoLock);
	sent = classify_clauses(baserel, state);

	if (baserel->tuples <= 0)
		baserel->tuples = state->table->options->rows > 0 ?
			state->table->options->rows : DEFAULT_ROWS;
	state->fetched = clamp_row_est(baserel->tuples *
								   clauselist_selectivity(root, sent, 0,
														  JOIN_INNER, NULL));
	baserel->rows = clamp_row_est(baserel->tuples *
								  clauselist_selectivity(root,
														 baserel->baserestrictinfo,
														 0, JOIN_INNER, NULL));
	baserel->reltarget->width = Max(baserel->reltarget->width, 1);
	baserel->fdw_private = state;
}

/*
 * A scan waits for one request until its first row and for one a page until
 * its last; the rest is what a row costs anyway.
 */
static void
add_scan_path(PlannerInfo *root, RelOptInfo *baserel, double rows,
			  double fetched, ParamPathInfo *param_info)
{
	TplusPlanState *state = baserel->fdw_private;
	double		requests = Max(ceil(fetched / state->page_size), 1);
	Cost		startup;
	Cost		total;

	startup = state->latency_ms * COST_PER_MS + baserel->baserestrictcost.startup;
	total = startup + (requests - 1) * state->latency_ms * COST_PER_MS +
		fetched * (cpu_tuple_cost + baserel->baserestrictcost.per_tuple);
	add_path(baserel, (Path *)
			 tplus_create_foreignscan_path(root, baserel, rows, startup, total,
										   NIL, param_info ?
										   param_info->ppi_req_outer :
										   baserel->lateral_relids,
										   NULL, NIL));
}

/* Can a join clause be asked of T+ once the other side has a row? */
static bool
is_pushable_join(RelOptInfo *baserel, RestrictInfo *rinfo)
{
	TplusPlanState *state = baserel->fdw_private;
	TplusPushable pushable;

	return join_clause_is_movable_to(rinfo, baserel) &&
		tplus_qual_classify(state->table, baserel->relid, rinfo->clause,
							&pushable) == NULL;
}

/* A path for each set of relations that could give values to ask with. */
static List *
add_parameterization(PlannerInfo *root, RelOptInfo *baserel,
					 RestrictInfo *rinfo, List *param_infos)
{
	Relids		required;

	if (!is_pushable_join(baserel, rinfo))
		return param_infos;
	required = bms_union(rinfo->clause_relids, baserel->lateral_relids);
	required = bms_del_member(required, baserel->relid);
	if (bms_is_empty(required))
		return param_infos;
	return list_append_unique_ptr(param_infos,
								  get_baserel_parampathinfo(root, baserel,
															required));
}

/* An equivalence class has a member that is this column. */
typedef struct ColumnMatch
{
	int			attnum;
} ColumnMatch;

static bool
is_member_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
				 EquivalenceMember *em, void *arg)
{
	Node	   *node = (Node *) em->em_expr;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return IsA(node, Var) && ((Var *) node)->varno == (int) rel->relid &&
		((Var *) node)->varattno == ((ColumnMatch *) arg)->attnum;
}

static List *
find_parameterizations(PlannerInfo *root, RelOptInfo *baserel)
{
	TplusPlanState *state = baserel->fdw_private;
	List	   *param_infos = NIL;
	ListCell   *lc;
	ColumnMatch match;

	foreach(lc, baserel->joininfo)
		param_infos = add_parameterization(root, baserel, lfirst(lc),
										   param_infos);
	if (!baserel->has_eclass_joins)
		return param_infos;
	for (match.attnum = 1; match.attnum <= state->table->natts; match.attnum++)
	{
		List	   *clauses;

		if (state->table->columns[match.attnum - 1].filter.param == NULL)
			continue;
		clauses = generate_implied_equalities_for_column(root, baserel,
														 is_member_column,
														 &match,
														 baserel->lateral_referencers);
		foreach(lc, clauses)
			param_infos = add_parameterization(root, baserel, lfirst(lc),
											   param_infos);
	}
	return param_infos;
}

void
tplusGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
					 Oid foreigntableid)
{
	TplusPlanState *state = baserel->fdw_private;
	ListCell   *lc;

	add_scan_path(root, baserel, baserel->rows, state->fetched, NULL);
	if (!state->table->options->pushdown)
		return;
	foreach(lc, find_parameterizations(root, baserel))
	{
		ParamPathInfo *param_info = lfirst(lc);

		add_scan_path(root, baserel, param_info->ppi_rows,
					  param_info->ppi_rows, param_info);
	}
}

/*
 * The rows after which the query stops if the scan needs to bring no more: a
 * LIMIT right above it, with nothing in between that drops or sorts rows.
 */
static int
limit_hint(PlannerInfo *root, RelOptInfo *baserel)
{
	TplusPlanState *state = baserel->fdw_private;
	Query	   *parse = root->parse;
	ListCell   *lc;

	if (root->limit_tuples <= 0 || root->limit_tuples > state->page_size ||
		bms_membership(root->all_baserels) != BMS_SINGLETON ||
		parse->sortClause || parse->distinctClause || parse->rowMarks ||
		parse->limitOption == LIMIT_OPTION_WITH_TIES)
		return 0;
	foreach(lc, state->notes)
	{
		if (*strVal(lsecond(lfirst_node(List, lc))) != '\0')
			return 0;
	}
	return (int) root->limit_tuples;
}

/* Adds what a join clause of a parameterized path asks. */
static void
push_join_clause(RelOptInfo *baserel, RestrictInfo *rinfo, List **pushed,
				 List **exprs, List **notes, Bitmapset **columns)
{
	TplusPlanState *state = baserel->fdw_private;
	TplusPushable pushable;
	Bitmapset  *offsets = NULL;
	int			offset = -1;

	pull_varattnos((Node *) rinfo->clause, baserel->relid, &offsets);
	while ((offset = bms_next_member(offsets, offset)) >= 0)
	{
		if (offset + FirstLowInvalidHeapAttributeNumber > 0)
			*columns = bms_add_member(*columns,
									  offset + FirstLowInvalidHeapAttributeNumber);
	}
	if (tplus_qual_classify(state->table, baserel->relid, rinfo->clause,
							&pushable) != NULL)
		return;
	*pushed = lappend(*pushed, list_make2(makeInteger(pushable.attnum),
										  makeInteger(pushable.compare)));
	*exprs = lappend(*exprs, pushable.value);

	/* The other side cannot be shown from here. */
	*notes = lappend(*notes,
					 list_make2(makeString(psprintf("(%s = a value of the outer side)",
													state->table->columns[pushable.attnum - 1].name)),
								makeString("")));
}

ForeignScan *
tplusGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
					Oid foreigntableid, ForeignPath *best_path, List *tlist,
					List *scan_clauses, Plan *outer_plan)
{
	TplusPlanState *state = baserel->fdw_private;
	Bitmapset  *columns = bms_copy(state->columns);
	bool		only_bound = state->only_bound;
	List	   *pushed = NIL;
	List	   *exprs = NIL;
	List	   *needed = NIL;
	List	   *notes = list_copy(state->notes);
	ListCell   *lc;
	int			attnum = -1;

	foreach(lc, state->pushed)
	{
		TplusPushable *pushable = lfirst(lc);

		pushed = lappend(pushed, list_make2(makeInteger(pushable->attnum),
											makeInteger(pushable->compare)));
		exprs = lappend(exprs, pushable->value);
	}
	foreach(lc, scan_clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (list_member_ptr(baserel->baserestrictinfo, rinfo))
			continue;
		only_bound = false;
		push_join_clause(baserel, rinfo, &pushed, &exprs, &notes, &columns);
	}
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		needed = lappend_int(needed, attnum);

	/* Everything is rechecked, so every clause stays in the plan. */
	return make_foreignscan(tlist, extract_actual_clauses(scan_clauses, false),
							baserel->relid, exprs,
							list_make5(pushed, needed, notes,
									   makeBoolean(only_bound),
									   makeInteger(limit_hint(root, baserel))),
							NIL, NIL, outer_plan);
}
