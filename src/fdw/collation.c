/*-------------------------------------------------------------------------
 *
 * collation.c
 *		Does a collation sort row versions as they count?
 *
 * Not each does.  Danish sorts "aa" behind "ff", Welsh "dd" behind "df", and
 * an ICU collation can put letters before digits, or compare runs of digits as
 * numbers.  Asked is the collation itself, so this holds for any provider.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/collation.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "fdw/collation.h"

typedef struct CollationEntry
{
	Oid			collation;
	bool		sorts_versions;
} CollationEntry;

static bool
precedes(const char *a, const char *b, Oid collation)
{
	return varstr_cmp(a, (int) strlen(a), b, (int) strlen(b), collation) < 0;
}

/*
 * Each pair of digits, after and before others: that shows the order of the
 * digits, pairs that count as one letter, and runs that count as a number.
 */
static bool
sorts_pairs(Oid collation)
{
	static const char *const frames[] = {"00%02x00", "9a%02xa9"};
	char		before[8];
	char		after[8];
	int			i;
	int			n;

	for (i = 0; i < (int) lengthof(frames); i++)
	{
		for (n = 0; n < 255; n++)
		{
			snprintf(before, sizeof(before), frames[i], n);
			snprintf(after, sizeof(after), frames[i], n + 1);
			if (!precedes(before, after, collation))
				return false;
		}
	}
	return precedes("00009a", "0000a0", collation);
}

bool
tplus_collation_sorts_versions(Oid collation)
{
	static HTAB *entries = NULL;
	CollationEntry *entry;
	bool		sorts;

	if (entries == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(CollationEntry);
		ctl.hcxt = TopMemoryContext;
		entries = hash_create("tplus_fdw collations", 8, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(entries, &collation, HASH_FIND, NULL);
	if (entry)
		return entry->sorts_versions;
	sorts = sorts_pairs(collation);
	entry = hash_search(entries, &collation, HASH_ENTER, NULL);
	entry->sorts_versions = sorts;
	return sorts;
}
