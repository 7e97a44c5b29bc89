/*-------------------------------------------------------------------------
 *
 * token.h
 *		The one row that holds the token pair of an account, and its renewal.
 *
 * A refresh kills the old access token and the old refresh token at once, and
 * two at a time are refused (docs/protocol.md, section 2.2 no. 7, 8 and 9).  So
 * the pair lives in the table tplus.token and is renewed by a background
 * worker, once for all backends, whatever becomes of the query that asked.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/token.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TOKEN_H
#define TPLUS_TOKEN_H

#include "postgres.h"

#include "base/option.h"
#include "datatype/timestamp.h"

/* An access token as one request uses it. */
typedef struct TplusToken
{
	const char *access_token;	/* secret */
	int64		generation;		/* 0: the mapping's static open_token */
} TplusToken;

/* What people may know about a pair; times are 0 if there is none. */
typedef struct TplusTokenStatus
{
	const char *auth;			/* as the server option spells it */
	int64		generation;
	TimestampTz obtained_at;
	TimestampTz expires_at;
	TimestampTz refresh_expires_at;
	const char *state;			/* constant, see tplus_token_status() */
	char	   *message;		/* redacted; NULL: nothing to say */
	int64		renewals;
} TplusTokenStatus;

/*
 * The access token to use now.  Reads the row afresh, renews before expiry
 * and waits for a renewal that is under way, interruptibly.  The strings are
 * palloc'd in the current context.  Adds the microseconds waited to
 * *waited_us.  Throws 28000 when there is no way to a token (refused refresh
 * token, lost pair, ...; the hint says which human action is needed), the
 * class of the network's failure when T+ was not reached, 53000 when no
 * worker can be started, 25006 on a standby that would have to renew.
 */
extern void tplus_token_get(const TplusAccount *account, TplusToken *token,
							int64 *waited_us);

/*
 * The same if the token is at hand; false if it takes a renewal, or waiting
 * for one, or if there is none.  Neither waits nor throws for that.
 */
extern bool tplus_token_peek(const TplusAccount *account, TplusToken *token);

/*
 * T+ refused a call with this token.  definite: the access token is dead for
 * certain (403/50107, 401/4007); otherwise it may as well be the secret or a
 * permission (50000).  Returns true if another token is to be had, so that
 * the call is worth repeating with a fresh tplus_token_get(); false if the
 * caller shall report T+'s refusal.  Waits and throws like tplus_token_get().
 */
extern bool tplus_token_refused(const TplusAccount *account,
								const TplusToken *token, bool definite,
								int64 *waited_us);

/* T+ accepted a call with this token just now. */
extern void tplus_token_accepted(const TplusAccount *account,
								 const TplusToken *token);

/*
 * Renews now, whatever the age of the pair and although the last attempt
 * failed; for tplus.refresh_token().  Throws like tplus_token_get(), and
 * 0A000 for an account whose token is static.
 */
extern void tplus_token_renew(const TplusAccount *account);

/*
 * Renews if there is no token yet, or if either half of the pair ends within
 * so many microseconds; returns whether it did.  Throws likewise.
 */
extern bool tplus_token_renew_due(const TplusAccount *account,
								  int64 within_us,
								  TimestampTz until);

/*
 * Exchanges a one-time code for a pair, which takes the place of the one that
 * the account has.  redirect_uri may be NULL.  Throws 28000 if T+ refuses the
 * code, 0A000 for an account that does not work with codes.
 */
extern void tplus_token_authorize(const TplusAccount *account,
								  const char *code, const char *redirect_uri);

/*
 * Looks without touching anything.  The state is "static", "none yet",
 * "valid", "expired", "renewing", "interrupted" (a renewal was, and its pair
 * may be lost) or "failed".
 */
extern void tplus_token_status(const TplusAccount *account,
							   TplusTokenStatus *status);

/* Entry point of the background worker. */
extern PGDLLEXPORT void tplus_token_worker_main(Datum arg);

#endif							/* TPLUS_TOKEN_H */
