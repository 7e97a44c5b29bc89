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
void
tplusGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
					 Oid foreigntableid)
{
	TplusPlanState *state = baserel->fdw_private;
	double		requests = ceil(state->fetched / state->page_size);
	Cost		startup;
	Cost		total;

	startup = state->latency_ms * COST_PER_MS + baserel->baserestrictcost.startup;
	total = startup + (requests - 1) * state->latency_ms * COST_PER_MS +
		state->fetched * (cpu_tuple_cost + baserel->baserestrictcost.per_tuple);
	add_path(baserel, (Path *)
			 tplus_create_foreignscan_path(root, baserel, baserel->rows,
										   startup, total, NIL,
										   baserel->lateral_relids, NULL, NIL));
}

ForeignScan *
tplusGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
					Oid foreigntableid, ForeignPath *best_path, List *tlist,
					List *scan_clauses, Plan *outer_plan)
{
	TplusPlanState *state = baserel->fdw_private;
	List	   *pushed = NIL;
	List	   *exprs = NIL;
	List	   *columns = NIL;
	ListCell   *lc;
	int			attnum = -1;

	foreach(lc, state->pushed)
	{
		TplusPushable *pushable = lfirst(lc);

		pushed = lappend(pushed, list_make2(makeInteger(pushable->attnum),
											makeInteger(pushable->compare)));
		exprs = lappend(exprs, pushable->value);
	}
	while ((attnum = bms_next_member(state->columns, attnum)) >= 0)
		columns = lappend_int(columns, attnum);

	/* Everything is rechecked, so every clause stays in the plan. */
	return make_foreignscan(tlist, extract_actual_clauses(scan_clauses, false),
							baserel->relid, exprs,
							list_make4(pushed, columns, state->notes,
									   makeBoolean(state->only_bound)),
							NIL, NIL, outer_plan);
}
