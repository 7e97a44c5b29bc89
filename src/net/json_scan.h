/*-------------------------------------------------------------------------
 *
 * json_scan.h
 *		The look at a JSON text before cJSON sees it.
 *
 * The scan holds a text to RFC 8259 where cJSON is lax (numbers, text after
 * the end, depth, NUL bytes, lone surrogates), and makes the copy that cJSON
 * parses: each "\u0000", where cJSON would end the string, becomes
 * TPLUS_JSON_NUL, and each number, which cJSON would turn into a double (and
 * choke on beyond 63 characters), becomes a 0, its lexeme set aside.  The one
 * thing that is tolerated and RFC 8259 does not is a control character within
 * a string: some servers send raw tabs and line ends.  UTF-8 is not checked.
 *
 * No header of PostgreSQL is needed, and nothing is allocated.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_JSON_SCAN_H
#define TPLUS_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The caller provides copy and lexemes with room for len + 1 bytes each.
 * After success, copy holds copy_len bytes and a NUL, and lexemes the numbers
 * in the order of the document, each with a NUL, lexemes_len bytes in all.
 */
typedef struct TplusJsonScan
{
	char	   *copy;
	size_t		copy_len;
	char	   *lexemes;
	size_t		lexemes_len;
	const char *problem;		/* after failure: a constant phrase */
	size_t		offset;			/* and where in the text */
} TplusJsonScan;

/* Is the text exactly one JSON value, but for blanks around it? */
extern bool tplus_json_scan(const char *text, size_t len,
							TplusJsonScan *scan);

/* The end of the number at p, or NULL if it is none. */
extern const char *tplus_json_number_end(const char *p, const char *end);

#endif							/* TPLUS_JSON_SCAN_H */
