/*-------------------------------------------------------------------------
 *
 * http_buffer.h
 *		Bytes that have arrived and were not read yet.
 *
 * Memory comes from malloc, because bytes are put in while libcurl is on the
 * stack, where nothing may throw.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_buffer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_BUFFER_H
#define TPLUS_HTTP_BUFFER_H

#include "postgres.h"

/* Unread are memory[start .. end).  All zero: an empty one. */
typedef struct TplusHttpBuffer
{
	char	   *memory;
	size_t		capacity;
	size_t		used;			/* how far memory was ever written */
	size_t		start;
	size_t		end;
} TplusHttpBuffer;

/* Returns false if there is no memory. */
extern bool tplus_http_buffer_append(TplusHttpBuffer *buffer,
									 const char *bytes, size_t len);

extern size_t tplus_http_buffer_unread(const TplusHttpBuffer *buffer);

/* The unread bytes, valid until the next call. */
extern const char *tplus_http_buffer_bytes(const TplusHttpBuffer *buffer);

/* Marks len of the unread bytes as read. */
extern void tplus_http_buffer_consume(TplusHttpBuffer *buffer, size_t len);

/* Wipes and frees the memory: a body may hold a token. */
extern void tplus_http_buffer_free(TplusHttpBuffer *buffer);

#endif							/* TPLUS_HTTP_BUFFER_H */
