--
-- Options: each of them, right and wrong, in its place and elsewhere
--
\set ECHO none
\i test/lib/regress.sql
\pset null '(null)'
\pset format unaligned
\pset fieldsep ' | '
\pset footer off
CREATE SCHEMA options;
SET search_path = options, public;
SELECT object, name, kind, default_value, secret, superuser_only FROM tplus.options();

-- Tries a statement and undoes it: "ok", or SQLSTATE, message, detail and hint.
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text;
  message text;
  detail text;
  hint text;
  context text;
BEGIN
  EXECUTE statement;
  RAISE SQLSTATE 'UNDO0';
EXCEPTION
  WHEN SQLSTATE 'UNDO0' THEN
    RETURN 'ok';
  WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
      hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    IF statement ~ 'CANARY' AND message || detail || hint ~ 'CANARY' THEN
      message := 'TOLD A SECRET: ' || message;
    END IF;
    message := state || ': ' || message || coalesce(E'\n  ' || nullif(detail, ''), '') || coalesce(E'\n  ' || nullif(hint, ''), '');
    RETURN replace(replace(message, quote_ident(session_user), 'somebody'), '"' || session_user || '"', '"somebody"');
END
$$;
CREATE SERVER options FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url :'sim_url', requests_per_second '0');
CREATE FUNCTION try(object text, name text, value text) RETURNS text LANGUAGE sql AS $$
  SELECT attempt(CASE object
    WHEN 'server' THEN format('CREATE SERVER tried FOREIGN DATA WRAPPER tplus_fdw OPTIONS (%s%I %L)',
                              CASE WHEN name <> 'base_url' THEN 'base_url ''https://example.com'', ' END, name, value)
    WHEN 'user mapping' THEN format('CREATE USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (%I %L)', name, value)
    WHEN 'foreign table' THEN format('CREATE FOREIGN TABLE tried () SERVER options OPTIONS (%s%I %L)',
                                     CASE WHEN name NOT IN ('resource', 'path') THEN 'resource ''inventory'', ' END, name, value)
    WHEN 'column' THEN format('CREATE FOREIGN TABLE tried (c text OPTIONS (%I %L)) SERVER options OPTIONS (resource ''inventory'')',
                              name, value)
    END)
$$;

--
-- Every option, by its kind
--
-- a value that is right, an empty one, and one with a control character
CREATE TABLE good AS
  SELECT object, name, coalesce(default_value, CASE
           WHEN kind IN ('integer', 'number') THEN '1' WHEN kind = 'JSON object' THEN '{"a": 1}' WHEN name = 'base_url' THEN 'https://openapi.chanjet.com'
           WHEN name = 'resource' THEN 'inventory' WHEN name ~ 'path$' THEN '/auth/v2/refreshToken' ELSE 'x' END) AS value
    FROM tplus.options();
SELECT object, name, value, try(object, name, value) FROM good WHERE try(object, name, value) <> 'ok';
SELECT object, name, try(object, name, '') FROM tplus.options();
SELECT object, name, try(object, name, E'CANARY\n') FROM tplus.options() WHERE secret;
SELECT count(*), count(*) FILTER (WHERE try(object, name, E'a\x7f') ~ '^22(023: invalid value for option|P02: invalid input syntax for type json)') AS refused
  FROM tplus.options();
-- numbers: beyond their bounds, and no numbers
SELECT object, name, try(object, name, '-1') AS "-1", try(object, name, '0') = 'ok' AS "0", try(object, name, '2147483647') = 'ok' AS "2^31-1",
       try(object, name, '2147483648') = 'ok' AS "2^31", try(object, name, 'x') ~ '^22023' AS x, try(object, name, '5s') ~ '^22023' AS "5s",
       try(object, name, '5 5') ~ '^22023' AS "5 5", try(object, name, 'NaN') ~ '^22023' AS "NaN", try(object, name, 'inf') ~ '^22023' AS inf
  FROM tplus.options() WHERE kind IN ('integer', 'number');
SELECT v, try('server', 'requests_per_second', v), try('server', 'page_size', v) FROM unnest('{0.5,1e2,100000,100000.1," 7 ",0x10,1_000}'::text[]) AS v;
-- booleans
SELECT v, try('server', 'async_capable', v) FROM unnest('{true,false,on,off,yes,NO,1,0,t,2,maybe,truex}'::text[]) AS v;
-- one of a list
SELECT object, name, try(object, name, 'nonsense') AS outcome FROM tplus.options() WHERE kind = 'one of a list' OR name = 'min_tls';
SELECT try('server', 'auth', 'SELF_BUILT'), try('foreign table', 'paging', 'Ts'), try('column', 'filter_encoding', 'truefalse');
-- time zones
SELECT v, try('server', 'timezone', v) FROM unnest('{Asia/Shanghai,UTC,asia/shanghai,Etc/GMT-8,Mars/Olympus,x,+08,8,UTC+8}'::text[]) AS v;
-- JSON
SELECT v, try('foreign table', 'fixed_params', v) FROM unnest(ARRAY['{}', '{"a": {"b": [1, 2.50]}}', '[]', '1', 'null', '"x"', '{"a"', '{"a": "\u0000"}']) AS v;
SELECT v, try('foreign table', 'variants', v) FROM unnest(ARRAY['auto', 'none', '[{}]', '[{"a": 1}, {}]', '[]', '[1]', '[[]]', '{}', 'AUTO', 'null', '[{']) AS v;
-- paths
SELECT v, try('foreign table', 'path', v) = 'ok' AS path, try('server', 'token_path', v) = 'ok' AS token_path
  FROM unnest(ARRAY['/a', '/a/b.c-d_e', '/', 'a', '//a', '/a//b', '/a/../b', '/a b', '/a?b', '/a#b', '/a%2e', '/a@b', '/a\b', '/中', 'https://a/b']) AS v;
SELECT try('foreign table', 'path', 'a?b');
SELECT try('foreign table', 'resource', 'Inventory');
SELECT try('foreign table', 'resource', 'warehouse');
-- addresses
SELECT v, try('server', 'base_url', v) AS outcome
  FROM unnest(ARRAY['https://openapi.chanjet.com', 'https://openapi.chanjet.com/', 'HTTPS://erp.example:8443/TPlus', 'https://[2001:db8::1]:1/',
                    'http://127.0.0.1:8080', 'http://127.255.255.254', 'http://localhost', 'http://[::1]:80/x', 'http://LOCALHOST:1',
                    'http://erp.example', 'http://127.0.0.1.example', 'http://10.0.0.1', 'http://localhost.example', 'http://[::2]', 'http://0.0.0.0', 'http://128.0.0.1', 'http://126.255.255.255',
                    'ftp://erp.example', 'erp.example', 'https://', 'https:///x', 'https://user:CANARY@erp.example', 'https://erp.example?x=CANARY',
                    'https://erp.example#x', 'https://erp.example:0', 'https://erp.example:99999', 'https://a b', 'https://a\b', 'file:///etc/passwd', '-']) AS v;
SELECT attempt($$CREATE SERVER tried FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://erp.example', allow_plain_http 'true')$$);
SELECT attempt($$CREATE SERVER tried FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://erp.example', allow_plain_http 'false')$$);
-- the password of a proxy is a secret, and servers are there for all to see
SELECT v, try('server', 'proxy', v) FROM unnest(ARRAY['http://proxy:3128', 'proxy:3128', 'http://user@proxy:3128', 'http://user:CANARY@proxy:3128', 'user:CANARY@proxy', 'http://', 'http://a b']) AS v;
SELECT v, try('server', 'extra_query', v) FROM unnest(ARRAY['idMarketingOrgan=1', 'a=1&b=%E9%94%80', 'a=b c', 'a#b', 'a=销', '?a=1']) AS v;

--
-- In the wrong place, or nowhere
--
SELECT p.object, o.name, try(p.object, o.name, 'CANARY') AS outcome
  FROM (VALUES ('server'), ('user mapping'), ('foreign table'), ('column')) AS p (object), tplus.options() AS o
 WHERE NOT EXISTS (SELECT FROM tplus.options() AS x WHERE x.object = p.object AND x.name = o.name)
   AND (o.secret OR o.name IN ('base_url', 'resource', 'field', 'app_secret_file'))
 ORDER BY 1, 2;
SELECT count(*) AS misplaced, count(*) FILTER (WHERE outcome ~ E'^HV00D: invalid option "[a-z_]+" for a [a-z ]+\n  Option "[a-z_]+" belongs to a [a-z ]+\\.$') AS refused
  FROM (SELECT try(p.object, o.name, 'CANARY') AS outcome
          FROM (VALUES ('server'), ('user mapping'), ('foreign table'), ('column')) AS p (object), tplus.options() AS o
         WHERE NOT EXISTS (SELECT FROM tplus.options() AS x WHERE x.object = p.object AND x.name = o.name)) AS t;
SELECT o, left(n, 20) AS n, try(o, n, 'CANARY') FROM (VALUES ('server', 'base_uri'), ('server', 'Page_Size'), ('server', 'request_per_sec'), ('server', 'host'),
    ('server', repeat('x', 63)), ('user mapping', 'appkey'), ('user mapping', 'password'), ('user mapping', 'refresh_tokn'),
    ('foreign table', 'resorce'), ('foreign table', 'table_name'), ('column', 'feld'), ('column', 'column_name'), ('column', 'x')) AS v (o, n);
SELECT attempt($$ALTER FOREIGN DATA WRAPPER tplus_fdw OPTIONS (ADD base_url 'https://example.com')$$);
SELECT attempt($$ALTER FOREIGN DATA WRAPPER tplus_fdw OPTIONS (ADD app_secret 'CANARY')$$);
SELECT attempt($$ALTER FOREIGN DATA WRAPPER tplus_fdw OPTIONS (ADD nonsense 'CANARY')$$);

--
-- What only a superuser may name
--
CREATE ROLE regress_tplus_user;
GRANT USAGE ON FOREIGN DATA WRAPPER tplus_fdw TO regress_tplus_user;
GRANT USAGE ON FOREIGN SERVER options TO regress_tplus_user;
GRANT USAGE, CREATE ON SCHEMA options TO regress_tplus_user;
GRANT SELECT ON good TO regress_tplus_user;
SET ROLE regress_tplus_user;
SELECT object, name, try(object, name, '/etc/passwd') FROM tplus.options() WHERE superuser_only;
SELECT o.name, try(o.object, o.name, g.value) FROM tplus.options() AS o JOIN good AS g USING (object, name)
 WHERE NOT superuser_only AND try(o.object, o.name, g.value) <> 'ok';
CREATE USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (app_key 'a');
SELECT attempt($$ALTER USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (ADD app_secret_file '/etc/passwd')$$);
DROP USER MAPPING FOR CURRENT_USER SERVER options;
RESET ROLE;
-- nor may an ordinary user keep what a superuser named, when changing the rest
CREATE USER MAPPING FOR regress_tplus_user SERVER options OPTIONS (app_key 'a', app_secret_file 'CANARY', open_token 'CANARY');
SET ROLE regress_tplus_user;
SELECT attempt($$ALTER USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (SET app_key 'b')$$);
SELECT attempt($$ALTER USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (DROP app_secret_file)$$);
RESET ROLE;
DROP USER MAPPING FOR regress_tplus_user SERVER options;

--
-- Several at once
--
SELECT n, attempt(format('CREATE USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (%I %L, %I %L)', n, 'CANARY', n || '_file', '/CANARY'))
  FROM tplus.options() AS o (object, n) WHERE secret;
SELECT attempt($$CREATE USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (app_secret_file '/CANARY', app_secret 'CANARY')$$);
SELECT attempt($$CREATE USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (app_secret 'CANARY', app_secret 'CANARY')$$);
SELECT attempt($$CREATE FOREIGN TABLE tried () SERVER options$$);
SELECT attempt($$CREATE FOREIGN TABLE tried () SERVER options OPTIONS (page_size '1')$$);
SELECT attempt($$CREATE FOREIGN TABLE tried () SERVER options OPTIONS (resource 'inventory', path '/a')$$);
SELECT attempt($$CREATE SERVER tried FOREIGN DATA WRAPPER tplus_fdw$$);
SELECT attempt($$CREATE SERVER tried FOREIGN DATA WRAPPER tplus_fdw OPTIONS (burst '1')$$);

--
-- ALTER ... SET, ADD, DROP
--
CREATE SERVER changing FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://erp.example', allow_plain_http 'yes');
SELECT s, attempt('ALTER SERVER changing OPTIONS (' || s || ')') FROM unnest(ARRAY[
  $$SET base_url 'https://other.example'$$, $$SET base_url 'nonsense'$$, $$DROP base_url$$, $$DROP allow_plain_http$$,
  $$SET allow_plain_http 'no'$$, $$SET base_url 'https://x', DROP allow_plain_http$$, $$ADD burst '5'$$, $$ADD burst '0'$$, $$SET burst '5'$$,
  $$DROP burst$$, $$ADD base_url 'https://x'$$, $$ADD app_secret 'CANARY'$$, $$burst '7'$$]) AS s;
DROP SERVER changing;
CREATE FOREIGN TABLE changing (c text OPTIONS (field 'Code')) SERVER options OPTIONS (resource 'inventory');
SELECT s, attempt('ALTER FOREIGN TABLE changing ' || s) FROM unnest(ARRAY[
  $$OPTIONS (SET resource 'nonsense')$$, $$OPTIONS (DROP resource)$$, $$OPTIONS (DROP resource, ADD path '/a')$$, $$OPTIONS (ADD path '/a')$$,
  $$OPTIONS (ADD paging 'ts')$$, $$OPTIONS (SET paging 'ts')$$, $$OPTIONS (ADD key '')$$,
  $$ALTER c OPTIONS (SET field 'Name')$$, $$ALTER c OPTIONS (DROP field)$$, $$ALTER c OPTIONS (ADD label '编码')$$, $$ALTER c OPTIONS (ADD app_key 'CANARY')$$,
  $$ALTER c OPTIONS (ADD filter_op 'x')$$, $$ADD d text OPTIONS (field '*', nonsense 'x')$$]) AS s;
DROP FOREIGN TABLE changing;
CREATE USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (app_key 'a');
SELECT s, attempt('ALTER USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (' || s || ')') FROM unnest(ARRAY[
  $$SET app_key 'CANARY'$$, $$SET app_key ''$$, $$DROP app_key$$, $$ADD app_secret 'CANARY'$$, $$ADD app_secret_file '/CANARY'$$,
  $$ADD app_key_file '/CANARY'$$, $$DROP app_key, ADD app_key_file '/CANARY'$$, $$ADD base_url 'CANARY'$$]) AS s;
DROP USER MAPPING FOR CURRENT_USER SERVER options;

--
-- Used: no mapping, or one that lacks something
--
CREATE FOREIGN TABLE item (id bigint, code text) SERVER options OPTIONS (resource 'inventory');
SELECT sim.tenant('options', '{"records": 3}');
SELECT attempt('SELECT * FROM item');
SELECT attempt($$SELECT tplus.ping('options')$$);
CREATE FUNCTION mapped(auth text, mapping text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  outcome text;
BEGIN
  EXECUTE format('ALTER SERVER options OPTIONS (SET auth %L)', auth);
  EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER options %s', 'OPTIONS (' || nullif(mapping, '') || ')');
  outcome := attempt('SELECT * FROM item');
  EXECUTE 'DROP USER MAPPING FOR CURRENT_USER SERVER options';
  RETURN outcome;
END
$$;
ALTER SERVER options OPTIONS (ADD auth 'auto');
SELECT auth, m, mapped(auth, m) FROM (VALUES
  ('auto', ''), ('auto', $$app_secret 'sim-secret'$$), ('auto', $$app_key 'options'$$), ('auto', $$app_key 'options', open_token 'sim-open-token'$$),
  ('auto', $$app_key 'options', app_secret 'sim-secret', open_token 'sim-open-token'$$),
  ('auto', $$app_key 'options', refresh_token 'x'$$), ('auto', $$app_key 'options', open_token 'x', refresh_token 'y'$$),
  ('auto', $$app_key 'options', certificate 'x'$$), ('auto', $$app_key 'options', app_secret 'x', certificate 'x'$$),
  ('open_token', $$app_key 'options', refresh_token 'x'$$), ('open_token', $$open_token 'x'$$),
  ('refresh_token', $$app_key 'options', open_token 'x'$$), ('refresh_token', $$app_secret 'x', refresh_token 'y'$$),
  ('self_built', $$app_key 'options', open_token 'x'$$), ('self_built', $$app_key 'options', app_secret 'x'$$),
  ('self_built', $$app_key 'options', app_secret 'x', certificate 'x'$$), ('self_built', $$certificate 'x'$$)) AS v (auth, m);
CREATE USER MAPPING FOR PUBLIC SERVER options OPTIONS (app_key 'options');
ALTER SERVER options OPTIONS (SET auth 'open_token');
SELECT attempt('SELECT * FROM item');
DROP USER MAPPING FOR PUBLIC SERVER options;

-- a secret from a file: one line, its end aside
SELECT current_setting('data_directory') || '/tplus_options_secret' AS file \gset
CREATE FUNCTION from_file(content bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  file text := current_setting('data_directory') || '/tplus_options_secret';
  outcome text;
BEGIN
  EXECUTE format('COPY (SELECT %L) TO PROGRAM %L', translate(encode(content, 'base64'), E'\n', ''), format('base64 -d > "%s"', file));
  EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (app_key ''options'', open_token_file %L)', file);
  outcome := replace(attempt('SELECT * FROM item'), file, 'FILE');
  EXECUTE 'DROP USER MAPPING FOR CURRENT_USER SERVER options';
  RETURN outcome;
END
$$;
SELECT content, from_file(c)
  FROM (VALUES ('one line', 'sim-open-token'::bytea), ('its end', E'sim-open-token\n'), ('its other end', E'sim-open-token\r\n'), ('nothing', ''),
               ('an end', E'\n'), ('two lines', E'CANARY\nCANARY\n'), ('a control character', 'CANARY\001'), ('a zero', 'CANARY\000CANARY'),
               ('another token', 'CANARY'), ('too much', convert_to(repeat('CANARY', 20000), 'UTF8'))) AS v (content, c);
CREATE USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (app_key 'options', open_token_file '/no/such/file');
SELECT attempt('SELECT * FROM item');
ALTER USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (SET open_token_file '/');
SELECT attempt('SELECT * FROM item');
-- the file is read as the server's user reads it, whoever asks
COPY (SELECT 'sim-open-token') TO :'file';
ALTER USER MAPPING FOR CURRENT_USER SERVER options OPTIONS (SET open_token_file :'file');
SELECT count(*) FROM item;

-- what another version left behind
UPDATE pg_foreign_server SET srvoptions = srvoptions || '{future_option=1}' WHERE srvname = 'options';
SELECT attempt('SELECT * FROM item');
UPDATE pg_foreign_server SET srvoptions = array_replace(array_remove(srvoptions, 'future_option=1'), 'auth=open_token', 'auth=telepathy')
 WHERE srvname = 'options';
SELECT attempt('SELECT * FROM item');
UPDATE pg_foreign_server SET srvoptions = '{requests_per_second=0}' WHERE srvname = 'options';
SELECT attempt('SELECT * FROM item');
UPDATE pg_foreign_server SET srvoptions = '{base_url=http://erp.example}' WHERE srvname = 'options';
SELECT attempt('SELECT * FROM item');

\set ECHO none
SET client_min_messages = error;
DROP SERVER options CASCADE;
DROP SCHEMA options CASCADE;
DROP OWNED BY regress_tplus_user;
DROP ROLE regress_tplus_user;
