/*-------------------------------------------------------------------------
 *
 * scan.h
 *		Begin, iterate, rescan, end.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_SCAN_H
#define TPLUS_SCAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"
#include "nodes/execnodes.h"

#include "fdw/kept.h"
#include "fdw/pause.h"
#include "fdw/table.h"
#include "tplus/decode.h"
#include "tplus/lookup.h"
#include "tplus/read.h"

/* A field of the catalog that a clause rests on, so it must be there. */
typedef struct TplusRequired
{
	TplusLookup *lookup;
	const char *field;
} TplusRequired;

/*
 * The executor's view of a scan, in ForeignScanState.fdw_state; made by
 * BeginForeignScan, in the query's context.
 */
typedef struct TplusScanState
{
	ForeignScanState *node;
	Relation	relation;
	TplusTable *table;
	TplusAccount *account;
	char	   *what;			/* "foreign table "item"" */
	List	   *pushed;			/* see TPLUS_PLAN_PUSHED */
	List	   *value_states;	/* of ExprState, one for each pushed clause */
	Bitmapset  *columns;		/* attnums to fill */
	bool		only_bound;
	int			limit;			/* rows that may be enough; 0: not known */
	TplusDecoder *decoder;
	int			key_attnum;		/* column of the key, or 0 */
	List	   *required;		/* of TplusRequired */
	List	   *generated;		/* of int: attnums to compute */
	List	   *generated_states;	/* of ExprState */

	TplusKept  *kept;			/* NULL: no rescan will ask again */

	/* from the first fetch to the end or the next rescan */
	MemoryContext read_context;
	List	   *conditions;		/* of TplusCondition, as pushed */
	TplusQuery	query;
	TplusRead  *read;			/* NULL: not begun */
	TplusKeptRows *replay;		/* rows of an earlier read that are these */
	int			page;			/* the page that rows came from last */
	int			page_rows;

	/* asynchronous execution, and the end of a run */
	bool		is_polled;		/* the executor does the waiting */
	bool		would_wait;		/* there was no row yet */
	pgsocket	socket;			/* to wait for; PGINVALID_SOCKET: none yet */
	TplusPause	pause;

	TplusLearned learned[TPLUS_NOPERATIONS];	/* see TplusQuery */
	TplusCallStats stats;
	int64		told_requests;	/* of stats.requests, to tplus_progress_add() */
	int64		returned;		/* rows handed to the executor */
	uint64		bound;			/* the version asked from; 0: none */
	int64		wanted;			/* records with a version above it */
	uint64		version;		/* reached at the end of the one read; or 0 */
	List	   *missing;		/* of char *: fields that whole pages lacked */
	const char *way;			/* how the last read went on */
	int64		key_bytes;
	int64		replays;		/* scans answered with kept rows */
} TplusScanState;

/*
 * Evaluates the pushed values and fills the query of the scan, in the current
 * context.  Sends nothing.
 */
extern void tplus_scan_prepare(TplusScanState *state);

/*
 * Of a scan of this extension that has begun: the row version up to which it
 * has returned everything, once and to its end, that lies above the version
 * asked from (0: that cannot be said); and how many such rows there were.
 */
extern uint64 tplus_scan_version(const ForeignScanState *node);
extern uint64 tplus_scan_wanted(const ForeignScanState *node);

/* Callbacks of FdwRoutine. */
extern void tplusBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *tplusIterateForeignScan(ForeignScanState *node);
extern void tplusReScanForeignScan(ForeignScanState *node);
extern void tplusEndForeignScan(ForeignScanState *node);

#endif							/* TPLUS_SCAN_H */
