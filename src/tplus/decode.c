/*-------------------------------------------------------------------------
 *
 * decode.c
 *		JSON record to Datums, with the column named in every error.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/decode.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "base/error.h"
#include "tplus/convert.h"
#include "tplus/decode.h"
#include "tplus/secrets.h"
#include "tplus/lookup.h"

/* How much of a record's key the error context shows, in bytes. */
#define MAX_SHOWN_KEY	80

/* Of a value that does not fit, so much is searched for secrets. */
#define MAX_SEARCHED	(1024 * 1024)

typedef enum DecodeSource
{
	SOURCE_FIELD,
	SOURCE_RECORD,				/* TPLUS_FIELD_RECORD */
	SOURCE_ERROR				/* TPLUS_FIELD_ERROR */
} DecodeSource;

typedef struct DecodeColumn
{
	TplusConverter converter;
	DecodeSource source;
	const char *field;
	int			lookup;			/* number of the field in the lookup */
	int			index;			/* in values and nulls */
	bool		seen;			/* in any record of this page */
} DecodeColumn;

struct TplusDecoder
{
	const TplusDecodeSpec *spec;
	TplusLookup *lookup;
	int			ncolumns;
	DecodeColumn *columns;
	bool		tells_problems; /* a column is TPLUS_FIELD_ERROR */
	bool		page_has_record;

	/* Where we are, for the error context. */
	const DecodeColumn *current;
	const TplusJson *node;		/* its value; NULL: not looked up yet */
	const char *key_text;		/* UTF-8 as it came; may be NULL */
	int			page;
};

static DecodeSource
source_of(const char *field)
{
	if (strcmp(field, TPLUS_FIELD_RECORD) == 0)
		return SOURCE_RECORD;
	if (strcmp(field, TPLUS_FIELD_ERROR) == 0)
		return SOURCE_ERROR;
	return SOURCE_FIELD;
}

TplusDecoder *
tplus_decode_create(const TplusDecodeSpec *spec)
{
	TplusDecoder *decoder = palloc0(sizeof(TplusDecoder));
	pg_tz	   *zone = tplus_convert_zone(spec->timezone);
	const char **fields = palloc(sizeof(char *) * (spec->ncolumns + 1));
	int			nfields = 0;

	decoder->spec = spec;
	decoder->ncolumns = spec->ncolumns;
	decoder->columns = palloc0(sizeof(DecodeColumn) * (spec->ncolumns + 1));
	for (int i = 0; i < spec->ncolumns; i++)
	{
		DecodeColumn *column = &decoder->columns[i];
		Form_pg_attribute attribute;

		column->field = spec->columns[i].field;
		column->source = source_of(column->field);
		decoder->tells_problems |= column->source == SOURCE_ERROR;
		column->index = spec->columns[i].attnum - 1;
		attribute = TupleDescAttr(spec->tupdesc, column->index);
		tplus_convert_init(&column->converter, NameStr(attribute->attname),
						   attribute->atttypid, attribute->atttypmod, zone);
		if (column->source == SOURCE_FIELD)
		{
			column->lookup = nfields;
			fields[nfields++] = column->field;
		}
	}
	decoder->lookup = tplus_lookup_create_set(fields, nfields,
											  CurrentMemoryContext);
	pfree(fields);
	return decoder;
}

/* Column, key and page, for the context of an error. */
static char *
place_name(const TplusDecoder *decoder)
{
	StringInfoData place;

	initStringInfo(&place);
	appendStringInfo(&place, "column \"%s\" of foreign table \"%s\"",
					 decoder->current->converter.column,
					 decoder->spec->relname);
	if (decoder->key_text != NULL)
		appendStringInfo(&place, ", record with key \"%s\"",
						 tplus_secrets_blot(decoder->spec->account,
											tplus_convert_show(&decoder->current->converter,
															   decoder->key_text,
															   MAX_SHOWN_KEY)));
	appendStringInfo(&place, ", page %d", decoder->page);
	return place.data;
}

/*
 * Error context callback: names the place; the column for programs, too.
 */
static void
name_place(void *arg)
{
	const TplusDecoder *decoder = arg;

	errcontext("%s", place_name(decoder));
	err_generic_string(PG_DIAG_COLUMN_NAME, decoder->current->converter.column);
}

/*
 * Does the value being converted hold a secret?  Then so may a message about
 * it, whose own words are left alone otherwise.
 */
static bool
holds_secret(const TplusDecoder *decoder)
{
	return decoder->node != NULL &&
		tplus_secrets_found(decoder->spec->account,
							tplus_convert_show_node(&decoder->current->converter,
													decoder->node,
													MAX_SEARCHED));
}

/*
 * A message that repeats foreign text, cut and, if it is to be, without
 * secrets; NULL if it is, or if it has none where the value has one: then it
 * may repeat a piece of it.
 */
static char *
clip_message(const TplusDecoder *decoder, bool blot, char *message)
{
	int			length;

	if (message == NULL)
		return NULL;
	if (blot)
	{
		char	   *blotted = tplus_secrets_blot(decoder->spec->account,
												 message);

		if (strcmp(blotted, message) == 0)
			return NULL;
		message = blotted;
	}
	if (strlen(message) <= TPLUS_ERROR_SNIPPET)
		return message;
	length = pg_mbcliplen(message, strlen(message), TPLUS_ERROR_SNIPPET - 3);
	memcpy(message + length, "...", 4);
	return message;
}

/* The message about the value being converted, as it may be shown. */
static char *
value_message(const TplusDecoder *decoder, bool blot, char *message)
{
	char	   *clipped = clip_message(decoder, blot, message);

	return clipped ? clipped :
		psprintf("could not convert value for column \"%s\"",
				 decoder->current->converter.column);
}

/*
 * Throws the current error again.  Input functions repeat the whole value in
 * their messages, and a value may have megabytes; their hints speak to
 * somebody who can type another one, unlike those of a domain's own checks.  What some of them refuse is no data
 * exception, but a syntax error or a name that does not exist.
 */
static void
rethrow_clipped(const TplusDecoder *decoder, MemoryContext context)
{
	int			category = ERRCODE_TO_CATEGORY(geterrcode());
	ErrorData  *error;
	bool		blot;

	if (category == ERRCODE_OPERATOR_INTERVENTION ||
		category == ERRCODE_INSUFFICIENT_RESOURCES)
		PG_RE_THROW();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	blot = holds_secret(decoder);
	error->message = value_message(decoder, blot, error->message);
	error->detail = clip_message(decoder, blot, error->detail);
	if (error->context && blot)
	{
		/* Before the place stands what the input function shows of the value. */
		char	   *place = strstr(error->context, place_name(decoder));

		error->context = tplus_secrets_blot(decoder->spec->account,
											place ? place : error->context);
	}
	error->hint = category == ERRCODE_DATA_EXCEPTION ? NULL :
		clip_message(decoder, blot, error->hint);
	ReThrowError(error);
}

/*
 * Appends what became of a value that could not be converted.
 */
static void
append_problem(const TplusDecoder *decoder, StringInfo problems,
			   const DecodeColumn *column, const TplusJson *node,
			   const TplusProblem *problem)
{
	char	   *value = tplus_convert_show_node(&column->converter, node,
												TPLUS_ERROR_SNIPPET);

	appendStringInfoString(problems,
						   problems->len == 0 ? "[{\"column\": " :
						   ", {\"column\": ");
	escape_json(problems, column->converter.column);
	appendStringInfoString(problems, ", \"value\": ");
	escape_json(problems, tplus_secrets_blot(decoder->spec->account, value));
	appendStringInfoString(problems, ", \"message\": ");
	escape_json(problems, value_message(decoder, holds_secret(decoder),
										problem->message));
	appendStringInfo(problems, ", \"sqlstate\": \"%s\"}",
					 unpack_sql_state(problem->sqlstate));
}

static void
decode_column(TplusDecoder *decoder, DecodeColumn *column,
			  const TplusJson *record, StringInfo problems,
			  Datum *value, bool *isnull)
{
	const TplusJson *node = record;
	TplusProblem problem;

	decoder->node = NULL;
	if (column->source == SOURCE_FIELD)
		node = tplus_lookup_get(decoder->lookup, column->lookup);
	decoder->node = node;
	if (node != NULL)
		column->seen = true;
	if (!decoder->spec->error_is_null)
	{
		tplus_convert_node(&column->converter, node, NULL, value, isnull);
		return;
	}
	if (tplus_convert_node(&column->converter, node, &problem, value, isnull))
		return;
	append_problem(decoder, problems, column, node, &problem);
	tplus_convert_node(&column->converter, NULL, NULL, value, isnull);
}

/*
 * Fills the column that tells what the others could not hold.
 */
static void
fill_problems(DecodeColumn *column, StringInfo problems, Datum *value,
			  bool *isnull)
{
	TplusConverter *converter = &column->converter;

	*isnull = problems->len == 0;
	*value = InputFunctionCall(&converter->input,
							   *isnull ? NULL : problems->data,
							   converter->ioparam, converter->typmod);
}

static void
decode_columns(TplusDecoder *decoder, const TplusJson *record, Datum *values,
			   bool *nulls)
{
	StringInfoData problems = {0};

	if (decoder->spec->error_is_null)
		initStringInfo(&problems);
	decoder->node = NULL;
	tplus_lookup_scan(decoder->lookup, record);
	for (int i = 0; i < decoder->ncolumns; i++)
	{
		DecodeColumn *column = &decoder->columns[i];

		decoder->current = column;
		if (column->source != SOURCE_ERROR)
			decode_column(decoder, column, record, &problems,
						  &values[column->index], &nulls[column->index]);
	}

	if (!decoder->tells_problems)
		return;
	if (problems.len > 0)
		appendStringInfoChar(&problems, ']');
	for (int i = 0; i < decoder->ncolumns; i++)
	{
		DecodeColumn *column = &decoder->columns[i];

		decoder->current = column;
		if (column->source == SOURCE_ERROR)
			fill_problems(column, &problems, &values[column->index],
						  &nulls[column->index]);
	}
}

void
tplus_decode_record(TplusDecoder *decoder, TplusJson *record,
					const char *key_text, int page,
					Datum *values, bool *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback callback;

	decoder->key_text = key_text;
	decoder->page = page;
	decoder->page_has_record = true;

	callback.callback = name_place;
	callback.arg = decoder;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	PG_TRY();
	{
		decode_columns(decoder, record, values, nulls);
	}
	PG_CATCH();
	{
		rethrow_clipped(decoder, context);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
}

void
tplus_decode_begin_page(TplusDecoder *decoder)
{
	decoder->page_has_record = false;
	for (int i = 0; i < decoder->ncolumns; i++)
		decoder->columns[i].seen = false;
}

const char *
tplus_decode_missing(TplusDecoder *decoder, int *index)
{
	while (decoder->page_has_record && *index < decoder->ncolumns)
	{
		DecodeColumn *column = &decoder->columns[(*index)++];

		if (column->source == SOURCE_FIELD && !column->seen)
			return column->field;
	}
	return NULL;
}

bool
tplus_decode_bool(const TplusJson *node, bool *value)
{
	return tplus_convert_bool(node, value);
}
