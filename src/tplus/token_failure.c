/*-------------------------------------------------------------------------
 *
 * token_failure.c
 *		Saying why there is no token, and what a human can do about it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/token_failure.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "tplus/auth_refusal.h"
#include "tplus/token_failure.h"

/* What a failure means to people. */
typedef struct FailureText
{
	int			sqlstate;		/* 0: the row's, or the report's */
	const char *message;		/* with the name of the server */
	const char *detail;			/* a sentence before what was reported */
	const char *hint;			/* NULL: the row's, or the report's */
} FailureText;

static const FailureText failure_texts[] = {
	[TPLUS_PAIR_FINE] = {
		ERRCODE_SYSTEM_ERROR,
		"the access token for server \"%s\" was not renewed",
	"Somebody changed the table tplus.token meanwhile.", NULL},
	[TPLUS_PAIR_REFUSED] = {
		0, "T+ refused to renew the access token for server \"%s\"",
	NULL, NULL},
	[TPLUS_PAIR_LOST] = {
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the token pair for server \"%s\" is lost",
		"An earlier renewal was interrupted before its answer could be stored, and T+ no longer accepts the refresh token from before it.",
	TPLUS_AUTH_ADVICE},
	[TPLUS_PAIR_BUSY] = {
	0, "could not renew the access token for server \"%s\"", NULL, NULL},
	[TPLUS_PAIR_UNANSWERED] = {
		0, "could not renew the access token for server \"%s\"",
		"The answer to a renewal did not arrive, so the pair may be lost; that shows when T+ is asked again.",
	NULL},
	[TPLUS_PAIR_FAILED] = {
	0, "could not renew the access token for server \"%s\"", NULL, NULL},
};

static const FailureText outcome_texts[] = {
	[TPLUS_ORDER_SILENT] = {
		ERRCODE_SYSTEM_ERROR,
		"the background worker that renews the access token for server \"%s\" ended unexpectedly",
	NULL, "See the server log for the reason."},
	[TPLUS_ORDER_NO_TABLE] = {
		ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		"cannot renew the access token for server \"%s\" in the transaction that created the extension",
		"The background worker that renews it does not see the table tplus.token.",
	"Commit CREATE EXTENSION first."},
	[TPLUS_ORDER_ERROR] = {
		0, "could not renew the access token for server \"%s\"",
	NULL, NULL},
	[TPLUS_ORDER_NO_WORKER] = {
		ERRCODE_INSUFFICIENT_RESOURCES,
		"could not start the background worker that renews the access token for server \"%s\"",
		"All slots for background workers are taken.",
	"You might need to increase max_worker_processes."},
	[TPLUS_ORDER_CROWDED] = {
		ERRCODE_INSUFFICIENT_RESOURCES,
		"could not start the background worker that renews the access token for server \"%s\"",
		"As many renewals as may run at a time are under way: of this role, or in the whole cluster.",
	"Try again later; tplus.token_status shows whose renewals last."},
	[TPLUS_ORDER_UNFINISHED] = {
		ERRCODE_OBJECT_IN_USE,
		"the renewal of the access token for server \"%s\" takes too long to be waited for",
		"It goes on in the background.",
	"See tplus.token_status for what comes of it."},
};

/* How to call this account's functions, for hints. */
static const char *
server_literal(const TplusAccount *account)
{
	return quote_literal_cstr(account->server.name);
}

static char *
failure_detail(const TplusPair *pair)
{
	const FailureText *text = &failure_texts[pair->failure];
	StringInfoData buf;

	initStringInfo(&buf);
	if (text->detail)
		appendStringInfo(&buf, "%s ", text->detail);
	if (pair->message && *pair->message)
		appendStringInfo(&buf, "The reason was: %s. ", pair->message);
	if (pair->failure == TPLUS_PAIR_REFUSED && pair->generation == 0)
		appendStringInfoString(&buf, "A pair that was obtained with another app_secret or by another route (base_url, proxy, token_path, ca_file) is not used for this one. ");
	if (pair->failed_until > GetCurrentTimestamp())
		appendStringInfo(&buf, "It is not asked again before %s, unless the user mapping or the server changes. ",
						 timestamptz_to_str(pair->failed_until));
	return buf.data;
}

/* Whose credentials they are, as a sentence. */
static char *
mapping_detail(const TplusAccount *account)
{
	Oid			userid = account->mapping.userid;
	char	   *user = OidIsValid(userid) ? GetUserNameFromId(userid, true) :
	NULL;

	return psprintf("The credentials are those of the user mapping for %s.",
					user ? quote_identifier(user) : "PUBLIC");
}

static const char *
failure_hint(const TplusPair *pair)
{
	const char *hint = failure_texts[pair->failure].hint;

	return hint ? hint : pair->hint;
}

/* Throws what the row tells. */
static void
pg_attribute_noreturn()
throw_from_row(const TplusAccount *account, const TplusPair *pair)
{
	const FailureText *text = &failure_texts[pair->failure];
	const char *hint = failure_hint(pair);

	if (pair->renewing_since != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the renewal of the access token for server \"%s\" was interrupted",
						account->server.name),
				 errdetail("T+ may have issued a pair that was never stored, and may still be at it."),
				 errhint("The refresh token is tried again after %s; tplus.refresh_token(%s) tries it at once. If T+ refuses it then, authorize the application again.",
						 timestamptz_to_str(pair->renewing_until),
						 server_literal(account))));

	if (pair->failure == TPLUS_PAIR_FINE && !pair->has_refresh_token &&
		account->auth == TPLUS_AUTH_REFRESH_TOKEN &&
		account->mapping.refresh_token == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("there is no token for server \"%s\" yet",
						account->server.name),
				 errhint("Call tplus.authorize(%s, ...) with a one-time code of T+, or add refresh_token to the user mapping.",
						 server_literal(account))));

	ereport(ERROR,
			(errcode(text->sqlstate ? text->sqlstate : pair->sqlstate),
			 errmsg("%s", psprintf(text->message, account->server.name)),
			 errdetail_internal("%s%s", failure_detail(pair),
								mapping_detail(account)),
			 hint ? errhint("%s", hint) : 0));
}

void
tplus_token_failure(const TplusAccount *account, const TplusPair *pair,
					const TplusOrderReport *report)
{
	const FailureText *text = &outcome_texts[report->outcome];

	if (report->outcome == TPLUS_ORDER_DONE)
		throw_from_row(account, pair);
	ereport(ERROR,
			(errcode(text->sqlstate ? text->sqlstate : report->sqlstate),
			 errmsg("%s", psprintf(text->message, account->server.name)),
			 text->detail ? errdetail("%s", text->detail) : 0,
			 report->message[0] ?
			 errdetail("The background worker reported: %s.",
					   report->message) : 0,
			 text->hint ? errhint("%s", text->hint) : 0,
			 report->hint[0] ? errhint("%s", report->hint) : 0));
}

void
tplus_token_failure_standby(const TplusAccount *account)
{
	ereport(ERROR,
			(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
			 errmsg("cannot renew the access token for server \"%s\" during recovery",
					account->server.name),
			 errdetail("The token that the primary has stored is missing, has expired, or was refused by T+."),
			 errhint("Run tplus.refresh_token(%s) on the primary; the new token reaches this standby by replication.",
					 server_literal(account))));
}

char *
tplus_token_failure_line(const TplusPair *pair)
{
	char	   *detail = failure_detail(pair);
	const char *hint = failure_hint(pair);
	char	   *line = psprintf("%s%s", detail, hint ? hint : "");
	size_t		len = strlen(line);

	if (len > 0 && line[len - 1] == ' ')
		line[len - 1] = '\0';
	return line;
}
