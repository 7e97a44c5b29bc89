--
-- IMPORT FOREIGN SCHEMA and what it makes
--
\set ECHO none
\i test/lib/regress.sql
\pset null '(null)'
CREATE SCHEMA import;
SET search_path = import, public;
CREATE SERVER import FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url :'sim_url', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER import
  OPTIONS (app_key 'import', app_secret 'sim-secret', open_token 'sim-open-token');

IMPORT FOREIGN SCHEMA tplus FROM SERVER import INTO import;
SELECT c.relname, s.srvname, regexp_replace(t.ftoptions::text, 'page_(rows|bytes)=\d+', 'page_\1=…', 'g') AS ftoptions
  FROM pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid JOIN pg_foreign_server s ON s.oid = t.ftserver
 WHERE c.relnamespace = 'import'::regnamespace ORDER BY 1;
-- no option is unknown to the validator, no column has a name that needs quotes
SELECT a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) AS type, o.field, o.label, o.others
  FROM pg_attribute a,
       LATERAL (SELECT max(option_value) FILTER (WHERE option_name = 'field') AS field,
                       max(option_value) FILTER (WHERE option_name = 'label') AS label,
                       count(*) FILTER (WHERE option_name NOT IN ('field', 'label')) AS others
                  FROM pg_options_to_table(a.attfdwoptions)) AS o
 WHERE a.attrelid = 'inventory'::regclass AND a.attnum > 0 ORDER BY a.attnum;
SELECT attname FROM pg_attribute WHERE attrelid = 'inventory'::regclass AND attnum > 0 AND attname <> quote_ident(attname);

-- the fields that the integration case selects are all there, by its spelling
-- as a field and by that without dots as an unquoted column
CREATE TABLE wanted AS
  SELECT field FROM unnest(string_to_array('ID,Code,Name,Shorthand,Specification,DefaultBarCode,InventoryClass.Code,InventoryClass.Name,Unit.Code,Unit.Name,BaseUnitCode,BaseUnitName,ProductInfo.ID,ProductInfo.Code,ProductInfo.Name,Disabled,UnitByPurchase.Code,UnitByPurchase.Name,UnitBySale.Code,UnitBySale.Name,UnitByStock.Code,UnitByRetail.Code,UnitByRetail.Name,UnitByManufacture.Code,UnitByManufacture.Name,ExpiredUnitName,CreatedTime,MadeRecordDate,Expired,priuserdefnvc1,priuserdefnvc2,priuserdefnvc3,priuserdefnvc4,IsBatch,IsQualityPeriod,Userfreeitem1,freeitembriefinfo', ',')) AS field;
SELECT count(*) FROM wanted;
SELECT field FROM wanted
 WHERE field NOT IN (SELECT option_value FROM pg_attribute a, pg_options_to_table(a.attfdwoptions)
                      WHERE attrelid = 'inventory'::regclass AND option_name = 'field');
SELECT field FROM wanted WHERE lower(replace(field, '.', '')) NOT IN
  (SELECT attname FROM pg_attribute WHERE attrelid = 'inventory'::regclass AND attnum > 0);
-- and T+ is asked for them as the case asks for them
SELECT sim.tenant('import', '{"records": 20}');
SELECT format('SELECT %s FROM inventory', string_agg(replace(field, '.', ''), ', ')) AS case_query FROM wanted \gset
CREATE TABLE read AS :case_query;
SELECT count(*), count(DISTINCT id), count(DISTINCT code) FROM read;
SELECT string_agg(field, ',') AS not_asked FROM wanted
 WHERE field NOT IN (SELECT unnest(string_to_array(s, ',')) FROM sim.selected('import') AS s);
SELECT ID, Code, InventoryClassName, MadeRecordDate FROM inventory WHERE MadeRecordDate >= '2100-01-01';

--
-- Labels become comments
--
SELECT tplus.comment_columns('inventory') = count(*) AS all FROM pg_attribute WHERE attrelid = 'inventory'::regclass AND attnum > 0;
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
 WHERE attrelid = 'inventory'::regclass AND attname IN ('id', 'code', 'inventoryclassname', 'issale', 'ismaterial', 'maderecorddate', 'ts') ORDER BY attnum;
CREATE FOREIGN TABLE "Own ""table" ("A column" text OPTIONS (field 'Code', label 'it''s a "label"'), b text) SERVER import OPTIONS (resource 'inventory');
SELECT tplus.comment_columns('"Own ""table"');
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = '"Own ""table"'::regclass AND attnum > 0;
SELECT tplus.comment_columns('wanted');
SELECT tplus.comment_columns(NULL);
SELECT tplus.comment_columns(0);
CREATE ROLE regress_tplus_import;
GRANT USAGE ON SCHEMA import TO regress_tplus_import;
SET ROLE regress_tplus_import;
SELECT tplus.comment_columns('import.inventory');
RESET ROLE;

--
-- LIMIT TO, EXCEPT
--
CREATE SCHEMA limited;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER import INTO limited;
SELECT relname FROM pg_class WHERE relnamespace = 'limited'::regnamespace;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER import INTO limited;
DROP FOREIGN TABLE limited.inventory;
IMPORT FOREIGN SCHEMA tplus EXCEPT (inventory) FROM SERVER import INTO limited;
SELECT relname FROM pg_class WHERE relnamespace = 'limited'::regnamespace AND relname = 'inventory';
-- what is named must exist
IMPORT FOREIGN SCHEMA tplus EXCEPT (inventory, nonsense) FROM SERVER import INTO limited;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (nonsense) FROM SERVER import INTO limited;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory, nonsense) FROM SERVER import INTO limited;
IMPORT FOREIGN SCHEMA tplus LIMIT TO ("Inventory") FROM SERVER import INTO limited;
SELECT relname FROM pg_class WHERE relnamespace = 'limited'::regnamespace AND relname = 'inventory';

--
-- Wrong schema, wrong options, nobody's rights
--
IMPORT FOREIGN SCHEMA public FROM SERVER import INTO limited;
IMPORT FOREIGN SCHEMA "TPlus" FROM SERVER import INTO limited;
IMPORT FOREIGN SCHEMA tplus FROM SERVER import INTO limited OPTIONS (nonsense 'true');
IMPORT FOREIGN SCHEMA tplus FROM SERVER import INTO nowhere;
IMPORT FOREIGN SCHEMA tplus FROM SERVER nowhere INTO limited;
SET ROLE regress_tplus_import;
IMPORT FOREIGN SCHEMA tplus FROM SERVER import INTO limited;
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER import TO regress_tplus_import;
GRANT USAGE, CREATE ON SCHEMA limited TO regress_tplus_import;
-- a role without a mapping can import; it just cannot read
SET ROLE regress_tplus_import;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER import INTO limited;
RESET ROLE;
SELECT relowner::regrole FROM pg_class WHERE oid = 'limited.inventory'::regclass;
-- names that need quotes
CREATE SCHEMA "Odd ""schema";
CREATE SERVER "Odd ""server" FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'https://erp.example');
CREATE ROLE regress_tplus_odd SUPERUSER;
SET ROLE regress_tplus_odd;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER "Odd ""server" INTO "Odd ""schema";
RESET ROLE;
SELECT count(*) > 0 AS columns FROM pg_attribute WHERE attrelid = '"Odd ""schema".inventory'::regclass;

\set ECHO none
SET client_min_messages = error;
DROP SERVER import, "Odd ""server" CASCADE;
DROP SCHEMA import, limited, "Odd ""schema" CASCADE;
DROP OWNED BY regress_tplus_import;
DROP ROLE regress_tplus_odd;
DROP ROLE regress_tplus_import;
