/*-------------------------------------------------------------------------
 *
 * auth_refusal.c
 *		What it means that T+ refuses a token, and what a human does about it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/auth_refusal.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/error.h"
#include "tplus/auth_refusal.h"

#define CHECK_APPLICATION \
	"Check app_key and app_secret in the user mapping."
#define OTHERWISE_CHECK \
	" If that was done a moment ago, check app_key and app_secret in the user mapping, and the application in the console of the platform."

/*
 * What helps when T+ refuses what it was given, and when it does not say so
 * for certain; indexed by TplusGrant.
 */
typedef struct Advice
{
	const char *certain;
	const char *uncertain;
} Advice;

static const Advice advice[] = {
	[TPLUS_GRANT_CODE] = {
		"Authorize the application again: somebody of the enterprise has to allow it in the browser, which gives another code. A code works once, for ten minutes.",
		"Authorize the application again: somebody of the enterprise has to allow it in the browser, which gives another code. A code works once, for ten minutes."
		OTHERWISE_CHECK
	},
	[TPLUS_GRANT_REFRESH] = {
		TPLUS_AUTH_ADVICE, TPLUS_AUTH_ADVICE OTHERWISE_CHECK
	},
	[TPLUS_GRANT_SELF_BUILT] = {
		"Set the latest app_ticket with ALTER USER MAPPING, and check the certificate: an administrator of the enterprise may have to confirm the authorization link of the application again, which gives a new one.",
		"Set the latest app_ticket with ALTER USER MAPPING, and check the certificate: an administrator of the enterprise may have to confirm the authorization link of the application again, which gives a new one."
		OTHERWISE_CHECK
	},
};

/*
 * Codes whose meaning for a grant the general table does not tell.  They are
 * looked up without regard to the HTTP status: gateways differ in it.
 */
typedef struct GrantCode
{
	const char *code;
	TplusGrantOutcome outcome;
	int			sqlstate;
	const char *hint;			/* NULL: the advice for the grant */
} GrantCode;

static const GrantCode grant_codes[] = {
	{"14002", TPLUS_GRANT_BUSY, ERRCODE_OBJECT_IN_USE,
	"If this goes on, another program or database uses the same token pair; each needs its own."},
	{"4001", TPLUS_GRANT_REFUSED,
	ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, CHECK_APPLICATION},
	{"4002", TPLUS_GRANT_REFUSED,
	ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, CHECK_APPLICATION},
	{"4003", TPLUS_GRANT_REFUSED, ERRCODE_FDW_ERROR, TPLUS_AUTH_HINT_PATH},
	{"4008", TPLUS_GRANT_REFUSED, ERRCODE_FDW_ERROR, TPLUS_AUTH_HINT_PATH},
	{"4007", TPLUS_GRANT_REFUSED,
	ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, NULL},
	{"50107", TPLUS_GRANT_REFUSED,
	ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, NULL},
	{"4019", TPLUS_GRANT_REFUSED,
	ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, NULL},
	{"4031", TPLUS_GRANT_REFUSED,
	ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, NULL},
	{"4041", TPLUS_GRANT_REFUSED,
	ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, NULL},
	{"4028", TPLUS_GRANT_FAILED, ERRCODE_CONNECTION_FAILURE,
	"The platform could not reach the T+ server of the enterprise; check that it runs."},
	{"500", TPLUS_GRANT_FAILED, ERRCODE_SYSTEM_ERROR,
	"Try again later; if it goes on, ask the support of the platform."},
};

/* What T+ refused for a reason that it did not tell in so many words. */
static void
refuse_uncertain(TplusGrant grant, TplusAuthRefusal *refusal)
{
	refusal->outcome = TPLUS_GRANT_REFUSED;
	refusal->sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
	refusal->hint = advice[grant].uncertain;
}

/* A refusal that the general table blames on the request. */
static void
refuse_request(TplusGrant grant, int status, const char *code,
			   TplusAuthRefusal *refusal)
{
	if (refusal->sqlstate == ERRCODE_FDW_TABLE_NOT_FOUND)
		refusal->hint = TPLUS_AUTH_HINT_PATH;
	else if (code != NULL || status < 500)
		refuse_uncertain(grant, refusal);
	else
		refusal->hint = "Try again later. If it goes on, the application may have to be authorized again, see tplus.authorize().";
}

void
tplus_auth_refusal(TplusGrant grant, int status, const char *code,
				   TplusAuthRefusal *refusal)
{
	const TplusErrorEntry *entry;
	int			i;

	for (i = 0; code && i < (int) lengthof(grant_codes); i++)
	{
		const GrantCode *known = &grant_codes[i];

		if (strcmp(known->code, code) != 0)
			continue;
		refusal->outcome = known->outcome;
		refusal->sqlstate = known->sqlstate;
		refusal->hint = known->hint ? known->hint : advice[grant].certain;
		return;
	}

	entry = tplus_error_find(status, code, NULL);
	refusal->outcome = TPLUS_GRANT_REFUSED;
	refusal->sqlstate = entry->sqlstate;
	refusal->hint = entry->hint;
	switch (entry->refusal)
	{
		case TPLUS_REFUSAL_RETRY:
			refusal->outcome = TPLUS_GRANT_FAILED;
			break;
		case TPLUS_REFUSAL_THROTTLE:
			refusal->outcome = TPLUS_GRANT_BUSY;
			break;
		case TPLUS_REFUSAL_TOKEN:
			refusal->hint = advice[grant].certain;
			break;
		case TPLUS_REFUSAL_TOKEN_MAYBE:
			refuse_uncertain(grant, refusal);
			break;
		case TPLUS_REFUSAL_REQUEST:
			refuse_request(grant, status, code, refusal);
			break;
		case TPLUS_REFUSAL_FATAL:
			break;
	}
}
