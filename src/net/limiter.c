/*-------------------------------------------------------------------------
 *
 * limiter.c
 *		Token-bucket arithmetic: how long until the next request may leave.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/limiter.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/limiter.h"

#include <math.h>

#define US_PER_SECOND	1e6

/*
 * Several processes read the clock before they lock the bucket, so times come
 * in slightly out of order.  A larger step back means that the clock was set.
 */
#define DISORDER_US		1000000

/* Longest wait that is told; keeps the sum of any times in range. */
#define MAX_WAIT_US		(INT64_C(365) * 86400 * 1000000)

/* A token is whole if no more than this is missing, which is rounding. */
#define ROUNDING_US		0.01

/*
 * Brings the tokens up to date.  Where times are out of order, nothing
 * changes; where the clock was set back, no tokens are gained, and a pause
 * lasts as long as it would have.
 */
static void
refill(TplusBucket *bucket, const TplusRate *rate, int64_t now_us)
{
	double		burst = rate->burst > 1 ? rate->burst : 1;

	if (bucket->refilled_us == 0)
	{
		bucket->tokens = burst;
		bucket->refilled_us = now_us != 0 ? now_us : 1;
	}
	else if (now_us > bucket->refilled_us)
	{
		double		elapsed_us = (double) now_us - (double) bucket->refilled_us;

		bucket->tokens += elapsed_us * rate->per_second / US_PER_SECOND;
		bucket->refilled_us = now_us;
	}
	else if (bucket->refilled_us - now_us > DISORDER_US)
	{
		if (bucket->paused_until_us > bucket->refilled_us)
			bucket->paused_until_us -= bucket->refilled_us - now_us;
		else
			bucket->paused_until_us = 0;
		bucket->refilled_us = now_us;
	}

	/* Also if another caller's bucket was deeper. */
	if (bucket->tokens > burst)
		bucket->tokens = burst;
}

int64_t
tplus_limiter_take(TplusBucket *bucket, const TplusRate *rate, int64_t now_us)
{
	int32_t		slots = rate->max_concurrency > 1 ? rate->max_concurrency : 1;
	double		missing_us = 0;

	refill(bucket, rate, now_us);

	if (bucket->paused_until_us != 0 && bucket->paused_until_us > now_us)
		return bucket->paused_until_us - now_us;
	if (bucket->in_flight >= slots)
		return TPLUS_LIMITER_FULL;
	if (rate->per_second > 0)
		missing_us = (1 - bucket->tokens) / rate->per_second * US_PER_SECOND;
	if (missing_us > ROUNDING_US)
	{
		missing_us = ceil(missing_us - ROUNDING_US / 2) +
			(double) (bucket->refilled_us - now_us);
		return missing_us < MAX_WAIT_US ? (int64_t) missing_us : MAX_WAIT_US;
	}

	if (rate->per_second > 0)
		bucket->tokens = bucket->tokens > 1 ? bucket->tokens - 1 : 0;
	bucket->in_flight++;
	return 0;
}

void
tplus_limiter_release(TplusBucket *bucket)
{
	if (bucket->in_flight > 0)
		bucket->in_flight--;
}

void
tplus_limiter_pause(TplusBucket *bucket, int64_t until_us)
{
	if (bucket->paused_until_us == 0 || until_us > bucket->paused_until_us)
		bucket->paused_until_us = until_us;
}
