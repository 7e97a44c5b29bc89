/*-------------------------------------------------------------------------
 *
 * told.c
 *		What this session has been warned of.
 *
 * Memory grows with the fields of the tables that were read, of which there
 * are only so many.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/told.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "fdw/told.h"

/* Tables to begin with. */
#define INITIAL_TABLES	16

typedef struct Told
{
	Oid			relid;			/* the key */
	List	   *fields;			/* of char * */
} Told;

static HTAB *tables = NULL;

static void
create_tables(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Told);
	control.hcxt = TopMemoryContext;
	tables = hash_create("tplus_fdw warnings", INITIAL_TABLES, &control,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

bool
tplus_told_first(Oid relid, const char *field)
{
	MemoryContext old;
	Told	   *told;
	ListCell   *lc;
	bool		found;

	if (tables == NULL)
		create_tables();
	told = hash_search(tables, &relid, HASH_ENTER, &found);
	if (!found)
		told->fields = NIL;
	foreach(lc, told->fields)
	{
		if (strcmp(lfirst(lc), field) == 0)
			return false;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	told->fields = lappend(told->fields, pstrdup(field));
	MemoryContextSwitchTo(old);
	return true;
}
