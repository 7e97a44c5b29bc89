/*-------------------------------------------------------------------------
 *
 * renew.h
 *		Having a background worker renew a token pair, one at a time.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/renew.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_RENEW_H
#define TPLUS_RENEW_H

#include "postgres.h"

#include "storage/lock.h"
#include "tplus/order.h"
#include "tplus/pair.h"

/*
 * Two locks for each pair.  Order: QUEUE before RENEW.
 */
typedef enum TplusRenewLock
{
	TPLUS_RENEW_QUEUE,			/* who asks, until the worker has reported */
	TPLUS_RENEW_RENEW			/* the worker while it renews */
} TplusRenewLock;

/*
 * Takes or gives back a lock for the current transaction; waits as for any
 * lock of PostgreSQL: cancel, lock_timeout and the deadlock detector apply.
 * Not on a standby.
 */
extern bool tplus_renew_lock(const TplusDigest *key, TplusRenewLock which,
							 LOCKMODE mode, TimestampTz until);
extern void tplus_renew_unlock(const TplusDigest *key, TplusRenewLock which,
							   LOCKMODE mode);

/* How those locks are called; for the worker, which holds one for longer. */
extern void tplus_renew_locktag(LOCKTAG *tag, const TplusDigest *key,
								TplusRenewLock which);

/*
 * Starts a worker with this order and waits, interruptibly, until it has
 * ended; an interrupt ends the wait, not the worker.  The caller holds the
 * queue lock, for which it began to wait at since: a wait for a slot for the
 * worker counts from then on.
 */
extern void tplus_renew_run(TplusOrder *order, TimestampTz since,
							TimestampTz until, TplusOrderReport *report);

/* Gives the worker the settings that it needs, whatever the database has. */
extern void tplus_renew_apply_settings(void);

/* How long a refused credential is not tried again; no other pause is longer. */
#define TPLUS_RENEW_PAUSE_S	300

/*
 * Is another attempt pointless for now?  Either the last one failed a moment
 * ago, and no option has changed on which it depends; or a worker died, and
 * the call that it left behind may still be under way.
 */
extern bool tplus_renew_is_futile(const TplusPair *pair,
								  const TplusAccount *account,
								  TimestampTz now);

#endif							/* TPLUS_RENEW_H */
