/*-------------------------------------------------------------------------
 *
 * sweep_cursor.c
 *		Reading an arm by row version.
 *
 * It asks for what is above a version, from zero.  It assumes that the server
 * sends the lowest versions first; so versions must not fall, and each page
 * must bring keys that the sweep has not had.  A page may be of any size: the
 * server may cap it.
 *
 * Versions need not be unique, so a page may end among records that share one,
 * and what is above that version leaves the others out.  So the next page is
 * asked for from one below the last version, the mark; its records come again,
 * and a record behind them shows that they are all.  Where the server compares
 * with >=, the mark itself brings them.  Only where a page had room for another
 * record, as far as the server has shown how much it sends at a time, is the
 * next one asked for what is above the mark; an empty one ends the sweep, any
 * other shows that there was no room, and we go back.
 *
 * Where page numbers are declared, and it is known which records a version
 * brings, a read from a version asks for one page by it.
 *
 * What else has to be known at the end stands in sweep_proof.c.
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
#include "tplus/rounds.h"
#include "tplus/sweep.h"

/* So many pages in a row may bring only records that were edited meanwhile. */
#define MAX_FRUITLESS	100

/* So many pages around a mark may lead no further although they had room. */
#define MAX_AROUNDS		2

/*
 * A page shorter than this is taken for one with room without verification,
 * and where the order of versions is not declared.
 */
#define BELIEVED_ROWS	10

/* The next record may be so many times as long as the longest that came. */
#define LONGER_RECORD	16

static void
set_cursor(TplusSweep *sweep, const char *text)
{
	if (sweep->cursor_text)
		pfree(sweep->cursor_text);
	sweep->cursor_text = MemoryContextStrdup(sweep->context, text);
	(void) tplus_version_parse(text, &sweep->cursor);
}

static const char *
version_field(const TplusSweep *sweep)
{
	return sweep->query->resource->version ?
		sweep->query->resource->version : "Ts";
}

static void
pg_attribute_noreturn()
report_no_cursor(TplusSweep *sweep)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read by \"%s\"", sweep->query->what,
					version_field(sweep)),
			 errdetail("The server does not answer a row version with the records above it, in order."),
			 errhint("Set the option \"paging\" of the foreign table to \"auto\" or \"page\".")));
}

static void go_above(TplusSweep *sweep);
static void end_cursor_sweep(TplusSweep *sweep, bool above);

/*
 * Records that share a version may be missing: another way, or an error.  With
 * paging by row version, a count at the end can still show that none is.
 */
static void
leave_open_mark(TplusSweep *sweep)
{
	if (sweep->query->table->paging != TPLUS_PAGING_TS)
	{
		tplus_cursor_leave(sweep);
		return;
	}
	if (!sweep->by_count && sweep->query->bound == NULL &&
		sweep->query->table->verify)
	{
		sweep->by_count = true;
		go_above(sweep);
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read by \"%s\"", sweep->query->what,
					version_field(sweep)),
			 errdetail("The records with row version %s may be more than the server sends at a time.",
					   tplus_version_text(sweep->mark)),
			 errhint("Set the option \"paging\" of the foreign table to \"auto\" or \"page\".")));
}

void
tplus_cursor_leave(TplusSweep *sweep)
{
	bool		untried = !sweep->no_cursor && sweep->query->bound != NULL;

	if (sweep->query->table->paging == TPLUS_PAGING_TS)
		report_no_cursor(sweep);
	sweep->no_cursor = true;
	if (untried && sweep->query->table->paging == TPLUS_PAGING_AUTO)
	{
		/* The read began here, and perhaps one page holds all. */
		sweep->way = TPLUS_WAY_PLAIN;
		tplus_sweep_reset(sweep);
	}
	else
		tplus_pages_begin(sweep);
}

/* Nothing was asked yet above the first cursor. */
static void
begin_at_mark(TplusSweep *sweep, TplusStep step)
{
	sweep->origin = sweep->mark;
	sweep->step = step;
	sweep->mark_closed = true;
	sweep->arounds = 0;
	sweep->fruitless = 0;
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
	sweep->by_count = false;
	sweep->deferred = false;
	set_cursor(sweep, sweep->query->bound ? sweep->query->bound : TPLUS_ZERO_CURSOR);
	sweep->mark = sweep->cursor;
	begin_at_mark(sweep, TPLUS_STEP_FIRST);
}

/* The cursor of a step; false if no version can be above the mark. */
static bool
step_cursor(const TplusSweep *sweep, uint64 *cursor)
{
	bool		above = sweep->step == TPLUS_STEP_ABOVE;

	*cursor = above ? sweep->mark : tplus_cursor_around(sweep);
	if (!above || !sweep->inclusive)
		return true;
	*cursor += 1;
	return sweep->mark < PG_UINT64_MAX;
}

uint64
tplus_cursor_around(const TplusSweep *sweep)
{
	return sweep->inclusive || sweep->mark == 0 ? sweep->mark :
		sweep->mark - 1;
}

void
tplus_cursor_begin_page(TplusSweep *sweep)
{
	sweep->last_version = sweep->cursor;
	sweep->before_last = sweep->cursor;
}

void
tplus_cursor_take(TplusSweep *sweep, const TplusRecord *record)
{
	if (record->version_text == NULL ||
		record->version < sweep->last_version)
	{
		sweep->violated = true;
		return;
	}
	if (sweep->page_rows == 1)
		sweep->page_first = record->version;
	sweep->inclusive |= record->version == sweep->cursor;
	sweep->risen |= record->version > sweep->origin;
	sweep->passed |= record->version > sweep->cursor;
	if (record->version > sweep->last_version)
	{
		sweep->ordered |= sweep->page_rows > 1;
		sweep->before_last = sweep->last_version;
	}
	sweep->last_version = record->version;
	sweep->highest = record->version;

	/* The cursor has jumped over this one, or it has come late. */
	if (record->fresh && sweep->step == TPLUS_STEP_AROUND &&
		record->version < sweep->mark &&
		sweep->query->table->paging == TPLUS_PAGING_AUTO)
		sweep->violated = true;
}

/*
 * Had the page room for another record?  Going by the pages, and the records,
 * that came so far.
 */
static bool
has_room(const TplusSweep *sweep, const TplusTally *page)
{
	const TplusTally *seen = &tplus_query_learned(sweep->query, sweep->query->resource->path)->cursor_pages_hold;

	if (page->rows >= sweep->asked)
		return false;
	if (!sweep->query->table->verify)
		return page->rows < Max(seen->rows, BELIEVED_ROWS);
	return page->rows < seen->rows &&
		page->bytes + Max(page->longest, seen->longest) <= seen->bytes;
}

/*
 * Had it, going by what the table's options say that the server sends at a
 * time?  Where the order is not declared, we believe that of a few records
 * only: more of them, cut off by a server that has changed, could have left out
 * versions below those that came.
 */
static bool
is_known_to_have_room(const TplusSweep *sweep, const TplusTally *page)
{
	const TplusLearned *learned = tplus_query_learned(sweep->query, sweep->query->resource->path);
	int64		rows = learned->page_holds.rows;

	if (sweep->query->table->paging != TPLUS_PAGING_TS)
		rows = Min(rows, BELIEVED_ROWS);
	return page->rows < rows && page->rows < sweep->asked &&
		page->bytes + LONGER_RECORD * Max(page->longest, learned->cursor_pages_hold.longest) <= learned->page_holds.bytes;
}

/*
 * Is nothing above the records of the page?  Where it is known which versions
 * a cursor brings, all that are above it are on a page that has room.
 */
static bool
is_known_end(const TplusSweep *sweep, const TplusTally *page)
{
	return tplus_sweep_is_known(sweep) && !sweep->uneven &&
		is_known_to_have_room(sweep, page);
}

/* Is one record all that came so far?  Then nothing shows what a page holds. */
static bool
is_lone(const TplusSweep *sweep, const TplusTally *page)
{
	return !sweep->uneven && page->rows == 1 &&
		tplus_query_learned(sweep->query, sweep->query->resource->path)->cursor_pages_hold.rows <= 1;
}

/* Must the read prove by itself that it has skipped nothing? */
static bool
must_prove_order(const TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;

	return query->table->paging == TPLUS_PAGING_AUTO &&
		query->table->verify && query->bound &&
		sweep->rounds == sweep->cursor_round &&
		!tplus_query_learned(query, query->resource->path)->cursor_pages;
}

/* Will a count be taken in any case? */
static bool
is_counted(const TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;

	return query->table->paging == TPLUS_PAGING_AUTO && query->table->verify &&
		query->bound == NULL && !sweep->countless && !sweep->asked_again &&
		sweep->rounds == sweep->cursor_round;
}

/*
 * The page had room for what is above it.  Does the count tell whether there is
 * any?  Not where one record is all that came: pages may have one each.
 */
static bool
ends_with_count(const TplusSweep *sweep, const TplusTally *page)
{
	return is_counted(sweep) && !is_lone(sweep, page);
}

/* What follows a page that has moved the mark to its end. */
static TplusStep
next_step(const TplusSweep *sweep, const TplusTally *page)
{
	if (sweep->by_count ||
		(!sweep->uneven && (has_room(sweep, page) || is_lone(sweep, page) ||
							is_known_to_have_room(sweep, page))))
		return TPLUS_STEP_ABOVE;
	return TPLUS_STEP_AROUND;
}

bool
tplus_cursor_foresee(TplusSweep *later, uint64 version, const TplusTally *page)
{
	bool		defers = tplus_rounds_can_defer(later, page);
	uint64		cursor;

	if (later->violated || version <= later->mark ||
		(later->step == TPLUS_STEP_ABOVE && !later->mark_closed &&
		 !later->by_count) || is_known_end(later, page) ||
		later->query->table->paging == TPLUS_PAGING_PAGE)
		return false;
	later->mark = version;
	later->step = next_step(later, page);
	if (later->step == TPLUS_STEP_ABOVE && defers)
		return false;
	if (later->step == TPLUS_STEP_AROUND ? page->rows < later->asked &&
		must_prove_order(later) : ends_with_count(later, page))
		return false;
	if (!step_cursor(later, &cursor))
		return false;
	later->cursor_text = tplus_version_text(cursor);
	return true;
}

static void
go_around(TplusSweep *sweep)
{
	sweep->step = TPLUS_STEP_AROUND;
	set_cursor(sweep, tplus_version_text(tplus_cursor_around(sweep)));
}

/* Asks for what is above the mark, if anything can be. */
static void
go_above(TplusSweep *sweep)
{
	uint64		cursor;

	sweep->step = TPLUS_STEP_ABOVE;
	if (step_cursor(sweep, &cursor))
		set_cursor(sweep, tplus_version_text(cursor));
	else
		end_cursor_sweep(sweep, true);
}

/*
 * Is what came in the cursor's round all, by a count or by its order?  above:
 * it was asked whether anything is above the mark.
 */
static void
prove_sweep(TplusSweep *sweep, bool above)
{
	const TplusQuery *query = sweep->query;
	int64		distinct = sweep->rows - sweep->repeats;
	int64		count = -1;

	if (query->bound == NULL && !sweep->countless)
		count = tplus_sweep_count(sweep);
	sweep->countless = count < 0;
	if (count == distinct)
	{
		tplus_query_learned(query, query->resource->path)->cursor_pages = true;
		tplus_sweep_finish(sweep, true);
	}
	else if (count > distinct && !sweep->asked_again)
	{
		/* Something may have come meanwhile. */
		sweep->asked_again = true;
		sweep->mark_closed = true;
		go_around(sweep);
	}
	else if (!above)
		go_above(sweep);
	else if (count < distinct && tplus_proof_of_order(sweep))
		tplus_sweep_finish(sweep, true);
	else
		tplus_cursor_leave(sweep);	/* too low a count proves nothing */
}

/* A mark stayed open: have all records come that the server counts? */
static void
compare_with_count(TplusSweep *sweep)
{
	int64		distinct = sweep->rows - sweep->repeats;
	int64		count = tplus_sweep_count(sweep);

	if (count == distinct)
		tplus_sweep_finish(sweep, true);
	else if (count > distinct && !sweep->asked_again)
	{
		/* Something may have come meanwhile. */
		sweep->asked_again = true;
		go_above(sweep);
	}
	else
		leave_open_mark(sweep);
}

/* The cursor has come to its end. */
static void
end_cursor_sweep(TplusSweep *sweep, bool above)
{
	const TplusTableOptions *table = sweep->query->table;

	if (tplus_sweep_needs_restart(sweep))
		return;
	if (sweep->rounds > sweep->cursor_round)
		tplus_sweep_finish(sweep, true);
	else if (tplus_sweep_is_known(sweep) && sweep->pages == 1)
		tplus_sweep_finish(sweep, true);	/* empty, or known to have room */
	else if ((!sweep->risen || !sweep->passed) &&
			 tplus_proof_cursor_is_blind(sweep))
		tplus_cursor_leave(sweep);
	else if (!sweep->risen || !table->verify)
		tplus_sweep_finish(sweep, true);
	else if (table->paging == TPLUS_PAGING_AUTO)
		prove_sweep(sweep, above);
	else if (sweep->by_count)
		compare_with_count(sweep);
	else if (sweep->rows - sweep->repeats == 1 && !tplus_proof_of_one(sweep))
	{
		sweep->by_count = true; /* and it has told */
		leave_open_mark(sweep);
	}
	else
		tplus_sweep_finish(sweep, true);
}

void
tplus_cursor_resume(TplusSweep *sweep)
{
	tplus_sweep_reset(sweep);
	go_above(sweep);
	begin_at_mark(sweep, TPLUS_STEP_ABOVE);
}

/* A page has led beyond the mark. */
static void
move_mark(TplusSweep *sweep)
{
	if (sweep->step == TPLUS_STEP_ABOVE && !sweep->mark_closed &&
		!sweep->by_count && sweep->page_first > sweep->mark)
	{
		/* There was no room for these: were they all, of the mark? */
		sweep->uneven = true;
		go_around(sweep);
		return;
	}
	sweep->mark = sweep->last_version;
	sweep->mark_page = sweep->page_first;
	sweep->mark_closed = is_known_end(sweep, &sweep->page);
	sweep->arounds = 0;
	if (sweep->mark_closed)
	{
		end_cursor_sweep(sweep, true);
		return;
	}
	if (sweep->query->table->paging == TPLUS_PAGING_PAGE)
	{
		tplus_cursor_leave(sweep);	/* versions were but a short cut */
		return;
	}
	if (next_step(sweep, &sweep->page) == TPLUS_STEP_ABOVE)
	{
		if (ends_with_count(sweep, &sweep->page))
			end_cursor_sweep(sweep, false);
		else if (tplus_rounds_can_defer(sweep, &sweep->page))
			tplus_rounds_defer(sweep);
		else
			go_above(sweep);
		return;
	}
	go_around(sweep);

	/* From a bit further below it shows as well what a jump has left out. */
	if (sweep->page.rows < sweep->asked && must_prove_order(sweep) &&
		sweep->gap_high == sweep->mark && !sweep->inclusive)
		set_cursor(sweep, tplus_version_text(sweep->gap_low));
}

/* A page has brought nothing above the mark. */
static void
stay_at_mark(TplusSweep *sweep)
{
	bool		room = has_room(sweep, &sweep->page);

	sweep->arounds++;
	if (is_known_end(sweep, &sweep->page))
	{
		sweep->mark_closed = true;
		end_cursor_sweep(sweep, true);
	}
	else if (sweep->query->table->paging == TPLUS_PAGING_PAGE)
		tplus_cursor_leave(sweep);
	else if (sweep->mark_closed)
		go_above(sweep);		/* all of it is at the first cursor */
	else if (sweep->cursor < tplus_cursor_around(sweep) && !room)
		go_around(sweep);		/* from where less of the known comes */
	else if (is_lone(sweep, &sweep->page))
		go_above(sweep);
	else if (room && sweep->arounds < MAX_AROUNDS)
	{
		if (is_counted(sweep))
			end_cursor_sweep(sweep, false);
		else
			go_above(sweep);
	}
	else if (tplus_proof_of_mark(sweep))
	{
		sweep->mark_closed = true;
		go_above(sweep);
	}
	else
		leave_open_mark(sweep);
}

static void
check_fruit(TplusSweep *sweep)
{
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
}

/* Adds the page to what is known of pages. */
static void
note_page(TplusSweep *sweep)
{
	TplusLearned *learned = tplus_query_learned(sweep->query, sweep->query->resource->path);
	TplusTally *seen = &learned->cursor_pages_hold;

	learned->cursor_answers |= sweep->passed;
	seen->rows = Max(seen->rows, sweep->page.rows);
	seen->bytes = Max(seen->bytes, sweep->page.bytes);
	seen->longest = Max(seen->longest, sweep->page.longest);
}

/* The widest gap between the last two versions of a page. */
static void
note_gap(TplusSweep *sweep)
{
	if (sweep->page_first < sweep->last_version &&
		sweep->last_version - sweep->before_last >= sweep->gap_high - sweep->gap_low)
	{
		sweep->gap_low = sweep->before_last;
		sweep->gap_high = sweep->last_version;
		sweep->gap_checked = false;
	}
}

void
tplus_cursor_end_page(TplusSweep *sweep)
{
	bool		deferred = sweep->deferred;

	sweep->deferred = false;
	if (sweep->violated)
		tplus_cursor_leave(sweep);
	else if (sweep->found_unique)
		tplus_sweep_finish(sweep, true);
	else if (deferred && sweep->page_rows > 0)
		tplus_cursor_begin(sweep);	/* the first page was not the last */
	else if (sweep->page_rows > 0)
	{
		check_fruit(sweep);
		sweep->gap_checked |= sweep->step == TPLUS_STEP_AROUND &&
			sweep->cursor == sweep->gap_low;
		note_gap(sweep);
		if (sweep->last_version > sweep->mark)
			move_mark(sweep);
		else
			stay_at_mark(sweep);
		note_page(sweep);
	}
	else if (sweep->step != TPLUS_STEP_AROUND)
		end_cursor_sweep(sweep, true);
	else if (++sweep->arounds < MAX_AROUNDS && tplus_proof_of_cursor(sweep))
		go_above(sweep);		/* the mark's records are gone */
	else
		tplus_cursor_leave(sweep);
}
