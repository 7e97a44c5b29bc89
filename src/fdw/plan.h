/*-------------------------------------------------------------------------
 *
 * plan.h
 *		Row estimate, paths, and the plan of a foreign scan.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/plan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PLAN_H
#define TPLUS_PLAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"

/*
 * What crosses from the planner to the executor in ForeignScan.fdw_private:
 * plain nodes, no pointer, no secret.  Options are read again when the scan
 * begins.
 */
typedef enum TplusPlanItem
{
	/*
	 * List of Lists (Integer attnum, Integer TplusCompare), one for each
	 * expression of fdw_exprs
	 */
	TPLUS_PLAN_PUSHED,
	/* List of int: attnums of the columns that the query needs */
	TPLUS_PLAN_COLUMNS,

	/*
	 * List of String, one for each clause of the plan's qual: why it stays
	 * here; empty if it is pushed, in the order of TPLUS_PLAN_PUSHED
	 */
	TPLUS_PLAN_REASONS,
	/* Boolean: nothing but a lower bound of the row version restricts it */
	TPLUS_PLAN_ONLY_BOUND,
	/* Integer: rows after which the query may stop; 0: not known */
	TPLUS_PLAN_LIMIT,
	/* Float: requests of one scan, as estimated */
	TPLUS_PLAN_REQUESTS
} TplusPlanItem;

/* Callbacks of FdwRoutine. */
extern void tplusGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
								   Oid foreigntableid);
extern void tplusGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
								 Oid foreigntableid);
extern ForeignScan *tplusGetForeignPlan(PlannerInfo *root,
										RelOptInfo *baserel,
										Oid foreigntableid,
										ForeignPath *best_path, List *tlist,
										List *scan_clauses, Plan *outer_plan);

#endif							/* TPLUS_PLAN_H */
