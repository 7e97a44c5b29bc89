/*-------------------------------------------------------------------------
 *
 * call.h
 *		One call of a T+ operation: budget, token, HTTP, envelope, retry.
 *
 * The only place that retries.  Records come out while the body arrives.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/call.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALL_H
#define TPLUS_CALL_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/error.h"
#include "base/option.h"

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

/* What calls cost; the caller's sums. */
typedef struct TplusCallStats
{
	int64		requests;		/* sent, retries included */
	int64		pages;			/* whole replies with rows */
	int64		records;		/* received */
	int64		wire_bytes;
	int64		body_bytes;		/* after decompression */
	int64		retries[TPLUS_NRETRYCAUSES];
	int64		network_us;		/* waited for bytes */
	int64		budget_us;		/* waited for the request budget */
	int64		token_us;		/* waited for a token */
	int64		backoff_us;		/* paused before retries */
} TplusCallStats;

/* Names of the causes, for EXPLAIN. */
extern const char *const tplus_retry_names[TPLUS_NRETRYCAUSES];

typedef struct TplusCallSpec
{
	const TplusAccount *account;
	const char *what;			/* for messages: "foreign table \"item\"" */
	const char *path;
	const char *body;			/* UTF-8 */
	const char *rows_path;
	bool		empty_is_zero;	/* null, "" and an empty body mean no rows */
	bool		retry_after_rows;	/* may rows come again after a failure? */
	bool		quiet;			/* return a refusal that is no passing one */
	TplusCallStats *stats;
	StringInfo	envelope;		/* gets the reply without its rows; or NULL */
} TplusCallSpec;

typedef struct TplusCall TplusCall;

typedef enum TplusCallStatus
{
	TPLUS_CALL_RECORD,			/* *text, *len: one record, a JSON object */
	TPLUS_CALL_RESTARTED,		/* failed after rows; they come again */
	TPLUS_CALL_END,
	TPLUS_CALL_REFUSED			/* only if quiet */
} TplusCallStatus;

/*
 * Prepares a call in a context of its own below context; the spec must stay
 * valid.  Nothing is sent before the first next().
 */
extern TplusCall *tplus_call_create(const TplusCallSpec *spec,
									MemoryContext context);

/*
 * The next record, waiting interruptibly.  The text stays valid until the
 * next call with this TplusCall.  Throws what went wrong with the SQLSTATE of
 * base/error's table; retries have been made by then.
 */
extern TplusCallStatus tplus_call_next(TplusCall *call, const char **text,
									   size_t *len);

/* After END: the reply's total number of records, -1 if it told none. */
extern int64 tplus_call_total(const TplusCall *call);

/* Ends the call, also in the middle of a body.  NULL is fine. */
extern void tplus_call_free(TplusCall *call);

#endif							/* TPLUS_CALL_H */
