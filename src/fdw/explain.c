/*-------------------------------------------------------------------------
 *
 * explain.c
 *		What EXPLAIN says of a foreign scan.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/explain.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/compat.h"
#include "fdw/explain.h"
#include "fdw/plan.h"
#include "fdw/scan.h"

static bool
contains_param(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return true;
	return expression_tree_walker(node, contains_param, context);
}

/* Several texts: a line for each, or a list where there is such a thing. */
static void
explain_texts(const char *name, List *texts, ExplainState *es)
{
	ListCell   *lc;

	if (es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyList(name, texts, es);
		return;
	}
	foreach(lc, texts)
		ExplainPropertyText(name, lfirst(lc), es);
}

/*
 * How many parameter sets a clause turns into, each of which takes a request
 * at least: at most so many, as long as the values are not known.
 */
static int
requests_of(const TplusCondition *cond, const TplusFilter *filter,
			TplusCompare compare, int max_requests)
{
	if (cond)
		return Max(cond->requests, 1);
	if (tplus_compare_is_list(compare))
		return filter->kind == TPLUS_FILTER_KIND_BOOL ? 1 : max_requests;
	return filter->kind == TPLUS_FILTER_KIND_DATE &&
		filter->op[filter->first] == TPLUS_FILTER_EQ && compare != TPLUS_COMPARE_EQ ?
		max_requests : 1;
}

/* What becomes of a clause that can be sent. */
static char *
describe_pushed(TplusScanState *state, int i)
{
	List	   *item = list_nth_node(List, state->pushed, i);
	const TplusColumn *column =
	&state->table->columns[intVal(linitial(item)) - 1];
	TplusCompare compare = intVal(lsecond(item));
	const TplusCondition *cond = state->conditions ?
	list_nth(state->conditions, i) : NULL;
	int			requests = requests_of(cond, &column->filter, compare,
									   state->table->options->max_filter_requests);

	if (compare == TPLUS_COMPARE_NOT_TRUE)
		return "stopped records are not asked for, and rechecked";
	return psprintf("sent%s%s, and rechecked",
					tplus_filter_is_exact(&column->filter, compare,
										  column->type) ? ", exact" : "",
					requests > 1 ? psprintf(", requests <= %d", requests) : "");
}

/* The clauses: which are sent, which stay here, and why. */
static void
explain_clauses(ForeignScanState *node, TplusScanState *state,
				ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt,
												   &plan->scan.plan, NIL);
	List	   *pushed = NIL;
	List	   *local = NIL;
	ListCell   *lc;
	ListCell   *lc2;
	int			i = 0;

	forboth(lc, plan->scan.plan.qual,
			lc2, list_nth(plan->fdw_private, TPLUS_PLAN_REASONS))
	{
		char	   *text = deparse_expression(lfirst(lc), context, false, false);
		const char *reason = strVal(lfirst(lc2));

		/* A clause that could be sent may have a value that cannot. */
		if (*reason == '\0')
		{
			const TplusCondition *cond = state->conditions ?
			list_nth(state->conditions, i) : NULL;

			if (cond == NULL || cond->local == NULL)
				pushed = lappend(pushed, psprintf("%s: %s", text,
												  describe_pushed(state, i)));
			else
				reason = cond->local;
			i++;
		}
		if (*reason != '\0')
			local = lappend(local, psprintf("%s: %s", text, reason));
	}
	if (pushed)
		explain_texts("T+ Pushed", pushed, es);
	if (local)
		explain_texts("T+ Local", local, es);
}

/* The first request, if its values are known without running the query. */
static void
explain_request(ForeignScanState *node, TplusScanState *state,
				ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	const char *path;
	char	   *body;

	if (state->read == NULL)
	{
		if (contains_param((Node *) plan->fdw_exprs, NULL))
		{
			const TplusResource *resource = state->table->resource;
			bool		by_page = state->table->options->paging == TPLUS_PAGING_PAGE;

			ExplainPropertyText("T+ Request",
								psprintf("POST %s", by_page && resource->page_path ?
										 resource->page_path : resource->path),
								es);
			return;
		}
		tplus_scan_prepare(state);
	}
	body = tplus_read_first_body(&state->query, &path);
	if (body == NULL)
	{
		ExplainPropertyText("T+ Request", "none: nothing can match", es);
		return;
	}
	ExplainPropertyText("T+ Request", psprintf("POST %s", path), es);
	ExplainPropertyText("T+ Parameters",
						pg_any_to_server(body, strlen(body), PG_UTF8), es);
	if (list_length(state->query.arms) > 1 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("T+ Parameter Sets", NULL,
							   list_length(state->query.arms), es);
}

/* Columns whose field the catalog does not know. */
static void
explain_fields(TplusScanState *state, ExplainState *es)
{
	List	   *unknown = NIL;
	int			attnum = -1;

	while ((attnum = bms_next_member(state->columns, attnum)) >= 0)
	{
		const TplusColumn *column = &state->table->columns[attnum - 1];

		if (state->table->resource->nfields > 0 && column->known == NULL &&
			tplus_table_has_field(state->table, attnum))
			unknown = lappend(unknown, (char *) column->field);
	}
	if (unknown)
		ExplainPropertyList("T+ Fields Not in the Catalog", unknown, es);
	if (state->missing)
		ExplainPropertyList("T+ Fields Missing", state->missing, es);
}

/* By cause; what never happened is not worth a line of text. */
static void
explain_retries(const TplusCallStats *stats, ExplainState *es)
{
	int			i;

	for (i = 0; i < TPLUS_NRETRYCAUSES; i++)
	{
		if (stats->retries[i] > 0 || es->format != EXPLAIN_FORMAT_TEXT)
			ExplainPropertyInteger(psprintf("T+ Retries %s",
											tplus_retry_names[i]),
								   NULL, stats->retries[i], es);
	}
}

static void
explain_costs(TplusScanState *state, ExplainState *es)
{
	const TplusCallStats *stats = &state->stats;

	ExplainPropertyInteger("T+ Requests", NULL, stats->requests, es);
	if (stats->ahead > 0 || es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyInteger("T+ Requests Ahead", NULL, stats->ahead, es);
		ExplainPropertyInteger("T+ Requests Unused", NULL, stats->unused, es);
	}
	ExplainPropertyInteger("T+ Pages", NULL, stats->pages, es);
	ExplainPropertyInteger("T+ Records Received", NULL, stats->records, es);
	ExplainPropertyInteger("T+ Records Returned", NULL, state->returned, es);
	if (state->replays > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("T+ Scans Answered From Memory", NULL,
							   state->replays, es);
	explain_retries(stats, es);
	ExplainPropertyText("T+ Paging", state->read ?
						tplus_read_way(state->read) :
						state->way ? state->way : "none", es);
	if (es->costs)
	{
		ExplainPropertyInteger("T+ Bytes Received", NULL, stats->wire_bytes, es);
		ExplainPropertyInteger("T+ Bytes Decoded", NULL, stats->body_bytes, es);
	}
	if (es->timing)
	{
		ExplainPropertyFloat("T+ Network Time", "ms",
							 stats->network_us / 1000.0, 3, es);
		ExplainPropertyFloat("T+ Budget Time", "ms",
							 stats->budget_us / 1000.0, 3, es);
		ExplainPropertyFloat("T+ Token Time", "ms",
							 stats->token_us / 1000.0, 3, es);
		ExplainPropertyFloat("T+ Backoff Time", "ms",
							 stats->backoff_us / 1000.0, 3, es);
	}
}

void
tplusExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	TplusScanState *state = node->fdw_state;
	const ForeignScan *plan = (const ForeignScan *) node->ss.ps.plan;

	if (es->verbose)
	{
		explain_request(node, state, es);
		explain_clauses(node, state, es);
		explain_fields(state, es);
	}

	/* As the rows beside it, those of one loop. */
	if (es->costs)
		ExplainPropertyFloat("T+ Requests Estimated", NULL,
							 floatVal(list_nth(plan->fdw_private,
											   TPLUS_PLAN_REQUESTS)),
							 0, es);
	if (es->analyze)
		explain_costs(state, es);
}
