/*-------------------------------------------------------------------------
 *
 * error.c
 *		What a refusal of T+ means, as a table; foreign text made safe.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/error.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/error.h"

#define HINT_PERMISSION \
	"Check app_key, app_secret and the application's permission for this interface in the console of the platform."
#define HINT_LATER \
	"The service may be in its maintenance window; try again later."

/*
 * Rows with a code come before those without; the first match wins.  The
 * meanings are those of the protocol, section 4.
 */
static const TplusErrorEntry entries[] = {
	{401, "50112", TPLUS_REFUSAL_FATAL, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		"the request quota of the application is used up",
	"Buy more requests for the application, or wait for the next month."},
	{403, "50112", TPLUS_REFUSAL_FATAL,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the access token was issued for another app_key",
	"Check that app_key and the token in the user mapping belong together."},
	{403, "50107", TPLUS_REFUSAL_TOKEN,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the access token has expired or was revoked",
	"Authorize the application again, and set the new token with ALTER USER MAPPING."},
	{401, "4007", TPLUS_REFUSAL_TOKEN,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the access token has expired or was revoked",
	"Authorize the application again, and set the new token with ALTER USER MAPPING."},
	{401, "50000", TPLUS_REFUSAL_TOKEN_MAYBE,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"T+ refused the application, its token, or its permission", HINT_PERMISSION},
	{403, "50000", TPLUS_REFUSAL_TOKEN_MAYBE,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"T+ refused the application, its token, or its permission", HINT_PERMISSION},
	{401, "50003", TPLUS_REFUSAL_FATAL,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"the application is configured wrongly", HINT_PERMISSION},
	{404, "50000", TPLUS_REFUSAL_FATAL, ERRCODE_FDW_TABLE_NOT_FOUND,
		"T+ does not know this interface",
	"Check the path, and the application's permission for this interface."},
	{0, "EXSV0011", TPLUS_REFUSAL_FATAL, ERRCODE_FDW_TABLE_NOT_FOUND,
		"T+ does not know this interface",
	"Check the option \"path\" or \"resource\" of the foreign table."},
	{999, "EXERROR0001", TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway could not reach the T+ server", HINT_LATER},
	{999, "EXERROR0002", TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway could not reach the T+ server", HINT_LATER},
	{0, "EXERROR0002", TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway could not reach the T+ server", HINT_LATER},
	{999, NULL, TPLUS_REFUSAL_FATAL, ERRCODE_FDW_ERROR,
		"T+ refused the request by a rule of its own",
	"Check the options \"path\", \"body_key\" and \"fixed_params\" of the foreign table."},
	{409, NULL, TPLUS_REFUSAL_THROTTLE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		"T+ protects itself against too many requests",
	"Lower the server option \"requests_per_second\"."},
	{429, NULL, TPLUS_REFUSAL_THROTTLE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		"T+ received too many requests",
	"Lower the server option \"requests_per_second\"."},
	{401, NULL, TPLUS_REFUSAL_TOKEN_MAYBE,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"T+ refused the application, its token, or its permission", HINT_PERMISSION},
	{403, NULL, TPLUS_REFUSAL_TOKEN_MAYBE, ERRCODE_INSUFFICIENT_PRIVILEGE,
	"T+ refused the application, its token, or its permission", HINT_PERMISSION},
	{404, NULL, TPLUS_REFUSAL_FATAL, ERRCODE_FDW_TABLE_NOT_FOUND,
		"T+ does not know this path",
	"Check the server option \"base_url\" and the path of the foreign table."},
	{408, NULL, TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway gave up waiting", HINT_LATER},
	{500, NULL, TPLUS_REFUSAL_FATAL, ERRCODE_FDW_ERROR,
	"T+ reported an error", NULL},
	{502, NULL, TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway could not reach the T+ server", HINT_LATER},
	{503, NULL, TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the service is not available", HINT_LATER},
	{504, NULL, TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway could not reach the T+ server in time", HINT_LATER},
};

static const TplusErrorEntry redirect_entry = {
	0, NULL, TPLUS_REFUSAL_FATAL, ERRCODE_FDW_ERROR,
	"the server answered with a redirect, which is not followed",
	"Set the server option \"base_url\" to the address that serves the API itself."
};

static const TplusErrorEntry client_entry = {
	0, NULL, TPLUS_REFUSAL_FATAL, ERRCODE_FDW_ERROR,
	"T+ refused the request", NULL
};

static const TplusErrorEntry server_entry = {
	0, NULL, TPLUS_REFUSAL_RETRY, ERRCODE_SYSTEM_ERROR,
	"the service failed", HINT_LATER
};

/* Does the comma-separated list hold the code? */
static bool
list_has_code(const char *list, const char *code)
{
	size_t		len = strlen(code);

	while (list && *list)
	{
		size_t		item;

		list += strspn(list, ", ");
		item = strcspn(list, ", ");
		if (item == len && strncmp(list, code, len) == 0)
			return true;
		list += item;
	}
	return false;
}

const TplusErrorEntry *
tplus_error_find(int status, const char *code, const char *extra_codes)
{
	int			i;

	if (code && (status == 401 || status == 403) &&
		list_has_code(extra_codes, code))
		return tplus_error_find(401, "4007", NULL);

	for (i = 0; i < (int) lengthof(entries); i++)
	{
		if (entries[i].status != 0 && entries[i].status != status)
			continue;
		if (entries[i].code != NULL &&
			(code == NULL || strcmp(entries[i].code, code) != 0))
			continue;
		return &entries[i];
	}
	if (status >= 300 && status < 400)
		return &redirect_entry;
	return status >= 500 ? &server_entry : &client_entry;
}

/* Replaces each occurrence of a secret by stars, in place. */
static void
hide_secret(char *text, const char *secret)
{
	size_t		len = secret ? strlen(secret) : 0;
	char	   *found;

	/* Too short to be a secret, and stars everywhere would tell it. */
	if (len < 4)
		return;
	while ((found = strstr(text, secret)) != NULL)
	{
		memcpy(found, "***", 3);
		memmove(found + 3, found + len, strlen(found + len) + 1);
	}
}

char *
tplus_error_clip(const char *text, size_t len, size_t max_bytes,
				 const char *const *secrets, int nsecrets)
{
	char	   *copy;
	char	   *converted;
	size_t		i;
	int			s;

	/*
	 * Secrets are looked for in more than will be shown, so that one that is
	 * cut at the end is still recognised.
	 */
	len = Min(len, max_bytes * 4 + 4096);
	copy = palloc(len + 1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	for (i = 0; i < len;)
	{
		unsigned char c = (unsigned char) copy[i];
		int			chlen = c < 0x80 ? 1 : pg_utf_mblen((unsigned char *) copy + i);

		if (c < 0x20 || c == 0x7f)
			copy[i] = c == '\n' || c == '\r' || c == '\t' ? ' ' : '?';
		else if (c >= 0x80 &&
				 (i + chlen > len || chlen == 1 ||
				  !pg_utf8_islegal((unsigned char *) copy + i, chlen)))
		{
			copy[i] = '?';
			chlen = 1;
		}
		i += chlen;
	}

	for (s = 0; s < nsecrets; s++)
		hide_secret(copy, secrets[s]);

	len = strlen(copy);
	if (len > max_bytes)
	{
		len = pg_encoding_mbcliplen(PG_UTF8, copy, len, max_bytes);
		copy[len] = '\0';
	}
	if (GetDatabaseEncoding() == PG_UTF8)
		return copy;

	/*
	 * A conversion could fail on a character that the database encoding
	 * lacks, and this must not; so only ASCII is repeated there.
	 */
	converted = palloc(len + 1);
	for (i = 0, s = 0; i < len;)
	{
		if (IS_HIGHBIT_SET(copy[i]))
		{
			i += pg_utf_mblen((unsigned char *) copy + i);
			converted[s++] = '?';
		}
		else
			converted[s++] = copy[i++];
	}
	converted[s] = '\0';
	return converted;
}
