/*-------------------------------------------------------------------------
 *
 * async.h
 *		Several foreign tables at once, below an Append.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/async.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ASYNC_H
#define TPLUS_ASYNC_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* Callbacks of FdwRoutine. */
extern bool tplusIsForeignPathAsyncCapable(ForeignPath *path);
extern void tplusForeignAsyncRequest(AsyncRequest *areq);
extern void tplusForeignAsyncConfigureWait(AsyncRequest *areq);
extern void tplusForeignAsyncNotify(AsyncRequest *areq);

#endif							/* TPLUS_ASYNC_H */
