/*-------------------------------------------------------------------------
 *
 * accepted.c
 *		When T+ last accepted a token, remembered for all backends.
 *
 * A refusal that may mean the token, the secret or a permission is believed
 * to mean the token only if nobody used the token with success of late.  The
 * memory is a small shared table, protected by the lock of its area: shared
 * to look, exclusive to note.  A backend notes the same generation only every
 * few seconds, so the lock is not contended.  Without shared memory, each
 * backend remembers for itself.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/accepted.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/shmem.h"
#include "tplus/accepted.h"

/* Pairs remembered; the one not seen for longest makes room. */
#define NSLOTS	32

/* A note younger than this is not renewed. */
#define RENOTE_MS	2000

typedef struct Slot
{
	uint64		pair;			/* the first bytes of its key */
	int64		generation;
	TimestampTz at;				/* 0: free */
} Slot;

static Slot *slots = NULL;
static LWLock *slots_lock = NULL;	/* NULL: the slots are our own */

static uint64
short_key(const TplusDigest *key)
{
	uint64		result;

	memcpy(&result, key->bytes, sizeof(result));
	return result;
}

static void
attach(void)
{
	if (slots)
		return;
	slots = tplus_shmem_area("token", NSLOTS * sizeof(Slot), &slots_lock);
	if (slots == NULL)
	{
		slots_lock = NULL;
		slots = MemoryContextAllocZero(TopMemoryContext,
									   NSLOTS * sizeof(Slot));
	}
}

static void
lock(LWLockMode mode)
{
	if (slots_lock)
		LWLockAcquire(slots_lock, mode);
}

static void
unlock(void)
{
	if (slots_lock)
		LWLockRelease(slots_lock);
}

/* The slot of the pair, or the one to be replaced by it. */
static Slot *
find_slot(uint64 pair)
{
	Slot	   *oldest = &slots[0];
	int			i;

	for (i = 0; i < NSLOTS; i++)
	{
		if (slots[i].at != 0 && slots[i].pair == pair)
			return &slots[i];
		if (slots[i].at < oldest->at)
			oldest = &slots[i];
	}
	return oldest;
}

void
tplus_accepted_note(const TplusDigest *key, int64 generation)
{
	static Slot last;
	uint64		pair = short_key(key);
	TimestampTz now = GetCurrentTimestamp();
	Slot	   *slot;

	if (last.pair == pair && last.generation == generation &&
		now >= last.at && now - last.at < RENOTE_MS * INT64CONST(1000))
		return;
	last.pair = pair;
	last.generation = generation;
	last.at = now;

	attach();
	lock(LW_EXCLUSIVE);
	slot = find_slot(pair);

	/* A straggler must not hide that a newer generation works. */
	if (slot->at == 0 || slot->pair != pair ||
		slot->generation <= generation)
		*slot = last;
	unlock();
}

void
tplus_accepted_forget(const TplusDigest *key)
{
	uint64		pair = short_key(key);
	Slot	   *slot;

	attach();
	lock(LW_EXCLUSIVE);
	slot = find_slot(pair);
	if (slot->pair == pair)
		slot->at = 0;
	unlock();
}

TimestampTz
tplus_accepted_at(const TplusDigest *key, int64 generation)
{
	uint64		pair = short_key(key);
	TimestampTz result = 0;
	Slot	   *slot;

	attach();
	lock(LW_SHARED);
	slot = find_slot(pair);
	if (slot->at != 0 && slot->pair == pair && slot->generation == generation)
		result = slot->at;
	unlock();
	return result;
}
