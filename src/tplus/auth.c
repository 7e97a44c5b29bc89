/*-------------------------------------------------------------------------
 *
 * auth.c
 *		The calls that obtain a token pair: exchange, refresh, generate.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/auth.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "net/http.h"
#include "tplus/allowance.h"
#include "tplus/auth.h"
#include "tplus/meter.h"

#define PATH_EXCHANGE	"/auth/v2/getToken"
#define PATH_REFRESH	"/auth/v2/refreshToken"
#define PATH_GENERATE	"/v1/common/auth/selfBuiltApp/generateToken"

/* A reply holds two JWTs of about a kilobyte each; this is ample. */
#define MAX_REPLY_BYTES	(1024 * 1024)

/*
 * A worker holds what others need: whatever the options of a server, it does
 * not wait longer to connect, for one answer, and for one byte of it.
 */
#define MAX_CONNECT_MS	10000
#define MAX_REQUEST_MS	60000

/* How often it is looked whether to end. */
#define WAIT_MS			1000

/* Who must end waits so long for the only answer that there will be. */
#define STOP_GRACE_MS	10000

struct TplusGrantCall
{
	MemoryContext context;
	const TplusAccount *account;
	const TplusGrantRequest *request;
	const char *objection;		/* why it must not be made, or NULL */
	TplusHttpRequest http;
	StringInfoData query;
	StringInfoData body;
	TimestampTz begun;			/* the last run */
	TplusHttpResult result;		/* of the last run */
	StringInfoData answer;
};

int64
tplus_auth_limit_ms(const TplusAccount *account)
{
	return (int64) Min(account->server.connect_timeout_ms, MAX_CONNECT_MS) +
		Min(account->server.request_timeout_ms, MAX_REQUEST_MS);
}

/* Appends "name=value", percent-encoded, to a query string. */
static void
append_parameter(StringInfo query, const char *name, const char *value)
{
	char	   *utf8 = pg_server_to_any(value, strlen(value), PG_UTF8);
	const char *p;

	if (query->len > 0)
		appendStringInfoChar(query, '&');
	appendStringInfo(query, "%s=", name);
	for (p = utf8; *p; p++)
	{
		unsigned char c = (unsigned char) *p;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			(c >= 'a' && c <= 'z') || strchr("-._~", c) != NULL)
			appendStringInfoChar(query, c);
		else
			appendStringInfo(query, "%%%02X", c);
	}
}

/* Appends "name":"value" to a JSON object that is being written. */
static void
append_member(StringInfo body, const char *name, const char *value)
{
	StringInfoData local;
	char	   *utf8;

	initStringInfo(&local);
	escape_json(&local, name);
	appendStringInfoChar(&local, ':');
	escape_json(&local, value);
	utf8 = pg_server_to_any(local.data, local.len, PG_UTF8);
	appendStringInfo(body, "%c%s", body->len > 0 ? ',' : '{', utf8);
	explicit_bzero(local.data, local.len);
}

static List *
append_header(List *headers, const char *name, const char *value)
{
	return lappend(headers, psprintf("%s: %s", name, value));
}

/*
 * token_path names the call that renews.  The exchange of a code is its
 * neighbour: /auth/refreshToken has /auth/getToken beside it.
 */
static const char *
grant_path(const TplusAccount *account, TplusGrant grant)
{
	const char *path = account->server.token_path;
	const char *slash = path ? strrchr(path, '/') : NULL;

	switch (grant)
	{
		case TPLUS_GRANT_REFRESH:
			return path ? path : PATH_REFRESH;
		case TPLUS_GRANT_SELF_BUILT:
			return path ? path : PATH_GENERATE;
		case TPLUS_GRANT_CODE:
			if (slash && strcmp(slash, "/refreshToken") == 0)
				return psprintf("%.*s/getToken", (int) (slash - path), path);
			break;
	}
	return PATH_EXCHANGE;
}

/* Fills in what differs between the grants. */
static void
describe_grant(TplusGrantCall *call)
{
	const TplusAccount *account = call->account;
	const TplusGrantRequest *request = call->request;
	StringInfo	query = &call->query;

	call->http.path = grant_path(account, request->grant);
	if (request->grant == TPLUS_GRANT_SELF_BUILT)
	{
		call->http.method = "POST";
		append_member(&call->body, "appTicket", account->mapping.app_ticket);
		append_member(&call->body, "certificate", account->mapping.certificate);
		appendStringInfoChar(&call->body, '}');
		call->http.body = call->body.data;
		call->http.body_len = call->body.len;
		return;
	}

	call->http.method = "GET";
	if (request->grant == TPLUS_GRANT_CODE)
	{
		append_parameter(query, "grantType", "authorization_code");
		append_parameter(query, "redirectUri",
						 request->redirect_uri ? request->redirect_uri : "");
		append_parameter(query, "code", request->code);
	}
	else
	{
		append_parameter(query, "grantType", "refresh_token");
		append_parameter(query, "refreshToken", request->refresh_token);
	}

	/* The first generation of these calls wants the key here. */
	if (strstr(call->http.path, "/v2/") == NULL)
		append_parameter(query, "appKey", account->mapping.app_key);
	call->http.query = query->data;
}

static void
describe_transport(TplusHttpRequest *http, const TplusAccount *account)
{
	const TplusServerOptions *server = &account->server;

	http->base_url = server->base_url;
	http->connect_timeout_ms = Min(server->connect_timeout_ms, MAX_CONNECT_MS);
	http->request_timeout_ms = Min(server->request_timeout_ms, MAX_REQUEST_MS);
	http->stall_timeout_ms = Min(server->stall_timeout_ms, MAX_REQUEST_MS);
	http->max_response_bytes = MAX_REPLY_BYTES;
	http->ca_file = server->ca_file;
	http->client_cert = server->client_cert;
	http->client_key = server->client_key;
	http->min_tls = server->min_tls;
	http->proxy = server->proxy;
	http->proxy_password = account->mapping.proxy_password;
	http->headers = append_header(NIL, "appKey", account->mapping.app_key);
	http->headers = append_header(http->headers, "appSecret",
								  account->mapping.app_secret);
	http->headers = append_header(http->headers, "Content-Type",
								  "application/json");
	http->headers = append_header(http->headers, "Accept", "application/json");

	/* libcurl must not repeat what kills the pair it is sent with. */
	http->fresh_connection = true;
}

/*
 * May the secrets travel to this address?  Returns NULL, or why not.  The
 * options were checked when they were set, but this is where it matters.
 */
static const char *
refuse_address(const TplusAccount *account, const char *path)
{
	bool		plain = false;

	if (!tplus_http_url_is_safe(account->server.base_url, &plain))
		return "the server option \"base_url\" is not usable";
	if (plain && !account->server.allow_plain_http)
		return "secrets travel over plain HTTP only with allow_plain_http";
	if (!tplus_http_path_is_safe(path))
		return "the server option \"token_path\" is not usable";
	return NULL;
}

TplusGrantCall *
tplus_auth_prepare(const TplusAccount *account,
				   const TplusGrantRequest *request)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "T+ token call",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TplusGrantCall *call = palloc0(sizeof(TplusGrantCall));

	call->context = context;
	call->account = account;
	call->request = request;
	initStringInfo(&call->query);
	initStringInfo(&call->body);
	initStringInfo(&call->answer);
	describe_transport(&call->http, account);
	describe_grant(call);
	call->objection = refuse_address(account, call->http.path);
	MemoryContextSwitchTo(old);
	return call;
}

/*
 * Is the answer waited for no longer?  stopped_at (0: not yet) is when that was
 * first asked for.  A token can be generated again; what else was sent is used
 * up.
 */
static bool
is_abandoned(const TplusGrantCall *call, int64 *stopped_at)
{
	int64		grace_us = call->request->grant == TPLUS_GRANT_SELF_BUILT ?
	0 : STOP_GRACE_MS * INT64CONST(1000);

	if (!*call->http.stop)
		return false;
	if (*stopped_at == 0)
		*stopped_at = tplus_http_now();
	return tplus_http_now() - *stopped_at >= grace_us;
}

void
tplus_auth_run(TplusGrantCall *call, const volatile sig_atomic_t * stop)
{
	MemoryContext old;
	TplusHttpTransfer *transfer;
	int64		stopped_at = 0;
	bool		abandoned = false;
	bool		running;

	if (call->objection)
		return;
	old = MemoryContextSwitchTo(call->context);
	resetStringInfo(&call->answer);
	call->http.stop = stop;
	call->begun = GetCurrentTimestamp();
	tplus_allowance_note(tplus_allowance_payer(call->account),
						 call->account->server.serverid, InvalidOid, 1);
	transfer = tplus_http_start(&call->http, call->context);
	do
	{
		const char *bytes;
		size_t		len;

		running = tplus_http_result(transfer)->state == TPLUS_HTTP_RUNNING;
		if (running)
			tplus_http_wait(WAIT_MS, TPLUS_WAIT_NETWORK);
		while (bytes = tplus_http_body(transfer, &len), len > 0)
		{
			appendBinaryStringInfo(&call->answer, bytes, len);
			tplus_http_consume(transfer, len);
		}
		abandoned = running && is_abandoned(call, &stopped_at);
	} while (running && !abandoned);
	call->result = *tplus_http_result(transfer);
	if (call->result.state == TPLUS_HTTP_RUNNING)
	{
		call->result.state = TPLUS_HTTP_FAILED;
		call->result.failure = TPLUS_HTTP_REQUEST_TIMEOUT;
		strlcpy(call->result.message, "the background worker had to end",
				sizeof(call->result.message));
	}
	tplus_http_free(transfer);
	MemoryContextSwitchTo(old);
}

void
tplus_auth_read(TplusGrantCall *call, TplusGrantReply *reply)
{
	TplusSecrets secrets;

	tplus_secrets_of(call->account, &secrets);
	tplus_secrets_add(&secrets, call->request->code);
	tplus_secrets_add(&secrets, call->request->refresh_token);
	memset(reply, 0, sizeof(*reply));
	reply->status = call->result.status;
	if (call->objection)
	{
		reply->outcome = TPLUS_GRANT_REFUSED;
		reply->sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
		reply->hint = TPLUS_AUTH_HINT_PATH;
		reply->message = pstrdup(call->objection);
	}
	else if (call->result.state == TPLUS_HTTP_DONE)
	{
		const char *problem;
		size_t		offset;

		tplus_auth_reply_read(reply, call->request->grant,
							  tplus_json_parse(tplus_json_arena_create(call->context),
											   call->answer.data,
											   call->answer.len,
											   &problem, &offset),
							  &secrets);
	}
	else
		tplus_auth_reply_failed(reply, &call->result,
								&secrets);
	if (call->objection == NULL)
		tplus_meter_grant(call->account, call->http.path, call->begun,
						  &call->result, reply);
}

void
tplus_auth_free(TplusGrantCall *call)
{
	ListCell   *lc;

	foreach(lc, call->http.headers)
		explicit_bzero(lfirst(lc), strlen(lfirst(lc)));
	explicit_bzero(call->query.data, call->query.maxlen);
	explicit_bzero(call->body.data, call->body.maxlen);
	explicit_bzero(call->answer.data, call->answer.maxlen);
	MemoryContextDelete(call->context);
}
