/*-------------------------------------------------------------------------
 *
 * auth.h
 *		The calls that obtain a token pair: exchange, refresh, generate.
 *
 * Pure protocol (sections 2.2 and 2.3): nothing here touches tables or locks.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/auth.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_AUTH_H
#define TPLUS_AUTH_H

#include "postgres.h"

#include "base/option.h"

typedef enum TplusGrant
{
	TPLUS_GRANT_CODE,			/* one-time code, section 2.2 no. 2 */
	TPLUS_GRANT_REFRESH,		/* refresh token, section 2.2 no. 3 */
	TPLUS_GRANT_SELF_BUILT		/* certificate and ticket, section 2.3 */
} TplusGrant;

typedef struct TplusGrantRequest
{
	TplusGrant	grant;
	const char *code;			/* for CODE; secret */
	const char *redirect_uri;	/* for CODE */
	const char *refresh_token;	/* for REFRESH; secret */
} TplusGrantRequest;

typedef enum TplusGrantOutcome
{
	TPLUS_GRANT_OK,
	TPLUS_GRANT_REFUSED,		/* T+ says these credentials are no good */
	TPLUS_GRANT_BUSY,			/* 14002: somebody else renews */
	TPLUS_GRANT_FAILED			/* no usable answer; worth another try later */
} TplusGrantOutcome;

typedef struct TplusGrantReply
{
	TplusGrantOutcome outcome;
	char	   *access_token;	/* secret */
	char	   *refresh_token;	/* secret; NULL: none came */
	int64		expires_in;		/* seconds; 0: not told */
	int64		refresh_expires_in; /* seconds; 0: not told */
	int			status;			/* HTTP status, 0: no response */
	char	   *code;			/* T+'s code, may be NULL */
	char	   *message;		/* redacted, for people; never NULL */
	bool		outcome_unknown;	/* sent, but no answer: the pair may be dead */
} TplusGrantReply;

/*
 * Makes the call; everything returned is palloc'd in the current context.
 * Throws only for interrupts and memory.
 */
extern void tplus_auth_grant(const TplusAccount *account,
							 const TplusGrantRequest *request,
							 TplusGrantReply *reply);

#endif							/* TPLUS_AUTH_H */
