/*-------------------------------------------------------------------------
 *
 * json_record.c
 *		Tests of records parsed in one pass, without a server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/json_record.c
 *
 *-------------------------------------------------------------------------
 */
#include "parsing.h"

/* Are the trees the same? */
static bool
same_tree(const TplusJson *a, const TplusJson *b)
{
	for (; a != NULL && b != NULL; a = a->next, b = b->next)
	{
		uint32		len;

		if (a->kind != b->kind || (a->text == NULL) != (b->text == NULL) ||
			(a->text != NULL && strcmp(a->text, b->text) != 0) ||
			(a->key == NULL) != (b->key == NULL) ||
			(a->key != NULL && strcmp(a->key, b->key) != 0) ||
			(tplus_json_plain(a, &len) &&
			 (len != strlen(a->text) || strstr(a->text, TPLUS_JSON_NUL))) ||
			!same_tree(a->child, b->child))
			return false;
	}
	return a == b;
}

/* Records of a server, one after the other: '-' where one is left to cJSON. */
static const char *const records[] = {
	" {\"ID\":\"1\",\"Name\":\"a\",\"n\":1.50,\"b\":true}",
	" {\"ID\":\"2\",\"Name\":\"\xE4\xB8\xAD\",\"n\":-0,\"b\":false}",
	" {\"ID\":\"3\",\"n\":1e5 ,\"b\":null}",
	" {\"b\":null,\"ID\":\"\",\"Name\":\"x\\ty\\u4e2d\\ud83d\\ude00z\"}",
	" { \"ID\" : \"4\" , \"Name\" : 0 }\n",
	" {\"ID\": 5, \"Name\": \"\\\"\", \"Names\": \"\\\\\"}",
	" {\"ID\":\"6\",\"ID\":\"7\"}",
	" {}",
	" { }",
	" {\"\":\"\"}",
	" {\"c\":{\"Code\":\"01\",\"d\":{\"e\":{}}},\"ID\":\"8\"}",
	" {\"a\":[1,\"\\\\\",{\"ID\":\"]\"},[\"\\\"\"]],\"ID\":\"9\"}",
	" {\"a\":[],\"Name\":\"\\u0000\",\"x\":\"\xFF\",\"y\":12}",
	"-{\"I\\u0044\":\"10\"}",
	"-\xEF\xBB\xBF{\"ID\":\"11\"}",
	"-{\"ID\":[01]}",
	"-{\"ID\":\"12\",}",
	"-{\"ID\":\"13\"]",
	"-{\"ID\":\"14\"}}",
	"-{\"ID\":\"15",
	"-{\"ID\":\"16\\",
	"-{\"ID\":tru}",
	"-{\"ID\":[1,2}",
	"-{\"ID\":1-2}",
	"-{\"ID\":\"\\x\"}",
	"-{\"ID\":\"\\ud83d\"}",
	"-{\"ID\":\"1\" \"b\":2}",
	"-{\"ID\"=1}",
	"-[{\"ID\":1}]",
};

static void
test_records(void)
{
	for (size_t i = 0; i < 2 * lengthof(records); i++)
	{
		const char *text = records[i % lengthof(records)] + 1;
		bool		is_record = text[-1] == ' ';
		TplusJson  *quick = tplus_json_parse_record(arena, text, strlen(text));
		TplusJson  *slow = tplus_json_parse_any(arena, text, strlen(text),
												&problem, &offset);

		ok((quick != NULL) == is_record &&
		   (quick == NULL || same_tree(quick, slow)),
		   "%s%s", i < lengthof(records) ? "" : "again: ", text);
	}
}

static void
test_names(void)
{
	TplusJson  *first = parse("{\"ID\":1,\"Name\":2,\"x\":{\"ID\":3}}");
	const TplusJsonNames *names = tplus_json_names(first);
	int			id = tplus_json_names_number(names, "ID");
	int			name = tplus_json_names_number(names, "Name");
	TplusJson  *second;
	char		text[100];
	int			numbered = 0;

	ok(id > 0 && name > 0 && id != name &&
	   tplus_json_names_number(names, "Nam") == 0 &&
	   tplus_json_names_number(names, "id") == 0, "keys have numbers");
	ok(names->regular && names->record == first &&
	   tplus_json_names_member(names, id) == first->child &&
	   tplus_json_names_member(names, name) == first->child->next &&
	   tplus_json_names_member(names, 0) == NULL, "members have them too");
	second = parse("{\"Name\":4}");
	ok(tplus_json_names(second) == names && names->record == second &&
	   tplus_json_names_member(names, name) == second->child &&
	   tplus_json_names_member(names, id) == NULL, "only those of the last one");
	parse("{\"ID\":1,\"Name\":2,\"ID\":3}");
	ok(!names->regular, "a key that comes twice");
	parse("{\"ID\":1,\"Name\":2}");
	ok(names->regular, "and once again");
	parse("{\"ID\":1,}");
	ok(names->record == NULL, "what is no record has no members");
	ok(tplus_json_names(parse("[1]")) == NULL &&
	   tplus_json_names(first->child) == NULL &&
	   tplus_json_names(NULL) == NULL, "only records have names");

	for (int i = 0; i < 2 * TPLUS_JSON_MAX_NAMES; i++)
	{
		snprintf(text, sizeof(text), "{\"k%d\":%d}", i, i);
		second = parse(text);
		if (tplus_json_name(second->child) == 0)
			numbered += names->regular;
		else if (strcmp(names->names[second->child->name].key,
						second->child->key) == 0)
			numbered++;
	}
	ok(numbered <= TPLUS_JSON_MAX_NAMES &&
	   names->count == TPLUS_JSON_MAX_NAMES, "names are bounded");
	snprintf(text, sizeof(text), "{\"k%d\":1}", 2 * TPLUS_JSON_MAX_NAMES);
	is(print(parse(text)), text, "and what has none is read");
	arena = tplus_json_arena_create(NULL);
}

/* The length of the character at p as RFC 3629 has it, 0 if it is none. */
static int
utf8_length(const unsigned char *p, int avail)
{
	uint32		c;
	int			len = p[0] < 0x80 ? 1 : p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 2 :
	p[0] < 0xF0 ? 3 : p[0] < 0xF8 ? 4 : 0;

	if (len == 0 || len > avail)
		return 0;
	c = len == 1 ? p[0] : p[0] & (0x7F >> len);
	for (int i = 1; i < len; i++)
	{
		if ((p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3F);
	}
	return c < (uint32[])
	{
		0, 0, 0x80, 0x800, 0x10000
	}[len] || c > 0x10FFFF ||
		(c >= 0xD800 && c <= 0xDFFF) ? 0 : len;
}

static void
test_utf8(void)
{
	static const unsigned char tails[] = {
		0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF,
	};
	int			wrong = 0;

	/* Each first byte, with tails that matter, at each place of a word. */
	for (int first = 0; first < 256; first++)
	{
		for (size_t i = 0; i < 11 * 11 * 11; i++)
		{
			unsigned char text[20];
			int			pad = (int) (i % 9);
			int			len = pad + 1 + (int) (i / 3 % 4);
			int			at = 0;

			memset(text, 'x', sizeof(text));
			text[pad] = first;
			text[pad + 1] = tails[i % 11];
			text[pad + 2] = tails[i / 11 % 11];
			text[pad + 3] = tails[i / 121];
			while (at < len && utf8_length(text + at, len - at) > 0)
				at += utf8_length(text + at, len - at);
			wrong += tplus_json_is_utf8((char *) text, len) != (at == len);
		}
	}
	ok(wrong == 0, "valid and invalid UTF-8");
}

int
main(void)
{
	arena = tplus_json_arena_create(NULL);
	test_records();
	test_names();
	test_utf8();
	heap_reset();
	return done();
}
