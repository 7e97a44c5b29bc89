/*-------------------------------------------------------------------------
 *
 * calibrate_functions.h
 *		calibrate(), and what IMPORT FOREIGN SCHEMA needs of it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/calibrate_functions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_FUNCTIONS_H
#define TPLUS_CALIBRATE_FUNCTIONS_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "tplus/resource.h"

/*
 * The facts (a List of TplusFact) for a table of this resource that is about
 * to be imported.  A server that cannot be asked gives a WARNING and none.
 */
extern List *tplus_calibrate_import(const TplusResource *resource,
									Oid serverid);

/*
 * Appends the options that the facts give to the table (field NULL), or to
 * the column that shows field, as ", name 'value'" each.
 */
extern void tplus_calibrate_append(StringInfo sql, List *facts,
								   const char *field);

#endif							/* TPLUS_CALIBRATE_FUNCTIONS_H */
