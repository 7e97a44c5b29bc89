/*-------------------------------------------------------------------------
 *
 * option_number.c
 *		Options that are numbers, and their limits.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/option_number.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/guc.h"

#include "base/legacy.h"
#include "base/option_number.h"

void
tplus_option_reject(const TplusOption *opt, const char *value,
					const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 opt->secret ?
			 errmsg("invalid value for option \"%s\"", opt->name) :
			 errmsg("invalid value for option \"%s\": \"%s\"",
					opt->name, value),
			 errhint("%s", expected)));
}

static char *
limits(const TplusOption *opt)
{
	if (opt->kind == TPLUS_KIND_INT)
		return psprintf("The value must be an integer between %.0f and %.0f.",
						opt->min, opt->max);
	if (opt->least > 0)
		return psprintf("The value must be 0, or a number between %g and %g.",
						opt->least, opt->max);
	return psprintf("The value must be a number between %g and %g.",
					opt->min, opt->max);
}

/* The number as it stands. */
static double
parse(const TplusOption *opt, const char *value)
{
	double		number = 0;
	int			integer;
	bool		ok;

	if (opt->kind == TPLUS_KIND_INT)
	{
		ok = parse_int(value, &integer, 0, NULL);
		number = integer;
	}
	else
		ok = parse_real(value, &number, 0, NULL);

	if (!ok || isnan(number) || number < opt->min ||
		number > Max(opt->max, opt->former_max))
		tplus_option_reject(opt, value, limits(opt));
	return number;
}

static double
clamp(const TplusOption *opt, double number)
{
	if (number > 0 && number < opt->least)
		return opt->least;
	return Min(number, opt->max);
}

double
tplus_option_number(const TplusOption *opt, const char *value)
{
	return clamp(opt, parse(opt, value));
}

void
tplus_option_check_number(const TplusOption *opt, const char *value)
{
	double		number = parse(opt, value);
	double		used = clamp(opt, number);
	int			level;

	if (used == number)
		return;
	level = tplus_legacy_level(tplus_legacy_stands(opt->catalog, opt->name,
												   value));
	if (level == ERROR)
		tplus_option_reject(opt, value, limits(opt));
	ereport(level,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("value \"%s\" of option \"%s\" is beyond its limit",
					value, opt->name),
			 errdetail("It counts as %.10g.", used),
			 errhint("%s", limits(opt))));
}
