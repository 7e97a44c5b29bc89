/*-------------------------------------------------------------------------
 *
 * attempt.h
 *		One attempt of a call: it is sent, received, and split into records.
 *
 * A reply is received and split ahead of whoever takes its records, into a
 * bounded buffer.  A permit of the budget is held only while bytes are owed.
 * Nothing here waits, and nothing decides what a failure means.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/attempt.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ATTEMPT_H
#define TPLUS_ATTEMPT_H

#include "postgres.h"

#include "lib/ilist.h"
#include "lib/stringinfo.h"

#include "net/budget.h"
#include "net/http.h"
#include "net/http_buffer.h"
#include "net/records.h"
#include "tplus/meter.h"

typedef struct TplusCallSpec
{
	const TplusAccount *account;
	Oid			relid;			/* counted under this foreign table, or none */
	const char *what;			/* for messages: "foreign table \"item\"" */
	const char *path;
	const char *body;			/* UTF-8 */
	const char *rows_path;
	bool		empty_is_zero;	/* null, "" and an empty body mean no rows */
	bool		retry_after_rows;	/* may rows come again after a failure? */
	bool		is_filtered;	/* the body has what a clause asks for */
	bool		quiet;			/* return a refusal that is no passing one */
	TplusCallStats *stats;		/* lives at least as long as the call */
	StringInfo	envelope;		/* gets the reply without its rows; or NULL */
} TplusCallSpec;

/* Records: how many, their bytes in all, and those of the longest. */
typedef struct TplusTally
{
	int64		rows;
	int64		bytes;
	int64		longest;
} TplusTally;

typedef enum TplusAttemptStatus
{
	TPLUS_ATTEMPT_RECORD,		/* *text, *len: one element of the rows */
	TPLUS_ATTEMPT_WAIT,			/* it takes bytes that are not there yet */
	TPLUS_ATTEMPT_END,			/* the document is complete */
	TPLUS_ATTEMPT_BROKEN,		/* it is no JSON, see the splitter */
	TPLUS_ATTEMPT_FAILED,		/* no whole response, see the result */
	TPLUS_ATTEMPT_REFUSED		/* no success, see refusal */
} TplusAttemptStatus;

typedef struct TplusAttempt
{
	MemoryContext context;		/* reset when the attempt ends */
	MemoryContextCallback callback;
	dlist_node	node;			/* in the list of all that there are */
	TplusPermit *permit;		/* NULL: no bytes are owed */
	TplusHttpRequest request;
	TplusHttpTransfer *transfer;	/* NULL: none was sent */
	TplusRecords *records;
	TplusRecordsStatus split;	/* MORE, or how the splitting ended */
	TplusHttpBuffer ready;		/* records: their lengths and texts */
	size_t		taken;			/* bytes of it that were handed out last */
	size_t		last_len;		/* length of the last record in it */
	TplusTally	tally;			/* of the records that were split */
	StringInfoData refusal;		/* the body of a reply that is no success */
	int64		ended_us;		/* monotonic: when the transfer was found to
								 * have ended; 0: not yet */
} TplusAttempt;

/* Adds a record of so many bytes. */
extern void tplus_tally_add(TplusTally *tally, size_t len);

/* Makes ready for attempts, one at a time, in a context below context. */
extern void tplus_attempt_init(TplusAttempt *attempt, MemoryContext context);

/*
 * Sends the request; its permit has been taken, in the attempt's context.  If
 * only once, over a connection of its own, so that libcurl does not repeat it.
 * Throws as tplus_http_start().
 */
extern void tplus_attempt_send(TplusAttempt *attempt,
							   const TplusCallSpec *spec,
							   const char *access_token, bool only_once);

/*
 * The next record.  Its text stays valid until the next call of next() or
 * receive() for the attempt.
 */
extern TplusAttemptStatus tplus_attempt_next(TplusAttempt *attempt,
											 const char **text, size_t *len);

/* Splits what has arrived, as far as the buffer takes it. */
extern void tplus_attempt_receive(TplusAttempt *attempt);

/* Was the record that next() gave the last one of the document? */
extern bool tplus_attempt_is_last(const TplusAttempt *attempt);

/* Would next() have anything to say but WAIT? */
extern bool tplus_attempt_has_news(const TplusAttempt *attempt);

/*
 * Ends the attempt: nothing of it is left but what was handed out.  There may
 * be another one.
 */
extern void tplus_attempt_end(TplusAttempt *attempt);

/* Gives back the permits of all transfers of the backend that have ended. */
extern void tplus_attempt_settle_all(void);

/*
 * Lets all transfers of the backend go on without their consumers, as far as
 * they can now; returns whether any still holds a permit.  Throws as
 * tplus_http_drain().
 */
extern bool tplus_attempt_drain_all(void);

#endif							/* TPLUS_ATTEMPT_H */
