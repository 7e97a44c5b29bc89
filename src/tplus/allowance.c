/*-------------------------------------------------------------------------
 *
 * allowance.c
 *		What a month may cost: server option monthly_requests.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/allowance.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "base/ledger.h"
#include "net/budget.h"
#include "net/http.h"
#include "tplus/allowance.h"

/* The statement in which somebody was warned of a server last. */
typedef struct Warned
{
	Oid			server;
	TimestampTz statement;		/* when the client had sent it */
} Warned;

static bool enforced = false;
static int64 sent = 0;
static List *warned = NIL;		/* of Warned *, in TopMemoryContext */

uint64
tplus_allowance_payer(const TplusAccount *account)
{
	char	   *way = tplus_http_way(account->server.base_url,
									 account->server.proxy);
	uint64		payer = tplus_budget_key(way, account->mapping.app_key);

	pfree(way);
	return payer;
}

void
tplus_allowance_enforce(bool enforce)
{
	enforced = enforce;
}

int64
tplus_allowance_sent(void)
{
	return sent;
}

/* Is it the first time in the statement that the client sent? */
static bool
is_first_warning(Oid serverid)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	Warned	   *entry;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, warned)
	{
		entry = lfirst(lc);
		if (entry->server != serverid)
			continue;
		if (entry->statement == statement)
			return false;
		entry->statement = statement;
		return true;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	entry = palloc(sizeof(Warned));
	entry->server = serverid;
	entry->statement = statement;
	warned = lappend(warned, entry);
	MemoryContextSwitchTo(old);
	return true;
}

/* The month's requests are used up, or exceeded by now. */
static void
report_limit(const TplusServerOptions *server, int64 requests)
{
	if (enforced)
		ereport(ERROR,
				(errcode(TPLUS_ERRCODE_MONTHLY_REQUESTS),
				 errmsg("the monthly requests of server \"%s\" are used up",
						server->name),
				 errdetail("Its account has made " INT64_FORMAT " requests this month; \"monthly_requests\" is %d.",
						   requests, server->monthly_requests),
				 errhint("Syncs go on when the month turns, or with a greater \"monthly_requests\".")));
	if (is_first_warning(server->serverid))
		ereport(WARNING,
				(errcode(TPLUS_ERRCODE_MONTHLY_REQUESTS),
				 errmsg("server \"%s\" has exceeded its monthly requests",
						server->name),
				 errdetail("Its account has made " INT64_FORMAT " requests this month; \"monthly_requests\" is %d.",
						   requests, server->monthly_requests),
				 errhint("Only syncs are stopped by the option.")));
}

/* There is no count to compare with; errno says why. */
static void
report_failure(const TplusServerOptions *server)
{
	int			save = errno;

	if (server->monthly_requests == 0 ||
		(!enforced && !is_first_warning(server->serverid)))
		return;
	errno = save;
	ereport(enforced ? ERROR : WARNING,
			(errcode(ERRCODE_IO_ERROR),
			 errmsg("could not count the requests of server \"%s\" in file \"%s\": %m",
					server->name, tplus_ledger_file()),
			 errhint("The server option \"monthly_requests\" needs that count.")));
}

bool
tplus_allowance_take(const TplusAccount *account, Oid relid)
{
	const TplusServerOptions *server = &account->server;
	int			limit = server->monthly_requests;
	TplusMonthKey key = {tplus_allowance_payer(account), MyDatabaseId,
	server->serverid, relid};
	int64		requests = 0;

	switch (tplus_ledger_add(&key, 1, enforced && limit > 0 ? limit : -1,
							 &requests))
	{
		case TPLUS_LEDGER_REFUSED:
			report_limit(server, requests);
			break;
		case TPLUS_LEDGER_FAILED:
			report_failure(server);
			break;
		case TPLUS_LEDGER_COUNTED:
			if (limit > 0 && requests > limit)
				report_limit(server, requests);
			break;
	}
	sent++;

	/* Each request that is under way could be repeated. */
	return enforced && limit > 0 && limit - requests <= server->max_concurrency;
}

bool
tplus_allowance_has_spare(const TplusAccount *account)
{
	int64		requests;

	if (!enforced || account->server.monthly_requests == 0)
		return true;
	return tplus_ledger_requests(tplus_allowance_payer(account), &requests) &&
		requests < account->server.monthly_requests;
}

void
tplus_allowance_note(uint64 payer, Oid serverid, Oid relid, int n)
{
	TplusMonthKey key = {payer, MyDatabaseId, serverid, relid};
	int64		requests;

	if (n <= 0)
		return;
	(void) tplus_ledger_add(&key, n, -1, &requests);
	sent += n;
}
