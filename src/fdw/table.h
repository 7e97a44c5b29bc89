/*-------------------------------------------------------------------------
 *
 * table.h
 *		A foreign table as its options and the catalog of T+ describe it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/table.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TABLE_H
#define TPLUS_TABLE_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/rel.h"

#include "base/option.h"
#include "tplus/filter.h"
#include "tplus/key.h"

/* What a table's column shows; indexed by attnum - 1. */
typedef struct TplusColumn
{
	bool		live;			/* not dropped */
	bool		generated;		/* computed here from the others */
	Oid			type;			/* its base type, if it is a domain */
	int			max_length;		/* of texts that it holds whole; 0: any */
	const char *name;
	const char *field;			/* of T+, or "*", "$error" */
	const TplusField *known;	/* in the catalog; NULL: not there */
	TplusFilter filter;
} TplusColumn;

/* A foreign table with everything that its options say. */
typedef struct TplusTable
{
	TplusTableOptions *options;
	const TplusResource *resource;
	const char *key;			/* field that identifies a record */
	int			natts;
	TplusColumn *columns;
} TplusTable;

/*
 * Reads the options of a foreign table and its columns; palloc'd in the
 * current context.  Throws for options that name nothing.
 */
extern TplusTable *tplus_table_open(Relation relation);

/*
 * Warns of parameters in the options of a table of an earlier version that are
 * not sent, once in a session.
 */
extern void tplus_table_warn(const TplusTable *table);

/*
 * Is it a column whose value comes out of the record by a field of its own?
 */
extern bool tplus_table_has_field(const TplusTable *table, int attnum);

/*
 * How the values of a field compare: as the column that shows it says, or the
 * catalog, if no column does.
 */
extern TplusKeyKind tplus_table_kind(const TplusTable *table,
									 const char *field);

/*
 * The attnums (a Bitmapset) that must be filled so that all of the wanted
 * ones can be: with generated columns come those they are computed from, and
 * with the column that tells what could not be converted come all.
 */
extern Bitmapset *tplus_table_needs(const TplusTable *table,
									Relation relation, Bitmapset *wanted);

/*
 * SelectFields for these columns, with the fields that the guards of the read
 * need; NULL if it is not to be sent.  columns may be NULL; with_flag: the
 * flag of stopped records is needed as well.
 */
extern char *tplus_table_select(const TplusTable *table, Bitmapset *columns,
								bool with_flag);

#endif							/* TPLUS_TABLE_H */
