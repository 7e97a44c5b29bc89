/* sql/tplus_fdw--1.0--2.0.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION tplus_fdw UPDATE TO '2.0'" to load this file. \quit

-- Without USAGE on the schema of pg_cron.
CREATE FUNCTION tplus._check_cron() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT has_schema_privilege('cron', 'USAGE') THEN
    RAISE insufficient_privilege USING
      MESSAGE = format('role "%s" may not use pg_cron', current_user),
      HINT = format('As a superuser: GRANT USAGE ON SCHEMA cron TO %I;', current_user);
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION tplus._unschedule(d tplus.sync_definition) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  n bigint := 0;
BEGIN
  IF d.schedule IS NULL OR NOT tplus._has_cron() THEN
    NULL;
  ELSIF NOT has_schema_privilege('cron', 'USAGE') THEN
    RAISE WARNING 'pg_cron may go on running sync "%"', d.name USING
      HINT = format('As a superuser: SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L AND username = %L;',
        'tplus ' || d.name, d.owner);
  ELSE
    EXECUTE 'SELECT count(cron.unschedule(jobid)) FROM cron.job WHERE jobname = $1 AND username = $2'
      INTO n USING 'tplus ' || d.name, d.owner;
  END IF;
  RETURN n > 0;
END
$$;

CREATE OR REPLACE FUNCTION tplus.schedule_sync(name text, schedule text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._sync(schedule_sync.name);
  command text := format('CALL tplus.sync(%L)', d.name);
  elsewhere text := tplus._cron_database();
  job bigint;
BEGIN
  IF NOT tplus._has_cron() THEN
    IF elsewhere IS NULL THEN
      RAISE object_not_in_prerequisite_state USING
        MESSAGE = 'pg_cron is not loaded',
        HINT = 'Install it, add it to shared_preload_libraries, restart, and CREATE EXTENSION pg_cron; or let any scheduler run: ' || command;
    END IF;
    IF elsewhere = current_database() THEN
      RAISE object_not_in_prerequisite_state USING
        MESSAGE = 'the extension pg_cron has not been created',
        HINT = 'CREATE EXTENSION pg_cron;';
    END IF;
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = CASE elsewhere WHEN '?' THEN 'pg_cron lives in another database' ELSE format('pg_cron lives in database "%s"', elsewhere) END,
      DETAIL = 'It takes jobs for this database there.',
      HINT = format('As role %I, run there: SELECT cron.schedule_in_database(%L, %L, %L, %L);',
        d.owner, 'tplus ' || d.name, schedule_sync.schedule, command, current_database());
  END IF;
  PERFORM tplus._check_cron();
  EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job USING 'tplus ' || d.name, schedule_sync.schedule, command;
  UPDATE tplus.sync_definition x SET schedule = schedule_sync.schedule WHERE x.id = d.id;
  RETURN job;
END
$$;

CREATE OR REPLACE FUNCTION tplus.unschedule_sync(name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._sync(unschedule_sync.name);
  was boolean;
BEGIN
  IF d.schedule IS NOT NULL AND tplus._has_cron() THEN
    PERFORM tplus._check_cron();
  END IF;
  was := tplus._unschedule(d);
  UPDATE tplus.sync_definition x SET schedule = NULL WHERE x.id = d.id;
  RETURN was;
END
$$;

-- What 1.0 accepted and 2.0 does not is kept, and told.
DO $$
DECLARE
  part record;
BEGIN
  PERFORM pg_catalog.set_config('check_function_bodies', 'on', true);
  FOR part IN
    WITH ours AS (
      SELECT f.ftrelid, f.ftoptions
        FROM pg_catalog.pg_foreign_table f
        JOIN pg_catalog.pg_foreign_server s ON s.oid OPERATOR(pg_catalog.=) f.ftserver
        JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw
       WHERE w.fdwname OPERATOR(pg_catalog.=) 'tplus_fdw')
    SELECT pg_catalog.format('foreign table "%s"', ftrelid::pg_catalog.regclass) AS name,
           'pg_catalog.pg_foreign_table'::pg_catalog.regclass AS catalog, ftoptions AS options
      FROM ours
    UNION ALL
    SELECT pg_catalog.format('column "%s" of foreign table "%s"', attname, ftrelid::pg_catalog.regclass),
           'pg_catalog.pg_attribute'::pg_catalog.regclass, attfdwoptions
      FROM ours JOIN pg_catalog.pg_attribute ON attrelid OPERATOR(pg_catalog.=) ftrelid
     WHERE attfdwoptions IS NOT NULL
  LOOP
    BEGIN
      PERFORM tplus.tplus_fdw_validator(part.options, part.catalog);
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING '%: %', part.name, sqlerrm;
    END;
  END LOOP;
  PERFORM pg_catalog.set_config('check_function_bodies', 'off', true);
END
$$;
