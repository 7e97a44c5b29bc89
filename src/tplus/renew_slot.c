/*-------------------------------------------------------------------------
 *
 * renew_slot.c
 *		How many renewals may be under way at a time.
 *
 * A worker waits for a server that somebody has named, and workers are scarce:
 * parallel queries need them, too.  So there are few slots, and less for one
 * role, which cannot take the last one beside its own.
 *
 * Slots are in shared memory, under the lock of the area.  One whose holder has
 * died without a word, or has had it for longer than a renewal can last, is
 * free.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/renew_slot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "base/shmem.h"
#include "tplus/renew_slot.h"

/* Renewals at a time: in the cluster, and of one role. */
#define MAX_WORKERS			4
#define MAX_ROLE_WORKERS	2

/* Longer than any of them lasts, with all attempts to store its outcome. */
#define MAX_HELD_S			600

typedef struct Slot
{
	int			pid;			/* 0: free */
	Oid			role;
	TimestampTz since;
} Slot;

static Slot *
lock_slots(LWLock **lock)
{
	static Slot *slots = NULL;
	static LWLock *own = NULL;

	if (slots == NULL)
		slots = tplus_shmem_or_own("renewals", MAX_WORKERS * sizeof(Slot), &own);
	*lock = own;
	tplus_shmem_lock(own);
	return slots;
}

static bool
is_free(const Slot *slot, TimestampTz now)
{
	return slot->pid == 0 || (kill(slot->pid, 0) != 0 && errno == ESRCH) ||
		slot->since > now || now - slot->since > MAX_HELD_S * USECS_PER_SEC;
}

/* All workers of the server are never ours. */
static int
most_workers(void)
{
	return Max(1, Min(MAX_WORKERS, max_worker_processes / 2));
}

int
tplus_renew_slot_take(Oid role)
{
	TimestampTz now = GetCurrentTimestamp();
	LWLock	   *lock;
	Slot	   *slots = lock_slots(&lock);
	int			used = 0;
	int			of_role = 0;
	int			found = -1;
	int			i;

	for (i = 0; i < MAX_WORKERS; i++)
	{
		if (is_free(&slots[i], now))
		{
			found = i;
			continue;
		}
		used++;
		of_role += slots[i].role == role;
	}
	if (of_role >= MAX_ROLE_WORKERS ||
		used >= most_workers() - (of_role > 0 ? 1 : 0))
		found = -1;
	if (found >= 0)
	{
		slots[found].pid = MyProcPid;
		slots[found].role = role;
		slots[found].since = now;
	}
	tplus_shmem_unlock(lock);
	return found;
}

void
tplus_renew_slot_give(int slot)
{
	LWLock	   *lock;
	Slot	   *slots;

	if (slot < 0 || slot >= MAX_WORKERS)
		return;
	slots = lock_slots(&lock);
	if (slots[slot].pid == MyProcPid)
		slots[slot].pid = 0;
	tplus_shmem_unlock(lock);
}

static void
give_back(int code, Datum slot)
{
	tplus_renew_slot_give(DatumGetInt32(slot));
}

bool
tplus_renew_slot_pass(int slot, int asker, Oid role)
{
	LWLock	   *lock;
	Slot	   *slots = lock_slots(&lock);
	bool		passed = slots[slot].pid == asker && slots[slot].role == role;

	if (passed)
		slots[slot].pid = MyProcPid;
	tplus_shmem_unlock(lock);
	if (!passed)
		slot = tplus_renew_slot_take(role);
	if (slot >= 0)
		before_shmem_exit(give_back, Int32GetDatum(slot));
	return slot >= 0;
}
