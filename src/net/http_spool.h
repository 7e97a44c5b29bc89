/*-------------------------------------------------------------------------
 *
 * http_spool.h
 *		Bytes of a body that wait in a temporary file.
 *
 * For a transfer whose consumer does not pull: what does not fit into memory
 * goes here, so that the server is rid of it.  First in, first out.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_spool.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_SPOOL_H
#define TPLUS_HTTP_SPOOL_H

#include "postgres.h"

#include "storage/fd.h"

#include "net/http_buffer.h"

/* All zero: an empty one. */
typedef struct TplusHttpSpool
{
	bool		open;
	File		file;
	off_t		written;		/* bytes put into the file */
	off_t		read;			/* bytes of them moved into front */
	TplusHttpBuffer front;		/* read from the file, not consumed */
} TplusHttpSpool;

extern size_t tplus_http_spool_unread(const TplusHttpSpool *spool);

/* Appends all, or throws 53100, 53400 or 58030 if the file cannot take it. */
extern void tplus_http_spool_put(TplusHttpSpool *spool, const char *bytes,
								 size_t len);

/*
 * The first of the unread bytes, *len of them, valid until the next call; ""
 * and 0 if there are none.  Throws 58030 or 53200.
 */
extern const char *tplus_http_spool_bytes(TplusHttpSpool *spool, size_t *len);

/* Marks len of those as read. */
extern void tplus_http_spool_consume(TplusHttpSpool *spool, size_t len);

/* Removes the file.  Does not throw. */
extern void tplus_http_spool_free(TplusHttpSpool *spool);

#endif							/* TPLUS_HTTP_SPOOL_H */
