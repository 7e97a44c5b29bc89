/*-------------------------------------------------------------------------
 *
 * explain.h
 *		What EXPLAIN says of a foreign scan.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/explain.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_EXPLAIN_H
#define TPLUS_EXPLAIN_H

#include "postgres.h"

#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "nodes/execnodes.h"

/* Callback of FdwRoutine.  Sends nothing. */
extern void tplusExplainForeignScan(ForeignScanState *node, ExplainState *es);

#endif							/* TPLUS_EXPLAIN_H */
