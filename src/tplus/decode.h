/*-------------------------------------------------------------------------
 *
 * decode.h
 *		JSON record to Datums, with the column named in every error.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/decode.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_DECODE_H
#define TPLUS_DECODE_H

#include "postgres.h"

#include "access/tupdesc.h"

#include "base/option.h"
#include "net/json.h"

/* The two fields that are no fields of T+. */
#define TPLUS_FIELD_RECORD	"*"
#define TPLUS_FIELD_ERROR	"$error"

/* One column to fill. */
typedef struct TplusDecodeColumn
{
	int			attnum;			/* from 1 */
	const char *field;			/* "Code", "InventoryClass.Code", "*" ... */
} TplusDecodeColumn;

typedef struct TplusDecodeSpec
{
	const char *relname;		/* for the error context */
	const TplusAccount *account;	/* its secrets are kept out of errors */
	TupleDesc	tupdesc;		/* of the foreign table */
	int			ncolumns;
	const TplusDecodeColumn *columns;
	const char *timezone;		/* of times without zone */
	bool		error_is_null;	/* on_error = 'null' */
} TplusDecodeSpec;

typedef struct TplusDecoder TplusDecoder;

/*
 * Prepares the conversions, in the current context; the spec and what it
 * points to must stay valid.
 */
extern TplusDecoder *tplus_decode_create(const TplusDecodeSpec *spec);

/*
 * Fills values and nulls (indexed by attnum - 1; columns not in the spec are
 * left alone).  Datums live in the current context, which the caller resets
 * per row.  key_text (may be NULL) and page (from 1) are for the error
 * context: column, key and page are named in every error.  Throws what the
 * column's input function throws (22P02, 22003, 23514, ...), 22P05 for
 * "\u0000" or a character the database encoding lacks, 22021 for invalid
 * UTF-8.  With error_is_null such a value becomes NULL and the column named
 * "$error" tells column, value and message as a jsonb array.
 */
extern void tplus_decode_record(TplusDecoder *decoder, TplusJson *record,
								const char *key_text, int page,
								Datum *values, bool *nulls);

/*
 * Has a whole page passed without this column's field in any record?  Fields
 * that were missing are reported by the caller.  begin_page forgets; missing
 * walks: *index starts at 0, returns NULL after the last.
 */
extern void tplus_decode_begin_page(TplusDecoder *decoder);
extern const char *tplus_decode_missing(TplusDecoder *decoder, int *index);

/*
 * Parses T+'s spellings of a boolean: true, "True", "1", 1, "是" and their
 * opposites.  Returns false if it is none.
 */
extern bool tplus_decode_bool(const TplusJson *node, bool *value);

#endif							/* TPLUS_DECODE_H */
