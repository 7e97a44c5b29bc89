/*-------------------------------------------------------------------------
 *
 * key.h
 *		One spelling for each value of a key.
 *
 * T+ sends numbers as JSON numbers or as texts, with decimals or without
 * (docs/protocol.md, section 3.3 no. 3 and 4), and one operation may spell a
 * value otherwise than another.  What is one value for the column that shows it
 * is one key.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/key.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_KEY_H
#define TPLUS_KEY_H

#include "postgres.h"

typedef enum TplusKeyKind
{
	TPLUS_KEY_OPEN,				/* no column: JSON tells numbers from texts */
	TPLUS_KEY_TEXT,				/* each spelling is a value */
	TPLUS_KEY_PADDED,			/* but for blanks at the end */
	TPLUS_KEY_NUMBER,
	TPLUS_KEY_UUID
} TplusKeyKind;

/* How the values of a column of this type, no domain, compare. */
extern TplusKeyKind tplus_key_kind(Oid type);

/* The result of spell() may be longer than the text by so many bytes. */
#define TPLUS_KEY_SLACK	64

/*
 * Writes the one spelling of the value that text spells to out, which holds
 * the bytes of the text, and TPLUS_KEY_SLACK more; number: it is a JSON
 * number.  What is no value of the kind is taken as it is, and so are whole
 * numbers and UUIDs as they are usually spelled.
 */
extern void tplus_key_spell(TplusKeyKind kind, bool number, const char *text,
							char *out);

#endif							/* TPLUS_KEY_H */
