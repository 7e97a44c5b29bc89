/*-------------------------------------------------------------------------
 *
 * told.h
 *		What this session has been warned of.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/told.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TOLD_H
#define TPLUS_TOLD_H

#include "postgres.h"

/*
 * Must the session be told that pages of the foreign table lack this field, or
 * whatever else the text names that no field is called?  True once for each
 * text of a table, which is remembered as long as the session lasts.
 */
extern bool tplus_told_first(Oid relid, const char *field);

#endif							/* TPLUS_TOLD_H */
