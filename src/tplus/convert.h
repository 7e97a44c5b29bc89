/*-------------------------------------------------------------------------
 *
 * convert.h
 *		One JSON value to one Datum, as the column's type reads it.
 *
 * Conversion means what the type's own input function means.  In front of it
 * stands only what T+ spells differently: booleans, integers with a fraction
 * of zeros, the empty string for null, and all dates and times.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/convert.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CONVERT_H
#define TPLUS_CONVERT_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "pgtime.h"

#include "net/json.h"

/* Why a value could not be converted, where that is no error. */
typedef struct TplusProblem
{
	int			sqlstate;
	char	   *message;		/* in the database encoding */
} TplusProblem;

typedef struct TplusConvertKind TplusConvertKind;

/* One column's conversion, prepared. */
typedef struct TplusConverter
{
	const char *column;			/* its name, for messages */
	Oid			type;
	int32		typmod;
	Oid			basetype;		/* of a domain; otherwise the type */
	FmgrInfo	input;
	Oid			ioparam;
	const TplusConvertKind *kind;
	bool		is_string;		/* "" is a value */
	bool		is_direct;		/* the kind's way past the spelling may be
								 * taken: the type is no domain */
	pg_tz	   *zone;			/* of times without zone */
	Oid			recode;			/* from UTF-8; InvalidOid: no need to */
} TplusConverter;

/*
 * Prepares the conversion to a column of this type.  column must stay valid;
 * what the input function caches goes to the current context.  zone is what
 * tplus_convert_zone returned.
 */
extern void tplus_convert_init(TplusConverter *converter, const char *column,
							   Oid type, int32 typmod, pg_tz *zone);

/* The time zone of this name; throws 22023 if there is none. */
extern pg_tz *tplus_convert_zone(const char *name);

/*
 * Converts a value; node may be NULL for a missing one.  The Datum lives in
 * the current context.  With problem NULL, throws what the input function
 * throws; otherwise returns false and fills *problem.  Memory, cancel and
 * what is wrong with the type itself are thrown in any case.
 */
extern bool tplus_convert_node(TplusConverter *converter,
							   const TplusJson *node, TplusProblem *problem,
							   Datum *value, bool *isnull);

/* T+'s spellings of a boolean; returns false if it is none. */
extern bool tplus_convert_bool(const TplusJson *node, bool *value);

/*
 * The day (as DateADT) of a date of T+, and whether it has a time of day other
 * than midnight.  zone as for tplus_convert_init().  False if it is none.
 */
extern bool tplus_convert_day(const char *text, pg_tz *zone, int32 *day,
							  bool *has_clock);

/*
 * Foreign UTF-8 in the database encoding, palloc'd; NULL if it is none, or has
 * a character that the encoding lacks.
 */
extern char *tplus_convert_foreign(const char *utf8);

/*
 * Foreign text to be repeated in a message: about max_bytes of it, in the
 * database encoding, "?" for each character that this lacks, a blank for each
 * that controls a terminal.  Palloc'd.
 */
extern char *tplus_convert_show(const TplusConverter *converter,
								const char *utf8, int max_bytes);

/* The same for a value: the text of a scalar, JSON text of what holds more. */
extern char *tplus_convert_show_node(const TplusConverter *converter,
									 const TplusJson *node, int max_bytes);

/*
 * What follows is shared among the files of this room.
 *
 * A spell function tells what text the input function is given: in the
 * database encoding, and maybe the node's own memory.
 */

/* Throws, or fills *problem; returns false. */
extern bool tplus_convert_fail(TplusProblem *problem, int sqlstate,
							   const char *format,...) pg_attribute_printf(3, 4);

extern bool tplus_convert_spell_text(const TplusConverter *converter,
									 const TplusJson *node, const char **text,
									 TplusProblem *problem);
extern bool tplus_convert_spell_json(const TplusConverter *converter,
									 const TplusJson *node, const char **text,
									 TplusProblem *problem);

/*
 * The ISO text of what T+ means by a date or a time (tplus/moment.h); NULL,
 * and null, where it means that there is none.
 */
extern bool tplus_convert_spell_time(const TplusConverter *converter,
									 const TplusJson *node, const char **text,
									 TplusProblem *problem);

/*
 * The same for one element, behind what was spelled before; the converter's
 * basetype is its type.
 */
extern bool tplus_convert_append_time(const TplusConverter *converter,
									  const char *text, StringInfo spelled,
									  TplusProblem *problem);

/*
 * The same for the parts of arrays, ranges and rows that are dates or times;
 * the text around them stays.  Not inside of arrays of rows.
 */
extern bool tplus_convert_spell_nest(const TplusConverter *converter,
									 const TplusJson *node, const char **text,
									 TplusProblem *problem);

/* Is or holds the type any? */
extern bool tplus_convert_is_time(Oid type);
extern bool tplus_convert_holds_time(Oid type);

/*
 * The shortcut past the input functions of date, timestamp and timestamptz:
 * false if the text needs them, is wrong or means null.
 */
extern bool tplus_convert_time(const TplusConverter *converter,
							   const char *text, Datum *value);

/* Calls the input function such that a value it refuses is a problem. */
extern bool tplus_convert_soft_input(TplusConverter *converter, char *text,
									 TplusProblem *problem, Datum *value);

#endif							/* TPLUS_CONVERT_H */
