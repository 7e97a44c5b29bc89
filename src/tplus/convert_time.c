/*-------------------------------------------------------------------------
 *
 * convert_time.c
 *		Dates and times as T+ writes them.
 *
 * PostgreSQL's own input takes words that mean another day tomorrow, names of
 * zones and months that depend on settings, and days that roll over.  So it
 * never sees T+'s text: what tplus/moment.h reads becomes the value, or the
 * ISO text of it where a domain or a precision of the column has its say.
 *
 * A moment without zone is shown by the clocks at the server, and so is every
 * moment in a column without zone.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/convert_time.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "tplus/convert.h"
#include "tplus/moment.h"

#define CHINA_ZONE	(8 * SECS_PER_HOUR)

/* A moment as PostgreSQL takes one apart. */
typedef struct Broken
{
	struct pg_tm tm;
	fsec_t		fsec;			/* microseconds */
	int			zone;			/* seconds west of Greenwich */
} Broken;

static void
break_moment(const TplusMoment *moment, Broken *broken)
{
	memset(broken, 0, sizeof(*broken));
	broken->tm.tm_isdst = -1;
	broken->tm.tm_year = moment->year;
	broken->tm.tm_mon = moment->month;
	broken->tm.tm_mday = moment->day;
	broken->tm.tm_hour = moment->hour;
	broken->tm.tm_min = moment->minute;
	broken->tm.tm_sec = moment->second;
	broken->fsec = moment->microsecond;
	broken->zone = -moment->zone;
}

/* All types have the years that a moment can have. */
static Timestamp
join(Broken *broken, int *zone)
{
	Timestamp	result;

	if (tm2timestamp(&broken->tm, broken->fsec, zone, &result) != 0)
		elog(ERROR, "timestamp out of range");
	return result;
}

/*
 * Does the text tell the zone of today's China, and is that the server's?
 * Then it shows the clocks there already, for those that T+ runs on know
 * neither the summer time of earlier years nor the time of the place before.
 */
static bool
is_shown_in_china(const TplusMoment *moment, pg_tz *zone)
{
	struct pg_tm tm = {.tm_year = 2000,.tm_mon = 1,.tm_mday = 1};

	return moment->has_zone && moment->zone == CHINA_ZONE &&
		DetermineTimeZoneOffset(&tm, zone) == -CHINA_ZONE;
}

/*
 * Takes the moment apart as the clocks at the server show it.  A clock without
 * a day has no zone there.
 */
static void
break_at_server(const TplusMoment *moment, pg_tz *zone, Broken *broken)
{
	break_moment(moment, broken);
	if (!moment->has_date)
		return;
	if (!moment->has_zone)
		broken->zone = DetermineTimeZoneOffset(&broken->tm, zone);
	else if (is_shown_in_china(moment, zone))
		broken->tm.tm_isdst = 0;	/* less would mean that no zone is known */
	else if (timestamp2tm(join(broken, &broken->zone), &broken->zone,
						  &broken->tm, &broken->fsec, NULL, zone) != 0)
		elog(ERROR, "timestamp out of range");
}

static DateADT
day_of(const struct pg_tm *tm)
{
	return date2j(tm->tm_year, tm->tm_mon, tm->tm_mday) - POSTGRES_EPOCH_JDATE;
}

bool
tplus_convert_is_time(Oid type)
{
	return type == DATEOID || type == TIMEOID || type == TIMETZOID ||
		type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/* Does the moment tell what the type needs? */
static bool
suffices(const TplusMoment *moment, Oid type)
{
	if (moment->is_none)
		return true;
	switch (type)
	{
		case TIMEOID:
			return moment->has_clock &&
				(moment->has_date || !moment->has_zone);
		case TIMETZOID:
			return moment->has_clock &&
				(moment->has_date || moment->has_zone);
		default:
			return moment->has_date;
	}
}

static TplusMomentResult
read_moment(const TplusConverter *converter, const char *text,
			TplusMoment *moment)
{
	TplusMomentResult result = tplus_moment_read(text, moment);

	if (result == TPLUS_MOMENT_OK && !suffices(moment, converter->basetype))
		result = TPLUS_MOMENT_SYNTAX;
	return result;
}

/* The words of PostgreSQL for what is wrong. */
static bool
fail_moment(const TplusConverter *converter, const char *text,
			TplusMomentResult result, TplusProblem *problem)
{
	Oid			type = converter->basetype;

	if (result == TPLUS_MOMENT_FIELD)
		return tplus_convert_fail(problem, ERRCODE_DATETIME_FIELD_OVERFLOW,
								  "date/time field value out of range: \"%s\"",
								  text);
	if (result == TPLUS_MOMENT_ZONE)
		return tplus_convert_fail(problem,
								  ERRCODE_INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
								  "time zone displacement out of range: \"%s\"",
								  text);
	return tplus_convert_fail(problem, ERRCODE_INVALID_DATETIME_FORMAT,
							  "invalid input syntax for type %s: \"%s\"",
							  type == TIMESTAMPOID ? "timestamp" :
							  type == TIMEOID ? "time" : format_type_be(type),
							  text);
}

/* ISO text, which means the same in every session. */
static char *
print_moment(const TplusConverter *converter, const TplusMoment *moment)
{
	char	   *text = palloc(MAXDATELEN + 1);
	Broken		broken;

	break_at_server(moment, converter->zone, &broken);
	switch (converter->basetype)
	{
		case DATEOID:
			EncodeDateOnly(&broken.tm, USE_ISO_DATES, text);
			break;
		case TIMEOID:
		case TIMETZOID:
			EncodeTimeOnly(&broken.tm, broken.fsec,
						   converter->basetype == TIMETZOID, broken.zone,
						   USE_ISO_DATES, text);
			break;
		default:
			EncodeDateTime(&broken.tm, broken.fsec,
						   converter->basetype == TIMESTAMPTZOID, broken.zone,
						   NULL, USE_ISO_DATES, text);
			break;
	}
	return text;
}

/* The text for the input function; NULL if T+ has no date there. */
static bool
spell(const TplusConverter *converter, const char *text, const char **spelled,
	  TplusProblem *problem)
{
	TplusMoment moment;
	TplusMomentResult result = read_moment(converter, text, &moment);

	if (result != TPLUS_MOMENT_OK)
		return fail_moment(converter, text, result, problem);
	*spelled = moment.is_none ? NULL : print_moment(converter, &moment);
	return true;
}

bool
tplus_convert_spell_time(const TplusConverter *converter,
						 const TplusJson *node, const char **text,
						 TplusProblem *problem)
{
	return tplus_convert_spell_text(converter, node, text, problem) &&
		spell(converter, *text, text, problem);
}

bool
tplus_convert_append_time(const TplusConverter *converter, const char *text,
						  StringInfo spelled, TplusProblem *problem)
{
	const char *element = NULL;

	if (!spell(converter, text, &element, problem))
		return false;

	/* What an array or a range would hold instead, nobody knows. */
	if (element == NULL)
		return fail_moment(converter, text, TPLUS_MOMENT_FIELD, problem);
	appendStringInfoString(spelled, element);
	return true;
}

bool
tplus_convert_time(const TplusConverter *converter, const char *text,
				   Datum *value)
{
	TplusMoment moment;
	Broken		broken;

	if (converter->typmod >= 0 ||
		read_moment(converter, text, &moment) != TPLUS_MOMENT_OK ||
		moment.is_none)
		return false;
	switch (converter->basetype)
	{
		case DATEOID:
			if (moment.has_zone)
				break_at_server(&moment, converter->zone, &broken);
			else
				break_moment(&moment, &broken);
			*value = DateADTGetDatum(day_of(&broken.tm));
			return true;
		case TIMESTAMPOID:
			if (moment.has_zone)
				break_at_server(&moment, converter->zone, &broken);
			else
				break_moment(&moment, &broken);
			*value = TimestampGetDatum(join(&broken, NULL));
			return true;
		case TIMESTAMPTZOID:
			break_moment(&moment, &broken);
			if (!moment.has_zone)
				broken.zone = DetermineTimeZoneOffset(&broken.tm,
													  converter->zone);
			*value = TimestampTzGetDatum(join(&broken, &broken.zone));
			return true;
		default:
			return false;
	}
}

bool
tplus_convert_day(const char *text, pg_tz *zone, int32 *day, bool *has_clock)
{
	TplusMoment moment;
	Broken		broken;

	if (tplus_moment_read(text, &moment) != TPLUS_MOMENT_OK ||
		!moment.has_date || moment.is_none)
		return false;
	break_at_server(&moment, zone, &broken);
	*day = day_of(&broken.tm);
	*has_clock = broken.tm.tm_hour != 0 || broken.tm.tm_min != 0 ||
		broken.tm.tm_sec != 0 || broken.fsec != 0;
	return true;
}
