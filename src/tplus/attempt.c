/*-------------------------------------------------------------------------
 *
 * attempt.c
 *		One attempt of a call: it is sent, received, and split into records.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/attempt.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "tplus/attempt.h"
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

/* How far records are split ahead, and how much is split at a time. */
#define MAX_READY_BYTES		(1024 * 1024)
#define PIECE_BYTES			(64 * 1024)

/*
 * All attempts of this backend, so that a scan that waits can see to the
 * transfers of the others.
 */
static dlist_head attempts = DLIST_STATIC_INIT(attempts);

static void
report_no_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory")));
}

/* Runs when the context around the attempts goes, whatever the reason. */
static void
forget_attempt(void *arg)
{
	TplusAttempt *attempt = arg;

	dlist_delete(&attempt->node);
	tplus_records_free(attempt->records);
	tplus_http_buffer_free(&attempt->ready);
}

void
tplus_attempt_init(TplusAttempt *attempt, MemoryContext context)
{
	attempt->context = AllocSetContextCreate(context, "tplus_fdw attempt",
											 ALLOCSET_SMALL_SIZES);
	dlist_push_tail(&attempts, &attempt->node);
	attempt->callback.func = forget_attempt;
	attempt->callback.arg = attempt;
	MemoryContextRegisterResetCallback(context, &attempt->callback);
}

void
tplus_attempt_send(TplusAttempt *attempt, const TplusCallSpec *spec,
				   const char *access_token, bool only_once)
{
	MemoryContext old = MemoryContextSwitchTo(attempt->context);

	tplus_transport_fill(spec->account, access_token, spec->path, spec->body,
						 &attempt->request);
	attempt->request.fresh_connection = only_once;
	attempt->split = TPLUS_RECORDS_MORE;
	memset(&attempt->tally, 0, sizeof(attempt->tally));
	attempt->ended_us = 0;
	initStringInfo(&attempt->refusal);
	attempt->records = tplus_records_create(spec->rows_path, MAX_RECORD_BYTES,
											MAX_ENVELOPE_BYTES);
	if (attempt->records == NULL)
		report_no_memory();
	attempt->transfer = tplus_http_start(&attempt->request, attempt->context);
	MemoryContextSwitchTo(old);
}

void
tplus_attempt_end(TplusAttempt *attempt)
{
	tplus_http_free(attempt->transfer);
	attempt->transfer = NULL;
	tplus_budget_release(attempt->permit);
	attempt->permit = NULL;
	tplus_records_free(attempt->records);
	attempt->records = NULL;
	tplus_http_buffer_free(&attempt->ready);
	attempt->taken = 0;
	MemoryContextReset(attempt->context);
}

/* Gives the permit back once the transfer has all its bytes. */
static void
settle(TplusAttempt *attempt)
{
	if (attempt->transfer == NULL || attempt->ended_us != 0 ||
		tplus_http_result(attempt->transfer)->state == TPLUS_HTTP_RUNNING)
		return;
	attempt->ended_us = tplus_http_now();
	tplus_budget_release(attempt->permit);
	attempt->permit = NULL;
}

static bool
is_refusal(const TplusHttpResult *result)
{
	return result->status != 0 &&
		(result->status < 200 || result->status > 299);
}

void
tplus_tally_add(TplusTally *tally, size_t len)
{
	tally->rows++;
	tally->bytes += (int64) len;
	tally->longest = Max(tally->longest, (int64) len);
}

/* Puts the records that are complete into the buffer. */
static void
split_records(TplusAttempt *attempt)
{
	const char *text;
	size_t		len;

	while ((attempt->split = tplus_records_next(attempt->records, &text,
												&len)) == TPLUS_RECORDS_RECORD)
	{
		if (!tplus_http_buffer_append(&attempt->ready, (char *) &len,
									  sizeof(len)) ||
			!tplus_http_buffer_append(&attempt->ready, text, len))
			report_no_memory();
		attempt->last_len = len;
		tplus_tally_add(&attempt->tally, len);
	}
}

/* Takes a piece of what has arrived; false if there is none to take. */
static bool
take_piece(TplusAttempt *attempt)
{
	const TplusHttpResult *result = tplus_http_result(attempt->transfer);
	size_t		len;
	const char *bytes = tplus_http_body(attempt->transfer, &len);

	len = Min(len, PIECE_BYTES);
	if (is_refusal(result))
	{
		if (attempt->refusal.len < MAX_REFUSAL_BYTES)
			appendBinaryStringInfo(&attempt->refusal, bytes,
								   Min((int) len, MAX_REFUSAL_BYTES -
									   attempt->refusal.len));
	}
	else if (len > 0)
		tplus_records_feed(attempt->records, bytes, len);
	else if (result->state == TPLUS_HTTP_DONE)
	{
		tplus_records_finish(attempt->records);
		split_records(attempt);
		return false;
	}
	if (len == 0)
		return false;
	tplus_http_consume(attempt->transfer, len);
	if (!is_refusal(result))
		split_records(attempt);
	return true;
}

/*
 * Is there a record to hand out?  The last one waits for what follows it: a
 * caller who needs no more shall know how the document ends.
 */
static bool
has_ready(const TplusAttempt *attempt)
{
	size_t		unread = tplus_http_buffer_unread(&attempt->ready) -
	attempt->taken;

	return unread > 0 && (attempt->split != TPLUS_RECORDS_MORE ||
						  unread > sizeof(size_t) + attempt->last_len);
}

void
tplus_attempt_receive(TplusAttempt *attempt)
{
	if (attempt->transfer == NULL)
		return;
	tplus_http_buffer_consume(&attempt->ready, attempt->taken);
	attempt->taken = 0;
	while (attempt->split == TPLUS_RECORDS_MORE &&
		   (tplus_http_buffer_unread(&attempt->ready) < MAX_READY_BYTES ||
			!has_ready(attempt)) &&
		   take_piece(attempt))
		;
	settle(attempt);
}

/* Hands out the first record of the buffer. */
static bool
take_ready(TplusAttempt *attempt, const char **text, size_t *len)
{
	const char *bytes = tplus_http_buffer_bytes(&attempt->ready);

	if (!has_ready(attempt))
		return false;
	memcpy(len, bytes, sizeof(*len));
	*text = bytes + sizeof(*len);
	attempt->taken = sizeof(*len) + *len;
	return true;
}

TplusAttemptStatus
tplus_attempt_next(TplusAttempt *attempt, const char **text, size_t *len)
{
	const TplusHttpResult *result = tplus_http_result(attempt->transfer);

	tplus_http_buffer_consume(&attempt->ready, attempt->taken);
	attempt->taken = 0;
	if (take_ready(attempt, text, len))
		return TPLUS_ATTEMPT_RECORD;
	tplus_attempt_receive(attempt);
	if (take_ready(attempt, text, len))
		return TPLUS_ATTEMPT_RECORD;
	if (attempt->split == TPLUS_RECORDS_END)
		return TPLUS_ATTEMPT_END;
	if (attempt->split == TPLUS_RECORDS_BROKEN)
		return TPLUS_ATTEMPT_BROKEN;
	if (result->state == TPLUS_HTTP_RUNNING)
		return TPLUS_ATTEMPT_WAIT;
	return is_refusal(result) ? TPLUS_ATTEMPT_REFUSED : TPLUS_ATTEMPT_FAILED;
}

bool
tplus_attempt_is_last(const TplusAttempt *attempt)
{
	return attempt->split != TPLUS_RECORDS_MORE &&
		tplus_http_buffer_unread(&attempt->ready) == attempt->taken;
}

bool
tplus_attempt_has_news(const TplusAttempt *attempt)
{
	size_t		len;

	if (attempt->transfer == NULL)
		return false;
	if (has_ready(attempt) ||
		tplus_http_result(attempt->transfer)->state != TPLUS_HTTP_RUNNING)
		return true;
	(void) tplus_http_body(attempt->transfer, &len);
	return len > 0;
}

void
tplus_attempt_settle_all(void)
{
	dlist_iter	iter;

	tplus_budget_sign();
	dlist_foreach(iter, &attempts)
		settle(dlist_container(TplusAttempt, node, iter.cur));
}

bool
tplus_attempt_drain_all(void)
{
	bool		held = false;
	dlist_iter	iter;

	tplus_attempt_settle_all();
	dlist_foreach(iter, &attempts)
	{
		TplusAttempt *attempt = dlist_container(TplusAttempt, node, iter.cur);

		if (attempt->permit == NULL || attempt->transfer == NULL)
			continue;
		tplus_http_drain(attempt->transfer);
		held = true;
	}
	return held;
}
