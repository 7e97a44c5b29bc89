/*-------------------------------------------------------------------------
 *
 * records.c
 *		Tests of the splitter of responses, without a server.
 *
 * What a body yields is written as one text: each record on a line of its
 * own, then how the scan ended, whether there were rows, and the envelope.
 * It must not depend on how the body is cut into pieces.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/records.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/json_text.c"
#include "net/places.c"
#include "net/records_scan.c"
#include "net/records.c"

#include "tap.h"

#define CAP		100000

/* A text that grows. */
typedef struct Text
{
	char		data[400000];
	size_t		len;
} Text;

static void
put(Text *text, const char *bytes, size_t len)
{
	if (len >= sizeof(text->data) - text->len)
		abort();
	memcpy(text->data + text->len, bytes, len);
	text->len += len;
	text->data[text->len] = '\0';
}

static void
put_string(Text *text, const char *string)
{
	put(text, string, strlen(string));
}

/* A body, how it is looked at, and where it is cut. */
typedef struct Reading
{
	const char *rows_path;
	size_t		max_record;
	size_t		max_envelope;
	const char *body;
	size_t		len;
} Reading;

/* Takes all that is there to be had. */
static TplusRecordsStatus
pull(TplusRecords *records, Text *outcome)
{
	TplusRecordsStatus status;
	const char *text;
	size_t		len;

	while ((status = tplus_records_next(records, &text, &len)) ==
		   TPLUS_RECORDS_RECORD)
	{
		put(outcome, text, len);
		put_string(outcome, "\n");
	}
	return status;
}

/* Writes how it ended. */
static void
conclude(TplusRecords *records, TplusRecordsStatus status, Text *outcome)
{
	char		line[200];
	const char *envelope;
	size_t		len;
	size_t		offset = 0;

	if (status == TPLUS_RECORDS_BROKEN)
	{
		const char *problem = tplus_records_problem(records, &offset);

		snprintf(line, sizeof(line), "%s at %zu", problem, offset);
		put_string(outcome, line);
	}
	else
		put_string(outcome, status == TPLUS_RECORDS_END ? "end" : "MORE");
	put_string(outcome, tplus_records_found(records) ? ", rows: " :
			   ", no rows: ");
	envelope = tplus_records_envelope(records, &len);
	put(outcome, envelope, len);
}

/*
 * Reads a body in pieces that end at the given cuts.  Each piece is handed
 * over in memory of its own, freed at once, so that a stale pointer shows.
 */
static void
read_cut(const Reading *reading, const size_t *cuts, size_t ncuts,
		 Text *outcome)
{
	TplusRecords *records = tplus_records_create(reading->rows_path,
												 reading->max_record,
												 reading->max_envelope);
	TplusRecordsStatus status;
	size_t		from = 0;

	outcome->len = 0;
	outcome->data[0] = '\0';
	for (size_t i = 0; i <= ncuts; i++)
	{
		size_t		to = i < ncuts ? cuts[i] : reading->len;
		char	   *piece = malloc(to - from + 1);

		memcpy(piece, reading->body + from, to - from);
		tplus_records_feed(records, piece, to - from);
		free(piece);
		pull(records, outcome);
		from = to;
	}
	tplus_records_finish(records);
	status = pull(records, outcome);
	if (pull(records, outcome) != status)
		put_string(outcome, "the end does not last");
	conclude(records, status, outcome);
	tplus_records_free(records);
}

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
	{"{\"result\":\"[{\\\"a\\\":\\\"\\ud83d\\ude00\\ud83d\\\"}]\"}",
	 "{\"a\":\"\xF0\x9F\x98\x80\xED\xA0\xBD\"}\nend, rows: {\"result\":[]}"},
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
	test_examples();
	test_paths();
	test_caps();
	test_depth();
	test_nul_bytes();
	test_long_keys();
	test_random();
	return done();
}
