/*-------------------------------------------------------------------------
 *
 * redact.c
 *		Finding secrets in text, however they are spelled there.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/redact.c
 *
 *-------------------------------------------------------------------------
 */
#include "base/redact.h"

#include <stdbool.h>
#include <string.h>

/* Too short to be a secret, and stars everywhere would tell it. */
#define SHORTEST	4

/* Characters of a cut secret that would tell something of it. */
#define TELLING		6

/* The longest escape of one character: &#x0000; */
#define LONGEST_ESCAPE	8

/*
 * Backslashes before one character: each time that JSON becomes a string in
 * JSON they double.  A text may have a million of them in a row.
 */
#define MAX_BACKSLASHES	64

/* A character that HTML writes as a word. */
typedef struct Reference
{
	const char *text;			/* after the & */
	char		c;
} Reference;

static const Reference references[] = {
	{"quot;", '"'},
	{"apos;", '\''},
	{"lt;", '<'},
	{"gt;", '>'},
};

static int
digit_value(char c, int base)
{
	static const char digits[] = "0123456789abcdef";
	const char *found;

	if (c >= 'A' && c <= 'F')
		c += 'a' - 'A';
	found = c ? strchr(digits, c) : NULL;
	return found && found - digits < base ? (int) (found - digits) : -1;
}

/*
 * Reads digits of a number in [min, max] places; returns how many, 0 if there
 * are too few.
 */
static size_t
read_number(const char *text, size_t len, int base, size_t min, size_t max,
			int *value)
{
	size_t		n = 0;

	*value = 0;
	while (n < len && n < max && digit_value(text[n], base) >= 0)
		*value = *value * base + digit_value(text[n++], base);
	return n >= min ? n : 0;
}

static int
fold(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/*
 * What follows is an escape of the character c, also one that was escaped
 * again, as where JSON is a string in JSON; it returns the number of bytes, 0:
 * it is none.  First: one that begins with a backslash.
 */
static size_t
match_backslash(const char *text, size_t len, int c)
{
	size_t		start = 0;
	int			value;

	while (start < len && start < MAX_BACKSLASHES && text[start] == '\\')
		start++;
	if (start == len)
		return c == '\\' && start > 1 ? 2 : 0;
	if (text[start] == 'u' &&
		read_number(text + start + 1, len - start - 1, 16, 4, 4, &value) > 0 &&
		fold(value) == fold(c))
		return start + 5;
	if (c == '\\')
		return start > 1 ? 2 : 0;
	return c == text[start] && strchr("\"'/", c) != NULL ? start + 1 : 0;
}

static size_t
match_percent(const char *text, size_t len, int c)
{
	size_t		start;
	int			value = '%';

	for (start = 1; value == '%'; start += 2)
	{
		if (read_number(text + start, len - start, 16, 2, 2, &value) == 0)
			return 0;
		if (fold(value) == fold(c))
			return start + 2;
	}
	return 0;
}

static size_t
match_reference(const char *text, size_t len, int c)
{
	static const char amp[] = "amp;";
	size_t		start = 1;
	size_t		n;
	bool		hex;
	int			value;

	while (len - start >= strlen(amp) &&
		   memcmp(text + start, amp, strlen(amp)) == 0)
		start += strlen(amp);
	if (c == '&' && start > 1)
		return start;
	for (n = 0; n < sizeof(references) / sizeof(references[0]); n++)
	{
		size_t		wordlen = strlen(references[n].text);

		if (references[n].c == c && len - start >= wordlen &&
			memcmp(text + start, references[n].text, wordlen) == 0)
			return start + wordlen;
	}
	if (len - start < 2 || text[start] != '#')
		return 0;
	hex = fold(text[start + 1]) == 'x';
	start += hex ? 2 : 1;
	n = read_number(text + start, len - start, hex ? 16 : 10, 1, 5, &value);
	if (n == 0 || start + n >= len || text[start + n] != ';')
		return 0;
	return fold(value) == fold(c) ? start + n + 1 : 0;
}

static size_t
match_escape(const char *text, size_t len, int c)
{
	switch (len > 0 ? text[0] : '\0')
	{
		case '\\':
			return match_backslash(text, len, c);
		case '%':
			return match_percent(text, len, c);
		case '&':
			return match_reference(text, len, c);
		case '+':
			return c == ' ' ? 1 : 0;
		default:
			return 0;
	}
}

/* The character at the start of some UTF-8, and its length in bytes. */
static int
character(const char *secret, size_t *len)
{
	const unsigned char *s = (const unsigned char *) secret;
	size_t		more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0;
	int			c = more > 0 ? s[0] & (0x3f >> more) : s[0];
	size_t		i;

	*len = 1;
	for (i = 1; i <= more; i++)
	{
		if ((s[i] & 0xc0) != 0x80)
			return s[0];
		c = c << 6 | (s[i] & 0x3f);
	}
	*len = more + 1;
	return c;
}

/* How many bytes of text spell this secret, as tplus_redact_match() counts. */
static size_t
match_secret(const char *text, size_t len, const char *secret)
{
	size_t		at = 0;
	size_t		done = 0;

	if (secret == NULL || strlen(secret) < SHORTEST)
		return 0;
	while (secret[done] != '\0')
	{
		size_t		left = len - at;
		size_t		chlen;
		int			c = character(secret + done, &chlen);
		size_t		n = match_escape(text + at, left, c);

		/* URLs escape bytes, not characters. */
		if (n == 0 && chlen > 1)
		{
			chlen = 1;
			c = (unsigned char) secret[done];
			n = match_escape(text + at, left, c);
		}
		if (n == 0 && left > 0 && fold((unsigned char) text[at]) == fold(c))
			n = 1;
		if (n == 0)
		{
			bool		cut = left == 0 ||
			(left < LONGEST_ESCAPE && strchr("\\%&", text[at]) != NULL);

			return cut && done >= TELLING ? len : 0;
		}
		at += n;
		done += chlen;
	}
	return at;
}

/*
 * How many bytes of text spell these bits of a secret, as a digit in base 16
 * or, for six of them, in base 64 or that of URLs, perhaps escaped.
 */
static size_t
match_digit(const char *text, size_t len, int value, int bits)
{
	static const char digits[] = "0123456789abcdef";
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	int			c = bits == 4 ? digits[value] : base64[value];
	int			of_urls = c == '+' ? '-' : c == '/' ? '_' : c;

	if (len == 0)
		return 0;
	if (text[0] == c || text[0] == of_urls || (bits == 4 && fold(text[0]) == c))
		return 1;
	return c == of_urls ? 0 : match_escape(text, len, c);
}

/*
 * How many bytes of text are a secret's in digits of so many bits, where so
 * many other bits stand before it in what was encoded.  Digits that it shares
 * with its neighbours tell too little of it to be looked for.
 */
static size_t
match_digits(const char *text, size_t len, const char *secret, size_t bits,
			 size_t before)
{
	const unsigned char *s = (const unsigned char *) secret;
	size_t		end = before + 8 * strlen(secret);
	size_t		from;
	size_t		at = 0;

	for (from = (before + bits - 1) / bits * bits; from + bits <= end; from += bits)
	{
		size_t		first = (from - before) / 8;
		size_t		shift = 16 - bits - (from - before) % 8;
		unsigned	two = s[first] << 8 | s[first + 1];
		size_t		n = match_digit(text + at, len - at,
									two >> shift & ((1 << bits) - 1), bits);

		if (n == 0)
			return at == len && from - before >= 8 * TELLING ? len : 0;
		at += n;
	}
	return at;
}

/* Where a secret may stand in what was encoded, and in which digits. */
static const struct
{
	size_t		bits;
	size_t		before;
}			encodings[] = {
	{4, 0},
	{6, 0},
	{6, 8},
	{6, 16},
};

/* The secret whole, in whatever encoding. */
static size_t
match_encoded(const char *text, size_t len, const char *secret)
{
	size_t		longest = 0;
	size_t		i;

	if (secret == NULL || strlen(secret) < SHORTEST)
		return 0;
	for (i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
	{
		size_t		n = match_digits(text, len, secret, encodings[i].bits,
									 encodings[i].before);

		if (n > longest)
			longest = n;
	}
	return longest;
}

size_t
tplus_redact_match(const char *text, size_t len, const char *const *secrets,
				   int nsecrets)
{
	size_t		longest = 0;
	int			i;

	for (i = 0; i < nsecrets; i++)
	{
		size_t		n = match_secret(text, len, secrets[i]);

		if (n == 0)
			n = match_encoded(text, len, secrets[i]);

		if (n > longest)
			longest = n;
	}
	return longest;
}
