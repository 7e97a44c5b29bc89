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

#include "nodes/pg_list.h"

#include "tplus/resource.h"

/* How SQL compares; the order is that of btree strategies, less one. */
typedef enum TplusCompare
{
	TPLUS_COMPARE_LT,
	TPLUS_COMPARE_LE,
	TPLUS_COMPARE_EQ,
	TPLUS_COMPARE_GE,
	TPLUS_COMPARE_GT
} TplusCompare;

/* The filter of one column, resolved from the catalog and its options. */
typedef struct TplusFilter
{
	const char *field;
	const char *param;			/* parameter name; NULL: there is none */
	TplusFilterKind kind;
	TplusFilterOp op;
	TplusEncoding encoding;
	bool		unique;			/* no two records share a value */
	bool		is_flag;		/* the flag of stopped records */
} TplusFilter;

/* "column compare value", with the value known. */
typedef struct TplusCondition
{
	TplusFilter filter;
	TplusCompare compare;
	Oid			column_type;
	Oid			value_type;
	Datum		value;
	bool		isnull;
	const char *local;			/* why it was not sent after all; NULL: it was */
} TplusCondition;

/* What the conditions of a scan turn into. */
typedef struct TplusFiltering
{
	bool		impossible;		/* nothing can match */
	List	   *sets;			/* of Lists of TplusParam; at least one */
	bool		has_flag;
	bool		flag;
	const char *bound;			/* row versions above this; or NULL */
	const char *unique_field;	/* pinned to ... */
	const char *unique_value;	/* ... this; or NULL */
} TplusFiltering;

/*
 * The filter of the column that shows field.  resource_field may be NULL if
 * the catalog does not know the field; column_type then tells the kind, if
 * the options name a parameter.
 */
extern void tplus_filter_resolve(const TplusResource *resource,
								 const TplusField *resource_field,
								 const char *field,
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
 * Turns the conditions (a List of TplusCondition, all of which must hold)
 * into parameter sets.  What turns out not to be encodable is left out, and
 * the condition says why.
 */
extern void tplus_filter_apply(List *conditions,
							   const TplusTableOptions *table,
							   const char *timezone,
							   TplusFiltering *filtering);

#endif							/* TPLUS_FILTER_H */
