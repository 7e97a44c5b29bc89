/*-------------------------------------------------------------------------
 *
 * lookup_scan.c
 *		Which members of a record are spelled like what is looked for.
 *
 * All spellings of all fields stand in one hash table, keyed without regard
 * to ASCII case.  One walk over the members of a record then finds every
 * field, and also every key that occurs twice: asking the record for each
 * field would cost the product of the two, and a remembered position would
 * miss a second occurrence.  Keys that have a number (net/json) are looked up
 * once; what they are spellings of is remembered by their number.
 *
 * In a regular record each member is found by its number, and there is none
 * twice: then the walk is only needed for what is not there as it is spelled.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/lookup_scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "tplus/lookup_scan.h"

static uint32
hash_folded(const char *key)
{
	uint32		hash = 2166136261u;

	for (; *key; key++)
		hash = (hash ^ pg_ascii_tolower((unsigned char) *key)) * 16777619u;
	return hash ^ (hash >> 15);
}

bool
tplus_lookup_equal(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
	{
		if (pg_ascii_tolower((unsigned char) *a) !=
			pg_ascii_tolower((unsigned char) *b))
			return false;
	}
	return *a == *b;
}

void
tplus_lookup_scan_init(TplusLookupScan *scan, int nspellings)
{
	scan->context = CurrentMemoryContext;
	scan->spellings = palloc0(sizeof(TplusSpelling) * nspellings);
	scan->mask = pg_nextpower2_32(2 * nspellings) - 1;
	scan->buckets = palloc(sizeof(int) * (scan->mask + 1));
	memset(scan->buckets, -1, sizeof(int) * (scan->mask + 1));
}

void
tplus_lookup_scan_add(TplusLookupScan *scan, const char *key)
{
	int			index = scan->nspellings++;
	TplusSpelling *spelling = &scan->spellings[index];
	int		   *bucket;

	spelling->key = key;
	spelling->hash = hash_folded(key);
	bucket = &scan->buckets[spelling->hash & scan->mask];
	spelling->next = *bucket;
	*bucket = index;
	scan->initial[pg_ascii_tolower((unsigned char) *key)] = true;
}

/* Records with other numbers come, or there are more of them. */
static void
learn_numbers(TplusLookupScan *scan, const TplusJsonNames *names)
{
	if (names->id != scan->names_id)
	{
		scan->nfirst = 0;
		scan->nmatches = 0;
	}
	scan->names_id = names->id;
	scan->names_count = names->count;
	for (int i = 0; i < scan->nspellings; i++)
		scan->spellings[i].number =
			tplus_json_names_number(names, scan->spellings[i].key);
}

void
tplus_lookup_scan_begin(TplusLookupScan *scan, const TplusJson *record)
{
	const TplusJsonNames *names = tplus_json_names(record);

	scan->record = record;
	scan->is_scanned = false;
	scan->names = NULL;
	if (names == NULL)
		return;
	if (names->id != scan->names_id || names->count != scan->names_count)
		learn_numbers(scan, names);
	if (names->regular && names->record == record)
		scan->names = names;
}

/* The record has this spelling. */
static inline void
note_member(TplusLookupScan *scan, TplusSpelling *spelling, bool is_exact,
			TplusJson *member)
{
	if (spelling->stamp != scan->stamp)
	{
		spelling->stamp = scan->stamp;
		spelling->nexact = 0;
		spelling->nloose = 0;
	}
	if (is_exact)
	{
		if (spelling->nexact++ == 0)
			spelling->exact = member;
	}
	else if (spelling->nloose++ == 0)
		spelling->loose = member;
}

/*
 * The next spelling at or after this one of a bucket's list that a key has;
 * -1 if there is none.
 */
static int
next_spelling(const TplusLookupScan *scan, int index, const char *key,
			  uint32 hash, bool *is_exact)
{
	for (; index >= 0; index = scan->spellings[index].next)
	{
		const TplusSpelling *spelling = &scan->spellings[index];

		if (spelling->hash != hash)
			continue;
		*is_exact = strcmp(spelling->key, key) == 0;
		if (*is_exact || tplus_lookup_equal(spelling->key, key))
			break;
	}
	return index;
}

/* Notes a member by its key. */
static void
note_by_key(TplusLookupScan *scan, TplusJson *member)
{
	const char *key = tplus_json_key(member);
	bool		is_exact;
	uint32		hash;
	int			i;

	if (!scan->initial[pg_ascii_tolower((unsigned char) *key)])
		return;
	hash = hash_folded(key);
	i = scan->buckets[hash & scan->mask];
	while ((i = next_spelling(scan, i, key, hash, &is_exact)) >= 0)
	{
		TplusSpelling *spelling = &scan->spellings[i];

		note_member(scan, spelling, is_exact, member);
		i = spelling->next;
	}
}

/* Makes room for what is known of the keys up to this number. */
static void
reserve_names(TplusLookupScan *scan, int name)
{
	int			nfirst = Max(64, pg_nextpower2_32(name + 1));

	if (scan->first == NULL)
		scan->first = MemoryContextAlloc(scan->context,
										 sizeof(int) * nfirst);
	else
		scan->first = repalloc(scan->first, sizeof(int) * nfirst);
	for (int i = scan->nfirst; i < nfirst; i++)
		scan->first[i] = -2;
	scan->nfirst = nfirst;
}

/* Finds the spellings that a key has, and remembers them by its number. */
static void
learn_name(TplusLookupScan *scan, int name, const char *key)
{
	uint32		hash = hash_folded(key);
	int			i = scan->buckets[hash & scan->mask];
	bool		is_exact;

	scan->first[name] = -1;
	while ((i = next_spelling(scan, i, key, hash, &is_exact)) >= 0)
	{
		TplusSpellingMatch *match;

		if (scan->nmatches == scan->max_matches)
		{
			int			size = Max(64, scan->max_matches * 2);

			scan->matches = scan->matches == NULL ?
				MemoryContextAlloc(scan->context, sizeof(TplusSpellingMatch) * size) :
				repalloc(scan->matches, sizeof(TplusSpellingMatch) * size);
			scan->max_matches = size;
		}
		match = &scan->matches[scan->nmatches];
		match->spelling = i;
		match->is_exact = is_exact;
		match->next = scan->first[name];
		scan->first[name] = scan->nmatches++;
		i = scan->spellings[i].next;
	}
}

void
tplus_lookup_scan_members(TplusLookupScan *scan)
{
	bool		is_numbered = tplus_json_names(scan->record) != NULL;
	TplusJson  *member = NULL;

	if (scan->is_scanned)
		return;
	scan->stamp++;
	if (tplus_json_kind(scan->record) == TPLUS_JSON_OBJECT)
		member = tplus_json_first(scan->record);
	for (; member != NULL; member = tplus_json_next(member))
	{
		int			name = tplus_json_name(member);
		int			i;

		if (!is_numbered || name == 0)
		{
			note_by_key(scan, member);
			continue;
		}
		if (name >= scan->nfirst)
			reserve_names(scan, name);
		if (scan->first[name] == -2)
			learn_name(scan, name, tplus_json_key(member));
		for (i = scan->first[name]; i >= 0; i = scan->matches[i].next)
		{
			const TplusSpellingMatch *match = &scan->matches[i];

			note_member(scan, &scan->spellings[match->spelling],
						match->is_exact, member);
		}
	}
	scan->is_scanned = true;
}
