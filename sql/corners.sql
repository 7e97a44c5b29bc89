--
-- Corners that a usual statement does not come to; see test/mutants
--
\set ECHO none
\i test/lib/regress.sql
\pset null '(null)'
\set SHOW_CONTEXT never
SET timezone = 'Asia/Shanghai';
SELECT sim.tenant('corners', '{"records": 200}'), sim.tenant('corners 2', '{"records": 30, "seed": 7}'),
       sim.tenant('corners 3', '{"records": 0}');
CREATE SCHEMA corners;
SET search_path = corners, public;
CREATE FUNCTION make_server(name text, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url %L, requests_per_second ''0'', page_size ''100'')',
                 name, current_setting('corners.url'));
  EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (app_key %L, app_secret ''sim-secret'', open_token ''sim-open-token'')',
                 name, key);
  EXECUTE format('CREATE SCHEMA %I', name);
  EXECUTE format('IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER %I INTO %1$I OPTIONS (calibrate ''false'')', name);
END
$$;
SELECT set_config('corners.url', :'sim_url', false) \gset url_
SELECT make_server('first', 'corners'), make_server('second', 'corners 2'), make_server('third', 'corners 3');

--
-- A rescan with another bound is another question
--
SELECT v.n, count(l.id)
  FROM (VALUES (1, 'ffffffffffffffff'), (2, '0000000000000000'), (3, 'ffffffffffffffff'), (4, '0000000000000000')) AS v (n, ts)
  LEFT JOIN LATERAL (SELECT * FROM first.inventory i WHERE i.ts > v.ts OFFSET 0) AS l ON true
 GROUP BY v.n ORDER BY v.n;

--
-- What has been forgotten keeps no file open
--
SET work_mem = '64kB';
SELECT v.n, (SELECT count(l) FROM (SELECT * FROM first.inventory i WHERE i.ts > v.ts OFFSET 0) AS l) AS found,
       (SELECT count(*) FROM pg_ls_tmpdir() WHERE v.n > 0) < 3 AS few_files
  FROM (SELECT n, lpad(to_hex(n), 16, '0') AS ts FROM generate_series(1, 6) AS n) AS v;
RESET work_mem;

--
-- Secrets that T+ puts into a field
--
CREATE FOREIGN TABLE soft (id int OPTIONS (field 'ID'), b bigint OPTIONS (field 'B'), bits bit(8) OPTIONS (field 'C'), t text OPTIONS (field 'B'),
    e jsonb OPTIONS (field '$error'))
  SERVER third OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
CREATE FUNCTION reply(body text) RETURNS void LANGUAGE sql AS $$
  SELECT sim.fault('corners 3', json_build_object('match', json_build_object('path', 'Query'), 'action', 'body', 'body', body))
$$;
SELECT reply('[{"ID":1,"B":"x sim-secret y","C":"sim-secret"}]');
SELECT b, bits, p ->> 'column' AS "column", p ->> 'value' AS value, p ->> 'message' AS message FROM soft, jsonb_array_elements(e) AS p;
SELECT reply('[{"ID":1,"B":"12x","C":"2"}]');
SELECT p ->> 'column' AS "column", p ->> 'value' AS value, p ->> 'message' AS message FROM soft, jsonb_array_elements(e) AS p;

--
-- Two syncs into one table: what one of them does not know is not its own
--
CREATE TABLE item (code text PRIMARY KEY, name text);
SELECT tplus.create_sync('first', source => 'first.inventory', target => 'item', mapping => '{"code": "''1-'' || Code"}', deletes => 'delete', delete_limit => 1, lag => '0'),
       tplus.create_sync('second', source => 'second.inventory', target => 'item', mapping => '{"code": "''2-'' || Code"}', deletes => 'delete', delete_limit => 1, lag => '0');
CALL tplus.sync('first');
CALL tplus.sync('second');
SELECT left(code, 1) AS source, count(*) FROM item GROUP BY 1 ORDER BY 1;
CALL tplus.sync('first', full => true);
SELECT left(code, 1) AS source, count(*) FROM item GROUP BY 1 ORDER BY 1;
SELECT sim.ctl('mutate', 'corners', '{"action": "delete", "pick": "any_first"}') IS NOT NULL AS deleted;
CALL tplus.sync('first', full => true);
SELECT left(code, 1) AS source, count(*) FROM item GROUP BY 1 ORDER BY 1;

--
-- A cursor is trusted once its run has been over for lag
--
CREATE FUNCTION last_run(OUT kind text, OUT cause text, OUT read bigint) LANGUAGE sql AS $$
  SELECT kind, cause, rows_read FROM tplus.sync_run WHERE sync = 'second' ORDER BY run DESC LIMIT 1
$$;
CREATE FUNCTION set_times(began interval, ended interval) RETURNS void LANGUAGE sql AS $$
  UPDATE tplus.sync_cursor SET started = now() - began, ended = now() - set_times.ended
   WHERE run = (SELECT min(run) FROM tplus.sync_cursor WHERE sync = 'second')
$$;
SELECT tplus.alter_sync('second', lag => '1 day');
CALL tplus.sync('second');
SELECT * FROM last_run();
SELECT set_times('3 days', '1 hour');
CALL tplus.sync('second');
SELECT * FROM last_run();
SELECT set_times('3 days', '2 days');
CALL tplus.sync('second');
SELECT * FROM last_run();
-- and kept for as long as it is needed
CALL tplus.sync('second');
SELECT * FROM last_run();
-- a time is read again from lag before it
CREATE TABLE by_day (id bigint PRIMARY KEY, name text);
SELECT tplus.create_sync('by day', source => 'first.inventory', target => 'by_day', cursor_column => 'maderecorddate', lag => '2 days');
CALL tplus.sync('by day');
CALL tplus.sync('by day');
SELECT kind, window_from::date - (SELECT max(maderecorddate)::date FROM first.inventory) AS from
  FROM tplus.sync_run WHERE sync = 'by day' ORDER BY run DESC LIMIT 1;
--
-- What may be deleted is a share of what the sync itself wrote
--
SELECT tplus.alter_sync('second', delete_limit => 0.1);
SELECT count(sim.ctl('mutate', 'corners 2', '{"action": "delete", "pick": "any_first"}')) FROM generate_series(1, 4);
CALL tplus.sync('second', full => true);
SELECT tplus.alter_sync('second', delete_limit => 0.14);
CALL tplus.sync('second', full => true);
SELECT left(code, 1) AS source, count(*) FROM item GROUP BY 1 ORDER BY 1;

--
-- What a run is made of
--
CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE various (id int, n numeric, c text COLLATE no_case, t timestamp, d date);
SELECT format('SELECT v.what, %s AS differs FROM (VALUES (''equal'', 1, 1.0, ''a'' COLLATE no_case), (''null'', NULL, 1.0, ''a''), (''scale'', 1, 1.00, ''a''), '
  '(''case'', 1, 1.0, ''A'')) AS v (what, id, n, c), LATERAL (SELECT v.id, v.n, v.c) AS s, (SELECT 1 AS id, 1.0 AS n, ''a'' COLLATE no_case AS c) AS t',
  tplus._differs('various', '{id,n,c}')) \gexec
SELECT state, tplus._is_no_record(state) FROM unnest('{08006,22P02,23505,40001,53100,55P03,57014,58030}'::text[]) AS state;
CREATE FUNCTION shape(VARIADIC pairs text[]) RETURNS tplus._sync_shape LANGUAGE sql AS $$
  SELECT jsonb_populate_record(NULL::tplus._sync_shape, jsonb_build_object('alias', 'r', 'source', 'corners.various') || jsonb_object(pairs))
$$;
SELECT not_null, nulls, tplus._bound(shape('cursor_kind', 'time', 'cursor_column', 'd', 'cursor_type', 'date', 'cursor_not_null', not_null::text), '2026-01-02', nulls)
  FROM (VALUES (true), (false)) AS a (not_null), (VALUES (true), (false)) AS b (nulls);
SELECT tplus._bound(shape('cursor_kind', 'version', 'cursor_column', 'ts'), '00000000000000ff', true);
SELECT tplus._window(shape('x', 'y'), c, '2026-01-02 12:00:00+08', '2026-01-03 00:00:00+08') FROM unnest('{t,d}'::text[]) AS c;
SELECT tplus._alert(NULL, 'first', tplus._current_role(), 'failed', 'first') AS first, tplus._alert(NULL, 'first', tplus._current_role(), 'failed', 'again') AS again,
       tplus._alert(NULL, 'first', 'pg_monitor', 'failed', 'other') AS of_another, tplus._alert(NULL, 'second', tplus._current_role(), 'failed', repeat('long ', 3000)) AS long;
DELETE FROM tplus.alert WHERE server IN ('first', 'second');

SELECT tplus.drop_sync('by day'), tplus.drop_sync('first'), tplus.drop_sync('second');
