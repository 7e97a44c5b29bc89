/*-------------------------------------------------------------------------
 *
 * token.c
 *		The one row that holds the token pair of an account, and its renewal.
 *
 * Nothing about a pair is kept from one request to the next: the row is read
 * each time, so that a token renewed by anybody is found by everybody.  What a
 * backend may do on its own account is to ask for a renewal of the generation
 * that it saw; the worker refuses to renew any but the newest.  That makes one
 * renewal of each generation, however many ask.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/token.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/wait.h"
#include "tplus/accepted.h"
#include "tplus/pair.h"
#include "tplus/renew.h"
#include "tplus/token.h"
#include "tplus/token_failure.h"

/*
 * A pair is renewed when a tenth of its life is left: of the six days of an
 * access token that is half a day, in which a failing renewal is repeated
 * many times before anybody suffers, and a token that lives for seconds (in
 * tests) is not renewed with each request.
 */
#define EARLY_FRACTION	10

/* A refusal so soon after a renewal is not the token's fault. */
#define FRESH_S			60

/* A token so young, or used with success so lately, has not died by itself. */
#define TRUSTED_S		300

/* How long a standby waits for what the primary may just have stored. */
#define REPLAY_WAIT_MS	5000
#define REPLAY_POLL_MS	100

/* When no worker can be had, a token that still lives is used so long. */
#define NO_WORKER_PAUSE_S	60

static bool
is_alive(const TplusPair *pair, TimestampTz now)
{
	return pair->access_token && now < pair->expires_at;
}

/*
 * May the account use the token in its row?  Its key is made from a refresh
 * token that may be used up, and so perhaps lie about; T+ itself must have
 * accepted the app_secret beside it, which a renewal shows.
 */
static bool
is_holder(const TplusAccount *account, const TplusPair *pair)
{
	TplusDigest holder;

	tplus_pair_holder(account, &holder);
	return tplus_pair_same_digest(&holder, &pair->holder);
}

/* Can the token in the row be used now, by this account? */
static bool
is_usable(const TplusAccount *account, const TplusPair *pair)
{
	return is_alive(pair, GetCurrentTimestamp()) && is_holder(account, pair);
}

/* Is less than a tenth of its life left? */
static bool
is_ageing(TimestampTz born, TimestampTz dies, TimestampTz now)
{
	return dies != 0 && now >= dies - (dies - born) / EARLY_FRACTION;
}

/* Is it time to renew a pair whose access token lives? */
static bool
is_due(const TplusPair *pair, TimestampTz now)
{
	return is_ageing(pair->obtained_at, pair->expires_at, now) ||
		is_ageing(pair->obtained_at, pair->refresh_expires_at, now);
}

/* Has it been less than so many seconds since then? */
static bool
is_within(TimestampTz then, TimestampTz now, int seconds)
{
	return then != 0 && now >= then && now - then < seconds * USECS_PER_SEC;
}

/* Is a pair of another row to be taken over, whatever failed in this one? */
static bool
inherits(const TplusAccount *account, const TplusPair *pair)
{
	TplusDigest ignored;

	return pair->access_token == NULL &&
		tplus_pair_is_inherited(account, &ignored);
}

/* Is there anything that T+ could exchange for a token? */
static bool
has_credential(const TplusAccount *account, const TplusPair *pair)
{
	return account->auth == TPLUS_AUTH_SELF_BUILT || pair->has_refresh_token ||
		account->mapping.refresh_token != NULL ||
		inherits(account, pair);
}

/*
 * Reads the row once no worker is changing it.  If it says "renewing" then,
 * on a primary, a worker has died.  False if that takes longer than until (0:
 * as long as it takes).
 */
static bool
read_settled(const TplusDigest *key, TimestampTz until, TplusPair *pair)
{
	(void) tplus_pair_read(key, false, pair);
	if (pair->renewing_since == 0 || RecoveryInProgress())
		return true;
	if (!tplus_renew_lock(key, TPLUS_RENEW_RENEW, ShareLock, until))
		return false;
	tplus_pair_wipe(pair);
	(void) tplus_pair_read(key, false, pair);
	tplus_renew_unlock(key, TPLUS_RENEW_RENEW, ShareLock);
	return true;
}

/*
 * On a standby: waits a moment for a live token of another generation than
 * this one (-1: of any) that the primary is not just renewing.
 */
static bool
await_replay(const TplusDigest *key, int64 generation, TplusPair *pair)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz deadline = TimestampTzPlusMilliseconds(now, REPLAY_WAIT_MS);

	while (!is_alive(pair, now) || pair->renewing_since != 0 ||
		   pair->generation == generation)
	{
		if (now >= deadline)
			return false;
		(void) tplus_wait(PGINVALID_SOCKET, REPLAY_POLL_MS, TPLUS_WAIT_TOKEN);
		tplus_pair_wipe(pair);
		(void) tplus_pair_read(key, false, pair);
		now = GetCurrentTimestamp();
	}
	return true;
}

/* Whose renewal it is: the mapping's role's, or the owner's of the server. */
static Oid
role_of(const TplusAccount *account)
{
	return OidIsValid(account->mapping.userid) ? account->mapping.userid :
		GetForeignServer(account->server.serverid)->owner;
}

/*
 * Sends the order to a worker; the caller holds the queue lock, and began to
 * wait for it at since.
 */
static void
run_order(const TplusAccount *account, const TplusDigest *key,
		  TplusOrder *order, TimestampTz since, TimestampTz until,
		  TplusOrderReport *report)
{
	TplusPair	pair;

	/* A row that was deleted counts from 1 again. */
	if (!tplus_pair_read(key, false, &pair))
		tplus_accepted_forget(key);
	tplus_pair_wipe(&pair);
	order->database = MyDatabaseId;
	order->role = role_of(account);
	order->key = *key;
	order->account = *account;
	tplus_renew_run(order, since, until, report);
}

/*
 * Has this generation replaced, unless somebody did it meanwhile or it is
 * known to fail.  Returns whether there is another one now; *pair is the row
 * as it is then.
 */
static bool
replace(const TplusAccount *account, const TplusDigest *key,
		int64 generation, bool force, TimestampTz until, TplusPair *pair,
		TplusOrderReport *report)
{
	TimestampTz since = GetCurrentTimestamp();

	memset(report, 0, sizeof(*report));
	report->outcome = TPLUS_ORDER_UNFINISHED;
	if (!tplus_renew_lock(key, TPLUS_RENEW_QUEUE, ExclusiveLock, until))
		return false;
	tplus_pair_wipe(pair);
	if (read_settled(key, until, pair))
		report->outcome = TPLUS_ORDER_DONE;
	if (report->outcome == TPLUS_ORDER_DONE &&
		pair->generation == generation && has_credential(account, pair) &&
		(force || inherits(account, pair) ||
		 !tplus_renew_is_futile(pair, account, GetCurrentTimestamp())))
	{
		TplusOrder	order = {
			.grant = account->auth == TPLUS_AUTH_SELF_BUILT ?
			TPLUS_GRANT_SELF_BUILT : TPLUS_GRANT_REFRESH,
			.generation = generation,
			.force = force
		};

		/* A token that lives longer than a failure lasts is good enough. */
		order.patient = is_due(pair, GetCurrentTimestamp()) &&
			is_usable(account, pair);
		run_order(account, key, &order, since, until, report);
		tplus_pair_wipe(pair);
		(void) tplus_pair_read(key, false, pair);
	}
	tplus_renew_unlock(key, TPLUS_RENEW_QUEUE, ExclusiveLock);
	return pair->generation != generation;
}

/* Makes *pair usable, or throws. */
static void
bring_up_to_date(const TplusAccount *account, const TplusDigest *key,
				 TplusPair *pair)
{
	static TimestampTz no_worker_until = 0;
	TimestampTz now = GetCurrentTimestamp();
	TplusOrderReport report;

	if (RecoveryInProgress())
	{
		(void) await_replay(key, -1, pair);
		if (!is_usable(account, pair))
			tplus_token_failure_standby(account);
		return;
	}

	/* What lives is good enough when an attempt is known to be in vain. */
	if (is_usable(account, pair) &&
		(!has_credential(account, pair) || now < no_worker_until ||
		 tplus_renew_is_futile(pair, account, now)))
		return;
	if (replace(account, key, pair->generation, false, 0, pair, &report) &&
		pair->access_token && is_holder(account, pair) &&
		pair->failure == TPLUS_PAIR_FINE)
		return;					/* however short its life */
	if (!is_usable(account, pair))
		tplus_token_failure(account, pair, &report);
	if (report.outcome != TPLUS_ORDER_DONE)
		no_worker_until = now + NO_WORKER_PAUSE_S * USECS_PER_SEC;
}

void
tplus_token_get(const TplusAccount *account, TplusToken *token,
				int64 *waited_us)
{
	TplusDigest key;
	TplusPair	pair;
	TimestampTz start = GetCurrentTimestamp();

	if (account->auth == TPLUS_AUTH_OPEN_TOKEN)
	{
		token->access_token = pstrdup(account->mapping.open_token);
		token->generation = 0;
		return;
	}

	tplus_pair_key(account, &key);
	(void) read_settled(&key, 0, &pair);
	if (!is_usable(account, &pair) || is_due(&pair, start) ||
		(pair.renewing_since != 0 && RecoveryInProgress()))
		bring_up_to_date(account, &key, &pair);
	*waited_us += GetCurrentTimestamp() - start;

	token->access_token = pair.access_token;
	token->generation = pair.generation;
}

bool
tplus_token_peek(const TplusAccount *account, TplusToken *token)
{
	TplusDigest key;
	TplusPair	pair;

	if (account->auth == TPLUS_AUTH_OPEN_TOKEN)
	{
		token->access_token = pstrdup(account->mapping.open_token);
		token->generation = 0;
		return true;
	}

	tplus_pair_key(account, &key);
	(void) tplus_pair_read(&key, false, &pair);
	if (pair.renewing_since != 0 || !is_usable(account, &pair) ||
		is_due(&pair, GetCurrentTimestamp()))
	{
		tplus_pair_wipe(&pair);
		return false;
	}
	token->access_token = pair.access_token;
	token->generation = pair.generation;
	return true;
}

/*
 * Can the token be to blame for a refusal?
 */
static bool
may_blame_token(const TplusDigest *key, const TplusPair *pair, bool definite)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz accepted_at = tplus_accepted_at(key, pair->generation);

	if (definite)
		return accepted_at != 0 ||
			!is_within(pair->obtained_at, now, FRESH_S);
	return !is_within(accepted_at, now, TRUSTED_S) &&
		!is_within(pair->obtained_at, now, TRUSTED_S);
}

/* tplus_token_refused() for an account that has a row. */
static bool
find_successor(const TplusAccount *account, int64 generation, bool definite)
{
	TplusDigest key;
	TplusPair	pair;
	TplusOrderReport report;
	bool		found;

	tplus_pair_key(account, &key);
	(void) read_settled(&key, 0, &pair);
	found = pair.generation != generation;
	if (!found && may_blame_token(&key, &pair, definite))
	{
		if (RecoveryInProgress())
		{
			found = await_replay(&key, generation, &pair);
			if (!found && definite)
				tplus_token_failure_standby(account);
		}
		else
		{
			found = replace(account, &key, generation, false, 0, &pair, &report);
			if (!found)
				tplus_token_failure(account, &pair, &report);
		}
	}
	tplus_pair_wipe(&pair);
	return found;
}

bool
tplus_token_refused(const TplusAccount *account, const TplusToken *token,
					bool definite, int64 *waited_us)
{
	TimestampTz start = GetCurrentTimestamp();
	bool		found;

	if (account->auth == TPLUS_AUTH_OPEN_TOKEN)
		return false;
	found = find_successor(account, token->generation, definite);
	*waited_us += GetCurrentTimestamp() - start;
	return found;
}

void
tplus_token_accepted(const TplusAccount *account, const TplusToken *token)
{
	TplusDigest key;

	if (account->auth == TPLUS_AUTH_OPEN_TOKEN)
		return;
	tplus_pair_key(account, &key);
	tplus_accepted_note(&key, token->generation);
}

/* Throws unless the account's token can change here and now. */
static void
require_renewable(const TplusAccount *account)
{
	if (account->auth == TPLUS_AUTH_OPEN_TOKEN)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the access token for server \"%s\" is static",
						account->server.name),
				 errdetail("The user mapping holds open_token, which cannot be renewed."),
				 errhint("Set the new token with ALTER USER MAPPING.")));
	if (RecoveryInProgress())
		tplus_token_failure_standby(account);
}

void
tplus_token_renew(const TplusAccount *account)
{
	TplusDigest key;
	TplusPair	pair;
	TplusOrderReport report;

	require_renewable(account);
	tplus_pair_key(account, &key);
	(void) read_settled(&key, 0, &pair);
	if (!replace(account, &key, pair.generation, true, 0, &pair, &report) ||
		pair.failure != TPLUS_PAIR_FINE)
		tplus_token_failure(account, &pair, &report);
	tplus_pair_wipe(&pair);
}

bool
tplus_token_renew_due(const TplusAccount *account, int64 within_us,
					  TimestampTz until)
{
	TplusDigest key;
	TplusPair	pair;
	TplusOrderReport report;
	TimestampTz horizon;
	bool		due;

	if (account->auth == TPLUS_AUTH_OPEN_TOKEN)
		return false;
	tplus_pair_key(account, &key);
	memset(&report, 0, sizeof(report));
	report.outcome = TPLUS_ORDER_UNFINISHED;
	if (!read_settled(&key, until, &pair))
		tplus_token_failure(account, &pair, &report);
	horizon = GetCurrentTimestamp() + within_us;
	due = pair.access_token == NULL || pair.expires_at <= horizon ||
		pair.failure == TPLUS_PAIR_REFUSED || pair.failure == TPLUS_PAIR_LOST ||
		(pair.refresh_expires_at != 0 && pair.refresh_expires_at <= horizon);
	if (due)
	{
		require_renewable(account);
		if (!replace(account, &key, pair.generation, false, until, &pair,
					 &report) || pair.failure != TPLUS_PAIR_FINE)
			tplus_token_failure(account, &pair, &report);
	}
	tplus_pair_wipe(&pair);
	return due;
}

void
tplus_token_authorize(const TplusAccount *account, const char *code,
					  const char *redirect_uri)
{
	TplusOrder	order = {
		.grant = TPLUS_GRANT_CODE,
		.code = unconstify(char *, code),
		.redirect_uri = unconstify(char *, redirect_uri)
	};
	TplusDigest key;
	TplusPair	pair;
	TimestampTz since;
	TplusOrderReport report;

	require_renewable(account);
	if (account->auth != TPLUS_AUTH_REFRESH_TOKEN)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("server \"%s\" does not work with one-time codes",
						account->server.name),
				 errdetail("A self-built application obtains its token with a certificate and a ticket.")));

	tplus_pair_key(account, &key);
	since = GetCurrentTimestamp();
	(void) tplus_renew_lock(&key, TPLUS_RENEW_QUEUE, ExclusiveLock, 0);
	run_order(account, &key, &order, since, 0, &report);
	tplus_renew_unlock(&key, TPLUS_RENEW_QUEUE, ExclusiveLock);
	if (report.outcome == TPLUS_ORDER_ERROR)
		ereport(ERROR,
				(errcode(report.sqlstate),
				 errmsg("could not exchange the one-time code for server \"%s\"",
						account->server.name),
				 errdetail_internal("%s.", report.message),
				 report.hint[0] ? errhint("%s", report.hint) : 0));
	if (report.outcome != TPLUS_ORDER_DONE)
	{
		memset(&pair, 0, sizeof(pair));
		tplus_token_failure(account, &pair, &report);
	}
}

static const char *
state_name(const TplusPair *pair, TimestampTz now)
{
	if (pair->renewing_since != 0)
		return now < pair->renewing_until ? "renewing" : "interrupted";
	if (pair->failure == TPLUS_PAIR_REFUSED ||
		pair->failure == TPLUS_PAIR_LOST)
		return "failed";		/* for good, although the token may live on */
	if (is_alive(pair, now))
		return "valid";
	if (pair->failure != TPLUS_PAIR_FINE)
		return "failed";
	return pair->access_token ? "expired" : "none yet";
}

void
tplus_token_status(const TplusAccount *account, TplusTokenStatus *status)
{
	static const char *const auth_names[] = {
		[TPLUS_AUTH_OPEN_TOKEN] = "open_token",
		[TPLUS_AUTH_REFRESH_TOKEN] = "refresh_token",
		[TPLUS_AUTH_SELF_BUILT] = "self_built",
	};
	TplusDigest key;
	TplusPair	pair;

	memset(status, 0, sizeof(*status));
	status->auth = auth_names[account->auth];
	status->state = "static";
	if (account->auth == TPLUS_AUTH_OPEN_TOKEN)
		return;

	tplus_pair_key(account, &key);
	(void) tplus_pair_read(&key, false, &pair);
	status->generation = pair.generation;
	status->obtained_at = pair.obtained_at;
	status->expires_at = pair.expires_at;
	status->refresh_expires_at = pair.refresh_expires_at;
	status->renewals = pair.renewals;
	status->state = state_name(&pair, GetCurrentTimestamp());
	if (pair.failure != TPLUS_PAIR_FINE)
		status->message = tplus_token_failure_line(&pair);
	tplus_pair_wipe(&pair);
}
