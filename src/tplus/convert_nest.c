/*-------------------------------------------------------------------------
 *
 * convert_nest.c
 *		Dates and times inside of arrays, ranges and rows.
 *
 * Their input functions hand each part to that of the part's type, so the
 * parts are spelled here as a single date or time is, and the text around them
 * stays as it came.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/convert_nest.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "tplus/convert.h"

/* What divides the text of an array, a range or a multirange. */
#define DELIMITERS	"{}[](),\"\\"

/* The innermost type of arrays, ranges and multiranges, without domains. */
static Oid
leaf_of(Oid type)
{
	for (;;)
	{
		Oid			inner = getBaseType(type);

		if (inner == type)
			inner = get_element_type(type);
		if (!OidIsValid(inner))
			inner = get_range_subtype(type);
		if (!OidIsValid(inner))
			inner = get_multirange_range(type);
		if (!OidIsValid(inner))
			return type;
		type = inner;
	}
}

bool
tplus_convert_holds_time(Oid type)
{
	Oid			leaf = leaf_of(type);
	TupleDesc	desc;

	check_stack_depth();
	if (tplus_convert_is_time(leaf))
		return true;
	if (get_typtype(leaf) != TYPTYPE_COMPOSITE)
		return false;
	desc = lookup_rowtype_tupdesc_copy(leaf, -1);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (!attr->attisdropped && tplus_convert_holds_time(attr->atttypid))
			return true;
	}
	return false;
}

/* Does an element stand here?  If not, it is a word of what holds elements. */
static bool
is_element(const char *token, size_t len)
{
	static const char *const words[] = {"null", "empty"};

	if (strspn(token, " \t\n\r\f\v") >= len)
		return false;
	for (size_t i = 0; i < lengthof(words); i++)
	{
		if (len == strlen(words[i]) &&
			pg_strncasecmp(token, words[i], len) == 0)
			return false;
	}
	return true;
}

/* The bounds of an array may stand before it, up to its equal sign. */
static const char *
skip_bounds(const char *text)
{
	const char *end = strstr(text, "={");

	return end != NULL &&
		strspn(text, "[]0123456789:+- ") >= (size_t) (end - text) ?
		end + 1 : text;
}

/* Of an array or a range, or of these in each other. */
static bool
spell_elements(const TplusConverter *element, const char *text,
			   StringInfo spelled, TplusProblem *problem)
{
	const char *p = skip_bounds(text);

	appendBinaryStringInfo(spelled, text, p - text);
	while (*p != '\0')
	{
		size_t		len = strcspn(p, DELIMITERS);

		if (len == 0)
			appendStringInfoChar(spelled, *p++);
		else if (!is_element(p, len))
			appendBinaryStringInfo(spelled, p, len);
		else if (!tplus_convert_append_time(element, pnstrdup(p, len),
											spelled, problem))
			return false;
		p += len;
	}
	return true;
}

/*
 * Reads a field of a row as record_in() does, which *p stands at, to behind
 * it; false if the text ends in it.
 */
static bool
read_field(const char **p, StringInfo field)
{
	bool		quoted = false;

	while (quoted || (**p != ',' && **p != ')'))
	{
		char		c = *(*p)++;

		if (c == '\\')
			c = *(*p)++;
		else if (c == '"' && quoted && **p == '"')
			(*p)++;
		else if (c == '"')
		{
			quoted = !quoted;
			continue;
		}
		if (c == '\0')
			return false;
		appendStringInfoChar(field, c);
	}
	return true;
}

static void
append_quoted(StringInfo text, const char *field)
{
	appendStringInfoChar(text, '"');
	for (; *field != '\0'; field++)
	{
		if (*field == '"' || *field == '\\')
			appendStringInfoChar(text, *field);
		appendStringInfoChar(text, *field);
	}
	appendStringInfoChar(text, '"');
}

static bool spell_part(const TplusConverter *converter, Oid type,
					   const char *text, StringInfo spelled,
					   TplusProblem *problem);

/* A row whose text is malformed is left to record_in(). */
static bool
spell_row(const TplusConverter *converter, Oid type, const char *text,
		  StringInfo spelled, TplusProblem *problem)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(type, -1);
	const char *p = text + strspn(text, " \t\n\r\f\v");
	int			begin = spelled->len;
	char		expected = '(';

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		StringInfoData field;
		StringInfoData part;

		if (attr->attisdropped)
			continue;
		initStringInfo(&field);
		initStringInfo(&part);
		if (*p != expected)
			break;
		appendStringInfoChar(spelled, *p++);
		expected = ',';
		if (*p == ',' || *p == ')')
			continue;
		if (!read_field(&p, &field))
		{
			spelled->len = begin;
			appendStringInfoString(spelled, text);
			return true;
		}
		if (!spell_part(converter, attr->atttypid, field.data, &part, problem))
			return false;
		append_quoted(spelled, part.data);
	}
	appendStringInfoString(spelled, p);
	return true;
}

static bool
spell_part(const TplusConverter *converter, Oid type, const char *text,
		   StringInfo spelled, TplusProblem *problem)
{
	TplusConverter part = *converter;
	Oid			base = getBaseType(type);

	check_stack_depth();
	part.basetype = leaf_of(type);
	if (base == part.basetype && get_typtype(base) == TYPTYPE_COMPOSITE)
		return spell_row(converter, base, text, spelled, problem);
	if (!tplus_convert_is_time(part.basetype))
		appendStringInfoString(spelled, text);
	else if (base == part.basetype)
		return tplus_convert_append_time(&part, text, spelled, problem);
	else
		return spell_elements(&part, text, spelled, problem);
	return true;
}

bool
tplus_convert_spell_nest(const TplusConverter *converter,
						 const TplusJson *node, const char **text,
						 TplusProblem *problem)
{
	StringInfoData spelled;

	if (!tplus_convert_spell_text(converter, node, text, problem))
		return false;
	initStringInfo(&spelled);
	if (!spell_part(converter, converter->type, *text, &spelled, problem))
		return false;
	*text = spelled.data;
	return true;
}
