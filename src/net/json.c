/*-------------------------------------------------------------------------
 *
 * json.c
 *		JSON documents: exact numbers, nodes in an arena.
 *
 * A text that is no record (json_record.c) is parsed by cJSON.  What that gets
 * is a copy in which each number is a 0 (json_scan.c); the lexemes are handed
 * out as its tree is turned into ours, in the order of the document.
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

#include "net/json.h"
#include "net/json_record.h"
#include "net/json_scan.h"

/* The arena that the hooks allocate from, during a parse. */
static TplusJsonArena *hook_arena = NULL;

static void *
hook_alloc(size_t size)
{
	return tplus_json_arena_alloc(hook_arena, size);
}

static void
hook_free(void *pointer)
{
	/* The arena is freed as a whole. */
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

/* A node without its children; a number takes the next lexeme. */
static TplusJson *
take_node(TplusJsonArena *arena, const cJSON *from, char **lexeme)
{
	TplusJson  *node = tplus_json_arena_alloc(arena, sizeof(TplusJson));

	if (node == NULL)
		return NULL;
	memset(node, 0, sizeof(TplusJson));
	node->key = from->string;
	switch (from->type)
	{
		case cJSON_False:
		case cJSON_True:
			node->kind = TPLUS_JSON_BOOL;
			node->text = from->type == cJSON_True ? "true" : "false";
			break;
		case cJSON_Number:
			node->kind = TPLUS_JSON_NUMBER;
			node->text = *lexeme;
			*lexeme += strlen(*lexeme) + 1;
			break;
		case cJSON_String:
			node->kind = TPLUS_JSON_STRING;
			node->text = from->valuestring;
			break;
		case cJSON_Array:
			node->kind = TPLUS_JSON_ARRAY;
			break;
		case cJSON_Object:
			node->kind = TPLUS_JSON_OBJECT;
			break;
		default:
			node->kind = TPLUS_JSON_NULL;
			node->text = "null";
			break;
	}
	return node;
}

/*
 * Our nodes for one of cJSON's, its younger siblings and what is below them.
 * NULL when out of memory.
 */
static TplusJson *
take_nodes(TplusJsonArena *arena, const cJSON *from, char **lexeme)
{
	TplusJson  *first = NULL;
	TplusJson **end = &first;

	for (; from != NULL; from = from->next)
	{
		TplusJson  *node = take_node(arena, from, lexeme);

		if (node == NULL)
			return NULL;
		*end = node;
		end = &node->next;
		if (from->child == NULL)
			continue;
		node->child = take_nodes(arena, from->child, lexeme);
		if (node->child == NULL)
			return NULL;
	}
	return first;
}

TplusJson *
tplus_json_parse_any(TplusJsonArena *arena, const char *text, size_t len,
					 const char **problem, size_t *offset)
{
	TplusJsonScan scan;
	cJSON	   *root = NULL;
	TplusJson  *result = NULL;
	char	   *lexeme;

	tplus_json_arena_reserve(arena, len + 1);
	arena->exhausted = false;
	scan.copy = arena->copy;
	scan.problem = "invalid JSON";
	scan.offset = 0;
	scan.lexemes = tplus_json_arena_alloc(arena, len + 1);
	lexeme = scan.lexemes;
	if (scan.lexemes != NULL && tplus_json_scan(text, len, &scan))
	{
		/* Nothing was allocated since: give back what is not needed. */
		arena->next = scan.lexemes + MAXALIGN(scan.lexemes_len);
		root = parse_copy(arena, scan.copy_len);
		result = take_nodes(arena, root, &lexeme);
	}
	if (arena->exhausted)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed on parsing a JSON text of %zu bytes.",
						   len)));
	if (result == NULL)
	{
		*problem = scan.problem;
		*offset = scan.offset;
		return NULL;
	}
	if (lexeme != scan.lexemes + scan.lexemes_len)
		elog(ERROR, "numbers of a JSON text are out of step");
	return result;
}

TplusJson *
tplus_json_parse(TplusJsonArena *arena, const char *text, size_t len,
				 const char **problem, size_t *offset)
{
	TplusJson  *root = tplus_json_parse_record(arena, text, len);

	if (root == NULL)
		root = tplus_json_parse_any(arena, text, len, problem, offset);
	return root;
}
