/*-------------------------------------------------------------------------
 *
 * json_arena.c
 *		The memory of JSON trees.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_arena.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "net/json_arena.h"

/*
 * A record of 40 fields takes about 3 kB of nodes and text, so that the first
 * block serves nearly all records; pages parsed at once make the blocks grow.
 * What is larger than a block has one of its own.
 */
#define FIRST_BLOCK_BYTES	((size_t) 32 * 1024)
#define MAX_BLOCK_BYTES		((size_t) 1024 * 1024)

struct TplusJsonBlock
{
	TplusJsonBlock *older;
	size_t		size;			/* with this header */
};

#define BLOCK_HEADER	MAXALIGN(sizeof(TplusJsonBlock))

void *
tplus_json_arena_grow(TplusJsonArena *arena, size_t size)
{
	size_t		block_size = Min(arena->newest->size * 2, MAX_BLOCK_BYTES);
	TplusJsonBlock *block;

	block_size = Max(block_size, BLOCK_HEADER + size);
	block = MemoryContextAllocExtended(arena->context, block_size,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (block == NULL)
	{
		arena->exhausted = true;
		return NULL;
	}
	block->older = arena->newest;
	block->size = block_size;
	arena->newest = block;
	arena->next = (char *) block + BLOCK_HEADER + size;
	arena->end = (char *) block + block_size;
	return (char *) block + BLOCK_HEADER;
}

TplusJsonArena *
tplus_json_arena_create(MemoryContext context)
{
	static uint64 last_id = 0;
	TplusJsonArena *arena;
	TplusJsonBlock *block;

	arena = MemoryContextAllocZero(context, sizeof(TplusJsonArena));
	block = MemoryContextAlloc(context, FIRST_BLOCK_BYTES);
	block->older = NULL;
	block->size = FIRST_BLOCK_BYTES;
	arena->context = context;
	arena->newest = block;
	arena->next = (char *) block + BLOCK_HEADER;
	arena->end = (char *) block + FIRST_BLOCK_BYTES;
	arena->names.id = ++last_id;
	return arena;
}

void
tplus_json_arena_reset(TplusJsonArena *arena)
{
	TplusJsonBlock *block = arena->newest;

	while (block->older != NULL)
	{
		TplusJsonBlock *older = block->older;

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

void
tplus_json_arena_reserve(TplusJsonArena *arena, size_t size)
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
