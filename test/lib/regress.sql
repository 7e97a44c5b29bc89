-- Included by the tests in sql/: the simulator as SQL functions.  A test has a
-- tenant (an app_key) of its own, so that tests do not see each other.
\getenv sim_url TPLUS_SIM_URL
\getenv simctl TPLUS_SIMCTL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tplus_fdw;
CREATE SCHEMA IF NOT EXISTS sim;
SELECT set_config('sim.ctl', :'simctl', false) AS ctl \gset sim_

-- One command of test/sim/simctl.py.
CREATE OR REPLACE FUNCTION sim.ctl(VARIADIC words text[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  command text := current_setting('sim.ctl');
  word text;
BEGIN
  FOREACH word IN ARRAY words LOOP
    command := command || ' ''' || replace(word, '''', '''\''''') || '''';
  END LOOP;
  CREATE TEMP TABLE sim_reply (line text) ON COMMIT DROP;
  EXECUTE format('COPY sim_reply FROM PROGRAM %L (FORMAT csv, DELIMITER e''\x01'', QUOTE e''\x02'')',
                 command);
  SELECT string_agg(line, E'\n') INTO word FROM sim_reply;
  DROP TABLE sim_reply;
  RETURN word;
END
$$;

-- Makes the tenant anew; changes its switches; scripts a fault.
CREATE OR REPLACE FUNCTION sim.tenant(key text, config json DEFAULT '{}') RETURNS void
LANGUAGE sql AS $$ SELECT sim.ctl('tenant', key, config::text) $$;
CREATE OR REPLACE FUNCTION sim.switches(key text, given json) RETURNS void
LANGUAGE sql AS $$ SELECT sim.ctl('switches', key, given::text) $$;
CREATE OR REPLACE FUNCTION sim.fault(key text, fault json) RETURNS void
LANGUAGE sql AS $$ SELECT sim.ctl('nofaults', key), sim.ctl('fault', key, fault::text) $$;

-- The records as the tenant holds them, with names as SQL folds them.
CREATE OR REPLACE FUNCTION sim.records(key text, resource text DEFAULT 'inventory')
RETURNS SETOF jsonb LANGUAGE sql AS $$
  SELECT (SELECT jsonb_object_agg(lower(k), v) FROM jsonb_each(r) AS e(k, v))
    FROM jsonb_array_elements(sim.ctl('GET', format('/_sim/tenants/%s/records?resource=%s',
                                                    key, resource))::jsonb) AS r
$$;

-- The requests since the last look; then only what they asked for, whatever
-- the number of pages; and their fields.
CREATE OR REPLACE FUNCTION sim.journal(key text) RETURNS SETOF jsonb
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT r FROM jsonb_array_elements(sim.ctl('journal', key)::jsonb) AS r
                ORDER BY r -> 'seq';
  PERFORM sim.ctl('clear', key);
END
$$;
CREATE OR REPLACE FUNCTION sim.sent(key text) RETURNS SETOF jsonb
LANGUAGE sql AS $$
  SELECT DISTINCT coalesce(r -> 'body' -> 'param', r -> 'body') - '{PageSize,PageIndex,SelectFields,Ts}'::text[]
    FROM sim.journal(key) AS r ORDER BY 1
$$;
CREATE OR REPLACE FUNCTION sim.selected(key text) RETURNS SETOF text
LANGUAGE sql AS $$
  SELECT DISTINCT coalesce(r -> 'body' -> 'param', r -> 'body') ->> 'SelectFields'
    FROM sim.journal(key) AS r ORDER BY 1
$$;
SET datestyle = 'ISO, YMD';
RESET client_min_messages;
\set ECHO all
