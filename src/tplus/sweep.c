/*-------------------------------------------------------------------------
 *
 * sweep.c
 *		Reading one arm of a query page by page, believing nothing.
 *
 * PLAIN asks once without cursor and page number.  A reply without rows ends
 * it; so does a page that is not full when the server's own count says that
 * this was all.
 *
 * CURSOR asks for versions above the last one seen, from zero.  It assumes
 * that the server compares strictly and sends the lowest versions first; so
 * versions must rise, each page must bring keys that the sweep has not had,
 * and at its end (a page without rows) the number of keys is compared with
 * the server's count.  A page may be of any size: the server may cap it.
 *
 * PAGES asks by number.  The size of a page never changes within a sweep,
 * because the server computes offsets from it; a page that is not full and
 * has a successor makes the sweep start anew with the size observed.  Data
 * that changes meanwhile moves records across page borders, so a sweep of
 * several pages is confirmed by another for keys alone until nothing is new
 * and nothing came twice.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/sweep.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "tplus/flag.h"
#include "tplus/sweep.h"

#define ZERO_CURSOR		"0000000000000000"

/* A cursor page has at least so many rows, whatever the query's LIMIT. */
#define MIN_CURSOR_PAGE	100

/*
 * How often a sweep by page number may start anew with a smaller page.  After
 * the third time the size halves, so this is enough for any cap.
 */
#define MAX_RESTARTS	20

static void begin_cursor(TplusSweep *sweep);
static void begin_pages(TplusSweep *sweep);

TplusSweep *
tplus_sweep_create(const TplusQuery *query, const TplusArm *arm,
				   TplusIntake *intake, MemoryContext context)
{
	TplusSweep *sweep = MemoryContextAllocZero(context, sizeof(TplusSweep));

	sweep->query = query;
	sweep->arm = *arm;
	sweep->intake = intake;
	sweep->context = context;
	sweep->flag.query = query;
	sweep->flag.intake = intake;
	sweep->flag.arm = &sweep->arm;
	sweep->flag.encoding = query->bool_encoding;
	sweep->total = -1;
	switch ((TplusPaging) query->table->paging)
	{
		case TPLUS_PAGING_AUTO:
			sweep->way = query->bound ? TPLUS_WAY_CURSOR : TPLUS_WAY_PLAIN;
			break;
		case TPLUS_PAGING_TS:
			sweep->way = TPLUS_WAY_CURSOR;
			break;
		case TPLUS_PAGING_PAGE:
			sweep->way = TPLUS_WAY_PAGES;
			break;
		case TPLUS_PAGING_NONE:
			sweep->way = TPLUS_WAY_WHOLE;
			break;
	}
	return sweep;
}

/* Forgets what is counted per sweep. */
static void
begin_sweep(TplusSweep *sweep)
{
	tplus_intake_begin_sweep(sweep->intake);
	sweep->rows = 0;
	sweep->repeats = 0;
	sweep->pages = 0;
	sweep->violated = false;
	sweep->flag.matched = false;
	sweep->flag.mismatched = false;
	sweep->total = -1;
	sweep->done = false;
}

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

/* The server does not page by cursor: another way, or an error. */
static void
leave_cursor(TplusSweep *sweep)
{
	if (sweep->query->table->paging == TPLUS_PAGING_TS)
		report_no_cursor(sweep);
	begin_pages(sweep);
}

static void
begin_cursor(TplusSweep *sweep)
{
	if (sweep->query->version == NULL ||
		!tplus_intake_all_versioned(sweep->intake))
	{
		leave_cursor(sweep);
		return;
	}
	sweep->way = TPLUS_WAY_CURSOR;
	sweep->cursor_round = sweep->rounds;
	begin_sweep(sweep);
	set_cursor(sweep, sweep->query->bound ? sweep->query->bound : ZERO_CURSOR);
}

static void
restart_pages(TplusSweep *sweep, int page_size)
{
	begin_sweep(sweep);
	sweep->page_index = sweep->query->table->page_base;
	sweep->page_size = page_size;
	sweep->short_rows = 0;
}

static void
begin_pages(TplusSweep *sweep)
{
	if (sweep->query->resource->page_path == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("%s cannot be read to its end", sweep->query->what),
				 errdetail("The server gives neither row versions nor page numbers to go on by.")));
	sweep->way = TPLUS_WAY_PAGES;
	restart_pages(sweep, sweep->query->page_size);
}

void
tplus_sweep_begin_round(TplusSweep *sweep)
{
	sweep->rounds++;
	sweep->round_fresh = 0;
	switch (sweep->way)
	{
		case TPLUS_WAY_PLAIN:
		case TPLUS_WAY_WHOLE:
			begin_sweep(sweep);
			break;
		case TPLUS_WAY_CURSOR:
			if (sweep->rounds == 1)
				begin_cursor(sweep);
			else
				begin_sweep(sweep);
			break;
		case TPLUS_WAY_PAGES:
			if (sweep->rounds == 1)
				begin_pages(sweep);
			else
			{
				sweep->keys_only = !sweep->full_needed;
				sweep->full_needed = false;
				restart_pages(sweep, sweep->page_size);
			}
			break;
	}
}

bool
tplus_sweep_next_request(TplusSweep *sweep, TplusRequest *request, bool *quiet)
{
	const TplusQuery *query = sweep->query;

	if (sweep->done)
		return false;
	memset(request, 0, sizeof(*request));
	request->arm = &sweep->arm;
	request->path = query->resource->path;
	request->page_size = query->page_size;
	request->page_index = -1;
	*quiet = false;
	switch (sweep->way)
	{
		case TPLUS_WAY_PLAIN:
			break;
		case TPLUS_WAY_WHOLE:
			request->page_size = 0;
			break;
		case TPLUS_WAY_CURSOR:
			request->page_size = Max(query->page_size, MIN_CURSOR_PAGE);
			request->cursor = sweep->cursor_text;
			*quiet = query->table->paging == TPLUS_PAGING_AUTO;
			break;
		case TPLUS_WAY_PAGES:
			request->path = query->resource->page_path;
			request->page_size = sweep->page_size;
			request->page_index = sweep->page_index;
			request->keys_only = sweep->keys_only;
			break;
	}
	if (sweep->arm.has_disabled)
		request->encoding = tplus_flag_encoding(&sweep->flag, request->path);
	*quiet |= tplus_flag_is_open(&sweep->flag, request->path);
	return true;
}

void
tplus_sweep_begin_page(TplusSweep *sweep, bool repeated)
{
	tplus_intake_begin_page(sweep->intake, repeated);
	sweep->page_rows = 0;
	sweep->page_repeats = 0;
	if (sweep->way == TPLUS_WAY_CURSOR)
		sweep->last_version = sweep->cursor;
}

/* Are versions rising as a cursor needs it? */
static void
check_rising(TplusSweep *sweep, const TplusRecord *record)
{
	/* A server that compares with >= sends the last record again. */
	bool		boundary = record->version == sweep->cursor &&
	sweep->page_rows == 1;

	if (record->version_text == NULL ||
		record->version < sweep->last_version ||
		(record->version == sweep->last_version && !boundary))
		sweep->violated = true;
	else
		sweep->last_version = record->version;
}

void
tplus_sweep_take(TplusSweep *sweep, const TplusRecord *record)
{
	sweep->page_rows++;
	if (record->again)
		sweep->page_repeats++;
	if (record->fresh)
		sweep->round_fresh++;
	if (record->is_unique_one)
		sweep->found_unique = true;
	tplus_flag_take(&sweep->flag, record);
	if (sweep->way == TPLUS_WAY_CURSOR)
		check_rising(sweep, record);
}

/* This round of the arm is over. */
static void
finish(TplusSweep *sweep, bool settled)
{
	sweep->done = true;
	sweep->settled = settled;
}

static int64
arm_count(TplusSweep *sweep)
{
	const char *path = sweep->query->resource->page_path;

	if (path == NULL)
		return -1;
	return tplus_query_count(sweep->query, &sweep->arm,
							 tplus_flag_encoding(&sweep->flag, path));
}

/* The path that the sweep asks at. */
static const char *
sweep_path(TplusSweep *sweep)
{
	return sweep->way == TPLUS_WAY_PAGES ?
		sweep->query->resource->page_path : sweep->query->resource->path;
}

/* The same way again, with the flag spelled otherwise. */
static void
start_again(TplusSweep *sweep)
{
	switch (sweep->way)
	{
		case TPLUS_WAY_CURSOR:
			begin_cursor(sweep);
			break;
		case TPLUS_WAY_PAGES:
			restart_pages(sweep, sweep->page_size);
			break;
		default:
			begin_sweep(sweep);
			break;
	}
}

/*
 * Settles whether the server understood the flag.  Returns true if the sweep
 * has to start again with another spelling.
 */
static bool
flag_needs_restart(TplusSweep *sweep)
{
	if (!sweep->arm.has_disabled ||
		!tplus_flag_settle(&sweep->flag, sweep_path(sweep)))
		return false;
	start_again(sweep);
	return true;
}

static void
end_plain(TplusSweep *sweep)
{
	if (flag_needs_restart(sweep))
		return;
	if (sweep->page_rows == 0 || sweep->found_unique ||
		(sweep->page_rows < sweep->query->page_size &&
		 ((sweep->rounds > 1 && sweep->round_fresh == 0) ||
		  !sweep->query->table->verify ||
		  arm_count(sweep) == sweep->page_rows)))
		finish(sweep, true);
	else
		begin_cursor(sweep);
}

static void
end_whole(TplusSweep *sweep, int64 total)
{
	if (flag_needs_restart(sweep))
		return;
	if (total < 0 && sweep->page_rows > 0 && sweep->query->table->verify &&
		!sweep->found_unique && sweep->rounds == 1)
		total = arm_count(sweep);
	if (total > sweep->page_rows && !sweep->found_unique)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("%s is not complete in one response",
						sweep->query->what),
				 errdetail("The server counts " INT64_FORMAT " records and sent %d.",
						   total, sweep->page_rows),
				 errhint("Set the option \"paging\" of the foreign table to \"auto\".")));
	finish(sweep, true);
}

/* A cursor sweep brought nothing: is that so, or do cursors bring nothing? */
static bool
cursor_is_blind(TplusSweep *sweep)
{
	TplusRequest request;
	TplusAnswer answer;
	bool		quiet;

	if (tplus_query_learned(sweep->query, sweep_path(sweep))->cursor_pages)
		return false;
	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	if (sweep->query->bound)
	{
		request.cursor = ZERO_CURSOR;
		tplus_query_ask(sweep->query, &request, &answer);
		if (answer.records != NIL)
			return false;
	}
	request.cursor = NULL;
	tplus_query_ask(sweep->query, &request, &answer);
	return answer.records != NIL;
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
		finish(sweep, true);
		return;
	}
	if (sweep->rows == 0 && cursor_is_blind(sweep))
	{
		leave_cursor(sweep);
		return;
	}
	if (query->table->paging != TPLUS_PAGING_AUTO || query->bound ||
		!query->table->verify || sweep->rows == 0)
	{
		finish(sweep, true);
		return;
	}

	count = arm_count(sweep);
	if (count == distinct)
		tplus_query_learned(query, query->resource->path)->cursor_pages = true;
	if (count <= distinct)
		finish(sweep, true);
	else if (!sweep->asked_again)
		sweep->asked_again = true;	/* something may have come meanwhile */
	else
		leave_cursor(sweep);
}

static void
end_cursor(TplusSweep *sweep)
{
	if (sweep->violated)
	{
		leave_cursor(sweep);
		return;
	}
	if (sweep->found_unique)
	{
		finish(sweep, true);
		return;
	}
	if (sweep->page_rows == sweep->page_repeats)
	{
		/* No row, or under >= the last one again. */
		if (!flag_needs_restart(sweep))
			end_cursor_sweep(sweep);
		return;
	}
	set_cursor(sweep, tplus_version_text(sweep->last_version));
}

/*
 * Page numbers bring nothing new although they moved.  On the second page of
 * a sweep that may mean that the server ignores them, or that it repeats its
 * only page beyond the end; with smaller pages the two differ.
 */
static void
end_stale_page(TplusSweep *sweep)
{
	int			rows = sweep->page_rows;

	if (sweep->pages > 2)
	{
		/* Numbers were seen to move: this is beyond the end. */
		sweep->repeats -= rows;
		sweep->rows -= rows;
		return;
	}
	if (rows > 1 && sweep->restarts++ < MAX_RESTARTS)
	{
		restart_pages(sweep, (rows + 1) / 2);
		return;
	}
	if (rows == 1 && sweep->total == 1)
	{
		sweep->repeats -= rows;
		sweep->rows -= rows;
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read by page numbers", sweep->query->what),
			 errdetail("The server answers each page number with the same records."),
			 errhint("Set the option \"paging\" of the foreign table to \"ts\" or \"none\", whichever the server supports.")));
}

/* The numbers have come to their end: is what came known to be all? */
static void
end_page_sweep(TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;
	int64		distinct = sweep->rows - sweep->repeats;
	bool		clean = sweep->repeats == 0 && sweep->round_fresh == 0;

	if (query->table->verify && !sweep->found_unique && sweep->pages > 2)
	{
		if (sweep->keys_only && sweep->round_fresh > 0)
			sweep->full_needed = true;
		if (sweep->rounds == 1 ||
			(!clean && !(sweep->round_fresh == 0 && sweep->total == distinct)))
		{
			finish(sweep, false);
			return;
		}
	}
	if (query->table->verify && !sweep->found_unique &&
		sweep->total > tplus_intake_count(sweep->intake))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("%s cannot be read to its end", query->what),
				 errdetail("The server counts " INT64_FORMAT " records, but its pages bring only " INT64_FORMAT ".",
						   sweep->total, tplus_intake_count(sweep->intake)),
				 errhint("If the count is wrong, set the option \"paging\" of the foreign table to \"ts\", or \"verify\" to \"off\".")));
	finish(sweep, true);
}

static void
end_pages(TplusSweep *sweep, int64 total)
{
	TplusLearned *learned = tplus_query_learned(sweep->query,
												sweep_path(sweep));
	int			rows = sweep->page_rows;

	if (total > rows)
		learned->total_is_whole = true;
	if (learned->total_is_whole)
		sweep->total = Max(sweep->total, total);

	if (rows > 0 && sweep->short_rows > 0 && sweep->page_repeats < rows)
	{
		/* A page that was not full has a successor: it was capped. */
		int			size = sweep->short_rows;

		if (sweep->restarts >= 3)
			size = Max(size / 2, 1);
		if (sweep->restarts++ >= MAX_RESTARTS)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("%s cannot be read by page numbers",
							sweep->query->what),
					 errdetail("The server sends pages of a different size each time."),
					 errhint("Lower the option \"page_size\" of the foreign table.")));
		restart_pages(sweep, size);
		return;
	}
	if (rows > 0 && sweep->page_repeats == rows)
	{
		end_stale_page(sweep);
		if (sweep->pages == 0)
			return;				/* started anew */
		rows = 0;
	}
	if (rows == 0 || sweep->found_unique)
	{
		if (!flag_needs_restart(sweep))
			end_page_sweep(sweep);
		return;
	}
	if (rows < sweep->page_size)
		sweep->short_rows = rows;
	sweep->page_index++;
}

void
tplus_sweep_end_page(TplusSweep *sweep, int64 total)
{
	sweep->pages++;
	sweep->rows += sweep->page_rows;
	sweep->repeats += sweep->page_repeats;
	switch (sweep->way)
	{
		case TPLUS_WAY_PLAIN:
			end_plain(sweep);
			break;
		case TPLUS_WAY_WHOLE:
			end_whole(sweep, total);
			break;
		case TPLUS_WAY_CURSOR:
			end_cursor(sweep);
			break;
		case TPLUS_WAY_PAGES:
			end_pages(sweep, total);
			break;
	}
}

void
tplus_sweep_refused(TplusSweep *sweep)
{
	if (tplus_flag_is_open(&sweep->flag, sweep_path(sweep)))
	{
		tplus_flag_refused(&sweep->flag, sweep_path(sweep));
		start_again(sweep);
	}
	else
		leave_cursor(sweep);
}
