/*-------------------------------------------------------------------------
 *
 * seen.h
 *		The keys that a scan has seen, in 40 bytes each.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/seen.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_SEEN_H
#define TPLUS_SEEN_H

#include "postgres.h"

/* Of a key's text; 128 bits identify it. */
typedef struct TplusKeyHash
{
	uint64		part[2];
} TplusKeyHash;

/* What is known of one key. */
typedef struct TplusSeenKey
{
	TplusKeyHash hash;
	uint64		version;		/* as returned; 0: none */
	uint32		content;		/* hash of the record as returned; 0: none */
	uint32		stamp:30;		/* the page that had it last */
	uint32		carried:1;		/* did an earlier one of its sweep, too? */
	uint32		source:1;		/* the operation that content came from */
} TplusSeenKey;

typedef struct TplusSeen TplusSeen;

/* An empty set in context. */
extern TplusSeen *tplus_seen_create(MemoryContext context);

/*
 * The entry of this key, made if it is new (*found is false then, and all but
 * the hash is zero).
 */
extern TplusSeenKey *tplus_seen_enter(TplusSeen *seen, const char *key,
									  bool *found);

/* The entry of this key, NULL if there is none. */
extern const TplusSeenKey *tplus_seen_find(const TplusSeen *seen,
										   const char *key);

/* How many keys there are. */
extern int64 tplus_seen_count(const TplusSeen *seen);

/* Bytes of memory that the set uses. */
extern int64 tplus_seen_bytes(const TplusSeen *seen);

#endif							/* TPLUS_SEEN_H */
