/*-------------------------------------------------------------------------
 *
 * pair.h
 *		The row of tplus.token: its key, reading it afresh, writing it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/pair.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PAIR_H
#define TPLUS_PAIR_H

#include "postgres.h"

#include "base/option.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#define TPLUS_DIGEST_LEN	32	/* SHA-256 */

typedef struct TplusDigest
{
	uint8		bytes[TPLUS_DIGEST_LEN];
} TplusDigest;

/* How the last attempt to renew ended; its names stand in the table. */
typedef enum TplusPairFailure
{
	TPLUS_PAIR_FINE,
	TPLUS_PAIR_REFUSED,			/* T+ refuses the credentials */
	TPLUS_PAIR_LOST,			/* it does, after an answer that we never got */
	TPLUS_PAIR_BUSY,			/* T+ says that somebody else renews */
	TPLUS_PAIR_UNANSWERED,		/* sent, but no answer */
	TPLUS_PAIR_FAILED			/* T+ was not reached */
} TplusPairFailure;

/*
 * The row, as a struct.  A time stamp of 0 stands for NULL, as does NULL for
 * a string.
 */
typedef struct TplusPair
{
	int64		generation;		/* 0: there was never a token */
	char	   *access_token;	/* secret */
	char	   *refresh_token;	/* secret; only read if asked for */
	bool		has_refresh_token;
	TimestampTz obtained_at;
	TimestampTz expires_at;
	TimestampTz refresh_expires_at;
	int64		renewals;
	TimestampTz renewing_since; /* a renewal began and has not ended */
	TimestampTz renewing_until; /* by then its call has ended for certain */
	TplusPairFailure failure;
	int			failures;		/* in a row */
	TimestampTz failed_until;	/* no other attempt before */
	TplusDigest failed_with;	/* tplus_pair_credentials() of that attempt */
	TplusDigest holder;			/* tplus_pair_holder() of the last success */
	int			sqlstate;
	char	   *message;		/* redacted */
	char	   *hint;
} TplusPair;

/*
 * The key of an account's row: a digest of its address, app_key and the
 * refresh token or certificate in its mapping.  A mapping without either,
 * whose pair comes from tplus.authorize(), is told by the names of its server
 * and user: an application may be authorized by several enterprises.  Digests
 * need a resource owner, hence a transaction.
 */
extern void tplus_pair_key(const TplusAccount *account, TplusDigest *key);

/*
 * A digest of what only the holder of a pair knows beside a refresh token
 * that is used up and perhaps no longer kept secret.
 */
extern void tplus_pair_holder(const TplusAccount *account,
							  TplusDigest *digest);

/* A digest of all options that decide how an attempt to renew ends. */
extern void tplus_pair_credentials(const TplusAccount *account,
								   TplusDigest *digest);

extern bool tplus_pair_same_digest(const TplusDigest *a, const TplusDigest *b);

/* OID of the table; InvalidOid if this transaction does not see it. */
extern Oid	tplus_pair_relation(void);

/*
 * Reads the row as it is now, whatever the snapshot of the statement; zeroes
 * and false if there is none.  Strings are palloc'd.  Throws 42P01 if there
 * is no table.
 */
extern bool tplus_pair_read(const TplusDigest *key, bool with_refresh_token,
							TplusPair *pair);

/*
 * Writes the row, all of it.  For the worker: needs a transaction and a
 * snapshot, and may wait for a lock.
 */
extern void tplus_pair_write(const TplusDigest *key, const char *server,
							 const char *auth, const TplusPair *pair);

/*
 * Deletes the rows whose both tokens have ended, except those with one of the
 * keys (a List of TplusDigest *).  Needs a transaction that may write; does
 * not wait for one that is at such a row.
 */
extern void tplus_pair_forget(List *keys, TimestampTz now);

/* Wipes the tokens from memory. */
extern void tplus_pair_wipe(TplusPair *pair);

#endif							/* TPLUS_PAIR_H */
