/*-------------------------------------------------------------------------
 *
 * cost.h
 *		What a scan is expected to ask of T+, and what that costs.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/cost.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_COST_H
#define TPLUS_COST_H

#include "postgres.h"

#include "nodes/pathnodes.h"

#include "fdw/qual.h"
#include "fdw/table.h"

/* What the clauses of a scan that can be asked turn into, as estimated. */
typedef struct TplusDemand
{
	List	   *sent;			/* of RestrictInfo: those that will be asked */
	double		sets;			/* parameter sets; at least one */
	double		pinned;			/* values of a unique field asked; 0: none */
	bool		flag_known;		/* a clause fixes the flag of stopped records */
} TplusDemand;

/* Sums up the clauses (a List of TplusPushable with their rinfo). */
extern void tplus_cost_demand(PlannerInfo *root, const TplusTable *table,
							  List *pushed, TplusDemand *demand);

/*
 * How many requests it takes until so many records have come, in pages of
 * page_size, those that confirm that they are all included.
 */
extern double tplus_cost_requests(const TplusTable *table,
								  const TplusDemand *demand, double records,
								  int page_size);

/*
 * Milliseconds from a request to the first byte of its answer: as measured
 * of late by all backends, or as the server's options declare.
 */
extern double tplus_cost_latency_ms(const TplusServerOptions *server);

/* The same in the planner's units of cost. */
extern Cost tplus_cost_of_request(const TplusServerOptions *server);

#endif							/* TPLUS_COST_H */
