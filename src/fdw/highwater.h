/*-------------------------------------------------------------------------
 *
 * highwater.h
 *		The row version up to which the last statement returned everything.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/highwater.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HIGHWATER_H
#define TPLUS_HIGHWATER_H

#include "postgres.h"

/*
 * A scan of the foreign table begins; context is its statement's.  When the
 * context goes, in whatever way, the scan is over.
 */
extern void tplus_highwater_begin(Oid relid, MemoryContext context);

/*
 * The scan returned everything up to version (0: nothing can be said).  What
 * is said counts only if it was the statement's one scan of the table.
 */
extern void tplus_highwater_set(Oid relid, uint64 version);

/* The version that the last statement that ended left; 0 if there is none. */
extern uint64 tplus_highwater_get(Oid relid);

#endif							/* TPLUS_HIGHWATER_H */
