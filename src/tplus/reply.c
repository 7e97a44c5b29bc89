/*-------------------------------------------------------------------------
 *
 * reply.c
 *		What a reply says beside its rows: totals, columns, errors.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/reply.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/json.h"

#include "tplus/envelope.h"
#include "tplus/reply.h"

/* Where a total and column names have been seen. */
static const char *const total_paths[] = {
	"TotalCount", "totalCount", "data.TotalCount", "data.totalCount",
	"result.TotalCount", "value.TotalCount", "TotalRecords", NULL
};
static const char *const column_paths[] = {
	"data.Columns", "Columns", "data.columns", "columns",
	"ColumnSource.Rows", NULL
};

/* Members of a column's description that may hold its name. */
static const char *const column_keys[] = {
	"FieldName", "ColumnName", "Name", "name", NULL
};

static const char *
find_text(const TplusJson *root, const char *const *paths)
{
	for (; *paths; paths++)
	{
		TplusJson  *node = tplus_json_path(root, *paths);
		TplusJsonKind kind = tplus_json_kind(node);

		if (kind == TPLUS_JSON_STRING || kind == TPLUS_JSON_NUMBER)
			return tplus_json_text(node);
	}
	return NULL;
}

/*
 * How many records are told of; -1 if the text is no count.  One beyond all
 * integers is the largest of them, and a part of a record is one: what they say
 * is that there are more.
 */
static int64
parse_total(const char *text)
{
	char	   *end;
	double		number;
	int64		total;

	if (text == NULL || *text == '\0' || strpbrk(text, "xXnN") != NULL)
		return -1;
	errno = 0;
	total = strtoi64(text, &end, 10);
	if (errno == 0 && *end == '\0')
		return total >= 0 ? total : -1;
	number = ceil(strtod(text, &end));
	if (end == text || *end != '\0' || number < 0)
		return -1;
	return number < (double) PG_INT64_MAX ? (int64) number : PG_INT64_MAX;
}

void
tplus_reply_read(const char *text, size_t len, const char *way, bool has_rows,
				 TplusReply *reply)
{
	TplusJsonArena *arena = tplus_json_arena_create(CurrentMemoryContext);
	TplusJson  *root;
	TplusEnvelope envelope;

	memset(reply, 0, sizeof(*reply));
	reply->total = -1;
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (len == 0)
	{
		reply->shape = TPLUS_REPLY_NOTHING;
		return;
	}
	root = tplus_json_parse(arena, text, len, &reply->problem, &reply->offset);
	switch (tplus_json_kind(root))
	{
		case TPLUS_JSON_MISSING:
			reply->shape = TPLUS_REPLY_MALFORMED;
			return;
		case TPLUS_JSON_NULL:
			reply->shape = TPLUS_REPLY_NOTHING;
			return;
		case TPLUS_JSON_STRING:
			reply->shape = *tplus_json_text(root) ? TPLUS_REPLY_VALUE :
				TPLUS_REPLY_NOTHING;
			return;
		case TPLUS_JSON_OBJECT:
			break;
		default:
			reply->shape = TPLUS_REPLY_VALUE;
			return;
	}

	reply->shape = tplus_json_length(root) == 0 ? TPLUS_REPLY_NOTHING :
		TPLUS_REPLY_OBJECT;
	tplus_envelope_read(root, way, has_rows, &envelope);
	reply->is_error = envelope.is_error;
	reply->is_certain = envelope.is_certain;
	reply->code = envelope.code ? pstrdup(envelope.code) : NULL;
	reply->message = envelope.message ? pstrdup(envelope.message) : NULL;
	reply->total = parse_total(find_text(root, total_paths));
}

/* The names that "Columns" gives; NIL if there are none. */
static List *
read_columns(const char *text, size_t len)
{
	TplusJsonArena *arena = tplus_json_arena_create(CurrentMemoryContext);
	const char *problem;
	size_t		offset;
	TplusJson  *root = tplus_json_parse(arena, text, len, &problem, &offset);
	List	   *names = NIL;
	int			i;

	for (i = 0; root && column_paths[i] && names == NIL; i++)
	{
		TplusJson  *columns = tplus_json_path(root, column_paths[i]);
		TplusJson  *column;

		if (tplus_json_kind(columns) != TPLUS_JSON_ARRAY)
			continue;
		for (column = tplus_json_first(columns); column;
			 column = tplus_json_next(column))
		{
			const char *name = tplus_json_kind(column) == TPLUS_JSON_OBJECT ?
			find_text(column, column_keys) : tplus_json_text(column);

			if (name == NULL)
				return NIL;
			names = lappend(names, pstrdup(name));
		}
	}
	return names;
}

/* A row as an object with these keys; NULL if it does not fit them. */
static char *
name_row(const char *text, List *columns, TplusJsonArena *arena)
{
	const char *problem;
	size_t		offset;
	TplusJson  *row = tplus_json_parse(arena, text, strlen(text), &problem,
									   &offset);
	TplusJson  *value;
	ListCell   *lc;
	StringInfoData out;

	if (tplus_json_kind(row) != TPLUS_JSON_ARRAY ||
		tplus_json_length(row) != list_length(columns))
		return NULL;
	initStringInfo(&out);
	value = tplus_json_first(row);
	foreach(lc, columns)
	{
		appendStringInfoChar(&out, lc == list_head(columns) ? '{' : ',');
		escape_json(&out, lfirst(lc));
		appendStringInfoChar(&out, ':');
		(void) tplus_json_print(value, &out);
		value = tplus_json_next(value);
	}
	appendStringInfoString(&out, columns ? "}" : "{}");
	return out.data;
}

bool
tplus_reply_name_rows(const char *text, size_t len, List *rows)
{
	List	   *columns = read_columns(text, len);
	TplusJsonArena *arena = tplus_json_arena_create(CurrentMemoryContext);
	ListCell   *lc;

	foreach(lc, rows)
	{
		char	   *named = name_row(lfirst(lc), columns, arena);

		if (named == NULL)
			return false;
		tplus_json_arena_reset(arena);
		pfree(lfirst(lc));
		lfirst(lc) = named;
	}
	return true;
}
