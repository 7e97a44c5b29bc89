/*-------------------------------------------------------------------------
 *
 * sweep_cursor.c
 *		Reading an arm by row version.
 *
 * It asks for versions above the last one seen, from zero.  It assumes that
 * the server compares strictly and sends the lowest versions first; so
 * versions must rise, each page must bring keys that the sweep has not had,
 * and at its end (a page without rows) the number of keys is compared with
 * the server's count.  A page may be of any size: the server may cap it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/sweep_cursor.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "tplus/sweep.h"

/* So many pages in a row may bring only records that were edited meanwhile. */
#define MAX_FRUITLESS	100

static void
set_cursor(TplusSweep *sweep, const char *text)
{
	if (sweep->cursor_text)
		pfree(sweep->cursor_text);
	sweep->cursor_text = MemoryContextStrdup(sweep->context, text);
	(void) tplus_version_parse(text, &sweep->cursor);
	sweep->last_version = sweep->cursor;
}

static void
pg_attribute_noreturn()
report_no_cursor(TplusSweep *sweep)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read by \"%s\"",
					sweep->query->what, sweep->query->resource->version ?
					sweep->query->resource->version : "Ts"),
			 errdetail("The server does not answer a row version with the records above it, in order."),
			 errhint("Set the option \"paging\" of the foreign table to \"auto\" or \"page\".")));
}

void
tplus_cursor_leave(TplusSweep *sweep)
{
	bool		untried = !sweep->no_cursor && sweep->query->bound != NULL;

	if (sweep->query->table->paging == TPLUS_PAGING_TS)
		report_no_cursor(sweep);
	sweep->no_cursor = true;
	if (untried)
	{
		/* The read began here, and perhaps one page holds all. */
		sweep->way = TPLUS_WAY_PLAIN;
		tplus_sweep_reset(sweep);
	}
	else
		tplus_pages_begin(sweep);
}

void
tplus_cursor_begin(TplusSweep *sweep)
{
	if (sweep->no_cursor || sweep->query->version == NULL ||
		!tplus_intake_all_versioned(sweep->intake))
	{
		tplus_cursor_leave(sweep);
		return;
	}
	sweep->way = TPLUS_WAY_CURSOR;
	sweep->cursor_round = sweep->rounds;
	tplus_sweep_reset(sweep);
	set_cursor(sweep, sweep->query->bound ? sweep->query->bound : TPLUS_ZERO_CURSOR);
}

void
tplus_cursor_take(TplusSweep *sweep, const TplusRecord *record)
{
	/* A server that compares with >= sends the last record again. */
	bool		boundary = record->version == sweep->cursor &&
	sweep->page_rows == 1;

	if (record->version_text == NULL ||
		record->version < sweep->last_version ||
		(record->version == sweep->last_version && !boundary))
		sweep->violated = true;
	else
	{
		sweep->risen |= record->version > sweep->cursor;
		sweep->ordered |= sweep->page_rows > 1;
		sweep->before_last = sweep->last_version;
		sweep->last_version = record->version;
		sweep->highest = record->version;
	}
}

/* Has the record a row version that we can read? */
static bool
has_version(TplusSweep *sweep, const char *text)
{
	TplusRecord record;

	tplus_intake_peek(sweep->intake, text, &record);
	return record.version_text != NULL;
}

/*
 * A cursor sweep brought nothing above its first cursor: is that so, or do
 * cursors bring nothing?
 */
static bool
cursor_is_blind(TplusSweep *sweep)
{
	TplusRequest request;
	TplusAnswer answer;
	bool		quiet;

	if (tplus_query_learned(sweep->query, tplus_sweep_path(sweep))->cursor_pages)
		return false;
	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	if (sweep->query->bound)
	{
		request.cursor = TPLUS_ZERO_CURSOR;
		tplus_query_ask(sweep->query, &request, &answer);
		if (answer.records != NIL)
			return !has_version(sweep, linitial(answer.records));
	}
	request.cursor = NULL;
	tplus_query_ask(sweep->query, &request, &answer);
	return answer.records != NIL;
}

/*
 * Are there records by number that did not come by version?  Asked where one
 * record came in all.
 */
static bool
has_others(TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;
	TplusArm	arm = {0};
	TplusRequest request = {0};
	TplusAnswer answer;
	TplusRecord record;
	int			i;

	request.path = query->resource->page_path;
	request.arm = &arm;
	request.keys_only = true;
	request.page_size = 1;
	for (i = 0; request.path && i < 2; i++)
	{
		request.page_index = query->table->page_base + i;
		tplus_query_ask(query, &request, &answer);
		if (answer.records == NIL)
			continue;
		tplus_intake_peek(sweep->intake, linitial(answer.records), &record);
		if (!tplus_intake_knows(sweep->intake, &record))
			return true;
	}
	return false;
}

/*
 * Pages came in order, but a server that sorts by something else may have had
 * them so by chance, in particular where the last record of a page was edited
 * and no other.  Then asking from the record before it brings what the cursor
 * has jumped over.
 */
static bool
nothing_is_skipped(TplusSweep *sweep)
{
	TplusRequest request;
	TplusAnswer answer;
	TplusRecord record;
	bool		quiet;
	ListCell   *lc;

	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	request.keys_only = true;
	request.cursor = tplus_version_text(sweep->gap_low);
	tplus_query_ask(sweep->query, &request, &answer);
	foreach(lc, answer.records)
	{
		tplus_intake_peek(sweep->intake, lfirst(lc), &record);
		if (record.version <= sweep->cursor &&
			!tplus_intake_knows(sweep->intake, &record))
			return false;
	}
	return answer.records != NIL;
}

/*
 * Does the server send the lowest versions first?  Pages with two records
 * have shown it; where all had one, we look at the first records there are.
 * A server with a single record has no order.
 */
static bool
order_is_proven(TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;
	TplusArm	arm = {0};
	TplusRequest request = {0};
	TplusAnswer answer;
	TplusRecord record;
	uint64		version = 0;
	ListCell   *lc;

	if (tplus_query_learned(query, query->resource->path)->cursor_pages)
		return true;
	if (sweep->ordered)
		return nothing_is_skipped(sweep);
	request.path = query->resource->path;
	request.arm = &arm;
	request.keys_only = true;
	request.page_size = TPLUS_MIN_CURSOR_PAGE;
	request.page_index = -1;
	request.cursor = TPLUS_ZERO_CURSOR;
	tplus_query_ask(query, &request, &answer);
	foreach(lc, answer.records)
	{
		tplus_intake_peek(sweep->intake, lfirst(lc), &record);
		if (record.version <= version)
			return false;
		version = record.version;
	}
	if (answer.rows > 1)
		return true;
	return version == sweep->highest && !has_others(sweep);
}

/* A page without rows: the cursor has come to its end. */
static void
end_cursor_sweep(TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;
	int64		distinct = sweep->rows - sweep->repeats;
	int64		count;

	if (sweep->rounds > sweep->cursor_round)
	{
		tplus_sweep_finish(sweep, true);
		return;
	}
	if (!sweep->risen && cursor_is_blind(sweep))
	{
		tplus_cursor_leave(sweep);
		return;
	}
	if (query->table->paging != TPLUS_PAGING_AUTO ||
		!query->table->verify || !sweep->risen)
	{
		tplus_sweep_finish(sweep, true);
		return;
	}

	count = query->bound ? -1 : tplus_sweep_count(sweep);
	if (count == distinct)
		tplus_query_learned(query, query->resource->path)->cursor_pages = true;
	if (count > distinct)
	{
		if (sweep->asked_again)
			tplus_cursor_leave(sweep);
		sweep->asked_again = true;	/* something may have come meanwhile */
	}
	else if (count == distinct || order_is_proven(sweep))
		tplus_sweep_finish(sweep, true);
	else
		tplus_cursor_leave(sweep);	/* too low a count proves nothing */
}

void
tplus_cursor_end_page(TplusSweep *sweep)
{
	if (sweep->violated)
	{
		tplus_cursor_leave(sweep);
		return;
	}
	if (sweep->found_unique)
	{
		tplus_sweep_finish(sweep, true);
		return;
	}
	if (sweep->page_rows == 1 && sweep->page_repeats == 1 &&
		sweep->last_version == sweep->cursor)
	{
		/*
		 * The server compares with >= and sends the last record again.  If
		 * its pages hold no more than that, the next version leads on.
		 */
		set_cursor(sweep, tplus_version_text(sweep->cursor + 1));
		return;
	}
	if (sweep->page_rows == 0)
	{
		if (!tplus_sweep_needs_restart(sweep))
			end_cursor_sweep(sweep);
		return;
	}
	if (sweep->page_rows > sweep->page_repeats)
		sweep->fruitless = 0;
	else if (++sweep->fruitless > MAX_FRUITLESS)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("%s changes faster than it can be read",
						sweep->query->what),
				 errdetail("%d pages in a row brought nothing but records that were edited meanwhile.",
						   MAX_FRUITLESS),
				 errhint("Try again later.")));
	if (sweep->page_rows > 1 &&
		sweep->last_version - sweep->before_last >= sweep->gap_high - sweep->gap_low)
	{
		sweep->gap_low = sweep->before_last;
		sweep->gap_high = sweep->last_version;
	}
	set_cursor(sweep, tplus_version_text(sweep->last_version));
}
