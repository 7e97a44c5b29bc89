/*-------------------------------------------------------------------------
 *
 * envelope.c
 *		Does what stands around the rows of a reply speak of an error?
 *
 * Each member is looked at, so that the second of two with one name counts as
 * the first does.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/envelope.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/envelope.h"

/* What a member's value has to be to speak of an error. */
typedef enum MemberKind
{
	MEMBER_CODE,				/* neither 0 nor 200 nor blank */
	MEMBER_ERRCODE,				/* neither 0 nor blank */
	MEMBER_FLAG,				/* false, 0, "False", "否" */
	MEMBER_RESULT,				/* the same but 0; else the payload */
	MEMBER_FAULT,				/* an object, or neither blank nor 0 */
	MEMBER_MARK,				/* anything: it is enough to be there */
	MEMBER_HTTP_STATUS,			/* 400 or more */
	MEMBER_REPORT_STATUS,		/* a number but 0, beside the rows of a report */
	MEMBER_MESSAGE				/* never; it goes with what else speaks */
} MemberKind;

typedef struct Member
{
	const char *name;			/* compared without regard to case */
	MemberKind	kind;
} Member;

/* docs/protocol.md, sections 2.2, 2.3, 4.1, 4.2 and 5.4. */
static const Member members[] = {
	{"code", MEMBER_CODE},
	{"errorCode", MEMBER_CODE},
	{"errcode", MEMBER_ERRCODE},
	{"success", MEMBER_FLAG},
	{"isSuccess", MEMBER_FLAG},
	{"result", MEMBER_RESULT},
	{"error", MEMBER_FAULT},
	{"errorMessage", MEMBER_FAULT},
	{"exception", MEMBER_FAULT},
	{"RestException", MEMBER_MARK},
	{"StatusCode", MEMBER_HTTP_STATUS},
	{"Status", MEMBER_REPORT_STATUS},
	{"message", MEMBER_MESSAGE},
	{"msg", MEMBER_MESSAGE},
	{"errmsg", MEMBER_MESSAGE},
};

/* The keys that a payload is wrapped in, without regard to case. */
static const char *const wrappers[] = {
	"data", "result", "value", "DataSource", "Rows"
};

/* The wrapper of a report's rows. */
#define REPORT_WRAPPER	"DataSource"

/* What a document of T+ calls its own code. */
#define DOCUMENT_CODE	"Code"

#define BLANKS			" \t\r\n"

/* An object that is read, and what was learnt from it. */
typedef struct Place
{
	const TplusJson *object;
	const char *way;			/* from here to the rows; NULL: not on it */
	bool		is_root;
	bool		is_document;
	const char *own_code;		/* of a document: perhaps its content */
	const char *message;
} Place;

typedef struct Reading
{
	TplusEnvelope *envelope;
	bool		has_rows;
	const char *fault;			/* what an error itself says */
	const char *message;		/* what stands beside it */
	const char *unsaid_code;	/* one that may be content */
} Reading;

static void read_place(Reading *reading, Place *place);

static const Member *
find_member(const char *name)
{
	int			i;

	for (i = 0; i < (int) lengthof(members); i++)
	{
		if (pg_strcasecmp(members[i].name, name) == 0)
			return &members[i];
	}
	return NULL;
}

static bool
is_wrapper(const char *key, size_t len)
{
	int			i;

	for (i = 0; i < (int) lengthof(wrappers); i++)
	{
		if (strlen(wrappers[i]) == len &&
			pg_strncasecmp(wrappers[i], key, len) == 0)
			return true;
	}
	return false;
}

/* The text of a string or a number; NULL if it is blank, or neither. */
static const char *
spoken_text(const TplusJson *node)
{
	TplusJsonKind kind = tplus_json_kind(node);
	const char *text = tplus_json_text(node);

	if ((kind != TPLUS_JSON_STRING && kind != TPLUS_JSON_NUMBER) ||
		text[strspn(text, BLANKS)] == '\0')
		return NULL;
	return text;
}

/* Is it this number, as a number or as text? */
static bool
is_number(const TplusJson *node, double number)
{
	const char *text = spoken_text(node);
	char	   *end;

	/* Neither hexadecimal nor a NaN. */
	if (text == NULL || strpbrk(text, "xXnN") != NULL)
		return false;
	return strtod(text, &end) == number && end[strspn(end, BLANKS)] == '\0';
}

static bool
is_one_of(const TplusJson *node, const char *const *words)
{
	const char *text;

	if (tplus_json_kind(node) != TPLUS_JSON_STRING)
		return false;
	text = tplus_json_text(node);
	text += strspn(text, BLANKS);
	for (; *words; words++)
	{
		size_t		len = strlen(*words);

		if (pg_strncasecmp(text, *words, len) == 0 &&
			text[len + strspn(text + len, BLANKS)] == '\0')
			return true;
	}
	return false;
}

/* Is something described that went wrong, in whatever form? */
static bool
is_fault(const TplusJson *node)
{
	switch (tplus_json_kind(node))
	{
		case TPLUS_JSON_MISSING:
		case TPLUS_JSON_NULL:
			return false;
		case TPLUS_JSON_BOOL:
			return tplus_json_is_true(node);
		case TPLUS_JSON_ARRAY:
			return tplus_json_first(node) != NULL;
		case TPLUS_JSON_OBJECT:
			return true;
		case TPLUS_JSON_NUMBER:
		case TPLUS_JSON_STRING:
			break;
	}
	return spoken_text(node) != NULL && !is_number(node, 0);
}

/* Does a member of this kind speak of an error with this value? */
static bool
speaks(MemberKind kind, const TplusJson *value)
{
	static const char *const no[] = {"false", "fail", "否", NULL};
	const char *text = spoken_text(value);
	bool		is_false = tplus_json_kind(value) == TPLUS_JSON_BOOL &&
	!tplus_json_is_true(value);

	switch (kind)
	{
		case MEMBER_CODE:
			return text && !is_number(value, 0) && !is_number(value, 200);
		case MEMBER_ERRCODE:
			return text && !is_number(value, 0);
		case MEMBER_REPORT_STATUS:
			return text && strspn(text, "-.0123456789") == strlen(text) &&
				!is_number(value, 0);
		case MEMBER_FLAG:
			return is_false || is_number(value, 0) || is_one_of(value, no);
		case MEMBER_RESULT:
			return is_false || is_one_of(value, no);
		case MEMBER_FAULT:
			return is_fault(value);
		case MEMBER_MARK:
			return true;
		case MEMBER_HTTP_STATUS:
			return text && strtod(text, NULL) >= 400;
		case MEMBER_MESSAGE:
			break;
	}
	return false;
}

/* The first of what is said counts: the outermost knows best. */
static void
note(const char **said, const char *text)
{
	if (*said == NULL)
		*said = text;
}

/* What an error says of itself: {"code", "msg"}, {"Message"}, or text. */
static void
read_fault(Reading *reading, const TplusJson *value)
{
	const TplusJson *node;

	if (tplus_json_kind(value) != TPLUS_JSON_OBJECT)
		note(&reading->fault, spoken_text(value));
	else
		for (node = tplus_json_first(value); node != NULL;
			 node = tplus_json_next(node))
		{
			const Member *member = find_member(tplus_json_key(node));

			if (member && member->kind == MEMBER_CODE &&
				speaks(MEMBER_CODE, node))
				note(&reading->envelope->code, spoken_text(node));
			if (member && member->kind == MEMBER_MESSAGE)
				note(&reading->fault, spoken_text(node));
		}
}

/*
 * Is this member of a document its content?  The fields of T+'s documents
 * begin with a capital, so that at the root another spelling is no field.
 */
static bool
is_content(const Place *place, const TplusJson *node, MemberKind kind)
{
	const char *key = tplus_json_key(node);

	if (!place->is_document)
		return false;
	if (kind == MEMBER_HTTP_STATUS)
		return place->way != NULL;
	return pg_strcasecmp(key, DOCUMENT_CODE) == 0 &&
		(!place->is_root || strcmp(key, DOCUMENT_CODE) == 0);
}

/* Does this object hold the rows of a report? */
static bool
is_report(const Place *place)
{
	size_t		len = place->way ? strcspn(place->way, ".") : 0;

	return len == strlen(REPORT_WRAPPER) &&
		strncmp(place->way, REPORT_WRAPPER, len) == 0;
}

static void
read_member(Reading *reading, Place *place, const TplusJson *node)
{
	const Member *member = find_member(tplus_json_key(node));
	bool		said;

	if (member == NULL ||
		(member->kind == MEMBER_REPORT_STATUS && !is_report(place)))
		return;
	said = speaks(member->kind, node);
	if (is_content(place, node, member->kind))
	{
		if (said && member->kind == MEMBER_CODE)
			note(&place->own_code, spoken_text(node));
		return;
	}
	if (member->kind == MEMBER_MESSAGE)
		note(&place->message, spoken_text(node));
	if (member->kind == MEMBER_CODE && !said && spoken_text(node))
		reading->envelope->told_success = true;
	if (!said)
		return;
	reading->envelope->is_error = reading->envelope->is_certain = true;
	if (member->kind == MEMBER_CODE || member->kind == MEMBER_ERRCODE)
		note(&reading->envelope->code, spoken_text(node));
	if (member->kind == MEMBER_FAULT || member->kind == MEMBER_MARK)
		read_fault(reading, node);
}

/*
 * A code beside a message may be an error in the place of the document.  Its
 * lines, or a success that was told, say otherwise.
 */
static void
judge_own_code(Reading *reading, const Place *place)
{
	if (place->own_code == NULL)
		return;
	if (place->message == NULL || reading->envelope->told_success ||
		(reading->has_rows && !place->is_root))
	{
		note(&reading->unsaid_code, place->own_code);
		return;
	}
	reading->envelope->is_error = true;
	note(&reading->envelope->code, place->own_code);
}

/*
 * Goes down to the objects that are on the way, and to those that might be:
 * T+ puts what it has to say of an error below "result" and "data", too.
 */
static void
read_below(Reading *reading, const Place *place)
{
	size_t		len = place->way ? strcspn(place->way, ".") : 0;
	bool		looks_around = place->is_root || !place->is_document;
	const TplusJson *node;

	for (node = tplus_json_first(place->object); node != NULL;
		 node = tplus_json_next(node))
	{
		const char *key = tplus_json_key(node);
		bool		on_way = len > 0 && strlen(key) == len &&
		strncmp(key, place->way, len) == 0 && place->way[len] == '.';
		Place		below = {
			.object = node,
			.way = on_way ? place->way + len + 1 : NULL,
			.is_document = place->is_document || !on_way
		};

		if (tplus_json_kind(node) == TPLUS_JSON_OBJECT &&
			(on_way || (looks_around && is_wrapper(key, strlen(key)))))
			read_place(reading, &below);
	}
}

static void
read_place(Reading *reading, Place *place)
{
	const TplusJson *node;

	if (place->way && !is_wrapper(place->way, strcspn(place->way, ".")))
		place->is_document = true;
	for (node = tplus_json_first(place->object); node != NULL;
		 node = tplus_json_next(node))
		read_member(reading, place, node);
	judge_own_code(reading, place);
	note(&reading->message, place->message);
	read_below(reading, place);
}

void
tplus_envelope_read(const TplusJson *root, const char *way, bool has_rows,
					TplusEnvelope *envelope)
{
	Reading		reading = {.envelope = envelope,.has_rows = has_rows};
	Place		place = {
		.object = root,
		.way = way && strcmp(way, ".") != 0 ? way : NULL,
		.is_root = true
	};

	memset(envelope, 0, sizeof(*envelope));
	if (tplus_json_kind(root) != TPLUS_JSON_OBJECT)
		return;
	read_place(&reading, &place);

	note(&envelope->code, reading.unsaid_code);
	note(&envelope->message, reading.fault);
	note(&envelope->message, reading.message);
}
