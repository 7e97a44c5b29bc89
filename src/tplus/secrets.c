/*-------------------------------------------------------------------------
 *
 * secrets.c
 *		What must not be repeated of what T+ says.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/secrets.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/error.h"
#include "net/http.h"
#include "tplus/secrets.h"

void
tplus_secrets_add(TplusSecrets *secrets, const char *secret)
{
	Assert(secrets->n < TPLUS_MAX_SECRETS);
	secrets->texts[secrets->n++] = secret;
}

void
tplus_secrets_of(const TplusAccount *account, TplusSecrets *secrets)
{
	const TplusMappingOptions *mapping = &account->mapping;
	int			i;

	secrets->n = 0;
	tplus_secrets_add(secrets, mapping->app_key);
	tplus_secrets_add(secrets, mapping->app_secret);
	tplus_secrets_add(secrets, mapping->open_token);
	tplus_secrets_add(secrets, mapping->refresh_token);
	tplus_secrets_add(secrets, mapping->certificate);
	tplus_secrets_add(secrets, mapping->app_ticket);
	tplus_secrets_add(secrets, mapping->proxy_password);
	tplus_secrets_add(secrets,
					  tplus_http_proxy_credentials(account->server.proxy,
												   mapping->proxy_password));
	for (i = 0; account->used_tokens && i < TPLUS_USED_TOKENS; i++)
		tplus_secrets_add(secrets, account->used_tokens[i]);
}

void
tplus_secrets_use(const TplusAccount *account, const char *access_token)
{
	char	  **used = account->used_tokens;
	char	   *token;

	if (used[0] && strcmp(used[0], access_token) == 0)
		return;
	token = MemoryContextStrdup(GetMemoryChunkContext(used), access_token);
	if (used[TPLUS_USED_TOKENS - 1])
		pfree(used[TPLUS_USED_TOKENS - 1]);
	memmove(used + 1, used, (TPLUS_USED_TOKENS - 1) * sizeof(char *));
	used[0] = token;
}

char *
tplus_secrets_clip(const TplusAccount *account, const char *text, size_t len,
				   size_t max_bytes)
{
	TplusSecrets secrets;

	tplus_secrets_of(account, &secrets);
	return tplus_error_clip(text, len, max_bytes, secrets.texts, secrets.n);
}

char *
tplus_secrets_blot(const TplusAccount *account, const char *text)
{
	TplusSecrets secrets;

	tplus_secrets_of(account, &secrets);
	return tplus_error_blot(text, secrets.texts, secrets.n);
}

bool
tplus_secrets_found(const TplusAccount *account, const char *text)
{
	char	   *blotted = tplus_secrets_blot(account, text);
	bool		found = strcmp(blotted, text) != 0;

	pfree(blotted);
	return found;
}
