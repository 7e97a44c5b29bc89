/*-------------------------------------------------------------------------
 *
 * renewal.c
 *		Tests of what a renewal of a token pair does and leaves behind.
 *
 * The row, T+, the clock and the server are stand-ins.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/renewal.c
 *
 *-------------------------------------------------------------------------
 */
#include "renewing.h"

static TplusOrder order;
static Renewal renewal;

/* An order to renew generation 7 of a pair that lives, which T+ follows. */
static void
set_up(TplusGrant grant)
{
	int			i;

	memset(&row, 0, sizeof(row));
	row.generation = 7;
	row.renewals = 3;
	row.access_token = "access 7";
	row.refresh_token = "refresh 7";
	row.has_refresh_token = true;
	row.refresh_expires_at = START + 777 * SECOND;
	memset(&order, 0, sizeof(order));
	order.grant = grant;
	order.generation = 7;
	order.account.server.name = "erp";
	order.account.server.max_retries = 2;
	order.account.mapping.refresh_token = "refresh of the mapping";
	memset(&renewal, 0, sizeof(renewal));
	renewal.order = &order;
	renewal.grant = grant;
	memset(replies, 0, sizeof(replies));
	for (i = 0; i < (int) lengthof(replies); i++)
	{
		replies[i].access_token = "access 8";
		replies[i].refresh_token = "refresh 8";
		replies[i].expires_in = 1000;
		replies[i].refresh_expires_in = 2000;
	}
	clock_us = START;
	has_table = true;
	terminated = sigterm_while_writing = false;
	writes = failing_writes = pauses = calls = 0;
	paused_ms = 0;
	write_error = ERRCODE_DISK_FULL;
	credentials = 1;
	outcome = TPLUS_ORDER_SILENT;
}

/* Each reply from here on is a failure. */
static void
fail_from(int first, TplusGrantOutcome how, bool unknown, bool may_pass)
{
	int			i;

	for (i = first; i < (int) lengthof(replies); i++)
	{
		memset(&replies[i], 0, sizeof(replies[i]));
		replies[i].outcome = how;
		replies[i].sqlstate = ERRCODE_CONNECTION_FAILURE;
		replies[i].message = "message";
		replies[i].outcome_unknown = unknown;
		replies[i].may_pass = may_pass;
	}
}

static void
run(void)
{
	(void) CATCH(renew(&renewal));
}

static void
test_success(void)
{
	set_up(TPLUS_GRANT_REFRESH);
	run();
	ok(calls == 1 && writes == 2 && outcome == TPLUS_ORDER_DONE, "a renewal");
	ok(mark.renewing_since == START && mark.generation == 7 &&
	   mark.renewing_until == START + (LIMIT_MS + PAUSES_LIMIT_MS) * 1000, "is marked first");
	is(mark.access_token, "access 7", "with the old pair");
	is(request_seen.refresh_token, "refresh 7", "the row's refresh token is sent");
	is(row.access_token, "access 8", "the new access token");
	is(row.refresh_token, "refresh 8", "the new refresh token");
	ok(row.generation == 8 && row.renewals == 4 && row.renewing_since == 0 &&
	   row.renewing_until == 0 && row.failure == TPLUS_PAIR_FINE && row.failures == 0,
	   "the row counts");
	ok(row.obtained_at == START && row.expires_at == START + 1000 * SECOND &&
	   row.refresh_expires_at == START + 2000 * SECOND, "times count from before the call");
	ok(row.holder.bytes[0] == 9, "the holder is kept");

	set_up(TPLUS_GRANT_REFRESH);
	row.refresh_token = NULL;
	row.has_refresh_token = false;
	replies[0].refresh_token = NULL;
	replies[0].expires_in = TPLUS_UNTOLD;
	run();
	is(request_seen.refresh_token, "refresh of the mapping", "or the mapping's");
	is(row.refresh_token, "refresh of the mapping", "which stays if no other comes");
	ok(row.expires_at == START + 6 * 24 * 3600 * SECOND, "six days are assumed");

	set_up(TPLUS_GRANT_REFRESH);
	replies[0].expires_in = 0;
	run();
	ok(row.expires_at == START && row.failure == TPLUS_PAIR_FAILED && row.access_token && row.refresh_token,
	   "a token that is born dead is told, and the pair kept");

	set_up(TPLUS_GRANT_REFRESH);
	replies[0].refresh_token = NULL;
	run();
	is(row.refresh_token, "refresh 7", "the row's stays if no other comes");
	ok(row.refresh_expires_at == START + 777 * SECOND, "with its end");

	set_up(TPLUS_GRANT_REFRESH);
	replies[0].refresh_expires_in = TPLUS_UNTOLD;
	run();
	ok(row.refresh_expires_at == 0, "a new one has its own, told or not");

	set_up(TPLUS_GRANT_SELF_BUILT);
	replies[0].refresh_token = NULL;
	run();
	ok(calls == 1 && row.refresh_token == NULL && row.refresh_expires_at == 0,
	   "a self-built application needs none");
}

static void
test_needed(void)
{
	set_up(TPLUS_GRANT_REFRESH);
	order.generation = 6;
	run();
	ok(calls == 0 && writes == 0 && outcome == TPLUS_ORDER_DONE, "somebody else did it");
	order.force = true;
	run();
	ok(calls == 0, "also for who insists");
	set_up(TPLUS_GRANT_CODE);
	order.generation = 6;
	run();
	ok(calls == 1, "but a code is for any generation");

	set_up(TPLUS_GRANT_REFRESH);
	row.has_refresh_token = false;
	row.refresh_token = order.account.mapping.refresh_token = NULL;
	run();
	ok(calls == 0 && writes == 0, "there is nothing to send");
	set_up(TPLUS_GRANT_SELF_BUILT);
	row.has_refresh_token = false;
	row.refresh_token = order.account.mapping.refresh_token = NULL;
	run();
	ok(calls == 1, "which a self-built application does not miss");

	set_up(TPLUS_GRANT_REFRESH);
	row.failure = TPLUS_PAIR_REFUSED;
	row.failed_until = START + 1;
	row.failed_with.bytes[0] = credentials = 0;
	run();
	ok(calls == 0 && writes == 0, "what is known to fail is not tried");
	order.force = true;
	run();
	ok(calls == 1, "unless somebody insists");

	set_up(TPLUS_GRANT_REFRESH);
	has_table = false;
	run();
	ok(calls == 0 && outcome == TPLUS_ORDER_NO_TABLE, "the table is not there");
}

static void
test_futile(void)
{
	TplusPair	pair = {.failure = TPLUS_PAIR_REFUSED,.failed_until = START + 300 * SECOND};

	credentials = 0;
	ok(tplus_renew_is_futile(&pair, &order.account, START), "a failure lasts");
	ok(!tplus_renew_is_futile(&pair, &order.account, START + 300 * SECOND), "to its end");
	ok(tplus_renew_is_futile(&pair, &order.account, START - 300 * SECOND) &&
	   !tplus_renew_is_futile(&pair, &order.account, START - 300 * SECOND - 1),
	   "not for long after the clock was set back");
	credentials = 1;
	ok(!tplus_renew_is_futile(&pair, &order.account, START), "other credentials may do");
	credentials = 0;
	pair.failure = TPLUS_PAIR_FINE;
	ok(!tplus_renew_is_futile(&pair, &order.account, START), "a success is no failure");
	pair.renewing_since = START;
	pair.renewing_until = START + SECOND;
	ok(tplus_renew_is_futile(&pair, &order.account, START), "one that was interrupted");
	ok(!tplus_renew_is_futile(&pair, &order.account, START + SECOND), "until its call has ended");
	ok(!tplus_renew_is_futile(&pair, &order.account, START - 1), "or the clock was set back");
}

static void
test_failures(void)
{
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_REFUSED, false, false);
	run();
	ok(calls == 1 && row.failure == TPLUS_PAIR_REFUSED && row.generation == 7 &&
	   row.renewing_since == 0 && row.renewing_until == 0 && row.failures == 1, "refused");
	ok(row.failed_until == START + 301 * SECOND, "for five minutes from now");
	ok(row.failed_with.bytes[0] == 1 && row.sqlstate == ERRCODE_CONNECTION_FAILURE,
	   "with these credentials, and why");
	is(row.access_token, "access 7", "the old pair stays");

	set_up(TPLUS_GRANT_REFRESH);
	row.failure = TPLUS_PAIR_UNANSWERED;
	fail_from(0, TPLUS_GRANT_REFUSED, false, false);
	run();
	ok(row.failure == TPLUS_PAIR_LOST, "lost, if the call before had no answer");
	set_up(TPLUS_GRANT_REFRESH);
	row.renewing_since = START - 10000 * SECOND;
	fail_from(0, TPLUS_GRANT_REFUSED, false, false);
	run();
	ok(row.failure == TPLUS_PAIR_LOST, "or did not end");
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, true, true);
	fail_from(1, TPLUS_GRANT_REFUSED, false, false);
	run();
	ok(calls == 2 && row.failure == TPLUS_PAIR_LOST, "or was this worker's");
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, false, true);
	fail_from(1, TPLUS_GRANT_REFUSED, false, false);
	run();
	ok(calls == 2 && row.failure == TPLUS_PAIR_REFUSED, "not if it never left");
	set_up(TPLUS_GRANT_REFRESH);
	row.failure = TPLUS_PAIR_LOST;
	fail_from(0, TPLUS_GRANT_REFUSED, false, false);
	run();
	ok(row.failure == TPLUS_PAIR_REFUSED, "nor after a refusal");
}

static void
test_no_answer(void)
{
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, true, true);
	run();
	ok(calls == 3 && row.failure == TPLUS_PAIR_UNANSWERED, "no answer, in three calls");
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, true, true);
	fail_from(1, TPLUS_GRANT_FAILED, false, false);
	run();
	ok(calls == 2 && row.failure == TPLUS_PAIR_UNANSWERED, "or in the first of two");
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, false, true);
	run();
	ok(calls == 3 && row.failure == TPLUS_PAIR_FAILED, "T+ is not reached");
	ok(row.failed_until == clock_us + 2 * SECOND, "which is a failure for two seconds");
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, false, false);
	run();
	ok(calls == 1 && row.failure == TPLUS_PAIR_FAILED, "or in a way that does not pass");
	set_up(TPLUS_GRANT_REFRESH);
	row.failures = 3;
	fail_from(0, TPLUS_GRANT_FAILED, false, false);
	run();
	ok(row.failures == 4 && row.failed_until == clock_us + 16 * SECOND, "for longer each time");
	set_up(TPLUS_GRANT_REFRESH);
	row.failures = 2000;
	fail_from(0, TPLUS_GRANT_FAILED, false, false);
	run();
	ok(row.failures == 1001 && row.failed_until == clock_us + 60 * SECOND, "up to a minute");

	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, true, true);
	order.patient = true;
	run();
	ok(calls == 1, "one call while the old token lives");
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, true, true);
	fail_from(1, TPLUS_GRANT_OK, false, false);
	order.account.server.max_retries = 0;
	run();
	ok(calls == 1, "or with max_retries 0");
}

static void
test_busy(void)
{
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_BUSY, false, false);
	run();
	ok(calls == 5 && pauses == 4 && paused_ms == 3750 && row.failure == TPLUS_PAIR_BUSY,
	   "somebody else renews, for as long as the promise lasts");
	ok(clock_us + (LIMIT_MS + 4000) * 1000 > mark.renewing_until, "but not longer");
	set_up(TPLUS_GRANT_REFRESH);
	order.patient = true;
	order.account.server.max_retries = 0;
	fail_from(0, TPLUS_GRANT_BUSY, false, false);
	memset(&replies[1], 0, sizeof(replies[1]));
	replies[1].access_token = "access 8";
	run();
	ok(calls == 2 && row.generation == 8, "which is waited for in any case");
	set_up(TPLUS_GRANT_REFRESH);
	terminated = true;
	fail_from(0, TPLUS_GRANT_BUSY, false, false);
	run();
	ok(calls == 1 && row.failure == TPLUS_PAIR_BUSY, "unless the server stops");
	set_up(TPLUS_GRANT_REFRESH);
	fail_from(0, TPLUS_GRANT_FAILED, true, true);
	fail_from(1, TPLUS_GRANT_BUSY, false, false);
	run();
	ok(row.failure == TPLUS_PAIR_UNANSWERED, "a doubt stays");
}

static void
test_code(void)
{
	set_up(TPLUS_GRANT_CODE);
	order.code = "code";
	run();
	is(request_seen.code, "code", "a code is sent");
	ok(mark.renewing_since == 0 && row.generation == 8, "without a mark");
	set_up(TPLUS_GRANT_CODE);
	replies[0].refresh_token = NULL;
	run();
	ok(row.refresh_token == NULL && row.refresh_expires_at == 0, "a pair of its own");
	set_up(TPLUS_GRANT_CODE);
	fail_from(0, TPLUS_GRANT_FAILED, true, true);
	run();
	ok(calls == 1 && outcome == TPLUS_ORDER_ERROR && row.failure == TPLUS_PAIR_FINE,
	   "one call, and a failure is the asker's alone");
	set_up(TPLUS_GRANT_CODE);
	fail_from(0, TPLUS_GRANT_REFUSED, false, false);
	run();
	ok(calls == 1 && outcome == TPLUS_ORDER_ERROR && row.failure == TPLUS_PAIR_FINE &&
	   row.failures == 0, "a refusal likewise");
}

/* Lets so many attempts to store fail. */
static void
store_after(int failing)
{
	set_up(TPLUS_GRANT_REFRESH);
	failing_writes = failing;
}

static void
test_store(void)
{
	bool		failed;

	store_after(1);
	failed = CATCH(store(&order, &row));
	ok(!failed && writes == 1 && pauses == 1 && paused_ms == 5000, "stored in another attempt");
	store_after(23);
	failed = CATCH(store(&order, &row));
	ok(!failed && writes == 1 && pauses == 23, "or in the 24th");
	store_after(24);
	failed = CATCH(store(&order, &row));
	ok(failed && writes == 0 && pauses == 23, "which is the last");
	store_after(24);
	write_error = ERRCODE_UNDEFINED_TABLE;
	failed = CATCH(store(&order, &row));
	ok(failed && pauses == 0, "one if the table is gone");
	store_after(24);
	terminated = true;
	failed = CATCH(store(&order, &row));
	ok(failed && pauses == 1, "two if the server stops");
	store_after(24);
	sigterm_while_writing = true;
	failed = CATCH(store(&order, &row));
	ok(failed && pauses == 1, "also meanwhile");
	store_after(1);
	terminated = true;
	failed = CATCH(store(&order, &row));
	ok(!failed && writes == 1, "the second of which counts");
}

static void
test_settings(void)
{
	settings_seen[0] = '\0';
	tplus_renew_apply_settings();
	ok(strstr(settings_seen, "search_path=pg_catalog, pg_temp;") != NULL &&
	   strstr(settings_seen, "default_transaction_read_only=off;") != NULL &&
	   strstr(settings_seen, "statement_timeout=0;") != NULL, "settings of the worker");
	ok(strstr(settings_seen, "transaction_timeout=0;idle") == NULL, "none that is not there");
	ok(strstr(settings_seen, "synchronous_commit") == NULL, "a commit that waits is left");
	synchronous_commit = SYNCHRONOUS_COMMIT_LOCAL_FLUSH;
	settings_seen[0] = '\0';
	tplus_renew_apply_settings();
	ok(strstr(settings_seen, "synchronous_commit=on;") != NULL, "one that does not is not");
	synchronous_commit = SYNCHRONOUS_COMMIT_OFF;
	settings_seen[0] = '\0';
	tplus_renew_apply_settings();
	ok(strstr(settings_seen, "synchronous_commit=on;") != NULL, "off least of all");
	synchronous_commit = SYNCHRONOUS_COMMIT_REMOTE_APPLY;
	settings_seen[0] = '\0';
	tplus_renew_apply_settings();
	ok(strstr(settings_seen, "synchronous_commit") == NULL, "more is welcome");
}

int
main(void)
{
	test_success();
	test_needed();
	test_futile();
	test_failures();
	test_no_answer();
	test_busy();
	test_code();
	test_store();
	test_settings();
	heap_reset();
	return done();
}
