/*-------------------------------------------------------------------------
 *
 * learned.c
 *		What this backend has seen an operation of a server do.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/learned.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "tplus/learned.h"

typedef struct LearnedEntry
{
	uint64		key;			/* of address, application and path */
	TplusLearned learned;
} LearnedEntry;

static HTAB *entries = NULL;

static uint64
hash_text(const char *text, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) text, strlen(text),
							   seed);
}

TplusLearned *
tplus_learned_get(const TplusAccount *account, const char *path)
{
	uint64		key;
	LearnedEntry *entry;
	bool		found;

	if (entries == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(uint64);
		ctl.entrysize = sizeof(LearnedEntry);
		ctl.hcxt = TopMemoryContext;
		entries = hash_create("tplus_fdw learned", 16, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	key = hash_text(account->server.base_url, 0);
	key = hash_text(account->mapping.app_key, key);
	key = hash_text(path, key ^ account->server.serverid);
	entry = hash_search(entries, &key, HASH_ENTER, &found);
	if (!found)
		memset(&entry->learned, 0, sizeof(entry->learned));
	return &entry->learned;
}
