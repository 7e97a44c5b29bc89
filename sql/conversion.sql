--
-- The conversions that go past the type's input function mean what it means.
--
-- A domain has no such way: each form of a value is read into a column of the
-- type and into one of a domain over it, and the two must agree in the value,
-- in null, and in what is refused.
--
\getenv url TPLUS_SIM_URL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tplus_fdw;
RESET client_min_messages;
CREATE SCHEMA conversion_test;
SET search_path = conversion_test;
CREATE SERVER conversion_server FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'url', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER conversion_server
  OPTIONS (app_key 'conversion', app_secret 'sim-secret', open_token 'sim-open-token');
\! $TPLUS_SIMCTL tenant conversion '{"records": 0}' >/dev/null
-- Neither may change what a value means.
SET TimeZone = 'America/New_York';
SET DateStyle = 'German, DMY';

CREATE TABLE form (id serial, json text);
\pset null NULL

-- Each text as a string, as one in which every character is an escape, and as
-- it is where it is a number or a word of JSON.
CREATE FUNCTION set_forms(texts text[]) RETURNS void LANGUAGE sql AS $$
  DELETE FROM form;
  INSERT INTO form (json)
  SELECT to_json(t)::text FROM unnest(texts) t
  UNION
  SELECT '"' || coalesce(string_agg('\u' || lpad(to_hex(ascii(c)), 4, '0'), '' ORDER BY n), '') || '"'
  FROM unnest(texts) t, regexp_split_to_table(t, '') WITH ORDINALITY s(c, n)
  WHERE t <> '' AND ascii(c) < 65536 GROUP BY t
  UNION
  SELECT t FROM unnest(texts) t
  WHERE t ~ '^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$' OR t IN ('true', 'false', 'null');
$$;

-- Reads all forms into a column of the type and one of a domain over it, some
-- hundred at once, and shows where the two differ.
CREATE FUNCTION compare(type text, OUT forms int, OUT converts boolean, OUT nulls int, OUT refuses boolean, OUT different text[])
LANGUAGE plpgsql AS $$
DECLARE
  body text;
BEGIN
  EXECUTE format('CREATE DOMAIN wrapped AS %s', type);
  EXECUTE format('CREATE FOREIGN TABLE pair (id int OPTIONS (field ''ID''),
      a %s OPTIONS (field ''A''), d wrapped OPTIONS (field ''A''), e jsonb OPTIONS (field ''$error''))
    SERVER conversion_server OPTIONS (resource ''inventory'', paging ''none'', variants ''none'', on_error ''null'')', type);
  CREATE TEMP TABLE result (id int, a text, d text, e jsonb);
  FOR body IN
    SELECT '[' || string_agg(format('{"ID":%s,"A":%s}', id, json), ',') || ']'
    FROM (SELECT *, sum(octet_length(json) + 20) OVER (ORDER BY id) / 60000 AS batch FROM form) f GROUP BY batch
  LOOP
    EXECUTE format('COPY (SELECT 1) TO PROGRAM %L',
      format('$TPLUS_SIMCTL fault conversion ''%s'' >/dev/null', json_build_object('action', 'body', 'body_b64',
        replace(encode(convert_to(body, 'UTF8'), 'base64'), E'\n', ''))));
    INSERT INTO result SELECT * FROM pair;
  END LOOP;
  SELECT count(*), count(a) > 0, count(*) FILTER (WHERE a IS NULL AND e IS NULL), count(e) > 0,
    array_agg(json || ': ' || coalesce(a, 'null') || ', ' || coalesce(d, 'null') || ', ' || coalesce(e::text, 'fine'))
      FILTER (WHERE a IS DISTINCT FROM d OR
        jsonb_path_query_array(e, '$[*] ? (@.column == "a").sqlstate') IS DISTINCT FROM
        jsonb_path_query_array(e, '$[*] ? (@.column == "d").sqlstate'))
  INTO forms, converts, nulls, refuses, different
  FROM result JOIN form USING (id);
  DROP TABLE result;
  DROP FOREIGN TABLE pair;
  DROP DOMAIN wrapped;
END $$;

-- Numbers
SELECT set_forms((SELECT array_agg(DISTINCT sign || digits || tail)
  FROM unnest('{"", " ", "-", "+", "--", "- ", "0x"}'::text[]) sign,
    unnest('{"", "0", "7", "007", "32767", "32768", "2147483647", "2147483648", "999999999999999999",
      "1000000000000000000", "9223372036854775807", "9223372036854775808", "1_000", "1,5", "1a"}'::text[]) digits,
    unnest(ARRAY['', ' ', E'\t', '.', '.0', '.50', 'e1', 'E-1', 'x']) tail) || '{true, "null", NaN, Infinity}'::text[]);
SELECT * FROM compare('bigint');
SELECT * FROM compare('integer');
SELECT * FROM compare('smallint');
SELECT * FROM compare('numeric');
SELECT * FROM compare('numeric(10,2)');
SELECT * FROM compare('text');

-- Booleans
SELECT set_forms('{true, false, True, False, TRUE, FALSE, tRUE, fALSE, t, f, y, n, yes, no, on, off, 1, 0, 2, 01, -1, 1.0, "null",
  "", " ", " true", "true ", " False ", 是, 否, 是的, tru, truee, truE, Truly, fals, False0, fa1se, Talse, frue, Felse}');
SELECT * FROM compare('boolean');

-- Dates and times, also those that the clocks in China have twice or never
SELECT set_forms((SELECT array_agg(DISTINCT day || clock || zone)
  FROM unnest('{2024-02-29, 2023-02-29, 2024-2-9, 2024/02/29, 2024-02/29, 20240229, 24-02-29, 0001-01-01, 0000-01-01,
      9999-12-31, 10000-01-01, 1986-05-04, 1986-09-14, 1919-04-13, 2024-13-01, 2024-00-10, 2024-01-32, 294276-12-31}'::text[]) day,
    unnest(ARRAY['', 'T12:34:56', ' 12:34', ' 00:30:00', ' 2:34:56.5', ' 12:34:56.123456', ' 12:34:56.1234567',
      ' 23:59:59.9999999', ' 24:00:00', ' 23:59:60', ' 12:60', ' 12', 't12:34', '  12:34 ', ' 12:34:56 PM']) clock,
    unnest('{"", Z, z, +08, "+8", " +0800", +08:00, -03:30, +15:59, +16:00, " BC", " Asia/Tokyo"}'::text[]) zone
  WHERE clock <> '' OR zone IN ('', ' BC', 'Z')) || '{"", infinity, -infinity, epoch, "null", "29.02.2024", "Feb 29 2024", /Date(1709164800000)/, "2024-02-29 12:34 CST"}'::text[]);
SELECT * FROM compare('date');
SELECT * FROM compare('timestamp');
SELECT * FROM compare('timestamptz');
SELECT * FROM compare('timestamptz(0)');

-- Texts of each length around those where their form in memory changes
SELECT set_forms((SELECT array_agg(left(start || repeat(c, n), n))
  FROM unnest('{"", " ", "\"", "\\"}'::text[]) start, unnest('{x, 中, é, " "}'::text[]) c,
    unnest('{0, 1, 2, 7, 8, 9, 15, 16, 17, 41, 42, 43, 63, 64, 65, 124, 125, 126, 127, 128, 200}'::int[]) n) ||
  '{😀, 1.50, true, "null", "a\nb", "{}", "[]"}'::text[]);
SELECT * FROM compare('text');
SELECT * FROM compare('varchar');
SELECT * FROM compare('varchar(42)');
SELECT * FROM compare('char(42)');
SELECT * FROM compare('name');

SET client_min_messages = warning;
DROP SCHEMA conversion_test CASCADE;
DROP SERVER conversion_server CASCADE;
