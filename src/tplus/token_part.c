/*-------------------------------------------------------------------------
 *
 * token_part.c
 *		The table tplus.token_part: long tokens in pieces, and the key of digests.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/token_part.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "tplus/token_part.h"

/* Columns of tplus.token_part, in the order of the install script. */
enum
{
	Anum_fingerprint = 1,
	Anum_part,
	Anum_piece
};

#define Natts_token_part	Anum_piece

/*
 * Bytes of a token that stay in its own row, and of one piece: two of those
 * and the rest of a row fit on a page, and nothing is moved out of the row.
 */
#define LONG_TOKEN		1500
#define PIECE_BYTES		1500

Relation
tplus_token_part_open(const char *name, int natts, LOCKMODE lockmode)
{
	Oid			namespace = get_namespace_oid("tplus", true);
	Oid			relid = OidIsValid(namespace) ?
	get_relname_relid(name, namespace) : InvalidOid;
	Relation	rel = NULL;

	/* It may go between the look and the lock. */
	if (OidIsValid(relid))
		rel = try_table_open(relid, lockmode);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"tplus.%s\" does not exist", name),
				 errhint("Use CREATE EXTENSION tplus_fdw.")));
	if (RelationGetNumberOfAttributes(rel) < natts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"tplus.%s\" is not of this version of tplus_fdw", name),
				 errhint("Use ALTER EXTENSION tplus_fdw UPDATE.")));
	return rel;
}

void
tplus_token_part_insert(Relation rel, HeapTuple tuple)
{
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel),
													&TTSOpsHeapTuple);
	int			i;

	ExecStoreHeapTuple(tuple, slot, false);
	table_tuple_insert(rel, slot, GetCurrentCommandId(true),
					   TABLE_INSERT_NO_LOGICAL, NULL);
	for (i = 0; i < indexes->ri_NumIndices; i++)
	{
		IndexInfo  *info = indexes->ri_IndexRelationInfo[i];
		Relation	index = indexes->ri_IndexRelationDescs[i];
		Datum		values[INDEX_MAX_KEYS];
		bool		isnull[INDEX_MAX_KEYS];

		if (!info->ii_ReadyForInserts)
			continue;
		FormIndexDatum(info, slot, NULL, values, isnull);
		index_insert(index, values, isnull, &slot->tts_tid, rel,
					 index->rd_index->indisunique ? UNIQUE_CHECK_YES :
					 UNIQUE_CHECK_NO, false, info);
	}
	ExecDropSingleTupleTableSlot(slot);
	CatalogCloseIndexes(indexes);
}

/* Begins a scan for the rows of a fingerprint, as of this moment. */
static SysScanDesc
begin_scan(Relation rel, Datum fingerprint)
{
	ScanKeyData skey;

	ScanKeyInit(&skey, Anum_fingerprint, BTEqualStrategyNumber, F_BYTEAEQ,
				fingerprint);
	return systable_beginscan(rel, InvalidOid, false, NULL, 1, &skey);
}

static Datum
bytes(const void *data, Size len)
{
	bytea	   *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), data, len);
	return PointerGetDatum(result);
}

static void
insert_part(Relation rel, Datum fingerprint, int part, const void *data,
			Size len)
{
	Datum	   *values = palloc0(sizeof(Datum) * RelationGetNumberOfAttributes(rel));
	bool	   *nulls = palloc(RelationGetNumberOfAttributes(rel));

	memset(nulls, true, RelationGetNumberOfAttributes(rel));
	memset(nulls, false, Natts_token_part);
	values[Anum_fingerprint - 1] = fingerprint;
	values[Anum_part - 1] = Int32GetDatum(part);
	values[Anum_piece - 1] = bytes(data, len);
	tplus_token_part_insert(rel, heap_form_tuple(RelationGetDescr(rel), values,
												 nulls));
}

/* Number and bytes of a piece. */
static bytea *
read_part(Relation rel, HeapTuple tuple, int *part)
{
	bool		isnull;

	*part = DatumGetInt32(heap_getattr(tuple, Anum_part,
									   RelationGetDescr(rel), &isnull));
	return DatumGetByteaPP(heap_getattr(tuple, Anum_piece,
										RelationGetDescr(rel), &isnull));
}

/* The key has the fingerprint that no row of a pair has: an empty one. */
static bool
read_key(uint8 *key)
{
	Relation	rel = tplus_token_part_open("token_part", Natts_token_part,
											AccessShareLock);
	SysScanDesc scan = begin_scan(rel, bytes("", 0));
	HeapTuple	tuple = systable_getnext(scan);
	bool		found = false;

	if (HeapTupleIsValid(tuple))
	{
		int			part;
		bytea	   *piece = read_part(rel, tuple, &part);

		found = VARSIZE_ANY_EXHDR(piece) == TPLUS_TOKEN_KEY_LEN;
		if (found)
			memcpy(key, VARDATA_ANY(piece), TPLUS_TOKEN_KEY_LEN);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

void
tplus_token_part_key(uint8 *key)
{
	if (!read_key(key))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"tplus.token_part\" has lost the key of its digests"),
				 errhint("Use DROP EXTENSION and CREATE EXTENSION, and authorize the application again.")));
}

void
tplus_token_part_make_key(void)
{
	uint8		key[TPLUS_TOKEN_KEY_LEN];
	Relation	rel;

	if (read_key(key))
		return;
	if (!pg_strong_random(key, sizeof(key)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random key")));
	rel = tplus_token_part_open("token_part", Natts_token_part,
								RowExclusiveLock);
	insert_part(rel, bytes("", 0), 0, key, sizeof(key));
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

bool
tplus_token_part_exists(void)
{
	Oid			namespace = get_namespace_oid("tplus", true);

	return OidIsValid(namespace) &&
		OidIsValid(get_relname_relid("token_part", namespace));
}

bool
tplus_token_part_is_long(const char *token)
{
	return token && strlen(token) > LONG_TOKEN && tplus_token_part_exists();
}

/* Access tokens have parts from 1 up, refresh tokens from -1 down. */
static int
part_number(TplusTokenPart which, Size at)
{
	int			number = (int) (at / PIECE_BYTES) + 1;

	return which == TPLUS_PART_ACCESS ? number : -number;
}

void
tplus_token_part_put(Datum fingerprint, TplusTokenPart which,
					 const char *token)
{
	Relation	rel = tplus_token_part_open("token_part", Natts_token_part,
											RowExclusiveLock);
	Size		len = strlen(token);
	Size		at;

	for (at = 0; at < len; at += PIECE_BYTES)
		insert_part(rel, fingerprint, part_number(which, at), token + at,
					Min(PIECE_BYTES, len - at));
	table_close(rel, NoLock);
}

char *
tplus_token_part_get(Datum fingerprint, TplusTokenPart which)
{
	Relation	rel = tplus_token_part_open("token_part", Natts_token_part,
											AccessShareLock);
	SysScanDesc scan = begin_scan(rel, fingerprint);
	StringInfoData token;
	HeapTuple	tuple;

	/* They come in whatever order, and all but the last are of one length. */
	initStringInfo(&token);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		int			part;
		bytea	   *piece = read_part(rel, tuple, &part);
		Size		at = (Size) (abs(part) - 1) * PIECE_BYTES;
		int			len = VARSIZE_ANY_EXHDR(piece);

		if (part == 0 || (part > 0) != (which == TPLUS_PART_ACCESS))
			continue;
		if (at + len > (Size) token.len)
		{
			enlargeStringInfo(&token, at + len - token.len);
			memset(token.data + token.len, 0, at + len - token.len + 1);
			token.len = at + len;
		}
		memcpy(token.data + at, VARDATA_ANY(piece), len);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return token.data;
}

void
tplus_token_part_delete(Datum fingerprint)
{
	Relation	rel;
	SysScanDesc scan;
	CommandId	cid = GetCurrentCommandId(true);
	HeapTuple	tuple;

	if (!tplus_token_part_exists())
		return;
	rel = tplus_token_part_open("token_part", Natts_token_part,
								RowExclusiveLock);
	scan = begin_scan(rel, fingerprint);

	/* Does not wait for one that is at such a row; see tplus_pair_forget(). */
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TM_FailureData failure;

		(void) tplus_tuple_delete(rel, &tuple->t_self, cid, &failure);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}
