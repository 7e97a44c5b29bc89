/*-------------------------------------------------------------------------
 *
 * json.c
 *		JSON documents over cJSON: exact numbers, nodes in an arena.
 *
 * A text is scanned before cJSON sees it.  The scan holds it to RFC 8259
 * where cJSON is lax (numbers, text after the end, depth, NUL bytes), and
 * makes the copy that cJSON parses: each "\u0000", where cJSON would end the
 * string, becomes TPLUS_JSON_NUL, and each number, which cJSON would turn into
 * a double (and choke on beyond 63 characters), becomes a 0, its lexeme set
 * aside.  After the parse the lexemes are handed to the number nodes in the
 * order of the document.  The one thing that we tolerate and RFC 8259 does not
 * is a control character within a string: some servers send raw tabs and line
 * ends.
 *
 * cJSON's hooks have no argument and cannot be read back.  They are set
 * around one call of the parser, which calls nothing but them, and they never
 * throw: what is not to be had is reported after the parser has returned.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <cjson/cJSON.h>

#include "utils/json.h"
#include "utils/memutils.h"

#include "net/json.h"

/*
 * A record of 40 fields takes about 5 kB of nodes and strings, so that the
 * first block serves nearly all records; pages parsed at once make the blocks
 * grow.  What is larger than a block has one of its own.
 */
#define FIRST_BLOCK_BYTES	((size_t) 32 * 1024)
#define MAX_BLOCK_BYTES		((size_t) 1024 * 1024)

typedef struct Block
{
	struct Block *older;
	size_t		size;			/* with this header */
} Block;

#define BLOCK_HEADER	MAXALIGN(sizeof(Block))

struct TplusJsonArena
{
	MemoryContext context;
	Block	   *newest;			/* the first block is the oldest */
	char	   *next;			/* in the newest block */
	char	   *end;
	bool		exhausted;		/* an allocation failed */

	/* Of the text being parsed; kept for the next one. */
	char	   *copy;			/* what cJSON parses */
	size_t		copy_size;
	char	  **lexemes;		/* of its numbers, each in the arena */
	size_t		nlexemes;
	size_t		max_lexemes;
};

/* What may come next. */
typedef enum Expect
{
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END,		/* after "[" */
	EXPECT_KEY,
	EXPECT_KEY_OR_END,			/* after "{" */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END
} Expect;

typedef struct Scan
{
	TplusJsonArena *arena;
	const char *p;				/* the next byte to look at */
	const char *end;
	const char *copied;			/* bytes before it are in the copy */
	char	   *out;			/* end of the copy */
	Expect		expect;
	int			depth;			/* open brackets */
	uint64		arrays;			/* bit n: the bracket at depth n is a "[" */
	const char *problem;
	const char *problem_at;
} Scan;

/* Classes of bytes, as bits. */
#define BLANK		1
#define DIGIT		2
#define NUMBER		4			/* may be in what is meant as a number */
#define STRING_STOP 8			/* ends a run of plain bytes in a string */

static const uint8 byte_class[256] = {
	[' '] = BLANK,['\t'] = BLANK,['\n'] = BLANK,['\r'] = BLANK,
	['0' ... '9'] = DIGIT | NUMBER,['+'] = NUMBER,['-'] = NUMBER,
	['.'] = NUMBER,['a' ... 'z'] = NUMBER,['A' ... 'Z'] = NUMBER,
	['"'] = STRING_STOP,['\\'] = STRING_STOP,['\0'] = STRING_STOP,
};

static inline bool
is_class(char c, int class)
{
	return (byte_class[(unsigned char) c] & class) != 0;
}

/* The arena that the hooks allocate from, during a parse. */
static TplusJsonArena *hook_arena = NULL;

/* Does not throw: NULL, and exhausted set, if there is no memory. */
static void *
arena_alloc(TplusJsonArena *arena, size_t size)
{
	void	   *result;

	size = MAXALIGN(size);
	if (size > (size_t) (arena->end - arena->next))
	{
		size_t		block_size = Min(arena->newest->size * 2, MAX_BLOCK_BYTES);
		Block	   *block;

		block_size = Max(block_size, BLOCK_HEADER + size);
		block = MemoryContextAllocExtended(arena->context, block_size,
										   MCXT_ALLOC_HUGE |
										   MCXT_ALLOC_NO_OOM);
		if (block == NULL)
		{
			arena->exhausted = true;
			return NULL;
		}
		block->older = arena->newest;
		block->size = block_size;
		arena->newest = block;
		arena->next = (char *) block + BLOCK_HEADER;
		arena->end = (char *) block + block_size;
	}
	result = arena->next;
	arena->next += size;
	return result;
}

static void *
hook_alloc(size_t size)
{
	return arena_alloc(hook_arena, size);
}

static void
hook_free(void *pointer)
{
	/* The arena is freed as a whole. */
}

TplusJsonArena *
tplus_json_arena_create(MemoryContext context)
{
	TplusJsonArena *arena;
	Block	   *block;

	arena = MemoryContextAllocZero(context, sizeof(TplusJsonArena));
	block = MemoryContextAlloc(context, FIRST_BLOCK_BYTES);
	block->older = NULL;
	block->size = FIRST_BLOCK_BYTES;
	arena->context = context;
	arena->newest = block;
	arena->next = (char *) block + BLOCK_HEADER;
	arena->end = (char *) block + FIRST_BLOCK_BYTES;
	return arena;
}

void
tplus_json_arena_reset(TplusJsonArena *arena)
{
	Block	   *block = arena->newest;

	while (block->older != NULL)
	{
		Block	   *older = block->older;

		pfree(block);
		block = older;
	}
	arena->newest = block;
	arena->next = (char *) block + BLOCK_HEADER;
	arena->end = (char *) block + block->size;
	if (arena->copy_size > MAX_BLOCK_BYTES)
	{
		pfree(arena->copy);
		arena->copy = NULL;
		arena->copy_size = 0;
	}
	if (arena->max_lexemes > MAX_BLOCK_BYTES / sizeof(char *))
	{
		pfree(arena->lexemes);
		arena->lexemes = NULL;
		arena->max_lexemes = 0;
	}
}

/* Notes what is wrong; the value is for the caller to return. */
static bool
fail(Scan *scan, const char *problem, const char *at)
{
	scan->problem = problem;
	scan->problem_at = at;
	return false;
}

/* Brings the copy up to date with the scan. */
static inline void
copy_up_to(Scan *scan, const char *p)
{
	size_t		len = p - scan->copied;

	memcpy(scan->out, scan->copied, len);
	scan->out += len;
	scan->copied = p;
}

/* The value of the four hexadecimal digits at p, or -1. */
static int
hex4(const char *p, const char *end)
{
	int			value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		if (p[i] >= '0' && p[i] <= '9')
			value = value * 16 + p[i] - '0';
		else if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')
			value = value * 16 + (p[i] | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return value;
}

/* Scans the escape whose backslash is at p. */
static bool
scan_escape(Scan *scan)
{
	const char *p = scan->p;
	int			code;

	if (scan->end - p < 2)
		return fail(scan, "unexpected end", scan->end);
	if (p[1] != 'u')
	{
		scan->p += 2;
		return (p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL) ||
			fail(scan, "invalid escape", p);
	}
	code = hex4(p + 2, scan->end);
	if (code < 0)
		return fail(scan, "invalid escape", p);
	scan->p += 6;
	if (code == 0)
	{
		copy_up_to(scan, p);
		memcpy(scan->out, TPLUS_JSON_NUL, strlen(TPLUS_JSON_NUL));
		scan->out += strlen(TPLUS_JSON_NUL);
		scan->copied = scan->p;
	}
	else if (code >= 0xD800 && code <= 0xDBFF)
	{
		int			low = -1;

		if (scan->end - scan->p >= 6 && p[6] == '\\' && p[7] == 'u')
			low = hex4(p + 8, scan->end);
		if (low < 0xDC00 || low > 0xDFFF)
			return fail(scan, "unpaired surrogate", p);
		scan->p += 6;
	}
	else if (code >= 0xDC00 && code <= 0xDFFF)
		return fail(scan, "unpaired surrogate", p);
	return true;
}

/* Scans the string whose opening quote is at p. */
static bool
scan_string(Scan *scan)
{
	scan->p++;
	for (;;)
	{
		const char *p = scan->p;

		while (p < scan->end && !is_class(*p, STRING_STOP))
			p++;
		scan->p = p;
		if (p == scan->end)
			return fail(scan, "unexpected end", p);
		if (*p == '"')
		{
			scan->p++;
			return true;
		}
		if (*p == '\0')
			return fail(scan, "NUL byte in a string", p);
		if (!scan_escape(scan))
			return false;
	}
}

/* Passes over digits; false if there is none. */
static bool
skip_digits(Scan *scan)
{
	const char *p = scan->p;

	while (scan->p < scan->end && is_class(*scan->p, DIGIT))
		scan->p++;
	return scan->p > p;
}

static inline bool
skip_one(Scan *scan, char c)
{
	if (scan->p == scan->end || *scan->p != c)
		return false;
	scan->p++;
	return true;
}

/* Sets the lexeme between two bytes aside; the copy gets a 0 instead. */
static bool
keep_lexeme(Scan *scan, const char *begin)
{
	TplusJsonArena *arena = scan->arena;
	size_t		len = scan->p - begin;
	char	   *lexeme = arena_alloc(arena, len + 1);

	if (lexeme == NULL)
		return false;
	memcpy(lexeme, begin, len);
	lexeme[len] = '\0';
	if (arena->lexemes == NULL)
	{
		arena->max_lexemes = 64;
		arena->lexemes = MemoryContextAlloc(arena->context,
											64 * sizeof(char *));
	}
	else if (arena->nlexemes == arena->max_lexemes)
	{
		arena->lexemes = repalloc_huge(arena->lexemes, 2 *
									   arena->max_lexemes * sizeof(char *));
		arena->max_lexemes *= 2;
	}
	arena->lexemes[arena->nlexemes++] = lexeme;

	copy_up_to(scan, begin);
	*scan->out++ = '0';
	scan->copied = scan->p;
	return true;
}

/* Scans the number that begins at p. */
static bool
scan_number(Scan *scan)
{
	const char *begin = scan->p;
	bool		valid;

	skip_one(scan, '-');
	valid = skip_one(scan, '0') || skip_digits(scan);
	if (valid && skip_one(scan, '.'))
		valid = skip_digits(scan);
	if (valid && (skip_one(scan, 'e') || skip_one(scan, 'E')))
	{
		if (!skip_one(scan, '-'))
			skip_one(scan, '+');
		valid = skip_digits(scan);
	}
	if (!valid || (scan->p < scan->end && is_class(*scan->p, NUMBER)))
		return fail(scan, "invalid number", begin);
	return keep_lexeme(scan, begin);
}

static bool
scan_literal(Scan *scan, const char *literal)
{
	size_t		len = strlen(literal);

	if ((size_t) (scan->end - scan->p) < len ||
		memcmp(scan->p, literal, len) != 0)
		return fail(scan, "unexpected character", scan->p);
	scan->p += len;
	return true;
}

static bool
open_bracket(Scan *scan, bool is_array)
{
	uint64		bit;

	StaticAssertStmt(TPLUS_JSON_MAX_DEPTH <= 64, "a bit for each level");
	if (scan->depth == TPLUS_JSON_MAX_DEPTH)
		return fail(scan, "nesting deeper than "
					CppAsString2(TPLUS_JSON_MAX_DEPTH), scan->p);
	bit = UINT64CONST(1) << scan->depth++;
	if (is_array)
		scan->arrays |= bit;
	else
		scan->arrays &= ~bit;
	scan->expect = is_array ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END;
	scan->p++;
	return true;
}

static inline bool
in_array(const Scan *scan)
{
	return (scan->arrays >> (scan->depth - 1)) & 1;
}

static bool
close_bracket(Scan *scan, bool is_array)
{
	if (in_array(scan) != is_array)
		return fail(scan, "mismatched bracket", scan->p);
	scan->depth--;
	scan->expect = EXPECT_COMMA_OR_END;
	scan->p++;
	return true;
}

static bool
scan_value(Scan *scan)
{
	scan->expect = EXPECT_COMMA_OR_END;
	switch (*scan->p)
	{
		case '"':
			return scan_string(scan);
		case '{':
			return open_bracket(scan, false);
		case '[':
			return open_bracket(scan, true);
		case 't':
			return scan_literal(scan, "true");
		case 'f':
			return scan_literal(scan, "false");
		case 'n':
			return scan_literal(scan, "null");
		default:
			if (!is_class(*scan->p, DIGIT) && *scan->p != '-')
				return fail(scan, "unexpected character", scan->p);
			return scan_number(scan);
	}
}

/* Scans a comma or a closing bracket. */
static bool
scan_after_value(Scan *scan)
{
	if (scan->depth == 0)
		return fail(scan, "text after the end", scan->p);
	if (*scan->p == ']' || *scan->p == '}')
		return close_bracket(scan, *scan->p == ']');
	if (*scan->p != ',')
		return fail(scan, "unexpected character", scan->p);
	scan->expect = in_array(scan) ? EXPECT_VALUE : EXPECT_KEY;
	scan->p++;
	return true;
}

/* Scans the token at p, which is none of the blanks. */
static bool
scan_token(Scan *scan)
{
	char		c = *scan->p;

	switch (scan->expect)
	{
		case EXPECT_VALUE_OR_END:
			if (c == ']')
				return close_bracket(scan, true);
			return scan_value(scan);
		case EXPECT_VALUE:
			return scan_value(scan);
		case EXPECT_KEY_OR_END:
			if (c == '}')
				return close_bracket(scan, false);
			/* FALLTHROUGH */
		case EXPECT_KEY:
			if (c != '"')
				break;
			scan->expect = EXPECT_COLON;
			return scan_string(scan);
		case EXPECT_COLON:
			if (c != ':')
				break;
			scan->expect = EXPECT_VALUE;
			scan->p++;
			return true;
		case EXPECT_COMMA_OR_END:
			return scan_after_value(scan);
	}
	return fail(scan, "unexpected character", scan->p);
}

/*
 * Scans a whole text and makes the copy.  Returns false with a problem, or
 * without one if memory ran out.
 */
static bool
scan_text(Scan *scan)
{
	if (scan->end - scan->p >= 3 && memcmp(scan->p, "\xEF\xBB\xBF", 3) == 0)
		scan->p = scan->copied = scan->p + 3;
	for (;;)
	{
		while (scan->p < scan->end && is_class(*scan->p, BLANK))
			scan->p++;
		if (scan->p == scan->end)
			break;
		if (!scan_token(scan))
			return false;
	}
	if (scan->depth > 0 || scan->expect != EXPECT_COMMA_OR_END)
		return fail(scan, "unexpected end", scan->end);
	copy_up_to(scan, scan->end);
	*scan->out = '\0';
	return true;
}

/* Hands the lexemes to the numbers below first and its siblings, in order. */
static char **
attach_lexemes(cJSON *first, char **lexeme)
{
	for (cJSON *node = first; node != NULL; node = node->next)
	{
		if (cJSON_IsNumber(node))
			node->valuestring = *lexeme++;
		else if (node->child != NULL)
			lexeme = attach_lexemes(node->child, lexeme);
	}
	return lexeme;
}

/* The one call of the parser.  Does not throw. */
static cJSON *
parse_copy(TplusJsonArena *arena, size_t len)
{
	cJSON_Hooks hooks = {hook_alloc, hook_free};
	cJSON	   *root;

	hook_arena = arena;
	cJSON_InitHooks(&hooks);
	root = cJSON_ParseWithLengthOpts(arena->copy, len + 1, NULL, true);
	cJSON_InitHooks(NULL);
	hook_arena = NULL;
	return root;
}

TplusJson *
tplus_json_parse(TplusJsonArena *arena, const char *text, size_t len,
				 const char **problem, size_t *offset)
{
	Scan		scan = {.arena = arena,.p = text,.end = text + len,.copied = text};
	cJSON	   *root = NULL;

	if (arena->copy_size <= len)
	{
		if (arena->copy != NULL)
			pfree(arena->copy);
		arena->copy = NULL;
		arena->copy_size = 0;
		arena->copy = MemoryContextAllocHuge(arena->context, len + 1);
		arena->copy_size = len + 1;
	}
	scan.out = arena->copy;
	arena->nlexemes = 0;
	arena->exhausted = false;

	if (scan_text(&scan))
		root = parse_copy(arena, scan.out - arena->copy);
	if (arena->exhausted)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed on parsing a JSON text of %zu bytes.",
						   len)));
	if (root == NULL)
	{
		*problem = scan.problem != NULL ? scan.problem : "invalid JSON";
		*offset = scan.problem != NULL ? scan.problem_at - text : 0;
		return NULL;
	}
	if (attach_lexemes(root, arena->lexemes) !=
		arena->lexemes + arena->nlexemes)
		elog(ERROR, "numbers of a JSON text are out of step");
	return root;
}

TplusJsonKind
tplus_json_kind(const TplusJson *node)
{
	if (node == NULL)
		return TPLUS_JSON_MISSING;
	switch (node->type)
	{
		case cJSON_False:
		case cJSON_True:
			return TPLUS_JSON_BOOL;
		case cJSON_Number:
			return TPLUS_JSON_NUMBER;
		case cJSON_String:
			return TPLUS_JSON_STRING;
		case cJSON_Array:
			return TPLUS_JSON_ARRAY;
		case cJSON_Object:
			return TPLUS_JSON_OBJECT;
		default:
			return TPLUS_JSON_NULL;
	}
}

const char *
tplus_json_text(const TplusJson *node)
{
	switch (tplus_json_kind(node))
	{
		case TPLUS_JSON_NUMBER:
		case TPLUS_JSON_STRING:
			return node->valuestring;
		case TPLUS_JSON_BOOL:
			return tplus_json_is_true(node) ? "true" : "false";
		case TPLUS_JSON_NULL:
			return "null";
		default:
			return NULL;
	}
}

bool
tplus_json_is_true(const TplusJson *node)
{
	return node != NULL && node->type == cJSON_True;
}

TplusJson *
tplus_json_get(const TplusJson *object, const char *key, bool *duplicate)
{
	TplusJson  *found = NULL;

	if (tplus_json_kind(object) != TPLUS_JSON_OBJECT)
		return NULL;
	for (TplusJson *node = object->child; node != NULL; node = node->next)
	{
		/* Most keys differ in their first byte. */
		if (node->string[0] != key[0] || strcmp(node->string, key) != 0)
			continue;
		if (duplicate == NULL)
			return node;
		if (found != NULL)
		{
			*duplicate = true;
			return found;
		}
		found = node;
	}
	return found;
}

/* Are the keys equal but for the case of ASCII letters? */
static bool
equal_nocase(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++)
	{
		char		x = *a >= 'A' && *a <= 'Z' ? *a + ('a' - 'A') : *a;
		char		y = *b >= 'A' && *b <= 'Z' ? *b + ('a' - 'A') : *b;

		if (x != y)
			return false;
	}
	return *a == *b;
}

TplusJson *
tplus_json_get_nocase(const TplusJson *object, const char *key)
{
	TplusJson  *found = NULL;

	if (tplus_json_kind(object) != TPLUS_JSON_OBJECT)
		return NULL;
	for (TplusJson *node = object->child; node != NULL; node = node->next)
	{
		if (!equal_nocase(node->string, key))
			continue;
		if (found != NULL)
			return NULL;
		found = node;
	}
	return found;
}

TplusJson *
tplus_json_path(const TplusJson *node, const char *path)
{
	const TplusJson *here = node;

	for (;;)
	{
		size_t		len = strcspn(path, ".");
		const TplusJson *child;

		if (tplus_json_kind(here) != TPLUS_JSON_OBJECT)
			return NULL;
		for (child = here->child; child != NULL; child = child->next)
		{
			if (strncmp(child->string, path, len) == 0 &&
				child->string[len] == '\0')
				break;
		}
		if (child == NULL || path[len] == '\0')
			return unconstify(TplusJson *, child);
		here = child;
		path += len + 1;
	}
}

TplusJson *
tplus_json_first(const TplusJson *node)
{
	return node != NULL ? node->child : NULL;
}

TplusJson *
tplus_json_next(const TplusJson *node)
{
	return node != NULL ? node->next : NULL;
}

const char *
tplus_json_key(const TplusJson *node)
{
	return node != NULL ? node->string : NULL;
}

int
tplus_json_length(const TplusJson *node)
{
	int			length = 0;

	for (node = tplus_json_first(node); node != NULL; node = node->next)
		length++;
	return length;
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static bool
has_duplicate_key(const TplusJson *object)
{
	int			length = tplus_json_length(object);
	const char **keys;
	int			n = 0;
	bool		duplicate = false;

	if (length < 2)
		return false;
	keys = palloc_extended(length * sizeof(char *), MCXT_ALLOC_HUGE);
	for (const TplusJson *node = object->child; node; node = node->next)
		keys[n++] = node->string;
	qsort(keys, n, sizeof(char *), compare_keys);
	for (int i = 1; i < n && !duplicate; i++)
		duplicate = strcmp(keys[i - 1], keys[i]) == 0;
	pfree(keys);
	return duplicate;
}

/* Appends a string; returns false, having appended nothing, for a NUL. */
static bool
print_string(const char *string, StringInfo out)
{
	if (strstr(string, TPLUS_JSON_NUL) != NULL)
		return false;
	escape_json(out, string);
	return true;
}

static bool
print_children(const TplusJson *node, StringInfo out)
{
	bool		is_object = node->type == cJSON_Object;

	if (is_object && has_duplicate_key(node))
		return false;
	appendStringInfoChar(out, is_object ? '{' : '[');
	for (node = node->child; node != NULL; node = node->next)
	{
		if (is_object)
		{
			if (!print_string(node->string, out))
				return false;
			appendStringInfoChar(out, ':');
		}
		if (!tplus_json_print(node, out))
			return false;
		if (node->next != NULL)
			appendStringInfoChar(out, ',');
	}
	appendStringInfoChar(out, is_object ? '}' : ']');
	return true;
}

bool
tplus_json_print(const TplusJson *node, StringInfo out)
{
	switch (tplus_json_kind(node))
	{
		case TPLUS_JSON_ARRAY:
		case TPLUS_JSON_OBJECT:
			return print_children(node, out);
		case TPLUS_JSON_STRING:
			return print_string(node->valuestring, out);
		case TPLUS_JSON_MISSING:
			return true;
		default:
			appendStringInfoString(out, tplus_json_text(node));
			return true;
	}
}
