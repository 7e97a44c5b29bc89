/*-------------------------------------------------------------------------
 *
 * http_decode.h
 *		A compressed body, inflated as far as somebody takes it.
 *
 * What arrives is kept compressed until there is room for more of what it
 * inflates to, so that a few bytes that inflate to many cost no memory.  gzip
 * may have several members, and zero bytes behind them (RFC 1952, 2.2); what
 * is called deflate may be zlib's format or the bare one.  A Content-Encoding
 * that names no compression says nothing of the bytes: servers put a character
 * set there.
 *
 * Memory comes from malloc, and nothing throws: libcurl is on the stack.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_decode.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_DECODE_H
#define TPLUS_HTTP_DECODE_H

#include "postgres.h"

/* What a request says that we can inflate. */
#define TPLUS_HTTP_DECODE_ACCEPT	"gzip, deflate"

/* Longest list of encodings that is looked at. */
#define TPLUS_HTTP_DECODE_NAMES		256

typedef struct TplusHttpDecode TplusHttpDecode;

typedef enum TplusHttpDecodeStatus
{
	TPLUS_HTTP_DECODE_MORE,		/* all that was fed has been taken */
	TPLUS_HTTP_DECODE_FULL,		/* there may be more of it; pull again */
	TPLUS_HTTP_DECODE_DAMAGED,	/* see the problem */
	TPLUS_HTTP_DECODE_TOO_LARGE,
	TPLUS_HTTP_DECODE_NO_MEMORY
} TplusHttpDecodeStatus;

/*
 * Does a Content-Encoding ask for inflating?  *problem is set to a constant
 * phrase if it names a compression that we cannot undo, to NULL otherwise.
 */
extern bool tplus_http_decode_wanted(const char *encodings,
									 const char **problem);

/*
 * For a body with these encodings, out of which max_bytes may come, of no more
 * than twice as many.  NULL if there is no memory.
 */
extern TplusHttpDecode *tplus_http_decode_create(const char *encodings,
												 size_t max_bytes);

/* Hands over the next bytes, which are copied.  False: no memory. */
extern bool tplus_http_decode_feed(TplusHttpDecode *decode, const char *bytes,
								   size_t len);

/* Puts up to size bytes into to, and says in *len how many there are. */
extern TplusHttpDecodeStatus tplus_http_decode_pull(TplusHttpDecode *decode,
													char *to, size_t size,
													size_t *len);

/* Is what was pulled whole, so that the body may end here? */
extern bool tplus_http_decode_is_whole(const TplusHttpDecode *decode);

/* After DAMAGED: a phrase in ASCII that tells why. */
extern const char *tplus_http_decode_problem(const TplusHttpDecode *decode);

/* Wipes and frees.  NULL is fine. */
extern void tplus_http_decode_free(TplusHttpDecode *decode);

#endif							/* TPLUS_HTTP_DECODE_H */
