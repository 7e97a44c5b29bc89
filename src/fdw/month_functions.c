/*-------------------------------------------------------------------------
 *
 * month_functions.c
 *		SQL functions about what a month has cost, and may cost.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/month_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/ledger.h"
#include "base/option.h"
#include "fdw/functions.h"
#include "fdw/month_functions.h"
#include "tplus/allowance.h"

PG_FUNCTION_INFO_V1(tplus_month_entries);
PG_FUNCTION_INFO_V1(tplus_month_left);

#define MONTH_COLUMNS	6

/* The server's monthly_requests; 0: it has no limit. */
static int
limit_of(const ForeignServer *server)
{
	ListCell   *lc;

	foreach(lc, server->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "monthly_requests") == 0)
			return (int) strtol(defGetString(option), NULL, 10);
	}
	return 0;
}

/* As in tplus.stat_requests: a table that is gone shows its OID. */
static char *
table_name(Oid relid)
{
	char	   *name = get_rel_name(relid);
	char	   *schema = name ? get_namespace_name(get_rel_namespace(relid)) : NULL;

	return schema ? quote_qualified_identifier(schema, name) :
		psprintf("%u", relid);
}

/* What the payer has asked this month, or the month before. */
static int64
requests_of_payer(const TplusMonthCount *counts, int n, uint64 payer,
				  bool before)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (counts[i].key.payer == payer && !OidIsValid(counts[i].key.server))
			return before ? counts[i].before : counts[i].requests;
	}
	return 0;
}

/* One row of tplus.stat_months, in the order of the install script. */
static void
put_month(ReturnSetInfo *rsinfo, const TplusMonthCount *count,
		  const ForeignServer *server, bool before, int64 of_payer)
{
	Datum		values[MONTH_COLUMNS];
	bool		nulls[MONTH_COLUMNS] = {0};
	int64		requests = before ? count->before : count->requests;
	int			limit = limit_of(server);

	if (requests == 0)
		return;
	values[0] = DateADTGetDatum(tplus_month_first_day(count->month -
													  (before ? 1 : 0)));
	values[1] = CStringGetTextDatum(server->servername);
	nulls[2] = !OidIsValid(count->key.table);
	values[2] = nulls[2] ? (Datum) 0 :
		CStringGetTextDatum(table_name(count->key.table));
	values[3] = Int64GetDatum(requests);
	values[4] = Int64GetDatum(of_payer);
	nulls[5] = limit == 0;
	values[5] = Int32GetDatum(limit);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * tplus.month_entries(): for the owner of the server and pg_monitor
 */
Datum
tplus_month_entries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TplusMonthCount *counts;
	int			n;
	int			i;

	tplus_init_srf(fcinfo);
	n = tplus_ledger_read(&counts);
	for (i = 0; i < n; i++)
	{
		const TplusMonthKey *key = &counts[i].key;
		ForeignServer *server = key->database == MyDatabaseId ?
		GetForeignServerExtended(key->server, FSV_MISSING_OK) : NULL;

		if (server == NULL ||
			!(has_privs_of_role(GetUserId(), ROLE_PG_MONITOR) ||
			  has_privs_of_role(GetUserId(), server->owner)))
			continue;
		put_month(rsinfo, &counts[i], server, false,
				  requests_of_payer(counts, n, key->payer, false));
		put_month(rsinfo, &counts[i], server, true,
				  requests_of_payer(counts, n, key->payer, true));
	}
	return (Datum) 0;
}

/*
 * tplus._month_left(server name): the requests that the month has left for
 * syncs of the current user, less than none if it is exceeded; null if
 * nothing limits them
 */
Datum
tplus_month_left(PG_FUNCTION_ARGS)
{
	Oid			serverid = tplus_usable_server(NameStr(*PG_GETARG_NAME(0)));
	TplusAccount *account;
	int64		requests;

	if (limit_of(GetForeignServer(serverid)) == 0)
		PG_RETURN_NULL();
	account = tplus_option_account(serverid, GetUserId());
	if (!tplus_ledger_requests(tplus_allowance_payer(account), &requests))
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not read file \"%s\": %m", tplus_ledger_file())));
	PG_RETURN_INT64(account->server.monthly_requests - requests);
}
