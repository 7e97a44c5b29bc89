/*-------------------------------------------------------------------------
 *
 * convert.c
 *		One JSON value to one Datum, as the column's type reads it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/convert.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "tplus/convert.h"

/* More digits than any integer type holds, and short enough to repeat. */
#define MAX_INTEGER_DIGITS	40

struct TplusConvertKind
{
	Oid			type;

	/* Does the input function read DateStyle, IntervalStyle or TimeZone? */
	bool		reads_session;

	/* The text for the input function; NULL means null. */
	bool		(*spell) (const TplusConverter *converter,
						  const TplusJson *node, const char **text,
						  TplusProblem *problem);

	/* Past the input function.  May be NULL; not used for domains. */
	bool		(*shortcut) (const TplusConverter *converter,
							 const char *text, Datum *value);

	/*
	 * Past the spelling too, for a scalar that is plain: false if it needs
	 * that.  NULL: the shortcut is good for it.
	 */
	bool		(*direct) (const TplusConverter *converter,
						   const TplusJson *node, uint32 len, Datum *value);
};

bool
tplus_convert_fail(TplusProblem *problem, int sqlstate,
				   const char *format,...)
{
	StringInfoData message;

	initStringInfo(&message);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&message, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&message, needed);
	}
	if (problem == NULL)
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg_internal("%s", message.data)));
	problem->sqlstate = sqlstate;
	problem->message = message.data;
	return false;
}

bool
tplus_convert_bool(const TplusJson *node, bool *value)
{
	static const struct
	{
		const char *text;
		bool		value;
	}			spellings[] = {
		{"true", true}, {"false", false},
		{"1", true}, {"0", false},
		{"是", true}, {"否", false},
	};
	TplusJsonKind kind = tplus_json_kind(node);
	const char *text;

	if (kind == TPLUS_JSON_BOOL)
	{
		*value = tplus_json_is_true(node);
		return true;
	}
	if (kind != TPLUS_JSON_NUMBER && kind != TPLUS_JSON_STRING)
		return false;
	text = tplus_json_text(node);
	for (size_t i = 0; i < lengthof(spellings); i++)
	{
		if (pg_strcasecmp(text, spellings[i].text) == 0)
		{
			*value = spellings[i].value;
			return true;
		}
	}
	return false;
}

static bool
spell_boolean(const TplusConverter *converter, const TplusJson *node,
			  const char **text, TplusProblem *problem)
{
	bool		value;

	if (!tplus_convert_bool(node, &value))
		return tplus_convert_spell_text(converter, node, text, problem);
	*text = value ? "true" : "false";
	return true;
}

static bool
shortcut_boolean(const TplusConverter *converter, const char *text,
				 Datum *value)
{
	bool		is_true = strcmp(text, "true") == 0;

	*value = BoolGetDatum(is_true);
	return is_true || strcmp(text, "false") == 0;
}

/* The spellings that come by the thousand. */
static bool
direct_boolean(const TplusConverter *converter, const TplusJson *node,
			   uint32 len, Datum *value)
{
	const char *text = tplus_json_text(node);
	bool		is_true = *text == 't' || *text == 'T';

	if (is_true ? len != 4 || memcmp(text + 1, "rue", 3) != 0 :
		(*text != 'f' && *text != 'F') || len != 5 ||
		memcmp(text + 1, "alse", 4) != 0)
		return false;
	*value = BoolGetDatum(is_true);
	return true;
}

/*
 * Integers come as "15.000000" and may come as 1.5E+1.  If the text is a
 * number with a point or an exponent whose value is integral, returns its
 * digits; otherwise returns the text, and the input function judges it.
 */
static const char *
integral_digits(const char *text)
{
	const char *p = text;
	StringInfoData digits;
	int			point;
	bool		negative;

	while (*p == ' ')
		p++;
	negative = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	point = strspn(p, "0123456789");
	if ((p[point] != '.' && p[point] != 'e' && p[point] != 'E') ||
		point > MAX_INTEGER_DIGITS)
		return text;

	initStringInfo(&digits);
	appendBinaryStringInfo(&digits, p, point);
	p += point;
	if (*p == '.')
	{
		int			n = strspn(++p, "0123456789");

		appendBinaryStringInfo(&digits, p, n);
		p += n;
	}
	if (digits.len > 0 && (*p == 'e' || *p == 'E'))
	{
		char	   *end;
		long		exponent = strtol(p + 1, &end, 10);
		long		limit = digits.len + MAX_INTEGER_DIGITS;

		if (end == p + 1 || isspace((unsigned char) p[1]) ||
			exponent > limit || exponent < -limit)
			return text;
		point += (int) exponent;
		p = end;
	}
	if (digits.len == 0 || p[strspn(p, " ")] != '\0' ||
		point > MAX_INTEGER_DIGITS)
		return text;

	/* What stands behind the point must be zeros. */
	point = Max(point, 0);
	for (int i = point; i < digits.len; i++)
	{
		if (digits.data[i] != '0')
			return text;
	}
	while (digits.len < point)
		appendStringInfoChar(&digits, '0');
	return psprintf("%s%.*s", negative ? "-" : "", Max(point, 1),
					point > 0 ? digits.data : "0");
}

/*
 * Releases of PostgreSQL differ in whether 0x1F, 0o17, 0b1, 1_000 and 0x1p3
 * are numbers.  In T+ they are none.
 */
static bool
spell_number(const TplusConverter *converter, const TplusJson *node,
			 const char **text, TplusProblem *problem)
{
	return tplus_convert_spell_text(converter, node, text, problem) &&
		(strpbrk(*text, "_xXoObB") == NULL ||
		 tplus_convert_fail(problem, ERRCODE_INVALID_TEXT_REPRESENTATION,
							"invalid input syntax for type %s: \"%s\"",
							format_type_be(converter->basetype), *text));
}

static bool
spell_integer(const TplusConverter *converter, const TplusJson *node,
			  const char **text, TplusProblem *problem)
{
	if (!spell_number(converter, node, text, problem))
		return false;
	*text = integral_digits(*text);
	return true;
}

/*
 * What .NET writes for a day and two hours, 1.02:00:00, PostgreSQL takes for
 * 1.02 days and two minutes.
 */
static bool
spell_interval(const TplusConverter *converter, const TplusJson *node,
			   const char **text, TplusProblem *problem)
{
	const char *p;

	if (!tplus_convert_spell_text(converter, node, text, problem))
		return false;
	p = *text + strspn(*text, " +-");
	p += strspn(p, "0123456789");
	if (*p != '.' || p[1 + strspn(p + 1, "0123456789")] != ':')
		return true;
	return tplus_convert_fail(problem, ERRCODE_INVALID_DATETIME_FORMAT,
							  "invalid input syntax for type %s: \"%s\"",
							  format_type_be(converter->basetype), *text);
}

static bool
shortcut_integer(const TplusConverter *converter, const char *text,
				 Datum *value)
{
	const char *digits = text + (*text == '-');
	int64		result = 0;
	int			n = 0;

	for (; digits[n] >= '0' && digits[n] <= '9'; n++)
	{
		if (n == 18)
			return false;		/* may not fit into 64 bits */
		result = result * 10 + (digits[n] - '0');
	}
	if (n == 0 || digits[n] != '\0')
		return false;
	if (*text == '-')
		result = -result;

	switch (converter->type)
	{
		case INT8OID:
			*value = Int64GetDatum(result);
			return true;
		case INT4OID:
			*value = Int32GetDatum((int32) result);
			return result >= PG_INT32_MIN && result <= PG_INT32_MAX;
		case INT2OID:
			*value = Int16GetDatum((int16) result);
			return result >= PG_INT16_MIN && result <= PG_INT16_MAX;
		default:
			return false;
	}
}

static bool
shortcut_text(const TplusConverter *converter, const char *text, Datum *value)
{
	if (converter->typmod >= 0)
		return false;
	*value = PointerGetDatum(cstring_to_text(text));
	return true;
}

/* The text is used where it stands if it can be. */
static bool
direct_text(const TplusConverter *converter, const TplusJson *node,
			uint32 len, Datum *value)
{
	struct varlena *packed = NULL;

	if (OidIsValid(converter->recode) ||
		(converter->typmod >= 0 &&
		 len > (uint32) (converter->typmod - VARHDRSZ)))
		return false;
	if (tplus_json_kind(node) == TPLUS_JSON_STRING)
		packed = tplus_json_packed(node);
	if (packed == NULL)
		packed = cstring_to_text_with_len(tplus_json_text(node), len);
	*value = PointerGetDatum(packed);
	return true;
}

/* The last entry is for all other types. */
static const TplusConvertKind kinds[] = {
	{BOOLOID, false, spell_boolean, shortcut_boolean, direct_boolean},
	{INT2OID, false, spell_integer, shortcut_integer},
	{INT4OID, false, spell_integer, shortcut_integer},
	{INT8OID, false, spell_integer, shortcut_integer},
	{FLOAT4OID, false, spell_number, NULL},
	{FLOAT8OID, false, spell_number, NULL},
	{NUMERICOID, false, spell_number, NULL},
	{TEXTOID, false, tplus_convert_spell_text, shortcut_text, direct_text},
	{VARCHAROID, false, tplus_convert_spell_text, shortcut_text, direct_text},
	{BPCHAROID, false, tplus_convert_spell_text, NULL},
	{NAMEOID, false, tplus_convert_spell_text, NULL},
	{JSONOID, false, tplus_convert_spell_json, NULL},
	{JSONBOID, false, tplus_convert_spell_json, NULL},
	{UUIDOID, false, tplus_convert_spell_text, NULL},
	{DATEOID, true, tplus_convert_spell_time, tplus_convert_time},
	{TIMEOID, true, tplus_convert_spell_time, NULL},
	{TIMETZOID, true, tplus_convert_spell_time, NULL},
	{TIMESTAMPOID, true, tplus_convert_spell_time, tplus_convert_time},
	{TIMESTAMPTZOID, true, tplus_convert_spell_time, tplus_convert_time},
	{INTERVALOID, true, spell_interval, NULL},
	{InvalidOid, true, tplus_convert_spell_text, NULL},
};

/* Arrays, ranges and rows of dates and times. */
static const TplusConvertKind nest_of_times = {
	InvalidOid, true, tplus_convert_spell_nest, NULL
};

pg_tz *
tplus_convert_zone(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name)));
	return zone;
}

/*
 * The conversion from UTF-8 to the database encoding; InvalidOid if the
 * encoding takes UTF-8 as it is.
 */
static Oid
find_recode(void)
{
	int			encoding = GetDatabaseEncoding();
	Oid			recode;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return InvalidOid;
	recode = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(recode))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("default conversion function for encoding \"%s\" to \"%s\" does not exist",
						pg_encoding_to_char(PG_UTF8),
						pg_encoding_to_char(encoding))));
	return recode;
}

static const TplusConvertKind *
find_kind(Oid type)
{
	const TplusConvertKind *kind = kinds;

	while (OidIsValid(kind->type) && kind->type != type)
		kind++;
	return kind;
}

void
tplus_convert_init(TplusConverter *converter, const char *column, Oid type,
				   int32 typmod, pg_tz *zone)
{
	Oid			function;
	char		category;
	bool		preferred;

	converter->column = column;
	converter->type = type;
	converter->typmod = typmod;
	converter->basetype = getBaseType(type);
	converter->zone = zone;
	converter->recode = find_recode();

	getTypeInputInfo(type, &function, &converter->ioparam);
	fmgr_info(function, &converter->input);
	get_type_category_preferred(type, &category, &preferred);
	converter->is_string = category == TYPCATEGORY_STRING;

	converter->kind = find_kind(converter->basetype);
	if (!tplus_convert_is_time(converter->basetype) &&
		tplus_convert_holds_time(type))
		converter->kind = &nest_of_times;
	converter->is_direct = type == converter->basetype &&
		(converter->kind->direct != NULL || converter->kind->shortcut != NULL);
}

static bool
call_input(TplusConverter *converter, char *text, TplusProblem *problem,
		   Datum *value)
{
	if (problem != NULL)
		return tplus_convert_soft_input(converter, text, problem, value);
	*value = InputFunctionCall(&converter->input, text, converter->ioparam,
							   converter->typmod);
	return true;
}

/*
 * Calls the input function as if in a session with DateStyle YMD, the plain
 * IntervalStyle and the server's time zone: what T+ means by a text does not
 * depend on who reads it.
 */
static bool
call_input_at_server(TplusConverter *converter, char *text,
					 TplusProblem *problem, Datum *value)
{
	pg_tz	   *saved_zone = session_timezone;
	int			saved_order = DateOrder;
	int			saved_style = IntervalStyle;
	volatile bool done = false;

	PG_TRY();
	{
		session_timezone = converter->zone;
		DateOrder = DATEORDER_YMD;
		IntervalStyle = INTSTYLE_POSTGRES;
		done = call_input(converter, text, problem, value);
	}
	PG_FINALLY();
	{
		session_timezone = saved_zone;
		DateOrder = saved_order;
		IntervalStyle = saved_style;
	}
	PG_END_TRY();
	return done;
}

/*
 * T+ sends null, "" and nothing at all without distinction.
 */
static inline bool
is_null(const TplusConverter *converter, const TplusJson *node)
{
	switch (tplus_json_kind(node))
	{
		case TPLUS_JSON_MISSING:
		case TPLUS_JSON_NULL:
			return true;
		case TPLUS_JSON_STRING:
			return !converter->is_string && *tplus_json_text(node) == '\0';
		default:
			return false;
	}
}

/*
 * A domain may refuse null, and there is nothing to put instead.
 */
static bool
accept_null(TplusConverter *converter)
{
	if (!converter->input.fn_strict)
		InputFunctionCall(&converter->input, NULL, converter->ioparam,
						  converter->typmod);
	return true;
}

/* The ways past the spelling: false if the value needs that. */
static inline bool
convert_directly(const TplusConverter *converter, const TplusJson *node,
				 Datum *value)
{
	const TplusConvertKind *kind = converter->kind;
	uint32		len;

	if (!converter->is_direct || !tplus_json_plain(node, &len))
		return false;
	return kind->direct != NULL ?
		kind->direct(converter, node, len, value) :
		kind->shortcut(converter, tplus_json_text(node), value);
}

bool
tplus_convert_node(TplusConverter *converter, const TplusJson *node,
				   TplusProblem *problem, Datum *value, bool *isnull)
{
	const TplusConvertKind *kind = converter->kind;
	const char *text;

	*value = (Datum) 0;
	*isnull = is_null(converter, node);
	if (*isnull)
		return accept_null(converter);

	if (convert_directly(converter, node, value))
		return true;
	if (!kind->spell(converter, node, &text, problem))
		return false;
	*isnull = text == NULL;
	if (*isnull)
		return accept_null(converter);
	if (kind->shortcut != NULL && converter->type == converter->basetype &&
		kind->shortcut(converter, text, value))
		return true;
	if (kind->reads_session)
		return call_input_at_server(converter, unconstify(char *, text),
									problem, value);
	return call_input(converter, unconstify(char *, text), problem, value);
}
