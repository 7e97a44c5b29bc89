/*-------------------------------------------------------------------------
 *
 * legacy.c
 *		What an earlier version accepted and this one refuses.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/legacy.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/legacy.h"

int
tplus_legacy_level(bool stands_already)
{
	return stands_already || !check_function_bodies ? WARNING : ERROR;
}

static bool
has_option(List *options, const char *name, const char *value)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return strcmp(defGetString(def), value) == 0;
	}
	return false;
}

static bool
column_has_option(Oid relid, const char *name, const char *value)
{
	int			attnum;

	for (attnum = 1; SearchSysCacheExists2(ATTNUM, ObjectIdGetDatum(relid),
										   Int16GetDatum(attnum)); attnum++)
	{
		if (has_option(GetForeignColumnOptions(relid, attnum), name, value))
			return true;
	}
	return false;
}

/* No lock tells which server is being altered. */
static bool
server_stands(const char *option, const char *value)
{
	Relation	rel = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	bool		stands = false;
	HeapTuple	tuple;

	while (!stands && HeapTupleIsValid(tuple = systable_getnext(scan)))
		stands = has_option(GetForeignServer(((Form_pg_foreign_server) GETSTRUCT(tuple))->oid)->options,
							option, value);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return stands;
}

/* Of a table, or of a table's column, that is being altered. */
static bool
table_stands(Oid catalog, const char *option, const char *value)
{
	Relation	rel = table_open(ForeignTableRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	bool		stands = false;
	HeapTuple	tuple;

	while (!stands && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			relid = ((Form_pg_foreign_table) GETSTRUCT(tuple))->ftrelid;
		LOCKTAG		tag;

		/* Nothing that changes options is satisfied with a lesser lock. */
		SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
		if (!tplus_lock_held(&tag, AccessExclusiveLock))
			continue;
		stands = catalog == AttributeRelationId ?
			column_has_option(relid, option, value) :
			has_option(GetForeignTable(relid)->options, option, value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return stands;
}

bool
tplus_legacy_stands(Oid catalog, const char *option, const char *value)
{
	return catalog == ForeignServerRelationId ?
		server_stands(option, value) : table_stands(catalog, option, value);
}
