/*-------------------------------------------------------------------------
 *
 * filter.c
 *		What a filter parameter means, and how a condition widens into it.
 *
 * Protocol, section 3.2: archives are queried by example, with equality (that
 * ignores case and trailing blanks, and takes % as a wildcard) on text, and an
 * unproven comparator on MadeRecordDate.
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
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "tplus/day.h"
#include "tplus/encode.h"
#include "tplus/filter.h"
#include "tplus/record.h"

static bool
is_text_type(Oid type)
{
	return type == TEXTOID || type == VARCHAROID;
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

void
tplus_filter_resolve(const TplusResource *resource,
					 const TplusField *resource_field, const char *field,
					 const TplusColumnOptions *options, Oid column_type,
					 TplusFilter *filter)
{
	memset(filter, 0, sizeof(*filter));
	filter->field = field;
	filter->op = options->filter_op;
	filter->encoding = options->filter_encoding;
	if (resource_field)
	{
		filter->kind = resource_field->filter;
		filter->unique = (resource_field->flags & TPLUS_FIELD_UNIQUE) != 0;
		filter->is_flag = resource->disabled &&
			strcmp(resource->disabled, resource_field->name) == 0;
		if (filter->kind != TPLUS_FILTER_KIND_NONE)
			filter->param = resource_field->name;
	}
	if (options->filter)
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
	switch (filter->op)
	{
		case TPLUS_FILTER_AUTO:
			return "how T+ compares it is not known; tplus.calibrate() finds out, or set \"filter_op\"";
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

const char *
tplus_filter_refuses(const TplusFilter *filter,
					 const TplusTableOptions *table, TplusCompare compare,
					 Oid column_type, Oid value_type)
{
	if (!table->pushdown)
		return "\"pushdown\" is off";
	if (filter->op == TPLUS_FILTER_NONE)
		return "\"filter_op\" is \"none\"";
	if (filter->param == NULL)
		return "T+ has no parameter for it";
	if (filter->kind != TPLUS_FILTER_KIND_DATE &&
		filter->kind != TPLUS_FILTER_KIND_VERSION &&
		compare != TPLUS_COMPARE_EQ)
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
			if (!filter->is_flag && filter->encoding == TPLUS_ENCODING_AUTO)
				return "how T+ spells it is not known; set \"filter_encoding\"";
			return NULL;
		case TPLUS_FILTER_KIND_DATE:
			if (!tplus_day_is_type(column_type) || !tplus_day_is_type(value_type))
				return "the column has another type than the field";
			return date_refuses(filter, table, compare);
		case TPLUS_FILTER_KIND_VERSION:
			if (!is_text_type(column_type) || !is_text_type(value_type))
				return "the column has another type than the field";
			if (compare != TPLUS_COMPARE_GT && compare != TPLUS_COMPARE_GE)
				return "T+ compares it from below only";
			return NULL;
		default:
			return "T+ has no parameter for it";
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
 * May the text be sent for equality?  T+ takes some characters as wildcards
 * and does not tell trailing blanks; an empty text means no filter.
 */
static bool
is_plain_text(const char *text)
{
	if (*text == '\0' || has_outer_blank(text))
		return false;
	if (strpbrk(text, "%_[]^") != NULL)
		return false;
	for (; *text; text++)
	{
		if ((unsigned char) *text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

/* Where the conditions on one date stand, as a range of days. */
typedef struct DayRange
{
	const TplusFilter *filter;
	List	   *conditions;		/* of TplusCondition */
	bool		has_low;
	bool		has_high;
	int32		low;			/* first day that can match */
	int32		high;			/* last day that can match */
} DayRange;

/* The range of the filter that a condition has; each has its own. */
static DayRange *
find_range(List **ranges, const TplusFilter *filter)
{
	DayRange   *range;
	ListCell   *lc;

	foreach(lc, *ranges)
	{
		range = lfirst(lc);
		if (range->filter->op == filter->op &&
			pg_strcasecmp(range->filter->param, filter->param) == 0)
			return range;
	}
	range = palloc0(sizeof(DayRange));
	range->filter = filter;
	*ranges = lappend(*ranges, range);
	return range;
}

static void
narrow_range(List **ranges, TplusCondition *cond, const char *timezone)
{
	DayRange   *range;
	int32		day;

	if (!tplus_day_of(cond->value, cond->value_type, cond->column_type,
					  timezone, &day))
	{
		cond->local = "T+ cannot spell the value as a day";
		return;
	}
	range = find_range(ranges, &cond->filter);
	range->conditions = lappend(range->conditions, cond);
	if (cond->compare >= TPLUS_COMPARE_EQ &&
		(!range->has_low || day > range->low))
	{
		range->has_low = true;
		range->low = day;
	}
	if (cond->compare <= TPLUS_COMPARE_EQ &&
		(!range->has_high || day < range->high))
	{
		range->has_high = true;
		range->high = day;
	}
}

/* Asks for a day in every parameter set. */
static void
add_day(const TplusFilter *filter, int32 day, TplusFiltering *filtering)
{
	TplusParam *param = tplus_encode_text(filter->param, tplus_day_text(day));
	ListCell   *lc;

	foreach(lc, filtering->sets)
		lfirst(lc) = lappend(lfirst(lc), param);
}

/*
 * The parameter sets for a server that compares by equality: one per day.
 * Returns why there are none, or NULL.
 */
static const char *
expand_days(const DayRange *range, const TplusTableOptions *table,
			const char *timezone, TplusFiltering *filtering)
{
	int32		low = range->low;
	int32		high = range->high;
	List	   *sets = NIL;
	ListCell   *lc;
	int32		day;

	if (!range->has_low)
		return "T+ compares it by equality, and the range has no beginning";
	if (!range->has_high)
	{
		if (table->date_horizon_days < 0)
			return "T+ compares it by equality, and the range has no end; \"date_horizon_days\" can give it one";
		high = tplus_day_today(timezone) + table->date_horizon_days;
	}

	/* A day alone is asked for as it is; a range is widened. */
	if (!range->has_high || low != high)
	{
		low--;
		high++;
	}
	if (high < low)
	{
		/* The horizon lies before the range. */
		filtering->impossible = true;
		return NULL;
	}
	if ((int64) (high - low + 1) * list_length(filtering->sets) >
		table->max_filter_requests)
		return "it has more days than \"max_filter_requests\" allows requests";

	for (day = low; day <= high; day++)
	{
		TplusParam *param = tplus_encode_text(range->filter->param,
											  tplus_day_text(day));

		foreach(lc, filtering->sets)
			sets = lappend(sets, lappend(list_copy(lfirst(lc)), param));
	}
	filtering->sets = sets;
	return NULL;
}

/*
 * Bounds are widened by a day, for the server may keep times of a zone of its
 * own.  Returns why the range cannot be asked for, or NULL.
 */
static const char *
apply_range(const DayRange *range, const TplusTableOptions *table,
			const char *timezone, TplusFiltering *filtering)
{
	if (range->has_low && range->has_high && range->low > range->high)
	{
		filtering->impossible = true;
		return NULL;
	}
	switch (range->filter->op)
	{
		case TPLUS_FILTER_EQ:
			return expand_days(range, table, timezone, filtering);
		case TPLUS_FILTER_GE:
			if (range->has_low)
				add_day(range->filter, range->low - 1, filtering);
			break;
		case TPLUS_FILTER_GT:
			if (range->has_low)
				add_day(range->filter, range->low - 2, filtering);
			break;
		case TPLUS_FILTER_LE:
			if (range->has_high)
				add_day(range->filter, range->high + 1, filtering);
			break;
		default:
			break;
	}
	return NULL;
}

static void
apply_ranges(List *ranges, const TplusTableOptions *table,
			 const char *timezone, TplusFiltering *filtering)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, ranges)
	{
		DayRange   *range = lfirst(lc);
		const char *local = apply_range(range, table, timezone, filtering);

		foreach(lc2, range->conditions)
			((TplusCondition *) lfirst(lc2))->local = local;
	}
}

/* A lower bound of the row version: 16 lower-case hex digits, or nothing. */
static void
apply_version(TplusCondition *cond, TplusFiltering *filtering)
{
	char	   *string = TextDatumGetCString(cond->value);
	uint64		version;
	uint64		known;

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

static void
pin(const TplusCondition *cond, const char *value, TplusFiltering *filtering)
{
	if (cond->filter.unique && filtering->unique_field == NULL)
	{
		filtering->unique_field = cond->filter.field;
		filtering->unique_value = value;
	}
}

/* One condition that is no date's. */
static void
apply_condition(TplusCondition *cond, TplusFiltering *filtering)
{
	List	  **base = (List **) &linitial(filtering->sets);
	const TplusFilter *filter = &cond->filter;
	char	   *string;

	switch (filter->kind)
	{
		case TPLUS_FILTER_KIND_TEXT:
		case TPLUS_FILTER_KIND_REFERENCE:
			string = TextDatumGetCString(cond->value);
			pin(cond, string, filtering);
			if (is_plain_text(string))
				*base = lappend(*base, tplus_encode_text(filter->param, string));
			else
				cond->local = "T+ would not take the value literally";
			break;
		case TPLUS_FILTER_KIND_ID:
			{
				Oid			output;
				bool		varlena;

				getTypeOutputInfo(cond->value_type, &output, &varlena);
				string = OidOutputFunctionCall(output, cond->value);
				pin(cond, string, filtering);
				*base = lappend(*base,
								filter->encoding == TPLUS_ENCODING_JSON ?
								tplus_encode_param(filter->param, string) :
								tplus_encode_text(filter->param, string));
			}
			break;
		case TPLUS_FILTER_KIND_BOOL:
			if (!filter->is_flag)
				*base = lappend(*base,
								tplus_encode_bool(filter->param,
												  DatumGetBool(cond->value),
												  filter->encoding));
			else if (filtering->has_flag &&
					 filtering->flag != DatumGetBool(cond->value))
				filtering->impossible = true;
			else
			{
				filtering->has_flag = true;
				filtering->flag = DatumGetBool(cond->value);
			}
			break;
		case TPLUS_FILTER_KIND_VERSION:
			apply_version(cond, filtering);
			break;
		default:
			break;
	}
}

void
tplus_filter_apply(List *conditions, const TplusTableOptions *table,
				   const char *timezone, TplusFiltering *filtering)
{
	List	   *ranges = NIL;
	ListCell   *lc;

	memset(filtering, 0, sizeof(*filtering));
	filtering->sets = list_make1(NIL);
	foreach(lc, conditions)
	{
		TplusCondition *cond = lfirst(lc);

		if (cond->isnull)
		{
			filtering->impossible = true;
			return;
		}
		if (cond->filter.kind == TPLUS_FILTER_KIND_DATE)
			narrow_range(&ranges, cond, timezone);
		else
			apply_condition(cond, filtering);
	}
	apply_ranges(ranges, table, timezone, filtering);
}
