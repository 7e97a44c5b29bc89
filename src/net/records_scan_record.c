/*-------------------------------------------------------------------------
 *
 * records_scan_record.c
 *		The scan of one record: where it ends.
 *
 * Within a record only strings and brackets matter.  Where the machine can
 * compare many bytes together, whole blocks are passed over in which no bracket
 * stands outside a string; most records are a few such blocks.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/records_scan_record.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/records_scan.h"

/* So far from one that no block serves, look for the next that does. */
#define NEXT_BLOCK	64

static const char record_too_large[] = "record larger than the limit";

/* Ends the record before pos. */
static TplusScanStep
yield_record(TplusScan *scan)
{
	scan->text = scan->input.data + scan->start;
	scan->len = scan->pos - scan->start;
	scan->state = TPLUS_SCAN_AFTER_VALUE;
	scan->count++;
	return TPLUS_STEP_RECORD;
}

/* Opens or closes a bracket of a record. */
static const char *
record_bracket(TplusScan *scan, char c)
{
	uint64_t	bit;

	if (c == '{' || c == '[')
	{
		if (scan->record_depth == TPLUS_JSON_MAX_DEPTH)
			return TPLUS_JSON_TOO_DEEP;
		bit = (uint64_t) 1 << scan->record_depth++;
		if (c == '[')
			scan->record_arrays |= bit;
		else
			scan->record_arrays &= ~bit;
		return NULL;
	}
	bit = (uint64_t) 1 << --scan->record_depth;
	return ((scan->record_arrays & bit) != 0) == (c == ']') ? NULL :
		TPLUS_SCAN_MISMATCHED;
}

/*
 * Goes on in a record as far as whole blocks of bytes without a backslash
 * reach.  Returns where it ended: behind the record if its depth is 0.
 */
static const char *
skip_blocks(TplusScan *scan, const char *p, const char *end,
			const char **problem)
{
#ifdef TPLUS_JSON_BLOCK
	uint64_t	brackets;

	while (end - p >= TPLUS_JSON_BLOCK &&
		   tplus_json_block_brackets(p, &scan->in_string, &brackets))
	{
		for (; brackets != 0; brackets &= brackets - 1)
		{
			const char *bracket = p + __builtin_ctzll(brackets);

			*problem = record_bracket(scan, *bracket);
			if (*problem != NULL)
				return bracket;
			if (scan->record_depth == 0)
			{
				scan->in_string = false;
				return bracket + 1;
			}
		}
		p += TPLUS_JSON_BLOCK;
	}
#endif
	return p;
}

/*
 * Within a record that is an object, an array or a string.  Never looks
 * beyond what a record may have, whatever came with this piece of the body.
 */
TplusScanStep
tplus_scan_step_record(TplusScan *scan)
{
	const char *data = scan->input.data;
	const char *p = data + scan->pos;
	const char *end = data + scan->input.len;
	const char *next_block = p;
	const char *problem = NULL;

	if (scan->input.len - scan->start > scan->max_record)
		end = data + scan->start + scan->max_record;
	while (p < end)
	{
		if (p >= next_block && (!scan->in_string || scan->record_depth > 0))
		{
			p = skip_blocks(scan, p, end, &problem);
			if (problem != NULL)
				return tplus_scan_broken(scan, problem, (size_t) (p - data));
			scan->pos = (size_t) (p - data);
			if (scan->record_depth == 0 && scan->pos > scan->start)
				return yield_record(scan);
			next_block = p + NEXT_BLOCK;
		}
		if (scan->in_string)
		{
			if (!tplus_scan_string(p, end, &p))
				break;
			scan->in_string = false;
			scan->pos = (size_t) (p - data);
			if (scan->record_depth == 0)
				return yield_record(scan);
		}
		while (p < end && !TPLUS_JSON_IS(*p, TPLUS_JSON_STOP))
			p++;
		if (p == end)
			break;
		if (*p == '"')
		{
			scan->in_string = true;
			p++;
			continue;
		}
		problem = record_bracket(scan, *p);
		if (problem != NULL)
			return tplus_scan_broken(scan, problem, (size_t) (p - data));
		p++;
		scan->pos = (size_t) (p - data);
		if (scan->record_depth == 0)
			return yield_record(scan);
	}
	scan->pos = (size_t) (p - data);
	if (end < data + scan->input.len)
		return tplus_scan_broken(scan, record_too_large, scan->start);
	return TPLUS_STEP_MORE;
}

/* Within a record that is a number, true, false or null. */
TplusScanStep
tplus_scan_step_word_record(TplusScan *scan)
{
	scan->pos = tplus_scan_skip(scan, scan->pos, TPLUS_JSON_WORD);
	if (scan->pos - scan->start > scan->max_record)
		return tplus_scan_broken(scan, record_too_large, scan->start);
	return scan->pos < scan->input.len ? yield_record(scan) :
		TPLUS_STEP_MORE;
}
