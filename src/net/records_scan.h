/*-------------------------------------------------------------------------
 *
 * records_scan.h
 *		The scan of a response: its grammar, its rows, and its envelope.
 *
 * Serves the splitter (records.h), which adds what is not grammar: how bytes
 * are handed over, and JSON text within a string.
 *
 * All that is unfinished when bytes run out is in the fields below, and the
 * input from the start of an unfinished record or key on.  Hence results and
 * offsets do not depend on how the body was cut into pieces: nothing is
 * decided by where the input happens to end.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/records_scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_RECORDS_SCAN_H
#define TPLUS_RECORDS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/json_text.h"
#include "net/places.h"

/* What may come next, or what the scan is in. */
typedef enum TplusScanState
{
	TPLUS_SCAN_START,			/* a byte order mark, or BEFORE_VALUE */
	TPLUS_SCAN_BEFORE_VALUE,
	TPLUS_SCAN_BEFORE_FIRST_VALUE,	/* or the end of an empty array */
	TPLUS_SCAN_BEFORE_KEY,
	TPLUS_SCAN_BEFORE_FIRST_KEY,	/* or the end of an empty object */
	TPLUS_SCAN_BEFORE_COLON,
	TPLUS_SCAN_AFTER_VALUE,
	TPLUS_SCAN_IN_KEY,
	TPLUS_SCAN_IN_STRING,
	TPLUS_SCAN_IN_WORD,			/* a number, true, false, null */
	TPLUS_SCAN_IN_RECORD,		/* an object, an array or a string */
	TPLUS_SCAN_IN_WORD_RECORD,
	TPLUS_SCAN_END,
	TPLUS_SCAN_BROKEN
} TplusScanState;

/* What a step of the scan led to. */
typedef enum TplusScanStep
{
	TPLUS_STEP_ON,
	TPLUS_STEP_MORE,			/* it takes bytes that are not there yet */
	TPLUS_STEP_RECORD,			/* see text and len */
	TPLUS_STEP_STRING,			/* a string began where rows may be */
	TPLUS_STEP_BROKEN			/* see problem */
} TplusScanStep;

/* A bracket closes one of the other kind. */
#define TPLUS_SCAN_MISMATCHED	"mismatched bracket"

typedef struct TplusScanBuffer
{
	char	   *data;
	size_t		len;
	size_t		size;
} TplusScanBuffer;

typedef struct TplusScan
{
	/* What is wanted; set by whoever uses the scan. */
	const TplusPlaces *places;
	size_t		max_record;
	size_t		max_envelope;
	TplusPlaceSet way;			/* places at or within the next value */
	int			level;			/* keys on the way to this document */
	bool		is_inner;		/* the document is the text of a string */

	/* The bytes that are still needed. */
	TplusScanBuffer input;
	size_t		base;			/* offset in the body of input.data[0] */
	size_t		pos;			/* in input: the next byte to look at */
	size_t		start;			/* in input: of the record or key */

	/* Where in the document that byte is. */
	TplusScanState state;
	int			depth;			/* open brackets of the envelope */
	uint64_t	arrays;			/* bit n: the bracket at depth n is a "[" */
	TplusPlaceSet ways[TPLUS_JSON_MAX_DEPTH];	/* within the brackets */
	bool		in_rows;		/* the innermost bracket is that of rows */
	bool		found;			/* the array of rows has begun */
	const char *place;			/* then: where that is */
	size_t		count;			/* records so far */

	/* Where in the record. */
	bool		in_string;
	int			record_depth;
	uint64_t	record_arrays;	/* as arrays */

	/* The record of the last step, in input. */
	const char *text;
	size_t		len;

	/* The envelope; the input from kept on is not in it yet. */
	TplusScanBuffer envelope;
	size_t		kept;
	bool		muted;			/* what is scanned does not belong to it */
	bool		overflow;		/* it did not fit into max_envelope */
	size_t		overflow_offset;

	const char *problem;
	size_t		problem_offset;
	bool		out_of_memory;	/* that is the problem */
} TplusScan;

/* Makes one step. */
extern TplusScanStep tplus_scan_step(TplusScan *scan);

/*
 * Notes that the input is all: the document is complete (END), or broken.
 * Returns false if it is broken.
 */
extern bool tplus_scan_end(TplusScan *scan);

/* Appends to the input, having forgotten what of it is not needed. */
extern void tplus_scan_feed(TplusScan *scan, const char *bytes, size_t len);

/* Brings the envelope up to date with the scan. */
extern void tplus_scan_keep(TplusScan *scan);

/*
 * Appends to the envelope as far as it fits.  offset is where in the body the
 * first of the bytes was.
 */
extern void tplus_scan_append(TplusScan *scan, const char *bytes, size_t len,
							  size_t offset);

/* Ends the scan with a problem at an offset of the body, or with no memory. */
extern TplusScanStep tplus_scan_fail(TplusScan *scan, const char *problem,
									 size_t offset);
extern TplusScanStep tplus_scan_no_memory(TplusScan *scan);

/*
 * The same for the byte at pos of the input, once the envelope is up to date;
 * an earlier problem with the envelope takes precedence.
 */
extern TplusScanStep tplus_scan_broken(TplusScan *scan, const char *problem,
									   size_t pos);

/* A step within a record that has brackets or quotes, or has none. */
extern TplusScanStep tplus_scan_step_record(TplusScan *scan);
extern TplusScanStep tplus_scan_step_word_record(TplusScan *scan);

/* The first byte at or after pos that is none of a class. */
static inline size_t
tplus_scan_skip(const TplusScan *scan, size_t pos, int class)
{
	while (pos < scan->input.len &&
		   TPLUS_JSON_IS(scan->input.data[pos], class))
		pos++;
	return pos;
}

/*
 * Looks for the closing quote of a string from p on.  Returns true with *stop
 * behind it, or false with *stop where to look on when there is more.
 */
static inline bool
tplus_scan_string(const char *p, const char *end, const char **stop)
{
	for (;;)
	{
		p = tplus_json_string_stop(p, end);
		if (p == end || (*p == '\\' && end - p < 2))
			break;
		if (*p == '"')
		{
			*stop = p + 1;
			return true;
		}
		p += *p == '\\' ? 2 : 1;
	}
	*stop = p;
	return false;
}

/* Frees the buffers. */
extern void tplus_scan_release(TplusScan *scan);

#endif							/* TPLUS_RECORDS_SCAN_H */
