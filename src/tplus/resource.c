/*-------------------------------------------------------------------------
 *
 * resource.c
 *		The catalog of T+ operations, as const tables.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/resource.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/resource.h"

#define ALWAYS	(TPLUS_FIELD_ALWAYS | PLAIN)
#define UNIQUE	(TPLUS_FIELD_UNIQUE | ALWAYS)
#define PLAIN	(TPLUS_FIELD_IMPORT | TPLUS_FIELD_SELECT)
/* Arrives by itself, beside the fields that were asked for. */
#define EXTRA	0

#define FIELD(name, type, flags, filter, label) \
	{name, TPLUS_TYPE_##type, flags, TPLUS_FILTER_KIND_##filter, label}

/*
 * Inventory items: docs/protocol.md, sections 3.2 and 3.4 (filters, fields);
 * 37 of them are those of the integration case that this replaces.  A filter is
 * named here only where its meaning is known well enough to be sent unasked;
 * for others there is the column option "filter".
 */
static const TplusField inventory_fields[] = {
	FIELD("ID", BIGINT, UNIQUE, ID, "存货ID"),
	FIELD("Code", TEXT, UNIQUE, TEXT, "存货编码"),
	FIELD("Name", TEXT, ALWAYS, TEXT, "存货名称"),
	FIELD("Shorthand", TEXT, PLAIN, TEXT, "助记码"),
	FIELD("Specification", TEXT, PLAIN, TEXT, "规格型号"),
	FIELD("DefaultBarCode", TEXT, PLAIN, TEXT, "默认条码"),
	FIELD("InventoryClass.Code", TEXT, PLAIN, REFERENCE, "存货分类编码"),
	FIELD("InventoryClass.Name", TEXT, PLAIN, NONE, "存货分类名称"),
	FIELD("Unit.Code", TEXT, PLAIN, NONE, "计量单位编码"),
	FIELD("Unit.Name", TEXT, PLAIN, NONE, "计量单位名称"),
	FIELD("BaseUnitCode", TEXT, PLAIN, NONE, "主计量单位编码"),
	FIELD("BaseUnitName", TEXT, PLAIN, NONE, "主计量单位名称"),
	FIELD("ProductInfo.ID", BIGINT, PLAIN, NONE, "品牌ID"),
	FIELD("ProductInfo.Code", TEXT, PLAIN, NONE, "品牌编码"),
	FIELD("ProductInfo.Name", TEXT, PLAIN, NONE, "品牌名称"),
	FIELD("Disabled", BOOLEAN, ALWAYS, BOOL, "停用"),
	FIELD("UnitByPurchase.Code", TEXT, PLAIN, NONE, "采购常用单位编码"),
	FIELD("UnitByPurchase.Name", TEXT, PLAIN, NONE, "采购常用单位名称"),
	FIELD("UnitBySale.Code", TEXT, PLAIN, NONE, "销售常用单位编码"),
	FIELD("UnitBySale.Name", TEXT, PLAIN, NONE, "销售常用单位名称"),
	FIELD("UnitByStock.Code", TEXT, PLAIN, NONE, "库存常用单位编码"),
	FIELD("UnitByStock.Name", TEXT, PLAIN, NONE, "库存常用单位名称"),
	FIELD("UnitByRetail.Code", TEXT, PLAIN, NONE, "零售常用单位编码"),
	FIELD("UnitByRetail.Name", TEXT, PLAIN, NONE, "零售常用单位名称"),
	FIELD("UnitByManufacture.Code", TEXT, PLAIN, NONE, "生产常用单位编码"),
	FIELD("UnitByManufacture.Name", TEXT, PLAIN, NONE, "生产常用单位名称"),
	FIELD("UnitGroup.Code", TEXT, PLAIN, NONE, "单位组编码"),
	FIELD("UnitGroup.Name", TEXT, PLAIN, NONE, "单位组名称"),
	FIELD("UnitType.Code", TEXT, PLAIN, NONE, "计量方式编码"),
	FIELD("UnitType.Name", TEXT, PLAIN, NONE, "计量方式"),
	FIELD("IsSingleUnit", BOOLEAN, PLAIN, NONE, "单计量"),
	FIELD("ValueType.Code", TEXT, PLAIN, NONE, "计价方式编码"),
	FIELD("ValueType.Name", TEXT, PLAIN, NONE, "计价方式"),
	FIELD("IsSale", BOOLEAN, PLAIN, NONE, "销售"),
	FIELD("IsPurchase", BOOLEAN, PLAIN, NONE, "外购"),
	FIELD("IsMadeSelf", BOOLEAN, PLAIN, NONE, "自制"),
	FIELD("IsMaterial", BOOLEAN, PLAIN, NONE, "生产耗用"),
	FIELD("IsMadeRequest", BOOLEAN, PLAIN, NONE, "委外"),
	FIELD("IsPhantom", BOOLEAN, PLAIN, NONE, "虚拟件"),
	FIELD("IsSuite", BOOLEAN, PLAIN, NONE, "套件"),
	FIELD("IsLaborCost", BOOLEAN, PLAIN, NONE, "劳务费用"),
	FIELD("IsBatch", BOOLEAN, PLAIN, NONE, "批号管理"),
	FIELD("IsQualityPeriod", BOOLEAN, PLAIN, NONE, "有效期管理"),
	FIELD("IsNeedQualityInspection", BOOLEAN, PLAIN, NONE, "需要质检"),
	FIELD("IsWeigh", BOOLEAN, PLAIN, NONE, "称重"),
	FIELD("IsNew", BOOLEAN, PLAIN, NONE, "新品"),
	FIELD("NewProductPeriod", BIGINT, PLAIN, NONE, "新品期"),
	FIELD("Expired", NUMERIC, PLAIN, NONE, "保质期"),
	FIELD("ExpiredUnit.Code", TEXT, PLAIN, NONE, "保质期单位编码"),
	FIELD("ExpiredUnitName", TEXT, PLAIN, NONE, "保质期单位"),
	FIELD("InventoryDescript", TEXT, PLAIN, NONE, "存货描述"),
	FIELD("AvagCost", NUMERIC, PLAIN, NONE, "平均成本"),
	FIELD("LatestCost", NUMERIC, PLAIN, NONE, "最新成本"),
	FIELD("InvSCost", NUMERIC, PLAIN, NONE, "参考成本"),
	FIELD("RetailPriceNew", NUMERIC, PLAIN, NONE, "零售价"),
	FIELD("TaxRate", TEXT, PLAIN, NONE, "税率"),
	FIELD("CreatedTime", TIMESTAMPTZ, PLAIN, NONE, "创建时间"),
	FIELD("MadeRecordDate", DATE, ALWAYS, DATE, "建档日期"),
	FIELD("priuserdefnvc1", TEXT, PLAIN, NONE, "自定义字符1"),
	FIELD("priuserdefnvc2", TEXT, PLAIN, NONE, "自定义字符2"),
	FIELD("priuserdefnvc3", TEXT, PLAIN, NONE, "自定义字符3"),
	FIELD("priuserdefnvc4", TEXT, PLAIN, NONE, "自定义字符4"),
	FIELD("priuserdefnvc5", TEXT, PLAIN, NONE, "自定义字符5"),
	FIELD("priuserdefdecm1", NUMERIC, PLAIN, NONE, "自定义数值1"),
	FIELD("priuserdefdecm2", NUMERIC, PLAIN, NONE, "自定义数值2"),
	FIELD("priuserdefdecm3", NUMERIC, PLAIN, NONE, "自定义数值3"),
	FIELD("priuserdefdecm4", NUMERIC, PLAIN, NONE, "自定义数值4"),
	FIELD("priuserdefdecm5", NUMERIC, PLAIN, NONE, "自定义数值5"),
	FIELD("Userfreeitem1", TEXT, PLAIN, NONE, "自由项1"),
	FIELD("freeitembriefinfo", TEXT, PLAIN, NONE, "自由项简要信息"),
	FIELD("ImageList", JSONB, PLAIN, NONE, "图片"),
	FIELD("DynamicPropertyKeys", JSONB, EXTRA, NONE, "自定义项名"),
	FIELD("DynamicPropertyValues", JSONB, EXTRA, NONE, "自定义项值"),
	FIELD("Ts", TEXT, ALWAYS, VERSION, "行版本"),
};

static const TplusResource resources[] = {
	{
		.name = "inventory",
		.label = "存货",
		.path = "/tplus/api/v2/inventory/Query",
		.page_path = "/tplus/api/v2/inventory/QueryPage",
		.body_key = "param",
		.key = "ID",
		.version = "Ts",
		.disabled = "Disabled",
		.max_page_size = 1000,
		.fields = inventory_fields,
		.nfields = lengthof(inventory_fields),
	},
};

static const char *const type_names[] = {
	[TPLUS_TYPE_BIGINT] = "bigint",
	[TPLUS_TYPE_TEXT] = "text",
	[TPLUS_TYPE_BOOLEAN] = "boolean",
	[TPLUS_TYPE_NUMERIC] = "numeric",
	[TPLUS_TYPE_DATE] = "date",
	[TPLUS_TYPE_TIMESTAMPTZ] = "timestamp with time zone",
	[TPLUS_TYPE_JSONB] = "jsonb",
};

StaticAssertDecl(lengthof(type_names) == TPLUS_NFIELDTYPES,
				 "each field type needs a name");

const TplusResource *
tplus_resource_find(const char *name)
{
	int			i;

	for (i = 0; i < (int) lengthof(resources); i++)
	{
		if (strcmp(resources[i].name, name) == 0)
			return &resources[i];
	}
	return NULL;
}

const TplusResource *
tplus_resource_at(int index)
{
	if (index < 0 || index >= (int) lengthof(resources))
		return NULL;
	return &resources[index];
}

/* Are the two equal when dots of the field and ASCII case do not count? */
static bool
same_folded(const char *field, const char *name)
{
	for (;;)
	{
		while (*field == '.')
			field++;
		if (pg_ascii_tolower((unsigned char) *field) !=
			pg_ascii_tolower((unsigned char) *name))
			return false;
		if (*field == '\0')
			return true;
		field++;
		name++;
	}
}

const TplusField *
tplus_resource_field(const TplusResource *resource, const char *name)
{
	int			i;

	for (i = 0; i < resource->nfields; i++)
	{
		if (strcmp(resource->fields[i].name, name) == 0)
			return &resource->fields[i];
	}
	for (i = 0; i < resource->nfields; i++)
	{
		if (same_folded(resource->fields[i].name, name))
			return &resource->fields[i];
	}
	return NULL;
}

char *
tplus_resource_column_name(const TplusField *field)
{
	char	   *result = pstrdup(field->name);
	char	   *to = result;
	const char *from;

	for (from = field->name; *from; from++)
	{
		if (*from != '.')
			*to++ = *from;
	}
	*to = '\0';
	return result;
}

const char *
tplus_resource_type_name(TplusFieldType type)
{
	return type_names[type];
}
