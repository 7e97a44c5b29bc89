/*-------------------------------------------------------------------------
 *
 * envelope.h
 *		Does what stands around the rows of a reply speak of an error?
 *
 * What is envelope and what is content is decided by where it stands.  On the
 * way of keys from the root down to the rows, an object is envelope as long as
 * the next key is one of those that T+ wraps its payload in (data, result,
 * value, DataSource, Rows: docs/protocol.md, sections 3.1, 4.2, 5.3 and 5.4).
 * The first object that is left by another key (Details) is a document of T+,
 * as is all below it: its Code is its own.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/envelope.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ENVELOPE_H
#define TPLUS_ENVELOPE_H

#include "postgres.h"

#include "net/json.h"

typedef struct TplusEnvelope
{
	bool		is_error;		/* it says that something failed */
	bool		is_certain;		/* whatever else may follow */
	bool		told_success;	/* a code says so */
	const char *code;			/* T+'s code, in the tree, or NULL */
	const char *message;		/* likewise T+'s message */
} TplusEnvelope;

/*
 * Reads what the reply says beside its rows.  way leads to them, dotted, "."
 * if they are the root itself; NULL if there are none and nobody said where
 * they would be.  has_rows: there is at least one.  Does not throw.
 */
extern void tplus_envelope_read(const TplusJson *root, const char *way,
								bool has_rows, TplusEnvelope *envelope);

#endif							/* TPLUS_ENVELOPE_H */
