/*-------------------------------------------------------------------------
 *
 * call.c
 *		One call of a T+ operation: budget, token, HTTP, envelope, retry.
 *
 * A call is a loop of attempts (tplus/attempt).  Each gets a token, takes a
 * permit of the shared budget, and ends with a whole reply, with a failure
 * that is worth another attempt, or with an error.
 *
 * What a call needs to wait for is told, not waited for, so that a scan may
 * look after several.  A backend that waits for a permit lets its own
 * transfers run to their end meanwhile, so that several scans of one query
 * never wait for each other.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/call.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/address.h"
#include "tplus/allowance.h"
#include "tplus/call.h"
#include "tplus/operation.h"
#include "tplus/secrets.h"
#include "tplus/reply.h"
#include "tplus/verdict.h"

/* How long a wait may last without tplus_budget_sign(). */
#define SIGN_MS		1000

/* What a call waits for. */
typedef enum TplusCallNeed
{
	TPLUS_NEEDS_NOTHING,
	TPLUS_NEEDS_BYTES,
	TPLUS_NEEDS_PERMIT,
	TPLUS_NEEDS_TIME			/* the end of a pause before a retry */
} TplusCallNeed;

struct TplusCall
{
	MemoryContext context;		/* of the call */
	TplusTries	tries;
	List	   *named_rows;		/* positional rows, turned into objects */
	int			next_named;

	TplusCallNeed need;
	int64		need_since_us;	/* monotonic, as the next */
	int64		ask_us;			/* when to ask for a permit again */
};

void
tplus_call_check_path(const char *what, const char *path)
{
	if (!tplus_operation_writes(path))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s cannot be read: operation \"%s\" of T+ writes", what,
					path),
			 errhint("Set the option \"path\" to an operation that reads, such as Query or FindVoucherList.")));
}

TplusCall *
tplus_call_create(const TplusCallSpec *spec, MemoryContext context)
{
	MemoryContext call_context = AllocSetContextCreate(context,
													   "tplus_fdw call",
													   ALLOCSET_SMALL_SIZES);
	TplusCall  *call;
	char	   *path;

	path = psprintf("%s%s",
					tplus_address_path(spec->account->server.base_url),
					spec->path);
	tplus_call_check_path(spec->what, path);
	pfree(path);
	call = MemoryContextAllocZero(call_context, sizeof(TplusCall));
	call->context = call_context;
	tplus_tries_init(&call->tries, spec, call_context);
	return call;
}

void
tplus_call_free(TplusCall *call)
{
	if (call)
		MemoryContextDelete(call->context);
}

const TplusCallSpec *
tplus_call_spec(const TplusCall *call)
{
	return call->tries.spec;
}

int64
tplus_call_total(const TplusCall *call)
{
	return call->tries.total;
}

/* Notes what the call waits for from now on. */
static void
begin_wait(TplusCall *call, TplusCallNeed need)
{
	call->need = need;
	call->need_since_us = tplus_http_now();
}

/* Adds the time since then to the sums. */
static void
end_wait(TplusCall *call)
{
	TplusCallStats *stats = call->tries.spec->stats;
	int64		waited_us;

	if (call->need == TPLUS_NEEDS_NOTHING)
		return;
	waited_us = tplus_http_now() - call->need_since_us;
	switch (call->need)
	{
		case TPLUS_NEEDS_NOTHING:
			break;
		case TPLUS_NEEDS_BYTES:
			stats->network_us += waited_us;
			break;
		case TPLUS_NEEDS_PERMIT:
			stats->budget_us += waited_us;
			break;
		case TPLUS_NEEDS_TIME:
			stats->backoff_us += waited_us;
			if (call->tries.throttled)
				stats->throttled_us += waited_us;
			break;
	}
	call->need = TPLUS_NEEDS_NOTHING;
}

/* The permit and the token are there: the request leaves. */
static void
send_attempt(TplusCall *call)
{
	TplusTries *tries = &call->tries;
	TplusHttpTransfer *transfer;
	bool		only_once;

	only_once = tplus_allowance_take(tries->spec->account, tries->spec->relid);
	tplus_secrets_use(tries->spec->account, tries->token.access_token);
	tplus_attempt_send(&tries->attempt, tries->spec,
					   tries->token.access_token, only_once);
	transfer = tries->attempt.transfer;
	tries->failure.access_token = tries->token.access_token;
	tries->failure.attempts = ++tries->count;
	tries->spec->stats->requests++;
	tplus_meter_begin(&tries->meter, tplus_http_result(transfer),
					  tries->count, tplus_http_context(transfer));
}

/*
 * Sends the request if that can be done now; otherwise notes what the call
 * waits for and returns false.  A renewal of the token is waited for.
 */
static bool
begin_attempt(TplusCall *call)
{
	TplusAttempt *attempt = &call->tries.attempt;
	MemoryContext old = MemoryContextSwitchTo(attempt->context);
	int64		now = tplus_http_now();
	long		wait_ms;

	if (now < call->tries.resume_us)
		begin_wait(call, TPLUS_NEEDS_TIME);
	else if (attempt->permit == NULL && now < call->ask_us)
		begin_wait(call, TPLUS_NEEDS_PERMIT);
	else
	{
		/* A renewal may take long; as a rule no permit is held meanwhile. */
		tplus_token_get(call->tries.spec->account, &call->tries.token,
						&call->tries.spec->stats->token_us);
		if (attempt->permit == NULL)
			attempt->permit = tplus_budget_try(tplus_verdict_budget(&call->tries), &call->tries.rate,
											   attempt->context, &wait_ms);
		if (attempt->permit == NULL)
		{
			begin_wait(call, TPLUS_NEEDS_PERMIT);
			call->ask_us = now + wait_ms * INT64CONST(1000);
			(void) tplus_attempt_drain_all();
		}
		else
			send_attempt(call);
	}
	MemoryContextSwitchTo(old);
	return attempt->transfer != NULL;
}

bool
tplus_call_send_ahead(TplusCall *call, long *wait_ms)
{
	TplusAttempt *attempt = &call->tries.attempt;
	MemoryContext old = MemoryContextSwitchTo(attempt->context);

	*wait_ms = TPLUS_CALL_RENEWAL_MS;
	if (tplus_allowance_has_spare(call->tries.spec->account) &&
		tplus_token_peek(call->tries.spec->account, &call->tries.token))
		attempt->permit = tplus_budget_spare(tplus_verdict_budget(&call->tries), &call->tries.rate,
											 attempt->context, wait_ms);
	if (attempt->permit)
	{
		send_attempt(call);
		call->tries.spec->stats->ahead++;
	}
	MemoryContextSwitchTo(old);
	return attempt->permit != NULL;
}

bool
tplus_call_is_sent(const TplusCall *call)
{
	return call->tries.attempt.transfer != NULL;
}

void
tplus_call_receive(TplusCall *call)
{
	tplus_attempt_receive(&call->tries.attempt);
}

void
tplus_call_receive_ahead(TplusCall *call)
{
	if (call->tries.attempt.transfer == NULL)
		return;
	tplus_attempt_receive(&call->tries.attempt);
	tplus_http_drain(call->tries.attempt.transfer);
	tplus_verdict_heed(&call->tries);
}

bool
tplus_call_falls_short(const TplusCall *call, int64 records)
{
	const TplusAttempt *attempt = &call->tries.attempt;
	const TplusHttpResult *result;

	if (attempt->ended_us == 0)
		return false;
	result = tplus_http_result(attempt->transfer);
	return result->state == TPLUS_HTTP_FAILED || result->status > 299 ||
		(attempt->split != TPLUS_RECORDS_MORE && attempt->tally.rows < records);
}

void
tplus_call_drive(void)
{
	tplus_http_drive();
	tplus_attempt_settle_all();
}

bool
tplus_call_last(const TplusCall *call, const char **text, size_t *len)
{
	const TplusHttpBuffer *ready = &call->tries.attempt.ready;
	size_t		unread = tplus_http_buffer_unread(ready);

	if (call->tries.attempt.split != TPLUS_RECORDS_END ||
		unread <= call->tries.attempt.taken)
		return false;
	*len = call->tries.attempt.last_len;
	*text = tplus_http_buffer_bytes(ready) + unread - *len;
	return **text == '{';
}

const TplusTally *
tplus_call_tally(const TplusCall *call)
{
	return &call->tries.attempt.tally;
}

/*
 * Positional rows have their names in the envelope, which may come last: so
 * they are collected to the end of the reply, then given out as objects.
 */
static void
name_rows(TplusCall *call)
{
	MemoryContext old = MemoryContextSwitchTo(call->tries.attempt.context);
	size_t		len;
	const char *envelope = tplus_records_envelope(call->tries.attempt.records, &len);

	if (!tplus_reply_name_rows(envelope, len, call->named_rows))
		tplus_failure_columns(&call->tries.failure);
	MemoryContextSwitchTo(old);
}

/* Hands out the next of the rows that name_rows() made. */
static TplusCallStatus
next_named_row(TplusCall *call, const char **text, size_t *len)
{
	if (call->next_named >= list_length(call->named_rows))
		return TPLUS_CALL_END;
	*text = list_nth(call->named_rows, call->next_named++);
	*len = strlen(*text);
	call->tries.delivered = true;
	return TPLUS_CALL_RECORD;
}

/* Takes a record of the attempt; true if it goes out as it is. */
static bool
take_record(TplusCall *call, const char *text, size_t len)
{
	MemoryContext old;

	tplus_meter_record(&call->tries.meter);
	if (*text != '[')
	{
		call->tries.delivered = true;
		return true;
	}
	old = MemoryContextSwitchTo(call->tries.attempt.context);
	call->named_rows = lappend(call->named_rows, pnstrdup(text, len));
	MemoryContextSwitchTo(old);
	return false;
}

/* What a verdict means for the caller. */
static TplusCallStatus
follow(TplusCall *call, TplusVerdict verdict, const char **text, size_t *len)
{
	switch (verdict)
	{
		case TPLUS_VERDICT_REFUSED:
			return TPLUS_CALL_REFUSED;
		case TPLUS_VERDICT_AGAIN:
			call->named_rows = NIL;
			return TPLUS_CALL_RESTARTED;
		case TPLUS_VERDICT_DONE:
			break;
	}
	if (call->named_rows == NIL)
		return TPLUS_CALL_END;
	name_rows(call);
	return next_named_row(call, text, len);
}

/* One step of an attempt.  RESTARTED: another attempt is due. */
static TplusCallStatus
advance(TplusCall *call, const char **text, size_t *len)
{
	TplusTries *tries = &call->tries;
	TplusVerdict verdict = TPLUS_VERDICT_AGAIN;

	for (;;)
	{
		switch (tplus_attempt_next(&tries->attempt, text, len))
		{
			case TPLUS_ATTEMPT_RECORD:
				if (tplus_verdict_lets_out(tries) &&
					take_record(call, *text, *len))
					return TPLUS_CALL_RECORD;
				continue;
			case TPLUS_ATTEMPT_WAIT:
				begin_wait(call, TPLUS_NEEDS_BYTES);
				return TPLUS_CALL_WAIT;
			case TPLUS_ATTEMPT_FAILED:
				tplus_verdict_failed(tries);
				break;
			case TPLUS_ATTEMPT_BROKEN:
				tplus_verdict_malformed(tries);
				break;
			case TPLUS_ATTEMPT_REFUSED:
				verdict = tplus_verdict_refused(tries);
				break;
			case TPLUS_ATTEMPT_END:
				verdict = tplus_verdict_complete(tries);
				break;
		}
		return follow(call, verdict, text, len);
	}
}

/* tplus_call_poll() without the eye on errors. */
static TplusCallStatus
poll_call(TplusCall *call, const char **text, size_t *len)
{
	TplusCallStatus status;
	bool		delivered;

	end_wait(call);
	if (call->next_named > 0)
		return next_named_row(call, text, len);
	for (;;)
	{
		if (call->tries.attempt.transfer == NULL && !begin_attempt(call))
			return TPLUS_CALL_WAIT;
		delivered = call->tries.delivered;
		status = advance(call, text, len);
		if (status != TPLUS_CALL_RESTARTED)
			return status;
		call->tries.delivered = false;
		if (delivered)
			return TPLUS_CALL_RESTARTED;
	}
}

TplusCallStatus
tplus_call_poll(TplusCall *call, const char **text, size_t *len)
{
	TplusCallStatus status;

	PG_TRY();
	{
		status = poll_call(call, text, len);
	}
	PG_CATCH();
	{
		tplus_meter_error(&call->tries.meter, call->context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (status == TPLUS_CALL_REFUSED)
		tplus_meter_end(&call->tries.meter, "Refused");
	return status;
}

bool
tplus_call_reject(TplusCall *call)
{
	/* Positional rows are given out when their attempt is over. */
	if (call->next_named > 0 || !tplus_verdict_rejected(&call->tries))
		return false;
	call->named_rows = NIL;
	call->tries.delivered = false;
	return true;
}

/* Milliseconds until then, not less than none. */
static long
ms_until(int64 then_us)
{
	int64		left_us = then_us - tplus_http_now();

	return left_us > 0 ? (long) ((left_us + 999) / 1000) : 0;
}

long
tplus_call_patience(const TplusCall *call)
{
	switch (call->need)
	{
		case TPLUS_NEEDS_PERMIT:
			return ms_until(call->ask_us);
		case TPLUS_NEEDS_TIME:
			return ms_until(call->tries.resume_us);
		case TPLUS_NEEDS_BYTES:
			return tplus_attempt_has_news(&call->tries.attempt) ? 0 : -1;
		default:
			return 0;
	}
}

static void
drain_others(void *arg)
{
	(void) tplus_attempt_drain_all();
}

/* tplus_call_wait() without the eye on errors. */
static void
wait_for_need(TplusCall *call, long at_most_ms)
{
	long		patience = tplus_call_patience(call);
	int64		ignored = 0;

	/* Once in a while we say that we are still there. */
	if (at_most_ms < 0 || at_most_ms > SIGN_MS)
		at_most_ms = SIGN_MS;
	patience = patience < 0 ? at_most_ms : Min(patience, at_most_ms);
	switch (call->need)
	{
		case TPLUS_NEEDS_NOTHING:
			break;
		case TPLUS_NEEDS_BYTES:
			tplus_http_wait(patience, TPLUS_WAIT_NETWORK);
			break;
		case TPLUS_NEEDS_TIME:
			(void) tplus_attempt_drain_all();
			tplus_http_wait(patience, TPLUS_WAIT_BACKOFF);
			break;
		case TPLUS_NEEDS_PERMIT:
			call->tries.attempt.permit = tplus_budget_wait(tplus_verdict_budget(&call->tries),
														   &call->tries.rate,
														   call->tries.attempt.context,
														   drain_others, NULL,
														   &ignored);
			break;
	}
	tplus_attempt_settle_all();
}

void
tplus_call_wait(TplusCall *call, long at_most_ms)
{
	PG_TRY();
	{
		wait_for_need(call, at_most_ms);
	}
	PG_CATCH();
	{
		tplus_meter_error(&call->tries.meter, call->context);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
tplus_call_drain_all(void)
{
	while (tplus_attempt_drain_all())
		tplus_http_wait(SIGN_MS, TPLUS_WAIT_NETWORK);
}

TplusCallStatus
tplus_call_next(TplusCall *call, const char **text, size_t *len)
{
	TplusCallStatus status;

	while ((status = tplus_call_poll(call, text, len)) == TPLUS_CALL_WAIT)
		tplus_call_wait(call, -1);
	return status;
}
