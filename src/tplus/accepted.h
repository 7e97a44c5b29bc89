/*-------------------------------------------------------------------------
 *
 * accepted.h
 *		When T+ last accepted a token, remembered for all backends.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/accepted.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ACCEPTED_H
#define TPLUS_ACCEPTED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "tplus/pair.h"

/* T+ accepted a call with this generation of the pair just now. */
extern void tplus_accepted_note(const TplusDigest *key, int64 generation);

/* The pair begins anew, with generations that T+ has not seen. */
extern void tplus_accepted_forget(const TplusDigest *key);

/*
 * When it last did, up to a few seconds; 0: never, or that is forgotten.
 */
extern TimestampTz tplus_accepted_at(const TplusDigest *key,
									 int64 generation);

#endif							/* TPLUS_ACCEPTED_H */
