/*-------------------------------------------------------------------------
 *
 * day.c
 *		The day, in T+'s calendar, that a date or a time of SQL falls on.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/day.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "tplus/day.h"

bool
tplus_day_is_type(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/* The day of an instant in a zone. */
static bool
instant_to_day(TimestampTz instant, pg_tz *zone, int32 *day)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (TIMESTAMP_NOT_FINITE(instant) ||
		timestamp2tm(instant, &offset, &tm, &fsec, NULL, zone) != 0)
		return false;
	*day = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* The day of a time without zone. */
static bool
local_to_day(Timestamp local, int32 *day)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(local) ||
		timestamp2tm(local, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	*day = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* Can T+ spell the day?  One is left at both ends for widening. */
static bool
is_spellable(int32 day)
{
	return day > date2j(1, 1, 3) - POSTGRES_EPOCH_JDATE &&
		day < date2j(9999, 12, 29) - POSTGRES_EPOCH_JDATE;
}

/* The instant that PostgreSQL takes a date or a timestamp for. */
static bool
to_instant(Datum value, Oid type, TimestampTz *instant)
{
	TPLUS_INSTANT_STATE;

	if (type == DATEOID)
		*instant = tplus_date_to_instant(DatumGetDateADT(value));
	else
		*instant = tplus_timestamp_to_instant(DatumGetTimestamp(value));
	return !TPLUS_INSTANT_FAILED;
}

bool
tplus_day_of(Datum value, Oid value_type, Oid column_type,
			 const char *timezone, int32 *day)
{
	bool		found;

	if (column_type == TIMESTAMPTZOID)
	{
		TimestampTz instant;

		if (value_type == TIMESTAMPTZOID)
			instant = DatumGetTimestampTz(value);
		else if ((value_type == DATEOID &&
				  DATE_NOT_FINITE(DatumGetDateADT(value))) ||
				 !to_instant(value, value_type, &instant))
			return false;
		found = instant_to_day(instant, pg_tzset(timezone), day);
	}
	else if (value_type == TIMESTAMPTZOID)
		found = instant_to_day(DatumGetTimestampTz(value), session_timezone,
							   day);
	else if (value_type == TIMESTAMPOID)
		found = local_to_day(DatumGetTimestamp(value), day);
	else
	{
		*day = DatumGetDateADT(value);
		found = !DATE_NOT_FINITE(*day);
	}
	return found && is_spellable(*day);
}

char *
tplus_day_text(int32 day)
{
	int			year;
	int			month;
	int			mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return psprintf("%04d-%02d-%02d", year, month, mday);
}

int32
tplus_day_today(const char *timezone)
{
	int32		day = 0;

	(void) instant_to_day(GetCurrentTimestamp(), pg_tzset(timezone), &day);
	return day;
}
