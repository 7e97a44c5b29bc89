/*-------------------------------------------------------------------------
 *
 * json.h
 *		JSON documents: exact numbers, nodes in an arena.
 *
 * Numbers keep their lexemes, so that 9007199254740993, 0.12345678901234567890
 * and 1E+2 survive.  A record as T+ sends it, an object whose members are mostly
 * scalars, is read in one pass over its text (json_record.c).  All else is
 * cJSON's: its nodes come from the arena through its hooks, which are
 * process-global, so they are set for one parse and back at their defaults on
 * every path.
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

#include "net/json_arena.h"
#include "net/json_node.h"

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

#endif							/* TPLUS_JSON_H */
