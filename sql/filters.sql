--
-- Filters: what is sent may bring more than a clause wants, never less
--
\set ECHO none
\i test/lib/regress.sql
\pset null '(null)'
SET timezone = 'UTC';
CREATE SCHEMA filters;
SET search_path = filters, public;
CREATE SERVER filters FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'sim_url', requests_per_second '0', max_concurrency '4');
CREATE USER MAPPING FOR CURRENT_USER SERVER filters
  OPTIONS (app_key 'filters', app_secret 'sim-secret', open_token 'sim-open-token');

-- Records with everything that a filter may trip over.  Ts and ID rise.
CREATE TABLE given (n int GENERATED ALWAYS AS IDENTITY, code text, name text, spec text, short text, bar text,
                    class text, disabled boolean DEFAULT false, made date DEFAULT '2026-03-01');
INSERT INTO given (code, name, spec, short, bar, class) VALUES
  ('A-1', 'bolt', 'M8', 'LS', '690001', '01'), ('A-2', 'Bolt', 'm8', 'ls', '690002', '0101'),
  ('a-3', 'BOLT', 'M8 ', '', NULL, '02'), ('P%1', '50% off', ' M8', 'x_y', '69%', '02'),
  ('U_1', 'a_b', '10%', 'xzy', '690001', '02'), ('UX1', 'axb', 'A[1]', 'A1', '', '02'),
  ('B[1]', '[0-9]', 'A1', '^x', ']', '02'), ('B1', '^head', NULL, NULL, NULL, NULL),
  ('Q"1', 'say "x"', 'a\b', '''', '"', '01'), ('O''Neill', '; DROP TABLE item; --', '𠮷', '销', '$1', '01'),
  (' lead', ' ', 'straße', 'STRASSE', 'ß', '01'), ('trail ', 'x ', 'é', 'é', 'ﬁ', '01'),
  ('全角', 'ＡＢＣ', 'ABC', 'abc', 'true', '01'), (E'tab\t1', E'new\nline', E'\u200b', '　', 'null', '01');
INSERT INTO given (code, made, disabled, class)
  SELECT 'D' || i, date '2026-01-01' + (i * 7) % 200 - 30, i % 5 = 0, (ARRAY['01', '0101', '02'])[1 + i % 3]
    FROM generate_series(1, 60) AS i;
INSERT INTO given (code, made) VALUES
  ('first', '2026-03-02'), ('second', '2026-03-02'), ('before', '2026-02-28'), ('eve', '2025-12-31'), ('new year', '2026-01-01'),
  ('old', '1899-12-31'), ('leap', '2024-02-29'), ('future', '2100-01-01');
CREATE FUNCTION tenant(switches json DEFAULT '{}', key text DEFAULT 'filters') RETURNS void LANGUAGE sql AS $$
  SELECT sim.tenant(key, json_build_object('switches', switches, 'records', (
    SELECT json_agg(json_build_object('ID', n, 'Code', code, 'Name', coalesce(name, code), 'Specification', spec,
             'Shorthand', short, 'DefaultBarCode', bar, 'InventoryClass', json_build_object('Code', class),
             'Disabled', disabled, 'MadeRecordDate', made, '_made_time', '15:30:00', 'Ts', lpad(to_hex(9515000 + n * 3), 16, '0')) ORDER BY n) FROM given)))
$$;
SELECT tenant('{"disabled_default": "all"}');

CREATE FOREIGN TABLE item (
  id bigint, code text COLLATE "C", name text, specification text, shorthand text, defaultbarcode text, inventoryclasscode text,
  disabled boolean, made date OPTIONS (field 'MadeRecordDate'), made_ts timestamp OPTIONS (field 'MadeRecordDate'),
  made_tz timestamptz OPTIONS (field 'MadeRecordDate'), made_text text OPTIONS (field 'MadeRecordDate'), ts text COLLATE "C"
) SERVER filters OPTIONS (resource 'inventory', variants 'none', page_size '500');
CREATE TABLE local AS
  SELECT n::bigint AS id, code COLLATE "C" AS code, coalesce(name, code) AS name, spec AS specification, short AS shorthand, bar AS defaultbarcode,
         class AS inventoryclasscode, disabled, made, made::timestamp AS made_ts,
         made::timestamp AT TIME ZONE 'Asia/Shanghai' AS made_tz, made::text AS made_text,
         lpad(to_hex(9515000 + n * 3), 16, '0') COLLATE "C" AS ts
    FROM given;
SELECT count(*) FROM item;
TABLE item EXCEPT ALL TABLE local;

-- One clause: how many rows, what is wrong with them, and what was sent.
CREATE TYPE compared AS (rows bigint, missing bigint, extra bigint);
CREATE FUNCTION compare(clause text) RETURNS compared LANGUAGE plpgsql AS $$
DECLARE
  result compared;
BEGIN
  EXECUTE format('SELECT count(f.id), count(l.id) - count(*) FILTER (WHERE f.row = l.row),
                         count(f.id) - count(DISTINCT l.id) FILTER (WHERE f.row = l.row)
                    FROM (SELECT id, item::text AS row FROM item WHERE %1$s) AS f
                         FULL JOIN (SELECT id, local::text AS row FROM local WHERE %1$s) AS l ON f.id = l.id', clause) INTO result;
  RETURN result;
END
$$;
CREATE FUNCTION shown(params jsonb[]) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN count(*) > 4
              THEN min(s) || ' ... ' || max(s) || ' (' || count(*) || ')'
              ELSE string_agg(s, ' ' ORDER BY s) END
    FROM (SELECT DISTINCT (p - '{PageSize,PageIndex,SelectFields,Ts}'::text[])::text COLLATE "C" AS s FROM unnest(params) AS p) AS d
$$;
CREATE FUNCTION sent() RETURNS text LANGUAGE sql AS $$
  SELECT shown(array_agg(r -> 'body' -> 'param')) FROM sim.journal('filters') AS r
$$;
-- Several clauses; the requests of each are told by their page size.
CREATE FUNCTION try(clauses text[])
RETURNS TABLE(clause text, rows bigint, missing bigint, extra bigint, sent text, first_cursor text)
LANGUAGE plpgsql AS $$
DECLARE
  tag int := 1000;
BEGIN
  PERFORM sim.ctl('clear', 'filters');
  CREATE TEMP TABLE tried (tag int, clause text, c compared) ON COMMIT DROP;
  FOREACH clause IN ARRAY clauses LOOP
    tag := tag + 1;
    EXECUTE format('ALTER FOREIGN TABLE item OPTIONS (SET page_size %L)', tag);
    INSERT INTO tried SELECT tag, try.clause, compare(try.clause);
  END LOOP;
  RETURN QUERY
    SELECT t.clause, (c).rows, (c).missing, (c).extra, shown(array_agg(p ORDER BY n) FILTER (WHERE p IS NOT NULL)),
           (array_agg(p ->> 'Ts' ORDER BY n))[1]
      FROM tried AS t
           LEFT JOIN (SELECT r -> 'body' -> 'param' AS p, n FROM sim.journal('filters') WITH ORDINALITY AS j (r, n)) AS j
           ON (p -> 'PageSize')::int = t.tag
     GROUP BY t.tag, t.clause, c ORDER BY t.tag;
  DROP TABLE tried;
END
$$;

--
-- Texts, by equality
--
SELECT clause, rows, missing, extra, sent FROM try(ARRAY[
  $$code = 'A-1'$$, $$'A-1' = code$$, $$code = 'a-1'$$, $$code = 'none'$$, $$code = 'A-1'::varchar$$, $$code = 'A-1'::name$$,
  $$code = 'A-1'::bpchar$$, $$code = 'A-' || 1$$, $$code = 'P%1'$$, $$code = 'U_1'$$, $$code = 'B[1]'$$, $$name = '^head'$$,
  $$code = ' lead'$$, $$code = 'lead'$$, $$code = 'trail '$$, $$code = 'trail'$$, $$code = ''$$, $$code = ' '$$,
  $$code = 'Q"1'$$, $$code = 'O''Neill'$$, $$code = '全角'$$, $$code = E'tab\t1'$$, $$code = NULL$$, $$code IS NULL$$,
  $$code = 'A-1' AND code = 'B1'$$, $$code = 'A-1' AND name = 'bolt'$$, $$code = 'A-1' OR code = 'B1'$$, $$code <> 'A-1'$$,
  $$code > 'D'$$, $$code = name$$, $$code || '' = 'A-1'$$, $$code = current_setting('no.such', true)$$,
  $$code = 'A-1' COLLATE "C"$$, $$NOT code = 'A-1'$$, $$code IN ('A-1')$$,
  $$name = 'bolt'$$, $$name = 'Bolt'$$, $$name = 'axb'$$, $$name = 'a_b'$$, $$name = '50% off'$$, $$name = 'say "x"'$$, $$name = 'x '$$,
  $$name = '; DROP TABLE item; --'$$, $$name = E'new\nline'$$, $$name = 'ＡＢＣ'$$, $$name = 'ABC'$$,
  $$specification = 'M8'$$, $$specification = 'm8'$$, $$specification = 'a\b'$$, $$specification = '𠮷'$$, $$specification = 'é'$$,
  $$specification = 'straße'$$, $$specification = 'ABC'$$, $$specification = E'\u200b'$$, $$specification = ''$$,
  $$shorthand = 'ls'$$, $$shorthand = 'x_y'$$, $$shorthand = '销'$$, $$shorthand = ''''$$, $$shorthand = '　'$$, $$shorthand = ''$$,
  $$defaultbarcode = '690001'$$, $$defaultbarcode = 'true'$$, $$defaultbarcode = 'null'$$, $$defaultbarcode = '"'$$, $$defaultbarcode = '$1'$$,
  $$inventoryclasscode = '01'$$, $$inventoryclasscode = '0101'$$, $$inventoryclasscode = '1'$$, $$inventoryclasscode = '01' AND code = 'A-1'$$,
  $$inventoryclasscode = ' 01'$$, $$inventoryclasscode IS NULL$$]);
-- the same under servers that compare texts otherwise
CREATE FUNCTION wrong(clauses text[]) RETURNS TABLE(clause text, missing bigint, extra bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH clause IN ARRAY clauses LOOP
    SELECT c.missing, c.extra INTO missing, extra FROM compare(clause) AS c;
    IF missing > 0 OR extra > 0 THEN
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$;
CREATE TABLE texts AS
  SELECT format('%I = %L', field, value) AS clause
    FROM (SELECT 'code', code FROM local UNION SELECT 'name', name FROM local UNION SELECT 'specification', specification FROM local
          UNION SELECT 'shorthand', shorthand FROM local UNION SELECT 'defaultbarcode', defaultbarcode FROM local
          UNION SELECT 'inventoryclasscode', inventoryclasscode FROM local) AS f (field, value)
   WHERE value !~ '^D[0-9]';
SELECT count(*) FROM texts;
CREATE FUNCTION wrong_texts(switches json) RETURNS TABLE(clause text, missing bigint, extra bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tenant(switches);
  RETURN QUERY SELECT w.* FROM wrong((SELECT array_agg(t.clause) FROM texts AS t)) AS w;
END
$$;
SELECT * FROM wrong_texts('{"disabled_default": "all"}');
SELECT * FROM wrong_texts('{"disabled_default": "all", "text_match": "cs", "like_wildcards": "always"}');
SELECT * FROM wrong_texts('{"disabled_default": "all", "text_match": "exact", "like_percent": false}');
SELECT * FROM wrong_texts('{"disabled_default": "all", "empty_filter": "match", "like_wildcards": "off"}');
SELECT * FROM wrong_texts('{"disabled_default": "all", "ignored_params": ["Code", "Name", "Specification", "InventoryClass"]}');

--
-- The id, the row version
--
SELECT tenant('{"disabled_default": "all"}');
SELECT clause, rows, missing, extra, sent FROM try(ARRAY[
  $$id = 5$$, $$id = 5::smallint$$, $$id = 5::bigint$$, $$id = 5.0$$, $$id = -1$$, $$5 = id$$, $$id = 9223372036854775807$$,
  $$id > 80$$, $$id IN (5, 7)$$, $$id = 5 AND code = 'B1'$$, $$id = 8 AND code = 'B1'$$, $$id = length(code)$$]);
SELECT ts FROM local WHERE id = 79 \gset
SELECT clause, rows, missing, extra, first_cursor FROM try(ARRAY[
  format('ts > %L', :'ts'), format('ts >= %L', :'ts'), format('%L < ts', :'ts'), format('ts > %L', upper(:'ts')),
  format('ts > %L AND ts >= %L', :'ts', '0000000000913000'), format('ts > %L AND code = %L', :'ts', 'old'),
  format('ts = %L', :'ts'), format('ts < %L', :'ts'), format('ts > %L', substr(:'ts', 5)), 'ts > ''zz''', 'ts > ''''',
  'ts > ''0000000000000000''', 'ts >= ''0000000000000000''', 'ts > ''ffffffffffffffff''', 'ts > NULL',
  format('ts > %L', :'ts' || ' ')]);
SELECT sim.switches('filters', '{"ts_key": "TS", "ts_compare": "ge"}');
SELECT rows, missing, extra, first_cursor FROM try(ARRAY[format('ts > %L', :'ts')]);
SELECT sim.switches('filters', '{"ts_compare": "ignored"}');
SELECT rows, missing, extra, first_cursor FROM try(ARRAY[format('ts > %L', :'ts')]);
SELECT sim.switches('filters', '{"ts_compare": "error"}');
SELECT rows, missing, extra, first_cursor FROM try(ARRAY[format('ts > %L', :'ts')]);

--
-- Disabled.  What a server understands is learned, so each is another one.
--
CREATE FOREIGN TABLE flagged (id bigint, code text, disabled boolean) SERVER filters OPTIONS (resource 'inventory');
CREATE TABLE flag_clauses (n int GENERATED ALWAYS AS IDENTITY, clause text);
INSERT INTO flag_clauses (clause) VALUES
  ('true'), ('disabled'), ('NOT disabled'), ('disabled = true'), ('disabled = false'), ('disabled <> true'),
  ('disabled IS TRUE'), ('disabled IS FALSE'), ('disabled IS NOT TRUE'), ('disabled IS NOT FALSE'), ('disabled IS NULL'),
  ('disabled IS NOT NULL'), ('disabled AND NOT disabled'), ('disabled OR code = ''A-1'''), ('disabled AND code = ''D5'''),
  ('NOT disabled AND code = ''D5'''), ('NOT disabled AND code = ''A-1'''), ('disabled AND code = ''A-1'''), ('disabled = (1 = 1)'),
  ('disabled = current_setting(''is_superuser'')::boolean'), ('disabled > false'), ('code = ''none''');
-- in three orders, for what was learned by one query serves the next
CREATE FUNCTION flags(switches json) RETURNS TABLE(clause text, expected bigint, up bigint, down bigint, across bigint)
LANGUAGE plpgsql AS $$
DECLARE
  found bigint[][] := array_fill(NULL::bigint, ARRAY[22, 3]);
  key text;
  run int;
  n int;
  rows bigint;
BEGIN
  FOR run IN 1 .. 3 LOOP
    key := 'filters-' || md5(switches::text || run);
    PERFORM tenant(switches, key);
    EXECUTE format('ALTER USER MAPPING FOR CURRENT_USER SERVER filters OPTIONS (SET app_key %L)', key);
    FOR n, clause IN SELECT f.n, f.clause FROM flag_clauses AS f
                     ORDER BY (ARRAY[f.n, -f.n, f.n * 7 % 22])[run] LOOP
      EXECUTE format('SELECT count(*) FROM flagged WHERE %s', clause) INTO rows;
      found[n][run] := rows;
    END LOOP;
  END LOOP;
  EXECUTE 'ALTER USER MAPPING FOR CURRENT_USER SERVER filters OPTIONS (SET app_key ''filters'')';
  FOR n, clause IN SELECT f.n, f.clause FROM flag_clauses AS f ORDER BY f.n LOOP
    EXECUTE format('SELECT count(*) FROM local WHERE %s', clause) INTO expected;
    up := found[n][1];
    down := found[n][2];
    across := found[n][3];
    RETURN NEXT;
  END LOOP;
END
$$;
SELECT * FROM flags('{}');
SELECT switches, f.*
  FROM unnest(ARRAY['{"disabled_default": "all"}', '{"bool_json": "ignored"}', '{"bool_json": "none"}', '{"bool_json": "error"}',
                    '{"bool_json": "none", "bool_text": "none"}', '{"bool_json": "error", "bool_text": "ignored"}',
                    '{"bool_json": "ignored", "bool_text": "none"}', '{"Query.bool_json": "none", "QueryPage.bool_json": "ignored"}',
                    '{"disabled_default": "all", "bool_json": "ignored", "bool_text": "ignored", "bool_01": "ignored"}',
                    '{"disabled_default": "all", "bool_json": "none", "bool_text": "error"}']) AS switches,
       LATERAL (SELECT count(*), count(*) FILTER (WHERE up <> expected OR down <> expected OR across <> expected) AS wrong
                  FROM flags(switches::json)) AS f;
-- nothing that it understands, and it may hide records
SELECT flags('{"bool_json": "ignored", "bool_text": "ignored", "bool_01": "ignored"}');
-- what is sent: once it is learned, the flag alone
SELECT tenant();
SELECT count(*) FROM flagged WHERE disabled;
SELECT sent() IS NOT NULL AS learned;
SELECT count(*) FROM flagged WHERE NOT disabled;
SELECT sent();
ALTER FOREIGN TABLE flagged ALTER disabled OPTIONS (ADD filter_encoding '01');
SELECT count(*) FROM flagged WHERE disabled;
SELECT sent();
ALTER FOREIGN TABLE flagged ALTER disabled OPTIONS (SET filter_encoding 'TrueFalse');
SELECT count(*) FROM flagged WHERE disabled;
SELECT sent();
ALTER FOREIGN TABLE flagged ALTER disabled OPTIONS (SET filter_encoding 'text');
SELECT count(*) FROM flagged WHERE disabled;
SELECT sent();
ALTER FOREIGN TABLE flagged ALTER disabled OPTIONS (DROP filter_encoding);
ALTER FOREIGN TABLE flagged ALTER disabled OPTIONS (ADD filter_op 'none');
SELECT count(*) FROM flagged WHERE disabled;
ALTER FOREIGN TABLE flagged ALTER disabled OPTIONS (DROP filter_op);
SELECT sent();
-- another boolean is sent only as it is declared
ALTER FOREIGN TABLE item ADD COLUMN issale boolean;
SELECT count(*) FROM item WHERE issale;
ALTER FOREIGN TABLE item ALTER issale OPTIONS (ADD filter 'IsSale');
SELECT count(*) FROM item WHERE issale;
SELECT sent();
ALTER FOREIGN TABLE item ALTER issale OPTIONS (ADD filter_encoding '01');
SELECT count(*) FROM item WHERE NOT issale;
SELECT sent();
ALTER FOREIGN TABLE item DROP COLUMN issale;

--
-- Dates.  Whether T+ compares by equality or from below is to be declared.
--
ALTER FOREIGN TABLE item OPTIONS (ADD max_filter_requests '31');
CREATE TABLE dates (n int GENERATED ALWAYS AS IDENTITY, clause text);
INSERT INTO dates (clause) VALUES
  ($$made = '2026-03-01'$$), ($$made > '2026-03-01'$$), ($$made >= '2026-03-01'$$), ($$made < '2026-03-01'$$), ($$made <= '2026-03-01'$$),
  ($$'2026-03-01' <= made$$), ($$made BETWEEN '2026-02-27' AND '2026-03-02'$$), ($$made >= '2026-03-01' AND made < '2026-03-02'$$),
  ($$made BETWEEN '2026-03-02' AND '2026-03-01'$$), ($$made BETWEEN '2024-01-01' AND '2026-03-02'$$),
  ($$made = '2026-03-01' AND code = 'A-1'$$), ($$made = '2026-03-01' OR made = '2026-03-02'$$), ($$made <> '2026-03-01'$$),
  ($$made IN ('2026-03-01')$$), ($$made IN ('2026-03-01', '2026-03-02')$$), ($$made = NULL$$), ($$made IS NULL$$),
  ($$made = '1899-12-31'$$), ($$made = '2024-02-29'$$), ($$made >= '2100-01-01'$$), ($$made > '2100-01-01'$$),
  ($$made = timestamp '2026-03-01 00:00'$$), ($$made >= timestamp '2026-03-01 12:00'$$), ($$made < timestamp '2026-03-01 00:01'$$),
  ($$made = timestamptz '2026-03-01 00:00+08'$$), ($$made >= timestamptz '2026-03-01 00:00+00'$$), ($$made > timestamptz '2026-02-28 15:59:59.999999+00'$$),
  ($$made <= timestamptz '2026-03-01 23:59+14'$$), ($$made < timestamptz '2026-03-01 00:00-11'$$),
  ($$made > '-infinity'$$), ($$made < 'infinity'$$), ($$made = 'infinity'$$), ($$made >= '2026-03-01' AND made < 'infinity'$$),
  ($$made > '0044-03-15 BC'$$), ($$made >= '0001-01-01'$$), ($$made <= '9999-12-31'$$), ($$made < '5874897-12-31'$$), ($$made = '0001-01-01 BC'$$),
  ($$made_ts = '2026-03-01'$$), ($$made_ts >= '2026-03-01'$$), ($$made_ts > '2026-02-28 23:59:59'$$), ($$made_ts < '2026-03-01 00:00:00.000001'$$),
  ($$made_ts = date '2026-03-01'$$), ($$made_ts >= timestamptz '2026-03-01 00:00+00'$$), ($$made_ts < timestamptz '2026-03-01 12:00+08'$$),
  ($$made_ts BETWEEN '2026-02-28 12:00' AND '2026-03-01 12:00'$$), ($$made_ts < 'infinity'$$), ($$made_ts > '-infinity'$$), ($$made_ts > '4713-01-01 BC'$$),
  ($$made_tz = '2026-03-01 00:00+08'$$), ($$made_tz >= '2026-03-01 00:00+08'$$), ($$made_tz > '2026-02-28 15:59:59+00'$$), ($$made_tz < '2026-03-01 00:00+00'$$),
  ($$made_tz = '2026-03-01'$$), ($$made_tz >= date '2026-03-01'$$), ($$made_tz <= date '2026-03-01'$$), ($$made_tz >= timestamp '2026-03-01 06:00'$$),
  ($$made_tz BETWEEN '2026-02-28 00:00+08' AND '2026-03-01 00:00+08'$$), ($$made_tz < 'infinity'$$), ($$made_tz > '-infinity'$$),
  ($$made >= now() - (now() - timestamptz '2026-03-01 12:00+08')$$), ($$made_tz > now() - (now() - timestamptz '2026-03-01 12:00+08')$$),
  ($$made >= current_date - (current_date - date '2026-03-01')$$), ($$made_ts >= localtimestamp - (localtimestamp - timestamp '2026-03-01 12:00')$$),
  ($$made >= now() - interval '1 day'$$), ($$made >= current_date$$), ($$made_tz <= now()$$), ($$made = current_date - 1$$),
  ($$made >= '2026-03-01' AND made_ts < '2026-03-02'$$), ($$made_tz >= '2026-03-01 00:00+08' AND made <= '2026-03-01'$$),
  ($$made >= make_date(2026, 3, 1)$$), ($$made_text = '2026-03-01'$$), ($$made_text >= '2026-03-01'$$), ($$made::text = '2026-03-01'$$),
  ($$date_trunc('month', made) = '2026-03-01'$$), ($$made - 1 = '2026-02-28'$$), ($$made = made_ts$$), ($$NOT made < '2026-03-01'$$);
CREATE FUNCTION set_op(op text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER FOREIGN TABLE item ALTER made OPTIONS (SET filter_op %1$L), ALTER made_ts OPTIONS (SET filter_op %1$L),
                  ALTER made_tz OPTIONS (SET filter_op %1$L), ALTER made_text OPTIONS (SET filter_op %1$L)', op);
END
$$;
ALTER FOREIGN TABLE item ALTER made OPTIONS (ADD filter_op 'auto'), ALTER made_ts OPTIONS (ADD filter_op 'auto'),
  ALTER made_tz OPTIONS (ADD filter_op 'auto'), ALTER made_text OPTIONS (ADD filter_op 'auto');
-- nothing is declared, nothing is sent
SELECT tenant('{"disabled_default": "all", "made_compare": "gt"}');
SELECT sent, count(*), sum(missing) AS missing, sum(extra) AS extra FROM try((SELECT array_agg(clause ORDER BY n) FROM dates)) GROUP BY sent ORDER BY sent;
-- what each declaration sends (those around today aside)
SET timezone = 'Asia/Shanghai';
CREATE FUNCTION try_dates(op text, compare text) RETURNS TABLE(clause text, rows bigint, wrong bigint, sent text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tenant(json_build_object('disabled_default', 'all', 'made_compare', compare));
  PERFORM set_op(op);
  RETURN QUERY SELECT t.clause, t.rows, t.missing + t.extra, t.sent
    FROM try((SELECT array_agg(d.clause ORDER BY d.n) FROM dates AS d WHERE d.clause !~ 'interval|current_date($| - 1)|= now')) AS t;
END
$$;
SELECT * FROM try_dates('eq', 'eq');
SELECT clause, rows, wrong, sent FROM try_dates('ge', 'ge');
SELECT clause, rows, wrong, sent FROM try_dates('gt', 'gt') WHERE sent <> '{}';
SELECT clause, rows, wrong, sent FROM try_dates('le', 'le') WHERE sent <> '{}';
SELECT sent, count(*), sum(wrong) AS wrong FROM try_dates('none', 'gt') GROUP BY sent ORDER BY sent;
-- every declaration that is true, in sessions around the world, also where the
-- server keeps times or has another day than the account's
CREATE FUNCTION wrong_dates(op text, switches json) RETURNS TABLE(zone text, clause text, missing bigint, extra bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tenant(switches);
  PERFORM set_op(op);
  FOREACH zone IN ARRAY '{America/Los_Angeles,Pacific/Kiritimati,Pacific/Pago_Pago}'::text[] LOOP
    PERFORM set_config('timezone', zone, true);
    RETURN QUERY SELECT zone, w.* FROM wrong((SELECT array_agg(d.clause ORDER BY d.n) FROM dates AS d WHERE d.clause ~ 'made(_t[sz])? *([<>=]|BETWEEN)')) AS w;
  END LOOP;
END
$$;
SELECT * FROM wrong_dates('auto', '{"disabled_default": "all", "made_compare": "lt"}');
SELECT * FROM wrong_dates('eq', '{"disabled_default": "all", "made_compare": "eq"}');
SELECT * FROM wrong_dates('ge', '{"disabled_default": "all", "made_compare": "ge"}');
SELECT * FROM wrong_dates('ge', '{"disabled_default": "all", "made_compare": "ge", "made_zone": "utc"}');
SELECT * FROM wrong_dates('ge', '{"disabled_default": "all", "made_compare": "gt", "made_time": true}');
SELECT * FROM wrong_dates('gt', '{"disabled_default": "all", "made_compare": "gt", "made_zone": "utc"}');
SELECT * FROM wrong_dates('le', '{"disabled_default": "all", "made_compare": "le"}');
SELECT * FROM wrong_dates('le', '{"disabled_default": "all", "made_compare": "le", "made_time": true, "made_zone": "utc"}');
SET timezone = 'UTC';
-- the same where stopped records are hidden
ALTER FOREIGN TABLE item OPTIONS (SET variants 'auto');
SELECT * FROM wrong_dates('eq', '{"made_compare": "eq"}');
SELECT * FROM wrong_dates('ge', '{"made_compare": "ge"}');
SELECT * FROM wrong_dates('le', '{"made_compare": "le"}');
SELECT * FROM wrong_texts('{}');
ALTER FOREIGN TABLE item OPTIONS (SET variants 'none');
-- (a false declaration shows that this would see it)
SELECT count(*) > 0 AS seen FROM wrong_dates('ge', '{"disabled_default": "all", "made_compare": "eq"}');

-- limits of equality: how many days, and how far into the future
SELECT tenant('{"disabled_default": "all", "made_compare": "eq"}');
SELECT set_op('eq');
ALTER FOREIGN TABLE item OPTIONS (SET max_filter_requests '6');
SELECT clause, rows, missing, extra, sent FROM try(ARRAY[
  $$made BETWEEN '2026-02-27' AND '2026-03-02'$$, $$made BETWEEN '2026-02-26' AND '2026-03-02'$$, $$made = '2026-03-02'$$]);
ALTER FOREIGN TABLE item OPTIONS (SET max_filter_requests '1');
SELECT clause, rows, missing, extra, sent FROM try(ARRAY[$$made >= '2026-03-02' AND made_ts <= '2026-03-02'$$]);
-- whoever declares a horizon takes what lies behind it for nothing: one record is from 2100
ALTER FOREIGN TABLE item OPTIONS (SET max_filter_requests '10000', ADD date_horizon_days '0');
SET timezone = 'Asia/Shanghai';
SELECT count(*) = (SELECT count(*) FROM local WHERE made BETWEEN current_date - 3 AND current_date) AS as_declared
  FROM item WHERE made >= current_date - 3;
SELECT substring(sent() FROM '\([0-9]+\)$') AS requests;
SET timezone = 'UTC';
SELECT count(*) FROM item WHERE made > '2099-01-01';
SELECT sent();
ALTER FOREIGN TABLE item OPTIONS (SET max_filter_requests '31', DROP date_horizon_days);

-- each parameter has its own range
CREATE FOREIGN TABLE two_dates (id bigint, made date OPTIONS (field 'MadeRecordDate', filter_op 'ge'),
                                since timestamp OPTIONS (field 'CreatedTime', filter 'UpdateDateBegin', filter_op 'ge'))
  SERVER filters OPTIONS (resource 'inventory', variants 'none');
SELECT sim.switches('filters', '{"made_compare": "ge"}');
SELECT count(*) FROM two_dates WHERE made >= '2026-03-01' AND since >= '2026-05-01';
SELECT sent();
SELECT count(*) FROM two_dates WHERE since >= '2026-02-01' AND made >= '2026-06-01';
SELECT sent();
DROP FOREIGN TABLE two_dates;

--
-- Parameters, in custom and generic plans; columns of other tables
--
SELECT set_op('ge');
PREPARE params (date, text) AS SELECT count(*) FROM item WHERE made >= $1 AND code = $2;
PREPARE flag (boolean) AS SELECT count(*) FROM item WHERE disabled = $1;
PREPARE since (timestamptz) AS SELECT count(*) FROM item WHERE made >= $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE params('2026-03-01', 'D20');
EXECUTE params('2026-03-01', 'D%');
EXECUTE params(NULL, 'D20');
EXECUTE params('infinity', 'D20');
EXECUTE since('2026-03-01 00:00+00');
EXECUTE flag(true);
EXECUTE flag(false);
EXECUTE flag(NULL);
SET timezone = 'Pacific/Kiritimati';
EXECUTE since('2026-03-01 00:00+00');
SET timezone = 'UTC';
SELECT sent();
SET plan_cache_mode = force_custom_plan;
EXECUTE params('2026-03-01', 'D20');
EXECUTE params('2026-03-01', 'D%');
EXECUTE params(NULL, 'D20');
EXECUTE since('2026-03-01 00:00+00');
RESET plan_cache_mode;
SELECT sent();
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT v.c, (SELECT count(*) FROM item WHERE code = v.c), (SELECT count(*) FROM item WHERE made >= v.d)
  FROM (VALUES ('A-1', date '2026-03-02'), ('P%1', '2100-01-01'), ('x', 'infinity'), (NULL, NULL)) AS v (c, d);
SELECT sent();
SELECT count(*) FROM (VALUES ('A-1'), ('D20'), ('none')) AS v (c), LATERAL (SELECT * FROM item WHERE code = v.c OFFSET 0) AS i;
SELECT sent();
-- asked of QueryPage alone, it tells two scans apart as well
CREATE FOREIGN TABLE paged (id bigint, made date OPTIONS (field 'MadeRecordDate', page_filter_op 'eq'))
  SERVER filters OPTIONS (resource 'inventory', paging 'page');
SELECT v.d, (SELECT count(*) FROM paged WHERE made = v.d) = (SELECT count(*) FROM given WHERE made = v.d) AS same
  FROM (VALUES (date '2026-03-02'), ('2026-02-28'), ('2025-12-31'), ('2026-03-02')) AS v (d);
DROP FOREIGN TABLE paged;
RESET enable_hashjoin;
RESET enable_mergejoin;

--
-- Columns of other types: they may show less than T+ has
--
INSERT INTO given (code) VALUES (repeat('long', 20)), (repeat('长', 20) || 'x'), ('trai  ');
SELECT tenant('{"disabled_default": "all", "text_match": "exact"}');
CREATE FOREIGN TABLE typed (id bigint, code_n name OPTIONS (field 'Code'), code_5 varchar(5) OPTIONS (field 'Code'), code_u varchar OPTIONS (field 'Code'),
                            flag boolean OPTIONS (field 'Disabled'))
  SERVER filters OPTIONS (resource 'inventory', variants 'none', on_error 'null');
CREATE FUNCTION typed(clause text) RETURNS TABLE(rows bigint, sent text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM sim.ctl('clear', 'filters');
  EXECUTE 'SELECT count(*) FROM typed WHERE ' || clause INTO rows;
  typed.sent := sent();
  RETURN NEXT;
END
$$;
SELECT * FROM unnest(ARRAY[
  $$code_n = 'A-1'$$, $$code_n = 'A-1'::name$$, $$'A-1'::name = code_u$$, $$code_n = 'a-1'$$, $$code_n = repeat('long', 20)$$, $$code_n = repeat('long', 20)::name$$,
  $$code_n = repeat('长', 20)$$, $$code_n = repeat('长', 19)$$, $$code_n LIKE repeat('long', 15) || '%'$$, $$code_n LIKE 'A-%'$$, $$code_n IN ('A-1', 'B1')$$,
  $$code_n > 'z'$$, $$code_5 = 'trail'$$, $$code_5 = 'trai'$$, $$code_5 = 'A-1'$$, $$code_5 IN ('A-1', 'trail')$$, $$code_5 LIKE 'trail'$$, $$code_u = 'trail'$$, $$code_u = 'trail '$$,
  $$code_u = repeat('long', 20)$$, $$code_u = repeat('长', 20) || 'x'$$]) AS c (clause), typed(clause);

--
-- Alternatives, and tests
--
SELECT tenant('{"disabled_default": "all"}');
SELECT * FROM unnest(ARRAY[
  $$code_u = 'A-1' OR code_u = 'B1'$$, $$code_u = 'A-1' OR 'B1' = code_u$$, $$code_u = 'A-1' OR code_u IN ('B1', 'A-1')$$, $$code_u = ANY ('{A-1}') OR code_u = ANY ('{B1,NULL}')$$,
  $$code_u = 'A-1' OR (code_u = 'D5' AND flag)$$, $$(code_u = 'A-1' AND id = 1) OR (id > 0 AND code_u = 'B1')$$, $$code_u = 'A-1' OR flag$$, $$code_u = 'A-1' OR id = 7$$,
  $$code_u = 'A-1' OR code_u LIKE 'B%'$$, $$code_u LIKE 'A-%' OR code_u LIKE '%ad%'$$, $$code_u LIKE ANY ('{A-%,%ad%,A-%}')$$, $$code_u ILIKE ANY ('{a-1%,%ad%}')$$, $$code_u ILIKE '%D1%' OR code_u ILIKE '%D2%'$$,
  $$code_u LIKE 'A-%' OR code_u ILIKE 'b%'$$, $$code_u LIKE ALL ('{A-%,%1}')$$, $$code_u NOT LIKE ANY ('{A-%,%1}')$$, $$code_u LIKE ANY ('{A-%,%}')$$, $$code_u LIKE ANY ('{A-%,NULL}')$$, $$code_u LIKE ANY ('{}')$$, $$code_u LIKE 'A%' AND code_u LIKE ANY ('{%1,%2}')$$,
  $$code_u = 'A-1' OR code_u IS NULL$$, $$code_u = 'A-1' OR code_u <> 'B1'$$, $$code_u = 'A-1' OR code_u = 'P%1'$$,
  $$code_u = 'A-1' OR code_u = ANY ('{{B1,D5},{D6,D7}}')$$, $$code_u = 'A-1' OR code_u = ANY (NULL::text[])$$, $$NOT (code_u <> 'A-1' AND code_u <> 'B1')$$,
  $$id = 1 OR id = 7::smallint$$, $$id IN (1, 7) OR id = 8$$,
  $$(code_u = 'A-1') IS TRUE$$, $$(code_u = 'A-1') IS NOT FALSE$$, $$(code_u = 'A-1') IS NOT TRUE$$, $$(code_u = 'A-1' OR code_u = 'B1') IS TRUE$$,
  $$flag IN (true)$$, $$flag = ANY ('{t,t,NULL}')$$, $$flag IN (true, false)$$, $$flag IN (true, NULL)$$, $$flag IS NOT TRUE$$, $$flag IS NULL$$, $$flag IS NOT NULL$$]) AS c (clause), typed(clause);
-- where stopped records hide, they are not asked for in vain
ALTER FOREIGN TABLE typed OPTIONS (SET variants 'auto');
SELECT tenant();
SELECT * FROM unnest(ARRAY[
  $$true$$, $$flag IS NOT TRUE$$, $$flag IS NOT FALSE$$, $$flag IS UNKNOWN$$, $$flag IS NULL$$, $$flag IS NOT TRUE AND code_u = 'D5'$$, $$flag AND flag IS NOT TRUE$$, $$NOT flag AND flag IS NOT NULL$$,
  $$flag IS NOT TRUE OR code_u = 'D5'$$]) AS c (clause), typed(clause);
SELECT tenant('{"disabled_default": "all"}');
SELECT * FROM unnest(ARRAY[$$flag IS NOT TRUE$$, $$flag IS NULL$$]) AS c (clause), typed(clause);
DROP FOREIGN TABLE typed;
DELETE FROM given WHERE n > 82;
SELECT tenant('{"disabled_default": "all"}');

--
-- Reasons
--
CREATE FUNCTION reasons(clause text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) SELECT id FROM item WHERE ' || clause INTO plan;
  plan := plan -> 0 -> 'Plan';
  RETURN QUERY SELECT 'sent: ' || p FROM json_array_elements_text(plan -> 'T+ Pushed') AS p;
  RETURN QUERY SELECT 'local: ' || p FROM json_array_elements_text(plan -> 'T+ Local') AS p;
END
$$;
CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT reasons(clause) FROM unnest(ARRAY[
  $$code = 'A-1'$$, $$code = 'P%1'$$, $$code = ''$$, $$code <> 'A-1'$$, $$code > 'A-1'$$, $$code = name$$, $$code = 'A-' || round(random() * 0 + 1)$$,
  $$code = 'a-1' COLLATE ci$$, $$code LIKE 'A%'$$, $$code IN ('A-1', 'B1')$$,
  $$code = 'A-1'::name$$, $$upper(code) = 'A-1'$$, $$code IS NOT NULL$$, $$id = 5$$, $$id > 5$$, $$disabled$$, $$disabled IS NOT TRUE$$,
  $$made >= '2026-03-01'$$, $$made < '2026-03-01'$$, $$made >= '-infinity'$$, $$made_text = '2026-03-01'$$,
  $$ts > '0000000000913000'$$, $$ts > 'x'$$, $$ts < '0000000000913000'$$, $$shorthand = 'x' OR disabled$$]) AS clause;
SELECT set_op('auto');
SELECT reasons($$made >= '2026-03-01'$$);
SELECT set_op('le');
SELECT reasons($$made >= '2026-03-01'$$);
SELECT set_op('like');
SELECT reasons($$made >= '2026-03-01'$$);
SELECT set_op('none');
SELECT reasons($$made >= '2026-03-01'$$);
SELECT set_op('eq');
SELECT reasons($$made >= '2026-03-01'$$);
SELECT reasons($$made <= '2026-03-01'$$);
SELECT reasons($$made >= '2026-03-01' AND made < '2026-03-05'$$);
SELECT reasons($$made >= '2026-01-01' AND made < '2026-03-05'$$);
ALTER FOREIGN TABLE item OPTIONS (ADD fixed_params '{"Code": "A-1"}');
SELECT reasons($$code = 'A-1'$$);
ALTER FOREIGN TABLE item OPTIONS (DROP fixed_params);
ALTER FOREIGN TABLE item ALTER code OPTIONS (ADD filter_op 'none'), ALTER name TYPE varchar(100), ALTER specification TYPE char(20);
SELECT reasons($$code = 'A-1'$$);
SELECT reasons($$name = 'bolt'$$);
SELECT reasons($$specification = 'M8'$$);
ALTER FOREIGN TABLE item ALTER code OPTIONS (DROP filter_op), ALTER name TYPE text, ALTER specification TYPE text;
ALTER FOREIGN TABLE item ALTER code TYPE text COLLATE ci;
SELECT reasons($$code = 'a-1'$$);
SELECT count(*) FROM item WHERE code = 'a-1';
SELECT sent();
ALTER FOREIGN TABLE item ALTER code TYPE text COLLATE "C";

--
-- Nothing is sent where it is turned off
--
ALTER FOREIGN TABLE item OPTIONS (ADD pushdown 'false');
SELECT set_op('ge');
SELECT reasons($$code = 'A-1' AND disabled AND ts > '0000000000913000' AND made = '2026-03-01' AND id = 1$$);
SELECT sent, count(*), sum(missing + extra) AS wrong
  FROM try(ARRAY[$$code = 'A-1'$$, $$disabled$$, $$id = 1$$, $$inventoryclasscode = '01'$$, $$ts > '0000000000913000'$$, $$made = '2026-03-01'$$])
 GROUP BY sent;
SELECT first_cursor FROM try(ARRAY[$$ts > '0000000000913000'$$]);
ALTER FOREIGN TABLE item OPTIONS (DROP pushdown);

\set ECHO none
SET client_min_messages = error;
DROP SERVER filters CASCADE;
DROP SCHEMA filters CASCADE;
