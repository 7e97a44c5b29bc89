/*-------------------------------------------------------------------------
 *
 * sweep.h
 *		Reading one arm of a query page by page, believing nothing.
 *
 * What the real service does is not known for certain (docs/protocol.md,
 * section 7 no. 1, 2, 3 and 11), so each assumption is checked by what comes
 * back.  A sweep is in one of four ways of asking at a time; in paging "auto"
 * it goes from one to the next when the server does not do what the way
 * assumes.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/sweep.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_SWEEP_H
#define TPLUS_SWEEP_H

#include "postgres.h"

#include "tplus/flag.h"
#include "tplus/record.h"

typedef enum TplusWay
{
	TPLUS_WAY_PLAIN,			/* one page, neither cursor nor page number */
	TPLUS_WAY_CURSOR,			/* Ts: the row version of the last record */
	TPLUS_WAY_PAGES,			/* PageIndex */
	TPLUS_WAY_WHOLE				/* one response has everything, as declared */
} TplusWay;

/* Of records as they came: is a page the same as another? */
typedef struct TplusPageSum
{
	int			rows;
	uint64		in_order;
	uint64		sample;			/* of the first TPLUS_ANSWER_RECORDS, in any
								 * order */
} TplusPageSum;

/* What a page by cursor is asked for. */
typedef enum TplusStep
{
	TPLUS_STEP_FIRST,			/* what is above the sweep's first cursor */
	TPLUS_STEP_AROUND,			/* the mark's records again, and what follows */
	TPLUS_STEP_ABOVE			/* what is above the mark */
} TplusStep;

typedef struct TplusSweep
{
	const TplusQuery *query;
	TplusArm	arm;			/* as asked; the flag may be dropped */
	TplusIntake *intake;
	MemoryContext context;
	TplusWay	way;
	TplusFlag	flag;			/* of stopped records */
	bool		changed;		/* to another operation, for the flag's sake */
	char	   *unique_value;	/* that the arm pins, as keys are spelled */

	bool		done;			/* nothing more to ask in this round */
	bool		settled;		/* what came is known to be all */
	int			rounds;
	int64		round_fresh;	/* records that were new in this round */
	bool		proven;			/* what came is all, whatever records there
								 * are that nothing identifies */

	/* the sweep under way */
	int64		rows;
	int64		repeats;		/* of them on an earlier page of the sweep */
	int			pages;
	int			filled;			/* of them with records */
	bool		counted;		/* the server counts as many records as came */
	int64		told;			/* the count beside the first page of an
								 * operation without page numbers; -1: none */
	bool		told_is_whole;	/* it was more than the page had */
	bool		stranger;		/* beside its count stood a record that had
								 * not come */
	int64		generated;		/* records without a key */
	bool		violated;		/* the server does not do what we assume */
	bool		risen;			/* a version above the first cursor came */
	bool		passed;			/* a version above the cursor of its page */
	bool		ordered;		/* a page had two records in order */
	bool		shows_stopped;	/* a stopped record came unasked */
	bool		found_unique;	/* the record that a clause pins has come */
	bool		hinted;			/* a first page of the LIMIT's size may do */

	/* the page under way */
	int			page_rows;
	int			page_repeats;
	TplusTally	page;
	int			page_news;		/* records that nothing before was equal to */
	TplusPageSum page_sum;

	/* the first page of the sweep, and the one before */
	TplusPageSum first_sum;
	TplusPageSum last_sum;

	/*
	 * By cursor.  The mark is the version that the pages have reached: all
	 * records below it have come.
	 */
	int			cursor_round;	/* the round that began at the lower bound */
	bool		deferred;		/* whether its only page was the last one, the
								 * next round asks */
	uint64		origin;			/* the first cursor */
	uint64		cursor;
	char	   *cursor_text;
	int			asked;			/* size of the page */
	TplusStep	step;
	uint64		mark;
	uint64		mark_page;		/* the first version of the page that led to
								 * it */
	bool		mark_closed;	/* the mark's records have all come */
	int			arounds;		/* pages around the mark that led no further */
	bool		inclusive;		/* versions are compared with >= */
	bool		uneven;			/* a page with room to spare had a successor */
	uint64		page_first;		/* versions of the page: the first, */
	uint64		last_version;	/* the last so far, */
	uint64		before_last;	/* and the one before it */
	bool		asked_again;	/* after a count that was higher */
	int			fruitless;		/* pages in a row without a new key */
	bool		no_cursor;		/* the server was seen not to page by it */
	uint64		highest;		/* version that came */
	uint64		gap_low;		/* the widest gap between the last two */
	uint64		gap_high;		/* versions of a page */
	bool		gap_checked;	/* nothing else is in it */
	bool		countless;		/* the server does not count what we read */
	bool		by_count;		/* a mark stayed open: the count will tell */

	/* by page number */
	int			page_base;		/* number of the first page */
	bool		base_checked;	/* is there none before it? */
	bool		base_doubtful;	/* or is the one before it another one? */
	bool		base_alike;		/* or like the first page */
	int64		alike_rows;		/* records that came then; 0: not so */
	bool		refused_once;	/* the first page was, with one before it */
	int			page_index;
	int			page_size;
	int			short_rows;		/* rows of a page that was not full; 0: none */
	int			restarts;
	bool		beyond;			/* all records that are told have come, so
								 * those of this page are not taken */
	bool		no_beyond;		/* what is told is not how many there are */
	bool		excess;			/* more came than are counted */
	bool		ends_by_count;	/* so no page without records was needed */
	int			stale;			/* pages in a row that only had twins */
	bool		moved;			/* a page behind the first was another one */
	bool		keys_only;
	bool		full_needed;	/* a sweep for keys found new ones */
	bool		loud;			/* the next refusal is an error */
	int64		total;			/* as the pages told; -1: not */
	int			window;			/* pages that may be asked for ahead */
	int64		expected_pages; /* with the one that ends the sweep; 0: not
								 * known */
} TplusSweep;

/* A sweep of this arm, in context. */
extern TplusSweep *tplus_sweep_create(const TplusQuery *query,
									  const TplusArm *arm,
									  TplusIntake *intake,
									  MemoryContext context);

/*
 * Begins a round: the first reads, later ones look for what changed or was
 * missed meanwhile.
 */
extern void tplus_sweep_begin_round(TplusSweep *sweep);

/*
 * The next request; false when the round is over.  *quiet: a refusal is no
 * error, tell it to tplus_sweep_refused().
 */
extern bool tplus_sweep_next_request(TplusSweep *sweep, TplusRequest *request,
									 bool *quiet);

/*
 * The n-th request after the one under way (from 1), as it will be if nothing
 * surprises; false if that is not known, or not likely.  version is that of
 * the last record of the page under way (0: not known), page its tally, n is 1
 * for those that go on by it.  The cursor is palloc'd in the current context.
 * Asks nothing and changes nothing.
 */
extern bool tplus_sweep_foresee(const TplusSweep *sweep, int n,
								uint64 version, const TplusTally *page,
								TplusRequest *request, bool *quiet);

/* The page begins, for a second time if the call had to be repeated. */
extern void tplus_sweep_begin_page(TplusSweep *sweep, bool repeated);

/*
 * A record has come as this text.  Where a table may have records without a
 * key, it is noted what the page consists of.  Returns false if the record is
 * not to be taken: all that there are have come, so the page is there to show
 * that none is left.
 */
extern bool tplus_sweep_note(TplusSweep *sweep, const char *text, size_t len);

/* A record of the page. */
extern void tplus_sweep_take(TplusSweep *sweep, const TplusRecord *record);

/*
 * The page is complete; total is what the reply told, or -1.  Decides what to
 * ask next, which may take requests of its own.  Throws when completeness can
 * not be had.
 */
extern void tplus_sweep_end_page(TplusSweep *sweep, int64 total);

/* T+ refused a quiet request. */
extern void tplus_sweep_refused(TplusSweep *sweep);

/*
 * Does the sweep go on from a version by a cursor whose meaning is known?  The
 * table's options declare it, as a calibration has proven it.
 */
extern bool tplus_sweep_is_known(const TplusSweep *sweep);

/*
 * What follows is for the files of this room alone.
 */

/* The cursor below all versions. */
#define TPLUS_ZERO_CURSOR		"0000000000000000"

/* A cursor page has at least so many rows, whatever the query's LIMIT. */
#define TPLUS_MIN_CURSOR_PAGE	100

/* Forgets what is counted per sweep. */
extern void tplus_sweep_reset(TplusSweep *sweep);

/* This round of the arm is over; settled: what came is known to be all. */
extern void tplus_sweep_finish(TplusSweep *sweep, bool settled);

/*
 * Remembers the count beside a page (-1: none) that asked for all records of
 * the arm, of the operation without page numbers.
 */
extern void tplus_sweep_note_told(TplusSweep *sweep, int64 total);

/*
 * Throws if that operation has told of more records than came, and still does;
 * may make a request to learn it.
 */
extern void tplus_sweep_check_told(TplusSweep *sweep);

/*
 * Throws if so many more have come than the server counts that there may be no
 * end to them; -1: it does not count.
 */
extern void tplus_sweep_check_count(const TplusSweep *sweep, int64 count);

/* The operation that the sweep asks. */
extern const char *tplus_sweep_path(const TplusSweep *sweep);

/*
 * How many records the server counts in the arm; -1 if that is not known, or
 * if it overlooks the flag when it counts.
 */
extern int64 tplus_sweep_count(TplusSweep *sweep);

/*
 * Settles whether the server understood what was asked.  Returns true if the
 * sweep starts again with something else.
 */
extern bool tplus_sweep_needs_restart(TplusSweep *sweep);

/* Begins to read by row version, by another way if there are none. */
extern void tplus_cursor_begin(TplusSweep *sweep);

/* Begins another round behind the last one. */
extern void tplus_cursor_resume(TplusSweep *sweep);

/* A page begins. */
extern void tplus_cursor_begin_page(TplusSweep *sweep);

/* Are versions rising as a cursor needs it? */
extern void tplus_cursor_take(TplusSweep *sweep, const TplusRecord *record);

/* Decides what follows a page. */
extern void tplus_cursor_end_page(TplusSweep *sweep);

/*
 * Where later, a copy of the sweep, will go on after a page that ends with
 * this version; false if that is not known.
 */
extern bool tplus_cursor_foresee(TplusSweep *later, uint64 version,
								 const TplusTally *page);

/* The server does not page by cursor: another way, or an error. */
extern void tplus_cursor_leave(TplusSweep *sweep);

/* Adds a record to what a page consists of. */
extern void tplus_page_sum_add(TplusPageSum *sum, const char *text,
							   size_t len);

/* The cursor that brings the mark's records again, and what follows them. */
extern uint64 tplus_cursor_around(const TplusSweep *sweep);

/*
 * A cursor sweep brought nothing above its first cursor: is that so, or do
 * cursors bring nothing?
 */
extern bool tplus_proof_cursor_is_blind(TplusSweep *sweep);

/*
 * Does the server send the lowest versions first?  Pages with two records
 * have shown it; where all had one, we look at the first records there are.
 * A server with a single record has no order.
 */
extern bool tplus_proof_of_order(TplusSweep *sweep);

/*
 * No record of the mark comes again: does the server still answer a version at
 * all, that before the page which led to the mark?
 */
extern bool tplus_proof_of_cursor(TplusSweep *sweep);

/*
 * Have all records of the mark come, although the last page around it may have
 * been cut off among them?
 */
extern bool tplus_proof_of_mark(TplusSweep *sweep);

/*
 * A sweep brought one record in all: does the server send more than one at a
 * time, where there are more?
 */
extern bool tplus_proof_of_one(TplusSweep *sweep);

/* Begins to read by page number. */
extern void tplus_pages_begin(TplusSweep *sweep);

/* Begins again at the first page, with pages of this size. */
extern void tplus_pages_restart(TplusSweep *sweep, int page_size);

/* Is the n-th page after this one likely to be asked for? */
extern bool tplus_pages_foresee(const TplusSweep *sweep, int n);

/* How many pages may be asked for ahead at most. */
extern int	tplus_pages_max_window(const TplusSweep *sweep);

/* Decides what follows a page; total is what it told, or -1. */
extern void tplus_pages_end_page(TplusSweep *sweep, int64 total);

/* How many pages the sweep has asked for, or need not, as they are empty. */
extern int	tplus_pages_turned(const TplusSweep *sweep);

/* Is it open which number the first page has? */
extern bool tplus_pages_base_is_open(const TplusSweep *sweep);

/* T+ refused a page; false if the spelling of the flag may be to blame. */
extern bool tplus_pages_refused(TplusSweep *sweep);

#endif							/* TPLUS_SWEEP_H */
