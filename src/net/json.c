/*-------------------------------------------------------------------------
 *
 * json.c
 *		JSON documents over cJSON: exact numbers, nodes in an arena.
 *
 * What cJSON parses is a copy in which each number is a 0 (json_scan.c).
 * After the parse the lexemes are handed to the number nodes, in the order of
 * the document.
 *
 * cJSON's hooks have no argument and cannot be read back.  They are set
 * around one call of the parser, which calls nothing but them, and they never
 * throw: what is not to be had is reported after the parser has returned.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <cjson/cJSON.h>

#include "utils/json.h"
#include "utils/memutils.h"

#include "net/json.h"
#include "net/json_scan.h"

/*
 * A record of 40 fields takes about 5 kB of nodes and strings, so that the
 * first block serves nearly all records; pages parsed at once make the blocks
 * grow.  What is larger than a block has one of its own.
 */
#define FIRST_BLOCK_BYTES	((size_t) 32 * 1024)
#define MAX_BLOCK_BYTES		((size_t) 1024 * 1024)

typedef struct Block
{
	struct Block *older;
	size_t		size;			/* with this header */
} Block;

#define BLOCK_HEADER	MAXALIGN(sizeof(Block))

struct TplusJsonArena
{
	MemoryContext context;
	Block	   *newest;			/* the first block is the oldest */
	char	   *next;			/* in the newest block */
	char	   *end;
	bool		exhausted;		/* an allocation failed */

	/* What cJSON parses; kept for the next text. */
	char	   *copy;
	size_t		copy_size;
};

/* The arena that the hooks allocate from, during a parse. */
static TplusJsonArena *hook_arena = NULL;

/* Does not throw: NULL, and exhausted set, if there is no memory. */
static void *
arena_alloc(TplusJsonArena *arena, size_t size)
{
	void	   *result;

	size = MAXALIGN(size);
	if (size > (size_t) (arena->end - arena->next))
	{
		size_t		block_size = Min(arena->newest->size * 2, MAX_BLOCK_BYTES);
		Block	   *block;

		block_size = Max(block_size, BLOCK_HEADER + size);
		block = MemoryContextAllocExtended(arena->context, block_size,
										   MCXT_ALLOC_HUGE |
										   MCXT_ALLOC_NO_OOM);
		if (block == NULL)
		{
			arena->exhausted = true;
			return NULL;
		}
		block->older = arena->newest;
		block->size = block_size;
		arena->newest = block;
		arena->next = (char *) block + BLOCK_HEADER;
		arena->end = (char *) block + block_size;
	}
	result = arena->next;
	arena->next += size;
	return result;
}

static void *
hook_alloc(size_t size)
{
	return arena_alloc(hook_arena, size);
}

static void
hook_free(void *pointer)
{
	/* The arena is freed as a whole. */
}

TplusJsonArena *
tplus_json_arena_create(MemoryContext context)
{
	TplusJsonArena *arena;
	Block	   *block;

	arena = MemoryContextAllocZero(context, sizeof(TplusJsonArena));
	block = MemoryContextAlloc(context, FIRST_BLOCK_BYTES);
	block->older = NULL;
	block->size = FIRST_BLOCK_BYTES;
	arena->context = context;
	arena->newest = block;
	arena->next = (char *) block + BLOCK_HEADER;
	arena->end = (char *) block + FIRST_BLOCK_BYTES;
	return arena;
}

void
tplus_json_arena_reset(TplusJsonArena *arena)
{
	Block	   *block = arena->newest;

	while (block->older != NULL)
	{
		Block	   *older = block->older;

		pfree(block);
		block = older;
	}
	arena->newest = block;
	arena->next = (char *) block + BLOCK_HEADER;
	arena->end = (char *) block + block->size;
	if (arena->copy_size > MAX_BLOCK_BYTES)
	{
		pfree(arena->copy);
		arena->copy = NULL;
		arena->copy_size = 0;
	}
}

/* Makes the copy at least so large. */
static void
reserve_copy(TplusJsonArena *arena, size_t size)
{
	if (size <= arena->copy_size)
		return;
	if (arena->copy != NULL)
		pfree(arena->copy);
	arena->copy = NULL;
	arena->copy_size = 0;
	arena->copy = MemoryContextAllocHuge(arena->context, size);
	arena->copy_size = size;
}

/* The one call of the parser.  Does not throw. */
static cJSON *
parse_copy(TplusJsonArena *arena, size_t len)
{
	cJSON_Hooks hooks = {hook_alloc, hook_free};
	cJSON	   *root;

	hook_arena = arena;
	cJSON_InitHooks(&hooks);
	root = cJSON_ParseWithLengthOpts(arena->copy, len + 1, NULL, true);
	cJSON_InitHooks(NULL);
	hook_arena = NULL;
	return root;
}

/*
 * Hands the lexemes to the numbers among a node and its younger siblings, and
 * below them.  Returns the lexemes that are left.
 */
static char *
attach_lexemes(cJSON *node, char *lexeme)
{
	for (; node != NULL; node = node->next)
	{
		if (node->type == cJSON_Number)
		{
			node->valuestring = lexeme;
			lexeme += strlen(lexeme) + 1;
		}
		else if (node->child != NULL)
			lexeme = attach_lexemes(node->child, lexeme);
	}
	return lexeme;
}

TplusJson *
tplus_json_parse(TplusJsonArena *arena, const char *text, size_t len,
				 const char **problem, size_t *offset)
{
	TplusJsonScan scan;
	cJSON	   *root = NULL;

	reserve_copy(arena, len + 1);
	arena->exhausted = false;
	scan.copy = arena->copy;
	scan.problem = "invalid JSON";
	scan.offset = 0;
	scan.lexemes = arena_alloc(arena, len + 1);
	if (scan.lexemes != NULL && tplus_json_scan(text, len, &scan))
	{
		/* Nothing was allocated since: give back what is not needed. */
		arena->next = scan.lexemes + MAXALIGN(scan.lexemes_len);
		root = parse_copy(arena, scan.copy_len);
	}
	if (arena->exhausted)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed on parsing a JSON text of %zu bytes.",
						   len)));
	if (root == NULL)
	{
		*problem = scan.problem;
		*offset = scan.offset;
		return NULL;
	}
	if (scan.lexemes_len > 0 &&
		attach_lexemes(root, scan.lexemes) !=
		scan.lexemes + scan.lexemes_len)
		elog(ERROR, "numbers of a JSON text are out of step");
	return root;
}

TplusJsonKind
tplus_json_kind(const TplusJson *node)
{
	if (node == NULL)
		return TPLUS_JSON_MISSING;
	switch (node->type)
	{
		case cJSON_False:
		case cJSON_True:
			return TPLUS_JSON_BOOL;
		case cJSON_Number:
			return TPLUS_JSON_NUMBER;
		case cJSON_String:
			return TPLUS_JSON_STRING;
		case cJSON_Array:
			return TPLUS_JSON_ARRAY;
		case cJSON_Object:
			return TPLUS_JSON_OBJECT;
		default:
			return TPLUS_JSON_NULL;
	}
}

const char *
tplus_json_text(const TplusJson *node)
{
	switch (tplus_json_kind(node))
	{
		case TPLUS_JSON_NUMBER:
		case TPLUS_JSON_STRING:
			return node->valuestring;
		case TPLUS_JSON_BOOL:
			return tplus_json_is_true(node) ? "true" : "false";
		case TPLUS_JSON_NULL:
			return "null";
		default:
			return NULL;
	}
}

bool
tplus_json_is_true(const TplusJson *node)
{
	return node != NULL && node->type == cJSON_True;
}

TplusJson *
tplus_json_get(const TplusJson *object, const char *key, bool *duplicate)
{
	TplusJson  *found = NULL;

	if (tplus_json_kind(object) != TPLUS_JSON_OBJECT)
		return NULL;
	for (TplusJson *node = object->child; node != NULL; node = node->next)
	{
		/* Most keys differ in their first byte. */
		if (node->string[0] != key[0] || strcmp(node->string, key) != 0)
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
		if (!equal_nocase(node->string, key))
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
			if (strncmp(child->string, path, len) == 0 &&
				child->string[len] == '\0')
				break;
		}
		if (child == NULL || path[len] == '\0')
			return unconstify(TplusJson *, child);
		here = child;
		path += len + 1;
	}
}

TplusJson *
tplus_json_first(const TplusJson *node)
{
	return node != NULL ? node->child : NULL;
}

TplusJson *
tplus_json_next(const TplusJson *node)
{
	return node != NULL ? node->next : NULL;
}

const char *
tplus_json_key(const TplusJson *node)
{
	return node != NULL ? node->string : NULL;
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
		keys[n++] = node->string;
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
	bool		is_object = node->type == cJSON_Object;

	if (is_object && has_duplicate_key(node))
		return false;
	appendStringInfoChar(out, is_object ? '{' : '[');
	for (node = node->child; node != NULL; node = node->next)
	{
		if (is_object)
		{
			if (!print_string(node->string, out))
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
			return print_string(node->valuestring, out);
		case TPLUS_JSON_MISSING:
			return true;
		default:
			appendStringInfoString(out, tplus_json_text(node));
			return true;
	}
}
