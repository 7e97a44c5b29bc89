/*-------------------------------------------------------------------------
 *
 * allowance.h
 *		What a month may cost: server option monthly_requests.
 *
 * T+ sells requests by the month, for each application and enterprise: 50112
 * says that they are used up (base/error.c).  Of an enterprise we know
 * nothing, so those who share host and app_key count together, as they share
 * the budget (net/budget.h): too many rather than too few.  Each request
 * counts when it is sent, calls for tokens and those that libcurl repeats
 * included (base/ledger.h).
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/allowance.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ALLOWANCE_H
#define TPLUS_ALLOWANCE_H

#include "postgres.h"

#include "base/option.h"

/* SQLSTATE of a sync that has to stop; in class 53, insufficient resources. */
#define TPLUS_ERRCODE_MONTHLY_REQUESTS	MAKE_SQLSTATE('5', '3', 'T', '0', '1')

/* Who pays for the account's requests, for tplus_allowance_note(). */
extern uint64 tplus_allowance_payer(const TplusAccount *account);

/*
 * From now on this backend works for a sync, which stops before it exceeds
 * monthly_requests, or no longer does.
 */
extern void tplus_allowance_enforce(bool enforce);

/*
 * A request for the foreign table (or none) is about to be sent.  In a sync,
 * throws 53T01 if it would be more than monthly_requests, and 58030 if it
 * cannot be counted; elsewhere both are a WARNING, once for each statement.
 * True if so little is left to a sync that libcurl must not repeat the request
 * by itself.
 */
extern bool tplus_allowance_take(const TplusAccount *account, Oid relid);

/*
 * May a request be sent that nobody needs yet?  In a sync only if another is
 * left.  It is not counted.  Never throws.
 */
extern bool tplus_allowance_has_spare(const TplusAccount *account);

/* Counts requests that nobody could refuse.  Never throws. */
extern void tplus_allowance_note(uint64 payer, Oid serverid, Oid relid, int n);

/* How many requests this backend has sent so far. */
extern int64 tplus_allowance_sent(void);

#endif							/* TPLUS_ALLOWANCE_H */
