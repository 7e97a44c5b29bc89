/*-------------------------------------------------------------------------
 *
 * json_arena.h
 *		The memory of JSON trees.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_arena.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_JSON_ARENA_H
#define TPLUS_JSON_ARENA_H

#include "postgres.h"

#include "net/json_names.h"

typedef struct TplusJsonBlock TplusJsonBlock;

/* Nobody outside the room "json" looks into it. */
typedef struct TplusJsonArena
{
	MemoryContext context;
	TplusJsonBlock *newest;		/* the first block is the oldest */
	char	   *next;			/* in the newest block */
	char	   *end;
	bool		exhausted;		/* an allocation failed */
	TplusJsonNames names;

	/* What cJSON parses; kept for the next text. */
	char	   *copy;
	size_t		copy_size;
} TplusJsonArena;

/* An arena in context; freed with it.  Throws 53200 only. */
extern TplusJsonArena *tplus_json_arena_create(MemoryContext context);

/* Frees all nodes parsed in the arena; keeps its first block. */
extern void tplus_json_arena_reset(TplusJsonArena *arena);

/*
 * What follows is for the files of the room "json" alone.
 */

/* For when the newest block is full. */
extern void *tplus_json_arena_grow(TplusJsonArena *arena, size_t size);

/* Does not throw: NULL, and exhausted set, if there is no memory. */
static inline void *
tplus_json_arena_alloc(TplusJsonArena *arena, size_t size)
{
	void	   *result = arena->next;

	size = MAXALIGN(size);
	if (size > (size_t) (arena->end - arena->next))
		return tplus_json_arena_grow(arena, size);
	arena->next += size;
	return result;
}

/* Makes the copy at least so large.  Throws 53200. */
extern void tplus_json_arena_reserve(TplusJsonArena *arena, size_t size);

#endif							/* TPLUS_JSON_ARENA_H */
