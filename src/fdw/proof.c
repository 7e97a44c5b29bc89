/*-------------------------------------------------------------------------
 *
 * proof.c
 *		Which scans of a plan pass each of their rows on to the result.
 *
 * A mark that is too high loses records for ever, one that is missing costs a
 * read.  So this is a list of what is known to pass on every row, and whatever
 * is not on it drops rows.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/proof.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "nodes/execnodes.h"
#include "tcop/pquery.h"
#include "utils/lsyscache.h"

#include "fdw/proof.h"
#include "fdw/scan.h"

/* Aggregates into which each row goes, built-in ones. */
static const char *const collectors[] = {
	"array_agg", "avg", "count", "json_agg", "json_object_agg", "jsonb_agg",
	"jsonb_object_agg", "string_agg", "sum", "xmlagg"
};

static bool
is_collector(const Aggref *aggref)
{
	const char *name;
	int			i;

	if (aggref->aggfilter || aggref->aggdistinct ||
		aggref->aggkind != AGGKIND_NORMAL ||
		get_func_namespace(aggref->aggfnoid) != PG_CATALOG_NAMESPACE)
		return false;
	name = get_func_name(aggref->aggfnoid);
	for (i = 0; i < (int) lengthof(collectors); i++)
	{
		if (name && strcmp(name, collectors[i]) == 0)
			return true;
	}
	return false;
}

/* Does the aggregation make one row out of all, with a part of each? */
static bool
collects_all(const AggState *node)
{
	const Agg  *plan = (const Agg *) node->ss.ps.plan;
	ListCell   *lc;

	if (plan->aggstrategy != AGG_PLAIN || plan->groupingSets || plan->chain ||
		plan->plan.qual || node->aggs == NIL)
		return false;
	foreach(lc, node->aggs)
	{
		if (!is_collector(lfirst_node(Aggref, lc)))
			return false;
	}
	return true;
}

static void gather(PlanState *node, TplusProof *proof);

static void
gather_all(PlanState **nodes, int n, TplusProof *proof)
{
	int			i;

	for (i = 0; i < n; i++)
		gather(nodes[i], proof);
}

/* Adds the scans whose rows come out of this node, each of them. */
static void
gather(PlanState *node, TplusProof *proof)
{
	switch (nodeTag(node))
	{
		case T_ForeignScanState:
			if (((ForeignScanState *) node)->fdwroutine->IterateForeignScan ==
				tplusIterateForeignScan)
			{
				proof->scans = lappend(proof->scans, node);
				return;
			}
			break;
		case T_ResultState:
			if (outerPlanState(node) && node->plan->qual == NIL &&
				((Result *) node->plan)->resconstantqual == NULL)
			{
				gather(outerPlanState(node), proof);
				return;
			}
			break;
		case T_MaterialState:
		case T_SortState:
		case T_IncrementalSortState:
			gather(outerPlanState(node), proof);
			return;
		case T_AggState:
			if (collects_all((AggState *) node))
				gather(outerPlanState(node), proof);
			break;
		case T_SubqueryScanState:
			if (node->plan->qual == NIL)
			{
				gather(((SubqueryScanState *) node)->subplan, proof);
				return;
			}
			break;
		case T_AppendState:
			gather_all(((AppendState *) node)->appendplans,
					   ((AppendState *) node)->as_nplans, proof);
			return;
		case T_MergeAppendState:
			gather_all(((MergeAppendState *) node)->mergeplans,
					   ((MergeAppendState *) node)->ms_nplans, proof);
			return;
		default:
			break;
	}

	/* Its rows are others, or fewer. */
	proof->countable = false;
}

void
tplus_proof_make(QueryDesc *query, TplusProof *proof)
{
	PlanState  *top = query->planstate;

	proof->scans = NIL;
	proof->countable = true;
	proof->one_row = false;
	if (query->operation == CMD_INSERT && IsA(top, ModifyTableState))
		top = outerPlanState(top);
	else if (query->operation != CMD_SELECT)
		return;
	proof->one_row = IsA(top, AggState) && collects_all((AggState *) top);
	gather(top, proof);
}

/* What stands between a row and these tables. */
typedef struct Obstacles
{
	bool		can_drop;		/* a row, without an error; it is not counted */
	bool		unknown;		/* a trigger decides what becomes of it */
} Obstacles;

static void
find_obstacles(List *relinfos, Obstacles *obstacles)
{
	ListCell   *lc;

	foreach(lc, relinfos)
	{
		ResultRelInfo *relinfo = lfirst(lc);
		TriggerDesc *triggers = relinfo->ri_TrigDesc;

		obstacles->can_drop |= relinfo->ri_FdwRoutine ||
			(triggers && triggers->trig_insert_before_row);
		obstacles->unknown |= triggers && triggers->trig_insert_instead_row;
	}
}

/*
 * Has each row been put into the table, or updated another one there?  Where
 * triggers, ON CONFLICT or a foreign server have a say, the count of rows
 * tells.
 */
static bool
inserted_all(QueryDesc *query, const TplusProof *proof)
{
	EState	   *estate = query->estate;
	const ModifyTable *plan = (const ModifyTable *) query->planstate->plan;
	Obstacles	obstacles = {0};
	uint64		wanted = 0;
	ListCell   *lc;

	/* What a rule adds is not what the statement counts. */
	if (!query->plannedstmt->canSetTag)
		return false;
	find_obstacles(estate->es_opened_result_relations, &obstacles);
	find_obstacles(estate->es_tuple_routing_result_relations, &obstacles);
	if (obstacles.unknown)
		return false;
	if (plan->onConflictAction == ONCONFLICT_NONE && !obstacles.can_drop)
		return true;
	if (!proof->countable)
		return false;
	foreach(lc, proof->scans)
		wanted += tplus_scan_wanted(lfirst(lc));
	return wanted == estate->es_processed;
}

/*
 * Do the rows go to somebody who has asked for them?  Not those that a cursor
 * passes over, that EXPLAIN counts, or that are put by for later.
 */
static bool
arrive(QueryDesc *query)
{
	switch (query->dest->mydest)
	{
		case DestRemote:
		case DestRemoteExecute:
		case DestRemoteSimple:
		case DestSPI:
		case DestIntoRel:
		case DestCopyOut:
		case DestTransientRel:
			return true;
		case DestTuplestore:
			/* FETCH takes its rows through a store, and hands on all. */
			return ActivePortal && ActivePortal->queryDesc == query &&
				ActivePortal->holdStore == NULL;
		default:
			return false;
	}
}

bool
tplus_proof_holds(QueryDesc *query, const TplusProof *proof)
{
	return query->operation == CMD_INSERT ? inserted_all(query, proof) :
		arrive(query);
}
