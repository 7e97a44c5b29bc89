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
-- What is kept for a rescan is the rows of the same question, whole, and not for ever
--
CREATE FUNCTION requests(key text) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM sim.journal(key) $$;
CREATE FUNCTION asked(n int[]) RETURNS bigint LANGUAGE sql SET enable_memoize = off AS $$
  SELECT count(l) FROM (SELECT lpad(to_hex(n), 16, '0') AS ts FROM unnest(n) AS n OFFSET 0) AS v
    CROSS JOIN LATERAL (SELECT * FROM first.inventory i WHERE i.ts > v.ts OFFSET 0) AS l
$$;
SELECT requests('corners') > 0 AS cleared;
SELECT asked('{1,1,1,1}'), requests('corners');
SET work_mem = '64kB';
SELECT asked('{1,2,3,4,5,6,1}'), requests('corners');
SELECT asked('{1,2,1,2}') = 800 AS found, requests('corners') BETWEEN 6 AND 12 AS few;
SET enable_memoize = off;
SELECT v.n, (SELECT count(*) FROM (SELECT 1 FROM first.inventory i WHERE i.ts > v.ts LIMIT v.n) AS l) AS rows
  FROM (SELECT n, '0000000000000000' AS ts FROM unnest('{1,150,3,200}'::int[]) AS n OFFSET 0) AS v;
SELECT count(*), count(DISTINCT digest)
  FROM (SELECT n, '0000000000000000' AS ts FROM generate_series(1, 3) AS n OFFSET 0) AS v
 CROSS JOIN LATERAL (SELECT md5(string_agg(l::text, '|' ORDER BY l.id)) AS digest
                       FROM (SELECT * FROM first.inventory i WHERE i.ts > v.ts AND repeat(i.name || i.code, 40) <> 'x' OFFSET 0) AS l OFFSET 0) AS d;
RESET enable_memoize;
-- nor where nothing asks again
CREATE TABLE copied (LIKE first.inventory);
CREATE FUNCTION tells(query text, pattern text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, BUFFERS) ' || query LOOP
    IF line ~ pattern THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
SELECT tells('INSERT INTO copied SELECT * FROM first.inventory', 'temp (read|written)') AS of_a_scan,
       tells('SELECT * FROM generate_series(1, 2) AS n, LATERAL (SELECT * FROM first.inventory i WHERE i.ts > lpad(n::text, 16, ''0'') OFFSET 0) AS l', 'temp (read|written)') AS of_rescans;
RESET work_mem;

--
-- What only looks like a comparison that T+ makes
--
-- "aa" is a letter behind "z"
CREATE FOREIGN TABLE sorted (ts text COLLATE "da-x-icu", usual text OPTIONS (field 'Ts') COLLATE "C") SERVER first OPTIONS (resource 'inventory');
SELECT tells('SELECT * FROM sorted WHERE ts > ''00000000000000aa''', 'does not sort row versions') AS danish,
       tells('SELECT * FROM sorted WHERE usual > ''00000000000000aa''', 'does not sort row versions') AS usual;
CREATE FUNCTION alike(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN left($1, 4) = left($2, 4); END $$;
CREATE FUNCTION alike_cmp(text, text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT bttextcmp(left($1, 4), left($2, 4)) $$;
CREATE OPERATOR = (FUNCTION = alike, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR CLASS alike_ops FOR TYPE text USING btree AS OPERATOR 3 corners.= (text, text), FUNCTION 1 alike_cmp(text, text);
SELECT count(*) = (SELECT count(*) FROM copied AS c WHERE left(c.code, 4) = left((SELECT min(code) FROM copied), 4)) AS same, count(*) > 1 AS several
  FROM first.inventory WHERE code OPERATOR(corners.=) (SELECT min(code) FROM copied);
DROP OPERATOR CLASS alike_ops USING btree;
DROP OPERATOR corners.= (text, text);

--
-- A field that ten records of a page lack; and versions as they sort
--
SELECT sim.tenant('corners 3', '{"records": 9, "switches": {"disabled_default": "all", "drop_fields": ["Shorthand"]}}');
CREATE FOREIGN TABLE few (id int OPTIONS (field 'ID'), shorthand text) SERVER third OPTIONS (resource 'inventory', variants 'none');
CREATE FOREIGN TABLE other (id int OPTIONS (field 'ID'), shorthand text) SERVER third OPTIONS (resource 'inventory', variants 'none');
SELECT count(id), count(shorthand) FROM few;
SELECT sim.tenant('corners 3', '{"records": 10, "switches": {"disabled_default": "all", "drop_fields": ["Shorthand"]}}');
SELECT count(id), count(shorthand) FROM few;
SELECT count(id), count(shorthand) FROM few;
SELECT count(id), count(shorthand) FROM other;
SELECT sim.tenant('corners 3', '{"records": 30, "switches": {"ts_form": "upper"}}');
CREATE FOREIGN TABLE spelled (ts text, short varchar(20) OPTIONS (field 'Ts')) SERVER third OPTIONS (resource 'inventory', variants 'none');
SELECT bool_and(ts = lower(ts)) AND bool_and(short = ts) AS lower, bool_or(ts ~ '[a-f]') AS has_letters FROM spelled;
SELECT sim.tenant('corners 3', '{"records": 0}');

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
-- Values that nearly are what a column holds, and times of another zone
--
CREATE FOREIGN TABLE typed (id int OPTIONS (field 'ID'), b boolean OPTIONS (field 'B'), n bigint OPTIONS (field 'N'), t timestamp OPTIONS (field 'T'),
    d date OPTIONS (field 'T'), z timestamptz OPTIONS (field 'T'), c time OPTIONS (field 'C'), cz timetz OPTIONS (field 'C'), e jsonb OPTIONS (field '$error'))
  SERVER third OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
SELECT reply('[{"ID":1,"B":"tots","N":"1e 2"},{"ID":2,"B":"falls","N":"1e\t2"},{"ID":3,"B":"True","N":"1e+2"},{"ID":4,"B":"False","N":" 25.0e-1"},'
  '{"ID":5,"B":"rrue","N":"-250e-1"},{"ID":6,"B":"truely","N":"1.0e18"},{"ID":7,"B":"talse","N":".5e1"},{"ID":8,"B":"frue","N":"9e18"},{"ID":9,"B":"faise","N":"1e19"}]');
SELECT id, b, n, jsonb_path_query_array(e, '$[*].column') AS refused FROM typed ORDER BY id;
ALTER SERVER third OPTIONS (ADD timezone 'UTC');
SELECT reply('[{"ID":1,"T":"2026-01-01T07:59:59+08:00","C":"12:00:00+08:00"},{"ID":2,"T":"2026-01-01T08:00:00+08:00","C":"12:00:00"},'
  '{"ID":3,"T":"2026-01-01T00:00:00Z","C":"23:59:59.5+00:00"},{"ID":4,"T":"2026-01-01 00:00:00","C":"2026-01-01T12:00:00+08:00"}]');
SELECT id, t, d, z, c, cz, jsonb_path_query_array(e, '$[*].column') AS refused FROM typed ORDER BY id;
ALTER SERVER third OPTIONS (DROP timezone);
SELECT reply('[{"ID":1,"T":"2026-01-01T07:59:59+08:00","C":"12:00:00+08:00"},{"ID":2,"T":"2025-12-31T16:00:00Z","C":"2026-01-01T12:00:00Z"}]');
SELECT id, t, d, z, c, cz, jsonb_path_query_array(e, '$[*].column') AS refused FROM typed ORDER BY id;
-- the narrowest of several bounds is asked for, whatever their order
CREATE FOREIGN TABLE days (id int OPTIONS (field 'ID'), made date OPTIONS (field 'MadeRecordDate', filter_op 'eq')) SERVER first OPTIONS (resource 'inventory', variants 'none');
SELECT requests('corners') >= 0 AS cleared;
SELECT count(*) FROM days WHERE made >= '2030-03-05' AND made >= '2030-03-01' AND made <= '2030-03-06' AND made <= '2030-03-09';
SELECT p ->> 'MadeRecordDate' AS day FROM sim.sent('corners') AS p;
SELECT count(*) FROM days WHERE made >= '2030-03-01' AND made >= '2030-03-05' AND made <= '2030-03-09' AND made <= '2030-03-06';
SELECT p ->> 'MadeRecordDate' AS day FROM sim.sent('corners') AS p;

-- what is fixed is not asked for otherwise, nor is a part of it
CREATE FOREIGN TABLE fixed (id int OPTIONS (field 'ID'), class text OPTIONS (field 'InventoryClass.Code'), code text)
  SERVER first OPTIONS (resource 'inventory', variants 'none', fixed_params '{"InventoryClass": {"Code": "01"}}');
SELECT count(*) FROM fixed WHERE class = '02';
SELECT * FROM sim.sent('corners');

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
