/*-------------------------------------------------------------------------
 *
 * sync_functions.h
 *		What tplus.sync() needs and PL/pgSQL does not have.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/sync_functions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_SYNC_FUNCTIONS_H
#define TPLUS_SYNC_FUNCTIONS_H

#include "postgres.h"

#include "fmgr.h"

extern PGDLLEXPORT Datum tplus_check_no_transaction(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_lock_run(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_unlock_run(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_check_lock(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_lock_alerts(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_raise(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_current_role(PG_FUNCTION_ARGS);

#endif							/* TPLUS_SYNC_FUNCTIONS_H */
