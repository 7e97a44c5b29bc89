/*-------------------------------------------------------------------------
 *
 * progress.h
 *		What a run of a sync has read so far, visible to all sessions.
 *
 * A transaction that is under way shows nothing to others, so its progress
 * goes through shared memory.  Where there is no room for that, it is counted
 * all the same, for the history, but nobody sees it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/progress.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PROGRESS_H
#define TPLUS_PROGRESS_H

#include "postgres.h"

#include "fmgr.h"

/*
 * Adds to what the run of this backend has read; nothing happens if there is
 * none.
 */
extern void tplus_progress_add(int64 requests, int64 pages, int64 rows);

/*
 * Nothing is shown of this backend any more.  Throws nothing.
 */
extern void tplus_progress_stop(void);

/*
 * Does this session hold the lock of a run?  What begins otherwise is counted,
 * and takes none of the few places where it is seen.  Throws nothing.
 */
extern void tplus_progress_allow(bool allow);

extern PGDLLEXPORT Datum tplus_begin_progress(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_set_phase(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_end_progress(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_progress(PG_FUNCTION_ARGS);

#endif							/* TPLUS_PROGRESS_H */
