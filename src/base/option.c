/*-------------------------------------------------------------------------
 *
 * option.c
 *		Validation of options, and their resolved values.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/option.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgtime.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/address.h"
#include "base/compat.h"
#include "base/option.h"
#include "base/option_number.h"
#include "base/option_table.h"

/* The longest secret or value that we take from a file, in bytes. */
#define MAX_FILE_VALUE	65536

/*
 * The hint for an option that the object does not have: where it belongs, or
 * which one was probably meant, or what there is.
 */
static int
hint_valid_options(const char *name, Oid catalog)
{
	const char *closest = NULL;
	int			best = 5;		/* more edits are no typing mistake */
	StringInfoData all;
	int			i;

	initStringInfo(&all);
	for (i = 0; i < tplus_noptions; i++)
	{
		int			distance;

		if (tplus_options[i].catalog != catalog)
		{
			if (strcmp(tplus_options[i].name, name) == 0)
			{
				return errhint("Option \"%s\" belongs to a %s.", name,
							   tplus_option_object(tplus_options[i].catalog));
			}
			continue;
		}
		appendStringInfo(&all, "%s%s", all.len > 0 ? ", " : "",
						 tplus_options[i].name);
		distance = varstr_levenshtein_less_equal(name, Min(strlen(name), 63),
												 tplus_options[i].name,
												 strlen(tplus_options[i].name),
												 1, 1, 1, best - 1, true);
		if (distance < best && distance <= (int) strlen(name) / 2)
		{
			best = distance;
			closest = tplus_options[i].name;
		}
	}

	if (closest)
		return errhint("Perhaps you meant the option \"%s\".", closest);
	if (all.len > 0)
		return errhint("Valid options of a %s are: %s.",
					   tplus_option_object(catalog), all.data);
	return errhint("A %s has no options here.", tplus_option_object(catalog));
}

/* The position of value among the option's values. */
static int
parse_enum(const TplusOption *opt, const char *value)
{
	StringInfoData all;
	int			i;

	for (i = 0; opt->values[i]; i++)
	{
		if (pg_strcasecmp(opt->values[i], value) == 0)
			return i;
	}

	initStringInfo(&all);
	for (i = 0; opt->values[i]; i++)
		appendStringInfo(&all, "%s\"%s\"", i > 0 ? ", " : "", opt->values[i]);
	tplus_option_reject(opt, value, psprintf("Valid values are: %s.", all.data));
}

static void
json_context(void *arg)
{
	errcontext("option \"%s\"", ((const TplusOption *) arg)->name);
}

/* Throws unless the value is JSON of the right kind. */
static void
check_json(const TplusOption *opt, const char *value)
{
	ErrorContextCallback context;
	Jsonb	   *jsonb;

	context.callback = json_context;
	context.arg = (void *) opt;
	context.previous = error_context_stack;
	error_context_stack = &context;
	jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											   CStringGetDatum(value)));
	error_context_stack = context.previous;

	if (opt->kind == TPLUS_KIND_JSON_OBJECT)
	{
		if (!JB_ROOT_IS_OBJECT(jsonb))
			tplus_option_reject(opt, value, "The value must be a JSON object.");
	}
	else
	{
		JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
		JsonbValue	v;
		JsonbIteratorToken token;

		if (!JB_ROOT_IS_ARRAY(jsonb) || JB_ROOT_IS_SCALAR(jsonb) ||
			JB_ROOT_COUNT(jsonb) == 0)
			tplus_option_reject(opt, value,
								"The value must be \"auto\", \"none\", or a JSON array of objects.");
		(void) JsonbIteratorNext(&it, &v, true);
		while ((token = JsonbIteratorNext(&it, &v, true)) == WJB_ELEM)
		{
			if (v.type != jbvBinary || !JsonContainerIsObject(v.val.binary.data))
				tplus_option_reject(opt, value,
									"Each element of the array must be a JSON object.");
		}
	}
}

static bool
has_control_character(const char *value)
{
	for (; *value; value++)
	{
		if ((unsigned char) *value < 0x20 || *value == 0x7f)
			return true;
	}
	return false;
}

/*
 * An offset is no name: it would count westward, and nobody who writes UTC+8
 * means that.
 */
static bool
is_zone_name(const char *value)
{
	return pg_tzset(value) != NULL &&
		(strchr(value, '/') != NULL ||
		 strpbrk(value, "+-0123456789") == NULL);
}

/* Stores the value into the resolved struct; throws if it is none. */
static void
apply_value(const TplusOption *opt, const char *value, void *target)
{
	void	   *place = (char *) target + opt->offset;
	bool		flag;

	switch (opt->kind)
	{
		case TPLUS_KIND_BOOL:
			if (!parse_bool(value, &flag))
				tplus_option_reject(opt, value,
									"The value must be \"true\" or \"false\".");
			*(bool *) place = flag;
			break;
		case TPLUS_KIND_INT:
			*(int *) place = (int) tplus_option_number(opt, value);
			break;
		case TPLUS_KIND_REAL:
			*(double *) place = tplus_option_number(opt, value);
			break;
		case TPLUS_KIND_ENUM:
			*(int *) place = parse_enum(opt, value);
			break;
		case TPLUS_KIND_CHOICE:
			*(bool *) place = parse_enum(opt, value) == 1;
			break;
		case TPLUS_KIND_TIMEZONE:
			if (!is_zone_name(value))
				tplus_option_reject(opt, value,
									"The value must be the name of a time zone that PostgreSQL knows, such as \"Asia/Shanghai\".");
			*(char **) place = pstrdup(value);
			break;
		case TPLUS_KIND_VARIANTS:
			if (strcmp(value, "auto") != 0 && strcmp(value, "none") != 0)
				check_json(opt, value);
			*(char **) place = pstrdup(value);
			break;
		case TPLUS_KIND_JSON_OBJECT:
			check_json(opt, value);
			*(char **) place = pstrdup(value);
			break;
		case TPLUS_KIND_STRING:
			if (opt->values)
				(void) parse_enum(opt, value);
			pg_fallthrough;
		case TPLUS_KIND_FILE:
			if (*value == '\0')
				tplus_option_reject(opt, value, "The value must not be empty.");
			if (has_control_character(value))
				tplus_option_reject(opt, value,
									"The value must not contain control characters.");
			*(char **) place = pstrdup(value);
			break;
	}
}

/* May the current user set what only a superuser may? */
static void
check_privilege(const TplusOption *opt)
{
	if (opt->superuser && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\" of a %s",
						opt->name, tplus_option_object(opt->catalog)),
				 errhint("Only a superuser may name files of the server.")));
}

/* The rules that concern more than one option of an object. */
static void
check_together(List *given, Oid catalog)
{
	ListCell   *lc;
	bool		has_base_url = false;
	bool		has_resource = false;
	bool		has_path = false;

	foreach(lc, given)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		const TplusOption *opt = tplus_option_find(def->defname, catalog);
		ListCell   *other;

		has_base_url |= strcmp(def->defname, "base_url") == 0;
		has_resource |= strcmp(def->defname, "resource") == 0;
		has_path |= strcmp(def->defname, "path") == 0;

		if (opt->kind != TPLUS_KIND_FILE)
			continue;
		foreach(other, given)
		{
			DefElem    *def2 = lfirst_node(DefElem, other);
			const TplusOption *opt2 = tplus_option_find(def2->defname, catalog);

			if (opt2 != opt && opt2->offset == opt->offset)
				ereport(ERROR,
						(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
						 errmsg("options \"%s\" and \"%s\" cannot be set together",
								opt2->name, opt->name)));
		}
	}

	if (catalog == ForeignServerRelationId && !has_base_url)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"base_url\" is required for a server"),
				 errhint("Add OPTIONS (base_url 'https://openapi.chanjet.com').")));
	if (has_resource && has_path)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("options \"resource\" and \"path\" cannot be set together")));
	if (catalog == ForeignTableRelationId && !has_resource && !has_path)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("a foreign table needs either option \"resource\" or option \"path\""),
				 errhint("Add OPTIONS (resource 'inventory').")));
}

void
tplus_option_validate(List *given, Oid catalog)
{
	ListCell   *lc;
	union
	{
		TplusServerOptions server;
		TplusMappingOptions mapping;
		TplusTableOptions table;
		TplusColumnOptions column;
	}			scratch;

	foreach(lc, given)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		const TplusOption *opt = tplus_option_find(def->defname, catalog);

		if (opt == NULL)
		{
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\" for a %s",
							def->defname, tplus_option_object(catalog)),
					 hint_valid_options(def->defname, catalog)));
		}
		check_privilege(opt);
		if (opt->kind == TPLUS_KIND_INT || opt->kind == TPLUS_KIND_REAL)
			tplus_option_check_number(opt, defGetString(def));
		apply_value(opt, defGetString(def), &scratch);
	}
	check_together(given, catalog);
}

/* The content of a file as an option value, trailing line end removed. */
static char *
read_file_value(const TplusOption *opt, const char *path)
{
	FILE	   *file;
	char	   *buffer = palloc(MAX_FILE_VALUE + 1);
	size_t		len;

	file = AllocateFile(path, PG_BINARY_R);
	if (file == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open the file of option \"%s\": %m",
						opt->name)));
	len = fread(buffer, 1, MAX_FILE_VALUE + 1, file);
	if (ferror(file))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read the file of option \"%s\": %m",
						opt->name)));
	FreeFile(file);

	while (len > 0 && (buffer[len - 1] == '\n' || buffer[len - 1] == '\r'))
		len--;
	if (len == 0 || len > MAX_FILE_VALUE || memchr(buffer, '\0', len) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the file of option \"%s\" does not hold a value",
						opt->name),
				 errhint("It must hold one line of at most %d bytes.",
						 MAX_FILE_VALUE)));
	buffer[len] = '\0';
	if (has_control_character(buffer))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the file of option \"%s\" holds control characters",
						opt->name),
				 errhint("It must hold one line of text.")));
	return buffer;
}

/*
 * Fills a resolved struct: defaults first, then what is set.  An option that
 * an other version of the extension left behind is an error, not ignored.
 */
static void
resolve(List *given, Oid catalog, void *target)
{
	ListCell   *lc;
	int			i;

	for (i = 0; i < tplus_noptions; i++)
	{
		if (tplus_options[i].catalog == catalog && tplus_options[i].default_value)
			apply_value(&tplus_options[i], tplus_options[i].default_value, target);
	}
	foreach(lc, given)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		const TplusOption *opt = tplus_option_find(def->defname, catalog);

		if (opt == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\" for a %s",
							def->defname, tplus_option_object(catalog))));
		if (opt->kind == TPLUS_KIND_FILE)
			*(char **) ((char *) target + opt->offset) =
				read_file_value(opt, defGetString(def));
		else
			apply_value(opt, defGetString(def), target);
	}
}

TplusServerOptions *
tplus_option_server(Oid serverid)
{
	ForeignServer *server = GetForeignServer(serverid);
	TplusServerOptions *result = palloc0(sizeof(TplusServerOptions));

	result->serverid = serverid;
	result->name = server->servername;
	resolve(server->options, ForeignServerRelationId, result);
	if (result->base_url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"base_url\" is required for a server"),
				 errhint("Use ALTER SERVER %s OPTIONS (ADD base_url '...').",
						 quote_identifier(server->servername))));
	tplus_address_trim(result->base_url);
	return result;
}

TplusTableOptions *
tplus_option_new_table(const char *name)
{
	TplusTableOptions *result = palloc0(sizeof(TplusTableOptions));

	result->name = pstrdup(name);
	result->date_horizon_days = -1;
	resolve(NIL, ForeignTableRelationId, result);
	return result;
}

TplusTableOptions *
tplus_option_table(Oid relid)
{
	ForeignTable *table = GetForeignTable(relid);
	TplusTableOptions *result = palloc0(sizeof(TplusTableOptions));

	result->relid = relid;
	result->name = get_rel_name(relid);
	result->date_horizon_days = -1;
	resolve(table->options, ForeignTableRelationId, result);
	return result;
}

TplusColumnOptions *
tplus_option_column(Oid relid, int attnum)
{
	TplusColumnOptions *result = palloc0(sizeof(TplusColumnOptions));

	resolve(GetForeignColumnOptions(relid, attnum), AttributeRelationId,
			result);
	return result;
}

static bool
has_mapping(Oid serverid, Oid userid)
{
	return SearchSysCacheExists2(USERMAPPINGUSERSERVER,
								 ObjectIdGetDatum(userid),
								 ObjectIdGetDatum(serverid)) ||
		SearchSysCacheExists2(USERMAPPINGUSERSERVER,
							  ObjectIdGetDatum(InvalidOid),
							  ObjectIdGetDatum(serverid));
}

/* What the mapping must hold for a way to authenticate. */
static void
require_mapping(const TplusAccount *account, const char *value,
				const char *name)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the user mapping for server \"%s\" lacks option \"%s\"",
						account->server.name, name),
				 errdetail("The way to authenticate is \"%s\".",
						   tplus_auth_values[account->auth]),
				 errhint("Use ALTER USER MAPPING FOR %s SERVER %s OPTIONS (ADD %s '...').",
						 OidIsValid(account->mapping.userid) ?
						 quote_identifier(GetUserNameFromId(account->mapping.userid,
															false)) : "PUBLIC",
						 quote_identifier(account->server.name), name)));
}

static TplusAuth
choose_auth(const TplusAccount *account)
{
	if (account->server.auth != TPLUS_AUTH_AUTO)
		return account->server.auth;
	if (account->mapping.certificate)
		return TPLUS_AUTH_SELF_BUILT;
	if (account->mapping.refresh_token || !account->mapping.open_token)
		return TPLUS_AUTH_REFRESH_TOKEN;
	return TPLUS_AUTH_OPEN_TOKEN;
}

TplusAccount *
tplus_option_account(Oid serverid, Oid userid)
{
	TplusAccount *account = palloc0(sizeof(TplusAccount));
	UserMapping *mapping;

	account->server = *tplus_option_server(serverid);
	if (!has_mapping(serverid, userid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no user mapping for user \"%s\" on server \"%s\"",
						GetUserNameFromId(userid, false),
						account->server.name),
				 errhint("Use CREATE USER MAPPING FOR %s SERVER %s OPTIONS (app_key '...', app_secret '...', refresh_token '...').",
						 quote_identifier(GetUserNameFromId(userid, false)),
						 quote_identifier(account->server.name))));
	mapping = GetUserMapping(userid, serverid);
	resolve(mapping->options, UserMappingRelationId, &account->mapping);
	account->mapping.userid =
		SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(userid),
							  ObjectIdGetDatum(serverid)) ? userid : InvalidOid;

	account->used_tokens = palloc0(TPLUS_USED_TOKENS * sizeof(char *));
	account->auth = choose_auth(account);
	require_mapping(account, account->mapping.app_key, "app_key");
	switch (account->auth)
	{
		case TPLUS_AUTH_OPEN_TOKEN:
			require_mapping(account, account->mapping.open_token, "open_token");
			break;
		case TPLUS_AUTH_SELF_BUILT:
			require_mapping(account, account->mapping.app_secret, "app_secret");
			require_mapping(account, account->mapping.certificate, "certificate");
			require_mapping(account, account->mapping.app_ticket, "app_ticket");
			break;
		default:
			require_mapping(account, account->mapping.app_secret, "app_secret");
			break;
	}
	return account;
}

bool
tplus_option_info(int index, TplusOptionInfo *info)
{
	const TplusOption *opt;

	if (index < 0 || index >= tplus_noptions)
		return false;
	opt = &tplus_options[index];
	info->object = tplus_option_object(opt->catalog);
	info->name = opt->name;
	info->kind = tplus_option_kinds[opt->kind];
	info->default_value = opt->default_value;
	info->secret = opt->secret;
	info->superuser = opt->superuser;
	info->help = opt->help;
	return true;
}
