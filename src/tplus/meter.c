/*-------------------------------------------------------------------------
 *
 * meter.c
 *		What a call costs, told to the shared counters and the request log.
 *
 * The shared counters are the sums of what EXPLAIN shows: a call adds to the
 * sums of its scan, and what these have grown by is passed on at the end of
 * each request.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/meter.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/journal.h"
#include "net/budget.h"
#include "tplus/allowance.h"
#include "tplus/meter.h"
#include "tplus/secrets.h"

/* How much of SelectFields is kept: the names of all columns say little. */
#define SELECT_BYTES	24

const char *const tplus_retry_names[TPLUS_NRETRYCAUSES] = {
	[TPLUS_RETRY_THROTTLED] = "Throttled",
	[TPLUS_RETRY_TOKEN] = "Token",
	[TPLUS_RETRY_SERVER] = "Server",
	[TPLUS_RETRY_NETWORK] = "Network",
	[TPLUS_RETRY_MALFORMED] = "Malformed",
};

/* Where a sum of a call stands, by TplusStat. */
static const size_t sums[TPLUS_NSTATS] = {
	[TPLUS_STAT_REQUESTS] = offsetof(TplusCallStats, requests),
	[TPLUS_STAT_PAGES] = offsetof(TplusCallStats, pages),
	[TPLUS_STAT_ROWS] = offsetof(TplusCallStats, records),
	[TPLUS_STAT_WIRE_BYTES] = offsetof(TplusCallStats, wire_bytes),
	[TPLUS_STAT_BODY_BYTES] = offsetof(TplusCallStats, body_bytes),
	[TPLUS_STAT_RETRIES_THROTTLED] =
	offsetof(TplusCallStats, retries[TPLUS_RETRY_THROTTLED]),
	[TPLUS_STAT_RETRIES_TOKEN] =
	offsetof(TplusCallStats, retries[TPLUS_RETRY_TOKEN]),
	[TPLUS_STAT_RETRIES_SERVER] =
	offsetof(TplusCallStats, retries[TPLUS_RETRY_SERVER]),
	[TPLUS_STAT_RETRIES_NETWORK] =
	offsetof(TplusCallStats, retries[TPLUS_RETRY_NETWORK]),
	[TPLUS_STAT_RETRIES_MALFORMED] =
	offsetof(TplusCallStats, retries[TPLUS_RETRY_MALFORMED]),
	[TPLUS_STAT_NETWORK_US] = offsetof(TplusCallStats, network_us),
	[TPLUS_STAT_BUDGET_US] = offsetof(TplusCallStats, budget_us),
	[TPLUS_STAT_TOKEN_US] = offsetof(TplusCallStats, token_us),
	[TPLUS_STAT_BACKOFF_US] = offsetof(TplusCallStats, backoff_us),
	[TPLUS_STAT_THROTTLED_US] = offsetof(TplusCallStats, throttled_us),
};

static void
set_key(TplusStatsKey *key, const TplusAccount *account, Oid table)
{
	key->database = MyDatabaseId;
	key->server = account->server.serverid;
	key->table = table;
}

/* A good answer's latency in milliseconds, -1 for the others. */
static double
latency_ms(const TplusHttpResult *result)
{
	if (result == NULL || result->first_byte_us < 0 ||
		result->status < 200 || result->status > 299)
		return -1;
	return result->first_byte_us / 1000.0;
}

/* Passes on what the sums of the call have grown by. */
static void
post_sums(const TplusMeter *meter, double latency)
{
	TplusCallStats *stats = meter->stats;
	TplusStatsKey key;
	int64		growth[TPLUS_NSTATS] = {0};
	bool		any = latency >= 0;
	int			i;

	for (i = 0; i < TPLUS_NSTATS; i++)
	{
		/* No sum of a call stands first but that of the requests. */
		if (sums[i] == 0 && i != TPLUS_STAT_REQUESTS)
			continue;
		growth[i] = *(int64 *) ((char *) stats + sums[i]) - stats->posted[i];
		stats->posted[i] += growth[i];
		any |= growth[i] != 0;
	}
	set_key(&key, meter->account, meter->relid);
	if (any)
		tplus_stats_add(&key, growth, latency);
}

/* Copies text that may be cut, at the end of a character. */
static void
copy_text(char *to, size_t size, const char *text, int encoding)
{
	int			len = pg_encoding_mbcliplen(encoding, text, strlen(text),
											size - 1);

	memcpy(to, text, len);
	to[len] = '\0';
}

/* The body of a request, with no more of SelectFields than shows what it is. */
static void
copy_params(char *to, size_t size, const char *body)
{
	static const char name[] = "\"SelectFields\":\"";
	const char *fields = strstr(body, name);
	size_t		len = 0;

	if (fields)
	{
		fields += sizeof(name) - 1;
		len = strcspn(fields, "\"");
	}
	if (fields == NULL || len <= SELECT_BYTES)
	{
		copy_text(to, size, body, PG_UTF8);
		return;
	}
	snprintf(to, size, "%.*s%.*s...%s", (int) (fields - body), body,
			 pg_encoding_mbcliplen(PG_UTF8, fields, len, SELECT_BYTES), fields,
			 fields + len);

	/* The end may be half a character. */
	to[pg_encoding_mbcliplen(PG_UTF8, to, strlen(to), strlen(to))] = '\0';
}

/* What the log says of a result, whatever it was asked for. */
static void
fill_entry(TplusJournalEntry *entry, const TplusStatsKey *key,
		   const char *path, TimestampTz begun, const TplusHttpResult *result)
{
	memset(entry, 0, sizeof(*entry));
	entry->at = begun;
	entry->pid = MyProcPid;
	entry->database = key->database;
	entry->server = key->server;
	entry->table = key->table;
	entry->encoding = GetDatabaseEncoding();
	entry->status = result->status;
	entry->bytes = result->wire_bytes;
	entry->us = result->state == TPLUS_HTTP_RUNNING ?
		GetCurrentTimestamp() - begun : result->total_us;
	strlcpy(entry->path, path, sizeof(entry->path));
}

/*
 * Puts the request into the log; also those before it that libcurl sent in
 * vain, of which nothing is known.
 */
static void
log_request(const TplusMeter *meter, const char *why)
{
	TplusJournalEntry entry;
	TplusJournalEntry vain;
	TplusStatsKey key;
	int			i;

	set_key(&key, meter->account, meter->relid);
	fill_entry(&entry, &key, meter->path, meter->begun, meter->result);
	entry.attempt = meter->attempt;
	copy_params(entry.params, sizeof(entry.params), meter->shown);

	vain = entry;
	vain.status = 0;
	vain.bytes = vain.us = 0;
	strlcpy(vain.error, tplus_retry_names[TPLUS_RETRY_NETWORK],
			sizeof(vain.error));
	for (i = 0; i < meter->result->resent; i++)
		tplus_journal_add(&vain);

	entry.rows = meter->rows;
	copy_text(entry.code, sizeof(entry.code), meter->code,
			  GetDatabaseEncoding());
	if (why)
		copy_text(entry.error, sizeof(entry.error), why,
				  GetDatabaseEncoding());
	tplus_journal_add(&entry);
}

/* The transfer goes, whatever the reason. */
static void
give_up(void *arg)
{
	tplus_meter_end(arg, "given up");
}

void
tplus_meter_attach(void)
{
	(void) tplus_budget_is_shared();
	tplus_stats_attach();
	tplus_journal_attach();
}

void
tplus_meter_begin(TplusMeter *meter, const TplusHttpResult *result,
				  int attempt, MemoryContext context)
{
	MemoryContext old;

	tplus_meter_attach();
	old = MemoryContextSwitchTo(context);
	meter->shown = tplus_secrets_blot(meter->account, meter->body);
	meter->payer = tplus_allowance_payer(meter->account);
	MemoryContextSwitchTo(old);
	meter->result = result;
	meter->begun = GetCurrentTimestamp();
	meter->attempt = attempt;
	meter->rows = meter->wire_bytes = meter->body_bytes = 0;
	meter->code[0] = '\0';
	meter->callback.func = give_up;
	meter->callback.arg = meter;
	MemoryContextRegisterResetCallback(context, &meter->callback);
}

/* Adds to the sums what has arrived since this was last done. */
static void
add_bytes(TplusMeter *meter)
{
	const TplusHttpResult *result = meter->result;

	meter->stats->wire_bytes += result->wire_bytes - meter->wire_bytes;
	meter->stats->body_bytes += result->body_bytes - meter->body_bytes;
	meter->wire_bytes = result->wire_bytes;
	meter->body_bytes = result->body_bytes;
}

void
tplus_meter_page(TplusMeter *meter)
{
	if (!meter->has_page)
		meter->stats->pages++;
	meter->has_page = true;
}

void
tplus_meter_record(TplusMeter *meter)
{
	tplus_meter_page(meter);
	meter->rows++;
	meter->stats->records++;
	if (meter->result)
		add_bytes(meter);
}

void
tplus_meter_code(TplusMeter *meter, const char *code)
{
	copy_text(meter->code, sizeof(meter->code), code ? code : "",
			  GetDatabaseEncoding());
}

void
tplus_meter_end(TplusMeter *meter, const char *why)
{
	if (meter->result)
	{
		add_bytes(meter);
		tplus_allowance_note(meter->payer, meter->account->server.serverid,
							 meter->relid, meter->result->resent);
		meter->stats->requests += meter->result->resent;
		meter->stats->retries[TPLUS_RETRY_NETWORK] += meter->result->resent;
	}
	post_sums(meter, latency_ms(meter->result));
	if (meter->result)
		log_request(meter, why);
	meter->result = NULL;
}

/* Counts an error, but a cancel or a shutdown, which is nobody's. */
static void
count_error(const TplusAccount *account, Oid relid, TplusCallStats *stats,
			const ErrorData *error, const char *text)
{
	TplusStatsKey key;

	stats->failed = true;
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		return;
	set_key(&key, account, relid);
	tplus_stats_error(&key, error->sqlerrcode, text);
}

static char *
error_text(const ErrorData *error)
{
	return error->detail ?
		psprintf("%s: %s", error->message, error->detail) : error->message;
}

void
tplus_meter_error(TplusMeter *meter, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	ErrorData  *error = CopyErrorData();
	char	   *text = error_text(error);

	tplus_meter_end(meter, text);
	count_error(meter->account, meter->relid, meter->stats, error, text);
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
}

void
tplus_meter_failure(const TplusAccount *account, Oid relid,
					TplusCallStats *stats, MemoryContext context)
{
	MemoryContext old;
	ErrorData  *error;
	char	   *text;

	if (stats->failed)
		return;
	old = MemoryContextSwitchTo(context);
	error = CopyErrorData();
	text = error->column_name ?
		psprintf("a value of column \"%s\" could not be converted",
				 error->column_name) : error_text(error);
	count_error(account, relid, stats, error, text);
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
}

void
tplus_meter_grant(const TplusAccount *account, const char *path,
				  TimestampTz begun, const TplusHttpResult *result,
				  const TplusGrantReply *reply)
{
	bool		good = reply->outcome == TPLUS_GRANT_OK;
	int64		growth[TPLUS_NSTATS] = {0};
	TplusJournalEntry entry;
	TplusStatsKey key;

	tplus_meter_attach();
	set_key(&key, account, InvalidOid);
	growth[TPLUS_STAT_REQUESTS] = 1;
	growth[TPLUS_STAT_WIRE_BYTES] = result->wire_bytes;
	growth[TPLUS_STAT_BODY_BYTES] = result->body_bytes;
	growth[TPLUS_STAT_RENEWALS] = good ? 1 : 0;
	tplus_stats_add(&key, growth, -1);
	fill_entry(&entry, &key, path, begun, result);
	entry.attempt = 1;
	copy_text(entry.code, sizeof(entry.code), reply->code ? reply->code : "",
			  GetDatabaseEncoding());
	if (!good)
	{
		copy_text(entry.error, sizeof(entry.error), reply->message,
				  GetDatabaseEncoding());
		tplus_stats_error(&key, reply->sqlstate, reply->message);
	}
	tplus_journal_add(&entry);
}
