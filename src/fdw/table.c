/*-------------------------------------------------------------------------
 *
 * table.c
 *		A foreign table as its options and the catalog of T+ describe it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"

#include "fdw/table.h"
#include "fdw/told.h"
#include "tplus/decode.h"
#include "tplus/encode.h"

/* A resource for a path that the catalog does not have. */
static const TplusResource *
make_resource(const TplusTableOptions *options)
{
	TplusResource *resource = palloc0(sizeof(TplusResource));

	resource->name = options->path;
	resource->label = options->path;
	resource->path = options->path;
	resource->page_path = options->path;
	resource->body_key = "param";
	resource->key = "ID";
	resource->version = "Ts";
	resource->disabled = "Disabled";
	resource->max_page_size = options->page_size;
	return resource;
}

static const TplusResource *
find_resource(const TplusTableOptions *options)
{
	const TplusResource *resource;
	TplusResource *changed;

	resource = options->resource ? tplus_resource_find(options->resource) :
		make_resource(options);
	if (resource == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
				 errmsg("resource \"%s\" does not exist", options->resource),
				 errhint("Use IMPORT FOREIGN SCHEMA to see what there is, or the option \"path\" for an operation that the catalog does not have.")));
	if (options->body_key == NULL)
		return resource;
	changed = palloc(sizeof(TplusResource));
	*changed = *resource;
	changed->body_key = options->body_key;
	return changed;
}

/*
 * How long a text may be for a column to show it whole: varchar(n) counts
 * characters, name bytes and cuts no character in two.
 */
static int
max_length_of(Oid type, int32 typmod)
{
	if (type == NAMEOID)
		return NAMEDATALEN - MAX_MULTIBYTE_CHAR_LEN;
	return type == VARCHAROID && typmod > (int32) VARHDRSZ ?
		typmod - (int32) VARHDRSZ : 0;
}

static void
describe_column(const TplusTable *table, Oid relid, Form_pg_attribute attr,
				TplusColumn *column)
{
	TplusColumnOptions *options;
	int32		typmod = attr->atttypmod;

	column->live = !attr->attisdropped;
	if (!column->live)
		return;
	column->type = getBaseTypeAndTypmod(attr->atttypid, &typmod);
	column->max_length = max_length_of(column->type, typmod);
	column->name = pstrdup(NameStr(attr->attname));

	/* Whatever its name says, T+ does not have it. */
	column->generated = attr->attgenerated != '\0';
	if (column->generated)
	{
		column->field = column->name;
		return;
	}
	options = tplus_option_column(relid, attr->attnum);
	column->field = options->field ? options->field : column->name;
	column->known = tplus_resource_field(table->resource, column->field);
	if (options->field == NULL && column->known)
		column->field = column->known->name;
	tplus_filter_resolve(table->resource, column->known, column->field,
						 table->options, options, column->type, &column->filter);
}

TplusTable *
tplus_table_open(Relation relation)
{
	TplusTable *table = palloc0(sizeof(TplusTable));
	TupleDesc	tupdesc = RelationGetDescr(relation);
	int			i;

	table->options = tplus_option_table(RelationGetRelid(relation));

	/* What several requests bring in common cannot be told from twins. */
	if (table->options->generate_key)
		table->options->max_filter_requests = 1;
	table->resource = find_resource(table->options);
	table->key = table->options->key ? table->options->key :
		table->resource->key;
	table->natts = tupdesc->natts;
	table->columns = palloc0(sizeof(TplusColumn) * Max(tupdesc->natts, 1));
	for (i = 0; i < tupdesc->natts; i++)
		describe_column(table, RelationGetRelid(relation),
						TupleDescAttr(tupdesc, i), &table->columns[i]);
	return table;
}

static void
warn_of_params(const TplusTable *table, const char *option, List *params)
{
	ListCell   *lc;

	foreach(lc, params)
	{
		const char *name = ((TplusParam *) lfirst(lc))->name;

		if (tplus_encode_is_reserved(name) &&
			tplus_told_first(table->options->relid,
							 psprintf("%s of %s", name, option)))
			ereport(WARNING,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" in option \"%s\" of foreign table \"%s\" is not sent",
							name, option, table->options->name),
					 errhint("Reading sets it; take it out with ALTER FOREIGN TABLE.")));
	}
}

void
tplus_table_warn(const TplusTable *table)
{
	const TplusTableOptions *options = table->options;
	ListCell   *lc;

	if (options->fixed_params)
		warn_of_params(table, "fixed_params",
					   tplus_encode_all(options->fixed_params));
	if (strcmp(options->variants, "auto") == 0 ||
		strcmp(options->variants, "none") == 0)
		return;
	foreach(lc, tplus_encode_all_sets(options->variants))
		warn_of_params(table, "variants", lfirst(lc));
}

bool
tplus_table_has_field(const TplusTable *table, int attnum)
{
	const TplusColumn *column = &table->columns[attnum - 1];

	return column->live && !column->generated &&
		strcmp(column->field, TPLUS_FIELD_RECORD) != 0 &&
		strcmp(column->field, TPLUS_FIELD_ERROR) != 0;
}

TplusKeyKind
tplus_table_kind(const TplusTable *table, const char *field)
{
	const TplusField *known = tplus_resource_field(table->resource, field);
	TplusKeyKind kind = TPLUS_KEY_OPEN;
	int			i;

	for (i = 1; i <= table->natts; i++)
	{
		const TplusColumn *column = &table->columns[i - 1];

		if (!tplus_table_has_field(table, i) ||
			pg_strcasecmp(column->field, field) != 0)
			continue;
		kind = tplus_key_kind(column->type);
		if (kind != TPLUS_KEY_TEXT)
			return kind;
	}
	if (kind != TPLUS_KEY_OPEN || known == NULL)
		return kind;
	return known->type == TPLUS_TYPE_TEXT ? TPLUS_KEY_TEXT :
		known->type == TPLUS_TYPE_BIGINT || known->type == TPLUS_TYPE_NUMERIC ?
		TPLUS_KEY_NUMBER : TPLUS_KEY_OPEN;
}

/* Does one of these columns tell what the others could not hold? */
static bool
tells_errors(const TplusTable *table, Bitmapset *attnums)
{
	int			attnum = -1;

	while ((attnum = bms_next_member(attnums, attnum)) >= 0)
	{
		if (strcmp(table->columns[attnum - 1].field, TPLUS_FIELD_ERROR) == 0)
			return table->options->error_is_null;
	}
	return false;
}

Bitmapset *
tplus_table_needs(const TplusTable *table, Relation relation,
				  Bitmapset *wanted)
{
	Bitmapset  *needs = bms_copy(wanted);
	int			attnum = -1;

	for (int i = 1; i <= table->natts && tells_errors(table, wanted); i++)
	{
		if (table->columns[i - 1].live)
			needs = bms_add_member(needs, i);
	}
	while ((attnum = bms_next_member(needs, attnum)) >= 0)
	{
		Bitmapset  *used = NULL;
		int			offset = -1;

		if (!table->columns[attnum - 1].generated)
			continue;
		pull_varattnos(build_column_default(relation, attnum), 1, &used);
		while ((offset = bms_next_member(used, offset)) >= 0)
		{
			int			other = offset + FirstLowInvalidHeapAttributeNumber;

			if (other > 0)
				needs = bms_add_member(needs, other);
		}
	}
	return needs;
}

/* Appends a field unless it is there, in whatever case. */
static void
add_field(StringInfo list, const char *field)
{
	size_t		len = strlen(field);
	const char *item = list->data;

	while (*item)
	{
		size_t		item_len = strcspn(item, ",");

		if (item_len == len && pg_strncasecmp(item, field, len) == 0)
			return;
		item += item_len + (item[item_len] == ',');
	}
	if (list->len > 0)
		appendStringInfoChar(list, ',');
	appendBinaryStringInfo(list, field, len);
}

/* Fields that the guards of a read need beside those that are wanted. */
static void
add_guard_fields(const TplusTable *table, bool with_flag, StringInfo list)
{
	add_field(list, table->key);
	if (table->resource->version)
		add_field(list, table->resource->version);
	if (with_flag && table->resource->disabled &&
		table->resource->nfields > 0)
		add_field(list, table->resource->disabled);
}

/* The whole record: all that is known, and all that is declared. */
static void
add_all_fields(const TplusTable *table, StringInfo list)
{
	int			i;

	for (i = 0; i < table->resource->nfields; i++)
	{
		if (table->resource->fields[i].flags & TPLUS_FIELD_SELECT)
			add_field(list, table->resource->fields[i].name);
	}
	for (i = 1; i <= table->natts; i++)
	{
		if (tplus_table_has_field(table, i))
			add_field(list, table->columns[i - 1].field);
	}
}

char *
tplus_table_select(const TplusTable *table, Bitmapset *columns,
				   bool with_flag)
{
	/* A key made from the content shall not change with the columns asked. */
	bool		whole = table->options->generate_key;
	StringInfoData list;
	int			attnum = -1;

	if (strcmp(table->options->select_fields, "none") == 0)
		return NULL;
	if (strcmp(table->options->select_fields, "auto") != 0)
		return pstrdup(table->options->select_fields);

	initStringInfo(&list);
	add_guard_fields(table, with_flag || whole, &list);
	while (!whole && (attnum = bms_next_member(columns, attnum)) >= 0)
	{
		const TplusColumn *column = &table->columns[attnum - 1];

		if (tplus_table_has_field(table, attnum))
			add_field(&list, column->field);
		whole |= column->live &&
			strcmp(column->field, TPLUS_FIELD_RECORD) == 0;
	}
	if (!whole)
		return list.data;

	/* All fields of an operation that the catalog does not have. */
	if (table->resource->nfields == 0)
		return NULL;
	add_all_fields(table, &list);
	return list.data;
}
