/*-------------------------------------------------------------------------
 *
 * progress.c
 *		What a run of a sync has read so far, visible to all sessions.
 *
 * Locking: a slot belongs to the backend whose process id it holds, and only
 * that one changes it, under the exclusive lock of the area; everybody may
 * read under the shared one.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/progress.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "fdw/progress.h"
#include "tplus/allowance.h"
#include "tplus/meter.h"

PG_FUNCTION_INFO_V1(tplus_begin_progress);
PG_FUNCTION_INFO_V1(tplus_set_phase);
PG_FUNCTION_INFO_V1(tplus_end_progress);
PG_FUNCTION_INFO_V1(tplus_progress);

/*
 * Runs that can be seen at a time; later ones are counted unseen.  There is
 * little room before PostgreSQL 17.
 */
#define MAX_SLOTS	16
#define PHASE_SIZE	32

#define NCOLUMNS	8

typedef struct Slot
{
	int			pid;			/* 0: free */
	Oid			database;
	Oid			role;			/* whose run it is */
	int64		run;			/* of tplus.sync_log */
	TimestampTz started;
	int64		requests;
	int64		pages;
	int64		rows;			/* handed out by foreign scans */
	int64		expected;		/* rows; -1: nobody knows */
	char		phase[PHASE_SIZE];
} Slot;

/* The run of this backend; run 0: none. */
static Slot own;
static int	own_slot = -1;		/* in the area; -1: unseen */
static bool allowed = false;	/* does a run of a sync hold its lock? */
static int64 sent_before;		/* what this backend had sent before it */

static Slot *
get_slots(LWLock **lock)
{
	tplus_meter_attach();
	return tplus_shmem_area("sync progress", sizeof(Slot) * MAX_SLOTS, lock);
}

/* Shows what own holds. */
static void
publish(void)
{
	LWLock	   *lock;
	Slot	   *slots;

	if (own_slot < 0)
		return;
	slots = get_slots(&lock);
	LWLockAcquire(lock, LW_EXCLUSIVE);
	slots[own_slot] = own;
	LWLockRelease(lock);
}

void
tplus_progress_stop(void)
{
	own.pid = 0;
	own.run = 0;
	publish();
	own_slot = -1;
	tplus_allowance_enforce(false);
}

void
tplus_progress_allow(bool allow)
{
	allowed = allow;
}

static void
exit_progress(int code, Datum arg)
{
	tplus_progress_stop();
}

static void
take_slot(void)
{
	static bool registered = false;
	LWLock	   *lock;
	Slot	   *slots = get_slots(&lock);
	int			i;

	if (slots == NULL)
		return;
	if (!registered)
		before_shmem_exit(exit_progress, (Datum) 0);
	registered = true;
	LWLockAcquire(lock, LW_EXCLUSIVE);
	for (i = 0; i < MAX_SLOTS && own_slot < 0; i++)
	{
		if (slots[i].pid == 0 || slots[i].pid == MyProcPid)
			own_slot = i;
	}
	if (own_slot >= 0)
		slots[own_slot] = own;
	LWLockRelease(lock);
}

void
tplus_progress_add(int64 requests, int64 pages, int64 rows)
{
	if (own.run == 0)
		return;
	own.requests += requests;
	own.pages += pages;
	own.rows += rows;
	publish();
}

/*
 * tplus._begin_progress(run bigint, expected bigint)
 */
Datum
tplus_begin_progress(PG_FUNCTION_ARGS)
{
	tplus_progress_stop();
	memset(&own, 0, sizeof(own));
	own.pid = MyProcPid;
	own.database = MyDatabaseId;
	own.role = GetUserId();
	own.run = PG_GETARG_INT64(0);
	own.expected = PG_ARGISNULL(1) ? -1 : PG_GETARG_INT64(1);
	own.started = GetCurrentTimestamp();
	sent_before = tplus_allowance_sent();
	tplus_allowance_enforce(true);
	/* Slots are few: nobody takes one who only calls this. */
	if (allowed)
		take_slot();
	PG_RETURN_VOID();
}

/*
 * tplus._set_phase(phase text)
 */
Datum
tplus_set_phase(PG_FUNCTION_ARGS)
{
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(0), own.phase, sizeof(own.phase));
	publish();
	PG_RETURN_VOID();
}

/*
 * tplus._end_progress() returns the requests that were made, those that came to
 * nothing and those for tokens included.
 */
Datum
tplus_end_progress(PG_FUNCTION_ARGS)
{
	int64		requests = own.run != 0 ? tplus_allowance_sent() - sent_before : 0;

	tplus_progress_stop();
	PG_RETURN_INT64(requests);
}

static bool
may_see(const Slot *slot)
{
	return slot->pid != 0 && slot->database == MyDatabaseId &&
		(has_privs_of_role(GetUserId(), ROLE_PG_MONITOR) ||
		 has_privs_of_role(GetUserId(), slot->role));
}

/*
 * tplus._progress(): the runs under way in this database that the current user
 * may see
 */
Datum
tplus_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Slot		copy[MAX_SLOTS];
	LWLock	   *lock;
	Slot	   *slots;
	int			i;

	tplus_init_srf(fcinfo);
	slots = get_slots(&lock);
	if (slots == NULL)
		return (Datum) 0;
	LWLockAcquire(lock, LW_SHARED);
	memcpy(copy, slots, sizeof(copy));
	LWLockRelease(lock);
	for (i = 0; i < MAX_SLOTS; i++)
	{
		const Slot *slot = &copy[i];
		Datum		values[NCOLUMNS];
		bool		nulls[NCOLUMNS] = {0};

		if (!may_see(slot))
			continue;
		values[0] = Int64GetDatum(slot->run);
		values[1] = Int32GetDatum(slot->pid);
		values[2] = CStringGetTextDatum(slot->phase);
		values[3] = TimestampTzGetDatum(slot->started);
		values[4] = Int64GetDatum(slot->requests);
		values[5] = Int64GetDatum(slot->pages);
		values[6] = Int64GetDatum(slot->rows);
		values[7] = Int64GetDatum(slot->expected);
		nulls[7] = slot->expected < 0;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
