/*-------------------------------------------------------------------------
 *
 * operation.c
 *		Which operations of T+ write, by their names.
 *
 * A name is looked at as words (Return-Code-Create).  A word may say what is
 * done wherever it stands, or only as the first or the last one, where it is
 * the name of a thing otherwise (AccountSet, OpenApi).  What is looked up with
 * a verb of reading may be called anything (GetUpdateList).
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/operation.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/operation.h"

/* In letters.  No operation has a longer name, and none that has is read. */
#define MAX_NAME	128

typedef struct Words
{
	int			len;
	char text[	MAX_NAME + 1];	/* its letters, in lower case */
	bool		begins[MAX_NAME + 1];	/* is this the first letter of a word? */
} Words;

typedef enum Judgement
{
	WRITES,
	READS,
	UNKNOWN
} Judgement;

/* Write wherever they stand, also where the spelling does not part words. */
static const char *const writing[] = {
	"approve", "audit", "cancel", "combine", "create", "delete", "discard",
	"insert", "modify", "remove", "save", "submit", "update", "upload",
	"upsert", NULL
};

/* Write as the first or the last word. */
static const char *const writing_outside[] = {
	"abandon", "activate", "add", "allocate", "append", "assign", "bind",
	"change", "clear", "close", "complete", "confirm", "copy", "deactivate",
	"destroy", "disable", "drop", "edit", "enable", "erase", "finish",
	"forbid", "freeze", "generate", "import", "invalidate", "lock", "login",
	"loginout", "logout", "merge", "move", "open", "pay", "publish", "purge",
	"push", "redo", "reject", "release", "rename", "reopen", "replace",
	"reset", "restore", "resume", "reverse", "revert", "revoke", "rollback",
	"split", "start", "stop", "suspend", "sync", "terminate", "unbind",
	"undo", "unfreeze", "unlock", "void", "withdraw", "write", NULL
};

/* Write as the first word. */
static const char *const writing_first[] = {
	"build", "del", "do", "exec", "execute", "gen", "init", "make", "patch",
	"post", "put", "rebuild", "recall", "refund", "register", "run", "send",
	"set", "un", NULL
};

static const char *const reading_first[] = {
	"count", "export", "fetch", "find", "get", "list", "load", "lookup",
	"query", "read", "search", "select", "show", "view", NULL
};

/* The same where the spelling does not part words. */
static const char *const reading_prefix[] = {"find", "get", "query", "search", NULL};

static const char *const reading_last[] = {
	"query", "report", "rpt", "search", NULL
};

/* Say how it is done, not what. */
static const char *const modifiers[] = {
	"all", "async", "batch", "bulk", "multi", "new", "try", NULL
};

static const char *const conjunctions[] = {"and", "or", "then", NULL};

/*
 * Behind a verb of writing, what there is to query about having done it:
 * AuditLogQuery.
 */
static const char *const traces[] = {
	"flow", "history", "log", "logs", "opinion", "reason", "record",
	"records", "state", "status", "time", "trace", "type", NULL
};

static const char *const query[] = {"query", "search", NULL};

/* What makes a noun or a state of a verb: Created, Auditor, Updates. */
static const char *const endings[] = {
	"able", "d", "ed", "er", "ing", "ion", "or", "r", "s", "ted", "led", NULL
};

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/*
 * Takes the letters of a segment of a path apart: VoucherDTO is two words.
 * False if it is too long.
 */
static bool
take_words(const char *segment, const char *end, Words *name)
{
	const char *p;

	memset(name, 0, sizeof(*name));
	for (p = segment; p < end; p++)
	{
		bool		after_letter = p > segment && is_letter(p[-1]);

		if (!is_letter(*p))
			continue;
		if (name->len == MAX_NAME)
			return false;
		name->begins[name->len] = !after_letter ||
			(is_upper(*p) && (!is_upper(p[-1]) ||
							  (p + 1 < end && is_letter(p[1]) && !is_upper(p[1]))));
		name->text[name->len++] = is_upper(*p) ? *p - 'A' + 'a' : *p;
	}
	name->begins[name->len] = true;
	return true;
}

/* Where the word ends that has its first letter, or another one, here. */
static int
end_of_word(const Words *name, int at)
{
	do
		at++;
	while (at < name->len && !name->begins[at]);
	return Min(at, name->len);
}

static bool
is_one_of(const char *const *words, const Words *name, int from, int to)
{
	for (; *words; words++)
	{
		if ((int) strlen(*words) == to - from &&
			memcmp(*words, name->text +from, to - from) == 0)
			return true;
	}
	return false;
}

static bool
starts_with(const char *const *words, const Words *name)
{
	for (; *words; words++)
	{
		if (strncmp(name->text, *words, strlen(*words)) == 0)
			return true;
	}
	return false;
}

static int
start_of_last_word(const Words *name)
{
	int			at = name->len - 1;

	while (at > 0 && !name->begins[at])
		at--;
	return at;
}

/* The first word that is no modifier; the first one if there is no other. */
static int
start_of_verb(const Words *name)
{
	int			at = 0;

	while (at < name->len && is_one_of(modifiers, name, at, end_of_word(name, at)))
		at = end_of_word(name, at);
	return at < name->len ? at : 0;
}

/*
 * The length of the verb of writing at this letter, be it the first of a word
 * or not; 0 if there is none, or only a noun made from one.
 */
static int
verb_at(const Words *name, int at)
{
	int			i;

	for (i = 0; writing[i]; i++)
	{
		int			len = strlen(writing[i]);
		int			end = at + len;

		if (strncmp(name->text +at, writing[i], len) != 0)
			continue;
		if (name->begins[at] && !name->begins[end] &&
			is_one_of(endings, name, end, end_of_word(name, end)))
			continue;
		return len;
	}
	return 0;
}

/*
 * Is the letter the first behind a conjunction: GetOrCreate?  Where the
 * spelling does not part words, that may be the end of another word.
 */
static bool
follows_conjunction(const Words *name, int at)
{
	bool		parted = start_of_last_word(name) > 0;
	int			i;

	for (i = 0; conjunctions[i]; i++)
	{
		int			from = at - (int) strlen(conjunctions[i]);

		if (from > 0 &&
			(!parted || (name->begins[from] && name->begins[at])) &&
			is_one_of(conjunctions, name, from, at))
			return true;
	}
	return false;
}

/* Is a verb of writing there, if what is done is said there at all? */
static bool
writes_at(const Words *name, int at)
{
	int			end = end_of_word(name, at);

	return verb_at(name, at) > 0 ||
		is_one_of(writing_outside, name, at, end) ||
		is_one_of(writing_first, name, at, end);
}

/* Does it query about what was done, with the verb at the letter a noun? */
static bool
queries_trace(const Words *name, int verb)
{
	int			last = start_of_last_word(name);
	int			second = end_of_word(name, verb);

	return second < last && is_one_of(query, name, last, name->len) &&
		is_one_of(traces, name, second, end_of_word(name, second));
}

/* Is it the name of an interface, not of what it does? */
static bool
is_open_api(const Words *name)
{
	return strcmp(name->text, "openapi") == 0;
}

static Judgement
judge(const Words *name)
{
	int			verb = start_of_verb(name);
	int			verb_end = end_of_word(name, verb);
	int			last = start_of_last_word(name);
	bool		read = is_one_of(reading_first, name, verb, verb_end) ||
	starts_with(reading_prefix, name);
	bool		asks = is_one_of(reading_last, name, last, name->len);
	int			at;

	for (at = 0; at < name->len; at++)
	{
		if (follows_conjunction(name, at) && writes_at(name, at))
			return WRITES;
	}
	if (is_open_api(name))
		return UNKNOWN;
	if (queries_trace(name, verb))
		return READS;
	for (at = 0; at < name->len; at++)
	{
		if (verb_at(name, at) > 0 && (at == verb || (!read && !asks)))
			return WRITES;
	}
	if (read || asks)
		return READS;
	if (is_one_of(writing_outside, name, verb, verb_end) ||
		is_one_of(writing_outside, name, last, name->len) ||
		is_one_of(writing_first, name, verb, verb_end))
		return WRITES;
	return UNKNOWN;
}

/* Has it no word but those of writing?  No name of a service is like that. */
static bool
is_bare_verb(const Words *name)
{
	bool		writes = false;
	int			at;
	int			end;

	for (at = 0; at < name->len; at = end)
	{
		end = end_of_word(name, at);
		if (verb_at(name, at) == end - at)
			writes = true;
		else if (!is_one_of(modifiers, name, at, end))
			return false;
	}
	return writes;
}

bool
tplus_operation_writes(const char *path)
{
	const char *end = path + strcspn(path, "?#");
	bool		is_last = true;

	while (end > path)
	{
		const char *segment = end;
		Words		name;

		while (segment > path && segment[-1] != '/')
			segment--;
		if (!take_words(segment, end, &name))
			return true;
		if (name.len > 0)
		{
			Judgement	verdict = is_last ? judge(&name) : UNKNOWN;

			if (verdict != UNKNOWN)
				return verdict == WRITES;
			if (is_bare_verb(&name))
				return true;
			is_last = false;
		}
		end = segment > path ? segment - 1 : path;
	}
	return false;
}
