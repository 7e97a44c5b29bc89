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
 * May the text be sent for equality?  T+ takes some characters as wildcards
 * and does not tell trailing blanks; an empty text means no filter.
 */
static bool
is_plain_text(const char *text)
{
	size_t		len = strlen(text);

	if (len == 0 || text[0] == ' ' || text[len - 1] == ' ')
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

/* Where the conditions on dates stand, as a range of days. */
typedef struct DayRange
{
	const TplusFilter *filter;
	bool		has_low;
	bool		has_high;
	int32		low;			/* first day that can match */
	int32		high;			/* last day that can match */
} DayRange;

static void
narrow_range(DayRange *range, const TplusCondition *cond,
			 const char *timezone)
{
	int32		day;

	if (!tplus_day_of(cond->value, cond->value_type, cond->column_type,
					  timezone, &day))
		return;
	range->filter = &cond->filter;
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

static TplusParam *
day_param(const TplusFilter *filter, int32 day)
{
	return tplus_encode_text(filter->param, tplus_day_text(day));
}

/*
 * The parameter sets for a server that compares by equality: one per day.
 */
static void
expand_days(const DayRange *range, const TplusTableOptions *table,
			const char *timezone, TplusFiltering *filtering)
{
	int32		low = range->low;
	int32		high = range->high;
	List	   *base = linitial(filtering->sets);
	int32		day;

	if (!range->has_low)
		return;
	if (!range->has_high)
	{
		if (table->date_horizon_days < 0)
			return;
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
		return;
	}
	if (high - low + 1 > table->max_filter_requests)
		return;

	filtering->sets = NIL;
	for (day = low; day <= high; day++)
		filtering->sets = lappend(filtering->sets,
								  lappend(list_copy(base),
										  day_param(range->filter, day)));
}

static void
apply_range(const DayRange *range, const TplusTableOptions *table,
			const char *timezone, TplusFiltering *filtering)
{
	List	  **base = (List **) &linitial(filtering->sets);
	bool		one_day = range->has_low && range->has_high &&
	range->low == range->high;

	if (range->has_low && range->has_high && range->low > range->high)
	{
		filtering->impossible = true;
		return;
	}
	switch (range->filter->op)
	{
		case TPLUS_FILTER_EQ:
			expand_days(range, table, timezone, filtering);
			break;
		case TPLUS_FILTER_GE:
			if (range->has_low)
				*base = lappend(*base, day_param(range->filter,
												 range->low - (one_day ? 0 : 1)));
			break;
		case TPLUS_FILTER_GT:
			if (range->has_low)
				*base = lappend(*base, day_param(range->filter,
												 range->low - 2));
			break;
		case TPLUS_FILTER_LE:
			if (range->has_high)
				*base = lappend(*base, day_param(range->filter,
												 range->high + (one_day ? 0 : 1)));
			break;
		default:
			break;
	}
}

/* A lower bound of the row version: 16 lower-case hex digits, or nothing. */
static void
apply_version(const TplusCondition *cond, TplusFiltering *filtering)
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
		return;
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
apply_condition(const TplusCondition *cond, TplusFiltering *filtering)
{
	List	  **base = (List **) &linitial(filtering->sets);
	const TplusFilter *filter = &cond->filter;
	char	   *string;

	switch (filter->kind)
	{
		case TPLUS_FILTER_KIND_TEXT:
			string = TextDatumGetCString(cond->value);
			pin(cond, string, filtering);
			if (is_plain_text(string))
				*base = lappend(*base, tplus_encode_text(filter->param, string));
			break;
		case TPLUS_FILTER_KIND_REFERENCE:
			string = TextDatumGetCString(cond->value);
			if (is_plain_text(string))
				*base = lappend(*base, tplus_encode_text(filter->param, string));
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
	DayRange	range = {0};
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
			narrow_range(&range, cond, timezone);
		else
			apply_condition(cond, filtering);
	}
	if (range.filter)
		apply_range(&range, table, timezone, filtering);
}
