/*-------------------------------------------------------------------------
 *
 * reply.h
 *		What a reply says beside its rows: totals, columns, errors.
 *
 * The envelopes are those of docs/protocol.md, sections 3.1, 4.1, 4.2, 5.3 and
 * 5.4.
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
	const char *problem;		/* MALFORMED: an English phrase, and where */
	size_t		offset;
	bool		is_error;		/* it says that something failed */
	bool		is_certain;		/* whatever may follow, if it is not whole */
	char	   *code;			/* T+'s code, UTF-8, or NULL */
	char	   *message;		/* T+'s message, UTF-8, or NULL */
	int64		total;			/* total number of records, -1: not told */
} TplusReply;

/*
 * Reads a reply without its rows, as net/records leaves it.  way and has_rows
 * are as for tplus_envelope_read().  Everything is palloc'd in the current
 * context.  Throws for memory only.
 */
extern void tplus_reply_read(const char *text, size_t len, const char *way,
							 bool has_rows, TplusReply *reply);

/*
 * Turns positional rows (a List of char *, each a JSON array) in place into
 * JSON objects, with the names that the reply gives in "Columns".  Returns
 * false if it gives none, or another number than a row has.
 */
extern bool tplus_reply_name_rows(const char *text, size_t len, List *rows);

#endif							/* TPLUS_REPLY_H */
