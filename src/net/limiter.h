/*-------------------------------------------------------------------------
 *
 * limiter.h
 *		Token-bucket arithmetic: how long until the next request may leave.
 *
 * A bucket holds at most burst tokens and gains rate tokens a second; each
 * request takes one.  So in any t seconds at most rate * t + burst requests
 * leave.  Beside it, at most max_concurrency requests are under way, and none
 * leaves before paused_until_us.  Example: rate 5, burst 10: ten requests
 * leave at once, the eleventh 200 ms later.
 *
 * Pure arithmetic: time is an argument, nothing sleeps or locks here, and no
 * header of PostgreSQL is needed.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/limiter.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_LIMITER_H
#define TPLUS_LIMITER_H

#include <stdint.h>

typedef struct TplusBucket
{
	double		tokens;			/* as of refilled_us */
	int64_t		refilled_us;	/* 0: never used, the bucket is full */
	int64_t		paused_until_us;	/* 0: not paused */
	int32_t		in_flight;		/* requests under way */
} TplusBucket;

typedef struct TplusRate
{
	double		per_second;		/* 0: unlimited */
	int32_t		burst;			/* at least 1 */
	int32_t		max_concurrency;	/* at least 1 */
} TplusRate;

/* The answer of take() when only a release() can help. */
#define TPLUS_LIMITER_FULL	INT64_MAX

/*
 * Takes a token and a slot if both are to be had at now_us (microseconds of
 * any clock; a clock that steps back never yields extra tokens) and returns
 * 0.  Otherwise takes nothing and returns the microseconds until it is worth
 * asking again, or TPLUS_LIMITER_FULL.
 */
extern int64_t tplus_limiter_take(TplusBucket *bucket, const TplusRate *rate,
								  int64_t now_us);

/* Gives a slot back. */
extern void tplus_limiter_release(TplusBucket *bucket);

/* Lets no request leave before until_us; never shortens a pause. */
extern void tplus_limiter_pause(TplusBucket *bucket, int64_t until_us);

#endif							/* TPLUS_LIMITER_H */
