/*-------------------------------------------------------------------------
 *
 * lookup_scan.h
 *		Which members of a record are spelled like what is looked for.
 *
 * Serves the lookup (lookup.h), which knows what a spelling leads to.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/lookup_scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_LOOKUP_SCAN_H
#define TPLUS_LOOKUP_SCAN_H

#include "postgres.h"

#include "net/json.h"

typedef struct TplusSpelling
{
	const char *key;			/* of the member, UTF-8 */
	uint32		hash;			/* of key in lower case */
	int			next;			/* in the same bucket; -1: none */
	int			number;			/* of the key in a regular record; 0: none */

	/* What the scanned record has of it, if it has its stamp. */
	uint64		stamp;
	int			nexact;
	int			nloose;			/* equal but for case */
	TplusJson  *exact;			/* the first one */
	TplusJson  *loose;
} TplusSpelling;

/* A spelling that a numbered key has. */
typedef struct TplusSpellingMatch
{
	int			spelling;
	bool		is_exact;
	int			next;			/* of the same key; -1: none */
} TplusSpellingMatch;

typedef struct TplusLookupScan
{
	MemoryContext context;
	int			nspellings;
	TplusSpelling *spellings;
	uint32		mask;			/* number of buckets - 1 */
	int		   *buckets;		/* first spelling; -1: none */
	bool		initial[256];	/* first bytes, lower case, of all spellings */

	/* What is known of the keys with a number. */
	uint64		names_id;		/* whose numbers they are */
	int			names_count;	/* so many there were */
	int			nfirst;
	int		   *first;			/* match of a number, -1: none, -2: not known */
	int			nmatches;
	int			max_matches;
	TplusSpellingMatch *matches;

	const TplusJson *record;
	const TplusJsonNames *names;	/* NULL: the record is not regular */
	uint64		stamp;			/* of the record, if it was scanned */
	bool		is_scanned;
} TplusLookupScan;

/* Prepares for so many spellings, in the current context. */
extern void tplus_lookup_scan_init(TplusLookupScan *scan, int nspellings);

/* Enters another spelling. */
extern void tplus_lookup_scan_add(TplusLookupScan *scan, const char *key);

/* Turns to a record. */
extern void tplus_lookup_scan_begin(TplusLookupScan *scan,
									const TplusJson *record);

/*
 * Fills what the spellings tell of the record, unless that was done.  Throws
 * 53200 only.
 */
extern void tplus_lookup_scan_members(TplusLookupScan *scan);

/*
 * Can members be found by the numbers of their keys?  Not any more once the
 * arena of the record has another one.
 */
static inline bool
tplus_lookup_scan_is_regular(const TplusLookupScan *scan)
{
	return scan->names != NULL && scan->names->record == scan->record;
}

/* Are they equal but for the case of ASCII letters? */
extern bool tplus_lookup_equal(const char *a, const char *b);

#endif							/* TPLUS_LOOKUP_SCAN_H */
