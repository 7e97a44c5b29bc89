/*-------------------------------------------------------------------------
 *
 * stats.c
 *		What calls have cost, counted by all backends together.
 *
 * Locking: whoever writes holds the lock of the area, exclusively, for about
 * a microsecond, and keeps the change count of the entry.  Readers take no
 * lock (see base/shmem.h).
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/stats.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/stats.h"

/*
 * Half a kilobyte each.  Where they come out of what PostgreSQL leaves unused
 * of its shared memory (some 100 kB), others must find room, too.
 */
#ifdef TPLUS_HAVE_DSM_REGISTRY
#define NENTRIES		512
#else
#define NENTRIES		40
#endif

/* The share of the newest latency in the moving average, as TCP has it. */
#define LATENCY_SHARE	0.125

const int	tplus_stats_bounds_ms[TPLUS_STATS_NBINS - 1] = {
	5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000
};

typedef struct Entry
{
	uint32		changecount;	/* odd while it is written */
	TplusStats	stats;			/* free if key.server is invalid */
} Entry;

typedef struct SharedStats
{
	Entry		entries[NENTRIES];
} SharedStats;

static SharedStats *shared = NULL;
static LWLock *shared_lock = NULL;	/* NULL: shared is our own */

void
tplus_stats_attach(void)
{
	if (shared == NULL)
		shared = tplus_shmem_or_own("stats", sizeof(SharedStats), &shared_lock);
}

static bool
is_key(const TplusStats *stats, const TplusStatsKey *key)
{
	return stats->key.database == MyDatabaseId &&
		stats->key.server == key->server && stats->key.table == key->table;
}

/*
 * The entry of the key, opened for writing; the caller holds the lock.  If
 * there is none, it takes the place of the one that is free or was not used
 * for the longest time.
 */
static Entry *
open_entry(const TplusStatsKey *key, TimestampTz now)
{
	Entry	   *oldest = &shared->entries[0];
	int			i;

	for (i = 0; i < NENTRIES; i++)
	{
		Entry	   *entry = &shared->entries[i];

		if (is_key(&entry->stats, key))
		{
			tplus_shmem_begin_change(&entry->changecount);
			entry->stats.last_used = now;
			return entry;
		}
		if (entry->stats.last_used < oldest->stats.last_used)
			oldest = entry;
	}
	tplus_shmem_begin_change(&oldest->changecount);
	memset(&oldest->stats, 0, sizeof(oldest->stats));
	oldest->stats.key.database = MyDatabaseId;
	oldest->stats.key.server = key->server;
	oldest->stats.key.table = key->table;
	oldest->stats.since = oldest->stats.last_used = now;
	return oldest;
}

static void
add_latency(TplusStats *stats, double latency_ms)
{
	bool		first = true;
	int			bin = 0;
	int			i;

	for (i = 0; i < TPLUS_STATS_NBINS; i++)
		first &= stats->bins[i] == 0;
	if (first)
		stats->latency_ms = latency_ms;
	else
		stats->latency_ms += (latency_ms - stats->latency_ms) * LATENCY_SHARE;
	while (bin < TPLUS_STATS_NBINS - 1 &&
		   latency_ms > tplus_stats_bounds_ms[bin])
		bin++;
	stats->bins[bin]++;
}

void
tplus_stats_add(const TplusStatsKey *key, const int64 sums[TPLUS_NSTATS],
				double latency_ms)
{
	TimestampTz now = GetCurrentTimestamp();
	Entry	   *entry;
	int			i;

	tplus_stats_attach();
	tplus_shmem_lock(shared_lock);
	entry = open_entry(key, now);
	for (i = 0; i < TPLUS_NSTATS; i++)
		entry->stats.sums[i] += sums[i];
	if (latency_ms >= 0)
		add_latency(&entry->stats, latency_ms);
	tplus_shmem_end_change(&entry->changecount);
	tplus_shmem_unlock(shared_lock);
}

void
tplus_stats_error(const TplusStatsKey *key, int sqlstate, const char *message)
{
	TimestampTz now = GetCurrentTimestamp();
	int			len = pg_mbcliplen(message, strlen(message),
								   TPLUS_STATS_ERROR_LEN - 1);
	Entry	   *entry;

	tplus_stats_attach();
	tplus_shmem_lock(shared_lock);
	entry = open_entry(key, now);
	entry->stats.sums[TPLUS_STAT_ERRORS]++;
	entry->stats.error_at = now;
	entry->stats.error_sqlstate = sqlstate;
	memcpy(entry->stats.error, message, len);
	entry->stats.error[len] = '\0';
	tplus_shmem_end_change(&entry->changecount);
	tplus_shmem_unlock(shared_lock);
}

bool
tplus_stats_next(int *position, TplusStats *stats)
{
	tplus_stats_attach();
	while (*position < NENTRIES)
	{
		const Entry *entry = &shared->entries[(*position)++];

		/* Most are free in most clusters. */
		if (!OidIsValid(*(const volatile Oid *) &entry->stats.key.server))
			continue;
		tplus_shmem_read(&entry->changecount, stats, &entry->stats,
						 sizeof(*stats));
		if (OidIsValid(stats->key.server) &&
			stats->key.database == MyDatabaseId)
			return true;
	}
	return false;
}

double
tplus_stats_latency_ms(Oid serverid)
{
	TplusStats	stats;
	double		sum = 0;
	int64		weight = 0;
	int			position = 0;

	/* Each table weighs as much as it was asked for. */
	while (tplus_stats_next(&position, &stats))
	{
		int64		samples = 0;
		int			i;

		if (stats.key.server != serverid)
			continue;
		for (i = 0; i < TPLUS_STATS_NBINS; i++)
			samples += stats.bins[i];
		sum += stats.latency_ms * samples;
		weight += samples;
	}
	return weight > 0 ? sum / weight : -1;
}

void
tplus_stats_reset(void)
{
	int			i;

	tplus_stats_attach();
	tplus_shmem_lock(shared_lock);
	for (i = 0; i < NENTRIES; i++)
	{
		Entry	   *entry = &shared->entries[i];

		if (entry->stats.key.database != MyDatabaseId)
			continue;
		tplus_shmem_begin_change(&entry->changecount);
		memset(&entry->stats, 0, sizeof(entry->stats));
		tplus_shmem_end_change(&entry->changecount);
	}
	tplus_shmem_unlock(shared_lock);
}

int
tplus_stats_room(bool *is_shared)
{
	tplus_stats_attach();
	*is_shared = shared_lock != NULL;
	return NENTRIES;
}
