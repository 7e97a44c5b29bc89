/*-------------------------------------------------------------------------
 *
 * filter_param.h
 *		The value of a condition as a parameter, as each operation takes it.
 *
 * Two operations of one resource need not read a parameter alike
 * (docs/protocol.md, section 3.2 no. 6), so each has its own spelling, and is
 * not sent what it is not known to understand: then it answers with more
 * records, which are checked here.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/filter_param.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_FILTER_PARAM_H
#define TPLUS_FILTER_PARAM_H

#include "postgres.h"

#include "tplus/condition.h"

/*
 * Do both operations take the parameter, with a pattern or without?  Where one
 * does not, they count other records.
 */
extern bool tplus_filter_takes_both(const TplusFilter *filter,
									bool is_pattern);

/* A text, or the id; a pattern; a boolean.  Palloc'd. */
extern TplusParam *tplus_filter_value(const TplusFilter *filter,
									  const char *value);
extern TplusParam *tplus_filter_pattern(const TplusFilter *filter,
										const char *pattern);
extern TplusParam *tplus_filter_bool(const TplusFilter *filter, bool value);

#endif							/* TPLUS_FILTER_PARAM_H */
