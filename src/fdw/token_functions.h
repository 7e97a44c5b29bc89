/*-------------------------------------------------------------------------
 *
 * token_functions.h
 *		SQL functions about tokens: get, renew, show.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/token_functions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TOKEN_FUNCTIONS_H
#define TPLUS_TOKEN_FUNCTIONS_H

#include "postgres.h"

#include "fmgr.h"

extern PGDLLEXPORT Datum tplus_authorize(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_refresh_token(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_renew_due(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tplus_token_states(PG_FUNCTION_ARGS);

#endif							/* TPLUS_TOKEN_FUNCTIONS_H */
