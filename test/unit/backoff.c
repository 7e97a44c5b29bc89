/*-------------------------------------------------------------------------
 *
 * backoff.c
 *		Tests of the pause before another attempt, without a server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/backoff.c
 *
 *-------------------------------------------------------------------------
 */
#include "tplus/backoff.c"

#include <limits.h>

#include "tap.h"

/* What chance says: from 0 to just below 1. */
static double chance = 0;

pg_prng_state pg_global_prng_state;

double
pg_prng_double(pg_prng_state *state)
{
	return chance;
}

static int64
delay(int attempts, double luck)
{
	chance = luck;
	return tplus_backoff_delay(attempts);
}

int
main(void)
{
	int			attempts;
	bool		doubles = true;
	bool		varies = true;
	bool		bounded = true;

	ok(delay(1, 0) == 125, "the first pause is an eighth of a second at least");
	ok(delay(1, 0.999) <= 250, "and a quarter at most");
	for (attempts = 1; attempts <= 7; attempts++)
		doubles &= delay(attempts, 0) == 125 << (attempts - 1);
	ok(doubles, "each is twice as long as the one before");
	for (attempts = 1; attempts <= 100; attempts++)
		varies &= delay(attempts, 0.999) > delay(attempts, 0) * 19 / 10;
	ok(varies, "half of each is chance");
	for (attempts = 1; attempts <= 1000; attempts++)
		bounded &= delay(attempts, 0.999) <= 30000;
	ok(bounded, "none is longer than half a minute");
	ok(delay(INT_MAX, 0) == 15000, "after as many attempts as can be counted, too");
	ok(delay(0, 0) == 125, "and before the first");
	return done();
}
