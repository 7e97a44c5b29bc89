/*-------------------------------------------------------------------------
 *
 * sweep.c
 *		Reading one arm of a query page by page, believing nothing.
 *
 * PLAIN asks once without cursor and page number.  A reply without rows ends
 * it; so does a page that is not full when the server's own count says that
 * this was all.
 *
 * CURSOR and PAGES, which read as many pages as there are, stand in
 * sweep_cursor.c with sweep_proof.c, and in sweep_pages.c.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/sweep.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "base/compat.h"
#include "tplus/like.h"
#include "tplus/sweep.h"

/* A page shorter than this is believed to be no server's limit. */
#define MIN_CAP			10

/* Is it known which records a cursor brings, and is it asked from one? */
static bool
goes_by_version(const TplusQuery *query)
{
	return query->bound && query->version && query->table->verify &&
		!query->table->generate_key &&
		tplus_query_learned(query, query->resource->path)->ts_compare != TPLUS_TS_AUTO;
}

/* Is the operation that the sweep asks asked for the flag? */
static bool
asks_flag(const TplusSweep *sweep)
{
	return tplus_query_asks_flag(sweep->query, &sweep->arm,
								 tplus_sweep_path(sweep));
}

bool
tplus_sweep_is_known(const TplusSweep *sweep)
{
	return sweep->way == TPLUS_WAY_CURSOR && goes_by_version(sweep->query);
}

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
	sweep->page_base = query->table->page_base;
	if (arm->unique_value)
	{
		sweep->unique_value =
			MemoryContextAlloc(context, strlen(arm->unique_value) +
							   TPLUS_KEY_SLACK);
		tplus_key_spell(query->unique_kind, false, arm->unique_value,
						sweep->unique_value);
	}
	sweep->total = sweep->told = -1;
	switch ((TplusPaging) query->table->paging)
	{
		case TPLUS_PAGING_AUTO:
			sweep->way = query->bound ? TPLUS_WAY_CURSOR : TPLUS_WAY_PLAIN;
			break;
		case TPLUS_PAGING_TS:
			sweep->way = TPLUS_WAY_CURSOR;
			break;
		case TPLUS_PAGING_PAGE:
			sweep->way = goes_by_version(query) ? TPLUS_WAY_CURSOR :
				TPLUS_WAY_PAGES;
			break;
		case TPLUS_PAGING_NONE:
			sweep->way = TPLUS_WAY_WHOLE;
			break;
	}
	sweep->hinted = query->first_page_size < query->page_size;
	return sweep;
}

void
tplus_sweep_reset(TplusSweep *sweep)
{
	tplus_intake_begin_sweep(sweep->intake, sweep->way == TPLUS_WAY_CURSOR);
	sweep->rows = 0;
	sweep->repeats = 0;
	sweep->pages = 0;
	sweep->filled = 0;
	sweep->counted = false;
	sweep->generated = 0;
	sweep->beyond = false;
	sweep->ends_by_count = false;
	sweep->stale = 0;
	sweep->violated = false;
	sweep->risen = false;
	sweep->passed = false;
	sweep->ordered = false;
	sweep->shows_stopped = false;
	sweep->gap_low = 0;
	sweep->gap_high = 0;
	sweep->flag.matched = false;
	sweep->flag.mismatched = false;
	sweep->total = -1;
	sweep->done = false;
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
			tplus_sweep_reset(sweep);
			break;
		case TPLUS_WAY_CURSOR:
			/* A record without a key cannot be looked for by its version. */
			if (sweep->rounds == 1 || sweep->generated > 0)
				tplus_cursor_begin(sweep);
			else
				tplus_cursor_resume(sweep);
			break;
		case TPLUS_WAY_PAGES:
			if (sweep->rounds == 1)
				tplus_pages_begin(sweep);
			else
			{
				int			pages = sweep->pages;

				sweep->keys_only = !sweep->full_needed;
				sweep->full_needed = false;
				tplus_pages_restart(sweep, sweep->page_size);
				sweep->expected_pages = pages;
				sweep->window = tplus_pages_max_window(sweep);
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
			request->page_size = query->first_page_size;
			break;
		case TPLUS_WAY_WHOLE:
			request->page_size = 0;
			break;
		case TPLUS_WAY_CURSOR:
			request->page_size = Max(sweep->hinted ? query->first_page_size :
									 query->page_size, TPLUS_MIN_CURSOR_PAGE);
			request->cursor = sweep->cursor_text;
			sweep->asked = request->page_size;
			*quiet = query->table->paging != TPLUS_PAGING_TS;
			break;
		case TPLUS_WAY_PAGES:
			request->path = query->resource->page_path;

			/*
			 * Behind a first page that was not full: a server that caps it
			 * has the next record there, however it computes the place.
			 */
			request->page_size = sweep->short_rows > 0 && sweep->pages == 1 ?
				sweep->short_rows : sweep->page_size;
			request->page_index = sweep->page_index;
			/* A key made from the content needs all of it. */
			request->keys_only = sweep->keys_only &&
				!query->table->generate_key;
			break;
	}
	if (asks_flag(sweep))
		request->encoding = tplus_flag_encoding(&sweep->flag, request->path);
	*quiet |= tplus_flag_is_open(&sweep->flag, request->path);
	if (sweep->way == TPLUS_WAY_PAGES &&
		(sweep->pages > 0 || tplus_pages_base_is_open(sweep)))
		*quiet = !sweep->loud;
	return true;
}

bool
tplus_sweep_foresee(const TplusSweep *sweep, int n, uint64 version,
					const TplusTally *page, TplusRequest *request,
					bool *quiet)
{
	TplusSweep	later = *sweep;

	if (sweep->done || sweep->arm.unique_value)
		return false;
	later.hinted = false;
	switch (sweep->way)
	{
		case TPLUS_WAY_PLAIN:
		case TPLUS_WAY_WHOLE:
			return false;
		case TPLUS_WAY_CURSOR:
			if (n > 1 || !tplus_cursor_foresee(&later, version, page))
				return false;
			break;
		case TPLUS_WAY_PAGES:
			if (!tplus_pages_foresee(sweep, n))
				return false;
			later.page_index += n;
			later.pages += n;
			break;
	}
	(void) tplus_sweep_next_request(&later, request, quiet);
	request->arm = &sweep->arm;
	return true;
}

void
tplus_sweep_begin_page(TplusSweep *sweep, bool repeated)
{
	tplus_intake_begin_page(sweep->intake, repeated);
	sweep->page_rows = 0;
	sweep->page_repeats = 0;
	sweep->page_news = 0;
	memset(&sweep->page_sum, 0, sizeof(TplusPageSum));
	memset(&sweep->page, 0, sizeof(sweep->page));
	if (sweep->way == TPLUS_WAY_CURSOR)
		tplus_cursor_begin_page(sweep);
}

void
tplus_page_sum_add(TplusPageSum *sum, const char *text, size_t len)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) text, len, 0);

	if (sum->rows++ < TPLUS_ANSWER_RECORDS)
		sum->sample += hash;
	sum->in_order = hash_combine64(sum->in_order, hash);
}

bool
tplus_sweep_note(TplusSweep *sweep, const char *text, size_t len)
{
	if (!sweep->query->table->generate_key)
		return true;
	tplus_page_sum_add(&sweep->page_sum, text, len);
	if (sweep->beyond)
		sweep->page_rows++;
	return !sweep->beyond;
}

void
tplus_sweep_take(TplusSweep *sweep, const TplusRecord *record)
{
	sweep->page_rows++;
	tplus_tally_add(&sweep->page, record->len);
	if (record->again)
		sweep->page_repeats++;
	else if (record->twin <= 1)
		sweep->page_news++;
	if (record->generated)
		sweep->generated++;
	if (record->fresh)
		sweep->round_fresh++;
	if (sweep->unique_value && record->unique_value &&
		strcmp(sweep->unique_value, record->unique_value) == 0)
		sweep->found_unique = true;
	if (record->disabled_known && record->disabled && !asks_flag(sweep))
		sweep->shows_stopped = true;
	tplus_flag_take(&sweep->flag, record);
	if (sweep->way == TPLUS_WAY_CURSOR)
		tplus_cursor_take(sweep, record);
}

void
tplus_sweep_finish(TplusSweep *sweep, bool settled)
{
	if (settled && (sweep->way == TPLUS_WAY_PLAIN ||
					(sweep->way == TPLUS_WAY_CURSOR &&
					 sweep->rounds == sweep->cursor_round)))
		tplus_sweep_check_told(sweep);
	sweep->done = true;
	sweep->settled = settled;
	sweep->proven = sweep->filled == 0 || sweep->way == TPLUS_WAY_WHOLE ||
		(sweep->filled == 1 && sweep->counted);
}

/*
 * Stopped records came unasked from the operation that is read.  Does the one
 * that counts them show them as well?
 */
static bool
counts_stopped(TplusSweep *sweep)
{
	TplusArm	arm = sweep->arm;
	TplusRequest request = {0};
	TplusLearned *learned;
	TplusAnswer answer;
	ListCell   *lc;

	arm.has_disabled = false;
	request.path = sweep->query->resource->page_path;
	request.arm = &arm;
	request.keys_only = true;
	learned = tplus_query_learned(sweep->query, request.path);
	if (learned->shows_stopped)
		return true;
	tplus_query_sample(sweep->query, &request, true, &answer);
	foreach(lc, answer.records)
	{
		TplusRecord record;

		tplus_intake_peek(sweep->intake, lfirst(lc), &record);
		learned->shows_stopped |= record.disabled_known && record.disabled;
	}
	return learned->shows_stopped;
}

/*
 * A record beside a count: ought it to be among those that came?  A stopped
 * one may be hidden from who reads, and not from who counts.
 */
static bool
is_stranger(const TplusSweep *sweep, const TplusRecord *record)
{
	if (record->key == NULL || record->generated ||
		tplus_intake_knows(sweep->intake, record))
		return false;
	return asks_flag(sweep) || sweep->shows_stopped ||
		!record->disabled_known || !record->disabled;
}

int64
tplus_sweep_count(TplusSweep *sweep)
{
	const char *path = sweep->query->resource->page_path;
	TplusArm	arm = sweep->arm;
	TplusAnswer answer;
	int64		count;
	ListCell   *lc;

	sweep->stranger = false;
	if (path == NULL ||
		(sweep->arm.uneven && sweep->way != TPLUS_WAY_PAGES))
		return -1;				/* it counts what it is asked for otherwise */

	/* It is to count what was asked of the operation that is read. */
	arm.has_disabled = asks_flag(sweep);
	count = tplus_query_count(sweep->query, &arm,
							  tplus_flag_encoding(&sweep->flag, path),
							  &answer);
	if (arm.has_disabled && answer.records == NIL &&
		tplus_flag_is_open(&sweep->flag, path))
		return -1;				/* it may not understand the flag */
	foreach(lc, answer.records)
	{
		TplusRecord record;

		tplus_intake_peek(sweep->intake, lfirst(lc), &record);
		if (arm.has_disabled && record.disabled_known &&
			record.disabled != arm.disabled)
			return -1;
		sweep->stranger |= is_stranger(sweep, &record);
	}
	if (sweep->stranger && count <= sweep->rows - sweep->repeats)
		return -1;				/* it counts others, or too few */
	if (count >= 0 && count <= sweep->rows - sweep->repeats &&
		sweep->shows_stopped && !counts_stopped(sweep))
		return -1;
	sweep->counted = count >= 0 && count == sweep->rows - sweep->repeats;
	return count;
}

const char *
tplus_sweep_path(const TplusSweep *sweep)
{
	return sweep->way == TPLUS_WAY_PAGES ?
		sweep->query->resource->page_path : sweep->query->resource->path;
}

/* The same way again, asking for something else. */
static void
start_again(TplusSweep *sweep)
{
	/* What was not understood may have had no records for that reason. */
	sweep->base_checked = false;
	sweep->refused_once = false;
	switch (sweep->way)
	{
		case TPLUS_WAY_CURSOR:
			tplus_cursor_begin(sweep);
			break;
		case TPLUS_WAY_PAGES:
			tplus_pages_restart(sweep, sweep->page_size);
			break;
		default:
			tplus_sweep_reset(sweep);
			break;
	}
}

/*
 * The operation cannot be asked for what the arm is to bring.  Perhaps the
 * other can, to which an arm changes once: by page numbers, or, where those are
 * declared, with one page if that holds all.
 */
static bool
change_operation(TplusSweep *sweep)
{
	int			paging = sweep->query->table->paging;

	if (sweep->changed || sweep->query->resource->page_path == NULL ||
		paging == TPLUS_PAGING_NONE ||
		(paging != TPLUS_PAGING_PAGE && sweep->way == TPLUS_WAY_PAGES))
		return false;
	sweep->changed = true;
	if (sweep->way == TPLUS_WAY_PAGES)
	{
		sweep->way = TPLUS_WAY_PLAIN;
		tplus_sweep_reset(sweep);
	}
	else
		tplus_pages_begin(sweep);
	return true;
}

bool
tplus_sweep_needs_restart(TplusSweep *sweep)
{
	const char *path = tplus_sweep_path(sweep);
	bool		again = false;

	if (asks_flag(sweep))
	{
		switch (tplus_flag_settle(&sweep->flag, path))
		{
			case TPLUS_SETTLED:
				break;
			case TPLUS_SETTLED_AGAIN:
				again = true;
				break;
			case TPLUS_SETTLED_BLIND:
				if (!change_operation(sweep))
					tplus_flag_report_blind(&sweep->flag);
				return true;
		}
	}
	if (!again && sweep->rounds == 1)
		again = tplus_like_settle(sweep->query, sweep->intake, &sweep->arm,
								  path, tplus_flag_encoding(&sweep->flag, path),
								  sweep->rows > 0);
	if (again)
		start_again(sweep);
	return again;
}

/*
 * Is the one page all?  As often as it is read: records may have come to it
 * meanwhile, and a server that caps pages at just this size shows none of them.
 */
static bool
plain_is_whole(TplusSweep *sweep)
{
	bool		verify = sweep->query->table->verify;
	int			rows = sweep->page_rows;

	if (rows >= sweep->query->first_page_size || sweep->told > rows)
		return false;
	if (sweep->rounds > 1 && sweep->round_fresh == 0 &&
		(!verify ||
		 rows < tplus_query_learned(sweep->query,
									tplus_sweep_path(sweep))->largest_page))
		return true;
	return (!verify && rows < MIN_CAP) || tplus_sweep_count(sweep) == rows;
}

static void
end_plain(TplusSweep *sweep)
{
	if (tplus_sweep_needs_restart(sweep))
		return;
	if (sweep->page_rows == 0 || sweep->found_unique || plain_is_whole(sweep))
		tplus_sweep_finish(sweep, true);
	else if (sweep->query->table->paging == TPLUS_PAGING_PAGE && sweep->changed)
		tplus_flag_report_blind(&sweep->flag);
	else
		tplus_cursor_begin(sweep);
}

static void
end_whole(TplusSweep *sweep, int64 total)
{
	if (tplus_sweep_needs_restart(sweep))
		return;
	if (total < 0 && sweep->page_rows > 0 && sweep->query->table->verify &&
		!sweep->found_unique && sweep->rounds == 1)
		total = tplus_sweep_count(sweep);
	if (total > sweep->page_rows && !sweep->found_unique)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("%s is not complete in one response",
						sweep->query->what),
				 errdetail("The server counts " INT64_FORMAT " records and sent %d.",
						   total, sweep->page_rows),
				 errhint("Set the option \"paging\" of the foreign table to \"auto\".")));
	tplus_sweep_finish(sweep, true);
}

/* The server may make up records for as long as it is asked. */
static void
check_pages(const TplusSweep *sweep)
{
	int			max_pages = sweep->query->table->max_pages;

	if (sweep->pages >= max_pages && sweep->page_rows > 0 && !sweep->found_unique)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s cannot be read to its end", sweep->query->what),
				 errdetail("After %d pages the server still sends records.",
						   sweep->pages),
				 errhint("If there are so many, raise the option \"max_pages\" or \"page_size\" of the foreign table.")));
}

void
tplus_sweep_end_page(TplusSweep *sweep, int64 total)
{
	TplusLearned *learned = tplus_query_learned(sweep->query,
												tplus_sweep_path(sweep));

	learned->largest_page = Max(learned->largest_page, sweep->page_rows);
	sweep->pages++;
	sweep->filled += sweep->page_rows > 0;
	sweep->rows += sweep->page_rows;
	sweep->repeats += sweep->page_repeats;
	tplus_sweep_note_told(sweep, total);
	if (sweep->way == TPLUS_WAY_CURSOR && sweep->told_is_whole)
		tplus_sweep_check_count(sweep, sweep->told);
	switch (sweep->way)
	{
		case TPLUS_WAY_PLAIN:
			sweep->hinted = false;
			end_plain(sweep);
			break;
		case TPLUS_WAY_WHOLE:
			end_whole(sweep, total);
			break;
		case TPLUS_WAY_CURSOR:
			sweep->hinted = false;
			tplus_cursor_end_page(sweep);
			break;
		case TPLUS_WAY_PAGES:
			tplus_pages_end_page(sweep, total);
			break;
	}
	if (!sweep->done)
		check_pages(sweep);
}

void
tplus_sweep_refused(TplusSweep *sweep)
{
	if (sweep->way == TPLUS_WAY_PAGES && tplus_pages_refused(sweep))
		return;
	if (tplus_flag_is_open(&sweep->flag, tplus_sweep_path(sweep)))
	{
		tplus_flag_refused(&sweep->flag, tplus_sweep_path(sweep));
		/* Of a page by number, the size may be to blame: that is told. */
		if (tplus_flag_is_open(&sweep->flag, tplus_sweep_path(sweep)) ||
			sweep->way == TPLUS_WAY_PAGES || !change_operation(sweep))
			start_again(sweep);
	}
	else
		tplus_cursor_leave(sweep);
}
