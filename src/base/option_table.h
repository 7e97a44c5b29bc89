/*-------------------------------------------------------------------------
 *
 * option_table.h
 *		The one table of everything that is known of an option.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/option_table.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_OPTION_TABLE_H
#define TPLUS_OPTION_TABLE_H

#include "postgres.h"

typedef enum TplusOptionKind
{
	TPLUS_KIND_STRING,
	TPLUS_KIND_BOOL,
	TPLUS_KIND_INT,
	TPLUS_KIND_REAL,
	TPLUS_KIND_ENUM,					/* value: index into values, as int */
	TPLUS_KIND_CHOICE,				/* value: is it the second of two, as bool */
	TPLUS_KIND_TIMEZONE,
	TPLUS_KIND_JSON_OBJECT,
	TPLUS_KIND_VARIANTS,				/* "auto", "none" or a JSON array */
	TPLUS_KIND_FILE					/* the string's value stands in this file */
} TplusOptionKind;

typedef struct TplusOption
{
	const char *name;
	Oid			catalog;		/* of the object that it belongs to */
	TplusOptionKind kind;
	size_t		offset;			/* of its value in the resolved struct */
	double		min;			/* for INT and REAL */
	double		max;
	const char *const *values;	/* for ENUM and CHOICE, NULL-terminated */
	const char *default_value;	/* NULL: none */
	bool		secret;
	bool		superuser;		/* only a superuser may set it */
	const char *help;
} TplusOption;

/* The table, and how many rows it has. */
extern const TplusOption tplus_options[];
extern const int tplus_noptions;

/* Names of kinds, for documentation; indexed by TplusOptionKind. */
extern const char *const tplus_option_kinds[];

/* The values of option auth, indexed by TplusAuth. */
extern const char *const tplus_auth_values[];

/* "server", "user mapping", ...: whose options a catalog holds. */
extern const char *tplus_option_object(Oid catalog);

/* The option of this object with exactly this name, or NULL. */
extern const TplusOption *tplus_option_find(const char *name, Oid catalog);

#endif							/* TPLUS_OPTION_TABLE_H */
