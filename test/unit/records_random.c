/*-------------------------------------------------------------------------
 *
 * records_random.c
 *		Tests of the splitter with random documents, cuts and damage.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/records_random.c
 *
 *-------------------------------------------------------------------------
 */
#include "reading.h"

/* A generator of numbers that is the same everywhere. */
static uint64_t seed;

static unsigned
pick(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned) ((seed >> 33) % n);
}

/* Appends any string. */
static void
put_any_string(Text *text)
{
	static const char *const parts[] = {
		"a", "Data", "\\\"", "\\\\", "\\u4e2d", "\\ud83d\\ude00", "{", "}",
		"[", "]", ",", ":", "\xE4\xB8\xAD", "\xF0\x9F\x98\x80", " ", "\\n",
	};

	put_string(text, "\"");
	for (unsigned i = pick(6); i > 0; i--)
		put_string(text, parts[pick(sizeof(parts) / sizeof(parts[0]))]);
	put_string(text, "\"");
}

/* Appends any value; objects have no member that could hold rows. */
static void
put_any(Text *text, int depth)
{
	static const char *const words[] = {"0", "-1.5e+3", "true", "null"};
	unsigned	kind = pick(depth > 4 ? 2 : 4);

	if (kind == 0)
		put_string(text, words[pick(4)]);
	else if (kind == 1)
		put_any_string(text);
	else
	{
		put_string(text, kind == 2 ? "{" : "[");
		for (unsigned i = pick(4), n = i; i > 0; i--)
		{
			if (i < n)
				put_string(text, pick(2) ? "," : " ,\n");
			if (kind == 2)
				put_string(text, pick(2) ? "\"x\":" : "\"y\" : ");
			put_any(text, depth + 1);
		}
		put_string(text, kind == 2 ? "}" : "]");
	}
}

/* Appends the text of a document as a string. */
static void
put_quoted(Text *text, const Text *document)
{
	put_string(text, "\"");
	for (size_t i = 0; i < document->len; i++)
	{
		char		escape[8];

		if (document->data[i] == '"' || document->data[i] == '\\')
			put_string(text, "\\");
		if (document->data[i] == '\n')
			put_string(text, "\\n");
		else if (pick(20) == 0 && document->data[i] > 0 &&
				 document->data[i] != '"' && document->data[i] != '\\')
		{
			snprintf(escape, sizeof(escape), "\\u%04x", document->data[i]);
			put_string(text, escape);
		}
		else
			put(text, document->data + i, 1);
	}
	put_string(text, "\"");
}

/* A document with rows, and what it must yield. */
static void
make_document(Text *body, Text *expected)
{
	static const char *const wrappers[][2] = {
		{"[", "]"},
		{"{\"TotalCount\":3,\"Data\":[", "]}"},
		{"{\"data\":{\"Columns\":[\"a\"],\"Rows\":[", "],\"n\":1}}"},
		{"{\"result\": {\"Data\" :[", "] } }"},
	};
	unsigned	wrapper = pick(4);
	static Text plain;

	plain.len = 0;
	expected->len = 0;
	put_string(&plain, wrappers[wrapper][0]);
	for (unsigned i = pick(5), n = i; i > 0; i--)
	{
		size_t		from;

		if (i < n)
			put_string(&plain, pick(3) ? "," : "\n , ");
		from = plain.len;
		put_string(&plain, "{\"k\":");
		put_any(&plain, 0);
		put_string(&plain, "}");
		put(expected, plain.data + from, plain.len - from);
		put_string(expected, "\n");
	}
	put_string(&plain, wrappers[wrapper][1]);
	put_string(expected, "end, rows: ");
	put_string(expected, wrappers[wrapper][0]);
	put_string(expected, wrappers[wrapper][1]);

	body->len = 0;
	if (pick(4) == 0)
		put_quoted(body, &plain);
	else
		put(body, plain.data, plain.len);
}

/* Reads with up to eight random cuts. */
static void
read_randomly(const Reading *reading, Text *outcome)
{
	size_t		cuts[8];
	size_t		n = 0;
	size_t		at = 0;

	while (n < 8 && at < reading->len)
	{
		at += pick((unsigned) (reading->len - at) / 2 + 2);
		if (at <= reading->len)
			cuts[n++] = at;
	}
	read_cut(reading, cuts, n, outcome);
}

static void
test_random(void)
{
	static Text body;
	static Text expected;
	static Text outcome;
	static Text damaged;
	int			wrong = 0;
	int			unlike = 0;
	int			complete = 0;

	seed = 20260101;
	for (int round = 0; round < 20000; round++)
	{
		Reading		reading = {"auto", CAP, CAP, body.data, 0};
		size_t		at;

		make_document(&body, &expected);
		reading.len = body.len;
		read_randomly(&reading, &outcome);
		if (strcmp(outcome.data, expected.data) != 0 && wrong++ == 0)
		{
			diag("body", body.data);
			diag("got", outcome.data);
			diag("expected", expected.data);
		}

		/* No beginning of it looks complete, except as a string's. */
		at = pick((unsigned) body.len);
		reading.len = at;
		read_randomly(&reading, &outcome);
		if (at > 0 && strstr(outcome.data, "end, ") == outcome.data)
			complete++;

		/* Whatever it is with a byte changed, the cuts do not matter. */
		reading.len = body.len;
		body.data[pick((unsigned) body.len)] = "{}[]\",:\\ 1x\0"[pick(12)];
		read_cut(&reading, NULL, 0, &damaged);
		read_randomly(&reading, &outcome);
		if ((outcome.len != damaged.len ||
			 memcmp(outcome.data, damaged.data, outcome.len) != 0) &&
			unlike++ == 0)
		{
			diag("body", body.data);
			diag("got", outcome.data);
			diag("expected", damaged.data);
		}
	}
	ok(wrong == 0, "20000 random documents yield their records");
	ok(complete == 0, "no beginning of them is complete");
	ok(unlike == 0, "damaged ones fail the same however they are cut");
}

int
main(void)
{
	test_random();
	return done();
}
