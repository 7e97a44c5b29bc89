--
-- Syncs: what a run does, what it leaves alone, what it says
--
\set ECHO none
\i test/lib/regress.sql
\pset null '(null)'
\set SHOW_CONTEXT never
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
CREATE TABLE versions AS SELECT id, ctid::text AS place, xmin::text AS writer FROM item;
CALL tplus.sync('item');
CALL tplus.sync('item', full => true);
SELECT * FROM runs('item', 2);
SELECT count(*) FROM (TABLE versions EXCEPT SELECT id, ctid::text, xmin::text FROM item) AS rewritten;

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

-- a record that comes back loses its mark
SELECT count(mutate('{"action": "insert", "record": {"ID": ' || id || ', "Code": "BACK"}}'))
  FROM item WHERE deleted_at IS NOT NULL AND id = (SELECT min(id) FROM item WHERE deleted_at IS NOT NULL);
CALL tplus.sync('item');
SELECT * FROM runs('item');
SELECT count(*) FROM item WHERE deleted_at IS NOT NULL;
DELETE FROM item WHERE deleted_at IS NOT NULL;
SELECT tplus.alter_sync('item', deletes => 'delete', delete_limit => 0.2);
ALTER TABLE item DROP deleted_at;
CALL tplus.sync('item', full => true);

--
-- What merely leaves the filter, stays
--
CREATE TABLE enabled (id bigint PRIMARY KEY, code text, disabled boolean);
SELECT tplus.create_sync('enabled', source => 'source.inventory', target => 'enabled',
  filter => 'NOT Disabled', lag => '0', deletes => 'delete', delete_limit => 1);
CALL tplus.sync('enabled');
SELECT count(*) = (SELECT count(*) FROM truth() WHERE NOT disabled) AS all_enabled FROM enabled;
SELECT mutate('{"action": "disable", "pick": "any_first", "where": {"Disabled": false}}');
CALL tplus.sync('enabled');
CALL tplus.sync('enabled', full => true);
SELECT kind, status, read, ins, upd, del FROM runs('enabled', 2);
-- the same without row versions, where the filter goes to T+
SELECT tplus.create_sync('enabled by date', source => 'source.inventory', target => 'enabled',
  filter => 'NOT Disabled', cursor_column => 'maderecorddate', deletes => 'delete', delete_limit => 1);
UPDATE enabled SET code = 'x';
CALL tplus.sync('enabled by date');
SELECT mutate('{"action": "disable", "pick": "any_first", "where": {"Disabled": false}}');
CALL tplus.sync('enabled by date', full => true);
SELECT kind, status, upd, del FROM runs('enabled by date', 2);

-- nothing comes at all
SELECT tplus.alter_sync('enabled', filter => 'Code = ''nowhere''');
CALL tplus.sync('enabled');
SELECT tplus.alter_sync('enabled by date', filter => 'Code = ''nowhere''');
CALL tplus.sync('enabled by date');
SELECT kind, status, del, why FROM runs('enabled by date');

--
-- By date: new records only, until a full run
--
CREATE TABLE dated (LIKE item INCLUDING ALL);
SELECT tplus.create_sync('dated', source => 'source.inventory', target => 'dated',
  mapping => '{"made": "MadeRecordDate"}', cursor_column => 'maderecorddate', full_every => '0');
CALL tplus.sync('dated');
SELECT cursor, note FROM tplus.sync_status WHERE sync = 'dated';
SELECT mutate('{"action": "edit", "pick": "any_first", "set": {"Name": "edited again"}}',
              '{"action": "insert", "record": {"Code": "NEW-2", "MadeRecordDate": "2099-01-01"}}');
ALTER FOREIGN TABLE source.inventory ALTER maderecorddate OPTIONS (ADD filter_op 'ge');
CALL tplus.sync('dated');
SELECT kind, status, ins, upd, read < 20 AS few FROM runs('dated');
SELECT count(*) FROM dated WHERE name = 'edited again';
-- the slip of the pen does not hide what follows
SELECT cursor < '2099' AS cursor_is_past FROM tplus.sync_status WHERE sync = 'dated';
CALL tplus.sync('dated', full => true);
SELECT kind, status, ins, upd FROM runs('dated');

-- a window of the past once more
DELETE FROM dated WHERE made >= '2025-01-01' AND made < '2026-01-01';
CALL tplus.sync('dated');
SELECT kind, ins FROM runs('dated');
CALL tplus.resync('dated', '2025-01-01', '2026-01-01');
SELECT kind, status, read = ins AS only_those, ins > 0 AS some FROM runs('dated');
SELECT count(*) FROM truth() LEFT JOIN dated USING (id) WHERE dated.id IS NULL;
CALL tplus.resync('item', '2025-01-01', '2026-01-01');
SELECT kind, status, read > 0 AS some, ins, upd FROM runs('item');

-- a null cursor value never hides a row
CREATE TABLE local_source (id integer, name text, changed timestamptz);
CREATE TABLE local_target (id integer PRIMARY KEY, name text);
INSERT INTO local_source VALUES (1, 'one', now() - interval '3 days'), (2, 'two', now() - interval '3 days');
SELECT tplus.create_sync('local', source => 'local_source', target => 'local_target', cursor_column => 'changed');
CALL tplus.sync('local');
INSERT INTO local_source VALUES (3, 'three', NULL);
UPDATE local_source SET name = 'zwei', changed = now() WHERE id = 2;
CALL tplus.sync('local');
SELECT * FROM runs('local', 2);
TABLE local_target;

--
-- Set back: the account set of T+ has been restored
--
CALL tplus.sync('item');
SELECT sim.tenant('sync', '{"records": 200, "switches": {"made_compare": "ge"}}');
CALL tplus.sync('item');
SELECT * FROM runs('item');
SELECT * FROM differences();
CALL tplus.sync('item');
SELECT kind, status, read FROM runs('item');

--
-- Quarantine
--
CREATE TABLE narrow (id bigint PRIMARY KEY, name varchar(12), price numeric(8, 2), raw json,
  CONSTRAINT no_ones CHECK (id % 100 <> 1));
SELECT tplus.create_sync('narrow', source => 'source.inventory', target => 'narrow', lag => '0',
  mapping => '{"price": "nullif(length(Code) - 9, 0)", "raw": "json_build_object(''code'', Code)"}',
  on_error => 'quarantine');
SELECT mutate('{"action": "edit", "pick": "any_first", "set": {"Name": "much too long a name for this"}}',
              '{"action": "edit", "pick": "any_first", "set": {"Name": "another name that is too long"}}');
CALL tplus.sync('narrow');
SELECT status, read, ins, bad > 2 AS rejects FROM runs('narrow');
SELECT count(*) FILTER (WHERE column_name = 'name') AS "by name",
       count(*) FILTER (WHERE message LIKE '%no_ones%') AS "by constraint", count(*)
  FROM tplus.sync_reject WHERE sync = 'narrow' AND (record ->> 'name' LIKE '%too long%' OR message LIKE '%no_ones%');
SELECT column_name, sqlstate, message, record ->> 'name' AS name FROM tplus.sync_reject
 WHERE sync = 'narrow' AND record ->> 'name' LIKE '%too long%' ORDER BY name;
SELECT count(*) + (SELECT count(*) FROM tplus.sync_reject WHERE sync = 'narrow') = (SELECT count(*) FROM truth()) AS complete FROM narrow;
SELECT health FROM tplus.sync_status WHERE sync = 'narrow';
SELECT kind, message ~ 'could not be stored' AS told, times FROM tplus.alert WHERE sync = 'narrow';
-- later runs try again
ALTER TABLE narrow ALTER name TYPE varchar(100);
SELECT count(*) = 0 AS nothing_there FROM narrow WHERE name LIKE '%too long%';
CALL tplus.sync('narrow');
SELECT kind, status, ins > 2 AS stored, bad > 0 AS still_some FROM runs('narrow');
SELECT DISTINCT message FROM tplus.sync_reject WHERE sync = 'narrow';
SELECT min(attempts), max(attempts) FROM tplus.sync_reject WHERE sync = 'narrow';
ALTER TABLE narrow DROP CONSTRAINT no_ones;
CALL tplus.sync('narrow');
SELECT kind, status, bad FROM runs('narrow');
SELECT count(*) FROM tplus.sync_reject;
SELECT count(*) = (SELECT count(*) FROM truth()) AS complete FROM narrow;
SELECT health FROM tplus.sync_status WHERE sync = 'narrow';
-- json has no equality, and is compared all the same
CALL tplus.sync('narrow', full => true);
SELECT upd, same = read AS unchanged FROM runs('narrow');
-- wholesale
SELECT tplus.alter_sync('narrow', max_rejects => 5, mapping => '{"price": "1 / (id % 2)"}');
CALL tplus.sync('narrow');
SELECT status, why FROM runs('narrow');
SELECT count(*) FROM tplus.sync_reject;
-- without quarantine, one is enough
SELECT tplus.alter_sync('narrow', on_error => 'stop');
CALL tplus.sync('narrow');
SELECT status, why FROM runs('narrow');

--
-- What cannot be defined
--
SELECT tplus.create_sync('item', source => 'source.inventory', target => 'item');
CREATE TABLE keyless (id bigint);
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'keyless');
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'item', key => 'code');
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'item', mapping => '{"nosuch": "1"}');
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'item', mapping => '{"id": null}');
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'item', mapping => '{"made": "nosuch"}');
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'item', filter => 'nosuch');
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'item', cursor_column => 'code');
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'item', deletes => 'mark');
SELECT tplus.create_sync('bad', source => 'source.inventory', target => 'item', mode => 'merge');
SELECT tplus.create_sync('bad', source => 'item', target => 'source.inventory', key => 'id');
CALL tplus.sync('nosuch');
SELECT tplus.alter_sync('nosuch', lag => '0');
SELECT tplus.drop_sync('nosuch');
SELECT tplus.schedule_sync('item', '* * * * *');
BEGIN;
CALL tplus.sync('item');
ROLLBACK;
CREATE FUNCTION in_a_function() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL tplus.sync('item'); END $$;
SELECT in_a_function();
DO $$ BEGIN CALL tplus.sync('item'); END $$;
SET default_transaction_read_only = on;
CALL tplus.sync('item');
RESET default_transaction_read_only;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

--
-- Other keys and modes
--
CREATE TABLE by_code (prefix text NOT NULL, code text COLLATE "C" NOT NULL, name text, n integer, twice integer GENERATED ALWAYS AS (n * 2) STORED,
  UNIQUE (code, prefix));
SELECT tplus.create_sync('by code', source => 'source.inventory', target => 'by_code', key => 'prefix, code',
  mapping => '{"prefix": "left(Code, 2)", "n": "ID"}', deletes => 'delete', lag => '0');
CALL tplus.sync('by code');
SELECT mutate('{"action": "delete", "pick": "any_first"}', '{"action": "edit", "pick": "any_first", "set": {"Name": "by code"}}');
CALL tplus.sync('by code', full => true);
SELECT kind, status, ins, upd, del FROM runs('by code', 2);
SELECT count(*) = (SELECT count(*) FROM truth()) AS same FROM by_code;
-- two records with one key
SELECT tplus.alter_sync('by code', mapping => '{"prefix": "''x''", "code": "left(Code, 1)", "n": "ID"}', delete_limit => 1);
CALL tplus.sync('by code');
-- known records are left as they are
CREATE TABLE first_seen (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
SELECT tplus.create_sync('first', source => 'source.inventory', target => 'first_seen', mode => 'insert', lag => '0');
CALL tplus.sync('first');
SELECT mutate('{"action": "edit", "pick": "any_first", "set": {"Name": "second"}}',
              '{"action": "insert", "record": {"Name": "third"}}');
CALL tplus.sync('first');
SELECT kind, status, ins, upd FROM runs('first', 2);
SELECT name FROM first_seen WHERE name IN ('second', 'third');
-- names that would fall apart
CREATE TABLE "a %s, b" (id integer, "it's ""1"" %s" text);
CREATE TABLE "the %s 'target'" (id integer PRIMARY KEY, "it's ""1"" %s" text);
INSERT INTO "a %s, b" VALUES (1, 'one'), (2, '%s');
SELECT tplus.create_sync('%s "odd"', source => '"a %s, b"', target => '"the %s ''target''"', on_error => 'quarantine', deletes => 'delete');
CALL tplus.sync('%s "odd"');
SELECT * FROM "the %s 'target'" ORDER BY id;
SELECT tplus.drop_sync('%s "odd"');

SELECT tplus.prune_history('0') > 10 AS many;
SELECT sync, count(*) FROM tplus.sync_run WHERE sync IN ('item', 'first') GROUP BY sync ORDER BY sync;
SELECT tplus.drop_sync(sync) FROM tplus.sync_status ORDER BY sync;
SELECT (SELECT count(*) FROM tplus.sync_run), (SELECT count(*) FROM tplus.sync_key), (SELECT count(*) FROM tplus.sync_definition);
