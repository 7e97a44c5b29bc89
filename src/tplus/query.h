/*-------------------------------------------------------------------------
 *
 * query.h
 *		What a scan asks for, whatever the way it is paged.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/query.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_QUERY_H
#define TPLUS_QUERY_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "tplus/call.h"
#include "tplus/encode.h"
#include "tplus/key.h"
#include "tplus/resource.h"

/* One parameter set; the results of all arms are united. */
typedef struct TplusArm
{
	List	   *params;			/* of TplusParam */
	bool		has_disabled;	/* does it ask for one value of the flag? */
	bool		disabled;		/* and which */
	bool		overlooked[TPLUS_NOPERATIONS];	/* the flag, by these
												 * operations, so they are not
												 * asked for it */
	const char *unique_value;	/* of the pinned unique field, or NULL */
	const char *like_param;		/* a parameter with a pattern, or NULL */
	bool		is_filtered;	/* a clause is among what it asks for */
	bool		uneven;			/* one operation is asked for more than the
								 * other: they count other records */
} TplusArm;

/*
 * What an operation of the server was seen to do.  Proofs, not guesses: each
 * is set only by a reply that could not have come otherwise, or by an option
 * that says so.  They save requests, never change a result.
 */
typedef struct TplusLearned
{
	TplusTsCompare ts_compare;	/* which versions Ts brings, in any order */
	bool		cursor_pages;	/* Ts > x brings what is newer, in order */
	bool		cursor_answers; /* Ts > x was seen to bring something newer */
	bool		pages_move;		/* PageIndex brings other records */
	bool		total_is_whole; /* TotalCount was seen to exceed a page */
	bool		patterns;		/* %text% was seen to match */
	bool		shows_stopped;	/* stopped records were seen to come unasked */
	int			largest_page;	/* records of the largest page seen */
	TplusTally	cursor_pages_hold;	/* by cursor: records of the page with
									 * most, bytes of the longest page, and of
									 * the longest record */
	TplusTally	page_holds;		/* declared: rows and bytes that a page had */
	TplusEncoding bool_encoding;	/* proven to be matched; AUTO: none yet */
} TplusLearned;

typedef struct TplusQuery
{
	const TplusAccount *account;
	const TplusTableOptions *table;
	const TplusResource *resource;
	const char *what;			/* for messages: foreign table "item" */
	const char *key;			/* field that identifies a record */
	TplusKeyKind key_kind;		/* how its values compare */
	const char *version;		/* field of the row version, or NULL */
	const char *disabled;		/* field of the flag, or NULL */
	const char *select_fields;	/* NULL: SelectFields is not sent */
	const char *key_fields;		/* the same for a sweep for keys alone */
	List	   *arms;			/* of TplusArm; NIL: nothing can match */
	int			hidden_arms;	/* the last so many only look for what is
								 * hidden */
	bool		repeat;			/* a record may change arms during the read */
	const char *bound;			/* row versions above this only; or NULL */
	TplusEncoding bool_encoding[TPLUS_NOPERATIONS]; /* declared; AUTO: to be
													 * proven */
	const char *unique_field;	/* a clause pins this unique field, or NULL */
	TplusKeyKind unique_kind;	/* how its values compare */
	const char *like_field;		/* a clause has a pattern for it, or NULL */
	int			limit;			/* records that may be enough; 0: not known */
	int			first_page_size;	/* smaller under a small LIMIT */
	int			page_size;
	TplusCallStats *stats;
	TplusLearned *learned;		/* TPLUS_NOPERATIONS of them */
	StringInfo	envelope;		/* gets replies without their rows; or NULL */
} TplusQuery;

/* How one request of a query differs from the others. */
typedef struct TplusRequest
{
	const char *path;
	const TplusArm *arm;
	TplusEncoding encoding;		/* of the flag, if the arm has it */
	bool		keys_only;
	int			page_size;		/* 0: not sent */
	const char *cursor;			/* Ts, or NULL */
	int			page_index;		/* -1: not sent */
} TplusRequest;

/* The operation at this path. */
extern TplusOperation tplus_query_operation(const TplusQuery *query,
											const char *path);

/* Is the operation at this path asked for the flag of an arm? */
extern bool tplus_query_asks_flag(const TplusQuery *query,
								  const TplusArm *arm, const char *path);

/* Adds to what is known of the operations what the table's options declare. */
extern void tplus_query_declare(const TplusQuery *query);

/* What is known of the operation at this path; to be added to. */
extern TplusLearned *tplus_query_learned(const TplusQuery *query,
										 const char *path);

/* The body of a request; palloc'd in the current context. */
extern char *tplus_query_body(const TplusQuery *query,
							  const TplusRequest *request);

/* The call that makes this request, in context. */
extern TplusCall *tplus_query_call(const TplusQuery *query,
								   const TplusRequest *request, bool quiet,
								   MemoryContext context);

/* A small answer as a whole. */
typedef struct TplusAnswer
{
	bool		refused;		/* T+ does not answer this request */
	int64		total;			/* -1: not told */
	int64		rows;			/* how many records there were */
	List	   *records;		/* of char *, at most TPLUS_ANSWER_RECORDS */
} TplusAnswer;

#define TPLUS_ANSWER_RECORDS	100

/*
 * Makes a request whose answer is evidence, not rows.  Palloc'd in the
 * current context.  A refusal by T+ is an answer; other failures throw.
 */
extern void tplus_query_ask(const TplusQuery *query,
							const TplusRequest *request, TplusAnswer *answer);

/*
 * The same for the first records that match: fills in the place and the size.
 * Where page numbers begin is not taken for granted.  Without quiet, a refusal
 * throws, too: no record is to be concluded from it.
 */
extern void tplus_query_sample(const TplusQuery *query, TplusRequest *request,
							   bool quiet, TplusAnswer *answer);

/*
 * How many records match the arm, by the operation that tells; -1 if there is
 * none, it refuses, or its number cannot be told from that of a page.  The
 * records that came beside it are in *answer.
 */
extern int64 tplus_query_count(const TplusQuery *query, const TplusArm *arm,
							   TplusEncoding encoding, TplusAnswer *answer);

#endif							/* TPLUS_QUERY_H */
