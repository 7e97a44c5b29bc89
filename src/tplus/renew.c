/*-------------------------------------------------------------------------
 *
 * renew.c
 *		Having a background worker renew a token pair, one at a time.
 *
 * The locks are advisory locks with a tag of their own.  QUEUE is held by the
 * asking backend only until the worker has reported: the others that need the
 * same pair wait behind it, and find the new row.  RENEW is held by the worker
 * while it renews: one whose asker was cancelled is not overtaken, and a row
 * that says "renewing" while nobody holds RENEW tells of a worker that died.
 *
 * The wait for the worker is invisible to the deadlock detector.  A worker
 * waits for nothing but RENEW, which only workers hold for long, and for locks
 * on tplus.token, for a few seconds at most; so no cycle can last.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/renew.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

#include "base/wait.h"
#include "tplus/renew.h"

/* What tells our advisory locks from those of SQL, which have 1 and 2. */
#define LOCK_CLASS	0x5450		/* "TP" */

/*
 * How long to wait for a slot for the worker.  Parallel queries may hold all
 * of them, but rarely for long.  The wait behind others counts, who had none
 * either as a rule: a crowd shall not wait one after another.
 */
#define SLOT_WAIT_MS	5000
#define SLOT_RETRY_MS	100

void
tplus_renew_locktag(LOCKTAG *tag, const TplusDigest *key,
					TplusRenewLock which)
{
	uint32		part[2];

	memcpy(part, key->bytes, sizeof(part));
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, part[0], part[1],
						 LOCK_CLASS + which);
}

void
tplus_renew_lock(const TplusDigest *key, TplusRenewLock which,
				 LOCKMODE mode)
{
	LOCKTAG		tag;

	tplus_renew_locktag(&tag, key, which);
	(void) LockAcquire(&tag, mode, false, false);
}

void
tplus_renew_unlock(const TplusDigest *key, TplusRenewLock which,
				   LOCKMODE mode)
{
	LOCKTAG		tag;

	tplus_renew_locktag(&tag, key, which);
	(void) LockRelease(&tag, mode, false);
}

/* Starts the worker; NULL if there is no slot for it until then. */
static BackgroundWorkerHandle *
start_worker(dsm_segment *segment, TimestampTz deadline)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN, "tplus_fdw token renewal");
	snprintf(worker.bgw_type, BGW_MAXLEN, "tplus_fdw token renewal");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name),
			 "tplus_fdw");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "tplus_token_worker_main");
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = MyProcPid;

	while (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		if (GetCurrentTimestamp() >= deadline)
			return NULL;
		(void) tplus_wait(PGINVALID_SOCKET, SLOT_RETRY_MS, TPLUS_WAIT_TOKEN);
	}
	return handle;
}

void
tplus_renew_run(const TplusOrder *order, TimestampTz since,
				TplusOrderReport *report)
{
	dsm_segment *segment = tplus_order_post(order);
	BackgroundWorkerHandle *handle;

	/* While the old token lives, the next call may try again. */
	handle = start_worker(segment, order->patient ? since :
						  TimestampTzPlusMilliseconds(since, SLOT_WAIT_MS));

	if (handle)
	{
		pid_t		pid;
		BgwHandleStatus status;

		/* The postmaster wakes us when the worker has ended. */
		while ((status = GetBackgroundWorkerPid(handle, &pid)) !=
			   BGWH_STOPPED)
		{
			if (status == BGWH_POSTMASTER_DIED)
				ereport(FATAL,
						(errcode(ERRCODE_ADMIN_SHUTDOWN),
						 errmsg("the postmaster has died")));
			(void) tplus_wait(PGINVALID_SOCKET, 1000, TPLUS_WAIT_TOKEN);
		}
		pfree(handle);
	}

	tplus_order_collect(segment, report);
	if (handle == NULL)
		report->outcome = TPLUS_ORDER_NO_WORKER;
}

bool
tplus_renew_is_futile(const TplusPair *pair, const TplusAccount *account,
					  TimestampTz now)
{
	TplusDigest credentials;

	/* A clock that was set back since then would make it last for as long. */
	if (pair->renewing_since != 0)
		return pair->renewing_since <= now && now < pair->renewing_until;
	if (pair->failure == TPLUS_PAIR_FINE || pair->failed_until <= now ||
		pair->failed_until - now > 2 * TPLUS_RENEW_PAUSE_S * USECS_PER_SEC)
		return false;
	tplus_pair_credentials(account, &credentials);
	return tplus_pair_same_digest(&credentials, &pair->failed_with);
}
