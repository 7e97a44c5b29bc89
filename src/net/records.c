/*-------------------------------------------------------------------------
 *
 * records.c
 *		Bytes in, whole records out, while the body still arrives.
 *
 * The text around the rows is scanned by JSON's grammar, one token at a time,
 * so that the way of keys to each array is known.  Within a record only
 * strings and brackets matter: they tell where it ends, and whoever parses
 * the record sees the rest.  Between two records the grammar holds again, so
 * that a damaged body cannot lose one unnoticed.
 *
 * All that is unfinished when bytes run out is a number of fields, the start
 * of a record or key in the input, and the input from there on.  Hence the
 * results, offsets included, do not depend on how the body was cut into
 * pieces.
 *
 * Where a value is looked for, a string may stand whose text is JSON.  Its
 * unescaped characters go to a second scanner (the inner one), as if the text
 * stood there itself; if that finds no array of rows, it was just a string.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/records.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/records.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define lengthof(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Deepest nesting accepted, of a record and of the text around the rows: what
 * the parser behind us accepts (TPLUS_JSON_MAX_DEPTH), and as many as a mask
 * of the open brackets has bits.
 */
#define MAX_DEPTH	64

/* No key that we look for comes near this; it bounds what must be retained. */
#define MAX_KEY		65536

/*
 * Places where rows were seen, or may be expected from the wrappers seen
 * around other replies (protocol, sections 3.1, 4.2, 5.3, 5.4).  An array
 * anywhere else (columns, errors) is part of the envelope.
 */
static const char *const known_places[] = {
	".",
	"Data", "data", "Rows", "rows",
	"Data.Rows", "Data.rows", "Data.Data",
	"data.Rows", "data.rows", "data.Data", "data.data",
	"DataSource.Rows", "data.DataSource.Rows", "result.DataSource.Rows",
	"result", "Result", "value", "Value",
	"result.Rows", "result.rows", "result.Data", "result.data",
	"result.data.Rows", "Result.Rows", "Result.Data",
	"value.Rows", "value.rows", "value.Data", "value.data",
};

/* A set of places: one bit for each element of an array like the above. */
typedef uint32_t PlaceSet;

/* What may come next, or what we are in. */
typedef enum State
{
	AT_START,					/* a byte order mark, or BEFORE_VALUE */
	BEFORE_VALUE,
	BEFORE_FIRST_VALUE,			/* or the end of an empty array */
	BEFORE_KEY,
	BEFORE_FIRST_KEY,			/* or the end of an empty object */
	BEFORE_COLON,
	AFTER_VALUE,
	IN_KEY,
	IN_STRING,
	IN_SCALAR,
	IN_RECORD,					/* an object, an array or a string */
	IN_SCALAR_RECORD,
	AT_END,
	BROKEN
} State;

/* What one step of the scan led to. */
typedef enum Step
{
	STEP_ON,
	STEP_MORE,					/* it takes bytes that are not there yet */
	STEP_RECORD,
	STEP_BROKEN
} Step;

typedef struct Buffer
{
	char	   *data;
	size_t		len;
	size_t		size;
} Buffer;

struct TplusRecords
{
	/* What the caller wants. */
	const char *const *places;	/* known_places, or &own_place */
	size_t		nplaces;
	char	   *own_place;
	size_t		max_record;
	size_t		max_envelope;

	/* The bytes that are still needed. */
	Buffer		input;
	size_t		base;			/* offset in the body of input.data[0] */
	size_t		pos;			/* in input: the next byte to look at */
	size_t		start;			/* in input: of the record, key or string */
	bool		finished;		/* no bytes will follow */

	/* Where in the document that byte is. */
	State		state;
	int			depth;			/* open brackets of the envelope */
	uint64_t	arrays;			/* bit n: the bracket at depth n is a "[" */
	PlaceSet	ways[MAX_DEPTH];	/* places within the bracket */
	PlaceSet	way;			/* places at or within the next value */
	int			level;			/* keys on the way to this document */
	bool		in_rows;		/* the innermost bracket is that of rows */
	bool		found;
	size_t		count;

	/* Within a record. */
	bool		in_string;
	int			record_depth;
	uint64_t	record_arrays;	/* as arrays */

	/* The record that next() returns. */
	const char *text;
	size_t		len;

	/* The envelope; what lies in the input from kept on is not in it yet. */
	Buffer		envelope;
	size_t		kept;
	bool		overflow;		/* it did not fit into max_envelope */
	size_t		overflow_offset;

	/* The text of a string. */
	TplusRecords *inner;
	bool		is_inner;
	bool		inner_closed;	/* the closing quote was seen */
	size_t		inner_offset;	/* in the body: of the opening quote */
	size_t		inner_envelope; /* length of the envelope before it */

	const char *problem;
	size_t		problem_offset;
};

static const char out_of_memory[] = "out of memory";
static const char unexpected_end[] = "unexpected end";
static const char unexpected_character[] = "unexpected character";
static const char record_too_large[] = "record larger than the limit";
static const char envelope_too_large[] =
"text around the rows larger than the limit";

/* Classes of bytes, as bits. */
#define BLANK		1
#define SCALAR		2			/* may be in a number, true, false, null */
#define STRING_STOP 4			/* ends a run of plain bytes in a string */
#define RECORD_STOP 8			/* ends a run of bytes between strings */

static const unsigned char byte_class[256] = {
	[' '] = BLANK,['\t'] = BLANK,['\n'] = BLANK,['\r'] = BLANK,
	['a' ... 'z'] = SCALAR,['A' ... 'Z'] = SCALAR,['0' ... '9'] = SCALAR,
	['+'] = SCALAR,['-'] = SCALAR,['.'] = SCALAR,
	['"'] = STRING_STOP | RECORD_STOP,['\\'] = STRING_STOP,
	['{'] = RECORD_STOP,['}'] = RECORD_STOP,
	['['] = RECORD_STOP,[']'] = RECORD_STOP,
};

/* The first byte at or after pos that is (or is not) of a class. */
static inline size_t
skip_until(const TplusRecords *records, size_t pos, size_t end, int class)
{
	const unsigned char *data = (const unsigned char *) records->input.data;

	while (pos < end && (byte_class[data[pos]] & class) == 0)
		pos++;
	return pos;
}

static inline size_t
skip_while(const TplusRecords *records, size_t pos, size_t end, int class)
{
	const unsigned char *data = (const unsigned char *) records->input.data;

	while (pos < end && (byte_class[data[pos]] & class) != 0)
		pos++;
	return pos;
}

/* Makes room for more bytes; returns false when out of memory. */
static bool
buffer_reserve(Buffer *buffer, size_t more)
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

/* Ends the scan, without regard to what is not in the envelope yet. */
static void
set_problem(TplusRecords *records, const char *problem, size_t offset)
{
	records->state = BROKEN;
	records->problem = problem;
	records->problem_offset = offset;
}

/*
 * Appends bytes to the envelope as far as they fit.  offset is where in the
 * body the first of them was.
 */
static void
envelope_append(TplusRecords *records, const char *bytes, size_t len,
				size_t offset)
{
	Buffer	   *envelope = &records->envelope;
	size_t		room = records->max_envelope - envelope->len;

	if (len > room)
	{
		if (!records->overflow)
			records->overflow_offset = offset + room;
		records->overflow = true;
		len = room;
	}
	if (len == 0)
		return;
	if (!buffer_reserve(envelope, len))
	{
		set_problem(records, out_of_memory, offset);
		return;
	}
	memcpy(envelope->data + envelope->len, bytes, len);
	envelope->len += len;
}

/*
 * Brings the envelope up to date with the scan.  An envelope that does not
 * fit matters only beside rows: a document without rows is kept for the sake
 * of its first bytes.
 */
static void
envelope_catch_up(TplusRecords *records)
{
	if (records->in_rows || records->state == BROKEN)
		return;
	if (records->inner == NULL || !records->found)
		envelope_append(records, records->input.data + records->kept,
						records->pos - records->kept,
						records->base + records->kept);
	records->kept = records->pos;
	if (records->overflow && records->found && records->state != BROKEN)
		set_problem(records, envelope_too_large, records->overflow_offset);
}

/*
 * Ends the scan at a byte of the input.  What could be told of earlier bytes
 * is told instead, so that the pieces of the body do not matter.
 */
static Step
broken(TplusRecords *records, const char *problem, size_t pos)
{
	size_t		offset = records->base + pos;

	envelope_catch_up(records);
	if (records->state != BROKEN)
		set_problem(records, problem, offset);
	if (!records->found)
		envelope_append(records, records->input.data + records->kept,
						records->input.len - records->kept,
						records->base + records->kept);
	return STEP_BROKEN;
}

/*
 * The key at a level of a place: "Rows" at level 1 of "data.Rows".  NULL if
 * the place ends before.
 */
static const char *
place_key(const char *place, int level, size_t *len)
{
	if (strcmp(place, ".") == 0)
		return NULL;
	for (int i = 0; i < level; i++)
	{
		place = strchr(place, '.');
		if (place == NULL)
			return NULL;
		place++;
	}
	*len = strcspn(place, ".");
	return place;
}

/* Is the next value at one of the places, not merely on the way to some? */
static bool
at_place(const TplusRecords *records)
{
	size_t		len;

	for (size_t i = 0; i < records->nplaces; i++)
	{
		if ((records->way & ((PlaceSet) 1 << i)) != 0 &&
			place_key(records->places[i], records->level + records->depth,
					  &len) == NULL)
			return true;
	}
	return false;
}

/* Which of the places on the way to the innermost object have this key? */
static PlaceSet
narrow_way(const TplusRecords *records, const char *key, size_t len)
{
	PlaceSet	way = records->ways[records->depth - 1];
	PlaceSet	result = 0;

	for (size_t i = 0; way >> i != 0 && i < records->nplaces; i++)
	{
		const char *wanted;
		size_t		wanted_len;

		if ((way & ((PlaceSet) 1 << i)) == 0)
			continue;
		wanted = place_key(records->places[i],
						   records->level + records->depth - 1, &wanted_len);
		if (wanted != NULL && wanted_len == len &&
			memcmp(wanted, key, len) == 0)
			result |= (PlaceSet) 1 << i;
	}
	return result;
}

/* The value of four hexadecimal digits, or -1. */
static int
hex4(const char *digits)
{
	int			value = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c = digits[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return value;
}

/* Writes a code point (or a lone surrogate) the way of UTF-8. */
static int
put_utf8(char *out, uint32_t c)
{
	int			len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};

	for (int i = len - 1; i > 0; i--)
	{
		out[i] = (char) (0x80 | (c & 0x3F));
		c >>= 6;
	}
	out[0] = (char) (lead[len] | c);
	return len;
}

/*
 * Decodes the escape that begins at text into at most four bytes.  Returns
 * its length there, 0 if avail is too little to tell, -1 if it is none.
 */
static int
unescape(const char *text, size_t avail, char *out, int *out_len)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *simple;
	int			high;
	int			low;

	if (avail < 2)
		return 0;
	simple = text[1] != '\0' ? strchr(from, text[1]) : NULL;
	if (simple != NULL)
	{
		out[0] = to[simple - from];
		*out_len = 1;
		return 2;
	}
	if (text[1] != 'u')
		return -1;
	if (avail < 6)
		return 0;
	high = hex4(text + 2);
	if (high < 0)
		return -1;
	*out_len = put_utf8(out, (uint32_t) high);
	if (high < 0xD800 || high > 0xDBFF)
		return 6;

	/* The first of a pair, unless what follows is no second one. */
	if (avail < 7 || (text[6] == '\\' && avail < 8))
		return 0;
	if (text[6] != '\\' || text[7] != 'u')
		return 6;
	if (avail < 12)
		return 0;
	low = hex4(text + 8);
	if (low < 0xDC00 || low > 0xDFFF)
		return 6;
	*out_len = put_utf8(out, 0x10000 + (((uint32_t) high & 0x3FF) << 10) +
						((uint32_t) low & 0x3FF));
	return 12;
}

/*
 * Looks for the closing quote from pos on, up to end.  Returns true with pos
 * behind it, or false with pos where to look on.
 */
static bool
skip_string(TplusRecords *records, size_t end)
{
	const char *data = records->input.data;
	size_t		pos = records->pos;
	bool		closed = false;

	while (!closed)
	{
		pos = skip_until(records, pos, end, STRING_STOP);
		if (pos >= end || (data[pos] == '\\' && end - pos < 2))
			break;
		closed = data[pos] == '"';
		pos += closed ? 1 : 2;
	}
	records->pos = pos;
	return closed;
}

/* Ends the record at pos. */
static Step
yield_record(TplusRecords *records)
{
	records->text = records->input.data + records->start;
	records->len = records->pos - records->start;
	records->state = AFTER_VALUE;
	records->count++;
	return STEP_RECORD;
}

/*
 * Within a record that is an object, an array or a string.  Never looks
 * beyond what a record may have, whatever came with this piece of the body.
 */
static Step
step_record(TplusRecords *records)
{
	const char *data = records->input.data;
	size_t		end = records->input.len;

	if (end - records->start > records->max_record)
		end = records->start + records->max_record;
	while (records->pos < end)
	{
		uint64_t	bit;
		char		c;

		if (records->in_string)
		{
			if (!skip_string(records, end))
				break;
			records->in_string = false;
			if (records->record_depth == 0)
				return yield_record(records);
		}
		records->pos = skip_until(records, records->pos, end, RECORD_STOP);
		if (records->pos >= end)
			break;
		c = data[records->pos];
		if (c == '"')
			records->in_string = true;
		else if (c == '{' || c == '[')
		{
			if (records->record_depth == MAX_DEPTH)
				return broken(records, "nesting deeper than 64", records->pos);
			bit = (uint64_t) 1 << records->record_depth++;
			records->record_arrays &= ~bit;
			if (c == '[')
				records->record_arrays |= bit;
		}
		else
		{
			bit = (uint64_t) 1 << (records->record_depth - 1);
			if (((records->record_arrays & bit) != 0) != (c == ']'))
				return broken(records, "mismatched bracket", records->pos);
			records->record_depth--;
		}
		records->pos++;
		if (records->record_depth == 0 && !records->in_string)
			return yield_record(records);
	}
	if (end < records->input.len)
		return broken(records, record_too_large, records->start);
	return STEP_MORE;
}

/* Within a record that is a number, true, false or null. */
static Step
step_scalar_record(TplusRecords *records)
{
	size_t		end = records->input.len;

	records->pos = skip_while(records, records->pos, end, SCALAR);
	if (records->pos - records->start > records->max_record)
		return broken(records, record_too_large, records->start);
	return records->pos < end ? yield_record(records) : STEP_MORE;
}

static Step
step_scalar(TplusRecords *records)
{
	size_t		end = records->input.len;

	records->pos = skip_while(records, records->pos, end, SCALAR);
	if (records->pos == end)
		return STEP_MORE;
	records->state = AFTER_VALUE;
	return STEP_ON;
}

static Step
step_key(TplusRecords *records)
{
	size_t		end = records->input.len;
	const char *key;
	size_t		len;
	char		plain[MAX_DEPTH * 4];
	size_t		plain_len = 0;

	if (end - records->start > MAX_KEY)
		end = records->start + MAX_KEY;
	if (!skip_string(records, end))
		return end < records->input.len ?
			broken(records, "key too long", records->start) : STEP_MORE;

	key = records->input.data + records->start + 1;
	len = records->pos - records->start - 2;
	records->state = BEFORE_COLON;
	if (memchr(key, '\\', len) == NULL)
	{
		records->way = narrow_way(records, key, len);
		return STEP_ON;
	}

	/* A key with escapes, or none of ours if it is long or has odd ones. */
	records->way = 0;
	while (len > 0)
	{
		int			out_len = 1;
		int			used = 1;

		if (plain_len > sizeof(plain) - 4)
			return STEP_ON;
		plain[plain_len] = *key;
		if (*key == '\\')
			used = unescape(key, len, plain + plain_len, &out_len);
		if (used <= 0)
			return STEP_ON;
		plain_len += (size_t) out_len;
		key += used;
		len -= (size_t) used;
	}
	records->way = narrow_way(records, plain, plain_len);
	return STEP_ON;
}

/* Gives up (or is done with) looking into a string. */
static Step
drop_inner(TplusRecords *records)
{
	tplus_records_free(records->inner);
	records->inner = NULL;
	if (records->inner_closed)
		records->state = AFTER_VALUE;
	return STEP_ON;
}

/*
 * The string turns out to hold the rows: instead of its characters, the
 * envelope of its text will stand in the envelope.
 */
static Step
adopt_inner(TplusRecords *records)
{
	records->found = true;
	records->envelope.len = records->inner_envelope;
	if (records->overflow && records->overflow_offset >= records->inner_offset)
		records->overflow = false;
	records->kept = records->pos;
	if (!records->overflow)
		return STEP_ON;
	set_problem(records, envelope_too_large, records->overflow_offset);
	return STEP_BROKEN;
}

/* Hands the next characters of a string to the inner scanner. */
static Step
feed_inner(TplusRecords *records)
{
	size_t		end = records->input.len;
	const char *piece = records->input.data + records->pos;
	char		plain[4];
	int			plain_len;
	int			used;

	if (records->pos == end)
		return STEP_MORE;
	if (*piece == '"')
	{
		records->pos++;
		records->inner_closed = true;
		tplus_records_finish(records->inner);
		return STEP_ON;
	}
	if (*piece != '\\')
	{
		size_t		stop = skip_until(records, records->pos, end, STRING_STOP);

		tplus_records_feed(records->inner, piece, stop - records->pos);
		records->pos = stop;
		return STEP_ON;
	}
	used = unescape(piece, end - records->pos, plain, &plain_len);
	if (used == 0)
		return STEP_MORE;
	if (used < 0)
		return records->found ?
			broken(records, "invalid escape", records->pos) :
			drop_inner(records);
	tplus_records_feed(records->inner, plain, (size_t) plain_len);
	records->pos += (size_t) used;
	return STEP_ON;
}

static Step
step_string(TplusRecords *records)
{
	TplusRecords *inner = records->inner;
	TplusRecordsStatus status;
	const char *envelope;
	size_t		len;
	bool		is_rows;

	if (inner == NULL)
	{
		if (!skip_string(records, records->input.len))
			return STEP_MORE;
		records->state = AFTER_VALUE;
		return STEP_ON;
	}

	status = tplus_records_next(inner, &records->text, &records->len);
	is_rows = inner->count > 0 ||
		(inner->found && status == TPLUS_RECORDS_END);
	if (is_rows && !records->found && adopt_inner(records) == STEP_BROKEN)
		return STEP_BROKEN;
	switch (status)
	{
		case TPLUS_RECORDS_RECORD:
			records->count++;
			return STEP_RECORD;
		case TPLUS_RECORDS_MORE:
			return feed_inner(records);
		case TPLUS_RECORDS_BROKEN:
			if (!is_rows && inner->problem != out_of_memory)
				return drop_inner(records);
			set_problem(records, inner->problem, records->inner_offset);
			return STEP_BROKEN;
		case TPLUS_RECORDS_END:
			break;
	}
	if (is_rows)
	{
		envelope = tplus_records_envelope(inner, &len);
		envelope_append(records, envelope, len, records->inner_offset);
		records->kept = records->pos;
	}
	return drop_inner(records);
}

/* A scanner without places. */
static TplusRecords *
new_scanner(size_t max_record, size_t max_envelope)
{
	TplusRecords *records = calloc(1, sizeof(TplusRecords));

	if (records == NULL)
		return NULL;
	records->max_record = max_record;
	records->max_envelope = max_envelope;
	records->state = AT_START;
	return records;
}

/* Begins to look into the string whose opening quote is at pos. */
static Step
begin_inner(TplusRecords *records)
{
	TplusRecords *inner;

	envelope_catch_up(records);
	inner = new_scanner(records->max_record, records->max_envelope);
	if (inner == NULL)
		return broken(records, out_of_memory, records->pos);
	inner->is_inner = true;
	inner->places = records->places;
	inner->nplaces = records->nplaces;
	inner->way = records->way;
	inner->level = records->level + records->depth;
	records->inner = inner;
	records->inner_closed = false;
	records->inner_offset = records->base + records->pos;
	records->inner_envelope = records->envelope.len;
	return STEP_ON;
}

/* Opens the bracket at pos. */
static Step
open_bracket(TplusRecords *records, bool is_array)
{
	uint64_t	bit;

	if (is_array && at_place(records))
	{
		if (records->found)
			return broken(records, "more than one array of rows",
						  records->pos);
		records->pos++;
		records->found = true;
		envelope_catch_up(records);
		if (records->state == BROKEN)
			return STEP_BROKEN;
		records->in_rows = true;
		records->pos--;
	}
	if (records->depth == MAX_DEPTH)
		return broken(records, "nesting deeper than 64", records->pos);
	records->ways[records->depth] = is_array ? 0 : records->way;
	bit = (uint64_t) 1 << records->depth++;
	records->arrays &= ~bit;
	if (is_array)
		records->arrays |= bit;
	records->way = 0;
	records->state = is_array ? BEFORE_FIRST_VALUE : BEFORE_FIRST_KEY;
	records->pos++;
	return STEP_ON;
}

/* Closes the innermost bracket with the one at pos. */
static Step
close_bracket(TplusRecords *records, bool is_array)
{
	uint64_t	bit = (uint64_t) 1 << (records->depth - 1);

	if (((records->arrays & bit) != 0) != is_array)
		return broken(records, "mismatched bracket", records->pos);
	if (records->in_rows)
		records->kept = records->pos;
	records->in_rows = false;
	records->depth--;
	records->state = AFTER_VALUE;
	records->pos++;
	return STEP_ON;
}

/* Begins the value whose first byte is at pos. */
static Step
begin_value(TplusRecords *records, char c)
{
	bool		is_scalar = strchr("-0123456789tfn", c) != NULL && c != '\0';

	if (!is_scalar && c != '"' && c != '{' && c != '[')
		return broken(records, unexpected_character, records->pos);
	if (records->in_rows)
	{
		/* "[12:30] timed out" is a message. */
		if (records->is_inner && c != '{' && c != '[')
			return broken(records, unexpected_character, records->pos);
		records->state = is_scalar ? IN_SCALAR_RECORD : IN_RECORD;
		records->start = records->pos;
		records->record_depth = 0;
		records->in_string = false;
		return STEP_ON;
	}
	if (c == '{' || c == '[')
		return open_bracket(records, c == '[');
	if (c == '"' && records->way != 0 && !records->found &&
		!records->is_inner && begin_inner(records) == STEP_BROKEN)
		return STEP_BROKEN;
	records->state = is_scalar ? IN_SCALAR : IN_STRING;
	records->pos++;
	return STEP_ON;
}

/* After a value: a comma, the end of its bracket, or nothing. */
static Step
step_after_value(TplusRecords *records, char c)
{
	bool		in_array;

	if (records->depth == 0)
		return broken(records, "text after the end", records->pos);
	if (c == '}' || c == ']')
		return close_bracket(records, c == ']');
	if (c != ',')
		return broken(records, unexpected_character, records->pos);
	in_array = (records->arrays >> (records->depth - 1)) & 1;
	records->state = in_array ? BEFORE_VALUE : BEFORE_KEY;
	records->pos++;
	return STEP_ON;
}

/* Between tokens. */
static Step
step_between(TplusRecords *records)
{
	char		c;

	records->pos = skip_while(records, records->pos, records->input.len,
							  BLANK);
	if (records->pos == records->input.len)
		return STEP_MORE;
	c = records->input.data[records->pos];

	switch (records->state)
	{
		case BEFORE_FIRST_VALUE:
			if (c == ']')
				return close_bracket(records, true);
			return begin_value(records, c);
		case BEFORE_VALUE:
			return begin_value(records, c);
		case BEFORE_FIRST_KEY:
			if (c == '}')
				return close_bracket(records, false);
			/* FALLTHROUGH */
		case BEFORE_KEY:
			if (c != '"')
				break;
			records->start = records->pos++;
			records->state = IN_KEY;
			return STEP_ON;
		case BEFORE_COLON:
			if (c != ':')
				break;
			records->pos++;
			records->state = BEFORE_VALUE;
			return STEP_ON;
		default:
			return step_after_value(records, c);
	}
	return broken(records, unexpected_character, records->pos);
}

/* At the first bytes: a byte order mark is passed over. */
static Step
step_start(TplusRecords *records)
{
	static const char mark[] = {'\xEF', '\xBB', '\xBF'};
	size_t		len = records->input.len;

	if (len > sizeof(mark))
		len = sizeof(mark);
	if (memcmp(records->input.data, mark, len) == 0)
	{
		if (len < sizeof(mark))
			return STEP_MORE;
		records->pos = sizeof(mark);
		records->kept = sizeof(mark);
	}
	records->state = BEFORE_VALUE;
	return STEP_ON;
}

static Step
step(TplusRecords *records)
{
	switch (records->state)
	{
		case AT_START:
			return records->input.len > 0 ? step_start(records) : STEP_MORE;
		case IN_KEY:
			return step_key(records);
		case IN_STRING:
			return step_string(records);
		case IN_SCALAR:
			return step_scalar(records);
		case IN_RECORD:
			return step_record(records);
		case IN_SCALAR_RECORD:
			return step_scalar_record(records);
		case AT_END:
			return STEP_MORE;
		case BROKEN:
			return STEP_BROKEN;
		default:
			return step_between(records);
	}
}

/* All bytes were scanned and none will follow. */
static TplusRecordsStatus
end_of_body(TplusRecords *records)
{
	bool		nothing = records->state == BEFORE_VALUE ||
		(records->state == AT_START && records->input.len == 0);

	if (records->depth > 0 ||
		!(nothing || records->state == AFTER_VALUE ||
		  records->state == IN_SCALAR || records->state == AT_END))
	{
		broken(records, unexpected_end, records->input.len);
		return TPLUS_RECORDS_BROKEN;
	}
	if (nothing)
		records->envelope.len = 0;	/* blanks at most */
	records->state = AT_END;
	return TPLUS_RECORDS_END;
}

TplusRecords *
tplus_records_create(const char *rows_path, size_t max_record,
					 size_t max_envelope)
{
	TplusRecords *records = new_scanner(max_record, max_envelope);
	size_t		size = strlen(rows_path) + 1;

	if (records == NULL)
		return NULL;
	if (strcmp(rows_path, "auto") == 0)
	{
		records->places = known_places;
		records->nplaces = lengthof(known_places);
	}
	else
	{
		records->own_place = malloc(size);
		if (records->own_place == NULL)
		{
			free(records);
			return NULL;
		}
		memcpy(records->own_place, rows_path, size);
		records->places = (const char *const *) &records->own_place;
		records->nplaces = 1;
	}
	records->way = (((PlaceSet) 1 << records->nplaces) - 1);
	return records;
}

void
tplus_records_free(TplusRecords *records)
{
	if (records == NULL)
		return;
	tplus_records_free(records->inner);
	free(records->own_place);
	free(records->input.data);
	free(records->envelope.data);
	free(records);
}

/*
 * Forgets the input that is not needed any more.  Bytes are moved only when
 * there are fewer of them than were forgotten, so that the moves never cost
 * more than the scan.
 */
static void
forget_input(TplusRecords *records)
{
	Buffer	   *input = &records->input;
	bool		retained = records->state == IN_KEY ||
		records->state == IN_RECORD || records->state == IN_SCALAR_RECORD;
	size_t		from = retained ? records->start : records->pos;

	if (from < input->len - from || from == 0)
		return;
	memmove(input->data, input->data + from, input->len - from);
	input->len -= from;
	records->base += from;
	records->pos -= from;
	records->start = 0;
	records->kept = records->pos;
}

void
tplus_records_feed(TplusRecords *records, const char *bytes, size_t len)
{
	Buffer	   *input = &records->input;

	assert(!records->finished);
	if (len == 0)
		return;
	if (records->state == BROKEN)
	{
		if (!records->found)
			envelope_append(records, bytes, len, 0);
		return;
	}
	forget_input(records);
	if (!buffer_reserve(input, len))
	{
		set_problem(records, out_of_memory, records->base + input->len);
		return;
	}
	memcpy(input->data + input->len, bytes, len);
	input->len += len;
}

void
tplus_records_finish(TplusRecords *records)
{
	records->finished = true;
}

TplusRecordsStatus
tplus_records_next(TplusRecords *records, const char **text, size_t *len)
{
	Step		result;

	do
		result = step(records);
	while (result == STEP_ON);

	if (result == STEP_MORE)
	{
		envelope_catch_up(records);
		if (records->state == BROKEN)
			result = STEP_BROKEN;
	}
	switch (result)
	{
		case STEP_RECORD:
			*text = records->text;
			*len = records->len;
			return TPLUS_RECORDS_RECORD;
		case STEP_MORE:
			return records->finished ? end_of_body(records) :
				TPLUS_RECORDS_MORE;
		default:
			return TPLUS_RECORDS_BROKEN;
	}
}

size_t
tplus_records_count(const TplusRecords *records)
{
	return records->count;
}

bool
tplus_records_found(const TplusRecords *records)
{
	return records->found;
}

const char *
tplus_records_envelope(const TplusRecords *records, size_t *len)
{
	*len = records->envelope.len;
	return records->envelope.len > 0 ? records->envelope.data : "";
}

const char *
tplus_records_problem(const TplusRecords *records, size_t *offset)
{
	*offset = records->problem_offset;
	return records->problem;
}
