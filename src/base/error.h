/*-------------------------------------------------------------------------
 *
 * error.h
 *		What a refusal of T+ means, as a table; foreign text made safe.
 *
 * The HTTP status and T+'s own code are always read together: 50112 is a
 * used-up quota under 401 and a foreign token under 403 (docs/protocol.md,
 * section 4.1 no. 1 and 2).
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/error.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ERROR_H
#define TPLUS_ERROR_H

#include "postgres.h"

/* What a caller does about a refusal. */
typedef enum TplusRefusal
{
	TPLUS_REFUSAL_FATAL,		/* report it: no other request fares better */
	TPLUS_REFUSAL_REQUEST,		/* report it: this request is to blame */
	TPLUS_REFUSAL_RETRY,		/* transient: back off and ask again */
	TPLUS_REFUSAL_THROTTLE,		/* all backends pause, then ask again */
	TPLUS_REFUSAL_TOKEN,		/* this access token is dead, for certain */
	TPLUS_REFUSAL_TOKEN_MAYBE	/* the token, or the secret, or a permission */
} TplusRefusal;

typedef struct TplusErrorEntry
{
	int			status;			/* HTTP status; 0: any */
	const char *code;			/* T+ code; NULL: any or none */
	TplusRefusal refusal;
	int			sqlstate;
	const char *message;		/* primary message, without object */
	const char *hint;			/* may be NULL */
	const char *filter_hint;	/* instead, if a filter was sent and may be to
								 * blame; NULL: it cannot be */
} TplusErrorEntry;

/*
 * The entry for a refused call.  code may be NULL.  Never returns NULL: what
 * the table does not know is REQUEST for 4xx and RETRY for 5xx.  extra_codes
 * is the server option auth_error_codes (may be NULL): codes in it count as
 * TPLUS_REFUSAL_TOKEN under 401 and 403.
 */
extern const TplusErrorEntry *tplus_error_find(int status, const char *code,
											   const char *extra_codes);

/*
 * Does this character, of valid UTF-8, control a terminal or how other text is
 * shown: C0, C1, ends of lines, directions, what has no width?
 */
extern bool tplus_error_is_control(const char *utf8);

/*
 * A palloc'd copy of at most max_bytes bytes of foreign UTF-8 text, converted
 * to the database encoding, invalid bytes and control characters replaced by
 * "?", and each of the nsecrets secrets (NULLs are skipped) that occurs in it
 * replaced by "***".  Does not throw but for memory.
 */
extern char *tplus_error_clip(const char *text, size_t len, size_t max_bytes,
							  const char *const *secrets, int nsecrets);

/*
 * A palloc'd copy of text in the database encoding, with the secrets replaced
 * likewise.  Does not throw but for memory.
 */
extern char *tplus_error_blot(const char *text, const char *const *secrets,
							  int nsecrets);

/* How much of a foreign message we repeat, in bytes. */
#define TPLUS_ERROR_SNIPPET	512

#endif							/* TPLUS_ERROR_H */
