/*-------------------------------------------------------------------------
 *
 * json_text.h
 *		What is known of JSON as text: limits, escapes, classes of bytes.
 *
 * Shared by the parser and the splitter of responses.  No header of PostgreSQL
 * is needed.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_text.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_JSON_TEXT_H
#define TPLUS_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Deepest nesting accepted.  Records nest references and detail lines, three
 * or four deep; 64 leaves room, bounds the recursion of every walker, and lets
 * a 64-bit mask tell which open brackets are arrays.
 */
#define TPLUS_JSON_MAX_DEPTH	64
#define TPLUS_JSON_TOO_DEEP		"nesting deeper than 64"

/* What stands in a string for the escape \u0000. */
#define TPLUS_JSON_NUL	"\xC0\x80"

/* The byte order mark that some servers send first. */
#define TPLUS_JSON_MARK		"\xEF\xBB\xBF"
#define TPLUS_JSON_MARK_LEN	3

/* Classes of bytes, as bits of tplus_json_class. */
#define TPLUS_JSON_BLANK		1
#define TPLUS_JSON_DIGIT		2
#define TPLUS_JSON_WORD			4	/* in a number, true, false, null */
#define TPLUS_JSON_STRING_STOP	8	/* ends a run of plain bytes in a string */
#define TPLUS_JSON_STOP			16	/* a quote, or a bracket of any kind */
#define TPLUS_JSON_VALUE		32	/* begins a number, true, false or null */

extern const unsigned char tplus_json_class[256];

/* Is the byte of (one of) the class(es)? */
#define TPLUS_JSON_IS(c, class) \
	((tplus_json_class[(unsigned char) (c)] & (class)) != 0)

/*
 * The first byte of class TPLUS_JSON_STRING_STOP from p on; end if there is
 * none.  Most strings are short, so that a loop over bytes would be one
 * mispredicted branch after the other: eight bytes are looked at together.
 * A byte of x is zero if, and below the first such byte only if, subtracting
 * one borrows into its high bit.
 */
static inline const char *
tplus_json_string_stop(const char *p, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const uint64_t ones = ~(uint64_t) 0 / 255;
	const uint64_t highs = ones << 7;

	while (end - p >= 8)
	{
		uint64_t	bytes;
		uint64_t	quote;
		uint64_t	backslash;
		uint64_t	stops;

		memcpy(&bytes, p, 8);
		quote = bytes ^ (ones * '"');
		backslash = bytes ^ (ones * '\\');
		stops = (((bytes - ones) & ~bytes) |
				 ((quote - ones) & ~quote) |
				 ((backslash - ones) & ~backslash)) & highs;
		if (stops != 0)
			return p + __builtin_ctzll(stops) / 8;
		p += 8;
	}
#endif
	while (p < end && !TPLUS_JSON_IS(*p, TPLUS_JSON_STRING_STOP))
		p++;
	return p;
}

/* The value of four hexadecimal digits, or -1. */
extern int	tplus_json_hex4(const char *digits);

/*
 * Decodes the escape whose backslash is at text into at most four bytes of
 * out; a pair of surrogates is one escape, a lone one is none.  Returns the
 * length of the escape, 0 if the avail bytes are too few to tell, -1 if it is
 * none.
 */
extern int	tplus_json_unescape(const char *text, size_t avail, char *out,
								int *out_len);

#endif							/* TPLUS_JSON_TEXT_H */
