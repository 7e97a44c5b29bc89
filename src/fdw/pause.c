/*-------------------------------------------------------------------------
 *
 * pause.c
 *		When a query pauses, it leaves nothing under way.
 *
 * A cursor between two fetches, or a portal that has been run and not been
 * closed, may stay for hours.  Its scans must not keep requests of the shared
 * budget meanwhile.  So before control returns to the client, the replies that
 * are under way are received to their end; those of a query that has been run
 * to its end, which nobody will read, are given up.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/pause.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "fdw/pause.h"
#include "tplus/call.h"

static ExecutorRun_hook_type previous_hook = NULL;
static int	depth = 0;			/* of ExecutorRun */
static dlist_head scans = DLIST_STATIC_INIT(scans);

static void
forget_scan(void *arg)
{
	dlist_delete(&((TplusPause *) arg)->node);
}

void
tplus_pause_watch(TplusPause *pause, EState *estate,
				  void (*stop) (void *arg), void *arg)
{
	pause->estate = estate;
	pause->stop = stop;
	pause->arg = arg;
	dlist_push_tail(&scans, &pause->node);
	pause->callback.func = forget_scan;
	pause->callback.arg = pause;
	MemoryContextRegisterResetCallback(estate->es_query_cxt,
									   &pause->callback);
}

/*
 * Gives up what the scans of a query have under way, unless it may go on: a
 * query that was run without a limit of rows has come to its end, but for
 * statements within it that change data.
 */
static void
stop_scans(QueryDesc *query, ScanDirection direction, uint64 count)
{
	dlist_iter	iter;

	if (count != 0 || !ScanDirectionIsForward(direction) ||
		query->estate->es_auxmodifytables != NIL)
		return;
	dlist_foreach(iter, &scans)
	{
		TplusPause *pause = dlist_container(TplusPause, node, iter.cur);

		if (pause->estate == query->estate)
			pause->stop(pause->arg);
	}
}

static void
run_query(TPLUS_EXECUTOR_RUN_PARAMS)
{
	depth++;
	PG_TRY();
	{
		if (previous_hook)
			previous_hook(TPLUS_EXECUTOR_RUN_ARGS);
		else
			standard_ExecutorRun(TPLUS_EXECUTOR_RUN_ARGS);
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
	if (depth > 0 || dlist_is_empty(&scans))
		return;
	stop_scans(query, direction, count);
	tplus_call_drain_all();
}

void
tplus_pause_install(void)
{
	previous_hook = ExecutorRun_hook;
	ExecutorRun_hook = run_query;
}
