/*-------------------------------------------------------------------------
 *
 * json_record.h
 *		Records as T+ sends them, parsed in one pass.
 *
 * For the files of the room "json" alone.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_record.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_JSON_RECORD_H
#define TPLUS_JSON_RECORD_H

#include "postgres.h"

#include "net/json_arena.h"
#include "net/json_node.h"

/*
 * The tree of a text that is an object without anything unusual in it.  NULL
 * if it is another one, or none, or if memory is short: tplus_json_parse_any
 * tells.  Throws 53200.
 */
extern TplusJson *tplus_json_parse_record(TplusJsonArena *arena,
										  const char *text, size_t len);

/* As tplus_json_parse, with cJSON. */
extern TplusJson *tplus_json_parse_any(TplusJsonArena *arena,
									   const char *text, size_t len,
									   const char **problem, size_t *offset);

#endif							/* TPLUS_JSON_RECORD_H */
