/*-------------------------------------------------------------------------
 *
 * budget.h
 *		One request budget for all backends of the cluster, per T+ account.
 *
 * Buckets (net/limiter) in shared memory (base/shmem), keyed by host, proxy
 * and app_key.  A slot is held only while bytes are owed to us.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/budget.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_BUDGET_H
#define TPLUS_BUDGET_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "net/limiter.h"

typedef struct TplusBudget TplusBudget;

/*
 * Claims the shared memory for all buckets; false if there is no room for it,
 * then each backend has a budget of its own.
 */
extern bool tplus_budget_is_shared(void);

/* Who pays, as one number that is no secret: never 0. */
extern uint64 tplus_budget_key(const char *authority, const char *app_key);

/*
 * The bucket for this key (any bytes; only a hash of them is shared).  The
 * handle lives as long as the backend; the same key and server give the same
 * handle.  The server is shown to those who look at the queue.
 */
extern TplusBudget *tplus_budget_attach(const char *authority,
										const char *app_key, Oid serverid);

/*
 * A permit to have one request under way.  It is allocated in context and
 * given back with it at the latest, so that no error, cancel or terminate
 * can lose a slot.
 */
typedef struct TplusPermit TplusPermit;

/*
 * Tries to get a permit without waiting; NULL if there is none now, then
 * *wait_ms says when to ask again (at most 1000).  Whoever asks again by then
 * keeps his place in the queue.  Throws 53400 as tplus_budget_wait does.
 */
extern TplusPermit *tplus_budget_try(TplusBudget *budget,
									 const TplusRate *rate,
									 MemoryContext context, long *wait_ms);

/*
 * The same for a request that nobody needs yet: takes only what is left over,
 * neither joins the queue nor passes anybody in it, and does not throw.
 */
extern TplusPermit *tplus_budget_spare(TplusBudget *budget,
									   const TplusRate *rate,
									   MemoryContext context, long *wait_ms);

/*
 * Waits for a permit, interruptibly and in turn.  before_wait (may be NULL)
 * is called with arg before each wait, which also drives the transfers of this
 * backend: the caller drains its own there, so that it never holds what it
 * waits for.  Adds the microseconds
 * waited to *waited_us.  Throws only what an interrupt throws, and 53400 if
 * the account is paused for more than five minutes (the message names the
 * time).
 */
extern TplusPermit *tplus_budget_wait(TplusBudget *budget,
									  const TplusRate *rate,
									  MemoryContext context,
									  void (*before_wait) (void *arg),
									  void *arg, int64 *waited_us);

/*
 * Says that this backend looks after the requests for which it holds permits;
 * to be called whenever it does, once a second at least.  When no holder of a
 * permit for an account has been heard of for five seconds, all of them lapse.
 */
extern void tplus_budget_sign(void);

/* Gives the permit back; NULL and a second call are fine. */
extern void tplus_budget_release(TplusPermit *permit);

/*
 * A pause ends after this in any case: one request then finds out whether it
 * is still meant, so that a gateway that errs cannot lock an account for good.
 */
#define TPLUS_BUDGET_PAUSE_CAP_MS	(60 * 60 * 1000)

/* All backends pause for so many milliseconds from now, or for the cap. */
extern void tplus_budget_pause(TplusBudget *budget, int64 pause_ms);

/* A session that waits for a permit. */
typedef struct TplusWaiting
{
	int			pid;
	Oid			database;
	Oid			server;
	TimestampTz since;
	int			place;			/* in the queue of its account, from 1 */
	int			under_way;		/* requests of the account */
	TimestampTz paused_until;	/* T+ has asked for that; 0: it has not */
} TplusWaiting;

/*
 * The sessions of the cluster that wait now, in the current context, and how
 * many; those of an account in their order.
 */
extern int	tplus_budget_queue(TplusWaiting **waiting);

#endif							/* TPLUS_BUDGET_H */
