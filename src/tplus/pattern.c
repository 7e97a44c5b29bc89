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

/* Keeps the run if it is longer than the best one; begins another. */
static void
end_run(StringInfo run, StringInfo best)
{
	char	   *text = run->data;
	int			len = run->len;

	/* Blanks at the ends count for SQL, and not always for T+. */
	while (len > 0 && text[len - 1] == ' ')
		len--;
	while (len > 0 && *text == ' ')
	{
		text++;
		len--;
	}
	if (len > best->len)
	{
		resetStringInfo(best);
		appendBinaryStringInfo(best, text, len);
	}
	resetStringInfo(run);
}

char *
tplus_pattern_run(const char *text, bool is_pattern, bool caseless)
{
	StringInfoData run;
	StringInfoData best;

	initStringInfo(&run);
	initStringInfo(&best);
	while (*text)
	{
		int			len = pg_mblen(text);

		if (is_pattern && (*text == '%' || *text == '_'))
		{
			end_run(&run, &best);
			text++;
			continue;
		}
		if (is_pattern && *text == '\\')
		{
			text++;
			if (*text == '\0')
				break;			/* an error that PostgreSQL will report */
			len = pg_mblen(text);
		}
		if ((unsigned char) *text < 0x20 || *text == 0x7f ||
			strchr(TPLUS_PATTERN_SPECIAL, *text) != NULL ||
			(caseless && !is_caseless(text, len)))
			end_run(&run, &best);
		else
			appendBinaryStringInfo(&run, text, len);
		text += len;
	}
	end_run(&run, &best);
	return best.len > 0 ? best.data : NULL;
}
