/*-------------------------------------------------------------------------
 *
 * record.h
 *		Taking a record in: its key, its version, and whether it is new.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/record.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_RECORD_H
#define TPLUS_RECORD_H

#include "postgres.h"

#include "base/compat.h"
#include "net/json.h"
#include "tplus/query.h"
#include "tplus/twins.h"

typedef struct TplusRecord
{
	TplusJson  *json;			/* an object; valid until the next record */
	size_t		len;			/* of its text */
	const char *key;			/* as tplus/key spells it, UTF-8; valid as
								 * long */
	bool		generated;		/* was the key made from the content? */
	uint32		twin;			/* number of such a record among those with
								 * its content, from 1; 0: not taken in */
	uint64		version;		/* 0: none */
	const char *version_text;	/* as it came; NULL: none */
	bool		fresh;			/* new to the read: it goes out */
	bool		again;			/* this sweep had it on an earlier page */
	bool		disabled_known;
	bool		disabled;
	const char *unique_value;	/* of the pinned unique field, spelled
								 * likewise; NULL: none */
} TplusRecord;

typedef struct TplusIntake TplusIntake;

/* For one read; in context. */
extern TplusIntake *tplus_intake_create(const TplusQuery *query,
										MemoryContext context);

/*
 * A sweep or a page begins; a page that is sent again after a failure begins
 * with repeated = true.  by_version: a record that comes again within the
 * sweep is the same one, also where it has no key.
 */
extern void tplus_intake_begin_sweep(TplusIntake *intake, bool by_version);
extern void tplus_intake_begin_page(TplusIntake *intake, bool repeated);

/*
 * Parses a record and remembers its key.  source tells operations apart,
 * whose spellings may differ; keys_only: the record holds no more than its
 * key and version.  Returns false, with nothing changed, if it is no JSON
 * object.  Throws for a missing key (unless the table generates one), for a key
 * that two records of one page share, and for one whose record differs though
 * its version does not.
 */
extern bool tplus_intake_take(TplusIntake *intake, const char *text,
							  size_t len, int source, bool keys_only,
							  TplusRecord *record);

/* Throws 08P01, which tells what is wrong with a record that is no object. */
extern void tplus_intake_malformed(TplusIntake *intake, const char *text,
								   size_t len) pg_attribute_noreturn();

/* Parses a record as take() does, but remembers nothing. */
extern void tplus_intake_peek(TplusIntake *intake, const char *text,
							  TplusRecord *record);

/* The version of a record, 0 if it has none; likewise.  Does not throw. */
extern uint64 tplus_intake_version(TplusIntake *intake, const char *text,
								   size_t len);

/* Has the read, or the sweep under way, seen this record's key? */
extern bool tplus_intake_knows(TplusIntake *intake, const TplusRecord *record);
extern bool tplus_intake_sweep_knows(TplusIntake *intake,
									 const TplusRecord *record);

/* The records whose keys were made from their content. */
extern TplusTwins *tplus_intake_twins(TplusIntake *intake);

/* How many keys the read has seen. */
extern int64 tplus_intake_count(const TplusIntake *intake);

/* The highest version seen, 0: none; and its text. */
extern uint64 tplus_intake_max_version(const TplusIntake *intake);

/*
 * The lowest version that was left out because an earlier one of the same
 * record had gone out, 0: none.
 */
extern uint64 tplus_intake_left_out(const TplusIntake *intake);

/*
 * The key and the returned version of the first record that came again with
 * a higher version; false if there is none.
 */
extern bool tplus_intake_edited(const TplusIntake *intake, const char **key,
								uint64 *version);

/* Have all records had their version so far? */
extern bool tplus_intake_all_versioned(const TplusIntake *intake);

/* Bytes used for keys. */
extern int64 tplus_intake_bytes(const TplusIntake *intake);

/* A version as T+ spells it: 16 hex digits; palloc'd. */
extern char *tplus_version_text(uint64 version);

/* Parses 1 to 16 hex digits; false if it is none. */
extern bool tplus_version_parse(const char *text, uint64 *version);

#endif							/* TPLUS_RECORD_H */
