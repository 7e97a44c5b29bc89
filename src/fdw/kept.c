/*-------------------------------------------------------------------------
 *
 * kept.c
 *		Rows kept for a rescan that asks the same again.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/kept.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "fdw/kept.h"

/*
 * What a tuplestore costs before its first row, and how much of one is kept
 * in memory, in bytes.
 */
#define STORE_BYTES		9216
#define STORE_MAX_KB	64

struct TplusKeptRows
{
	char	   *key;
	uint32		hash;
	Tuplestorestate *store;
	int64		bytes;			/* that count against work_mem */
	dlist_node	node;			/* in recent, most recently used first */
};

struct TplusKept
{
	MemoryContext context;
	TupleTableSlot *slot;		/* reads the tuplestores */
	dlist_head	recent;
	TplusKeptRows *filling;		/* NULL: none; not in recent yet */
	int64		bytes;
};

/*
 * Does the scan depend on a parameter that may change?  Those without a type
 * only serve the plan's own ends: below INSERT, every scan has the one for
 * rechecks of concurrent updates.
 */
static bool
depends_on_parameter(ForeignScanState *node)
{
	List	   *types = node->ss.ps.state->es_plannedstmt->paramExecTypes;
	Bitmapset  *params = node->ss.ps.plan->allParam;
	int			param = -1;

	while ((param = bms_next_member(params, param)) >= 0)
	{
		if (OidIsValid(list_nth_oid(types, param)))
			return true;
	}
	return false;
}

bool
tplus_kept_wanted(ForeignScanState *node, int eflags)
{
	return (eflags & EXEC_FLAG_REWIND) != 0 || depends_on_parameter(node);
}

TplusKept *
tplus_kept_create(TupleDesc tupdesc, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	TplusKept  *kept = palloc0(sizeof(TplusKept));

	kept->context = context;
	kept->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(tupdesc),
										  &TTSOpsMinimalTuple);
	dlist_init(&kept->recent);
	MemoryContextSwitchTo(old);
	return kept;
}

static uint32
hash_key(const char *key)
{
	return hash_bytes((const unsigned char *) key, strlen(key));
}

static void
forget(TplusKept *kept, TplusKeptRows *rows)
{
	kept->bytes -= rows->bytes;
	ExecClearTuple(kept->slot);
	tuplestore_end(rows->store);
	pfree(rows->key);
	pfree(rows);
}

TplusKeptRows *
tplus_kept_find(TplusKept *kept, const char *key)
{
	uint32		hash = hash_key(key);
	dlist_iter	iter;

	dlist_foreach(iter, &kept->recent)
	{
		TplusKeptRows *rows = dlist_container(TplusKeptRows, node, iter.cur);

		if (rows->hash != hash || strcmp(rows->key, key) != 0)
			continue;
		dlist_move_head(&kept->recent, &rows->node);
		tuplestore_rescan(rows->store);
		return rows;
	}
	return NULL;
}

bool
tplus_kept_next(TplusKept *kept, TplusKeptRows *rows, TupleTableSlot *slot)
{
	int			natts = slot->tts_tupleDescriptor->natts;
	MemoryContext old;
	bool		found;

	ExecClearTuple(slot);
	/* A row read from disk has to outlive the executor's row. */
	old = MemoryContextSwitchTo(kept->context);
	found = tuplestore_gettupleslot(rows->store, true, false, kept->slot);
	MemoryContextSwitchTo(old);
	if (!found)
		return false;
	slot_getallattrs(kept->slot);
	memcpy(slot->tts_values, kept->slot->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, kept->slot->tts_isnull, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	return true;
}

void
tplus_kept_begin(TplusKept *kept, const char *key)
{
	MemoryContext old;

	tplus_kept_abandon(kept);
	old = MemoryContextSwitchTo(kept->context);
	kept->filling = palloc0(sizeof(TplusKeptRows));
	kept->filling->key = pstrdup(key);
	kept->filling->hash = hash_key(key);
	kept->filling->store = tuplestore_begin_heap(true, false, STORE_MAX_KB);
	kept->filling->bytes = STORE_BYTES + strlen(key);
	kept->bytes += kept->filling->bytes;
	MemoryContextSwitchTo(old);
}

void
tplus_kept_put(TplusKept *kept, TupleTableSlot *slot)
{
	TplusKeptRows *rows = kept->filling;
	int64		limit = STORE_BYTES + STORE_MAX_KB * INT64CONST(1024);
	MinimalTuple tuple;
	bool		should_free;
	int64		before;

	if (rows == NULL)
		return;
	before = rows->bytes;
	tuple = ExecFetchSlotMinimalTuple(slot, &should_free);
	rows->bytes = Min(rows->bytes + (int64) tuple->t_len, limit);
	kept->bytes += rows->bytes - before;
	if (should_free)
		pfree(tuple);
	tuplestore_puttupleslot(rows->store, slot);
}

void
tplus_kept_complete(TplusKept *kept)
{
	if (kept->filling == NULL)
		return;
	dlist_push_head(&kept->recent, &kept->filling->node);
	kept->filling = NULL;
	while (kept->bytes > work_mem * INT64CONST(1024) &&
		   dlist_has_next(&kept->recent, dlist_head_node(&kept->recent)))
	{
		TplusKeptRows *oldest = dlist_tail_element(TplusKeptRows, node,
												   &kept->recent);

		dlist_delete(&oldest->node);
		forget(kept, oldest);
	}
}

void
tplus_kept_abandon(TplusKept *kept)
{
	if (kept->filling)
		forget(kept, kept->filling);
	kept->filling = NULL;
}

void
tplus_kept_free(TplusKept *kept)
{
	dlist_mutable_iter iter;

	tplus_kept_abandon(kept);
	dlist_foreach_modify(iter, &kept->recent)
	{
		dlist_delete(iter.cur);
		forget(kept, dlist_container(TplusKeptRows, node, iter.cur));
	}
}
