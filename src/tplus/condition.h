/*-------------------------------------------------------------------------
 *
 * condition.h
 *		Conditions of SQL, and the parameter sets that they turn into.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/condition.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CONDITION_H
#define TPLUS_CONDITION_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "tplus/encode.h"
#include "tplus/resource.h"

/* How SQL compares. */
typedef enum TplusCompare
{
	TPLUS_COMPARE_LT,
	TPLUS_COMPARE_LE,
	TPLUS_COMPARE_EQ,
	TPLUS_COMPARE_GE,
	TPLUS_COMPARE_GT,
	TPLUS_COMPARE_ANY,			/* equal to one of several values */
	TPLUS_COMPARE_NOT_TRUE,		/* false, or missing */
	TPLUS_COMPARE_LIKE,			/* matches a pattern ... */
	TPLUS_COMPARE_ILIKE,		/* ... without regard to case */
	TPLUS_COMPARE_PREFIX,		/* begins with a text */
	TPLUS_COMPARE_LIKE_ANY,		/* matches one of several patterns ... */
	TPLUS_COMPARE_ILIKE_ANY		/* ... without regard to case */
} TplusCompare;

/* Does the comparison take an array of values? */
static inline bool
tplus_compare_is_list(TplusCompare compare)
{
	return compare == TPLUS_COMPARE_ANY ||
		compare == TPLUS_COMPARE_LIKE_ANY || compare == TPLUS_COMPARE_ILIKE_ANY;
}

/* The filter of one column, resolved from the catalog and its options. */
typedef struct TplusFilter
{
	const char *field;
	const char *param;			/* parameter name; NULL: there is none */
	TplusFilterKind kind;
	TplusOperation first;		/* by which a read begins */
	TplusFilterOp op[TPLUS_NOPERATIONS];
	TplusEncoding encoding[TPLUS_NOPERATIONS];
	bool		unique;			/* no two records share a value */
	bool		is_flag;		/* the flag of stopped records */
} TplusFilter;

/* "column compare value", with the value known. */
typedef struct TplusCondition
{
	TplusFilter filter;
	TplusCompare compare;
	Oid			column_type;
	int			max_length;		/* of what the column holds whole; 0: any */
	Oid			value_type;
	bool		isnull;
	int			nvalues;		/* one, but for those that take a list */
	Datum	   *values;			/* none of them null */
	const char *local;			/* why it was not sent after all; NULL: it was */
	int			requests;		/* parameter sets that it makes, or takes part
								 * in */
} TplusCondition;

/* One parameter set, and what it pins. */
typedef struct TplusParamSet
{
	List	   *params;			/* of TplusParam */
	const char *unique_value;	/* of the pinned unique field, or NULL */
} TplusParamSet;

/* What the conditions of a scan turn into. */
typedef struct TplusFiltering
{
	bool		impossible;		/* nothing can match */
	List	   *sets;			/* of TplusParamSet; at least one */
	bool		has_flag;
	bool		flag;
	bool		not_stopped;	/* stopped records do not match */
	bool		uneven;			/* one operation is asked for more than the
								 * other: they count other records */
	const char *bound;			/* row versions above this; or NULL */
	const char *unique_field;	/* one that the conditions pin, or NULL */
	const char *like_param;		/* a parameter with a pattern, or NULL */
	const char *like_field;		/* and its field */
} TplusFiltering;

/* Begins with one empty set; palloc'd in the current context, as all here. */
extern void tplus_filtering_init(TplusFiltering *filtering);

/* Does a parameter of this name carry a condition already? */
extern bool tplus_filtering_has(const TplusFiltering *filtering,
								const char *param);

/* Asks for this in every set. */
extern void tplus_filtering_add(TplusFiltering *filtering, TplusParam *param);

/*
 * Multiplies the sets by these parameters, any of which may hold; values are
 * those (String) that a unique field is pinned to, or NIL.  Returns false,
 * having changed nothing, if that makes more than max_sets.
 */
extern bool tplus_filtering_multiply(TplusFiltering *filtering, List *params,
									 List *values, int max_sets);

#endif							/* TPLUS_CONDITION_H */
