/*-------------------------------------------------------------------------
 *
 * redact.c
 *		Tests of finding secrets in text, without a server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/redact.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <time.h>

#include "base/redact.c"

#include "tap.h"

/* What is left of text, in a buffer of exactly its size. */
static const char *
redacted(const char *text, const char *const *secrets, int nsecrets)
{
	static char result[1000];
	size_t		len = strlen(text);
	char	   *copy = malloc(len + 1);
	size_t		to = 0;
	size_t		i = 0;

	/* No terminator: who reads on is caught. */
	copy = realloc(copy, len > 0 ? len : 1);
	memcpy(copy, text, len);
	while (i < len)
	{
		size_t		n = tplus_redact_match(copy + i, len - i, secrets,
										   nsecrets);

		result[to++] = n > 0 ? '*' : copy[i];
		i += n > 0 ? n : 1;
	}
	result[to] = '\0';
	free(copy);
	return result;
}

typedef struct Case
{
	const char *secret;
	const char *text;
	const char *expected;
} Case;

static const Case cases[] = {
	{"canary-1", "a canary-1, and canary-1", "a *, and *"},
	{"canary-1", "canary-canary-1", "canary-*"},
	{"canary-1", "canary-2 canar", "canary-2 canar"},
	{"canary-1", "ends in canary", "ends in *"},
	{"canary-1", "ends in canar", "ends in canar"},
	{"abc", "abc", "abc"},
	{"abcd", "abcd abc", "* abc"},
	{"a+b/c==d", "a+b/c==d", "*"},
	{"a+b/c==d", "a\\u002bb\\/c\\u003D=d", "*"},
	{"a+b/c==d", "a%2Bb%2fc%3D%3dd", "*"},
	{"a+b/c==d", "a&#43;b&#x2f;c&#x3D;=d", "*"},
	{"a+b/c==d", "a\\u002cb/c==d", "a\\u002cb/c==d"},
	{"say \"hi\" & <go>", "say+\\\"hi&quot; &amp; &lt;go%3e", "*"},
	{"it's \\ here", "it\\'s \\\\ here", "*"},
	{"it's \\ here", "it&apos;s \\ here", "*"},
	{"100%-sure", "100%-sure", "*"},
	{"100%-sure", "100%25-sure", "*"},
	{"abcdef//", "abcdef/%2", "*"},
	{"abcdef//", "abcdef/\\u00", "*"},
	{"abcdef//", "abcdef/\\u0042bcdef", "abcdef/\\u0042bcdef"},
	{"\xe5\xaf\x86\xe7\xa0\x81", "x\xe5\xaf\x86\xe7\xa0\x81y", "x*y"},
	{"\xe5\xaf\x86\xe7\xa0\x81", "%E5%AF%86%E7%A0%81", "*"},
	{"\xe5\xaf\x86\xe7\xa0\x81", "\\u5bc6\\u7801 &#x5BC6;&#30721; \\u5bc6\\u7802", "* * \\u5bc6\\u7802"},
	{"a0Bc-9D", "A0BC-9D a0bc-9d a\\u0030b%43-9&#x64;", "* * *"},
	{"a+b/c==d", "a%252Bb%25252fc%3D%253dd", "*"},
	{"a+b/c==d", "a\\\\u002bb\\\\\\/c==d", "*"},
	{"a+b/c==d", "a&amp;#43;b&amp;amp;#x2f;c==d", "*"},
	{"a\"b&c<d", "a\\\\\\\"b&amp;c&amp;lt;d a&amp;quot;b&amp;amp;c&lt;d", "* *"},
	{"100%-sure", "100%2525-sure", "100%2525-sure"},
	{"aBc-9D", "a\\u0062c-9D \\u0041bc-9d", "* *"},
	{"C:\\dir\\", "C:\\\\dir\\\\ C:\\dir\\", "* *"},
	{"canary-1", "x63616e6172792d31 63616E6172792D31", "x* *"},
	{"canary-1", "63616e617279", "*"},
	{"canary-1", "63616e6172792d32", "63616e6172792d32"},
	{"canary-1", "Y2FuYXJ5LTF9fX0=", "*F9fX0="},
	{"canary-1", "e2NhbmFyeS0xfX19", "e2*fX19"},
	{"canary-1", "eyJjYW5hcnktMX19fQ==", "eyJ*X19fQ=="},
	{"canary-1", "eyJjYW5hcnktQQ==", "eyJjYW5hcnktQQ=="},
	{"a>?b~~~?~>>?", "YT4/Yn5+fj9+Pj4/ YT4_Yn5-fj9-Pj4_", "* *"},
	{"a>?b~~~?~>>?", "YT4%2FYn5%2Bfj9%2bPj4%2F YT4\\/Yn5\\u002bfj9+Pj4\\/", "* *"},
};

/* Seconds that it takes to look for a secret everywhere in this. */
static double
search_seconds(char c, size_t len)
{
	const char *const secret = "canary-1";
	char	   *text = malloc(len);
	clock_t		begun = clock();
	size_t		i;

	memset(text, c, len);
	for (i = 0; i < len; i++)
		(void) tplus_redact_match(text + i, len - i, &secret, 1);
	free(text);
	return (double) (clock() - begun) / CLOCKS_PER_SEC;
}

int
main(void)
{
	const char *const nested[] = {NULL, "key-1", "key-1-secret", "ey-1-secret-2"};
	const char *const longer_first[] = {"key-1-secret", "key-1"};
	int			i;

	for (i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		const char *left = redacted(cases[i].text, &cases[i].secret, 1);

		if (!ok(strcmp(left, cases[i].expected) == 0, "%s in %s",
				cases[i].secret, cases[i].text))
			diag("left", left);
	}
	ok(strcmp(redacted("key-1-secret key-1 key-1-sec", nested, 4),
			  "* * *") == 0, "the longest secret counts");
	ok(strcmp(redacted("key-1-secret", longer_first, 2), "*") == 0,
	   "also if it is not the last one");
	ok(strcmp(redacted("", nested, 4), "") == 0, "no text");
	ok(strcmp(redacted("key-1", nested, 0), "key-1") == 0, "no secret");
	ok(search_seconds('\\', 200000) < 5, "backslashes are no longer work than others");
	return done();
}
