/*-------------------------------------------------------------------------
 *
 * json_node.c
 *		Looking into a JSON tree, and printing it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_node.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/json.h"

#include "base/compat.h"
#include "net/json_node.h"

TplusJson *
tplus_json_get(const TplusJson *object, const char *key, bool *duplicate)
{
	TplusJson  *found = NULL;

	if (tplus_json_kind(object) != TPLUS_JSON_OBJECT)
		return NULL;
	for (TplusJson *node = object->child; node != NULL; node = node->next)
	{
		/* Most keys differ in their first byte. */
		if (node->key[0] != key[0] || strcmp(node->key, key) != 0)
			continue;
		if (duplicate == NULL)
			return node;
		if (found != NULL)
		{
			*duplicate = true;
			return found;
		}
		found = node;
	}
	return found;
}

/* Are the keys equal but for the case of ASCII letters? */
static bool
equal_nocase(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++)
	{
		char		x = *a >= 'A' && *a <= 'Z' ? *a + ('a' - 'A') : *a;
		char		y = *b >= 'A' && *b <= 'Z' ? *b + ('a' - 'A') : *b;

		if (x != y)
			return false;
	}
	return *a == *b;
}

TplusJson *
tplus_json_get_nocase(const TplusJson *object, const char *key)
{
	TplusJson  *found = NULL;

	if (tplus_json_kind(object) != TPLUS_JSON_OBJECT)
		return NULL;
	for (TplusJson *node = object->child; node != NULL; node = node->next)
	{
		if (!equal_nocase(node->key, key))
			continue;
		if (found != NULL)
			return NULL;
		found = node;
	}
	return found;
}

TplusJson *
tplus_json_path(const TplusJson *node, const char *path)
{
	const TplusJson *here = node;

	for (;;)
	{
		size_t		len = strcspn(path, ".");
		const TplusJson *child;

		if (tplus_json_kind(here) != TPLUS_JSON_OBJECT)
			return NULL;
		for (child = here->child; child != NULL; child = child->next)
		{
			if (strncmp(child->key, path, len) == 0 &&
				child->key[len] == '\0')
				break;
		}
		if (child == NULL || path[len] == '\0')
			return unconstify(TplusJson *, child);
		here = child;
		path += len + 1;
	}
}

int
tplus_json_length(const TplusJson *node)
{
	int			length = 0;

	for (node = tplus_json_first(node); node != NULL; node = node->next)
		length++;
	return length;
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static bool
has_duplicate_key(const TplusJson *object)
{
	int			length = tplus_json_length(object);
	const char **keys;
	int			n = 0;
	bool		duplicate = false;

	if (length < 2)
		return false;
	keys = palloc_extended(length * sizeof(char *), MCXT_ALLOC_HUGE);
	for (const TplusJson *node = object->child; node; node = node->next)
		keys[n++] = node->key;
	qsort(keys, n, sizeof(char *), compare_keys);
	for (int i = 1; i < n && !duplicate; i++)
		duplicate = strcmp(keys[i - 1], keys[i]) == 0;
	pfree(keys);
	return duplicate;
}

/* Appends a string; returns false, having appended nothing, for a NUL. */
static bool
print_string(const char *string, StringInfo out)
{
	if (strstr(string, TPLUS_JSON_NUL) != NULL)
		return false;
	escape_json(out, string);
	return true;
}

static bool
print_children(const TplusJson *node, StringInfo out)
{
	bool		is_object = node->kind == TPLUS_JSON_OBJECT;

	if (is_object && has_duplicate_key(node))
		return false;
	appendStringInfoChar(out, is_object ? '{' : '[');
	for (node = node->child; node != NULL; node = node->next)
	{
		if (is_object)
		{
			if (!print_string(node->key, out))
				return false;
			appendStringInfoChar(out, ':');
		}
		if (!tplus_json_print(node, out))
			return false;
		if (node->next != NULL)
			appendStringInfoChar(out, ',');
	}
	appendStringInfoChar(out, is_object ? '}' : ']');
	return true;
}

bool
tplus_json_print(const TplusJson *node, StringInfo out)
{
	switch (tplus_json_kind(node))
	{
		case TPLUS_JSON_ARRAY:
		case TPLUS_JSON_OBJECT:
			return print_children(node, out);
		case TPLUS_JSON_STRING:
			return print_string(node->text, out);
		case TPLUS_JSON_MISSING:
			return true;
		default:
			appendStringInfoString(out, tplus_json_text(node));
			return true;
	}
}

struct varlena *
tplus_json_packed(const TplusJson *node)
{
	/* The opening quote gives its place to the header. */
	char	   *header = unconstify(char *, node->text) - 1;

	Assert(node->kind == TPLUS_JSON_STRING && node->plain);
	if (node->len + VARHDRSZ_SHORT > VARATT_SHORT_MAX)
		return NULL;
	SET_VARSIZE_SHORT(header, node->len + VARHDRSZ_SHORT);
	return (struct varlena *) header;
}
