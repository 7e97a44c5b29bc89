/*-------------------------------------------------------------------------
 *
 * auth_reply.h
 *		What the answer to a call for a token pair means.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/auth_reply.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_AUTH_REPLY_H
#define TPLUS_AUTH_REPLY_H

#include "postgres.h"

#include "net/http.h"
#include "net/json.h"
#include "tplus/auth_refusal.h"
#include "tplus/secrets.h"

/* A reply does not tell how long something lives. */
#define TPLUS_UNTOLD	(-1)

typedef struct TplusGrantReply
{
	TplusGrantOutcome outcome;
	char	   *access_token;	/* secret; NULL unless OK */
	char	   *refresh_token;	/* secret; NULL: none came */
	int64		expires_in;		/* seconds, or TPLUS_UNTOLD */
	int64		refresh_expires_in; /* likewise */
	int			status;			/* HTTP status, 0: no response */
	int			sqlstate;		/* what to report; 0 if OK */
	char	   *code;			/* T+'s code, may be NULL */
	char	   *message;		/* redacted, for people; never NULL */
	const char *hint;			/* a constant sentence, may be NULL */
	bool		outcome_unknown;	/* sent, but no answer: the pair may be
									 * dead */
	bool		may_pass;		/* FAILED, but perhaps not in a moment */
} TplusGrantReply;

/*
 * Fills in the reply to this grant, whose status is set, from the body of a
 * whole response; root is NULL if that is no JSON.  The secrets, to which its
 * tokens are added, are blotted out wherever foreign text repeats them.
 * Results are palloc'd; throws for memory only.
 */
extern void tplus_auth_reply_read(TplusGrantReply *reply, TplusGrant grant,
								  const TplusJson *root,
								  TplusSecrets *secrets);

/* Likewise, when no whole response came. */
extern void tplus_auth_reply_failed(TplusGrantReply *reply,
									const TplusHttpResult *result,
									const TplusSecrets *secrets);

#endif							/* TPLUS_AUTH_REPLY_H */
