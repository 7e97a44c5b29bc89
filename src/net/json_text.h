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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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
 * mispredicted branch after the other: sixteen or eight bytes are looked at
 * together.
 */
static inline const char *
tplus_json_string_stop(const char *p, const char *end)
{
#if defined(__SSE2__)
	while (end - p >= 16)
	{
		__m128i		bytes = _mm_loadu_si128((const __m128i *) p);
		__m128i		stops = _mm_or_si128(_mm_or_si128(
													  _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
													  _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
										 _mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
		int			mask = _mm_movemask_epi8(stops);

		if (mask != 0)
			return p + __builtin_ctz((unsigned int) mask);
		p += 16;
	}
#elif __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const uint64_t ones = ~(uint64_t) 0 / 255;
	const uint64_t highs = ones << 7;

	/*
	 * A byte of x is zero if, and below the first such byte only if,
	 * subtracting one borrows into its high bit.
	 */
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

#if defined(__SSE2__)

/* So many bytes are looked at together where only brackets matter. */
#define TPLUS_JSON_BLOCK	64

/*
 * The brackets outside strings among the TPLUS_JSON_BLOCK bytes at p, as a
 * mask.  *in_string tells whether p is within a string, and then whether the
 * end of the block is.  Returns false, and leaves it alone, if there is a
 * backslash: that takes another way.
 */
static inline bool
tplus_json_block_brackets(const char *p, bool *in_string, uint64_t *brackets)
{
	uint64_t	quotes = 0;
	uint64_t	found = 0;
	int			backslashes = 0;

	for (int i = 0; i < TPLUS_JSON_BLOCK / 16; i++)
	{
		__m128i		bytes = _mm_loadu_si128((const __m128i *) (p + 16 * i));
		__m128i		folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
		__m128i		either = _mm_or_si128(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')),
										  _mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));
		__m128i		quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
		__m128i		backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));

		quotes |= (uint64_t) (unsigned int) _mm_movemask_epi8(quote) << 16 * i;
		found |= (uint64_t) (unsigned int) _mm_movemask_epi8(either) << 16 * i;
		backslashes |= _mm_movemask_epi8(backslash);
	}
	if (backslashes != 0)
		return false;

	/* Bit n becomes the parity of the quotes up to there. */
	quotes ^= quotes << 1;
	quotes ^= quotes << 2;
	quotes ^= quotes << 4;
	quotes ^= quotes << 8;
	quotes ^= quotes << 16;
	quotes ^= quotes << 32;
	if (*in_string)
		quotes = ~quotes;
	*in_string = quotes >> 63 != 0;
	*brackets = found & ~quotes;
	return true;
}

#endif

/*
 * Is the text valid UTF-8, as PostgreSQL sees it?  (It tells nothing of NUL
 * bytes, which PostgreSQL does not take.)
 */
extern bool tplus_json_is_utf8(const char *text, size_t len);

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
