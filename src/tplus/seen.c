/*-------------------------------------------------------------------------
 *
 * seen.c
 *		The keys that a scan has seen, 32 bytes each.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/seen.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "tplus/seen.h"

#define SH_PREFIX			seenkeys
#define SH_ELEMENT_TYPE		TplusSeenKey
#define SH_KEY_TYPE			TplusKeyHash
#define SH_KEY				hash
#define SH_HASH_KEY(tb, key)	((uint32) (key).part[0])
#define SH_EQUAL(tb, a, b)	(memcmp(&(a), &(b), sizeof(TplusKeyHash)) == 0)
#define SH_SCOPE			static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Two seeds make 128 independent bits of one 64-bit hash function. */
#define SEED_A	UINT64CONST(0x9E3779B97F4A7C15)
#define SEED_B	UINT64CONST(0xC2B2AE3D27D4EB4F)

/* How many keys to make room for at first: more than a page. */
#define INITIAL_KEYS	1024

StaticAssertDecl(sizeof(TplusSeenKey) == 32, "a key takes 32 bytes");

struct TplusSeen
{
	seenkeys_hash *keys;
};

TplusSeen *
tplus_seen_create(MemoryContext context)
{
	TplusSeen  *seen = MemoryContextAlloc(context, sizeof(TplusSeen));

	seen->keys = seenkeys_create(context, INITIAL_KEYS, NULL);
	return seen;
}

static TplusKeyHash
hash_key(const char *key)
{
	TplusKeyHash hash;
	int			len = strlen(key);

	hash.part[0] = hash_bytes_extended((const unsigned char *) key, len, SEED_A);
	hash.part[1] = hash_bytes_extended((const unsigned char *) key, len, SEED_B);
	return hash;
}

TplusSeenKey *
tplus_seen_enter(TplusSeen *seen, const char *key, bool *found)
{
	TplusSeenKey *entry = seenkeys_insert(seen->keys, hash_key(key), found);

	if (!*found)
	{
		entry->version = 0;
		entry->content = 0;
		entry->stamp = 0;
		entry->source = 0;
	}
	return entry;
}

const TplusSeenKey *
tplus_seen_find(const TplusSeen *seen, const char *key)
{
	return seenkeys_lookup(seen->keys, hash_key(key));
}

int64
tplus_seen_count(const TplusSeen *seen)
{
	return seen->keys->members;
}

int64
tplus_seen_bytes(const TplusSeen *seen)
{
	return (int64) seen->keys->size * sizeof(TplusSeenKey);
}
