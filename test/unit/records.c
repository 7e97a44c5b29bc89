/*-------------------------------------------------------------------------
 *
 * records.c
 *		Tests of the splitter of responses, without a server.
 *
 * What a body yields must not depend on how it is cut into pieces.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/records.c
 *
 *-------------------------------------------------------------------------
 */
#include "reading.h"

/* Cut at each byte, at each pair of bytes if it is short, and at all bytes. */
static bool
same_for_all_cuts(const Reading *reading, const Text *whole)
{
	static Text outcome;
	static size_t cuts[CAP];

	for (size_t i = 0; i <= reading->len; i++)
	{
		cuts[0] = i;
		read_cut(reading, cuts, 1, &outcome);
		if (strcmp(outcome.data, whole->data) != 0)
		{
			printf("# cut at %zu\n", i);
			diag("got", outcome.data);
			return false;
		}
		for (size_t j = i; j <= reading->len && reading->len < 60; j++)
		{
			cuts[1] = j;
			read_cut(reading, cuts, 2, &outcome);
			if (strcmp(outcome.data, whole->data) != 0)
			{
				printf("# cut at %zu and %zu\n", i, j);
				diag("got", outcome.data);
				return false;
			}
		}
	}
	for (size_t i = 0; i < reading->len; i++)
		cuts[i] = i;
	read_cut(reading, cuts, reading->len, &outcome);
	if (strcmp(outcome.data, whole->data) != 0)
	{
		diag("got byte by byte", outcome.data);
		return false;
	}
	return true;
}

static void
check(const Reading *reading, const char *expected, const char *name)
{
	static Text whole;
	bool		good;

	read_cut(reading, NULL, 0, &whole);
	good = strcmp(whole.data, expected) == 0;
	if (!good)
	{
		diag("got", whole.data);
		diag("expected", expected);
	}
	ok(good && same_for_all_cuts(reading, &whole), "%s", name);
}

typedef struct Example
{
	const char *body;
	const char *expected;
} Example;
/* INDENT OFF */

/* Read with "auto" and caps that none of them reaches. */
static const Example examples[] = {
	/* Where the rows are. */
	{"[{\"a\":1},{\"b\":2}]", "{\"a\":1}\n{\"b\":2}\nend, rows: []"},
	{" [ {\"a\" : 1 } ,\r\n\t{ } ] ", "{\"a\" : 1 }\n{ }\nend, rows:  [] "},
	{"[]", "end, rows: []"},
	{"[ ]", "end, rows: []"},
	{"\xEF\xBB\xBF[{}]", "{}\nend, rows: []"},
	{"{\"TotalCount\":2,\"Data\":[{\"ID\":\"1\"},{\"ID\":\"2\"}]}",
	 "{\"ID\":\"1\"}\n{\"ID\":\"2\"}\nend, rows: {\"TotalCount\":2,\"Data\":[]}"},
	{"{\"Data\":[],\"TotalCount\":0}", "end, rows: {\"Data\":[],\"TotalCount\":0}"},
	{"{\"code\":\"0\",\"data\":{\"Columns\":[\"id\",\"code\"],\"Rows\":[[1,\"a\"],[2,\"]\"]],\"TotalPageNum\":1}}",
	 "[1,\"a\"]\n[2,\"]\"]\nend, rows: {\"code\":\"0\",\"data\":{\"Columns\":[\"id\",\"code\"],\"Rows\":[],\"TotalPageNum\":1}}"},
	{"{\"DataSource\":{\"Rows\":[{\"rowType\":\"D\"}]},\"ColumnSource\":{\"Rows\":[{\"Title\":\"x\"}]},\"Pages\":1}",
	 "{\"rowType\":\"D\"}\nend, rows: {\"DataSource\":{\"Rows\":[]},\"ColumnSource\":{\"Rows\":[{\"Title\":\"x\"}]},\"Pages\":1}"},
	{"{\"result\":[{}]}", "{}\nend, rows: {\"result\":[]}"},
	{"{\"result\":{\"Data\":[{}]}}", "{}\nend, rows: {\"result\":{\"Data\":[]}}"},
	{"{\"value\":[{}]}", "{}\nend, rows: {\"value\":[]}"},
	{"{\"D\\u0061t\\u0061\":[1]}", "1\nend, rows: {\"D\\u0061t\\u0061\":[]}"},

	/* What are no rows. */
	{"{\"errors\":[1],\"Data\":[2],\"Columns\":[3]}",
	 "2\nend, rows: {\"errors\":[1],\"Data\":[],\"Columns\":[3]}"},
	{"{\"DATA\":[1]}", "end, no rows: {\"DATA\":[1]}"},
	{"{\"x\":{\"Data\":[1]}}", "end, no rows: {\"x\":{\"Data\":[1]}}"},
	{"{\"x\":[{\"Data\":[1]}]}", "end, no rows: {\"x\":[{\"Data\":[1]}]}"},
	{"{\"Data\":null,\"TotalCount\":0}", "end, no rows: {\"Data\":null,\"TotalCount\":0}"},
	{"{\"Data\":{\"a\":[1]}}", "end, no rows: {\"Data\":{\"a\":[1]}}"},
	{"{\"code\":\"EXSV0011\",\"message\":\"[x]\",\"data\":{\"Code\":\"EXSV0011\",\"StatusCode\":400}}",
	 "end, no rows: {\"code\":\"EXSV0011\",\"message\":\"[x]\",\"data\":{\"Code\":\"EXSV0011\",\"StatusCode\":400}}"},
	{"{\"Data.Rows\":[1]}", "end, no rows: {\"Data.Rows\":[1]}"},
	{"{\"D\\xta\":[1]}", "end, no rows: {\"D\\xta\":[1]}"},
	{"{}", "end, no rows: {}"},
	{"null", "end, no rows: null"},
	{" null ", "end, no rows:  null "},
	{"\"\"", "end, no rows: \"\""},
	{"-12.5e+3", "end, no rows: -12.5e+3"},
	{"", "end, no rows: "},
	{" \r\n\t", "end, no rows: "},
	{"\xEF\xBB\xBF", "end, no rows: "},

	/* What a record may be. */
	{"[1,-2.5e3,true,false,null,\"s\",\"\",[],{},[[]]]",
	 "1\n-2.5e3\ntrue\nfalse\nnull\n\"s\"\n\"\"\n[]\n{}\n[[]]\nend, rows: []"},
	{"[\"]\",\"[\",\"\\\"\",\"\\\\\",\"\\\\\\\"]\"]",
	 "\"]\"\n\"[\"\n\"\\\"\"\n\"\\\\\"\n\"\\\\\\\"]\"\nend, rows: []"},
	{"[{\"a}\":\"]}\\\\\",\"b\":[{\"c\":\"{[\"}]}]",
	 "{\"a}\":\"]}\\\\\",\"b\":[{\"c\":\"{[\"}]}\nend, rows: []"},
	{"[{\"\xE4\xB8\xAD\":\"\xE6\x96\x87\",\"x\":\"\xFF\"}]",
	 "{\"\xE4\xB8\xAD\":\"\xE6\x96\x87\",\"x\":\"\xFF\"}\nend, rows: []"},
	{"[{\"Data\":[1],\"result\":\"[2]\"}]",
	 "{\"Data\":[1],\"result\":\"[2]\"}\nend, rows: []"},
	/* That these are no JSON is for the parser to say. */
	{"[{\"a\" 1}, {:}, nul, 1-2]", "{\"a\" 1}\n{:}\nnul\n1-2\nend, rows: []"},

	/* JSON text in a string. */
	{"\"[{\\\"a\\\":\\\"\\\\\\\"\\\\u4e2d\\u4e2d\\\"}]\"",
	 "{\"a\":\"\\\"\\u4e2d\xE4\xB8\xAD\"}\nend, rows: []"},
	{"{\"result\":\"[{\\\"a\\\":1},{}]\",\"z\":1}", "{\"a\":1}\n{}\nend, rows: {\"result\":[],\"z\":1}"},
	{"{\"y\":0,\"result\":\" [] \",\"z\":1}", "end, rows: {\"y\":0,\"result\": [] ,\"z\":1}"},
	{"{\"result\":\"{\\\"TotalCount\\\":1,\\\"Data\\\":[{\\\"a\\\":1},2]}\"}",
	 "{\"a\":1}\n2\nend, rows: {\"result\":{\"TotalCount\":1,\"Data\":[]}}"},
	{"{\"data\":{\"Rows\":\"[[1]]\",\"Columns\":[\"a\"]}}",
	 "[1]\nend, rows: {\"data\":{\"Rows\":[],\"Columns\":[\"a\"]}}"},
	{"{\"result\":\"[\\\"\\ud83d\\ude00\\\",{}]\"}", "end, no rows: {\"result\":\"[\\\"\\ud83d\\ude00\\\",{}]\"}"},
	{"{\"result\":\"[{\\\"a\\\":\\\"\\ud83d\\ude00\\\"}]\"}",
	 "{\"a\":\"\xF0\x9F\x98\x80\"}\nend, rows: {\"result\":[]}"},
	{"{\"result\":\"[{},\\ud83d\\\"\\\"]\"}", "{}\ninvalid escape at 15, rows: {\"result\":"},
	{"{\"result\":\"[{},\\ud83d\\u1234]\"}", "{}\ninvalid escape at 15, rows: {\"result\":"},
	{"{\"result\":\"[{},\\ude00]\"}", "{}\ninvalid escape at 15, rows: {\"result\":"},
	{"{\"result\":\"[{\\\"a\\\":\\\"\\ud83d\\\"}]\"}",
	 "end, no rows: {\"result\":\"[{\\\"a\\\":\\\"\\ud83d\\\"}]\"}"},
	{"{\"x\":\"[{}]\"}", "end, no rows: {\"x\":\"[{}]\"}"},
	{"{\"Data\":[],\"result\":\"[{}]\"}", "end, rows: {\"Data\":[],\"result\":\"[{}]\"}"},
	{"{\"result\":\"[]\",\"Data\":[1]}", "more than one array of rows at 22, rows: {\"result\":[],\"Data\":"},
	/* Strings that only begin like JSON. */
	{"{\"result\":\"[ERR] no\"}", "end, no rows: {\"result\":\"[ERR] no\"}"},
	{"{\"result\":\"[12:30] no\"}", "end, no rows: {\"result\":\"[12:30] no\"}"},
	{"{\"result\":\"[] no\"}", "end, no rows: {\"result\":\"[] no\"}"},
	{"{\"result\":\"[\",\"Data\":[1]}", "1\nend, rows: {\"result\":\"[\",\"Data\":[]}"},
	{"{\"result\":\"[\\x\",\"Data\":[1]}", "1\nend, rows: {\"result\":\"[\\x\",\"Data\":[]}"},
	{"{\"result\":\"{\\\"Data\\\":1}\"}", "end, no rows: {\"result\":\"{\\\"Data\\\":1}\"}"},
	{"{\"result\":\"\"}", "end, no rows: {\"result\":\"\"}"},
	/* A string within the text of a string is no third text. */
	{"{\"result\":\"{\\\"Data\\\":\\\"[{}]\\\"}\"}",
	 "end, no rows: {\"result\":\"{\\\"Data\\\":\\\"[{}]\\\"}\"}"},
	/* Once a record came out of it, what is wrong in it is wrong. */
	{"{\"result\":\"[{}\"}", "{}\nunexpected end at 10, rows: {\"result\":"},
	{"{\"result\":\"[{}{}]\"}", "{}\nunexpected character at 10, rows: {\"result\":"},
	{"{\"result\":\"[{}\\x]\"}", "{}\ninvalid escape at 14, rows: {\"result\":"},
	{"{\"result\":\"[{}", "{}\nunexpected end at 14, rows: {\"result\":"},

	/* Damage. */
	{"<html><body>502</body></html>", "unexpected character at 0, no rows: <html><body>502</body></html>"},
	{"  Service Unavailable", "unexpected character at 2, no rows:   Service Unavailable"},
	{"not found", "text after the end at 4, no rows: not found"},
	{"[{}{}]", "{}\nunexpected character at 3, rows: ["},
	{"[{} {}]", "{}\nunexpected character at 4, rows: ["},
	{"[1 2]", "1\nunexpected character at 3, rows: ["},
	{"[{},]", "{}\nunexpected character at 4, rows: ["},
	{"[,{}]", "unexpected character at 1, rows: ["},
	{"[{},,{}]", "{}\nunexpected character at 4, rows: ["},
	{"[{}:{}]", "{}\nunexpected character at 3, rows: ["},
	{"[{}}", "{}\nmismatched bracket at 3, rows: ["},
	{"[{]", "mismatched bracket at 2, rows: ["},
	{"[{\"a\":[}]", "mismatched bracket at 7, rows: ["},
	{"[{}]]", "{}\ntext after the end at 4, rows: []"},
	{"[{}][{}]", "{}\ntext after the end at 4, rows: []"},
	{"[{}] x", "{}\ntext after the end at 5, rows: [] "},
	{"[{}", "{}\nunexpected end at 3, rows: ["},
	{"[{},", "{}\nunexpected end at 4, rows: ["},
	{"[12", "unexpected end at 3, rows: ["},
	{"[\"a", "unexpected end at 3, rows: ["},
	{"[\"a\\", "unexpected end at 4, rows: ["},
	{"\"a\\", "unexpected end at 3, no rows: \"a\\"},
	{"{\"a", "unexpected end at 3, no rows: {\"a"},
	{"{\"a\":tru", "unexpected end at 8, no rows: {\"a\":tru"},
	{"{\"a\" 1}", "unexpected character at 5, no rows: {\"a\" 1}"},
	{"{\"a\":1 \"b\":2}", "unexpected character at 7, no rows: {\"a\":1 \"b\":2}"},
	{"{\"a\":1,}", "unexpected character at 7, no rows: {\"a\":1,}"},
	{"{,}", "unexpected character at 1, no rows: {,}"},
	{"{\"a\":[1}}", "mismatched bracket at 7, no rows: {\"a\":[1}}"},
	{"{\"Data\":[1]]", "1\nmismatched bracket at 11, rows: {\"Data\":[]"},
	{"{\"Data\":[1]", "1\nunexpected end at 11, rows: {\"Data\":[]"},
	{"}", "unexpected character at 0, no rows: }"},
	{"]", "unexpected character at 0, no rows: ]"},
	{"\xEF\xBB", "unexpected end at 2, no rows: \xEF\xBB"},
	{"\xEF\xBB\xBF<", "unexpected character at 3, no rows: <"},
	{"{\"Data\":[1],\"Data\":[2]}", "1\nmore than one array of rows at 19, rows: {\"Data\":[],\"Data\":"},
	{"{\"Data\":[],\"Rows\":[2]}", "more than one array of rows at 18, rows: {\"Data\":[],\"Rows\":"},
	{"{\"data\":{\"Rows\":[1]},\"data\":{\"Rows\":[2]}}",
	 "1\nmore than one array of rows at 36, rows: {\"data\":{\"Rows\":[]},\"data\":{\"Rows\":"},
};

/* INDENT ON */

static void
test_examples(void)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
	{
		Reading		reading = {"auto", CAP, CAP, examples[i].body,
			strlen(examples[i].body)
		};

		check(&reading, examples[i].expected, examples[i].body);
	}
}

static void
test_paths(void)
{
	static const struct
	{
		const char *path;
		const char *body;
		const char *expected;
	}			cases[] = {
		{".", "[1]", "1\nend, rows: []"},
		{".", "{\"Data\":[1]}", "end, no rows: {\"Data\":[1]}"},
		{".", "\"[{}]\"", "{}\nend, rows: []"},
		{"Data", "[1]", "end, no rows: [1]"},
		{"Data", "{\"Rows\":[1],\"Data\":[2]}",
		"2\nend, rows: {\"Rows\":[1],\"Data\":[]}"},
		{"a.b.c", "{\"a\":{\"b\":{\"c\":[1],\"d\":[2]},\"c\":[3]},\"c\":[4]}",
		"1\nend, rows: {\"a\":{\"b\":{\"c\":[],\"d\":[2]},\"c\":[3]},\"c\":[4]}"},
		{"a.b", "{\"a\":\"{\\\"b\\\":[{}]}\"}",
		"{}\nend, rows: {\"a\":{\"b\":[]}}"},
		{"a.b", "{\"a\":[[1],[2]]}", "end, no rows: {\"a\":[[1],[2]]}"},
		{"a.b", "{\"a\":[{\"b\":0},[2]],\"c\":[3]}",
		"end, no rows: {\"a\":[{\"b\":0},[2]],\"c\":[3]}"},
		{"a.b", "{\"a\":[{\"b\":[1]}]}", "end, no rows: {\"a\":[{\"b\":[1]}]}"},
		{"\xE6\x95\xB0", "{\"\\u6570\":[1]}", "1\nend, rows: {\"\\u6570\":[]}"},
		{"a", "{\"a\":[1],\"b\":{\"a\":[2]},\"a\":[3]}",
		"1\nmore than one array of rows at 27, rows: {\"a\":[],\"b\":{\"a\":[2]},\"a\":"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Reading		reading = {cases[i].path, CAP, CAP, cases[i].body,
			strlen(cases[i].body)
		};
		char		name[200];

		snprintf(name, sizeof(name), "rows at %s of %s", cases[i].path,
				 cases[i].body);
		check(&reading, cases[i].expected, name);
	}
}

static void
test_caps(void)
{
	static const struct
	{
		size_t		max_record;
		size_t		max_envelope;
		const char *body;
		const char *expected;
	}			cases[] = {
		{7, CAP, "[{\"a\":1},{\"b\":2}]", "{\"a\":1}\n{\"b\":2}\nend, rows: []"},
		{6, CAP, "[{},{\"a\":1},{}]",
		"{}\nrecord larger than the limit at 4, rows: ["},
		{6, CAP, "[{},{\"a\":12", "{}\nrecord larger than the limit at 4, rows: ["},
		/* The cap comes before what is wrong beyond it. */
		{6, CAP, "[{},{\"a\":1]]",
		"{}\nrecord larger than the limit at 4, rows: ["},
		{3, CAP, "[123,\"1\"]", "123\n\"1\"\nend, rows: []"},
		{3, CAP, "[1234]", "record larger than the limit at 1, rows: ["},
		{3, CAP, "[\"12\"]", "record larger than the limit at 1, rows: ["},
		{3, CAP, "[\"1\\\"\"]", "record larger than the limit at 1, rows: ["},
		{3, CAP, "{\"result\":\"[{},{ \\t }]\"}",
		"{}\nrecord larger than the limit at 10, rows: {\"result\":"},
		{CAP, 2, "[{}]", "{}\nend, rows: []"},
		{CAP, 17, "{\"a\":1,\"Data\":[1]}", "1\nend, rows: {\"a\":1,\"Data\":[]}"},
		{CAP, 16, "{\"a\":1,\"Data\":[1]}",
		"1\ntext around the rows larger than the limit at 17, rows: {\"a\":1,\"Data\":[]"},
		{CAP, 5, "{\"a\":1,\"Data\":[1]}",
		"text around the rows larger than the limit at 5, rows: {\"a\":"},
		{CAP, 12, "{\"Data\":[1],\"a\":[}",
		"1\ntext around the rows larger than the limit at 13, rows: {\"Data\":[],\""},
		{CAP, 5, "{\"abc\":\"defg\"}", "end, no rows: {\"abc"},
		{CAP, 5, "<html>", "unexpected character at 0, no rows: <html"},
		/* The text of a string that holds the rows does not count. */
		{CAP, 13, "{\"result\":\"[{},{},{}]\"}",
		"{}\n{}\n{}\nend, rows: {\"result\":[]}"},
		{CAP, 14, "{\"result\":\"[{},{},{}]\"}",
		"{}\n{}\n{}\nend, rows: {\"result\":[]}"},
		{CAP, 12, "{\"result\":\"[{},{},{}]\"}",
		"{}\n{}\n{}\ntext around the rows larger than the limit at 22, rows: {\"result\":[]"},
		{CAP, 11, "{\"result\":\"[{}]\"}",
		"{}\ntext around the rows larger than the limit at 11, rows: {\"result\":["},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Reading		reading = {"auto", cases[i].max_record,
			cases[i].max_envelope, cases[i].body, strlen(cases[i].body)
		};
		char		name[200];

		snprintf(name, sizeof(name), "caps %zu, %zu: %s",
				 cases[i].max_record, cases[i].max_envelope, cases[i].body);
		check(&reading, cases[i].expected, name);
	}
}

static void
test_depth(void)
{
	static Text body;
	static Text expected;
	Reading		reading = {"auto", CAP, CAP, body.data, 0};

	for (int depth = 64; depth <= 65; depth++)
	{
		body.len = 0;
		put_string(&body, "[");
		for (int i = 0; i < depth; i++)
			put_string(&body, i % 2 ? "[" : "{");
		expected.len = 0;
		put_string(&expected, "nesting deeper than 64 at 65, rows: [");
		if (depth == 64)
		{
			for (int i = depth; i-- > 0;)
				put_string(&body, i % 2 ? "]" : "}");
			expected.len = 0;
			put(&expected, body.data + 1, body.len - 1);
			put_string(&expected, "\nend, rows: []");
			put_string(&body, "]");
		}
		reading.len = body.len;
		check(&reading, expected.data, depth == 64 ?
			  "a record 64 deep" : "a record 65 deep");
	}

	body.len = 0;
	for (int i = 0; i < 65; i++)
		put_string(&body, "{\"x\":");
	reading.len = body.len;
	expected.len = 0;
	put_string(&expected, "nesting deeper than 64 at 320, no rows: ");
	put(&expected, body.data, body.len);
	check(&reading, expected.data, "an envelope 65 deep");

	/* The text of a string may be a document, which is shown as it came. */
	body.len = 0;
	put_string(&body, "\"");
	for (int i = 0; i < 66; i++)
		put_string(&body, "[");
	put_string(&body, "\"");
	reading.len = body.len;
	expected.len = 0;
	put_string(&expected, "nesting deeper than 64 at 0, no rows: ");
	put(&expected, body.data, body.len);
	check(&reading, expected.data, "a document 65 deep in a string");
}

static void
test_nul_bytes(void)
{
	Reading		reading = {"auto", CAP, CAP, "[\"a\0]\",\0", 8};
	static Text outcome;

	read_cut(&reading, NULL, 0, &outcome);
	ok(outcome.len > 20 && memcmp(outcome.data, "\"a\0]\"\n", 6) == 0 &&
	   strcmp(outcome.data + 6, "unexpected character at 7, rows: [") == 0,
	   "a NUL byte is a character in a string, and damage elsewhere");
}

static void
test_long_keys(void)
{
	static Text body;
	static Text outcome;
	static const size_t cut = 40000;

	for (size_t len = 65534; len <= 65535; len++)
	{
		Reading		reading = {"auto", CAP, CAP, body.data, 0};

		body.len = 0;
		put_string(&body, "{\"");
		for (size_t i = 0; i < len; i++)
			put_string(&body, "k");
		put_string(&body, "\":1,\"Data\":[1]}");
		reading.len = body.len;
		read_cut(&reading, &cut, 1, &outcome);
		if (len == 65534)
			ok(strncmp(outcome.data, "1\nend, rows: {\"k", 16) == 0 &&
			   outcome.len == body.len - 1 + strlen("1\nend, rows: "),
			   "a key of 64 kB is read");
		else
			ok(strncmp(outcome.data, "key too long at 1, no rows: {\"k",
					   30) == 0, "a longer one is refused");
	}
}

/* Two pieces and more of them are taken before the first is scanned. */
static void
test_undrained(void)
{
	static const char body[] = "{\"TotalCount\":1,\"Data\":[{\"a\":1},{\"b\":2}]}";
	static Text outcome;
	TplusRecords *records = tplus_records_create("auto", CAP, CAP);

	for (size_t i = 0; i < strlen(body); i++)
	{
		tplus_records_feed(records, body + i, 1);
		if (i == 3 || i == 20 || i == 29 || i == 37)
			pull(records, &outcome);
	}
	tplus_records_finish(records);
	conclude(records, pull(records, &outcome), &outcome);
	tplus_records_free(records);
	is(outcome.data, "{\"a\":1}\n{\"b\":2}\nend, rows: "
	   "{\"TotalCount\":1,\"Data\":[]}", "pieces fed one after the other");
}

/*
 * Records of some blocks of bytes, in which what could be mistaken for their
 * end stands at each place of a block.
 */
static void
test_blocks(void)
{
	static const char *const parts[] = {
		"}", "\\\"", "\\\\", "]}", "\\\"}", "{[", "\\u0022}",
		"\",\"b\":{\"c\":[1,\"}\"]},\"d\":\"",
	};
	static char body[1000];
	static char expected[1000];
	static Text outcome;
	int			wrong = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		for (int pad = 0; pad < 140; pad++)
		{
			Reading		reading = {"auto", CAP, CAP, body, 0};
			size_t		cuts[2];

			snprintf(body, sizeof(body),
					 "[{\"a\":\"%0*d%s%070d\",\"e\":1},{\"f\":\"%s%0*d\"}]",
					 pad, 0, parts[i], 7, parts[i], pad, 0);
			reading.len = strlen(body);
			snprintf(expected, sizeof(expected), "%.*s\n%senn, rows: []",
					 (int) (strstr(body, ",{\"f\"") - body - 1), body + 1,
					 strstr(body, "{\"f\""));
			/* The text after the second record is "]": make it the end. */
			memcpy(strstr(expected, "]enn"), "\nend", 4);
			read_cut(&reading, NULL, 0, &outcome);
			wrong += strcmp(outcome.data, expected) != 0;
			cuts[0] = (size_t) pad + 3;
			cuts[1] = cuts[0] + 64 < reading.len ? cuts[0] + 64 : reading.len;
			read_cut(&reading, cuts, 2, &outcome);
			wrong += strcmp(outcome.data, expected) != 0;
		}
	}
	ok(wrong == 0, "what looks like an end, at each place of a block");
}

int
main(void)
{
	test_examples();
	test_blocks();
	test_undrained();
	test_paths();
	test_caps();
	test_depth();
	test_nul_bytes();
	test_long_keys();
	return done();
}
