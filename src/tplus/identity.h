/*-------------------------------------------------------------------------
 *
 * identity.h
 *		Whose a token pair is: digests of who asks, with what, and by which way.
 *
 * All but those of version 1.0 are HMAC-SHA-256 under a random key of the
 * database, which stands in the table tplus.token_part: what is seen of them
 * (pg_locks shows some bytes) helps nobody to guess a secret.  They need a
 * transaction, and throw 55000 if the key is missing.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/identity.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_IDENTITY_H
#define TPLUS_IDENTITY_H

#include "postgres.h"

#include "base/option.h"

#define TPLUS_DIGEST_LEN	32	/* SHA-256 */

typedef struct TplusDigest
{
	uint8		bytes[TPLUS_DIGEST_LEN];
} TplusDigest;

/*
 * The key of an account's row: its route to T+, app_key, app_secret and the
 * refresh token or certificate in its mapping.  A mapping without either,
 * whose pair comes from tplus.authorize(), is told by the name of its server
 * and its role: an application may be authorized by several enterprises.
 */
extern void tplus_pair_key(const TplusAccount *account, TplusDigest *key);

/* What T+ must have accepted before a token is used: app_key and app_secret. */
extern void tplus_pair_holder(const TplusAccount *account,
							  TplusDigest *digest);

/*
 * Who takes a pair over when its key changes: the same server object with the
 * same app_secret, whatever its route has become (those who may alter it have
 * had the secrets sent to where they like all along), and the same mapping,
 * whatever its app_secret has become.  OIDs are told apart from those of
 * another cluster, for pg_upgrade does not keep them.
 */
extern void tplus_pair_heirs(const TplusAccount *account,
							 TplusDigest *for_server,
							 TplusDigest *for_mapping);

/* Key and holder of the row as version 1.0 made them. */
extern void tplus_pair_key_1(const TplusAccount *account, TplusDigest *key);
extern void tplus_pair_holder_1(const TplusAccount *account,
								TplusDigest *digest);

/* Do both servers reach T+ by the same way? */
extern bool tplus_pair_same_route(const TplusServerOptions *a,
								  const TplusServerOptions *b);

/* A digest of all options that decide how an attempt to renew ends. */
extern void tplus_pair_credentials(const TplusAccount *account,
								   TplusDigest *digest);

extern bool tplus_pair_same_digest(const TplusDigest *a, const TplusDigest *b);

#endif							/* TPLUS_IDENTITY_H */
