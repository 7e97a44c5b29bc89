/*-------------------------------------------------------------------------
 *
 * tplus_fdw.c
 *		Foreign-data wrapper for the API of Chanjet T+: the door.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		tplus_fdw.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"

#include "fdw/analyze.h"
#include "fdw/async.h"
#include "fdw/explain.h"
#include "fdw/highwater.h"
#include "fdw/import.h"
#include "fdw/pause.h"
#include "fdw/plan.h"
#include "fdw/scan.h"
#include "fdw/validate.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(tplus_fdw_handler);
PG_FUNCTION_INFO_V1(tplus_fdw_validator);

void		_PG_init(void);

void
_PG_init(void)
{
	tplus_pause_install();
	tplus_highwater_install();
}

Datum
tplus_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = tplusGetForeignRelSize;
	routine->GetForeignPaths = tplusGetForeignPaths;
	routine->GetForeignPlan = tplusGetForeignPlan;
	routine->BeginForeignScan = tplusBeginForeignScan;
	routine->IterateForeignScan = tplusIterateForeignScan;
	routine->ReScanForeignScan = tplusReScanForeignScan;
	routine->EndForeignScan = tplusEndForeignScan;
	routine->ExplainForeignScan = tplusExplainForeignScan;
	routine->IsForeignPathAsyncCapable = tplusIsForeignPathAsyncCapable;
	routine->ForeignAsyncRequest = tplusForeignAsyncRequest;
	routine->ForeignAsyncConfigureWait = tplusForeignAsyncConfigureWait;
	routine->ForeignAsyncNotify = tplusForeignAsyncNotify;
	routine->AnalyzeForeignTable = tplusAnalyzeForeignTable;
	routine->ImportForeignSchema = tplusImportForeignSchema;

	PG_RETURN_POINTER(routine);
}

Datum
tplus_fdw_validator(PG_FUNCTION_ARGS)
{
	tplus_validate(untransformRelOptions(PG_GETARG_DATUM(0)),
				   PG_GETARG_OID(1));
	PG_RETURN_VOID();
}
