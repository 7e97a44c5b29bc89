/*-------------------------------------------------------------------------
 *
 * convert_text.c
 *		The text of a JSON value, checked and in the database encoding.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/convert_text.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/string.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "base/error.h"
#include "tplus/convert.h"

/* Bytes shown of a sequence that is no character, as PostgreSQL shows them. */
#define MAX_SHOWN_BYTES	8

/*
 * The bytes of the character at text, as "0xe2 0x82 0xac".
 */
static char *
show_bytes(const char *text)
{
	int			length = pg_encoding_mblen(PG_UTF8, text);
	StringInfoData shown;

	initStringInfo(&shown);
	for (int i = 0; i < Min(length, MAX_SHOWN_BYTES) && text[i] != '\0'; i++)
		appendStringInfo(&shown, "%s0x%02x", i > 0 ? " " : "",
						 (unsigned char) text[i]);
	return shown.data;
}

/*
 * Checks that this is UTF-8 text that a PostgreSQL string can hold.
 */
static bool
verify(const TplusConverter *converter, const char *utf8, int length,
	   TplusProblem *problem)
{
	int			valid = pg_encoding_verifymbstr(PG_UTF8, utf8, length);

	if (valid == length)
		return true;
	if (strncmp(utf8 + valid, TPLUS_JSON_NUL, strlen(TPLUS_JSON_NUL)) == 0)
		return tplus_convert_fail(problem, ERRCODE_UNTRANSLATABLE_CHARACTER,
								  "value for column \"%s\" contains \\u0000, which cannot be converted to text",
								  converter->column);
	return tplus_convert_fail(problem, ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
							  "value for column \"%s\" contains an invalid byte sequence for encoding \"UTF8\": %s",
							  converter->column, show_bytes(utf8 + valid));
}

/*
 * Checks UTF-8 text and converts it to the database encoding.
 */
static bool
recode(const TplusConverter *converter, const char *utf8, const char **text,
	   TplusProblem *problem)
{
	int			length = strlen(utf8);
	int			capacity;
	int			converted;
	unsigned char *buffer;

	*text = utf8;
	if (!verify(converter, utf8, length, problem))
		return false;
	if (!OidIsValid(converter->recode) || pg_is_ascii(utf8))
		return true;

	/* No text is longer than the response: max_response_mb has a bound. */
	capacity = length * MAX_CONVERSION_GROWTH + 1;
	buffer = MemoryContextAllocHuge(CurrentMemoryContext, capacity);
	converted = pg_do_encoding_conversion_buf(converter->recode, PG_UTF8,
											  GetDatabaseEncoding(),
											  (unsigned char *) unconstify(char *, utf8),
											  length, buffer, capacity, true);
	if (converted < length)
		return tplus_convert_fail(problem, ERRCODE_UNTRANSLATABLE_CHARACTER,
								  "value for column \"%s\" contains a character without equivalent in encoding \"%s\": UTF-8 byte sequence %s",
								  converter->column,
								  GetDatabaseEncodingName(),
								  show_bytes(utf8 + converted));
	*text = (const char *) buffer;
	return true;
}

char *
tplus_convert_foreign(const char *utf8)
{
	int			encoding = GetDatabaseEncoding();
	int			len = strlen(utf8);
	int			size = len * MAX_CONVERSION_GROWTH + 1;
	char	   *result;
	Oid			proc;

	if (pg_encoding_verifymbstr(PG_UTF8, utf8, len) < len)
		return NULL;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || pg_is_ascii(utf8))
		return pstrdup(utf8);
	proc = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(proc))
		return NULL;
	result = palloc(size);
	if (pg_do_encoding_conversion_buf(proc, PG_UTF8, encoding,
									  (unsigned char *) unconstify(char *, utf8),
									  len, (unsigned char *) result, size,
									  true) < len)
		return NULL;
	return result;
}

char *
tplus_convert_show(const TplusConverter *converter, const char *utf8,
				   int max_bytes)
{
	const char *end = utf8 + strlen(utf8);
	StringInfoData shown;

	initStringInfo(&shown);
	while (utf8 < end && shown.len < max_bytes)
	{
		unsigned char recoded[MAX_CONVERSION_INPUT_LENGTH * MAX_CONVERSION_GROWTH + 1];
		int			length;

		if (strncmp(utf8, TPLUS_JSON_NUL, strlen(TPLUS_JSON_NUL)) == 0)
		{
			appendStringInfoString(&shown, "\\u0000");
			utf8 += strlen(TPLUS_JSON_NUL);
			continue;
		}
		length = pg_encoding_verifymbchar(PG_UTF8, utf8, end - utf8);
		if (length <= 0)
		{
			appendStringInfoChar(&shown, '?');
			utf8++;
			continue;
		}
		if (tplus_error_is_control(utf8))
			appendStringInfoChar(&shown, ' ');
		else if (length == 1 || !OidIsValid(converter->recode))
			appendBinaryStringInfo(&shown, utf8, length);
		else if (pg_do_encoding_conversion_buf(converter->recode, PG_UTF8,
											   GetDatabaseEncoding(),
											   (unsigned char *) unconstify(char *, utf8),
											   length, recoded,
											   sizeof(recoded), true) == length)
			appendStringInfoString(&shown, (char *) recoded);
		else
			appendStringInfoChar(&shown, '?');
		utf8 += length;
	}
	return shown.data;
}

/*
 * Appends the value as JSON text, also where no jsonb could hold it, until
 * there is enough of it.
 */
static void
append_value(StringInfo json, const TplusJson *node, int max_bytes)
{
	bool		is_array = tplus_json_kind(node) == TPLUS_JSON_ARRAY;

	if (tplus_json_kind(node) == TPLUS_JSON_STRING)
		escape_json(json, tplus_json_text(node));
	else if (tplus_json_text(node) != NULL)
		appendStringInfoString(json, tplus_json_text(node));
	else
	{
		appendStringInfoChar(json, is_array ? '[' : '{');
		for (const TplusJson *child = tplus_json_first(node);
			 child != NULL && json->len < max_bytes;
			 child = tplus_json_next(child))
		{
			if (child != tplus_json_first(node))
				appendStringInfoString(json, ", ");
			if (!is_array)
			{
				escape_json(json, tplus_json_key(child));
				appendStringInfoString(json, ": ");
			}
			append_value(json, child, max_bytes);
		}
		appendStringInfoChar(json, is_array ? ']' : '}');
	}
}

char *
tplus_convert_show_node(const TplusConverter *converter,
						const TplusJson *node, int max_bytes)
{
	StringInfoData json;

	if (tplus_json_text(node) != NULL)
		return tplus_convert_show(converter, tplus_json_text(node),
								  max_bytes);
	initStringInfo(&json);
	append_value(&json, node, max_bytes);
	return tplus_convert_show(converter, json.data, max_bytes);
}

/*
 * Does a string or a key in this value hold TPLUS_JSON_NUL?
 */
static bool
holds_nul(const TplusJson *node)
{
	const char *text = tplus_json_text(node);

	if (text != NULL && strstr(text, TPLUS_JSON_NUL) != NULL)
		return true;
	if (text != NULL)
		return false;
	for (const TplusJson *child = tplus_json_first(node); child != NULL;
		 child = tplus_json_next(child))
	{
		const char *key = tplus_json_key(child);

		if ((key != NULL && strstr(key, TPLUS_JSON_NUL) != NULL) ||
			holds_nul(child))
			return true;
	}
	return false;
}

/*
 * The value as JSON text.
 */
bool
tplus_convert_spell_json(const TplusConverter *converter,
						 const TplusJson *node, const char **text,
						 TplusProblem *problem)
{
	StringInfoData json;

	initStringInfo(&json);
	if (tplus_json_print(node, &json))
		return recode(converter, json.data, text, problem);
	if (holds_nul(node))
		return tplus_convert_fail(problem, ERRCODE_UNTRANSLATABLE_CHARACTER,
								  "value for column \"%s\" contains \\u0000, which cannot be converted to text",
								  converter->column);
	return tplus_convert_fail(problem,
							  ERRCODE_DUPLICATE_JSON_OBJECT_KEY_VALUE,
							  "value for column \"%s\" contains an object with a key that occurs twice",
							  converter->column);
}

/*
 * The characters of a string, the lexeme of a number, "true" or "false"; the
 * JSON text of an array or object.
 */
bool
tplus_convert_spell_text(const TplusConverter *converter,
						 const TplusJson *node, const char **text,
						 TplusProblem *problem)
{
	switch (tplus_json_kind(node))
	{
		case TPLUS_JSON_ARRAY:
		case TPLUS_JSON_OBJECT:
			return tplus_convert_spell_json(converter, node, text, problem);
		case TPLUS_JSON_STRING:
			return recode(converter, tplus_json_text(node), text, problem);
		default:
			*text = tplus_json_text(node);
			return true;
	}
}
