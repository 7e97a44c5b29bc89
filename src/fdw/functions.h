/*-------------------------------------------------------------------------
 *
 * functions.h
 *		What SQL functions about servers share.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/functions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_FUNCTIONS_H
#define TPLUS_FUNCTIONS_H

#include "postgres.h"

/*
 * The server of this name, if it is of this wrapper and the current user has
 * USAGE on it; throws 42704, 42809 and 42501.
 */
extern Oid	tplus_usable_server(const char *name);

#endif							/* TPLUS_FUNCTIONS_H */
