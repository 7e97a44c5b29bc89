/*-------------------------------------------------------------------------
 *
 * dayrange.c
 *		Conditions on dates, as ranges of days that T+ can be asked for.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/dayrange.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/day.h"
#include "tplus/dayrange.h"

static const char too_many[] =
"it has more days than \"max_filter_requests\" allows requests";

/* Where the conditions on one date stand, as a range of days. */
typedef struct DayRange
{
	const TplusFilter *filter;
	List	   *conditions;		/* of TplusCondition */
	bool		has_low;
	bool		has_high;
	int32		low;			/* first day that can match */
	int32		high;			/* last day that can match */
	List	   *days;			/* of int: no other days; NIL: all of them */
} DayRange;

/* The range of the filter that a condition has; each has its own. */
static DayRange *
find_range(List **ranges, const TplusFilter *filter)
{
	DayRange   *range;
	ListCell   *lc;

	foreach(lc, *ranges)
	{
		range = lfirst(lc);
		if (memcmp(range->filter->op, filter->op, sizeof(filter->op)) == 0 &&
			pg_strcasecmp(range->filter->param, filter->param) == 0)
			return range;
	}
	range = palloc0(sizeof(DayRange));
	range->filter = filter;
	*ranges = lappend(*ranges, range);
	return range;
}

static void
narrow_low(DayRange *range, int32 day)
{
	if (!range->has_low || day > range->low)
		range->low = day;
	range->has_low = true;
}

static void
narrow_high(DayRange *range, int32 day)
{
	if (!range->has_high || day < range->high)
		range->high = day;
	range->has_high = true;
}

/* The days that the condition's values fall on, in order; NIL: not all do. */
static List *
days_of(const TplusCondition *cond, const char *timezone)
{
	List	   *days = NIL;
	int			i;

	for (i = 0; i < cond->nvalues; i++)
	{
		int32		day;

		if (!tplus_day_of(cond->values[i], cond->value_type,
						  cond->column_type, timezone, &day))
			return NIL;
		days = list_append_unique_int(days, day);
	}
	list_sort(days, list_int_cmp);
	return days;
}

void
tplus_dayrange_add(List **ranges, TplusCondition *cond, const char *timezone)
{
	List	   *days = days_of(cond, timezone);
	DayRange   *range;

	if (days == NIL)
	{
		cond->local = "T+ cannot spell the value as a day";
		return;
	}
	range = find_range(ranges, &cond->filter);
	range->conditions = lappend(range->conditions, cond);
	if (cond->compare == TPLUS_COMPARE_ANY && range->days == NIL)
		range->days = days;
	if (cond->compare >= TPLUS_COMPARE_EQ)
		narrow_low(range, linitial_int(days));
	if (cond->compare <= TPLUS_COMPARE_EQ ||
		cond->compare == TPLUS_COMPARE_ANY)
		narrow_high(range, llast_int(days));
}

static TplusParam *
day_param(const TplusFilter *filter, int32 day)
{
	return tplus_encode_text(filter->param, tplus_day_text(day));
}

/*
 * A day for a server that compares by equality: the other operation may not,
 * and is not asked for it then.
 */
static TplusParam *
one_day_param(const TplusFilter *filter, int32 day)
{
	TplusParam *param = day_param(filter, day);

	if (filter->op[TPLUS_OPERATION_QUERY] != TPLUS_FILTER_EQ)
		param->json = NULL;
	if (filter->op[TPLUS_OPERATION_PAGE] != TPLUS_FILTER_EQ)
		param->page_json = NULL;
	return param;
}

/* A parameter for each day from low to high that can match. */
static List *
list_days(const DayRange *range, int32 low, int32 high)
{
	List	   *params = NIL;
	ListCell   *lc;
	int32		day;

	foreach(lc, range->days)
	{
		if (lfirst_int(lc) >= low && lfirst_int(lc) <= high)
			params = lappend(params, one_day_param(range->filter, lfirst_int(lc)));
	}
	for (day = low; day <= high && range->days == NIL; day++)
		params = lappend(params, one_day_param(range->filter, day));
	return params;
}

/*
 * The parameter sets for a server that compares by equality: one per day.
 * Returns why there are none, or NULL.
 */
static const char *
expand_days(const DayRange *range, const TplusTableOptions *table,
			const char *timezone, TplusFiltering *filtering)
{
	int32		low = range->low;
	int32		high = range->high;
	List	   *params;
	ListCell   *lc;

	if (!range->has_low)
		return "T+ compares it by equality, and the range has no beginning";
	if (!range->has_high)
	{
		if (table->date_horizon_days < 0)
			return "T+ compares it by equality, and the range has no end; \"date_horizon_days\" can give it one";
		high = tplus_day_today(timezone) + table->date_horizon_days;
	}

	/* Days alone are asked for as they are; a range is widened. */
	if (!range->has_high || (low != high && range->days == NIL))
	{
		low--;
		high++;
	}
	if (range->days == NIL &&
		(int64) high - low + 1 > table->max_filter_requests)
		return too_many;
	params = list_days(range, low, high);
	if (params == NIL)
		filtering->impossible = true;	/* the horizon lies before the range */
	else if (!tplus_filtering_multiply(filtering, params, NIL,
									   table->max_filter_requests))
		return too_many;
	filtering->uneven |= range->filter->op[TPLUS_OPERATION_QUERY] !=
		range->filter->op[TPLUS_OPERATION_PAGE];
	foreach(lc, range->conditions)
		((TplusCondition *) lfirst(lc))->requests = list_length(params);
	return NULL;
}

/*
 * The bound of a range as JSON text under this operator of T+; NULL: there is
 * none.  Bounds are widened by a day, for the server may keep times of a zone
 * of its own.
 */
static const char *
bound_json(const DayRange *range, TplusFilterOp op)
{
	int32		day;

	switch (op)
	{
		case TPLUS_FILTER_GE:
		case TPLUS_FILTER_GT:
			if (!range->has_low)
				return NULL;
			day = range->low - (op == TPLUS_FILTER_GE ? 1 : 2);
			break;
		case TPLUS_FILTER_LE:
			if (!range->has_high)
				return NULL;
			day = range->high + 1;
			break;
		default:
			return NULL;
	}
	return day_param(range->filter, day)->json;
}

/* Asks each operation for the bound that it takes. */
static void
apply_bound(const DayRange *range, TplusFiltering *filtering)
{
	const TplusFilter *filter = range->filter;
	const TplusFilterOp *op = filter->op;
	TplusParam *param =
	tplus_encode_param(filter->param,
					   bound_json(range, op[TPLUS_OPERATION_QUERY]));

	if (op[TPLUS_OPERATION_QUERY] != op[TPLUS_OPERATION_PAGE])
	{
		param->page_json = bound_json(range, op[TPLUS_OPERATION_PAGE]);
		filtering->uneven = true;
	}
	if (param->json || param->page_json)
		tplus_filtering_add(filtering, param);
}

/* Returns why the range cannot be asked for, or NULL. */
static const char *
apply_range(const DayRange *range, const TplusTableOptions *table,
			const char *timezone, TplusFiltering *filtering)
{
	if (range->has_low && range->has_high && range->low > range->high)
	{
		filtering->impossible = true;
		return NULL;
	}
	if (range->filter->op[range->filter->first] == TPLUS_FILTER_EQ)
		return expand_days(range, table, timezone, filtering);
	apply_bound(range, filtering);
	return NULL;
}

void
tplus_dayrange_apply(List *ranges, const TplusTableOptions *table,
					 const char *timezone, TplusFiltering *filtering)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, ranges)
	{
		DayRange   *range = lfirst(lc);
		const char *local = apply_range(range, table, timezone, filtering);

		foreach(lc2, range->conditions)
			((TplusCondition *) lfirst(lc2))->local = local;
	}
}
