/*-------------------------------------------------------------------------
 *
 * functions.c
 *		SQL functions about reading: ping(), high_water(), info(), options().
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_foreign_server.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/journal.h"
#include "base/ledger.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "base/version.h"
#include "fdw/functions.h"
#include "fdw/highwater.h"
#include "fdw/publication.h"
#include "fdw/validate.h"
#include "net/budget.h"
#include "net/http.h"
#include "tplus/meter.h"
#include "tplus/query.h"
#include "tplus/record.h"

PG_FUNCTION_INFO_V1(tplus_ping);
PG_FUNCTION_INFO_V1(tplus_high_water);
PG_FUNCTION_INFO_V1(tplus_info);
PG_FUNCTION_INFO_V1(tplus_list_options);

Oid
tplus_usable_server(const char *name)
{
	Oid			serverid = get_foreign_server_oid(name, false);
	ForeignServer *server = GetForeignServer(serverid);
	ForeignDataWrapper *wrapper = GetForeignDataWrapper(server->fdwid);
	AclResult	result;

	result = tplus_server_aclcheck(serverid, GetUserId(), ACL_USAGE);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_SERVER, name);
	if (strcmp(wrapper->fdwname, "tplus_fdw") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" does not belong to tplus_fdw", name)));
	return serverid;
}

/*
 * One cheap call that needs everything a scan needs: address, certificate,
 * application, token and the right to read items.
 */
Datum
tplus_ping(PG_FUNCTION_ARGS)
{
	char	   *name = NameStr(*PG_GETARG_NAME(0));
	Oid			serverid = tplus_usable_server(name);
	TplusTableOptions table = {0};
	TplusQuery	query = {0};
	TplusArm	arm = {0};
	TplusRequest request = {0};
	TplusCall  *call;
	const char *text;
	size_t		len;
	instr_time	start;
	instr_time	now;

	query.account = tplus_option_account(serverid, GetUserId());
	tplus_validate_transport(&query.account->server);
	table.rows_path = "auto";
	table.empty_is_zero = true;
	query.table = &table;
	query.resource = tplus_resource_find("inventory");
	query.what = "tplus.ping()";
	query.select_fields = query.resource->key;
	query.stats = palloc0(sizeof(TplusCallStats));
	request.path = query.resource->path;
	request.arm = &arm;
	request.page_size = 1;
	request.page_index = -1;

	INSTR_TIME_SET_CURRENT(start);
	call = tplus_query_call(&query, &request, false, CurrentMemoryContext);
	while (tplus_call_next(call, &text, &len) != TPLUS_CALL_END)
		continue;
	tplus_call_free(call);
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	PG_RETURN_FLOAT8(INSTR_TIME_GET_MILLISEC(now));
}

Datum
tplus_high_water(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	AclResult	result;
	uint64		version;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a foreign table",
						get_rel_name(relid) ? get_rel_name(relid) : "?")));
	result = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_TABLE, get_rel_name(relid));
	version = tplus_highwater_get(relid);
	if (version == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(tplus_version_text(version)));
}

static void
put_info(ReturnSetInfo *rsinfo, const char *name, const char *value)
{
	Datum		values[2];
	bool		nulls[2] = {false, value == NULL};

	values[0] = CStringGetTextDatum(name);
	values[1] = value ? CStringGetTextDatum(value) : (Datum) 0;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
tplus_info(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *publications = tplus_publication_names();
	bool		shared;
	int			room;

	tplus_init_srf(fcinfo);
	tplus_meter_attach();
	put_info(rsinfo, "version", TPLUS_VERSION);
	put_info(rsinfo, "built for", PG_VERSION_STR);
	put_info(rsinfo, "libcurl", tplus_http_library());
	put_info(rsinfo, "shared state",
			 tplus_shmem_where(tplus_budget_is_shared()));
	room = tplus_stats_room(&shared);
	put_info(rsinfo, "counters",
			 psprintf("%d servers and tables, %s", room, shared ?
					  "of all backends" : "of this backend alone"));
	room = tplus_journal_room(&shared);
	put_info(rsinfo, "request log",
			 psprintf("the last %d requests, %s", room, shared ?
					  "of all backends" : "of this backend alone"));
	put_info(rsinfo, "requests by month", tplus_ledger_file());
	put_info(rsinfo, "publications of tplus.token", publications ?
			 publications : "none");
	return (Datum) 0;
}

/* The table of options, for documentation and tests. */
Datum
tplus_list_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TplusOptionInfo info;
	int			i;

	tplus_init_srf(fcinfo);
	for (i = 0; tplus_option_info(i, &info); i++)
	{
		Datum		values[7];
		bool		nulls[7] = {0};

		values[0] = CStringGetTextDatum(info.object);
		values[1] = CStringGetTextDatum(info.name);
		values[2] = CStringGetTextDatum(info.kind);
		nulls[3] = info.default_value == NULL;
		values[3] = nulls[3] ? (Datum) 0 :
			CStringGetTextDatum(info.default_value);
		values[4] = BoolGetDatum(info.secret);
		values[5] = BoolGetDatum(info.superuser);
		values[6] = CStringGetTextDatum(info.help);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
