/*-------------------------------------------------------------------------
 *
 * option.h
 *		Validation of options, and their resolved values.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/option.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_OPTION_H
#define TPLUS_OPTION_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/option_table.h"

/*
 * Checks the options of one object as the validator of the wrapper: catalog
 * is the object's catalog, as PostgreSQL passes it.  Throws HV00D for an
 * option that does not belong there (with the closest one as a hint), 22023
 * for a value out of its domain, 42501 for an option that only a superuser
 * may set.  Never repeats the value of a secret.
 */
extern void tplus_option_validate(List *options, Oid catalog);

/*
 * The readers; new_table is for a foreign table that has yet to be created,
 * without an option of its own.  Results are palloc'd in the current context; values that
 * are not set have their defaults.  They throw if an option was stored by a
 * version that knew other values, or if a *_file cannot be read.
 */
extern TplusServerOptions *tplus_option_server(Oid serverid);
extern TplusTableOptions *tplus_option_table(Oid relid);
extern TplusTableOptions *tplus_option_new_table(const char *name);
extern TplusColumnOptions *tplus_option_column(Oid relid, int attnum);

/*
 * The server and the mapping that userid uses on it (his own, or PUBLIC's).
 * Throws 42704 if there is no mapping, 28000 if it lacks what its way to
 * authenticate needs, HV00J... if the server lacks base_url.
 */
extern TplusAccount *tplus_option_account(Oid serverid, Oid userid);

/*
 * One row of the option table at a time, for documentation and tests: returns
 * false after the last.  Strings are constants.
 */
typedef struct TplusOptionInfo
{
	const char *object;			/* "server", "user mapping", ... */
	const char *name;
	const char *kind;
	const char *default_value;	/* NULL: none */
	bool		secret;
	bool		superuser;
	const char *help;
} TplusOptionInfo;

extern bool tplus_option_info(int index, TplusOptionInfo *info);

#endif							/* TPLUS_OPTION_H */
