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
#include "tplus/identity.h"

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
	TplusDigest for_server;		/* tplus_pair_heirs() of the last success */
	TplusDigest for_mapping;
	int			sqlstate;
	char	   *message;		/* redacted */
	char	   *hint;
} TplusPair;

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
 * Finds the row of another key whose pair the account is entitled to: that of
 * the same server and app_secret from before its route changed, that of the
 * same user mapping from before its app_secret changed, or one of version 1.0.
 * Returns whether there is one, and its key.
 */
extern bool tplus_pair_is_inherited(const TplusAccount *account,
									TplusDigest *key);

/*
 * The same, for the worker: deletes that row, in the transaction in which the
 * caller writes *pair under the key of the account.  lock is called with the
 * key of that row before it is read.
 */
extern bool tplus_pair_take_over(const TplusAccount *account,
								 void (*lock) (const TplusDigest *key),
								 TplusPair *pair);

/*
 * Makes the key of all digests of this database unless there is one, and
 * writes each row anew as this version does.  For the install scripts.
 */
extern void tplus_pair_prepare(void);

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
