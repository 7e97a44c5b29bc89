/*-------------------------------------------------------------------------
 *
 * option_number.h
 *		Options that are numbers, and their limits.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/option_number.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_OPTION_NUMBER_H
#define TPLUS_OPTION_NUMBER_H

#include "postgres.h"

#include "base/compat.h"
#include "base/option_table.h"

/*
 * The number that a value of the option stands for.  One beyond the limits of
 * this version, but not of an earlier one, is the limit.  Throws 22023 if it
 * is none.
 */
extern double tplus_option_number(const TplusOption *opt, const char *value);

/*
 * Throws 22023 where a value is beyond the limits of this version, and warns
 * where it stands already or a dump is restored.  For the validator, of a
 * value that is a number.
 */
extern void tplus_option_check_number(const TplusOption *opt,
									  const char *value);

/* Throws 22023; expected is a sentence. */
extern void pg_attribute_noreturn() tplus_option_reject(const TplusOption *opt,
														const char *value,
														const char *expected);

#endif							/* TPLUS_OPTION_NUMBER_H */
