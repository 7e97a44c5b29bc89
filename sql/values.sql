--
-- What becomes of a value on its way from a JSON record into a column.
--
-- Each test scripts the reply to the next request, byte by byte.
--
\getenv url TPLUS_SIM_URL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tplus_fdw;
RESET client_min_messages;
CREATE SCHEMA value_test;
SET search_path = value_test;
CREATE SERVER value_server FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'url', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER value_server
  OPTIONS (app_key 'values', app_secret 'sim-secret', open_token 'sim-open-token');

CREATE PROCEDURE reply(body bytea) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('COPY (SELECT 1) TO PROGRAM %L',
    format('$TPLUS_SIMCTL fault values ''%s'' >/dev/null',
      json_build_object('action', 'body', 'body_b64',
        replace(encode(body, 'base64'), E'\n', ''))));
END $$;
CREATE PROCEDURE reply(body text) LANGUAGE sql AS
  $$ CALL reply(convert_to(body, 'UTF8')) $$;
\! $TPLUS_SIMCTL tenant values '{"records": 0}' >/dev/null

\pset null NULL
-- Neither may change what a value means.
SET TimeZone = 'America/New_York';
SET DateStyle = 'German, DMY';
SET IntervalStyle = 'sql_standard';

--
-- Text
--
CREATE FOREIGN TABLE v_text (id bigint OPTIONS (field 'ID'), a text OPTIONS (field 'A'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"A":"a"},{"ID":2,"A":""},{"ID":3,"A":null},{"ID":4},{"ID":5,"A":" b "},
  {"ID":6,"A":true},{"ID":7,"A":false},{"ID":8,"A":"True"},{"ID":9,"A":9007199254740993}]');
SELECT id, a, length(a) FROM v_text;
CALL reply('[{"ID":1,"A":0.12345678901234567890},{"ID":2,"A":1E+2},{"ID":3,"A":-0.0},
  {"ID":4,"A":[1.50,{"b":"c\"","d":null}]},{"ID":5,"A":{}},{"ID":6,"A":[]}]');
SELECT id, a FROM v_text;
-- escapes, and characters of four bytes
CALL reply('[{"ID":1,"A":"\" \\ \/ \b \f \n \r \t"},{"ID":2,"A":"\u4e2d\u6587 \ud83d\ude00"},{"ID":3,"A":"中文 😀 𠮷"}]');
SELECT id, to_json(a), length(a), octet_length(a) FROM v_text;
-- what is no text
CALL reply('[{"ID":"A-1","A":"a\u0000b"}]');
SELECT a FROM v_text;
CALL reply('\x5b7b224944223a372c2241223a22 61ff62 227d5d'::bytea);
SELECT a FROM v_text;
CALL reply('\x5b7b224944223a372c2241223a22 61c0afc3 227d5d'::bytea);
SELECT a FROM v_text;
CALL reply('\x5b7b224944223a372c2241223a22 eda080 227d5d'::bytea);
SELECT a FROM v_text;
-- nobody reads them here
CALL reply('[{"ID":1,"A":"fine","B":"a\u0000b"}]');
SELECT a FROM v_text;

CREATE FOREIGN TABLE v_strings (v varchar(3) OPTIONS (field 'A'), c char(3) OPTIONS (field 'A'),
    n name OPTIONS (field 'A'), u varchar OPTIONS (field 'A'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"A":"中文字"},{"ID":2,"A":""},{"ID":3,"A":null},{"ID":4,"A":"ab   "},{"ID":5,"A":1.0}]');
SELECT *, octet_length(v), octet_length(c) FROM v_strings;
CALL reply('[{"ID":1,"A":"中文字节"}]');
SELECT * FROM v_strings;

--
-- Booleans
--
CREATE FOREIGN TABLE v_boolean (id int OPTIONS (field 'ID'), a boolean OPTIONS (field 'A'), t text OPTIONS (field 'A'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"A":true},{"ID":2,"A":"True"},{"ID":3,"A":"true"},{"ID":4,"A":"1"},{"ID":5,"A":1},{"ID":6,"A":"是"},{"ID":7,"A":" yes "}]');
SELECT * FROM v_boolean WHERE a;
CALL reply('[{"ID":1,"A":false},{"ID":2,"A":"False"},{"ID":3,"A":"FALSE"},{"ID":4,"A":"0"},{"ID":5,"A":0},{"ID":6,"A":"否"},{"ID":7,"A":"off"}]');
SELECT * FROM v_boolean WHERE NOT a;
CALL reply('[{"ID":1,"A":null},{"ID":2,"A":""},{"ID":3}]');
SELECT * FROM v_boolean;
CALL reply('[{"ID":1,"A":2}]');
SELECT a FROM v_boolean;
CALL reply('[{"ID":1,"A":[true]}]');
SELECT a FROM v_boolean;

--
-- Numbers
--
CREATE FOREIGN TABLE v_integer (b bigint OPTIONS (field 'A'), i integer OPTIONS (field 'B'), s smallint OPTIONS (field 'C'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"A":9007199254740993,"B":2147483647,"C":32767},{"ID":2,"A":"-9223372036854775808","B":"-2147483648","C":"-32768"},
  {"ID":3,"A":"15.000000","B":15.0,"C":"015"},{"ID":4,"A":1.5E+1,"B":"150e-1","C":0.00015e5},
  {"ID":5,"A":"9223372036854775807.00","B":-0.0,"C":" 7 "},{"ID":6,"A":"","B":null}]');
SELECT * FROM v_integer;
-- nothing is rounded
CALL reply('[{"ID":1,"A":15.5}]');
SELECT b FROM v_integer;
CALL reply('[{"ID":1,"A":"9223372036854775808"}]');
SELECT b FROM v_integer;
CALL reply('[{"ID":1,"B":2147483648.0}]');
SELECT i FROM v_integer;
CALL reply('[{"ID":1,"C":3.2768E+4}]');
SELECT s FROM v_integer;
CALL reply('[{"ID":1,"A":1E+400}]');
SELECT b FROM v_integer;
CALL reply('[{"ID":1,"A":1E-99999999999999999999}]');
SELECT b FROM v_integer;
CALL reply('[{"ID":1,"A":true}]');
SELECT b FROM v_integer;
CALL reply('[{"ID":1,"A":"1,500"}]');
SELECT b FROM v_integer;

CREATE FOREIGN TABLE v_numeric (n numeric OPTIONS (field 'A'), s numeric(10,2) OPTIONS (field 'B'), f float8 OPTIONS (field 'A'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"A":123456789012345678901234567890,"B":1.5},{"ID":2,"A":"0.123456789012345678901234567890","B":"1.005"},
  {"ID":3,"A":"50.000000","B":"50.000000"},{"ID":4,"A":1E+2,"B":1e-2},{"ID":5,"A":19999999999999.995},{"ID":6,"A":-1.50E-3},
  {"ID":7,"A":"","B":""}]');
SELECT n, s FROM v_numeric;
CALL reply('[{"ID":1,"A":0.1},{"ID":2,"A":"1E+2"}]');
SELECT n, f FROM v_numeric;
CALL reply('[{"ID":1,"B":123456789}]');
SELECT s FROM v_numeric;
CALL reply('[{"ID":1,"A":1e400}]');
SELECT f FROM v_numeric;
-- what only some releases of PostgreSQL take for numbers
CREATE FOREIGN TABLE v_odd (id int OPTIONS (field 'ID'), a text OPTIONS (field 'A'), b bigint OPTIONS (field 'A'), n numeric OPTIONS (field 'A'),
    f float8 OPTIONS (field 'A'), r real OPTIONS (field 'A'), e jsonb OPTIONS (field '$error'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
CALL reply('[{"ID":1,"A":"1_000"},{"ID":2,"A":"0x1F"},{"ID":3,"A":"0o17"},{"ID":4,"A":"0b1"},{"ID":5,"A":"0X1p3"},{"ID":6,"A":"1_0.5"},{"ID":7,"A":" 31 "}]');
SELECT a, b, n, f, r, jsonb_path_query_array(e, '$[*].sqlstate') AS errors FROM v_odd ORDER BY id;
CALL reply('[{"ID":1,"A":"1_000"}]');
SELECT n FROM v_numeric;

--
-- Dates and times
--
CREATE FOREIGN TABLE v_time (id int OPTIONS (field 'ID'), d date OPTIONS (field 'A'), t timestamptz OPTIONS (field 'A'), l timestamp OPTIONS (field 'A'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CREATE VIEW v_time_iso AS SELECT id, to_char(d, 'YYYY-MM-DD') AS d,
  to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') AS t_utc, to_char(l, 'YYYY-MM-DD HH24:MI:SS.MS') AS l FROM v_time;
CALL reply('[{"ID":1,"A":"2026-01-02"},{"ID":2,"A":"2026-01-02 00:00:00"},{"ID":3,"A":"2026-01-02T00:00:00"},
  {"ID":4,"A":"2026-01-02 23:59:59.5"},{"ID":5,"A":"2026/1/2 0:00:00"},{"ID":6,"A":"20260102"},{"ID":7,"A":""},{"ID":8,"A":null}]');
SELECT * FROM v_time_iso;
-- with a zone: the date is the one at the server
CALL reply('[{"ID":1,"A":"2026-01-02T20:00:00Z"},{"ID":2,"A":"2026-01-02 20:00:00+08:00"},{"ID":3,"A":"2026-01-02 02:00:00+1200"},{"ID":4,"A":"2026-01-02T10:00:00.123-05"}]');
SELECT * FROM v_time_iso;
-- summer time in China
CALL reply('[{"ID":1,"A":"1988-07-01 12:00:00"}]');
SELECT * FROM v_time_iso;
ALTER SERVER value_server OPTIONS (ADD timezone 'UTC');
CALL reply('[{"ID":1,"A":"2026-01-02"},{"ID":2,"A":"2026-01-02 12:00:00"},{"ID":3,"A":"2026-01-02T20:00:00+08:00"}]');
SELECT * FROM v_time_iso;
ALTER SERVER value_server OPTIONS (DROP timezone);
CALL reply('[{"ID":1,"A":"2026-02-30"}]');
SELECT d FROM v_time;
CALL reply('[{"ID":1,"A":"02/01/2026"}]');
SELECT d FROM v_time;
CALL reply('[{"ID":1,"A":20260102.5}]');
SELECT t FROM v_time;
CALL reply('[{"ID":1,"A":true}]');
SELECT l FROM v_time;

--
-- JSON
--
CREATE FOREIGN TABLE v_json (b jsonb OPTIONS (field 'A'), j json OPTIONS (field 'A'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"A":{"z":1,"a":[9007199254740993,1.50,1E+2]}},{"ID":2,"A":"text \"\u4e2d\ud83d\ude00"},{"ID":3,"A":1.50},{"ID":4,"A":true},
  {"ID":5,"A":null},{"ID":6,"A":""},{"ID":7,"A":[]},{"ID":8}]');
SELECT b, j FROM v_json;
CALL reply('[{"ID":1,"A":{"a":"x\u0000"}}]');
SELECT b FROM v_json;
CALL reply('[{"ID":1,"A":{"x\u0000":1}}]');
SELECT b FROM v_json;
CALL reply('[{"ID":1,"A":[{"a":1,"a":1}]}]');
SELECT b FROM v_json;

-- the whole record
CREATE FOREIGN TABLE v_record (r jsonb OPTIONS (field '*'), j json OPTIONS (field '*'), t text OPTIONS (field '*'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"A":9007199254740993,"B":0.12345678901234567890,"C":1E+2,"Ref":{"Code":"x"},"X":[1,"2"]}]');
SELECT r, j, t FROM v_record;
CALL reply('[{"ID":1,"A":1,"A":2}]');
SELECT r FROM v_record;

--
-- Other types go through their input functions
--
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN required AS text NOT NULL;
CREATE DOMAIN code AS varchar(4);
CREATE DOMAIN moment AS timestamptz CHECK (VALUE > '2000-01-01 00:00:00+00');
CREATE DOMAIN flag AS boolean;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FOREIGN TABLE v_other (u uuid OPTIONS (field 'U'), i integer[] OPTIONS (field 'I'), m mood OPTIONS (field 'M'),
    y bytea OPTIONS (field 'Y'), v interval OPTIONS (field 'V'), r tstzrange OPTIONS (field 'R'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"U":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11","I":"{1,2}","M":"ok","Y":"\\x4142","V":"-1 2:03:04","R":"[2026-01-02,2026-01-03)"},
  {"ID":2,"U":"","I":"","M":"","Y":"","V":"","R":""}]');
SELECT u, i, m, y, extract(epoch FROM v) AS v, extract(epoch FROM lower(r)) AS r FROM v_other;
CALL reply('[{"ID":1,"U":"x"}]');
SELECT u FROM v_other;
CALL reply('[{"ID":1,"M":"angry"}]');
SELECT m FROM v_other;
CALL reply('[{"ID":1,"I":[1,2]}]');
\set VERBOSITY terse
SELECT i FROM v_other;
\set VERBOSITY default

CREATE FOREIGN TABLE v_domain (p positive OPTIONS (field 'P'), q required OPTIONS (field 'Q'), c code OPTIONS (field 'C'),
    m moment OPTIONS (field 'M'), f flag OPTIONS (field 'F'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"P":"5.00","Q":"","C":"","M":"2026-01-02","F":"是"},{"ID":2,"P":"","Q":"q","C":"abcd","M":"","F":""}]');
SELECT p, q, c, extract(epoch FROM m) AS m, f FROM v_domain;
CALL reply('[{"ID":1,"P":0}]');
SELECT p FROM v_domain;
CALL reply('[{"ID":1,"Q":null}]');
SELECT q FROM v_domain;
CALL reply('[{"ID":1}]');
SELECT q FROM v_domain;
CALL reply('[{"ID":1,"C":"abcde"}]');
SELECT c FROM v_domain;
CALL reply('[{"ID":1,"M":"1999-12-31"}]');
SELECT m FROM v_domain;

--
-- Where a field is found
--
CREATE FOREIGN TABLE v_field (id int OPTIONS (field 'ID'), class text OPTIONS (field 'InventoryClass.Code'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"InventoryClass":{"Code":"nested"}},{"ID":2,"InventoryClassCode":"flat"},{"ID":3,"InventoryClass.Code":"dotted"},
  {"ID":4,"inventoryclass":{"CODE":"nested, no case"}},{"ID":5,"INVENTORYCLASSCODE":"flat, no case"},{"ID":6,"inventoryClass.code":"dotted, no case"},
  {"ID":7,"InventoryClass":null},{"ID":8,"InventoryClass":{"Code":null}},{"ID":9,"InventoryClass":""}]');
SELECT * FROM v_field;
-- exact spellings come first, and dots before nests before neither
CALL reply('[{"ID":1,"InventoryClassCode":"flat","InventoryClass":{"Code":"nested"},"InventoryClass.Code":"dotted"},
  {"ID":2,"InventoryClassCode":"flat","InventoryClass":{"Code":"nested"}},{"ID":3,"inventoryclass.code":"dotted, no case","InventoryClassCode":"flat"},
  {"ID":4,"InventoryClassCode":"flat","InventoryClass":null},{"ID":5,"InventoryClassCode":"flat","InventoryClass":{"Name":"x"}},
  {"ID":6,"InventoryClass":"text"},{"ID":7,"InventoryClass":[{"Code":"x"}]}]');
SELECT * FROM v_field;
CALL reply('[{"ID":"15","InventoryClassCode":"a","InventoryClassCode":"a"}]');
SELECT class FROM v_field;
CALL reply('[{"ID":"15","InventoryClass":{"Code":"a","Code":"a"}}]');
SELECT class FROM v_field;
CALL reply('[{"ID":"15","inventoryclasscode":"a","INVENTORYCLASSCODE":"b"}]');
SELECT class FROM v_field;
-- a column needs no field if its name is one
CREATE FOREIGN TABLE v_name (id int, code text, inventoryclassname text, ts text, "规格" text)
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":"15","Code":"c","InventoryClassName":"n","TS":"00000000000000ff","规格":"g"}]');
SELECT * FROM v_name;
-- a field that no record has
SELECT json_agg(json_build_object('ID', g)) AS body FROM generate_series(1, 12) g \gset
CALL reply(:'body');
SELECT count(id), count(class) FROM v_field;

-- custom fields
CREATE FOREIGN TABLE v_custom (id int OPTIONS (field 'ID'), a text OPTIONS (field 'priuserdefnvc1'), n numeric OPTIONS (field 'priuserdefdecm1'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"DynamicPropertyKeys":["priuserdefnvc1","priuserdefdecm1"],"DynamicPropertyValues":["a","1.50"]},
  {"ID":2,"DynamicPropertyKeys":["PriUserDefDecm1","PriUserDefNvc1"],"DynamicPropertyValues":["2.50",null]},
  {"ID":3,"DynamicPropertyKeys":["priuserdefnvc1"],"DynamicPropertyValues":["not this"],"priuserdefnvc1":"this"},
  {"ID":4,"DynamicPropertyKeys":[],"DynamicPropertyValues":null},{"ID":5}]');
SELECT * FROM v_custom;
CALL reply('[{"ID":6,"DynamicPropertyKeys":["priuserdefnvc1","priuserdefdecm1"],"DynamicPropertyValues":["1.50"]}]');
SELECT n FROM v_custom;
CALL reply('[{"ID":7,"DynamicPropertyKeys":["priuserdefnvc1","priuserdefnvc1"],"DynamicPropertyValues":["1.50","2.50"]}]');
SELECT a FROM v_custom;

-- a message repeats no more of a value than one can read
CALL reply(format('[{"ID":"%s","A":"%s"}]', repeat('k', 200), repeat('中', 500)));
SELECT b FROM v_integer;

--
-- on_error 'null'
--
CREATE FOREIGN TABLE v_soft (id int OPTIONS (field 'ID'), b bigint OPTIONS (field 'B'), n numeric(5,2) OPTIONS (field 'N'),
    f boolean OPTIONS (field 'F'), d date OPTIONS (field 'D'), t timestamptz OPTIONS (field 'T'), c varchar(3) OPTIONS (field 'C'),
    x text OPTIONS (field 'X'), j jsonb OPTIONS (field 'J'), e jsonb OPTIONS (field '$error'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
CALL reply('[{"ID":1,"B":"15","N":1.5,"F":"True","D":"2026-01-02","T":"2026-01-02","C":"abc","X":"x","J":{}},
  {"ID":2,"B":"15.5","N":"1,5","F":"vielleicht","D":"2026-02-30","T":"gestern","C":"abcd","X":"a\u0000","J":{"a":1,"a":2}},
  {"ID":3,"B":9223372036854775808,"N":999.995,"F":2,"D":"01.02.","T":"2026-01-02 25:00","C":["a"],"J":["\u0000"]}]');
SELECT id, b, n, f, d, t, c, x, j, e IS NULL AS good FROM v_soft;
CALL reply('[{"ID":2,"B":"15.5","N":"1,5","F":"vielleicht","D":"2026-02-30","T":"gestern","C":"abcd","X":"a\u0000","J":{"a":1,"a":2}}]');
SELECT p->>'column' AS "column", p->>'value' AS value, p->>'sqlstate' AS sqlstate, p->>'message' AS message FROM v_soft, jsonb_array_elements(e) p;
CALL reply('[{"ID":3,"B":9223372036854775808,"N":999.995,"F":2,"D":"01.02.","T":"2026-01-02 25:00","C":["a"],"J":["\u0000"]}]');
SELECT p->>'column' AS "column", p->>'value' AS value, p->>'sqlstate' AS sqlstate, p->>'message' AS message FROM v_soft, jsonb_array_elements(e) p;
CALL reply('\x5b7b224944223a372c2258223a22 61ff62 227d5d'::bytea);
SELECT x, e->0->>'value' AS value, e->0->>'sqlstate' AS sqlstate FROM v_soft;
-- only columns that are read are converted, and $error reads them all
CALL reply('[{"ID":2,"N":"x"}]');
SELECT n FROM v_soft;
CALL reply('[{"ID":2,"B":"15.5","N":"x"}]');
SELECT n, jsonb_array_length(e) FROM v_soft;
-- a domain may have no room for null; a key twice is no value
CREATE FOREIGN TABLE v_soft_domain (p positive OPTIONS (field 'P'), q required OPTIONS (field 'Q'), m mood OPTIONS (field 'M'),
    e text OPTIONS (field '$error'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
CALL reply('[{"ID":1,"P":0,"Q":"q","M":"angry"}]');
SELECT * FROM v_soft_domain;
CALL reply('[{"ID":1,"P":1,"Q":"a\u0000","M":"ok"}]');
SELECT * FROM v_soft_domain;
CALL reply('[{"ID":1,"P":1,"P":2}]');
SELECT p FROM v_soft_domain;
-- without on_error there is nothing to tell
CREATE FOREIGN TABLE v_hard (b bigint OPTIONS (field 'B'), e jsonb OPTIONS (field '$error'))
  SERVER value_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply('[{"ID":1,"B":1}]');
SELECT * FROM v_hard;
CALL reply('[{"ID":1,"B":"x"}]');
SELECT * FROM v_hard;

-- What is refused softly is what the input function refuses, with the same
-- SQLSTATE; only what T+ spells differently is taken in addition.  Dates and
-- times have a grammar of their own: see times.sql.
SET TimeZone = 'Asia/Shanghai';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE TABLE plain (s smallint, i integer, b bigint, n numeric, n2 numeric(5,2), n3 numeric(2,-3), f boolean, t text,
  v varchar(3), c char(3), d date, l timestamp, z timestamptz, z0 timestamptz(0), r real, u uuid, p positive, m mood, a integer[], y bytea, o time, w interval);
DO $$
BEGIN
  EXECUTE (SELECT format('CREATE FOREIGN TABLE v_all (value text OPTIONS (field ''A''), e jsonb OPTIONS (field ''$error''), %s)
      SERVER value_server OPTIONS (resource ''inventory'', paging ''none'', variants ''none'', on_error ''null'')',
      string_agg(format('%I %s OPTIONS (field ''A'')', attname, format_type(atttypid, atttypmod)), ', '))
    FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attnum > 0);
END $$;
CREATE FUNCTION by_input(col text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('SELECT %I::text FROM json_populate_record(NULL::plain, json_build_object(%L, %L))', col, col, value) INTO result;
  RETURN result;
EXCEPTION WHEN others THEN
  RETURN sqlstate;
END $$;
CREATE TABLE texts AS SELECT row_number() OVER () AS id, v AS value FROM unnest(ARRAY['1', '0', '-1', '32767', '32768', '-32768', '-32769',
  '2147483648', '-2147483649', '9223372036854775807', '9223372036854775808', '-9223372036854775809', '1e30', '1e400', '1e-400', '1e131072',
  '1e-16384', ' 15 ', '15x', '+15', '- 15', '+', 'NaN', 'Infinity', ' -inf ', 'infinit', '.', '.5', '5.', '1e', '1e5', '1 e5', '999.994', '999.995',
  '-999.995', '99499', '99500', '0.009999', 'true', 't', ' yes ', 'ye', 'o', 'of', 'abc', 'abcd', 'abc ', 'abc    ', '中文字', '中文字节',
  '2026-01-02', '2026-01-02 10:00:00.999999', '2026-01-02T10:00', '2026-1-2', '2026/01/02', '2026-13-01', '2026-02-29', '2024-02-29', '10000-01-01',
  '300000-01-01', '6000000-01-01', '0001-01-01', '0000-01-01', 'epoch', 'yesterdy', '01/02/2026', '2026-01-02 24:00', '2026-01-02 10:60',
  '2026-01-02 10:00:00+20', '2026-01-02 10:00:00+08:00', '1988-04-17 02:30', '4714-11-23 BC', '10:00', '{1,2}', '{1,2', 'ok', 'sad ',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x41', '\x4', '1 day', 'P1Y']) AS v;
SELECT json_agg(json_build_object('ID', id, 'A', value)) AS body FROM texts \gset
CALL reply(:'body');
CREATE TABLE softly AS SELECT * FROM v_all;
SELECT count(*) FROM softly;
SELECT value, col, by_input(col, value), coalesce(problem->>'sqlstate', shown->>col) AS got
  FROM softly, LATERAL (SELECT to_jsonb(x) FROM (SELECT s::text, i::text, b::text, n::text, n2::text, n3::text, f::text, t::text, v::text,
      c::text, d::text, l::text, z::text, z0::text, r::text, u::text, p::text, m::text, a::text, y::text, o::text, w::text) x) AS all_columns(shown)
    CROSS JOIN LATERAL jsonb_object_keys(shown) AS col
    LEFT JOIN LATERAL jsonb_array_elements(e) AS problems(problem) ON problem->>'column' = col
  WHERE col <> ALL ('{d,l,z,z0,o}') AND by_input(col, value) IS DISTINCT FROM coalesce(problem->>'sqlstate', shown->>col) ORDER BY col, value COLLATE "C";

-- Clean up
\! $TPLUS_SIMCTL DELETE /_sim/tenants/values >/dev/null
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
RESET search_path;
SET client_min_messages = warning;
DROP SERVER value_server CASCADE;
DROP SCHEMA value_test CASCADE;
