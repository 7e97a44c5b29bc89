/*-------------------------------------------------------------------------
 *
 * day.h
 *		The day, in T+'s calendar, that a date or a time of SQL falls on.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/day.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_DAY_H
#define TPLUS_DAY_H

#include "postgres.h"

/* Is this date, timestamp or timestamptz? */
extern bool tplus_day_is_type(Oid type);

/*
 * The day (as DateADT) that records must be filed on to compare equal with
 * value, in a column of column_type.  Times are taken in the session's zone
 * as PostgreSQL compares them with date and timestamp columns, and in the
 * server's (timezone) for timestamptz columns.  False if there is no such day
 * that T+ could spell: infinity, BC, after 9999.
 */
extern bool tplus_day_of(Datum value, Oid value_type, Oid column_type,
						 const char *timezone, int32 *day);

/* "YYYY-MM-DD"; palloc'd. */
extern char *tplus_day_text(int32 day);

/* Today in the zone. */
extern int32 tplus_day_today(const char *timezone);

#endif							/* TPLUS_DAY_H */
