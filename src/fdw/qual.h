/*-------------------------------------------------------------------------
 *
 * qual.h
 *		A WHERE clause as filter, comparison and expression, or why not.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/qual.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_QUAL_H
#define TPLUS_QUAL_H

#include "postgres.h"

#include "nodes/pathnodes.h"

#include "fdw/table.h"

/* A clause that T+ can be asked. */
typedef struct TplusPushable
{
	int			attnum;
	TplusCompare compare;
	Expr	   *value;			/* to be evaluated when the scan begins */
	bool		exact;			/* T+ is asked for what it says, not for more */
	RestrictInfo *rinfo;		/* for the planner: where it comes from */
} TplusPushable;

/*
 * Can the clause be asked of T+ by a scan of the relation with this range
 * table index?  Returns NULL and fills *pushable, or returns the reason why
 * not, as a phrase for EXPLAIN.  The value may hold Vars of other relations;
 * whether they are at hand is the caller's affair.
 */
extern const char *tplus_qual_classify(const TplusTable *table, Index varno,
									   Expr *clause, TplusPushable *pushable);

#endif							/* TPLUS_QUAL_H */
