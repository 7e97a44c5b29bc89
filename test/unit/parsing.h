/*-------------------------------------------------------------------------
 *
 * parsing.h
 *		JSON texts parsed and printed, for the drivers of the room "json".
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/parsing.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PARSING_H
#define TPLUS_PARSING_H

#include "server.h"

#include "net/json_text.c"
#include "net/json_scan.c"
#include "net/json_names.c"
#include "net/json_arena.c"
#include "net/json_record.c"
#include "net/json_node.c"
#include "net/json.c"

static TplusJsonArena *arena;
static const char *problem;
static size_t offset;

/*
 * Parses a text that lies in memory of exactly its length, freed before the
 * tree is looked at.
 */
static TplusJson *
parse_bytes(const char *text, size_t len)
{
	static char *copy = NULL;	/* left over if the last parse threw */
	TplusJson  *root;

	free(copy);
	copy = malloc(len > 0 ? len : 1);
	problem = NULL;
	offset = 0;
	memcpy(copy, text, len);
	root = tplus_json_parse(arena, copy, len, &problem, &offset);
	free(copy);
	copy = NULL;
	return root;
}

static TplusJson *
parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

/* The value as JSON text; NULL if it cannot be printed. */
static const char *
print(const TplusJson *node)
{
	static StringInfoData out;

	initStringInfo(&out);
	return tplus_json_print(node, &out) ? out.data : NULL;
}

#endif							/* TPLUS_PARSING_H */
