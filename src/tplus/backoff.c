/*-------------------------------------------------------------------------
 *
 * backoff.c
 *		How long to pause before a request is made again.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/backoff.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "tplus/backoff.h"

#define FIRST_MS	250
#define MAX_MS		30000

int64
tplus_backoff_delay(int attempts)
{
	int64		delay_ms = FIRST_MS;
	int			i;

	for (i = 1; i < attempts && delay_ms < MAX_MS; i++)
		delay_ms *= 2;
	delay_ms = Min(delay_ms, MAX_MS);
	return delay_ms / 2 +
		(int64) (pg_prng_double(&pg_global_prng_state) * (delay_ms / 2));
}
