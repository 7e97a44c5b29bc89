/*-------------------------------------------------------------------------
 *
 * validate.h
 *		What makes options right beyond their form.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/validate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_VALIDATE_H
#define TPLUS_VALIDATE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/option.h"

/*
 * Checks options (a List of DefElem) of an object as CREATE and ALTER do:
 * their form by the table of options, then addresses, paths and names.
 * Throws HV00D, 22023, 42501 and HV00R.
 */
extern void tplus_validate(List *options, Oid catalog);

/* Throws 22023 unless secrets may travel to this server. */
extern void tplus_validate_transport(const TplusServerOptions *server);

/* The resources of the catalog, quoted, for hints.  Palloc'd. */
extern char *tplus_validate_resource_names(void);

#endif							/* TPLUS_VALIDATE_H */
