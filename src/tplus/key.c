/*-------------------------------------------------------------------------
 *
 * key.c
 *		One spelling for each value of a key.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/key.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"

#include "tplus/key.h"

/* So many zeros are written out before or behind the digits of a number. */
#define MAX_ZEROS	40

/* A larger exponent is left alone. */
#define MAX_EXPONENT_DIGITS	9
#define MAX_EXPONENT	INT64CONST(999999999)

#define UUID_DIGITS	32

static const struct
{
	Oid			type;
	TplusKeyKind kind;
}			kinds[] = {
	{INT2OID, TPLUS_KEY_NUMBER},
	{INT4OID, TPLUS_KEY_NUMBER},
	{INT8OID, TPLUS_KEY_NUMBER},
	{NUMERICOID, TPLUS_KEY_NUMBER},
	{FLOAT4OID, TPLUS_KEY_NUMBER},
	{FLOAT8OID, TPLUS_KEY_NUMBER},
	{UUIDOID, TPLUS_KEY_UUID},
	{BPCHAROID, TPLUS_KEY_PADDED},
	{JSONOID, TPLUS_KEY_OPEN},
	{JSONBOID, TPLUS_KEY_OPEN},
};

TplusKeyKind
tplus_key_kind(Oid type)
{
	int			i;

	for (i = 0; i < (int) lengthof(kinds); i++)
	{
		if (kinds[i].type == type)
			return kinds[i].kind;
	}
	return TPLUS_KEY_TEXT;
}

/* White space as the server's input functions skip it. */
static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal number: its digits, without zeros at both ends, times 10^exponent. */
typedef struct Number
{
	bool		negative;
	const char *digits;
	int64		ndigits;
	int64		exponent;
} Number;

/*
 * Reads an exponent that ends the text, blanks aside; it is cut off behind
 * MAX_EXPONENT_DIGITS + 1 digits.
 */
static bool
parse_exponent(const char *text, int64 *exponent)
{
	bool		negative = *text == '-';
	int64		value = 0;
	int			n = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (!is_digit(*text))
		return false;
	while (*text == '0')
		text++;
	for (; is_digit(*text); text++)
	{
		if (n++ <= MAX_EXPONENT_DIGITS)
			value = value * 10 + (*text - '0');
	}
	while (is_blank(*text))
		text++;
	*exponent = negative ? -value : value;
	return *text == '\0';
}

/* Reads a number; its digits are put down in buffer. */
static bool
parse_number(const char *text, char *buffer, Number *number)
{
	bool		fraction = false;
	bool		any = false;
	int64		scale = 0;
	int64		n = 0;

	while (is_blank(*text))
		text++;
	number->negative = *text == '-';
	if (*text == '-' || *text == '+')
		text++;
	for (;; text++)
	{
		if (*text == '.' && !fraction)
		{
			fraction = true;
			continue;
		}
		if (!is_digit(*text))
			break;
		any = true;
		scale += fraction;
		if (n > 0 || *text != '0')
			buffer[n++] = *text;
	}
	number->exponent = 0;
	if (!any)
		return false;
	if (*text != 'e' && *text != 'E')
	{
		while (is_blank(*text))
			text++;
		if (*text != '\0')
			return false;
	}
	else if (!parse_exponent(text + 1, &number->exponent))
		return false;
	if (n > 0 && (number->exponent > MAX_EXPONENT ||
				  number->exponent < -MAX_EXPONENT))
		return false;
	number->exponent -= scale;
	for (; n > 0 && buffer[n - 1] == '0'; n--)
		number->exponent++;
	number->digits = buffer;
	number->ndigits = n;
	return true;
}

static char *
put(char *out, const char *bytes, int64 n)
{
	memmove(out, bytes, n);
	return out + n;
}

static char *
put_zeros(char *out, int64 n)
{
	memset(out, '0', n);
	return out + n;
}

static char *
put_integer(char *out, int64 value)
{
	char		digits[20];
	int			n = 0;
	uint64		rest = value < 0 ? -(uint64) value : (uint64) value;

	if (value < 0)
		*out++ = '-';
	do
	{
		digits[n++] = '0' + rest % 10;
		rest /= 10;
	} while (rest > 0);
	while (n > 0)
		*out++ = digits[--n];
	return out;
}

/*
 * Writes a number whose digits stand in out, from the second place on: each
 * goes to where it stood or further to the right, so the last go first.
 */
static void
write_number(const Number *number, char *out)
{
	const char *digits = number->digits;
	int64		n = number->ndigits;
	int64		whole = n + number->exponent;	/* digits before the point */

	if (n == 0)
	{
		memcpy(out, "0", 2);
		return;
	}
	if (number->negative)
		*out++ = '-';
	if (number->exponent > MAX_ZEROS || whole < -MAX_ZEROS)
	{
		out = put(out, digits, n);
		*out++ = 'e';
		out = put_integer(out, number->exponent);
		*out = '\0';
		return;
	}
	if (number->exponent >= 0)
		out = put_zeros(put(out, digits, n), number->exponent);
	else if (whole > 0)
	{
		memmove(out + whole + 1, digits + whole, n - whole);
		memmove(out, digits, whole);
		out[whole] = '.';
		out += n + 1;
	}
	else
	{
		memmove(out + 2 - whole, digits, n);
		out[0] = '0';
		out[1] = '.';
		(void) put_zeros(out + 2, -whole);
		out += 2 - whole + n;
	}
	*out = '\0';
}

static bool
spell_number(const char *text, char *out)
{
	Number		number;

	if (!parse_number(text, out + 1, &number))
		return false;
	write_number(&number, out);
	return true;
}

/* As the type takes it: in braces or not, a hyphen after any four digits. */
static bool
spell_uuid(const char *text, char *out)
{
	bool		braces;
	int			n;

	while (is_blank(*text))
		text++;
	braces = *text == '{';
	text += braces;
	for (n = 0; n < UUID_DIGITS; n++)
	{
		char		c = *text++;

		if (c >= 'A' && c <= 'F')
			c += 'a' - 'A';
		if (!is_digit(c) && (c < 'a' || c > 'f'))
			return false;
		if (n == 8 || n == 12 || n == 16 || n == 20)
			*out++ = '-';
		*out++ = c;
		if (*text == '-' && n % 4 == 3 && n < UUID_DIGITS - 1)
			text++;
	}
	*out = '\0';
	if (braces && *text++ != '}')
		return false;
	while (is_blank(*text))
		text++;
	return *text == '\0';
}

void
tplus_key_spell(TplusKeyKind kind, bool number, const char *text, char *out)
{
	size_t		len = strlen(text);

	switch (kind)
	{
		case TPLUS_KEY_OPEN:
			if (number && spell_number(text, out))
				return;
			break;
		case TPLUS_KEY_TEXT:
			break;
		case TPLUS_KEY_PADDED:
			while (len > 0 && text[len - 1] == ' ')
				len--;
			break;
		case TPLUS_KEY_NUMBER:
			if (spell_number(text, out))
				return;
			break;
		case TPLUS_KEY_UUID:
			if (spell_uuid(text, out))
				return;
			break;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}
