/*-------------------------------------------------------------------------
 *
 * stat_functions.c
 *		SQL functions about the shared counters, the request log and the queue.
 *
 * Nothing is written, and no lock is held while counters and log are read, so
 * they work in read-only transactions and on a standby.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/stat_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/error.h"
#include "base/journal.h"
#include "base/stats.h"
#include "fdw/stat_functions.h"
#include "net/budget.h"
#include "tplus/meter.h"

PG_FUNCTION_INFO_V1(tplus_stat_entries);
PG_FUNCTION_INFO_V1(tplus_stat_reset);
PG_FUNCTION_INFO_V1(tplus_request_entries);
PG_FUNCTION_INFO_V1(tplus_budget_entries);

#define STAT_COLUMNS	26
#define LOG_COLUMNS		15

/* A row that is filled from the left. */
typedef struct Row
{
	Datum		values[STAT_COLUMNS];
	bool		nulls[STAT_COLUMNS];
	int			n;
} Row;

static void
put(Row *row, Datum value, bool isnull)
{
	Assert(row->n < STAT_COLUMNS);
	row->values[row->n] = isnull ? (Datum) 0 : value;
	row->nulls[row->n++] = isnull;
}

static void
put_text(Row *row, const char *text)
{
	put(row, text ? CStringGetTextDatum(text) : (Datum) 0, text == NULL);
}

static void
put_time(Row *row, TimestampTz value)
{
	put(row, TimestampTzGetDatum(value), value == 0);
}

/* The server, if it is one of this database and still there. */
static ForeignServer *
find_server(Oid database, Oid serverid)
{
	return database == MyDatabaseId ?
		GetForeignServerExtended(serverid, FSV_MISSING_OK) : NULL;
}

/* NULL for no object; the OID of one that is not to be found here. */
static void
put_name(Row *row, const char *name, Oid oid)
{
	put_text(row, name ? name :
			 OidIsValid(oid) ? psprintf("%u", oid) : NULL);
}

/* The table's name as SQL wants it; NULL if it does not exist. */
static char *
table_name(Oid relid)
{
	char	   *name = OidIsValid(relid) ? get_rel_name(relid) : NULL;
	char	   *schema = name ? get_namespace_name(get_rel_namespace(relid)) : NULL;

	return schema ? quote_qualified_identifier(schema, name) : NULL;
}

static bool
is_monitor(void)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR);
}

/* May the current user see what is known about this server? */
static bool
is_visible(const ForeignServer *server)
{
	return is_monitor() ||
		(server && has_privs_of_role(GetUserId(), server->owner));
}

static Datum
bins_array(const int64 *bins)
{
	Datum		elements[TPLUS_STATS_NBINS];
	int			i;

	for (i = 0; i < TPLUS_STATS_NBINS; i++)
		elements[i] = Int64GetDatum(bins[i]);
	return PointerGetDatum(construct_array(elements, TPLUS_STATS_NBINS,
										   INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* One row of tplus.stat_requests, in the order of the install script. */
static void
fill_stats(Row *row, const TplusStats *stats, const ForeignServer *server)
{
	bool		measured = false;
	int			i;

	put_name(row, server->servername, server->serverid);
	put_name(row, table_name(stats->key.table), stats->key.table);
	for (i = 0; i < TPLUS_NSTATS; i++)
	{
		if (i >= TPLUS_STAT_NETWORK_US && i <= TPLUS_STAT_THROTTLED_US)
			put(row, Float8GetDatum(stats->sums[i] / 1000.0), false);
		else
			put(row, Int64GetDatum(stats->sums[i]), false);
	}
	put_text(row, stats->error_at != 0 ? stats->error : NULL);
	put_text(row, stats->error_at != 0 ?
			 unpack_sql_state(stats->error_sqlstate) : NULL);
	put_time(row, stats->error_at);
	for (i = 0; i < TPLUS_STATS_NBINS; i++)
		measured |= stats->bins[i] > 0;
	put(row, Float8GetDatum(stats->latency_ms), !measured);
	put(row, bins_array(stats->bins), false);
	put_time(row, stats->last_used);
	put_time(row, stats->since);
}

Datum
tplus_stat_entries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TplusStats	stats;
	int			position = 0;

	tplus_init_srf(fcinfo);
	tplus_meter_attach();
	while (tplus_stats_next(&position, &stats))
	{
		ForeignServer *server = find_server(stats.key.database,
											stats.key.server);
		Row			row = {0};

		if (server == NULL || !is_visible(server))
			continue;
		fill_stats(&row, &stats, server);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row.values,
							 row.nulls);
	}
	return (Datum) 0;
}

Datum
tplus_stat_reset(PG_FUNCTION_ARGS)
{
	tplus_meter_attach();
	tplus_stats_reset();
	PG_RETURN_VOID();
}

/* Text that a backend of another database may have written. */
static char *
foreign_text(const char *text, int encoding)
{
	char	   *copy;
	char	   *p;

	if (encoding == GetDatabaseEncoding())
		return pstrdup(text);
	if (encoding == PG_UTF8)
		return tplus_error_clip(text, strlen(text), strlen(text) * 4, NULL, 0);
	copy = pstrdup(text);
	for (p = copy; *p; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	}
	return copy;
}

/* One row of tplus.request_log, in the order of the install script. */
static void
fill_request(Row *row, const TplusJournalEntry *entry,
			 const ForeignServer *server)
{
	bool		here = entry->database == MyDatabaseId;

	put(row, Int64GetDatum((int64) entry->number), false);
	put_time(row, entry->at);
	put(row, Int32GetDatum(entry->pid), false);
	put_name(row, get_database_name(entry->database), entry->database);
	put_name(row, server ? server->servername : NULL, entry->server);
	put_name(row, here ? table_name(entry->table) : NULL, entry->table);
	put_text(row, entry->path);
	put_text(row, entry->params[0] ?
			 foreign_text(entry->params, PG_UTF8) : NULL);
	put(row, Int32GetDatum(entry->status), entry->status == 0);
	put_text(row, entry->code[0] ?
			 foreign_text(entry->code, entry->encoding) : NULL);
	put(row, Int64GetDatum(entry->rows), false);
	put(row, Int64GetDatum(entry->bytes), false);
	put(row, Float8GetDatum(entry->us / 1000.0), false);
	put(row, Int32GetDatum(entry->attempt), false);
	put_text(row, entry->error[0] ?
			 foreign_text(entry->error, entry->encoding) : NULL);
	Assert(row->n == LOG_COLUMNS);
}

Datum
tplus_request_entries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TplusJournalEntry entry;
	int			position = 0;

	tplus_init_srf(fcinfo);
	tplus_meter_attach();
	while (tplus_journal_next(&position, &entry))
	{
		ForeignServer *server = find_server(entry.database, entry.server);
		Row			row = {0};

		if (!is_visible(server))
			continue;
		fill_request(&row, &entry, server);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row.values,
							 row.nulls);
	}
	return (Datum) 0;
}

/* One row of tplus.budget_queue, in the order of the install script. */
static void
fill_waiting(Row *row, const TplusWaiting *waiting, const ForeignServer *server)
{
	put_name(row, get_database_name(waiting->database), waiting->database);
	put_name(row, server ? server->servername : NULL, waiting->server);
	put(row, Int32GetDatum(waiting->pid), false);
	put_time(row, waiting->since);
	put(row, Int32GetDatum(waiting->place), false);
	put(row, Int32GetDatum(waiting->under_way), false);
	put_time(row, waiting->paused_until);
}

Datum
tplus_budget_entries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TplusWaiting *waiting;
	int			n;
	int			i;

	tplus_init_srf(fcinfo);
	n = tplus_budget_queue(&waiting);
	for (i = 0; i < n; i++)
	{
		ForeignServer *server = find_server(waiting[i].database,
											waiting[i].server);
		Row			row = {0};

		if (!is_visible(server))
			continue;
		fill_waiting(&row, &waiting[i], server);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row.values,
							 row.nulls);
	}
	return (Datum) 0;
}
