/*-------------------------------------------------------------------------
 *
 * filter.h
 *		What a filter parameter means, and how a condition widens into it.
 *
 * The rule: what is sent may bring more than the condition wants, never less;
 * PostgreSQL rechecks every condition.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/filter.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_FILTER_H
#define TPLUS_FILTER_H

#include "postgres.h"

#include "tplus/condition.h"

/* The operation that a read of the table begins with. */
extern TplusOperation tplus_filter_first(const TplusTableOptions *table);

/*
 * The filter of the column that shows field, in a table with these options.  resource_field may be NULL if
 * the catalog does not know the field; column_type then tells the kind, if
 * the options name a parameter.
 */
extern void tplus_filter_resolve(const TplusResource *resource,
								 const TplusField *resource_field,
								 const char *field,
								 const TplusTableOptions *table,
								 const TplusColumnOptions *options,
								 Oid column_type, TplusFilter *filter);

/*
 * Why a comparison cannot be sent, as a phrase for EXPLAIN; NULL if it can.
 */
extern const char *tplus_filter_refuses(const TplusFilter *filter,
										const TplusTableOptions *table,
										TplusCompare compare, Oid column_type,
										Oid value_type);

/*
 * Does T+, asked for this comparison, answer with what SQL wants, and no more?
 * Of texts it does not tell case and width, of times only the day.
 */
extern bool tplus_filter_is_exact(const TplusFilter *filter,
								  TplusCompare compare, Oid column_type);

/*
 * Turns the conditions (a List of TplusCondition, all of which must hold)
 * into parameter sets.  What turns out not to be encodable is left out, and
 * the condition says why.
 */
extern void tplus_filter_apply(List *conditions,
							   const TplusTableOptions *table,
							   const char *timezone,
							   TplusFiltering *filtering);

#endif							/* TPLUS_FILTER_H */
