/*-------------------------------------------------------------------------
 *
 * pattern.h
 *		What of a LIKE pattern T+ can be asked for.
 *
 * T+ takes a text parameter that contains % as a pattern (docs/protocol.md,
 * section 3.2 no. 3 and 4), as SQL Server does: without regard to case, and with
 * wildcards that SQL does not have.  So only a run of plain characters is sent,
 * as "%run%", which every value that matches the whole pattern contains.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/pattern.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PATTERN_H
#define TPLUS_PATTERN_H

#include "postgres.h"

/* Characters that T+ takes for something else than themselves. */
#define TPLUS_PATTERN_SPECIAL	"%_[]^"

/*
 * The longest run of plain characters that a record must have that begins with
 * the text, palloc'd; NULL if there is none.  is_pattern: that matches it,
 * rather, where % and _ are wildcards and \ quotes, as in LIKE; caseless: only
 * characters that have no case, as ILIKE needs it.  Where anything may follow,
 * the last letter is left out, for an accent would make another one of it.
 */
extern char *tplus_pattern_run(const char *text, bool is_pattern,
							   bool caseless);

#endif							/* TPLUS_PATTERN_H */
