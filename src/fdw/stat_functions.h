/*-------------------------------------------------------------------------
 *
 * stat_functions.h
 *		SQL functions about the shared counters, the request log and the queue.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/stat_functions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_STAT_FUNCTIONS_H
#define TPLUS_STAT_FUNCTIONS_H

#include "postgres.h"

#include "fmgr.h"

extern PGDLLEXPORT Datum tplus_stat_entries(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_stat_reset(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_request_entries(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_budget_entries(PG_FUNCTION_ARGS);

#endif							/* TPLUS_STAT_FUNCTIONS_H */
