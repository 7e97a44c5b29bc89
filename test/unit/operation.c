/*-------------------------------------------------------------------------
 *
 * operation.c
 *		Tests of which operations write, without a server.
 *
 * The names are those of the service itself, in T+'s spelling, and what they
 * could be like.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/operation.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "tplus/operation.c"

#include "tap.h"

static const char *const known_to_write[] = {
	"Create", "CreateBatch", "CreateAsync", "CreateMember",
	"CreateExpenseVoucher", "NewCreate", "ReturnCodeCreate", "Update",
	"UpdateBatch", "UpdateImage", "UpdateSaleInvoiceInfo", "Delete",
	"DeleteBatch", "NewDelete", "BatchDelete", "Audit", "UnAudit", "Unaudit",
	"Combine", "Change", "Close", "Open", "ManualFinish", "Save",
	"create", "CREATE", "newcreate", "NEWCREATE", "unaudit", "createbatch",
	"createdoc", "CrEaTe", "cReAtEaSyNc", "createAsync", "Create2", "Create.aspx",
	"Create;v=1", "create_batch", "create-batch", "Createdoc", "NewCreateList",
	"SaveQueryScheme", "GetOrCreate", "QueryAndUpdate", "FindThenDelete",
	"BatchAudit", "ReAudit", "VoucherSave", "UpdateOrCreate", "CreateDTO",
	"CREATEDto", "Create/", "Create/1", "Create/x", "NewCreate/x/",
	"Create/2026-01-01", "Create?x=Query", "Import", "ImportList", "Push",
	"AddBatch", "SetState", "PostVoucher", "VoucherOpen", "Insert", "Submit",
	"Cancel", "Recreate", "GetAndLock", "QueryAndClose", "QueryThenClear",
	"FindOrAdd", "GetOrSet", "getorcreate", "queryandclose",
	"GetVoucherAndClose", "UnCheck", "UnSettle", "Reopen", "Freeze",
	"Rollback", "Login", "Loginout", "Logout", "ReLogin", "AuditLog",
	"UpdateState", "UpdateStateBatch", "SaveQuery", "DeleteQuery",
	"SaveUserQuery", "CreateSaleReport", "OpenOrder", "DelVoucher", "GenVoucher", NULL
};

static const char *const known_to_read[] = {
	"Query", "Query2", "QueryPage", "QueryByTime", "QueryExecuting",
	"QueryInventoryPrice", "QueryInventoryPriceWithoutFormula",
	"QueryUserdefInfo", "QueryArchive", "GetVoucherDTO", "GetDefVoucherDTO",
	"GetColumnSetByBizCode", "GetSearchItemByBizCode", "GetEnumByName",
	"GetEnumByTitle", "GetReportData", "GetArchiveSelectFields",
	"GetSnAccountDetailDtos", "GetSearchItemsByReportTitle",
	"GetBalanceSumRpt", "GetStockRequestsList", "GetSaleDeliveryTrace",
	"GetReportInfosExt", "GetIndividualPriceForAPI",
	"GetGroupInfosByReportTitle", "FindVoucherList", "FindTaxTable",
	"CheckMemberStorageByExternalCode", "query", "QUERY", "getvoucherdto",
	"findvoucherlist", "querypage", "List", "BatchQuery", "CreatedVoucherQuery",
	"CreatedVoucherList", "AuditorList", "GetUpdateList", "QueryCreated",
	"GetAuditState", "VoucherAuditQuery", "GetOpenOrders", "OpeningBalance",
	"AddressList", "AccountSet", "SaleReport", "Query/", "Query/1", "Inventory",
	"DocType", "AuditLogQuery", "ApproveStateQuery", "CancelReasonQuery",
	"SaveLogQuery", "UpdateRecordQuery", "CreateTypeSearch", "auditlog/Query",
	"OpenAPI", "OpenApi", "openapi", "OpenAPIQuery", "GetUnitAndBrand",
	"GetAuthorList", "getvendororder", "getcolor", "querystandard",
	"Unit", "UnitGroup", "LoginLogQuery", "", NULL
};

/* Services whose names sound like writing are read by what comes behind. */
static const char *const paths_to_read[] = {
	"/tplus/api/v2/CheckVoucherOpenApi/FindVoucherList",
	"/tplus/api/v2/AdjustCostInOpenApi/Query", "/open/api/item/Query",
	"/tplus/api/v2/SaveAll/Query", "/create/Query", "/", "", "/tplus/api/v2",
	"/items", NULL
};

static void
test_names(const char *const *names, bool writes)
{
	int			i;

	for (i = 0; names[i]; i++)
	{
		char		path[200];

		snprintf(path, sizeof(path), "/tplus/api/v2/saleOrder/%s", names[i]);
		ok(tplus_operation_writes(path) == writes,
		   writes ? "%s writes" : "\"%s\" reads", names[i]);
	}
}

static void
test_length(void)
{
	char		path[1000];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	strcpy(path + 900, "Create");
	ok(tplus_operation_writes(path), "a name that is too long is not read");
	strcpy(path + 100, "Query");
	ok(!tplus_operation_writes(path), "a long one is");
}

int
main(void)
{
	int			i;

	test_names(known_to_write, true);
	test_names(known_to_read, false);
	for (i = 0; paths_to_read[i]; i++)
		ok(!tplus_operation_writes(paths_to_read[i]), "\"%s\" reads", paths_to_read[i]);
	test_length();
	return done();
}
