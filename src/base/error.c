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

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "base/error.h"
#include "base/redact.h"

#define HINT_PERMISSION \
	"Check app_key, app_secret and the application's permission for this interface in the console of the platform."
#define HINT_REQUEST \
	"Check the options \"path\", \"body_key\" and \"fixed_params\" of the foreign table."
#define HINT_LATER \
	"The service may be in its maintenance window; try again later."

/*
 * Rows with a code come before those without; the first match wins.  The
 * meanings are those of docs/protocol.md, sections 4.1 and 4.2.  Of errors that
 * come with HTTP status 200 nobody tells more than that there may be some
 * (section 4.2 no. 7): codes of the platform are taken for what they mean
 * elsewhere.
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
	{200, "50107", TPLUS_REFUSAL_TOKEN,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the access token has expired or was revoked",
	"Authorize the application again, and set the new token with ALTER USER MAPPING."},
	{200, "4007", TPLUS_REFUSAL_TOKEN,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the access token has expired or was revoked",
	"Authorize the application again, and set the new token with ALTER USER MAPPING."},
	{200, "50112", TPLUS_REFUSAL_FATAL, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		"the request quota of the application is used up, or the access token was issued for another app_key",
	"Look up in the console of the platform which of the two it is."},
	{200, "50003", TPLUS_REFUSAL_FATAL,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"the application is configured wrongly", HINT_PERMISSION},
	{401, "50000", TPLUS_REFUSAL_TOKEN_MAYBE,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"T+ refused the application, its token, or its permission", HINT_PERMISSION},
	{403, "50000", TPLUS_REFUSAL_TOKEN_MAYBE,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"T+ refused the application, its token, or its permission", HINT_PERMISSION},
	{401, "50003", TPLUS_REFUSAL_FATAL,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"the application is configured wrongly", HINT_PERMISSION},
	{404, "50000", TPLUS_REFUSAL_REQUEST, ERRCODE_FDW_TABLE_NOT_FOUND,
		"T+ does not know this interface",
	"Check the path, and the application's permission for this interface."},
	{0, "EXSV0011", TPLUS_REFUSAL_REQUEST, ERRCODE_FDW_TABLE_NOT_FOUND,
		"T+ does not know this interface",
	"Check the option \"path\" or \"resource\" of the foreign table."},
	{0, "EXERROR0001", TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway could not reach the T+ server", HINT_LATER},
	{0, "EXERROR0002", TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway could not reach the T+ server", HINT_LATER},
	{999, NULL, TPLUS_REFUSAL_REQUEST, ERRCODE_FDW_ERROR,
	"T+ refused the request by a rule of its own", HINT_REQUEST},
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
	{404, NULL, TPLUS_REFUSAL_REQUEST, ERRCODE_FDW_TABLE_NOT_FOUND,
		"T+ does not know this path",
	"Check the server option \"base_url\" and the path of the foreign table."},
	{407, NULL, TPLUS_REFUSAL_FATAL,
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the proxy asks for a user and a password",
	"Name the user in the server option \"proxy\", and set proxy_password in the user mapping."},
	{408, NULL, TPLUS_REFUSAL_RETRY, ERRCODE_CONNECTION_FAILURE,
	"the gateway gave up waiting", HINT_LATER},
	{500, NULL, TPLUS_REFUSAL_REQUEST, ERRCODE_FDW_ERROR,
		"T+ reported an error",
		"If its message does not help, ask the support of T+.",
	"If its message does not help, set the option \"pushdown\" of the foreign table to \"false\", or ask the support of T+."},
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
	0, NULL, TPLUS_REFUSAL_REQUEST, ERRCODE_FDW_ERROR,
	"T+ refused the request", HINT_REQUEST
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

/*
 * Characters that move a terminal, or hide or turn round what stands there, in
 * UTF-8, which sorts as the characters do.
 */
static const struct
{
	const char *first;
	const char *last;
}			controls[] = {
	{"\x7f", "\x7f"},
	{"\xc2\x80", "\xc2\x9f"},	/* C1 */
	{"\xd8\x9c", "\xd8\x9c"},	/* a mark of direction */
	{"\xe2\x80\x8b", "\xe2\x80\x8f"},	/* of no width, and more marks */
	{"\xe2\x80\xa8", "\xe2\x80\xae"},	/* ends of lines, directions */
	{"\xe2\x81\xa0", "\xe2\x81\xaf"},
	{"\xef\xbb\xbf", "\xef\xbb\xbf"},
	{"\xef\xbf\xb9", "\xef\xbf\xbb"},
	{"\xf3\xa0\x80\x80", "\xf3\xa0\x81\xbf"},	/* tags */
};

bool
tplus_error_is_control(const char *utf8)
{
	int			i;

	if ((unsigned char) *utf8 < 0x20)
		return true;
	for (i = 0; i < (int) lengthof(controls); i++)
	{
		size_t		len = strlen(controls[i].first);

		if (strncmp(utf8, controls[i].first, len) >= 0 &&
			strncmp(utf8, controls[i].last, len) <= 0)
			return true;
	}
	return false;
}

/* Replaces what is no valid UTF-8, and control characters, in place. */
static void
clean_utf8(char *text, size_t len)
{
	size_t		i = 0;
	size_t		to = 0;

	while (i < len)
	{
		const char *c = text + i;
		size_t		chlen = pg_utf_mblen((const unsigned char *) c);

		if (i + chlen > len ||
			!pg_utf8_islegal((const unsigned char *) c, chlen))
		{
			text[to++] = '?';
			chlen = 1;
		}
		else if (tplus_error_is_control(c))
			text[to++] = *c == '\n' || *c == '\r' || *c == '\t' ? ' ' : '?';
		else
		{
			memmove(text + to, c, chlen);
			to += chlen;
		}
		i += chlen;
	}
	text[to] = '\0';
}

/* A copy in which each character beyond ASCII is a question mark. */
static char *
to_ascii(const char *text)
{
	char	   *result = palloc(strlen(text) + 1);
	char	   *to = result;

	while (*text)
	{
		*to++ = IS_HIGHBIT_SET(*text) ? '?' : *text;
		text += pg_utf_mblen((const unsigned char *) text);
	}
	*to = '\0';
	return result;
}

char *
tplus_error_blot(const char *text, const char *const *secrets, int nsecrets)
{
	StringInfoData copy;
	const char *end = text + strlen(text);

	initStringInfo(&copy);
	while (text < end)
	{
		size_t		secret = tplus_redact_match(text, end - text, secrets,
												nsecrets);

		if (secret > 0)
			appendStringInfoString(&copy, "***");
		else
			appendStringInfoChar(&copy, *text);
		text += secret > 0 ? secret : 1;
	}
	return copy.data;
}

char *
tplus_error_clip(const char *text, size_t len, size_t max_bytes,
				 const char *const *secrets, int nsecrets)
{
	static const char stars[] = "***";
	char	   *copy = palloc(max_bytes + sizeof(stars));
	size_t		n = 0;
	size_t		i = 0;

	len = strnlen(text, len);
	while (i < len && n < max_bytes)
	{
		size_t		secret = tplus_redact_match(text + i, len - i, secrets,
												nsecrets);

		if (secret == 0)
		{
			copy[n++] = text[i++];
			continue;
		}
		memcpy(copy + n, stars, sizeof(stars) - 1);
		n += sizeof(stars) - 1;
		i += secret;
	}
	copy[n] = '\0';
	if (i < len || n > max_bytes)
		copy[pg_encoding_mbcliplen(PG_UTF8, copy, n, max_bytes)] = '\0';
	clean_utf8(copy, strlen(copy));

	/*
	 * A conversion could fail on a character that the database encoding
	 * lacks, and this must not; so only ASCII is repeated there.
	 */
	return GetDatabaseEncoding() == PG_UTF8 ? copy : to_ascii(copy);
}
