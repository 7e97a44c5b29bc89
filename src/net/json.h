/*-------------------------------------------------------------------------
 *
 * json.h
 *		JSON documents over cJSON: exact numbers, nodes in an arena.
 *
 * cJSON turns numbers into doubles; here each number keeps its lexeme, so
 * that 9007199254740993, 0.12345678901234567890 and 1E+2 survive.  Its nodes
 * come from an arena through its hooks, which are process-global: they are
 * set for one parse and back at their defaults on every path.
 *
 * Strings are UTF-8 as they came.  A text may hold invalid UTF-8, and "\u0000"
 * appears in it as TPLUS_JSON_NUL (which no valid UTF-8 contains): whoever
 * reads a string checks it and can name the column.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_JSON_H
#define TPLUS_JSON_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "net/json_text.h"

/* The node type is cJSON's; nobody outside json.c looks into it. */
typedef struct cJSON TplusJson;

typedef struct TplusJsonArena TplusJsonArena;

typedef enum TplusJsonKind
{
	TPLUS_JSON_MISSING,			/* no node at all (NULL pointer) */
	TPLUS_JSON_NULL,
	TPLUS_JSON_BOOL,
	TPLUS_JSON_NUMBER,
	TPLUS_JSON_STRING,
	TPLUS_JSON_ARRAY,
	TPLUS_JSON_OBJECT
} TplusJsonKind;

/* An arena in context; freed with it.  Throws 53200 only. */
extern TplusJsonArena *tplus_json_arena_create(MemoryContext context);

/* Frees all nodes parsed in the arena; keeps its first block. */
extern void tplus_json_arena_reset(TplusJsonArena *arena);

/*
 * Parses exactly one JSON value (surrounding white space allowed, nothing
 * else after it).  The tree lives in the arena.  Returns NULL and sets
 * *problem to a constant English phrase ("unexpected end", "nesting deeper
 * than 64", "invalid number", ...) and *offset to where, if it is none.
 * Throws 53200 (out of memory) only, with the hooks back at their defaults.
 */
extern TplusJson *tplus_json_parse(TplusJsonArena *arena, const char *text,
								   size_t len, const char **problem,
								   size_t *offset);

extern TplusJsonKind tplus_json_kind(const TplusJson *node);

/*
 * The text of a scalar, NUL-terminated: a string's characters, a number's
 * lexeme, "true", "false", "null"; NULL for arrays, objects, missing.
 */
extern const char *tplus_json_text(const TplusJson *node);

/* Is this node the boolean true? */
extern bool tplus_json_is_true(const TplusJson *node);

/*
 * The member of an object with exactly this key.  NULL if there is none.  If
 * the key occurs more than once, *duplicate (may be NULL) is set to true and
 * the first is returned.
 */
extern TplusJson *tplus_json_get(const TplusJson *object, const char *key,
								 bool *duplicate);

/*
 * The member whose key equals this one without regard to ASCII case; NULL if
 * there is none or more than one.
 */
extern TplusJson *tplus_json_get_nocase(const TplusJson *object,
										const char *key);

/*
 * A path like "data.Rows" from a node down, exact keys only; NULL if absent.
 */
extern TplusJson *tplus_json_path(const TplusJson *node, const char *path);

/* Walking children of an array or object; the key is NULL in arrays. */
extern TplusJson *tplus_json_first(const TplusJson *node);
extern TplusJson *tplus_json_next(const TplusJson *node);
extern const char *tplus_json_key(const TplusJson *node);
extern int	tplus_json_length(const TplusJson *node);

/*
 * Appends the value as JSON text, numbers by their lexemes, strings escaped
 * as JSON demands.  Returns false, having appended part of it, if a string or
 * a key holds TPLUS_JSON_NUL, or an object holds a key twice: jsonb could not
 * show it as it is.
 */
extern bool tplus_json_print(const TplusJson *node, StringInfo out);

#endif							/* TPLUS_JSON_H */
