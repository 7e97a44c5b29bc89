/*-------------------------------------------------------------------------
 *
 * month.c
 *		Tests of requests counted by month, without a server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/month.c
 *
 *-------------------------------------------------------------------------
 */
#include "base/month.c"

#include <time.h>

#include "tap.h"

/* The instant of a time in China, by the C library. */
static TimestampTz
china(int year, int month, int day, int hour)
{
	struct tm	tm = {.tm_year = year - 1900,.tm_mon = month - 1,.tm_mday = day,.tm_hour = hour};

	return ((int64) timegm(&tm) - INT64CONST(946684800) - 8 * 3600) * USECS_PER_SEC;
}

static int32
number(int year, int month)
{
	return year * 12 + month - 1;
}

static void
test_calendar(void)
{
	bool		right = true;
	int			year;
	int			month;

	for (year = 1900; year <= 2500; year++)
	{
		for (month = 1; month <= 12; month++)
		{
			TimestampTz start = china(year, month, 1, 0);

			right &= tplus_month_of(start) == number(year, month) &&
				tplus_month_of(start - 1) == number(year, month) - 1 &&
				tplus_month_first_day(number(year, month)) * USECS_PER_DAY ==
				start + 8 * USECS_PER_HOUR;
		}
	}
	ok(right, "each month of six centuries begins at midnight in China");
	ok(tplus_month_of(china(2026, 12, 1, 0) - 1) == number(2026, 11) &&
	   tplus_month_of(china(2026, 12, 1, 7)) == number(2026, 12),
	   "not at midnight in UTC, eight hours later");
	ok(tplus_month_of(china(2028, 2, 29, 23)) == number(2028, 2) &&
	   tplus_month_of(china(2000, 2, 29, 23)) == number(2000, 2) &&
	   tplus_month_of(china(2400, 2, 29, 23)) == number(2400, 2) &&
	   tplus_month_of(china(2100, 2, 28, 23)) == number(2100, 2) &&
	   tplus_month_of(china(2100, 3, 1, 0)) == number(2100, 3),
	   "leap days");
}

static bool
has(const TplusMonthCount *count, int32 month, int64 requests, int64 before)
{
	return count && count->month == month && count->requests == requests &&
		count->before == before;
}

static void
test_turn(void)
{
	TplusMonthCount count = {{1}, 100, 7, 5};

	tplus_month_turn(&count, 100);
	ok(has(&count, 100, 7, 5), "the same month");
	tplus_month_turn(&count, 101);
	ok(has(&count, 101, 0, 7), "the next one begins at zero");
	count.requests = 3;
	tplus_month_turn(&count, 100);
	ok(has(&count, 100, 10, 0), "a clock that was set back loses none");
	tplus_month_turn(&count, 102);
	ok(has(&count, 102, 0, 0), "a month of which nobody asked");
}

static void
test_places(void)
{
	TplusMonthCount counts[3] = {{{0}}};
	TplusMonthKey payer = {1};
	TplusMonthKey table = {1, 2, 3, 4};
	TplusMonthKey other = {1, 2, 3, 5};
	TplusMonthKey second = {2};
	TplusMonthKey third = {3};

	tplus_month_find(counts, 3, &payer, 100)->requests = 9;
	tplus_month_find(counts, 3, &table, 100)->requests = 8;
	tplus_month_find(counts, 3, &other, 101)->requests = 7;
	ok(has(tplus_month_find(counts, 3, &payer, 101), 101, 0, 9), "a payer is found again");
	ok(has(tplus_month_find(counts, 3, &second, 101), 101, 0, 0) &&
	   has(tplus_month_find(counts, 3, &other, 101), 101, 7, 0),
	   "the table with the oldest count makes room");

	memset(counts, 0, sizeof(counts));
	tplus_month_find(counts, 3, &payer, 100)->requests = 9;
	tplus_month_find(counts, 3, &second, 100)->requests = 9;
	tplus_month_find(counts, 3, &table, 100)->requests = 8;
	(void) tplus_month_find(counts, 3, &third, 100);
	ok(has(tplus_month_find(counts, 3, &payer, 100), 100, 9, 0) &&
	   has(tplus_month_find(counts, 3, &second, 100), 100, 9, 0), "no payer does");
	ok(tplus_month_find(counts, 3, &other, 101) == NULL, "nor in the month after");
	ok(has(tplus_month_find(counts, 3, &other, 102), 102, 0, 0), "but then");
}

int
main(void)
{
	test_calendar();
	test_turn();
	test_places();
	return done();
}
