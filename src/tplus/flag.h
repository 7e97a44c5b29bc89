/*-------------------------------------------------------------------------
 *
 * flag.h
 *		Does the server understand how we spell the flag of stopped records?
 *
 * How a boolean filter must be spelled is open (protocol, section 7, no. 8),
 * and a spelling that the server does not match, or overlooks, would hide
 * records.  So the spelling is proven by what comes back.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/flag.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_FLAG_H
#define TPLUS_FLAG_H

#include "postgres.h"

#include "tplus/sweep.h"

/* The spelling to use for requests to this path. */
extern TplusEncoding tplus_flag_encoding(TplusSweep *sweep, const char *path);

/*
 * Looks at what a finished sweep with the flag brought, and asks a question
 * or two if that proves nothing.  Returns true if the sweep has to be made
 * again: with another spelling, or without the flag.  Throws if no spelling
 * is understood and records could be hidden.
 */
extern bool tplus_flag_settle(TplusSweep *sweep, const char *path);

#endif							/* TPLUS_FLAG_H */
