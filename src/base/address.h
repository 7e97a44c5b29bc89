/*-------------------------------------------------------------------------
 *
 * address.h
 *		The address of a server: what is put before each path.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/address.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ADDRESS_H
#define TPLUS_ADDRESS_H

#include "postgres.h"

/*
 * Cuts the URL, in place, to what stands before each path: without slashes at
 * its end, and without the path of the API or of one of its operations, which
 * people copy with it (docs/protocol.md, section 1.1).  Paths begin with it
 * anyway.
 */
extern void tplus_address_trim(char *url);

/* The path of such a URL, part of it; "" if it has none. */
extern const char *tplus_address_path(const char *url);

#endif							/* TPLUS_ADDRESS_H */
