/*-------------------------------------------------------------------------
 *
 * compat.h
 *		What differs between the PostgreSQL versions that we build on.
 *
 * Nothing else belongs here: a room that needs one of these spellings
 * includes this header and stays free of version numbers.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_COMPAT_H
#define TPLUS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "tplus_fdw needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"

/* Input functions can report what they refuse without an error. */
#define TPLUS_HAVE_SOFT_INPUT
#endif

#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

#endif							/* TPLUS_COMPAT_H */
