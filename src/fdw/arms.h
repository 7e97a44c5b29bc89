/*-------------------------------------------------------------------------
 *
 * arms.h
 *		From the conditions of a scan to the parameter sets of its query.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/arms.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ARMS_H
#define TPLUS_ARMS_H

#include "postgres.h"

#include "fdw/table.h"
#include "tplus/query.h"

/*
 * Fills arms, bound and the pinned field of the query from the conditions (a
 * List of TplusCondition) and the table's fixed parameters and variants.  A
 * condition on a parameter that the table fixes itself is left to the
 * recheck.  Palloc'd in the current context.
 */
extern void tplus_arms_make(const TplusTable *table, const char *timezone,
							List *conditions, TplusQuery *query);

#endif							/* TPLUS_ARMS_H */
