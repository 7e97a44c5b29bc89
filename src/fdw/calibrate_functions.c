/*-------------------------------------------------------------------------
 *
 * calibrate_functions.c
 *		calibrate(), and what IMPORT FOREIGN SCHEMA needs of it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/calibrate_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_table.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "fdw/calibrate_functions.h"
#include "fdw/calibrate_warning.h"
#include "fdw/functions.h"
#include "fdw/table.h"
#include "fdw/validate.h"
#include "tplus/calibrate.h"
#include "tplus/filter.h"

PG_FUNCTION_INFO_V1(tplus_calibrate_table);

/* How often an import asks a server again that does not answer. */
#define IMPORT_RETRIES	1

/* An option that a fact decides, at the table or one of its columns. */
typedef struct Setting
{
	int			attnum;			/* 0: the table */
	const char *option;
	const char *value;
	const char *present;		/* what is set explicitly, or NULL */
} Setting;

/* Throws unless the current user may calibrate the table, or change it. */
static void
check_rights(Oid relid, bool apply)
{
	char	   *name = get_rel_name(relid);
	AclResult	result;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a foreign table", name ? name : "?")));
	(void) tplus_usable_server(GetForeignServer(GetForeignServerIdByRelId(relid))->servername);
	result = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_TABLE, name);
	if (apply && !tplus_owns_table(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_TABLE, name);
}

/* Is it a filter whose value brings the records that have it? */
static bool
filters_by_value(const TplusFilter *filter)
{
	return filter->param && (filter->kind == TPLUS_FILTER_KIND_TEXT ||
							 filter->kind == TPLUS_FILTER_KIND_ID ||
							 filter->kind == TPLUS_FILTER_KIND_REFERENCE);
}

/* The fields of the columns and their filters; and the day of filing. */
static void
describe_columns(const TplusTable *table, TplusCalibrateSpec *spec)
{
	int			attnum;

	for (attnum = 1; attnum <= table->natts; attnum++)
	{
		const TplusColumn *column = &table->columns[attnum - 1];

		if (!tplus_table_has_field(table, attnum))
			continue;
		spec->fields = lappend(spec->fields, unconstify(char *, column->field));
		if (filters_by_value(&column->filter))
			spec->filters = lappend(spec->filters,
									unconstify(TplusFilter *, &column->filter));
		if (spec->date == NULL && column->filter.param &&
			column->filter.kind == TPLUS_FILTER_KIND_DATE)
		{
			spec->date = column->field;
			spec->date_param = column->filter.param;
		}
	}
}

/* Measures; the table is not kept open, so that it can be altered. */
static List *
calibrate_table(Oid relid, int max_requests, TplusTable **table)
{
	TplusCalibrateSpec spec = {0};
	Relation	relation = table_open(relid, AccessShareLock);

	*table = tplus_table_open(relation);
	table_close(relation, NoLock);
	spec.account = tplus_option_account(GetForeignServerIdByRelId(relid),
										GetUserId());
	tplus_validate_transport(&spec.account->server);
	spec.table = (*table)->options;
	spec.resource = (*table)->resource;
	spec.what = psprintf("foreign table \"%s\"", (*table)->options->name);
	spec.key = (*table)->key;
	spec.max_requests = max_requests;
	describe_columns(*table, &spec);
	return tplus_calibrate(&spec, NULL);
}

static char *
option_in(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

/* The option of the other operation, of which page_... speaks. */
static const char *
base_option(const TplusSetting *decided)
{
	return decided->option + strlen("page_");
}

static void
add_setting(List **settings, const TplusSetting *decided, const char *base,
			int attnum, List *options)
{
	Setting    *setting;
	const char *present;

	/*
	 * What stands there already for both operations is the user's word, and
	 * not to be taken back where nothing was found out.
	 */
	if (decided->limits &&
		(option_in(options, decided->option) ||
		 ((present = option_in(options, base_option(decided))) != NULL &&
		  base && strcmp(present, base) == 0)))
		return;
	setting = palloc0(sizeof(Setting));
	setting->attnum = attnum;
	setting->option = decided->option;
	setting->value = decided->value;
	setting->present = option_in(options, decided->option);
	*settings = lappend(*settings, setting);
}

/* What the fact sets of the other operation for the same field, or NULL. */
static const char *
base_value(List *facts, const TplusSetting *decided)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (!decided->limits)
		return NULL;
	foreach(lc, facts)
	{
		foreach(lc2, ((const TplusFact *) lfirst(lc))->settings)
		{
			const TplusSetting *other = lfirst(lc2);

			if (other->field && strcmp(other->field, decided->field) == 0 &&
				strcmp(other->option, base_option(decided)) == 0)
				return other->value;
		}
	}
	return NULL;
}

/* The options that a fact, one of facts, decides. */
static List *
fact_settings(const TplusFact *fact, List *facts, Oid relid,
			  const TplusTable *table)
{
	List	   *settings = NIL;
	ListCell   *lc;
	int			attnum;

	foreach(lc, fact->settings)
	{
		const TplusSetting *decided = lfirst(lc);

		if (decided->field == NULL)
			add_setting(&settings, decided, NULL, 0,
						GetForeignTable(relid)->options);
		for (attnum = 1; decided->field && attnum <= table->natts; attnum++)
		{
			const TplusColumn *column = &table->columns[attnum - 1];

			if (column->live && !column->generated && column->filter.param &&
				strcmp(column->field, decided->field) == 0)
				add_setting(&settings, decided, base_value(facts, decided),
							attnum, GetForeignColumnOptions(relid, attnum));
		}
	}
	return settings;
}

/* Is this what holds without the option? */
static bool
is_default(const char *option, Oid catalog, const char *value)
{
	const TplusOption *known = tplus_option_find(option, catalog);

	return known && known->default_value &&
		strcmp(known->default_value, value) == 0;
}

/* Must the table be altered for it? */
static bool
is_change(const Setting *setting)
{
	if (setting->present)
		return strcmp(setting->present, setting->value) != 0;
	return !is_default(setting->option, setting->attnum == 0 ?
					   ForeignTableRelationId : AttributeRelationId,
					   setting->value);
}

static void
apply_setting(const Setting *setting, Oid relid)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER FOREIGN TABLE %s ",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
												get_rel_name(relid)));
	if (setting->attnum > 0)
		appendStringInfo(&sql, "ALTER COLUMN %s ",
						 quote_identifier(get_attname(relid, setting->attnum,
													  false)));
	appendStringInfo(&sql, "OPTIONS (%s %s %s)",
					 setting->present ? "SET" : "ADD", setting->option,
					 quote_literal_cstr(setting->value));
	if (SPI_execute(sql.data, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute: %s", sql.data);
}

/* Alters the table in the rights of the current user. */
static void
apply_settings(List *settings, Oid relid)
{
	ListCell   *lc;

	SPI_connect();
	foreach(lc, settings)
	{
		Setting    *setting = lfirst(lc);

		if (is_change(setting))
			apply_setting(setting, relid);
	}
	SPI_finish();
}

static void
put_fact(ReturnSetInfo *rsinfo, const TplusFact *fact, List *settings,
		 Oid relid)
{
	Datum		values[6];
	bool		nulls[6] = {0};
	StringInfoData option;
	StringInfoData evidence;
	ListCell   *lc;

	initStringInfo(&option);
	initStringInfo(&evidence);
	appendStringInfoString(&evidence, fact->evidence);
	foreach(lc, settings)
	{
		const Setting *setting = lfirst(lc);

		/* That both operations are alike need not be said. */
		if (strcmp(setting->value, "same") == 0 && !is_change(setting))
			continue;
		if (option.len > 0)
			appendStringInfoString(&option, ", ");
		if (setting->attnum > 0)
			appendStringInfo(&option, "%s: ",
							 quote_identifier(get_attname(relid, setting->attnum,
														  false)));
		appendStringInfo(&option, "%s %s", setting->option,
						 quote_literal_cstr(setting->value));
		if (setting->present && is_change(setting))
			appendStringInfo(&evidence, "; the option was %s",
							 quote_literal_cstr(setting->present));
	}
	values[0] = CStringGetTextDatum(fact->name);
	nulls[1] = fact->value == NULL;
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(fact->value);
	nulls[2] = option.len == 0;
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(option.data);
	values[3] = CStringGetTextDatum(evidence.data);
	values[4] = Int32GetDatum(fact->requests);
	values[5] = CStringGetTextDatum(tplus_status_names[fact->status]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
tplus_calibrate_table(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	bool		apply = PG_GETARG_BOOL(1);
	int			max_requests = PG_NARGS() > 2 ? PG_GETARG_INT32(2) :
	TPLUS_PROBE_REQUESTS;		/* as 1.0 has it */
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TplusTable *table;
	List	   *facts;
	List	   *all = NIL;
	ListCell   *lc;

	check_rights(relid, apply);
	if (max_requests < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"max_requests\" must be at least 1")));
	tplus_init_srf(fcinfo);
	facts = calibrate_table(relid, max_requests, &table);
	foreach(lc, facts)
	{
		List	   *settings = fact_settings(lfirst(lc), facts, relid, table);

		put_fact(rsinfo, lfirst(lc), settings, relid);
		all = list_concat(all, settings);
	}
	if (apply)
		apply_settings(all, relid);
	return (Datum) 0;
}

static List *
calibrate_resource(const TplusResource *resource, Oid serverid,
				   int64 *pages)
{
	TplusCalibrateSpec spec = {0};
	TplusAccount *account = tplus_option_account(serverid, GetUserId());
	TplusColumnOptions defaults = {0};
	List	   *facts;
	int64		records;
	int			i;

	account->server.max_retries = Min(account->server.max_retries,
									  IMPORT_RETRIES);
	tplus_validate_transport(&account->server);
	spec.account = account;
	spec.table = tplus_option_new_table(resource->name);
	spec.resource = resource;
	spec.what = psprintf("resource \"%s\"", resource->name);
	spec.key = resource->key;
	spec.max_requests = TPLUS_PROBE_REQUESTS;
	for (i = 0; i < resource->nfields; i++)
	{
		const TplusField *field = &resource->fields[i];
		TplusFilter *filter;

		if ((field->flags & TPLUS_FIELD_IMPORT) == 0)
			continue;
		filter = palloc(sizeof(TplusFilter));
		tplus_filter_resolve(resource, field, field->name, spec.table,
							 &defaults, InvalidOid, filter);
		if (filters_by_value(filter))
			spec.filters = lappend(spec.filters, filter);
		spec.fields = lappend(spec.fields, unconstify(char *, field->name));
		if (spec.date == NULL && field->filter == TPLUS_FILTER_KIND_DATE)
			spec.date = spec.date_param = field->name;
	}
	facts = tplus_calibrate(&spec, &records);
	*pages = records < 0 ? -1 :
		(records + account->server.page_size - 1) / account->server.page_size;
	return facts;
}

/* Says why there are no facts; what is about the session goes on. */
static void
report_uncalibrated(const TplusResource *resource, ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_ADMIN_SHUTDOWN:
		case ERRCODE_CRASH_SHUTDOWN:
		case ERRCODE_OUT_OF_MEMORY:
		case ERRCODE_INTERNAL_ERROR:
			ReThrowError(error);
		default:
			ereport(WARNING,
					(errcode(error->sqlerrcode),
					 errmsg("resource \"%s\" was imported without calibration",
							resource->name),
					 error->detail ?
					 errdetail_internal("%s: %s", error->message,
										error->detail) :
					 errdetail_internal("%s", error->message),
					 error->hint ?
					 errhint("%s Then call tplus.calibrate() for the foreign table.",
							 error->hint) :
					 errhint("Call tplus.calibrate() for the foreign table once the server answers.")));
	}
}

List *
tplus_calibrate_import(const TplusResource *resource, Oid serverid)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "tplus_fdw calibrate",
												  ALLOCSET_DEFAULT_SIZES);
	ResourceOwner owner = CurrentResourceOwner;
	List	   *volatile facts = NIL;
	int64		pages = -1;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		facts = calibrate_resource(resource, serverid, &pages);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old);
		CurrentResourceOwner = owner;

		/* A transfer under way ends with its context. */
		MemoryContextDelete(context);
		facts = NIL;
		report_uncalibrated(resource, error);
	}
	PG_END_TRY();
	tplus_calibrate_warn(resource, facts, pages);
	return facts;
}

void
tplus_calibrate_append(StringInfo sql, List *facts, const char *field)
{
	Oid			catalog = field ? AttributeRelationId : ForeignTableRelationId;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, facts)
	{
		foreach(lc2, ((const TplusFact *) lfirst(lc))->settings)
		{
			const TplusSetting *setting = lfirst(lc2);

			if ((field ? setting->field == NULL ||
				 strcmp(setting->field, field) != 0 :
				 setting->field != NULL) ||
				is_default(setting->option, catalog, setting->value))
				continue;
			appendStringInfo(sql, ", %s %s", setting->option,
							 quote_literal_cstr(setting->value));
		}
	}
}
