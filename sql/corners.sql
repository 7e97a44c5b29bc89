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

SELECT tplus.drop_sync('by day'), tplus.drop_sync('first'), tplus.drop_sync('second');
