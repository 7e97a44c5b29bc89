/*-------------------------------------------------------------------------
 *
 * gate_functions.c
 *		Ways from the rights of a caller to those of others, and back.
 *
 * The tables of the extension are shared, and nobody has a privilege to write
 * them.  What a role may write there, it writes through a gate: a function of
 * the extension in C, which calls another one with the name of the gate and
 * "_inside".  That one is a SECURITY DEFINER function, which sees its own owner
 * as the current user, and so is told by its first argument who called; nobody
 * may execute it but through the gate.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/gate_functions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "fdw/gate_functions.h"

PG_FUNCTION_INFO_V1(tplus_as_owner);
PG_FUNCTION_INFO_V1(tplus_guarded);
PG_FUNCTION_INFO_V1(tplus_check_session);
PG_FUNCTION_INFO_V1(tplus_hold_owner);
PG_FUNCTION_INFO_V1(tplus_hold);

/*
 * A role that owns syncs, or did, or will: what is granted to it is set right
 * when the transaction commits.
 */
typedef struct HeldRole
{
	Oid			function;		/* of the extension, that said so */
	Oid			role;
	bool		is_new;			/* has got a sync in this transaction */
} HeldRole;

static List *held = NIL;		/* in TopTransactionContext */

/* A function beside this one, with these arguments. */
static Oid
find_function(Oid beside, const char *name, int nargs, const Oid *types)
{
	char	   *schema = get_namespace_name(get_func_namespace(beside));

	return LookupFuncName(list_make2(makeString(schema), makeString(pstrdup(name))),
						  nargs, types, false);
}

/*
 * What is behind a gate, kept for its next call.  With_caller: it takes one
 * argument more, which is the first.
 */
static FmgrInfo *
behind(FunctionCallInfo fcinfo, bool with_caller)
{
	Oid			gate = fcinfo->flinfo->fn_oid;
	HeapTuple	tuple;
	Form_pg_proc proc;
	Oid			types[FUNC_MAX_ARGS];
	int			nargs = 0;
	char	   *name;
	FmgrInfo   *inner;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(gate));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", gate);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (with_caller)
		types[nargs++] = REGROLEOID;
	if (nargs + proc->pronargs > FUNC_MAX_ARGS)
		elog(ERROR, "function %u has too many arguments", gate);
	memcpy(types + nargs, proc->proargtypes.values, proc->pronargs * sizeof(Oid));
	nargs += proc->pronargs;
	name = psprintf("%s_inside", NameStr(proc->proname));
	ReleaseSysCache(tuple);

	inner = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(FmgrInfo));
	fmgr_info_cxt(find_function(gate, name, nargs, types), inner,
				  fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = inner;
	return inner;
}

static Datum
pass_on(FunctionCallInfo fcinfo, bool with_caller)
{
	LOCAL_FCINFO(inner, FUNC_MAX_ARGS);
	int			nargs = with_caller ? 1 : 0;
	Datum		result;
	int			i;

	InitFunctionCallInfoData(*inner, behind(fcinfo, with_caller),
							 fcinfo->nargs + nargs, fcinfo->fncollation, NULL,
							 NULL);
	if (with_caller)
	{
		inner->args[0].value = ObjectIdGetDatum(GetUserId());
		inner->args[0].isnull = false;
	}
	for (i = 0; i < fcinfo->nargs; i++)
		inner->args[nargs + i] = fcinfo->args[i];
	result = FunctionCallInvoke(inner);
	fcinfo->isnull = inner->isnull;
	return result;
}

/*
 * A gate of the extension: calls what is behind it with the role that called.
 */
Datum
tplus_as_owner(PG_FUNCTION_ARGS)
{
	return pass_on(fcinfo, true);
}

/*
 * Calls what is behind it so that nothing in there becomes another role: SQL of
 * a sync, what its tables, types and operators do.
 */
Datum
tplus_guarded(PG_FUNCTION_ARGS)
{
	Oid			role;
	int			context;
	Datum		result;

	/* An error ends the subtransaction, which sets it back. */
	GetUserIdAndSecContext(&role, &context);
	SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE);
	result = pass_on(fcinfo, false);
	SetUserIdAndSecContext(role, context);
	return result;
}

/*
 * tplus._check_session(): the SQL of a sync could say RESET ROLE, set what
 * outlives it, or leave temporary tables for the statements that follow.  So it
 * runs in no session that began as somebody else.  Within a SECURITY DEFINER
 * function, PostgreSQL keeps it from becoming another role.
 */
Datum
tplus_check_session(PG_FUNCTION_ARGS)
{
	Oid			role = GetUserId();
	char	   *name = GetUserNameFromId(role, false);

	if (InLocalUserIdChange() ||
		(GetSessionUserId() == role && GetAuthenticatedUserId() == role))
		PG_RETURN_VOID();
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("a sync of role \"%s\" cannot run in a session of role \"%s\"",
					name, GetUserNameFromId(GetAuthenticatedUserId(), false)),
			 errdetail("Its SQL could take the rights of the session, which SET ROLE and SET SESSION AUTHORIZATION do not give up."),
			 errhint("Connect as \"%s\", or let pg_cron run it as that role.",
					 name)));
	PG_RETURN_VOID();
}

/* Sets right what is granted to a role, with the rights of the owner. */
static void
hold_now(const HeldRole *role)
{
	Oid			types[2] = {REGROLEOID, BOOLOID};

	/* The extension may have been dropped meanwhile. */
	if (!SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(role->function)))
		return;
	OidFunctionCall2(find_function(role->function, "_hold_inside", 2, types),
					 ObjectIdGetDatum(role->role), BoolGetDatum(role->is_new));
	CommandCounterIncrement();
}

/*
 * Nothing of a user's runs after this, so that the lock that is taken here is
 * gone at once.
 */
static void
end_transaction(XactEvent event, void *arg)
{
	ListCell   *lc;

	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (held == NIL)
				return;
			PushActiveSnapshot(GetTransactionSnapshot());
			foreach(lc, held)
				hold_now(lfirst(lc));
			PopActiveSnapshot();
			held = NIL;
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (held != NIL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has created or dropped syncs")));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			held = NIL;
			break;
		default:
			break;
	}
}

static void
remember_role(Oid function, Oid role, bool is_new)
{
	static bool registered = false;
	MemoryContext old;
	HeldRole   *new;
	ListCell   *lc;

	if (!OidIsValid(role))
		return;
	foreach(lc, held)
	{
		HeldRole   *other = lfirst(lc);

		if (other->role != role)
			continue;
		other->is_new |= is_new;
		return;
	}
	if (!registered)
		RegisterXactCallback(end_transaction, NULL);
	registered = true;
	old = MemoryContextSwitchTo(TopTransactionContext);
	new = palloc(sizeof(HeldRole));
	new->function = function;
	new->role = role;
	new->is_new = is_new;
	held = lappend(held, new);
	MemoryContextSwitchTo(old);
}

static void
remember_owner(Oid function, TriggerData *data, HeapTuple tuple, bool is_new)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Datum		value;
		bool		isnull;

		if (att->attisdropped || strcmp(NameStr(att->attname), "owner") != 0)
			continue;
		value = heap_getattr(tuple, i + 1, desc, &isnull);
		if (!isnull)
			remember_role(function, DatumGetObjectId(value), is_new);
	}
}

/*
 * tplus._hold_owner(): the trigger of sync_definition
 */
Datum
tplus_hold_owner(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "tplus._hold_owner() was not called by a trigger");
	remember_owner(fcinfo->flinfo->fn_oid, data, data->tg_trigtuple,
				   TRIGGER_FIRED_BY_INSERT(data->tg_event));
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		remember_owner(fcinfo->flinfo->fn_oid, data, data->tg_newtuple, true);
	return PointerGetDatum(NULL);
}

/*
 * tplus._hold(role regrole) makes anew what holds a role that owns syncs; of
 * another it is taken.
 */
Datum
tplus_hold(PG_FUNCTION_ARGS)
{
	remember_role(fcinfo->flinfo->fn_oid, PG_GETARG_OID(0), false);
	PG_RETURN_VOID();
}
