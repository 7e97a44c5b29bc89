/* sql/tplus_fdw--1.0--2.0.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION tplus_fdw UPDATE TO '2.0'" to load this file. \quit

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
