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

/* How many requests for one page a clause may turn into. */
static int
max_requests(Node *clause, TplusScanState *state)
{
	return IsA(clause, ScalarArrayOpExpr) || is_orclause(clause) ?
		state->table->options->max_filter_requests : 1;
}

/* The clauses: which are sent, which stay here, and why. */
static void
explain_clauses(ForeignScanState *node, TplusScanState *state,
				ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *clauses = list_nth(plan->fdw_private, TPLUS_PLAN_CLAUSES);
	List	   *context = deparse_context_for(RelationGetRelationName(state->relation),
											  RelationGetRelid(state->relation));
	List	   *pushed = NIL;
	List	   *local = NIL;
	ListCell   *condition = list_head(state->conditions);
	ListCell   *lc;

	foreach(lc, clauses)
	{
		List	   *note = lfirst(lc);
		Node	   *clause = linitial(note);
		char	   *text = IsA(clause, String) ? strVal(clause) :
		deparse_expression(clause, context, false, false);
		const char *reason = strVal(lsecond(note));
		int			requests = max_requests(clause, state);

		/* A clause that could be sent may have a value that cannot. */
		if (*reason == '\0' && condition)
		{
			const TplusCondition *cond = lfirst(condition);

			if (cond->local)
				reason = cond->local;
			if (cond->compare == TPLUS_COMPARE_ANY)
				requests = cond->nvalues;
			condition = lnext(state->conditions, condition);
		}
		if (*reason == '\0')
			pushed = lappend(pushed, requests > 1 ?
							 psprintf("%s: sent, requests <= %d, and rechecked",
									  text, requests) :
							 psprintf("%s: sent, and rechecked", text));
		else
			local = lappend(local, psprintf("%s: %s", text, reason));
	}
	if (pushed)
		ExplainPropertyList("T+ Pushed", pushed, es);
	if (local)
		ExplainPropertyList("T+ Local", local, es);
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
	if (list_length(state->query.arms) > 1)
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

static void
explain_retries(const TplusCallStats *stats, ExplainState *es)
{
	int			i;

	for (i = 0; i < TPLUS_NRETRYCAUSES; i++)
	{
		if (stats->retries[i] > 0)
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
	ExplainPropertyInteger("T+ Pages", NULL, stats->pages, es);
	ExplainPropertyInteger("T+ Records Received", NULL, stats->records, es);
	ExplainPropertyInteger("T+ Records Returned", NULL, state->returned, es);
	if (state->replays > 0)
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

	if (es->verbose)
	{
		explain_request(node, state, es);
		explain_clauses(node, state, es);
		explain_fields(state, es);
	}
	if (es->analyze)
		explain_costs(state, es);
}
