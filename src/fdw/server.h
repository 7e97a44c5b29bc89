/*-------------------------------------------------------------------------
 *
 * server.h
 *		Which servers and user mappings are ours, and who may use them.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/server.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_SERVER_H
#define TPLUS_SERVER_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A user mapping of one of our servers. */
typedef struct TplusMappingRef
{
	Oid			serverid;
	char	   *server;			/* its name */
	Oid			owner;			/* of the server */
	Oid			userid;			/* InvalidOid: the mapping for PUBLIC */
} TplusMappingRef;

/* May the current user use the server? */
extern bool tplus_server_is_usable(Oid serverid);

/* All user mappings of our servers in this database, TplusMappingRef. */
extern List *tplus_server_mappings(void);

#endif							/* TPLUS_SERVER_H */
