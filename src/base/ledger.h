/*-------------------------------------------------------------------------
 *
 * ledger.h
 *		The requests of this month and the last, in a file of the cluster.
 *
 * A request that was sent is paid for, whatever becomes of the transaction
 * that needed it.  So it is counted in a file beside the statistics of
 * PostgreSQL, not in a table: also where a statement fails or is cancelled, in
 * a read-only transaction, and on a standby, whose file is its own from the
 * day on when it was made.  The file outlives restarts and crashes of
 * PostgreSQL.  When the machine crashes, the last TPLUS_LEDGER_UNSAVED requests
 * of each payer may be missing.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/ledger.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_LEDGER_H
#define TPLUS_LEDGER_H

#include "postgres.h"

#include "base/month.h"

/* After so many requests of a payer the file is forced to disk. */
#define TPLUS_LEDGER_UNSAVED	16

typedef enum TplusLedgerStatus
{
	TPLUS_LEDGER_COUNTED,
	TPLUS_LEDGER_REFUSED,		/* there would be more than the limit */
	TPLUS_LEDGER_FAILED			/* errno says why; nothing was counted */
} TplusLedgerStatus;

/*
 * Counts n requests of the key this month, for it and for its payer, unless
 * the payer had more than limit then (-1: no limit).  *requests is what the
 * payer has afterwards; unset if it failed.  Never throws; takes a lock on
 * the file for some microseconds.
 */
extern TplusLedgerStatus tplus_ledger_add(const TplusMonthKey *key, int64 n,
										  int64 limit, int64 *requests);

/*
 * What the payer has asked this month; false with errno set if that is not to
 * be had.  Never throws.
 */
extern bool tplus_ledger_requests(uint64 payer, int64 *requests);

/*
 * All counts, turned to this month, palloc'd in the current context, and how
 * many; free places are left out.  Throws 58030 if the file cannot be read.
 */
extern int	tplus_ledger_read(TplusMonthCount **counts);

/* Where the counts are, for messages and tplus.info(). */
extern const char *tplus_ledger_file(void);

#endif							/* TPLUS_LEDGER_H */
