/*-------------------------------------------------------------------------
 *
 * like.h
 *		Does the server take %text% as a pattern?
 *
 * It should (docs/protocol.md, section 3.2 no. 4).  One that took it literally
 * would answer with nothing, so an empty answer is believed only after a
 * pattern was seen to match something.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/like.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_LIKE_H
#define TPLUS_LIKE_H

#include "postgres.h"

#include "tplus/record.h"

/*
 * An arm with a pattern brought nothing (found = false) or something from
 * this path.  Returns true if it has to be read again, having taken the
 * pattern out of it.  encoding spells the arm's flag.  May take two requests.
 */
extern bool tplus_like_settle(const TplusQuery *query, TplusIntake *intake,
							  TplusArm *arm, const char *path,
							  TplusEncoding encoding, bool found);

#endif							/* TPLUS_LIKE_H */
