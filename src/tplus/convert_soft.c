/*-------------------------------------------------------------------------
 *
 * convert_soft.c
 *		Calling an input function such that a refused value is no error.
 *
 * PostgreSQL 16 and later can do that for all built-in types and for domains;
 * what an extension's input function throws nevertheless stays an error.
 *
 * Before, an error can only be caught in a subtransaction, and those cannot
 * start while the plan runs parallel workers.  So the types of the catalog
 * are checked first, and then their input functions have nothing to refuse.
 * Other types get the subtransaction; in a plan with parallel workers, what
 * they refuse stays an error.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/convert_soft.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "tplus/convert.h"

#ifdef TPLUS_HAVE_SOFT_INPUT

#include "nodes/miscnodes.h"

bool
tplus_convert_soft_input(TplusConverter *converter, char *text,
						 TplusProblem *problem, Datum *value)
{
	ErrorSaveContext escontext = {T_ErrorSaveContext};

	escontext.details_wanted = true;
	if (InputFunctionCallSafe(&converter->input, text, converter->ioparam,
							  converter->typmod, (Node *) &escontext, value))
		return true;
	problem->sqlstate = escontext.error_data->sqlerrcode;
	problem->message = pstrdup(escontext.error_data->message);
	FreeErrorData(escontext.error_data);
	return false;
}

#else

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/resowner.h"

/* No numeric has more digits on either side of its point. */
#define MAX_DIGITS_BEFORE_POINT	131072
#define MAX_DIGITS_BEHIND_POINT	16383

static bool
fail_syntax(const TplusConverter *converter, const char *text,
			TplusProblem *problem)
{
	return tplus_convert_fail(problem, ERRCODE_INVALID_TEXT_REPRESENTATION,
							  "invalid input syntax for type %s: \"%s\"",
							  format_type_be(converter->type),
							  text);
}

static const char *
skip_space(const char *p)
{
	while (isspace((unsigned char) *p))
		p++;
	return p;
}

static bool
check_boolean(const TplusConverter *converter, const char *text,
			  TplusProblem *problem)
{
	const char *start = skip_space(text);
	size_t		length = strlen(start);
	bool		value;

	while (length > 0 && isspace((unsigned char) start[length - 1]))
		length--;
	return parse_bool_with_len(start, length, &value) ||
		fail_syntax(converter, text, problem);
}

static bool
check_integer(const TplusConverter *converter, const char *text,
			  TplusProblem *problem)
{
	uint64		limit = PG_INT64_MAX;
	const char *start = skip_space(text);
	const char *digits = start + (*start == '-' || *start == '+');
	bool		is_out;
	char	   *end;
	uint64		value;

	if (!isdigit((unsigned char) *digits))
		return fail_syntax(converter, text, problem);
	if (converter->type == INT4OID)
		limit = PG_INT32_MAX;
	if (converter->type == INT2OID)
		limit = PG_INT16_MAX;
	errno = 0;
	value = strtou64(digits, &end, 10);

	/* Too many digits are noticed before what follows them. */
	is_out = errno == ERANGE || value > limit + 1;
	if (!is_out && *skip_space(end) != '\0')
		return fail_syntax(converter, text, problem);
	if (is_out || (value > limit && *start != '-'))
		return tplus_convert_fail(problem,
								  ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
								  "value \"%s\" is out of range for type %s",
								  text,
								  format_type_be(converter->type));
	return true;
}

static bool
fail_overflow(TplusProblem *problem)
{
	return tplus_convert_fail(problem, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
							  "value overflows numeric format");
}

/* How many zeros stand in front of the first other digit. */
static long
leading_zeros(const char *digits)
{
	long		n = strspn(digits, "0");

	return digits[n] == '.' ? n + (long) strspn(digits + n + 1, "0") : n;
}

/*
 * Is this a number, and not too large for any numeric?  *too_fine tells that
 * it has more digits behind its point than a numeric can hold: that is wrong
 * unless the column rounds them away.
 */
static bool
check_numeric_format(const TplusConverter *converter, const char *text,
					 bool *too_fine, TplusProblem *problem)
{
	const char *p = skip_space(text);
	const char *start;
	long		before;
	long		behind = 0;
	long		exponent = 0;
	bool		is_zero;
	char	   *end;

	*too_fine = false;
	if (pg_strncasecmp(p, "NaN", 3) == 0 && *skip_space(p + 3) == '\0')
		return true;
	p += *p == '-' || *p == '+';
	if (pg_strncasecmp(p, "inf", 3) == 0)
	{
		p += pg_strncasecmp(p, "infinity", 8) == 0 ? 8 : 3;
		return *skip_space(p) == '\0' ||
			fail_syntax(converter, text, problem);
	}

	start = p;
	before = strspn(p, "0123456789");
	p += before;
	if (*p == '.')
	{
		behind = strspn(++p, "0123456789");
		p += behind;
	}
	if (before + behind == 0)
		return fail_syntax(converter, text, problem);
	is_zero = start + strspn(start, "0.") >= p;
	before -= leading_zeros(start);
	if (*p == 'e' || *p == 'E')
	{
		p++;
		exponent = strtol(p, &end, 10);
		if (end == p)
			return fail_syntax(converter, text, problem);
		p = end;
	}
	if (*skip_space(p) != '\0')
		return fail_syntax(converter, text, problem);
	*too_fine = exponent < behind - MAX_DIGITS_BEHIND_POINT;
	return exponent <= (is_zero ? INT_MAX / 2 - 1 :
						MAX_DIGITS_BEFORE_POINT - before) ||
		fail_overflow(problem);
}

/*
 * The same, and does it fit into the column's precision and scale?
 */
static bool
check_numeric(const TplusConverter *converter, const char *text,
			  TplusProblem *problem)
{
	int			precision;
	int			scale;
	bool		too_fine;
	Datum		number;
	Datum		limit;

	if (!check_numeric_format(converter, text, &too_fine, problem))
		return false;
	if (converter->typmod < (int32) VARHDRSZ)
		return !too_fine || fail_overflow(problem);

	/* The input function rounds before it looks; it has the last word. */
	if (too_fine)
		return true;

	/* As make_numeric_typmod packs them; the scale has a sign. */
	precision = ((converter->typmod - VARHDRSZ) >> 16) & 0xffff;
	scale = (((converter->typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	number = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
								 ObjectIdGetDatum(InvalidOid),
								 Int32GetDatum(-1));
	if (numeric_is_nan(DatumGetNumeric(number)))
		return true;
	number = DirectFunctionCall1(numeric_abs, number);
	if (!numeric_is_inf(DatumGetNumeric(number)))
		number = DirectFunctionCall2(numeric_round, number,
									 Int32GetDatum(scale));
	limit = DirectFunctionCall3(numeric_in,
								CStringGetDatum(psprintf("1e%d", precision - scale)),
								ObjectIdGetDatum(InvalidOid),
								Int32GetDatum(-1));
	return DatumGetBool(DirectFunctionCall2(numeric_lt, number, limit)) ||
		tplus_convert_fail(problem, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
						   "numeric field overflow");
}

/*
 * varchar and bpchar of limited length: what is too much must be blanks.
 */
static bool
check_length(const TplusConverter *converter, const char *text,
			 TplusProblem *problem)
{
	int			limit = converter->typmod - (int32) VARHDRSZ;
	int			length = strlen(text);
	int			fits;

	if (limit < 0)
		return true;
	fits = pg_mbcharcliplen(text, length, limit);
	if (text[fits + strspn(text + fits, " ")] == '\0')
		return true;
	return tplus_convert_fail(problem, ERRCODE_STRING_DATA_RIGHT_TRUNCATION,
							  "value too long for type %s(%d)",
							  format_type_be(converter->type), limit);
}

/*
 * We have printed this JSON text; only a number in it may be more than
 * a numeric can hold.
 */
static bool
check_jsonb(const TplusConverter *converter, const char *text,
			TplusProblem *problem)
{
	bool		in_string = false;

	for (const char *p = text; *p; p++)
	{
		if (*p == '"')
			in_string = !in_string;
		else if (in_string && *p == '\\')
			p++;
		else if (!in_string && (*p == '-' || isdigit((unsigned char) *p)))
		{
			int			length = strspn(p, "+-.0123456789eE");
			bool		too_fine;

			if (!check_numeric_format(converter, pnstrdup(p, length),
									  &too_fine, problem))
				return false;
			if (too_fine)
				return fail_overflow(problem);
			p += length - 1;
		}
	}
	return true;
}

static bool
check_nothing(const TplusConverter *converter, const char *text,
			  TplusProblem *problem)
{
	return true;
}

static const struct
{
	Oid			type;
	bool		(*check) (const TplusConverter *converter, const char *text,
						  TplusProblem *problem);
}			checks[] = {
	{BOOLOID, check_boolean},
	{INT2OID, check_integer},
	{INT4OID, check_integer},
	{INT8OID, check_integer},
	{NUMERICOID, check_numeric},
	{TEXTOID, check_nothing},
	{NAMEOID, check_nothing},
	{VARCHAROID, check_length},
	{BPCHAROID, check_length},
	{JSONOID, check_nothing},
	{JSONBOID, check_jsonb},
	{DATEOID, check_nothing},
	{TIMEOID, check_nothing},
	{TIMETZOID, check_nothing},
	{TIMESTAMPOID, check_nothing},
	{TIMESTAMPTZOID, check_nothing},
};

static Datum
call_input(TplusConverter *converter, char *text)
{
	return InputFunctionCall(&converter->input, text, converter->ioparam,
							 converter->typmod);
}

/*
 * Calls the input function in a subtransaction.  A problem is what says that
 * the value does not fit: a data exception, or a violated domain constraint.
 */
static bool
call_in_subtransaction(TplusConverter *converter, char *text,
					   TplusProblem *problem, Datum *value)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		*value = call_input(converter, text);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;
		int			category;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;

		category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
		if (category != ERRCODE_DATA_EXCEPTION &&
			category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
			ReThrowError(error);
		problem->sqlstate = error->sqlerrcode;
		problem->message = error->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

bool
tplus_convert_soft_input(TplusConverter *converter, char *text,
						 TplusProblem *problem, Datum *value)
{
	for (size_t i = 0; i < lengthof(checks); i++)
	{
		if (checks[i].type != converter->type)
			continue;
		if (!checks[i].check(converter, text, problem))
			return false;
		*value = call_input(converter, text);
		return true;
	}

	if (!IsInParallelMode())
		return call_in_subtransaction(converter, text, problem, value);
	*value = call_input(converter, text);
	return true;
}

#endif							/* TPLUS_HAVE_SOFT_INPUT */
