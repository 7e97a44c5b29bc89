/*-------------------------------------------------------------------------
 *
 * glutton.c
 *		Another extension that leaves nothing, or little, of the shared memory.
 *
 * For t/100_stats.pl.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/neighbour/glutton.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "storage/shmem.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(glutton_eat);

PG_FUNCTION_INFO_V1(glutton_bite);

PG_FUNCTION_INFO_V1(glutton_name);

/* Takes a few bytes by the name of others, as an older version of theirs would. */
Datum
glutton_name(PG_FUNCTION_ARGS)
{
	bool		found;

	(void) ShmemInitStruct(PG_GETARG_CSTRING(0), 64, &found);
	PG_RETURN_BOOL(found);
}

/* Takes so many bytes; false if there are not as many. */
Datum
glutton_bite(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ShmemAllocNoError(PG_GETARG_INT64(0)) != NULL);
}

/* Takes pieces of falling size until there are none; returns the bytes. */
Datum
glutton_eat(PG_FUNCTION_ARGS)
{
	int64		bytes = 0;
	Size		size = 1024 * 1024;

	while (size >= 64)
	{
		if (ShmemAllocNoError(size))
			bytes += size;
		else
			size /= 2;
	}
	PG_RETURN_INT64(bytes);
}
