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

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/wait.h"
#include "tplus/renew.h"
#include "tplus/renew_slot.h"

/* What tells our advisory locks from those of SQL, which have 1 and 2. */
#define LOCK_CLASS	0x5450		/* "TP" */

/*
 * How long to wait for a slot for the worker.  Parallel queries may hold all
 * of them, but rarely for long.  The wait behind others counts, who had none
 * either as a rule: a crowd shall not wait one after another.
 */
#define SLOT_WAIT_MS	5000
#define SLOT_RETRY_MS	100

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

/*
 * Whatever the database or the role has been given, the worker needs these.
 * What this version of PostgreSQL does not have is passed over.
 */
static const Setting settings[] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"transaction_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"statement_timeout", "0"},
};

void
tplus_renew_apply_settings(void)
{
	int			i;

	for (i = 0; i < (int) lengthof(settings); i++)
	{
		if (GetConfigOption(settings[i].name, true, false) != NULL)
			SetConfigOption(settings[i].name, settings[i].value,
							PGC_SUSET, PGC_S_OVERRIDE);
	}

	/* A pair that a crash forgets is lost; more than "on" is welcome. */
	if (synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_WRITE)
		SetConfigOption("synchronous_commit", "on", PGC_SUSET, PGC_S_OVERRIDE);
}

void
tplus_renew_locktag(LOCKTAG *tag, const TplusDigest *key,
					TplusRenewLock which)
{
	uint32		part[2];

	memcpy(part, key->bytes, sizeof(part));
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, part[0], part[1],
						 LOCK_CLASS + which);
}

bool
tplus_renew_lock(const TplusDigest *key, TplusRenewLock which,
				 LOCKMODE mode, TimestampTz until)
{
	LOCKTAG		tag;

	tplus_renew_locktag(&tag, key, which);
	while (LockAcquire(&tag, mode, false, until != 0) ==
		   LOCKACQUIRE_NOT_AVAIL)
	{
		if (GetCurrentTimestamp() >= until)
			return false;
		(void) tplus_wait(PGINVALID_SOCKET, SLOT_RETRY_MS, TPLUS_WAIT_TOKEN);
	}
	return true;
}

void
tplus_renew_unlock(const TplusDigest *key, TplusRenewLock which,
				   LOCKMODE mode)
{
	LOCKTAG		tag;

	tplus_renew_locktag(&tag, key, which);
	(void) LockRelease(&tag, mode, false);
}

/* One of our slots; -1 if there is none until then. */
static int
wait_for_slot(Oid role, TimestampTz deadline)
{
	int			slot;

	while ((slot = tplus_renew_slot_take(role)) < 0 &&
		   GetCurrentTimestamp() < deadline)
		(void) tplus_wait(PGINVALID_SOCKET, SLOT_RETRY_MS, TPLUS_WAIT_TOKEN);
	return slot;
}

/* Starts the worker; NULL if the server has no slot for it until then. */
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

/*
 * Waits until the worker has ended; false if it has not until then (0: without
 * end).
 */
static bool
wait_for_worker(BackgroundWorkerHandle *handle, TimestampTz until)
{
	pid_t		pid;
	BgwHandleStatus status;

	/* The postmaster wakes us when the worker has ended. */
	while ((status = GetBackgroundWorkerPid(handle, &pid)) != BGWH_STOPPED)
	{
		TimestampTz now = GetCurrentTimestamp();

		if (status == BGWH_POSTMASTER_DIED)
			ereport(FATAL,
					(errcode(ERRCODE_ADMIN_SHUTDOWN),
					 errmsg("the postmaster has died")));
		if (until != 0 && now >= until)
			return false;
		(void) tplus_wait(PGINVALID_SOCKET, until == 0 ? 1000 :
						  Min(1000, TimestampDifferenceMilliseconds(now, until)),
						  TPLUS_WAIT_TOKEN);
	}
	return true;
}

/* Has a worker do it, once there is a slot. */
static void
run_in_slot(TplusOrder *order, TimestampTz deadline, TimestampTz until,
			TplusOrderReport *report)
{
	dsm_segment *segment = tplus_order_post(order);
	BackgroundWorkerHandle *handle = start_worker(segment, deadline);
	bool		finished = handle && wait_for_worker(handle, until);

	tplus_order_collect(segment, report);
	if (handle)
		pfree(handle);
	else
		report->outcome = TPLUS_ORDER_NO_WORKER;
	if (handle && !finished)
		report->outcome = TPLUS_ORDER_UNFINISHED;
}

/* How long to wait for slots. */
static TimestampTz
slot_deadline(const TplusOrder *order, TimestampTz since, TimestampTz until)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(since, SLOT_WAIT_MS);

	/* While the old token lives, the next call may try again. */
	if (order->patient)
		deadline = since;
	return until != 0 ? Min(deadline, until) : deadline;
}

void
tplus_renew_run(TplusOrder *order, TimestampTz since, TimestampTz until,
				TplusOrderReport *report)
{
	TimestampTz deadline = slot_deadline(order, since, until);

	order->asker = MyProcPid;
	order->slot = wait_for_slot(order->role, deadline);
	if (order->slot < 0)
	{
		report->outcome = TPLUS_ORDER_CROWDED;
		return;
	}
	run_in_slot(order, deadline, until, report);
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
