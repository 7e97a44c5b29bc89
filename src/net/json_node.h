/*-------------------------------------------------------------------------
 *
 * json_node.h
 *		The nodes of a JSON tree.
 *
 * Strings are UTF-8 as they came.  A text may hold invalid UTF-8, and "\u0000"
 * appears in it as TPLUS_JSON_NUL (which no valid UTF-8 contains): whoever
 * reads a string checks it, unless the node says that it is plain, and can name
 * the column.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_node.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_JSON_NODE_H
#define TPLUS_JSON_NODE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "net/json_names.h"
#include "net/json_text.h"

typedef enum TplusJsonKind
{
	TPLUS_JSON_MISSING,			/* no node at all (NULL pointer) */
	TPLUS_JSON_NULL,
	TPLUS_JSON_BOOL,
	TPLUS_JSON_NUMBER,
	TPLUS_JSON_STRING,
	TPLUS_JSON_ARRAY,
	TPLUS_JSON_OBJECT
} TplusJsonKind;

/* Looked at through the functions below, which cost nothing. */
typedef struct TplusJson
{
	struct TplusJson *next;		/* the next child of the same parent */
	struct TplusJson *child;	/* the first one */
	const char *key;			/* NULL in arrays */
	const char *text;			/* of a scalar */
	uint32		len;			/* of the text, if it is plain */
	uint16		name;			/* see tplus_json_name */
	uint8		kind;			/* a TplusJsonKind */
	bool		plain;			/* see tplus_json_plain */
} TplusJson;

/* The node of an object that was parsed as a record, which its len tells. */
typedef struct TplusJsonRecord
{
	TplusJson	node;
	const TplusJsonNames *names;	/* the numbers of its keys */
} TplusJsonRecord;

#define TPLUS_JSON_IS_RECORD	1

static inline TplusJsonKind
tplus_json_kind(const TplusJson *node)
{
	return node == NULL ? TPLUS_JSON_MISSING : (TplusJsonKind) node->kind;
}

/*
 * The text of a scalar, NUL-terminated: a string's characters, a number's
 * lexeme, "true", "false", "null"; NULL for arrays, objects, missing.
 */
static inline const char *
tplus_json_text(const TplusJson *node)
{
	return node == NULL ? NULL : node->text;
}

/*
 * Is the text known to be valid UTF-8 without TPLUS_JSON_NUL?  Then *len is
 * its length, in bytes.
 */
static inline bool
tplus_json_plain(const TplusJson *node, uint32 *len)
{
	*len = node->len;
	return node->plain;
}

/* Is this node the boolean true? */
static inline bool
tplus_json_is_true(const TplusJson *node)
{
	return tplus_json_kind(node) == TPLUS_JSON_BOOL && node->text[0] == 't';
}

/* Walking children of an array or object; the key is NULL in arrays. */
static inline TplusJson *
tplus_json_first(const TplusJson *node)
{
	return node == NULL ? NULL : node->child;
}

static inline TplusJson *
tplus_json_next(const TplusJson *node)
{
	return node == NULL ? NULL : node->next;
}

static inline const char *
tplus_json_key(const TplusJson *node)
{
	return node == NULL ? NULL : node->key;
}

/*
 * The numbers that the keys of a record's members may have; NULL for anything
 * that was not parsed as a record.
 */
static inline const TplusJsonNames *
tplus_json_names(const TplusJson *record)
{
	if (tplus_json_kind(record) != TPLUS_JSON_OBJECT ||
		record->len != TPLUS_JSON_IS_RECORD)
		return NULL;
	return ((const TplusJsonRecord *) record)->names;
}

/* The number of a member's key, from 1; 0: none. */
static inline int
tplus_json_name(const TplusJson *member)
{
	return member->name;
}

extern int	tplus_json_length(const TplusJson *node);

/*
 * The characters of a plain string as a varlena with a header of one byte,
 * made in the tree's own memory; NULL if they are too many for it.
 */
extern struct varlena *tplus_json_packed(const TplusJson *node);

/*
 * The member of an object with exactly this key.  NULL if there is none.  If
 * the key occurs more than once, *duplicate (may be NULL) is set to true and
 * the first is returned.
 */
extern TplusJson *tplus_json_get(const TplusJson *object, const char *key,
								 bool *duplicate);

/*
 * The member whose key equals this one without regard to ASCII case; NULL if
 * there is none or more than one.
 */
extern TplusJson *tplus_json_get_nocase(const TplusJson *object,
										const char *key);

/*
 * A path like "data.Rows" from a node down, exact keys only; NULL if absent.
 */
extern TplusJson *tplus_json_path(const TplusJson *node, const char *path);

/*
 * Appends the value as JSON text, numbers by their lexemes, strings escaped
 * as JSON demands.  Returns false, having appended part of it, if a string or
 * a key holds TPLUS_JSON_NUL, or an object holds a key twice: jsonb could not
 * show it as it is.
 */
extern bool tplus_json_print(const TplusJson *node, StringInfo out);

#endif							/* TPLUS_JSON_NODE_H */
