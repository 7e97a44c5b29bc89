/*-------------------------------------------------------------------------
 *
 * json.c
 *		Tests of the JSON documents over cJSON, without a server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/json.c
 *
 *-------------------------------------------------------------------------
 */
#include "parsing.h"

/*
 * Are the hooks cJSON's own?  With ours, the first allocation would find no
 * arena, and the tree could not be freed.
 */
static bool
hooks_are_default(void)
{
	char	   *memory = cJSON_malloc(10);
	cJSON	   *root = cJSON_Parse("{\"a\":[1,\"b\"]}");
	bool		good = memory != NULL && root != NULL && hook_arena == NULL;

	free(memory);
	cJSON_Delete(root);
	return good;
}

static void
test_values(void)
{
	static const char *const cases[][2] = {
		{"null", "null"},
		{" true\t", "true"},
		{"\r\nfalse\n", "false"},
		{"0", "0"},
		{"\"\"", "\"\""},
		{"[]", "[]"},
		{"{}", "{}"},
		{"[ ]", "[]"},
		{"{ }", "{}"},
		{"[1,[2,{\"a\":[]}],\"b\"]", "[1,[2,{\"a\":[]}],\"b\"]"},
		{" { \"a\" : 1 , \"b\" : [ 2 , 3 ] } ", "{\"a\":1,\"b\":[2,3]}"},
		{"\xEF\xBB\xBF{\"a\":1}", "{\"a\":1}"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\"",
		"\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\""},
		{"\"\\u4e2d\\u6587\\uD83D\\uDE00\"",
		"\"\xE4\xB8\xAD\xE6\x96\x87\xF0\x9F\x98\x80\""},
		{"\"\\u00e9\\u07FF\\u0800\\uffff\"",
		"\"\xC3\xA9\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\""},
		{"\"\xE4\xB8\xAD\"", "\"\xE4\xB8\xAD\""},
		/* Some servers do not escape these. */
		{"\"a\tb\nc\x01\x7F\"", "\"a\\tb\\nc\\u0001\x7F\""},
		/* Invalid UTF-8 is for the reader of the string to refuse. */
		{"\"\xFF\xC3\"", "\"\xFF\xC3\""},
		{"{\"\":1,\"A\":2,\"a\":3}", "{\"\":1,\"A\":2,\"a\":3}"},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		is(print(parse(cases[i][0])), cases[i][1], cases[i][0]);
		is(print(parse(cases[i][1])), cases[i][1], "and printed again");
	}
}

typedef struct Refusal
{
	const char *text;
	const char *problem;
	size_t		offset;
} Refusal;

static const Refusal refusals[] = {
	{"", "unexpected end", 0},
	{" \n", "unexpected end", 2},
	{"\xEF\xBB\xBF", "unexpected end", 3},
	{"\xEF\xBB", "unexpected character", 0},
	{"{", "unexpected end", 1},
	{"[1", "unexpected end", 2},
	{"{\"a\"", "unexpected end", 4},
	{"{\"a\":", "unexpected end", 5},
	{"\"a", "unexpected end", 2},
	{"\"a\\", "unexpected end", 3},
	{"nul", "unexpected character", 0},
	{"nulL", "unexpected character", 0},
	{"True", "unexpected character", 0},
	{"trueish", "text after the end", 4},
	{"<html>", "unexpected character", 0},
	{"'a'", "unexpected character", 0},
	{"[,1]", "unexpected character", 1},
	{"[1,]", "unexpected character", 3},
	{"[1 2]", "unexpected character", 3},
	{"[1:2]", "unexpected character", 2},
	{"{\"a\":1,}", "unexpected character", 7},
	{"{,}", "unexpected character", 1},
	{"{1:2}", "unexpected character", 1},
	{"{a:2}", "unexpected character", 1},
	{"{\"a\" 2}", "unexpected character", 5},
	{"{\"a\":2 \"b\":3}", "unexpected character", 7},
	{"{\"a\":}", "unexpected character", 5},
	{"]", "unexpected character", 0},
	{"[1}", "mismatched bracket", 2},
	{"{\"a\":1]", "mismatched bracket", 6},
	{"[1]]", "text after the end", 3},
	{"{}{}", "text after the end", 2},
	{"1 2", "text after the end", 2},
	{"null,", "text after the end", 4},
	{"[] /* */", "text after the end", 3},
	{"\"\\x\"", "invalid escape", 1},
	{"\"\\u12\"", "invalid escape", 1},
	{"\"\\u12g4\"", "invalid escape", 1},
	{"\"\\U1234\"", "invalid escape", 1},
	{"\"a\\ud83d\"", "unpaired surrogate", 2},
	{"\"a\\ud83d\\n\"", "unpaired surrogate", 2},
	{"\"\\ud83d\\ud83d\\ude00\"", "unpaired surrogate", 1},
	{"\"\\ude00\"", "unpaired surrogate", 1},
	{"\"\\ud83d\\u0041\"", "unpaired surrogate", 1},
	{"01", "invalid number", 0},
	{"-", "invalid number", 0},
	{"-a", "invalid number", 0},
	{"1.", "invalid number", 0},
	{"1.e5", "invalid number", 0},
	{"[.5]", "unexpected character", 1},
	{"[+1]", "unexpected character", 1},
	{"1-2", "invalid number", 0},
	{"--1", "invalid number", 0},
	{"1e", "invalid number", 0},
	{"1e+", "invalid number", 0},
	{"1.2.3", "invalid number", 0},
	{"0x1F", "invalid number", 0},
	{"1e5.5", "invalid number", 0},
	{"1_000", "text after the end", 1},
	{"NaN", "unexpected character", 0},
	{"Infinity", "unexpected character", 0},
	{"[-Infinity]", "invalid number", 1},
};

static void
test_refusals(void)
{
	for (size_t i = 0; i < lengthof(refusals); i++)
	{
		bool		refused = parse(refusals[i].text) == NULL;

		if (!ok(refused && strcmp(problem, refusals[i].problem) == 0 &&
				offset == refusals[i].offset, "refused: %s", refusals[i].text))
			printf("# got %s at %zu\n", refused ? problem : "a tree", offset);
	}
	ok(parse_bytes("\"a\0b\"", 5) == NULL && offset == 2 &&
	   strcmp(problem, "NUL byte in a string") == 0, "a NUL byte in a string");
	ok(parse_bytes("[1]\0", 4) == NULL && offset == 3 &&
	   strcmp(problem, "text after the end") == 0, "a NUL byte at the end");
}

static void
test_prefixes(void)
{
	static const char text[] = "{\"a\":[1.5e-3,\"\\u4e2d\\ud83d\\ude00\"],"
	"\"b\":{\"c\":null,\"d\":true}}";
	int			accepted = 0;

	for (size_t len = 0; len < strlen(text); len++)
		accepted += parse_bytes(text, len) != NULL;
	ok(accepted == 0 && parse(text) != NULL, "no beginning of a text is one");
}

static void
test_numbers(void)
{
	static const char *const numbers[] = {
		"0", "-0", "-0.0", "9007199254740993", "-9223372036854775808",
		"123456789012345678901234567890", "0.12345678901234567890", "1E+2",
		"1e400", "-1e-400", "1.250000", "19999999999999.995", "1E5", "0e0",
	};
	char		text[6000];
	TplusJson  *node;

	for (size_t i = 0; i < lengthof(numbers); i++)
	{
		is(tplus_json_text(parse(numbers[i])), numbers[i], numbers[i]);
		snprintf(text, sizeof(text), "{\"a\":[%s,{\"b\":%s}],\"c\":\"x\"}",
				 numbers[i], numbers[i]);
		is(print(parse(text)), text, "and within a document");
	}

	memset(text, '7', sizeof(text));
	text[0] = '[';
	text[63] = text[127] = text[192] = ',';
	memcpy(text + 5000, ",8]", 4);
	node = tplus_json_first(parse(text));
	ok(strlen(tplus_json_text(node)) == 62, "a number of 62 digits");
	node = tplus_json_next(node);
	ok(strlen(tplus_json_text(node)) == 63, "a number of 63 digits");
	node = tplus_json_next(node);
	ok(strlen(tplus_json_text(node)) == 64, "a number of 64 digits");
	node = tplus_json_next(node);
	ok(strlen(tplus_json_text(node)) == 4807, "a number of 4807 digits");
	is(tplus_json_text(tplus_json_next(node)), "8", "the number after it");
}

static void
test_depth(void)
{
	static const char *const brackets[][3] = {
		{"[", "", "]"}, {"{\"a\":", "1", "}"},
	};
	static char text[600000];

	for (int i = 0; i < 2; i++)
	{
		for (int depth = 64; depth <= 65; depth++)
		{
			text[0] = '\0';
			for (int n = 0; n < depth; n++)
				strcat(text, brackets[i][0]);
			strcat(text, brackets[i][1]);
			for (int n = 0; n < depth; n++)
				strcat(text, brackets[i][2]);
			if (depth == 64)
				is(print(parse(text)), text, "64 levels");
			else
				ok(parse(text) == NULL &&
				   strcmp(problem, "nesting deeper than 64") == 0 &&
				   offset == 64 * strlen(brackets[i][0]), "65 levels");
		}
	}
	memset(text, '[', sizeof(text));
	ok(parse_bytes(text, sizeof(text)) == NULL && offset == 64,
	   "a bomb of brackets");
}

static void
test_nul_escapes(void)
{
	TplusJson  *root = parse("{\"x\":\"a\\u0000b\",\"k\\u0000\":2,\"y\":"
							 "\"\\u0000\\u0000\\\\u0000\",\"z\":3}");
	TplusJson  *node = tplus_json_first(root);

	is(tplus_json_text(node), "a" TPLUS_JSON_NUL "b", "\\u0000 in a string");
	ok(print(node) == NULL, "is not printed");
	node = tplus_json_next(node);
	is(tplus_json_key(node), "k" TPLUS_JSON_NUL, "\\u0000 in a key");
	is(tplus_json_text(node), "2", "the number after it");
	node = tplus_json_next(node);
	is(tplus_json_text(node), TPLUS_JSON_NUL TPLUS_JSON_NUL "\\u0000",
	   "several, and one that is none");
	is(tplus_json_text(tplus_json_get(root, "z", NULL)), "3", "what follows");
	ok(print(root) == NULL, "an object with one is not printed");
	ok(print(parse("{\"k\\u0000\":2}")) == NULL, "nor with one in a key");
}

static void
test_kinds(void)
{
	static const struct
	{
		const char *text;
		TplusJsonKind kind;
		const char *scalar;
	}			cases[] = {
		{"null", TPLUS_JSON_NULL, "null"},
		{"true", TPLUS_JSON_BOOL, "true"},
		{"false", TPLUS_JSON_BOOL, "false"},
		{"1.50", TPLUS_JSON_NUMBER, "1.50"},
		{"\"true\"", TPLUS_JSON_STRING, "true"},
		{"[true]", TPLUS_JSON_ARRAY, NULL},
		{"{\"a\":1}", TPLUS_JSON_OBJECT, NULL},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		TplusJson  *node = parse(cases[i].text);

		ok(tplus_json_kind(node) == cases[i].kind, "kind of %s",
		   cases[i].text);
		is(tplus_json_text(node), cases[i].scalar, "its text");
		ok(tplus_json_is_true(node) == (i == 1), "is it true?");
	}
	ok(tplus_json_kind(NULL) == TPLUS_JSON_MISSING &&
	   tplus_json_text(NULL) == NULL && !tplus_json_is_true(NULL) &&
	   tplus_json_get(NULL, "a", NULL) == NULL &&
	   tplus_json_get_nocase(NULL, "a") == NULL &&
	   tplus_json_path(NULL, "a") == NULL && tplus_json_first(NULL) == NULL &&
	   tplus_json_next(NULL) == NULL && tplus_json_key(NULL) == NULL &&
	   tplus_json_length(NULL) == 0, "what is missing has nothing");
}

static void
test_members(void)
{
	TplusJson  *root = parse("{\"ID\":1,\"Id\":2,\"name\":3,\"Ts\":4,"
							 "\"name\":5,\"a\":{\"b\":{\"c\":6},\"b.c\":7},"
							 "\"\xC3\x84\":8,\"d\":[{\"e\":9}]}");
	bool		duplicate = false;

	is(tplus_json_text(tplus_json_get(root, "Id", &duplicate)), "2",
	   "an exact key");
	ok(!duplicate, "occurs once");
	ok(tplus_json_get(root, "id", NULL) == NULL, "case matters");
	ok(tplus_json_get(root, "", NULL) == NULL, "no empty key");
	ok(tplus_json_get(root, "I", NULL) == NULL, "no part of a key");
	is(tplus_json_text(tplus_json_get(root, "name", &duplicate)), "3",
	   "the first of two");
	ok(duplicate, "occurs twice");
	is(tplus_json_text(tplus_json_get(root, "name", NULL)), "3",
	   "the first of two, not asked");
	is(tplus_json_text(tplus_json_get_nocase(root, "TS")), "4",
	   "a key without case");
	ok(tplus_json_get_nocase(root, "id") == NULL, "two of them are none");
	ok(tplus_json_get_nocase(root, "\xC3\xA4") == NULL, "ASCII only");
	ok(tplus_json_get_nocase(root, "t") == NULL &&
	   tplus_json_get_nocase(root, "tss") == NULL, "no part of a key");
	is(tplus_json_text(tplus_json_path(root, "a.b.c")), "6", "a path");
	is(tplus_json_text(tplus_json_path(root, "Ts")), "4", "a path of one");
	ok(tplus_json_path(root, "a.b.d") == NULL &&
	   tplus_json_path(root, "a.x.c") == NULL &&
	   tplus_json_path(root, "a.B.c") == NULL &&
	   tplus_json_path(root, "d.e") == NULL &&
	   tplus_json_path(root, "Ts.x") == NULL &&
	   tplus_json_path(root, "a.") == NULL &&
	   tplus_json_path(root, "") == NULL, "paths to nowhere");
	ok(tplus_json_length(root) == 8, "the length counts both of two");
	ok(tplus_json_length(tplus_json_get(root, "d", NULL)) == 1 &&
	   tplus_json_key(tplus_json_first(tplus_json_get(root, "d", NULL))) ==
	   NULL, "elements have no keys");
	ok(tplus_json_get(tplus_json_get(root, "d", NULL), "e", NULL) == NULL,
	   "arrays have no members");
	ok(print(root) == NULL, "an object with a key twice is not printed");
	ok(print(parse("[{\"a\":{\"x\":1,\"y\":2,\"x\":1}}]")) == NULL,
	   "nor within another value");
	is(print(NULL), "", "nothing is printed as nothing");
}

static void
parse_afresh(const char *text, size_t len)
{
	arena = tplus_json_arena_create(NULL);
	parse_bytes(text, len);
}

static void
test_hooks(void)
{
	volatile int failures = 0;
	volatile int unlike = 0;
	bool		thrown;

	parse("[1]");
	ok(hooks_are_default(), "hooks after a parse");
	parse("[1");
	ok(hooks_are_default(), "hooks after a refusal");

	/* Let each allocation of a parse in a fresh arena fail. */
	do
	{
		static char text[200000];

		memset(text, ' ', sizeof(text));
		for (size_t i = 0; i < sizeof(text) - 10; i += 10)
			memcpy(text + i, "1234,\"ab\",", 10);
		text[0] = '[';
		text[sizeof(text) - 11] = ']';
		heap_countdown = failures;
		thrown = CATCH(parse_afresh(text, sizeof(text)));
		heap_countdown = -1;
		if (thrown && error_code != ERRCODE_OUT_OF_MEMORY)
			unlike++;
		if (!hooks_are_default())
			unlike++;
		failures++;
	} while (thrown);
	ok(failures > 6 && unlike == 0, "%d allocations may fail", failures - 1);

	arena = tplus_json_arena_create(NULL);
	is(print(parse("{\"a\":1}")), "{\"a\":1}", "a parse after failures");
}

static void
test_arena(void)
{
	static char text[3000000];
	TplusJson  *first;
	TplusJson  *second;
	Size		held;
	Size		len = 0;

	first = parse("{\"a\":\"first\",\"n\":1.10}");
	for (int i = 0; i < 100000; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%d.50,\"s%d\"",
						i > 0 ? "," : "[", i, i);
	text[len++] = ']';
	second = parse_bytes(text, len);
	is(print(first), "{\"a\":\"first\",\"n\":1.10}",
	   "a tree outlives the next parse");
	text[len] = '\0';
	is(print(second), text, "a document of 200000 values");

	/* Resets keep the first block only, and no large copy. */
	tplus_json_arena_reset(arena);
	heap_reset();
	arena = tplus_json_arena_create(NULL);
	held = 0;
	for (int i = 0; i < 10; i++)
	{
		parse_bytes(text, len);
		parse("[1]");
		tplus_json_arena_reset(arena);
		parse("[1]");
		tplus_json_arena_reset(arena);
		if (i == 0)
			held = heap_bytes;
	}
	ok(heap_bytes == held && held < 100000, "a reset arena holds %zu bytes",
	   heap_bytes);
	is(print(parse("[1,2.0]")), "[1,2.0]", "a parse after resets");
}

int
main(void)
{
	arena = tplus_json_arena_create(NULL);
	ok(strcmp(cJSON_Version(), "1.7.15") >= 0, "cJSON %s", cJSON_Version());
	test_values();
	test_refusals();
	test_prefixes();
	test_numbers();
	test_depth();
	test_nul_escapes();
	test_kinds();
	test_members();
	test_arena();
	test_hooks();
	heap_reset();
	return done();
}
