/*-------------------------------------------------------------------------
 *
 * json_text.c
 *		What is known of JSON as text: limits, escapes, classes of bytes.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_text.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/json_text.h"

#include <stdint.h>
#include <string.h>

#define BLANK		TPLUS_JSON_BLANK
#define WORD		TPLUS_JSON_WORD
#define VALUE		(TPLUS_JSON_VALUE | TPLUS_JSON_WORD)
#define DIGIT		(TPLUS_JSON_DIGIT | VALUE)
#define STOP		TPLUS_JSON_STOP
#define STRING_STOP TPLUS_JSON_STRING_STOP

const unsigned char tplus_json_class[256] = {
	[' '] = BLANK,['\t'] = BLANK,['\n'] = BLANK,['\r'] = BLANK,
	['0'...'9'] = DIGIT,['A'...'Z'] = WORD,['a'...'e'] = WORD,
	['f'] = VALUE,['g'...'m'] = WORD,['n'] = VALUE,['o'...'s'] = WORD,
	['t'] = VALUE,['u'...'z'] = WORD,
	['+'] = WORD,['-'] = VALUE,['.'] = WORD,
	['{'] = STOP,['}'] = STOP,['['] = STOP,[']'] = STOP,
	['"'] = STOP | STRING_STOP,['\\'] = STRING_STOP,['\0'] = STRING_STOP,
};

/* The length of the character of several bytes at p, 0 if it is none. */
static inline int
wide_length(const unsigned char *p, size_t avail)
{
	if (p[0] < 0xC2 || p[0] > 0xF4 || avail < 2 || (p[1] & 0xC0) != 0x80)
		return 0;
	if (p[0] < 0xE0)
		return 2;
	if (avail < 3 || (p[2] & 0xC0) != 0x80)
		return 0;
	if (p[0] < 0xF0)
	{
		/* Neither what two bytes can tell, nor a surrogate. */
		return (p[0] == 0xE0 && p[1] < 0xA0) ||
			(p[0] == 0xED && p[1] > 0x9F) ? 0 : 3;
	}
	return avail < 4 || (p[3] & 0xC0) != 0x80 ||
		(p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F) ? 0 : 4;
}

/* What is behind the ASCII characters at p. */
static inline const unsigned char *
skip_ascii(const unsigned char *p, const unsigned char *end)
{
#if defined(__SSE2__)
	while (end - p >= 16)
	{
		int			mask = _mm_movemask_epi8(_mm_loadu_si128((const __m128i *) p));

		if (mask != 0)
			return p + __builtin_ctz((unsigned int) mask);
		p += 16;
	}
#else
	while (end - p >= 8)
	{
		uint64_t	bytes;

		memcpy(&bytes, p, 8);
		if ((bytes & (~(uint64_t) 0 / 255 << 7)) != 0)
			break;
		p += 8;
	}
#endif
	while (p < end && *p < 0x80)
		p++;
	return p;
}

bool
tplus_json_is_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + len;

	for (;;)
	{
		p = skip_ascii(p, end);
		if (p == end)
			return true;
		do
		{
			int			length = 3;

			/* Nearly all that is Chinese takes the short way. */
			if (*p < 0xE1 || *p > 0xEC || end - p < 3 ||
				(p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80)
				length = wide_length(p, (size_t) (end - p));
			if (length == 0)
				return false;
			p += length;
		} while (p < end && *p >= 0x80);
	}
}

int
tplus_json_hex4(const char *digits)
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

/* Writes a code point the way of UTF-8 and returns its length. */
static int
put_utf8(char *out, uint32_t c)
{
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	int			len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (int i = len - 1; i > 0; i--)
	{
		out[i] = (char) (0x80 | (c & 0x3F));
		c >>= 6;
	}
	out[0] = (char) (lead[len] | c);
	return len;
}

int
tplus_json_unescape(const char *text, size_t avail, char *out, int *out_len)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *simple;
	int			high;
	int			low;

	if (avail < 2)
		return 0;
	simple = memchr(from, text[1], sizeof(from) - 1);
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
	high = tplus_json_hex4(text + 2);
	if (high < 0)
		return -1;
	if (high < 0xD800 || high > 0xDFFF)
	{
		*out_len = put_utf8(out, (uint32_t) high);
		return 6;
	}

	/* The first of a pair, and the second after it. */
	if (high > 0xDBFF || (avail > 6 && text[6] != '\\') ||
		(avail > 7 && text[7] != 'u'))
		return -1;
	if (avail < 12)
		return 0;
	low = tplus_json_hex4(text + 8);
	if (low < 0xDC00 || low > 0xDFFF)
		return -1;
	*out_len = put_utf8(out, 0x10000 + (((uint32_t) high & 0x3FF) << 10) +
						((uint32_t) low & 0x3FF));
	return 12;
}
