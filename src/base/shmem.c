/*-------------------------------------------------------------------------
 *
 * shmem.c
 *		A few kilobytes that all backends of the cluster share.
 *
 * Locking: an area is created, zeroed and given its lock under a lock of the
 * server's (AddinShmemInitLock, or that of the DSM registry), so whoever finds
 * it finds it complete.  From then on its content is guarded by its own lock,
 * by rules of its user.  Nothing is ever given back.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/shmem.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/shmem.h"

#define TRANCHE_NAME	"tplus_fdw"

/* What is shared: the lock, and the user's bytes behind it. */
typedef struct Area
{
	LWLock		lock;
	char		bytes[FLEXIBLE_ARRAY_MEMBER];
} Area;

#define AREA_HEADER		MAXALIGN(offsetof(Area, bytes))

/* An area that this backend has asked for; in TopMemoryContext. */
typedef struct KnownArea
{
	char	   *name;
	Area	   *area;			/* NULL: there was no room */
} KnownArea;

static List *known_areas = NIL;

#ifdef TPLUS_HAVE_DSM_REGISTRY

/* For initialize_area(), which not every registry tells. */
static size_t new_area_size;

/* A segment may come from memory that was used before. */
static void
initialize_area(TPLUS_SEGMENT_PARAMS)
{
	memset(area, 0, new_area_size);
	LWLockInitialize(&((Area *) area)->lock, tplus_new_tranche(TRANCHE_NAME));
}

static Area *
find_or_create(const char *name, size_t size)
{
	bool		found;

	new_area_size = size;
	return tplus_named_segment(name, size, initialize_area, &found);
}

const char *
tplus_shmem_where(bool found)
{
	return found ? "dynamic shared memory" : "none";
}

#else

/*
 * Takes the area from what PostgreSQL leaves unused of its shared memory.
 * Failing, ShmemInitStruct leaves nothing behind but an error, and that the
 * error has forgotten how often interrupts are held.
 */
static Area *
find_or_create(const char *name, size_t size)
{
	MemoryContext context = CurrentMemoryContext;
	Area	   *volatile area = NULL;
	uint32		holdoffs;
	uint32		cancel_holdoffs;
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	holdoffs = InterruptHoldoffCount;
	cancel_holdoffs = QueryCancelHoldoffCount;
	PG_TRY();
	{
		area = ShmemInitStruct(name, size, &found);
		if (!found)
		{
			memset(area, 0, size);
			LWLockInitialize(&area->lock, tplus_new_tranche(TRANCHE_NAME));
		}
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_OUT_OF_MEMORY)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		InterruptHoldoffCount = holdoffs;
		QueryCancelHoldoffCount = cancel_holdoffs;
	}
	PG_END_TRY();
	LWLockRelease(AddinShmemInitLock);
	return area;
}

const char *
tplus_shmem_where(bool found)
{
	return found ? "main shared memory" :
		"none: the shared memory is full";
}

#endif

/* The area, NULL if there is no room; remembered in any case. */
static KnownArea *
learn_area(const char *name, size_t size)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	KnownArea  *known = palloc(sizeof(KnownArea));
	char		full_name[NAMEDATALEN];

	snprintf(full_name, sizeof(full_name), "tplus_fdw %s", name);
	known->name = pstrdup(name);
	known->area = find_or_create(full_name, add_size(AREA_HEADER, size));
	if (known->area != NULL)
		tplus_name_tranche(known->area->lock.tranche, TRANCHE_NAME);
	known_areas = lappend(known_areas, known);
	MemoryContextSwitchTo(old);
	return known;
}

void *
tplus_shmem_area(const char *name, size_t size, LWLock **lock)
{
	KnownArea  *known = NULL;
	ListCell   *lc;

	foreach(lc, known_areas)
	{
		known = lfirst(lc);
		if (strcmp(known->name, name) == 0)
			break;
		known = NULL;
	}
	if (known == NULL)
		known = learn_area(name, size);
	if (known->area == NULL)
		return NULL;
	*lock = &known->area->lock;
	return (char *) known->area + AREA_HEADER;
}

void *
tplus_shmem_or_own(const char *name, size_t size, LWLock **lock)
{
	void	   *area = tplus_shmem_area(name, size, lock);

	if (area)
		return area;
	*lock = NULL;
	return MemoryContextAllocZero(TopMemoryContext, size);
}

void
tplus_shmem_lock(LWLock *lock)
{
	if (lock)
		LWLockAcquire(lock, LW_EXCLUSIVE);
}

void
tplus_shmem_unlock(LWLock *lock)
{
	if (lock)
		LWLockRelease(lock);
}

void
tplus_shmem_begin_change(uint32 *changecount)
{
	*(volatile uint32 *) changecount += 1;
	pg_write_barrier();
}

void
tplus_shmem_end_change(uint32 *changecount)
{
	pg_write_barrier();
	*(volatile uint32 *) changecount += 1;
}

void
tplus_shmem_read(const uint32 *changecount, void *to, const void *from,
				 size_t size)
{
	for (;;)
	{
		uint32		before = *(const volatile uint32 *) changecount;

		pg_read_barrier();
		memcpy(to, from, size);
		pg_read_barrier();
		if ((before & 1) == 0 &&
			before == *(const volatile uint32 *) changecount)
			return;
		CHECK_FOR_INTERRUPTS();
	}
}
