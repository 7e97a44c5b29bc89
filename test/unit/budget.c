/*-------------------------------------------------------------------------
 *
 * budget.c
 *		Tests of the shared budget and its queue, without a server.
 *
 * Several backends are played by one program: each has its own list of what it
 * holds and its own knowledge of accounts, and all share one memory.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/budget.c
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include "portability/instr_time.h"

/* What time it is, in microseconds. */
static int64 clock_us;

#undef INSTR_TIME_SET_CURRENT
#define INSTR_TIME_SET_CURRENT(t)	memset(&(t), 0, sizeof(t))
#undef INSTR_TIME_GET_MICROSEC
#define INSTR_TIME_GET_MICROSEC(t)	(clock_us)

#include "net/limiter.c"
#include "net/queue.c"
#include "net/budget.c"

#define SECOND	INT64CONST(1000000)
#define ACCOUNTS	(NBUCKETS + 1)

MemoryContext TopMemoryContext = NULL;
int			MyProcPid = 1;
Oid			MyDatabaseId = 5;
sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;

static SharedBudget memory;
static LWLock the_lock;
static int	locks = 0;
static int	wakings = 0;

/* What tplus_budget_wait() does while it waits. */
static void (*meanwhile) (void);

void *
tplus_shmem_area(const char *name, size_t size, LWLock **lock)
{
	*lock = &the_lock;
	return &memory;
}

bool
LWLockAcquire(LWLock *lock, LWLockMode mode)
{
	locks++;
	return true;
}

void
LWLockRelease(LWLock *lock)
{
	locks--;
}

void
ConditionVariableInit(ConditionVariable *cv)
{
}

void
ConditionVariablePrepareToSleep(ConditionVariable *cv)
{
}

#if PG_VERSION_NUM >= 170000
bool
#else
void
#endif
ConditionVariableCancelSleep(void)
{
#if PG_VERSION_NUM >= 170000
	return false;
#endif
}

void
ConditionVariableBroadcast(ConditionVariable *cv)
{
	wakings++;
}

void
before_shmem_exit(pg_on_exit_callback function, Datum arg)
{
}

void
MemoryContextRegisterResetCallback(MemoryContext context,
								   MemoryContextCallback *cb)
{
}

uint64
hash_bytes_extended(const unsigned char *k, int keylen, uint64 seed)
{
	for (int i = 0; i < keylen; i++)
		seed = seed * 31 + k[i];
	return seed;
}

List *
lappend(List *list, void *datum)
{
	int			n = list ? list->length : 0;
	List	   *longer = malloc(sizeof(List));

	longer->type = T_List;
	longer->length = n + 1;
	longer->elements = malloc(sizeof(ListCell) * (n + 1));
	if (n > 0)
		memcpy(longer->elements, list->elements, sizeof(ListCell) * n);
	longer->elements[n].ptr_value = datum;
	if (list)
	{
		free(list->elements);
		free(list);
	}
	return longer;
}

TimestampTz
GetCurrentTimestamp(void)
{
	return clock_us;
}

const char *
timestamptz_to_str(TimestampTz t)
{
	return "then";
}

void
pg_re_throw(void)
{
	siglongjmp(*PG_exception_stack, 1);
}

bool
tplus_wait(pgsocket fd, long timeout_ms, TplusWaitReason reason)
{
	clock_us += timeout_ms * INT64CONST(1000);
	if (meanwhile)
		meanwhile();
	return false;
}

void
tplus_http_wait(long timeout_ms, TplusWaitReason reason)
{
	(void) tplus_wait(PGINVALID_SOCKET, timeout_ms, reason);
}

/* What a backend knows while another one has its turn. */
typedef struct Backend
{
	List	   *budgets;
	dlist_head	held;
} Backend;

static void
move_held(dlist_head *to, dlist_head *from)
{
	dlist_init(to);
	while (!dlist_is_empty(from))
		dlist_push_tail(to, dlist_pop_head_node(from));
}

/* Another backend's turn. */
static void
become(Backend *backend)
{
	static Backend *current = NULL;

	if (current)
	{
		current->budgets = budgets;
		move_held(&current->held, &held);
	}
	budgets = backend->budgets;
	if (backend->held.head.next)
		move_held(&held, &backend->held);
	else
		dlist_init(&held);
	current = backend;
}

static Backend a,
			b,
			c;

static const TplusRate one = {.per_second = 0,.burst = 1,.max_concurrency = 1};
static const TplusRate slow = {.per_second = 1,.burst = 2,.max_concurrency = 9};

static TplusBudget *
account(const char *app_key)
{
	return tplus_budget_attach("host:443", app_key, 7);
}

static TplusPermit *
try_one(const char *app_key, long *wait_ms)
{
	return tplus_budget_try(account(app_key), &one, NULL, wait_ms);
}

static void
test_slots(void)
{
	TplusPermit *first;
	TplusPermit *second;
	TplusPermit *other;
	long		wait_ms;

	become(&a);
	first = try_one("slots", &wait_ms);
	ok(first != NULL, "a slot");
	become(&b);
	ok(try_one("slots", &wait_ms) == NULL && wait_ms == 20, "no other");
	other = try_one("other", &wait_ms);
	ok(other != NULL, "another application has its own");
	tplus_budget_release(other);

	/* b has queued: a newcomer does not pass it. */
	become(&a);
	wakings = 0;
	tplus_budget_release(first);
	ok(wakings == 1, "who waits is told");
	tplus_budget_release(first);
	become(&c);
	ok(try_one("slots", &wait_ms) == NULL, "first come, first served");
	ok(try_one("slots", &wait_ms) == NULL, "also if it asks again");
	ok(tplus_budget_spare(account("slots"), &one, NULL, &wait_ms) == NULL,
	   "a request ahead waits, too");
	become(&b);
	second = try_one("slots", &wait_ms);
	ok(second != NULL, "who came first has it");
	tplus_budget_release(second);
	become(&c);
	second = try_one("slots", &wait_ms);
	ok(second != NULL, "then the next");
	tplus_budget_release(second);
}

/* A place whose holder is late or dead does not count. */
static void
test_places(void)
{
	TplusWaiting *waiting;
	TplusPermit *first;
	TplusPermit *second;
	long		wait_ms;

	become(&a);
	first = try_one("places", &wait_ms);
	become(&b);
	(void) try_one("places", &wait_ms);
	(void) try_one("places", &wait_ms);
	ok(tplus_budget_queue(&waiting) == 1, "who asks again has one place");
	become(&c);
	(void) try_one("places", &wait_ms);
	ok(tplus_budget_queue(&waiting) == 2 && waiting[1].place == 2,
	   "two in the queue");
	become(&a);
	tplus_budget_release(first);
	become(&b);
	first = try_one("places", &wait_ms);
	become(&c);
	(void) try_one("places", &wait_ms);
	ok(tplus_budget_queue(&waiting) == 1 && waiting[0].place == 1,
	   "one also if another has become free before it");
	become(&b);
	tplus_budget_release(first);
	clock_us += SECOND;
	become(&a);
	second = try_one("places", &wait_ms);
	ok(second != NULL, "a place that has expired is passed");
	tplus_budget_release(second);
	clock_us += SECOND;
}

static void
test_lapse(void)
{
	TplusPermit *stuck;
	TplusPermit *second;
	long		wait_ms;

	become(&a);
	stuck = try_one("lapse", &wait_ms);
	clock_us += 4 * SECOND;
	become(&b);
	ok(try_one("lapse", &wait_ms) == NULL, "a moment in silence");
	become(&a);
	tplus_budget_sign();
	clock_us += 4 * SECOND;
	become(&b);
	ok(try_one("lapse", &wait_ms) == NULL, "its holder has spoken up");
	clock_us += 2 * SECOND;
	second = try_one("lapse", &wait_ms);
	ok(second != NULL, "then its permit has lapsed");
	become(&a);
	tplus_budget_release(stuck);
	become(&c);
	ok(try_one("lapse", &wait_ms) == NULL,
	   "which gives nothing back that is another's");
	become(&b);
	tplus_budget_release(second);
	clock_us += SECOND;
}

static TplusPermit *to_release;

static void
release_it(void)
{
	Backend    *me = &b;

	become(&a);
	tplus_budget_release(to_release);
	become(me);
}

static void
throw_it(void)
{
	siglongjmp(*PG_exception_stack, 1);
}

static void
test_wait(void)
{
	TplusPermit *got;
	int64		waited_us = 0;
	int64		begun = clock_us;
	sigjmp_buf	here;

	become(&a);
	to_release = tplus_budget_wait(account("wait"), &one, NULL, NULL, NULL,
								   &waited_us);
	ok(to_release != NULL && waited_us == 0, "no wait");
	become(&b);
	meanwhile = release_it;
	got = tplus_budget_wait(account("wait"), &one, NULL, NULL, NULL,
							&waited_us);
	meanwhile = NULL;
	ok(got != NULL && waited_us == clock_us - begun, "a wait is counted");

	/* Who gives up leaves its place, and says so. */
	become(&c);
	wakings = 0;
	meanwhile = throw_it;
	PG_exception_stack = &here;
	if (sigsetjmp(here, 0) == 0)
		(void) tplus_budget_wait(account("wait"), &one, NULL, NULL, NULL,
								 &waited_us);
	meanwhile = NULL;
	PG_exception_stack = NULL;
	ok(wakings == 1, "who gives up wakes the others");
	become(&b);
	tplus_budget_release(got);
	become(&a);
	got = tplus_budget_spare(account("wait"), &one, NULL, &(long)
/**INDENT** Error@374: Unbalanced parens */
							 {
		0
/**INDENT** Warning@376: Extra ) */
	});
	ok(got != NULL, "and has left the queue");
	tplus_budget_release(got);
}

static void
test_pause(void)
{
	TplusPermit *got;
	long		wait_ms = 0;

	become(&a);
	tplus_budget_pause(account("pause"), 60 * 1000);
	become(&b);
	ok(try_one("pause", &wait_ms) == NULL && wait_ms == 1000,
	   "a pause is waited for a second at a time");
	become(&a);
	tplus_budget_pause(account("pause"), 10 * 60 * 1000);
	become(&c);
	ok(CATCH(got = try_one("pause", &wait_ms)), "a long one is an error");
	tplus_budget_pause(account("pause"), INT64CONST(365) * 86400 * 1000);
	clock_us += 3600 * SECOND;
	got = try_one("pause", &wait_ms);
	ok(got != NULL, "none is longer than an hour");
	tplus_budget_release(got);
}

/* Accounts beyond the shared ones take what nobody needs. */
static void
test_many(void)
{
	char		name[ACCOUNTS][20];
	TplusPermit *permits[ACCOUNTS];
	TplusPermit *again;
	long		wait_ms;
	int			shared_ones = 0;
	int			i;

	clock_us += 1000 * SECOND;
	become(&a);
	for (i = 0; i < ACCOUNTS; i++)
	{
		snprintf(name[i], sizeof(name[i]), "many %d", i);
		permits[i] = tplus_budget_try(account(name[i]), &slow, NULL, &wait_ms);
		tplus_budget_release(permits[i]);
	}
	for (i = 0; i < NBUCKETS; i++)
		shared_ones += memory.buckets[i].key != 0;
	ok(shared_ones == NBUCKETS, "all places are taken");

	/* What the first has used of its rate is not forgotten. */
	become(&b);
	again = tplus_budget_try(account(name[0]), &slow, NULL, &wait_ms);
	tplus_budget_release(again);
	again = tplus_budget_try(account(name[0]), &slow, NULL, &wait_ms);
	ok(again == NULL && wait_ms > 900, "the rate of the first still counts");

	/* Full again, but asked to pause. */
	clock_us += 10 * SECOND;
	for (i = 0; i < NBUCKETS; i++)
		tplus_budget_pause(account(name[i]), 60 * 1000);
	become(&c);
	again = tplus_budget_try(account("newcomer"), &slow, NULL, &wait_ms);
	ok(again != NULL, "a newcomer");
	tplus_budget_release(again);
	tplus_budget_release(tplus_budget_try(account("third"), &slow, NULL, &wait_ms));
	become(&b);
	ok(tplus_budget_try(account("newcomer"), &slow, NULL, &wait_ms) == NULL,
	   "has a rate, too");
	ok(tplus_budget_try(account("another"), &slow, NULL, &wait_ms) == NULL,
	   "which it shares with those beyond");
	clock_us += 10 * SECOND;
	tplus_budget_pause(account("another"), 60 * 60 * 1000);
	become(&c);
	again = tplus_budget_try(account("newcomer"), &slow, NULL, &wait_ms);
	ok(again != NULL, "but not their pauses");
	tplus_budget_release(again);
	again = tplus_budget_try(account(name[0]), &slow, NULL, &wait_ms);
	ok(again == NULL, "the pause of the first still counts");
}

/* Paused past all waiting: that is forgotten first. */
static void
test_hoarders(void)
{
	TplusPermit *again;
	long		wait_ms;
	char		name[20];
	int			i;

	become(&c);
	for (i = 0; i < NBUCKETS; i++)
	{
		snprintf(name, sizeof(name), "many %d", i);
		tplus_budget_pause(account(name), (i == 7 ? 60 : 50) * 60 * 1000);
	}
	become(&a);
	for (i = 0; i < 2; i++)
	{
		again = tplus_budget_try(account("honest"), &slow, NULL, &wait_ms);
		tplus_budget_release(again);
	}
	become(&b);
	ok(tplus_budget_try(account("honest"), &slow, NULL, &wait_ms) == NULL &&
	   account("honest")->bucket == &memory.buckets[7],
	   "who hoards gives way to a newcomer");
}

int
main(void)
{
	clock_us = 1000 * SECOND;
	test_slots();
	test_places();
	test_lapse();
	test_wait();
	test_pause();
	test_many();
	test_hoarders();
	ok(locks == 0, "each lock was given back");
	return done();
}
