/*-------------------------------------------------------------------------
 *
 * verdict.c
 *		What the end of an attempt means: done, once more, or an error.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/verdict.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/backoff.h"
#include "tplus/reply.h"
#include "tplus/verdict.h"

/* If so many successors of a token are refused, another is not the cure. */
#define MAX_RENEWALS	3

void
tplus_tries_init(TplusTries *tries, const TplusCallSpec *spec,
				 MemoryContext context)
{
	const TplusServerOptions *server = &spec->account->server;

	tries->spec = spec;
	tries->rate.per_second = server->requests_per_second;
	tries->rate.burst = server->burst;
	tries->rate.max_concurrency = server->max_concurrency;
	tries->meter.account = tries->failure.account = spec->account;
	tries->failure.what = spec->what;
	tries->failure.is_filtered = spec->is_filtered;
	tries->meter.path = tries->failure.path = spec->path;
	tries->meter.body = spec->body;
	tries->meter.relid = spec->relid;
	tries->meter.stats = spec->stats;
	tries->total = -1;
	tplus_attempt_init(&tries->attempt, context);
}

/* Another attempt will be made, for this cause. */
static void
retry(TplusTries *tries, TplusRetryCause cause)
{
	tries->spec->stats->retries[cause]++;
	tplus_meter_end(&tries->meter, tplus_retry_names[cause]);
	tplus_attempt_end(&tries->attempt);
	tries->paused_all = tries->opened = tries->held_back = false;
}

TplusBudget *
tplus_verdict_budget(TplusTries *tries)
{
	const TplusAccount *account = tries->spec->account;

	if (tries->budget == NULL)
		tries->budget = tplus_budget_attach(tplus_http_way(account->server.base_url,
														   account->server.proxy),
											account->mapping.app_key,
											account->server.serverid);
	return tries->budget;
}

/* Lets all backends pause, once for each reply that says so. */
static void
pause_all(TplusTries *tries)
{
	int64		retry_after_ms =
	tplus_http_result(tries->attempt.transfer)->retry_after_ms;

	if (!tries->paused_all)
		tplus_budget_pause(tplus_verdict_budget(tries),
						   Max(tplus_backoff_delay(tries->count),
							   retry_after_ms));
	tries->paused_all = true;
}

void
tplus_verdict_heed(TplusTries *tries)
{
	const TplusHttpResult *result = tplus_http_result(tries->attempt.transfer);

	if (result->state != TPLUS_HTTP_RUNNING && result->status > 299 &&
		tplus_error_find(result->status, NULL, NULL)->refusal ==
		TPLUS_REFUSAL_THROTTLE)
		pause_all(tries);
}

/*
 * Another attempt, after a pause, which began when this one ended.  pause_ms
 * is what the server asked for (-1: nothing).  Throws if it asks for more than
 * we sit out.
 */
static void
back_off(TplusTries *tries, TplusRetryCause cause, int64 pause_ms)
{
	int64		delay_ms = Max(tplus_backoff_delay(tries->count), pause_ms);
	int64		begun_us = tries->attempt.ended_us;

	if (begun_us == 0)
		begun_us = tplus_http_now();
	if (pause_ms > TPLUS_BACKOFF_MAX_PAUSE_MS)
		tplus_failure_pause(&tries->failure, pause_ms);
	retry(tries, cause);
	tries->throttled = cause == TPLUS_RETRY_THROTTLED;
	tries->resume_us = begun_us + delay_ms * INT64CONST(1000);
}

/* Is there another attempt to be made? */
static bool
may_retry(TplusTries *tries)
{
	return (!tries->delivered || tries->spec->retry_after_rows) &&
		tries->count <= tries->spec->account->server.max_retries;
}

void
tplus_verdict_failed(TplusTries *tries)
{
	const TplusHttpResult *result = tplus_http_result(tries->attempt.transfer);

	if (!tplus_failure_may_pass(result, tries->delivered) || !may_retry(tries))
		tplus_failure_transport(&tries->failure, result);
	back_off(tries, TPLUS_RETRY_NETWORK, -1);
}

/* The token was refused: is there another one?  max_retries does not matter. */
static bool
another_token(TplusTries *tries, bool definite)
{
	tplus_attempt_settle_all();
	if ((tries->delivered && !tries->spec->retry_after_rows) ||
		tries->tokens++ >= MAX_RENEWALS ||
		!tplus_token_refused(tries->spec->account, &tries->token, definite,
							 &tries->spec->stats->token_us))
		return false;
	retry(tries, TPLUS_RETRY_TOKEN);
	return true;
}

/*
 * T+ refused the call.  Returns AGAIN if another attempt shall be made,
 * REFUSED if the caller gets the refusal; throws otherwise.
 */
static TplusVerdict
handle_refusal(TplusTries *tries, int status, const TplusReply *reply,
			   const char *body, size_t len)
{
	const TplusErrorEntry *entry;
	TplusRefusal refusal;
	int64		retry_after_ms = tplus_http_result(tries->attempt.transfer)->retry_after_ms;

	entry = tplus_error_find(status, reply->code,
							 tries->spec->account->server.auth_error_codes);
	refusal = entry->refusal;
	tplus_meter_code(&tries->meter, tplus_failure_code(&tries->failure, reply));

	/* A failure without a word of T+'s own is the gateway's, and may pass. */
	if (status == 500 && reply->message == NULL)
		refusal = TPLUS_REFUSAL_RETRY;

	/* All backends shall know, whether or not this one asks again. */
	if (refusal == TPLUS_REFUSAL_THROTTLE)
		pause_all(tries);
	if (refusal == TPLUS_REFUSAL_TOKEN ||
		refusal == TPLUS_REFUSAL_TOKEN_MAYBE)
	{
		if (another_token(tries, refusal == TPLUS_REFUSAL_TOKEN))
			return TPLUS_VERDICT_AGAIN;
	}
	else if ((refusal == TPLUS_REFUSAL_THROTTLE ||
			  refusal == TPLUS_REFUSAL_RETRY) && may_retry(tries))
	{
		back_off(tries, refusal == TPLUS_REFUSAL_THROTTLE ?
				 TPLUS_RETRY_THROTTLED : TPLUS_RETRY_SERVER, retry_after_ms);
		return TPLUS_VERDICT_AGAIN;
	}

	/* Where a token is not to blame for certain, a parameter may be. */
	if (tries->spec->quiet && (refusal == TPLUS_REFUSAL_REQUEST ||
							   refusal == TPLUS_REFUSAL_TOKEN_MAYBE))
		return TPLUS_VERDICT_REFUSED;
	tplus_failure_refused(&tries->failure, status, reply, entry, body, len);
}

TplusVerdict
tplus_verdict_refused(TplusTries *tries)
{
	StringInfo	body = &tries->attempt.refusal;
	TplusReply	reply;

	tplus_reply_read(body->data, body->len, NULL, false, &reply);
	return handle_refusal(tries, tplus_http_result(tries->attempt.transfer)->status,
						  &reply, body->data, body->len);
}

/* Would a document with this problem have it next time, too? */
static bool
problem_stays(const char *problem)
{
	return strcmp(problem, "out of memory") == 0 ||
		strcmp(problem, TPLUS_JSON_TOO_DEEP) == 0;
}

/* The document has this problem there; likewise. */
static void
malformed(TplusTries *tries, const char *problem, size_t offset, bool whole)
{
	const TplusHttpResult *result = tplus_http_result(tries->attempt.transfer);
	size_t		len;
	const char *envelope = tplus_records_envelope(tries->attempt.records, &len);
	bool		html = strstr(result->content_type, "html") != NULL ||
	(len > 0 && envelope[0] == '<');

	if (!html && may_retry(tries) && !problem_stays(problem))
	{
		back_off(tries, TPLUS_RETRY_MALFORMED, -1);
		return;
	}
	if (html)
		tplus_failure_html(&tries->failure, envelope, len);
	tplus_failure_malformed(&tries->failure, problem, offset, whole, envelope,
							len);
}

void
tplus_verdict_malformed(TplusTries *tries)
{
	size_t		offset;
	const char *problem = tplus_records_problem(tries->attempt.records,
												&offset);

	malformed(tries, problem, offset, true);
}

/* Does what stands before the rows speak of an error, whatever may follow? */
static bool
opening_refuses(TplusTries *tries)
{
	const TplusRecords *records = tries->attempt.records;
	MemoryContext old = MemoryContextSwitchTo(tries->attempt.context);
	size_t		len = tplus_records_opening_size(records);
	char	   *text = palloc(len);
	TplusReply	reply;

	tplus_records_opening(records, text);
	tplus_reply_read(text, len, tplus_records_place(records), true, &reply);
	MemoryContextSwitchTo(old);
	return reply.is_certain;
}

/* The same for all that stands around them, which must be whole, too. */
static bool
end_refuses(TplusTries *tries)
{
	const TplusRecords *records = tries->attempt.records;
	MemoryContext old = MemoryContextSwitchTo(tries->attempt.context);
	size_t		len;
	const char *envelope = tplus_records_envelope(records, &len);
	TplusReply	reply;

	tplus_reply_read(envelope, len, tplus_records_place(records), true,
					 &reply);
	MemoryContextSwitchTo(old);
	return reply.is_error || reply.shape == TPLUS_REPLY_MALFORMED ||
		tries->attempt.split == TPLUS_RECORDS_BROKEN;
}

bool
tplus_verdict_lets_out(TplusTries *tries)
{
	if (!tries->opened)
		tries->held_back = opening_refuses(tries);
	tries->opened = true;
	if (tplus_attempt_is_last(&tries->attempt))
		tries->held_back |= end_refuses(tries);
	return !tries->held_back;
}

bool
tplus_verdict_rejected(TplusTries *tries)
{
	if (!may_retry(tries))
		return false;
	back_off(tries, TPLUS_RETRY_MALFORMED, -1);
	return true;
}

TplusVerdict
tplus_verdict_complete(TplusTries *tries)
{
	const TplusRecords *records = tries->attempt.records;
	size_t		len;
	const char *envelope = tplus_records_envelope(records, &len);
	TplusReply	reply;
	const TplusHttpResult *result = tplus_http_result(tries->attempt.transfer);

	tplus_reply_read(envelope, len, tplus_records_place(records),
					 tplus_records_count(records) > 0, &reply);
	if (tplus_records_found(records) &&
		reply.shape == TPLUS_REPLY_MALFORMED)
	{
		malformed(tries, reply.problem, reply.offset, false);
		return TPLUS_VERDICT_AGAIN;
	}
	tries->total = reply.total;
	if (tries->spec->envelope)
		appendBinaryStringInfo(tries->spec->envelope, envelope, len);

	if (!tplus_records_found(records))
	{
		if (reply.shape == TPLUS_REPLY_NOTHING && !tries->spec->empty_is_zero)
			tplus_failure_empty(&tries->failure, envelope, len);
		if (reply.shape != TPLUS_REPLY_NOTHING && !reply.is_error)
			tplus_failure_no_rows(&tries->failure, envelope, len);
	}
	if (reply.is_error)
		return handle_refusal(tries, result->status, &reply, envelope, len);

	tplus_token_accepted(tries->spec->account, &tries->token);
	tplus_meter_page(&tries->meter);
	tplus_meter_end(&tries->meter, NULL);
	return TPLUS_VERDICT_DONE;
}
