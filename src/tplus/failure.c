/*-------------------------------------------------------------------------
 *
 * failure.c
 *		The errors that a call ends with, with everything that helps.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/failure.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/address.h"
#include "net/budget.h"
#include "tplus/failure.h"
#include "tplus/secrets.h"

/* How much of a reply is shown when it is not what was expected, in bytes. */
#define SNIPPET_BYTES	200

/* Indexed by TplusHttpFailure. */
static const struct
{
	int			sqlstate;
	const char *message;
	const char *hint;
	bool		final;			/* another attempt would end likewise */
}			transport_failures[] = {

	[TPLUS_HTTP_OK] = {
		ERRCODE_INTERNAL_ERROR, "no failure", NULL
	},
	[TPLUS_HTTP_RESOLVE] = {
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
		"the name of the host could not be resolved",
		"Check the server option \"base_url\" and the name service."
	},
	[TPLUS_HTTP_CONNECT] = {
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
		"no connection could be made",
		"Check the server options \"base_url\" and \"proxy\", proxy_password in the user mapping, and the firewall."
	},
	[TPLUS_HTTP_PROXY_LOGIN] = {
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the proxy asks for a user and a password",
		"Name the user in the server option \"proxy\", and set proxy_password in the user mapping.",
		true
	},
	[TPLUS_HTTP_TLS] = {
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
		"no secure connection could be made",
		"Check the certificate of the server, and the server options \"ca_file\" and \"min_tls\".",
		true
	},
	[TPLUS_HTTP_CONNECT_TIMEOUT] = {
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
		"connecting took too long",
		"Check the network, or raise the server option \"connect_timeout_ms\"."
	},
	[TPLUS_HTTP_REQUEST_TIMEOUT] = {
		ERRCODE_CONNECTION_FAILURE, "the response took too long",
		"Lower \"page_size\", or raise the server option \"request_timeout_ms\"."
	},
	[TPLUS_HTTP_STALL_TIMEOUT] = {
		ERRCODE_CONNECTION_FAILURE, "the response stalled",
		"Lower \"page_size\", or raise the server option \"stall_timeout_ms\"."
	},
	[TPLUS_HTTP_BROKEN] = {
		ERRCODE_CONNECTION_FAILURE, "the connection broke",
		"Try again later; check the network, and what stands between this server and T+."
	},
	[TPLUS_HTTP_TOO_LARGE] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the response is larger than \"max_response_mb\" allows",
		"Lower \"page_size\", or raise the server option \"max_response_mb\".",
		true
	},
	[TPLUS_HTTP_HEAD] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the head of the response is larger than any that T+ sends",
		"Check the server options \"base_url\" and \"proxy\", and what stands between this server and T+.",
		true
	},
	[TPLUS_HTTP_ENCODING] = {
		ERRCODE_PROTOCOL_VIOLATION,
		"the compressed response is damaged",
		"Try again later; check what stands between this server and T+."
	},
	[TPLUS_HTTP_UNASKED] = {
		ERRCODE_PROTOCOL_VIOLATION,
		"the response is compressed in a way that was not asked for",
		"Check what stands between this server and T+; it must not compress other than by gzip or deflate.",
		true
	},
	[TPLUS_HTTP_LOCAL] = {
		ERRCODE_SYSTEM_ERROR, "the request could not be made", NULL,
		true
	},
};

/* Text of T+ for a message: capped, clean, without the account's secrets. */
static char *
foreign_text(const TplusFailure *failure, const char *text, size_t len,
			 size_t max_bytes)
{
	TplusSecrets secrets;

	tplus_secrets_of(failure->account, &secrets);
	tplus_secrets_add(&secrets, failure->access_token);
	return tplus_error_clip(text, len, max_bytes, secrets.texts, secrets.n);
}

static char *
snippet(const TplusFailure *failure, const char *text, size_t len)
{
	return foreign_text(failure, text, len, SNIPPET_BYTES);
}

char *
tplus_failure_code(const TplusFailure *failure, const TplusReply *reply)
{
	return reply->code ? snippet(failure, reply->code, strlen(reply->code)) :
		NULL;
}

/* What the address of the server puts before each path. */
static char *
prefix(const TplusFailure *failure)
{
	TplusSecrets secrets;

	tplus_secrets_of(failure->account, &secrets);
	return tplus_error_blot(tplus_address_path(failure->account->server.base_url),
							secrets.texts, secrets.n);
}

/* What was asked, and how often. */
static int
err_request(const TplusFailure *failure)
{
	if (failure->attempts > 1)
		errcontext("after %d attempts", failure->attempts);
	return errcontext("request \"%s%s\" of %s", prefix(failure),
					  failure->path, failure->what);
}

static const char *
server_name(const TplusFailure *failure)
{
	return failure->account->server.name;
}

bool
tplus_failure_may_pass(const TplusHttpResult *result, bool delivered)
{
	/* What was decompressed before the damage showed may be damaged, too. */
	if (result->failure == TPLUS_HTTP_ENCODING && delivered)
		return false;
	return !transport_failures[result->failure].final;
}

void
tplus_failure_transport(const TplusFailure *failure,
						const TplusHttpResult *result)
{
	const char *hint = transport_failures[result->failure].hint;
	char	   *detail;

	CHECK_FOR_INTERRUPTS();		/* it may have been ended for one */
	detail = foreign_text(failure, result->message,
						  strlen(result->message),
						  TPLUS_ERROR_SNIPPET);

	detail[0] = pg_ascii_toupper((unsigned char) detail[0]);
	ereport(ERROR,
			(errcode(transport_failures[result->failure].sqlstate),
			 errmsg("could not read from server \"%s\": %s",
					server_name(failure),
					transport_failures[result->failure].message),
			 detail[0] ? errdetail_internal("%s.", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 err_request(failure)));
}

void
tplus_failure_refused(const TplusFailure *failure, int status,
					  const TplusReply *reply, const TplusErrorEntry *entry,
					  const char *body, size_t len)
{
	StringInfoData detail;
	const char *message = reply->message;
	const char *hint = failure->is_filtered && entry->filter_hint ?
	entry->filter_hint : entry->hint;

	initStringInfo(&detail);
	appendStringInfo(&detail, "T+ answered HTTP %d", status);
	if (reply->code)
		appendStringInfo(&detail, ", code %s",
						 tplus_failure_code(failure, reply));
	if (message || len > 0)
		appendStringInfo(&detail, ": \"%s\"",
						 foreign_text(failure, message ? message : body,
									  message ? strlen(message) : len,
									  TPLUS_ERROR_SNIPPET));
	appendStringInfoChar(&detail, '.');

	ereport(ERROR,
			(errcode(entry->sqlstate),
			 errmsg("could not read from server \"%s\": %s",
					server_name(failure), entry->message),
			 errdetail_internal("%s", detail.data),
			 hint ? errhint("%s", hint) : 0,
			 err_request(failure)));
}

void
tplus_failure_malformed(const TplusFailure *failure, const char *problem,
						size_t offset, bool whole, const char *text,
						size_t len)
{
	bool		too_deep = strcmp(problem, TPLUS_JSON_TOO_DEEP) == 0;

	if (strcmp(problem, "out of memory") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	ereport(ERROR,
			(errcode(too_deep ? ERRCODE_PROGRAM_LIMIT_EXCEEDED :
					 ERRCODE_PROTOCOL_VIOLATION),
			 too_deep ?
			 errmsg("could not read from server \"%s\": the response nests arrays and objects too deep",
					server_name(failure)) :
			 errmsg("could not read from server \"%s\": the response is not valid JSON",
					server_name(failure)),
			 whole ?
			 errdetail("At byte %zu of the response: %s. It begins with \"%s\".",
					   offset, problem, snippet(failure, text, len)) :
			 errdetail("At byte %zu of the response without its rows: %s. It begins with \"%s\".",
					   offset, problem, snippet(failure, text, len)),
			 too_deep ?
			 errhint("Leave the field that nests so deep out of the request, with the option \"select_fields\" of the foreign table.") :
			 errhint("Try again later; check what stands between this server and T+."),
			 err_request(failure)));
}

void
tplus_failure_html(const TplusFailure *failure, const char *text, size_t len)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("could not read from server \"%s\": it answered with a web page instead of JSON",
					server_name(failure)),
			 errdetail("The response begins with \"%s\".",
					   snippet(failure, text, len)),
			 errhint("Check the server options \"base_url\" and \"proxy\"."),
			 err_request(failure)));
}

void
tplus_failure_empty(const TplusFailure *failure, const char *text, size_t len)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("could not read from server \"%s\": the reply is empty where rows were expected",
					server_name(failure)),
			 errdetail("The reply is \"%s\".", snippet(failure, text, len)),
			 errhint("If this server means that there are no rows, set the option \"empty_reply\" of the foreign table to \"zero\"."),
			 err_request(failure)));
}

void
tplus_failure_no_rows(const TplusFailure *failure, const char *text,
					  size_t len)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("could not read from server \"%s\": the reply has no rows where they were expected",
					server_name(failure)),
			 errdetail("The reply begins with \"%s\".",
					   snippet(failure, text, len)),
			 errhint("Check the options \"rows_path\" and \"body_key\" of the foreign table."),
			 err_request(failure)));
}

void
tplus_failure_columns(const TplusFailure *failure)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("could not read from server \"%s\": rows and columns of the reply do not match",
					server_name(failure)),
			 err_request(failure)));
}

void
tplus_failure_pause(const TplusFailure *failure, int64 pause_ms)
{
	bool		capped = pause_ms > TPLUS_BUDGET_PAUSE_CAP_MS;
	int64		kept_ms = Min(pause_ms, TPLUS_BUDGET_PAUSE_CAP_MS);
	TimestampTz until = GetCurrentTimestamp() + kept_ms * 1000;

	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("server \"%s\" asks to be left alone until %s",
					server_name(failure), timestamptz_to_str(until)),
			 capped ?
			 errdetail("It asked for " INT64_FORMAT " seconds; no longer than an hour goes by before it is asked again.",
					   pause_ms / 1000) : 0,
			 errhint("Try again after that time, and lower the server option \"requests_per_second\"."),
			 err_request(failure)));
}
