/*-------------------------------------------------------------------------
 *
 * highwater.h
 *		The row version up to which the last statement returned everything.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/highwater.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HIGHWATER_H
#define TPLUS_HIGHWATER_H

#include "postgres.h"

/* Hooks into planner, executor and utility statements, once. */
extern void tplus_highwater_install(void);

/*
 * The version that the last statement of this session that mentions the table
 * left, 0 if there is none.  A statement under way sees what was left before
 * it, so that it can go on from there; beside one that waits half read, as a
 * cursor between two fetches, there is none.  Throws nothing but what lack of
 * memory does.
 */
extern uint64 tplus_highwater_get(Oid relid);

#endif							/* TPLUS_HIGHWATER_H */
