/*-------------------------------------------------------------------------
 *
 * import.c
 *		IMPORT FOREIGN SCHEMA from the catalog of resources.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/import.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "fdw/calibrate_functions.h"
#include "fdw/import.h"
#include "fdw/validate.h"
#include "tplus/convert.h"
#include "tplus/resource.h"

/* The one remote schema. */
#define REMOTE_SCHEMA	"tplus"

/* Whether to calibrate what is imported. */
static const char option_calibrate[] = "calibrate";

static void
check_statement(ImportForeignSchemaStmt *stmt, bool *calibrate)
{
	ListCell   *lc;

	if (strcmp(stmt->remote_schema, REMOTE_SCHEMA) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("schema \"%s\" does not exist in T+",
						stmt->remote_schema),
				 errhint("The only schema is \"%s\".", REMOTE_SCHEMA)));
	foreach(lc, stmt->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, option_calibrate) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\" of IMPORT FOREIGN SCHEMA",
							def->defname),
					 errhint("The only option is \"%s\".", option_calibrate)));
		*calibrate = defGetBoolean(def);
	}
	foreach(lc, stmt->table_list)
	{
		RangeVar   *rv = lfirst_node(RangeVar, lc);

		if (tplus_resource_find(rv->relname) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
					 errmsg("resource \"%s\" does not exist", rv->relname),
					 errhint("Available resources are: %s.",
							 tplus_validate_resource_names())));
	}
}

/* The name as unquoted SQL would fold it. */
static char *
folded_name(const TplusField *field)
{
	char	   *name = tplus_resource_column_name(field);

	return asc_tolower(name, strlen(name));
}

static void
append_column(StringInfo sql, const TplusField *field, List *facts)
{
	char	   *label = NULL;

	/* It is not worth an error, nor bytes that nobody can read. */
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		label = tplus_convert_foreign(field->label);

	appendStringInfo(sql, "  %s %s OPTIONS (field %s",
					 quote_identifier(folded_name(field)),
					 tplus_resource_type_name(field->type),
					 quote_literal_cstr(field->name));
	if (label)
		appendStringInfo(sql, ", label %s", quote_literal_cstr(label));
	tplus_calibrate_append(sql, facts, field->name);
	appendStringInfoChar(sql, ')');
}

static char *
table_sql(const TplusResource *resource, ImportForeignSchemaStmt *stmt,
		  List *facts)
{
	StringInfoData sql;
	bool		first = true;
	int			i;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s.%s (\n",
					 quote_identifier(stmt->local_schema),
					 quote_identifier(resource->name));
	for (i = 0; i < resource->nfields; i++)
	{
		if ((resource->fields[i].flags & TPLUS_FIELD_IMPORT) == 0)
			continue;
		if (!first)
			appendStringInfoString(&sql, ",\n");
		first = false;
		append_column(&sql, &resource->fields[i], facts);
	}
	appendStringInfo(&sql, "\n) SERVER %s OPTIONS (resource %s",
					 quote_identifier(stmt->server_name),
					 quote_literal_cstr(resource->name));
	tplus_calibrate_append(&sql, facts, NULL);
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* PostgreSQL itself leaves out what LIMIT TO or EXCEPT excludes. */
List *
tplusImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverOid)
{
	const TplusResource *resource;
	List	   *commands = NIL;
	bool		calibrate = true;
	int			i;

	check_statement(stmt, &calibrate);
	for (i = 0; (resource = tplus_resource_at(i)) != NULL; i++)
	{
		List	   *facts = NIL;

		if (!IsImportableForeignTable(resource->name, stmt))
			continue;
		if (calibrate)
			facts = tplus_calibrate_import(resource, serverOid);
		commands = lappend(commands, table_sql(resource, stmt, facts));
	}
	return commands;
}
