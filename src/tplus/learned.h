/*-------------------------------------------------------------------------
 *
 * learned.h
 *		What this backend has seen an operation of a server do.
 *
 * Proofs, not guesses: each flag is set only by a reply that could not have
 * come otherwise.  They save requests, never change a result.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/learned.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_LEARNED_H
#define TPLUS_LEARNED_H

#include "postgres.h"

#include "base/option.h"

typedef struct TplusLearned
{
	bool		cursor_pages;	/* Ts > x brings what is newer, in order */
	bool		total_is_whole; /* TotalCount was seen to exceed a page */
	TplusEncoding bool_encoding;	/* proven to be matched; AUTO: none yet */
} TplusLearned;

/*
 * What is known of this operation of this account; lives as long as the
 * backend, and starts anew when the address or the application changes.
 */
extern TplusLearned *tplus_learned_get(const TplusAccount *account,
									   const char *path);

#endif							/* TPLUS_LEARNED_H */
