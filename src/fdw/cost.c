/*-------------------------------------------------------------------------
 *
 * cost.c
 *		What a scan is expected to ask of T+, and what that costs.
 *
 * A scan costs its requests, each of which takes the server's latency.  How
 * many there are follows from how a read goes on (tplus/sweep.h); what a
 * millisecond costs, and what is guessed where the values are not known yet,
 * is invented, and says so.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/cost.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "optimizer/optimizer.h"
#include "utils/date.h"
#include "utils/selfuncs.h"

#include "base/compat.h"
#include "base/stats.h"
#include "fdw/cost.h"
#include "tplus/meter.h"

/*
 * Invented: what a millisecond of waiting costs, in the planner's units.  A
 * cached page read costs 1 there and takes some microseconds, so this is not
 * too high.
 */
#define COST_PER_MS		10.0

/* Invented: the days of a range whose bounds are not known yet. */
#define GUESSED_DAYS	7

/* The range of days that clauses on a date leave, for a server that takes one. */
typedef struct Range
{
	List	   *sent;
	Expr	   *low;
	Expr	   *high;
} Range;

/* How many values the clause asks for. */
static double
values_of(PlannerInfo *root, const TplusPushable *pushable)
{
	if (!tplus_compare_is_list(pushable->compare))
		return 1;
	return Max(tplus_array_length(root, (Node *) pushable->value), 1);
}

static void
note_bound(const TplusPushable *pushable, Range *range)
{
	range->sent = lappend(range->sent, pushable->rinfo);
	if (pushable->compare == TPLUS_COMPARE_GE ||
		pushable->compare == TPLUS_COMPARE_GT)
		range->low = pushable->value;
	else
		range->high = pushable->value;
}

/* Days to ask for, those that widen the range included; 0: it stays open. */
static double
days_of_range(const TplusTable *table, const Range *range)
{
	const Const *low = (const Const *) range->low;
	const Const *high = (const Const *) range->high;

	if (low == NULL || (high == NULL && table->options->date_horizon_days < 0))
		return 0;
	if (high == NULL || !IsA(low, Const) || !IsA(high, Const) ||
		low->consttype != DATEOID || high->consttype != DATEOID ||
		low->constisnull || high->constisnull)
		return GUESSED_DAYS;
	return Max((double) DatumGetDateADT(high->constvalue) -
			   DatumGetDateADT(low->constvalue) + 3, 1);
}

/* Multiplies the sets, unless that makes more than are allowed. */
static bool
multiply(const TplusTable *table, double values, TplusDemand *demand)
{
	if (demand->sets * values > table->options->max_filter_requests)
		return false;
	demand->sets *= values;
	return true;
}

void
tplus_cost_demand(PlannerInfo *root, const TplusTable *table, List *pushed,
				  TplusDemand *demand)
{
	Range		range = {0};
	double		days;
	ListCell   *lc;

	memset(demand, 0, sizeof(*demand));
	demand->sets = 1;
	foreach(lc, pushed)
	{
		TplusPushable *pushable = lfirst(lc);
		const TplusFilter *filter =
		&table->columns[pushable->attnum - 1].filter;
		double		values = values_of(root, pushable);

		if (filter->is_flag)
			demand->flag_known = true;
		else if (filter->kind == TPLUS_FILTER_KIND_DATE &&
				 filter->op[filter->first] == TPLUS_FILTER_EQ &&
				 pushable->compare != TPLUS_COMPARE_EQ &&
				 pushable->compare != TPLUS_COMPARE_ANY)
		{
			note_bound(pushable, &range);
			continue;
		}
		else if (!multiply(table, values, demand))
			continue;
		else if (filter->unique && pushable->compare <= TPLUS_COMPARE_ANY)
			demand->pinned = demand->pinned > 0 ?
				Min(demand->pinned, values) : values;
		demand->sent = lappend(demand->sent, pushable->rinfo);
	}
	days = days_of_range(table, &range);
	if (days > 0 && multiply(table, days, demand))
		demand->sent = list_concat(demand->sent, range.sent);
}

/* Requests to read one parameter set that has so many pages. */
static double
requests_of_arm(const TplusTableOptions *options, double pages)
{
	switch ((TplusPaging) options->paging)
	{
		case TPLUS_PAGING_TS:
			return pages + 1;	/* the empty page at the end */
		case TPLUS_PAGING_PAGE:
			return options->verify ? 2 * (pages + 1) : pages + 1;
		case TPLUS_PAGING_NONE:
			return options->verify ? 2 : 1;
		case TPLUS_PAGING_AUTO:
			break;
	}
	/* The page and a count; or once more by cursor, to an empty page. */
	return pages > 1 ? pages + 3 : 2;
}

double
tplus_cost_requests(const TplusTable *table, const TplusDemand *demand,
					double records, int page_size)
{
	const TplusTableOptions *options = table->options;
	bool		twice = strcmp(options->variants, "auto") == 0 &&
	table->resource->disabled && !demand->flag_known;
	double		arms = demand->sets;
	double		pages;
	double		requests;

	/* A record that is pinned mostly comes with the first page asked. */
	if (demand->pinned > 0)
		return arms;

	pages = Max(ceil(records / arms / page_size), 1);
	requests = arms * requests_of_arm(options, pages);

	/* Stopped records are few, and come in pages of their own. */
	if (twice)
		requests += arms * requests_of_arm(options, 1);

	/* A round that confirms, as a record may change its set. */
	if ((twice || arms > 1) && options->verify)
		requests += twice ? 2 * arms : arms;
	return requests;
}

double
tplus_cost_latency_ms(const TplusServerOptions *server)
{
	double		measured;

	tplus_meter_attach();
	measured = tplus_stats_latency_ms(server->serverid);
	return measured >= 0 ? measured : server->latency_ms;
}

Cost
tplus_cost_of_request(const TplusServerOptions *server)
{
	return tplus_cost_latency_ms(server) * COST_PER_MS;
}
