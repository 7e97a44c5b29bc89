/*-------------------------------------------------------------------------
 *
 * analyze.h
 *		ANALYZE of a foreign table, within a cap of requests.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/analyze.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ANALYZE_H
#define TPLUS_ANALYZE_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* Callback of FdwRoutine. */
extern bool tplusAnalyzeForeignTable(Relation relation,
									 AcquireSampleRowsFunc *func,
									 BlockNumber *totalpages);

#endif							/* TPLUS_ANALYZE_H */
