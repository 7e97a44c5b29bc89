/*-------------------------------------------------------------------------
 *
 * seen.c
 *		The keys that a scan has seen, in 40 bytes each.
 *
 * A hash table that moves its entries when it grows takes at least three times
 * what they need just then.  Here they stay where they are, in chunks; what is
 * made anew are the heads of the chains that link them by number: 32 bytes of
 * the entry, 4 of its link, and 2 to 4 for the head of a chain.
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
#include "utils/memutils.h"

#include "tplus/seen.h"

/* Two seeds make 128 independent bits of one 64-bit hash function. */
#define SEED_A	UINT64CONST(0x9E3779B97F4A7C15)
#define SEED_B	UINT64CONST(0xC2B2AE3D27D4EB4F)

/* Entries of a chunk. */
#define CHUNK_BITS		10
#define CHUNK_ENTRIES	(1 << CHUNK_BITS)

/* Heads at first, and how many entries a chain has before there are more. */
#define INITIAL_HEADS	512
#define MAX_CHAIN		2

StaticAssertDecl(sizeof(TplusSeenKey) == 32, "an entry takes 32 bytes");

typedef struct SeenChunk
{
	TplusSeenKey entries[CHUNK_ENTRIES];
	uint32		next[CHUNK_ENTRIES];	/* number of an entry of the same
										 * chain, from 1; 0: none */
} SeenChunk;

struct TplusSeen
{
	MemoryContext context;
	uint32		count;
	uint32		mask;			/* number of heads - 1 */
	uint32	   *heads;
	uint32		max_chunks;
	SeenChunk **chunks;
};

TplusSeen *
tplus_seen_create(MemoryContext context)
{
	TplusSeen  *seen = MemoryContextAllocZero(context, sizeof(TplusSeen));

	seen->context = context;
	seen->mask = INITIAL_HEADS - 1;
	seen->heads = MemoryContextAllocZero(context,
										 sizeof(uint32) * INITIAL_HEADS);
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

/* The entry of a number. */
static inline TplusSeenKey *
entry_at(const TplusSeen *seen, uint32 number)
{
	return &seen->chunks[(number - 1) >> CHUNK_BITS]->
		entries[(number - 1) & (CHUNK_ENTRIES - 1)];
}

/* Where the number of what follows it in its chain stands. */
static inline uint32 *
next_at(const TplusSeen *seen, uint32 number)
{
	return &seen->chunks[(number - 1) >> CHUNK_BITS]->
		next[(number - 1) & (CHUNK_ENTRIES - 1)];
}

static TplusSeenKey *
find_entry(const TplusSeen *seen, const TplusKeyHash *hash)
{
	uint32		number = seen->heads[hash->part[0] & seen->mask];

	while (number != 0)
	{
		TplusSeenKey *entry = entry_at(seen, number);

		if (entry->hash.part[0] == hash->part[0] &&
			entry->hash.part[1] == hash->part[1])
			return entry;
		number = *next_at(seen, number);
	}
	return NULL;
}

/* Links an entry into its chain. */
static void
link_entry(TplusSeen *seen, uint32 number)
{
	uint32	   *head;

	head = &seen->heads[entry_at(seen, number)->hash.part[0] & seen->mask];
	*next_at(seen, number) = *head;
	*head = number;
}

/* Makes room for another entry. */
static void
make_room(TplusSeen *seen)
{
	if (seen->count == seen->max_chunks << CHUNK_BITS)
	{
		uint32		n = seen->max_chunks;
		Size		size = sizeof(SeenChunk *) * (n + 1);

		/* The list grows with each chunk; it is a thousandth of that. */
		seen->chunks = seen->chunks == NULL ?
			MemoryContextAlloc(seen->context, size) :
			repalloc_huge(seen->chunks, size);
		seen->chunks[n] = MemoryContextAlloc(seen->context, sizeof(SeenChunk));
		seen->max_chunks++;
	}
	if (seen->count / MAX_CHAIN > seen->mask)
	{
		uint32		nheads = 2 * (seen->mask + 1);
		uint32	   *heads;

		heads = MemoryContextAllocExtended(seen->context,
										   sizeof(uint32) * (Size) nheads,
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		pfree(seen->heads);
		seen->heads = heads;
		seen->mask = nheads - 1;
		for (uint32 number = 1; number <= seen->count; number++)
			link_entry(seen, number);
	}
}

TplusSeenKey *
tplus_seen_enter(TplusSeen *seen, const char *key, bool *found)
{
	TplusKeyHash hash = hash_key(key);
	TplusSeenKey *entry = find_entry(seen, &hash);

	*found = entry != NULL;
	if (entry == NULL)
	{
		make_room(seen);
		seen->count++;
		entry = entry_at(seen, seen->count);
		memset(entry, 0, sizeof(*entry));
		entry->hash = hash;
		link_entry(seen, seen->count);
	}
	return entry;
}

const TplusSeenKey *
tplus_seen_find(const TplusSeen *seen, const char *key)
{
	TplusKeyHash hash = hash_key(key);

	return find_entry(seen, &hash);
}

int64
tplus_seen_count(const TplusSeen *seen)
{
	return seen->count;
}

int64
tplus_seen_bytes(const TplusSeen *seen)
{
	return (int64) seen->max_chunks * sizeof(SeenChunk) +
		((int64) seen->mask + 1) * sizeof(uint32);
}
