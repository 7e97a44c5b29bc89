/*-------------------------------------------------------------------------
 *
 * stats.h
 *		What calls have cost, counted by all backends together.
 *
 * One entry for each server and foreign table of each database, in shared
 * memory (base/shmem).  When there is no room for another, the one that was
 * not used for the longest time goes.  A restart begins at zero.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/stats.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_STATS_H
#define TPLUS_STATS_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef enum TplusStat
{
	TPLUS_STAT_REQUESTS,
	TPLUS_STAT_PAGES,
	TPLUS_STAT_ROWS,
	TPLUS_STAT_WIRE_BYTES,
	TPLUS_STAT_BODY_BYTES,
	TPLUS_STAT_RETRIES_THROTTLED,
	TPLUS_STAT_RETRIES_TOKEN,
	TPLUS_STAT_RETRIES_SERVER,
	TPLUS_STAT_RETRIES_NETWORK,
	TPLUS_STAT_RETRIES_MALFORMED,
	TPLUS_STAT_NETWORK_US,
	TPLUS_STAT_BUDGET_US,
	TPLUS_STAT_TOKEN_US,
	TPLUS_STAT_BACKOFF_US,
	TPLUS_STAT_THROTTLED_US,
	TPLUS_STAT_RENEWALS,
	TPLUS_STAT_ERRORS
} TplusStat;

#define TPLUS_NSTATS	(TPLUS_STAT_ERRORS + 1)

/* The last bin has no upper bound. */
#define TPLUS_STATS_NBINS	12

/* Upper bounds of the others, in milliseconds, each included. */
extern const int tplus_stats_bounds_ms[TPLUS_STATS_NBINS - 1];

/* What an error's text is cut to. */
#define TPLUS_STATS_ERROR_LEN	256

typedef struct TplusStatsKey
{
	Oid			database;
	Oid			server;
	Oid			table;			/* InvalidOid: of the server itself */
} TplusStatsKey;

/* An entry, as readers get it. */
typedef struct TplusStats
{
	TplusStatsKey key;
	TimestampTz since;			/* counted from then on */
	TimestampTz last_used;
	int64		sums[TPLUS_NSTATS];
	int64		bins[TPLUS_STATS_NBINS];	/* latencies, see tplus_stats_add */
	double		latency_ms;		/* moving average; meaningless without one */
	TimestampTz error_at;		/* 0: there was none */
	int			error_sqlstate;
	char		error[TPLUS_STATS_ERROR_LEN];	/* in the database's encoding */
} TplusStats;

/*
 * Finds the shared memory now, so that later, when an error is cleaned up
 * after, nothing can fail any more.  Throws for memory.
 */
extern void tplus_stats_attach(void);

/*
 * Adds sums to the entry of the key in this database (key->database is not
 * looked at), and one latency: milliseconds from the start of a request to
 * the first byte of a good answer, negative if there is none.  Never throws
 * but for memory, the first time; holds a lock for about a microsecond.
 */
extern void tplus_stats_add(const TplusStatsKey *key,
							const int64 sums[TPLUS_NSTATS], double latency_ms);

/* Likewise, counts an error.  Its text must be free of secrets. */
extern void tplus_stats_error(const TplusStatsKey *key, int sqlstate,
							  const char *message);

/*
 * Copies the next entry of this database and returns true, or false after the
 * last; *position begins at 0.  Takes no lock.
 */
extern bool tplus_stats_next(int *position, TplusStats *stats);

/*
 * How long the server (an OID of this database) takes to answer: a moving
 * average over the last requests of all backends, in milliseconds from the
 * start of a request, waits for budget and token not counted, to the first
 * byte of its answer.  -1 while nothing was measured.  Takes no lock.
 */
extern double tplus_stats_latency_ms(Oid serverid);

/* Forgets everything about this database. */
extern void tplus_stats_reset(void);

/* How many entries there is room for, and whether all backends share them. */
extern int	tplus_stats_room(bool *shared);

#endif							/* TPLUS_STATS_H */
