/*-------------------------------------------------------------------------
 *
 * highwater.c
 *		The row version up to which the last statement returned everything.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/highwater.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "fdw/highwater.h"

typedef struct HighwaterEntry
{
	Oid			relid;
	int			open;			/* scans that have begun and not ended */
	int			scans;			/* begun since there was none */
	uint64		reached;		/* by the scan that is open; 0: nowhere yet */
	uint64		version;		/* of the last statement; 0: none */
} HighwaterEntry;

static HTAB *entries = NULL;

/* What a statement returned whose work was undone was never received. */
static void
forget_versions(void)
{
	HASH_SEQ_STATUS status;
	HighwaterEntry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		entry->reached = 0;
		entry->version = 0;
	}
}

static void
end_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		forget_versions();
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId subid,
				   SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_versions();
}

static HighwaterEntry *
get_entry(Oid relid)
{
	HighwaterEntry *entry;
	bool		found;

	if (entries == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(HighwaterEntry);
		ctl.hcxt = TopMemoryContext;
		entries = hash_create("tplus_fdw high water", 16, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		RegisterXactCallback(end_transaction, NULL);
		RegisterSubXactCallback(end_subtransaction, NULL);
	}
	entry = hash_search(entries, &relid, HASH_ENTER, &found);
	if (!found)
	{
		entry->open = 0;
		entry->scans = 0;
		entry->reached = 0;
		entry->version = 0;
	}
	return entry;
}

/*
 * Only now is the version told: a statement may ask from where the one before
 * it ended.
 */
static void
end_scan(void *arg)
{
	HighwaterEntry *entry = arg;

	entry->open--;
	entry->version = entry->scans == 1 ? entry->reached : 0;
}

void
tplus_highwater_begin(Oid relid, MemoryContext context)
{
	HighwaterEntry *entry = get_entry(relid);
	MemoryContextCallback *callback;

	callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
	callback->func = end_scan;
	callback->arg = entry;

	/* Scans that overlap count as one statement's: nothing is said then. */
	if (entry->open == 0)
		entry->scans = 0;
	entry->open++;
	entry->scans++;
	entry->reached = 0;
	MemoryContextRegisterResetCallback(context, callback);
}

void
tplus_highwater_set(Oid relid, uint64 version)
{
	get_entry(relid)->reached = version;
}

uint64
tplus_highwater_get(Oid relid)
{
	return get_entry(relid)->version;
}
