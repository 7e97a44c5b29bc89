/*-------------------------------------------------------------------------
 *
 * filter_param.c
 *		The value of a condition as a parameter, as each operation takes it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/filter_param.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/filter_param.h"

/* Does an operation take the parameter, with a pattern or without? */
static bool
takes(const TplusFilter *filter, TplusOperation operation, bool is_pattern)
{
	TplusFilterOp op = filter->op[operation];

	return op != TPLUS_FILTER_NONE && (!is_pattern || op != TPLUS_FILTER_EQ);
}

bool
tplus_filter_takes_both(const TplusFilter *filter, bool is_pattern)
{
	return takes(filter, TPLUS_OPERATION_QUERY, is_pattern) &&
		takes(filter, TPLUS_OPERATION_PAGE, is_pattern);
}

/* Leaves the parameter out where the operation does not take it. */
static TplusParam *
fit_operations(const TplusFilter *filter, bool is_pattern, TplusParam *param)
{
	if (!takes(filter, TPLUS_OPERATION_QUERY, is_pattern))
		param->json = NULL;
	if (!takes(filter, TPLUS_OPERATION_PAGE, is_pattern))
		param->page_json = NULL;
	return param;
}

TplusParam *
tplus_filter_value(const TplusFilter *filter, const char *value)
{
	TplusParam *param = tplus_encode_text(filter->param, value);

	if (filter->kind == TPLUS_FILTER_KIND_ID)
	{
		if (filter->encoding[TPLUS_OPERATION_QUERY] == TPLUS_ENCODING_JSON)
			param->json = value;
		if (filter->encoding[TPLUS_OPERATION_PAGE] == TPLUS_ENCODING_JSON)
			param->page_json = value;
	}
	return fit_operations(filter, false, param);
}

TplusParam *
tplus_filter_pattern(const TplusFilter *filter, const char *pattern)
{
	return fit_operations(filter, true,
						  tplus_encode_text(filter->param, pattern));
}

TplusParam *
tplus_filter_bool(const TplusFilter *filter, bool value)
{
	const TplusEncoding *encoding = filter->encoding;
	TplusParam *param = tplus_encode_bool(filter->param, value,
										  encoding[TPLUS_OPERATION_QUERY]);

	param->page_json = tplus_encode_bool(filter->param, value,
										 encoding[TPLUS_OPERATION_PAGE])->json;
	if (encoding[TPLUS_OPERATION_QUERY] == TPLUS_ENCODING_AUTO)
		param->json = NULL;
	if (encoding[TPLUS_OPERATION_PAGE] == TPLUS_ENCODING_AUTO)
		param->page_json = NULL;
	return fit_operations(filter, false, param);
}
