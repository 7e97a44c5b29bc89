/*-------------------------------------------------------------------------
 *
 * budget.c
 *		One request budget for all backends of the cluster, per T+ account.
 *
 * Everything in SharedBudget is read and written under its lock, exclusively,
 * for a few microseconds; nothing throws while it is held.  Without shared
 * memory it lives in this backend alone, without a lock.
 *
 * Whoever is refused joins a queue (net/queue), and nobody takes a permit before
 * those who came earlier.
 *
 * A permit is given back with its memory context, or before this backend
 * exits.  One that dies without doing so takes the shared memory with it.
 * And one that is busy elsewhere, or waits for a lock that we hold, does not
 * look after its requests: when no holder of a permit has been heard of for a
 * while, their permits lapse.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/budget.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "portability/instr_time.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/shmem.h"
#include "base/wait.h"
#include "net/budget.h"
#include "net/http.h"
#include "net/queue.h"

/*
 * Accounts that are in use at the same time.  Those beyond share one bucket
 * more, of a key that no account has: they are slower for it, not unlimited.
 */
#define NBUCKETS		64
#define SHARED_KEY		PG_UINT64_MAX

#define LONGEST_WAIT_US	INT64CONST(1000000)

/* How soon those ask again who would not notice that a permit was returned. */
#define POLL_US			INT64CONST(20000)

/* Instead of such a time: do not queue at all. */
#define SPARE			0

/* Pauses beyond this are errors (the header says so). */
#define LONGEST_PAUSE_US	(5 * 60 * INT64CONST(1000000))

/*
 * How long a bucket that fills slowly is kept if another account needs the
 * room.  Then its account may find a full one, once in that time.
 */
#define KEPT_US			(10 * 60 * INT64CONST(1000000))

/*
 * After so long in silence permits lapse; how often their holders speak up.
 */
#define LAPSE_US		INT64CONST(5000000)
#define SIGN_US			INT64CONST(1000000)

typedef struct Bucket
{
	uint64		key;			/* 0: free */
	uint64		epoch;			/* permits of earlier ones have lapsed */
	int64		heard_us;		/* of any holder of a permit */
	TplusBucket limiter;
	int64		full_at_us;		/* when all tokens will be back */
	ConditionVariable changed;	/* a permit or a place was given up */
} Bucket;

typedef struct SharedBudget
{
	bool		ready;
	Bucket		buckets[NBUCKETS + 1];	/* the last for those beyond */
	TplusQueue	queue;
} SharedBudget;

/* What this backend knows of an account; in TopMemoryContext. */
struct TplusBudget
{
	uint64		key;
	Oid			server;
	uint64		ticket;			/* 0: we do not queue */
	Bucket	   *bucket;			/* may have become another's, see find_bucket */
	int64		paused_until_us;	/* while it shares a bucket */
};

struct TplusPermit
{
	MemoryContextCallback callback;
	dlist_node	node;			/* in held */
	Bucket	   *bucket;			/* NULL: given back */
	uint64		epoch;			/* of the bucket, when it was taken */
};

static SharedBudget *shared = NULL;
static LWLock *shared_lock = NULL;	/* NULL: shared is our own */
static List *budgets = NIL;
static dlist_head held = DLIST_STATIC_INIT(held);

static int64
now_us(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

static void
lock(void)
{
	if (shared_lock)
		LWLockAcquire(shared_lock, LW_EXCLUSIVE);
}

static void
unlock(void)
{
	if (shared_lock)
		LWLockRelease(shared_lock);
}

static void
release_permit(void *arg)
{
	TplusPermit *permit = arg;
	Bucket	   *bucket = permit->bucket;

	if (bucket == NULL)
		return;
	permit->bucket = NULL;
	dlist_delete(&permit->node);
	lock();
	if (permit->epoch == bucket->epoch)
		tplus_limiter_release(&bucket->limiter);
	bucket->heard_us = now_us();
	unlock();
	ConditionVariableBroadcast(&bucket->changed);
}

/* A FATAL error ends this backend without resetting every context. */
static void
release_all(int code, Datum arg)
{
	while (!dlist_is_empty(&held))
		release_permit(dlist_head_element(TplusPermit, node, &held));
}

static void
attach_shared(void)
{
	int			i;

	if (shared)
		return;
	shared = tplus_shmem_area("budget", sizeof(SharedBudget), &shared_lock);

	/* Not before that, which may throw time and again: places are few. */
	before_shmem_exit(release_all, 0);
	if (shared == NULL)
	{
		shared_lock = NULL;
		shared = MemoryContextAllocZero(TopMemoryContext,
										sizeof(SharedBudget));
	}
	lock();
	for (i = 0; i <= NBUCKETS && !shared->ready; i++)
		ConditionVariableInit(&shared->buckets[i].changed);
	shared->buckets[NBUCKETS].key = SHARED_KEY;
	shared->ready = true;
	unlock();
}

bool
tplus_budget_is_shared(void)
{
	attach_shared();
	return shared_lock != NULL;
}

uint64
tplus_budget_key(const char *authority, const char *app_key)
{
	uint64		key;

	key = hash_bytes_extended((const unsigned char *) authority,
							  strlen(authority), 0);
	if (app_key)
		key = hash_bytes_extended((const unsigned char *) app_key,
								  strlen(app_key), key);
	return key != 0 && key != SHARED_KEY ? key : 1;
}

TplusBudget *
tplus_budget_attach(const char *authority, const char *app_key, Oid serverid)
{
	TplusBudget *budget;
	MemoryContext old;
	ListCell   *lc;
	uint64		key = tplus_budget_key(authority, app_key);

	attach_shared();
	foreach(lc, budgets)
	{
		budget = lfirst(lc);
		if (budget->key == key && budget->server == serverid)
			return budget;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	budget = palloc0(sizeof(TplusBudget));
	budget->key = key;
	budget->server = serverid;
	budgets = lappend(budgets, budget);
	MemoryContextSwitchTo(old);
	return budget;
}

/*
 * May the bucket be given to another account?  Only if that forgets nothing:
 * nobody uses it, and a new one would hold as many tokens.
 */
static bool
is_idle(const Bucket *bucket, int64 now)
{
	return bucket->key == 0 ||
		(bucket->limiter.in_flight == 0 && bucket->full_at_us <= now &&
		 bucket->limiter.paused_until_us <= now &&
		 !tplus_queue_others_first(&shared->queue, bucket->key, 0, now));
}

/* What is left of a pause past all waiting that costs one request to forget. */
static int64
spare_pause(const Bucket *bucket, int64 now)
{
	int64		left = bucket->limiter.paused_until_us - now;

	return left > LONGEST_PAUSE_US && bucket->limiter.in_flight == 0 &&
		!tplus_queue_others_first(&shared->queue, bucket->key, 0, now) ?
		left : 0;
}

/* The bucket that is given to another account at the least harm, or NULL. */
static Bucket *
find_room(int64 now)
{
	Bucket	   *best = NULL;
	int64		longest = 0;
	int			i;

	for (i = 0; i < NBUCKETS; i++)
	{
		Bucket	   *bucket = &shared->buckets[i];
		int64		pause = spare_pause(bucket, now);

		if (is_idle(bucket, now))
			return bucket;
		if (pause > longest)
		{
			longest = pause;
			best = bucket;
		}
	}
	return best;
}

/*
 * The bucket of an account, which may have lost the one that it had while it
 * was idle.  If there is no room, it is the one that others share, too.
 */
static Bucket *
find_bucket(TplusBudget *budget, int64 now)
{
	Bucket	   *room;
	int			i;

	if (budget->bucket && budget->bucket->key == budget->key)
		return budget->bucket;
	for (i = 0; i < NBUCKETS; i++)
	{
		if (shared->buckets[i].key == budget->key)
			return budget->bucket = &shared->buckets[i];
	}
	room = find_room(now);
	budget->bucket = room ? room : &shared->buckets[NBUCKETS];
	if (room)
	{
		room->key = budget->key;
		room->full_at_us = 0;
		memset(&room->limiter, 0, sizeof(room->limiter));
		room->limiter.paused_until_us = budget->paused_until_us;
	}
	return budget->bucket;
}

/* Until when the account is asked to pause; others' pauses are not its own. */
static int64
paused_until(const TplusBudget *budget, const Bucket *bucket)
{
	return bucket->key == SHARED_KEY ? budget->paused_until_us :
		bucket->limiter.paused_until_us;
}

/* How long an empty bucket takes to fill, or we keep it for that. */
static int64
refill_us(const TplusRate *rate)
{
	if (rate->per_second <= 0)
		return 0;
	return (int64) Min(rate->burst / rate->per_second * 1e6, KEPT_US);
}

/*
 * Takes a token and a slot, for permit; returns as tplus_limiter_take().
 */
static int64
take_from(const TplusBudget *budget, Bucket *bucket, const TplusRate *rate,
		  int64 now, TplusPermit *permit)
{
	int64		wait_us;

	if (bucket->limiter.in_flight > 0 && now - bucket->heard_us > LAPSE_US)
	{
		bucket->limiter.in_flight = 0;
		bucket->epoch++;
	}
	wait_us = paused_until(budget, bucket) - now;
	if (wait_us > 0)
		return wait_us;
	wait_us = tplus_limiter_take(&bucket->limiter, rate, now);
	if (wait_us == 0)
	{
		bucket->full_at_us = Max(bucket->full_at_us, now + refill_us(rate));
		bucket->heard_us = now;
		permit->epoch = bucket->epoch;
	}
	return wait_us;
}

/*
 * Takes a permit that nobody waits for; otherwise returns NULL, and *wait_us
 * says when to ask again.
 */
static Bucket *
take_spare(TplusBudget *budget, const TplusRate *rate, TplusPermit *permit,
		   int64 *wait_us)
{
	int64		now = now_us();
	Bucket	   *bucket;

	lock();
	bucket = find_bucket(budget, now);
	*wait_us = TPLUS_LIMITER_FULL;
	if (!tplus_queue_others_first(&shared->queue, bucket->key, 0, now))
		*wait_us = take_from(budget, bucket, rate, now, permit);
	unlock();
	*wait_us = *wait_us == TPLUS_LIMITER_FULL ?
		POLL_US : Min(*wait_us, LONGEST_WAIT_US);
	return *wait_us == 0 ? bucket : NULL;
}

/*
 * Takes a permit if there is one and nobody comes before us.  Otherwise
 * returns NULL, and *wait_us says when to ask again, or what is left of a
 * pause that is too long to wait for.  change_us is how long to wait for
 * another backend to give something up.
 */
static Bucket *
take(TplusBudget *budget, const TplusRate *rate, int64 change_us,
	 TplusPermit *permit, int64 *wait_us)
{
	int64		now = now_us();
	Bucket	   *bucket;
	bool		left = false;

	lock();
	bucket = find_bucket(budget, now);
	if (paused_until(budget, bucket) - now > LONGEST_PAUSE_US)
	{
		*wait_us = paused_until(budget, bucket) - now;
		left = tplus_queue_leave(&shared->queue, &budget->ticket);
	}
	else
	{
		*wait_us = TPLUS_LIMITER_FULL;
		if (!tplus_queue_others_first(&shared->queue, bucket->key,
									  budget->ticket, now))
			*wait_us = take_from(budget, bucket, rate, now, permit);
		*wait_us = *wait_us == TPLUS_LIMITER_FULL ?
			change_us : Min(*wait_us, LONGEST_WAIT_US);
		if (*wait_us > 0)
			tplus_queue_join(&shared->queue, bucket->key, budget->server,
							 now, now + *wait_us, &budget->ticket);
		else
			left = tplus_queue_leave(&shared->queue, &budget->ticket);
	}
	unlock();
	if (left)
		ConditionVariableBroadcast(&bucket->changed);
	return *wait_us == 0 ? bucket : NULL;
}

/*
 * change_us is that of take(), or SPARE for a permit that nobody waits for.
 */
static TplusPermit *
get_permit(TplusBudget *budget, const TplusRate *rate, MemoryContext context,
		   int64 change_us, long *wait_ms)
{
	TplusPermit *permit;
	int64		wait_us;

	/* Everything that may fail comes before the permit is taken. */
	permit = MemoryContextAllocZero(context, sizeof(TplusPermit));
	permit->callback.func = release_permit;
	permit->callback.arg = permit;
	if (change_us == SPARE)
		permit->bucket = take_spare(budget, rate, permit, &wait_us);
	else
		permit->bucket = take(budget, rate, change_us, permit, &wait_us);
	if (permit->bucket)
	{
		dlist_push_tail(&held, &permit->node);
		MemoryContextRegisterResetCallback(context, &permit->callback);
		return permit;
	}
	pfree(permit);
	if (wait_us > LONGEST_PAUSE_US)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("T+ has asked to send no request before %s",
						timestamptz_to_str(TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
																	   wait_us / 1000))),
				 errhint("Try again after that time, and lower the server option \"requests_per_second\".")));
	*wait_ms = (long) ((wait_us + 999) / 1000);
	return NULL;
}

TplusPermit *
tplus_budget_try(TplusBudget *budget, const TplusRate *rate,
				 MemoryContext context, long *wait_ms)
{
	return get_permit(budget, rate, context, POLL_US, wait_ms);
}

TplusPermit *
tplus_budget_spare(TplusBudget *budget, const TplusRate *rate,
				   MemoryContext context, long *wait_ms)
{
	return get_permit(budget, rate, context, SPARE, wait_ms);
}

TplusPermit *
tplus_budget_wait(TplusBudget *budget, const TplusRate *rate,
				  MemoryContext context, void (*before_wait) (void *arg),
				  void *arg, int64 *waited_us)
{
	int64		begun = now_us();
	TplusPermit *volatile permit;
	long		wait_ms;

	permit = get_permit(budget, rate, context, LONGEST_WAIT_US, &wait_ms);
	if (permit)
		return permit;

	PG_TRY();
	{
		do
		{
			if (before_wait)
				before_wait(arg);

			/* Before asking again, so that no change goes unnoticed. */
			ConditionVariablePrepareToSleep(&budget->bucket->changed);
			permit = get_permit(budget, rate, context, LONGEST_WAIT_US,
								&wait_ms);
			if (permit == NULL && before_wait)
				tplus_http_wait(wait_ms, TPLUS_WAIT_BUDGET);
			else if (permit == NULL)
				(void) tplus_wait(PGINVALID_SOCKET, wait_ms, TPLUS_WAIT_BUDGET);
		} while (permit == NULL);
	}
	PG_FINALLY();
	{
		bool		left;

		ConditionVariableCancelSleep();
		lock();
		left = tplus_queue_leave(&shared->queue, &budget->ticket);
		unlock();
		if (left)
			ConditionVariableBroadcast(&budget->bucket->changed);
	}
	PG_END_TRY();
	*waited_us += now_us() - begun;
	return permit;
}

void
tplus_budget_sign(void)
{
	static int64 last = 0;
	int64		now;
	dlist_iter	iter;

	if (dlist_is_empty(&held))
		return;
	now = now_us();
	if (now - last < SIGN_US)
		return;
	last = now;
	lock();
	dlist_foreach(iter, &held)
		dlist_container(TplusPermit, node, iter.cur)->bucket->heard_us = now;
	unlock();
}

void
tplus_budget_release(TplusPermit *permit)
{
	if (permit)
		release_permit(permit);
}

void
tplus_budget_pause(TplusBudget *budget, int64 pause_ms)
{
	int64		now = now_us();
	int64		pause_us = Max(0, Min(pause_ms, TPLUS_BUDGET_PAUSE_CAP_MS)) * 1000;
	Bucket	   *bucket;

	lock();
	bucket = find_bucket(budget, now);
	if (bucket->key == SHARED_KEY)
		budget->paused_until_us = Max(budget->paused_until_us, now + pause_us);
	else
		tplus_limiter_pause(&bucket->limiter, now + pause_us);
	unlock();
	ConditionVariableBroadcast(&budget->bucket->changed);
}

/* What is known of the account that a place is for. */
static void
describe_bucket(const Bucket *buckets, uint64 key, int64 now,
				TplusWaiting *waiting)
{
	int			i;

	for (i = 0; i <= NBUCKETS && buckets[i].key != key; i++)
		;
	if (i > NBUCKETS)
		return;
	waiting->under_way = buckets[i].limiter.in_flight;
	if (buckets[i].limiter.paused_until_us > now)
		waiting->paused_until = GetCurrentTimestamp() +
			(buckets[i].limiter.paused_until_us - now);
}

int
tplus_budget_queue(TplusWaiting **waiting)
{
	SharedBudget *copy = palloc(sizeof(SharedBudget));
	TplusPlace	places[TPLUS_QUEUE_PLACES];
	int64		now;
	int			n;
	int			i;

	attach_shared();
	lock();
	memcpy(copy, shared, sizeof(SharedBudget));
	unlock();
	now = now_us();
	n = tplus_queue_list(&copy->queue, now, places);
	*waiting = palloc0(sizeof(TplusWaiting) * (n + 1));
	for (i = 0; i < n; i++)
	{
		TplusWaiting *item = &(*waiting)[i];

		item->pid = places[i].pid;
		item->database = places[i].database;
		item->server = places[i].server;
		item->since = places[i].since;
		item->place = i > 0 && places[i - 1].key == places[i].key ?
			item[-1].place + 1 : 1;
		describe_bucket(copy->buckets, places[i].key, now, item);
	}
	return n;
}
