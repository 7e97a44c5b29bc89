/*-------------------------------------------------------------------------
 *
 * renew_worker.c
 *		The background worker that renews one token pair and ends.
 *
 * It goes on whatever becomes of the query that asked: that is the point.
 * First it commits that a renewal has begun, which proves that it can write;
 * then it calls T+, outside any transaction; then it commits the new pair,
 * durably.  From the first commit to the last, SIGTERM is only noted: a call that
 * was not sent is not sent then, one that was is waited for a little longer,
 * because its answer may be the only copy of the new pair.
 *
 * What remains is a crash, an immediate shutdown or a kill -9 between the
 * moment when T+ issues the new pair and the last commit.  The row then still
 * says that a renewal has begun, nobody holds the lock, and the pair in it may
 * be dead.  Once the call has ended for certain, the old refresh token is
 * tried again, which can harm nothing: if T+ had not got to it, all is well;
 * if T+ refuses it, the pair is lost and the row says so.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/renew_worker.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/wait.h"
#include "tplus/auth.h"
#include "tplus/order.h"
#include "tplus/pair.h"
#include "tplus/renew.h"
#include "tplus/renew_slot.h"
#include "tplus/token.h"

/*
 * Life of an access token when T+ does not tell (docs/protocol.md, section 2.2
 * no. 5).
 */
#define DEFAULT_LIFE_S	(6 * 24 * 3600)

/* The longest pause after attempts that got no answer. */
#define MAX_PAUSE_S		60

/*
 * Pauses between calls while T+ says that somebody else renews, and after
 * failures that may pass.
 */
static const int pauses_ms[] = {250, 500, 1000, 2000, 4000};

#define PAUSES_LIMIT_MS	8000	/* a little more than their sum */

/* Attempts to store an outcome, and the pause between them. */
#define STORE_ATTEMPTS	24
#define STORE_PAUSE_MS	5000

/* What this worker has to do with. */
typedef struct Renewal
{
	MemoryContext context;		/* lives as long as the worker */
	dsm_segment *segment;
	TplusOrder *order;
	TplusPair	pair;			/* the row as it was found */
	TplusDigest credentials;	/* what the call is made with */
	TplusDigest holder;
	TplusDigest for_server;
	TplusDigest for_mapping;
	TplusGrant	grant;
	TimestampTz began;			/* before the call */
	TimestampTz ends;			/* no call is sent that could outlast this */
	bool		doubtful;		/* an earlier call has got no answer */
} Renewal;

static volatile sig_atomic_t terminated = false;

static void
note_sigterm(SIGNAL_ARGS)
{
	int			save_errno = errno;

	terminated = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

/* Lets nobody cancel what must not stop half-way. */
static void
ignore_cancel(void)
{
	pqsignal(SIGINT, PG_SIG_IGN);
	QueryCancelPending = false;
}

static void
begin_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * Commits while SIGTERM is deferred.  The commit itself may wait for a
 * synchronous standby, without end if there is none: that wait looks at
 * ProcDiePending, ends with the transaction committed here, and says so.
 */
static void
commit_durably(void)
{
	PopActiveSnapshot();
	HOLD_INTERRUPTS();
	pqsignal(SIGTERM, die);
	if (terminated)
		ProcDiePending = true;
	CommitTransactionCommand();
	pqsignal(SIGTERM, note_sigterm);
	if (ProcDiePending)
		terminated = true;
	ProcDiePending = false;
	RESUME_INTERRUPTS();
}

/* The lock that the other workers for this pair wait for. */
static void
take_renew_lock(const TplusDigest *key)
{
	LOCKTAG		tag;

	tplus_renew_locktag(&tag, key, TPLUS_RENEW_RENEW);
	(void) LockAcquire(&tag, ExclusiveLock, true, false);
}

static void
drop_renew_lock(const TplusOrder *order)
{
	LOCKTAG		tag;

	tplus_renew_locktag(&tag, &order->key, TPLUS_RENEW_RENEW);
	(void) LockRelease(&tag, ExclusiveLock, true);
}

/* Is there still something to do, now that nobody else can be at it? */
static bool
is_needed(const Renewal *renewal)
{
	const TplusOrder *order = renewal->order;
	const TplusPair *pair = &renewal->pair;

	if (renewal->grant == TPLUS_GRANT_CODE)
		return true;
	if (pair->generation != order->generation)
		return false;			/* somebody else did it */
	if (renewal->grant == TPLUS_GRANT_REFRESH &&
		!pair->has_refresh_token && !order->account.mapping.refresh_token)
		return false;
	return order->force ||
		!tplus_renew_is_futile(pair, &order->account, renewal->began);
}

/* The column that tells people how this pair is come by. */
static const char *
auth_name(const TplusOrder *order)
{
	return order->account.auth == TPLUS_AUTH_SELF_BUILT ? "self_built" :
		"refresh_token";
}

/*
 * Takes the pair of another row over, whose lock is held until this worker
 * ends.  Returns whether there is nothing else to do: the access token lives.
 */
static bool
take_over(Renewal *renewal)
{
	TplusOrder *order = renewal->order;
	TplusPair  *pair = &renewal->pair;

	if (pair->access_token != NULL ||
		!tplus_pair_take_over(&order->account, take_renew_lock, pair))
		return false;
	tplus_pair_write(&order->key, order->account.server.name,
					 auth_name(order), pair);
	order->generation = pair->generation;
	return !order->force && renewal->grant != TPLUS_GRANT_CODE &&
		pair->failure == TPLUS_PAIR_FINE && pair->renewing_since == 0 &&
		GetCurrentTimestamp() < pair->expires_at &&
		tplus_pair_same_digest(&pair->holder, &renewal->holder);
}

/*
 * Commits that a renewal has begun; returns false if there is nothing to do,
 * having reported why.  The exchange of a one-time code leaves no mark: if it
 * is interrupted, the old pair is what it was.
 */
static bool
begin_renewal(Renewal *renewal)
{
	const TplusOrder *order = renewal->order;
	int64		limit_ms = tplus_auth_limit_ms(&order->account) + PAUSES_LIMIT_MS;
	MemoryContext old;
	TplusPair	mark;
	bool		is_done;

	begin_transaction();
	if (!OidIsValid(tplus_pair_relation()))
	{
		tplus_order_report(renewal->segment, TPLUS_ORDER_NO_TABLE, 0, "", "");
		commit_durably();
		return false;
	}

	old = MemoryContextSwitchTo(renewal->context);
	(void) tplus_pair_read(&order->key, true, &renewal->pair);
	tplus_pair_credentials(&order->account, &renewal->credentials);
	tplus_pair_holder(&order->account, &renewal->holder);
	tplus_pair_heirs(&order->account, &renewal->for_server,
					 &renewal->for_mapping);
	is_done = take_over(renewal);
	MemoryContextSwitchTo(old);

	renewal->began = GetCurrentTimestamp();
	renewal->ends = TimestampTzPlusMilliseconds(renewal->began, limit_ms);
	renewal->doubtful = renewal->pair.renewing_since != 0 ||
		renewal->pair.failure == TPLUS_PAIR_UNANSWERED;
	tplus_order_report(renewal->segment, TPLUS_ORDER_DONE, 0, "", "");
	if (is_done || !is_needed(renewal))
	{
		commit_durably();
		return false;
	}

	mark = renewal->pair;
	if (renewal->grant != TPLUS_GRANT_CODE)
	{
		mark.renewing_since = renewal->began;
		mark.renewing_until = renewal->ends;
	}
	tplus_pair_write(&order->key, order->account.server.name,
					 auth_name(order), &mark);
	commit_durably();
	return true;
}

/* Pauses, unless a call after the pause could outlast the promise. */
static bool
pause_for_another(const Renewal *renewal, int pause_ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													pause_ms);
	int64		limit_ms = tplus_auth_limit_ms(&renewal->order->account);
	TimestampTz now;

	if (TimestampTzPlusMilliseconds(until, limit_ms) > renewal->ends)
		return false;
	while (!terminated && (now = GetCurrentTimestamp()) < until)
		(void) tplus_wait(PGINVALID_SOCKET,
						  TimestampDifferenceMilliseconds(now, until),
						  TPLUS_WAIT_BACKOFF);
	return !terminated;
}

/*
 * Is another call worth while?  One without an answer may have used up the
 * refresh token; then the next is refused, and we know.  A one-time code is
 * not risked so.
 */
static bool
may_call_again(const Renewal *renewal, const TplusGrantReply *reply, int calls)
{
	if (calls > (int) lengthof(pauses_ms))
		return false;
	if (reply->outcome == TPLUS_GRANT_BUSY)
		return true;
	return reply->may_pass && !renewal->order->patient &&
		renewal->grant != TPLUS_GRANT_CODE &&
		calls <= renewal->order->account.server.max_retries;
}

/* Calls T+, again while it is busy with the same pair or cannot be reached. */
static void
call_tplus(Renewal *renewal, TplusGrantReply *reply)
{
	const TplusOrder *order = renewal->order;
	TplusGrantRequest request = {
		.grant = renewal->grant,
		.code = order->code,
		.redirect_uri = order->redirect_uri,
		.refresh_token = renewal->pair.refresh_token ?
		renewal->pair.refresh_token : order->account.mapping.refresh_token
	};
	TplusGrantCall *call;
	int			calls;

	StartTransactionCommand();
	MemoryContextSwitchTo(renewal->context);
	call = tplus_auth_prepare(&order->account, &request);
	CommitTransactionCommand();

	for (calls = 1;; calls++)
	{
		tplus_auth_run(call, &terminated);

		StartTransactionCommand();
		MemoryContextSwitchTo(renewal->context);
		tplus_auth_read(call, reply);
		CommitTransactionCommand();

		if (!may_call_again(renewal, reply, calls) ||
			!pause_for_another(renewal, pauses_ms[calls - 1]))
			break;
		renewal->doubtful |= reply->outcome_unknown;
	}
	tplus_auth_free(call);
}

static TimestampTz
after_seconds(TimestampTz start, int64 seconds)
{
	return start + seconds * USECS_PER_SEC;
}

/*
 * The access token has ended as soon as it was issued.  The refresh token
 * beside it may be the only one, so the pair is kept; but whoever needs an
 * access token is told, and not made to renew with each request.
 */
static void
note_still_birth(const Renewal *renewal, TplusPair *pair)
{
	pair->failure = TPLUS_PAIR_FAILED;
	pair->failures = Min(renewal->pair.failures, 1000) + 1;
	pair->sqlstate = ERRCODE_FDW_ERROR;
	pair->message = "T+ issued an access token that lives for no time (expires_in is 0 or less)";
	pair->hint = "Have the administrator of the application look at the life of its tokens.";
	pair->failed_with = renewal->credentials;
	pair->failed_until = after_seconds(GetCurrentTimestamp(), MAX_PAUSE_S);
}

/* The row after a success; times count from before the call. */
static void
take_pair(const Renewal *renewal, const TplusGrantReply *reply,
		  TplusPair *pair)
{
	const TplusMappingOptions *mapping = &renewal->order->account.mapping;

	memset(pair, 0, sizeof(*pair));
	pair->generation = renewal->pair.generation + 1;
	pair->renewals = renewal->pair.renewals + 1;
	pair->holder = renewal->holder;
	pair->for_server = renewal->for_server;
	pair->for_mapping = renewal->for_mapping;
	pair->obtained_at = renewal->began;
	pair->access_token = reply->access_token;
	pair->expires_at = after_seconds(renewal->began,
									 reply->expires_in == TPLUS_UNTOLD ?
									 DEFAULT_LIFE_S : reply->expires_in);
	if (reply->expires_in == 0)
		note_still_birth(renewal, pair);
	if (reply->refresh_token)
	{
		pair->refresh_token = reply->refresh_token;
		if (reply->refresh_expires_in > 0)
			pair->refresh_expires_at =
				after_seconds(renewal->began, reply->refresh_expires_in);
	}
	else if (renewal->grant == TPLUS_GRANT_REFRESH)
	{
		/* It was not replaced, so it lives on. */
		pair->refresh_token = renewal->pair.refresh_token ?
			renewal->pair.refresh_token : mapping->refresh_token;
		pair->refresh_expires_at = renewal->pair.refresh_expires_at;
	}
}

/* The row after a failure: the old pair, and what to think of it. */
static void
keep_pair(const Renewal *renewal, const TplusGrantReply *reply,
		  TplusPair *pair)
{
	int			pause_s = TPLUS_RENEW_PAUSE_S;

	*pair = renewal->pair;
	pair->renewing_since = pair->renewing_until = 0;
	pair->failures = Min(renewal->pair.failures, 1000) + 1;
	pair->sqlstate = reply->sqlstate;
	pair->message = reply->message;
	pair->hint = unconstify(char *, reply->hint);
	pair->failed_with = renewal->credentials;

	if (reply->outcome == TPLUS_GRANT_REFUSED)
		pair->failure = renewal->doubtful ? TPLUS_PAIR_LOST :
			TPLUS_PAIR_REFUSED;
	else
	{
		pause_s = Min(MAX_PAUSE_S, 1 << Min(pair->failures, 10));
		if (reply->outcome_unknown || renewal->doubtful)
			pair->failure = TPLUS_PAIR_UNANSWERED;
		else
			pair->failure = reply->outcome == TPLUS_GRANT_BUSY ?
				TPLUS_PAIR_BUSY : TPLUS_PAIR_FAILED;
	}
	pair->failed_until = after_seconds(GetCurrentTimestamp(), pause_s);
}

/*
 * One attempt to store the row; false if it failed, which was logged.  Sets
 * *hopeless if another attempt is pointless: the extension was dropped.
 */
static bool
try_store(const TplusOrder *order, const TplusPair *pair, bool *hopeless)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool stored = false;

	/* Only here does SIGINT count: our own lock time-out sends it. */
	pqsignal(SIGINT, StatementCancelHandler);
	PG_TRY();
	{
		begin_transaction();
		tplus_pair_write(&order->key, order->account.server.name,
						 auth_name(order), pair);
		commit_durably();
		stored = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		*hopeless = geterrcode() == ERRCODE_UNDEFINED_TABLE;
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		pqsignal(SIGTERM, note_sigterm);
		terminated |= ProcDiePending;
		ProcDiePending = false;
	}
	PG_END_TRY();
	ignore_cancel();
	return stored;
}

/*
 * Stores the row.  A full disk or somebody's lock on the table may pass; to
 * give up means to lose the pair.
 */
static void
store(const TplusOrder *order, const TplusPair *pair)
{
	bool		hopeless = false;
	int			attempt;

	for (attempt = 1; !try_store(order, pair, &hopeless); attempt++)
	{
		if (hopeless || attempt >= STORE_ATTEMPTS ||
			(terminated && attempt > 1))
			ereport(ERROR,
					(errcode(ERRCODE_SYSTEM_ERROR),
					 errmsg("could not store what T+ answered to the renewal of the access token for server \"%s\"",
							order->account.server.name),
					 errhint("See the server log for the reason.")));
		(void) tplus_wait(PGINVALID_SOCKET, STORE_PAUSE_MS,
						  TPLUS_WAIT_BACKOFF);
	}
}

/*
 * Keeps what came of the call.  A code that was not exchanged concerns the
 * asker alone: the pair in the row is what it was.
 */
static void
conclude(const Renewal *renewal, const TplusGrantReply *reply)
{
	TplusPair	pair;

	if (reply->outcome == TPLUS_GRANT_OK)
		take_pair(renewal, reply, &pair);
	else if (renewal->grant == TPLUS_GRANT_CODE)
	{
		tplus_order_report(renewal->segment, TPLUS_ORDER_ERROR,
						   reply->sqlstate, reply->message, reply->hint);
		return;
	}
	else
		keep_pair(renewal, reply, &pair);
	store(renewal->order, &pair);
}

static void
renew(Renewal *renewal)
{
	TplusGrantReply reply;

	begin_transaction();
	take_renew_lock(&renewal->order->key);
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetConfigOption("lock_timeout", "5s", PGC_SUSET, PGC_S_OVERRIDE);

	/* What has come in so far ends us here, before anything was done. */
	pqsignal(SIGTERM, note_sigterm);
	pqsignal(SIGINT, StatementCancelHandler);
	CHECK_FOR_INTERRUPTS();

	if (begin_renewal(renewal))
	{
		ignore_cancel();
		call_tplus(renewal, &reply);
		conclude(renewal, &reply);
	}
	drop_renew_lock(renewal->order);
}

void
tplus_token_worker_main(Datum arg)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "T+ token renewal",
												  ALLOCSET_DEFAULT_SIZES);
	Renewal    *renewal = MemoryContextAllocZero(context, sizeof(Renewal));

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	renewal->context = context;
	renewal->segment = dsm_attach(DatumGetUInt32(arg));
	if (renewal->segment == NULL)
		return;
	renewal->order = tplus_order_take(renewal->segment, context);
	if (renewal->order == NULL)
		return;
	if (!tplus_renew_slot_pass(renewal->order->slot, renewal->order->asker,
							   renewal->order->role))
	{
		tplus_order_report(renewal->segment, TPLUS_ORDER_CROWDED, 0, "", "");
		return;
	}
	renewal->grant = renewal->order->grant;
	BackgroundWorkerInitializeConnectionByOid(renewal->order->database,
											  InvalidOid, 0);
	tplus_renew_apply_settings();
	pgstat_report_activity(STATE_RUNNING, "renewing an access token of T+");

	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		renew(renewal);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		tplus_order_report(renewal->segment, TPLUS_ORDER_ERROR,
						   error->sqlerrcode, error->message, error->hint);
		PG_RE_THROW();
	}
	PG_END_TRY();
}
