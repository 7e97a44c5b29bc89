/*-------------------------------------------------------------------------
 *
 * collation.h
 *		Does a collation sort row versions as they count?
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/collation.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_COLLATION_H
#define TPLUS_COLLATION_H

#include "postgres.h"

/*
 * Does the collation sort texts of as many hexadecimal digits, in lower case,
 * as the numbers that they stand for?  Looks once a session for each; throws
 * what the lookup of a collation throws.
 */
extern bool tplus_collation_sorts_versions(Oid collation);

#endif							/* TPLUS_COLLATION_H */
