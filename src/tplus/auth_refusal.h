/*-------------------------------------------------------------------------
 *
 * auth_refusal.h
 *		What it means that T+ refuses a token, and what a human does about it.
 *
 * The same code means one thing for a call that reads and another for one that
 * renews: 50000 may be a dead access token there, a dead refresh token here
 * (docs/protocol.md, sections 2.2, 2.3 and 4.1).  So the grant that was asked
 * for decides.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/auth_refusal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_AUTH_REFUSAL_H
#define TPLUS_AUTH_REFUSAL_H

#include "postgres.h"

/* What T+ is asked to exchange for a token pair. */
typedef enum TplusGrant
{
	TPLUS_GRANT_CODE,			/* one-time code, section 2.2 no. 2 */
	TPLUS_GRANT_REFRESH,		/* refresh token, section 2.2 no. 3 */
	TPLUS_GRANT_SELF_BUILT		/* certificate and ticket, section 2.3 */
} TplusGrant;

typedef enum TplusGrantOutcome
{
	TPLUS_GRANT_OK,
	TPLUS_GRANT_REFUSED,		/* T+ says these credentials are no good */
	TPLUS_GRANT_BUSY,			/* 14002 and the like: ask again in a moment */
	TPLUS_GRANT_FAILED			/* no usable answer; worth another try later */
} TplusGrantOutcome;

typedef struct TplusAuthRefusal
{
	TplusGrantOutcome outcome;
	int			sqlstate;
	const char *hint;			/* constant sentences, may be NULL */
} TplusAuthRefusal;

/* How a human gets a pair that works, when the one that was there does not. */
#define TPLUS_AUTH_ADVICE \
	"Authorize the application again: somebody of the enterprise has to allow it in the browser. Then call tplus.authorize() with the code that the redirect carries, or set the new refresh_token with ALTER USER MAPPING; no other program or database may use the same pair."

/* Where a call for a token goes. */
#define TPLUS_AUTH_HINT_PATH \
	"Check the server options \"base_url\" and \"token_path\"."

/* A refusal of this grant, by HTTP status and T+'s code, which may be NULL. */
extern void tplus_auth_refusal(TplusGrant grant, int status, const char *code,
							   TplusAuthRefusal *refusal);

#endif							/* TPLUS_AUTH_REFUSAL_H */
