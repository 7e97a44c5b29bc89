/*-------------------------------------------------------------------------
 *
 * validate.c
 *		What makes options right beyond their form.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/validate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/legacy.h"
#include "fdw/validate.h"
#include "net/http.h"
#include "net/json.h"
#include "tplus/encode.h"
#include "tplus/operation.h"
#include "tplus/resource.h"

static void
check_url(const char *url, bool allow_plain_http)
{
	bool		plain;

	if (!tplus_http_url_is_safe(url, &plain))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"base_url\""),
				 errhint("The value must be a URL like https://openapi.chanjet.com: https or http, a host, and no user, query or fragment.")));
	if (plain && !allow_plain_http)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"base_url\" would send secrets unencrypted"),
				 errhint("Use https, or set the server option \"allow_plain_http\" to \"true\".")));
}

/* Foreign tables read, and a read may be made twice. */
static void
check_operation(const char *path)
{
	int			level;

	if (!tplus_operation_writes(path))
		return;
	level = tplus_legacy_level(tplus_legacy_stands(ForeignTableRelationId,
												   "path", path));
	ereport(level,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"path\" names an operation of T+ that writes: \"%s\"",
					path),
			 level < ERROR ? errdetail("The foreign table cannot be read.") : 0,
			 errhint("Name an operation that reads, such as Query or FindVoucherList.")));
}

static void
refuse_member(const char *option, const char *value, Oid catalog,
			  const char *name)
{
	int			level = tplus_legacy_level(tplus_legacy_stands(catalog, option,
															   value));

	ereport(level,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must not name parameter \"%s\"", option,
					name),
			 level < ERROR ? errdetail("It is not sent.") : 0,
			 errhint("Reading sets it: see the options \"paging\", \"page_size\" and \"select_fields\" of the foreign table.")));
}

static void
refuse_twice(const char *option, const char *value, const char *name,
			 const char *other)
{
	bool		same = strcmp(name, other) == 0;

	ereport(tplus_legacy_level(tplus_legacy_stands(ForeignTableRelationId,
												   option, value)),
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" sets parameter \"%s\" twice", option,
					name),
			 same ? errdetail("Only the last value would be sent.") :
			 errdetail("T+ does not tell \"%s\" from \"%s\".", name, other)));
}

/*
 * Members that reading the option as jsonb would merge, and in the objects
 * inside, those that T+ would.
 */
static void
check_node(const char *option, const char *value, const TplusJson *node,
		   bool is_inside)
{
	bool		is_object = tplus_json_kind(node) == TPLUS_JSON_OBJECT;
	const TplusJson *member;
	const TplusJson *later;

	if (!is_object && tplus_json_kind(node) != TPLUS_JSON_ARRAY)
		return;
	for (member = tplus_json_first(node); member != NULL;
		 member = tplus_json_next(member))
	{
		for (later = is_object ? tplus_json_next(member) : NULL;
			 later != NULL; later = tplus_json_next(later))
		{
			const char *name = tplus_json_key(member);
			const char *other = tplus_json_key(later);

			if (is_inside ? pg_strcasecmp(name, other) == 0 :
				strcmp(name, other) == 0)
				refuse_twice(option, value,
							 pg_any_to_server(name, strlen(name), PG_UTF8),
							 pg_any_to_server(other, strlen(other), PG_UTF8));
		}
		check_node(option, value, member, is_inside || is_object);
	}
}

/* The value has been read as jsonb before. */
static void
check_twice(const char *option, const char *value)
{
	TplusJsonArena *arena = tplus_json_arena_create(CurrentMemoryContext);
	char	   *text = pg_server_to_any(value, strlen(value), PG_UTF8);
	const char *problem;
	size_t		offset;

	check_node(option, value,
			   tplus_json_parse(arena, text, strlen(text), &problem, &offset),
			   false);
}

/* The members of one object of a table's option. */
static void
check_members(const char *option, const char *value, List *params)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, params)
	{
		const char *name = ((TplusParam *) lfirst(lc))->name;

		if (tplus_encode_is_reserved(name))
			refuse_member(option, value, ForeignTableRelationId, name);
		for_each_cell(lc2, params, lnext(params, lc))
		{
			const char *other = ((TplusParam *) lfirst(lc2))->name;

			if (tplus_encode_collide(name, other))
				refuse_twice(option, value, name, other);
		}
	}
}

static void
check_variants(const char *value)
{
	ListCell   *lc;

	if (strcmp(value, "auto") == 0 || strcmp(value, "none") == 0)
		return;
	check_twice("variants", value);
	foreach(lc, tplus_encode_all_sets(value))
		check_members("variants", value, lfirst(lc));
}

static void
check_path(const char *name, const char *path)
{
	if (!tplus_http_path_is_safe(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", name, path),
				 errhint("The value must begin with one slash and be a plain path, without query, \"..\", \"//\" or blanks.")));
}

/* Everybody can read the options of a server. */
static void
check_proxy(const char *proxy)
{
	bool		password;
	bool		safe = tplus_http_proxy_is_safe(proxy, &password);

	if (password)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"proxy\" must not contain a password"),
				 errhint("Use the option \"proxy_password\" of the user mapping.")));
	if (!safe)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"proxy\""),
				 errhint("The value must be a URL like http://proxy.example:3128.")));
}

static void
check_query(const char *query)
{
	if (!tplus_http_query_is_safe(query))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"extra_query\": \"%s\"",
						query),
				 errhint("The value must be a query string without \"#\" and blanks, other than ASCII in percent escapes.")));
}

char *
tplus_validate_resource_names(void)
{
	StringInfoData all;
	const TplusResource *resource;
	int			i;

	initStringInfo(&all);
	for (i = 0; (resource = tplus_resource_at(i)) != NULL; i++)
		appendStringInfo(&all, "%s\"%s\"", i > 0 ? ", " : "", resource->name);
	return all.data;
}

static void
check_resource(const char *name)
{
	if (tplus_resource_find(name))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
			 errmsg("resource \"%s\" does not exist", name),
			 errhint("Available resources are: %s. Use the option \"path\" for an operation that is not among them.",
					 tplus_validate_resource_names())));
}

void
tplus_validate(List *options, Oid catalog)
{
	const char *base_url = NULL;
	bool		allow_plain_http = false;
	ListCell   *lc;

	tplus_option_validate(options, catalog);
	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "base_url") == 0)
			base_url = defGetString(def);
		else if (strcmp(def->defname, "allow_plain_http") == 0)
			(void) parse_bool(defGetString(def), &allow_plain_http);
		else if (strcmp(def->defname, "proxy") == 0)
			check_proxy(defGetString(def));
		else if (strcmp(def->defname, "extra_query") == 0)
			check_query(defGetString(def));
		else if (strcmp(def->defname, "token_path") == 0)
			check_path(def->defname, defGetString(def));
		else if (strcmp(def->defname, "path") == 0)
		{
			check_path(def->defname, defGetString(def));
			check_operation(defGetString(def));
		}
		else if (strcmp(def->defname, "resource") == 0)
			check_resource(defGetString(def));
		else if (strcmp(def->defname, "fixed_params") == 0)
		{
			check_twice(def->defname, defGetString(def));
			check_members(def->defname, defGetString(def),
						  tplus_encode_all(defGetString(def)));
		}
		else if (strcmp(def->defname, "variants") == 0)
			check_variants(defGetString(def));
		else if (strcmp(def->defname, "filter") == 0 &&
				 tplus_encode_is_reserved(defGetString(def)))
			refuse_member(def->defname, defGetString(def), catalog,
						  defGetString(def));
	}
	if (base_url)
		check_url(base_url, allow_plain_http);
}

void
tplus_validate_transport(const TplusServerOptions *server)
{
	check_url(server->base_url, server->allow_plain_http);
}
