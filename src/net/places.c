/*-------------------------------------------------------------------------
 *
 * places.c
 *		Where in a response the array of rows may be.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/places.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/places.h"

#include <string.h>

#include "net/json_text.h"

/* Longest key with escapes that is compared with those of a path. */
#define MAX_ESCAPED_KEY 256

/*
 * What the operations answer with, in T+'s spelling and in that of the
 * gateways in front of it, as such and within the wrappers seen around other
 * replies (docs/protocol.md, sections 3.1, 4.2, 5.3 and 5.4).  An array
 * anywhere else (columns, errors) belongs to the envelope.
 */
static const char *const known_paths[] = {
	".",
	"Data", "data", "Rows", "rows",
	"Data.Rows", "Data.rows", "Data.Data",
	"data.Rows", "data.rows", "data.Data", "data.data",
	"DataSource.Rows", "data.DataSource.Rows", "result.DataSource.Rows",
	"result", "Result", "value", "Value",
	"result.Rows", "result.rows", "result.Data", "result.data",
	"result.data.Rows", "Result.Rows", "Result.Data",
	"value.Rows", "value.rows", "value.Data", "value.data",
};

#define N_KNOWN		(sizeof(known_paths) / sizeof(known_paths[0]))

/* Fails to compile if there are more known places than bits. */
typedef char known_paths_fit[N_KNOWN <= TPLUS_PLACES_MAX ? 1 : -1];

const TplusPlaces tplus_places_known = {known_paths, N_KNOWN};

TplusPlaceSet
tplus_places_all(const TplusPlaces *places)
{
	return ~(TplusPlaceSet) 0 >> (TPLUS_PLACES_MAX - places->npaths);
}

/*
 * The key at a level of a path: "Rows" at level 1 of "data.Rows".  NULL if
 * the path ends before.
 */
static const char *
key_at(const char *path, int level, size_t *len)
{
	if (strcmp(path, ".") == 0)
		return NULL;
	for (int i = 0; i < level; i++)
	{
		path = strchr(path, '.');
		if (path == NULL)
			return NULL;
		path++;
	}
	*len = strcspn(path, ".");
	return path;
}

/*
 * Decodes the escapes of a key.  Returns its length, or a length that no key
 * of a path has if it is long or an escape is none.
 */
static size_t
decode_key(const char *key, size_t len, char *plain)
{
	size_t		plain_len = 0;

	while (len > 0)
	{
		int			out_len = 1;
		int			used = 1;

		if (plain_len > MAX_ESCAPED_KEY - 4)
			return SIZE_MAX;
		if (*key == '\\')
			used = tplus_json_unescape(key, len, plain + plain_len, &out_len);
		else
			plain[plain_len] = *key;
		if (used <= 0)
			return SIZE_MAX;
		plain_len += (size_t) out_len;
		key += used;
		len -= (size_t) used;
	}
	return plain_len;
}

TplusPlaceSet
tplus_places_below(const TplusPlaces *places, TplusPlaceSet way, int level,
				   const char *key, size_t len)
{
	TplusPlaceSet result = 0;
	char		plain[MAX_ESCAPED_KEY];

	if (way == 0)
		return 0;
	if (memchr(key, '\\', len) != NULL)
	{
		len = decode_key(key, len, plain);
		key = plain;
	}
	for (size_t i = 0; i < places->npaths; i++)
	{
		TplusPlaceSet bit = (TplusPlaceSet) 1 << i;
		const char *wanted;
		size_t		wanted_len;

		if ((way & bit) == 0)
			continue;
		wanted = key_at(places->paths[i], level, &wanted_len);
		if (wanted != NULL && wanted_len == len &&
			memcmp(wanted, key, len) == 0)
			result |= bit;
	}
	return result;
}

const char *
tplus_places_here(const TplusPlaces *places, TplusPlaceSet way, int level)
{
	size_t		len;

	for (size_t i = 0; i < places->npaths; i++)
	{
		if ((way & ((TplusPlaceSet) 1 << i)) != 0 &&
			key_at(places->paths[i], level, &len) == NULL)
			return places->paths[i];
	}
	return NULL;
}
