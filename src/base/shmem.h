/*-------------------------------------------------------------------------
 *
 * shmem.h
 *		A few kilobytes that all backends of the cluster share.
 *
 * Works without shared_preload_libraries: on 15 and 16 the segment is taken
 * from the slop that PostgreSQL leaves in its shared memory, on 17 and later
 * from the DSM registry.  Who uses which part is the users' affair: this room
 * hands out named, zeroed areas with one LWLock each.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/shmem.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_SHMEM_H
#define TPLUS_SHMEM_H

#include "postgres.h"

#include "storage/lwlock.h"

/*
 * The area called name, size bytes, zeroed when it was first asked for in the
 * life of this cluster; *lock is its lock.  Returns NULL if there is no room
 * (the caller then works alone and says so in tplus.info()).  The size of a
 * name never changes while the cluster runs.
 */
extern void *tplus_shmem_area(const char *name, size_t size, LWLock **lock);

/*
 * Likewise, but without room the area is this backend's own, in
 * TopMemoryContext, and *lock is NULL.
 */
extern void *tplus_shmem_or_own(const char *name, size_t size, LWLock **lock);

/* Takes and gives back such a lock, exclusively; NULL needs none. */
extern void tplus_shmem_lock(LWLock *lock);
extern void tplus_shmem_unlock(LWLock *lock);

/*
 * For what one writer at a time changes, under a lock, and others read without
 * one: the writer makes a change count odd before he touches the data and even
 * afterwards (as with PgBackendStatus).
 */
extern void tplus_shmem_begin_change(uint32 *changecount);
extern void tplus_shmem_end_change(uint32 *changecount);

/*
 * Copies such data as they were between two changes.  A writer that dies in
 * the middle takes the shared memory with it, so this ends; interruptible.
 */
extern void tplus_shmem_read(const uint32 *changecount, void *to,
							 const void *from, size_t size);

/*
 * Where an area lives, for tplus.info(): "main shared memory", ...; found says
 * whether there was room for it.
 */
extern const char *tplus_shmem_where(bool found);

#endif							/* TPLUS_SHMEM_H */
