/*-------------------------------------------------------------------------
 *
 * moment.c
 *		A date, a time of day or both, as T+ spells them.
 *
 * The spellings, with blanks around them left out:
 *
 *		moment:	day | day ("T" | " ") clock [zone] | clock [zone] | ticks
 *		day:	2024-02-01 | 2024-2-1 | 2024/02/01 | 2024/2/1 | 20240201
 *		clock:	8:00 | 08:00 | 08:00:00 | 08:00:00.1234567
 *		zone:	Z | UTC | GMT | CST | +8 | +08 | +0800 | +08:00, maybe behind
 *				a blank
 *		ticks:	/Date(1706716800000)/ | /Date(1706716800000+0800)/
 *
 * Ticks are milliseconds since 1970 in Greenwich; a zone in them only says
 * which clock the server's own code would show, and moves nothing.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/moment.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/moment.h"

#define MAX_YEAR		9999	/* of .NET */
#define MAX_ZONE_HOUR	15		/* of PostgreSQL */
#define DAY_SECONDS		(24 * 60 * 60)

/* No number that is read has more; a year of so many digits is none. */
#define MAX_DIGITS		18

/* In T+, CST is the time of China, never that of America. */
static const struct
{
	const char *name;
	int			zone;			/* seconds east of Greenwich */
}			zones[] = {
	{"Z", 0},
	{"UTC", 0},
	{"GMT", 0},
	{"CST", 8 * 60 * 60},
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		p++;
	return p;
}

static bool
skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* Reads a number of min to max digits; false if there are fewer. */
static bool
read_number(const char **p, int min, int max, int *number)
{
	int			n = 0;

	*number = 0;
	for (; n < max && is_digit(**p); n++)
		*number = *number * 10 + *(*p)++ - '0';
	return n >= min;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && is_leap);
}

static TplusMomentResult
read_day(const char **p, TplusMoment *moment)
{
	size_t		digits = strspn(*p, "0123456789");
	char		separator = (*p)[Min(digits, MAX_DIGITS)];

	moment->has_date = true;
	if (separator == '-' || separator == '/')
	{
		if (digits < 4)
			return TPLUS_MOMENT_SYNTAX;
		if (digits > 4)
			return TPLUS_MOMENT_FIELD;
		(void) read_number(p, 4, 4, &moment->year);
		if (!skip(p, separator) ||
			!read_number(p, 1, 2, &moment->month) ||
			!skip(p, separator) ||
			!read_number(p, 1, 2, &moment->day))
			return TPLUS_MOMENT_SYNTAX;
	}
	else if (digits != 8 ||
			 !read_number(p, 4, 4, &moment->year) ||
			 !read_number(p, 2, 2, &moment->month) ||
			 !read_number(p, 2, 2, &moment->day))
		return TPLUS_MOMENT_SYNTAX;
	return TPLUS_MOMENT_OK;
}

/*
 * The digits behind the point.  They are rounded to microseconds, but never
 * up to the next second: the last tick of a day is not the next day.
 */
static bool
read_fraction(const char **p, TplusMoment *moment)
{
	int			digits = 0;

	for (; is_digit(**p); (*p)++, digits++)
	{
		if (digits < 6)
			moment->microsecond = moment->microsecond * 10 + **p - '0';
		else if (digits == 6 && **p >= '5' && moment->microsecond < 999999)
			moment->microsecond++;
	}
	for (int i = digits; i < 6; i++)
		moment->microsecond *= 10;
	return digits > 0;
}

static TplusMomentResult
read_clock(const char **p, TplusMoment *moment)
{
	moment->has_clock = true;
	if (!read_number(p, 1, 2, &moment->hour) ||
		!skip(p, ':') ||
		!read_number(p, 2, 2, &moment->minute))
		return TPLUS_MOMENT_SYNTAX;
	if (!skip(p, ':'))
		return TPLUS_MOMENT_OK;
	if (!read_number(p, 2, 2, &moment->second) ||
		(skip(p, '.') && !read_fraction(p, moment)))
		return TPLUS_MOMENT_SYNTAX;
	return TPLUS_MOMENT_OK;
}

static TplusMomentResult
read_offset(const char **p, int *zone)
{
	int			sign = **p == '-' ? -1 : 1;
	int			hours;
	int			minutes = 0;

	if (!skip(p, '+') && !skip(p, '-'))
		return TPLUS_MOMENT_SYNTAX;
	if (!read_number(p, 1, 2, &hours))
		return TPLUS_MOMENT_SYNTAX;
	if ((skip(p, ':') || is_digit(**p)) && !read_number(p, 2, 2, &minutes))
		return TPLUS_MOMENT_SYNTAX;
	*zone = sign * (hours * 60 + minutes) * 60;
	return hours > MAX_ZONE_HOUR || minutes > 59 ? TPLUS_MOMENT_ZONE :
		TPLUS_MOMENT_OK;
}

static TplusMomentResult
read_zone(const char **p, TplusMoment *moment)
{
	moment->has_zone = true;
	for (size_t i = 0; i < lengthof(zones); i++)
	{
		size_t		len = strlen(zones[i].name);

		if (pg_strncasecmp(*p, zones[i].name, len) == 0)
		{
			*p += len;
			moment->zone = zones[i].zone;
			return TPLUS_MOMENT_OK;
		}
	}
	return read_offset(p, &moment->zone);
}

/* The day and the time of day of ticks, in Greenwich. */
static TplusMomentResult
set_ticks(TplusMoment *moment, int64 milliseconds)
{
	const int64 day_ms = (int64) DAY_SECONDS * 1000;
	int64		days = milliseconds / day_ms;
	int64		rest = milliseconds % day_ms;
	int64		era;
	int			day_of_era;
	int			year_of_era;
	int			day_of_year;
	int			month;

	if (rest < 0)
	{
		rest += day_ms;
		days--;
	}
	moment->hour = rest / (60 * 60 * 1000);
	moment->minute = rest / (60 * 1000) % 60;
	moment->second = rest / 1000 % 60;
	moment->microsecond = rest % 1000 * 1000;

	/* Years that begin in March end with the day that may be missing. */
	days += 719468;				/* since March 1 of the year 0 */
	era = days / 146097;		/* of 400 years */
	if (days < 0)
		return TPLUS_MOMENT_FIELD;
	day_of_era = days % 146097;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				   day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 -
								year_of_era / 100);
	month = (5 * day_of_year + 2) / 153;
	moment->day = day_of_year - (153 * month + 2) / 5 + 1;
	moment->month = month < 10 ? month + 3 : month - 9;
	moment->year = era * 400 + year_of_era + (moment->month <= 2);
	return TPLUS_MOMENT_OK;
}

static TplusMomentResult
read_ticks(const char **p, TplusMoment *moment)
{
	static const char head[] = "/Date(";
	bool		negative;
	int64		milliseconds = 0;
	int			digits = 0;
	TplusMomentResult result = TPLUS_MOMENT_OK;
	int			zone;

	*p += strlen(head);
	negative = skip(p, '-');
	for (; is_digit(**p) && digits < MAX_DIGITS; digits++)
		milliseconds = milliseconds * 10 + *(*p)++ - '0';
	if (digits == 0)
		return TPLUS_MOMENT_SYNTAX;
	if (**p == '+' || **p == '-')
		result = read_offset(p, &zone);
	if (result == TPLUS_MOMENT_OK)
		result = skip(p, ')') && skip(p, '/') ?
			set_ticks(moment, negative ? -milliseconds : milliseconds) :
			TPLUS_MOMENT_SYNTAX;
	moment->has_date = moment->has_clock = moment->has_zone = true;
	return result;
}

static TplusMomentResult
read_parts(const char **p, TplusMoment *moment)
{
	TplusMomentResult result;
	const char *start;

	if (strncmp(*p, "/Date(", 6) == 0)
		return read_ticks(p, moment);
	if ((*p)[strspn(*p, "0123456789")] != ':')
	{
		result = read_day(p, moment);
		if (result != TPLUS_MOMENT_OK || *skip_blanks(*p) == '\0')
			return result;
		start = *p;
		if (!skip(p, 'T') && !skip(p, 't'))
			*p = skip_blanks(*p);
		if (*p == start)
			return TPLUS_MOMENT_SYNTAX;
	}
	result = read_clock(p, moment);
	if (result != TPLUS_MOMENT_OK || *skip_blanks(*p) == '\0')
		return result;
	*p = skip_blanks(*p);
	return read_zone(p, moment);
}

/* Is there such a day, and such a time of day? */
static bool
exists(const TplusMoment *moment)
{
	if (moment->has_date &&
		(moment->year < 1 || moment->year > MAX_YEAR ||
		 moment->month < 1 || moment->month > 12 || moment->day < 1 ||
		 moment->day > days_of_month(moment->year, moment->month)))
		return false;
	return moment->hour < 24 && moment->minute < 60 && moment->second < 60;
}

TplusMomentResult
tplus_moment_read(const char *text, TplusMoment *moment)
{
	const char *p = skip_blanks(text);
	TplusMomentResult result;

	memset(moment, 0, sizeof(*moment));
	result = read_parts(&p, moment);
	if (result == TPLUS_MOMENT_OK && *skip_blanks(p) != '\0')
		result = TPLUS_MOMENT_SYNTAX;
	if (result == TPLUS_MOMENT_OK && !exists(moment))
		result = TPLUS_MOMENT_FIELD;
	moment->is_none = moment->year == 1 && moment->month == 1 &&
		moment->day == 1 && moment->hour == 0 && moment->minute == 0 &&
		moment->second == 0 && moment->microsecond == 0;
	return result;
}
