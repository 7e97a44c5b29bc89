/*-------------------------------------------------------------------------
 *
 * pattern.c
 *		What of a LIKE pattern T+ can be asked for.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/pattern.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/formatting.h"

#include "tplus/pattern.h"

/* What may become of a character beside others. */
typedef enum CharKind
{
	CHAR_OTHER,					/* it may change the one before it, or more */
	CHAR_LETTER,				/* a mark behind it may make another one of it */
	CHAR_SOLID					/* it stays what it is */
} CharKind;

/*
 * Characters that are common in records.  A server that sorts by language
 * takes "e" and the accent behind it for one letter, and so does not find "e"
 * there; PostgreSQL does.  Full-width forms of special characters are left
 * out, as they may be special, too.
 */
static const struct
{
	pg_wchar	first;
	pg_wchar	last;
	CharKind	kind;
}			char_kinds[] = {
	{0x20, 0x40, CHAR_SOLID},
	{'A', 'Z', CHAR_LETTER},
	{0x5b, 0x60, CHAR_SOLID},
	{'a', 'z', CHAR_LETTER},
	{0x7b, 0x7e, CHAR_SOLID},
	{0xc0, 0x24f, CHAR_LETTER}, /* Latin */
	{0x370, 0x482, CHAR_LETTER},	/* Greek, Cyrillic */
	{0x48a, 0x52f, CHAR_LETTER},
	{0x2010, 0x2027, CHAR_SOLID},	/* dashes, quotation marks */
	{0x3001, 0x3029, CHAR_SOLID},	/* Chinese punctuation */
	{0x3041, 0x3096, CHAR_LETTER},	/* kana */
	{0x30a1, 0x30fa, CHAR_LETTER},
	{0x3400, 0x4dbf, CHAR_SOLID},	/* ideographs */
	{0x4e00, 0x9fff, CHAR_SOLID},
	{0xac00, 0xd7a3, CHAR_LETTER},	/* Hangul */
	{0xff01, 0xff04, CHAR_SOLID},	/* full-width forms */
	{0xff06, 0xff20, CHAR_SOLID},
	{0xff21, 0xff3a, CHAR_LETTER},
	{0xff41, 0xff5a, CHAR_LETTER},
	{0x20000, 0x323af, CHAR_SOLID},
};

static CharKind
kind_of(const char *c, int len)
{
	pg_wchar	code;
	int			i;

	if (len == 1 && (IS_HIGHBIT_SET(*c) ||
					 strchr(TPLUS_PATTERN_SPECIAL, *c) != NULL))
		return CHAR_OTHER;
	code = utf8_to_unicode((const unsigned char *)
						   pg_server_to_any(c, len, PG_UTF8));
	for (i = 0; i < (int) lengthof(char_kinds); i++)
	{
		if (code >= char_kinds[i].first && code <= char_kinds[i].last)
			return char_kinds[i].kind;
	}
	return CHAR_OTHER;
}

/*
 * Has the character no case?  T+ does not tell case, and its idea of which
 * characters belong together is not PostgreSQL's: so letters of any script
 * that has case end a run, as does a full-width form.
 */
static bool
is_caseless(const char *c, int len)
{
	char	   *lower = str_tolower(c, len, DEFAULT_COLLATION_OID);
	char	   *upper = str_toupper(c, len, DEFAULT_COLLATION_OID);
	bool		caseless = strcmp(lower, upper) == 0;

	if (len == 1 && pg_ascii_tolower((unsigned char) *c) !=
		pg_ascii_toupper((unsigned char) *c))
		caseless = false;
	pfree(lower);
	pfree(upper);
	return caseless;
}

/* A run under way, and the longest so far. */
typedef struct Runs
{
	StringInfoData run;
	StringInfoData best;
	int			last;			/* length of the run's last character if it is
								 * a letter, or 0 */
} Runs;

/*
 * Keeps the run if it is longer than the best one; begins another.  open: in
 * a record, anything may follow it.
 */
static void
end_run(Runs *runs, bool open)
{
	char	   *text = runs->run.data;
	int			len = runs->run.len - (open ? runs->last : 0);

	/* Blanks at the ends count for SQL, and not always for T+. */
	while (len > 0 && text[len - 1] == ' ')
		len--;
	while (len > 0 && *text == ' ')
	{
		text++;
		len--;
	}
	if (len > runs->best.len)
	{
		resetStringInfo(&runs->best);
		appendBinaryStringInfo(&runs->best, text, len);
	}
	resetStringInfo(&runs->run);
	runs->last = 0;
}

/* A character that stands for itself. */
static void
take_char(Runs *runs, const char *c, int len, bool caseless)
{
	CharKind	kind = kind_of(c, len);

	if (kind == CHAR_OTHER || (caseless && !is_caseless(c, len)))
	{
		end_run(runs, true);
		return;
	}
	appendBinaryStringInfo(&runs->run, c, len);
	runs->last = kind == CHAR_LETTER ? len : 0;
}

char *
tplus_pattern_run(const char *text, bool is_pattern, bool caseless)
{
	Runs		runs = {0};

	initStringInfo(&runs.run);
	initStringInfo(&runs.best);
	while (*text)
	{
		int			len;

		if (is_pattern && (*text == '%' || *text == '_'))
		{
			end_run(&runs, true);
			text++;
			continue;
		}
		if (is_pattern && *text == '\\')
		{
			text++;
			if (*text == '\0')
				break;			/* an error that PostgreSQL will report */
		}
		len = pg_mblen(text);
		take_char(&runs, text, len, caseless);
		text += len;
	}
	end_run(&runs, !is_pattern);
	return runs.best.len > 0 ? runs.best.data : NULL;
}
