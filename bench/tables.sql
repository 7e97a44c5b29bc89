-- What the cases share: the server "erp", the foreign table "erp_item" with
-- the 37 fields of the case article, and the table "item" of the same columns.
\set ON_ERROR_STOP 1
CREATE EXTENSION IF NOT EXISTS tplus_fdw;
DROP SERVER IF EXISTS erp CASCADE;
DROP TABLE IF EXISTS item, script_item;
CREATE SERVER erp FOREIGN DATA WRAPPER tplus_fdw
    OPTIONS (base_url :'url', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER erp
    OPTIONS (app_key 'bench', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE FOREIGN TABLE erp_item (
    id bigint OPTIONS (field 'ID'),
    code text OPTIONS (field 'Code'),
    name text OPTIONS (field 'Name'),
    shorthand text OPTIONS (field 'Shorthand'),
    specification text OPTIONS (field 'Specification'),
    defaultbarcode text OPTIONS (field 'DefaultBarCode'),
    inventoryclasscode text OPTIONS (field 'InventoryClass.Code'),
    inventoryclassname text OPTIONS (field 'InventoryClass.Name'),
    unitcode text OPTIONS (field 'Unit.Code'),
    unitname text OPTIONS (field 'Unit.Name'),
    baseunitcode text OPTIONS (field 'BaseUnitCode'),
    baseunitname text OPTIONS (field 'BaseUnitName'),
    productinfoid bigint OPTIONS (field 'ProductInfo.ID'),
    productinfocode text OPTIONS (field 'ProductInfo.Code'),
    productinfoname text OPTIONS (field 'ProductInfo.Name'),
    disabled boolean OPTIONS (field 'Disabled'),
    unitbypurchasecode text OPTIONS (field 'UnitByPurchase.Code'),
    unitbypurchasename text OPTIONS (field 'UnitByPurchase.Name'),
    unitbysalecode text OPTIONS (field 'UnitBySale.Code'),
    unitbysalename text OPTIONS (field 'UnitBySale.Name'),
    unitbystockcode text OPTIONS (field 'UnitByStock.Code'),
    unitbyretailcode text OPTIONS (field 'UnitByRetail.Code'),
    unitbyretailname text OPTIONS (field 'UnitByRetail.Name'),
    unitbymanufacturecode text OPTIONS (field 'UnitByManufacture.Code'),
    unitbymanufacturename text OPTIONS (field 'UnitByManufacture.Name'),
    expiredunitname text OPTIONS (field 'ExpiredUnitName'),
    createdtime timestamptz OPTIONS (field 'CreatedTime'),
    maderecorddate date OPTIONS (field 'MadeRecordDate'),
    expired numeric OPTIONS (field 'Expired'),
    priuserdefnvc1 text,
    priuserdefnvc2 text,
    priuserdefnvc3 text,
    priuserdefnvc4 text,
    isbatch boolean OPTIONS (field 'IsBatch'),
    isqualityperiod boolean OPTIONS (field 'IsQualityPeriod'),
    userfreeitem1 text OPTIONS (field 'Userfreeitem1'),
    freeitembriefinfo text
) SERVER erp OPTIONS (resource 'inventory', paging 'ts', variants 'none');
CREATE UNLOGGED TABLE item AS SELECT * FROM erp_item LIMIT 0;
CREATE UNLOGGED TABLE script_item AS SELECT * FROM item;
