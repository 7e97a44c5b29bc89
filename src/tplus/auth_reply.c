/*-------------------------------------------------------------------------
 *
 * auth_reply.c
 *		What the answer to a call for a token pair means.
 *
 * Nothing is believed: an answer without a usable access token is no success,
 * whatever its status says, and then the old pair may be dead all the same,
 * because T+ may have issued a new one that we could not read.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/auth_reply.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/error.h"
#include "tplus/auth_reply.h"
#include "tplus/envelope.h"
#include "tplus/failure.h"

/* Longest token that we believe; it must travel in a header. */
#define MAX_TOKEN_BYTES	8192

#define MAX_LIFE_S		(10.0 * 365 * 24 * 3600)

/* How much of a code is shown. */
#define MAX_CODE_BYTES	64

#define HINT_NETWORK \
	"Check the server option \"base_url\" and the network between this server and T+."

/* Why there was no whole response. */
typedef struct TransportFailure
{
	int			sqlstate;
	const char *phrase;
} TransportFailure;

static const TransportFailure transport_failures[] = {
	[TPLUS_HTTP_OK] = {ERRCODE_SYSTEM_ERROR, "no response"},
	[TPLUS_HTTP_RESOLVE] = {
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	"the host name has no address"},
	[TPLUS_HTTP_CONNECT] = {
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	"no connection"},
	[TPLUS_HTTP_PROXY_LOGIN] = {ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	"the proxy asks for a user and a password"},
	[TPLUS_HTTP_TLS] = {
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	"no TLS connection"},
	[TPLUS_HTTP_CONNECT_TIMEOUT] = {
		ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
	"no connection within connect_timeout_ms"},
	[TPLUS_HTTP_REQUEST_TIMEOUT] = {ERRCODE_CONNECTION_FAILURE,
	"no answer within request_timeout_ms"},
	[TPLUS_HTTP_STALL_TIMEOUT] = {ERRCODE_CONNECTION_FAILURE,
	"no byte within stall_timeout_ms"},
	[TPLUS_HTTP_BROKEN] = {ERRCODE_CONNECTION_FAILURE,
	"the connection ended too early"},
	[TPLUS_HTTP_TOO_LARGE] = {ERRCODE_PROGRAM_LIMIT_EXCEEDED,
	"the answer is larger than a token reply can be"},
	[TPLUS_HTTP_HEAD] = {ERRCODE_PROGRAM_LIMIT_EXCEEDED,
	"the head of the answer is larger than any that T+ sends"},
	[TPLUS_HTTP_ENCODING] = {ERRCODE_PROTOCOL_VIOLATION,
	"the answer could not be decompressed"},
	[TPLUS_HTTP_UNASKED] = {ERRCODE_PROTOCOL_VIOLATION,
	"the answer is compressed in a way that was not asked for"},
	[TPLUS_HTTP_LOCAL] = {ERRCODE_SYSTEM_ERROR,
	"the request could not be made"},
};

/* What the two answer shapes call the parts of a pair. */
typedef struct ReplyField
{
	const char *oauth;			/* section 2.2 no. 4, "result" */
	const char *self_built;		/* section 2.3 no. 2, "value" */
} ReplyField;

static const ReplyField field_access = {"access_token", "accessToken"};
static const ReplyField field_refresh = {"refresh_token", "refreshToken"};
static const ReplyField field_expires = {"expires_in", "expiresIn"};
static const ReplyField field_refresh_expires = {
	"refresh_expires_in", "refreshExpiresIn"
};

/* A token as it may stand in a header; NULL if the node is none. */
static char *
token_text(const TplusJson *node)
{
	const char *text = tplus_json_text(node);
	const char *p;

	if (tplus_json_kind(node) != TPLUS_JSON_STRING || *text == '\0')
		return NULL;
	for (p = text; *p; p++)
	{
		if (*p <= ' ' || (unsigned char) *p >= 0x7f)
			return NULL;
	}
	return p - text <= MAX_TOKEN_BYTES ? pstrdup(text) : NULL;
}

/*
 * Seconds, given as a number or as text; 0 if they are over, or TPLUS_UNTOLD.
 * A fraction is of no interest, and nothing lives for ten years.
 */
static int64
seconds(const TplusJson *node)
{
	const char *text = tplus_json_text(node);
	char	   *end;
	double		value;

	if ((tplus_json_kind(node) != TPLUS_JSON_STRING &&
		 tplus_json_kind(node) != TPLUS_JSON_NUMBER) ||
		strpbrk(text, "xXnN") != NULL)
		return TPLUS_UNTOLD;
	value = strtod(text, &end);
	if (end == text || *end != '\0')
		return TPLUS_UNTOLD;
	return (int64) Max(0.0, Min(value, MAX_LIFE_S));
}

static const TplusJson *
reply_field(const TplusJson *root, const ReplyField *field)
{
	const TplusJson *pair = tplus_json_get(root, "result", NULL);

	if (tplus_json_kind(pair) != TPLUS_JSON_OBJECT)
		pair = tplus_json_get(root, "value", NULL);
	if (tplus_json_kind(pair) != TPLUS_JSON_OBJECT)
		pair = root;
	root = tplus_json_get(pair, field->oauth, NULL);
	return root ? root : tplus_json_get(pair, field->self_built, NULL);
}

/* What stands where a token belongs; "null" and the like are no secrets. */
static void
add_secret(TplusSecrets *secrets, const TplusJson *node)
{
	if (tplus_json_kind(node) == TPLUS_JSON_STRING ||
		tplus_json_kind(node) == TPLUS_JSON_NUMBER)
		tplus_secrets_add(secrets, tplus_json_text(node));
}

/* Foreign text made safe to show; NULL if there is none. */
static char *
foreign_text(const char *text, size_t max_bytes, const TplusSecrets *secrets)
{
	return text == NULL ? NULL :
		tplus_error_clip(text, strlen(text), max_bytes, secrets->texts,
						 secrets->n);
}

/* Takes the pair out of an answer that is no refusal. */
static void
read_pair(TplusGrantReply *reply, const TplusJson *root)
{
	reply->access_token = token_text(reply_field(root, &field_access));
	reply->refresh_token = token_text(reply_field(root, &field_refresh));
	reply->expires_in = seconds(reply_field(root, &field_expires));
	reply->refresh_expires_in =
		seconds(reply_field(root, &field_refresh_expires));
	if (reply->access_token)
	{
		reply->outcome = TPLUS_GRANT_OK;
		reply->message = "";
		return;
	}
	reply->outcome = TPLUS_GRANT_FAILED;
	reply->sqlstate = ERRCODE_FDW_ERROR;
	reply->hint = TPLUS_AUTH_HINT_PATH;
	reply->outcome_unknown = true;
	reply->message = psprintf("T+ answered with HTTP status %d but without an access token",
							  reply->status);
}

/*
 * Does the answer refuse?  Words without a code and without a token do, too
 * (docs/protocol.md, section 4.2 no. 1).
 */
static bool
is_refusal(const TplusGrantReply *reply, const TplusJson *root,
		   const TplusEnvelope *envelope)
{
	return reply->status < 200 || reply->status > 299 || envelope->is_error ||
		(envelope->message != NULL && !envelope->told_success &&
		 token_text(reply_field(root, &field_access)) == NULL);
}

void
tplus_auth_reply_read(TplusGrantReply *reply, TplusGrant grant,
					  const TplusJson *root, TplusSecrets *secrets)
{
	TplusEnvelope envelope;
	TplusAuthRefusal refusal;
	char	   *said;

	add_secret(secrets, reply_field(root, &field_access));
	add_secret(secrets, reply_field(root, &field_refresh));
	tplus_envelope_read(root, NULL, false, &envelope);
	reply->code = foreign_text(envelope.code, MAX_CODE_BYTES, secrets);
	said = foreign_text(envelope.message, TPLUS_ERROR_SNIPPET, secrets);
	if (!is_refusal(reply, root, &envelope))
	{
		read_pair(reply, root);
		return;
	}

	tplus_auth_refusal(grant, reply->status, reply->code, &refusal);
	reply->outcome = refusal.outcome;
	reply->sqlstate = refusal.sqlstate;
	reply->hint = refusal.hint;
	reply->may_pass = reply->outcome == TPLUS_GRANT_FAILED;
	reply->outcome_unknown = reply->outcome == TPLUS_GRANT_FAILED &&
		reply->code == NULL;
	reply->message = psprintf("HTTP status %d%s%s%s%s", reply->status,
							  reply->code ? ", code " : "",
							  reply->code ? reply->code : "",
							  said ? ": " : "", said ? said : "");
}

void
tplus_auth_reply_failed(TplusGrantReply *reply, const TplusHttpResult *result,
						const TplusSecrets *secrets)
{
	const TransportFailure *failure = &transport_failures[result->failure];
	char	   *said = tplus_error_clip(result->message,
										strlen(result->message),
										TPLUS_ERROR_SNIPPET,
										secrets->texts, secrets->n);

	reply->outcome = TPLUS_GRANT_FAILED;
	reply->sqlstate = failure->sqlstate;
	reply->hint = HINT_NETWORK;
	reply->outcome_unknown = result->sent;
	reply->may_pass = tplus_failure_may_pass(result, false);
	reply->message = *said ? psprintf("%s: %s", failure->phrase, said) :
		pstrdup(failure->phrase);
}
