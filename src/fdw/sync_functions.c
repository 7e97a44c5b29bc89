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
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "fdw/progress.h"
#include "fdw/sync_functions.h"

/*
 * The locks of runs are advisory locks with a tag of their own, which no
 * function of SQL can make: those have 1 and 2 there.  Renewals of tokens have
 * others, see src/tplus/renew.c.  Tplus._running_pid() looks for it.
 */
#define RUN_LOCK	0x5354		/* "ST": of a sync, by its id */
#define ALERT_LOCK	0x5341		/* "SA": of a role that raises an alert */

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
PG_FUNCTION_INFO_V1(tplus_check_lock);
PG_FUNCTION_INFO_V1(tplus_lock_alerts);
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
	if (tplus_lock_held(&lock->tag, ExclusiveLock))
		LockRelease(&lock->tag, ExclusiveLock, true);
	tplus_progress_stop();
	tplus_progress_allow(innermost != NULL);
}

/* The memory of the statement goes, and the lock with it. */
static void
statement_ended(void *arg)
{
	release(arg);
}

/* Does the current user own this sync? */
static void
check_owner(int32 sync)
{
	Oid			types[2] = {INT4OID, OIDOID};
	Datum		values[2] = {Int32GetDatum(sync), ObjectIdGetDatum(GetUserId())};
	bool		owns;

	SPI_connect();
	owns = SPI_execute_with_args("SELECT FROM tplus.sync_definition d "
								 "WHERE d.id OPERATOR(pg_catalog.=) $1 "
								 "AND d.owner::pg_catalog.oid OPERATOR(pg_catalog.=) $2",
								 2, types, values, NULL, true, 1) == SPI_OK_SELECT &&
		SPI_processed == 1;
	SPI_finish();
	if (!owns)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only the owner of a sync can run it")));
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
	RunLock    *lock;

	check_owner(PG_GETARG_INT32(0));
	lock = MemoryContextAllocZero(PortalContext ? PortalContext : TopMemoryContext,
								  sizeof(RunLock));
	SET_LOCKTAG_ADVISORY(lock->tag, MyDatabaseId, 0, PG_GETARG_INT32(0),
						 RUN_LOCK);
	if (LockAcquire(&lock->tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		pfree(lock);
		PG_RETURN_BOOL(false);
	}
	lock->outer = innermost;
	innermost = lock;
	tplus_progress_allow(true);
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

/*
 * tplus._check_lock(): SQL of a sync, or a trigger, may have given back all
 * advisory locks of the session.
 */
Datum
tplus_check_lock(PG_FUNCTION_ARGS)
{
	if (innermost == NULL || !tplus_lock_held(&innermost->tag, ExclusiveLock))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the lock of the run was given back"),
				 errdetail("Another run may have begun meanwhile."),
				 errhint("SQL of a sync, and triggers of its target, must not call pg_advisory_unlock_all().")));
	PG_RETURN_VOID();
}

/*
 * tplus._lock_alerts(): of several syncs of a role that stop at once, one
 * raises the alert.  Nobody takes the lock of another role.
 */
Datum
tplus_lock_alerts(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, GetUserId(), ALERT_LOCK);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
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
