/*-------------------------------------------------------------------------
 *
 * secrets.h
 *		What must not be repeated of what T+ says.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/secrets.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_SECRETS_H
#define TPLUS_SECRETS_H

#include "postgres.h"

#include "base/option.h"

#define TPLUS_MAX_SECRETS	16

/* Texts to blot out; they belong to others.  NULLs are skipped. */
typedef struct TplusSecrets
{
	const char *texts[TPLUS_MAX_SECRETS];
	int			n;
} TplusSecrets;

/*
 * Those of an account: what its mapping holds, the access tokens that were
 * used last, and what a proxy is told (palloc'd).  Throws for memory only.
 */
extern void tplus_secrets_of(const TplusAccount *account,
							 TplusSecrets *secrets);

/* One more; NULL is none. */
extern void tplus_secrets_add(TplusSecrets *secrets, const char *secret);

/* Notes an access token that T+ is about to be told. */
extern void tplus_secrets_use(const TplusAccount *account,
							  const char *access_token);

/* tplus_error_clip() and tplus_error_blot() with the account's secrets. */
extern char *tplus_secrets_clip(const TplusAccount *account, const char *text,
								size_t len, size_t max_bytes);
extern char *tplus_secrets_blot(const TplusAccount *account,
								const char *text);

/* Would that blot anything out? */
extern bool tplus_secrets_found(const TplusAccount *account, const char *text);

#endif							/* TPLUS_SECRETS_H */
