--
-- Dates and times as T+ spells them, and what is no spelling of T+'s.
--
-- Each test scripts the reply to the next request.
--
\getenv url TPLUS_SIM_URL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tplus_fdw;
RESET client_min_messages;
CREATE SCHEMA times_test;
SET search_path = times_test;
CREATE SERVER times_server FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'url', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER times_server
  OPTIONS (app_key 'times', app_secret 'sim-secret', open_token 'sim-open-token');
\! $TPLUS_SIMCTL tenant times '{"records": 0}' >/dev/null
\pset null NULL

-- The next reply: a record for each text.
CREATE FUNCTION records(texts text[]) RETURNS text LANGUAGE sql AS $$
  SELECT json_agg(json_build_object('ID', i, 'A', texts[i]) ORDER BY i)::text FROM generate_subscripts(texts, 1) i
$$;
CREATE PROCEDURE reply(body text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('COPY (SELECT 1) TO PROGRAM %L',
    format('$TPLUS_SIMCTL fault times ''%s'' >/dev/null',
      json_build_object('action', 'body', 'body_b64',
        replace(encode(convert_to(body, 'UTF8'), 'base64'), E'\n', ''))));
END $$;

CREATE DOMAIN day AS date;
CREATE DOMAIN workday AS day CHECK (extract(isodow FROM VALUE) < 6);
CREATE DOMAIN instant AS timestamptz(0);
CREATE FOREIGN TABLE moment (id int OPTIONS (field 'ID'), a text OPTIONS (field 'A'),
    d date OPTIONS (field 'A'), l timestamp OPTIONS (field 'A'), z timestamptz OPTIONS (field 'A'), o time OPTIONS (field 'A'),
    l0 timestamp(0) OPTIONS (field 'A'), z3 timestamptz(3) OPTIONS (field 'A'), dd day OPTIONS (field 'A'), zz instant OPTIONS (field 'A'),
    e jsonb OPTIONS (field '$error'))
  SERVER times_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
-- Whether all columns agree is in the last one.
CREATE VIEW shown AS
  SELECT a, to_char(d, 'YYYY-MM-DD') AS d, to_char(l, 'YYYY-MM-DD HH24:MI:SS.US') AS l,
    to_char(z AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS utc, o::text AS o,
    jsonb_path_query_first(e, '$[*] ? (@.column == "d").sqlstate') #>> '{}' AS error,
    d IS NOT DISTINCT FROM dd AND d IS NOT DISTINCT FROM l::date AND l::timestamp(0) IS NOT DISTINCT FROM l0 AND
    l IS NOT DISTINCT FROM z AT TIME ZONE 'Asia/Shanghai' AND z::timestamptz(3) IS NOT DISTINCT FROM z3 AND
    z::timestamptz(0) IS NOT DISTINCT FROM zz AND (o IS NULL OR d IS NULL OR d + o = l) AS same
  FROM moment ORDER BY id;

-- What occurs
CALL reply(records('{2024-02-01, 2024-2-1, 2024/02/01, 2022/4/15 0:00:00, 2022-4-5, 20240201, 2022-04-15T00:00:00, 2022-04-15 08:30,
  2022-04-15T00:00:00.0000000+08:00, 2024-02-01 12:00:00 CST, 2024-02-01T12:00:00Z, 2024-02-01T20:00:00Z, 2024-02-01 20:00:00 UTC,
  2024-02-01 00:00:00 +0900, 2024-02-01T00:00:00-05:30, /Date(1704067200000)/, /Date(1704067200000+0800)/, /Date(1704067200000-0500)/,
  /Date(1704124799999)/, /Date(1704124800000)/, /Date(0)/, /Date(-28800001)/, 0001-01-02, 9999-12-31, 2024-02-29 23:59:59.123, " 2024-02-01 ", "", 8:30}'));
SELECT * FROM shown;

-- Where T+ has no date
CALL reply(records('{0001-01-01, 0001-01-01 00:00:00, 0001/1/1 0:00:00, 0001-01-01T00:00:00+08:00, 0001-01-01T00:00:00Z, /Date(-62135596800000)/, 0001-01-01 08:00:00}'));
SELECT * FROM shown;

-- Summer time in China, an hour that it skipped, one that it had twice, and
-- the time of the place before there were zones
CALL reply(records('{1986-05-04 12:00:00, 1988-07-01 12:00:00, 1988-04-17 02:30:00, 1986-09-14 01:30:00, 1991-09-15 12:00, 1900-12-31 12:00:00, 1900-01-01}'));
SELECT * FROM shown;

-- Where the zone is that of today's China, the text shows the clocks there as T+
-- knows them.
CALL reply(records('{1988-07-01 12:00:00 CST, 1900-01-01T00:00:00+08:00, 1988-07-01T04:00:00Z}'));
SELECT id, d = l::date AS same_day, to_char(l, 'YYYY-MM-DD HH24:MI:SS') AS l, to_char(z AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS utc FROM moment ORDER BY id;

-- Fractions are rounded, but never into another second
CALL reply(records('{2024-02-01 23:59:59.9999999, 2024-12-31T23:59:59.9999999+08:00, 2024-02-01 12:00:00.1234567, 2024-02-01 12:00:00.1234564}'));
SELECT a, d, to_char(l, 'YYYY-MM-DD HH24:MI:SS.US') AS l, to_char(z AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS utc, o FROM moment;

-- What is no date: days and hours that do not exist, words, orders that depend
-- on a setting, zones that mean several things
CALL reply(records('{2023-02-29, 2024-02-30, 2024-13-01, 2024-00-01, 2024-02-01 24:00:00, 2024-02-01 23:59:60, 2024-02-01 12:60, 10000-01-01, 0000-01-01,
  2024-02-01 BC, /Date(253402300800000)/, /Date()/, /Date(1704067200000), 1704067200000, 2024-02-01 12:00:00+16}' ||
  '{now, today, tomorrow, yesterday, epoch, infinity, -infinity, allballs, NOW, today 12:00, 2024-02-01 allballs, J2451187, 02/01/2024, 01.02.2024, 24-02-01,
  1-Feb-2024, Feb 1 2024, 2024-Feb-01, Thu 2024-02-01, 2024.032, 2024-02-01 8:00 PM, 2024年2月1日}'::text[] ||
  '{2024-02-01 12:00:00 EST, 2024-02-01 12:00:00 CDT, 2024-02-01 12:00:00 IST, 2024-02-01 12:00:00 PRC, 2024-02-01 12:00:00 Asia/Tokyo, 2024-02-01 12:00:00 UTC+8,
  2024-02-01 CST, true}'::text[]));
SELECT a, e->0->>'sqlstate' AS error, e->0->>'message' AS message, num_nulls(d, l, z, o, l0, z3, dd, zz) AS nulls,
    (SELECT count(*) FROM jsonb_array_elements(e) p WHERE p->>'sqlstate' = e->0->>'sqlstate') AS problems FROM moment ORDER BY id;

-- The policy for bad values is that of the table.
CREATE FOREIGN TABLE strict (d date OPTIONS (field 'A'))
  SERVER times_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply(records('{2024-02-01, today}'));
SELECT * FROM strict;
CREATE FOREIGN TABLE strict_domain (id int OPTIONS (field 'ID'), w workday OPTIONS (field 'A'))
  SERVER times_server OPTIONS (resource 'inventory', paging 'none', variants 'none');
CALL reply(records('{2024-02-02T20:00:00Z}'));
SELECT * FROM strict_domain;
CALL reply(records('{tomorrow}'));
SELECT * FROM strict_domain;

-- Times of day alone, and with a zone
CREATE FOREIGN TABLE clock (id int OPTIONS (field 'ID'), a text OPTIONS (field 'A'), o time OPTIONS (field 'A'), t timetz OPTIONS (field 'A'), e jsonb OPTIONS (field '$error'))
  SERVER times_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
CALL reply(records('{8:30, 08:30:05.25, 08:30 CST, 2024-02-01 08:30, 2024-02-01T08:30:00Z, 1988-07-01 08:30, 2024-02-01, 24:00, now, allballs}'));
SELECT a, o, t, jsonb_path_query_array(e, '$[*].sqlstate') AS errors FROM clock ORDER BY id;

-- Intervals
CREATE FOREIGN TABLE lapse (id int OPTIONS (field 'ID'), a text OPTIONS (field 'A'), i interval OPTIONS (field 'A'), e jsonb OPTIONS (field '$error'))
  SERVER times_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
CALL reply(records('{02:03:04, 1 day 02:03:04, 1.5 days, 02:03:04.5, 1.02:03:04, -1.02:03:04, now}'));
SELECT a, extract(epoch FROM i)::numeric(20,1) AS seconds, e->0->>'sqlstate' AS error FROM lapse ORDER BY id;

-- Arrays and ranges of them
CREATE DOMAIN days AS date[];
CREATE FOREIGN TABLE nest (id int OPTIONS (field 'ID'), a text OPTIONS (field 'A'), ds date[] OPTIONS (field 'A'), zs timestamptz[] OPTIONS (field 'A'),
    dom days OPTIONS (field 'A'), e jsonb OPTIONS (field '$error'))
  SERVER times_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
CREATE FOREIGN TABLE span (id int OPTIONS (field 'ID'), a text OPTIONS (field 'A'), r daterange OPTIONS (field 'A'), t tstzrange OPTIONS (field 'A'), e jsonb OPTIONS (field '$error'))
  SERVER times_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
SET TimeZone = 'America/New_York';
CALL reply(records('{"{}", "{2024/2/1,NULL}", "[2:3]={2024-02-01,\"2024-02-01 20:00:00 UTC\"}", "{now}", "{2024-02-01,infinity}", "{0001-01-01}", "{2024-02-01"}'));
SELECT a, ds::text[], zs AT TIME ZONE 'UTC' AS second_utc, dom = ds AS same, jsonb_path_query_array(e, '$[*].sqlstate') AS errors
  FROM (SELECT id, a, ds, zs[2] AS zs, dom, e FROM nest) n ORDER BY id;
CALL reply(records('{"[2024/2/1,2024-2-5)", "[2024-02-01,)", "(,2024-02-01 20:00:00Z]", empty, "[today,tomorrow]", "[2024-02-01,infinity)"}'));
SELECT a, lower(r) AS lower_day, upper(r) AS upper_day, extract(epoch FROM lower(t)) AS lower, extract(epoch FROM upper(t)) AS upper, isempty(r) AS empty,
  jsonb_path_query_array(e, '$[*].sqlstate') AS errors FROM span ORDER BY id;
-- and rows
CREATE TYPE visit AS (note text, d date, days date[], during tstzrange, at timestamptz);
CREATE FOREIGN TABLE visited (id int OPTIONS (field 'ID'), a text OPTIONS (field 'A'), v visit OPTIONS (field 'A'), e jsonb OPTIONS (field '$error'))
  SERVER times_server OPTIONS (resource 'inventory', paging 'none', variants 'none', on_error 'null');
CALL reply(records(ARRAY['(today,2024/2/1,"{2024-2-2,2024/2/3}","[2024/2/4,)",/Date(1704067200000\)/)', '("a ""b\\",,,,)', '(,"2024-02-01 20:00:00 UTC",,,"2024-02-01 12:00 CST")',
  '(x,now,,,)', '(x,,"{now}",,)', '(x,,,"[now,)",)', '(x,,,,infinity)', '(x,2024-02-01)', '(x,2024-02-01,,,', 'x']));
SELECT a, (v).note, (v).d - date '2024-02-01' AS d, (v).days[2] - date '2024-02-01' AS days, extract(epoch FROM lower((v).during)) AS during, extract(epoch FROM (v).at) AS at,
  jsonb_path_query_array(e, '$[*].sqlstate') AS errors FROM visited ORDER BY id;
RESET TimeZone;

-- No setting of the session changes what a text means.
CREATE TABLE text_of (id serial, value text);
INSERT INTO text_of (value) SELECT day || clock || zone
  FROM unnest('{2024-02-29, 2024/2/3, 20240203, 03-02-2024, 02/03/04, 2024-Feb-03, 3.2.2024, 1988-07-01, 1899-01-01, today}'::text[]) day,
    unnest('{"", "T01:30:00", " 23:30", " 2:34:56.5", " 12:34:56 PM"}'::text[]) clock, unnest('{"", Z, " CST", +08:00, " EST", " IST"}'::text[]) zone;
CREATE FUNCTION read_texts() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  texts text[] = (SELECT array_agg(value ORDER BY id) FROM text_of);
BEGIN
  CALL reply(records(texts));
  RETURN (SELECT md5(string_agg(format('%s %s %s %s %s', d - date 'epoch', extract(epoch FROM l), extract(epoch FROM z), extract(epoch FROM o),
      jsonb_path_query_array(e, '$[*].sqlstate')), ',' ORDER BY id)) || ' ' || count(d) FROM moment);
END $$;
CREATE TABLE meaning (setting text, value text, digest text);
DO $$
DECLARE
  name text;
  value text;
BEGIN
  FOR name, value IN VALUES ('DateStyle', 'ISO, MDY'), ('DateStyle', 'German, DMY'), ('DateStyle', 'SQL, YMD'), ('TimeZone', 'UTC'), ('TimeZone', 'America/Chicago'),
    ('TimeZone', 'Asia/Kolkata'), ('IntervalStyle', 'sql_standard'), ('timezone_abbreviations', 'Australia'), ('timezone_abbreviations', 'India'), ('lc_time', 'POSIX')
  LOOP
    PERFORM set_config(name, value, true);
    INSERT INTO meaning VALUES (name, value, read_texts());
  END LOOP;
END $$;
SELECT count(*) AS settings, count(DISTINCT digest) AS meanings, min(split_part(digest, ' ', 2)) AS dates FROM meaning;

-- A filter asks for the day that T+ shows, whatever zone a text told.
CREATE FOREIGN TABLE filed (l timestamp OPTIONS (field 'MadeRecordDate', filter_op 'eq'))
  SERVER times_server OPTIONS (resource 'inventory', variants 'none');
CALL reply('[{"ID":1,"MadeRecordDate":"2026-01-02T20:00:00Z"}]');
SELECT * FROM filed WHERE l = '2026-01-03 04:00:00';
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM filed WHERE l = '2026-01-03 04:00:00';

-- Clean up
\! $TPLUS_SIMCTL DELETE /_sim/tenants/times >/dev/null
RESET search_path;
SET client_min_messages = warning;
DROP SERVER times_server CASCADE;
DROP SCHEMA times_test CASCADE;
