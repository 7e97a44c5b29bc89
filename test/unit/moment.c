/*-------------------------------------------------------------------------
 *
 * moment.c
 *		Tests of the spellings of dates and times, without a server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/moment.c
 *
 *-------------------------------------------------------------------------
 */
#include "tplus/moment.c"

#include <strings.h>

#include "tap.h"

int
pg_strncasecmp(const char *a, const char *b, size_t n)
{
	return strncasecmp(a, b, n);
}

/* What a text is read as; "+" where a zone is told, "none" where no date. */
static const struct
{
	const char *text;
	const char *moment;
}			cases[] = {

	/* days */
	{"2024-02-01", "2024-02-01"},
	{"2024-2-1", "2024-02-01"},
	{"2024/02/01", "2024-02-01"},
	{"2024/2/1", "2024-02-01"},
	{"20240201", "2024-02-01"},
	{"  2024-02-01\t\n", "2024-02-01"},
	{"2024-02-29", "2024-02-29"},
	{"2000-02-29", "2000-02-29"},
	{"9999-12-31", "9999-12-31"},
	{"0001-01-02", "0001-01-02"},
	{"2023-02-29", "field"},
	{"1900-02-29", "field"},
	{"2024-04-31", "field"},
	{"2024-13-01", "field"},
	{"2024-00-01", "field"},
	{"2024-01-00", "field"},
	{"2024-01-32", "field"},
	{"0000-01-01", "field"},
	{"10000-01-01", "field"},
	{"20241301", "field"},
	{"24-02-01", "syntax"},
	{"2024-02/01", "syntax"},
	{"2024-02-011", "syntax"},
	{"2024-02", "syntax"},
	{"2024-02-", "syntax"},
	{"2024.02.01", "syntax"},
	{"2024 02 01", "syntax"},
	{"202402011", "syntax"},
	{"2024201", "syntax"},
	{"1706716800000", "syntax"},
	{"-2024-02-01", "syntax"},
	{"+2024-02-01", "syntax"},
	{"01/02/2024", "syntax"},
	{"2024-02-01 BC", "syntax"},
	{"2024年2月1日", "syntax"},

	/* with a clock */
	{"2022/4/15 0:00:00", "2022-04-15 00:00:00.000000"},
	{"2022-04-15T00:00:00", "2022-04-15 00:00:00.000000"},
	{"2022-04-15t08:30", "2022-04-15 08:30:00.000000"},
	{"2022-04-15   8:30:05", "2022-04-15 08:30:05.000000"},
	{"20220415 08:30:05", "2022-04-15 08:30:05.000000"},
	{"2022-04-15 23:59:59.5", "2022-04-15 23:59:59.500000"},
	{"2022-04-15 23:59:59.000001", "2022-04-15 23:59:59.000001"},
	{"2022-04-15 12:00:00.1234567", "2022-04-15 12:00:00.123457"},
	{"2022-04-15 12:00:00.1234564999", "2022-04-15 12:00:00.123456"},
	{"2022-04-15 23:59:59.9999999", "2022-04-15 23:59:59.999999"},
	{"2022-04-15 24:00:00", "field"},
	{"2022-04-15 23:59:60", "field"},
	{"2022-04-15 12:60:00", "field"},
	{"2022-04-15 99:00", "field"},
	{"2022-04-15 ", "2022-04-15"},
	{"2022-04-15T", "syntax"},
	{"2022-04-15 8", "syntax"},
	{"2022-04-15 8:3", "syntax"},
	{"2022-04-15 8:30:5", "syntax"},
	{"2022-04-15 8:30:", "syntax"},
	{"2022-04-15 8:30:05.", "syntax"},
	{"2022-04-15 8:30:05,5", "syntax"},
	{"2022-04-15 008:30", "syntax"},
	{"2022-04-1508:30", "syntax"},
	{"2022-04-15 -8:30", "syntax"},
	{"2022-04-15 8:30 PM", "syntax"},
	{"2022-04-15 8:30 AM", "syntax"},
	{"2022/4/15 上午 8:30:00", "syntax"},

	/* with a zone */
	{"2024-02-01 12:00:00 CST", "2024-02-01 12:00:00.000000 +28800"},
	{"2024-02-01 12:00:00cst", "2024-02-01 12:00:00.000000 +28800"},
	{"2024-02-01T12:00:00Z", "2024-02-01 12:00:00.000000 +0"},
	{"2024-02-01T12:00:00z", "2024-02-01 12:00:00.000000 +0"},
	{"2024-02-01 12:00:00 UTC", "2024-02-01 12:00:00.000000 +0"},
	{"2024-02-01 12:00:00 GMT ", "2024-02-01 12:00:00.000000 +0"},
	{"2022-04-15T00:00:00.0000000+08:00", "2022-04-15 00:00:00.000000 +28800"},
	{"2022-04-15 00:00:00+0830", "2022-04-15 00:00:00.000000 +30600"},
	{"2022-04-15 00:00:00 -08", "2022-04-15 00:00:00.000000 -28800"},
	{"2022-04-15 00:00:00+8", "2022-04-15 00:00:00.000000 +28800"},
	{"2022-04-15 00:00-03:30", "2022-04-15 00:00:00.000000 -12600"},
	{"2022-04-15 00:00:00+15:59", "2022-04-15 00:00:00.000000 +57540"},
	{"2022-04-15 00:00:00+16:00", "zone"},
	{"2022-04-15 00:00:00+08:60", "zone"},
	{"2022-04-15 00:00:00+08:0", "syntax"},
	{"2022-04-15 00:00:00+08:00:00", "syntax"},
	{"2022-04-15 00:00:00+", "syntax"},
	{"2022-04-15 00:00:00 EST", "syntax"},
	{"2022-04-15 00:00:00 CDT", "syntax"},
	{"2022-04-15 00:00:00 PRC", "syntax"},
	{"2022-04-15 00:00:00 Asia/Shanghai", "syntax"},
	{"2022-04-15 00:00:00 UTC+8", "syntax"},
	{"2022-04-15 00:00:00 ZZ", "syntax"},
	{"2022-04-15 CST", "syntax"},
	{"2022-04-15Z", "syntax"},
	{"2022-04-15 +08:00", "syntax"},

	/* a clock alone */
	{"8:30", "08:30:00.000000"},
	{"08:30:05.25", "08:30:05.250000"},
	{"08:30 CST", "08:30:00.000000 +28800"},
	{"24:00", "field"},
	{"8:", "syntax"},
	{":30", "syntax"},
	{"123:00", "syntax"},

	/* ticks */
	{"/Date(1704067200000)/", "2024-01-01 00:00:00.000000 +0"},
	{"/Date(1704067200000+0800)/", "2024-01-01 00:00:00.000000 +0"},
	{"/Date(1704067200000-0500)/", "2024-01-01 00:00:00.000000 +0"},
	{"/Date(1709164799999)/", "2024-02-28 23:59:59.999000 +0"},
	{"/Date(1709164800000)/", "2024-02-29 00:00:00.000000 +0"},
	{"/Date(951868800000)/", "2000-03-01 00:00:00.000000 +0"},
	{"/Date(0)/", "1970-01-01 00:00:00.000000 +0"},
	{"/Date(-1)/", "1969-12-31 23:59:59.999000 +0"},
	{"/Date(-2209017600000)/", "1899-12-31 16:00:00.000000 +0"},
	{"/Date(-62135596799999)/", "0001-01-01 00:00:00.001000 +0"},
	{"/Date(253402300799999)/", "9999-12-31 23:59:59.999000 +0"},
	{"/Date(253402300800000)/", "field"},
	{"/Date(-62135596800001)/", "field"},
	{"/Date(-62167219200001)/", "field"},
	{"/Date(999999999999999999)/", "field"},
	{"/Date(-999999999999999999)/", "field"},
	{"/Date(9999999999999999999)/", "syntax"},
	{"/Date()/", "syntax"},
	{"/Date(-)/", "syntax"},
	{"/Date(+1)/", "syntax"},
	{"/Date(1.5)/", "syntax"},
	{"/Date(1704067200000)", "syntax"},
	{"/Date(1704067200000", "syntax"},
	{"/Date(1704067200000+99)/", "zone"},
	{"/Date(1704067200000)/x", "syntax"},
	{"/date(1704067200000)/", "syntax"},
	{"Date(1704067200000)", "syntax"},

	/* where T+ has no date */
	{"0001-01-01", "none"},
	{"0001-01-01 00:00:00", "none"},
	{"0001/1/1 0:00:00", "none"},
	{"0001-01-01T00:00:00+08:00", "none"},
	{"0001-01-01T00:00:00Z", "none"},
	{"/Date(-62135596800000)/", "none"},
	{"/Date(-62135596800000+0800)/", "none"},
	{"0001-01-01 00:00:01", "0001-01-01 00:00:01.000000"},

	/* what PostgreSQL takes, and T+ does not mean */
	{"", "syntax"},
	{" ", "syntax"},
	{"now", "syntax"},
	{"today", "syntax"},
	{"tomorrow", "syntax"},
	{"yesterday", "syntax"},
	{"yesterday 12:00", "syntax"},
	{"epoch", "syntax"},
	{"infinity", "syntax"},
	{"-infinity", "syntax"},
	{"allballs", "syntax"},
	{"J2451187", "syntax"},
	{"2451187", "syntax"},
	{"Feb 1 2024", "syntax"},
	{"01-Feb-2024", "syntax"},
	{"2024-Feb-01", "syntax"},
	{"2024-02-01 now", "syntax"},
	{"2024-02-01 allballs", "syntax"},
	{"Thu 2024-02-01", "syntax"},
	{"2024.032", "syntax"},
	{"2024-W05-4", "syntax"},
	{"y2024m02d01", "syntax"},
	{"true", "syntax"},
};

static const char *
show(const char *text)
{
	static char shown[100];
	TplusMoment m;
	int			n = 0;

	switch (tplus_moment_read(text, &m))
	{
		case TPLUS_MOMENT_SYNTAX:
			return "syntax";
		case TPLUS_MOMENT_FIELD:
			return "field";
		case TPLUS_MOMENT_ZONE:
			return "zone";
		case TPLUS_MOMENT_OK:
			break;
	}
	if (m.is_none)
		return "none";
	if (m.has_date)
		n += snprintf(shown + n, sizeof(shown) - n, "%04d-%02d-%02d", m.year,
					  m.month, m.day);
	if (m.has_clock)
		n += snprintf(shown + n, sizeof(shown) - n, "%s%02d:%02d:%02d.%06d",
					  n > 0 ? " " : "", m.hour, m.minute, m.second,
					  m.microsecond);
	if (m.has_zone)
		snprintf(shown + n, sizeof(shown) - n, " %+d", m.zone);
	return shown;
}

/* Each day of .NET's calendar follows the one before. */
static void
check_calendar(void)
{
	int64		ticks = INT64CONST(-62135596800000) + 1;
	int			expected[3] = {1, 1, 1};
	int			wrong = 0;
	char		text[50];

	for (; expected[0] <= MAX_YEAR; ticks += INT64CONST(86400000))
	{
		TplusMoment m;

		snprintf(text, sizeof(text), "/Date(%lld)/", (long long) ticks);
		if (tplus_moment_read(text, &m) != TPLUS_MOMENT_OK ||
			m.year != expected[0] || m.month != expected[1] ||
			m.day != expected[2])
			wrong++;
		if (++expected[2] > days_of_month(expected[0], expected[1]))
		{
			expected[2] = 1;
			if (++expected[1] > 12)
			{
				expected[1] = 1;
				expected[0]++;
			}
		}
	}
	ok(wrong == 0, "ticks of each day (%d are wrong)", wrong);
}

int
main(void)
{
	for (size_t i = 0; i < lengthof(cases); i++)
		is(show(cases[i].text), cases[i].moment, cases[i].text);
	check_calendar();
	return done();
}
