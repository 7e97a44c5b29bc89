/*-------------------------------------------------------------------------
 *
 * reply.h
 *		What a reply says beside its rows: totals, columns, errors.
 *
 * The envelopes are those of the protocol, sections 4.1, 4.2 and 5.3.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/reply.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_REPLY_H
#define TPLUS_REPLY_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "net/json.h"

typedef enum TplusReplyShape
{
	TPLUS_REPLY_OBJECT,			/* an object: see the other fields */
	TPLUS_REPLY_NOTHING,		/* null, "", {} or no body at all */
	TPLUS_REPLY_VALUE,			/* another scalar, or an array */
	TPLUS_REPLY_MALFORMED		/* no JSON */
} TplusReplyShape;

typedef struct TplusReply
{
	TplusReplyShape shape;
	bool		is_error;		/* it says that something failed */
	char	   *code;			/* T+'s code, UTF-8, or NULL */
	char	   *message;		/* T+'s message, UTF-8, or NULL */
	int64		total;			/* total number of records, -1: not told */
} TplusReply;

/*
 * Reads a reply without its rows, as net/records leaves it.  Everything is
 * palloc'd in the current context.  Throws for memory only.
 */
extern void tplus_reply_read(const char *text, size_t len, TplusReply *reply);

/*
 * The names of the columns of positional rows ("Columns" beside "Rows"), a
 * List of char *, NIL if there are none.
 */
extern List *tplus_reply_columns(const char *text, size_t len);

/*
 * A positional row (a JSON array) as a JSON object with these keys; NULL if
 * it is no array or has another length.
 */
extern char *tplus_reply_name_row(const char *text, size_t len,
								  List *columns, TplusJsonArena *arena);

#endif							/* TPLUS_REPLY_H */
