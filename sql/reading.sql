--
-- Reading: what PostgreSQL can do with a foreign table, it can do with these
--
\set ECHO none
\i test/lib/regress.sql
\pset null '(null)'
SET timezone = 'UTC';
SELECT sim.tenant('reading', '{"records": 300, "switches": {"numbers": "text"}}');

CREATE SCHEMA reading;
CREATE SERVER reading FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'sim_url', requests_per_second '0', page_size '100');
CREATE USER MAPPING FOR CURRENT_USER SERVER reading
  OPTIONS (app_key 'reading', app_secret 'sim-secret', open_token 'sim-open-token');
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER reading INTO reading
  OPTIONS (calibrate 'false');
SET search_path = reading, public;

--
-- A full read against a copy of the simulator's records
--
SET timezone = 'Asia/Shanghai';
CREATE TABLE item AS
  SELECT (jsonb_populate_record(NULL::inventory,
                                r || jsonb_build_object('userfreeitem1', initcap(r ->> 'userfreeitem1')))).*
    FROM sim.records('reading') AS r;
SET timezone = 'UTC';
SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE disabled) AS stopped FROM item;

CREATE TABLE copied (LIKE item);
CREATE FUNCTION differences(OUT missing bigint, OUT extra bigint) LANGUAGE sql AS $$
  TRUNCATE copied;
  INSERT INTO copied SELECT * FROM inventory;
  SELECT (SELECT count(*) FROM (TABLE item EXCEPT ALL TABLE copied) AS m),
         (SELECT count(*) FROM (TABLE copied EXCEPT ALL TABLE item) AS e)
$$;
SELECT * FROM differences();
SELECT count(*) FROM inventory;

-- what the server spells otherwise is the same to us; the catalog has text
-- where a server may send a name or a flag, and text stays what it is
ALTER FOREIGN TABLE inventory ALTER taxrate TYPE numeric, ALTER userfreeitem1 TYPE boolean;
ALTER TABLE item ALTER taxrate TYPE numeric USING taxrate::numeric,
  ALTER userfreeitem1 TYPE boolean USING userfreeitem1::boolean;
ALTER TABLE copied ALTER taxrate TYPE numeric USING NULL, ALTER userfreeitem1 TYPE boolean USING NULL;
CREATE FUNCTION differences(switches json, OUT missing bigint, OUT extra bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM sim.tenant('reading', json_build_object('records', 300, 'switches', switches));
  SELECT d.missing, d.extra INTO missing, extra FROM differences() AS d;
END
$$;
SET client_min_messages = error;
SELECT switches, missing, extra
  FROM unnest(ARRAY['{"shape": "Data"}', '{"shape": "data.Rows"}', '{"shape": "result"}', '{"shape": "result_text"}',
                    '{"shape": "value"}', '{"shape": "DataSource.Rows"}',
                    '{"refs": "nested"}', '{"refs": "dotted"}', '{"refs": "nested", "nulls": "absent"}',
                    '{"bools": "truefalse"}', '{"bools": "json"}', '{"bools": "01"}', '{"bools": "int"}', '{"bools": "cn"}',
                    '{"numbers": "text6"}', '{"numbers": "json"}', '{"numbers": "json6"}', '{"numbers": "exp"}',
                    '{"ids": "int"}', '{"ts_key": "TS"}', '{"custom_fields": "dynamic"}',
                    '{"dates": "datetime"}', '{"dates": "t"}', '{"dates": "datetime", "made_time": true}',
                    '{"escape": "ascii", "spacing": "spaced"}', '{"spacing": "lines", "gzip": "on"}',
                    '{"transfer": "chunked", "chunk_bytes": 7, "bom": true}', '{"transfer": "close"}',
                    '{"select_fields": "ignored"}', '{"unknown_select": "null"}'
                   ]::json[]) AS switches,
       LATERAL differences(switches);
RESET client_min_messages;

--
-- Tables made by hand: any subset, in any order, by any name and type
--
SELECT sim.tenant('reading', '{"records": [
  {"ID": 1, "Code": "A-1", "Name": "螺栓", "Specification": "M8", "InventoryClass": {"Code": "01", "Name": "紧固件"},
   "Disabled": false, "MadeRecordDate": "2026-01-31", "CreatedTime": "2026-01-31 23:30:00", "AvagCost": "1.250000",
   "Expired": "12", "IsSale": true, "NewProductPeriod": 90, "Ts": "00000000000000a1"},
  {"ID": 2, "Code": "A-2", "Name": "垫圈", "Specification": "", "InventoryClass": {"Code": "01", "Name": "紧固件"},
   "Disabled": true, "MadeRecordDate": "2026-02-28", "AvagCost": "12345678901234567890.123456", "Ts": "00000000000000a2"},
  {"ID": 9007199254740993, "Code": "B-1", "Name": "O''Neill \"3/4\" \\ 𠮷", "InventoryClass": {"Code": "02", "Name": "轴承"},
   "Disabled": false, "MadeRecordDate": "1999-12-31", "AvagCost": "0.12345678901234567890", "Ts": "00000000000000a3"}],
  "switches": {"numbers": "text"}}');
CREATE FOREIGN TABLE handmade (
  everything jsonb OPTIONS (field '*'),
  "class" varchar(10) OPTIONS (field 'InventoryClass.Code'),
  "InventoryClassName" text,
  price numeric(30, 2) OPTIONS (field 'AvagCost'),
  price_text text OPTIONS (field 'AvagCost'),
  price_float float8 OPTIONS (field 'AvagCost'),
  code text COLLATE "C",
  made date OPTIONS (field 'MadeRecordDate'),
  made_text text OPTIONS (field 'MadeRecordDate'),
  made_stamp timestamp OPTIONS (field 'MadeRecordDate'),
  made_tz timestamptz OPTIONS (field 'MadeRecordDate'),
  created_date date OPTIONS (field 'CreatedTime'),
  created time OPTIONS (field 'CreatedTime'),
  id numeric,
  id_text text OPTIONS (field 'ID'),
  disabled text,
  stopped boolean OPTIONS (field 'Disabled'),
  sale int OPTIONS (field 'IsSale'),
  period interval OPTIONS (field 'NewProductPeriod'),
  nothing text OPTIONS (field 'NoSuchField')
) SERVER reading OPTIONS (resource 'inventory');
\x
SELECT class, "InventoryClassName", price, price_text, price_float, code, made, made_text, made_stamp, made_tz,
       created_date, created, id, id_text, disabled, stopped, nothing
  FROM handmade ORDER BY id;
\x
SELECT sim.selected('reading');
SELECT everything ->> 'ID' AS id, everything ->> 'Code' AS code, everything ->> 'AvagCost' AS cost,
       everything ->> 'InventoryClassCode' AS class, everything ? 'NoSuchField' AS nothing
  FROM handmade ORDER BY everything ->> 'Ts';
SELECT sale FROM handmade WHERE code = 'A-1';
-- numbers in the whole record stay exact
SELECT sim.switches('reading', '{"numbers": "json", "ids": "int"}');
SELECT everything -> 'ID' AS id, everything -> 'AvagCost' AS cost FROM handmade ORDER BY everything -> 'ID';

-- a column that does not fit
CREATE FOREIGN TABLE narrow (id int, code varchar(2)) SERVER reading OPTIONS (resource 'inventory');
SELECT code FROM narrow;
SELECT id FROM narrow;
SELECT count(*) FROM narrow;

-- no column at all
CREATE FOREIGN TABLE empty () SERVER reading OPTIONS (resource 'inventory');
SELECT count(*) FROM empty;
SELECT FROM empty;
TABLE empty;

-- columns dropped, added, retyped, renamed
CREATE FOREIGN TABLE changing (a text, code text, b int, id bigint) SERVER reading OPTIONS (resource 'inventory');
ALTER FOREIGN TABLE changing DROP COLUMN a, DROP COLUMN b, ADD COLUMN name text, ADD COLUMN cost numeric OPTIONS (field 'AvagCost');
SELECT * FROM changing ORDER BY id;
ALTER FOREIGN TABLE changing ALTER cost TYPE text, ALTER name OPTIONS (ADD field 'Specification');
ALTER FOREIGN TABLE changing RENAME name TO spec;
SELECT changing, changing.* FROM changing ORDER BY id;
SELECT sim.selected('reading');

-- generated columns are computed from what is read, whatever they are called
ALTER FOREIGN TABLE changing
  ADD COLUMN both_of_them text GENERATED ALWAYS AS (code || '/' || coalesce(spec, '')) STORED,
  ADD COLUMN shorthand text GENERATED ALWAYS AS (lower(code)) STORED;
SELECT both_of_them, shorthand FROM changing ORDER BY both_of_them;
SELECT id FROM changing WHERE both_of_them = 'A-1/M8';
SELECT id FROM changing WHERE shorthand = 'a-2';
SELECT sim.sent('reading');

-- domains, NOT NULL and CHECK
CREATE DOMAIN item_code AS text CHECK (VALUE ~ '^[A-Z]-[0-9]$');
CREATE DOMAIN not_b AS text CHECK (VALUE !~ '^B');
CREATE DOMAIN always AS text NOT NULL;
CREATE FOREIGN TABLE constrained (
  id bigint NOT NULL, code item_code, code2 not_b OPTIONS (field 'Code'), spec always OPTIONS (field 'Specification'),
  missing text OPTIONS (field 'Shorthand') NOT NULL, CHECK (id < 10)
) SERVER reading OPTIONS (resource 'inventory');
SELECT code FROM constrained ORDER BY code;
SELECT code FROM constrained WHERE code = 'A-1';
SELECT code2 FROM constrained;
SELECT spec FROM constrained;
-- as PostgreSQL documents, constraints of a foreign table are declarations
SELECT id, missing FROM constrained ORDER BY id;
SET constraint_exclusion = on;
SELECT id FROM constrained WHERE id > 10;
RESET constraint_exclusion;

--
-- Partitions and inheritance
--
SELECT sim.tenant('reading', '{"records": 60, "switches": {"numbers": "text"}}');
TRUNCATE item;
INSERT INTO item (id, code, name, inventoryclasscode, disabled, maderecorddate, avagcost, ts)
  SELECT id, code, name, inventoryclasscode, disabled, maderecorddate, avagcost, ts
    FROM sim.records('reading') AS r, jsonb_populate_record(NULL::item, r);
CREATE TABLE part (id bigint, code text, name text, disabled boolean) PARTITION BY LIST (disabled);
CREATE FOREIGN TABLE part_active PARTITION OF part FOR VALUES IN (false)
  SERVER reading OPTIONS (resource 'inventory', fixed_params '{"Disabled": false}');
CREATE FOREIGN TABLE part_stopped (disabled boolean, extra text, name text, id bigint, code text)
  SERVER reading OPTIONS (resource 'inventory', fixed_params '{"Disabled": true}');
ALTER FOREIGN TABLE part_stopped DROP COLUMN extra;
ALTER TABLE part ATTACH PARTITION part_stopped FOR VALUES IN (true);
CREATE TABLE part_local PARTITION OF part DEFAULT;
INSERT INTO part_local VALUES (-1, 'LOCAL', 'of our own', NULL);
SELECT tableoid::regclass, count(*), count(DISTINCT id) FROM part GROUP BY 1 ORDER BY tableoid::regclass::text;
SELECT id, code, name, disabled FROM part WHERE disabled IS NOT NULL
EXCEPT ALL SELECT id, code, name, disabled FROM item;
SELECT sim.sent('reading');
SELECT count(*) FROM part WHERE disabled;
SELECT sim.sent('reading');
SELECT p.tableoid::regclass, p.code = i.code AS same, p.name = i.name AS same FROM part p JOIN item i USING (id)
 WHERE i.code IN (SELECT code FROM part WHERE disabled ORDER BY id LIMIT 1);
INSERT INTO part VALUES (1, 'x', 'y', false);
UPDATE part SET name = 'z' WHERE id = 1;
DELETE FROM part_active;
DROP TABLE part;

CREATE TABLE parent (code text, name text);
INSERT INTO parent VALUES ('LOCAL', 'of our own');
CREATE FOREIGN TABLE child (id bigint) INHERITS (parent) SERVER reading OPTIONS (resource 'inventory');
SELECT tableoid::regclass, count(*) FROM parent GROUP BY 1 ORDER BY tableoid::regclass::text;
SELECT count(*) FROM ONLY parent;
SELECT p.code, p.name FROM parent p EXCEPT ALL SELECT code, name FROM item;
ALTER TABLE parent ADD COLUMN inventoryclasscode text;
SELECT count(inventoryclasscode) FROM parent;
DROP TABLE parent CASCADE;

--
-- Whole rows and system columns
--
CREATE FOREIGN TABLE small (id bigint, code text, disabled boolean) SERVER reading OPTIONS (resource 'inventory');
SELECT s FROM small s JOIN item USING (id) WHERE s IS DISTINCT FROM ROW(item.id, item.code, item.disabled)::small;
SELECT count(s), count(DISTINCT s), min(pg_typeof(s)::text) FROM small s;
SELECT DISTINCT tableoid::regclass FROM small;
SELECT count(*) FROM small WHERE tableoid = 'small'::regclass;
SELECT count(*) FROM small WHERE tableoid <> 'small'::regclass;
SELECT ctid FROM small LIMIT 1;
SELECT xmin FROM small LIMIT 1;

--
-- Joins, limits, cursors
--
SELECT count(*) FROM small s JOIN item i ON s.id = i.id AND s.code = i.code;
SELECT count(*) FROM small a JOIN small b USING (id);
SELECT count(*) FROM small s LEFT JOIN (SELECT * FROM item WHERE disabled) i USING (id) WHERE i.id IS NULL;
SELECT count(*) FROM item i WHERE NOT EXISTS (SELECT FROM small s WHERE s.code = i.code);
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT count(*) FROM (SELECT * FROM item WHERE disabled) i JOIN small s USING (id);
SELECT i.code, (SELECT count(*) FROM small s WHERE s.code = i.code) AS found
  FROM (SELECT code FROM item ORDER BY id LIMIT 3) i ORDER BY 1;
SELECT count(*) FROM (SELECT * FROM item ORDER BY id LIMIT 3) i, LATERAL (SELECT * FROM small s WHERE s.id >= i.id) AS l
  WHERE l.id = i.id;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
SELECT count(*) FROM (SELECT * FROM small LIMIT 7) AS l;
SELECT count(*) FROM (SELECT * FROM small OFFSET 57) AS l;
SELECT count(*) FROM (SELECT id FROM small UNION ALL SELECT id FROM small) AS u;
SELECT disabled, count(*) = (SELECT count(*) FROM item WHERE item.disabled = small.disabled) AS right
  FROM small GROUP BY disabled ORDER BY disabled;
SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY id), code FROM small) AS w;
WITH RECURSIVE r AS (SELECT min(id) AS id FROM small UNION ALL
                     SELECT (SELECT min(id) FROM small s WHERE s.id > r.id) FROM r WHERE r.id IS NOT NULL AND r.id < 4)
SELECT count(*) > 1 AS more FROM r;

BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM small ORDER BY id;
FETCH ABSOLUTE 60 FROM c \gset first_
FETCH ABSOLUTE 1 FROM c \gset last_
SELECT :first_id = max(id) AS last, :last_id = min(id) AS first FROM item;
CLOSE c;
DECLARE c SCROLL CURSOR FOR SELECT id FROM small;
FETCH 2 FROM c \g /dev/null
MOVE FORWARD ALL IN c;
FETCH BACKWARD 1 FROM c \gset
MOVE ABSOLUTE 59 IN c;
FETCH c \gset again_
SELECT :id = :again_id AS same;
CLOSE c;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM small;
SAVEPOINT s;
DECLARE c CURSOR FOR SELECT id FROM small;
FETCH c \gset
ROLLBACK TO s;
COMMIT;
MOVE ALL IN held;
CLOSE held;

--
-- Prepared statements, PL/pgSQL
--
PREPARE by_code (text) AS SELECT count(*) FROM small WHERE code = $1;
SELECT code FROM item ORDER BY id LIMIT 1 \gset
SET plan_cache_mode = force_custom_plan;
EXECUTE by_code(:'code');
EXECUTE by_code('none');
EXECUTE by_code(NULL);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_code(:'code');
EXECUTE by_code('none');
EXECUTE by_code(NULL);
RESET plan_cache_mode;
-- a plan follows the table's options
ALTER FOREIGN TABLE small ALTER code OPTIONS (field 'Name');
EXECUTE by_code(:'code');
ALTER FOREIGN TABLE small ALTER code OPTIONS (SET field 'Code');
EXECUTE by_code(:'code');
ALTER SERVER reading OPTIONS (SET page_size '20');
EXECUTE by_code(:'code');
DEALLOCATE by_code;

CREATE FUNCTION codes(wanted boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  row small;
BEGIN
  FOR row IN SELECT * FROM small WHERE disabled = wanted LOOP
    IF EXISTS (SELECT FROM small s WHERE s.id = row.id) THEN
      RETURN NEXT row.code;
    END IF;
  END LOOP;
END
$$;
SELECT codes(true) EXCEPT SELECT code FROM item WHERE disabled;
SELECT count(*) = (SELECT count(*) FROM item WHERE disabled) AS all FROM codes(true);
DO $$
DECLARE
  n int;
BEGIN
  SELECT count(*) INTO n FROM small;
  BEGIN
    SELECT 1 / (id - id) INTO n FROM small;
  EXCEPTION WHEN division_by_zero THEN
    SELECT count(*) INTO n FROM small;
    RAISE NOTICE 'after an error there are % rows', n;
  END;
END
$$;
CREATE FUNCTION fails(bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE 'no value'; END $$;
SELECT count(*) FROM small WHERE id = fails(1);
SELECT count(*) FROM small;

--
-- Locking clauses, writing
--
SELECT count(*) FROM (SELECT * FROM small FOR UPDATE) AS l;
SELECT count(*) FROM (SELECT s.id FROM small s JOIN item i USING (id) FOR SHARE OF s) AS l;
SELECT count(*) FROM (SELECT s.id FROM small s JOIN item i USING (id) FOR UPDATE OF i SKIP LOCKED) AS l;
INSERT INTO small VALUES (1, 'A', false);
UPDATE small SET code = 'B';
DELETE FROM small;
TRUNCATE small;
CREATE INDEX ON small (id);

--
-- INSERT ... SELECT ... ON CONFLICT, the main job
--
CREATE TABLE target (id bigint PRIMARY KEY, code text UNIQUE, name text, made date, loaded int DEFAULT 1);
INSERT INTO target (id, code, name, made)
  SELECT id, code, name, maderecorddate FROM inventory WHERE NOT disabled;
SELECT count(*) = (SELECT count(*) FROM item WHERE NOT disabled) AS all FROM target;
UPDATE target SET name = 'stale', code = code || '!' WHERE id % 2 = 0;
INSERT INTO target (id, code, name, made)
  SELECT id, code, name, maderecorddate FROM inventory
ON CONFLICT (id) DO UPDATE SET code = excluded.code, name = excluded.name, made = excluded.made, loaded = target.loaded + 1
  WHERE (target.code, target.name, target.made) IS DISTINCT FROM (excluded.code, excluded.name, excluded.made);
SELECT id, code, name, made FROM target EXCEPT ALL SELECT id, code, name, maderecorddate FROM item;
SELECT count(*) = (SELECT count(*) FROM item) AS all, bool_and((loaded = 2) = (id % 2 = 0 AND NOT disabled)) AS written
  FROM target JOIN item USING (id);
INSERT INTO target (id, code, name) SELECT id, code, name FROM inventory ON CONFLICT DO NOTHING;
MERGE INTO target t USING inventory s ON t.id = s.id
  WHEN MATCHED AND s.disabled THEN DELETE
  WHEN MATCHED THEN UPDATE SET loaded = 9
  WHEN NOT MATCHED THEN INSERT (id, code) VALUES (s.id, s.code);
SELECT count(*) = (SELECT count(*) FROM item WHERE NOT disabled) AS left, min(loaded) FROM target;
CREATE MATERIALIZED VIEW kept AS SELECT id, code FROM inventory WITH NO DATA;
REFRESH MATERIALIZED VIEW kept;
CREATE UNIQUE INDEX ON kept (id);
REFRESH MATERIALIZED VIEW CONCURRENTLY kept;
SELECT count(*) FROM kept;
COPY (SELECT id FROM small ORDER BY id LIMIT 1) TO STDOUT;
COPY small (id) TO STDOUT;

--
-- Whose mapping: the user's, or that of the view's owner or of the definer
--
CREATE ROLE regress_tplus_reader;
CREATE ROLE regress_tplus_owner;
SELECT sim.tenant('reading-owner', '{"records": [{"ID": 1, "Code": "OWNER"}]}');
CREATE USER MAPPING FOR regress_tplus_owner SERVER reading
  OPTIONS (app_key 'reading-owner', app_secret 'sim-secret', open_token 'sim-open-token');
GRANT USAGE, CREATE ON SCHEMA reading TO regress_tplus_owner;
GRANT USAGE ON SCHEMA reading TO regress_tplus_reader;
GRANT SELECT ON small TO regress_tplus_owner;
SET ROLE regress_tplus_owner;
SELECT code FROM small;
CREATE VIEW owned AS SELECT code FROM small;
CREATE VIEW invoked WITH (security_barrier) AS SELECT code FROM owned WHERE code LIKE 'O%';
CREATE FUNCTION defined() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT code FROM reading.small';
CREATE FUNCTION called() RETURNS SETOF text LANGUAGE sql AS 'SELECT code FROM reading.small';
GRANT SELECT ON owned, invoked TO PUBLIC;
RESET ROLE;
SELECT code FROM owned;
SELECT count(*) FROM invoked;
SELECT defined();
SELECT count(called) FROM called();
SET ROLE regress_tplus_reader;
SELECT code FROM owned;
SELECT defined();
SELECT called();
SELECT code FROM small;
-- nor does a right to read bring a mapping
RESET ROLE;
GRANT SELECT ON small TO regress_tplus_reader;
SET ROLE regress_tplus_reader;
SELECT code FROM small;
EXPLAIN (COSTS OFF) SELECT code FROM small;
RESET ROLE;
CREATE VIEW asker WITH (security_invoker) AS SELECT code FROM small;
GRANT SELECT ON asker TO regress_tplus_owner;
SET ROLE regress_tplus_owner;
SELECT code FROM asker;
RESET ROLE;
SET SESSION AUTHORIZATION regress_tplus_owner;
SELECT code FROM small;
RESET SESSION AUTHORIZATION;
CREATE USER MAPPING FOR PUBLIC SERVER reading
  OPTIONS (app_key 'reading-owner', app_secret 'sim-secret', open_token 'sim-open-token');
SET ROLE regress_tplus_reader;
SELECT code FROM small;
RESET ROLE;
SELECT count(*) FROM small;
-- a cached plan is not bound to who made it
PREPARE counted AS SELECT count(*) FROM small;
EXECUTE counted;
SET ROLE regress_tplus_owner;
EXECUTE counted;
RESET ROLE;
EXECUTE counted;
DEALLOCATE counted;
DROP USER MAPPING FOR PUBLIC SERVER reading;
DROP VIEW asker, invoked, owned;
DROP FUNCTION defined(), called();
DROP USER MAPPING FOR regress_tplus_owner SERVER reading;
DROP OWNED BY regress_tplus_owner, regress_tplus_reader;
DROP ROLE regress_tplus_owner, regress_tplus_reader;

--
-- EXPLAIN
--
ALTER SERVER reading OPTIONS (SET page_size '500');
CREATE FUNCTION explained(query text, options text DEFAULT 'VERBOSE, COSTS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
    -- times, bytes and what versions of PostgreSQL add differ
    CONTINUE WHEN line ~ '^ *(Planning|Execution|Buffers|Memory)';
    line := regexp_replace(line, '(T\+ [A-Z][a-z]* Time: )[0-9.]+', '\1N');
    line := regexp_replace(line, '(T\+ Bytes [A-Za-z]*: )[0-9]+', '\1N');
    RETURN NEXT regexp_replace(line, '(rows=[0-9]+)\.00', '\1');
  END LOOP;
END
$$;
EXPLAIN (COSTS OFF) SELECT * FROM small WHERE code = 'x';
SELECT explained('SELECT code FROM small');
SELECT explained('SELECT count(*) FROM small WHERE code = ''x'' AND id > 5');
SELECT explained('SELECT code FROM small WHERE disabled');
SELECT explained('SELECT code FROM small WHERE code = current_setting(''server_encoding'')');
SELECT explained('SELECT v FROM (VALUES (''a'')) AS v (code), LATERAL (SELECT * FROM small s WHERE s.code = v.code OFFSET 0) AS l');
PREPARE by_code (text) AS SELECT id FROM small WHERE code = $1;
SET plan_cache_mode = force_generic_plan;
SELECT explained('EXECUTE by_code(''x'')');
SET plan_cache_mode = force_custom_plan;
SELECT explained('EXECUTE by_code(''x'')');
SELECT explained('EXECUTE by_code(NULL)');
RESET plan_cache_mode;
DEALLOCATE by_code;
SELECT explained('SELECT id FROM small WHERE code = current_setting(''no.such'', true)');
SELECT explained('SELECT id FROM small LIMIT 1', 'ANALYZE, TIMING OFF, COSTS OFF');
SELECT regexp_replace(l, '(Requests|Pages|Received): [0-9]+', '\1: N')
  FROM explained('SELECT id FROM small WHERE disabled', 'ANALYZE, VERBOSE, TIMING OFF, COSTS OFF') AS l;
SELECT explained('SELECT id FROM small WHERE code = current_setting(''no.such'', true)', 'ANALYZE, TIMING OFF, COSTS OFF');
SELECT l FROM explained('SELECT id FROM small WHERE disabled', 'ANALYZE') AS l WHERE l ~ 'T\+ (Bytes|.* Time)';
SELECT l FROM explained('SELECT nothing, everything FROM handmade') AS l WHERE l ~ 'Catalog';
CREATE FUNCTION explained_json(query text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan';
END
$$;
SELECT key, value FROM json_each(explained_json('SELECT id FROM small WHERE code = ''O''''Neill "x"'' AND id > 1'))
 WHERE key LIKE 'T+%';
SELECT explained('INSERT INTO target (id) SELECT id FROM small', 'COSTS OFF');
-- estimates
ALTER FOREIGN TABLE small OPTIONS (ADD rows '123');
SELECT explained_json('SELECT id FROM small') -> 'Plan Rows' AS rows,
       (explained_json('SELECT id FROM small WHERE code = ''x''') ->> 'Plan Rows')::int < 10 AS fewer;
ALTER FOREIGN TABLE small OPTIONS (DROP rows);

--
-- Operations that the catalog does not have
--
SELECT sim.tenant('reading', '{"records": 40, "switches": {"disabled_default": "all"}}');
CREATE FOREIGN TABLE warehouse (
  id int, code text, name text, type text OPTIONS (field 'WarehouseType.Code'), "WarehouseTypeName" text,
  memo text, admin text OPTIONS (field 'Admin.Name'), disabled boolean, ts text
) SERVER reading OPTIONS (path '/tplus/api/v2/warehouse/Query');
CREATE FOREIGN TABLE partner (
  id int, code text, "ShortHand" text, type text OPTIONS (field 'PartnerType.Code'), made date OPTIONS (field 'MadeRecordDate'),
  everything jsonb OPTIONS (field '*')
) SERVER reading OPTIONS (path '/tplus/api/v2/partner/Query', page_size '25');
CREATE FOREIGN TABLE partner_pages (id int, code text)
  SERVER reading OPTIONS (path '/tplus/api/v2/partner/QueryPage', paging 'page', page_size '25');
CREATE FOREIGN TABLE department (id int, code text, name text)
  SERVER reading OPTIONS (path '/tplus/api/v2/department/Query', body_key 'dto');
CREATE FOREIGN TABLE class (id int, code text, name text, key text OPTIONS (field 'Code'))
  SERVER reading OPTIONS (path '/tplus/api/v2/inventoryClass/Query', key 'Code', paging 'none');
SELECT id, code, name, type, "WarehouseTypeName", memo, admin, disabled FROM warehouse ORDER BY id LIMIT 3;
SELECT id, code, name, type, "WarehouseTypeName", memo, admin, disabled, ts FROM warehouse EXCEPT ALL
SELECT id, code, name, warehousetypecode, warehousetypename, memo, adminname, disabled, ts
  FROM sim.records('reading', 'warehouse') AS r, jsonb_to_record(r) AS
       (id int, code text, name text, warehousetypecode text, warehousetypename text, memo text, adminname text, disabled boolean, ts text);
SELECT count(*), (SELECT count(*) FROM sim.records('reading', 'warehouse')) AS expected FROM warehouse;
SELECT count(*), (SELECT count(*) FROM sim.records('reading', 'partner')) AS expected FROM partner;
SELECT id, code, "ShortHand", type, made FROM partner EXCEPT ALL
SELECT id, code, shorthand, partnertypecode, maderecorddate
  FROM sim.records('reading', 'partner') AS r,
       jsonb_to_record(r) AS (id int, code text, shorthand text, partnertypecode text, maderecorddate date);
SELECT count(*), count(DISTINCT code) FROM partner_pages;
SELECT jsonb_pretty(everything) FROM partner WHERE code = 'P00007';
SELECT count(*), (SELECT count(*) FROM sim.records('reading', 'department')) AS expected FROM department;
SELECT count(*), (SELECT count(*) FROM sim.records('reading', 'inventoryClass')) AS expected FROM class;
SELECT DISTINCT r ->> 'path' AS path, (SELECT string_agg(k, ',') FROM jsonb_object_keys(r -> 'body') AS k) AS body_key
  FROM sim.journal('reading') AS r ORDER BY 1;
-- a reference that is asked for flat may come in another way
SELECT sim.switches('reading', '{"refs": "nested"}');
SELECT id, "WarehouseTypeName", admin FROM warehouse ORDER BY id LIMIT 2;
SELECT sim.switches('reading', '{"refs": "dotted"}');
SELECT id, "WarehouseTypeName", admin FROM warehouse ORDER BY id LIMIT 2;
SELECT explained('SELECT * FROM department WHERE code = ''D01''');
-- a wrong body key, a wrong path
ALTER FOREIGN TABLE department OPTIONS (SET body_key 'param');
SELECT count(*) FROM department;
ALTER FOREIGN TABLE department OPTIONS (SET path '/tplus/api/v2/nosuch/Query');
SELECT count(*) FROM department;

--
-- fixed_params, select_fields, rows_path
--
ALTER SERVER reading OPTIONS (ADD max_retries '0');
SELECT sim.tenant('reading', '{"records": [
  {"ID": 1, "Code": "A", "Name": "x", "InventoryClass": {"Code": "01"}, "IsSale": true},
  {"ID": 2, "Code": "B", "Name": "x", "InventoryClass": {"Code": "01"}, "IsSale": false},
  {"ID": 3, "Code": "C", "Name": "y", "InventoryClass": {"Code": "02"}, "IsSale": true}]}');
ALTER FOREIGN TABLE small OPTIONS (ADD variants 'none', ADD fixed_params '{"InventoryClass": {"Code": "01"}, "IsSale": true}');
SELECT code FROM small;
SELECT code FROM small WHERE code = 'B';
SELECT sent FROM sim.sent('reading') AS sent WHERE sent <> '{}';
-- what is fixed is not overridden by a clause
ALTER FOREIGN TABLE small OPTIONS (SET fixed_params '{"Code": "A"}');
SELECT code FROM small WHERE code = 'B';
SELECT sent FROM sim.sent('reading') AS sent WHERE sent <> '{}';
ALTER FOREIGN TABLE small OPTIONS (SET fixed_params '{"InventoryClass": {"Name": "nobody"}}');
SELECT count(*) FROM small;
ALTER FOREIGN TABLE small ADD COLUMN class text OPTIONS (field 'InventoryClass.Code');
SELECT code FROM small WHERE class = '01';
SELECT sent FROM sim.sent('reading') AS sent WHERE sent <> '{}';
ALTER FOREIGN TABLE small OPTIONS (DROP fixed_params, DROP variants);
ALTER FOREIGN TABLE small DROP COLUMN class;

ALTER FOREIGN TABLE small OPTIONS (ADD select_fields 'none');
SELECT code FROM small ORDER BY code;
SELECT sim.selected('reading');
ALTER FOREIGN TABLE small OPTIONS (SET select_fields 'ID,Code,Disabled,Ts,Name');
SELECT code FROM small ORDER BY code;
SELECT sim.selected('reading');
ALTER FOREIGN TABLE small OPTIONS (SET select_fields 'Code,Disabled');
SELECT code FROM small;
ALTER FOREIGN TABLE small OPTIONS (DROP select_fields);

SELECT sim.switches('reading', '{"shape": "data.Rows"}');
SELECT code FROM small ORDER BY code;
ALTER FOREIGN TABLE small OPTIONS (ADD rows_path 'data.Rows');
SELECT code FROM small ORDER BY code;
ALTER FOREIGN TABLE small OPTIONS (SET rows_path 'data');
SELECT code FROM small;
ALTER FOREIGN TABLE small OPTIONS (SET rows_path 'no.such');
SELECT code FROM small;
ALTER FOREIGN TABLE small OPTIONS (DROP rows_path);
SELECT sim.switches('reading', '{"shape": "array"}');

--
-- Values that do not fit
--
CREATE FOREIGN TABLE strict (id bigint, code text, name varchar(3), made date OPTIONS (field 'MadeRecordDate'),
                             cost numeric(8, 2) OPTIONS (field 'AvagCost'), sale boolean OPTIONS (field 'IsSale'),
                             period smallint OPTIONS (field 'NewProductPeriod'))
  SERVER reading OPTIONS (resource 'inventory');
CREATE FOREIGN TABLE lenient (id bigint, code text, name varchar(3), made date OPTIONS (field 'MadeRecordDate'),
                              cost numeric(8, 2) OPTIONS (field 'AvagCost'), sale boolean OPTIONS (field 'IsSale'),
                              period smallint OPTIONS (field 'NewProductPeriod'),
                              problem jsonb OPTIONS (field '$error'))
  SERVER reading OPTIONS (resource 'inventory', on_error 'null');
SELECT sim.tenant('reading', '{"records": [
  {"ID": 1, "Code": "A", "Name": "abc", "MadeRecordDate": "2026-02-28", "AvagCost": "1.5", "IsSale": true, "NewProductPeriod": 90},
  {"ID": 2, "Code": "B", "Name": "abcd", "MadeRecordDate": "2026-02-30", "AvagCost": "1234567.5", "IsSale": false, "NewProductPeriod": 40000}]}');
SELECT name FROM strict;
SELECT made FROM strict;
SELECT cost FROM strict;
SELECT period FROM strict;
SELECT id, code FROM strict ORDER BY id;
SELECT id, code, name, made, cost, sale, period FROM lenient ORDER BY id;
SELECT id, jsonb_pretty(problem) FROM lenient ORDER BY id;
SELECT count(problem), count(*) FROM lenient;

--
-- Fields that do not come
--
SELECT sim.tenant('reading', '{"records": 40, "switches": {"drop_fields": ["Shorthand", "Unit.Name"]}}');
CREATE FOREIGN TABLE without (id int, code text, shorthand text, unitname text, nosuch text)
  SERVER reading OPTIONS (resource 'inventory');
SELECT count(*), count(shorthand), count(unitname), count(nosuch) FROM without;
SELECT count(id) FROM without;
SELECT l FROM explained('SELECT shorthand, nosuch FROM without', 'ANALYZE, VERBOSE') AS l WHERE l ~ 'Fields';
-- what a clause rests on must be there
SELECT sim.tenant('reading', '{"records": 40, "switches": {"drop_fields": ["Code"]}}');
SELECT count(*) FROM without WHERE code = 'x';
SELECT count(*) FROM without WHERE code LIKE '0%';
SELECT sim.tenant('reading', '{"records": 40, "switches": {"drop_fields": ["Disabled"]}}');
SELECT count(*) FROM without;
ALTER FOREIGN TABLE without OPTIONS (ADD variants 'none');
SELECT count(*) FROM without;
SELECT sim.tenant('reading', '{"records": 40, "switches": {"drop_fields": ["ID"]}}');
SELECT count(*) FROM without;
ALTER FOREIGN TABLE without OPTIONS (ADD on_missing_key 'generate');
SELECT count(*) FROM without;

\set ECHO none
SET client_min_messages = error;
DROP SERVER reading CASCADE;
DROP SCHEMA reading CASCADE;
