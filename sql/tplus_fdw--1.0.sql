/* sql/tplus_fdw--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION tplus_fdw" to load this file. \quit

CREATE FUNCTION tplus_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FUNCTION tplus_fdw_validator(text[], oid)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER tplus_fdw
  HANDLER tplus_fdw_handler
  VALIDATOR tplus_fdw_validator;

-- Tokens

-- What is here checks by itself who may do what.
GRANT USAGE ON SCHEMA tplus TO PUBLIC;

-- One row for each token pair: see src/tplus/token.h and pair.c, which reads
-- and writes it below SQL.  Nobody but a superuser has a use for it, and its
-- data are never dumped: a restored copy of a pair would fight the original.
CREATE TABLE tplus.token (
  fingerprint bytea PRIMARY KEY,
  server name NOT NULL,
  auth text NOT NULL,
  generation bigint NOT NULL,
  access_token text,
  refresh_token text,
  obtained_at timestamptz,
  expires_at timestamptz,
  refresh_expires_at timestamptz,
  renewals bigint NOT NULL,
  renewing_since timestamptz,
  renewing_until timestamptz,
  failure text,
  failures integer NOT NULL,
  failed_until timestamptz,
  failed_with bytea,
  holder bytea,
  sqlstate text,
  message text,
  hint text
);

REVOKE ALL ON tplus.token FROM PUBLIC;

-- Without a policy, this keeps the members of pg_read_all_data out, too.
ALTER TABLE tplus.token ENABLE ROW LEVEL SECURITY;

COMMENT ON TABLE tplus.token IS
  'token pairs of T+ accounts; secret, and written by tplus_fdw alone';
COMMENT ON COLUMN tplus.token.fingerprint IS
  'SHA-256 of what tells the pair: address, app_key, and the refresh token or certificate of the user mapping';
COMMENT ON COLUMN tplus.token.server IS
  'a server that uses the pair; others may share it';
COMMENT ON COLUMN tplus.token.renewing_since IS
  'a renewal began and has not ended; one that nobody carries on was interrupted';

CREATE FUNCTION tplus.authorize(server name, code text,
  redirect_uri text DEFAULT NULL)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tplus_authorize'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION tplus.authorize(name, text, text) IS
  'exchanges a one-time code for the first token pair; returns when the access token ends';

CREATE FUNCTION tplus.refresh_token(server name)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tplus_refresh_token'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION tplus.refresh_token(name) IS
  'renews the token pair now; returns when the access token ends';

CREATE FUNCTION tplus.renew_due(within interval DEFAULT '2 days',
  OUT server name, OUT usename name, OUT renewed boolean, OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_renew_due'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION tplus.renew_due(interval) IS
  'renews the token pairs of the current user, or of everybody for a superuser, that end within this time';

CREATE FUNCTION tplus.token_states(
  OUT server name, OUT usename name, OUT auth text, OUT generation bigint,
  OUT obtained_at timestamptz, OUT expires_at timestamptz,
  OUT refresh_expires_at timestamptz, OUT state text, OUT message text,
  OUT renewals bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_token_states'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;

CREATE VIEW tplus.token_status AS
  SELECT * FROM tplus.token_states();

GRANT SELECT ON tplus.token_status TO PUBLIC;

COMMENT ON VIEW tplus.token_status IS
  'how the tokens of user mappings fare; shows one''s own, those of one''s servers, and all to pg_monitor';


-- Reading

CREATE FUNCTION tplus.high_water("table" regclass)
RETURNS text
AS 'MODULE_PATHNAME', 'tplus_high_water'
LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;

COMMENT ON FUNCTION tplus.high_water(regclass) IS
'row version up to which the last statement returned everything, or null';

CREATE FUNCTION tplus.calibrate("table" regclass, apply boolean DEFAULT false,
  OUT fact text, OUT value text, OUT "option" text, OUT evidence text,
  OUT requests integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_calibrate_table'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE ROWS 16;

COMMENT ON FUNCTION tplus.calibrate(regclass, boolean) IS
'measures what the server does where the protocol leaves it open; apply writes what was proven as options of the foreign table';

CREATE FUNCTION tplus.comment_columns("table" regclass)
RETURNS integer
LANGUAGE plpgsql STRICT VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  col record;
  done integer := 0;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_foreign_table WHERE ftrelid = $1) THEN
    RAISE wrong_object_type USING MESSAGE = format('"%s" is not a foreign table', $1);
  END IF;
  FOR col IN
    SELECT a.attname, o.option_value AS label
      FROM pg_attribute a, pg_options_to_table(a.attfdwoptions) o
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
       AND o.option_name = 'label'
     ORDER BY a.attnum
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', $1, col.attname, col.label);
    done := done + 1;
  END LOOP;
  RETURN done;
END
$$;

COMMENT ON FUNCTION tplus.comment_columns(regclass) IS
'turns the labels of a foreign table''s columns into comments; returns how many';

-- Counters

-- Who may see which row is checked by the functions: the owner of the server,
-- and pg_monitor.  The columns are those of src/fdw/stat_functions.c.
CREATE FUNCTION tplus.stat_entries(
  OUT server text, OUT "table" text, OUT requests bigint, OUT pages bigint,
  OUT rows bigint, OUT wire_bytes bigint, OUT body_bytes bigint,
  OUT retries_throttled bigint, OUT retries_token bigint,
  OUT retries_server bigint, OUT retries_network bigint,
  OUT retries_malformed bigint, OUT network_ms double precision,
  OUT budget_ms double precision, OUT token_ms double precision,
  OUT backoff_ms double precision, OUT throttled_ms double precision,
  OUT renewals bigint, OUT errors bigint, OUT last_error text,
  OUT last_error_sqlstate text, OUT last_error_at timestamptz,
  OUT latency_ms double precision, OUT latency_histogram bigint[],
  OUT last_request_at timestamptz, OUT counted_since timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_stat_entries'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 40;

CREATE VIEW tplus.stat_requests AS
  SELECT * FROM tplus.stat_entries();

GRANT SELECT ON tplus.stat_requests TO PUBLIC;

COMMENT ON VIEW tplus.stat_requests IS
  'what requests have cost, of all backends, by server and foreign table; for the owner of the server and pg_monitor';
COMMENT ON COLUMN tplus.stat_requests."table" IS
  'null for calls without a foreign table: ping, renewals of tokens';
COMMENT ON COLUMN tplus.stat_requests.latency_histogram IS
  'good answers by milliseconds to their first byte: up to 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, and more';

CREATE FUNCTION tplus.stat_reset()
RETURNS void
AS 'MODULE_PATHNAME', 'tplus_stat_reset'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

REVOKE ALL ON FUNCTION tplus.stat_reset() FROM PUBLIC;

COMMENT ON FUNCTION tplus.stat_reset() IS
  'sets the counters of tplus.stat_requests in this database to zero';

CREATE FUNCTION tplus.request_entries(
  OUT number bigint, OUT sent_at timestamptz, OUT pid integer,
  OUT database text, OUT server text, OUT "table" text, OUT path text,
  OUT parameters text, OUT status integer, OUT code text, OUT rows bigint,
  OUT wire_bytes bigint, OUT ms double precision, OUT attempt integer,
  OUT error text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_request_entries'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 50;

CREATE VIEW tplus.request_log AS
  SELECT * FROM tplus.request_entries() ORDER BY number;

GRANT SELECT ON tplus.request_log TO PUBLIC;

COMMENT ON VIEW tplus.request_log IS
  'the last requests of all backends; for the owner of the server and pg_monitor';

-- Information

CREATE FUNCTION tplus.ping(server name)
RETURNS double precision
AS 'MODULE_PATHNAME', 'tplus_ping'
LANGUAGE C STRICT VOLATILE;

COMMENT ON FUNCTION tplus.ping(name) IS
'makes one cheap call with the mapping of the current user; returns milliseconds';

CREATE FUNCTION tplus.info(OUT name text, OUT value text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_info'
LANGUAGE C STRICT STABLE;

COMMENT ON FUNCTION tplus.info() IS
'versions, features of libcurl, and where shared state lives';

CREATE FUNCTION tplus.options(OUT object text, OUT name text, OUT kind text,
  OUT default_value text, OUT secret boolean, OUT superuser_only boolean,
  OUT help text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_list_options'
LANGUAGE C STRICT STABLE;

COMMENT ON FUNCTION tplus.options() IS 'all options of all objects';
