/*-------------------------------------------------------------------------
 *
 * records_scan.c
 *		The scan of a response: its grammar, its rows, and its envelope.
 *
 * The text around the rows is scanned by JSON's grammar, one token at a step,
 * so that the way of keys to each array is known.  Within a record only
 * strings and brackets matter: they tell where it ends, and whoever parses
 * the record sees the rest.  Between two records the grammar holds again, so
 * that a damaged body cannot lose one unnoticed.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/records_scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/records_scan.h"

#include <stdlib.h>
#include <string.h>

/* No key that we look for comes near this; it bounds what is retained. */
#define MAX_KEY		65536

static const char unexpected_character[] = "unexpected character";

/* Makes room for more bytes; returns false when out of memory. */
static bool
buffer_reserve(TplusScanBuffer *buffer, size_t more)
{
	size_t		size = buffer->size > 0 ? buffer->size : 1024;
	char	   *data;

	if (more <= buffer->size - buffer->len)
		return true;
	if (more > SIZE_MAX / 4 || buffer->len > SIZE_MAX / 4)
		return false;
	while (size - buffer->len < more)
		size *= 2;
	data = realloc(buffer->data, size);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->size = size;
	return true;
}

TplusScanStep
tplus_scan_fail(TplusScan *scan, const char *problem, size_t offset)
{
	scan->state = TPLUS_SCAN_BROKEN;
	scan->problem = problem;
	scan->problem_offset = offset;
	return TPLUS_STEP_BROKEN;
}

TplusScanStep
tplus_scan_no_memory(TplusScan *scan)
{
	scan->out_of_memory = true;
	return tplus_scan_fail(scan, "out of memory", scan->base + scan->pos);
}

void
tplus_scan_append(TplusScan *scan, const char *bytes, size_t len,
				  size_t offset)
{
	TplusScanBuffer *envelope = &scan->envelope;
	size_t		room = scan->max_envelope - envelope->len;

	if (len > room)
	{
		if (!scan->overflow)
			scan->overflow_offset = offset + room;
		scan->overflow = true;
		len = room;
	}
	if (len == 0)
		return;
	if (!buffer_reserve(envelope, len))
	{
		tplus_scan_no_memory(scan);
		return;
	}
	memcpy(envelope->data + envelope->len, bytes, len);
	envelope->len += len;
}

/*
 * An envelope that does not fit matters only beside rows: a document without
 * rows is kept for the sake of its first bytes.
 */
void
tplus_scan_keep(TplusScan *scan)
{
	if (scan->in_rows || scan->state == TPLUS_SCAN_BROKEN)
		return;
	if (!scan->muted && scan->pos > scan->kept)
		tplus_scan_append(scan, scan->input.data + scan->kept,
						  scan->pos - scan->kept, scan->base + scan->kept);
	scan->kept = scan->pos;
	if (scan->overflow && scan->found && scan->state != TPLUS_SCAN_BROKEN)
		tplus_scan_fail(scan, "text around the rows larger than the limit",
						scan->overflow_offset);
}

TplusScanStep
tplus_scan_broken(TplusScan *scan, const char *problem, size_t pos)
{
	tplus_scan_keep(scan);
	if (scan->state != TPLUS_SCAN_BROKEN)
		tplus_scan_fail(scan, problem, scan->base + pos);

	/* Whoever reports the problem may want to show more of the document. */
	if (!scan->found && scan->input.len > scan->kept)
		tplus_scan_append(scan, scan->input.data + scan->kept,
						  scan->input.len - scan->kept,
						  scan->base + scan->kept);
	return TPLUS_STEP_BROKEN;
}

/*
 * Forgets the input that is not needed any more.  Bytes are moved only when
 * there are fewer of them than were forgotten, so that the moves never cost
 * more than the scan.
 */
static void
forget_input(TplusScan *scan)
{
	TplusScanBuffer *input = &scan->input;
	size_t		from = scan->pos;

	if (scan->state == TPLUS_SCAN_IN_KEY ||
		scan->state == TPLUS_SCAN_IN_RECORD ||
		scan->state == TPLUS_SCAN_IN_WORD_RECORD)
		from = scan->start;
	if (from == 0 || from < input->len - from)
		return;
	memmove(input->data, input->data + from, input->len - from);
	input->len -= from;
	scan->base += from;
	scan->pos -= from;
	scan->start = 0;

	/* Outside the rows, a scan that wants bytes has kept all before pos. */
	scan->kept = scan->pos;
}

void
tplus_scan_feed(TplusScan *scan, const char *bytes, size_t len)
{
	TplusScanBuffer *input = &scan->input;

	forget_input(scan);
	if (len == 0)
		return;
	if (!buffer_reserve(input, len))
	{
		tplus_scan_no_memory(scan);
		return;
	}
	memcpy(input->data + input->len, bytes, len);
	input->len += len;
}

void
tplus_scan_release(TplusScan *scan)
{
	free(scan->input.data);
	free(scan->envelope.data);
}

static TplusScanStep
step_word(TplusScan *scan)
{
	scan->pos = tplus_scan_skip(scan, scan->pos, TPLUS_JSON_WORD);
	if (scan->pos == scan->input.len)
		return TPLUS_STEP_MORE;
	scan->state = TPLUS_SCAN_AFTER_VALUE;
	return TPLUS_STEP_ON;
}

static TplusScanStep
step_string(TplusScan *scan)
{
	const char *data = scan->input.data;
	const char *stop;
	bool		closed = tplus_scan_string(data + scan->pos,
										   data + scan->input.len, &stop);

	scan->pos = (size_t) (stop - data);
	if (!closed)
		return TPLUS_STEP_MORE;
	scan->state = TPLUS_SCAN_AFTER_VALUE;
	return TPLUS_STEP_ON;
}

static TplusScanStep
step_key(TplusScan *scan)
{
	const char *data = scan->input.data;
	const char *key = data + scan->start + 1;
	const char *end = data + scan->input.len;
	const char *stop;
	bool		too_long = scan->input.len - scan->start > MAX_KEY;
	bool		closed;

	if (too_long)
		end = data + scan->start + MAX_KEY;
	closed = tplus_scan_string(data + scan->pos, end, &stop);
	scan->pos = (size_t) (stop - data);
	if (!closed)
		return too_long ?
			tplus_scan_broken(scan, "key too long", scan->start) :
			TPLUS_STEP_MORE;

	scan->way = tplus_places_below(scan->places, scan->ways[scan->depth - 1],
								   scan->level + scan->depth - 1, key,
								   (size_t) (stop - 1 - key));
	scan->state = TPLUS_SCAN_BEFORE_COLON;
	return TPLUS_STEP_ON;
}

/* The array whose bracket is at pos turns out to be that of rows. */
static TplusScanStep
begin_rows(TplusScan *scan, const char *place)
{
	if (scan->found)
		return tplus_scan_broken(scan, "more than one array of rows",
								 scan->pos);
	scan->found = true;
	scan->place = place;
	scan->pos++;
	tplus_scan_keep(scan);
	scan->pos--;
	scan->in_rows = true;
	return scan->state == TPLUS_SCAN_BROKEN ? TPLUS_STEP_BROKEN :
		TPLUS_STEP_ON;
}

/* Opens the bracket at pos. */
static TplusScanStep
open_bracket(TplusScan *scan, bool is_array)
{
	uint64_t	bit;
	const char *place;

	if (scan->depth == TPLUS_JSON_MAX_DEPTH)
		return tplus_scan_broken(scan, TPLUS_JSON_TOO_DEEP, scan->pos);
	place = tplus_places_here(scan->places, scan->way,
							  scan->level + scan->depth);
	if (is_array && place != NULL &&
		begin_rows(scan, place) == TPLUS_STEP_BROKEN)
		return TPLUS_STEP_BROKEN;
	scan->ways[scan->depth] = scan->way;
	bit = (uint64_t) 1 << scan->depth++;
	if (is_array)
		scan->arrays |= bit;
	else
		scan->arrays &= ~bit;
	scan->way = 0;				/* keys widen it again, elements do not */
	scan->state = is_array ? TPLUS_SCAN_BEFORE_FIRST_VALUE :
		TPLUS_SCAN_BEFORE_FIRST_KEY;
	scan->pos++;
	return TPLUS_STEP_ON;
}

/* Closes the innermost bracket with the one at pos. */
static TplusScanStep
close_bracket(TplusScan *scan, bool is_array)
{
	uint64_t	bit = (uint64_t) 1 << (scan->depth - 1);

	if (((scan->arrays & bit) != 0) != is_array)
		return tplus_scan_broken(scan, TPLUS_SCAN_MISMATCHED, scan->pos);
	if (scan->in_rows)
		scan->kept = scan->pos;
	scan->in_rows = false;
	scan->depth--;
	scan->state = TPLUS_SCAN_AFTER_VALUE;
	scan->pos++;
	return TPLUS_STEP_ON;
}

/*
 * Begins the record whose first byte is at pos.  In the text of a string, the
 * first one has a bracket: "[12:30] timed out" is a message.
 */
static TplusScanStep
begin_record(TplusScan *scan, char c, bool is_word)
{
	if (scan->is_inner && scan->count == 0 && c != '{' && c != '[')
		return tplus_scan_broken(scan, unexpected_character, scan->pos);
	scan->state = is_word ? TPLUS_SCAN_IN_WORD_RECORD : TPLUS_SCAN_IN_RECORD;
	scan->start = scan->pos;
	scan->record_depth = 0;
	scan->in_string = c == '"';
	if (c == '"')
		scan->pos++;
	return TPLUS_STEP_ON;
}

/* Begins the value whose first byte is at pos. */
static TplusScanStep
begin_value(TplusScan *scan, char c)
{
	bool		is_word = TPLUS_JSON_IS(c, TPLUS_JSON_VALUE);

	if (!is_word && c != '"' && c != '{' && c != '[')
		return tplus_scan_broken(scan, unexpected_character, scan->pos);
	if (scan->in_rows)
		return begin_record(scan, c, is_word);
	if (c == '{' || c == '[')
		return open_bracket(scan, c == '[');
	if (is_word)
	{
		scan->state = TPLUS_SCAN_IN_WORD;
		return TPLUS_STEP_ON;
	}
	tplus_scan_keep(scan);
	if (scan->state == TPLUS_SCAN_BROKEN)
		return TPLUS_STEP_BROKEN;
	scan->state = TPLUS_SCAN_IN_STRING;
	scan->pos++;
	return scan->way != 0 && !scan->found && !scan->is_inner ?
		TPLUS_STEP_STRING : TPLUS_STEP_ON;
}

static TplusScanStep
begin_key(TplusScan *scan, char c)
{
	if (c != '"')
		return tplus_scan_broken(scan, unexpected_character, scan->pos);
	scan->start = scan->pos++;
	scan->state = TPLUS_SCAN_IN_KEY;
	return TPLUS_STEP_ON;
}

/* After a value: a comma, the end of its bracket, or nothing. */
static TplusScanStep
step_after_value(TplusScan *scan, char c)
{
	bool		in_array;

	if (scan->depth == 0)
		return tplus_scan_broken(scan, "text after the end", scan->pos);
	if (c == '}' || c == ']')
		return close_bracket(scan, c == ']');
	if (c != ',')
		return tplus_scan_broken(scan, unexpected_character, scan->pos);
	in_array = (scan->arrays >> (scan->depth - 1)) & 1;
	scan->state = in_array ? TPLUS_SCAN_BEFORE_VALUE : TPLUS_SCAN_BEFORE_KEY;
	scan->pos++;
	return TPLUS_STEP_ON;
}

/* Between tokens. */
static TplusScanStep
step_between(TplusScan *scan)
{
	char		c;

	scan->pos = tplus_scan_skip(scan, scan->pos, TPLUS_JSON_BLANK);
	if (scan->pos == scan->input.len)
		return TPLUS_STEP_MORE;
	c = scan->input.data[scan->pos];

	switch (scan->state)
	{
		case TPLUS_SCAN_BEFORE_FIRST_VALUE:
			if (c == ']')
				return close_bracket(scan, true);
			return begin_value(scan, c);
		case TPLUS_SCAN_BEFORE_VALUE:
			return begin_value(scan, c);
		case TPLUS_SCAN_BEFORE_FIRST_KEY:
			if (c == '}')
				return close_bracket(scan, false);
			return begin_key(scan, c);
		case TPLUS_SCAN_BEFORE_KEY:
			return begin_key(scan, c);
		case TPLUS_SCAN_BEFORE_COLON:
			if (c != ':')
				break;
			scan->pos++;
			scan->state = TPLUS_SCAN_BEFORE_VALUE;
			return TPLUS_STEP_ON;
		default:
			return step_after_value(scan, c);
	}
	return tplus_scan_broken(scan, unexpected_character, scan->pos);
}

/* At the first bytes: a byte order mark is passed over. */
static TplusScanStep
step_start(TplusScan *scan)
{
	size_t		len = scan->input.len;

	if (len == 0)
		return TPLUS_STEP_MORE;
	if (len > TPLUS_JSON_MARK_LEN)
		len = TPLUS_JSON_MARK_LEN;
	if (memcmp(scan->input.data, TPLUS_JSON_MARK, len) == 0)
	{
		if (len < TPLUS_JSON_MARK_LEN)
			return TPLUS_STEP_MORE;
		scan->pos = TPLUS_JSON_MARK_LEN;
		scan->kept = TPLUS_JSON_MARK_LEN;
	}
	scan->state = TPLUS_SCAN_BEFORE_VALUE;
	return TPLUS_STEP_ON;
}

TplusScanStep
tplus_scan_step(TplusScan *scan)
{
	switch (scan->state)
	{
		case TPLUS_SCAN_START:
			return step_start(scan);
		case TPLUS_SCAN_IN_KEY:
			return step_key(scan);
		case TPLUS_SCAN_IN_STRING:
			return step_string(scan);
		case TPLUS_SCAN_IN_WORD:
			return step_word(scan);
		case TPLUS_SCAN_IN_RECORD:
			return tplus_scan_step_record(scan);
		case TPLUS_SCAN_IN_WORD_RECORD:
			return tplus_scan_step_word_record(scan);
		case TPLUS_SCAN_END:
			return TPLUS_STEP_MORE;
		case TPLUS_SCAN_BROKEN:
			return TPLUS_STEP_BROKEN;
		default:
			return step_between(scan);
	}
}

bool
tplus_scan_end(TplusScan *scan)
{
	TplusScanState state = scan->depth > 0 ? TPLUS_SCAN_BROKEN : scan->state;
	bool		blank = state == TPLUS_SCAN_BEFORE_VALUE ||
	(state == TPLUS_SCAN_START && scan->input.len == 0);

	/* At the start, input is a part of a byte order mark. */
	if (blank)
		scan->envelope.len = 0;
	if (blank || state == TPLUS_SCAN_IN_WORD ||
		state == TPLUS_SCAN_AFTER_VALUE || state == TPLUS_SCAN_END)
	{
		scan->state = TPLUS_SCAN_END;
		return true;
	}
	tplus_scan_broken(scan, "unexpected end", scan->input.len);
	return false;
}
