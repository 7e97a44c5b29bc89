/*-------------------------------------------------------------------------
 *
 * token.c
 *		Tests of when a token pair is used, renewed, and blamed.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/token.c
 *
 *-------------------------------------------------------------------------
 */
#include "server.h"

#include "tplus/pair.h"
#define tplus_pair_is_inherited(account, key) ((void) (key), false)
#include "tplus/token.c"

#define SECOND	USECS_PER_SEC
#define BORN	(1000000 * SECOND)

Oid			MyDatabaseId = 5;
static TimestampTz clock_us;
static bool standby,
			row_exists;
static TplusPair row;
static TplusPair row_later;		/* what a read after a wait finds */
static bool changes;			/* while somebody waits */
static char holder;				/* of the account that asks */
static bool futile;
static TimestampTz accepted;
static int	forgotten,
			orders;

/* What the worker does, and what it was told. */
static TplusOrderOutcome outcome;
static int	new_holder;			/* -1: it fails */
static TplusOrder order_seen;
static int	locks;				/* held */
static int	queued;				/* locks of the queue ever taken */
static int	waits;

TimestampTz
GetCurrentTimestamp(void)
{
	return clock_us;
}

bool
RecoveryInProgress(void)
{
	return standby;
}

char *
pstrdup(const char *in)
{
	return strcpy(palloc(strlen(in) + 1), in);
}

int
errdetail_internal(const char *fmt,...)
{
	return 0;
}

bool
tplus_wait(pgsocket fd, long timeout_ms, TplusWaitReason reason)
{
	clock_us += timeout_ms * 1000;
	waits++;
	if (changes)
		row = row_later;
	return false;
}

void
tplus_pair_key(const TplusAccount *account, TplusDigest *key)
{
	memset(key, 1, sizeof(*key));
}

void
tplus_pair_holder(const TplusAccount *account, TplusDigest *digest)
{
	memset(digest, holder, sizeof(*digest));
}

bool
tplus_pair_same_digest(const TplusDigest *a, const TplusDigest *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool
tplus_pair_read(const TplusDigest *key, bool with_refresh_token, TplusPair *pair)
{
	if (row_exists)
		*pair = row;
	else
		memset(pair, 0, sizeof(*pair));
	return row_exists;
}

void
tplus_pair_wipe(TplusPair *pair)
{
	memset(pair, 0, sizeof(*pair));
}

TimestampTz
tplus_accepted_at(const TplusDigest *key, int64 generation)
{
	return generation == row.generation ? accepted : 0;
}

void
tplus_accepted_forget(const TplusDigest *key)
{
	forgotten++;
}

void
tplus_accepted_note(const TplusDigest *key, int64 generation)
{
	accepted = clock_us;
}

ForeignServer *
GetForeignServer(Oid serverid)
{
	return palloc0(sizeof(ForeignServer));
}

bool
tplus_renew_lock(const TplusDigest *key, TplusRenewLock which, LOCKMODE mode, TimestampTz until)
{
	locks++;
	queued += which == TPLUS_RENEW_QUEUE;
	/* Who waits for a worker finds what it stored. */
	if (which == TPLUS_RENEW_RENEW && changes)
		row = row_later;
	return true;
}

void
tplus_renew_unlock(const TplusDigest *key, TplusRenewLock which, LOCKMODE mode)
{
	locks--;
}

bool
tplus_renew_is_futile(const TplusPair *pair, const TplusAccount *account, TimestampTz now)
{
	return futile;
}

void
tplus_renew_run(TplusOrder *order, TimestampTz since, TimestampTz until, TplusOrderReport *report)
{
	orders++;
	order_seen = *order;
	memset(report, 0, sizeof(*report));
	report->outcome = outcome;
	if (outcome == TPLUS_ORDER_DONE && new_holder >= 0)
	{
		row_exists = true;
		row.generation++;
		row.access_token = "new";
		row.obtained_at = clock_us;
		row.expires_at = clock_us + 1000 * SECOND;
		row.renewing_since = 0;
		row.failure = TPLUS_PAIR_FINE;
		memset(&row.holder, new_holder, sizeof(row.holder));
	}
}

void
tplus_token_failure(const TplusAccount *account, const TplusPair *pair,
					const TplusOrderReport *report)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
					errmsg("failure")));
	pg_unreachable();
}

void
tplus_token_failure_standby(const TplusAccount *account)
{
	ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("standby")));
	pg_unreachable();
}

char *
tplus_token_failure_line(const TplusPair *pair)
{
	return "line";
}

static TplusAccount account = {.auth = TPLUS_AUTH_REFRESH_TOKEN};

/* A pair of 1000 seconds from BORN, so many seconds later. */
static void
set_up(int64 seconds)
{
	memset(&row, 0, sizeof(row));
	row_exists = true;
	row.generation = 7;
	row.access_token = "old";
	row.has_refresh_token = true;
	row.obtained_at = BORN;
	row.expires_at = BORN + 1000 * SECOND;
	holder = 1;
	memset(&row.holder, 1, sizeof(row.holder));
	clock_us = BORN + seconds * SECOND;
	standby = futile = changes = false;
	accepted = 0;
	outcome = TPLUS_ORDER_DONE;
	new_holder = 1;
	orders = forgotten = waits = 0;
	memset(&account, 0, sizeof(account));
	account.auth = TPLUS_AUTH_REFRESH_TOKEN;
}

/* The token that is to be used, or NULL if it throws. */
static const char *
get(void)
{
	TplusToken	token = {0};
	int64		waited_us = 0;

	if (CATCH(tplus_token_get(&account, &token, &waited_us)))
	{
		locks = 0;
		return NULL;
	}
	return token.access_token;
}

static bool
peek(void)
{
	TplusToken	token = {0};

	return tplus_token_peek(&account, &token);
}

static void
test_due(void)
{
	set_up(899);
	is(get(), "old", "a young token");
	ok(orders == 0 && peek(), "is used");
	set_up(900);
	ok(!peek(), "in its last tenth it is not used ahead");
	is(get(), "new", "in its last tenth it is renewed");
	ok(orders == 1 && order_seen.patient && !order_seen.force &&
	   order_seen.generation == 7 && order_seen.grant == TPLUS_GRANT_REFRESH,
	   "by a worker with patience");
	ok(locks == 0, "the lock is let go");
	set_up(1000);
	is(get(), "new", "a dead one is");
	ok(orders == 1 && !order_seen.patient, "without patience");
	set_up(1000);
	ok(!peek(), "and is not used ahead");

	set_up(449);
	row.refresh_expires_at = BORN + 500 * SECOND;
	is(get(), "old", "a refresh token that ends earlier");
	set_up(450);
	row.refresh_expires_at = BORN + 500 * SECOND;
	ok(!peek(), "nor is the access token then");
	is(get(), "new", "is used in its own last tenth");

	set_up(10);
	account.auth = TPLUS_AUTH_SELF_BUILT;
	row.has_refresh_token = false;
	row.access_token = NULL;
	is(get(), "new", "a self-built application");
	ok(order_seen.grant == TPLUS_GRANT_SELF_BUILT, "has a grant of its own");

	set_up(900);
	row.has_refresh_token = false;
	is(get(), "old", "what cannot be renewed is used up");
	ok(orders == 0, "without a worker");
	account.mapping.refresh_token = "mapping";
	is(get(), "new", "unless the mapping has a refresh token");
	set_up(1000);
	row.has_refresh_token = false;
	ok(get() == NULL && orders == 0, "and nothing follows it");
}

static void
test_failing(void)
{
	set_up(900);
	new_holder = -1;
	is(get(), "old", "a token that lives is used though its renewal fails");
	ok(orders == 1, "after an attempt");
	futile = true;
	queued = 0;
	is(get(), "old", "and while another attempt is futile");
	ok(orders == 1 && queued == 0, "without one, or a place in the queue");
	clock_us = BORN + 1000 * SECOND;
	ok(get() == NULL && orders == 1, "once it is dead it is an error");
	futile = false;
	ok(get() == NULL && orders == 2, "or tried again");

	set_up(5000);
	row.expires_at = clock_us + 10 * SECOND;
	outcome = TPLUS_ORDER_NO_WORKER;
	is(get(), "old", "without a worker the token is used");
	ok(orders == 1, "after an attempt");
	clock_us += SECOND;
	is(get(), "old", "a second later, too");
	ok(orders == 1, "without an attempt");
	clock_us += 60 * SECOND;
	row.expires_at = clock_us + 10 * SECOND;
	outcome = TPLUS_ORDER_DONE;
	is(get(), "new", "but after a minute");
	ok(orders == 2, "with one");
	row.expires_at = clock_us + SECOND;
	row.obtained_at = BORN;
	is(get(), "new", "and then each time");
	ok(orders == 3, "with one more");
}

static void
test_holder(void)
{
	set_up(10);
	holder = 2;
	new_holder = 2;
	ok(!peek(), "the token of another holder is not used ahead");
	is(get(), "new", "nor at all before a renewal has shown the secret");
	ok(orders == 1 && !order_seen.patient, "which has no patience");
	set_up(10);
	holder = 2;
	ok(get() == NULL, "nor if the renewal was another's");
	set_up(10);
	holder = 2;
	new_holder = -1;
	ok(get() == NULL, "nor if it fails");
	set_up(10);
	holder = 2;
	futile = true;
	ok(get() == NULL && orders == 0, "nor if it is futile");
}

static void
test_settled(void)
{
	set_up(10);
	row.renewing_since = clock_us;
	row.renewing_until = clock_us + 5 * SECOND;
	row_later = row;
	row_later.renewing_since = 0;
	row_later.access_token = "later";
	row_later.generation++;
	changes = true;
	ok(!peek(), "nothing is used ahead while a worker renews");
	is(get(), "later", "who waits for a worker finds what it stored");
	ok(orders == 0 && locks == 0, "and starts none");

	set_up(10);
	row_exists = false;
	account.mapping.refresh_token = "mapping";
	is(get(), "new", "a row that was deleted");
	ok(orders == 1 && forgotten == 1, "counts anew");
	set_up(900);
	(void) get();
	ok(forgotten == 0, "one that was not does not");

	/* On a standby. */
	set_up(10);
	standby = true;
	is(get(), "old", "a standby uses what it has");
	ok(waits == 0, "at once");
	row_later = row;
	row_later.access_token = "later";
	row_later.expires_at = clock_us + 1000 * SECOND;
	row.expires_at = clock_us;
	changes = true;
	is(get(), "later", "and what is replayed");
	ok(waits == 1 && orders == 0, "for which it waits");
	set_up(1001);
	standby = true;
	ok(get() == NULL && waits == 50 && error_code == ERRCODE_READ_ONLY_SQL_TRANSACTION,
	   "five seconds");
	set_up(10);
	standby = true;
	row.renewing_since = clock_us;
	is(get(), "old", "a token that lives is used though the primary renews");
	ok(waits == 50, "for long");
}

/* Is another token to be had after a refusal?  -1 if it throws. */
static int
refused(bool definite)
{
	TplusToken	token = {.access_token = "old",.generation = 7};
	int64		waited_us = 0;
	bool		found = false;

	if (CATCH(found = tplus_token_refused(&account, &token, definite, &waited_us)))
	{
		locks = 0;
		return -1;
	}
	return found;
}

static void
test_blame(void)
{
	set_up(59);
	ok(refused(true) == 0 && orders == 0, "a fresh token is not to blame");
	set_up(60);
	ok(refused(true) == 1 && orders == 1, "after a minute it is");
	set_up(59);
	accepted = clock_us - 1;
	ok(refused(true) == 1 && orders == 1, "or once it was accepted");
	set_up(299);
	ok(refused(false) == 0 && orders == 0, "a vague refusal is not a young token's");
	set_up(300);
	ok(refused(false) == 1 && orders == 1, "but an older one's");
	set_up(800);
	accepted = clock_us - 299 * SECOND;
	ok(refused(false) == 0 && orders == 0, "unless T+ accepted it lately");
	set_up(800);
	accepted = clock_us - 300 * SECOND;
	ok(refused(false) == 1 && orders == 1, "and not lately enough");
	set_up(800);
	row.obtained_at = clock_us + SECOND;
	ok(refused(false) == 1, "a clock that was set back makes nothing young");
	set_up(10);
	row.generation = 8;
	ok(refused(true) == 1 && orders == 0, "a token that has a successor has it");
	set_up(800);
	new_holder = -1;
	ok(refused(true) == -1 && orders == 1, "a renewal that fails is the error");
	set_up(800);
	futile = true;
	ok(refused(true) == -1 && orders == 0, "and one that is futile");
	set_up(800);
	account.auth = TPLUS_AUTH_OPEN_TOKEN;
	ok(refused(true) == 0 && orders == 0, "a static token has none");
	set_up(800);
	standby = true;
	ok(refused(true) == -1 && waits == 50 && orders == 0, "nor has a standby's");
	set_up(800);
	standby = true;
	ok(refused(false) == 0 && waits == 50, "which reports a vague refusal");
	set_up(800);
	standby = true;
	row_later = row;
	row_later.generation++;
	changes = true;
	ok(refused(true) == 1 && waits == 1, "unless it is replayed");
}

/* Did tplus.renew_due() do something?  -1 if it throws. */
static int
renew_due(int64 within_s)
{
	bool		due = false;

	if (CATCH(due = tplus_token_renew_due(&account, within_s * SECOND, 0)))
	{
		locks = 0;
		return -1;
	}
	return due;
}

static void
test_renew_due(void)
{
	set_up(100);
	ok(renew_due(899) == 0 && orders == 0, "what lives longer is not due");
	ok(renew_due(900) == 1 && orders == 1, "what ends within is");
	set_up(100);
	row.refresh_expires_at = clock_us + 500 * SECOND;
	ok(renew_due(499) == 0, "a refresh token that lives longer");
	ok(renew_due(500) == 1 && orders == 1, "and one that does not");
	set_up(100);
	row.failure = TPLUS_PAIR_LOST;
	ok(renew_due(1) == 1 && orders == 1, "a lost pair is due");
	set_up(100);
	row.failure = TPLUS_PAIR_REFUSED;
	ok(renew_due(1) == 1 && orders == 1, "a refused one");
	set_up(100);
	row.failure = TPLUS_PAIR_FAILED;
	ok(renew_due(1) == 0, "one that was not reached is not");
	set_up(100);
	row_exists = false;
	account.mapping.refresh_token = "mapping";
	ok(renew_due(1) == 1 && orders == 1, "one that was never there is");
	set_up(100);
	new_holder = -1;
	ok(renew_due(5000) == -1, "a failure is told");
	set_up(100);
	futile = true;
	ok(renew_due(5000) == -1 && orders == 0, "also one that is known");
	set_up(100);
	account.auth = TPLUS_AUTH_OPEN_TOKEN;
	ok(renew_due(5000) == 0 && orders == 0, "a static token is never due");
	set_up(100);
	standby = true;
	ok(renew_due(1) == 0, "a standby has nothing to do");
	ok(renew_due(5000) == -1 && orders == 0, "or cannot");

	set_up(100);
	futile = true;
	ok(!CATCH(tplus_token_renew(&account)) && orders == 1 && order_seen.force,
	   "refresh_token() tries at once");
	set_up(100);
	new_holder = -1;
	ok(CATCH(tplus_token_renew(&account)) && orders == 1, "and tells that it failed");
	locks = 0;
	set_up(100);
	account.auth = TPLUS_AUTH_OPEN_TOKEN;
	ok(CATCH(tplus_token_renew(&account)) && orders == 0, "not a static one");
	set_up(100);
	standby = true;
	ok(CATCH(tplus_token_renew(&account)) && orders == 0, "nor on a standby");
}

static void
test_authorize(void)
{
	set_up(100);
	row.failure = TPLUS_PAIR_LOST;
	ok(!CATCH(tplus_token_authorize(&account, "code", NULL)) && orders == 1 &&
	   order_seen.grant == TPLUS_GRANT_CODE && locks == 0, "a code is exchanged");
	set_up(100);
	outcome = TPLUS_ORDER_ERROR;
	ok(CATCH(tplus_token_authorize(&account, "code", NULL)), "or refused");
	locks = 0;
	set_up(100);
	outcome = TPLUS_ORDER_NO_WORKER;
	ok(CATCH(tplus_token_authorize(&account, "code", NULL)), "or not tried");
	locks = 0;
	set_up(100);
	account.auth = TPLUS_AUTH_SELF_BUILT;
	ok(CATCH(tplus_token_authorize(&account, "code", NULL)) && orders == 0,
	   "a self-built application has none");
}

static const char *
state(void)
{
	TplusTokenStatus status;

	tplus_token_status(&account, &status);
	return status.state;
}

static void
test_status(void)
{
	set_up(100);
	is(state(), "valid", "valid");
	row.failure = TPLUS_PAIR_FAILED;
	is(state(), "valid", "valid, though the last renewal failed");
	row.failure = TPLUS_PAIR_REFUSED;
	is(state(), "failed", "refused");
	row.failure = TPLUS_PAIR_LOST;
	is(state(), "failed", "lost");
	row.renewing_since = clock_us;
	row.renewing_until = clock_us + SECOND;
	is(state(), "renewing", "renewing");
	row.renewing_until = clock_us;
	is(state(), "interrupted", "interrupted");
	set_up(1000);
	is(state(), "expired", "expired");
	row.failure = TPLUS_PAIR_BUSY;
	is(state(), "failed", "expired, and the last renewal failed");
	set_up(0);
	row_exists = false;
	is(state(), "none yet", "none yet");
	account.auth = TPLUS_AUTH_OPEN_TOKEN;
	is(state(), "static", "static");
}

int
main(void)
{
	test_due();
	test_failing();
	test_holder();
	test_settled();
	test_blame();
	test_renew_due();
	test_authorize();
	test_status();
	heap_reset();
	return done();
}
