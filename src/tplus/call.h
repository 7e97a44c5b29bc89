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

#include "base/error.h"
#include "tplus/attempt.h"

typedef struct TplusCall TplusCall;

typedef enum TplusCallStatus
{
	TPLUS_CALL_RECORD,			/* *text, *len: one record, a JSON object */
	TPLUS_CALL_RESTARTED,		/* failed after rows; they come again */
	TPLUS_CALL_END,
	TPLUS_CALL_REFUSED,			/* only if quiet */
	TPLUS_CALL_WAIT				/* from poll() only */
} TplusCallStatus;

/*
 * Throws 0A000 if the operation at this path writes: what is made here is sent
 * ahead, repeated, and made twice to confirm it.  what is for the message, such
 * as: foreign table "item".
 */
extern void tplus_call_check_path(const char *what, const char *path);

/*
 * Prepares a call in a context of its own below context; the spec must stay
 * valid.  Nothing is sent before the first next().  Throws for an operation
 * that writes.
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

/*
 * The same without waiting, but for a renewal of the token: WAIT says that
 * wait() has to be called before poll() is called again, or that the caller
 * waits by itself for tplus_http_fd(), at most for patience() milliseconds
 * (-1: without limit), and calls tplus_call_drive() then.
 */
extern TplusCallStatus tplus_call_poll(TplusCall *call, const char **text,
									   size_t *len);
extern long tplus_call_patience(const TplusCall *call);

/*
 * The record that came last is no JSON.  True if the request will be made once
 * more, as if poll() had returned RESTARTED; otherwise the caller throws.
 */
extern bool tplus_call_reject(TplusCall *call);

/* Waits, interruptibly; at most about so long (-1: without limit). */
extern void tplus_call_wait(TplusCall *call, long at_most_ms);

/*
 * Sends the request of a new call before it is needed, if the token is at hand
 * and the budget has a permit that nobody waits for.  Otherwise returns false,
 * and *wait_ms says when to try again.
 */
extern bool tplus_call_send_ahead(TplusCall *call, long *wait_ms);

/* How long to leave a token alone that is not at hand, in milliseconds. */
#define TPLUS_CALL_RENEWAL_MS	100

/* Is a request of the call under way, or a reply at hand? */
extern bool tplus_call_is_sent(const TplusCall *call);

/*
 * Takes in what has arrived, so that last() knows of it.  Invalidates the
 * record handed out last.
 */
extern void tplus_call_receive(TplusCall *call);

/*
 * The same for a call whose turn has not come.  What went wrong is left for
 * that turn, but that all backends shall pause.
 */
extern void tplus_call_receive_ahead(TplusCall *call);

/*
 * Is the reply of such a call at hand, and has it fewer records than this, or
 * is no success?
 */
extern bool tplus_call_falls_short(const TplusCall *call, int64 records);

/* Lets all calls of the backend make what progress they can.  Does not wait. */
extern void tplus_call_drive(void);

/*
 * The last record of a whole reply, if it was not taken yet; valid until the
 * next call with this TplusCall.
 */
extern bool tplus_call_last(const TplusCall *call, const char **text,
							size_t *len);

/* The records of the reply, as far as it has arrived. */
extern const TplusTally *tplus_call_tally(const TplusCall *call);

/* What it was made with. */
extern const TplusCallSpec *tplus_call_spec(const TplusCall *call);

/* After END: the reply's total number of records, -1 if it told none. */
extern int64 tplus_call_total(const TplusCall *call);

/*
 * Waits, interruptibly, until no call of this backend holds a permit of the
 * budget: their replies are received to the end, whether or not anybody asks
 * for them.
 */
extern void tplus_call_drain_all(void);

/* Ends the call, also in the middle of a body.  NULL is fine. */
extern void tplus_call_free(TplusCall *call);

#endif							/* TPLUS_CALL_H */
