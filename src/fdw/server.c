/*-------------------------------------------------------------------------
 *
 * server.c
 *		Which servers and user mappings are ours, and who may use them.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/server.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "fdw/server.h"

/* Does the server's wrapper have our handler? */
static bool
is_ours(const ForeignServer *server)
{
	List	   *name = list_make2(makeString("tplus"),
								  makeString("tplus_fdw_handler"));
	Oid			handler = LookupFuncName(name, 0, NULL, true);

	return OidIsValid(handler) &&
		GetForeignDataWrapper(server->fdwid)->fdwhandler == handler;
}

bool
tplus_server_is_usable(Oid serverid)
{
	return tplus_server_aclcheck(serverid, GetUserId(), ACL_USAGE) == ACLCHECK_OK;
}

List *
tplus_server_mappings(void)
{
	Relation	rel = table_open(UserMappingRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	List	   *result = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_user_mapping form = (Form_pg_user_mapping) GETSTRUCT(tuple);
		ForeignServer *server = GetForeignServerExtended(form->umserver,
														 FSV_MISSING_OK);
		TplusMappingRef *ref;

		if (server == NULL || !is_ours(server))
			continue;
		ref = palloc(sizeof(TplusMappingRef));
		ref->serverid = server->serverid;
		ref->server = server->servername;
		ref->owner = server->owner;
		ref->userid = form->umuser;
		result = lappend(result, ref);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}
