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

TplusParam *
tplus_encode_param(const char *name, const char *json)
{
	TplusParam *param = palloc(sizeof(TplusParam));

	param->name = name;
	param->json = json;
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
tplus_encode_object(const char *json)
{
	Jsonb	   *jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
														   CStringGetDatum(json)));

	return container_to_params(&jsonb->root);
}

List *
tplus_encode_array(const char *json)
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

/* Is there a later parameter of the same name? */
static bool
is_overridden(List *params, int index)
{
	TplusParam *param = list_nth(params, index);
	int			i;

	for (i = index + 1; i < list_length(params); i++)
	{
		TplusParam *later = list_nth(params, i);

		if (pg_strcasecmp(param->name, later->name) == 0)
			return true;
	}
	return false;
}

char *
tplus_encode_body(const char *body_key, List *params)
{
	StringInfoData body;
	bool		first = true;
	int			i;

	initStringInfo(&body);
	if (*body_key)
	{
		appendStringInfoChar(&body, '{');
		escape_json(&body, body_key);
		appendStringInfoChar(&body, ':');
	}
	appendStringInfoChar(&body, '{');
	for (i = 0; i < list_length(params); i++)
	{
		TplusParam *param = list_nth(params, i);
		const char *dot = strchr(param->name, '.');

		if (is_overridden(params, i))
			continue;
		if (!first)
			appendStringInfoChar(&body, ',');
		first = false;
		if (dot)
		{
			escape_json(&body, pnstrdup(param->name, dot - param->name));
			appendStringInfoString(&body, ":{");
			escape_json(&body, dot + 1);
			appendStringInfo(&body, ":%s}", param->json);
		}
		else
		{
			escape_json(&body, param->name);
			appendStringInfo(&body, ":%s", param->json);
		}
	}
	appendStringInfoChar(&body, '}');
	if (*body_key)
		appendStringInfoChar(&body, '}');

	return pg_server_to_any(body.data, body.len, PG_UTF8);
}
