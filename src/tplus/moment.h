/*-------------------------------------------------------------------------
 *
 * moment.h
 *		A date, a time of day or both, as T+ spells them.
 *
 * A grammar of its own, which no setting of a session and no clock changes:
 * there are no words, no names of months, and no order but year, month, day.
 * What it takes is what T+ was seen to send, and what is assumed that others of
 * its versions send (the list stands in moment.c; docs/protocol.md, section 3.4).
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/moment.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_MOMENT_H
#define TPLUS_MOMENT_H

#include "postgres.h"

typedef enum TplusMomentResult
{
	TPLUS_MOMENT_OK,
	TPLUS_MOMENT_SYNTAX,		/* this is no spelling of T+'s */
	TPLUS_MOMENT_FIELD,			/* there is no such day or time of day */
	TPLUS_MOMENT_ZONE			/* no clock is so far from Greenwich */
} TplusMomentResult;

typedef struct TplusMoment
{
	bool		has_date;
	bool		has_clock;
	bool		has_zone;
	bool		is_none;		/* .NET's first moment: T+ has no date there */
	int			year;			/* from 1 */
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			microsecond;
	int			zone;			/* seconds east of Greenwich */
} TplusMoment;

/*
 * Reads a text.  What it does not tell is zero.  Neither allocates nor throws.
 */
extern TplusMomentResult tplus_moment_read(const char *text,
										   TplusMoment *moment);

#endif							/* TPLUS_MOMENT_H */
