/*-------------------------------------------------------------------------
 *
 * json.c
 *		Fuzzes the JSON documents over cJSON.
 *
 * What the scan accepts, cJSON must parse; what is printed must parse again,
 * and print the same.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/fuzz/json.c
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include "net/json_text.c"
#include "net/json_scan.c"
#include "net/json_names.c"
#include "net/json_arena.c"
#include "net/json_record.c"
#include "net/json_node.c"
#include "net/json.c"

extern int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void
require(bool condition, const char *what)
{
	if (condition)
		return;
	printf("%s\n", what);
	fflush(stdout);
	abort();
}

/* What is parsed in one pass must be what cJSON makes of it. */
static void
compare(const TplusJson *a, const TplusJson *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
	{
		uint32		len;

		require(a->kind == b->kind, "another kind");
		require((a->text == NULL) == (b->text == NULL) &&
				(a->text == NULL || strcmp(a->text, b->text) == 0),
				"another text");
		require((a->key == NULL) == (b->key == NULL) &&
				(a->key == NULL || strcmp(a->key, b->key) == 0),
				"another key");
		if (tplus_json_plain(a, &len))
			require(len == strlen(a->text) &&
					tplus_json_is_utf8(a->text, len) &&
					strstr(a->text, TPLUS_JSON_NUL) == NULL, "not plain");
		compare(a->child, b->child);
	}
	require(a == NULL && b == NULL, "another number of nodes");
}

/* Uses everything that a reader of a document uses. */
static void
look_around(const TplusJson *node)
{
	const TplusJson *child;
	int			n = 0;

	require(tplus_json_kind(node) != TPLUS_JSON_MISSING, "a missing node");
	if (tplus_json_text(node) != NULL)
		require(strlen(tplus_json_text(node)) < SIZE_MAX, "no text");
	for (child = tplus_json_first(node); child != NULL;
		 child = tplus_json_next(child))
	{
		const char *key = tplus_json_key(child);
		bool		duplicate = false;

		n++;
		if (key != NULL && n < 20)
		{
			const TplusJson *found = tplus_json_get(node, key, &duplicate);

			require(found == child || duplicate, "a key leads elsewhere");
			tplus_json_get_nocase(node, key);
			tplus_json_path(node, key);
		}
		look_around(child);
	}
	require(tplus_json_length(node) == n, "a wrong length");
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	TplusJsonArena *arena = tplus_json_arena_create(NULL);
	const char *problem = NULL;
	size_t		offset = 0;
	TplusJson  *root;
	StringInfoData first;
	StringInfoData second;

	/* Twice, so that the keys are those that are expected. */
	for (int i = 0; i < 2; i++)
	{
		root = tplus_json_parse_record(arena, (const char *) data, size);
		if (root != NULL)
			compare(root, tplus_json_parse_any(arena, (const char *) data,
											   size, &problem, &offset));
	}
	root = tplus_json_parse(arena, (const char *) data, size, &problem,
							&offset);
	if (root == NULL)
	{
		require(problem != NULL && offset <= size, "no problem");
		require(strcmp(problem, "invalid JSON") != 0, "cJSON refused it");
	}
	else
	{
		look_around(root);
		initStringInfo(&first);
		initStringInfo(&second);
		if (tplus_json_print(root, &first))
		{
			root = tplus_json_parse(arena, first.data, first.len, &problem,
									&offset);
			require(root != NULL, "what was printed cannot be parsed");
			require(tplus_json_print(root, &second) &&
					strcmp(first.data, second.data) == 0,
					"it prints otherwise");
		}
	}
	tplus_json_arena_reset(arena);
	heap_reset();
	return 0;
}
