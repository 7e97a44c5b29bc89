/*-------------------------------------------------------------------------
 *
 * call.c
 *		One call of a T+ operation: budget, token, HTTP, envelope, retry.
 *
 * A call is a loop of attempts.  An attempt gets a token, takes a permit of
 * the shared budget, sends the request and feeds what arrives to the splitter
 * (net/records).  It ends with a whole reply, with a failure that is worth
 * another attempt, or with an error.
 *
 * The permit is held only while bytes are owed to us.  A backend that waits
 * for one first lets its own transfers run to their end, so that several
 * scans of one query never wait for each other.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/call.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "base/wait.h"
#include "net/budget.h"
#include "net/http.h"
#include "net/records.h"
#include "tplus/backoff.h"
#include "tplus/call.h"
#include "tplus/failure.h"
#include "tplus/reply.h"
#include "tplus/token.h"
#include "tplus/transport.h"

/*
 * One record may not be larger than this: a T+ record has some 100 fields of
 * at most a few hundred characters, detail lines included a few hundred
 * kilobytes.  The envelope around the rows is smaller still.
 */
#define MAX_RECORD_BYTES	(64 * 1024 * 1024)
#define MAX_ENVELOPE_BYTES	(1024 * 1024)

/* How much of a refusal's body is read. */
#define MAX_REFUSAL_BYTES	(64 * 1024)

/* If so many tokens in a row are refused, renewing them is not the cure. */
#define MAX_RENEWALS	3

struct TplusCall
{
	const TplusCallSpec *spec;
	MemoryContext context;		/* of the call */
	MemoryContext attempt;		/* of the attempt, reset between attempts */
	MemoryContextCallback callback;
	dlist_node	node;			/* in active_calls */
	TplusHttpRequest request;
	TplusHttpTransfer *transfer;	/* NULL: no attempt is under way */
	TplusBudget *budget;
	TplusPermit *permit;		/* NULL: no bytes are owed */
	TplusRecords *records;
	TplusToken	token;
	TplusFailure failure;		/* for messages */
	TplusMeter	meter;
	int			attempts;
	int			tokens;			/* refused so far */
	bool		delivered;		/* did a record of any attempt go out? */
	int64		total;
	List	   *named_rows;		/* positional rows, turned into objects */
	int			next_named;
};

/* All calls of this backend, so that one that waits can see to the others. */
static dlist_head active_calls = DLIST_STATIC_INIT(active_calls);

/* Runs when the call's context goes, whatever the reason. */
static void
forget_call(void *arg)
{
	TplusCall  *call = arg;

	dlist_delete(&call->node);
	tplus_records_free(call->records);
	call->records = NULL;
}

TplusCall *
tplus_call_create(const TplusCallSpec *spec, MemoryContext context)
{
	MemoryContext call_context = AllocSetContextCreate(context,
													   "tplus_fdw call",
													   ALLOCSET_SMALL_SIZES);
	TplusCall  *call;

	call = MemoryContextAllocZero(call_context, sizeof(TplusCall));
	call->spec = spec;
	call->meter.account = call->failure.account = spec->account;
	call->failure.what = spec->what;
	call->meter.path = call->failure.path = spec->path;
	call->meter.body = spec->body;
	call->meter.relid = spec->relid;
	call->meter.stats = spec->stats;
	call->context = call_context;
	call->attempt = AllocSetContextCreate(call_context, "tplus_fdw attempt",
										  ALLOCSET_SMALL_SIZES);
	call->total = -1;
	dlist_push_tail(&active_calls, &call->node);
	call->callback.func = forget_call;
	call->callback.arg = call;
	MemoryContextRegisterResetCallback(call_context, &call->callback);
	return call;
}

void
tplus_call_free(TplusCall *call)
{
	if (call)
		MemoryContextDelete(call->context);
}

int64
tplus_call_total(const TplusCall *call)
{
	return call->total;
}

/* Gives the permit back once the transfer has all its bytes. */
static void
settle_permit(TplusCall *call)
{
	if (call->transfer &&
		tplus_http_result(call->transfer)->state == TPLUS_HTTP_RUNNING)
		return;
	tplus_budget_release(call->permit);
	call->permit = NULL;
}

/*
 * Lets every transfer of this backend run to its end, so that none holds a
 * permit while we wait for one.
 */
static void
drain_transfers(void *arg)
{
	dlist_iter	iter;

	dlist_foreach(iter, &active_calls)
	{
		TplusCall  *other = dlist_container(TplusCall, node, iter.cur);

		if (other->transfer == NULL || other->permit == NULL)
			continue;
		tplus_http_drain(other->transfer);
		for (;;)
		{
			tplus_http_drive();
			settle_permit(other);
			if (other->permit == NULL)
				break;
			(void) tplus_wait(tplus_http_fd(), 100, TPLUS_WAIT_NETWORK);
		}
	}
}

/* Ends the attempt: nothing of it is left but what was delivered. */
static void
end_attempt(TplusCall *call)
{
	tplus_http_free(call->transfer);
	call->transfer = NULL;
	tplus_budget_release(call->permit);
	call->permit = NULL;
	tplus_records_free(call->records);
	call->records = NULL;
	call->named_rows = NIL;
	call->next_named = 0;
	MemoryContextReset(call->attempt);
}

static void
begin_attempt(TplusCall *call)
{
	const TplusServerOptions *server = &call->spec->account->server;
	TplusCallStats *stats = call->spec->stats;
	TplusRate	rate = {
		server->requests_per_second, server->burst, server->max_concurrency
	};
	int64		waited_us;
	MemoryContext old;

	old = MemoryContextSwitchTo(call->attempt);
	call->budget = tplus_budget_attach(tplus_http_authority(server->base_url),
									   call->spec->account->mapping.app_key);

	/* A renewal may take long; no permit is held meanwhile. */
	tplus_token_get(call->spec->account, &call->token, &stats->token_us);
	waited_us = stats->budget_us;
	call->permit = tplus_budget_wait(call->budget, &rate, call->attempt,
									 drain_transfers, NULL,
									 &stats->budget_us);
	if (stats->budget_us > waited_us)
		tplus_token_get(call->spec->account, &call->token, &stats->token_us);
	tplus_transport_fill(call->spec->account, call->token.access_token,
						 call->spec->path, call->spec->body, &call->request);
	call->records = tplus_records_create(call->spec->rows_path,
										 MAX_RECORD_BYTES,
										 MAX_ENVELOPE_BYTES);
	if (call->records == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	call->transfer = tplus_http_start(&call->request, call->attempt);
	call->failure.access_token = call->token.access_token;
	call->failure.attempts = ++call->attempts;
	stats->requests++;
	tplus_meter_begin(&call->meter, tplus_http_result(call->transfer),
					  call->attempts, call->attempt);
	MemoryContextSwitchTo(old);
}

/* Waits for bytes or for the end of the transfer. */
static void
wait_for_bytes(TplusCall *call)
{
	instr_time	start;
	instr_time	now;

	INSTR_TIME_SET_CURRENT(start);
	tplus_http_wait(call->transfer, -1);
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	call->spec->stats->network_us += INSTR_TIME_GET_MICROSEC(now);
	settle_permit(call);
}

/* Another attempt will be made, for this cause. */
static void
retry(TplusCall *call, TplusRetryCause cause)
{
	call->spec->stats->retries[cause]++;
	tplus_meter_end(&call->meter, tplus_retry_names[cause]);
	end_attempt(call);
}

/*
 * Pauses before the next attempt.  pause_ms is what the server asked for (-1:
 * nothing).  Throws if it asks for more than we sit out.
 */
static void
back_off(TplusCall *call, TplusRetryCause cause, int64 pause_ms)
{
	int64		delay_ms = Max(tplus_backoff_delay(call->attempts), pause_ms);
	TplusCallStats *stats = call->spec->stats;
	int64		paused_us = stats->backoff_us;

	if (pause_ms > TPLUS_BACKOFF_MAX_PAUSE_MS)
		tplus_failure_pause(&call->failure, pause_ms);
	retry(call, cause);
	tplus_backoff_sleep(delay_ms, &stats->backoff_us);
	if (cause == TPLUS_RETRY_THROTTLED)
		stats->throttled_us += stats->backoff_us - paused_us;
}

/* Is there another attempt to be made? */
static bool
may_retry(TplusCall *call)
{
	return (!call->delivered || call->spec->retry_after_rows) &&
		call->attempts <= call->spec->account->server.max_retries;
}

/* No whole response: another attempt, or an error. */
static void
handle_failure(TplusCall *call)
{
	const TplusHttpResult *result = tplus_http_result(call->transfer);

	if (!tplus_failure_may_pass(result, call->delivered) || !may_retry(call))
		tplus_failure_transport(&call->failure, result);
	back_off(call, TPLUS_RETRY_NETWORK, -1);
}

/* The token was refused: is there another one?  max_retries does not matter. */
static bool
another_token(TplusCall *call, bool definite)
{
	settle_permit(call);
	if ((call->delivered && !call->spec->retry_after_rows) ||
		call->tokens++ > MAX_RENEWALS ||
		!tplus_token_refused(call->spec->account, &call->token, definite,
							 &call->spec->stats->token_us))
		return false;
	retry(call, TPLUS_RETRY_TOKEN);
	return true;
}

/*
 * T+ refused the call.  Returns true if another attempt shall be made, false
 * if the caller gets the refusal; throws otherwise.
 */
static bool
handle_refusal(TplusCall *call, int status, const TplusReply *reply,
			   const char *body, size_t len)
{
	const TplusErrorEntry *entry;
	TplusRefusal refusal;
	int64		retry_after_ms = tplus_http_result(call->transfer)->retry_after_ms;

	entry = tplus_error_find(status, reply->code,
							 call->spec->account->server.auth_error_codes);
	refusal = entry->refusal;
	tplus_meter_code(&call->meter, tplus_failure_code(&call->failure, reply));

	/* A failure without a word of T+'s own is the gateway's, and may pass. */
	if (status == 500 && reply->message == NULL)
		refusal = TPLUS_REFUSAL_RETRY;

	/* All backends shall know, whether or not this one asks again. */
	if (refusal == TPLUS_REFUSAL_THROTTLE)
		tplus_budget_pause(call->budget,
						   Max(tplus_backoff_delay(call->attempts),
							   retry_after_ms));
	if (refusal == TPLUS_REFUSAL_TOKEN ||
		refusal == TPLUS_REFUSAL_TOKEN_MAYBE)
	{
		if (another_token(call, refusal == TPLUS_REFUSAL_TOKEN))
			return true;
	}
	else if ((refusal == TPLUS_REFUSAL_THROTTLE ||
			  refusal == TPLUS_REFUSAL_RETRY) && may_retry(call))
	{
		back_off(call, refusal == TPLUS_REFUSAL_THROTTLE ?
				 TPLUS_RETRY_THROTTLED : TPLUS_RETRY_SERVER, retry_after_ms);
		return true;
	}

	/* Where a token is not to blame for certain, a parameter may be. */
	if (call->spec->quiet && (refusal == TPLUS_REFUSAL_REQUEST ||
							  refusal == TPLUS_REFUSAL_TOKEN_MAYBE))
		return false;
	tplus_failure_refused(&call->failure, status, reply, entry, body, len);
}

/*
 * Reads the body of a response that is no success, up to a cap, and handles
 * it.  Returns as handle_refusal().
 */
static bool
read_refusal(TplusCall *call)
{
	const TplusHttpResult *result = tplus_http_result(call->transfer);
	StringInfoData body;
	TplusReply	reply;
	int			status = result->status;

	initStringInfo(&body);
	for (;;)
	{
		size_t		len;
		const char *bytes = tplus_http_body(call->transfer, &len);

		if (len > 0)
		{
			if (body.len < MAX_REFUSAL_BYTES)
				appendBinaryStringInfo(&body, bytes,
									   Min((int) len,
										   MAX_REFUSAL_BYTES - body.len));
			tplus_http_consume(call->transfer, len);
			continue;
		}
		if (result->state != TPLUS_HTTP_RUNNING)
			break;
		wait_for_bytes(call);
	}
	tplus_reply_read(body.data, body.len, &reply);
	return handle_refusal(call, status, &reply, body.data, body.len);
}

/* The body is whole HTTP but no JSON that we understand. */
static void
handle_malformed(TplusCall *call)
{
	const TplusHttpResult *result = tplus_http_result(call->transfer);
	size_t		offset;
	size_t		len;
	const char *problem = tplus_records_problem(call->records, &offset);
	const char *envelope = tplus_records_envelope(call->records, &len);
	bool		html = strstr(result->content_type, "html") != NULL ||
	(len > 0 && envelope[0] == '<');

	if (!html && may_retry(call) && strcmp(problem, "out of memory") != 0)
	{
		back_off(call, TPLUS_RETRY_MALFORMED, -1);
		return;
	}
	tplus_failure_malformed(&call->failure, html, problem, offset, envelope,
							len);
}

/*
 * The document is complete.  Returns END, or RESTARTED if it was an error
 * that is worth another attempt, or REFUSED.
 */
static TplusCallStatus
finish_document(TplusCall *call)
{
	size_t		len;
	const char *envelope = tplus_records_envelope(call->records, &len);
	TplusReply	reply;
	TplusCallStats *stats = call->spec->stats;
	const TplusHttpResult *result = tplus_http_result(call->transfer);

	tplus_reply_read(envelope, len, &reply);
	call->total = reply.total;
	if (call->spec->envelope)
		appendBinaryStringInfo(call->spec->envelope, envelope, len);

	if (!tplus_records_found(call->records))
	{
		if (reply.shape == TPLUS_REPLY_NOTHING && !call->spec->empty_is_zero)
			tplus_failure_empty(&call->failure, envelope, len);
		if (reply.shape != TPLUS_REPLY_NOTHING && !reply.is_error)
			tplus_failure_no_rows(&call->failure, envelope, len);
	}
	if (reply.is_error)
		return handle_refusal(call, result->status, &reply, envelope, len) ?
			TPLUS_CALL_RESTARTED : TPLUS_CALL_REFUSED;

	tplus_token_accepted(call->spec->account, &call->token);
	stats->pages++;
	stats->wire_bytes += result->wire_bytes;
	stats->body_bytes += result->body_bytes;
	tplus_meter_end(&call->meter, NULL);
	return TPLUS_CALL_END;
}

/*
 * Feeds the splitter with what has arrived.  Returns false if the transfer
 * failed.
 */
static bool
feed_records(TplusCall *call)
{
	const TplusHttpResult *result = tplus_http_result(call->transfer);

	for (;;)
	{
		size_t		len;
		const char *bytes = tplus_http_body(call->transfer, &len);

		if (len > 0)
		{
			tplus_records_feed(call->records, bytes, len);
			tplus_http_consume(call->transfer, len);
			return true;
		}
		if (result->state == TPLUS_HTTP_FAILED)
			return false;
		if (result->state == TPLUS_HTTP_DONE)
		{
			tplus_records_finish(call->records);
			return true;
		}
		wait_for_bytes(call);
	}
}

/*
 * Positional rows have their names in the envelope, which may come last: so
 * they are collected to the end of the reply, then given out as objects.
 */
static void
name_rows(TplusCall *call)
{
	MemoryContext old = MemoryContextSwitchTo(call->attempt);
	size_t		len;
	const char *envelope = tplus_records_envelope(call->records, &len);

	if (!tplus_reply_name_rows(envelope, len, call->named_rows))
		tplus_failure_columns(&call->failure);
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
	call->delivered = true;
	return TPLUS_CALL_RECORD;
}

/* Takes a record from the splitter; true if it goes out as it is. */
static bool
take_record(TplusCall *call, const char *text, size_t len)
{
	MemoryContext old;

	call->spec->stats->records++;
	call->meter.rows++;
	if (*text != '[')
	{
		call->delivered = true;
		return true;
	}
	old = MemoryContextSwitchTo(call->attempt);
	call->named_rows = lappend(call->named_rows, pnstrdup(text, len));
	MemoryContextSwitchTo(old);
	return false;
}

/* One step of an attempt.  RESTARTED: another attempt is due. */
static TplusCallStatus
advance(TplusCall *call, const char **text, size_t *len)
{
	const TplusHttpResult *result = tplus_http_result(call->transfer);

	while (result->status == 0 && result->state == TPLUS_HTTP_RUNNING)
		wait_for_bytes(call);
	if (result->status != 0 && (result->status < 200 || result->status > 299))
		return read_refusal(call) ? TPLUS_CALL_RESTARTED : TPLUS_CALL_REFUSED;

	for (;;)
	{
		TplusCallStatus status;

		switch (tplus_records_next(call->records, text, len))
		{
			case TPLUS_RECORDS_RECORD:
				if (take_record(call, *text, *len))
					return TPLUS_CALL_RECORD;
				break;
			case TPLUS_RECORDS_MORE:
				if (!feed_records(call))
				{
					handle_failure(call);
					return TPLUS_CALL_RESTARTED;
				}
				break;
			case TPLUS_RECORDS_BROKEN:
				handle_malformed(call);
				return TPLUS_CALL_RESTARTED;
			case TPLUS_RECORDS_END:
				status = finish_document(call);
				if (status != TPLUS_CALL_END || call->named_rows == NIL)
					return status;
				name_rows(call);
				return next_named_row(call, text, len);
		}
	}
}

/* tplus_call_next() without the eye on errors. */
static TplusCallStatus
next_record(TplusCall *call, const char **text, size_t *len)
{
	TplusCallStatus status;
	bool		delivered;

	if (call->next_named > 0)
		return next_named_row(call, text, len);
	for (;;)
	{
		if (call->transfer == NULL)
			begin_attempt(call);
		delivered = call->delivered;
		status = advance(call, text, len);
		if (status != TPLUS_CALL_RESTARTED)
			return status;
		call->delivered = false;
		if (delivered)
			return TPLUS_CALL_RESTARTED;
	}
}

TplusCallStatus
tplus_call_next(TplusCall *call, const char **text, size_t *len)
{
	TplusCallStatus status;

	PG_TRY();
	{
		status = next_record(call, text, len);
	}
	PG_CATCH();
	{
		tplus_meter_error(&call->meter, call->context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (status == TPLUS_CALL_REFUSED)
		tplus_meter_end(&call->meter, "Refused");
	return status;
}
