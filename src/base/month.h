/*-------------------------------------------------------------------------
 *
 * month.h
 *		Requests counted by calendar month, as pure arithmetic.
 *
 * The month is that of China, where T+ is sold and its quotas are counted: it
 * begins at midnight there, UTC+8 without daylight saving, whatever the time
 * zone of a session, a server or T+ itself is set to.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/month.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_MONTH_H
#define TPLUS_MONTH_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Who pays, and for what; all of who pays where the rest is zero. */
typedef struct TplusMonthKey
{
	uint64		payer;			/* 0: a free place */
	Oid			database;
	Oid			server;
	Oid			table;			/* InvalidOid: of the server itself */
} TplusMonthKey;

/* Requests of a month and of the one before. */
typedef struct TplusMonthCount
{
	TplusMonthKey key;
	int32		month;			/* see tplus_month_of() */
	int64		requests;		/* of that month */
	int64		before;			/* of the month before it */
} TplusMonthCount;

/* The month of an instant: its number, counted from January of the year 0. */
extern int32 tplus_month_of(TimestampTz at);

/* The first day of a month, counted from 2000-01-01, as dates are. */
extern int32 tplus_month_first_day(int32 month);

/*
 * Makes it a count of this month.  One of a later month, which a clock that
 * was set back left behind, is added to it rather than lost.
 */
extern void tplus_month_turn(TplusMonthCount *count, int32 month);

/*
 * The count of the key, turned to the month, or a place for it, which it then
 * has: one that is free, or that nobody needs any more, or else that of the
 * table with the oldest count.  NULL if all places are taken by payers of this
 * month and the one before.
 */
extern TplusMonthCount *tplus_month_find(TplusMonthCount *counts, int n,
										 const TplusMonthKey *key,
										 int32 month);

#endif							/* TPLUS_MONTH_H */
