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
#include "portability/instr_time.h"

#include "base/wait.h"
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

void
tplus_backoff_sleep(int64 delay_ms, int64 *slept_us)
{
	instr_time	start;
	instr_time	now;
	int64		elapsed_us = 0;

	INSTR_TIME_SET_CURRENT(start);
	while (elapsed_us / 1000 < delay_ms)
	{
		(void) tplus_wait(PGINVALID_SOCKET, (long) (delay_ms - elapsed_us / 1000),
						  TPLUS_WAIT_BACKOFF);
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, start);
		elapsed_us = INSTR_TIME_GET_MICROSEC(now);
	}
	*slept_us += elapsed_us;
}
