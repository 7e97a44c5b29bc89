--
-- Syncs: what can be said of one, combined with what else can be said of it,
-- and compared with what plain SQL says
--
\set ECHO none
\i test/lib/regress.sql
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT sim.tenant('combined', '{"records": 30}');
CREATE SERVER combined FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'sim_url', requests_per_second '0', page_size '20');
CREATE USER MAPPING FOR CURRENT_USER SERVER combined
  OPTIONS (app_key 'combined', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE SCHEMA combined;
SET search_path = combined, public;
CREATE FOREIGN TABLE erp (id bigint, code text, name text, day date OPTIONS (field 'MadeRecordDate'),
  disabled boolean, ts text) SERVER combined OPTIONS (resource 'inventory');

CREATE TABLE base (id bigint, code text, name text, day date, at timestamptz, amount text);
CREATE VIEW seen AS SELECT * FROM base;
CREATE FUNCTION good(amount text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT amount ~ '^\d+$' $$;

-- One combination: a first run; a run after changes; a full run, after which
-- the target is to be what plain SQL says.
CREATE PROCEDURE try(source text, keys text, cursor text, filter text, on_error text, deletes text, adopt boolean,
  mapping jsonb, INOUT wrong text)
LANGUAGE plpgsql AS $$
DECLARE
  condition text := coalesce(filter, 'true');
  difference text;
BEGIN
  TRUNCATE base;
  INSERT INTO base SELECT i, 'C' || i, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'no' ELSE 'yes' END,
    '2025-01-01'::date + i, '2025-01-01'::timestamptz + i * interval '1 day', i FROM generate_series(1, 12) i;
  IF on_error = 'quarantine' THEN
    INSERT INTO base VALUES (99, 'C99', 'yes', '2025-01-20', '2025-01-20', 'bad');
  END IF;
  EXECUTE format('CREATE TABLE target (id bigint, code text, name text, amount integer, deleted_at timestamptz, PRIMARY KEY (%s))', keys);
  INSERT INTO target VALUES (-1, 'ours', 'yes', 0);
  PERFORM tplus.create_sync('tried', source::regclass, 'target', cursor_column => cursor, filter => filter,
    on_error => on_error, deletes => deletes, adopt => adopt, mapping => mapping, delete_limit => 1, lag => '2 days');
  COMMIT;
  CALL tplus.sync('tried');
  INSERT INTO base VALUES (13, 'C13', 'yes', current_date, now(), 13), (14, 'C14', NULL, NULL, NULL, 14);
  UPDATE base SET name = 'yes', amount = 1000, day = current_date, at = now() WHERE id = 3;
  DELETE FROM base WHERE id = 7;
  COMMIT;
  CALL tplus.sync('tried');
  EXECUTE format('SELECT string_agg(b::text, '' '') FROM (SELECT id, code, name, amount::integer FROM base WHERE (%s) AND good(amount)
    EXCEPT SELECT id, code, name, amount FROM target) b', condition) INTO difference;
  wrong := concat_ws('; ', nullif(wrong, ''), 'missing after the second run: ' || difference);
  CALL tplus.sync('tried', "full" => true);
  EXECUTE format($f$
    WITH model AS (
      SELECT id, code, name, amount::integer, false AS marked FROM base WHERE (%1$s) AND good(amount)
      UNION ALL SELECT 7, 'C7', 'yes', 7, %2$L = 'mark' WHERE %2$L <> 'delete'
      UNION ALL SELECT -1, 'ours', 'yes', 0, %2$L = 'mark' AND %3$L WHERE %2$L <> 'delete' OR NOT %3$L)
    SELECT string_agg(x::text, ' ') FROM (
      (SELECT 'missing', * FROM (TABLE model EXCEPT SELECT id, code, name, amount, deleted_at IS NOT NULL FROM target) m)
      UNION ALL
      (SELECT 'extra', * FROM (SELECT id, code, name, amount, deleted_at IS NOT NULL FROM target EXCEPT TABLE model) e)) x$f$,
    condition, deletes, adopt) INTO difference;
  wrong := concat_ws('; ', nullif(wrong, ''), 'after a full run: ' || difference);
  IF (SELECT count(*) FROM tplus.sync_reject WHERE sync = 'tried') <> (on_error = 'quarantine')::integer THEN
    wrong := concat_ws('; ', nullif(wrong, ''), 'the wrong number of rejects');
  END IF;
  IF EXISTS (SELECT FROM tplus.sync_run WHERE sync = 'tried' AND status <> 'succeeded') THEN
    wrong := concat_ws('; ', nullif(wrong, ''), 'a run failed');
  END IF;
  PERFORM tplus.drop_sync('tried');
  DROP TABLE target;
  COMMIT;
END
$$;
CREATE PROCEDURE try_all() LANGUAGE plpgsql AS $$
DECLARE
  c record;
  n integer := 0;
  wrong text;
BEGIN
  FOR c IN
    SELECT row_number() OVER () AS i, * FROM unnest('{base,seen}'::text[]) AS source, unnest('{"id","id, code"}'::text[]) AS keys,
      unnest('{"",day,at}'::text[]) AS cursor, unnest(ARRAY[NULL, $f$name <> 'no'$f$, 'id <> 4 OR NULL']) AS filter,
      unnest('{stop,quarantine}'::text[]) AS on_error, unnest('{ignore,mark,delete}'::text[]) AS deletes,
      unnest('{false,true}'::boolean[]) AS adopt
  LOOP
    -- each thirteenth of them: so that each pair of values occurs in the end.
    CONTINUE WHEN c.i % 23 <> 0;
    n := n + 1;
    wrong := NULL;
    CALL try(c.source, c.keys, c.cursor, c.filter, c.on_error, c.deletes, c.adopt,
      '{"amount": "amount::integer"}', wrong);
    IF wrong <> '' THEN
      RAISE WARNING '%: %', c, wrong;
    END IF;
  END LOOP;
  RAISE WARNING '% combinations', n;
END
$$;
CALL try_all();

-- the same kinds with a table of T+, whose row versions are a cursor, too
CREATE PROCEDURE try_tplus() LANGUAGE plpgsql AS $$
DECLARE
  c record;
  model text;
  seen text;
BEGIN
  CREATE TABLE items (id bigint PRIMARY KEY, code text, name text, disabled boolean);
  COMMIT;
  FOR c IN
    SELECT * FROM unnest(ARRAY['', 'ts', 'day']) AS cursor, unnest(ARRAY[NULL, 'NOT disabled', 'id % 3 = 0 OR NULL']) AS filter,
      unnest('{stop,quarantine}'::text[]) AS on_error
  LOOP
    TRUNCATE items;
    PERFORM tplus.create_sync('tried', 'erp', 'items', cursor_column => c.cursor, filter => c.filter, on_error => c.on_error, lag => '0');
    COMMIT;
    CALL tplus.sync('tried');
    CALL tplus.sync('tried');
    EXECUTE format('SELECT string_agg(x::text, '' '' ORDER BY id) FROM (SELECT id, code, name, disabled FROM erp WHERE %s) x', coalesce(c.filter, 'true')) INTO model;
    SELECT string_agg(x::text, ' ' ORDER BY id) INTO seen FROM items x;
    IF model IS DISTINCT FROM seen THEN
      RAISE WARNING '%: % instead of %', c, coalesce(seen, 'nothing'), model;
    END IF;
    PERFORM tplus.drop_sync('tried');
    COMMIT;
  END LOOP;
END
$$;
CALL try_tplus();

-- what a null would have decided
SELECT tplus.create_sync('nulls', 'base', 'items', mode => NULL, deletes => NULL, full_every => NULL, on_error => NULL,
  max_rejects => NULL, delete_limit => NULL, cursor_column => NULL, adopt => NULL);
SELECT mode, deletes, full_every, stale_after, on_error, max_rejects, delete_limit FROM tplus.sync_definition WHERE name = 'nulls';
SELECT tplus.create_sync(NULL, 'base', 'items');
SELECT tplus.create_sync('bad', NULL, 'items');
SELECT tplus.alter_sync('nulls', lag => '-1 day');

-- two records with one key are an error also where one of them is there already
CREATE TABLE by_name (name text PRIMARY KEY, amount text);
TRUNCATE base;
INSERT INTO base (id, name, amount) VALUES (1, 'one', '1'), (2, 'two', '2');
SELECT tplus.create_sync('by name', 'base', 'by_name', cursor_column => '');
CALL tplus.sync('by name');
UPDATE base SET name = 'one' WHERE id = 2;
CALL tplus.sync('by name');
TABLE by_name;
-- the same with records of T+, in which it does not differ
CREATE TABLE by_code (code text PRIMARY KEY, disabled boolean);
SELECT tplus.create_sync('by code', 'erp', 'by_code', mapping => '{"disabled": "false"}', lag => '0');
CALL tplus.sync('by code');
SELECT sim.ctl('mutate', 'combined', '[{"action": "edit", "pick": "any_last", "set": {"Code": "' || min(code) || '"}}]') IS NULL AS done FROM by_code;
CALL tplus.sync('by code', "full" => true);

-- rows that were there before
CREATE TABLE before (id bigint PRIMARY KEY, name text);
INSERT INTO before VALUES (1, 'one'), (3, 'three');
SELECT tplus.create_sync('before', 'base', 'before', cursor_column => '', deletes => 'delete', delete_limit => 1);
SET client_min_messages = notice;
CALL tplus.sync('before');
SELECT rows, rows_not_own FROM tplus.sync_status WHERE sync = 'before';
SELECT tplus.alter_sync('before', adopt => true);
CALL tplus.sync('before');
SELECT rows, rows_not_own FROM tplus.sync_status WHERE sync = 'before';
TABLE before;
SET client_min_messages = warning;

-- a record of T+ that takes the key of another one is an error when only it is
-- read, too; one that takes the key of one that is gone, or moved on, is not
CREATE FUNCTION mutate(VARIADIC orders text[]) RETURNS boolean LANGUAGE sql AS $$
  SELECT sim.ctl('mutate', 'combined', '[' || array_to_string(orders, ', ') || ']') IS NOT NULL
$$;
SELECT mutate('{"action": "edit", "pick": "any_last", "set": {"Code": "LAST"}}');
CALL tplus.sync('by code', "full" => true);
CREATE TABLE by_code_too (code text PRIMARY KEY, name text);
SELECT tplus.create_sync('names by code', 'erp', 'by_code_too', lag => '0');
CALL tplus.sync('names by code');
SELECT mutate('{"action": "edit", "pick": "any_first", "set": {"Code": "LAST", "Name": "twin"}}');
CALL tplus.sync('names by code');
SELECT tplus.alter_sync('names by code', on_error => 'quarantine');
CALL tplus.sync('names by code');
SELECT mutate('{"action": "edit", "where": {"Code": "LAST"}, "pick": "any_first", "set": {"Code": "MOVED"}}');
CALL tplus.sync('names by code');
SELECT mutate('{"action": "delete", "where": {"Code": "MOVED"}, "pick": "any_last"}',
              '{"action": "insert", "record": {"Code": "MOVED", "Name": "new"}}');
CALL tplus.sync('names by code');
SELECT kind, status, rows_updated, message FROM tplus.sync_run WHERE sync = 'names by code' ORDER BY run;
SELECT * FROM by_code_too WHERE code IN ('LAST', 'MOVED') ORDER BY code;

-- whatever a single INSERT of a record would show
CREATE TABLE odd (id bigint PRIMARY KEY, parent bigint REFERENCES odd DEFERRABLE INITIALLY DEFERRED, name text,
  amount text, once text UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX ON odd (amount);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.name = 'odd' THEN
    RAISE 'odd' USING ERRCODE = 'ZX001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER refuse BEFORE INSERT ON odd FOR EACH ROW EXECUTE FUNCTION refuse();
INSERT INTO base (id, name) SELECT i, 'yes' FROM generate_series(3, 8) i;
UPDATE base SET code = CASE id WHEN 1 THEN '8' WHEN 2 THEN '77' END, name = CASE id WHEN 4 THEN 'odd' ELSE name END,
  amount = CASE id WHEN 3 THEN (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i) END;
SELECT tplus.create_sync('odd', 'base', 'odd', on_error => 'quarantine', cursor_column => '',
  mapping => '{"parent": "code::bigint", "once": "CASE WHEN id IN (5, 6) THEN ''five'' END"}');
CALL tplus.sync('odd');
CALL tplus.sync('odd');
SELECT key, sqlstate, attempts FROM tplus.sync_reject ORDER BY key;
SELECT array_agg(id ORDER BY id) FROM odd;
-- but not what would fail without any record
CREATE FUNCTION close() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed' USING ERRCODE = 'ZX002'; END $$;
CREATE TRIGGER close BEFORE INSERT ON odd EXECUTE FUNCTION close();
CALL tplus.sync('odd');

-- a field that T+ does not send any more
CREATE TABLE field (id bigint PRIMARY KEY, name text, code text);
UPDATE base SET code = 'C' || id, name = CASE WHEN id < 3 THEN 'some' END;
SELECT tplus.create_sync('field', 'base', 'field', cursor_column => '');
CALL tplus.sync('field');
UPDATE base SET name = NULL;
CALL tplus.sync('field');
SELECT count(name) FROM field;
SELECT tplus.alter_sync('field', delete_limit => 1);
CALL tplus.sync('field');
SELECT count(name), count(code) FROM field;
SELECT tplus.alter_sync('field', delete_limit => 0.2, mapping => '{"code": "NULL"}');
CALL tplus.sync('field');
SELECT count(name), count(code) FROM field;
SELECT kind, message FROM tplus.alert WHERE sync = 'field' ORDER BY kind;

-- errors of users are about what they wrote
CREATE TABLE named (id bigint PRIMARY KEY, tplus_n integer);
SELECT tplus.create_sync('bad', 'base', 'named', mapping => '{"tplus_n": "1"}');
SELECT tplus.create_sync('bad', 'base', 'by_name', mapping => '{"amount": "lower(name"}');
SELECT tplus.create_sync('bad', 'base', 'by_name', mapping => '{"amount": "1 +"}');
SELECT tplus.create_sync('bad', 'base', 'by_name', mapping => '["amount"]');
SELECT tplus.create_sync('bad', 'base', 'by_name', filter => 'name');
SELECT tplus.create_sync('bad', 'base', 'by_name', filter => 'true) OR (');
\set SHOW_CONTEXT always
SELECT tplus.alter_sync('by name', filter => 'nosuch > 0');
SELECT tplus.create_sync('bad', 'base', 'base');
\set SHOW_CONTEXT never
SELECT tplus.drop_sync(sync) FROM tplus.sync_status;
