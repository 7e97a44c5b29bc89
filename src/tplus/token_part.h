/*-------------------------------------------------------------------------
 *
 * token_part.h
 *		The table tplus.token_part: long tokens in pieces, and the key of digests.
 *
 * What goes to a TOAST table is read by the members of pg_read_all_data, whom
 * row level security keeps from the table itself.  So a token that is not
 * short is kept in rows of its own, each too short for that.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/token_part.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TOKEN_PART_H
#define TPLUS_TOKEN_PART_H

#include "postgres.h"

#include "access/htup.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

#define TPLUS_TOKEN_KEY_LEN	32

/*
 * Opens a table of schema tplus; throws 42P01 if there is none, 55000 if it
 * is of an older version.
 */
extern Relation tplus_token_part_open(const char *name, int natts,
									  LOCKMODE lockmode);

/*
 * Inserts a row of which logical decoding learns nothing: neither a
 * publication FOR ALL TABLES nor an output plugin shall carry secrets away.
 * An update cannot be hidden, so a row is replaced instead.
 */
extern void tplus_token_part_insert(Relation rel, HeapTuple tuple);

/* False until ALTER EXTENSION UPDATE has made the table of this version. */
extern bool tplus_token_part_exists(void);

/* Copies the key of the digests of this database; throws 55000 without one. */
extern void tplus_token_part_key(uint8 *key);

/* Makes the key unless there is one. */
extern void tplus_token_part_make_key(void);

/* Which token of a pair. */
typedef enum TplusTokenPart
{
	TPLUS_PART_ACCESS,
	TPLUS_PART_REFRESH
} TplusTokenPart;

/* Is the token too long for the row of the pair, and is there another place? */
extern bool tplus_token_part_is_long(const char *token);

/*
 * Stores, reads (palloc'd; secret) and deletes what belongs to the row with
 * this fingerprint.
 */
extern void tplus_token_part_put(Datum fingerprint, TplusTokenPart which,
								 const char *token);
extern char *tplus_token_part_get(Datum fingerprint, TplusTokenPart which);
extern void tplus_token_part_delete(Datum fingerprint);

#endif							/* TPLUS_TOKEN_PART_H */
