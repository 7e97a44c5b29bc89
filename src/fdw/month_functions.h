/*-------------------------------------------------------------------------
 *
 * month_functions.h
 *		SQL functions about what a month has cost, and may cost.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/month_functions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_MONTH_FUNCTIONS_H
#define TPLUS_MONTH_FUNCTIONS_H

#include "postgres.h"

#include "fmgr.h"

extern PGDLLEXPORT Datum tplus_month_entries(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_month_left(PG_FUNCTION_ARGS);

#endif							/* TPLUS_MONTH_FUNCTIONS_H */
