/*-------------------------------------------------------------------------
 *
 * json_names.c
 *		The keys that the records of an arena have, numbered.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_names.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "net/json_names.h"

/* How many names to make room for at first: more than most resources have. */
#define INITIAL_NAMES	64

static uint32
hash_key(const char *key, size_t len)
{
	uint32		hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) key[i]) * 16777619u;
	return hash ^ (hash >> 15);
}

/* The bucket of the key, or the empty one where it belongs. */
static uint16 *
find_bucket(const TplusJsonNames *names, const char *key, size_t len,
			uint32 hash)
{
	uint32		mask = 2 * names->size - 1;

	for (uint32 i = hash & mask;; i = (i + 1) & mask)
	{
		uint16	   *bucket = &names->buckets[i];
		const TplusJsonName *name = &names->names[*bucket];

		if (*bucket == 0 ||
			(name->hash == hash && name->quoted_len == len + 3 &&
			 memcmp(name->key, key, len) == 0))
			return bucket;
	}
}

static void
enlarge(TplusJsonNames *names, MemoryContext context)
{
	int			size = Max(names->size * 2, INITIAL_NAMES);
	TplusJsonName *old = names->names;
	uint16	   *buckets;
	TplusJsonName *larger;

	/* Should the second allocation fail, the names are as before. */
	buckets = MemoryContextAllocZero(context, sizeof(uint16) * 2 * size);
	larger = MemoryContextAllocZero(context,
									sizeof(TplusJsonName) * (size + 1));
	if (old != NULL)
	{
		memcpy(larger, old, sizeof(TplusJsonName) * (names->count + 1));
		pfree(old);
		pfree(names->buckets);
	}
	names->names = larger;
	names->buckets = buckets;
	names->size = size;
	for (int i = 1; i <= names->count; i++)
		*find_bucket(names, larger[i].key, larger[i].quoted_len - 3,
					 larger[i].hash) = i;
}

int
tplus_json_names_number(const TplusJsonNames *names, const char *key)
{
	size_t		len = strlen(key);

	return names->size == 0 ? 0 :
		*find_bucket(names, key, len, hash_key(key, len));
}

int
tplus_json_names_find(TplusJsonNames *names, MemoryContext context,
					  const char *key, size_t len)
{
	uint32		hash = hash_key(key, len);
	uint16	   *bucket;
	TplusJsonName *name;
	char	   *quoted;

	if (names->size == 0)
		enlarge(names, context);
	bucket = find_bucket(names, key, len, hash);
	if (*bucket != 0)
		return *bucket;
	if (names->count == TPLUS_JSON_MAX_NAMES || len > TPLUS_JSON_MAX_NAME_LEN)
		return 0;
	if (names->count == names->size)
	{
		enlarge(names, context);
		bucket = find_bucket(names, key, len, hash);
	}

	/* Once as it stands in texts, and once with its end. */
	quoted = MemoryContextAlloc(context, 2 * len + 4);
	quoted[0] = '"';
	memcpy(quoted + 1, key, len);
	memcpy(quoted + len + 1, "\":", 2);
	memcpy(quoted + len + 3, key, len);
	quoted[2 * len + 3] = '\0';

	*bucket = ++names->count;
	name = &names->names[names->count];
	name->quoted = quoted;
	name->quoted_len = len + 3;
	name->hash = hash;
	name->key = quoted + len + 3;
	name->follower = 0;
	return names->count;
}
