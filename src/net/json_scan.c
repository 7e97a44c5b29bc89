/*-------------------------------------------------------------------------
 *
 * json_scan.c
 *		The look at a JSON text before cJSON sees it.
 *
 * Each function takes the byte to look at, and returns the byte behind what
 * it passed over, or NULL with a problem noted.  cJSON makes no more of its
 * time than this scan does: it is written to keep up.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/json_scan.h"

#include <stdint.h>
#include <string.h>

#include "net/json_text.h"

/* What may come next. */
typedef enum Expect
{
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END,		/* after "[" */
	EXPECT_KEY,
	EXPECT_KEY_OR_END,			/* after "{" */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END
} Expect;

typedef struct JsonScan
{
	const char *end;
	const char *copied;			/* the bytes before it are in the copy */
	char	   *out;			/* end of the copy */
	char	   *lexeme;			/* end of the lexemes */
	Expect		expect;
	int			depth;			/* open brackets */
	uint64_t	arrays;			/* bit n: the bracket at depth n is a "[" */
	const char *problem;
	const char *problem_at;
} JsonScan;

static const char unexpected_end[] = "unexpected end";
static const char unexpected_character[] = "unexpected character";
static const char invalid_escape[] = "invalid escape";
static const char unpaired_surrogate[] = "unpaired surrogate";

/* Notes what is wrong; the value is for the caller to return. */
static const char *
fail(JsonScan *scan, const char *problem, const char *at)
{
	scan->problem = problem;
	scan->problem_at = at;
	return NULL;
}

/* Brings the copy up to date with the scan. */
static inline void
copy_up_to(JsonScan *scan, const char *p)
{
	size_t		len = (size_t) (p - scan->copied);

	memcpy(scan->out, scan->copied, len);
	scan->out += len;
	scan->copied = p;
}

/* Scans the escape at p. */
static const char *
scan_escape(JsonScan *scan, const char *p)
{
	size_t		avail = (size_t) (scan->end - p);
	int			code;
	int			low = -1;

	if (avail < 2)
		return fail(scan, unexpected_end, scan->end);
	if (memchr("\"\\/bfnrt", p[1], 8) != NULL)
		return p + 2;
	code = p[1] == 'u' && avail >= 6 ? tplus_json_hex4(p + 2) : -1;
	if (code < 0)
		return fail(scan, invalid_escape, p);
	if (code == 0)
	{
		copy_up_to(scan, p);
		memcpy(scan->out, TPLUS_JSON_NUL, sizeof(TPLUS_JSON_NUL) - 1);
		scan->out += sizeof(TPLUS_JSON_NUL) - 1;
		scan->copied = p + 6;
	}
	if (code < 0xD800 || code > 0xDFFF)
		return p + 6;
	if (code <= 0xDBFF && avail >= 12 && p[6] == '\\' && p[7] == 'u')
		low = tplus_json_hex4(p + 8);
	if (low < 0xDC00 || low > 0xDFFF)
		return fail(scan, unpaired_surrogate, p);
	return p + 12;
}

/* Scans the string whose opening quote is before p. */
static inline const char *
scan_string(JsonScan *scan, const char *p)
{
	const char *end = scan->end;

	for (;;)
	{
		p = tplus_json_string_stop(p, end);
		if (p == end)
			return fail(scan, unexpected_end, p);
		if (*p == '"')
			return p + 1;
		if (*p == '\0')
			return fail(scan, "NUL byte in a string", p);
		p = scan_escape(scan, p);
		if (p == NULL)
			return NULL;
	}
}

/* Passes over digits; NULL if there is none. */
static const char *
skip_digits(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && TPLUS_JSON_IS(*p, TPLUS_JSON_DIGIT))
		p++;
	return p > begin ? p : NULL;
}

const char *
tplus_json_number_end(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else
		p = skip_digits(p, end);
	if (p != NULL && p < end && *p == '.')
		p = skip_digits(p + 1, end);
	if (p != NULL && p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = skip_digits(p, end);
	}
	/* What goes on like a number is no number and something else. */
	if (p != NULL && p < end && TPLUS_JSON_IS(*p, TPLUS_JSON_WORD))
		return NULL;
	return p;
}

/* Scans the number at p. */
static const char *
scan_number(JsonScan *scan, const char *p)
{
	const char *after = tplus_json_number_end(p, scan->end);
	size_t		len;

	if (after == NULL)
		return fail(scan, "invalid number", p);
	copy_up_to(scan, p);
	*scan->out++ = '0';
	scan->copied = after;
	len = (size_t) (after - p);
	memcpy(scan->lexeme, p, len);
	scan->lexeme[len] = '\0';
	scan->lexeme += len + 1;
	return after;
}

static const char *
scan_literal(JsonScan *scan, const char *p, const char *literal)
{
	size_t		len = strlen(literal);

	if ((size_t) (scan->end - p) < len || memcmp(p, literal, len) != 0)
		return fail(scan, unexpected_character, p);
	return p + len;
}

static const char *
open_bracket(JsonScan *scan, const char *p, bool is_array)
{
	uint64_t	bit;

	if (scan->depth == TPLUS_JSON_MAX_DEPTH)
		return fail(scan, TPLUS_JSON_TOO_DEEP, p);
	bit = (uint64_t) 1 << scan->depth++;
	if (is_array)
		scan->arrays |= bit;
	else
		scan->arrays &= ~bit;
	scan->expect = is_array ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END;
	return p + 1;
}

static inline bool
in_array(const JsonScan *scan)
{
	return (scan->arrays >> (scan->depth - 1)) & 1;
}

static const char *
close_bracket(JsonScan *scan, const char *p, bool is_array)
{
	if (in_array(scan) != is_array)
		return fail(scan, "mismatched bracket", p);
	scan->depth--;
	scan->expect = EXPECT_COMMA_OR_END;
	return p + 1;
}

static inline const char *
scan_value(JsonScan *scan, const char *p)
{
	scan->expect = EXPECT_COMMA_OR_END;
	switch (*p)
	{
		case '"':
			return scan_string(scan, p + 1);
		case '{':
			return open_bracket(scan, p, false);
		case '[':
			return open_bracket(scan, p, true);
		case 't':
			return scan_literal(scan, p, "true");
		case 'f':
			return scan_literal(scan, p, "false");
		case 'n':
			return scan_literal(scan, p, "null");
		default:
			if (*p != '-' && !TPLUS_JSON_IS(*p, TPLUS_JSON_DIGIT))
				return fail(scan, unexpected_character, p);
			return scan_number(scan, p);
	}
}

/* Scans a comma or a closing bracket. */
static inline const char *
scan_after_value(JsonScan *scan, const char *p)
{
	if (scan->depth == 0)
		return fail(scan, "text after the end", p);
	if (*p == ']' || *p == '}')
		return close_bracket(scan, p, *p == ']');
	if (*p != ',')
		return fail(scan, unexpected_character, p);
	scan->expect = in_array(scan) ? EXPECT_VALUE : EXPECT_KEY;
	return p + 1;
}

/* Scans the key at p, and the colon after it if no blank is between them. */
static inline const char *
scan_key(JsonScan *scan, const char *p)
{
	if (*p != '"')
		return fail(scan, unexpected_character, p);
	p = scan_string(scan, p + 1);
	if (p == NULL || p == scan->end || *p != ':')
	{
		scan->expect = EXPECT_COLON;
		return p;
	}
	scan->expect = EXPECT_VALUE;
	return p + 1;
}

/* Scans the token at p, which is no blank. */
static inline const char *
scan_token(JsonScan *scan, const char *p)
{
	switch (scan->expect)
	{
		case EXPECT_VALUE_OR_END:
			if (*p == ']')
				return close_bracket(scan, p, true);
			return scan_value(scan, p);
		case EXPECT_VALUE:
			return scan_value(scan, p);
		case EXPECT_KEY_OR_END:
			if (*p == '}')
				return close_bracket(scan, p, false);
			return scan_key(scan, p);
		case EXPECT_KEY:
			return scan_key(scan, p);
		case EXPECT_COLON:
			if (*p != ':')
				break;
			scan->expect = EXPECT_VALUE;
			return p + 1;
		case EXPECT_COMMA_OR_END:
			return scan_after_value(scan, p);
	}
	return fail(scan, unexpected_character, p);
}

/* Scans the whole text from p on. */
static bool
scan_text(JsonScan *scan, const char *p)
{
	for (;;)
	{
		while (p < scan->end && TPLUS_JSON_IS(*p, TPLUS_JSON_BLANK))
			p++;
		if (p == scan->end)
			break;
		p = scan_token(scan, p);
		if (p == NULL)
			return false;
	}
	if (scan->depth > 0 || scan->expect != EXPECT_COMMA_OR_END)
		return fail(scan, unexpected_end, p) != NULL;
	copy_up_to(scan, p);
	*scan->out = '\0';
	return true;
}

bool
tplus_json_scan(const char *text, size_t len, TplusJsonScan *result)
{
	JsonScan	scan = {.end = text + len,.copied = text};

	if (len >= TPLUS_JSON_MARK_LEN &&
		memcmp(text, TPLUS_JSON_MARK, TPLUS_JSON_MARK_LEN) == 0)
		scan.copied += TPLUS_JSON_MARK_LEN;
	scan.out = result->copy;
	scan.lexeme = result->lexemes;
	if (!scan_text(&scan, scan.copied))
	{
		result->problem = scan.problem;
		result->offset = (size_t) (scan.problem_at - text);
		return false;
	}
	result->copy_len = (size_t) (scan.out - result->copy);
	result->lexemes_len = (size_t) (scan.lexeme - result->lexemes);
	return true;
}
