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
