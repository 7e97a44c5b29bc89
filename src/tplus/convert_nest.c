/*-------------------------------------------------------------------------
 *
 * convert_nest.c
 *		Arrays and ranges of dates and times.
 *
 * Their input functions hand each element to that of the element's type, so
 * the elements are spelled here as a single date or time is, and the text
 * around them stays as it came.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/convert_nest.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "tplus/convert.h"

/* What divides the text of an array, a range or a multirange. */
#define DELIMITERS	"{}[](),\"\\"

Oid
tplus_convert_leaf(Oid type)
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

bool
tplus_convert_spell_nest(const TplusConverter *converter,
						 const TplusJson *node, const char **text,
						 TplusProblem *problem)
{
	TplusConverter element = *converter;
	StringInfoData spelled;
	const char *p;

	if (!tplus_convert_spell_text(converter, node, text, problem))
		return false;
	element.basetype = converter->leaf;
	p = skip_bounds(*text);
	initStringInfo(&spelled);
	appendBinaryStringInfo(&spelled, *text, p - *text);
	while (*p != '\0')
	{
		size_t		len = strcspn(p, DELIMITERS);

		if (len == 0)
			appendStringInfoChar(&spelled, *p++);
		else if (!is_element(p, len))
			appendBinaryStringInfo(&spelled, p, len);
		else if (!tplus_convert_append_time(&element, pnstrdup(p, len),
											&spelled, problem))
			return false;
		p += len;
	}
	*text = spelled.data;
	return true;
}
