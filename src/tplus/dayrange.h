/*-------------------------------------------------------------------------
 *
 * dayrange.h
 *		Conditions on dates, as ranges of days that T+ can be asked for.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/dayrange.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_DAYRANGE_H
#define TPLUS_DAYRANGE_H

#include "postgres.h"

#include "tplus/condition.h"

/*
 * Takes a condition on a date into the range of its parameter, in *ranges (a
 * List that begins as NIL).  timezone is the server's.  A value that T+ could
 * not spell leaves the condition local.
 */
extern void tplus_dayrange_add(List **ranges, TplusCondition *cond,
							   const char *timezone);

/*
 * Asks for all ranges.  A range that cannot be asked for leaves its conditions
 * local, and they say why.
 */
extern void tplus_dayrange_apply(List *ranges, const TplusTableOptions *table,
								 const char *timezone,
								 TplusFiltering *filtering);

#endif							/* TPLUS_DAYRANGE_H */
