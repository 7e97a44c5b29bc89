/*-------------------------------------------------------------------------
 *
 * legacy.h
 *		What an earlier version accepted and this one refuses.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/legacy.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_LEGACY_H
#define TPLUS_LEGACY_H

#include "postgres.h"

/*
 * How to speak of it: ERROR where it is new.  WARNING where it stands already,
 * so that every ALTER works, and where a dump is restored (those of pg_dump
 * and of pg_upgrade turn check_function_bodies off) or a script of an
 * extension runs.
 */
extern int	tplus_legacy_level(bool stands_already);

/*
 * Does a foreign table that this transaction is about to alter have the option
 * with this value (catalog: ForeignTableRelationId), or one of its columns
 * (AttributeRelationId)?  For ForeignServerRelationId: does any server?  To be asked by the validator, which is not told what
 * it validates for, and only about a value that it would refuse: it looks at
 * every foreign table.
 */
extern bool tplus_legacy_stands(Oid catalog, const char *option,
								const char *value);

#endif							/* TPLUS_LEGACY_H */
