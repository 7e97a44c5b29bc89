/*-------------------------------------------------------------------------
 *
 * auth.h
 *		The calls that obtain a token pair: exchange, refresh, generate.
 *
 * Protocol alone (docs/protocol.md, sections 2.2 and 2.3): nothing here touches
 * tables or locks.
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

#include <signal.h>

#include "base/option.h"
#include "tplus/auth_reply.h"

typedef struct TplusGrantRequest
{
	TplusGrant	grant;
	const char *code;			/* for CODE; secret */
	const char *redirect_uri;	/* for CODE, may be NULL */
	const char *refresh_token;	/* for REFRESH; secret */
} TplusGrantRequest;

/*
 * One call, made in three steps, so that the network is waited for outside a
 * transaction: where the database encoding is not UTF-8, prepare() and read()
 * convert text, which needs one.
 */
typedef struct TplusGrantCall TplusGrantCall;

/*
 * Prepares the call in a context of its own below the current one; account
 * and request must stay valid.  Throws for memory only.
 */
extern TplusGrantCall *tplus_auth_prepare(const TplusAccount *account,
										  const TplusGrantRequest *request);

/*
 * Makes the call and waits for its end; may be repeated.  Throws only for
 * interrupts and memory.
 */
extern void tplus_auth_run(TplusGrantCall *call,
						   const volatile sig_atomic_t * stop);

/*
 * What came of the last run; everything returned is palloc'd in the current
 * context.  Throws for memory only.
 */
extern void tplus_auth_read(TplusGrantCall *call, TplusGrantReply *reply);

/* Frees the call and wipes the secrets in it. */
extern void tplus_auth_free(TplusGrantCall *call);

/*
 * The longest that one such call can take, in milliseconds: its time-outs
 * guarantee it.
 */
extern int64 tplus_auth_limit_ms(const TplusAccount *account);

#endif							/* TPLUS_AUTH_H */
