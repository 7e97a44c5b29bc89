/*-------------------------------------------------------------------------
 *
 * encode.c
 *		Parameters and their values to the JSON body of a request.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/encode.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "tplus/encode.h"

/* What a read sets for itself, or the version of records by its cursor. */
static const char *const reserved[] = {
	"Ts", "PageIndex", "PageSize", "SelectFields", NULL
};

bool
tplus_encode_same_root(const char *a, const char *b)
{
	size_t		len = strcspn(a, ".");

	return strcspn(b, ".") == len && pg_strncasecmp(a, b, len) == 0;
}

bool
tplus_encode_is_reserved(const char *name)
{
	int			i;

	for (i = 0; reserved[i]; i++)
	{
		if (tplus_encode_same_root(name, reserved[i]))
			return true;
	}
	return false;
}

bool
tplus_encode_collide(const char *a, const char *b)
{
	return tplus_encode_same_root(a, b) &&
		(pg_strcasecmp(a, b) == 0 || strchr(a, '.') == NULL ||
		 strchr(b, '.') == NULL);
}

TplusParam *
tplus_encode_param(const char *name, const char *json)
{
	TplusParam *param = palloc(sizeof(TplusParam));

	param->name = name;
	param->json = param->page_json = json;
	return param;
}

static char *
quote_json(const char *value)
{
	StringInfoData buf;

	initStringInfo(&buf);
	escape_json(&buf, value);
	return buf.data;
}

TplusParam *
tplus_encode_text(const char *name, const char *value)
{
	return tplus_encode_param(name, quote_json(value));
}

TplusParam *
tplus_encode_int(const char *name, int64 value)
{
	return tplus_encode_param(name, psprintf(INT64_FORMAT, value));
}

TplusParam *
tplus_encode_bool(const char *name, bool value, TplusEncoding encoding)
{
	const char *json;

	switch (encoding)
	{
		case TPLUS_ENCODING_TEXT:
			json = value ? "\"true\"" : "\"false\"";
			break;
		case TPLUS_ENCODING_01:
			json = value ? "\"1\"" : "\"0\"";
			break;
		case TPLUS_ENCODING_TRUEFALSE:
			json = value ? "\"True\"" : "\"False\"";
			break;
		default:
			json = value ? "true" : "false";
			break;
	}
	return tplus_encode_param(name, json);
}

/* JSON text of a jsonb value inside a container. */
static char *
value_to_json(JsonbValue *value)
{
	if (value->type == jbvBinary)
		return JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
	else
	{
		Jsonb	   *jsonb = JsonbValueToJsonb(value);

		return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	}
}

static List *
container_to_params(JsonbContainer *container)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	v;
	JsonbIteratorToken token;
	List	   *params = NIL;

	(void) JsonbIteratorNext(&it, &v, true);
	while ((token = JsonbIteratorNext(&it, &v, true)) == WJB_KEY)
	{
		char	   *name = pnstrdup(v.val.string.val, v.val.string.len);

		(void) JsonbIteratorNext(&it, &v, true);
		params = lappend(params, tplus_encode_param(name, value_to_json(&v)));
	}
	return params;
}

List *
tplus_encode_all(const char *json)
{
	Jsonb	   *jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
														   CStringGetDatum(json)));

	return container_to_params(&jsonb->root);
}

List *
tplus_encode_all_sets(const char *json)
{
	Jsonb	   *jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
														   CStringGetDatum(json)));
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbValue	v;
	JsonbIteratorToken token;
	List	   *sets = NIL;

	(void) JsonbIteratorNext(&it, &v, true);
	while ((token = JsonbIteratorNext(&it, &v, true)) == WJB_ELEM)
		sets = lappend(sets, container_to_params(v.val.binary.data));
	return sets;
}

static List *
without_reserved(List *params)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, params)
	{
		TplusParam *param = lfirst(lc);

		if (!tplus_encode_is_reserved(param->name))
			result = lappend(result, param);
	}
	return result;
}

List *
tplus_encode_object(const char *json)
{
	return without_reserved(tplus_encode_all(json));
}

List *
tplus_encode_array(const char *json)
{
	List	   *sets = tplus_encode_all_sets(json);
	ListCell   *lc;

	foreach(lc, sets)
		lfirst(lc) = without_reserved(lfirst(lc));
	return sets;
}

TplusParam *
tplus_encode_find(List *params, const char *name)
{
	ListCell   *lc;

	foreach(lc, params)
	{
		TplusParam *param = lfirst(lc);

		if (pg_strcasecmp(param->name, name) == 0)
			return param;
	}
	return NULL;
}

/* Is there a later parameter in its place? */
static bool
is_overridden(List *params, int index)
{
	TplusParam *param = list_nth(params, index);
	int			i;

	for (i = index + 1; i < list_length(params); i++)
	{
		TplusParam *later = list_nth(params, i);

		if (tplus_encode_collide(param->name, later->name))
			return true;
	}
	return false;
}

/* The parameters that make the body, in the order of their first mention. */
static List *
effective(List *params)
{
	List	   *result = NIL;
	int			i;

	for (i = 0; i < list_length(params); i++)
	{
		if (!is_overridden(params, i))
			result = lappend(result, list_nth(params, i));
	}
	return result;
}

/*
 * Appends the member of a parameter, with all the others that are parts of the
 * same object; nothing if that has been appended for an earlier one.
 */
static void
append_member(StringInfo body, List *params, int index)
{
	TplusParam *param = list_nth(params, index);
	size_t		root = strcspn(param->name, ".");
	int			i;

	for (i = 0; i < index; i++)
	{
		if (tplus_encode_same_root(((TplusParam *) list_nth(params, i))->name, param->name))
			return;
	}
	if (body->data[body->len - 1] != '{')
		appendStringInfoChar(body, ',');
	escape_json(body, pnstrdup(param->name, root));
	if (param->name[root] == '\0')
	{
		appendStringInfo(body, ":%s", param->json);
		return;
	}
	appendStringInfoString(body, ":{");
	for (i = index; i < list_length(params); i++)
	{
		TplusParam *part = list_nth(params, i);

		if (!tplus_encode_same_root(part->name, param->name))
			continue;
		if (i > index)
			appendStringInfoChar(body, ',');
		escape_json(body, part->name + root + 1);
		appendStringInfo(body, ":%s", part->json);
	}
	appendStringInfoChar(body, '}');
}

char *
tplus_encode_body(const char *body_key, List *params)
{
	List	   *sent = effective(params);
	StringInfoData body;
	int			i;

	initStringInfo(&body);
	if (*body_key)
	{
		appendStringInfoChar(&body, '{');
		escape_json(&body, body_key);
		appendStringInfoChar(&body, ':');
	}
	appendStringInfoChar(&body, '{');
	for (i = 0; i < list_length(sent); i++)
		append_member(&body, sent, i);
	appendStringInfoChar(&body, '}');
	if (*body_key)
		appendStringInfoChar(&body, '}');

	return pg_server_to_any(body.data, body.len, PG_UTF8);
}
