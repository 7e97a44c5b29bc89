/*-------------------------------------------------------------------------
 *
 * async.c
 *		Several foreign tables at once, below an Append.
 *
 * All transfers of a backend share one loop, so whatever one scan is woken for
 * may be of use to another: each is woken then, looks, and waits again.  What
 * is no network (a permit of the budget, the pause before a retry) is time,
 * and the loop's timer wakes the scans for it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/async.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/execAsync.h"
#include "miscadmin.h"
#include "storage/latch.h"

#include "fdw/async.h"
#include "fdw/scan.h"
#include "net/http.h"

/*
 * The executor's own wait does not end with a cancel in each minor release of
 * each version, so it does after this time.
 */
#define LONGEST_WAIT_MS		100

bool
tplusIsForeignPathAsyncCapable(ForeignPath *path)
{
	return tplus_option_server(path->path.parent->serverid)->async_capable;
}

/* Answers a request with a row, with the end, or later. */
static void
answer(AsyncRequest *areq)
{
	ForeignScanState *node = (ForeignScanState *) areq->requestee;
	TplusScanState *state = node->fdw_state;
	TupleTableSlot *slot;

	state->would_wait = false;
	state->is_polled = true;

	/* The executor has already begun to measure this node. */
	slot = node->ss.ps.ExecProcNodeReal(&node->ss.ps);
	state->is_polled = false;
	if (TupIsNull(slot) && state->would_wait)
		ExecAsyncRequestPending(areq);
	else
		ExecAsyncRequestDone(areq, TupIsNull(slot) ? NULL : slot);
}

void
tplusForeignAsyncRequest(AsyncRequest *areq)
{
	answer(areq);
}

void
tplusForeignAsyncConfigureWait(AsyncRequest *areq)
{
	ForeignScanState *node = (ForeignScanState *) areq->requestee;
	AppendState *append = (AppendState *) areq->requestor;
	TplusScanState *state = node->fdw_state;
	long		patience = tplus_read_patience(state->read);

	if (state->socket == PGINVALID_SOCKET)
		state->socket = tplus_http_fd(node->ss.ps.state->es_query_cxt);
	AddWaitEventToSet(append->as_eventset, WL_SOCKET_READABLE, state->socket,
					  NULL, areq);
	tplus_http_attend(patience < 0 ? LONGEST_WAIT_MS :
					  Min(patience, LONGEST_WAIT_MS));
}

void
tplusForeignAsyncNotify(AsyncRequest *areq)
{
	CHECK_FOR_INTERRUPTS();
	tplus_call_drive();
	answer(areq);
}
