/*-------------------------------------------------------------------------
 *
 * calibrate_warning.c
 *		What an import that calibrated says of what stays open.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/calibrate_warning.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fdw/calibrate_warning.h"
#include "tplus/study.h"

/* What it costs that a fact is open; %s: how many pages all records take. */
typedef struct FactCost
{
	TplusFactKind kind;
	const char *cost;
} FactCost;

static const FactCost costs[] = {
	{TPLUS_FACT_DATE, "every read by the date of filing reads all records%s and filters here"},
	{TPLUS_FACT_VERSIONS, "every read of all records%s is confirmed by a count or a second sweep, and every incremental read by row version proves itself with requests of its own"},
	{TPLUS_FACT_PAGING, "every read of all records%s finds out anew how to go on"},
	{TPLUS_FACT_BOOL_FILTER, "every read of one kind of records tries how the flag is spelled"},
	{TPLUS_FACT_HIDDEN, "every read that does not say which kind it wants asks for both, and again until nothing is new"},
	{TPLUS_FACT_VALUES, "a clause on such a column is sent without proof that it brings its records"},
	{TPLUS_FACT_ID, "a clause on the id is sent without proof that it brings its record"},
};

/* A way was found, and the option not set, because another may be cheaper. */
static bool
is_left_to_reads(const TplusFact *fact)
{
	return fact->kind == TPLUS_FACT_PAGING && fact->value &&
		fact->settings == NIL;
}

static const char *
cost_of(const TplusFact *fact, const char *pages)
{
	int			i;

	if (fact->value && !is_left_to_reads(fact))
		return NULL;
	for (i = 0; i < (int) lengthof(costs); i++)
	{
		if (costs[i].kind == fact->kind)
			return strstr(costs[i].cost, "%s") == NULL ? costs[i].cost :
				psprintf(costs[i].cost, pages);
	}
	return NULL;
}

/* What helps, by what was in the way. */
static char *
advice(const bool *met)
{
	StringInfoData text;

	initStringInfo(&text);
	if (met[TPLUS_STATUS_UNASKED])
		appendStringInfo(&text, "Call tplus.calibrate() for the foreign table with apply and more \"max_requests\" than %d. ",
						 TPLUS_PROBE_REQUESTS);
	if (met[TPLUS_STATUS_UNDECIDABLE])
		appendStringInfoString(&text, "What these records cannot tell, another calibration tells only when there are such as it takes. ");
	if (met[TPLUS_STATUS_OPEN] || met[TPLUS_STATUS_REFUSED])
		appendStringInfoString(&text, "What was asked and stayed open, another calibration would leave open as well. ");
	appendStringInfoString(&text, "If you know it, set the option of the table or column.");
	return text.data;
}

void
tplus_calibrate_warn(const TplusResource *resource, List *facts, int64 pages)
{
	bool		met[TPLUS_STATUS_UNASKED + 1] = {0};
	StringInfoData open;
	char	   *size = pages < 0 ? "" :
	psprintf(" (" INT64_FORMAT " %s)", pages, pages == 1 ? "page" : "pages");
	ListCell   *lc;

	initStringInfo(&open);
	foreach(lc, facts)
	{
		const TplusFact *fact = lfirst(lc);
		const char *cost = cost_of(fact, size);

		if (cost == NULL)
			continue;
		met[fact->status] = true;
		appendStringInfo(&open, "%s\"%s\" is %s, so %s.",
						 open.len > 0 ? "\n" : "", fact->name,
						 is_left_to_reads(fact) ? "left to each read" :
						 tplus_status_names[fact->status], cost);
	}
	if (open.len > 0)
		ereport(WARNING,
				(errmsg("calibration of resource \"%s\" left open what costs requests",
						resource->name),
				 errdetail_internal("%s", open.data),
				 errhint("%s", advice(met))));
}
