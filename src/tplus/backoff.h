/*-------------------------------------------------------------------------
 *
 * backoff.h
 *		How long to pause before a request is made again.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/backoff.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_BACKOFF_H
#define TPLUS_BACKOFF_H

#include "postgres.h"

/* The longest pause that we make because the server asks for it. */
#define TPLUS_BACKOFF_MAX_PAUSE_MS	(5 * 60 * 1000)

/*
 * Milliseconds to pause after so many attempts (from 1): doubling from a
 * quarter of a second to half a minute, half of it by chance, so that
 * backends that failed together do not return together.
 */
extern int64 tplus_backoff_delay(int attempts);

#endif							/* TPLUS_BACKOFF_H */
