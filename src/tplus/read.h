/*-------------------------------------------------------------------------
 *
 * read.h
 *		One complete read of a query: arms, rounds, and the high-water mark.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/read.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_READ_H
#define TPLUS_READ_H

#include "postgres.h"

#include "tplus/record.h"

typedef struct TplusRead TplusRead;

/*
 * A read of query, which must stay valid.  Lives in a context of its own
 * below context.  Nothing is sent before the first next().
 */
extern TplusRead *tplus_read_create(const TplusQuery *query,
									MemoryContext context);

typedef enum TplusReadStatus
{
	TPLUS_READ_RECORD,
	TPLUS_READ_WAIT,
	TPLUS_READ_END
} TplusReadStatus;

/*
 * The next record that has not gone out yet, without waiting, but for the
 * questions that decide how to go on, and for renewals of the token.  On WAIT
 * the caller waits for tplus_http_fd(), at most for patience() milliseconds
 * (-1: without limit), and calls tplus_call_drive() then.
 */
extern TplusReadStatus tplus_read_poll(TplusRead *read, TplusRecord *record);
extern long tplus_read_patience(const TplusRead *read);

/*
 * The next record that has not gone out yet, waiting interruptibly; false
 * when everything has.  The record stays valid until the next call.  Throws
 * when completeness cannot be had, and whatever a call throws.
 */
extern bool tplus_read_next(TplusRead *read, TplusRecord *record);

/* The number of the page that the last record came from, from 1. */
extern int	tplus_read_page(const TplusRead *read);

/*
 * After next() returned false: the row version up to which everything was
 * returned.  False if there is none that is safe.
 */
extern bool tplus_read_high_water(const TplusRead *read, uint64 *version);

/*
 * The body without secrets, and the path, of the first request of a query, for
 * EXPLAIN; nothing is sent.  Palloc'd in the current context; NULL if nothing would be asked.
 */
extern char *tplus_read_first_body(const TplusQuery *query,
								   const char **path);

/* Bytes used for the keys that were seen, for EXPLAIN. */
extern int64 tplus_read_key_bytes(const TplusRead *read);

/* How the read went on, for EXPLAIN: "cursor", "pages", ... */
extern const char *tplus_read_way(const TplusRead *read);

/*
 * Nothing more will be asked of the read: gives up what is under way.  Polling
 * it afterwards is an error.
 */
extern void tplus_read_stop(TplusRead *read);

/* Ends the read, also in the middle.  NULL is fine. */
extern void tplus_read_free(TplusRead *read);

#endif							/* TPLUS_READ_H */
