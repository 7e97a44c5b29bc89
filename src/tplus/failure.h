/*-------------------------------------------------------------------------
 *
 * failure.h
 *		The errors that a call ends with, with everything that helps.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/failure.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_FAILURE_H
#define TPLUS_FAILURE_H

#include "postgres.h"

#include "base/compat.h"
#include "base/error.h"
#include "base/option.h"
#include "net/http.h"
#include "tplus/reply.h"

/* What the messages tell of the call. */
typedef struct TplusFailure
{
	const TplusAccount *account;
	const char *what;			/* is read: foreign table "item" */
	const char *path;			/* of the request */
	const char *access_token;	/* secret: kept out of foreign text */
	int			attempts;		/* made so far */
	bool		is_filtered;	/* a filter may be to blame */
} TplusFailure;

/* T+'s code in a reply, without secrets, palloc'd; NULL if it has none. */
extern char *tplus_failure_code(const TplusFailure *failure,
								const TplusReply *reply);

/*
 * There is no whole response: may there be one next time?  delivered: records
 * of this one went out already.
 */
extern bool tplus_failure_may_pass(const TplusHttpResult *result,
								   bool delivered);

/* There is no whole response.  Throws 08001, 08006, 08P01, 54000 or 58000. */
extern void tplus_failure_transport(const TplusFailure *failure,
									const TplusHttpResult *result)
			pg_attribute_noreturn();

/* T+ refused the call.  Throws the SQLSTATE of the entry. */
extern void tplus_failure_refused(const TplusFailure *failure, int status,
								  const TplusReply *reply,
								  const TplusErrorEntry *entry,
								  const char *body, size_t len)
			pg_attribute_noreturn();

/*
 * The response, or what it is without its rows, is no JSON that is read.
 * Throws 08P01, as the next four do, 54000 if it is nested too deep, or 53200
 * if memory is the problem.
 */
extern void tplus_failure_malformed(const TplusFailure *failure,
									const char *problem, size_t offset,
									bool whole, const char *text, size_t len)
			pg_attribute_noreturn();

/* The response is a web page. */
extern void tplus_failure_html(const TplusFailure *failure, const char *text,
							   size_t len)
			pg_attribute_noreturn();

/* The reply is null, "" or nothing. */
extern void tplus_failure_empty(const TplusFailure *failure,
								const char *text, size_t len)
			pg_attribute_noreturn();

/* The reply is JSON without rows, and says nothing of an error. */
extern void tplus_failure_no_rows(const TplusFailure *failure,
								  const char *text, size_t len)
			pg_attribute_noreturn();

/* Positional rows do not fit their columns. */
extern void tplus_failure_columns(const TplusFailure *failure)
			pg_attribute_noreturn();

/* The server asks for a longer pause than we make.  Throws 53400. */
extern void tplus_failure_pause(const TplusFailure *failure, int64 pause_ms)
			pg_attribute_noreturn();

#endif							/* TPLUS_FAILURE_H */
