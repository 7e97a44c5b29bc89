/*-------------------------------------------------------------------------
 *
 * token_functions.c
 *		SQL functions about tokens: get, renew, show.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/token_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "fdw/functions.h"
#include "fdw/publication.h"
#include "fdw/server.h"
#include "fdw/token_functions.h"
#include "fdw/validate.h"
#include "tplus/pair.h"
#include "tplus/token.h"

PG_FUNCTION_INFO_V1(tplus_authorize);
PG_FUNCTION_INFO_V1(tplus_refresh_token);
PG_FUNCTION_INFO_V1(tplus_renew_due);
PG_FUNCTION_INFO_V1(tplus_token_states);
PG_FUNCTION_INFO_V1(tplus_prepare_tokens);

/* As tplus._check_size() has it for functions in PL/pgSQL. */
#define MAX_ARGUMENT_BYTES	65536

/*
 * How early anybody may have the token of a mapping for PUBLIC renewed, in
 * microseconds: as early as renew_due() does it by default.
 */
#define PUBLIC_RENEWAL_US	(2 * USECS_PER_DAY)

/* Something to do with an account, under guard. */
typedef void (*AccountAction) (const TplusAccount *account, void *arg);

static void
require_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

static void
check_size(FunctionCallInfo fcinfo, int argument, const char *name)
{
	Size		size = toast_raw_datum_size(PG_GETARG_DATUM(argument)) - VARHDRSZ;

	if (size > MAX_ARGUMENT_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("argument \"%s\" is too long", name),
				 errdetail("It has %zu bytes; at most %d are taken.", size,
						   MAX_ARGUMENT_BYTES)));
}

/* The account of the current user on the server that the argument names. */
static TplusAccount *
account_argument(FunctionCallInfo fcinfo, int argument)
{
	TplusAccount *account;
	Oid			serverid;

	require_argument(fcinfo, argument, "server");
	serverid = tplus_usable_server(NameStr(*PG_GETARG_NAME(argument)));
	account = tplus_option_account(serverid, GetUserId());
	tplus_validate_transport(&account->server);
	return account;
}

/*
 * A mapping for PUBLIC is everybody's to use, but who replaces its token does
 * so for all: that is for the owner of the server.
 */
static bool
may_replace_token(Oid serverid, Oid userid)
{
	if (SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(userid),
							  ObjectIdGetDatum(serverid)))
		return true;
	return has_privs_of_role(userid, GetForeignServer(serverid)->owner);
}

/* The same, whose token the current user may replace. */
static TplusAccount *
own_account_argument(FunctionCallInfo fcinfo, int argument)
{
	TplusAccount *account = account_argument(fcinfo, argument);
	char	   *name = NameStr(*PG_GETARG_NAME(argument));

	if (!may_replace_token(get_foreign_server_oid(name, false), GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of server \"%s\" to replace the token of its user mapping for PUBLIC",
						name),
				 errdetail("The token serves everybody who uses the mapping."),
				 errhint("Use CREATE USER MAPPING FOR %s SERVER %s, with an application of your own.",
						 quote_identifier(GetUserNameFromId(GetUserId(), false)),
						 quote_identifier(name))));
	return account;
}

/* When the token that the account has now will end. */
static Datum
end_of_token(FunctionCallInfo fcinfo, const TplusAccount *account)
{
	TplusTokenStatus status;

	tplus_token_status(account, &status);
	if (status.expires_at == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(status.expires_at);
}

/*
 * tplus.authorize(server name, code text, redirect_uri text)
 */
Datum
tplus_authorize(PG_FUNCTION_ARGS)
{
	TplusAccount *account = own_account_argument(fcinfo, 0);
	char	   *code;

	require_argument(fcinfo, 1, "code");
	check_size(fcinfo, 1, "code");
	if (!PG_ARGISNULL(2))
		check_size(fcinfo, 2, "redirect_uri");
	code = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (*code == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", "code")));
	tplus_publication_warn();
	tplus_token_authorize(account, code, PG_ARGISNULL(2) ? NULL :
						  text_to_cstring(PG_GETARG_TEXT_PP(2)));
	explicit_bzero(code, strlen(code));
	return end_of_token(fcinfo, account);
}

/*
 * tplus.refresh_token(server name)
 */
Datum
tplus_refresh_token(PG_FUNCTION_ARGS)
{
	TplusAccount *account = own_account_argument(fcinfo, 0);

	tplus_publication_warn();
	tplus_token_renew(account);
	return end_of_token(fcinfo, account);
}

/*
 * Resolves the account of a mapping and does something with it, so that an
 * error of one does not keep the others from their turn.  Returns NULL, or
 * the error as a line, and its SQLSTATE; a cancel is passed on, and so is the
 * end of lock_timeout.
 */
static char *
with_account(const TplusMappingRef *ref, AccountAction action, void *arg,
			 int *sqlstate)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile complaint = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		action(tplus_option_account(ref->serverid, ref->userid), arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
		complaint = psprintf("%s%s%s%s%s", error->message,
							 error->detail ? ": " : "",
							 error->detail ? error->detail : "",
							 error->hint ? " " : "",
							 error->hint ? error->hint : "");
		*sqlstate = error->sqlerrcode;
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return complaint;
}

static Datum
user_name(Oid userid)
{
	const char *name = OidIsValid(userid) ?
	GetUserNameFromId(userid, true) : "public";

	return DirectFunctionCall1(namein, CStringGetDatum(name ? name : ""));
}

/* Is this the mapping that the current user would use? */
static bool
is_own_mapping(const TplusMappingRef *ref, List *all)
{
	ListCell   *lc;

	if (ref->userid == GetUserId())
		return true;
	if (OidIsValid(ref->userid))
		return false;
	foreach(lc, all)
	{
		TplusMappingRef *other = lfirst(lc);

		if (other->serverid == ref->serverid && other->userid == GetUserId())
			return false;
	}
	return true;
}

/*
 * How long the report of one renewal is waited for, and of all renewals for
 * servers of one owner; they go on in the background.
 */
#define DUE_WAIT_MS			5000
#define DUE_OWNER_WAIT_MS	10000

/* How long an owner of servers has made us wait. */
typedef struct OwnerWait
{
	Oid			owner;
	int64		waited_us;
} OwnerWait;

typedef struct RenewDue
{
	int64		within_us;
	TimestampTz until;
	bool		renewed;
	const char *message;
} RenewDue;

static void
renew_due_action(const TplusAccount *account, void *arg)
{
	RenewDue   *state = arg;

	if (account->auth == TPLUS_AUTH_OPEN_TOKEN)
	{
		state->message = "the access token is static";
		return;
	}
	state->renewed = tplus_token_renew_due(account, state->within_us,
										   state->until);
	if (!state->renewed)
		state->message = "not due";
}

static void
key_action(const TplusAccount *account, void *arg)
{
	if (account->auth != TPLUS_AUTH_OPEN_TOKEN)
		tplus_pair_key(account, arg);
}

/*
 * Forgets pairs that have ended and belong to no mapping any more.  If one of
 * the mappings cannot be understood, its pair could be anyone: all are kept.
 */
static void
forget_pairs(List *mappings)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, mappings)
	{
		TplusDigest *key = palloc0(sizeof(TplusDigest));
		int			ignored;

		if (with_account(lfirst(lc), key_action, key, &ignored) != NULL)
			return;
		keys = lappend(keys, key);
	}
	tplus_pair_forget(keys, GetCurrentTimestamp());
}

/* The argument as microseconds, counted from now. */
static int64
interval_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz end;

	require_argument(fcinfo, argument, name);
	end = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												  TimestampTzGetDatum(now),
												  PG_GETARG_DATUM(argument)));
	if (end < now || TIMESTAMP_NOT_FINITE(end))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be negative or infinite",
						name)));
	return end - now;
}

/* Those of the current user before all others. */
static List *
own_first(List *mappings)
{
	List	   *own = NIL;
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, mappings)
	{
		if (is_own_mapping(lfirst(lc), mappings))
			own = lappend(own, lfirst(lc));
		else
			others = lappend(others, lfirst(lc));
	}
	return list_concat(own, others);
}

static OwnerWait *
owner_wait(List **waits, Oid owner)
{
	OwnerWait  *wait;
	ListCell   *lc;

	foreach(lc, *waits)
	{
		wait = lfirst(lc);
		if (wait->owner == owner)
			return wait;
	}
	wait = palloc0(sizeof(OwnerWait));
	wait->owner = owner;
	*waits = lappend(*waits, wait);
	return wait;
}

/* As with_account(), but for as long only as the owner of the server may. */
static char *
renew_within(const TplusMappingRef *ref, OwnerWait *wait, RenewDue *state,
			 int *sqlstate)
{
	TimestampTz begun = GetCurrentTimestamp();
	char	   *complaint;

	if (wait->waited_us >= DUE_OWNER_WAIT_MS * INT64CONST(1000))
		return pstrdup("not tried, because other servers of its owner took too long");
	state->until = TimestampTzPlusMilliseconds(begun, DUE_WAIT_MS);
	complaint = with_account(ref, renew_due_action, state, sqlstate);
	wait->waited_us += GetCurrentTimestamp() - begun;
	return complaint;
}

/*
 * tplus.renew_due(within interval): a row for each token within the current
 * user's reach, which is everybody's for a superuser.
 */
Datum
tplus_renew_due(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		within_us = interval_argument(fcinfo, 0, "within");
	List	   *mappings = own_first(tplus_server_mappings());
	List	   *waits = NIL;
	ListCell   *lc;

	tplus_init_srf(fcinfo);
	tplus_publication_warn();
	foreach(lc, mappings)
	{
		TplusMappingRef *ref = lfirst(lc);
		RenewDue	state = {.within_us = within_us};
		Datum		values[4];
		bool		nulls[4] = {false};
		int			sqlstate = 0;
		char	   *complaint;

		if (!superuser() && (!is_own_mapping(ref, mappings) ||
							 !tplus_server_is_usable(ref->serverid)))
			continue;
		if (!may_replace_token(ref->serverid, GetUserId()))
			state.within_us = Min(within_us, PUBLIC_RENEWAL_US);
		complaint = renew_within(ref, owner_wait(&waits, ref->owner), &state,
								 &sqlstate);
		if (complaint)
			state.message = complaint;

		/* pg_cron shows nobody the rows. */
		if (sqlstate == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION)
			ereport(WARNING,
					(errcode(sqlstate),
					 errmsg("the token of server \"%s\" was not renewed",
							ref->server),
					 errdetail_internal("%s", complaint)));
		values[0] = DirectFunctionCall1(namein, CStringGetDatum(ref->server));
		values[1] = user_name(ref->userid);
		values[2] = BoolGetDatum(complaint == NULL && state.renewed);
		nulls[3] = state.message == NULL;
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(state.message);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	if (superuser() && !RecoveryInProgress() && !XactReadOnly)
		forget_pairs(mappings);
	return (Datum) 0;
}

static void
status_action(const TplusAccount *account, void *arg)
{
	tplus_token_status(account, arg);
}

/* May the current user know how the token of this mapping fares? */
static bool
may_see_status(const TplusMappingRef *ref, List *all)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR) ||
		has_privs_of_role(GetUserId(), ref->owner) ||
		(is_own_mapping(ref, all) && tplus_server_is_usable(ref->serverid));
}

static Datum
time_value(TimestampTz value, bool *is_null)
{
	*is_null = value == 0;
	return TimestampTzGetDatum(value);
}

static Datum
text_value(const char *value, bool *is_null)
{
	*is_null = value == NULL;
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

/*
 * tplus.token_states(): what the view tplus.token_status shows.
 */
Datum
tplus_token_states(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *mappings = tplus_server_mappings();
	ListCell   *lc;

	tplus_init_srf(fcinfo);
	foreach(lc, mappings)
	{
		TplusMappingRef *ref = lfirst(lc);
		TplusTokenStatus status = {.state = "unusable"};
		Datum		values[10];
		bool		nulls[10] = {false};
		int			ignored;
		char	   *complaint;

		if (!may_see_status(ref, mappings))
			continue;
		complaint = with_account(ref, status_action, &status, &ignored);
		if (complaint)
			status.message = complaint;
		values[0] = DirectFunctionCall1(namein, CStringGetDatum(ref->server));
		values[1] = user_name(ref->userid);
		values[2] = text_value(status.auth, &nulls[2]);
		values[3] = Int64GetDatum(status.generation);
		values[4] = time_value(status.obtained_at, &nulls[4]);
		values[5] = time_value(status.expires_at, &nulls[5]);
		values[6] = time_value(status.refresh_expires_at, &nulls[6]);
		values[7] = text_value(status.state, &nulls[7]);
		values[8] = text_value(status.message, &nulls[8]);
		values[9] = Int64GetDatum(status.renewals);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * tplus._prepare_tokens(): for the install scripts, which drop it again.
 */
Datum
tplus_prepare_tokens(PG_FUNCTION_ARGS)
{
	if (!superuser() || !creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("tokens are prepared by the install scripts alone")));
	tplus_pair_prepare();
	PG_RETURN_VOID();
}
