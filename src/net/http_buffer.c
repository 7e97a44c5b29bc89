/*-------------------------------------------------------------------------
 *
 * http_buffer.c
 *		Bytes that have arrived and were not read yet.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_buffer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "net/http_buffer.h"

#define FIRST_CAPACITY	(64 * 1024)

/* An empty buffer that has grown beyond this starts anew. */
#define KEPT_CAPACITY	(4 * 1024 * 1024)

size_t
tplus_http_buffer_unread(const TplusHttpBuffer *buffer)
{
	return buffer->end - buffer->start;
}

const char *
tplus_http_buffer_bytes(const TplusHttpBuffer *buffer)
{
	return buffer->end > buffer->start ? buffer->memory + buffer->start : "";
}

/*
 * Makes room for len more bytes.  Moving is done only when at least half of
 * the memory is free, so that each byte moves a bounded number of times.
 */
static bool
make_room(TplusHttpBuffer *buffer, size_t len)
{
	size_t		capacity = Max(buffer->capacity, FIRST_CAPACITY);
	char	   *memory;

	if (buffer->capacity - buffer->end >= len)
		return true;
	if (buffer->start > buffer->capacity / 2)
	{
		memmove(buffer->memory, buffer->memory + buffer->start,
				tplus_http_buffer_unread(buffer));
		buffer->end -= buffer->start;
		buffer->start = 0;
	}
	while (capacity - buffer->end < len)
	{
		if (capacity > SIZE_MAX / 2)
			return false;
		capacity *= 2;
	}
	if (capacity == buffer->capacity)
		return true;
	memory = realloc(buffer->memory, capacity);
	if (memory == NULL)
		return false;
	buffer->memory = memory;
	buffer->capacity = capacity;
	return true;
}

bool
tplus_http_buffer_append(TplusHttpBuffer *buffer, const char *bytes,
						 size_t len)
{
	if (!make_room(buffer, len))
		return false;
	memcpy(buffer->memory + buffer->end, bytes, len);
	buffer->end += len;
	buffer->used = Max(buffer->used, buffer->end);
	return true;
}

void
tplus_http_buffer_consume(TplusHttpBuffer *buffer, size_t len)
{
	Assert(len <= tplus_http_buffer_unread(buffer));
	buffer->start += len;
	if (buffer->start < buffer->end)
		return;
	buffer->start = buffer->end = 0;
	if (buffer->capacity > KEPT_CAPACITY)
		tplus_http_buffer_free(buffer);
}

void
tplus_http_buffer_free(TplusHttpBuffer *buffer)
{
	if (buffer->memory != NULL)
		explicit_bzero(buffer->memory, buffer->used);
	free(buffer->memory);
	memset(buffer, 0, sizeof(*buffer));
}
