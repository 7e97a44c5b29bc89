/*-------------------------------------------------------------------------
 *
 * http_intake.h
 *		What has come of a body: compressed, inflated, in a file.
 *
 * For net/http; others include that.  put(), inflate() and header() are called
 * while libcurl is on the stack, and do not throw.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_intake.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_INTAKE_H
#define TPLUS_HTTP_INTAKE_H

#include "postgres.h"

#include "net/http_buffer.h"
#include "net/http_decode.h"
#include "net/http_result.h"
#include "net/http_spool.h"

/* All zero but for max_bytes: nothing has come. */
typedef struct TplusHttpIntake
{
	size_t		max_bytes;		/* of the body, inflated */
	size_t		bytes;			/* so far */
	char		encodings[TPLUS_HTTP_DECODE_NAMES];
	bool		begun;			/* the body has, so those are known */
	TplusHttpDecode *decode;	/* NULL: the body is not compressed */
	bool		pending;		/* there may be more to inflate */
	TplusHttpSpool spool;		/* not read yet, before those of ready */
	TplusHttpBuffer ready;		/* not read yet */
	const char *problem;		/* why put() or inflate() failed */
} TplusHttpIntake;

/* A line of the head of the response; the first one begins with "HTTP/". */
extern void tplus_http_intake_header(TplusHttpIntake *intake,
									 const char *line, size_t len);

/*
 * Takes the next bytes of the body, and inflates as inflate() does.  Returns
 * what went wrong, or OK.
 */
extern TplusHttpFailure tplus_http_intake_put(TplusHttpIntake *intake,
											  const char *bytes, size_t len);

/* Inflates what is pending, until is_full(). */
extern TplusHttpFailure tplus_http_intake_inflate(TplusHttpIntake *intake);

/* Are there so many unread bytes that no more shall come? */
extern bool tplus_http_intake_is_full(const TplusHttpIntake *intake);

/* Are there so few that more may come? */
extern bool tplus_http_intake_is_low(const TplusHttpIntake *intake);

/* Does the compression say that there is more to come? */
extern bool tplus_http_intake_is_cut_off(const TplusHttpIntake *intake);

/* The unread bytes, as tplus_http_body() and tplus_http_consume(). */
extern const char *tplus_http_intake_bytes(TplusHttpIntake *intake,
										   size_t *len);
extern void tplus_http_intake_consume(TplusHttpIntake *intake, size_t len);

/* Moves those in memory to a file.  Throws what the file does. */
extern void tplus_http_intake_spool(TplusHttpIntake *intake);

/* Frees all.  Does not throw. */
extern void tplus_http_intake_free(TplusHttpIntake *intake);

#endif							/* TPLUS_HTTP_INTAKE_H */
