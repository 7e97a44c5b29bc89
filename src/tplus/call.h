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
	bool		quiet;			/* return a refusal that is no passing one */
	TplusCallStats *stats;		/* lives at least as long as the call */
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
