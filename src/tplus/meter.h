/*-------------------------------------------------------------------------
 *
 * meter.h
 *		What a call costs, told to the shared counters and the request log.
 *
 * Once for each request, never for each record.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/meter.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_METER_H
#define TPLUS_METER_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "base/option.h"
#include "base/stats.h"
#include "net/http_result.h"
#include "tplus/auth_reply.h"

/* Why a request was asked again. */
typedef enum TplusRetryCause
{
	TPLUS_RETRY_THROTTLED,		/* 409, 429 */
	TPLUS_RETRY_TOKEN,			/* the token was refused */
	TPLUS_RETRY_SERVER,			/* 5xx, 999: a transient refusal */
	TPLUS_RETRY_NETWORK,		/* no whole response */
	TPLUS_RETRY_MALFORMED		/* a whole response that is no JSON */
} TplusRetryCause;

#define TPLUS_NRETRYCAUSES	(TPLUS_RETRY_MALFORMED + 1)

/* What calls cost; the caller's sums, zero at first. */
typedef struct TplusCallStats
{
	int64		requests;		/* sent, retries included */
	int64		ahead;			/* of them, sent before they were needed */
	int64		unused;			/* of those, whose replies nobody needed */
	int64		pages;			/* replies that rows came from, or none */
	int64		records;		/* received */
	int64		wire_bytes;		/* received, whatever came of it */
	int64		body_bytes;		/* after decompression */
	int64		retries[TPLUS_NRETRYCAUSES];
	int64		network_us;		/* waited for bytes */
	int64		budget_us;		/* waited for the request budget */
	int64		token_us;		/* waited for a token */
	int64		backoff_us;		/* paused before retries */
	int64		throttled_us;	/* of that: because of 409 or 429 */
	int64		posted[TPLUS_NSTATS];	/* for tplus/meter */
	bool		failed;			/* for tplus/meter: an error has been counted */
} TplusCallStats;

/* Names of the causes, for people. */
extern const char *const tplus_retry_names[TPLUS_NRETRYCAUSES];

/* The meter of a call; what it points to lives as long as the call. */
typedef struct TplusMeter
{
	const TplusAccount *account;
	Oid			relid;			/* counted under this foreign table, or none */
	const char *path;
	const char *body;			/* UTF-8 */
	TplusCallStats *stats;
	const TplusHttpResult *result;	/* of the request; NULL: none is open */
	uint64		payer;			/* of the request, see tplus/allowance */
	TimestampTz begun;
	int			attempt;
	char	   *shown;			/* the body of the request, without secrets */
	bool		has_page;		/* the reply is counted as a page */
	int64		rows;			/* of this request, as the next two */
	int64		wire_bytes;		/* so far in stats */
	int64		body_bytes;
	char		code[16];		/* T+'s, or "" */
	MemoryContextCallback callback;
} TplusMeter;

/*
 * Claims shared memory for what requests need and leave behind.  To be called
 * before the counters or the log are looked at, so that they do not take what
 * the budget needs.
 */
extern void tplus_meter_attach(void);

/*
 * A request has been sent.  It counts as given up if context, where its
 * transfer lives, goes before tplus_meter_end().
 */
extern void tplus_meter_begin(TplusMeter *meter,
							  const TplusHttpResult *result, int attempt,
							  MemoryContext context);

/*
 * A page came of the call: it has begun, or is empty.  However often it is
 * asked for, and whether or not all of it is read, it counts once.
 */
extern void tplus_meter_page(TplusMeter *meter);

/* A record of the reply is taken. */
extern void tplus_meter_record(TplusMeter *meter);

/* T+ put this code of its own into the answer; secrets blotted out; or NULL. */
extern void tplus_meter_code(TplusMeter *meter, const char *code);

/*
 * The request has ended: well (why is NULL), or not, and why.  Tells whatever
 * the call's sums have grown by since that was last done.  If no request is
 * open, does only that.
 */
extern void tplus_meter_end(TplusMeter *meter, const char *why);

/*
 * For PG_CATCH: the call ends with the error that is being handled, which the
 * caller rethrows; context is for the moment.
 */
extern void tplus_meter_error(TplusMeter *meter, MemoryContext context);

/*
 * For PG_CATCH, likewise: what is read with these sums ends with the error that
 * is being handled.  Counts it unless a call has.  Of a value that could not be
 * converted it tells the column alone.
 */
extern void tplus_meter_failure(const TplusAccount *account, Oid relid,
								TplusCallStats *stats, MemoryContext context);

/* A call that obtains a token was made, at begun, and this came of it. */
extern void tplus_meter_grant(const TplusAccount *account, const char *path,
							  TimestampTz begun, const TplusHttpResult *result,
							  const TplusGrantReply *reply);

#endif							/* TPLUS_METER_H */
