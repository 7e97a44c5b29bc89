/*-------------------------------------------------------------------------
 *
 * month.c
 *		Requests counted by calendar month, as pure arithmetic.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/month.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/month.h"

/* China's time is so much ahead of UTC, all year. */
#define ZONE_US			(8 * USECS_PER_HOUR)

/*
 * Years begin in March here, so that a leap day is the last of its year, and
 * days are counted from March 1 of the year 0; so many before 2000-01-01.
 */
#define EPOCH_DAYS		730425

/* Days of a cycle of 400 years, and those before a year or a month of it. */
#define DAYS_PER_CYCLE	146097
#define DAYS_BEFORE_YEAR(year)		(365 * (year) + (year) / 4 - (year) / 100)
#define DAYS_BEFORE_MONTH(month)	((153 * (month) + 2) / 5)

/* The month where counting begins, March, in a year that begins in January. */
#define FIRST_MONTH		2

static int64
floor_divide(int64 a, int64 b)
{
	return a >= 0 ? a / b : -((b - 1 - a) / b);
}

int32
tplus_month_of(TimestampTz at)
{
	int64		days = floor_divide(at + ZONE_US, USECS_PER_DAY) + EPOCH_DAYS;
	int64		cycle = floor_divide(days, DAYS_PER_CYCLE);
	int			day = (int) (days - cycle * DAYS_PER_CYCLE);
	int			year = day / 366;

	while (year < 399 && DAYS_BEFORE_YEAR(year + 1) <= day)
		year++;
	day -= DAYS_BEFORE_YEAR(year);
	return (int32) ((cycle * 400 + year) * 12 + (5 * day + 2) / 153 +
					FIRST_MONTH);
}

int32
tplus_month_first_day(int32 month)
{
	int64		year = floor_divide(month - FIRST_MONTH, 12);
	int			of_year = (int) (month - FIRST_MONTH - year * 12);
	int64		cycle = floor_divide(year, 400);

	year -= cycle * 400;
	return (int32) (cycle * DAYS_PER_CYCLE + DAYS_BEFORE_YEAR(year) +
					DAYS_BEFORE_MONTH(of_year) - EPOCH_DAYS);
}

void
tplus_month_turn(TplusMonthCount *count, int32 month)
{
	if (count->month > month)
	{
		count->requests += count->before;
		count->before = 0;
	}
	else if (count->month < month)
	{
		count->before = count->month == month - 1 ? count->requests : 0;
		count->requests = 0;
	}
	count->month = month;
}

static bool
is_key(const TplusMonthKey *a, const TplusMonthKey *b)
{
	return a->payer == b->payer && a->database == b->database &&
		a->server == b->server && a->table == b->table;
}

/* Does nothing depend on the count any more? */
static bool
is_done(const TplusMonthCount *count, int32 month)
{
	return count->key.payer == 0 || count->month < month - 1;
}

/* Would this place be given away rather than that one? */
static bool
is_better(const TplusMonthCount *place, const TplusMonthCount *than,
		  int32 month)
{
	if (is_done(place, month))
		return than == NULL || !is_done(than, month);
	return OidIsValid(place->key.server) &&
		(than == NULL ||
		 (!is_done(than, month) && place->month < than->month));
}

TplusMonthCount *
tplus_month_find(TplusMonthCount *counts, int n, const TplusMonthKey *key,
				 int32 month)
{
	TplusMonthCount *place = NULL;
	int			i;

	for (i = 0; i < n; i++)
	{
		TplusMonthCount *count = &counts[i];

		if (is_key(&count->key, key))
		{
			tplus_month_turn(count, month);
			return count;
		}
		if (is_better(count, place, month))
			place = count;
	}
	if (place == NULL)
		return NULL;
	memset(place, 0, sizeof(*place));
	place->key = *key;
	place->month = month;
	return place;
}
