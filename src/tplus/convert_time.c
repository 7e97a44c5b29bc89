/*-------------------------------------------------------------------------
 *
 * convert_time.c
 *		Dates and times as T+ writes them.
 *
 * Only the ISO forms, also with slashes, are read here; for any other the
 * caller asks the type's input function.  They mean the same in both.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/convert_time.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "tplus/convert.h"

typedef struct IsoTime
{
	struct pg_tm tm;
	fsec_t		fsec;			/* microseconds */
	bool		has_time;
	bool		has_zone;
	int			zone;			/* seconds west of Greenwich */
} IsoTime;

/*
 * Reads a number of min to max digits at *p, at most limit.
 */
static bool
read_number(const char **p, int min, int max, int limit, int *number)
{
	int			n = 0;

	*number = 0;
	for (; n < max && **p >= '0' && **p <= '9'; n++)
		*number = *number * 10 + *(*p)++ - '0';
	return n >= min && *number <= limit;
}

static bool
skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/*
 * Reads YYYY-MM-DD or YYYY/MM/DD.
 */
static bool
read_date(const char **p, struct pg_tm *tm)
{
	char		separator;

	if (!read_number(p, 4, 4, 9999, &tm->tm_year) || tm->tm_year == 0)
		return false;
	separator = **p;
	return (separator == '-' || separator == '/') &&
		skip(p, separator) &&
		read_number(p, 1, 2, MONTHS_PER_YEAR, &tm->tm_mon) &&
		tm->tm_mon > 0 &&
		skip(p, separator) &&
		read_number(p, 1, 2, day_tab[isleap(tm->tm_year)][tm->tm_mon - 1],
					&tm->tm_mday) &&
		tm->tm_mday > 0;
}

/*
 * Reads HH:MM[:SS[.ffffff]].
 */
static bool
read_clock(const char **p, struct pg_tm *tm, fsec_t *fsec)
{
	if (!read_number(p, 1, 2, 23, &tm->tm_hour) ||
		!skip(p, ':') ||
		!read_number(p, 2, 2, 59, &tm->tm_min))
		return false;
	if (!skip(p, ':'))
		return true;
	if (!read_number(p, 2, 2, 59, &tm->tm_sec))
		return false;
	if (skip(p, '.'))
	{
		const char *start = *p;
		int			fraction;

		if (!read_number(p, 1, 6, 999999, &fraction))
			return false;
		for (int digits = *p - start; digits < 6; digits++)
			fraction *= 10;
		*fsec = fraction;
	}
	return true;
}

/*
 * Reads Z, +HH, +H, +HHMM or +HH:MM.
 */
static bool
read_zone(const char **p, int *zone)
{
	int			hours;
	int			minutes = 0;
	bool		east = **p == '+';

	*zone = 0;
	if (skip(p, 'Z') || skip(p, 'z'))
		return true;
	if (!skip(p, '+') && !skip(p, '-'))
		return false;
	if (!read_number(p, 1, 2, MAX_TZDISP_HOUR, &hours))
		return false;
	if ((skip(p, ':') || (**p >= '0' && **p <= '9')) &&
		!read_number(p, 2, 2, 59, &minutes))
		return false;
	*zone = hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE;
	if (east)
		*zone = -*zone;
	return true;
}

/*
 * Returns false if the text is not in one of the forms above.
 */
static bool
read_iso(const char *text, IsoTime *iso)
{
	const char *p = text;

	memset(iso, 0, sizeof(IsoTime));
	iso->tm.tm_isdst = -1;
	if (!read_date(&p, &iso->tm))
		return false;
	if (*p == '\0')
		return true;

	iso->has_time = true;
	if (!skip(&p, 'T') && !skip(&p, ' '))
		return false;
	if (!read_clock(&p, &iso->tm, &iso->fsec))
		return false;
	if (*p == '\0')
		return true;

	iso->has_zone = true;
	(void) skip(&p, ' ');
	return read_zone(&p, &iso->zone) && *p == '\0';
}

static DateADT
date_of(const struct pg_tm *tm)
{
	return date2j(tm->tm_year, tm->tm_mon, tm->tm_mday) - POSTGRES_EPOCH_JDATE;
}

/*
 * Moves a time with a zone of its own to the server's.  Returns false if that
 * leaves the range of timestamps.
 */
static bool
move_to_zone(IsoTime *iso, pg_tz *zone)
{
	Timestamp	timestamp;
	int			offset;

	if (!iso->has_zone)
		return true;
	return tm2timestamp(&iso->tm, iso->fsec, &iso->zone, &timestamp) == 0 &&
		timestamp2tm(timestamp, &offset, &iso->tm, &iso->fsec, NULL,
					 zone) == 0;
}

/*
 * A date with a time is the date of that moment at the server, which the
 * input function of date would not know.
 */
bool
tplus_convert_spell_date(const TplusConverter *converter,
						 const TplusJson *node, const char **text,
						 TplusProblem *problem)
{
	IsoTime		iso;

	if (!tplus_convert_spell_text(converter, node, text, problem))
		return false;
	if (read_iso(*text, &iso) && iso.has_time &&
		move_to_zone(&iso, converter->zone))
	{
		char	   *date = palloc(MAXDATELEN + 1);

		EncodeDateOnly(&iso.tm, USE_ISO_DATES, date);
		*text = date;
	}
	return true;
}

bool
tplus_convert_date(const TplusConverter *converter, const char *text,
				   Datum *value)
{
	IsoTime		iso;

	if (!read_iso(text, &iso) || iso.has_time)
		return false;
	*value = DateADTGetDatum(date_of(&iso.tm));
	return true;
}

/*
 * Like its input function, timestamp without time zone ignores a zone.
 */
bool
tplus_convert_timestamp(const TplusConverter *converter, const char *text,
						Datum *value)
{
	IsoTime		iso;
	Timestamp	timestamp;

	if (converter->typmod >= 0 || !read_iso(text, &iso) ||
		tm2timestamp(&iso.tm, iso.fsec, NULL, &timestamp) != 0)
		return false;
	*value = TimestampGetDatum(timestamp);
	return true;
}

bool
tplus_convert_timestamptz(const TplusConverter *converter, const char *text,
						  Datum *value)
{
	IsoTime		iso;
	TimestampTz timestamp;

	if (converter->typmod >= 0 || !read_iso(text, &iso))
		return false;
	if (!iso.has_zone)
		iso.zone = DetermineTimeZoneOffset(&iso.tm, converter->zone);
	if (tm2timestamp(&iso.tm, iso.fsec, &iso.zone, &timestamp) != 0)
		return false;
	*value = TimestampTzGetDatum(timestamp);
	return true;
}
