/*-------------------------------------------------------------------------
 *
 * sync_functions.c
 *		What tplus.sync() needs and PL/pgSQL does not have.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/sync_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "fdw/progress.h"
#include "fdw/sync_functions.h"

/*
 * The class of the advisory locks that runs hold, see tplus._lock_class(); the
 * object is the sync's id.
 */
#define RUN_LOCK_CLASS 1414548563

/* A lock that a run holds until it, or the statement that called it, ends. */
typedef struct RunLock
{
	struct RunLock *outer;
	LOCKTAG		tag;
	MemoryContextCallback at_end;
} RunLock;

static RunLock *innermost = NULL;

PG_FUNCTION_INFO_V1(tplus_check_no_transaction);
PG_FUNCTION_INFO_V1(tplus_lock_run);
PG_FUNCTION_INFO_V1(tplus_unlock_run);
PG_FUNCTION_INFO_V1(tplus_raise);
PG_FUNCTION_INFO_V1(tplus_current_role);

/*
 * tplus._check_no_transaction(): a run commits twice, so it cannot be part of
 * somebody's transaction.
 */
Datum
tplus_check_no_transaction(PG_FUNCTION_ARGS)
{
	if (IsTransactionBlock() || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a sync cannot run inside a transaction block"),
				 errdetail("A run commits its entry in the history before it begins, and its rows together with the cursor."),
				 errhint("Call it outside BEGIN and COMMIT, in autocommit mode.")));

	/* We are called by a procedure, which has the connection. */
	if (!SPI_inside_nonatomic_context())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a sync cannot run inside a function"),
				 errdetail("A run commits its entry in the history before it begins, and its rows together with the cursor."),
				 errhint("Call it by itself, or from a procedure or DO block without SET and EXCEPTION clauses.")));
	PG_RETURN_VOID();
}

static void
release(RunLock *lock)
{
	RunLock   **link = &innermost;

	while (*link != NULL && *link != lock)
		link = &(*link)->outer;
	if (*link == NULL)
		return;
	*link = lock->outer;
	LockRelease(&lock->tag, ExclusiveLock, true);
	tplus_progress_stop();
}

/* The memory of the statement goes, and the lock with it. */
static void
statement_ended(void *arg)
{
	release(arg);
}

/*
 * tplus._lock_run(sync integer) takes the lock of a sync, unless another
 * session has it: then it returns false.  The lock outlives transactions, as a
 * run does, but not the statement that called the run, whatever error may end
 * that: its portal's memory takes the lock along.
 */
Datum
tplus_lock_run(PG_FUNCTION_ARGS)
{
	RunLock    *lock = MemoryContextAllocZero(PortalContext ? PortalContext : TopMemoryContext,
											  sizeof(RunLock));

	SET_LOCKTAG_ADVISORY(lock->tag, MyDatabaseId, RUN_LOCK_CLASS,
						 PG_GETARG_INT32(0), 2);
	if (LockAcquire(&lock->tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		pfree(lock);
		PG_RETURN_BOOL(false);
	}
	lock->outer = innermost;
	innermost = lock;
	lock->at_end.func = statement_ended;
	lock->at_end.arg = lock;
	MemoryContextRegisterResetCallback(GetMemoryChunkContext(lock), &lock->at_end);
	PG_RETURN_BOOL(true);
}

/*
 * tplus._unlock_run() gives back the lock that was taken last, and ends what is
 * shown of the run.
 */
Datum
tplus_unlock_run(PG_FUNCTION_ARGS)
{
	if (innermost != NULL)
		release(innermost);
	PG_RETURN_VOID();
}

static char *
optional_text(FunctionCallInfo fcinfo, int argument)
{
	char	   *given;

	if (PG_ARGISNULL(argument))
		return NULL;
	given = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	return *given ? given : NULL;
}

/*
 * tplus._raise(sqlstate, message, detail, hint): RAISE takes no absent detail,
 * and always tells where in which function it stands.
 */
Datum
tplus_raise(PG_FUNCTION_ARGS)
{
	const char *state = optional_text(fcinfo, 0);
	const char *message = optional_text(fcinfo, 1);
	const char *detail = optional_text(fcinfo, 2);
	const char *hint = optional_text(fcinfo, 3);

	if (state == NULL || strlen(state) != 5)
		state = "XX000";
	/* Whoever catches this has kept his own. */
	error_context_stack = NULL;
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(state[0], state[1], state[2], state[3],
								   state[4])),
			 errmsg_internal("%s", message ? message : "unknown error"),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
	PG_RETURN_VOID();
}

/*
 * tplus._current_role() is current_user by its OID, which no name has to be
 * looked up for.
 */
Datum
tplus_current_role(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(GetUserId());
}
