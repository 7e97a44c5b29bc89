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
#include "utils/builtins.h"

#include "fdw/sync_functions.h"

PG_FUNCTION_INFO_V1(tplus_check_no_transaction);
PG_FUNCTION_INFO_V1(tplus_raise);

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
 * tplus._raise(sqlstate, message, detail, hint): RAISE takes no absent detail.
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
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(state[0], state[1], state[2], state[3],
								   state[4])),
			 errmsg_internal("%s", message ? message : "unknown error"),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
	PG_RETURN_VOID();
}
