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

#include <limits.h>
#include <math.h>

#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"

#include "base/compat.h"
#include "fdw/cost.h"
#include "fdw/plan.h"
#include "fdw/qual.h"
#include "fdw/table.h"
#include "tplus/call.h"

/*
 * Records to expect of a table that was never analysed and says nothing of
 * its size: a small company's items.
 */
#define DEFAULT_ROWS	5000

/* The planner's view of a foreign table, in RelOptInfo.fdw_private. */
typedef struct TplusPlanState
{
	TplusTable *table;
	Cost		request_cost;
	int			page_size;
	List	   *pushed;			/* of TplusPushable */
	Bitmapset  *columns;		/* attnums that the query needs */
	bool		all_exact;		/* T+ can be asked exactly what is wanted */
} TplusPlanState;

/* Which of the clauses can T+ be asked? */
static void
classify_clauses(RelOptInfo *baserel, TplusPlanState *state)
{
	ListCell   *lc;

	state->all_exact = true;
	foreach(lc, baserel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		TplusPushable *pushable = palloc0(sizeof(TplusPushable));

		/* It says whether to scan at all, and a node above us asks it. */
		if (rinfo->pseudoconstant)
			continue;
		if (tplus_qual_classify(state->table, baserel->relid, rinfo->clause,
								pushable) != NULL)
		{
			state->all_exact = false;
			continue;
		}
		pushable->rinfo = rinfo;
		state->all_exact &= pushable->exact;
		state->pushed = lappend(state->pushed, pushable);
	}
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

/*
 * The selectivity of clauses, where one of them pins so many values of a
 * unique field: without statistics, PostgreSQL would expect more of it.
 */
static double
rows_of(PlannerInfo *root, RelOptInfo *baserel, List *clauses, double pinned,
		int varno)
{
	double		rows = baserel->tuples *
	clauselist_selectivity(root, clauses, varno, JOIN_INNER, NULL);

	return clamp_row_est(pinned > 0 ? Min(rows, pinned) : rows);
}

void
tplusGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
					   Oid foreigntableid)
{
	TplusPlanState *state = palloc0(sizeof(TplusPlanState));
	Relation	relation = table_open(foreigntableid, NoLock);
	TplusServerOptions *server = tplus_option_server(baserel->serverid);
	TplusDemand demand;

	state->table = tplus_table_open(relation);
	tplus_call_check_path(psprintf("foreign table \"%s\"",
								   state->table->options->name),
						  state->table->resource->path);
	state->request_cost = tplus_cost_of_request(server);
	state->page_size = state->table->options->page_size > 0 ?
		state->table->options->page_size : server->page_size;
	state->columns = needed_columns(baserel, state->table, relation);
	table_close(relation, NoLock);
	classify_clauses(baserel, state);

	if (baserel->tuples <= 0)
		baserel->tuples = state->table->options->rows > 0 ?
			state->table->options->rows : DEFAULT_ROWS;
	tplus_cost_demand(root, state->table, state->pushed, &demand);
	baserel->rows = rows_of(root, baserel, baserel->baserestrictinfo,
							demand.pinned, 0);
	baserel->reltarget->width = Max(baserel->reltarget->width, 1);
	baserel->fdw_private = state;
}

/*
 * A scan waits for one request until its first row and for all of them until
 * its last; the rest is what a row costs anyway.
 */
static void
add_scan_path(PlannerInfo *root, RelOptInfo *baserel, List *pushed,
			  ParamPathInfo *param_info)
{
	TplusPlanState *state = baserel->fdw_private;
	TplusDemand demand;
	double		fetched;
	double		requests;
	Cost		startup;
	Cost		total;

	tplus_cost_demand(root, state->table, pushed, &demand);
	fetched = rows_of(root, baserel, demand.sent, demand.pinned,
					  param_info ? baserel->relid : 0);
	requests = tplus_cost_requests(state->table, &demand, fetched,
								   state->page_size);
	if (param_info && demand.pinned > 0)
		param_info->ppi_rows = Min(param_info->ppi_rows, demand.pinned);
	startup = state->request_cost + baserel->baserestrictcost.startup;
	total = startup + (requests - 1) * state->request_cost +
		fetched * (cpu_tuple_cost + baserel->baserestrictcost.per_tuple);
	add_path(baserel, (Path *)
			 tplus_create_foreignscan_path(root, baserel, param_info ?
										   param_info->ppi_rows : baserel->rows,
										   startup, total, NIL, param_info ?
										   param_info->ppi_req_outer :
										   baserel->lateral_relids,
										   NULL, list_make2(makeFloat(psprintf("%.0f", requests)),
															makeFloat(psprintf("%.0f", fetched)))));
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

/* What the join clauses of a parameterization ask (of TplusPushable). */
static List *
pushable_joins(RelOptInfo *baserel, ParamPathInfo *param_info)
{
	TplusPlanState *state = baserel->fdw_private;
	List	   *pushed = NIL;
	ListCell   *lc;

	foreach(lc, param_info->ppi_clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		TplusPushable *pushable = palloc0(sizeof(TplusPushable));

		if (tplus_qual_classify(state->table, baserel->relid, rinfo->clause,
								pushable) != NULL)
			continue;
		pushable->rinfo = rinfo;
		pushed = lappend(pushed, pushable);
	}
	return pushed;
}

void
tplusGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
					 Oid foreigntableid)
{
	TplusPlanState *state = baserel->fdw_private;
	ListCell   *lc;

	add_scan_path(root, baserel, state->pushed, NULL);
	if (!state->table->options->pushdown)
		return;
	foreach(lc, find_parameterizations(root, baserel))
	{
		ParamPathInfo *param_info = lfirst(lc);

		add_scan_path(root, baserel,
					  list_concat(pushable_joins(baserel, param_info),
								  state->pushed),
					  param_info);
	}
}

/*
 * The rows after which the query stops if the scan needs to bring no more: a
 * LIMIT right above it, with nothing in between that drops or sorts rows.
 * PostgreSQL has seen to grouping, DISTINCT, window functions and functions
 * that return sets.  It is a hint, which no row depends on.
 */
static int
limit_hint(PlannerInfo *root, RelOptInfo *baserel)
{
	TplusPlanState *state = baserel->fdw_private;
	Query	   *parse = root->parse;

	if (root->limit_tuples <= 0 || root->limit_tuples > INT_MAX ||
		bms_membership(root->all_baserels) != BMS_SINGLETON ||
		parse->sortClause || parse->rowMarks || !state->all_exact ||
		parse->limitOption == LIMIT_OPTION_WITH_TIES)
		return 0;
	return (int) root->limit_tuples;
}

/*
 * The requests of the path's scan: fewer than it was weighed with, if the query
 * stops before all of its records have come.
 */
static Node *
estimated_requests(const TplusPlanState *state, const ForeignPath *path,
				   int limit)
{
	double		requests = floatVal(linitial(path->fdw_private));
	double		fetched = floatVal(lsecond(path->fdw_private));

	if (limit > 0 && limit < fetched)
		requests = Min(requests, ceil((double) limit / state->page_size));
	return (Node *) makeFloat(psprintf("%.0f", requests));
}

/*
 * A clause of the scan, as plain nodes: what it asks, and why it does not.
 * Of a parameterized path, the join clauses are among them.
 */
static void
plan_clause(RelOptInfo *baserel, RestrictInfo *rinfo, List **pushed,
			List **exprs, List **reasons)
{
	TplusPlanState *state = baserel->fdw_private;
	TplusPushable pushable = {0};
	const char *reason = tplus_qual_classify(state->table, baserel->relid,
											 rinfo->clause, &pushable);

	*reasons = lappend(*reasons, makeString(pstrdup(reason ? reason : "")));
	if (reason)
		return;
	*pushed = lappend(*pushed, list_make2(makeInteger(pushable.attnum),
										  makeInteger(pushable.compare)));
	*exprs = lappend(*exprs, pushable.value);
}

/* Is the scan restricted by nothing but lower bounds of the row version? */
static bool
is_only_bound(const TplusTable *table, List *reasons, List *pushed)
{
	ListCell   *lc;

	if (list_length(reasons) != list_length(pushed))
		return false;
	foreach(lc, pushed)
	{
		int			attnum = intVal(linitial(lfirst_node(List, lc)));

		if (table->columns[attnum - 1].filter.kind !=
			TPLUS_FILTER_KIND_VERSION)
			return false;
	}
	return true;
}

ForeignScan *
tplusGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
					Oid foreigntableid, ForeignPath *best_path, List *tlist,
					List *scan_clauses, Plan *outer_plan)
{
	TplusPlanState *state = baserel->fdw_private;
	Bitmapset  *offsets = NULL;
	Bitmapset  *columns = bms_copy(state->columns);
	List	   *pushed = NIL;
	List	   *exprs = NIL;
	List	   *reasons = NIL;
	List	   *needed = NIL;
	ListCell   *lc;
	int			attnum = -1;
	int			limit = limit_hint(root, baserel);
	List	   *private;

	foreach(lc, scan_clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		pull_varattnos((Node *) rinfo->clause, baserel->relid, &offsets);
		if (!rinfo->pseudoconstant)
			plan_clause(baserel, rinfo, &pushed, &exprs, &reasons);
	}
	while ((attnum = bms_next_member(offsets, attnum)) >= 0)
	{
		if (attnum + FirstLowInvalidHeapAttributeNumber > 0)
			columns = bms_add_member(columns,
									 attnum + FirstLowInvalidHeapAttributeNumber);
	}
	attnum = -1;
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		needed = lappend_int(needed, attnum);

	private = list_make5(pushed, needed, reasons,
						 makeBoolean(is_only_bound(state->table, reasons,
												   pushed)),
						 makeInteger(limit));
	private = lappend(private, estimated_requests(state, best_path, limit));

	/* Everything is rechecked, so every clause stays in the plan. */
	return make_foreignscan(tlist, extract_actual_clauses(scan_clauses, false),
							baserel->relid, exprs, private, NIL, NIL,
							outer_plan);
}
