/*-------------------------------------------------------------------------
 *
 * verdict.h
 *		What the end of an attempt means: done, once more, or an error.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/verdict.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_VERDICT_H
#define TPLUS_VERDICT_H

#include "postgres.h"

#include "tplus/attempt.h"
#include "tplus/failure.h"
#include "tplus/token.h"

/* The attempts of one call. */
typedef struct TplusTries
{
	const TplusCallSpec *spec;
	TplusAttempt attempt;
	TplusRate	rate;
	TplusBudget *budget;		/* NULL: not looked up yet */
	TplusToken	token;
	TplusFailure failure;		/* for messages */
	TplusMeter	meter;
	int			count;			/* attempts so far */
	int			tokens;			/* refused so far */
	bool		delivered;		/* did a record of any attempt go out? */
	bool		paused_all;		/* for the reply that is at hand */
	bool		opened;			/* what stands before its rows was read */
	bool		held_back;		/* it speaks of an error */
	int64		total;			/* as the last whole reply told; -1: not */
	int64		resume_us;		/* monotonic: not another attempt before */
	bool		throttled;		/* T+ asked for that pause */
} TplusTries;

typedef enum TplusVerdict
{
	TPLUS_VERDICT_DONE,
	TPLUS_VERDICT_AGAIN,		/* another attempt; the last one is gone */
	TPLUS_VERDICT_REFUSED		/* only if quiet */
} TplusVerdict;

/* None yet, of a call with this spec; in context. */
extern void tplus_tries_init(TplusTries *tries, const TplusCallSpec *spec,
							 MemoryContext context);

/* The bucket of the account. */
extern TplusBudget *tplus_verdict_budget(TplusTries *tries);

/* There is no whole response.  Throws unless there is another attempt. */
extern void tplus_verdict_failed(TplusTries *tries);

/* The body is whole HTTP, but no JSON that we understand.  Likewise. */
extern void tplus_verdict_malformed(TplusTries *tries);

/*
 * A record has come: shall it go out?  Not if what stands before the rows
 * speaks of an error, which the end of the document will tell in full; the last
 * one not either if it is what follows that does.
 */
extern bool tplus_verdict_lets_out(TplusTries *tries);

/* A record of it is none.  Is there another attempt? */
extern bool tplus_verdict_rejected(TplusTries *tries);

/* The response is no success.  Never DONE; may throw. */
extern TplusVerdict tplus_verdict_refused(TplusTries *tries);

/* The document is complete; it may be an error after all.  May throw. */
extern TplusVerdict tplus_verdict_complete(TplusTries *tries);

/* Lets all backends pause, if the reply at hand says that they shall. */
extern void tplus_verdict_heed(TplusTries *tries);

#endif							/* TPLUS_VERDICT_H */
