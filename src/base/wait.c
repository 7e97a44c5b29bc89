/*-------------------------------------------------------------------------
 *
 * wait.c
 *		The one way to wait: for a socket, for time, or for our latch.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/wait.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"

#include "base/compat.h"
#include "base/wait.h"

#ifdef TPLUS_HAVE_WAIT_EVENTS
static const char *const wait_event_names[TPLUS_WAIT_NREASONS] = {
	[TPLUS_WAIT_NETWORK] = "TplusNetwork",
	[TPLUS_WAIT_BUDGET] = "TplusBudget",
	[TPLUS_WAIT_TOKEN] = "TplusToken",
	[TPLUS_WAIT_BACKOFF] = "TplusBackoff",
};
#endif

/*
 * The wait event to report.  Before version 17 an extension cannot name one.
 */
static uint32
wait_event(TplusWaitReason reason)
{
#ifdef TPLUS_HAVE_WAIT_EVENTS
	static uint32 events[TPLUS_WAIT_NREASONS];

	if (events[reason] == 0)
		events[reason] = WaitEventExtensionNew(wait_event_names[reason]);
	return events[reason];
#else
	return PG_WAIT_EXTENSION;
#endif
}

bool
tplus_wait(pgsocket fd, long timeout_ms, TplusWaitReason reason)
{
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	int			rc;

	if (fd != PGINVALID_SOCKET)
		events |= WL_SOCKET_READABLE;
	if (timeout_ms >= 0)
		events |= WL_TIMEOUT;

	CHECK_FOR_INTERRUPTS();
	rc = WaitLatchOrSocket(MyLatch, events, fd, timeout_ms,
						   wait_event(reason));
	if (rc & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();

	return (rc & WL_SOCKET_READABLE) != 0;
}

void
tplus_wait_check(void)
{
	CHECK_FOR_INTERRUPTS();

	/* This costs no system call; a wait ends the process likewise. */
	if (IsUnderPostmaster && !PostmasterIsAlive())
		proc_exit(1);
}
