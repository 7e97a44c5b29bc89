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
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "common/cryptohash.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "net/http.h"
#include "tplus/pair.h"

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
	Anum_hint
};

#define Natts_token	Anum_hint

#define UNTOLD_LIFE_DAYS	90

static const char *const failure_names[] = {
	[TPLUS_PAIR_FINE] = NULL,
	[TPLUS_PAIR_REFUSED] = "refused",
	[TPLUS_PAIR_LOST] = "lost",
	[TPLUS_PAIR_BUSY] = "busy",
	[TPLUS_PAIR_UNANSWERED] = "unanswered",
	[TPLUS_PAIR_FAILED] = "failed",
};

/* Digest of strings, each preceded by its length; NULL differs from "". */
static void
digest_strings(const char *const *strings, int nstrings, TplusDigest *digest)
{
	pg_cryptohash_ctx *ctx = pg_cryptohash_create(PG_SHA256);
	bool		ok = ctx != NULL && pg_cryptohash_init(ctx) >= 0;
	int			i;

	for (i = 0; ok && i < nstrings; i++)
	{
		uint32		len = strings[i] ? strlen(strings[i]) : PG_UINT32_MAX;

		ok = pg_cryptohash_update(ctx, (uint8 *) &len, sizeof(len)) >= 0 &&
			(strings[i] == NULL ||
			 pg_cryptohash_update(ctx, (const uint8 *) strings[i], len) >= 0);
	}
	ok = ok && pg_cryptohash_final(ctx, digest->bytes, TPLUS_DIGEST_LEN) >= 0;
	pg_cryptohash_free(ctx);
	if (!ok)
		elog(ERROR, "could not compute a SHA-256 digest");
}

void
tplus_pair_key(const TplusAccount *account, TplusDigest *key)
{
	const TplusMappingOptions *mapping = &account->mapping;
	const char *url = account->server.base_url;
	const char *host = strstr(url, "://");
	const char *prefix = host ? strchr(host + 3, '/') : NULL;

	/* However a host is spelled, it is the same pair. */
	char	   *authority = tplus_http_authority(url);
	const char *strings[7] = {
		"tplus.token", authority, prefix ? prefix : "", mapping->app_key
	};

	if (account->auth == TPLUS_AUTH_SELF_BUILT)
	{
		strings[4] = "certificate";
		strings[5] = mapping->certificate;
	}
	else if (mapping->refresh_token)
	{
		strings[4] = "refresh_token";
		strings[5] = mapping->refresh_token;
	}
	else
	{
		strings[4] = "authorize";
		strings[5] = account->server.name;
		strings[6] = OidIsValid(mapping->userid) ?
			GetUserNameFromId(mapping->userid, false) : NULL;
	}
	digest_strings(strings, lengthof(strings), key);
	pfree(authority);
}

void
tplus_pair_holder(const TplusAccount *account, TplusDigest *digest)
{
	const char *const strings[] = {
		"holder", account->mapping.app_key, account->mapping.app_secret
	};

	digest_strings(strings, lengthof(strings), digest);
}

void
tplus_pair_credentials(const TplusAccount *account, TplusDigest *digest)
{
	const TplusServerOptions *server = &account->server;
	const TplusMappingOptions *mapping = &account->mapping;
	const char *const strings[] = {
		server->base_url, server->token_path, server->ca_file,
		server->client_cert, server->client_key, server->min_tls,
		server->proxy, server->allow_plain_http ? "plain" : "",
		mapping->app_key, mapping->app_secret, mapping->refresh_token,
		mapping->certificate, mapping->app_ticket, mapping->proxy_password
	};

	digest_strings(strings, lengthof(strings), digest);
}

bool
tplus_pair_same_digest(const TplusDigest *a, const TplusDigest *b)
{
	return memcmp(a->bytes, b->bytes, TPLUS_DIGEST_LEN) == 0;
}

Oid
tplus_pair_relation(void)
{
	Oid			namespace = get_namespace_oid("tplus", true);

	return OidIsValid(namespace) ? get_relname_relid("token", namespace) :
		InvalidOid;
}

static Relation
open_table(LOCKMODE lockmode)
{
	Oid			relid = tplus_pair_relation();
	Relation	rel = NULL;

	/* It may go between the look and the lock. */
	if (OidIsValid(relid))
		rel = try_table_open(relid, lockmode);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"tplus.token\" does not exist"),
				 errhint("Use CREATE EXTENSION tplus_fdw.")));
	if (RelationGetNumberOfAttributes(rel) < Natts_token)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"tplus.token\" is not of this version of tplus_fdw"),
				 errhint("Use ALTER EXTENSION tplus_fdw UPDATE.")));
	return rel;
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
	int			natts = RelationGetNumberOfAttributes(rel);
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *nulls = palloc(natts * sizeof(bool));

	heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);

#define VALUE(col, get, none) \
	(nulls[Anum_##col - 1] ? (none) : get(values[Anum_##col - 1]))
	pair->generation = VALUE(generation, DatumGetInt64, 0);
	pair->access_token = VALUE(access_token, TextDatumGetCString, NULL);
	pair->has_refresh_token = !nulls[Anum_refresh_token - 1];
	if (with_refresh_token)
		pair->refresh_token = VALUE(refresh_token, TextDatumGetCString, NULL);
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

static void
form_pair(const TplusPair *pair, Datum *values, bool *nulls)
{
	bool		fine = pair->failure == TPLUS_PAIR_FINE;

	put(values, nulls, Anum_generation, Int64GetDatum(pair->generation), false);
	put_text(values, nulls, Anum_access_token, pair->access_token);
	put_text(values, nulls, Anum_refresh_token, pair->refresh_token);
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
	put_text(values, nulls, Anum_sqlstate,
			 fine ? NULL : unpack_sql_state(pair->sqlstate));
	put_text(values, nulls, Anum_message, fine ? NULL : pair->message);
	put_text(values, nulls, Anum_hint, fine ? NULL : pair->hint);
}

/*
 * Inserts a row of which logical decoding learns nothing: neither a
 * publication FOR ALL TABLES nor an output plugin shall carry the pair away.
 * An update cannot be hidden, so a row is replaced instead.
 */
static void
insert_unpublished(Relation rel, HeapTuple tuple)
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

void
tplus_pair_write(const TplusDigest *key, const char *server,
				 const char *auth, const TplusPair *pair)
{
	Relation	rel = open_table(RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Datum	   *values = palloc0(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));
	bool	   *replace = palloc0(desc->natts * sizeof(bool));
	bytea	   *fingerprint = digest_to_bytea(key);
	SysScanDesc scan = begin_scan(rel, fingerprint);
	HeapTuple	old = systable_getnext(scan);
	HeapTuple	new;

	/* Columns of a later version are left alone. */
	memset(nulls, true, desc->natts * sizeof(bool));
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
	insert_unpublished(rel, new);
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
		if (lc == NULL && has_ended(&pair, now))
			(void) tplus_tuple_delete(rel, &tuple->t_self, cid, &failure);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	CommandCounterIncrement();
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
