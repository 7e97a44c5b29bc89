/*-------------------------------------------------------------------------
 *
 * messages.c
 *		Tests of what of a server's words is repeated, and what a code means.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/messages.c
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include "base/redact.c"
#include "base/error.c"

static int	encoding = PG_UTF8;

int
GetDatabaseEncoding(void)
{
	return encoding;
}

int
pg_utf_mblen(const unsigned char *s)
{
	return *s < 0xc0 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
}

bool
pg_utf8_islegal(const unsigned char *source, int length)
{
	if (*source < 0x80)
		return length == 1;
	for (int i = 1; i < length; i++)
	{
		if ((source[i] & 0xc0) != 0x80)
			return false;
	}
	return *source >= 0xc2 && length > 1;
}

int
pg_encoding_mbcliplen(int code, const char *mbstr, int len, int limit)
{
	int			used = 0;

	while (used < len)
	{
		int			next = used + pg_utf_mblen((const unsigned char *) mbstr + used);

		if (next > limit || next > len)
			break;
		used = next;
	}
	return used;
}

static const char *const secrets[] = {"canary-secret"};

static void
clips(const char *text, size_t max_bytes, const char *expected, const char *name)
{
	is(tplus_error_clip(text, strlen(text), max_bytes, secrets, 1), expected, name);
	heap_reset();
}

static void
test_clip(void)
{
	clips("a message", 100, "a message", "a short message");
	clips("a message", 9, "a message", "one that fits");
	clips("a message", 8, "a messag", "one that does not");
	clips("say canary-secret now", 100, "say *** now", "a secret");
	clips("say canary-secret now", 10, "say *** no", "one that would be cut off");
	clips("say canary-secret", 8, "say ***", "one that begins before the end");
	clips("say canary-secret", 6, "say **", "whose stars do not fit");
	clips("say canary-secret", 4, "say ", "one behind the end");
	clips("canary-secretcanary-secret", 100, "******", "two of them");
	clips("\345\214\227\344\272\254", 6, "\345\214\227\344\272\254", "two characters");
	clips("\345\214\227\344\272\254", 5, "\345\214\227", "one of them is cut off");
	clips("\345\214\227\344\272\254", 4, "\345\214\227", "also after its first byte");
	clips("\345\214\227\344\272\254", 2, "", "or the only one");
	clips("a\345\214", 100, "a??", "one that came cut off");
	clips("a\n\t\r\001\177z", 100, "a   ??z", "control characters");
	clips("a\x1b[2J\x7f\xc2\x9b" "2Jb\tc", 100, "a?[2J??2Jb c", "C0, DEL and C1");
	clips("a\xe2\x80\xae" "b\xe2\x80\xa9" "c\xe2\x81\xa6\xef\xbb\xbf" "d\xf3\xa0\x81\x81", 100, "a?b?c??d?",
		  "directions, ends of lines, and what has no width");
	clips("\xe5\xaf\x86\xc2\xa0\xf0\x9f\x98\x80", 100, "\xe5\xaf\x86\xc2\xa0\xf0\x9f\x98\x80", "other characters stay");
	is(tplus_error_clip("abc\0def", 7, 100, NULL, 0), "abc", "up to a zero byte");
	is(tplus_error_clip("abcdef", 3, 100, NULL, 0), "abc", "no more than came");
	encoding = PG_LATIN1;
	clips("a\345\214\227z", 100, "a?z", "characters that a database may lack");
	encoding = PG_UTF8;
	is(tplus_error_blot("say canary-secret\001", secrets, 1), "say ***\001", "blotted out only");
	heap_reset();
}

static bool
means(int status, const char *code, const char *extra, TplusRefusal refusal)
{
	return tplus_error_find(status, code, extra)->refusal == refusal;
}

static void
test_codes(void)
{
	ok(means(403, "50107", NULL, TPLUS_REFUSAL_TOKEN) && means(401, "4007", NULL, TPLUS_REFUSAL_TOKEN),
	   "dead tokens");
	ok(means(403, NULL, NULL, TPLUS_REFUSAL_TOKEN_MAYBE) && means(401, "other", NULL, TPLUS_REFUSAL_TOKEN_MAYBE),
	   "what may be one");
	ok(means(401, "70001", "70001,70002", TPLUS_REFUSAL_TOKEN) &&
	   means(403, "70002", "70001, 70002", TPLUS_REFUSAL_TOKEN) &&
	   means(401, "70002", " ,70001 ,70002,", TPLUS_REFUSAL_TOKEN), "codes of the user");
	ok(!means(401, "7000", "70001,70002", TPLUS_REFUSAL_TOKEN) &&
	   !means(401, "700011", "70001", TPLUS_REFUSAL_TOKEN) &&
	   !means(401, NULL, "70001", TPLUS_REFUSAL_TOKEN), "and none of them");
	ok(!means(400, "70001", "70001", TPLUS_REFUSAL_TOKEN) && !means(500, "70001", "70001", TPLUS_REFUSAL_TOKEN),
	   "which count with two statuses alone");
	ok(means(302, NULL, NULL, TPLUS_REFUSAL_FATAL) && means(399, "x", NULL, TPLUS_REFUSAL_FATAL) &&
	   means(300, NULL, NULL, TPLUS_REFUSAL_FATAL), "redirects");
	ok(means(400, NULL, NULL, TPLUS_REFUSAL_REQUEST) && means(499, NULL, NULL, TPLUS_REFUSAL_REQUEST) &&
	   means(299, NULL, NULL, TPLUS_REFUSAL_REQUEST), "what the client is to blame for");
	ok(means(501, NULL, NULL, TPLUS_REFUSAL_RETRY) && means(599, NULL, NULL, TPLUS_REFUSAL_RETRY) &&
	   means(500, NULL, NULL, TPLUS_REFUSAL_REQUEST), "and the server");
	ok(means(429, "any", NULL, TPLUS_REFUSAL_THROTTLE) && means(409, NULL, NULL, TPLUS_REFUSAL_THROTTLE) &&
	   means(401, "50112", NULL, TPLUS_REFUSAL_FATAL) && means(404, "EXERROR0001", NULL, TPLUS_REFUSAL_RETRY),
	   "throttled, spent, not reached");
}

int
main(void)
{
	test_clip();
	test_codes();
	return done();
}
