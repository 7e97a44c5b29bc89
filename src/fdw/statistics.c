/*-------------------------------------------------------------------------
 *
 * statistics.c
 *		The statistics that an ANALYZE without a sample must not replace.
 *
 * ANALYZE of a partitioned table, or of a parent of an inheritance tree, takes
 * the rows of all children together.  If one of them can give none, it would
 * describe the others as the whole, and a function that looks for rows has no
 * way to stop it but an error, which ends the whole command.  So what was
 * known before is put back when the transaction commits; ANALYZE has one for
 * each table.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/statistics.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_statistic.h"
#include "commands/vacuum.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "fdw/statistics.h"

/* Of one table; in TopTransactionContext. */
typedef struct KeptStatistics
{
	Oid			relid;
	bool		has_size;		/* pages and tuples are to be put back */
	int32		pages;
	float4		tuples;
	List	   *columns;		/* of HeapTuple: pg_statistic with children */
} KeptStatistics;

static List *kept = NIL;		/* of KeptStatistics, of this transaction */

/* What is known of the columns of a table and its children together. */
static SysScanDesc
begin_columns(Relation catalog, Oid relid)
{
	ScanKeyData key[1];

	ScanKeyInit(&key[0], Anum_pg_statistic_starelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	return systable_beginscan(catalog, StatisticRelidAttnumInhIndexId, true,
							  NULL, 1, key);
}

static HeapTuple
next_column(SysScanDesc scan)
{
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		if (((Form_pg_statistic) GETSTRUCT(tuple))->stainherit)
			break;
	}
	return tuple;
}

/* The values themselves, since those out of line go with their row. */
static List *
read_columns(Oid relid)
{
	Relation	catalog = table_open(StatisticRelationId, AccessShareLock);
	SysScanDesc scan = begin_columns(catalog, relid);
	List	   *columns = NIL;
	HeapTuple	tuple;

	while ((tuple = next_column(scan)) != NULL)
		columns = lappend(columns,
						  toast_flatten_tuple(tuple, RelationGetDescr(catalog)));
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return columns;
}

static void
replace_columns(Oid relid, List *columns)
{
	Relation	catalog = table_open(StatisticRelationId, RowExclusiveLock);
	SysScanDesc scan = begin_columns(catalog, relid);
	HeapTuple	tuple;
	ListCell   *lc;

	while ((tuple = next_column(scan)) != NULL)
		CatalogTupleDelete(catalog, &tuple->t_self);
	systable_endscan(scan);
	CommandCounterIncrement();
	foreach(lc, columns)
		CatalogTupleInsert(catalog, lfirst(lc));
	table_close(catalog, RowExclusiveLock);
}

static void
put_back(const KeptStatistics *statistics)
{
	Relation	relation = RelationIdGetRelation(statistics->relid);

	if (relation == NULL)
		return;
	if (statistics->has_size)
		tplus_update_relstats(relation, statistics->pages, statistics->tuples);
	if (relation->rd_rel->relhassubclass)
		replace_columns(statistics->relid, statistics->columns);
	RelationClose(relation);
}

static void
end_transaction(XactEvent event, void *arg)
{
	List	   *list = kept;
	ListCell   *lc;

	kept = NIL;
	if (list == NIL ||
		(event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE))
		return;
	CommandCounterIncrement();
	/* Values that are stored out of line ask for one. */
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, list)
		put_back(lfirst(lc));
	PopActiveSnapshot();
	CommandCounterIncrement();
}

static bool
is_kept(Oid relid)
{
	ListCell   *lc;

	foreach(lc, kept)
	{
		if (((KeptStatistics *) lfirst(lc))->relid == relid)
			return true;
	}
	return false;
}

/* Keeps what is known of a table, if it is this one that is analysed. */
static void
keep_one(Oid relid)
{
	Relation	relation = RelationIdGetRelation(relid);
	MemoryContext old;
	KeptStatistics *statistics;

	if (relation == NULL)
		return;
	if (!is_kept(relid) &&
		CheckRelationLockedByMe(relation, ShareUpdateExclusiveLock, true))
	{
		old = MemoryContextSwitchTo(TopTransactionContext);
		statistics = palloc0(sizeof(KeptStatistics));
		statistics->relid = relid;
		/* A table of its own has just been measured, without its children. */
		statistics->has_size = relation->rd_rel->relkind != RELKIND_RELATION;
		statistics->pages = relation->rd_rel->relpages;
		statistics->tuples = relation->rd_rel->reltuples;
		statistics->columns = read_columns(relid);
		kept = lappend(kept, statistics);
		MemoryContextSwitchTo(old);
	}
	RelationClose(relation);
}

/* The tables directly above it. */
static List *
parents_of(Oid relid)
{
	Relation	catalog = table_open(InheritsRelationId, AccessShareLock);
	List	   *parents = NIL;
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, InheritsRelidSeqnoIndexId, true, NULL,
							  1, key);
	while ((tuple = systable_getnext(scan)) != NULL)
		parents = lappend_oid(parents,
							  ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return parents;
}

void
tplus_statistics_keep(Relation relation)
{
	static bool registered = false;
	List	   *relids = list_make1_oid(RelationGetRelid(relation));
	ListCell   *lc;

	if (!registered)
		RegisterXactCallback(end_transaction, NULL);
	registered = true;

	/* The list grows while it is walked: parents, and theirs. */
	foreach(lc, relids)
	{
		keep_one(lfirst_oid(lc));
		relids = list_concat_unique_oid(relids, parents_of(lfirst_oid(lc)));
	}
}
