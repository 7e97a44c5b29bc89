/*-------------------------------------------------------------------------
 *
 * kept.h
 *		Rows kept for a rescan that asks the same again.
 *
 * Keyed by what was asked of T+; rows are those before any local clause.  The
 * least recently used are forgotten when all together pass work_mem; a large
 * set of rows goes to a temporary file.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/kept.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_KEPT_H
#define TPLUS_KEPT_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/execnodes.h"

typedef struct TplusKept TplusKept;
typedef struct TplusKeptRows TplusKeptRows;

/* May a scan be rescanned, so that its rows are worth keeping? */
extern bool tplus_kept_wanted(ForeignScanState *node, int eflags);

/* Nothing kept yet; lives in context, which is the query's. */
extern TplusKept *tplus_kept_create(TupleDesc tupdesc, MemoryContext context);

/* The rows of this key, from their beginning; NULL if they are not kept. */
extern TplusKeptRows *tplus_kept_find(TplusKept *kept, const char *key);

/*
 * The next of the rows, stored into slot (a virtual one); false after the
 * last.  Valid until the next call.
 */
extern bool tplus_kept_next(TplusKept *kept, TplusKeptRows *rows,
							TupleTableSlot *slot);

/*
 * Begins to keep rows under this key.  They count only once they are complete;
 * beginning others before that forgets them.
 */
extern void tplus_kept_begin(TplusKept *kept, const char *key);
extern void tplus_kept_put(TplusKept *kept, TupleTableSlot *slot);
extern void tplus_kept_complete(TplusKept *kept);
extern void tplus_kept_abandon(TplusKept *kept);

/* Forgets everything, temporary files included; it can be used again. */
extern void tplus_kept_free(TplusKept *kept);

#endif							/* TPLUS_KEPT_H */
