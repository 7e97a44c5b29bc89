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
#include "nodes/execnodes.h"

#include "base/compat.h"

/* Callback of FdwRoutine.  Sends nothing. */
extern void tplusExplainForeignScan(ForeignScanState *node, ExplainState *es);

#endif							/* TPLUS_EXPLAIN_H */
