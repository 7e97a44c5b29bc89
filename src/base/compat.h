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

/*
 * create_foreignscan_path() got restrictinfos of joins (17) and the number of
 * disabled nodes (18).
 */
#if PG_VERSION_NUM >= 180000
#define tplus_create_foreignscan_path(root, rel, rows, startup, total, keys, \
									  outer, outerpath, priv) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, keys, \
							outer, outerpath, NIL, priv)
#elif PG_VERSION_NUM >= 170000
#define tplus_create_foreignscan_path(root, rel, rows, startup, total, keys, \
									  outer, outerpath, priv) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, keys, \
							outer, outerpath, NIL, priv)
#else
#define tplus_create_foreignscan_path(root, rel, rows, startup, total, keys, \
									  outer, outerpath, priv) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, keys, \
							outer, outerpath, priv)
#endif

/* May the role use the foreign server? */
#if PG_VERSION_NUM >= 160000
#define TPLUS_SERVER_ACLCHECK(serverid, roleid) \
	object_aclcheck(ForeignServerRelationId, serverid, roleid, ACL_USAGE)
#else
#define TPLUS_SERVER_ACLCHECK(serverid, roleid) \
	pg_foreign_server_aclcheck(serverid, roleid, ACL_USAGE)
#endif

#endif							/* TPLUS_COMPAT_H */
