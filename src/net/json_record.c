/*-------------------------------------------------------------------------
 *
 * json_record.c
 *		Records as T+ sends them, parsed in one pass.
 *
 * The text is copied into the arena, and the strings and numbers in the copy
 * become the texts of the nodes as they stand there, ended where the quote or
 * the comma after them was.  Keys are recognized by what followed the same key
 * last time.  Arrays within a record go to cJSON; so does the whole text when
 * something is unusual or wrong, to be judged there.  So all that is to be
 * known here is that what is accepted is JSON, and means the same there.
 *
 * The copy has a NUL byte behind its end, which no token goes beyond, and more
 * bytes that may be looked at.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_record.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "net/json_record.h"
#include "net/json_scan.h"

/* So many bytes behind the copy may be looked at. */
#define SLACK_BYTES		8

typedef struct Reader
{
	TplusJsonArena *arena;
	char	   *end;			/* of the copy: its NUL byte */
	bool		plain;			/* the text is valid UTF-8 */
	int			last_name;		/* number of the last key; 0: none */
	char	   *number_end;		/* where a number waits to be ended */
} Reader;

static inline char *
skip_blanks(char *p)
{
	while (TPLUS_JSON_IS(*p, TPLUS_JSON_BLANK))
		p++;
	return p;
}

/*
 * Does the text at p begin with the name as it stands in texts?  Nearly all
 * names are some words long; the last word may overlap the one before it.
 */
static inline bool
begins_with(const char *p, const char *end, const TplusJsonName *name)
{
	const char *quoted = name->quoted;
	size_t		len = name->quoted_len;

	if (len > (size_t) (end - p))
		return false;
	if (len < sizeof(uint64))
		return memcmp(p, quoted, len) == 0;
	for (size_t i = 0; i < len - sizeof(uint64); i += sizeof(uint64))
	{
		if (memcmp(p + i, quoted + i, sizeof(uint64)) != 0)
			return false;
	}
	return memcmp(p + len - sizeof(uint64), quoted + len - sizeof(uint64),
				  sizeof(uint64)) == 0;
}

/* A key, and whatever is before the value; returns NULL if it is unusual. */
static inline char *
read_key(Reader *reader, char *p, TplusJson *node)
{
	TplusJsonNames *names = &reader->arena->names;
	const TplusJsonName *name;
	char	   *key = p + 1;
	int			number = 0;

	if (names->count > 0)
	{
		number = names->names[reader->last_name].follower;
		name = &names->names[number];
		if (number > 0 && begins_with(p, reader->end, name))
		{
			node->key = name->key;
			node->name = number;
			reader->last_name = number;
			return skip_blanks(p + name->quoted_len);
		}
	}
	if (*p != '"')
		return NULL;
	p = unconstify(char *, tplus_json_string_stop(key, reader->end));
	if (*p != '"')
		return NULL;
	node->key = key;
	number = tplus_json_names_find(names, reader->arena->context, key,
								   (size_t) (p - key));
	if (number > 0)
	{
		names->names[reader->last_name].follower = number;
		node->key = names->names[number].key;
	}
	*p = '\0';
	node->name = number;
	reader->last_name = number;
	p = skip_blanks(p + 1);
	return *p == ':' ? skip_blanks(p + 1) : NULL;
}

/*
 * Decodes the rest of a string, whose first escape is at p, in its place.
 */
static char *
read_escapes(Reader *reader, char *p, TplusJson *node)
{
	char	   *out = p;

	for (;;)
	{
		char		decoded[4];
		char	   *stop;
		int			decoded_len;
		int			used = tplus_json_unescape(p, (size_t) (reader->end - p),
											   decoded, &decoded_len);

		if (used <= 0)
			return NULL;
		if (decoded_len == 1 && decoded[0] == '\0')
		{
			decoded_len = sizeof(TPLUS_JSON_NUL) - 1;
			memcpy(decoded, TPLUS_JSON_NUL, decoded_len);
			node->plain = false;
		}
		memcpy(out, decoded, decoded_len);
		out += decoded_len;
		p += used;
		stop = unconstify(char *, tplus_json_string_stop(p, reader->end));
		memmove(out, p, (size_t) (stop - p));
		out += stop - p;
		p = stop;
		if (*p == '"')
			break;
		if (*p != '\\')
			return NULL;
	}
	node->len = (uint32) (out - node->text);
	*out = '\0';
	return p + 1;
}

static inline char *
read_string(Reader *reader, char *p, TplusJson *node)
{
	char	   *stop = unconstify(char *,
								  tplus_json_string_stop(p + 1, reader->end));

	node->kind = TPLUS_JSON_STRING;
	node->text = p + 1;
	node->plain = reader->plain;
	if (*stop == '\\')
		return read_escapes(reader, stop, node);
	if (*stop != '"')
		return NULL;
	node->len = (uint32) (stop - node->text);
	*stop = '\0';
	return stop + 1;
}

static inline char *
read_literal(char *p, const char *literal, size_t len, TplusJsonKind kind,
			 TplusJson *node)
{
	node->kind = kind;
	node->text = literal;
	node->len = len;
	node->plain = true;
	return memcmp(p, literal, len) == 0 ? p + len : NULL;
}

static char *
read_number(Reader *reader, char *p, TplusJson *node)
{
	const char *after = tplus_json_number_end(p, reader->end);

	if (after == NULL)
		return NULL;
	node->kind = TPLUS_JSON_NUMBER;
	node->text = p;
	node->len = (uint32) (after - p);
	node->plain = true;
	reader->number_end = unconstify(char *, after);
	return reader->number_end;
}

/* What is behind the string whose opening quote is before p, or NULL. */
static const char *
skip_string(const char *p, const char *end)
{
	for (;;)
	{
		p = tplus_json_string_stop(p, end);
		if (*p == '"')
			return p + 1;
		if (*p != '\\' || end - p < 2)
			return NULL;
		p += 2;
	}
}

/*
 * What is behind the array at p, or NULL.  It may have so many levels.
 */
static const char *
skip_array(const char *p, const char *end, int levels)
{
	int			depth = 0;

	do
	{
		while (p < end && !TPLUS_JSON_IS(*p, TPLUS_JSON_STOP))
			p++;
		if (p == end)
			return NULL;
		if (*p == '"')
		{
			p = skip_string(p + 1, end);
			if (p == NULL)
				return NULL;
			continue;
		}
		depth += *p == '[' || *p == '{' ? 1 : -1;
		if (depth > levels)
			return NULL;
		p++;
	} while (depth > 0);
	return p;
}

/* An array, which goes to cJSON, with so many objects around it. */
static char *
read_array(Reader *reader, char *p, int depth, TplusJson *node)
{
	const char *after = skip_array(p, reader->end,
								   TPLUS_JSON_MAX_DEPTH - depth);
	const char *problem;
	size_t		offset;
	TplusJson  *array;

	if (after == NULL)
		return NULL;
	array = tplus_json_parse_any(reader->arena, p, (size_t) (after - p),
								 &problem, &offset);
	if (array == NULL)
		return NULL;
	node->kind = TPLUS_JSON_ARRAY;
	node->child = array->child;
	return unconstify(char *, after);
}

static char *read_object(Reader *reader, char *p, int depth, TplusJson *node);

static inline char *
read_value(Reader *reader, char *p, int depth, TplusJson *node)
{
	switch (*p)
	{
		case '"':
			return read_string(reader, p, node);
		case 'n':
			return read_literal(p, "null", 4, TPLUS_JSON_NULL, node);
		case 't':
			return read_literal(p, "true", 4, TPLUS_JSON_BOOL, node);
		case 'f':
			return read_literal(p, "false", 5, TPLUS_JSON_BOOL, node);
		case '{':
			return read_object(reader, p, depth, node);
		case '[':
			return read_array(reader, p, depth, node);
		default:
			return read_number(reader, p, node);
	}
}

/* Notes a member of the record itself by the number of its key. */
static inline void
index_member(Reader *reader, TplusJson *member)
{
	TplusJsonNames *names = &reader->arena->names;
	TplusJsonName *name;

	if (member->name == 0)
	{
		names->regular = false;
		return;
	}
	name = &names->names[member->name];
	if (name->stamp == names->stamp)
		names->regular = false;
	name->stamp = names->stamp;
	name->member = member;
}

/*
 * The object whose bracket is at p, with depth others around it.  Returns
 * what is behind it, or NULL.
 */
static char *
read_object(Reader *reader, char *p, int depth, TplusJson *node)
{
	TplusJson **last = &node->child;

	node->kind = TPLUS_JSON_OBJECT;
	if (depth == TPLUS_JSON_MAX_DEPTH)
		return NULL;
	p = skip_blanks(p + 1);
	if (*p == '}')
		return p + 1;
	for (;;)
	{
		TplusJson  *member = tplus_json_arena_alloc(reader->arena,
													sizeof(TplusJson));
		char		c;

		if (member == NULL)
			return NULL;
		member->next = NULL;
		member->child = NULL;
		member->text = NULL;
		member->len = 0;
		member->plain = false;
		*last = member;
		last = &member->next;
		p = read_key(reader, p, member);
		if (p == NULL)
			return NULL;
		if (depth == 0)
			index_member(reader, member);
		p = read_value(reader, p, depth + 1, member);
		if (p == NULL)
			return NULL;

		p = skip_blanks(p);
		c = *p++;
		if (reader->number_end != NULL)
		{
			*reader->number_end = '\0';
			reader->number_end = NULL;
		}
		if (c == '}')
			return p;
		if (c != ',')
			return NULL;
		p = skip_blanks(p);
	}
}

TplusJson *
tplus_json_parse_record(TplusJsonArena *arena, const char *text, size_t len)
{
	Reader		reader = {.arena = arena};
	TplusJsonRecord *root;
	char	   *copy;
	char	   *p;

	if (len < 2 || *text != '{' || len > PG_INT32_MAX)
		return NULL;
	root = tplus_json_arena_alloc(arena, sizeof(TplusJsonRecord));
	copy = tplus_json_arena_alloc(arena, len + SLACK_BYTES);
	if (root == NULL || copy == NULL)
		return NULL;
	memset(root, 0, sizeof(TplusJsonRecord));
	memcpy(copy, text, len);
	memset(copy + len, 0, SLACK_BYTES);
	reader.end = copy + len;
	reader.plain = tplus_json_is_utf8(text, len);
	arena->names.record = NULL;
	arena->names.regular = true;
	arena->names.stamp++;
	p = read_object(&reader, copy, 0, &root->node);
	if (p == NULL || skip_blanks(p) != reader.end)
		return NULL;
	arena->names.record = &root->node;
	arena->names.regular &= arena->names.count > 0;
	root->names = &arena->names;
	root->node.len = TPLUS_JSON_IS_RECORD;
	return &root->node;
}
