--
-- What a foreign table must not ask: operations that write, and parameters
-- that a read sets for itself; refused where it is new, and harmless where a
-- table of an earlier version has it
--
\set ECHO none
\i test/lib/regress.sql
\pset null '(null)'
SELECT sim.tenant('operations', '{"records": 30}');
CREATE SERVER operations FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'sim_url', requests_per_second '0', page_size '20');
CREATE USER MAPPING FOR CURRENT_USER SERVER operations
  OPTIONS (app_key 'operations', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE SCHEMA operations;
SET search_path = operations, public;

-- A table as a dump restores it.
CREATE FUNCTION restore(name text, columns text, options text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL check_function_bodies = off;
  EXECUTE format('CREATE FOREIGN TABLE %I (%s) SERVER operations OPTIONS (%s)', name, columns, options);
END
$$;

--
-- Operations that write
--
CREATE FOREIGN TABLE writes (id bigint) SERVER operations OPTIONS (path '/tplus/api/v2/saleOrder/Create');
CREATE FOREIGN TABLE writes (id bigint) SERVER operations OPTIONS (path '/tplus/api/v2/SaleInvoiceOpenApi/unaudit/');
CREATE FOREIGN TABLE unknown (id bigint) SERVER operations OPTIONS (path '/tplus/api/v2/saleOrder/Whatever');
ALTER FOREIGN TABLE unknown OPTIONS (SET path '/tplus/api/v2/saleOrder/NewCreate');
SELECT restore('writes', 'id bigint', $$path '/tplus/api/v2/saleOrder/Create'$$);
ALTER FOREIGN TABLE writes OPTIONS (ADD paging 'none');
ALTER FOREIGN TABLE writes ADD code text OPTIONS (field 'Code');
ALTER FOREIGN TABLE writes OPTIONS (SET path '/tplus/api/v2/saleOrder/CreateAsync');
-- what stands in one table is new in another
CREATE FOREIGN TABLE other (id bigint) SERVER operations OPTIONS (path '/tplus/api/v2/saleOrder/Create');
SELECT * FROM writes;
EXPLAIN SELECT * FROM writes;
SELECT count(*) FROM writes WHERE id = 1;
ANALYZE writes;
SELECT * FROM tplus.calibrate('writes');
PREPARE p AS SELECT count(*) FROM unknown;
EXPLAIN (COSTS off) EXECUTE p;
-- behind the back of the plan
UPDATE pg_foreign_table SET ftoptions = '{path=/tplus/api/v2/saleOrder/Create}' WHERE ftrelid = 'unknown'::regclass;
EXECUTE p;
-- wherever the server begins
CREATE SERVER further FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://127.0.0.1:1/saleOrder/Create');
CREATE USER MAPPING FOR CURRENT_USER SERVER further OPTIONS (app_key 'operations', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE FOREIGN TABLE further (id bigint) SERVER further OPTIONS (path '/x');
SELECT * FROM further;
DROP FOREIGN TABLE further;
DROP USER MAPPING FOR CURRENT_USER SERVER further;
DROP SERVER further;
SELECT count(*) AS sent FROM sim.journal('operations');
ALTER FOREIGN TABLE writes OPTIONS (SET path '/tplus/api/v2/inventory/Query');
SELECT count(*), max(code) IS NOT NULL AS code FROM writes;
DROP FOREIGN TABLE writes, unknown;
SELECT count(*) > 0 AS sent FROM sim.journal('operations');

--
-- Parameters that a read sets
--
CREATE FOREIGN TABLE item (id bigint) SERVER operations OPTIONS (resource 'inventory', fixed_params '{"Code": "A", "Ts": "0"}');
CREATE FOREIGN TABLE item (id bigint) SERVER operations OPTIONS (resource 'inventory', fixed_params '{"pagesize": 10}');
CREATE FOREIGN TABLE item (id bigint) SERVER operations OPTIONS (resource 'inventory', fixed_params '{"PageIndex.x": 1}');
CREATE FOREIGN TABLE item (id bigint) SERVER operations OPTIONS (resource 'inventory', variants '[{}, {"SelectFields": "ID"}]');
CREATE FOREIGN TABLE item (id bigint OPTIONS (filter 'PageIndex')) SERVER operations OPTIONS (resource 'inventory');
CREATE FOREIGN TABLE item (version text OPTIONS (filter 'TS')) SERVER operations OPTIONS (path '/tplus/api/v2/inventory/Query');
CREATE FOREIGN TABLE item (id bigint) SERVER operations OPTIONS (resource 'inventory', fixed_params '{"Code": "A", "code": "B"}');
CREATE FOREIGN TABLE item (id bigint) SERVER operations
  OPTIONS (resource 'inventory', fixed_params '{"InventoryClass": {"Code": "A"}, "inventoryclass.Name": "B"}');
CREATE FOREIGN TABLE item (id bigint) SERVER operations OPTIONS (resource 'inventory', fixed_params '{"Code": "A", "Name": "x", "C\u006fde": "B"}');
CREATE FOREIGN TABLE item (id bigint) SERVER operations OPTIONS (resource 'inventory', fixed_params '{"Warehouse": [{"Code": "A", "code": "B"}]}');
CREATE FOREIGN TABLE item (id bigint) SERVER operations OPTIONS (resource 'inventory', variants '[{"Disabled": false, "Disabled": true}]');
SELECT restore('item', 'id bigint', $$resource 'inventory', fixed_params '{"Code": "A", "Code": "B"}'$$);
ALTER FOREIGN TABLE item OPTIONS (ADD paging 'none');
DROP FOREIGN TABLE item;
-- what only sounds like it
CREATE FOREIGN TABLE item (id bigint) SERVER operations
  OPTIONS (resource 'inventory', fixed_params '{"TsBegin": 1, "Page": 1, "InventoryClass.Code": "01", "InventoryClass.Name": "x"}');
ALTER FOREIGN TABLE item OPTIONS (SET fixed_params '{"PageSize": 1}');
DROP FOREIGN TABLE item;
-- of an earlier version: all records come, whatever the paging
SELECT restore('item', 'id bigint, code text OPTIONS (filter ''PageIndex''), ts text OPTIONS (filter ''ts'')', $$resource 'inventory',
  fixed_params '{"Ts": "ffffffffffffffff", "PageSize": 3, "PageIndex": 2, "SelectFields": "Code"}', variants '[{"Disabled": false, "pageSize": 2}, {"Disabled": true}]'$$);
SELECT count(*), count(code) FROM item;
ALTER FOREIGN TABLE item OPTIONS (ADD paging 'none');
SELECT count(*), count(code) FROM item;
ALTER FOREIGN TABLE item OPTIONS (SET paging 'page');
ALTER FOREIGN TABLE item ALTER code OPTIONS (ADD label 'x');
SELECT count(*), count(code) FROM item;
SELECT count(*) FROM item WHERE ts = (SELECT min(ts) FROM item);
SELECT count(*) FROM item WHERE code = (SELECT min(code) FROM item);
ALTER FOREIGN TABLE item ALTER code OPTIONS (DROP filter), OPTIONS (DROP fixed_params, SET variants 'auto');
ALTER FOREIGN TABLE item ALTER code OPTIONS (ADD filter 'PageIndex');
DROP FOREIGN TABLE item;

--
-- Two parts of one object
--
CREATE FOREIGN TABLE item (id bigint, classcode text OPTIONS (field 'InventoryClassCode', filter 'InventoryClass.Code'),
    classname text OPTIONS (field 'InventoryClassName', filter 'InventoryClass.Name')) SERVER operations
  OPTIONS (resource 'inventory', variants 'none', paging 'none');
SELECT count(*) > 0 AS sent FROM sim.journal('operations');
SELECT count(*) FROM item WHERE classcode = 'a' AND classname = 'b';
SELECT sim.sent('operations');
ALTER FOREIGN TABLE item OPTIONS (ADD fixed_params '{"InventoryClass": {"Name": "c"}}');
SELECT count(*) FROM item WHERE classcode = 'a';
SELECT sim.sent('operations');

SET client_min_messages = warning;
DROP SCHEMA operations CASCADE;
DROP SERVER operations CASCADE;
