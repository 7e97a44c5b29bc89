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

/* A character that some format writes as a word. */
typedef struct Escape
{
	const char *text;
	char		c;
} Escape;

static const Escape words[] = {
	{"\\b", '\b'},
	{"\\f", '\f'},
	{"\\n", '\n'},
	{"\\r", '\r'},
	{"\\t", '\t'},
	{"&amp;", '&'},
	{"&quot;", '"'},
	{"&apos;", '\''},
	{"&lt;", '<'},
	{"&gt;", '>'},
	{"+", ' '},
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

/* How many bytes of text are an escape of the character c; 0: none. */
static size_t
match_escape(const char *text, size_t len, char c)
{
	bool		html = len > 2 && text[0] == '&' && text[1] == '#';
	bool		hex = html && (text[2] == 'x' || text[2] == 'X');
	size_t		start = html ? 2 + hex : 2;
	size_t		n = 0;
	int			value = 0;
	size_t		i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		size_t		wordlen = strlen(words[i].text);

		if (words[i].c == c && len >= wordlen &&
			memcmp(text, words[i].text, wordlen) == 0)
			return wordlen;
	}
	if (html)
	{
		n = read_number(text + start, len - start, hex ? 16 : 10, 1, 5, &value);
		if (n == 0 || start + n >= len || text[start + n] != ';')
			return 0;
		n++;
	}
	else if (len > 2 && text[0] == '%')
		n = read_number(text + (start = 1), len - 1, 16, 2, 2, &value);
	else if (len > 5 && text[0] == '\\' && text[1] == 'u')
		n = read_number(text + start, len - start, 16, 4, 4, &value);
	else if (len > 1 && text[0] == '\\' && text[1] == c &&
			 strchr("\"'/\\", c) != NULL)
		return 2;
	return n > 0 && value == (unsigned char) c ? start + n : 0;
}

/* How many bytes of text spell this secret, as tplus_redact_match() counts. */
static size_t
match_secret(const char *text, size_t len, const char *secret)
{
	size_t		at = 0;
	size_t		done;

	if (secret == NULL || strlen(secret) < SHORTEST)
		return 0;
	for (done = 0; secret[done] != '\0'; done++)
	{
		size_t		left = len - at;
		size_t		n = match_escape(text + at, left, secret[done]);

		if (n == 0 && left > 0 && text[at] == secret[done])
			n = 1;
		if (n == 0)
		{
			bool		cut = left == 0 ||
			(left < LONGEST_ESCAPE && strchr("\\%&", text[at]) != NULL);

			return cut && done >= TELLING ? len : 0;
		}
		at += n;
	}
	return at;
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

		if (n > longest)
			longest = n;
	}
	return longest;
}
