/*-------------------------------------------------------------------------
 *
 * gate_functions.h
 *		Ways from the rights of a caller to those of others, and back.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/gate_functions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_GATE_FUNCTIONS_H
#define TPLUS_GATE_FUNCTIONS_H

#include "postgres.h"

#include "fmgr.h"

extern PGDLLEXPORT Datum tplus_as_owner(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_guarded(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_check_session(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_hold_owner(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_hold(PG_FUNCTION_ARGS);

#endif							/* TPLUS_GATE_FUNCTIONS_H */
