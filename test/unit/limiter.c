/*-------------------------------------------------------------------------
 *
 * limiter.c
 *		Tests of the token bucket, without a server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/limiter.c
 *
 *-------------------------------------------------------------------------
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "net/limiter.c"

#include "tap.h"

#define SECOND	INT64_C(1000000)
#define HOUR	(3600 * SECOND)

/* No clock begins at zero, and none shall have to. */
#define START	(1000 * SECOND)

static const TplusRate usual = {.per_second = 5,.burst = 10,.max_concurrency = 4};
static const TplusRate roomy = {.per_second = 5,.burst = 10,.max_concurrency = 1000000};

/* Takes and gives back at once; the result is that of take(). */
static int64_t
pass(TplusBucket *bucket, const TplusRate *rate, int64_t now_us)
{
	int64_t		wait_us = tplus_limiter_take(bucket, rate, now_us);

	if (wait_us == 0)
		tplus_limiter_release(bucket);
	return wait_us;
}

/* How many requests leave at this time, one behind the other. */
static int
count_at(TplusBucket *bucket, const TplusRate *rate, int64_t now_us)
{
	int			count = 0;

	while (count < 100000 && pass(bucket, rate, now_us) == 0)
		count++;
	return count;
}

static void
test_burst(void)
{
	TplusBucket bucket = {0};
	TplusRate	odd = {.per_second = 3,.burst = 1,.max_concurrency = 1};
	TplusRate	none = {.per_second = 2,.burst = 0,.max_concurrency = 0};
	TplusRate	slow = {.per_second = 0.001,.burst = 1,.max_concurrency = 1};
	TplusRate	never = {.per_second = 1e-300,.burst = 1,.max_concurrency = 1};
	int64_t		wait_us;

	ok(count_at(&bucket, &usual, START) == 10, "a new bucket is full");
	ok(pass(&bucket, &usual, START) == SECOND / 5, "the next waits 200 ms");
	ok(pass(&bucket, &usual, START + 50000) == 150000, "less later");
	ok(pass(&bucket, &usual, START + 199999) == 1, "down to a microsecond");
	ok(pass(&bucket, &usual, START + 200000) == 0, "and leaves then");
	ok(pass(&bucket, &usual, START + 200000) == 200000, "alone");
	ok(count_at(&bucket, &usual, START + 900000) == 3, "whole tokens only");
	ok(pass(&bucket, &usual, START + 900000) == 100000, "the fraction is kept");
	ok(count_at(&bucket, &usual, START + 10 * SECOND) == 10,
	   "no more than burst after a pause of the callers");
	ok(count_at(&bucket, &usual, START + 1000 * HOUR) == 10,
	   "nor after a long time");
	ok(count_at(&bucket, &usual, INT64_MAX) == 10, "nor at the end of time");

	memset(&bucket, 0, sizeof(bucket));
	ok(count_at(&bucket, &odd, START) == 1, "burst 1");
	wait_us = pass(&bucket, &odd, START);
	ok(wait_us == 333334, "a third of a second is rounded up");
	ok(pass(&bucket, &odd, START + wait_us) == 0, "and is enough");

	memset(&bucket, 0, sizeof(bucket));
	ok(count_at(&bucket, &none, START) == 1, "burst 0 is taken for 1");

	memset(&bucket, 0, sizeof(bucket));
	ok(pass(&bucket, &slow, START) == 0 &&
	   pass(&bucket, &slow, START) == 1000 * SECOND, "one in 1000 seconds");

	memset(&bucket, 0, sizeof(bucket));
	wait_us = pass(&bucket, &never, START);
	wait_us = pass(&bucket, &never, START);
	ok(wait_us > 300 * 24 * HOUR && wait_us < TPLUS_LIMITER_FULL,
	   "a wait without end stays a number");
}

static void
test_clock(void)
{
	TplusBucket bucket = {0};

	ok(count_at(&bucket, &usual, 0) == 10 && count_at(&bucket, &usual, 0) == 0,
	   "a clock may begin at zero");

	memset(&bucket, 0, sizeof(bucket));
	ok(count_at(&bucket, &usual, -HOUR) == 10 &&
	   pass(&bucket, &usual, -HOUR) == 200000, "or before");

	/* Out of order: some processes are late with what they read. */
	memset(&bucket, 0, sizeof(bucket));
	count_at(&bucket, &usual, START);
	ok(pass(&bucket, &usual, START - 3000) == 203000,
	   "a time slightly in the past waits for the bucket's");
	for (int i = 0; i < 1000; i++)
	{
		pass(&bucket, &usual, START + i % 2 * 900);
		pass(&bucket, &usual, START - 900);
	}
	ok(pass(&bucket, &usual, START + 199999) == 1,
	   "times out of order yield nothing");

	/* Set back by hours, and forth. */
	memset(&bucket, 0, sizeof(bucket));
	count_at(&bucket, &usual, START + 10 * HOUR);
	ok(pass(&bucket, &usual, START) == 200000,
	   "a clock set back yields nothing, and nobody waits for hours");
	ok(pass(&bucket, &usual, START + 200000) == 0, "time goes on from there");
	ok(pass(&bucket, &usual, START + 200000) == 200000, "at the same rate");
	for (int i = 0; i < 10; i++)
		ok(pass(&bucket, &usual, START - i * HOUR) > 0,
		   "set back by %d hours more, still nothing", i);
	ok(count_at(&bucket, &usual, START + 100 * HOUR) == 10,
	   "set forth, at most burst");
}

static void
test_slots(void)
{
	TplusBucket bucket = {0};
	TplusRate	two = {.per_second = 0,.burst = 1,.max_concurrency = 2};
	int			taken = 0;

	while (tplus_limiter_take(&bucket, &usual, START) == 0)
		taken++;
	ok(taken == 4 && bucket.in_flight == 4, "as many as max_concurrency");
	ok(tplus_limiter_take(&bucket, &usual, START) == TPLUS_LIMITER_FULL,
	   "then only a release helps");
	ok(tplus_limiter_take(&bucket, &usual, START + HOUR) == TPLUS_LIMITER_FULL,
	   "no matter how late it is");
	tplus_limiter_release(&bucket);
	ok(tplus_limiter_take(&bucket, &usual, START) == 0, "a release does");
	ok(tplus_limiter_take(&bucket, &usual, START) == TPLUS_LIMITER_FULL,
	   "once");
	ok(tplus_limiter_take(&bucket, &two, START) == TPLUS_LIMITER_FULL,
	   "a caller with a lower cap waits for his");
	for (int i = 0; i < 10; i++)
		tplus_limiter_release(&bucket);
	ok(bucket.in_flight == 0, "too many releases do no harm");

	/* A refusal takes nothing. */
	memset(&bucket, 0, sizeof(bucket));
	for (int i = 0; i < 4; i++)
		tplus_limiter_take(&bucket, &usual, START);
	for (int i = 0; i < 100; i++)
		tplus_limiter_take(&bucket, &usual, START);
	for (int i = 0; i < 4; i++)
		tplus_limiter_release(&bucket);
	ok(count_at(&bucket, &usual, START) == 6, "a refusal costs no token");
	tplus_limiter_take(&bucket, &usual, START);
	ok(bucket.in_flight == 0, "nor a slot");

	memset(&bucket, 0, sizeof(bucket));
	ok(count_at(&bucket, &two, START) == 100000, "rate 0 is no limit");
	tplus_limiter_take(&bucket, &two, START);
	tplus_limiter_take(&bucket, &two, START);
	ok(tplus_limiter_take(&bucket, &two, START) == TPLUS_LIMITER_FULL,
	   "but the slots are one");
}

static void
test_pause(void)
{
	TplusBucket bucket = {0};
	TplusRate	unlimited = {.per_second = 0,.burst = 1,.max_concurrency = 4};

	tplus_limiter_pause(&bucket, START + 7 * SECOND);
	ok(pass(&bucket, &usual, START) == 7 * SECOND, "paused before first use");
	ok(pass(&bucket, &usual, START + 7 * SECOND - 1) == 1, "to its end");
	ok(count_at(&bucket, &usual, START + 7 * SECOND) == 10, "and no longer");

	memset(&bucket, 0, sizeof(bucket));
	pass(&bucket, &usual, START);
	tplus_limiter_pause(&bucket, START + 7 * SECOND);
	tplus_limiter_pause(&bucket, START + 3 * SECOND);
	ok(pass(&bucket, &usual, START) == 7 * SECOND, "never shortened");
	tplus_limiter_pause(&bucket, START + 9 * SECOND);
	ok(pass(&bucket, &usual, START) == 9 * SECOND, "but prolonged");
	ok(pass(&bucket, &unlimited, START) == 9 * SECOND, "for all rates");
	for (int i = 0; i < 4; i++)
		tplus_limiter_take(&bucket, &usual, START + 10 * SECOND);
	tplus_limiter_pause(&bucket, START + 20 * SECOND);
	ok(tplus_limiter_take(&bucket, &usual, START + 10 * SECOND) == 10 * SECOND,
	   "told before a full house");

	memset(&bucket, 0, sizeof(bucket));
	pass(&bucket, &usual, START + 10 * HOUR);
	tplus_limiter_pause(&bucket, START + 10 * HOUR + 30 * SECOND);
	ok(pass(&bucket, &usual, START) == 30 * SECOND,
	   "a pause does not grow when the clock is set back");
	ok(pass(&bucket, &usual, START + 30 * SECOND) == 0, "and ends");
	pass(&bucket, &usual, START - 10 * HOUR);
	ok(bucket.paused_until_us == 0, "one that is over stays over");
}

static void
test_rates(void)
{
	TplusBucket bucket = {0};
	TplusRate	deep = {.per_second = 5,.burst = 100,.max_concurrency = 4};
	TplusRate	slow = {.per_second = 1,.burst = 10,.max_concurrency = 4};

	ok(count_at(&bucket, &deep, START) == 100, "a deeper bucket");
	memset(&bucket, 0, sizeof(bucket));
	pass(&bucket, &deep, START);
	ok(count_at(&bucket, &usual, START) == 10, "is cut to the caller's burst");
	ok(pass(&bucket, &slow, START) == SECOND, "each waits at his own rate");
	ok(pass(&bucket, &usual, START) == SECOND / 5, "whoever came before");
}

/*
 * What the header promises, at random times: in any t seconds at most rate * t
 * + burst requests leave.  With disorder, callers leave up to 5 ms after the
 * time that they told.
 */
static void
test_promise(const TplusRate *rate, unsigned int seed, bool disorder)
{
	enum
	{
		MOST = 3000
	};
	static int64_t left[MOST];
	TplusBucket bucket = {0};
	int			count = 0;
	int			broken = 0;
	int			late = 0;
	int64_t		now_us = START;

	srand(seed);
	while (count < MOST)
	{
		int64_t		told_us = now_us;
		int64_t		wait_us;

		if (disorder && rand() % 3 == 0)
			told_us -= rand() % 5000;
		wait_us = pass(&bucket, rate, told_us);
		if (wait_us == 0)
			left[count++] = now_us;
		else if (rand() % 2)
		{
			now_us = told_us + wait_us > now_us ? told_us + wait_us : now_us;
			if (pass(&bucket, rate, now_us) == 0)
				left[count++ % MOST] = now_us;
			else
				late++;
		}
		if (rand() % 4 == 0)
			now_us += rand() % (rand() % 20 ? 100000 : 20 * SECOND);
	}
	for (int i = 0; i < MOST; i++)
	{
		for (int j = i; j < MOST; j++)
		{
			double		allowed = rate->burst + rate->per_second *
			(double) (left[j] - left[i]) / SECOND;

			if (j - i + 1 > allowed + (disorder ? rate->per_second * 0.005 : 0) + 1e-6)
				broken++;
		}
	}
	ok(broken == 0, "rate %g, burst %d, seed %u%s: never too many",
	   rate->per_second, rate->burst, seed, disorder ? ", disordered" : "");
	ok(late == 0, "rate %g, burst %d, seed %u%s: a wait that was told is enough",
	   rate->per_second, rate->burst, seed, disorder ? ", disordered" : "");
}

/* Nobody waits longer than needed: a steady stream gets all its tokens. */
static void
test_throughput(void)
{
	TplusBucket bucket = {0};
	int64_t		now_us = START;
	int			count = 0;

	while (now_us <= START + 100 * SECOND)
	{
		int64_t		wait_us = pass(&bucket, &roomy, now_us);

		if (wait_us == 0)
			count++;
		now_us += wait_us;
	}
	ok(count == 10 + 5 * 100, "in 100 seconds, all that is allowed");
}

static TplusBucket shared;
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t shared_now = START;
static int	shared_passed;
static int	shared_most;

static void *
many_callers(void *arg)
{
	for (int i = 0; i < 20000; i++)
	{
		bool		taken;

		pthread_mutex_lock(&shared_lock);
		shared_now += 100;
		taken = tplus_limiter_take(&shared, &usual, shared_now) == 0;
		shared_passed += taken;
		if (shared.in_flight > shared_most)
			shared_most = shared.in_flight;
		pthread_mutex_unlock(&shared_lock);
		if (!taken)
			continue;
		pthread_mutex_lock(&shared_lock);
		tplus_limiter_release(&shared);
		pthread_mutex_unlock(&shared_lock);
	}
	return NULL;
}

static void
test_callers(void)
{
	pthread_t	threads[8];
	double		allowed;

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, many_callers, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	allowed = usual.burst + usual.per_second *
		(double) (shared_now - START) / SECOND;
	ok(shared_passed <= allowed, "eight callers together: not too many");
	ok(shared_most <= usual.max_concurrency, "not too many at a time");
	ok(shared.in_flight == 0, "no slot is lost");
	ok(shared_passed >= allowed - 2, "no token is lost");
}

int
main(void)
{
	TplusRate	fast = {.per_second = 1000,.burst = 3,.max_concurrency = 4};
	TplusRate	uneven = {.per_second = 0.7,.burst = 2,.max_concurrency = 4};

	test_burst();
	test_clock();
	test_slots();
	test_pause();
	test_rates();
	for (unsigned int seed = 1; seed <= 6; seed++)
	{
		test_promise(&usual, seed, seed % 2 == 0);
		test_promise(&fast, seed, seed % 2 == 0);
		test_promise(&uneven, seed, seed % 2 == 0);
	}
	test_throughput();
	test_callers();
	return done();
}
