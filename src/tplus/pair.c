/*-------------------------------------------------------------------------
 *
 * pair.c
 *		The row of tplus.token: its key, reading it afresh, writing it.
 *
 * Both ways go below SQL, as the access to a catalog does.  Reading: SPI
 * would use the snapshot of the statement, under which REPEATABLE READ finds
 * the dead token for ever, and a fresh snapshot of the ordinary kind cannot
 * be taken beside a Gather.  For a table without a system cache, the catalog
 * snapshot is taken anew with each scan.  (A SERIALIZABLE transaction still
 * notes the read, which can fail nobody: the worker, alone in writing here, is
 * not serializable.)  Writing: a token that travels as a parameter of a
 * statement can turn up in a plan that auto_explain logs.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/pair.c
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
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "tplus/pair.h"
#include "tplus/token_part.h"

/* Columns of tplus.token, in the order of the install script. */
enum
{
	Anum_fingerprint = 1,
	Anum_server,
	Anum_auth,
	Anum_generation,
	Anum_access_token,
	Anum_refresh_token,
	Anum_obtained_at,
	Anum_expires_at,
	Anum_refresh_expires_at,
	Anum_renewals,
	Anum_renewing_since,
	Anum_renewing_until,
	Anum_failure,
	Anum_failures,
	Anum_failed_until,
	Anum_failed_with,
	Anum_holder,
	Anum_sqlstate,
	Anum_message,
	Anum_hint,
	Anum_for_server,
	Anum_for_mapping
};

#define Natts_token	Anum_for_mapping
#define Natts_token_1	Anum_hint	/* until ALTER EXTENSION UPDATE */

#define UNTOLD_LIFE_DAYS	90

static const char *const failure_names[] = {
	[TPLUS_PAIR_FINE] = NULL,
	[TPLUS_PAIR_REFUSED] = "refused",
	[TPLUS_PAIR_LOST] = "lost",
	[TPLUS_PAIR_BUSY] = "busy",
	[TPLUS_PAIR_UNANSWERED] = "unanswered",
	[TPLUS_PAIR_FAILED] = "failed",
};

Oid
tplus_pair_relation(void)
{
	Oid			namespace = get_namespace_oid("tplus", true);

	return OidIsValid(namespace) ? get_relname_relid("token", namespace) :
		InvalidOid;
}

/* One that the update has not reached yet will do. */
static Relation
open_table(LOCKMODE lockmode)
{
	return tplus_token_part_open("token", Natts_token_1, lockmode);
}

/* Begins a scan for the row of the key, with a snapshot of this moment. */
static SysScanDesc
begin_scan(Relation rel, bytea *key)
{
	ScanKeyData skey;
	Oid			index = get_relname_relid("token_pkey",
										  RelationGetNamespace(rel));

	ScanKeyInit(&skey, Anum_fingerprint, BTEqualStrategyNumber, F_BYTEAEQ,
				PointerGetDatum(key));
	return systable_beginscan(rel, index, OidIsValid(index), NULL, 1, &skey);
}

static bytea *
digest_to_bytea(const TplusDigest *digest)
{
	bytea	   *result = palloc(VARHDRSZ + TPLUS_DIGEST_LEN);

	SET_VARSIZE(result, VARHDRSZ + TPLUS_DIGEST_LEN);
	memcpy(VARDATA(result), digest->bytes, TPLUS_DIGEST_LEN);
	return result;
}

/* Zeroes for NULL; no digest is made of zeroes. */
static void
bytea_to_digest(const bytea *value, TplusDigest *digest)
{
	memset(digest, 0, sizeof(*digest));
	if (value && VARSIZE_ANY_EXHDR(value) == TPLUS_DIGEST_LEN)
		memcpy(digest->bytes, VARDATA_ANY(value), TPLUS_DIGEST_LEN);
}

static void
deform_failure(TplusPair *pair, const char *failure, const char *sqlstate)
{
	int			i;

	for (i = 0; failure && i < (int) lengthof(failure_names); i++)
	{
		if (failure_names[i] && strcmp(failure_names[i], failure) == 0)
			pair->failure = i;
	}
	pair->sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
	if (sqlstate && strlen(sqlstate) == 5)
		pair->sqlstate = MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
									   sqlstate[3], sqlstate[4]);
}

static void
deform_pair(Relation rel, HeapTuple tuple, bool with_refresh_token,
			TplusPair *pair)
{
	int			natts = Max(RelationGetNumberOfAttributes(rel), Natts_token);
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *nulls = palloc(natts * sizeof(bool));

	memset(nulls, true, natts * sizeof(bool));
	heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);

#define VALUE(col, get, none) \
	(nulls[Anum_##col - 1] ? (none) : get(values[Anum_##col - 1]))
	pair->generation = VALUE(generation, DatumGetInt64, 0);
	pair->access_token = VALUE(access_token, TextDatumGetCString, NULL);
	pair->has_refresh_token = !nulls[Anum_refresh_token - 1];
	if (with_refresh_token)
		pair->refresh_token = VALUE(refresh_token, TextDatumGetCString, NULL);
	if (pair->access_token && *pair->access_token == '\0')
		pair->access_token =
			tplus_token_part_get(values[Anum_fingerprint - 1],
								 TPLUS_PART_ACCESS);
	if (pair->refresh_token && *pair->refresh_token == '\0')
		pair->refresh_token =
			tplus_token_part_get(values[Anum_fingerprint - 1],
								 TPLUS_PART_REFRESH);
	pair->obtained_at = VALUE(obtained_at, DatumGetTimestampTz, 0);
	pair->expires_at = VALUE(expires_at, DatumGetTimestampTz, 0);
	pair->refresh_expires_at = VALUE(refresh_expires_at,
									 DatumGetTimestampTz, 0);
	pair->renewals = VALUE(renewals, DatumGetInt64, 0);
	pair->renewing_since = VALUE(renewing_since, DatumGetTimestampTz, 0);
	pair->renewing_until = VALUE(renewing_until, DatumGetTimestampTz, 0);
	pair->failures = VALUE(failures, DatumGetInt32, 0);
	pair->failed_until = VALUE(failed_until, DatumGetTimestampTz, 0);
	pair->message = VALUE(message, TextDatumGetCString, NULL);
	pair->hint = VALUE(hint, TextDatumGetCString, NULL);
	deform_failure(pair, VALUE(failure, TextDatumGetCString, NULL),
				   VALUE(sqlstate, TextDatumGetCString, NULL));
	bytea_to_digest(VALUE(failed_with, DatumGetByteaPP, NULL),
					&pair->failed_with);
	bytea_to_digest(VALUE(holder, DatumGetByteaPP, NULL), &pair->holder);
	bytea_to_digest(VALUE(for_server, DatumGetByteaPP, NULL),
					&pair->for_server);
	bytea_to_digest(VALUE(for_mapping, DatumGetByteaPP, NULL),
					&pair->for_mapping);
#undef VALUE
}

/* The key of a row. */
static void
read_key(Relation rel, HeapTuple tuple, TplusDigest *key)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_fingerprint,
									 RelationGetDescr(rel), &isnull);

	bytea_to_digest(isnull ? NULL : DatumGetByteaPP(value), key);
}

bool
tplus_pair_read(const TplusDigest *key, bool with_refresh_token,
				TplusPair *pair)
{
	Relation	rel = open_table(AccessShareLock);
	SysScanDesc scan = begin_scan(rel, digest_to_bytea(key));
	HeapTuple	tuple = systable_getnext(scan);

	memset(pair, 0, sizeof(*pair));
	if (HeapTupleIsValid(tuple))
		deform_pair(rel, tuple, with_refresh_token, pair);
	systable_endscan(scan);

	/* As with a catalog, the lock does not outlive the look. */
	table_close(rel, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

/* One column of the row to be written. */
static void
put(Datum *values, bool *nulls, int column, Datum value, bool is_null)
{
	values[column - 1] = is_null ? (Datum) 0 : value;
	nulls[column - 1] = is_null;
}

static void
put_text(Datum *values, bool *nulls, int column, const char *value)
{
	put(values, nulls, column, value ? CStringGetTextDatum(value) : (Datum) 0,
		value == NULL);
}

static void
put_time(Datum *values, bool *nulls, int column, TimestampTz value)
{
	put(values, nulls, column, TimestampTzGetDatum(value), value == 0);
}

/* A token that is not short, which stands elsewhere, is an empty one here. */
static void
put_token(Datum *values, bool *nulls, int column, const char *token)
{
	put_text(values, nulls, column,
			 tplus_token_part_is_long(token) ? "" : token);
}

static void
form_pair(const TplusPair *pair, Datum *values, bool *nulls)
{
	bool		fine = pair->failure == TPLUS_PAIR_FINE;

	put(values, nulls, Anum_generation, Int64GetDatum(pair->generation), false);
	put_token(values, nulls, Anum_access_token, pair->access_token);
	put_token(values, nulls, Anum_refresh_token, pair->refresh_token);
	put_time(values, nulls, Anum_obtained_at, pair->obtained_at);
	put_time(values, nulls, Anum_expires_at, pair->expires_at);
	put_time(values, nulls, Anum_refresh_expires_at, pair->refresh_expires_at);
	put(values, nulls, Anum_renewals, Int64GetDatum(pair->renewals), false);
	put_time(values, nulls, Anum_renewing_since, pair->renewing_since);
	put_time(values, nulls, Anum_renewing_until, pair->renewing_until);
	put_text(values, nulls, Anum_failure, failure_names[pair->failure]);
	put(values, nulls, Anum_failures, Int32GetDatum(pair->failures), false);
	put_time(values, nulls, Anum_failed_until, pair->failed_until);
	put(values, nulls, Anum_failed_with,
		PointerGetDatum(digest_to_bytea(&pair->failed_with)), fine);
	put(values, nulls, Anum_holder,
		PointerGetDatum(digest_to_bytea(&pair->holder)),
		pair->access_token == NULL);
	put(values, nulls, Anum_for_server,
		PointerGetDatum(digest_to_bytea(&pair->for_server)),
		pair->access_token == NULL);
	put(values, nulls, Anum_for_mapping,
		PointerGetDatum(digest_to_bytea(&pair->for_mapping)),
		pair->access_token == NULL);
	put_text(values, nulls, Anum_sqlstate,
			 fine ? NULL : unpack_sql_state(pair->sqlstate));
	put_text(values, nulls, Anum_message, fine ? NULL : pair->message);
	put_text(values, nulls, Anum_hint, fine ? NULL : pair->hint);
}

static void
put_long_tokens(Datum fingerprint, const TplusPair *pair)
{
	tplus_token_part_delete(fingerprint);
	if (tplus_token_part_is_long(pair->access_token))
		tplus_token_part_put(fingerprint, TPLUS_PART_ACCESS,
							 pair->access_token);
	if (tplus_token_part_is_long(pair->refresh_token))
		tplus_token_part_put(fingerprint, TPLUS_PART_REFRESH,
							 pair->refresh_token);
}

void
tplus_pair_write(const TplusDigest *key, const char *server,
				 const char *auth, const TplusPair *pair)
{
	Relation	rel = open_table(RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	int			natts = Max(desc->natts, Natts_token);
	Datum	   *values = palloc0(natts * sizeof(Datum));
	bool	   *nulls = palloc(natts * sizeof(bool));
	bool	   *replace = palloc0(natts * sizeof(bool));
	bytea	   *fingerprint = digest_to_bytea(key);
	SysScanDesc scan = begin_scan(rel, fingerprint);
	HeapTuple	old = systable_getnext(scan);
	HeapTuple	new;

	/* Columns of a later version are left alone. */
	memset(nulls, true, natts * sizeof(bool));
	memset(replace, true, Natts_token * sizeof(bool));
	put(values, nulls, Anum_fingerprint, PointerGetDatum(fingerprint), false);
	put(values, nulls, Anum_server,
		DirectFunctionCall1(namein, CStringGetDatum(server)), false);
	put_text(values, nulls, Anum_auth, auth);
	form_pair(pair, values, nulls);

	if (HeapTupleIsValid(old))
	{
		new = heap_modify_tuple(old, desc, values, nulls, replace);
		simple_heap_delete(rel, &old->t_self);
	}
	else
		new = heap_form_tuple(desc, values, nulls);
	put_long_tokens(PointerGetDatum(fingerprint), pair);
	tplus_token_part_insert(rel, new);
	systable_endscan(scan);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

/*
 * Is there nothing left that a token could be had with?  Where T+ does not
 * tell how long a refresh token lives, it is given three times the usual.
 */
static bool
has_ended(const TplusPair *pair, TimestampTz now)
{
	TimestampTz end = pair->expires_at;

	if (pair->renewing_since != 0)
		return false;
	if (pair->has_refresh_token)
		end = Max(end, pair->refresh_expires_at != 0 ?
				  pair->refresh_expires_at :
				  pair->obtained_at + UNTOLD_LIFE_DAYS * USECS_PER_DAY);
	return Max(end, pair->failed_until) < now;
}

void
tplus_pair_forget(List *keys, TimestampTz now)
{
	Relation	rel = open_table(RowExclusiveLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	CommandId	cid = GetCurrentCommandId(true);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TplusDigest key;
		TplusPair	pair = {0};
		TM_FailureData failure;
		ListCell   *lc;

		read_key(rel, tuple, &key);
		deform_pair(rel, tuple, false, &pair);
		tplus_pair_wipe(&pair);
		foreach(lc, keys)
		{
			if (tplus_pair_same_digest(lfirst(lc), &key))
				break;
		}
		if (lc == NULL && has_ended(&pair, now) &&
			tplus_tuple_delete(rel, &tuple->t_self, cid, &failure) == TM_Ok)
			tplus_token_part_delete(PointerGetDatum(digest_to_bytea(&key)));
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

/* May the account take over the pair of this row of version 1.0? */
static bool
is_heir_1(const TplusAccount *account, const TplusPair *pair,
		  const char *server)
{
	TplusDigest holder;
	Oid			serverid = get_foreign_server_oid(server, true);

	tplus_pair_holder_1(account, &holder);
	if (!tplus_pair_same_digest(&holder, &pair->holder))
		return false;

	/* The row does not tell by which way, but its server does. */
	if (!OidIsValid(serverid) || serverid == account->server.serverid ||
		GetForeignServer(serverid)->fdwid !=
		GetForeignServer(account->server.serverid)->fdwid)
		return true;
	return tplus_pair_same_route(tplus_option_server(serverid),
								 &account->server);
}

/* Looks for a row whose pair the account is entitled to; copies it. */
static bool
find_inherited(Relation rel, const TplusAccount *account,
			   TplusDigest *found, TplusPair *pair, ItemPointer tid)
{
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0,
										  NULL);
	TplusDigest key;
	TplusDigest key_1;
	TplusDigest for_server;
	TplusDigest for_mapping;
	HeapTuple	tuple;
	bool		is_heir = false;

	tplus_pair_key(account, &key);
	tplus_pair_key_1(account, &key_1);
	tplus_pair_heirs(account, &for_server, &for_mapping);
	while (!is_heir && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;

		read_key(rel, tuple, found);
		memset(pair, 0, sizeof(*pair));
		deform_pair(rel, tuple, true, pair);
		*tid = tuple->t_self;
		if (pair->access_token == NULL || tplus_pair_same_digest(found, &key))
			continue;
		is_heir = tplus_pair_same_digest(&pair->for_server, &for_server) ||
			tplus_pair_same_digest(&pair->for_mapping, &for_mapping) ||
			(tplus_pair_same_digest(found, &key_1) &&
			 is_heir_1(account, pair,
					   NameStr(*DatumGetName(heap_getattr(tuple, Anum_server,
														  RelationGetDescr(rel),
														  &isnull)))));
		if (!is_heir)
			tplus_pair_wipe(pair);
	}
	systable_endscan(scan);
	return is_heir;
}

bool
tplus_pair_is_inherited(const TplusAccount *account, TplusDigest *key)
{
	Relation	rel = open_table(AccessShareLock);
	TplusPair	pair = {0};
	ItemPointerData tid;
	bool		found = find_inherited(rel, account, key, &pair, &tid);

	tplus_pair_wipe(&pair);
	table_close(rel, AccessShareLock);
	return found;
}

bool
tplus_pair_take_over(const TplusAccount *account,
					 void (*lock) (const TplusDigest *key), TplusPair *pair)
{
	TplusDigest key;
	TplusDigest none = {0};
	ItemPointerData tid;
	Relation	rel;

	if (!tplus_pair_is_inherited(account, &key))
		return false;
	lock(&key);
	rel = open_table(RowExclusiveLock);
	if (!find_inherited(rel, account, &key, pair, &tid))
	{
		table_close(rel, NoLock);
		return false;
	}
	if (tplus_pair_same_digest(&pair->for_server, &none))
	{
		tplus_pair_heirs(account, &pair->for_server, &pair->for_mapping);
		tplus_pair_holder(account, &pair->holder);
	}
	simple_heap_delete(rel, &tid);
	tplus_token_part_delete(PointerGetDatum(digest_to_bytea(&key)));
	table_close(rel, NoLock);
	return true;
}

void
tplus_pair_prepare(void)
{
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *tuples = NIL;
	ListCell   *lc;

	tplus_token_part_make_key();
	rel = open_table(RowExclusiveLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		tuples = lappend(tuples, heap_copytuple(tuple));
	systable_endscan(scan);
	foreach(lc, tuples)
	{
		TplusDigest key;
		TplusPair	pair = {0};
		bool		isnull;
		Datum		server;
		Datum		auth;

		tuple = lfirst(lc);
		read_key(rel, tuple, &key);
		deform_pair(rel, tuple, true, &pair);
		server = heap_getattr(tuple, Anum_server, RelationGetDescr(rel),
							  &isnull);
		auth = heap_getattr(tuple, Anum_auth, RelationGetDescr(rel), &isnull);
		tplus_pair_write(&key, NameStr(*DatumGetName(server)),
						 TextDatumGetCString(auth), &pair);
		tplus_pair_wipe(&pair);
	}
	table_close(rel, NoLock);
}

void
tplus_pair_wipe(TplusPair *pair)
{
	if (pair->access_token)
		explicit_bzero(pair->access_token, strlen(pair->access_token));
	if (pair->refresh_token)
		explicit_bzero(pair->refresh_token, strlen(pair->refresh_token));
	pair->access_token = pair->refresh_token = NULL;
}
