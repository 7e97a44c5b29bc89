/*-------------------------------------------------------------------------
 *
 * wait.h
 *		The one way to wait: for a socket, for time, or for our latch.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/wait.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_WAIT_H
#define TPLUS_WAIT_H

#include "postgres.h"

/* Why we wait; names the wait event on PostgreSQL 17 and later. */
typedef enum TplusWaitReason
{
	TPLUS_WAIT_NETWORK,			/* bytes from T+ */
	TPLUS_WAIT_BUDGET,			/* the shared request budget */
	TPLUS_WAIT_TOKEN,			/* another process renews the token */
	TPLUS_WAIT_BACKOFF			/* pause before a retry */
} TplusWaitReason;

#define TPLUS_WAIT_NREASONS	(TPLUS_WAIT_BACKOFF + 1)

/*
 * Sleeps until fd is readable (PGINVALID_SOCKET: no socket), the latch of
 * this process is set, or timeout_ms milliseconds have passed (-1: no limit).
 * Checks for interrupts before and after, so it may throw whatever a cancel,
 * a terminate or a time-out of PostgreSQL throws; postmaster death ends the
 * process.  Returns true if the socket became readable.
 */
extern bool tplus_wait(pgsocket fd, long timeout_ms, TplusWaitReason reason);

/*
 * What a wait would notice besides, without waiting: for loops that may find
 * something to do each time.
 */
extern void tplus_wait_check(void);

#endif							/* TPLUS_WAIT_H */
