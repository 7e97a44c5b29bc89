/*-------------------------------------------------------------------------
 *
 * sweep_pages.c
 *		Reading an arm by page number.
 *
 * The size of a page never changes within a sweep, because the server computes
 * offsets from it; a page that is not full and has a successor makes the sweep
 * start anew with the size observed.  Data that changes meanwhile moves
 * records across page borders, so a sweep of several pages is confirmed by
 * another for keys alone until nothing is new and nothing came twice.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/sweep_pages.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/sweep.h"

/*
 * How often an arm may start anew with a smaller page.  After the third time
 * the size halves, to less than a hundredth of what some page had.
 */
#define MAX_RESTARTS	10

/* Pages asked for ahead at most: each may take a megabyte of memory. */
#define MAX_AHEAD		16

/*
 * So often must the pages bring other than is counted, or must it be open which
 * is the first, to be an error.
 */
#define MAX_MISFITS		3

/*
 * So many pages in a row may bring only records that equal earlier ones: where
 * the server counts more than have come, and where it does not.
 */
#define MAX_STALE_COUNTED	1000
#define MAX_STALE			100

void
tplus_pages_restart(TplusSweep *sweep, int page_size)
{
	tplus_sweep_reset(sweep);
	sweep->page_index = sweep->page_base;
	sweep->page_size = page_size;
	sweep->short_rows = 0;
	sweep->moved = false;
	sweep->excess = false;
	sweep->window = 0;
	sweep->expected_pages = 0;
	sweep->loud = false;
}

int
tplus_pages_max_window(const TplusSweep *sweep)
{
	return Min(sweep->query->account->server.max_concurrency, MAX_AHEAD);
}

/*
 * Behind the first page of a sweep we look only where an earlier one has shown
 * how many there are: this one may not be full, and its rows may be enough.
 */
bool
tplus_pages_foresee(const TplusSweep *sweep, int n)
{
	int			last = sweep->pages + 1 + n;

	if (sweep->query->table->paging != TPLUS_PAGING_PAGE &&
		!tplus_query_learned(sweep->query, tplus_sweep_path(sweep))->pages_move)
		return false;
	if (sweep->pages == 0 && sweep->expected_pages <= 2)
		return false;
	return n <= sweep->window && sweep->short_rows == 0 &&
		(sweep->expected_pages == 0 || last <= sweep->expected_pages);
}

/*
 * A full page: we look further ahead, as far as is allowed where the server
 * tells how many records there are, otherwise twice as far.
 */
static void
widen_window(TplusSweep *sweep)
{
	int			most = tplus_pages_max_window(sweep);

	if (sweep->total > 0)
		sweep->expected_pages = Max(sweep->expected_pages,
									(sweep->total - 1) / sweep->page_size +
									(sweep->query->table->total_is_whole ? 1 : 2));
	sweep->window = sweep->expected_pages > 0 ? most :
		Min(sweep->window * 2 + 1, most);
}

void
tplus_pages_begin(TplusSweep *sweep)
{
	if (sweep->query->resource->page_path == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("%s cannot be read to its end", sweep->query->what),
				 errdetail("The server gives neither row versions nor page numbers to go on by.")));
	sweep->way = TPLUS_WAY_PAGES;
	tplus_pages_restart(sweep, sweep->hinted ? sweep->query->first_page_size :
						sweep->query->page_size);
}

/*
 * The first page was as small as the query's LIMIT, which was not enough: a
 * full one begins anew with pages as large as usual.
 */
static bool
outgrows_hint(TplusSweep *sweep)
{
	if (!sweep->hinted)
		return false;
	sweep->hinted = false;
	if (sweep->page_rows == 0)
		sweep->page_size = sweep->query->page_size;
	if (sweep->page_rows < sweep->page_size)
		return false;
	tplus_pages_restart(sweep, sweep->query->page_size);
	return true;
}

/*
 * A page brings nothing new.  Where no page of this sweep was another one than
 * the first, the server may ignore page numbers, or repeat its only page
 * beyond the end; with smaller pages the two differ.  What earlier sweeps have
 * shown counts for less than a full page that comes twice: one of those may
 * have been misled by records that moved meanwhile.
 */
static void
end_stale_page(TplusSweep *sweep)
{
	int			rows = sweep->page_rows;
	int			first = sweep->short_rows > 0 ? sweep->short_rows :
	sweep->page_size;

	if (sweep->pages == 2 && rows < first)
		return;					/* they moved there while we read */
	if (sweep->moved ||
		(rows < sweep->page_size &&
		 tplus_query_learned(sweep->query, tplus_sweep_path(sweep))->pages_move))
	{
		/* Numbers were seen to move: this is beyond the end. */
		sweep->repeats -= rows;
		sweep->rows -= rows;
		return;
	}
	if (rows > 1 && sweep->restarts++ < MAX_RESTARTS)
	{
		tplus_pages_restart(sweep, (rows + 1) / 2);
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

static bool
is_same_page(const TplusPageSum *a, const TplusPageSum *b)
{
	return a->rows == b->rows && a->in_order == b->in_order;
}

static void
pg_attribute_noreturn()
report_same_page(TplusSweep *sweep)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read by page numbers", sweep->query->what),
			 errdetail("The server answers with the same page again, of records without a key."),
			 errhint("Raise the option \"page_size\" of the foreign table so that one page holds all, or set \"paging\" to \"none\" if the server sends all in one response.")));
}

/*
 * Nothing tells a record without a key from another one like it.  So a page
 * that is the one before cannot be told from new records, and pages may go on
 * for ever without anything that was not there before.
 */
static void
check_twins(TplusSweep *sweep)
{
	int			most = sweep->total > sweep->rows ? MAX_STALE_COUNTED : MAX_STALE;

	if (sweep->generated == 0 || sweep->page_repeats == sweep->page_rows)
		return;
	if (sweep->pages > 1 && is_same_page(&sweep->page_sum, &sweep->last_sum))
		report_same_page(sweep);
	if (sweep->page_news > 0)
		sweep->stale = 0;
	else if (++sweep->stale > most)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("%s cannot be read by page numbers",
						sweep->query->what),
				 errdetail("%d pages in a row brought nothing but records that equal earlier ones.",
						   most),
				 errhint("Name a field that identifies the records with the option \"key\" of the foreign table.")));
}

/* Have all records come that the server tells of? */
static bool
has_come_to_count(TplusSweep *sweep, int64 total)
{
	int64		distinct = sweep->rows - sweep->repeats;

	if (tplus_query_learned(sweep->query, tplus_sweep_path(sweep))->total_is_whole)
		total = sweep->total;
	return sweep->generated > 0 && !sweep->no_beyond && total == distinct;
}

/*
 * Is a page the last one?  So the count beside it says, where the table's
 * options declare that it counts all pages; beside a single page that is full
 * it might be that of the page after all.
 */
static bool
ends_by_count(const TplusSweep *sweep, int64 total)
{
	return sweep->query->table->total_is_whole && sweep->generated == 0 &&
		(sweep->pages > 1 || sweep->page_rows < sweep->page_size) &&
		sweep->repeats == 0 && sweep->short_rows == 0 &&
		sweep->total == total && total == sweep->rows;
}

int
tplus_pages_turned(const TplusSweep *sweep)
{
	return sweep->pages + sweep->ends_by_count;
}

/*
 * Have more come than the server counts?  There, twins may be made up by
 * pages that overlap, and there may be no end to them.
 */
static bool
exceeds_count(const TplusSweep *sweep)
{
	return sweep->generated > 0 && sweep->total > 0 &&
		sweep->query->table->verify &&
		sweep->total < sweep->rows - sweep->repeats;
}

/*
 * A page behind the one with which all records had come that the server tells
 * of.  It has none, or those of a page before again.  Otherwise that number is
 * wrong, or just that of the page.  Returns true if the sweep is at its end.
 */
static bool
end_page_beyond(TplusSweep *sweep)
{
	int			rows = sweep->page_rows;
	bool		whole = tplus_query_learned(sweep->query,
											tplus_sweep_path(sweep))->total_is_whole;

	sweep->beyond = false;
	sweep->rows -= rows;
	sweep->filled -= rows > 0;
	if (rows == 0)
		return true;

	/* Then the first page stands beyond the end, perhaps already before. */
	if (sweep->pages > 2 &&
		is_same_page(&sweep->page_sum, &sweep->first_sum) &&
		is_same_page(&sweep->page_sum, &sweep->last_sum))
		report_same_page(sweep);
	if (is_same_page(&sweep->page_sum, &sweep->last_sum) ||
		is_same_page(&sweep->page_sum, &sweep->first_sum))
	{
		if (whole || rows == 1)
			return true;
		/* Fewer than are told will come then, if all are told of. */
		if (sweep->restarts++ >= MAX_RESTARTS)
			report_same_page(sweep);
		tplus_pages_restart(sweep, (rows + 1) / 2);
		return false;
	}
	sweep->excess = whole;
	if (whole)
		return true;
	sweep->no_beyond = true;	/* asked again, to be taken */
	sweep->pages--;
	return false;
}

static void
pg_attribute_noreturn()
report_open_base(TplusSweep *sweep)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read by page numbers", sweep->query->what),
			 errdetail("Page %d has records without a key in common with later pages, so it cannot be told which page is the first.",
					   sweep->page_base - 1),
			 errhint("Set the option \"page_base\" of the foreign table to 0 if that is the first page, or \"verify\" to \"off\".")));
}

/*
 * Is there a page before the first one?  Then the server counts its pages from
 * a lower number; one that does not answers with its first page, or nothing.
 */
static bool
begins_earlier(TplusSweep *sweep)
{
	TplusRequest request;
	TplusAnswer answer;
	TplusPageSum sum = {0};
	bool		twin = false;
	bool		quiet;
	ListCell   *lc;

	if (sweep->base_checked || sweep->page_base == 0)
		return false;
	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	request.page_index = sweep->page_base - 1;
	request.page_size = sweep->page_size;
	tplus_query_ask(sweep->query, &request, &answer);
	sweep->base_checked = !answer.refused;
	foreach(lc, answer.records)
	{
		TplusRecord record;
		const char *text = lfirst(lc);

		tplus_page_sum_add(&sum, text, strlen(text));
		tplus_intake_peek(sweep->intake, text, &record);
		if (!tplus_intake_sweep_knows(sweep->intake, &record))
			continue;
		if (!record.generated)
			return false;
		twin = true;
	}
	if (!twin)
		return answer.records != NIL;
	if (sum.sample == sweep->first_sum.sample &&
		answer.rows == sweep->first_sum.rows)
	{
		/* The first page again, or another full one that is like it? */
		sweep->base_alike = sweep->total < 0 &&
			answer.rows == sweep->page_size;
		return false;
	}
	if (sweep->total > sweep->rows - sweep->repeats)
		return true;
	if (sweep->rounds >= MAX_MISFITS)
		report_open_base(sweep);
	sweep->base_checked = false;	/* one may have moved there meanwhile */
	sweep->base_doubtful = true;
	return false;
}

/*
 * The page before the first is like it, and nothing is counted.  Where it is
 * another one, pages of another size leave out another number of records: so
 * the next round is read by those, and must bring as many.
 */
static void
change_size(TplusSweep *sweep)
{
	int64		distinct = sweep->rows - sweep->repeats;
	bool		differs = sweep->alike_rows > 0 &&
	sweep->alike_rows != distinct;

	if (differs && sweep->rounds >= MAX_MISFITS)
		report_open_base(sweep);
	if (!sweep->base_alike && !differs)
		return;
	sweep->page_size = Max(sweep->page_size + (sweep->base_alike ? 1 : -1), 1);
	sweep->base_alike = !sweep->base_alike;
	sweep->alike_rows = distinct;
}

/*
 * One page brought all, and the next one nothing: if the server sends no more
 * at a time, a record that was deleted between the two has drawn the first of
 * the second page to where we do not look again.
 */
static bool
may_have_shifted(const TplusSweep *sweep)
{
	return sweep->rounds == 1 && sweep->rows > 0 &&
		sweep->total != sweep->rows &&
		(sweep->rows >= sweep->page_size ||
		 sweep->rows >= tplus_query_learned(sweep->query, tplus_sweep_path(sweep))->largest_page);
}

/* The numbers have come to their end: is what came known to be all? */
static void
end_page_sweep(TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;
	int64		distinct = sweep->rows - sweep->repeats;
	bool		clean = sweep->repeats == 0 && sweep->round_fresh == 0;
	bool		lacking = sweep->total > distinct || sweep->excess;
	bool		open;			/* may there be more? */

	sweep->base_doubtful = false;

	sweep->counted = sweep->total == distinct && !sweep->excess;
	if (!query->table->verify || sweep->found_unique)
	{
		tplus_sweep_finish(sweep, true);
		return;
	}
	if (sweep->total != distinct && begins_earlier(sweep))
	{
		sweep->page_base--;
		tplus_pages_restart(sweep, sweep->page_size);
		return;
	}
	sweep->full_needed = sweep->keys_only && sweep->round_fresh > 0;
	if (tplus_pages_turned(sweep) <= 2 && sweep->repeats == 0 && !lacking)
		open = sweep->full_needed || may_have_shifted(sweep);
	else
		open = sweep->rounds == 1 ||
			(lacking && sweep->rounds < MAX_MISFITS) ||
			(!clean && !(sweep->round_fresh == 0 && sweep->total == distinct));
	open |= sweep->base_doubtful;
	if (lacking && !open)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("%s cannot be read to its end", query->what),
				 sweep->excess ?
				 errdetail("The server counts " INT64_FORMAT " records, but its pages bring more.",
						   sweep->total) :
				 errdetail("The server counts " INT64_FORMAT " records, but its pages bring only " INT64_FORMAT ".",
						   sweep->total, distinct),
				 errhint("If the count is wrong, set the option \"paging\" of the foreign table to \"ts\", or \"verify\" to \"off\".")));
	change_size(sweep);
	tplus_sweep_finish(sweep, !open);
}

/* A page that was not full has a successor: it was capped. */
static void
restart_capped(TplusSweep *sweep)
{
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
	tplus_pages_restart(sweep, size);
}

void
tplus_pages_end_page(TplusSweep *sweep, int64 total)
{
	TplusLearned *learned = tplus_query_learned(sweep->query,
												tplus_sweep_path(sweep));
	int			rows = sweep->page_rows;

	if (outgrows_hint(sweep))
		return;
	if (total > rows)
		learned->total_is_whole = true;
	if (learned->total_is_whole)
		sweep->total = Max(sweep->total, total);
	if (sweep->pages == 1)
		sweep->first_sum = sweep->page_sum;
	if (sweep->beyond)
	{
		if (!end_page_beyond(sweep))
			return;
		rows = 0;
	}
	else if (rows > 0)
	{
		check_twins(sweep);
		tplus_sweep_check_count(sweep, sweep->total);
	}

	/*
	 * A record or two that are new on the second page may have been edited,
	 * or added, since the first.
	 */
	if (sweep->pages > 1 && rows > 0 && sweep->page_repeats <= rows / 2)
		sweep->moved = learned->pages_move = true;
	if (rows > 0 && sweep->short_rows > 0 && sweep->page_repeats < rows)
	{
		restart_capped(sweep);
		return;
	}
	if (rows > 0 && sweep->page_repeats == rows)
	{
		end_stale_page(sweep);
		if (sweep->pages == 0)
			return;				/* started anew */
		rows = 0;
	}
	sweep->excess |= exceeds_count(sweep);
	sweep->ends_by_count = rows > 0 && ends_by_count(sweep, total);
	if (rows == 0 || sweep->found_unique || sweep->excess || sweep->ends_by_count)
	{
		if (!tplus_sweep_needs_restart(sweep))
			end_page_sweep(sweep);
		return;
	}
	if (rows < sweep->page_size)
		sweep->short_rows = rows;
	else
		widen_window(sweep);
	sweep->last_sum = sweep->page_sum;
	sweep->beyond = has_come_to_count(sweep, total);
	sweep->page_index++;
}

bool
tplus_pages_base_is_open(const TplusSweep *sweep)
{
	return !sweep->base_checked && sweep->page_base > 0 &&
		sweep->query->table->verify;
}

/*
 * Some servers refuse a page beyond the end: if the count agrees, this is it,
 * and the first page may be beyond it where numbers begin at 0.
 */
bool
tplus_pages_refused(TplusSweep *sweep)
{
	/* The number may be that of the page, where all records are on it. */
	if (sweep->pages > 0 && sweep->total < 0 && sweep->rows > 1)
		sweep->total = tplus_sweep_count(sweep);
	if (sweep->pages == 0 || sweep->total != sweep->rows - sweep->repeats)
	{
		if (tplus_pages_base_is_open(sweep) && begins_earlier(sweep))
		{
			if (sweep->pages == 0 && !sweep->refused_once)
			{
				/* Not because of its number, if it is not refused again. */
				sweep->refused_once = true;
				sweep->base_checked = false;
				return true;
			}
			sweep->page_base--;
			tplus_pages_restart(sweep, sweep->page_size);
			return true;
		}
		if (sweep->pages == 0 &&
			tplus_flag_is_open(&sweep->flag, tplus_sweep_path(sweep)))
			return false;
		sweep->loud = true;		/* the same again, for the error */
	}
	else if (!tplus_sweep_needs_restart(sweep))
		end_page_sweep(sweep);
	return true;
}
