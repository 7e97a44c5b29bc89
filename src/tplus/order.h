/*-------------------------------------------------------------------------
 *
 * order.h
 *		What travels to the renewing worker and back, in a DSM segment.
 *
 * Everything that the worker needs travels: it works for a user mapping that
 * the asking transaction has not committed yet.  The secrets are wiped from
 * the segment by the worker as soon as it has copied them, or by the asker if
 * no worker took them.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/order.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ORDER_H
#define TPLUS_ORDER_H

#include "postgres.h"

#include "base/option.h"
#include "storage/dsm.h"
#include "tplus/auth.h"
#include "tplus/pair.h"

typedef struct TplusOrder
{
	Oid			database;
	Oid			role;			/* whose renewal it counts as */
	int			slot;			/* see tplus/renew_slot.h */
	int			asker;			/* process ID */
	TplusDigest key;			/* of the row */
	TplusGrant	grant;
	int64		generation;		/* the one to be replaced; not for CODE */
	bool		force;			/* although the last attempt failed */
	bool		patient;		/* no second attempt if the first one fails */
	char	   *code;			/* for CODE; secret */
	char	   *redirect_uri;	/* for CODE, may be NULL */
	TplusAccount account;		/* the parts that a grant needs */
} TplusOrder;

typedef enum TplusOrderOutcome
{
	TPLUS_ORDER_SILENT,			/* the worker ended without a word */
	TPLUS_ORDER_DONE,			/* the row tells what came of it */
	TPLUS_ORDER_NO_TABLE,		/* the worker does not see tplus.token */
	TPLUS_ORDER_ERROR,			/* see sqlstate and message */
	TPLUS_ORDER_NO_WORKER,		/* none could be started */
	TPLUS_ORDER_CROWDED,		/* as many as may are under way */
	TPLUS_ORDER_UNFINISHED		/* it goes on, and is not waited for */
} TplusOrderOutcome;

typedef struct TplusOrderReport
{
	TplusOrderOutcome outcome;
	int			sqlstate;
	char		message[768];	/* redacted */
	char		hint[512];		/* "" if none */
} TplusOrderReport;

/*
 * For the asker: a segment that holds the order, wiped when it is detached,
 * at the end of the current resource owner at the latest.  The slot is given
 * back then, unless a worker has it.
 */
extern dsm_segment *tplus_order_post(const TplusOrder *order);

/*
 * For the worker: the order, in context; NULL if the asker has withdrawn it.
 */
extern TplusOrder *tplus_order_take(dsm_segment *segment,
									MemoryContext context);

/* For the worker: what came of it.  The last call counts. */
extern void tplus_order_report(dsm_segment *segment,
							   TplusOrderOutcome outcome, int sqlstate,
							   const char *message, const char *hint);

/* For the asker, once the worker has ended: wipes, detaches, and reads. */
extern void tplus_order_collect(dsm_segment *segment,
								TplusOrderReport *report);

#endif							/* TPLUS_ORDER_H */
