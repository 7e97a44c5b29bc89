/*-------------------------------------------------------------------------
 *
 * import.h
 *		IMPORT FOREIGN SCHEMA from the catalog of resources.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/import.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_IMPORT_H
#define TPLUS_IMPORT_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* Callback of FdwRoutine. */
extern List *tplusImportForeignSchema(ImportForeignSchemaStmt *stmt,
									  Oid serverOid);

#endif							/* TPLUS_IMPORT_H */
