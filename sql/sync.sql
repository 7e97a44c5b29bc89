--
-- Syncs: what a run does, what it leaves alone, what it says
--
\set ECHO none
\i test/lib/regress.sql
\pset null '(null)'
SET timezone = 'Asia/Shanghai';
SELECT sim.tenant('sync', '{"records": 200, "switches": {"made_compare": "ge"}}');

CREATE SERVER sync FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'sim_url', requests_per_second '0', page_size '100');
CREATE USER MAPPING FOR CURRENT_USER SERVER sync
  OPTIONS (app_key 'sync', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE SCHEMA source;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER sync INTO source
  OPTIONS (calibrate 'false');
CREATE SCHEMA sync;
SET search_path = sync, public;

CREATE FUNCTION mutate(VARIADIC orders text[]) RETURNS void LANGUAGE sql AS $$
  SELECT sim.ctl('mutate', 'sync', '[' || array_to_string(orders, ', ') || ']')
$$;
CREATE FUNCTION truth(OUT id bigint, OUT code text, OUT name text, OUT disabled boolean, OUT made date)
RETURNS SETOF record LANGUAGE sql AS $$
  SELECT (r ->> 'id')::bigint, r ->> 'code', r ->> 'name', (r ->> 'disabled')::boolean,
         (r ->> 'maderecorddate')::date
    FROM sim.records('sync') AS r
$$;
-- The newest runs of a sync, without what differs from run to run.
CREATE FUNCTION runs(wanted text, n integer DEFAULT 1, OUT kind text, OUT status text, OUT read bigint,
  OUT ins bigint, OUT upd bigint, OUT same bigint, OUT del bigint, OUT bad bigint, OUT why text)
RETURNS SETOF record LANGUAGE sql AS $$
  SELECT kind, status, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_deleted, rows_failed,
         regexp_replace(coalesce(sqlstate || ' ' || message, cause), '[0-9a-f]{16}|in process \d+', '...')
    FROM (SELECT * FROM tplus.sync_run WHERE sync = wanted ORDER BY run DESC LIMIT n) AS r ORDER BY run
$$;

CREATE TABLE item (id bigint PRIMARY KEY, code text NOT NULL, name text, disabled boolean,
  made date, note text DEFAULT 'ours');
CREATE FUNCTION differences(OUT missing bigint, OUT extra bigint) LANGUAGE sql AS $$
  SELECT (SELECT count(*) FROM (SELECT * FROM truth() EXCEPT SELECT id, code, name, disabled, made FROM item) AS m),
         (SELECT count(*) FROM (SELECT id, code, name, disabled, made FROM item EXCEPT SELECT * FROM truth()) AS e)
$$;

--
-- The first run, and the next ones
--
SELECT tplus.create_sync('item', source => 'source.inventory', target => 'item',
  mapping => '{"made": "MadeRecordDate"}', lag => '0');
SELECT * FROM tplus.sync_preview('item');
CALL tplus.sync('item');
SELECT * FROM runs('item');
SELECT * FROM differences();

SELECT mutate('{"action": "edit", "pick": "any_first", "set": {"Name": "edited"}}',
              '{"action": "insert", "record": {"Code": "NEW-1", "Name": "new"}}',
              '{"action": "delete", "pick": "any_first"}');
SELECT action, rows FROM tplus.sync_preview('item');
CALL tplus.sync('item');
SELECT * FROM runs('item');
SELECT * FROM differences();

-- a run that finds nothing writes nothing
VACUUM item;
CALL tplus.sync('item');
CALL tplus.sync('item', full => true);
SELECT * FROM runs('item', 2);
SELECT n_dead_tup, n_tup_upd FROM pg_stat_user_tables WHERE relid = 'item'::regclass;

-- what T+ deleted stays, unless told otherwise; rows of ours stay in any case
INSERT INTO item VALUES (-1, 'ours');
SELECT tplus.alter_sync('item', deletes => 'delete');
SELECT * FROM tplus.sync_preview('item', full => true);
CALL tplus.sync('item', full => true);
SELECT * FROM runs('item');
SELECT * FROM differences();
DELETE FROM item WHERE id = -1;

-- too many at once
SELECT count(mutate('{"action": "delete", "pick": "any_first"}')) FROM generate_series(1, 50);
CALL tplus.sync('item', full => true);
SELECT * FROM runs('item');
SELECT tplus.alter_sync('item', delete_limit => 50);
CALL tplus.sync('item', full => true);
SELECT * FROM runs('item');
SELECT * FROM differences();

-- marks
ALTER TABLE item ADD deleted_at timestamptz;
SELECT tplus.alter_sync('item', deletes => 'mark');
SELECT mutate('{"action": "delete", "pick": "any_first"}', '{"action": "delete", "pick": "any_last"}');
CALL tplus.sync('item', full => true);
CALL tplus.sync('item', full => true);
SELECT * FROM runs('item', 2);
SELECT count(*) FROM item WHERE deleted_at IS NOT NULL;
