/*-------------------------------------------------------------------------
 *
 * identity.c
 *		Whose a token pair is: digests of who asks, with what, and by which way.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/identity.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "common/cryptohash.h"
#include "common/hmac.h"
#include "miscadmin.h"

#include "base/address.h"
#include "net/http.h"
#include "tplus/identity.h"
#include "tplus/token_part.h"

/* Strings that a route to T+ has. */
#define NROUTE	6

/*
 * A string, preceded by its length; NULL differs from "".  The same for both
 * kinds of digest.
 */
#define UPDATE(update, ctx, string) \
	do { \
		uint32		len = (string) ? strlen(string) : PG_UINT32_MAX; \
		ok = update(ctx, (uint8 *) &len, sizeof(len)) >= 0 && \
			((string) == NULL || \
			 update(ctx, (const uint8 *) (string), len) >= 0); \
	} while (0)

/* One that anybody could make, as version 1.0 did. */
static void
digest_openly(const char *const *strings, int nstrings, TplusDigest *digest)
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);
	bool		ok = ctx != NULL && pg_cryptohash_init(ctx) >= 0;
	int			i;

	for (i = 0; ok && i < nstrings; i++)
		UPDATE(pg_cryptohash_update, ctx, strings[i]);
	ok = ok && pg_cryptohash_final(ctx, digest->bytes, TPLUS_DIGEST_LEN) >= 0;
	pg_cryptohash_free(ctx);
	if (!ok)
		elog(ERROR, "could not compute a SHA-256 digest");
}

/* A digest under the key of the database, once it has one. */
static void
digest_strings(const char *const *strings, int nstrings, TplusDigest *digest)
{
	uint8		key[TPLUS_TOKEN_KEY_LEN];
	pg_hmac_ctx *ctx;
	bool		ok;
	int			i;

	if (!tplus_token_part_exists())
	{
		digest_openly(strings, nstrings, digest);
		return;
	}
	tplus_token_part_key(key);
	ctx = pg_hmac_create(PG_SHA256);
	ok = ctx != NULL && pg_hmac_init(ctx, key, sizeof(key)) >= 0;
	for (i = 0; ok && i < nstrings; i++)
		UPDATE(pg_hmac_update, ctx, strings[i]);
	ok = ok && pg_hmac_final(ctx, digest->bytes, TPLUS_DIGEST_LEN) >= 0;
	pg_hmac_free(ctx);
	explicit_bzero(key, sizeof(key));
	if (!ok)
		elog(ERROR, "could not compute an HMAC");
}

/* Where requests go, and whom they trust there; however a host is spelled. */
static void
list_route(const TplusServerOptions *server, const char **strings)
{
	const char *url = server->base_url;

	strings[0] = pg_strncasecmp(url, "http:", 5) == 0 ? "http" : "https";
	strings[1] = tplus_http_authority(url);
	strings[2] = tplus_address_path(url);
	strings[3] = server->proxy;
	strings[4] = server->token_path;
	strings[5] = server->ca_file;
}

bool
tplus_pair_same_route(const TplusServerOptions *a, const TplusServerOptions *b)
{
	const char *left[NROUTE];
	const char *right[NROUTE];
	int			i;

	list_route(a, left);
	list_route(b, right);
	for (i = 0; i < NROUTE; i++)
	{
		if ((left[i] == NULL) != (right[i] == NULL) ||
			(left[i] != NULL && strcmp(left[i], right[i]) != 0))
			return false;
	}
	return true;
}

/* What a pair is made from: three strings. */
static void
list_origin(const TplusAccount *account, const char *who, const char **strings)
{
	const TplusMappingOptions *mapping = &account->mapping;

	strings[0] = "authorize";
	strings[1] = account->server.name;
	strings[2] = who;
	if (account->auth != TPLUS_AUTH_SELF_BUILT && !mapping->refresh_token)
		return;
	strings[0] = account->auth == TPLUS_AUTH_SELF_BUILT ? "certificate" :
		"refresh_token";
	strings[1] = account->auth == TPLUS_AUTH_SELF_BUILT ?
		mapping->certificate : mapping->refresh_token;
	strings[2] = NULL;
}

void
tplus_pair_key(const TplusAccount *account, TplusDigest *key)
{
	const char *strings[NROUTE + 6] = {
		"tplus.token", account->mapping.app_key, account->mapping.app_secret
	};

	if (!tplus_token_part_exists())
	{
		tplus_pair_key_1(account, key);
		return;
	}
	list_origin(account, psprintf("%u", account->mapping.userid), strings + 3);
	list_route(&account->server, strings + 6);
	digest_strings(strings, lengthof(strings), key);
}

void
tplus_pair_key_1(const TplusAccount *account, TplusDigest *key)
{
	const char *url = account->server.base_url;
	const char *strings[7] = {
		"tplus.token", tplus_http_authority(url), tplus_address_path(url),
		account->mapping.app_key
	};

	list_origin(account, OidIsValid(account->mapping.userid) ?
				GetUserNameFromId(account->mapping.userid, false) : NULL,
				strings + 4);
	digest_openly(strings, lengthof(strings), key);
}

void
tplus_pair_holder(const TplusAccount *account, TplusDigest *digest)
{
	const char *const strings[] = {
		"holder", account->mapping.app_key, account->mapping.app_secret
	};

	digest_strings(strings, lengthof(strings), digest);
}

void
tplus_pair_holder_1(const TplusAccount *account, TplusDigest *digest)
{
	const char *const strings[] = {
		"holder", account->mapping.app_key, account->mapping.app_secret
	};

	digest_openly(strings, lengthof(strings), digest);
}

void
tplus_pair_heirs(const TplusAccount *account, TplusDigest *for_server,
				 TplusDigest *for_mapping)
{
	char	   *who = psprintf("%u", account->mapping.userid);
	const char *strings[] = {
		NULL,
		psprintf("%llu/%u", (unsigned long long) GetSystemIdentifier(),
				 account->server.serverid),
		account->mapping.app_key, NULL, NULL, NULL, NULL
	};

	/* A pair by authorize() is one mapping's, also if the server is renamed. */
	list_origin(account, who, strings + 4);
	if (strcmp(strings[4], "authorize") == 0)
		strings[5] = "";
	strings[0] = "server";
	strings[3] = account->mapping.app_secret;
	digest_strings(strings, lengthof(strings), for_server);
	strings[0] = "mapping";
	strings[3] = who;
	digest_strings(strings, lengthof(strings), for_mapping);
}

void
tplus_pair_credentials(const TplusAccount *account, TplusDigest *digest)
{
	const TplusServerOptions *server = &account->server;
	const TplusMappingOptions *mapping = &account->mapping;
	const char *const strings[] = {
		server->base_url, server->token_path, server->ca_file,
		server->client_cert, server->client_key, server->min_tls,
		server->proxy, server->allow_plain_http ? "plain" : "",
		mapping->app_key, mapping->app_secret, mapping->refresh_token,
		mapping->certificate, mapping->app_ticket, mapping->proxy_password
	};

	digest_strings(strings, lengthof(strings), digest);
}

bool
tplus_pair_same_digest(const TplusDigest *a, const TplusDigest *b)
{
	return memcmp(a->bytes, b->bytes, TPLUS_DIGEST_LEN) == 0;
}
