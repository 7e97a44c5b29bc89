/*-------------------------------------------------------------------------
 *
 * filter.c
 *		What a filter parameter means, and how a condition widens into it.
 *
 * docs/protocol.md, section 3.2: archives are queried by example, with equality
 * (that ignores case and trailing blanks, and takes % as a wildcard) on text,
 * and an unproven comparator on MadeRecordDate.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/filter.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "tplus/day.h"
#include "tplus/dayrange.h"
#include "tplus/encode.h"
#include "tplus/filter.h"
#include "tplus/filter_param.h"
#include "tplus/pattern.h"
#include "tplus/record.h"

static const char too_many[] =
"it has more values than \"max_filter_requests\" allows requests";

static bool
is_text_type(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == NAMEOID;
}

static bool
is_integer_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* The kind of a parameter that the catalog does not know. */
static TplusFilterKind
kind_by_type(Oid type)
{
	if (type == BOOLOID)
		return TPLUS_FILTER_KIND_BOOL;
	if (tplus_day_is_type(type))
		return TPLUS_FILTER_KIND_DATE;
	if (is_integer_type(type))
		return TPLUS_FILTER_KIND_ID;
	if (is_text_type(type))
		return TPLUS_FILTER_KIND_TEXT;
	return TPLUS_FILTER_KIND_NONE;
}

TplusOperation
tplus_filter_first(const TplusTableOptions *table)
{
	return table->paging == TPLUS_PAGING_PAGE ? TPLUS_OPERATION_PAGE :
		TPLUS_OPERATION_QUERY;
}

void
tplus_filter_resolve(const TplusResource *resource,
					 const TplusField *resource_field, const char *field,
					 const TplusTableOptions *table,
					 const TplusColumnOptions *options, Oid column_type,
					 TplusFilter *filter)
{
	memset(filter, 0, sizeof(*filter));
	filter->field = field;
	filter->first = tplus_filter_first(table);
	filter->op[TPLUS_OPERATION_QUERY] = options->filter_op;
	filter->op[TPLUS_OPERATION_PAGE] =
		options->page_filter_op == TPLUS_FILTER_SAME ? options->filter_op :
		options->page_filter_op;
	filter->encoding[TPLUS_OPERATION_QUERY] = options->filter_encoding;
	filter->encoding[TPLUS_OPERATION_PAGE] =
		options->page_filter_encoding == TPLUS_ENCODING_SAME ?
		options->filter_encoding : options->page_filter_encoding;
	if (resource_field)
	{
		filter->kind = resource_field->filter;
		filter->unique = (resource_field->flags & TPLUS_FIELD_UNIQUE) != 0;
		filter->is_flag = resource->disabled &&
			strcmp(resource->disabled, resource_field->name) == 0;
		if (filter->kind != TPLUS_FILTER_KIND_NONE)
			filter->param = resource_field->name;
	}
	if (options->filter && !tplus_encode_is_reserved(options->filter))
	{
		filter->param = options->filter;
		if (filter->kind == TPLUS_FILTER_KIND_NONE)
			filter->kind = kind_by_type(column_type);
	}
}

/* Why a date comparison cannot be sent under this operator of T+. */
static const char *
date_refuses(const TplusFilter *filter, const TplusTableOptions *table,
			 TplusCompare compare)
{
	switch (filter->op[filter->first])
	{
		case TPLUS_FILTER_AUTO:
			return "how T+ compares it is not known; tplus.calibrate() says whether that can be found out, or set \"filter_op\"";
		case TPLUS_FILTER_EQ:
			return NULL;
		case TPLUS_FILTER_GE:
		case TPLUS_FILTER_GT:
			if (compare == TPLUS_COMPARE_LT || compare == TPLUS_COMPARE_LE)
				return "T+ compares it from below only";
			return NULL;
		case TPLUS_FILTER_LE:
			if (compare == TPLUS_COMPARE_GT || compare == TPLUS_COMPARE_GE)
				return "T+ compares it from above only";
			return NULL;
		default:
			return "T+ cannot compare it as a date";
	}
}

/* Why nothing at all can be sent for a column, or NULL. */
static const char *
column_refuses(const TplusFilter *filter, const TplusTableOptions *table)
{
	if (!table->pushdown)
		return "\"pushdown\" is off";
	if (filter->op[filter->first] == TPLUS_FILTER_NONE)
		return "\"filter_op\" is \"none\"";
	if (filter->param == NULL)
		return "T+ has no parameter for it";
	if (table->generate_key &&
		strcmp(filter->field, table->key ? table->key : "ID") == 0)
		return "T+ does not know keys made from the content";
	return NULL;
}

const char *
tplus_filter_refuses(const TplusFilter *filter,
					 const TplusTableOptions *table, TplusCompare compare,
					 Oid column_type, Oid value_type)
{
	const char *reason = column_refuses(filter, table);

	if (reason)
		return reason;
	if (compare == TPLUS_COMPARE_NOT_TRUE)
	{
		if (filter->kind != TPLUS_FILTER_KIND_BOOL)
			return "T+ cannot be asked for missing values";
		if (!filter->is_flag)
			return "a missing value would match as well";
	}
	else if (compare >= TPLUS_COMPARE_LIKE)
	{
		if (filter->kind != TPLUS_FILTER_KIND_TEXT ||
			filter->op[filter->first] == TPLUS_FILTER_EQ)
			return "T+ does not match it with a pattern";
	}
	else if (filter->kind != TPLUS_FILTER_KIND_DATE &&
			 filter->kind != TPLUS_FILTER_KIND_VERSION &&
			 compare != TPLUS_COMPARE_EQ && compare != TPLUS_COMPARE_ANY)
		return "T+ compares it by equality only";

	switch (filter->kind)
	{
		case TPLUS_FILTER_KIND_TEXT:
		case TPLUS_FILTER_KIND_REFERENCE:
			if (!is_text_type(column_type) || !is_text_type(value_type))
				return "the column has another type than the field";
			return NULL;
		case TPLUS_FILTER_KIND_ID:
			if (!is_integer_type(column_type) || !is_integer_type(value_type))
				return "the column has another type than the field";
			return NULL;
		case TPLUS_FILTER_KIND_BOOL:
			if (column_type != BOOLOID || value_type != BOOLOID)
				return "the column has another type than the field";
			if (!filter->is_flag && filter->encoding[filter->first] == TPLUS_ENCODING_AUTO)
				return "how T+ spells it is not known; set \"filter_encoding\"";
			return NULL;
		case TPLUS_FILTER_KIND_DATE:
			if (!tplus_day_is_type(column_type) || !tplus_day_is_type(value_type))
				return "the column has another type than the field";
			return date_refuses(filter, table, compare);
		case TPLUS_FILTER_KIND_VERSION:
			if (!is_text_type(column_type) || !is_text_type(value_type) ||
				column_type == NAMEOID || value_type == NAMEOID)
				return "the column has another type than the field";
			if (compare != TPLUS_COMPARE_GT && compare != TPLUS_COMPARE_GE)
				return "T+ compares it from below only";
			return NULL;
		default:
			return "T+ has no parameter for it";
	}
}

bool
tplus_filter_is_exact(const TplusFilter *filter, TplusCompare compare,
					  Oid column_type)
{
	switch (filter->kind)
	{
		case TPLUS_FILTER_KIND_ID:
			return true;
		case TPLUS_FILTER_KIND_BOOL:
			return compare != TPLUS_COMPARE_NOT_TRUE;
		case TPLUS_FILTER_KIND_DATE:
			return filter->op[TPLUS_OPERATION_QUERY] == TPLUS_FILTER_EQ &&
				filter->op[TPLUS_OPERATION_PAGE] == TPLUS_FILTER_EQ &&
				column_type == DATEOID &&
				(compare == TPLUS_COMPARE_EQ || compare == TPLUS_COMPARE_ANY);
		case TPLUS_FILTER_KIND_VERSION:
			return true;
		default:
			return false;
	}
}

/*
 * Blanks, as servers trim them from the ends of a value, in UTF-8.
 */
static const char *const blanks[] = {
	" ", "\xc2\xa0", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
	"\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a",
	"\xe2\x80\x8b", "\xe2\x80\xaf", "\xe3\x80\x80", "\xef\xbb\xbf"
};

static bool
has_outer_blank(const char *text)
{
	const char *utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);
	size_t		len = strlen(utf8);
	int			i;

	for (i = 0; i < (int) lengthof(blanks); i++)
	{
		size_t		blank_len = strlen(blanks[i]);

		if (len >= blank_len &&
			(strncmp(utf8, blanks[i], blank_len) == 0 ||
			 strcmp(utf8 + len - blank_len, blanks[i]) == 0))
			return true;
	}
	return false;
}

/*
 * Could the column show this for a longer value?  varchar(n) drops blanks
 * from the end of what is too long for it, and name what does not fit.
 */
static bool
may_be_cut(const TplusCondition *cond, const char *text)
{
	size_t		len = cond->column_type == NAMEOID ? strlen(text) :
	(size_t) pg_mbstrlen(text);

	return cond->max_length > 0 && len >= (size_t) cond->max_length;
}

/*
 * May the text be sent for equality?  T+ takes some characters as wildcards
 * and does not tell trailing blanks; an empty text means no filter.
 */
static bool
is_plain_text(const char *text)
{
	if (*text == '\0' || has_outer_blank(text))
		return false;
	if (strpbrk(text, TPLUS_PATTERN_SPECIAL) != NULL)
		return false;
	for (; *text; text++)
	{
		if ((unsigned char) *text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

/* A lower bound of the row version: 16 lower-case hex digits, or nothing. */
static void
apply_version(TplusCondition *cond, TplusFiltering *filtering)
{
	char	   *string = TextDatumGetCString(cond->values[0]);
	uint64		version;
	uint64		known;

	/* What each version begins with, and goes on: no bound at all. */
	if (strlen(string) < 16 && strspn(string, "0") == strlen(string))
		return;

	/*
	 * Only where the order of the texts is that of the numbers: a shorter
	 * text, or one in capitals, sorts otherwise than it counts.
	 */
	if (strlen(string) != 16 || strspn(string, "0123456789abcdef") != 16 ||
		!tplus_version_parse(string, &version))
	{
		cond->local = "the value is not 16 hexadecimal digits in lower case";
		return;
	}
	if (cond->compare == TPLUS_COMPARE_GE)
	{
		if (version == 0)
			return;
		version--;
	}
	if (filtering->bound &&
		tplus_version_parse(filtering->bound, &known) && known >= version)
		return;
	filtering->bound = tplus_version_text(version);
}

/* The value as T+ knows it. */
static char *
value_text(const TplusCondition *cond, int i)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(cond->value_type, &output, &varlena);
	return OidOutputFunctionCall(output, cond->values[i]);
}

/* One or several values of a text or of the id. */
static void
apply_values(TplusCondition *cond, const TplusTableOptions *table,
			 TplusFiltering *filtering)
{
	const TplusFilter *filter = &cond->filter;
	bool		pins = filter->unique &&
	(filtering->unique_field == NULL ||
	 strcmp(filtering->unique_field, filter->field) == 0);
	List	   *params = NIL;
	List	   *values = NIL;
	int			i;

	for (i = 0; i < cond->nvalues; i++)
	{
		char	   *string = value_text(cond, i);

		if (filter->kind != TPLUS_FILTER_KIND_ID && !is_plain_text(string))
		{
			cond->local = "T+ would not take the value literally";
			return;
		}
		if (may_be_cut(cond, string))
		{
			cond->local = "the column may show a longer value like this";
			return;
		}
		if (list_member(values, makeString(string)))
			continue;
		if (list_length(params) >= table->max_filter_requests)
		{
			cond->local = too_many;
			return;
		}
		values = lappend(values, makeString(string));
		params = lappend(params, tplus_filter_value(filter, string));
	}
	if (!tplus_filtering_multiply(filtering, params, pins ? values : NIL,
								  table->max_filter_requests))
		cond->local = too_many;
	else
	{
		filtering->uneven |= !tplus_filter_takes_both(filter, false);
		if (pins)
			filtering->unique_field = filter->field;
	}
	cond->requests = list_length(params);
}

/* The one value of a boolean; false if there are several. */
static bool
one_flag(TplusCondition *cond, bool *flag)
{
	int			i;

	*flag = DatumGetBool(cond->values[0]);
	for (i = 1; i < cond->nvalues; i++)
	{
		if (DatumGetBool(cond->values[i]) != *flag)
		{
			cond->local = "T+ compares it with one value only";
			return false;
		}
	}
	return true;
}

static void
apply_flag(TplusCondition *cond, TplusFiltering *filtering)
{
	bool		flag;

	if (cond->compare == TPLUS_COMPARE_NOT_TRUE)
	{
		filtering->not_stopped = true;
		return;
	}
	if (!one_flag(cond, &flag))
		return;
	if (filtering->has_flag && filtering->flag != flag)
		filtering->impossible = true;
	filtering->has_flag = true;
	filtering->flag = flag;
}

static void
apply_bool(TplusCondition *cond, TplusFiltering *filtering)
{
	TplusParam *param;
	bool		value;

	if (!one_flag(cond, &value))
		return;
	param = tplus_filter_bool(&cond->filter, value);
	filtering->uneven |= param->json == NULL || param->page_json == NULL;
	tplus_filtering_add(filtering, param);
}

/* The longest piece of a pattern that T+ takes literally, or NULL. */
static char *
literal_run(const TplusCondition *cond, int i)
{
	char	   *run = tplus_pattern_run(TextDatumGetCString(cond->values[i]),
										cond->compare != TPLUS_COMPARE_PREFIX,
										cond->compare == TPLUS_COMPARE_ILIKE ||
										cond->compare == TPLUS_COMPARE_ILIKE_ANY);

	return run == NULL || has_outer_blank(run) ? NULL : run;
}

/* One or several patterns. */
static void
apply_patterns(TplusCondition *cond, const TplusTableOptions *table,
			   TplusFiltering *filtering)
{
	List	   *params = NIL;
	List	   *runs = NIL;
	int			i;

	if (filtering->like_param)
	{
		cond->local = "another pattern is sent";
		return;
	}
	for (i = 0; i < cond->nvalues; i++)
	{
		char	   *run = literal_run(cond, i);

		if (run == NULL)
		{
			cond->local = "the pattern has no run of characters that T+ takes literally";
			return;
		}
		if (list_member(runs, makeString(run)))
			continue;
		runs = lappend(runs, makeString(run));
		params = lappend(params,
						 tplus_filter_pattern(&cond->filter,
											  psprintf("%%%s%%", run)));
	}
	if (!tplus_filtering_multiply(filtering, params, NIL,
								  table->max_filter_requests))
	{
		cond->local = too_many;
		return;
	}
	filtering->like_param = cond->filter.param;
	filtering->like_field = cond->filter.field;
	filtering->uneven |= !tplus_filter_takes_both(&cond->filter, true);
	cond->requests = list_length(params);
}

/* One condition that is no date's. */
static void
apply_condition(TplusCondition *cond, const TplusTableOptions *table,
				TplusFiltering *filtering)
{
	const TplusFilter *filter = &cond->filter;

	if (tplus_filtering_has(filtering, filter->param))
	{
		cond->local = "another condition on the same parameter is sent";
		return;
	}
	if (cond->compare >= TPLUS_COMPARE_LIKE)
	{
		apply_patterns(cond, table, filtering);
		return;
	}
	switch (filter->kind)
	{
		case TPLUS_FILTER_KIND_TEXT:
		case TPLUS_FILTER_KIND_REFERENCE:
		case TPLUS_FILTER_KIND_ID:
			apply_values(cond, table, filtering);
			break;
		case TPLUS_FILTER_KIND_BOOL:
			if (filter->is_flag)
				apply_flag(cond, filtering);
			else
				apply_bool(cond, filtering);
			break;
		case TPLUS_FILTER_KIND_VERSION:
			apply_version(cond, filtering);
			break;
		default:
			break;
	}
}

/*
 * Equalities come before patterns, because a parameter can carry only one of
 * the two, and the former asks for less.
 */
void
tplus_filter_apply(List *conditions, const TplusTableOptions *table,
				   const char *timezone, TplusFiltering *filtering)
{
	List	   *ranges = NIL;
	ListCell   *lc;
	int			patterns;

	tplus_filtering_init(filtering);
	for (patterns = 0; patterns < 2; patterns++)
	{
		foreach(lc, conditions)
		{
			TplusCondition *cond = lfirst(lc);

			if (cond->isnull || cond->nvalues == 0)
			{
				filtering->impossible = true;
				return;
			}
			if ((cond->compare >= TPLUS_COMPARE_LIKE) != (patterns == 1))
				continue;
			if (cond->filter.kind == TPLUS_FILTER_KIND_DATE)
				tplus_dayrange_add(&ranges, cond, timezone);
			else
				apply_condition(cond, table, filtering);
		}
	}
	tplus_dayrange_apply(ranges, table, timezone, filtering);
}
