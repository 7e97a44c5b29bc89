/* sql/tplus_fdw--2.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION tplus_fdw" to load this file. \quit

-- Whoever can make things in the schema could make what is taken here, or by
-- the functions below, for something else: an operator, or a function whose
-- arguments fit better.  So each name in this block is qualified, too.
DO $$
DECLARE
  schema constant pg_catalog.oid := 'tplus'::pg_catalog.regnamespace;
  other pg_catalog.name;
BEGIN
  SELECT r.rolname INTO other FROM pg_catalog.pg_roles r
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles s
                      WHERE s.rolsuper AND pg_catalog.pg_has_role(r.oid, s.oid, 'MEMBER'))
     AND (pg_catalog.has_schema_privilege(r.oid, schema, 'CREATE')
          OR EXISTS (SELECT FROM pg_catalog.pg_namespace n
                      WHERE n.oid OPERATOR(pg_catalog.=) schema
                        AND n.nspowner OPERATOR(pg_catalog.=) r.oid)
          OR EXISTS (SELECT FROM pg_catalog.pg_proc p
                      WHERE p.pronamespace OPERATOR(pg_catalog.=) schema
                        AND p.proowner OPERATOR(pg_catalog.=) r.oid)
          OR EXISTS (SELECT FROM pg_catalog.pg_operator o
                      WHERE o.oprnamespace OPERATOR(pg_catalog.=) schema
                        AND o.oprowner OPERATOR(pg_catalog.=) r.oid))
   LIMIT 1;
  IF FOUND THEN
    RAISE insufficient_privilege USING
      MESSAGE = 'schema "tplus" is not in the hands of superusers alone',
      DETAIL = pg_catalog.format('Role "%s" may create objects in it, or owns it, or functions or operators there.', other),
      HINT = 'Drop the schema: CREATE EXTENSION makes it.';
  END IF;
END
$$;

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
  hint text,
  for_server bytea,
  for_mapping bytea
);

REVOKE ALL ON tplus.token FROM PUBLIC;

-- Without a policy, this keeps the members of pg_read_all_data out, too.
ALTER TABLE tplus.token ENABLE ROW LEVEL SECURITY;

-- Nor shall ANALYZE put tokens into pg_statistic.
ALTER TABLE tplus.token
  ALTER access_token SET STATISTICS 0,
  ALTER refresh_token SET STATISTICS 0;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_publication WHERE puballtables) THEN
    RAISE WARNING 'table "tplus.token", which holds secrets, is published by a publication FOR ALL TABLES'
      USING DETAIL = 'Its changes are not replicated, but a subscription copies the table when it begins.',
            HINT = 'Name the tables or schemas of the publication, instead of FOR ALL TABLES.';
  END IF;
END
$$;

COMMENT ON TABLE tplus.token IS
  'token pairs of T+ accounts; secret, and written by tplus_fdw alone';
COMMENT ON COLUMN tplus.token.server IS
  'a server that uses the pair; others may share it';
COMMENT ON COLUMN tplus.token.renewing_since IS
  'a renewal began and has not ended; one that nobody carries on was interrupted';

-- What row level security hides shall not be read from a TOAST table: short
-- tokens stay in the row, others in pieces in another table.
ALTER TABLE tplus.token
  ALTER access_token SET STORAGE PLAIN,
  ALTER refresh_token SET STORAGE PLAIN;

CREATE TABLE tplus.token_part (
  fingerprint bytea NOT NULL,
  part integer NOT NULL,
  piece bytea NOT NULL
);

ALTER TABLE tplus.token_part
  ALTER fingerprint SET STORAGE PLAIN,
  ALTER piece SET STORAGE PLAIN,
  ALTER piece SET STATISTICS 0;

REVOKE ALL ON tplus.token_part FROM PUBLIC;
ALTER TABLE tplus.token_part ENABLE ROW LEVEL SECURITY;

COMMENT ON TABLE tplus.token_part IS
  'tokens that are not short, in pieces, and the key of the fingerprints; secret, and written by tplus_fdw alone';
COMMENT ON COLUMN tplus.token.fingerprint IS
  'keyed hash of what tells the pair: route to T+, app_key, app_secret, and the refresh token or certificate of the user mapping';
COMMENT ON COLUMN tplus.token.for_server IS
  'keyed hash of the server that takes the pair over when its route changes';
COMMENT ON COLUMN tplus.token.for_mapping IS
  'keyed hash of the user mapping that takes the pair over when its app_secret changes';

CREATE FUNCTION tplus._prepare_tokens() RETURNS void
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'tplus_prepare_tokens';
DO $$
BEGIN
  PERFORM tplus._prepare_tokens();
END
$$;
DROP FUNCTION tplus._prepare_tokens();

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
  max_requests integer DEFAULT 40,
  OUT fact text, OUT value text, OUT "option" text, OUT evidence text,
  OUT requests integer, OUT status text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_calibrate_table'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE ROWS 16;

COMMENT ON FUNCTION tplus.calibrate(regclass, boolean, integer) IS
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

-- By month: what was counted in a file of the cluster, see src/base/ledger.h.
CREATE FUNCTION tplus.month_entries(
  OUT month date, OUT server text, OUT "table" text, OUT requests bigint,
  OUT account_requests bigint, OUT monthly_requests integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_month_entries'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 40;

CREATE VIEW tplus.stat_months AS
  SELECT * FROM tplus.month_entries() ORDER BY month DESC, server, "table" NULLS FIRST;

GRANT SELECT ON tplus.stat_months TO PUBLIC;

COMMENT ON VIEW tplus.stat_months IS
  'requests of this month and the last, by server and foreign table; for the owner of the server and pg_monitor';
COMMENT ON COLUMN tplus.stat_months.month IS
  'its first day; months begin at midnight in China';
COMMENT ON COLUMN tplus.stat_months.account_requests IS
  'what all servers and databases of the cluster with the same host and app_key have asked in the month';

CREATE FUNCTION tplus._month_left(server name) RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_month_left'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

-- China's time is 8 hours ahead of UTC, all year.
CREATE VIEW tplus.stat_requests AS
  SELECT e.*, coalesce(m.requests, 0) AS month_requests, coalesce(m.before, 0) AS last_month_requests
    FROM tplus.stat_entries() e
    LEFT JOIN (SELECT x.server, x."table",
                      (sum(x.requests) FILTER (WHERE x.month = date_trunc('month', clock_timestamp() AT TIME ZONE interval '8 hours')))::bigint AS requests,
                      (sum(x.requests) FILTER (WHERE x.month < date_trunc('month', clock_timestamp() AT TIME ZONE interval '8 hours')))::bigint AS before
                 FROM tplus.month_entries() x GROUP BY x.server, x."table") m
      ON m.server = e.server AND m."table" IS NOT DISTINCT FROM e."table";

COMMENT ON COLUMN tplus.stat_requests.month_requests IS
  'of this month, as in tplus.stat_months: neither a restart nor stat_reset() sets it to zero';

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

CREATE FUNCTION tplus.budget_entries(
  OUT database text, OUT server text, OUT pid integer,
  OUT waiting_since timestamptz, OUT place integer, OUT under_way integer,
  OUT paused_until timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_budget_entries'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10;

CREATE VIEW tplus.budget_queue AS
  SELECT * FROM tplus.budget_entries() ORDER BY server, place;

GRANT SELECT ON tplus.budget_queue TO PUBLIC;

COMMENT ON VIEW tplus.budget_queue IS
  'who waits now for the budget of requests, of all backends; for the owner of the server and pg_monitor';

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

-- Synchronising: what there is

-- A sync copies what a source (mostly a foreign table of T+) holds into a
-- table, again and again.  Everything about it belongs to the role that made
-- it.  All of this runs with the rights of the caller; row-level security lets
-- each role write its own rows, so that nothing here needs more rights than
-- its caller has.
--
-- The mapping and the filter of a sync are SQL.  They are only ever looked at
-- or run by the very role that owns the sync: not by a member of that role,
-- and not by a superuser, who would lend them his rights.
--
-- A role is stored by its OID, and a dump has its name.
CREATE FUNCTION tplus._current_role() RETURNS regrole
AS 'MODULE_PATHNAME', 'tplus_current_role' LANGUAGE C STABLE PARALLEL SAFE;

CREATE TABLE tplus.sync_definition (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name <> ''),
  owner regrole NOT NULL DEFAULT tplus._current_role(),
  source text NOT NULL,
  target text NOT NULL,
  key text[] NOT NULL,
  mapping jsonb,
  filter text,
  cursor_column name,
  lag interval NOT NULL,
  mode text NOT NULL CHECK (mode IN ('upsert', 'insert')),
  deletes text NOT NULL CHECK (deletes IN ('ignore', 'mark', 'delete')),
  mark_column name,
  full_every interval NOT NULL,
  stale_after interval NOT NULL,
  on_error text NOT NULL CHECK (on_error IN ('stop', 'quarantine')),
  max_rejects integer NOT NULL CHECK (max_rejects >= 0),
  delete_limit numeric NOT NULL CHECK (delete_limit BETWEEN 0 AND 1),
  search_path text NOT NULL,
  schedule text,
  created timestamptz NOT NULL DEFAULT now(),
  time_zone text,
  date_style text,
  key_texts integer NOT NULL DEFAULT 1,
  -- Others reckon with them, and must not meet an overflow.
  CONSTRAINT at_most_1000_years CHECK (greatest(lag, full_every, stale_after) <= '1000 years')
);

COMMENT ON TABLE tplus.sync_definition IS
  'syncs, written by tplus.create_sync() and alter_sync()';
COMMENT ON COLUMN tplus.sync_definition.owner IS
  'who alone runs it; "-": nobody';
COMMENT ON COLUMN tplus.sync_definition.search_path IS
  'with which mapping and filter were written, and are read';
COMMENT ON COLUMN tplus.sync_definition.time_zone IS
  'as search_path; null in one of version 1.0 that has not run since';
COMMENT ON COLUMN tplus.sync_definition.date_style IS
  'as search_path, with the output style ISO';
COMMENT ON COLUMN tplus.sync_definition.key_texts IS
  '1: the keys in sync_key were written by version 1.0, as the session had it';

-- What each successful run reached.  Kept as far back as the lag needs it: see
-- tplus._start_of().
CREATE TABLE tplus.sync_cursor (
  run bigint,
  sync text REFERENCES tplus.sync_definition (name) ON DELETE CASCADE,
  started timestamptz NOT NULL,
  ended timestamptz NOT NULL,
  value text,
  marker_version text,
  marker_key text,
  nulls boolean NOT NULL,
  last_full timestamptz CHECK (last_full < '10000-01-01'),
  PRIMARY KEY (sync, run)
);

COMMENT ON COLUMN tplus.sync_cursor.value IS
  'highest value of the cursor column up to which everything has been stored';
COMMENT ON COLUMN tplus.sync_cursor.marker_version IS
  'highest row version seen that is not above value; its record must still be there';
COMMENT ON COLUMN tplus.sync_cursor.nulls IS
  'rows without a value in the cursor column were seen';

-- The keys of the rows that a sync wrote: nothing else does it ever delete.
CREATE TABLE tplus.sync_key (
  sync integer,
  key text COLLATE "C",
  record text,
  PRIMARY KEY (sync, key)
);

COMMENT ON COLUMN tplus.sync_key.record IS
  'which record of T+ the row came from, where the key does not tell';

CREATE TABLE tplus.sync_log (
  run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sync text NOT NULL REFERENCES tplus.sync_definition (name) ON DELETE CASCADE,
  kind text NOT NULL,
  cause text NOT NULL,
  status text NOT NULL,
  started timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended timestamptz,
  window_from text,
  window_to text,
  pid integer NOT NULL DEFAULT pg_backend_pid(),
  backend_start timestamptz,
  requests bigint,
  rows_read bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_unchanged bigint,
  rows_deleted bigint,
  rows_failed bigint,
  rows_kept bigint,
  sqlstate text,
  message text,
  detail text,
  hint text,
  context text,
  rows_not_own bigint
);
CREATE INDEX ON tplus.sync_log (sync, run);

COMMENT ON COLUMN tplus.sync_log.rows_not_own IS
  'rows of the target that the sync did not write, after a full run';

CREATE TABLE tplus.sync_reject (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sync text NOT NULL REFERENCES tplus.sync_definition (name) ON DELETE CASCADE,
  run bigint NOT NULL,
  key text,
  record jsonb,
  column_name text,
  sqlstate text NOT NULL,
  message text NOT NULL,
  detail text,
  first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts integer NOT NULL DEFAULT 1,
  UNIQUE (sync, key)
);

COMMENT ON TABLE tplus.sync_reject IS
  'records that could not be stored; each later run tries them again';
COMMENT ON COLUMN tplus.sync_reject.run IS 'the last one that tried';

CREATE TABLE tplus.alert (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sync text REFERENCES tplus.sync_definition (name) ON DELETE CASCADE,
  server name,
  owner regrole NOT NULL DEFAULT tplus._current_role(),
  kind text NOT NULL,
  message text NOT NULL,
  counts jsonb NOT NULL DEFAULT '{}',
  first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  times integer NOT NULL DEFAULT 1,
  resolved timestamptz
);
CREATE INDEX ON tplus.alert (sync, kind) WHERE resolved IS NULL;

COMMENT ON TABLE tplus.alert IS
  'what NOTIFY tplus_alert told; repeated ones are one row until resolved';

-- Definitions, and what says up to where and what they have written, belong to
-- a dump; history and alerts do not, and tokens never.  Nor does what belongs to
-- a role that is gone: elsewhere, its OID may be that of another role.
DO $dump$
DECLARE
  known constant text := 'WHERE owner = 0 OR owner IN (SELECT oid FROM pg_catalog.pg_roles)';
  part text;
BEGIN
  PERFORM pg_catalog.pg_extension_config_dump('tplus.sync_definition', known);
  FOREACH part IN ARRAY ARRAY['sync_cursor', 'sync_key', 'sync_reject'] LOOP
    PERFORM pg_catalog.pg_extension_config_dump(format('tplus.%I', part)::regclass,
      format('WHERE sync IN (SELECT %s FROM tplus.sync_definition %s)', CASE part WHEN 'sync_key' THEN 'id' ELSE 'name' END, known));
  END LOOP;
END
$dump$;
SELECT pg_catalog.pg_extension_config_dump('tplus.sync_definition_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tplus.sync_log_run_seq', '');
SELECT pg_catalog.pg_extension_config_dump('tplus.sync_reject_id_seq', '');

-- Who sees a sync: its owner, whoever is a member of that role, and
-- pg_monitor.  A role that is gone is no error here.
CREATE FUNCTION tplus._may_see(role regrole) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_has_role('pg_monitor', 'USAGE') OR pg_has_role(role, 'USAGE') $$;

-- Nobody has a privilege to write: a privilege to write is one to lock, too.
GRANT SELECT ON tplus.sync_definition, tplus.sync_cursor, tplus.sync_key,
  tplus.sync_log, tplus.sync_reject, tplus.alert TO PUBLIC;

-- For pg_dump, whoever calls it.
GRANT SELECT ON tplus.sync_definition_id_seq, tplus.sync_log_run_seq,
  tplus.sync_reject_id_seq TO PUBLIC;

ALTER TABLE tplus.sync_definition ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON tplus.sync_definition FOR SELECT USING (tplus._may_see(owner));

ALTER TABLE tplus.alert ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON tplus.alert FOR SELECT USING (tplus._may_see(owner));

DO $policies$
DECLARE
  part text;
BEGIN
  FOREACH part IN ARRAY ARRAY['sync_cursor', 'sync_key', 'sync_log', 'sync_reject'] LOOP
    EXECUTE format($$
      ALTER TABLE tplus.%1$I ENABLE ROW LEVEL SECURITY;
      CREATE POLICY see ON tplus.%1$I FOR SELECT
        USING (sync IN (SELECT d.%2$I FROM tplus.sync_definition d))
      $$, part, CASE part WHEN 'sync_key' THEN 'id' ELSE 'name' END);
  END LOOP;
END
$policies$;

-- DROP ROLE refuses as long as the role owns a sync, because of a grant of what
-- everybody may anyway.  It is made when the transaction commits, after all that
-- a user can have run there: so that it is none of the privileges that come with
-- the extension, and nobody keeps the lock.
CREATE FUNCTION tplus._hold_inside(role regrole, is_new boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  owns boolean;
BEGIN
  -- Two grants at a time would fail, and a last sync not be seen to be that.
  LOCK TABLE tplus.sync_definition IN SHARE UPDATE EXCLUSIVE MODE;
  -- Who owns the table is held by that.
  IF role = (SELECT c.relowner FROM pg_class c WHERE c.oid = 'tplus.sync_definition'::regclass) THEN
    RETURN;
  END IF;
  owns := EXISTS (SELECT FROM tplus.sync_definition d WHERE d.owner = role);
  IF role::text ~ '^\d' THEN
    IF owns AND is_new THEN
      RAISE undefined_object USING MESSAGE = format('role with OID %s does not exist', role::oid);
    END IF;
  ELSIF owns THEN
    EXECUTE format('GRANT SELECT (owner) ON tplus.sync_definition TO %s', role);
  ELSE
    EXECUTE format('REVOKE SELECT (owner) ON tplus.sync_definition FROM %s', role);
  END IF;
END
$$;

CREATE FUNCTION tplus._hold_owner() RETURNS trigger
AS 'MODULE_PATHNAME', 'tplus_hold_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._hold(role regrole) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_hold' LANGUAGE C STRICT VOLATILE;

CREATE TRIGGER hold_owner AFTER INSERT OR DELETE OR UPDATE OF owner ON tplus.sync_definition
  FOR EACH ROW EXECUTE FUNCTION tplus._hold_owner();

-- Makes the grant anew where it was lost, as by DROP OWNED.
CREATE FUNCTION tplus._keep_hold(d tplus.sync_definition) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT tplus._is_gone(d.owner) AND NOT EXISTS (
       SELECT FROM pg_class c WHERE c.oid = 'tplus.sync_definition'::regclass AND c.relowner = d.owner
       UNION ALL
       SELECT FROM pg_attribute a, aclexplode(a.attacl) AS g
        WHERE a.attrelid = 'tplus.sync_definition'::regclass AND a.attname = 'owner' AND g.grantee = d.owner) THEN
    PERFORM tplus._hold(d.owner);
  END IF;
END
$$;

-- Synchronising: what C does

CREATE FUNCTION tplus._check_no_transaction() RETURNS void
AS 'MODULE_PATHNAME', 'tplus_check_no_transaction' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._lock_run(sync integer) RETURNS boolean
AS 'MODULE_PATHNAME', 'tplus_lock_run' LANGUAGE C STRICT VOLATILE;

CREATE FUNCTION tplus._unlock_run() RETURNS void
AS 'MODULE_PATHNAME', 'tplus_unlock_run' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._check_lock() RETURNS void
AS 'MODULE_PATHNAME', 'tplus_check_lock' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._lock_alerts() RETURNS void
AS 'MODULE_PATHNAME', 'tplus_lock_alerts' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._check_session() RETURNS void
AS 'MODULE_PATHNAME', 'tplus_check_session' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._raise(sqlstate text, message text, detail text, hint text) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_raise' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._begin_progress(run bigint, expected bigint) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_begin_progress' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._set_phase(phase text) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_set_phase' LANGUAGE C STRICT VOLATILE;

CREATE FUNCTION tplus._end_progress() RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_end_progress' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._progress(OUT run bigint, OUT pid integer, OUT phase text,
  OUT started timestamptz, OUT requests bigint, OUT pages bigint,
  OUT rows bigint, OUT expected bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tplus_progress' LANGUAGE C VOLATILE ROWS 4;

-- Synchronising: what is written
--
-- Each of these is a gate of C that everybody may call, and what it calls with
-- the role that called: see src/fdw/gate_functions.c.  That checks whose it is,
-- bounds what it is given, and runs nothing of a user's.

-- What a text argument may be long, in bytes.
CREATE FUNCTION tplus._check_size(argument text, value text, most integer DEFAULT 65536) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF octet_length(value) > most THEN
    RAISE program_limit_exceeded USING
      MESSAGE = format('argument "%s" is too long', argument),
      DETAIL = format('It has %s bytes; at most %s are taken.', octet_length(value), most);
  END IF;
END
$$;

CREATE FUNCTION tplus._check_sizes(d tplus.sync_definition) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tplus._check_size('name', d.name, 1000),
          tplus._check_size('schedule', d.schedule, 1000),
          tplus._check_size('time_zone', d.time_zone, 1000),
          tplus._check_size('date_style', d.date_style, 1000),
          tplus._check_size('source', d.source),
          tplus._check_size('target', d.target),
          tplus._check_size('key', d.key::text),
          tplus._check_size('mapping', d.mapping::text),
          tplus._check_size('filter', d.filter),
          tplus._check_size('search_path', d.search_path);
END
$$;

-- What is kept of a message.
CREATE FUNCTION tplus._cut(words text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT left(words, 8000) $$;

CREATE FUNCTION tplus._owned(caller regrole, sync integer) RETURNS tplus.sync_definition
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition;
BEGIN
  SELECT * INTO d FROM tplus.sync_definition x WHERE x.id = _owned.sync AND x.owner = _owned.caller;
  IF NOT FOUND THEN
    RAISE insufficient_privilege USING MESSAGE = 'only the owner of a sync can write what belongs to it';
  END IF;
  RETURN d;
END
$$;

CREATE FUNCTION tplus._is_superuser(role regrole) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce((SELECT r.rolsuper FROM pg_roles r WHERE r.oid = role), false) $$;

CREATE FUNCTION tplus._define(d tplus.sync_definition) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._define_inside(caller regrole, d tplus.sync_definition) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  most constant integer := 10000;
BEGIN
  PERFORM tplus._check_sizes(d);
  IF (SELECT count(*) FROM tplus.sync_definition x WHERE x.owner = caller) >= most THEN
    RAISE program_limit_exceeded USING MESSAGE = format('role "%s" has %s syncs already', pg_get_userbyid(caller), most);
  END IF;
  INSERT INTO tplus.sync_definition (name, owner, source, target, key, mapping, filter, cursor_column, lag, mode,
    deletes, mark_column, full_every, stale_after, on_error, max_rejects, delete_limit, search_path,
    time_zone, date_style, key_texts)
  VALUES (d.name, caller, d.source, d.target, d.key, d.mapping, d.filter, d.cursor_column, d.lag, d.mode,
    d.deletes, d.mark_column, d.full_every, d.stale_after, d.on_error, d.max_rejects, d.delete_limit, d.search_path,
    d.time_zone, d.date_style, d.key_texts);
EXCEPTION WHEN unique_violation THEN
  RAISE duplicate_object USING MESSAGE = format('sync "%s" exists already', d.name);
END
$$;

CREATE FUNCTION tplus._redefine(d tplus.sync_definition) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._redefine_inside(caller regrole, d tplus.sync_definition) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  old tplus.sync_definition := tplus._owned(caller, d.id);
BEGIN
  PERFORM tplus._check_sizes(d);
  UPDATE tplus.sync_definition x
     SET source = d.source, target = d.target, key = d.key, mapping = d.mapping, filter = d.filter,
         cursor_column = d.cursor_column, lag = d.lag, mode = d.mode, deletes = d.deletes, mark_column = d.mark_column,
         full_every = d.full_every, stale_after = d.stale_after, on_error = d.on_error, max_rejects = d.max_rejects,
         delete_limit = d.delete_limit, search_path = d.search_path, time_zone = d.time_zone, date_style = d.date_style
   WHERE x.id = old.id;
  -- What other records or columns it is to bring, only a full run finds out.
  IF ROW(d.source, d.target, d.key, d.mapping, d.filter, d.cursor_column, d.mode)
     IS DISTINCT FROM ROW(old.source, old.target, old.key, old.mapping, old.filter, old.cursor_column, old.mode) THEN
    UPDATE tplus.sync_cursor c SET last_full = NULL WHERE c.sync = old.name;
  END IF;
  IF d.target <> old.target OR d.key <> old.key THEN
    DELETE FROM tplus.sync_key k WHERE k.sync = old.id;
  END IF;
END
$$;

CREATE FUNCTION tplus._set_schedule(sync integer, schedule text) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._set_schedule_inside(caller regrole, sync integer, schedule text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
BEGIN
  PERFORM tplus._check_size('schedule', _set_schedule_inside.schedule, 1000);
  UPDATE tplus.sync_definition x SET schedule = _set_schedule_inside.schedule WHERE x.id = d.id;
END
$$;

CREATE FUNCTION tplus._set_settings(sync integer, time_zone text, date_style text) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._set_settings_inside(caller regrole, sync integer, time_zone text, date_style text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
BEGIN
  d.time_zone := _set_settings_inside.time_zone;
  d.date_style := _set_settings_inside.date_style;
  PERFORM tplus._check_sizes(d);
  UPDATE tplus.sync_definition x SET time_zone = d.time_zone, date_style = d.date_style WHERE x.id = d.id;
END
$$;

-- The texts of its keys are those of this version.
CREATE FUNCTION tplus._set_key_texts(sync integer, changed boolean) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._set_key_texts_inside(caller regrole, sync integer, changed boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
BEGIN
  UPDATE tplus.sync_definition x SET key_texts = 2 WHERE x.id = d.id;
  IF changed THEN
    -- What was rejected under such a text will be met, and named, again.
    UPDATE tplus.sync_reject r SET key = NULL WHERE r.sync = d.name;
    UPDATE tplus.sync_cursor c SET marker_key = NULL WHERE c.sync = d.name;
  END IF;
END
$$;

-- For the owner and the members of that role.
CREATE FUNCTION tplus._forget_sync(sync integer) RETURNS boolean
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._forget_sync_inside(caller regrole, sync integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition;
BEGIN
  SELECT * INTO d FROM tplus.sync_definition x WHERE x.id = _forget_sync_inside.sync;
  IF NOT FOUND OR NOT pg_has_role(caller, d.owner, 'MEMBER') THEN
    RETURN false;
  END IF;
  DELETE FROM tplus.sync_key k WHERE k.sync = d.id;
  -- Foreign keys would do it, but not where session_replication_role is replica,
  -- and a new sync of this name would go on where this one was.
  DELETE FROM tplus.sync_cursor c WHERE c.sync = d.name;
  DELETE FROM tplus.sync_reject r WHERE r.sync = d.name;
  DELETE FROM tplus.sync_log l WHERE l.sync = d.name;
  DELETE FROM tplus.alert a WHERE a.sync = d.name;
  DELETE FROM tplus.sync_definition x WHERE x.id = d.id;
  RETURN true;
END
$$;

CREATE FUNCTION tplus._add_keys(sync integer, keys text[]) RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._add_keys_inside(caller regrole, sync integer, keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
  n bigint;
BEGIN
  INSERT INTO tplus.sync_key (sync, key) SELECT d.id, k FROM unnest(keys) AS k ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END
$$;

CREATE FUNCTION tplus._drop_keys(sync integer, keys text[]) RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._drop_keys_inside(caller regrole, sync integer, keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
  n bigint;
BEGIN
  DELETE FROM tplus.sync_key k WHERE k.sync = d.id AND k.key = ANY (keys);
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END
$$;

CREATE FUNCTION tplus._set_records(sync integer, keys text[], records text[]) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._set_records_inside(caller regrole, sync integer, keys text[], records text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
BEGIN
  UPDATE tplus.sync_key k SET record = x.record FROM unnest(keys, records) AS x(key, record)
   WHERE k.sync = d.id AND k.key = x.key COLLATE "C";
END
$$;

CREATE FUNCTION tplus._put_reject(sync_id integer, bad tplus.sync_reject) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._put_reject_inside(caller regrole, sync_id integer, bad tplus.sync_reject) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync_id);
BEGIN
  INSERT INTO tplus.sync_reject AS r (sync, run, key, record, column_name, sqlstate, message, detail)
  VALUES (d.name, bad.run, bad.key, bad.record, left(bad.column_name, 63), left(bad.sqlstate, 5), coalesce(tplus._cut(bad.message), ''), tplus._cut(bad.detail))
  ON CONFLICT (sync, key) DO UPDATE
    SET run = excluded.run, record = coalesce(excluded.record, r.record), column_name = excluded.column_name,
        sqlstate = excluded.sqlstate, message = excluded.message, detail = excluded.detail,
        last_seen = excluded.last_seen, attempts = r.attempts + 1;
END
$$;

CREATE FUNCTION tplus._drop_rejects(sync integer, ids bigint[]) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._drop_rejects_inside(caller regrole, sync integer, ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
BEGIN
  DELETE FROM tplus.sync_reject r WHERE r.sync = d.name AND r.id = ANY (ids);
END
$$;

CREATE FUNCTION tplus._clear_cursors(sync integer) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._clear_cursors_inside(caller regrole, sync integer) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
BEGIN
  DELETE FROM tplus.sync_cursor c WHERE c.sync = d.name;
END
$$;

CREATE FUNCTION tplus._log_skipped(sync integer, kind text, cause text, words text) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._log_skipped_inside(caller regrole, sync integer, kind text, cause text, words text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
BEGIN
  PERFORM tplus._check_word('kind', kind, 'incremental', 'full', 'resync');
  INSERT INTO tplus.sync_log (sync, kind, cause, status, ended, message)
  VALUES (d.name, _log_skipped_inside.kind, tplus._cut(_log_skipped_inside.cause), 'skipped', clock_timestamp(), tplus._cut(words));
  PERFORM tplus._thin_out(d.name, currval('tplus.sync_log_run_seq'));
END
$$;

CREATE FUNCTION tplus._log_begun(sync integer, kind text, cause text, window_from text, window_to text) RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._log_begun_inside(caller regrole, sync integer, kind text, cause text, window_from text, window_to text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._owned(caller, sync);
  new_run bigint;
BEGIN
  PERFORM tplus._check_word('kind', kind, 'incremental', 'full', 'resync');
  INSERT INTO tplus.sync_log (sync, kind, cause, status, window_from, window_to, backend_start)
  SELECT d.name, _log_begun_inside.kind, tplus._cut(_log_begun_inside.cause), 'running', left(_log_begun_inside.window_from, 100),
         left(_log_begun_inside.window_to, 100), (SELECT a.backend_start FROM pg_stat_activity a WHERE a.pid = pg_backend_pid())
  RETURNING tplus.sync_log.run INTO new_run;
  PERFORM tplus._thin_out(d.name, new_run);
  RETURN new_run;
END
$$;

-- The newest of a history that nobody prunes, looked at now and then.
CREATE FUNCTION tplus._thin_out(sync_name text, run bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  most constant bigint := 50000;
BEGIN
  IF run % 100 = 0 THEN
    DELETE FROM tplus.sync_log l
     WHERE l.sync = sync_name AND l.run <= (SELECT x.run FROM tplus.sync_log x WHERE x.sync = sync_name ORDER BY x.run DESC OFFSET most LIMIT 1);
  END IF;
END
$$;

-- Rows that another session writes are not waited for, here and below.
CREATE FUNCTION tplus._log_crashed(sync integer, has_lock boolean) RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._log_crashed_inside(caller regrole, sync integer, has_lock boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition;
  n bigint;
BEGIN
  SELECT * INTO d FROM tplus.sync_definition x WHERE x.id = _log_crashed_inside.sync;
  IF NOT coalesce(d.owner = caller, false) AND NOT tplus._is_superuser(caller) THEN
    RAISE insufficient_privilege USING MESSAGE = 'only the owner of a sync can write what belongs to it';
  END IF;
  UPDATE tplus.sync_log g SET status = 'crashed', ended = clock_timestamp(),
         message = 'the run was ended before it could record its end',
         hint = 'Nothing of it was stored, and nothing is skipped: the next run begins where this one did.'
   WHERE g.run IN (SELECT x.run FROM tplus.sync_log x WHERE x.sync = d.name AND x.status = 'running'
                      AND (has_lock OR x.pid IS DISTINCT FROM tplus._running_pid(d.id))
                      FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END
$$;

CREATE FUNCTION tplus._log_failed(l tplus.sync_log) RETURNS text
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._log_failed_inside(caller regrole, l tplus.sync_log) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  sync_name text;
BEGIN
  SELECT g.sync INTO sync_name FROM tplus.sync_log g WHERE g.run = l.run;
  IF NOT FOUND THEN
    -- The sync was dropped meanwhile.
    RETURN NULL;
  END IF;
  PERFORM tplus._owned(caller, (SELECT x.id FROM tplus.sync_definition x WHERE x.name = sync_name));
  UPDATE tplus.sync_log g SET status = 'failed', ended = clock_timestamp(), requests = l.requests, sqlstate = left(l.sqlstate, 5),
    message = tplus._cut(l.message), detail = tplus._cut(l.detail), hint = tplus._cut(l.hint), context = tplus._cut(l.context)
   WHERE g.run = l.run;
  RETURN sync_name;
END
$$;

CREATE FUNCTION tplus._log_succeeded(l tplus.sync_log, c tplus.sync_cursor, by_version boolean) RETURNS void
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._log_succeeded_inside(caller regrole, l tplus.sync_log, c tplus.sync_cursor, by_version boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition;
  was tplus.sync_log;
  before tplus.sync_cursor;
BEGIN
  SELECT * INTO was FROM tplus.sync_log g WHERE g.run = l.run;
  d := tplus._owned(caller, (SELECT x.id FROM tplus.sync_definition x WHERE x.name = was.sync));
  PERFORM tplus._check_word('kind', l.kind, 'incremental', 'full', 'resync'),
          tplus._check_size('value', c.value, 1000), tplus._check_size('marker_version', c.marker_version, 1000), tplus._check_size('marker_key', c.marker_key);
  was.ended := clock_timestamp();
  UPDATE tplus.sync_log g SET kind = l.kind, cause = tplus._cut(l.cause), status = 'succeeded', ended = was.ended,
    window_from = left(l.window_from, 100), window_to = left(coalesce(l.window_to, c.value), 100), requests = l.requests,
    rows_read = l.rows_read, rows_inserted = l.rows_inserted, rows_updated = l.rows_updated,
    rows_unchanged = l.rows_unchanged, rows_deleted = l.rows_deleted, rows_failed = l.rows_failed,
    rows_kept = l.rows_kept, rows_not_own = l.rows_not_own
   WHERE g.run = l.run;
  IF l.kind = 'resync' THEN
    RETURN;
  END IF;
  SELECT * INTO before FROM tplus.sync_cursor k WHERE k.sync = d.name ORDER BY k.run DESC LIMIT 1;
  IF l.kind = 'full' AND before.last_full IS NULL THEN
    DELETE FROM tplus.sync_cursor k WHERE k.sync = d.name;
  END IF;
  -- One that cannot tell its end has not moved the start of the next.
  IF c.value IS NOT NULL OR l.kind = 'full' THEN
    INSERT INTO tplus.sync_cursor (run, sync, started, ended, value, marker_version, marker_key, nulls, last_full)
    VALUES (was.run, d.name, was.started, was.ended, c.value, c.marker_version, c.marker_key, coalesce(c.nulls, false),
            CASE l.kind WHEN 'full' THEN was.started ELSE before.last_full END);
    DELETE FROM tplus.sync_cursor k WHERE k.sync = d.name AND k.run < coalesce(
      (SELECT max(p.run) FROM tplus.sync_cursor p WHERE p.sync = d.name AND p.ended <= was.started - d.lag),
      CASE WHEN by_version THEN 0 ELSE was.run END);
  END IF;
END
$$;

-- Raises an alert, or counts one that is there already.  Only a new one is
-- told; everybody can listen, so what it says stands in the table alone.
CREATE FUNCTION tplus._alert(sync_name text, server_name name, role regrole, what text, words text, numbers jsonb DEFAULT '{}') RETURNS boolean
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._alert_inside(caller regrole, sync_name text, server_name name, role regrole, what text, words text, numbers jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  most constant integer := 5000;  -- resolved ones of a role
  found_id bigint;
BEGIN
  PERFORM tplus._check_word('what', what, 'failed', 'recovered', 'rejects', 'monthly_requests', 'keys', 'stale', 'token'),
          tplus._check_size('numbers', numbers::text, 10000);
  IF NOT coalesce(role = caller, false) AND NOT tplus._is_superuser(caller) THEN
    RAISE insufficient_privilege USING MESSAGE = 'only the owner of a sync can write what belongs to it';
  END IF;
  IF sync_name IS NULL AND server_name IS NULL
    OR sync_name IS NOT NULL AND NOT EXISTS (SELECT FROM tplus.sync_definition d WHERE d.name = sync_name AND d.owner = role)
    OR server_name IS NOT NULL AND NOT EXISTS (SELECT FROM pg_foreign_server s WHERE s.srvname = server_name) THEN
    RAISE undefined_object USING MESSAGE = 'an alert is about a sync or a server that exists';
  END IF;
  SELECT a.id INTO found_id FROM tplus.alert a
   WHERE a.sync IS NOT DISTINCT FROM sync_name AND a.server IS NOT DISTINCT FROM server_name
     AND a.owner = role AND a.kind = what AND a.resolved IS NULL LIMIT 1;
  IF FOUND THEN
    UPDATE tplus.alert a SET last_seen = clock_timestamp(), times = least(a.times, 2147483646) + 1,
           message = tplus._cut(words), counts = numbers
     WHERE a.id IN (SELECT x.id FROM tplus.alert x WHERE x.id = found_id FOR UPDATE SKIP LOCKED);
    RETURN false;
  END IF;
  INSERT INTO tplus.alert (sync, server, owner, kind, message, counts, resolved)
  VALUES (sync_name, server_name, role, what, coalesce(tplus._cut(words), ''), coalesce(numbers, '{}'),
          CASE what WHEN 'recovered' THEN clock_timestamp() END)
  RETURNING tplus.alert.id INTO found_id;
  DELETE FROM tplus.alert a
   WHERE a.id IN (SELECT x.id FROM tplus.alert x WHERE x.id IN
     (SELECT y.id FROM tplus.alert y WHERE y.owner = role AND y.resolved IS NOT NULL ORDER BY y.id DESC OFFSET most)
     FOR UPDATE SKIP LOCKED);
  PERFORM pg_notify('tplus_alert', format('{"id": %s, "kind": "%s"}', found_id, what));
  RETURN true;
END
$$;

CREATE FUNCTION tplus._resolve_alerts(ids bigint[]) RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._resolve_alerts_inside(caller regrole, ids bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  n bigint;
BEGIN
  UPDATE tplus.alert a SET resolved = clock_timestamp()
   WHERE a.id IN (SELECT x.id FROM tplus.alert x WHERE x.id = ANY (ids) AND x.resolved IS NULL
                     AND (x.owner = caller OR tplus._is_superuser(caller)) FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END
$$;

CREATE FUNCTION tplus._prune(older_than interval) RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_as_owner' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._prune_inside(caller regrole, older_than interval) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  n bigint;
  m bigint;
BEGIN
  -- The last success of each stays, for sync_status and what it expects.
  DELETE FROM tplus.sync_log l
   WHERE l.run IN (SELECT x.run FROM tplus.sync_log x JOIN tplus.sync_definition d ON d.name = x.sync
                    WHERE x.ended < now() - older_than AND pg_has_role(caller, d.owner, 'MEMBER')
                      AND x.run <> ALL (ARRAY(SELECT max(y.run) FROM tplus.sync_log y WHERE y.status = 'succeeded' GROUP BY y.sync, y.kind))
                      FOR UPDATE OF x SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT;
  DELETE FROM tplus.alert a
   WHERE a.id IN (SELECT x.id FROM tplus.alert x WHERE x.resolved < now() - older_than AND pg_has_role(caller, x.owner, 'MEMBER') FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS m = ROW_COUNT;
  RETURN n + m;
END
$$;

-- Only a gate calls them; of the trigger, everybody could make another.
REVOKE ALL ON FUNCTION tplus._define_inside(regrole, tplus.sync_definition),
  tplus._redefine_inside(regrole, tplus.sync_definition),
  tplus._set_schedule_inside(regrole, integer, text),
  tplus._set_settings_inside(regrole, integer, text, text),
  tplus._set_key_texts_inside(regrole, integer, boolean),
  tplus._forget_sync_inside(regrole, integer),
  tplus._add_keys_inside(regrole, integer, text[]),
  tplus._drop_keys_inside(regrole, integer, text[]),
  tplus._set_records_inside(regrole, integer, text[], text[]),
  tplus._put_reject_inside(regrole, integer, tplus.sync_reject),
  tplus._drop_rejects_inside(regrole, integer, bigint[]),
  tplus._clear_cursors_inside(regrole, integer),
  tplus._log_skipped_inside(regrole, integer, text, text, text),
  tplus._log_begun_inside(regrole, integer, text, text, text, text),
  tplus._log_crashed_inside(regrole, integer, boolean),
  tplus._log_failed_inside(regrole, tplus.sync_log),
  tplus._log_succeeded_inside(regrole, tplus.sync_log, tplus.sync_cursor, boolean),
  tplus._alert_inside(regrole, text, name, regrole, text, text, jsonb),
  tplus._resolve_alerts_inside(regrole, bigint[]),
  tplus._prune_inside(regrole, interval),
  tplus._hold_inside(regrole, boolean),
  tplus._hold_owner()
  FROM PUBLIC;

-- Synchronising: what a definition means

CREATE FUNCTION tplus._is_gone(role regrole) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT NOT EXISTS (SELECT FROM pg_roles WHERE oid = role) $$;

CREATE FUNCTION tplus._belongs(d tplus.sync_definition) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN tplus._is_gone(d.owner) THEN format('sync "%s" belongs to a role that does not exist', d.name)
    ELSE format('sync "%s" belongs to role "%s"', d.name, pg_get_userbyid(d.owner)) END
$$;

-- The sync of this name.  Only its owner may run or change it: see above.
CREATE FUNCTION tplus._sync(wanted text) RETURNS tplus.sync_definition
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_one tplus.sync_definition;
BEGIN
  PERFORM tplus._check_size('name', wanted);
  SELECT * INTO found_one FROM tplus.sync_definition WHERE name = wanted;
  IF NOT FOUND THEN
    RAISE undefined_object USING
      MESSAGE = format('sync "%s" does not exist', wanted);
  END IF;
  IF found_one.owner <> tplus._current_role() THEN
    RAISE insufficient_privilege USING
      MESSAGE = tplus._belongs(found_one),
      DETAIL = 'Its mapping and filter are SQL, which runs with the rights of the caller, so only the owner may run it, in a session of its own.',
      HINT = CASE WHEN tplus._is_gone(found_one.owner)
        THEN 'Drop it with tplus.drop_sync(), as a superuser, and let another role create it with adopt => true.'
        ELSE format('Connect as %s, or let pg_cron run it as that role.', found_one.owner) END;
  END IF;
  RETURN found_one;
END
$$;

-- What a definition means for the tables as they are now.
CREATE TYPE tplus._sync_shape AS (
  source regclass,
  target regclass,
  is_tplus boolean,      -- the source is a foreign table of this extension
  alias text,            -- what mapping and filter call the source
  columns text[],        -- of the target, quoted, those of the key included
  exprs text[],          -- what they get
  key text[],            -- columns of the target that tell rows apart, quoted
  ops text[],            -- the equality of each
  overriding text,       -- for the INSERT
  key_column text,       -- column of the source that the key is, quoted; null: an expression
  key_type text,
  cursor_column text,    -- of the source, quoted
  cursor_kind text,      -- version, time; null: no cursor
  cursor_type text,
  cursor_not_null boolean,
  mark text,             -- column of the target, quoted
  mark_value text,
  whole_column text,     -- of the source with the field "*", quoted
  error_column text,     -- ... with the field "$error"
  read_columns text[],   -- of the source that the expressions may need, quoted
  keep_raw boolean,      -- records are read into a table of their own first
  record_column text,    -- of the source, if the key is not what T+ itself tells records by, quoted
  record_type text,
  null_keys boolean[],   -- which columns of the key can be null, and nulls are one value
  loose_keys text[]      -- those that can be null, and nulls are not, quoted
);

-- The columns of a relation; field is what T+ calls it, without case and dots;
-- type_name means the same under any search_path.
CREATE FUNCTION tplus._columns(relation regclass,
  OUT name text, OUT quoted text, OUT type oid, OUT type_name text,
  OUT is_not_null boolean, OUT field text, OUT always_identity boolean)
RETURNS SETOF record LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT a.attname, quote_ident(a.attname), a.atttypid,
         (SELECT format('%I.%I', n.nspname, y.typname) FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace
           WHERE y.oid = a.atttypid), a.attnotnull,
         lower(replace(coalesce((SELECT o.option_value
                                   FROM pg_options_to_table(a.attfdwoptions) o
                                  WHERE o.option_name = 'field'), a.attname), '.', '') COLLATE "C"),
         a.attidentity = 'a'
    FROM pg_attribute a
   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
     AND (a.attgenerated = '' OR relation IN (SELECT ftrelid FROM pg_foreign_table))
   ORDER BY a.attnum
$$;

CREATE FUNCTION tplus._is_tplus(relation regclass) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (SELECT FROM pg_foreign_table t
                   JOIN pg_foreign_server s ON s.oid = t.ftserver
                   JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
                  WHERE t.ftrelid = relation AND w.fdwname = 'tplus_fdw')
$$;

-- A column of the source that expr is nothing but, quoted; or null.
CREATE FUNCTION tplus._plain_column(relation regclass, expr text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT quoted FROM tplus._columns(relation)
   WHERE quoted = btrim(expr, E' \t\n')
      OR (btrim(expr, E' \t\n') ~ '^[[:alpha:]_][[:alnum:]_$]*$'
          AND name = lower(btrim(expr, E' \t\n') COLLATE "C"))
   LIMIT 1
$$;

-- The unique index that makes these columns (null: the primary key) a key:
-- its columns, the operator by which it compares each, which can be null, and
-- whether it takes nulls for one value.
CREATE FUNCTION tplus._key_of(target regclass, wanted text[], OUT key text[], OUT ops text[],
  OUT can_be_null boolean[], OUT nulls_equal boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  SELECT array_agg(a.attname::text ORDER BY k.n),
         array_agg(format('OPERATOR(%I.%s)', s.nspname, o.oprname) ORDER BY k.n),
         array_agg(NOT (a.attnotnull OR y.typnotnull) ORDER BY k.n), i.indnullsnotdistinct
    INTO key, ops, can_be_null, nulls_equal
    FROM pg_index i
    CROSS JOIN generate_series(1, i.indnkeyatts) AS k(n)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n - 1]
    JOIN pg_type y ON y.oid = a.atttypid
    JOIN pg_opclass c ON c.oid = i.indclass[k.n - 1]
    JOIN pg_amop p ON p.amopfamily = c.opcfamily AND p.amopstrategy = 3
     AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
    JOIN pg_operator o ON o.oid = p.amopopr
    JOIN pg_namespace s ON s.oid = o.oprnamespace
   WHERE i.indrelid = target AND i.indisunique AND i.indisvalid AND i.indimmediate
     AND i.indpred IS NULL AND i.indexprs IS NULL
     AND CASE WHEN wanted IS NULL THEN i.indisprimary ELSE
           i.indnkeyatts = cardinality(wanted)
           AND NOT EXISTS (SELECT FROM generate_series(0, i.indnkeyatts - 1) AS x(n)
                            WHERE NOT EXISTS (SELECT FROM pg_attribute b
                                               WHERE b.attrelid = target AND b.attnum = i.indkey[x.n]
                                                 AND b.attname = ANY (wanted)))
         END
   GROUP BY i.indexrelid, i.indnullsnotdistinct ORDER BY i.indnullsnotdistinct DESC, i.indexrelid LIMIT 1;
  IF key IS NULL THEN
    RAISE invalid_table_definition USING
      MESSAGE = CASE WHEN wanted IS NULL THEN format('"%s" has no primary key', target)
        ELSE format('"%s" has no unique index on (%s)', target, array_to_string(wanted, ', ')) END,
      DETAIL = 'A sync tells rows apart by a key, and relies on there being one row for each.',
      HINT = 'Add a primary key or a unique constraint that is neither deferrable nor partial.';
  END IF;
END
$$;

-- Fills in what the shape says of the cursor.
CREATE FUNCTION tplus._shape_cursor(d tplus.sync_definition, s tplus._sync_shape)
RETURNS tplus._sync_shape LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  col record;
BEGIN
  IF d.cursor_column IS NULL THEN
    RETURN s;
  END IF;
  SELECT * INTO col FROM tplus._columns(s.source) WHERE name = d.cursor_column;
  IF NOT FOUND THEN
    RAISE undefined_column USING
      MESSAGE = format('"%s" has no column "%s", which is the cursor', s.source, d.cursor_column);
  END IF;
  s.cursor_column := col.quoted;
  s.cursor_type := col.type_name;
  s.cursor_kind := CASE
    WHEN col.field = 'ts' AND s.is_tplus AND col.type IN ('text'::regtype, 'varchar'::regtype)
      THEN 'version'
    WHEN col.type IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
      THEN 'time' END;
  IF s.cursor_kind IS NULL THEN
    RAISE wrong_object_type USING
      MESSAGE = format('column "%s" of "%s" cannot be a cursor', d.cursor_column, s.source),
      DETAIL = 'A cursor is the row version Ts of a foreign table of T+, as text, or a date or timestamp.';
  END IF;
  -- The catalog knows that items always have a filing date.
  s.cursor_not_null := col.is_not_null OR (col.field = 'maderecorddate' AND EXISTS (
    SELECT FROM pg_foreign_table t, pg_options_to_table(t.ftoptions) o
     WHERE t.ftrelid = s.source AND o.option_name = 'resource' AND o.option_value = 'inventory'));
  RETURN s;
END
$$;

-- Fills in where deleted records are marked.
CREATE FUNCTION tplus._shape_mark(d tplus.sync_definition, s tplus._sync_shape)
RETURNS tplus._sync_shape LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  col record;
BEGIN
  IF d.deletes <> 'mark' THEN
    RETURN s;
  END IF;
  SELECT * INTO col FROM tplus._columns(s.target)
   WHERE name = coalesce(d.mark_column, 'deleted_at');
  s.mark := col.quoted;
  s.mark_value := CASE
    WHEN col.type = 'boolean'::regtype THEN 'true'
    WHEN col.type IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN 'pg_catalog.now()' END;
  IF s.mark_value IS NULL THEN
    RAISE invalid_table_definition USING
      MESSAGE = format('"%s" has no column "%s" of type boolean or timestamptz to mark deleted records in',
        s.target, coalesce(d.mark_column, 'deleted_at')),
      HINT = format('ALTER TABLE %s ADD COLUMN %I timestamptz; or name another one with mark_column.',
        s.target, coalesce(d.mark_column, 'deleted_at'));
  END IF;
  RETURN s;
END
$$;

-- Fills in the columns: what the mapping says, and for the rest the columns of
-- the same name.
CREATE FUNCTION tplus._shape_columns(d tplus.sync_definition, s tplus._sync_shape)
RETURNS tplus._sync_shape LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unknown text;
BEGIN
  IF jsonb_typeof(d.mapping) <> 'object' OR EXISTS (SELECT FROM jsonb_each(d.mapping) AS m
                                                      WHERE jsonb_typeof(m.value) IN ('object', 'array')) THEN
    RAISE invalid_parameter_value USING
      MESSAGE = 'the mapping of a sync must be a JSON object of texts',
      HINT = 'Such as {"name": "upper(Name)"}: a column of the target, and SQL over the source.';
  END IF;
  SELECT m.key INTO unknown FROM jsonb_object_keys(d.mapping) AS m(key)
   WHERE m.key NOT IN (SELECT c.name FROM tplus._columns(s.target) c) LIMIT 1;
  IF FOUND THEN
    RAISE undefined_column USING
      MESSAGE = format('"%s" has no column "%s" that the mapping could fill', s.target, unknown);
  END IF;
  SELECT array_agg(x.quoted ORDER BY x.n), array_agg(x.expr ORDER BY x.n),
         coalesce(max('OVERRIDING SYSTEM VALUE') FILTER (WHERE x.always_identity), '')
    INTO s.columns, s.exprs, s.overriding
    FROM (SELECT t.*, CASE WHEN d.mapping ? t.name THEN d.mapping ->> t.name
                      ELSE (SELECT c.quoted FROM tplus._columns(s.source) c WHERE c.name = t.name) END
            FROM tplus._columns(s.target) WITH ORDINALITY
                 AS t(name, quoted, type, type_name, is_not_null, field, always_identity, n)
           WHERE t.quoted IS DISTINCT FROM s.mark)
         AS x(name, quoted, type, type_name, is_not_null, field, always_identity, n, expr)
   WHERE x.expr IS NOT NULL;
  SELECT k INTO unknown FROM unnest(s.key) AS k WHERE k <> ALL (coalesce(s.columns, '{}')) LIMIT 1;
  IF FOUND THEN
    RAISE undefined_column USING
      MESSAGE = format('column %s of the key of "%s" gets no value', unknown, s.target),
      DETAIL = format('"%s" has no column of that name, and the mapping does not name it.', s.source);
  END IF;
  RETURN s;
END
$$;

-- What a definition means for the tables as they are now.
CREATE FUNCTION tplus._shape(d tplus.sync_definition) RETURNS tplus._sync_shape
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  s tplus._sync_shape;
  expr text;
  words text;
BEGIN
  PERFORM tplus._check_word('mode', d.mode, 'upsert', 'insert');
  PERFORM tplus._check_word('deletes', d.deletes, 'ignore', 'mark', 'delete');
  PERFORM tplus._check_word('on_error', d.on_error, 'stop', 'quarantine');
  s.source := d.source::regclass;
  s.target := d.target::regclass;
  s.is_tplus := tplus._is_tplus(s.source);
  SELECT quote_ident(relname) INTO s.alias FROM pg_class WHERE oid = s.source;
  SELECT array_agg(quote_ident(k) ORDER BY n), x.ops, array_agg(x.can_be_null[n] AND x.nulls_equal ORDER BY n),
         array_agg(quote_ident(k) ORDER BY n) FILTER (WHERE x.can_be_null[n] AND NOT x.nulls_equal)
    INTO s.key, s.ops, s.null_keys, s.loose_keys
    FROM tplus._key_of(s.target, d.key) AS x, unnest(x.key) WITH ORDINALITY AS u(k, n)
   GROUP BY x.ops;
  s := tplus._shape_mark(d, s);
  s := tplus._shape_columns(d, s);
  s := tplus._shape_cursor(d, s);
  -- A null would be neither: a sync without a cursor has no kind of it.
  s.keep_raw := d.on_error = 'quarantine' OR (s.cursor_kind IS NOT DISTINCT FROM 'version' AND d.filter IS NOT NULL);

  -- A key that is a column of the source, of the same type, can be asked for;
  -- not one that may be null, which equals nothing.
  expr := s.exprs[array_position(s.columns, s.key[1])];
  IF cardinality(s.key) = 1 AND NOT s.null_keys[1] THEN
    SELECT c.quoted, c.type_name INTO s.key_column, s.key_type
      FROM tplus._columns(s.source) c, tplus._columns(s.target) t
     WHERE c.quoted = tplus._plain_column(s.source, expr) AND t.quoted = s.key[1] AND c.type = t.type
       -- There are no arrays of arrays.
       AND NOT EXISTS (SELECT FROM pg_type y WHERE y.oid = c.type AND y.typcategory = 'A');
  END IF;
  SELECT max(quoted) FILTER (WHERE field = '*'), max(quoted) FILTER (WHERE field = '$error')
    INTO s.whole_column, s.error_column FROM tplus._columns(s.source) WHERE s.is_tplus;

  SELECT quoted, type_name INTO s.record_column, s.record_type FROM tplus._columns(s.source)
   WHERE s.is_tplus AND field = 'id' AND quoted IS DISTINCT FROM s.key_column LIMIT 1;

  -- Columns whose name occurs in an expression: maybe too many, never too few.
  words := lower(concat_ws(' ', array_to_string(s.exprs, ' '), d.filter, s.cursor_column) COLLATE "C");
  SELECT array_agg(quoted) INTO s.read_columns FROM tplus._columns(s.source)
   WHERE strpos(words, lower(name COLLATE "C")) > 0 OR quoted IN (s.whole_column, s.error_column, s.record_column)
      OR words ~ '["\\]{2}|u&|\*' OR strpos(words, lower(btrim(s.alias, '"') COLLATE "C")) > 0;
  RETURN s;
END
$$;

-- Texts that many statements need: the key of a row as one text, and whether
-- two rows have the same key.  A null is \N, as in COPY, and no text is.  Texts
-- are compared byte by byte, whatever the collation of the column.
CREATE FUNCTION tplus._key_text(s tplus._sync_shape, alias text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN cardinality(s.key) > 1 THEN format('pg_catalog.jsonb_build_array(%s)::pg_catalog.text COLLATE pg_catalog."C"',
           (SELECT string_agg(format('%s.%s::pg_catalog.text', alias, k), ', ' ORDER BY n)
              FROM unnest(s.key) WITH ORDINALITY AS u(k, n)))
    WHEN s.null_keys[1] THEN format($f$coalesce(pg_catalog.regexp_replace(%s.%s::pg_catalog.text COLLATE pg_catalog."C", '^\\', '\\\\'), '\N')$f$, alias, s.key[1])
    ELSE format('%s.%s::pg_catalog.text COLLATE pg_catalog."C"', alias, s.key[1]) END
$$;

CREATE FUNCTION tplus._same_key(s tplus._sync_shape, a text, b text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  -- Records compare nulls as one value, and can be joined fully.
  SELECT string_agg(format(CASE WHEN s.null_keys[n] THEN 'ROW(%1$s.%2$s)::pg_catalog.record OPERATOR(pg_catalog.=) ROW(%3$s.%2$s)::pg_catalog.record'
           ELSE '%1$s.%2$s %4$s %3$s.%2$s' END, a, k, b, s.ops[n]), ' AND ' ORDER BY n)
    FROM unnest(s.key) WITH ORDINALITY AS u(k, n)
$$;

-- 'a.x, a.y' for the columns x and y.
CREATE FUNCTION tplus._list(names text[], pattern text DEFAULT '%s') RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(replace(pattern, '%s', name), ', ' ORDER BY n) FROM unnest(names) WITH ORDINALITY AS u(name, n)
$$;

-- Runs a statement that may hold SQL of the owner, or fire his triggers, with
-- the settings he wrote it under; returns the number of rows.  What is not his
-- in it is qualified, operators as well: his search_path may begin with others.
-- Nothing of it becomes another role meanwhile.
CREATE FUNCTION tplus._execute(d tplus.sync_definition, statement text) RETURNS bigint
AS 'MODULE_PATHNAME', 'tplus_guarded' LANGUAGE C VOLATILE;

CREATE FUNCTION tplus._execute_inside(d tplus.sync_definition, statement text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  n bigint;
BEGIN
  PERFORM set_config('search_path', d.search_path, true),
          set_config('TimeZone', coalesce(d.time_zone, current_setting('TimeZone')), true),
          set_config('DateStyle', coalesce(d.date_style, current_setting('DateStyle')), true);
  EXECUTE statement;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END
$$;

-- Where a run begins, from the cursors of those before: null is the beginning.
--
-- A time is read again from lag before its cursor on.  A row version is no
-- time, but T+ may commit it late.  A run that began lag after another had
-- ended saw all that the other's cursor stands for; so the newest such cursor
-- is the one to trust, and the newest of all if lag is zero.
CREATE FUNCTION tplus._start_of(d tplus.sync_definition, s tplus._sync_shape) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  newest tplus.sync_cursor;
  start text;
BEGIN
  SELECT * INTO newest FROM tplus.sync_cursor WHERE sync = d.name ORDER BY run DESC LIMIT 1;
  -- Version 1.0 took a negative one.
  d.lag := greatest(d.lag, interval '0');
  IF s.cursor_kind = 'time' THEN
    EXECUTE format('SELECT to_json((%L::%s - %L::interval)::%2$s) #>> ''{}''',
                   newest.value, s.cursor_type, d.lag) INTO start;
    RETURN start;
  END IF;
  IF d.lag = '0' THEN
    start := newest.value;
  ELSE
    SELECT value INTO start FROM tplus.sync_cursor
     WHERE sync = d.name AND ended <= newest.started - d.lag ORDER BY run DESC LIMIT 1;
  END IF;
  -- The record that carries the marker shall come again, or be missed.
  RETURN least(start COLLATE "C",
    CASE WHEN start IS NOT NULL THEN tplus._version_before(newest.marker_version) END COLLATE "C");
END
$$;

CREATE FUNCTION tplus._version_before(version text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT lpad(to_hex(('x' || version)::bit(64)::bigint - 1), 16, '0')
$$;

-- Synchronising: a run

-- Who holds the lock of a run in this database: see src/fdw/sync_functions.c.  A
-- run whose lock is gone is over, however it ended.
CREATE FUNCTION tplus._running_pid(sync integer) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pid FROM pg_locks
   WHERE locktype = 'advisory' AND granted AND objsubid = 21332
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND classid = 0 AND objid::bigint = $1
   LIMIT 1
$$;

-- Runs that say that they run, and do not: all, if the caller has the lock and
-- no run yet.
CREATE FUNCTION tplus._mark_crashed(d tplus.sync_definition, has_lock boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  n bigint := tplus._log_crashed(d.id, has_lock);
BEGIN
  IF n > 0 THEN
    PERFORM tplus._alert(d.name, NULL, d.owner, 'failed',
      format('a run of sync "%s" crashed', d.name), jsonb_build_object('runs', n));
  END IF;
  RETURN n;
END
$$;

-- Whether the run reads everything, and why.
CREATE FUNCTION tplus._cause(d tplus.sync_definition, s tplus._sync_shape,
  INOUT kind text, OUT cause text, OUT start text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  newest tplus.sync_cursor;
  has_rows boolean;
BEGIN
  cause := 'asked for';
  IF kind <> 'incremental' THEN
    RETURN;
  END IF;
  SELECT * INTO newest FROM tplus.sync_cursor WHERE sync = d.name ORDER BY run DESC LIMIT 1;
  EXECUTE format('SELECT EXISTS (SELECT FROM %s)', d.target) INTO has_rows;
  kind := 'full';
  IF newest.run IS NULL THEN
    cause := 'the first run';
  ELSIF s.cursor_kind IS NULL THEN
    cause := 'there is no cursor';
  ELSIF newest.last_full IS NULL THEN
    cause := 'the definition has changed';
  ELSIF newest.value IS NULL THEN
    cause := 'the run before could not tell up to where it is complete';
  ELSIF NOT has_rows AND EXISTS (SELECT FROM tplus.sync_key k WHERE k.sync = d.id) THEN
    cause := 'the target has been emptied';
  ELSIF d.full_every > '0' AND newest.last_full + d.full_every <= now() THEN
    cause := format('the last full run is %s old', date_trunc('second', now() - newest.last_full));
  ELSE
    kind := 'incremental';
    start := tplus._start_of(d, s);
    cause := CASE WHEN start IS NULL
      THEN format('no earlier run had ended %s before the last one began', d.lag)
      ELSE 'called' END;
  END IF;
END
$$;

-- A definition of version 1.0 knows no time zone: it is given the one that its
-- owner has in this database, or else now.
CREATE FUNCTION tplus._keep_settings(d tplus.sync_definition) RETURNS tplus.sync_definition
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF d.time_zone IS NULL THEN
    d.time_zone := tplus._setting_of_role('TimeZone');
    d.date_style := tplus._date_style(tplus._setting_of_role('DateStyle'));
    PERFORM tplus._set_settings(d.id, d.time_zone, d.date_style);
  END IF;
  RETURN d;
END
$$;

-- With what sessions of the current role begin in this database.
CREATE FUNCTION tplus._setting_of_role(wanted text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(
    (SELECT substr(c, strpos(c, '=') + 1)
       FROM pg_db_role_setting r, unnest(r.setconfig) AS c
      WHERE lower(split_part(c, '=', 1) COLLATE "C") = lower(wanted COLLATE "C")
        AND r.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        AND r.setrole IN (0, tplus._current_role())
      ORDER BY r.setrole <> 0 DESC, r.setdatabase <> 0 DESC LIMIT 1),
    (SELECT s.reset_val FROM pg_settings s WHERE lower(s.name COLLATE "C") = lower(wanted COLLATE "C")))
$$;

-- How dates are read in a session with this DateStyle; they are written as ISO.
CREATE FUNCTION tplus._date_style(style text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 'ISO, ' || CASE WHEN style ~* 'YMD' THEN 'YMD' WHEN style ~* 'DMY|european|german' THEN 'DMY' ELSE 'MDY' END
$$;

-- The server of a foreign table of T+: looked up in the catalog, for whoever may
-- see a sync; null of any other source.
CREATE FUNCTION tplus._server_of(source text) RETURNS name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT s.srvname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_foreign_table t ON t.ftrelid = c.oid
    JOIN pg_foreign_server s ON s.oid = t.ftserver
    JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
   WHERE w.fdwname = 'tplus_fdw' AND format('%I.%I', n.nspname, c.relname) = source
$$;

-- What monthly_requests leaves to syncs of the current user; null: no matter.
CREATE FUNCTION tplus._requests_left(server name) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN tplus._month_left(server);
EXCEPTION WHEN OTHERS THEN
  -- The run will meet this again, and end with it.
  RETURN NULL;
END
$$;

-- Why a run of this kind waits for the month to turn; null if it need not.  It
-- takes what the cheapest of the last ones took, but one request at least.
CREATE FUNCTION tplus._waits_for_month(d tplus.sync_definition, wanted text) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  srv name := tplus._server_of(d.source);
  remaining bigint := tplus._requests_left(srv);
  expected bigint;
BEGIN
  IF remaining < 1 THEN
    RETURN format('the monthly requests of server "%s" are used up', srv);
  END IF;
  SELECT min(x.requests) INTO expected
    FROM (SELECT l.requests FROM tplus.sync_log l
           WHERE l.sync = d.name AND l.kind = wanted AND l.status = 'succeeded' ORDER BY l.run DESC LIMIT 5) AS x;
  IF remaining < expected THEN
    RETURN format('a run of sync "%s" takes some %s requests, and the month has %s left on server "%s"', d.name, expected, remaining, srv);
  END IF;
  RETURN NULL;
END
$$;

-- Raises the alert, once for all syncs of the server or for the one that is too
-- large; or ends it.
CREATE FUNCTION tplus._tell_month(d tplus.sync_definition, words text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  srv name := tplus._server_of(d.source);
  used_up boolean := coalesce(tplus._requests_left(srv) < 1, words IS NOT NULL AND srv IS NULL);
BEGIN
  IF words IS NOT NULL THEN
    PERFORM tplus._lock_alerts();
    PERFORM tplus._alert(CASE WHEN srv IS NULL OR NOT used_up THEN d.name END, srv, d.owner, 'monthly_requests',
      words || '. Syncs go on when the month turns, or with a greater monthly_requests');
  END IF;
  PERFORM tplus._resolve_alerts(array_agg(a.id)) FROM tplus.alert a
    WHERE a.kind = 'monthly_requests' AND a.server = srv AND a.owner = d.owner AND a.resolved IS NULL
      AND (a.sync = d.name AND words IS NULL OR a.sync IS NULL AND NOT used_up)
   HAVING count(*) > 0;
END
$$;

-- Of a run that could not tell yet whether it has to read everything.
CREATE FUNCTION tplus._no_cause() RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'not known' $$;

-- Enters the run into the history; null if another one is at it, or if it waits
-- for the month to turn.
CREATE FUNCTION tplus._begin_run(sync_name text, wanted text, since timestamptz, until timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition;
  c record;
  waits text;
BEGIN
  d := tplus._sync(sync_name);
  PERFORM tplus._check_session();
  IF NOT tplus._lock_run(d.id) THEN
    PERFORM tplus._log_skipped(d.id, wanted, 'asked for', format('another run of this sync is under way in process %s', tplus._running_pid(d.id)));
    RAISE NOTICE 'sync "%" is running already', d.name;
    RETURN NULL;
  END IF;
  PERFORM tplus._keep_hold(d);
  -- As the run before, and whoever altered the sync meanwhile, left it.
  d := tplus._keep_settings(tplus._sync(sync_name));
  BEGIN
    PERFORM tplus._mark_crashed(d, true);
    SELECT * INTO c FROM tplus._cause(d, tplus._shape(d), wanted);
  EXCEPTION WHEN OTHERS THEN
    -- The run will look again, and if it fails of the same, end with it.
    SELECT wanted AS kind, tplus._no_cause() AS cause, NULL AS start INTO c;
  END;
  waits := tplus._waits_for_month(d, c.kind);
  -- Better than nothing.
  IF waits IS NOT NULL AND c.cause LIKE 'the last full run is %' AND tplus._waits_for_month(d, 'incremental') IS NULL THEN
    c.kind := 'incremental';
    c.cause := 'the month has no requests left for the full run that is due';
    c.start := tplus._start_of(d, tplus._shape(d));
    waits := NULL;
  END IF;
  PERFORM tplus._tell_month(d, waits);
  IF waits IS NOT NULL THEN
    PERFORM tplus._log_skipped(d.id, c.kind, c.cause, waits);
    PERFORM tplus._unlock_run();
    RAISE NOTICE 'sync "%" was skipped: %', d.name, waits;
    RETURN NULL;
  END IF;
  -- The window as the caller's clock shows it: see tplus._window().
  RETURN tplus._log_begun(d.id, c.kind, c.cause, coalesce(since::text, c.start), until::text);
END
$$;

-- An empty table for this transaction only, with the columns of a query.
CREATE FUNCTION tplus._make_temp(name text, query text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF to_regclass('pg_temp.' || name) IS NOT NULL THEN
    EXECUTE format('DROP TABLE pg_temp.%I', name);
  END IF;
  EXECUTE format('CREATE TEMP TABLE %I ON COMMIT DROP AS %s WITH NO DATA', name, query);
END
$$;

-- What T+ tells the record by, as a text.
CREATE FUNCTION tplus._record_text(s tplus._sync_shape) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN s.record_column IS NULL THEN 'NULL' ELSE format('%s.%s::pg_catalog.text', s.alias, s.record_column) END $$;

-- Reads the source where bound holds.  Records go as they are into tplus_raw,
-- or mapped into tplus_staged, whose columns are those of the target: so that
-- a value that does not fit fails here as it would there, and can be compared.
CREATE FUNCTION tplus._read(d tplus.sync_definition, s tplus._sync_shape, bound text)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tplus._make_temp('tplus_staged', format(
    'SELECT NULL::bigint AS tplus_raw, NULL::text COLLATE "C" AS tplus_cursor, NULL::text AS tplus_record, %s FROM %s AS t',
    tplus._list(s.columns, 't.%s'), d.target));
  IF NOT s.keep_raw THEN
    RETURN tplus._execute(d, format(
      E'INSERT INTO pg_temp.tplus_staged (%s, tplus_cursor, tplus_record) SELECT %s, %s, %s FROM %s AS %s WHERE (%s) AND (%s\n)', array_to_string(s.columns, ', '), array_to_string(s.exprs, ', '),
      coalesce(tplus._cursor_text(s, s.alias), 'NULL'), tplus._record_text(s), d.source, s.alias, bound, coalesce(d.filter, 'true')));
  END IF;
  PERFORM tplus._make_temp('tplus_raw', format('SELECT %s FROM %s AS t',
    tplus._list(s.read_columns, 't.%s'), d.source)),
          tplus._make_temp('tplus_failed', 'SELECT 0::bigint AS raw, NULL::text AS key');
  ALTER TABLE pg_temp.tplus_raw ADD COLUMN tplus_n bigint GENERATED ALWAYS AS IDENTITY;
  RETURN tplus._read_raw(d, s, bound);
END
$$;

CREATE FUNCTION tplus._read_raw(d tplus.sync_definition, s tplus._sync_shape, bound text)
RETURNS bigint LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT tplus._execute(d, format('INSERT INTO pg_temp.tplus_raw (%s) SELECT %s FROM %s AS %s WHERE %s',
    array_to_string(s.read_columns, ', '), array_to_string(s.read_columns, ', '),
    d.source, s.alias, bound))
$$;

-- The cursor of a record as a text that sorts as the values do and does not
-- depend on settings.
CREATE FUNCTION tplus._cursor_text(s tplus._sync_shape, alias text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE s.cursor_kind
    WHEN 'version' THEN format('%s.%s', alias, s.cursor_column)
    WHEN 'time' THEN format('pg_catalog.to_char(%s.%s%s, ''YYYY-MM-DD"T"HH24:MI:SS.US%s'')', alias, s.cursor_column,
      CASE WHEN s.cursor_type = 'pg_catalog.timestamptz' THEN ' AT TIME ZONE ''UTC''' ELSE '::pg_catalog.timestamp' END,
      CASE WHEN s.cursor_type = 'pg_catalog.timestamptz' THEN '"Z"' ELSE '' END) END
$$;

-- The condition of a window.  Its ends are texts with the offset of the time
-- zone in which the caller wrote them, and a column without a time zone is
-- about what his clock showed: so the offset is left out for these.
CREATE FUNCTION tplus._window(s tplus._sync_shape, by_column text, lo text, hi text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('%1$s.%2$s OPERATOR(pg_catalog.>=) %3$L::pg_catalog.%5$s AND %1$s.%2$s OPERATOR(pg_catalog.<) %4$L::pg_catalog.%5$s',
           s.alias, by_column, ends[1], ends[2], kind)
    FROM (SELECT x.kind, (SELECT array_agg(
                 CASE x.kind WHEN 'timestamptz' THEN e WHEN 'timestamp' THEN e::timestamp::text
                   -- The day that begins at that time, or after it.
                   ELSE (e::timestamp::date + (e::timestamp > e::timestamp::date)::integer)::text END ORDER BY n)
                   FROM unnest(ARRAY[lo, hi]) WITH ORDINALITY AS u(e, n)) AS ends
            FROM (SELECT CASE type WHEN 'date'::regtype THEN 'date' WHEN 'timestamp'::regtype THEN 'timestamp' ELSE 'timestamptz' END AS kind
                    FROM tplus._columns(s.source) WHERE quoted = by_column) AS x) AS y
$$;

-- What has been read, as a cursor: its value, null if there is none that is
-- safe; the marker; whether there were records without a value.
CREATE FUNCTION tplus._cursor_of(d tplus.sync_definition, s tplus._sync_shape, high_water text)
RETURNS tplus.sync_cursor LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c tplus.sync_cursor;
  what text := CASE WHEN s.keep_raw THEN 'tplus_raw' ELSE 'tplus_staged' END;
  value text := CASE WHEN s.keep_raw THEN tplus._cursor_text(s, 'r') ELSE 'r.tplus_cursor' END;
  key text := CASE WHEN s.key_column IS NULL THEN 'NULL' WHEN s.keep_raw THEN format('r.%s::text', s.key_column)
    ELSE format('r.%s::text', s.key[1]) END;
BEGIN
  c.nulls := false;
  IF s.cursor_kind IS NULL THEN
    RETURN c;
  END IF;
  -- A date in the future is a slip of the pen, or it would hide what follows.
  EXECUTE format('SELECT max(%1$s COLLATE "C") FILTER (WHERE %3$s), coalesce(bool_or(%1$s IS NULL), false) FROM pg_temp.%2$s AS r',
      value, what, CASE s.cursor_kind WHEN 'time' THEN format('%s COLLATE "C" <= %L', value,
        to_char((now() + interval '1 day') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')) ELSE 'true' END)
    INTO c.value, c.nulls;
  IF s.cursor_kind = 'version' THEN
    c.value := CASE WHEN high_water IS NOT NULL THEN least(c.value COLLATE "C", high_water COLLATE "C") END;
    EXECUTE format('SELECT %1$s, %3$s FROM pg_temp.%2$s AS r WHERE %1$s COLLATE "C" <= $1 ORDER BY %1$s COLLATE "C" DESC LIMIT 1',
        value, what, key)
      INTO c.marker_version, c.marker_key USING c.value;
  END IF;
  RETURN c;
END
$$;

-- Has the newest record of the run before come again?  If not, it was deleted,
-- or the row versions were set back, as by a restore of the account set.
CREATE FUNCTION tplus._marker_is_there(s tplus._sync_shape, before tplus.sync_cursor)
RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_it boolean := true;
  raw boolean := s.keep_raw;
BEGIN
  IF s.cursor_kind = 'version' AND before.marker_version IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM pg_temp.%s AS r WHERE %s COLLATE "C" >= $1 AND ($2 IS NULL OR %s = $2))',
        CASE WHEN raw THEN 'tplus_raw' ELSE 'tplus_staged' END,
        CASE WHEN raw THEN tplus._cursor_text(s, 'r') ELSE 'r.tplus_cursor' END,
        CASE WHEN s.key_column IS NULL THEN '''''' WHEN raw THEN format('r.%s::text', s.key_column)
          ELSE format('r.%s::text', s.key[1]) END)
      INTO found_it USING before.marker_version, CASE WHEN s.key_column IS NOT NULL THEN before.marker_key END;
  END IF;
  RETURN found_it;
END
$$;

-- The condition of an incremental read.  A record without a cursor value is
-- always read, unless there are none.
CREATE FUNCTION tplus._bound(s tplus._sync_shape, start text, nulls boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN start IS NULL THEN 'true'
    WHEN s.cursor_kind = 'version' THEN format('%s.%s OPERATOR(pg_catalog.>) %L COLLATE pg_catalog."C"', s.alias, s.cursor_column, start)
    WHEN s.cursor_not_null AND NOT nulls
      THEN format('%s.%s OPERATOR(pg_catalog.>=) %L::%s', s.alias, s.cursor_column, start, s.cursor_type)
    ELSE format('%s.%s OPERATOR(pg_catalog.>=) %L::%s OR %1$s.%2$s IS NULL', s.alias, s.cursor_column, start, s.cursor_type)
  END
$$;

-- Are equal values of this column always the same bytes?
CREATE FUNCTION tplus._is_exact(target regclass, col text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT a.atttypid IN ('boolean'::regtype, 'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype,
           'date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype, 'uuid'::regtype)
         OR (a.atttypid = 'numeric'::regtype AND a.atttypmod >= 0)
         OR (a.atttypid IN ('text'::regtype, 'varchar'::regtype)
             AND (SELECT c.collisdeterministic FROM pg_collation c WHERE c.oid = a.attcollation))
    FROM pg_attribute a
   WHERE a.attrelid = target AND quote_ident(a.attname) = col AND NOT a.attisdropped
$$;

-- The columns that an update writes: those of the key as well where another
-- spelling is the same key.
CREATE FUNCTION tplus._updated(s tplus._sync_shape) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(array_agg(c ORDER BY n), '{}') FROM unnest(s.columns) WITH ORDINALITY AS u(c, n)
   WHERE c <> ALL (s.key) OR NOT tplus._is_exact(s.target, c)
$$;

-- Do the rows s and t differ in these columns?  Byte by byte, which also works
-- where a type has no equality; where equal values always are the same bytes,
-- the equality is faster.
CREATE FUNCTION tplus._differs(target regclass, columns text[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(nullif(concat_ws(' OR ',
           string_agg(format('s.%1$s IS DISTINCT FROM t.%1$s', x.quoted), ' OR ') FILTER (WHERE x.exact),
           'record_image_ne(ROW(' || string_agg('s.' || x.quoted, ', ' ORDER BY x.quoted) FILTER (WHERE NOT x.exact)
             || '), ROW(' || string_agg('t.' || x.quoted, ', ' ORDER BY x.quoted) FILTER (WHERE NOT x.exact) || '))'), ''), 'false')
    FROM (SELECT c AS quoted, tplus._is_exact(target, c) AS exact FROM unnest(columns) AS c) AS x
$$;

-- Finds what is new ("insert"), what differs ("update"), and in a full run
-- what the source lacks ("gone"), in one join.
CREATE FUNCTION tplus._compare(d tplus.sync_definition, s tplus._sync_shape, reconcile boolean)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  others text[] := ARRAY(SELECT c FROM unnest(s.columns) WITH ORDINALITY AS u(c, n)
                          WHERE c <> ALL (s.key) ORDER BY n);
  differs text := 'false';
  query text;
BEGIN
  IF d.mode = 'upsert' THEN
    differs := concat_ws(' OR ',
      tplus._differs(s.target, tplus._updated(s)),
      CASE WHEN s.mark_value = 'true' THEN format('t.%s', s.mark)
           WHEN s.mark IS NOT NULL THEN format('t.%s IS NOT NULL', s.mark) END);
  END IF;
  ANALYZE pg_temp.tplus_staged;
  query := format($f$
    SELECT row_number() OVER () AS tplus_n,
           CASE WHEN s.tableoid IS NULL THEN 'gone' WHEN t.tableoid IS NULL THEN 'insert' ELSE 'update' END AS tplus_action,
           s.tplus_raw, s.tplus_record, CASE WHEN s.tableoid IS NOT NULL AND t.tableoid IS NOT NULL THEN %s END AS tplus_was, %s
      FROM pg_temp.tplus_staged AS s %s JOIN %s AS t ON %s
     WHERE t.tableoid IS NULL OR (s.tableoid IS NULL %s) OR (s.tableoid IS NOT NULL AND (%s))$f$,
    tplus._key_text(s, 't'), concat_ws(', ', tplus._list(s.key, 'coalesce(s.%s, t.%s) AS %s'), tplus._list(others, 's.%s')),
    CASE WHEN reconcile THEN 'FULL' ELSE 'LEFT' END, d.target, tplus._same_key(s, 's', 't'),
    CASE WHEN s.mark_value = 'true' THEN format('AND t.%s IS NOT TRUE', s.mark)
         WHEN s.mark IS NOT NULL THEN format('AND t.%s IS NULL', s.mark) ELSE '' END,
    differs);
  PERFORM tplus._make_temp('tplus_changes', query);
  EXECUTE 'INSERT INTO pg_temp.tplus_changes ' || query;
  ANALYZE pg_temp.tplus_changes;
END
$$;

-- Two records with the same key cannot both be right.
CREATE FUNCTION tplus._check_keys(d tplus.sync_definition, s tplus._sync_shape) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  twice text;
  loose boolean := false;
BEGIN
  -- Of a definition that is older than what tplus._check_target() refuses.
  IF s.loose_keys IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM pg_temp.tplus_staged AS c WHERE %s)',
      (SELECT string_agg(format('c.%s IS NULL', k), ' OR ') FROM unnest(s.loose_keys) AS k)) INTO loose;
  END IF;
  IF loose THEN
    RAISE not_null_violation USING
      MESSAGE = format('a record of sync "%s" has a null in its key', d.name),
      DETAIL = format('Key (%s) of "%s" takes each null for another value, so its row would come once more in each run.', array_to_string(s.key, ', '), s.target),
      HINT = 'Make the columns of the key NOT NULL, or their unique constraint UNIQUE NULLS NOT DISTINCT.';
  END IF;
  -- Also of those that do not differ from the target: the row would be now the
  -- one and now the other.
  EXECUTE format('SELECT coalesce(%s, ''null'') FROM pg_temp.tplus_staged AS c GROUP BY %s HAVING count(*) > 1 LIMIT 1',
      tplus._key_text(s, 'c'), tplus._list(s.key, 'c.%s'))
    INTO twice;
  IF twice IS NOT NULL THEN
    PERFORM tplus._raise_same_key(d, s, twice);
  END IF;
END
$$;

CREATE FUNCTION tplus._raise_same_key(d tplus.sync_definition, s tplus._sync_shape, key text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE cardinality_violation USING
    MESSAGE = format('two records of sync "%s" have the same key', d.name),
    DETAIL = format('Key (%s)=(%s) comes twice from %s.', array_to_string(s.key, ', '), key, d.source);
END
$$;

-- What one run reads need not show it: a row that is to be overwritten by
-- another record than the one it came from is nobody's only if that one has
-- gone, or has another key.  T+ is asked, which costs a request for each 30.
CREATE FUNCTION tplus._check_records(d tplus.sync_definition, s tplus._sync_shape) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  batch constant integer := 30;
  records text[];
  twice text;
BEGIN
  FOR records IN EXECUTE format($f$
    SELECT array_agg(record) FROM (
      SELECT k.record, row_number() OVER () AS n FROM pg_temp.tplus_changes c
        JOIN tplus.sync_key k ON k.sync = %s AND k.key = %s
       WHERE c.tplus_action = 'update' AND k.record <> c.tplus_record
         AND NOT EXISTS (SELECT FROM pg_temp.tplus_staged x WHERE x.tplus_record = k.record)) AS x
     GROUP BY (n - 1) / %s$f$, d.id, tplus._key_text(s, 'c'), batch)
  LOOP
    PERFORM tplus._read_records(d, s, records);
    EXECUTE format('SELECT %s FROM pg_temp.tplus_again a JOIN pg_temp.tplus_changes c ON %s WHERE c.tplus_action = ''update'' LIMIT 1',
      tplus._key_text(s, 'c'), tplus._same_key(s, 'a', 'c')) INTO twice;
    IF twice IS NOT NULL THEN
      PERFORM tplus._raise_same_key(d, s, twice);
    END IF;
  END LOOP;
END
$$;

-- Reads the keys of some records once more into tplus_again; with quarantine,
-- only of those that could be stored, as a full run would find.
CREATE FUNCTION tplus._read_records(d tplus.sync_definition, s tplus._sync_shape, records text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  whole constant boolean := d.on_error = 'quarantine';
  columns constant text[] := CASE WHEN whole THEN s.columns ELSE s.key END;
  statement constant text := format(E'INSERT INTO pg_temp.tplus_again (%s) SELECT %s FROM %s AS %s WHERE (%s\n) AND %4$s.%s OPERATOR(pg_catalog.=) ANY ',
    array_to_string(columns, ', '), CASE WHEN whole THEN array_to_string(s.exprs, ', ') ELSE tplus._key_exprs(s) END,
    d.source, s.alias, coalesce(d.filter, 'true'), s.record_column);
  one text;
BEGIN
  PERFORM tplus._make_temp('tplus_again', format('SELECT %s FROM %s AS t', tplus._list(columns, 't.%s'), d.target));
  BEGIN
    PERFORM tplus._execute(d, statement || format('(%L::%s[])', records, s.record_type));
    RETURN;
  EXCEPTION WHEN OTHERS THEN
    IF NOT whole OR tplus._is_no_record(SQLSTATE) THEN
      RAISE;
    END IF;
  END;
  FOREACH one IN ARRAY records LOOP
    BEGIN
      PERFORM tplus._execute(d, statement || format('(%L::%s[])', ARRAY[one], s.record_type));
    EXCEPTION WHEN OTHERS THEN
      IF tplus._is_no_record(SQLSTATE) THEN
        RAISE;
      END IF;
    END;
  END LOOP;
END
$$;

-- The expressions that give the columns of the key.
CREATE FUNCTION tplus._key_exprs(s tplus._sync_shape) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(s.exprs[array_position(s.columns, k)], ', ' ORDER BY n) FROM unnest(s.key) WITH ORDINALITY AS u(k, n)
$$;

-- Gives the keys that a query returns to one of the functions that write them,
-- many at a time, in the order of the index, which then grows at its end.
CREATE FUNCTION tplus._give_keys(gate text, sync integer, query text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  batch constant integer := 10000;
  keys text[];
BEGIN
  FOR keys IN EXECUTE format('SELECT array_agg(x.key ORDER BY x.n) FROM (SELECT q.key, row_number() OVER (ORDER BY q.key COLLATE "C") AS n '
    'FROM (%s) AS q(key)) AS x GROUP BY (x.n - 1) / %s ORDER BY (x.n - 1) / %2$s', query, batch)
  LOOP
    EXECUTE format('SELECT tplus.%I($1, $2)', gate) USING sync, keys;
  END LOOP;
END
$$;

-- Remembers from which record each row came.
CREATE FUNCTION tplus._keep_records(d tplus.sync_definition, s tplus._sync_shape) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  batch constant integer := 10000;
  keys text[];
  records text[];
BEGIN
  IF s.record_column IS NOT NULL THEN
    FOR keys, records IN EXECUTE format('SELECT array_agg(x.key), array_agg(x.record) FROM (SELECT k.key, c.tplus_record AS record, row_number() OVER () AS n '
      'FROM tplus.sync_key k JOIN pg_temp.tplus_staged c ON k.key = %s WHERE k.sync = %s AND k.record IS DISTINCT FROM c.tplus_record) AS x GROUP BY (x.n - 1) / %s',
      tplus._key_text(s, 'c'), d.id, batch)
    LOOP
      PERFORM tplus._set_records(d.id, keys, records);
    END LOOP;
  END IF;
END
$$;

-- A column that has no value in any record any more, and had: T+ has stopped
-- sending the field, or the application may not read it now.  One row alone may
-- have been emptied by hand.
CREATE FUNCTION tplus._check_fields(d tplus.sync_definition, s tplus._sync_shape) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  empty text[];
  col text;
  lost bigint;
BEGIN
  IF d.delete_limit >= 1 OR d.mode <> 'upsert' OR NOT EXISTS (SELECT FROM pg_temp.tplus_changes WHERE tplus_action = 'update')
    OR (SELECT k.last_full FROM tplus.sync_cursor k WHERE k.sync = d.name ORDER BY k.run DESC LIMIT 1) IS NULL THEN
    RETURN;
  END IF;
  EXECUTE (SELECT format('SELECT array_remove(ARRAY[%s]::text[], NULL) FROM pg_temp.tplus_staged AS s',
             string_agg(format('CASE WHEN count(s.%s) = 0 THEN %1$L END', c), ', ' ORDER BY n))
             FROM unnest(s.columns) WITH ORDINALITY AS u(c, n)) INTO empty;
  FOREACH col IN ARRAY empty LOOP
    EXECUTE format('SELECT count(t.%s) FROM pg_temp.tplus_changes c JOIN %s AS t ON %s WHERE c.tplus_action = ''update''',
      col, d.target, tplus._same_key(s, 't', 'c')) INTO lost;
    IF lost > 1 THEN
      RAISE object_not_in_prerequisite_state USING
        MESSAGE = format('sync "%s" would empty column "%s" in all of its rows', d.name, (parse_ident(col))[1]),
        DETAIL = format('%s rows have a value there, and no record that came from %s, so nothing was changed.', lost, d.source),
        HINT = format('Perhaps T+ does not send the field any more.  If that is right: SELECT tplus.alter_sync(%L, delete_limit => 1), and set it back after CALL tplus.sync(%1$L, full => true).', d.name);
    END IF;
  END LOOP;
END
$$;

-- Of what the source lacks, leaves in tplus_changes what this sync wrote and
-- what T+ does not have any more when asked again, whatever the filter says.
CREATE FUNCTION tplus._find_deleted(d tplus.sync_definition, s tplus._sync_shape)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  candidates bigint;
  written bigint;
BEGIN
  EXECUTE format('DELETE FROM pg_temp.tplus_changes c WHERE c.tplus_action = ''gone'' AND NOT EXISTS '
      '(SELECT FROM tplus.sync_key k WHERE k.sync = %s AND k.key = %s)', d.id, tplus._key_text(s, 'c'));
  IF s.keep_raw AND s.key_column IS NOT NULL THEN
    EXECUTE format('DELETE FROM pg_temp.tplus_changes c USING pg_temp.tplus_raw r WHERE c.tplus_action = ''gone'' AND c.%s %s r.%s%s',
      s.key[1], s.ops[1], s.key_column,
      -- That of the key, where source and target have different ones.
      (SELECT format(' COLLATE %I.%I', n.nspname, l.collname) FROM pg_attribute a JOIN pg_collation l ON l.oid = a.attcollation
         JOIN pg_namespace n ON n.oid = l.collnamespace WHERE a.attrelid = s.target AND quote_ident(a.attname) = s.key[1]));
  END IF;
  SELECT count(*) INTO candidates FROM pg_temp.tplus_changes WHERE tplus_action = 'gone';
  IF candidates = 0 THEN
    RETURN;
  END IF;
  PERFORM tplus._set_phase('asking again for what is gone');
  PERFORM tplus._ask_again(d, s, candidates);
  EXECUTE format('DELETE FROM pg_temp.tplus_changes c USING pg_temp.tplus_again a WHERE c.tplus_action = ''gone'' AND %s',
    tplus._same_key(s, 'c', 'a'));
  SELECT count(*) INTO candidates FROM pg_temp.tplus_changes WHERE tplus_action = 'gone';
  SELECT count(*) INTO written FROM tplus.sync_key k WHERE k.sync = d.id;
  IF candidates > d.delete_limit * written THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = format('sync "%s" would lose %s of the %s rows that it wrote', d.name, candidates, written),
      DETAIL = format('Its delete_limit is %s %%, so nothing was changed.', round(d.delete_limit * 100, 2)::float8),
      HINT = format('If they really are gone: SELECT tplus.alter_sync(%L, delete_limit => 1), and set it back after CALL tplus.sync(%1$L, full => true).', d.name);
  END IF;
  UPDATE pg_temp.tplus_changes SET tplus_action = 'delete' WHERE tplus_action = 'gone';
END
$$;

-- Reads the keys of the candidates once more into tplus_again: by key where
-- the source can be asked for that, in batches that T+ is asked for one by
-- one; else, or if they are many, all there are.
CREATE FUNCTION tplus._ask_again(d tplus.sync_definition, s tplus._sync_shape, candidates bigint)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  batch constant integer := 30;
  keys text[];
  statement text := format('INSERT INTO pg_temp.tplus_again SELECT %s FROM %s AS %s WHERE ',
    tplus._key_exprs(s), d.source, s.alias);
BEGIN
  PERFORM tplus._make_temp('tplus_again', format('SELECT %s FROM %s AS t', tplus._list(s.key, 't.%s'), d.target));
  IF s.key_column IS NULL OR candidates > 10 * batch THEN
    PERFORM tplus._execute(d, statement || 'true');
    RETURN;
  END IF;
  FOR keys IN EXECUTE format('SELECT array_agg(k) FROM (SELECT %s AS k, row_number() OVER () AS n '
      'FROM pg_temp.tplus_changes c WHERE c.tplus_action = ''gone'') AS x GROUP BY (n - 1) / %s',
      tplus._key_text(s, 'c'), batch)
  LOOP
    PERFORM tplus._execute(d, statement || format('%s.%s %s ANY (%L::%s[])', s.alias, s.key_column, s.ops[1], keys, s.key_type));
  END LOOP;
END
$$;

-- The unique indexes beside the key whose values a run may move from row to
-- row: what they index, as columns k1, k2 ...; for which rows; and when the rows
-- a and b have the same.
CREATE FUNCTION tplus._unique_of(s tplus._sync_shape, OUT name text, OUT is_constraint boolean, OUT definition text,
  OUT can_wait boolean, OUT terms text, OUT condition text, OUT same text)
RETURNS SETOF record LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT c.relname, k.oid IS NOT NULL, coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(i.indexrelid)),
         coalesce(k.condeferrable, false), x.terms, coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'), x.same
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u')
    CROSS JOIN LATERAL (
      SELECT string_agg(format('(%s)%s AS k%s', pg_get_indexdef(i.indexrelid, n, true),
                 (SELECT format(' COLLATE %I.%I', z.nspname, l.collname) FROM pg_collation l JOIN pg_namespace z ON z.oid = l.collnamespace
                   WHERE l.oid = i.indcollation[n - 1]), n), ', ' ORDER BY n) AS terms,
             string_agg(format(CASE WHEN i.indnullsnotdistinct
                 THEN 'ROW(a.k%1$s)::record = ROW(b.k%1$s)::record' ELSE 'a.k%1$s OPERATOR(%2$I.%3$s) b.k%1$s' END,
                 n, z.nspname, o.oprname), ' AND ' ORDER BY n) AS same,
             array_agg(quote_ident(a.attname)) AS plain
        FROM generate_series(1, i.indnkeyatts) AS n
        JOIN pg_opclass p ON p.oid = i.indclass[n - 1]
        JOIN pg_amop m ON m.amopfamily = p.opcfamily AND m.amopstrategy = 3
         AND m.amoplefttype = p.opcintype AND m.amoprighttype = p.opcintype
        JOIN pg_operator o ON o.oid = m.amopopr
        JOIN pg_namespace z ON z.oid = o.oprnamespace
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[n - 1]) AS x
   WHERE i.indrelid = s.target AND i.indisunique AND i.indisready AND NOT i.indisexclusion
     -- Rows whose keys differ cannot have the same.
     AND NOT s.key <@ array_remove(x.plain, NULL)
     AND EXISTS (SELECT FROM pg_attribute a
                  WHERE a.attrelid = i.indrelid AND a.attnum > 0
                    AND (a.attgenerated <> '' OR quote_ident(a.attname) = s.mark
                         OR (quote_ident(a.attname) = ANY (s.columns) AND quote_ident(a.attname) <> ALL (s.key)))
                    AND (a.attnum = ANY (i.indkey::smallint[])
                         OR EXISTS (SELECT FROM pg_depend g
                                     WHERE g.classid = 'pg_class'::regclass AND g.objid = i.indexrelid
                                       AND g.refclassid = 'pg_class'::regclass AND g.refobjid = i.indrelid AND g.refobjsubid = a.attnum)))
   ORDER BY i.indexrelid
$$;

-- What would notice that a row of the target leaves and comes back, in words.
CREATE FUNCTION tplus._hangs_on(target regclass) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH parts AS (SELECT target AS part UNION SELECT relid FROM pg_partition_tree(target))
  SELECT what FROM (
    SELECT 1 AS n, format('table "%s" refers to its rows by foreign key "%s"', c.conrelid::regclass, c.conname) AS what
      FROM pg_constraint c JOIN parts ON c.confrelid = part WHERE c.contype = 'f'
    UNION ALL
    SELECT 2, format('trigger "%s" would see rows leave and come back', t.tgname)
      FROM pg_trigger t JOIN parts ON t.tgrelid = part
     -- Of rows, or of INSERT, DELETE or UPDATE.
     WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 28 <> 0
    UNION ALL
    SELECT 3, format('rule "%s" would see rows leave and come back', r.rulename)
      FROM pg_rewrite r JOIN parts ON r.ev_class = part WHERE r.ev_type <> '1'
    UNION ALL
    SELECT 4, 'other tables inherit from it' FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhparent
     WHERE h.inhparent = target AND c.relkind <> 'p'
    UNION ALL
    SELECT 5, 'row-level security would judge rows that come back' WHERE row_security_active(target)
    UNION ALL
    SELECT 6, 'the owner of the sync may not delete rows and insert whole ones'
     WHERE NOT (has_table_privilege(target, 'SELECT') AND has_table_privilege(target, 'INSERT') AND has_table_privilege(target, 'DELETE')))
    AS x
   ORDER BY n, what LIMIT 1
$$;

-- That a unique index has to be a constraint that can wait for the end of a run.
CREATE FUNCTION tplus._must_wait(s tplus._sync_shape, OUT words text, OUT more text, OUT advice text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format(CASE WHEN u.is_constraint THEN 'constraint "%s" of "%s" must be deferrable' ELSE 'unique index "%s" of "%s" must be a deferrable constraint' END, u.name, s.target),
         format('A value of it may move from record to record, and rows cannot make room for each other: %s.', h.what),
         CASE WHEN u.is_constraint THEN format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s DEFERRABLE;', s.target, u.name, u.definition)
           ELSE 'Replace it by a constraint UNIQUE ... DEFERRABLE, or drop what hangs on the rows.' END
    FROM tplus._unique_of(s) u, tplus._hangs_on(s.target) AS h(what)
   WHERE NOT u.can_wait AND h.what IS NOT NULL LIMIT 1
$$;

-- Whole rows as changes of these kinds would make them, with their number, in
-- tplus_new; what only an INSERT would fill in is null.
CREATE FUNCTION tplus._new_rows(d tplus.sync_definition, s tplus._sync_shape, actions text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  list text;
BEGIN
  PERFORM tplus._make_temp('tplus_new', format('SELECT NULL::bigint AS tplus_n, t.* FROM %s AS t', d.target));
  SELECT string_agg(format(CASE WHEN c.quoted = ANY (s.columns) THEN 'c.%1$s'
             WHEN c.quoted = s.mark THEN coalesce((SELECT pg_get_expr(f.adbin, f.adrelid) FROM pg_attrdef f JOIN pg_attribute a
                ON a.attrelid = f.adrelid AND a.attnum = f.adnum WHERE f.adrelid = s.target AND a.attname = c.name), 'NULL')
             ELSE 't.%1$s' END, c.quoted), ', ' ORDER BY c.n)
    INTO list FROM tplus._columns(s.target) WITH ORDINALITY AS c(name, quoted, type, type_name, is_not_null, field, always_identity, n);
  EXECUTE format('INSERT INTO pg_temp.tplus_new (tplus_n, %s) SELECT c.tplus_n, %s FROM pg_temp.tplus_changes c LEFT JOIN %s AS t ON %s WHERE c.tplus_action = ANY (%L)',
    tplus._all_columns(s), list, d.target, tplus._same_key(s, 't', 'c'), actions);
  SELECT string_agg(format('%I = (%s)', a.attname, pg_get_expr(f.adbin, f.adrelid)), ', ') INTO list
    FROM pg_attribute a JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
   WHERE a.attrelid = s.target AND a.attgenerated <> '' AND NOT a.attisdropped;
  IF list IS NOT NULL THEN
    EXECUTE 'UPDATE pg_temp.tplus_new SET ' || list;
  END IF;
END
$$;

-- All columns of the target that can be written.
CREATE FUNCTION tplus._all_columns(s tplus._sync_shape) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT string_agg(quoted, ', ') FROM tplus._columns(s.target) $$;

-- Leaves in tplus_moves each change of these kinds to a row whose unique values
-- another row has now: which, and whether it will still have them in the end.
CREATE FUNCTION tplus._find_moves(d tplus.sync_definition, s tplus._sync_shape, actions text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  u record;
BEGIN
  PERFORM tplus._make_temp('tplus_moves', 'SELECT 0::bigint AS tplus_n, NULL::text AS other, false AS stays, NULL::text AS name, false AS can_wait');
  PERFORM tplus._new_rows(d, s, actions);
  ANALYZE pg_temp.tplus_new;
  FOR u IN SELECT * FROM tplus._unique_of(s) LOOP
    EXECUTE format($f$
      INSERT INTO pg_temp.tplus_moves
      WITH a AS MATERIALIZED (SELECT tplus_n, %1$s FROM pg_temp.tplus_new WHERE %2$s),
      r AS MATERIALIZED (
        SELECT a.tplus_n AS taker, b.tplus_n, b.tplus_key
          FROM a JOIN (SELECT tplus_n, tplus_key, %1$s
                         FROM (SELECT t.*, c.tplus_n, %3$s AS tplus_key
                                 FROM %4$s AS t LEFT JOIN pg_temp.tplus_changes c ON c.tplus_action = ANY (%9$L) AND %5$s) AS x
                        WHERE %2$s) AS b ON %6$s)
      SELECT taker, tplus_key, tplus_n IS NULL OR EXISTS (SELECT FROM a JOIN a AS b ON %6$s
               WHERE a.tplus_n = r.taker AND b.tplus_n = r.tplus_n), %7$L, %8$L::boolean
        FROM r WHERE taker IS DISTINCT FROM tplus_n
      UNION ALL
      SELECT a.tplus_n, (SELECT %10$s FROM pg_temp.tplus_changes c WHERE c.tplus_n = b.tplus_n), true, %7$L, %8$L::boolean
        FROM a JOIN a AS b ON %6$s AND b.tplus_n < a.tplus_n
       WHERE NOT EXISTS (SELECT FROM r WHERE r.taker = a.tplus_n AND r.tplus_n = a.tplus_n)$f$,
      u.terms, u.condition, tplus._key_text(s, 't'), d.target, tplus._same_key(s, 't', 'c'), u.same, u.name, u.can_wait,
      actions, tplus._key_text(s, 'c'));
  END LOOP;
END
$$;

-- Lets the constraints that can wait do so, or not any more.
CREATE FUNCTION tplus._let_wait(s tplus._sync_shape, word text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  list text;
BEGIN
  SELECT string_agg(format('%I.%I', n.nspname, u.name), ', ') INTO list
    FROM tplus._unique_of(s) u, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = s.target AND u.can_wait;
  IF list IS NOT NULL THEN
    EXECUTE format('SET CONSTRAINTS %s %s', list, word);
  END IF;
END
$$;

-- One step for the rows whose number is between two: "map" turns records into
-- rows, the others change the target.  Returns the number of rows.
CREATE FUNCTION tplus._step(d tplus.sync_definition, s tplus._sync_shape, step text, lo bigint, hi bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  part text := format('c.tplus_action OPERATOR(pg_catalog.=) %L AND c.tplus_n OPERATOR(pg_catalog.>=) %s AND c.tplus_n OPERATOR(pg_catalog.<=) %s',
    step, lo, hi);
  columns text := array_to_string(s.columns, ', ');
  others text[] := tplus._updated(s);
  n bigint;
BEGIN
  CASE step
  WHEN 'map' THEN
    RETURN tplus._execute(d, format(
      E'INSERT INTO pg_temp.tplus_staged (tplus_raw, tplus_record, %1$s) SELECT %2$s.tplus_n, %7$s, %3$s FROM pg_temp.tplus_raw AS %2$s '
      'WHERE %2$s.tplus_n OPERATOR(pg_catalog.>=) %4$s AND %2$s.tplus_n OPERATOR(pg_catalog.<=) %5$s AND (%6$s\n)', columns, s.alias, array_to_string(s.exprs, ', '), lo, hi, coalesce(d.filter, 'true'),
      tplus._record_text(s)));
  WHEN 'delete' THEN
    n := tplus._execute(d, format(
      CASE WHEN s.mark IS NULL THEN 'DELETE FROM %1$s AS t USING pg_temp.tplus_changes c WHERE %2$s AND %3$s'
           ELSE 'UPDATE %1$s AS t SET %4$s = %5$s FROM pg_temp.tplus_changes c WHERE %2$s AND %3$s' END,
      d.target, part, tplus._same_key(s, 't', 'c'), s.mark, s.mark_value));
    IF s.mark IS NULL THEN
      PERFORM tplus._give_keys('_drop_keys', d.id, format('SELECT %s FROM pg_temp.tplus_changes c WHERE %s', tplus._key_text(s, 'c'), part));
    END IF;
    RETURN n;
  WHEN 'update' THEN
    IF cardinality(others) = 0 AND s.mark IS NULL THEN
      RETURN 0;
    END IF;
    n := tplus._execute(d, format('UPDATE %s AS t SET %s FROM pg_temp.tplus_changes c WHERE %s AND %s',
      d.target, concat_ws(', ', tplus._list(others, '%s = c.%s'), s.mark || ' = DEFAULT'),
      part, tplus._same_key(s, 't', 'c')));
  WHEN 'back' THEN
    n := tplus._execute(d, format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM pg_temp.tplus_new x '
      'WHERE EXISTS (SELECT FROM pg_temp.tplus_changes c WHERE c.tplus_n OPERATOR(pg_catalog.=) x.tplus_n AND %3$s)', d.target, tplus._all_columns(s), part));
  WHEN 'insert' THEN
    -- Plainly: that they are not there has been found out, and ON CONFLICT
    -- would take three times as long.
    n := tplus._execute(d, format('INSERT INTO %s (%s) %s SELECT %s FROM pg_temp.tplus_changes c WHERE %s',
      d.target, columns, s.overriding, tplus._list(s.columns, 'c.%s'), part));
  END CASE;
  IF step IN ('update', 'back') AND others && s.key THEN
    PERFORM tplus._give_keys('_drop_keys', d.id, format('SELECT c.tplus_was FROM pg_temp.tplus_changes c WHERE %s AND c.tplus_was <> %s',
      part, tplus._key_text(s, 'c')));
  END IF;
  IF n > 0 THEN
    PERFORM tplus._give_keys('_add_keys', d.id, format('SELECT %s FROM pg_temp.tplus_changes c WHERE %s', tplus._key_text(s, 'c'), part));
  END IF;
  RETURN n;
END
$$;

-- The keys of what stands in a table with the columns of the source, into
-- tplus_again.
CREATE FUNCTION tplus._keys_of(d tplus.sync_definition, s tplus._sync_shape, records text, condition text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tplus._make_temp('tplus_again', format('SELECT %s FROM %s AS t', tplus._list(s.key, 't.%s'), d.target));
  PERFORM tplus._execute(d, format('INSERT INTO pg_temp.tplus_again SELECT %s FROM %s AS %s WHERE %s',
    tplus._key_exprs(s), records, s.alias, condition));
END
$$;

-- The key that a record would have; null if it has none.
CREATE FUNCTION tplus._raw_key(d tplus.sync_definition, s tplus._sync_shape, raw bigint) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  key text;
BEGIN
  PERFORM tplus._keys_of(d, s, 'pg_temp.tplus_raw', format('%s.tplus_n OPERATOR(pg_catalog.=) %s', s.alias, raw));
  EXECUTE format('SELECT %s FROM pg_temp.tplus_again c', tplus._key_text(s, 'c')) INTO key;
  RETURN key;
EXCEPTION WHEN OTHERS THEN
  IF tplus._is_no_record(SQLSTATE) THEN
    RAISE;
  END IF;
  RETURN NULL;
END
$$;

-- Reads again what was rejected, where the key is not a column that the source
-- can be asked for: T+ by what it tells records by, other sources by the
-- expressions of the key.  What cannot be asked for comes with a full run.
CREATE FUNCTION tplus._read_rejected(d tplus.sync_definition, s tplus._sync_shape) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  batch constant integer := 30;
  wanted text[];
  again bigint := 0;
BEGIN
  IF s.record_column IS NOT NULL THEN
    FOR wanted IN EXECUTE format($f$SELECT array_agg(id) FROM (
        SELECT DISTINCT x.id, dense_rank() OVER (ORDER BY x.id COLLATE "C") AS n
          FROM tplus.sync_reject j, LATERAL (SELECT coalesce(j.record ->> %L, j.record ->> 'ID')) AS x(id)
         WHERE j.sync = $1 AND x.id IS NOT NULL AND NOT EXISTS (SELECT FROM pg_temp.tplus_raw r WHERE r.%s::text COLLATE "C" = x.id)) AS y
       GROUP BY (n - 1) / %s$f$, (parse_ident(s.record_column))[1], s.record_column, batch) USING d.name
    LOOP
      again := again + tplus._read_raw(d, s, format('%s.%s OPERATOR(pg_catalog.=) ANY (%L::%s[])', s.alias, s.record_column, wanted, s.record_type));
    END LOOP;
  ELSIF NOT s.is_tplus THEN
    PERFORM tplus._keys_of(d, s, 'pg_temp.tplus_raw', 'true');
    EXECUTE format('SELECT array_agg(j.key) FROM tplus.sync_reject j WHERE j.sync = $1 AND j.key IS NOT NULL '
      'AND NOT EXISTS (SELECT FROM pg_temp.tplus_again c WHERE %s = j.key)', tplus._key_text(s, 'c')) INTO wanted USING d.name;
    IF wanted IS NOT NULL THEN
      again := tplus._execute(d, format('INSERT INTO pg_temp.tplus_raw (%s) SELECT %s FROM %s AS %s CROSS JOIN LATERAL (SELECT %s) AS tplus_key WHERE %s OPERATOR(pg_catalog.=) ANY (%L)',
        array_to_string(s.read_columns, ', '), tplus._list(s.read_columns, s.alias || '.%s'), d.source, s.alias,
        (SELECT string_agg(format('(%s)::%s AS %s', s.exprs[array_position(s.columns, k)], c.type_name, k), ', ')
           FROM unnest(s.key) k JOIN tplus._columns(s.target) c ON c.quoted = k),
        tplus._key_text(s, 'tplus_key'), wanted));
    END IF;
  END IF;
  RETURN again;
EXCEPTION WHEN OTHERS THEN
  -- A record without a key; it will be rejected, or ends the run, by itself.
  IF tplus._is_no_record(SQLSTATE) OR s.is_tplus THEN
    RAISE;
  END IF;
  RETURN 0;
END
$$;

-- Keeps a record that could not be stored.
CREATE FUNCTION tplus._reject(d tplus.sync_definition, s tplus._sync_shape, run bigint, raw bigint,
  key_text text, bad_column text, state text, words text, more text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  json jsonb;
  bad tplus.sync_reject;
  n bigint;
BEGIN
  IF raw IS NOT NULL THEN
    EXECUTE format('SELECT %s, coalesce($2, %s) FROM pg_temp.tplus_raw AS r WHERE tplus_n = $1',
        coalesce('r.' || s.whole_column || '::jsonb', 'to_jsonb(r) - ''tplus_n'''),
        coalesce('r.' || s.key_column || '::text', 'NULL'))
      INTO json, key_text USING raw, key_text;
    IF key_text IS NULL AND s.key_column IS NULL THEN
      key_text := tplus._raw_key(d, s, raw);
    END IF;
  END IF;
  IF key_text IS NULL AND json IS NOT NULL THEN
    -- There is no key to be unique.
    PERFORM tplus._drop_rejects(d.id, ARRAY(SELECT r.id FROM tplus.sync_reject r
      WHERE r.sync = d.name AND r.run <> _reject.run AND r.key IS NULL AND r.record = json));
  END IF;
  bad.run := _reject.run;
  bad.key := key_text;
  bad.record := json;
  bad.column_name := nullif(bad_column, '');
  bad.sqlstate := state;
  bad.message := words;
  bad.detail := nullif(more, '');
  PERFORM tplus._put_reject(d.id, bad);
  INSERT INTO pg_temp.tplus_failed VALUES (raw, key_text);
  SELECT count(*) INTO n FROM tplus.sync_reject r WHERE r.sync = d.name AND r.run = _reject.run;
  IF n > d.max_rejects THEN
    RAISE program_limit_exceeded USING
      MESSAGE = format('sync "%s" met more than %s records that cannot be stored', d.name, d.max_rejects),
      DETAIL = format('The last one, with key %s: %s', coalesce(key_text, 'unknown'), words),
      HINT = 'Nothing was stored.  Mend the cause, or raise max_rejects.';
  END IF;
END
$$;

-- Errors that are not the fault of a record: another session, the memory or
-- the disk, an administrator.  A cancel is not even caught.
CREATE FUNCTION tplus._is_no_record(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT state ~ '^(08|25|40|53|57|58)|^55P03' $$;

-- Which column of the record does not fit: the error often does not tell.
CREATE FUNCTION tplus._bad_column(d tplus.sync_definition, s tplus._sync_shape, raw bigint) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  FOR i IN 1 .. cardinality(s.columns) LOOP
    BEGIN
      PERFORM tplus._execute(d, format('INSERT INTO pg_temp.tplus_staged (%s) SELECT %s FROM pg_temp.tplus_raw AS %s WHERE %3$s.tplus_n OPERATOR(pg_catalog.=) %s',
        s.columns[i], s.exprs[i], s.alias, raw));
      RAISE SQLSTATE 'TPU00';
    EXCEPTION
      WHEN SQLSTATE 'TPU00' THEN
        NULL;
      WHEN OTHERS THEN
        IF tplus._is_no_record(SQLSTATE) THEN
          RAISE;
        END IF;
        RETURN (parse_ident(s.columns[i]))[1];
    END;
  END LOOP;
  RETURN NULL;
END
$$;

-- A step with quarantine: what fails is halved, until the record that it is
-- due to is found.
CREATE FUNCTION tplus._bisect(d tplus.sync_definition, s tplus._sync_shape, run bigint, step text, lo bigint, hi bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  state text;
  words text;
  more text;
  bad_column text;
  raw bigint;
  key_text text;
  middle bigint := lo + (hi - lo) / 2;
BEGIN
  BEGIN
    RETURN tplus._step(d, s, step, lo, hi);
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT,
      more = PG_EXCEPTION_DETAIL, bad_column = COLUMN_NAME;
    IF tplus._is_no_record(state) THEN
      RAISE;
    END IF;
  END;
  IF lo < hi THEN
    RETURN tplus._bisect(d, s, run, step, lo, middle) + tplus._bisect(d, s, run, step, middle + 1, hi);
  END IF;
  -- What fails without a record, too, is nobody's fault but the run's.
  PERFORM tplus._step(d, s, step, 0, -1);
  IF step = 'map' THEN
    raw := lo;
    bad_column := coalesce(nullif(bad_column, ''), tplus._bad_column(d, s, raw));
  ELSE
    EXECUTE format('SELECT tplus_raw, %s FROM pg_temp.tplus_changes c WHERE tplus_n = $1', tplus._key_text(s, 'c'))
      INTO raw, key_text USING lo;
  END IF;
  PERFORM tplus._reject(d, s, run, raw, key_text, bad_column, state, words, more);
  IF step <> 'map' THEN
    UPDATE pg_temp.tplus_changes SET tplus_action = 'kept' WHERE tplus_n = lo;
  END IF;
  RETURN 0;
END
$$;

-- A step for all rows; in batches, so that a bad record costs the work of one
-- batch again and not that of all.
CREATE FUNCTION tplus._do(d tplus.sync_definition, s tplus._sync_shape, run bigint, step text)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  batch constant bigint := 10000;
  done bigint := 0;
  last bigint;
  lo bigint := 1;
BEGIN
  IF d.on_error = 'stop' THEN
    RETURN tplus._step(d, s, step, 1, 9223372036854775807);
  END IF;
  IF step = 'map' THEN
    SELECT coalesce(max(tplus_n), 0) INTO last FROM pg_temp.tplus_raw;
  ELSE
    SELECT coalesce(min(tplus_n), 1), coalesce(max(tplus_n), 0) INTO lo, last
      FROM pg_temp.tplus_changes WHERE tplus_action = step;
  END IF;
  WHILE lo <= last LOOP
    done := done + tplus._bisect(d, s, run, step, lo, least(lo + batch - 1, last));
    lo := lo + batch;
  END LOOP;
  RETURN done;
END
$$;

-- Before the records are mapped: those that were rejected before are read
-- again, unless they are there, and those that T+ sent damaged are rejected.
-- Returns how many were read.
CREATE FUNCTION tplus._prepare_raw(d tplus.sync_definition, s tplus._sync_shape, run bigint, is_full boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  batch constant integer := 30;
  keys text[];
  bad record;
  again bigint := 0;
BEGIN
  IF d.on_error <> 'quarantine' THEN
    RETURN 0;
  END IF;
  CREATE INDEX ON pg_temp.tplus_raw (tplus_n);
  IF NOT is_full AND s.key_column IS NOT NULL THEN
    FOR keys IN EXECUTE format('SELECT array_agg(key) FROM (SELECT key, row_number() OVER () AS n FROM tplus.sync_reject j '
        'WHERE j.sync = $1 AND j.key IS NOT NULL AND NOT EXISTS (SELECT FROM pg_temp.tplus_raw r WHERE r.%s::text COLLATE "C" = j.key)) AS x '
        'GROUP BY (n - 1) / %s', s.key_column, batch) USING d.name
    LOOP
      again := again + tplus._read_raw(d, s, format('%s.%s %s ANY (%L::%s[])', s.alias, s.key_column, s.ops[1], keys, s.key_type));
    END LOOP;
  END IF;
  IF NOT is_full AND s.key_column IS NULL AND EXISTS (SELECT FROM tplus.sync_reject j WHERE j.sync = d.name) THEN
    again := tplus._read_rejected(d, s);
  END IF;
  IF s.error_column IS NOT NULL THEN
    FOR bad IN EXECUTE format('SELECT tplus_n, (CASE jsonb_typeof(%1$s::jsonb) WHEN ''array'' THEN %1$s::jsonb -> 0 ELSE %1$s::jsonb END) AS why '
        'FROM pg_temp.tplus_raw r WHERE %1$s IS NOT NULL', 'r.' || s.error_column)
    LOOP
      PERFORM tplus._reject(d, s, run, bad.tplus_n, NULL, bad.why ->> 'column', coalesce(bad.why ->> 'sqlstate', '22000'),
        coalesce(bad.why ->> 'message', bad.why::text), bad.why ->> 'value');
      EXECUTE 'DELETE FROM pg_temp.tplus_raw WHERE tplus_n = $1' USING bad.tplus_n;
    END LOOP;
  END IF;
  RETURN again;
END
$$;

-- Rejects of earlier runs that this one tried without meeting them again.
CREATE FUNCTION tplus._forget_rejects(d tplus.sync_definition, s tplus._sync_shape, run bigint, is_full boolean)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  well bigint[];
BEGIN
  PERFORM tplus._drop_rejects(d.id, ARRAY(SELECT r.id FROM tplus.sync_reject r
   WHERE r.sync = d.name AND r.run <> _forget_rejects.run
     AND (is_full OR (d.on_error = 'quarantine' AND s.key_column IS NOT NULL AND r.key IS NOT NULL))));
  -- What could not be asked for by its key is known to be well if it came.
  IF d.on_error = 'quarantine' AND s.key_column IS NULL AND NOT is_full THEN
    EXECUTE format('SELECT array_agg(r.id) FROM tplus.sync_reject r WHERE r.sync = $1 AND r.run <> $2 AND r.key IN (SELECT %s FROM pg_temp.tplus_staged c)',
      tplus._key_text(s, 'c')) INTO well USING d.name, run;
    PERFORM tplus._drop_rejects(d.id, well);
  END IF;
END
$$;

-- What a run has read: its entry in the history so far, the cursor that this
-- makes, and whether the cursors of earlier runs mean nothing any more.
CREATE TYPE tplus._sync_fetch AS (
  entry tplus.sync_log,
  reached tplus.sync_cursor,
  set_back boolean
);

-- Reads, and reads everything if the row versions turn out to have been set
-- back.
CREATE FUNCTION tplus._fetch(d tplus.sync_definition, s tplus._sync_shape, by_column text, l tplus.sync_log)
RETURNS tplus._sync_fetch LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  f tplus._sync_fetch;
  c tplus.sync_cursor;
  before tplus.sync_cursor;
  bound text := 'true';
  high_water text;
BEGIN
  SELECT * INTO before FROM tplus.sync_cursor k WHERE k.sync = d.name ORDER BY k.run DESC LIMIT 1;
  IF l.kind = 'incremental' THEN
    bound := tplus._bound(s, l.window_from, before.nulls);
  ELSIF l.kind = 'resync' THEN
    bound := tplus._window(s, by_column, coalesce(l.window_from, '-infinity'), coalesce(l.window_to, 'infinity'));
  END IF;
  l.rows_read := tplus._read(d, s, bound);
  -- Before anything else is read, or undone: see tplus.high_water().
  high_water := CASE s.cursor_kind WHEN 'version' THEN tplus.high_water(s.source) END;
  f.set_back := l.kind <> 'resync' AND before.last_full IS NOT NULL AND NOT tplus._marker_is_there(s, before);
  IF f.set_back THEN
    l.cause := CASE WHEN l.kind = 'full' THEN l.cause || '; ' ELSE '' END ||
      format('the record with row version %s is gone or older: it was deleted, or the account set was restored', before.marker_version);
    IF l.kind = 'incremental' THEN
      l.kind := 'full';
      l.window_from := NULL;
      l.rows_read := tplus._read(d, s, 'true');
      high_water := tplus.high_water(s.source);
    END IF;
  END IF;
  c := tplus._cursor_of(d, s, high_water);
  IF l.kind = 'incremental' THEN
    -- What was reached stays reached, also if nothing of it came again.
    c.value := greatest(c.value COLLATE "C", before.value COLLATE "C");
    c.nulls := c.nulls OR before.nulls;
    IF high_water IS NULL AND s.cursor_kind = 'version' THEN
      c.value := NULL;
    END IF;
  END IF;
  f.entry := l;
  f.reached := c;
  RETURN f;
END
$$;

-- How many rows of the target the sync did not write, and so never deletes; the
-- first run says so.
CREATE FUNCTION tplus._count_not_own(d tplus.sync_definition, s tplus._sync_shape, tell boolean) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s AS t WHERE NOT EXISTS (SELECT FROM tplus.sync_key k WHERE k.sync = %s AND k.key = %s)',
    d.target, d.id, tplus._key_text(s, 't')) INTO n;
  IF tell AND n > 0 THEN
    RAISE NOTICE 'rows in "%" that are not those of sync "%": %', s.target, d.name, n
      USING DETAIL = 'They were there before, and it has not changed them; it never deletes or marks them.',
            HINT = format('If all of them came from there: SELECT tplus.alter_sync(%L, adopt => true).', d.name);
  END IF;
  RETURN n;
END
$$;

-- Closes the books of a run that succeeded, in its transaction.
CREATE FUNCTION tplus._end_well(d tplus.sync_definition, s tplus._sync_shape, l tplus.sync_log, c tplus.sync_cursor)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  before tplus.sync_cursor;
  n bigint;
BEGIN
  PERFORM tplus._check_lock();
  SELECT * INTO before FROM tplus.sync_cursor k WHERE k.sync = d.name ORDER BY k.run DESC LIMIT 1;
  IF l.kind = 'full' THEN
    SELECT count(*) INTO l.rows_kept FROM tplus.sync_key k WHERE k.sync = d.id;
    l.rows_not_own := tplus._count_not_own(d, s, before.run IS NULL);
  ELSE
    SELECT g.rows_kept + l.rows_inserted INTO l.rows_kept FROM tplus.sync_log g
     WHERE g.sync = d.name AND g.status = 'succeeded' ORDER BY g.run DESC LIMIT 1;
  END IF;
  l.requests := tplus._end_progress();
  PERFORM tplus._log_succeeded(l, c, s.cursor_kind IS NOT DISTINCT FROM 'version');
  IF tplus._resolve_alerts(ARRAY(SELECT a.id FROM tplus.alert a
       WHERE a.sync = d.name AND a.resolved IS NULL AND a.kind IN ('failed', 'stale', 'monthly_requests'))) > 0 THEN
    PERFORM tplus._alert(d.name, NULL, d.owner, 'recovered', format('sync "%s" succeeded again', d.name),
      jsonb_build_object('read', l.rows_read, 'inserted', l.rows_inserted, 'updated', l.rows_updated, 'deleted', l.rows_deleted));
  END IF;
  SELECT count(*) INTO n FROM tplus.sync_reject r WHERE r.sync = d.name;
  IF n > 0 THEN
    PERFORM tplus._alert(d.name, NULL, d.owner, 'rejects',
      format('%s records of sync "%s" could not be stored', n, d.name), jsonb_build_object('rejects', n));
  ELSE
    PERFORM tplus._resolve_alerts(ARRAY(SELECT a.id FROM tplus.alert a
      WHERE a.sync = d.name AND a.resolved IS NULL AND a.kind = 'rejects'));
  END IF;
END
$$;

-- The settings under which version 1.0 may have written the text of a key: all
-- that differ for values of these types; text stands for any other.
CREATE FUNCTION tplus._old_settings(d tplus.sync_definition, types regtype[]) RETURNS SETOF jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT date_style || time_zone || interval_style || digits || output
    FROM (SELECT jsonb_build_object('DateStyle', v)
            FROM unnest(ARRAY['ISO, YMD', 'SQL, MDY', 'SQL, DMY', 'Postgres, MDY', 'Postgres, DMY', 'German, DMY']) v
           WHERE v = 'ISO, YMD' OR types && '{date,timestamp,timestamptz,text}'::regtype[]) AS a(date_style),
         (SELECT DISTINCT jsonb_build_object('TimeZone', v)
            FROM unnest(ARRAY['UTC', d.time_zone, 'Asia/Shanghai', tplus._setting_of_role('TimeZone')]) v
           WHERE v = 'UTC' OR types && '{timestamptz,text}'::regtype[]) AS b(time_zone),
         (SELECT jsonb_build_object('IntervalStyle', v)
            FROM unnest(ARRAY['postgres', 'iso_8601', 'postgres_verbose', 'sql_standard']) v
           WHERE v = 'postgres' OR types && '{interval,text}'::regtype[]) AS c(interval_style),
         (SELECT jsonb_build_object('extra_float_digits', v)
            FROM unnest(ARRAY['1', '0']) v
           WHERE v = '1' OR types && '{real,double precision,text}'::regtype[]) AS e(digits),
         (SELECT jsonb_build_object('bytea_output', v)
            FROM unnest(ARRAY['hex', 'escape']) v
           WHERE v = 'hex' OR types && '{bytea,text}'::regtype[]) AS f(output)
$$;

-- Version 1.0 wrote the texts of keys under the settings of whatever session
-- ran the sync.  A text that is the key of one row of the target only, under any
-- settings, is written anew; if some settings explain all texts, these are
-- taken to be the ones.  What could be two rows stays as it is: nothing is
-- deleted for it.
CREATE FUNCTION tplus._convert_keys(d tplus.sync_definition, s tplus._sync_shape) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  plain constant regtype[] := '{boolean,"char",smallint,integer,bigint,oid,numeric,text,varchar,bpchar,name,uuid}';
  known constant regtype[] := '{date,timestamp,timestamptz,interval,real,double precision,bytea}';
  types regtype[];
  settings jsonb;
  number integer := 0;
  explains integer[];
  unclear bigint;
BEGIN
  SELECT array_agg(CASE WHEN c.type = ANY (known) THEN c.type::regtype ELSE 'text'::regtype END) INTO types
    FROM tplus._columns(s.target) c WHERE c.quoted = ANY (s.key) AND c.type <> ALL (plain);
  PERFORM tplus._set_key_texts(d.id, types IS NOT NULL);
  IF types IS NULL THEN
    RETURN;
  END IF;
  PERFORM tplus._make_temp('tplus_keys', format('SELECT %s, %s AS tplus_new FROM %s AS t',
    tplus._list(s.key, 't.%s'), tplus._key_text(s, 't'), d.target));
  EXECUTE format('INSERT INTO pg_temp.tplus_keys SELECT %s, %s FROM %s AS t',
    tplus._list(s.key, 't.%s'), tplus._key_text(s, 't'), d.target);
  PERFORM tplus._make_temp('tplus_texts', 'SELECT 0 AS number, NULL::text COLLATE "C" AS old, NULL::text AS new');
  FOR settings IN SELECT * FROM tplus._old_settings(d, types) LOOP
    number := number + 1;
    PERFORM set_config(x.key, x.value, true) FROM jsonb_each_text(settings) AS x;
    EXECUTE format('INSERT INTO pg_temp.tplus_texts SELECT %s, k.key, t.tplus_new FROM pg_temp.tplus_keys AS t '
      'JOIN tplus.sync_key k ON k.sync = %s AND k.key = %s', number, d.id, tplus._key_text(s, 't'));
  END LOOP;
  SELECT array_agg(x.number) INTO explains FROM
    (SELECT t.number FROM pg_temp.tplus_texts t GROUP BY t.number
     HAVING count(DISTINCT t.old) = (SELECT count(DISTINCT a.old) FROM pg_temp.tplus_texts a)) AS x;
  DELETE FROM pg_temp.tplus_texts t WHERE t.number <> ALL (explains);
  -- Without such, one of 01/02/2025 might be the other's that is not there.
  WITH gone AS (
    DELETE FROM pg_temp.tplus_texts t
     WHERE t.old IN (SELECT a.old FROM pg_temp.tplus_texts a GROUP BY a.old HAVING count(DISTINCT a.new) > 1)
        OR (explains IS NULL AND t.old ~ '(^|[^0-9-])(0[1-9]|1[0-2])[-/](0[1-9]|1[0-2])[-/]\d{4}')
    RETURNING t.old)
  SELECT count(DISTINCT gone.old) INTO unclear FROM gone;
  PERFORM tplus._give_keys('_drop_keys', d.id, 'SELECT DISTINCT old FROM pg_temp.tplus_texts'),
          tplus._give_keys('_add_keys', d.id, 'SELECT DISTINCT new FROM pg_temp.tplus_texts');
  IF unclear > 0 THEN
    PERFORM tplus._alert(d.name, NULL, d.owner, 'keys',
      format('%s keys that version 1.0 wrote for sync "%s" could be those of several rows; these rows will not be deleted', unclear, d.name),
      jsonb_build_object('keys', unclear));
  END IF;
END
$$;

-- Everything up to the point where the target is changed: reads, and leaves in
-- tplus_changes what there is to do.
CREATE FUNCTION tplus._find_changes(d tplus.sync_definition, s tplus._sync_shape, by_column text, l tplus.sync_log)
RETURNS tplus._sync_fetch LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  f tplus._sync_fetch;
BEGIN
  IF d.key_texts < 2 THEN
    PERFORM tplus._convert_keys(d, s);
  END IF;
  PERFORM tplus._set_phase('reading');
  f := tplus._fetch(d, s, by_column, l);
  l := f.entry;
  IF l.kind = 'full' AND l.rows_read = 0 AND EXISTS (SELECT FROM tplus.sync_key k WHERE k.sync = d.id) THEN
    RAISE object_not_in_prerequisite_state USING
      MESSAGE = format('sync "%s" read nothing', d.name),
      DETAIL = format('Earlier runs brought rows from %s, so nothing was changed.', d.source),
      HINT = 'Check the filter and the rights of the application.';
  END IF;
  IF s.keep_raw THEN
    PERFORM tplus._set_phase('mapping');
    l.rows_read := l.rows_read + tplus._prepare_raw(d, s, l.run, l.kind = 'full');
    PERFORM tplus._do(d, s, l.run, 'map');
  END IF;
  PERFORM tplus._set_phase('comparing');
  PERFORM tplus._compare(d, s, l.kind = 'full' AND d.deletes <> 'ignore');
  PERFORM tplus._check_keys(d, s);
  IF l.kind <> 'full' AND s.record_column IS NOT NULL THEN
    PERFORM tplus._check_records(d, s);
  END IF;
  IF l.kind = 'full' THEN
    PERFORM tplus._check_fields(d, s);
  END IF;
  IF l.kind = 'full' AND d.deletes <> 'ignore' THEN
    PERFORM tplus._find_deleted(d, s);
  END IF;
  SELECT count(*) - (SELECT count(*) FROM pg_temp.tplus_changes WHERE tplus_action IN ('insert', 'update'))
    INTO l.rows_unchanged FROM pg_temp.tplus_staged;
  f.entry := l;
  RETURN f;
END
$$;

-- Keeps changes from being made that would leave two rows with the same unique
-- values: also one that needs what another one, kept now, would have given up.
CREATE FUNCTION tplus._reject_twins(d tplus.sync_definition, s tplus._sync_shape, run bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  twin record;
BEGIN
  -- Each round keeps at least one.
  WHILE EXISTS (SELECT FROM pg_temp.tplus_moves WHERE stays) LOOP
    FOR twin IN EXECUTE format('SELECT DISTINCT ON (m.tplus_n) m.*, c.tplus_raw, %s AS key FROM pg_temp.tplus_moves m '
      'JOIN pg_temp.tplus_changes c USING (tplus_n) WHERE m.stays ORDER BY m.tplus_n, m.name, m.other', tplus._key_text(s, 'c')) LOOP
      PERFORM tplus._reject(d, s, run, twin.tplus_raw, twin.key, NULL, '23505',
        format('duplicate key value violates unique constraint "%s"', twin.name),
        format('The rows with keys %s and %s would have the same values.', twin.key, twin.other));
      UPDATE pg_temp.tplus_changes SET tplus_action = 'kept' WHERE tplus_n = twin.tplus_n;
    END LOOP;
    PERFORM tplus._find_moves(d, s, '{update}');
  END LOOP;
END
$$;

-- The updates, where unique values may move: rows that need what another one
-- still has are taken out, and put back when all have given up what they had.
-- If one cannot be written, all is undone, and done without it.
CREATE FUNCTION tplus._update(d tplus.sync_definition, s tplus._sync_shape, run bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stays_put constant boolean := tplus._hangs_on(s.target) IS NOT NULL;
  n bigint;
  bad tplus.sync_reject[];
  r tplus.sync_reject;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_temp.tplus_changes WHERE tplus_action = 'update') OR NOT EXISTS (SELECT FROM tplus._unique_of(s)) THEN
    RETURN tplus._do(d, s, run, 'update');
  END IF;
  -- Each round but the last keeps at least one change from being made.
  LOOP
    PERFORM tplus._find_moves(d, s, '{update}');
    IF d.on_error = 'quarantine' THEN
      PERFORM tplus._reject_twins(d, s, run);
    END IF;
    BEGIN
      PERFORM tplus._let_wait(s, 'DEFERRED');
      IF NOT stays_put THEN
        UPDATE pg_temp.tplus_changes c SET tplus_action = 'back'
         WHERE c.tplus_n IN (SELECT m.tplus_n FROM pg_temp.tplus_moves m WHERE NOT m.can_wait AND NOT m.stays);
        PERFORM tplus._execute(d, format('DELETE FROM %s AS t USING pg_temp.tplus_changes c WHERE c.tplus_action OPERATOR(pg_catalog.=) ''back'' AND %s',
          d.target, tplus._same_key(s, 't', 'c')));
      END IF;
      n := tplus._do(d, s, run, 'update') + tplus._do(d, s, run, 'back');
      IF EXISTS (SELECT FROM pg_temp.tplus_moves) AND d.on_error = 'quarantine' THEN
        EXECUTE format('SELECT array_agg(j) FROM tplus.sync_reject j WHERE j.sync = $1 AND j.run = $2 AND j.key IN '
          '(SELECT %s FROM pg_temp.tplus_changes c WHERE c.tplus_action = ''kept'' AND c.tplus_n IN (SELECT x.tplus_n FROM pg_temp.tplus_new x))', tplus._key_text(s, 'c'))
          INTO bad USING d.name, run;
        IF bad IS NOT NULL THEN
          RAISE SQLSTATE 'TPU00';
        END IF;
      END IF;
      PERFORM tplus._let_wait(s, 'IMMEDIATE');
      RETURN n;
    EXCEPTION WHEN SQLSTATE 'TPU00' THEN
      NULL;
    END;
    FOREACH r IN ARRAY bad LOOP
      EXECUTE format('SELECT tplus._reject($1, $2, $3, c.tplus_raw, $4, $5, $6, $7, $8) FROM pg_temp.tplus_changes c '
        'WHERE c.tplus_action = ''update'' AND %s = $4', tplus._key_text(s, 'c'))
        USING d, s, run, r.key, r.column_name, r.sqlstate, r.message, r.detail;
      EXECUTE format('UPDATE pg_temp.tplus_changes c SET tplus_action = ''kept'' WHERE c.tplus_action = ''update'' AND %s = $1',
        tplus._key_text(s, 'c')) USING r.key;
    END LOOP;
  END LOOP;
END
$$;

-- Says more of a unique value that came twice: whose it is, and what can be
-- done; returns if nothing is known.  A row that an incremental run has not read
-- may have given it up: that only a full one finds out, which TPU02 asks for.
CREATE FUNCTION tplus._explain_twin(d tplus.sync_definition, s tplus._sync_shape, l tplus.sync_log, words text)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  twin record;
  own boolean;
  w record;
BEGIN
  PERFORM tplus._find_moves(d, s, '{update,insert}');
  EXECUTE format('SELECT m.*, %s AS key FROM pg_temp.tplus_moves m JOIN pg_temp.tplus_changes c USING (tplus_n) WHERE m.stays ORDER BY m.tplus_n LIMIT 1',
    tplus._key_text(s, 'c')) INTO twin;
  IF twin.tplus_n IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM tplus.sync_key k WHERE k.sync = $1 AND k.key = $2) '
      'AND NOT EXISTS (SELECT FROM pg_temp.tplus_staged c WHERE %s = $2)', tplus._key_text(s, 'c'))
      INTO own USING d.id, twin.other;
    IF own AND l.kind = 'incremental' AND (d.deletes <> 'ignore' OR s.cursor_kind = 'time') THEN
      RAISE SQLSTATE 'TPU02';
    END IF;
    RAISE unique_violation USING
      MESSAGE = words,
      DETAIL = format('The rows with keys %s and %s would have the same values of "%s".', twin.key, twin.other, twin.name),
      HINT = CASE WHEN own THEN format('If the record of %s was deleted in T+: SELECT tplus.alter_sync(%L, deletes => ''delete''), and CALL tplus.sync(%2$L, full => true).', twin.other, d.name)
        ELSE '' END;
  END IF;
  IF EXISTS (SELECT FROM pg_temp.tplus_moves WHERE NOT can_wait) THEN
    SELECT * INTO w FROM tplus._must_wait(s);
    IF w.words IS NOT NULL THEN
      RAISE object_not_in_prerequisite_state USING MESSAGE = w.words, DETAIL = w.more, HINT = w.advice;
    END IF;
  END IF;
END
$$;

-- Changes the target as tplus_changes says.
CREATE FUNCTION tplus._write(d tplus.sync_definition, s tplus._sync_shape, l tplus.sync_log) RETURNS tplus.sync_log
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Deletions first: what comes in may have the code of what goes.
  l.rows_deleted := tplus._do(d, s, l.run, 'delete');
  l.rows_updated := tplus._update(d, s, l.run);
  l.rows_inserted := tplus._do(d, s, l.run, 'insert');
  RETURN l;
END
$$;

-- The same, and once more with constraints that do not wait for the commit if
-- one of those that do finds a record that quarantine has to keep.
CREATE FUNCTION tplus._write_all(d tplus.sync_definition, s tplus._sync_shape, l tplus.sync_log) RETURNS tplus.sync_log
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  done tplus.sync_log;
BEGIN
  IF d.on_error = 'stop' THEN
    BEGIN
      RETURN tplus._write(d, s, l);
    EXCEPTION WHEN unique_violation THEN
      PERFORM tplus._explain_twin(d, s, l, SQLERRM);
      RAISE;
    END;
  END IF;
  BEGIN
    done := tplus._write(d, s, l);
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN done;
  EXCEPTION WHEN OTHERS THEN
    IF done.run IS NULL OR tplus._is_no_record(SQLSTATE) THEN
      RAISE;
    END IF;
  END;
  SET CONSTRAINTS ALL IMMEDIATE;
  RETURN tplus._write(d, s, l);
END
$$;

-- All of a run that may fail.
CREATE FUNCTION tplus._work(this_run bigint, by_column text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition;
  s tplus._sync_shape;
  f tplus._sync_fetch;
  l tplus.sync_log;
BEGIN
  SELECT * INTO l FROM tplus.sync_log WHERE run = this_run;
  d := tplus._sync(l.sync);
  PERFORM tplus._begin_progress(this_run, (SELECT g.rows_read FROM tplus.sync_log g
    WHERE g.sync = l.sync AND g.kind = l.kind AND g.status = 'succeeded' ORDER BY g.run DESC LIMIT 1));
  s := tplus._shape(d);
  IF l.cause = tplus._no_cause() THEN
    SELECT c.kind, c.cause, coalesce(l.window_from, c.start) INTO l.kind, l.cause, l.window_from FROM tplus._cause(d, s, l.kind) c;
  END IF;
  f := tplus._find_changes(d, s, by_column, l);
  l := f.entry;
  PERFORM tplus._set_phase('writing');
  BEGIN
    l := tplus._write_all(d, s, l);
  EXCEPTION WHEN SQLSTATE 'TPU02' THEN
    l.kind := 'full';
    l.cause := 'a record has a unique value of one that was not read';
    l.window_from := NULL;
    d := tplus._sync(l.sync);
  END;
  IF l.kind <> (f.entry).kind THEN
    f := tplus._find_changes(d, s, by_column, l);
    PERFORM tplus._set_phase('writing');
    l := tplus._write_all(d, s, f.entry);
  END IF;
  PERFORM tplus._keep_records(d, s);
  PERFORM tplus._forget_rejects(d, s, this_run, l.kind = 'full');
  l.rows_failed := 0;
  IF d.on_error = 'quarantine' THEN
    -- Several records may be one reject, by their key.
    SELECT count(*) INTO l.rows_failed FROM (SELECT DISTINCT j.raw, CASE WHEN j.raw IS NULL THEN j.key END FROM pg_temp.tplus_failed j) AS x;
  END IF;
  IF f.set_back THEN
    PERFORM tplus._clear_cursors(d.id);
  END IF;
  PERFORM tplus._end_well(d, s, l, f.reached);
END
$$;

-- Records a run that failed, after its transaction was rolled back.
CREATE FUNCTION tplus._end_badly(this_run bigint, state text, words text, more text, advice text, place text)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  l tplus.sync_log;
BEGIN
  l.run := this_run;
  l.requests := tplus._end_progress();
  l.sqlstate := state;
  l.message := words;
  l.detail := nullif(more, '');
  l.hint := nullif(advice, '');
  l.context := nullif(place, '');
  l.sync := tplus._log_failed(l);
  IF l.sync IS NULL THEN
    -- The sync was dropped meanwhile.
    RETURN;
  END IF;
  IF state = '53T01' THEN
    PERFORM tplus._tell_month(tplus._sync(l.sync), words);
    RETURN;
  END IF;
  -- Where T+ does not know us any more, a human has to act: say how.
  PERFORM tplus._alert(l.sync, NULL, tplus._current_role(), 'failed',
    format('sync "%s" failed: %s%s', l.sync, words,
           CASE WHEN state LIKE '28%' THEN '. ' || nullif(advice, '') END),
    jsonb_build_object('sqlstate', state));
END
$$;

-- The two commits around a run.  A procedure that commits can have no SET
-- clause, so every name in here is qualified, types as well, and there are no
-- operators.
CREATE PROCEDURE tplus._run(sync_name text, kind text, since timestamptz DEFAULT NULL,
  until timestamptz DEFAULT NULL, by_column text DEFAULT NULL)
LANGUAGE plpgsql
AS $$
DECLARE
  run bigint;
  failed boolean := false;
  state pg_catalog.text;
  words pg_catalog.text;
  more pg_catalog.text;
  advice pg_catalog.text;
  place pg_catalog.text;
BEGIN
  PERFORM tplus._check_no_transaction();
  -- Where this is refused, as inside a function, nothing has happened yet.
  COMMIT;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  run := tplus._begin_run(sync_name, kind, since, until);
  COMMIT;
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  IF run IS NULL THEN
    RETURN;
  END IF;
  BEGIN
    PERFORM tplus._work(run, by_column);
    -- Nothing may be left for the commit to complain of.
    SET CONSTRAINTS ALL IMMEDIATE;
  EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
    failed := true;
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT,
      more = PG_EXCEPTION_DETAIL, advice = PG_EXCEPTION_HINT, place = PG_EXCEPTION_CONTEXT;
  END;
  IF failed THEN
    ROLLBACK;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    -- Who cancels twice in a row shall not leave a run without an end.
    FOR attempt IN 1 .. 3 LOOP
      BEGIN
        PERFORM tplus._end_badly(run, state, words, more, advice, place);
        EXIT;
      EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
        NULL;
      END;
    END LOOP;
  END IF;
  COMMIT;
  PERFORM tplus._unlock_run();
  IF failed THEN
    PERFORM tplus._raise(state, words, more, advice);
  END IF;
END
$$;

-- Synchronising: what is called

CREATE FUNCTION tplus._check_word(argument text, word text, VARIADIC words text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF word IS NULL OR word <> ALL (words) THEN
    RAISE invalid_parameter_value USING
      MESSAGE = format('invalid value for argument "%s": "%s"', argument, word),
      HINT = format('Valid values are: %s.', array_to_string(words, ', '));
  END IF;
END
$$;

-- The columns that a run adds to those of the tables.
CREATE FUNCTION tplus._check_names(d tplus.sync_definition, s tplus._sync_shape) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  taken text;
BEGIN
  SELECT c INTO taken FROM unnest(s.columns) AS c
   WHERE c IN ('tplus_raw', 'tplus_cursor', 'tplus_record', 'tplus_n', 'tplus_action', 'tplus_was') LIMIT 1;
  IF taken IS NULL AND s.keep_raw AND 'tplus_n' = ANY (s.read_columns) THEN
    taken := 'tplus_n';
  END IF;
  IF taken IS NOT NULL THEN
    RAISE reserved_name USING
      MESSAGE = format('column "%s" has a name that syncs use themselves', taken),
      HINT = 'Rename the column, or leave it out of the sync with a null in the mapping.';
  END IF;
END
$$;

-- What the target must be like; of what a sync is already, a warning is enough.
CREATE FUNCTION tplus._check_target(d tplus.sync_definition, s tplus._sync_shape, is_new boolean) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  w record;
BEGIN
  IF s.loose_keys IS NOT NULL THEN
    SELECT 'invalid_table_definition' AS state,
           format('column "%s" of the key of "%s" can be null', (parse_ident(s.loose_keys[1]))[1], s.target) AS words,
           'Its unique index takes each null for another value, so it does not tell rows apart.' AS more,
           format('ALTER TABLE %s ALTER COLUMN %s SET NOT NULL; or make the constraint UNIQUE NULLS NOT DISTINCT.', s.target, s.loose_keys[1]) AS advice
      INTO w;
  ELSE
    SELECT 'object_not_in_prerequisite_state' AS state, x.words, x.more, x.advice INTO w
      FROM tplus._must_wait(s) x WHERE d.mode = 'upsert';
  END IF;
  IF w.words IS NULL THEN
    NULL;
  ELSIF is_new THEN
    RAISE EXCEPTION USING ERRCODE = w.state, MESSAGE = w.words, DETAIL = w.more, HINT = w.advice;
  ELSE
    RAISE WARNING USING ERRCODE = w.state, MESSAGE = w.words, DETAIL = w.more, HINT = w.advice;
  END IF;
END
$$;

-- Each expression by itself, so that an error is about what the user wrote.
CREATE FUNCTION tplus._check_expressions(d tplus.sync_definition, s tplus._sync_shape) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  part record;
  state text;
  words text;
  advice text;
BEGIN
  FOR part IN
    SELECT format('mapping of column "%s"', m.key) AS place, m.value AS expr, format(E'SELECT (%s\n)', m.value) AS list, 'true' AS condition
      FROM jsonb_each_text(d.mapping) AS m WHERE m.value IS NOT NULL
    UNION ALL
    SELECT 'filter', d.filter, 'SELECT', d.filter WHERE d.filter IS NOT NULL
  LOOP
    BEGIN
      PERFORM tplus._execute(d, format(E'EXPLAIN %s FROM (SELECT %s FROM %s AS %s) AS %4$s WHERE (%s\n)',
        part.list, array_to_string(coalesce(s.read_columns, '{}'), ', '), d.source, s.alias, part.condition));
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
      PERFORM tplus._raise(state, words, format('In the %s: %s', part.place, part.expr), advice);
    END;
  END LOOP;
END
$$;

-- Would this definition work?  Plans what a run would do, with the rights of
-- the caller, who owns it.
CREATE FUNCTION tplus._check_definition(d tplus.sync_definition, is_new boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  s tplus._sync_shape := tplus._shape(d);
BEGIN
  IF (SELECT relkind FROM pg_class WHERE oid = s.target) NOT IN ('r', 'p') THEN
    RAISE wrong_object_type USING
      MESSAGE = format('"%s" is not a table, so it cannot be the target of a sync', s.target);
  END IF;
  PERFORM tplus._check_names(d, s);
  PERFORM tplus._check_target(d, s, is_new);
  PERFORM tplus._check_expressions(d, s);
  IF d.lag < '0' THEN
    RAISE invalid_parameter_value USING
      MESSAGE = 'argument "lag" must not be negative',
      DETAIL = 'A run would begin after its cursor, and miss what lies between.';
  END IF;
  PERFORM tplus._execute(d, format(E'EXPLAIN INSERT INTO %s AS t (%s) %s SELECT %s FROM (SELECT %s FROM %s AS %s) AS %7$s WHERE (%s\n)', d.target, array_to_string(s.columns, ', '), s.overriding, array_to_string(s.exprs, ', '),
    array_to_string(s.read_columns, ', '), d.source, s.alias, coalesce(d.filter, 'true')));
  IF s.cursor_kind = 'time' THEN
    RAISE NOTICE 'edits of records are found by full runs only (%), because "%" does not move with them',
      CASE WHEN d.full_every > '0' THEN 'every ' || d.full_every ELSE 'full_every is off' END, d.cursor_column;
  END IF;
END
$$;

-- The column that tells best what is new: Ts, else MadeRecordDate.
CREATE FUNCTION tplus._default_cursor(source regclass) RETURNS name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT name FROM tplus._columns(source)
   WHERE tplus._is_tplus(source)
     AND ((field = 'ts' AND type IN ('text'::regtype, 'varchar'::regtype))
          OR (field = 'maderecorddate' AND type IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)))
   ORDER BY field = 'ts' DESC LIMIT 1
$$;

CREATE FUNCTION tplus._qualified(relation regclass) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = relation
$$;

-- 'id', 'id, line' or '{id,line}' as an array.
CREATE FUNCTION tplus._names(list text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT array_agg(btrim(x, ' "') ORDER BY n)
    FROM regexp_split_to_table(btrim(list, '{} '), '\s*,\s*') WITH ORDINALITY AS u(x, n)
$$;

-- 0.2 and 20 both mean 20 %.
CREATE FUNCTION tplus._fraction(x numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN x > 1 THEN x / 100 ELSE x END $$;

-- Takes the rows of the target for the sync's own.
CREATE FUNCTION tplus._adopt(sync_name text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._sync(sync_name);
  s tplus._sync_shape := tplus._shape(d);
BEGIN
  PERFORM tplus._check_session();
  PERFORM tplus._give_keys('_add_keys', d.id, format('SELECT %1$s FROM %2$s AS t WHERE %1$s IS NOT NULL', tplus._key_text(s, 't'), d.target));
END
$$;

CREATE FUNCTION tplus.create_sync(name text, source regclass, target regclass,
  key text DEFAULT NULL, mapping jsonb DEFAULT NULL, filter text DEFAULT NULL,
  cursor_column text DEFAULT NULL, lag interval DEFAULT NULL,
  mode text DEFAULT 'upsert', deletes text DEFAULT 'ignore',
  full_every interval DEFAULT '1 day', stale_after interval DEFAULT '1 day',
  on_error text DEFAULT 'stop', max_rejects integer DEFAULT 100,
  delete_limit numeric DEFAULT 0.2, mark_column text DEFAULT NULL,
  adopt boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  d tplus.sync_definition;
  state pg_catalog.text;
  words pg_catalog.text;
  more pg_catalog.text;
  advice pg_catalog.text;
BEGIN
  d.search_path := pg_catalog.current_setting('search_path');
  d.time_zone := pg_catalog.current_setting('TimeZone');
  d.date_style := tplus._date_style(pg_catalog.current_setting('DateStyle'));
  d.key_texts := 2;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF create_sync.name IS NULL OR create_sync.source IS NULL OR create_sync.target IS NULL THEN
    RAISE null_value_not_allowed USING MESSAGE = 'a sync needs a name, a source and a target';
  END IF;
  d.name := create_sync.name;
  d.owner := tplus._current_role();
  d.source := tplus._qualified(create_sync.source);
  d.target := tplus._qualified(create_sync.target);
  SELECT k.key INTO d.key FROM tplus._key_of(create_sync.target, tplus._names(create_sync.key)) k;
  d.mapping := create_sync.mapping;
  d.filter := nullif(create_sync.filter, '');
  d.cursor_column := nullif(coalesce(create_sync.cursor_column, tplus._default_cursor(create_sync.source)), '');
  d.mode := coalesce(create_sync.mode, 'upsert');
  d.deletes := coalesce(create_sync.deletes, 'ignore');
  d.mark_column := create_sync.mark_column;
  d.full_every := coalesce(create_sync.full_every, '1 day');
  d.stale_after := coalesce(create_sync.stale_after, '1 day');
  d.on_error := coalesce(create_sync.on_error, 'stop');
  d.max_rejects := coalesce(create_sync.max_rejects, 100);
  d.delete_limit := tplus._fraction(coalesce(create_sync.delete_limit, 0.2));
  d.created := now();
  d.lag := coalesce(create_sync.lag, CASE (tplus._shape(d)).cursor_kind WHEN 'time' THEN interval '1 day' ELSE interval '1 minute' END);
  PERFORM tplus._check_definition(d, true);
  PERFORM tplus._define(d);
  IF create_sync.adopt THEN
    PERFORM tplus._adopt(d.name);
  END IF;
  PERFORM pg_catalog.set_config('search_path', d.search_path, true);
EXCEPTION WHEN OTHERS THEN
  -- Without the lines of what was called here.
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT, more = PG_EXCEPTION_DETAIL,
    advice = PG_EXCEPTION_HINT;
  PERFORM tplus._raise(state, words, more, advice);
END
$$;

CREATE FUNCTION tplus.alter_sync(name text, source regclass DEFAULT NULL, target regclass DEFAULT NULL,
  key text DEFAULT NULL, mapping jsonb DEFAULT NULL, filter text DEFAULT NULL,
  cursor_column text DEFAULT NULL, lag interval DEFAULT NULL,
  mode text DEFAULT NULL, deletes text DEFAULT NULL,
  full_every interval DEFAULT NULL, stale_after interval DEFAULT NULL,
  on_error text DEFAULT NULL, max_rejects integer DEFAULT NULL,
  delete_limit numeric DEFAULT NULL, mark_column text DEFAULT NULL,
  adopt boolean DEFAULT NULL)
RETURNS void LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  d tplus.sync_definition;
  state pg_catalog.text;
  words pg_catalog.text;
  more pg_catalog.text;
  advice pg_catalog.text;
  old tplus.sync_definition;
  path pg_catalog.text;
BEGIN
  path := pg_catalog.current_setting('search_path');
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  old := tplus._keep_settings(tplus._sync(alter_sync.name));
  PERFORM tplus._check_session();
  d := old;
  d.source := coalesce(tplus._qualified(alter_sync.source), d.source);
  d.target := coalesce(tplus._qualified(alter_sync.target), d.target);
  IF alter_sync.key IS NOT NULL OR alter_sync.target IS NOT NULL THEN
    SELECT k.key INTO d.key FROM tplus._key_of(d.target::regclass, tplus._names(alter_sync.key)) k;
  END IF;
  d.mapping := coalesce(alter_sync.mapping, d.mapping);
  d.filter := nullif(coalesce(alter_sync.filter, d.filter), '');
  d.cursor_column := nullif(coalesce(alter_sync.cursor_column, d.cursor_column), '');
  d.mode := coalesce(alter_sync.mode, d.mode);
  d.deletes := coalesce(alter_sync.deletes, d.deletes);
  d.mark_column := coalesce(alter_sync.mark_column, d.mark_column);
  d.full_every := coalesce(alter_sync.full_every, d.full_every);
  d.stale_after := coalesce(alter_sync.stale_after, d.stale_after);
  d.on_error := coalesce(alter_sync.on_error, d.on_error);
  d.max_rejects := coalesce(alter_sync.max_rejects, d.max_rejects);
  d.delete_limit := coalesce(tplus._fraction(alter_sync.delete_limit), d.delete_limit);
  IF alter_sync.mapping IS NOT NULL OR alter_sync.filter IS NOT NULL THEN
    d.search_path := path;
    d.time_zone := pg_catalog.current_setting('TimeZone');
    d.date_style := tplus._date_style(pg_catalog.current_setting('DateStyle'));
  END IF;
  d.lag := coalesce(alter_sync.lag, CASE WHEN d.cursor_column IS DISTINCT FROM old.cursor_column
    THEN CASE (tplus._shape(d)).cursor_kind WHEN 'time' THEN interval '1 day' ELSE interval '1 minute' END ELSE d.lag END);
  PERFORM tplus._check_definition(d, ROW(d.target, d.key, d.mode) IS DISTINCT FROM ROW(old.target, old.key, old.mode));
  PERFORM tplus._redefine(d);
  IF alter_sync.adopt THEN
    PERFORM tplus._adopt(d.name);
  END IF;
  PERFORM pg_catalog.set_config('search_path', path, true);
EXCEPTION WHEN OTHERS THEN
  -- Without the lines of what was called here.
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT, more = PG_EXCEPTION_DETAIL,
    advice = PG_EXCEPTION_HINT;
  PERFORM tplus._raise(state, words, more, advice);
END
$$;

CREATE FUNCTION tplus.drop_sync(name text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition;
BEGIN
  PERFORM tplus._check_size('name', drop_sync.name);
  SELECT * INTO d FROM tplus.sync_definition x WHERE x.name = drop_sync.name;
  IF NOT FOUND THEN
    RAISE undefined_object USING MESSAGE = format('sync "%s" does not exist', drop_sync.name);
  END IF;
  PERFORM tplus._unschedule(d);
  IF NOT tplus._forget_sync(d.id) THEN
    RAISE insufficient_privilege USING MESSAGE = tplus._belongs(d);
  END IF;
END
$$;

CREATE PROCEDURE tplus.sync(name text, "full" boolean DEFAULT false)
LANGUAGE plpgsql
AS $$
BEGIN
  CALL tplus._run(name, CASE WHEN "full" THEN 'full' ELSE 'incremental' END);
END
$$;

CREATE PROCEDURE tplus.resync(name text, "from" timestamptz, "to" timestamptz DEFAULT NULL,
  by_column text DEFAULT NULL)
LANGUAGE plpgsql
AS $$
BEGIN
  CALL tplus._run(name, 'resync', "from", "to", tplus._window_column(name, by_column));
END
$$;

-- The column that a window in time is about, quoted: the cursor if it is a
-- time, else MadeRecordDate.
CREATE FUNCTION tplus._window_column(sync_name text, wanted text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._sync(sync_name);
  found_column text;
BEGIN
  PERFORM tplus._check_size('by_column', wanted);
  SELECT c.quoted INTO found_column FROM tplus._columns(d.source::regclass) c
   WHERE c.type IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
     AND CASE WHEN wanted IS NULL THEN c.name = d.cursor_column OR c.field = 'maderecorddate' ELSE c.name = wanted END
   ORDER BY c.name IS NOT DISTINCT FROM d.cursor_column DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE undefined_column USING
      MESSAGE = CASE WHEN wanted IS NULL THEN format('%s has no date for a window', d.source)
        ELSE format('%s has no date or timestamp column "%s"', d.source, wanted) END,
      HINT = 'Name a date or timestamp column of the source with by_column.';
  END IF;
  RETURN found_column;
END
$$;

-- What a run would do, by the same steps; then all of it is undone.
CREATE FUNCTION tplus.sync_preview(name text, "full" boolean DEFAULT false,
  OUT action text, OUT rows bigint, OUT keys text[])
RETURNS SETOF record LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._sync(sync_preview.name);
  s tplus._sync_shape := tplus._shape(d);
  l tplus.sync_log;
  result jsonb;
BEGIN
  PERFORM tplus._check_session();
  SELECT 0, c.kind, c.cause, c.start INTO l.run, l.kind, l.cause, l.window_from
    FROM tplus._cause(d, s, CASE WHEN "full" THEN 'full' ELSE 'incremental' END) c;
  BEGIN
    l := (tplus._find_changes(d, s, NULL, l)).entry;
    EXECUTE format($f$
      WITH found(action, key) AS (
        SELECT c.tplus_action, %s FROM pg_temp.tplus_changes c
        UNION ALL SELECT 'reject', coalesce(r.key, '?') FROM tplus.sync_reject r WHERE r.sync = $1 AND r.run = 0)
      SELECT jsonb_agg(jsonb_build_object('action', a.action, 'rows',
          CASE a.action WHEN 'leave' THEN $2 ELSE (SELECT count(*) FROM found f WHERE f.action = a.action) END,
          'keys', (SELECT jsonb_agg(key) FROM (SELECT f.key FROM found f WHERE f.action = a.action ORDER BY f.key LIMIT 10) x))
          ORDER BY a.n)
        FROM unnest(ARRAY['insert', 'update', 'leave', 'delete', 'reject']) WITH ORDINALITY AS a(action, n)$f$,
      tplus._key_text(s, 'c')) INTO result USING d.name, l.rows_unchanged;
    RAISE SQLSTATE 'TPU00';
  EXCEPTION WHEN SQLSTATE 'TPU00' THEN
    NULL;
  END;
  RETURN QUERY SELECT x ->> 'action', (x ->> 'rows')::bigint,
      CASE jsonb_typeof(x -> 'keys') WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(x -> 'keys')) END
    FROM jsonb_array_elements(result) AS x;
END
$$;

-- Synchronising: on a schedule

-- Calls something of pg_cron's, if it is in this database.
CREATE FUNCTION tplus._has_cron() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') $$;

-- The database of pg_cron; null: not loaded; '?': the caller may not know.
CREATE FUNCTION tplus._cron_database() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN current_setting('cron.database_name', true);
EXCEPTION WHEN insufficient_privilege THEN
  RETURN '?';
END
$$;

-- To be called where there is pg_cron.
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

-- A job has the name of a role, and keeps it when that is renamed.
CREATE FUNCTION tplus._check_job(d tplus.sync_definition) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  is_there boolean;
BEGIN
  EXECUTE 'SELECT EXISTS (SELECT FROM cron.job WHERE jobname = $1 AND username = $2)'
    INTO is_there USING 'tplus ' || d.name, pg_get_userbyid(d.owner);
  IF NOT is_there THEN
    RAISE WARNING 'pg_cron has no job of role "%" for sync "%"', pg_get_userbyid(d.owner), d.name USING
      HINT = format('If the role was renamed, the job has its old name. To take it away, as a superuser: SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L AND database = %L AND username <> %L;',
        'tplus ' || d.name, current_database(), pg_get_userbyid(d.owner));
  END IF;
END
$$;

CREATE FUNCTION tplus._unschedule(d tplus.sync_definition) RETURNS boolean
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
        'tplus ' || d.name, pg_get_userbyid(d.owner));
  ELSE
    PERFORM tplus._check_job(d);
    EXECUTE 'SELECT count(cron.unschedule(jobid)) FROM cron.job WHERE jobname = $1 AND username = $2'
      INTO n USING 'tplus ' || d.name, pg_get_userbyid(d.owner);
  END IF;
  RETURN n > 0;
END
$$;

CREATE FUNCTION tplus.schedule_sync(name text, schedule text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition := tplus._sync(schedule_sync.name);
  command text := format('CALL tplus.sync(%L)', d.name);
  elsewhere text := tplus._cron_database();
  job bigint;
BEGIN
  PERFORM tplus._check_size('schedule', schedule_sync.schedule, 1000);
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
      HINT = format('As role %s, run there: SELECT cron.schedule_in_database(%L, %L, %L, %L);',
        d.owner, 'tplus ' || d.name, schedule_sync.schedule, command, current_database());
  END IF;
  PERFORM tplus._check_cron();
  IF d.schedule IS NOT NULL THEN
    PERFORM tplus._check_job(d);
  END IF;
  EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job USING 'tplus ' || d.name, schedule_sync.schedule, command;
  PERFORM tplus._set_schedule(d.id, schedule_sync.schedule);
  RETURN job;
END
$$;

CREATE FUNCTION tplus.unschedule_sync(name text) RETURNS boolean
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
  PERFORM tplus._set_schedule(d.id, NULL);
  RETURN was;
END
$$;

-- The values that one field of a cron schedule stands for.
CREATE FUNCTION tplus._cron_field(field text, lo integer, hi integer) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  names constant text[] := ARRAY['jan','feb','mar','apr','may','jun','jul','aug','sep','oct','nov','dec'];
  days constant text[] := ARRAY['sun','mon','tue','wed','thu','fri','sat'];
  result integer[] := '{}';
  part text;
  m text[];
BEGIN
  field := lower(field COLLATE "C");
  FOR i IN 1 .. 12 LOOP
    field := CASE WHEN hi = 12 THEN replace(field, names[i], i::text)
                  WHEN hi = 7 AND i <= 7 THEN replace(field, days[i], (i - 1)::text) ELSE field END;
  END LOOP;
  FOREACH part IN ARRAY string_to_array(field, ',') LOOP
    m := regexp_match(part, '^(\*|\d{1,2})(?:-(\d{1,2}))?(?:/(\d{1,2}))?$');
    IF m IS NULL THEN
      RETURN NULL;
    END IF;
    result := result || ARRAY(SELECT generate_series(
      CASE m[1] WHEN '*' THEN lo ELSE m[1]::integer END,
      coalesce(m[2]::integer, CASE WHEN m[1] = '*' OR m[3] IS NOT NULL THEN hi ELSE m[1]::integer END),
      greatest(coalesce(m[3]::integer, 1), 1)));
  END LOOP;
  RETURN ARRAY(SELECT DISTINCT unnest(result));
END
$$;

-- When a schedule of pg_cron comes next, which counts in GMT; null if it says
-- so in a way that this does not know.
CREATE FUNCTION tplus._next_run(schedule text, after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- Of one that is longer, nothing is looked at.
  f text[] := CASE WHEN octet_length(schedule) <= 1000 THEN regexp_split_to_array(btrim(schedule), '\s+') END;
  minutes integer[];
  hours integer[];
  dom integer[];
  months integer[];
  dow integer[];
  day timestamp;
  result timestamp;
BEGIN
  IF cardinality(f) = 2 AND f[1] ~ '^\d{1,9}$' AND f[2] ~ '^seconds?$' THEN
    RETURN after + f[1]::integer * interval '1 second';
  ELSIF cardinality(f) IS DISTINCT FROM 5 THEN
    RETURN NULL;
  END IF;
  minutes := tplus._cron_field(f[1], 0, 59);
  hours := tplus._cron_field(f[2], 0, 23);
  dom := tplus._cron_field(f[3], 1, 31);
  months := tplus._cron_field(f[4], 1, 12);
  dow := tplus._cron_field(f[5], 0, 7);
  FOR n IN 0 .. 1500 LOOP
    day := date_trunc('day', after AT TIME ZONE 'UTC') + n * interval '1 day';
    CONTINUE WHEN NOT extract(month FROM day) = ANY (months);
    -- As in cron, a day fits by either field if both say something.
    CONTINUE WHEN NOT CASE WHEN f[3] LIKE '*%' OR f[5] LIKE '*%'
      THEN extract(day FROM day) = ANY (dom) AND (extract(dow FROM day) = ANY (dow) OR extract(isodow FROM day) = ANY (dow))
      ELSE extract(day FROM day) = ANY (dom) OR extract(dow FROM day) = ANY (dow) OR extract(isodow FROM day) = ANY (dow) END;
    SELECT min(day + h * interval '1 hour' + m * interval '1 minute') INTO result
      FROM unnest(hours) h, unnest(minutes) m
     WHERE day + h * interval '1 hour' + m * interval '1 minute' > after AT TIME ZONE 'UTC';
    IF result IS NOT NULL THEN
      RETURN result AT TIME ZONE 'UTC';
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

-- Synchronising: what is going on

CREATE VIEW tplus.sync_run WITH (security_invoker = true) AS
  SELECT l.run, l.sync, l.kind, l.cause,
         CASE WHEN l.status = 'running' AND l.pid IS DISTINCT FROM tplus._running_pid(d.id)
              THEN 'crashed' ELSE l.status END AS status,
         l.started, l.ended, l.window_from, l.window_to, l.pid, l.requests,
         l.rows_read, l.rows_inserted, l.rows_updated, l.rows_unchanged, l.rows_deleted, l.rows_failed,
         l.sqlstate, l.message, l.detail, l.hint, l.context
    FROM tplus.sync_log l JOIN tplus.sync_definition d ON d.name = l.sync;

COMMENT ON VIEW tplus.sync_run IS 'history of runs; prune it with tplus.prune_history()';

CREATE VIEW tplus.sync_progress WITH (security_invoker = true) AS
  SELECT l.sync, l.run, p.pid, l.kind, p.phase, p.started, p.requests, p.pages, p.rows, p.expected AS rows_expected,
         round((p.rows / greatest(extract(epoch FROM clock_timestamp() - p.started), 0.001))::numeric, 1) AS rows_per_second,
         CASE WHEN p.phase = 'reading' AND p.rows > 0 AND p.expected >= p.rows AND p.expected / p.rows < 100000
              THEN p.started + (clock_timestamp() - p.started) * (p.expected::double precision / p.rows) END AS estimated_end
    FROM tplus._progress() p JOIN tplus.sync_log l ON l.run = p.run;

COMMENT ON VIEW tplus.sync_progress IS 'runs under way; estimated_end is that of reading, judged by the run before';

-- Looks the source up in the catalog: whoever may see a sync may lack the rights
-- that a regclass needs.
CREATE FUNCTION tplus._cursor_is_time(source text, cursor_column name) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.type IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, tplus._columns(c.oid) k
   WHERE format('%I.%I', n.nspname, c.relname) = source AND k.name = cursor_column
$$;

CREATE VIEW tplus.sync_status WITH (security_invoker = true) AS
  SELECT d.name AS sync, pg_get_userbyid(d.owner) AS owner, d.source, d.target,
         CASE WHEN EXISTS (SELECT FROM tplus.alert a
                            WHERE a.kind = 'monthly_requests' AND a.resolved IS NULL AND a.owner = d.owner
                              AND (a.sync = d.name OR a.sync IS NULL AND a.server = tplus._server_of(d.source))) THEN 'out of requests'
              WHEN o.status IN ('failed', 'crashed') THEN 'failing'
              WHEN d.stale_after > '0' AND now() - coalesce(w.started, d.created) > d.stale_after THEN 'stale'
              WHEN j.rejects > 0 THEN 'rejects'
              WHEN o.status IS NULL THEN 'never ran'
              ELSE 'ok' END AS health,
         w.ended AS last_success, now() - w.started AS lag,
         r.run AS last_run, r.status AS last_status,
         CASE WHEN o.status <> 'succeeded' THEN o.message END AS last_error,
         d.cursor_column, c.value AS cursor, c.last_full,
         CASE WHEN d.full_every > '0' THEN c.last_full + d.full_every END AS next_full,
         d.schedule, tplus._next_run(d.schedule, now()) AS next_run,
         w.rows_kept AS rows, j.rejects,
         CASE WHEN d.cursor_column IS NULL THEN 'no cursor: every run reads everything'
              WHEN c.nulls AND c.value NOT LIKE '________________' THEN 'some records have no cursor value: every run reads everything'
              WHEN tplus._cursor_is_time(d.source, d.cursor_column) THEN 'edits are found by full runs only, because the cursor does not move with them'
         END AS note,
         f.rows_not_own,
         r.requests AS last_requests, p.requests_per_run, m.requests_per_month
    FROM tplus.sync_definition d
    LEFT JOIN LATERAL (SELECT * FROM tplus.sync_run x WHERE x.sync = d.name AND x.status <> 'skipped' ORDER BY x.run DESC LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT * FROM tplus.sync_run x WHERE x.sync = d.name AND x.status NOT IN ('skipped', 'running') ORDER BY x.run DESC LIMIT 1) o ON true
    LEFT JOIN LATERAL (SELECT * FROM tplus.sync_log x WHERE x.sync = d.name AND x.status = 'succeeded' AND x.kind <> 'resync' ORDER BY x.run DESC LIMIT 1) w ON true
    LEFT JOIN LATERAL (SELECT x.rows_not_own FROM tplus.sync_log x WHERE x.sync = d.name AND x.status = 'succeeded' AND x.kind = 'full' ORDER BY x.run DESC LIMIT 1) f ON true
    LEFT JOIN LATERAL (SELECT * FROM tplus.sync_cursor x WHERE x.sync = d.name ORDER BY x.run DESC LIMIT 1) c ON true
    LEFT JOIN LATERAL (SELECT count(*) AS rejects FROM tplus.sync_reject x WHERE x.sync = d.name) j ON true
    LEFT JOIN LATERAL (SELECT round(avg(y.requests), 1) AS requests_per_run
                         FROM (SELECT x.requests FROM tplus.sync_log x
                                WHERE x.sync = d.name AND x.status = 'succeeded' AND x.kind <> 'resync'
                                ORDER BY x.run DESC LIMIT 10) y) p ON true
    LEFT JOIN LATERAL (SELECT round(sum(x.requests) * 30 * 86400 / extract(epoch FROM greatest(now() - min(x.started), interval '1 day'))) AS requests_per_month
                         FROM tplus.sync_log x
                        WHERE x.sync = d.name AND x.started > now() - interval '7 days') m ON true;

COMMENT ON COLUMN tplus.sync_status.last_requests IS
  'requests of the last run, those for tokens and those that came to nothing included';
COMMENT ON COLUMN tplus.sync_status.requests_per_run IS
  'average of the last 10 runs that succeeded';
COMMENT ON COLUMN tplus.sync_status.requests_per_month IS
  'of 30 days, at the pace of the last 7 days; a sync that is younger than a day counts as if it were a day old';

COMMENT ON VIEW tplus.sync_status IS 'how each sync fares';

GRANT SELECT ON tplus.sync_run, tplus.sync_progress, tplus.sync_status TO PUBLIC;

CREATE FUNCTION tplus.check_syncs(token_within interval DEFAULT '3 days') RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d tplus.sync_definition;
  t record;
  told integer := 0;
  last_success timestamptz;
BEGIN
  FOR d IN SELECT x.* FROM tplus.sync_definition x
            WHERE x.owner = tplus._current_role() OR tplus._is_superuser(tplus._current_role())
  LOOP
    PERFORM tplus._keep_hold(d);
    told := told + (tplus._mark_crashed(d) > 0)::integer;
    SELECT max(l.started) INTO last_success FROM tplus.sync_log l
     WHERE l.sync = d.name AND l.status = 'succeeded' AND l.kind <> 'resync';
    IF d.stale_after > '0' AND now() - coalesce(last_success, d.created) > d.stale_after THEN
      told := told + tplus._alert(d.name, NULL, d.owner, 'stale',
        format('sync "%s" has not succeeded %s', d.name, coalesce('since ' || date_trunc('second', last_success), 'yet')),
        jsonb_build_object('seconds', extract(epoch FROM now() - coalesce(last_success, d.created))::bigint))::integer;
    END IF;
  END LOOP;
  PERFORM tplus._resolve_alerts(ARRAY(SELECT a.id FROM tplus.alert a
    WHERE a.kind = 'monthly_requests' AND a.sync IS NULL AND a.owner = tplus._current_role() AND a.resolved IS NULL
      AND coalesce(tplus._requests_left(a.server) > 0, true)));
  FOR t IN SELECT s.server, min(s.refresh_expires_at) AS ends, bool_or(s.state = 'failed') AS failed
             FROM tplus.token_status s GROUP BY s.server LOOP
    IF t.failed THEN
      told := told + tplus._alert(NULL, t.server, tplus._current_role(), 'token',
        format('the token of server "%s" cannot be renewed. If T+ refuses it, which tplus.token_status tells, authorize the application again: somebody of the enterprise has to allow it in the browser; then call tplus.authorize(), or set the new refresh_token with ALTER USER MAPPING', t.server))::integer;
    ELSIF t.ends < now() + token_within THEN
      told := told + tplus._alert(NULL, t.server, tplus._current_role(), 'token',
        format('the refresh token of server "%s" ends at %s; renew it with tplus.refresh_token(), or authorize again', t.server, date_trunc('second', t.ends)),
        jsonb_build_object('seconds', extract(epoch FROM t.ends - now())::bigint))::integer;
    ELSE
      PERFORM tplus._resolve_alerts(ARRAY(SELECT a.id FROM tplus.alert a
        WHERE a.server = t.server AND a.owner = tplus._current_role() AND a.kind = 'token' AND a.resolved IS NULL));
    END IF;
  END LOOP;
  RETURN told;
END
$$;

CREATE FUNCTION tplus.prune_history(older_than interval DEFAULT '90 days') RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT tplus._prune(older_than) $$;

COMMENT ON FUNCTION tplus.create_sync(text, regclass, regclass, text, jsonb, text, text, interval, text, text, interval, interval, text, integer, numeric, text, boolean) IS
  'defines a sync that copies a source into a table';
COMMENT ON FUNCTION tplus.alter_sync(text, regclass, regclass, text, jsonb, text, text, interval, text, text, interval, interval, text, integer, numeric, text, boolean) IS
  'changes a sync; what is left out stays';
COMMENT ON FUNCTION tplus.drop_sync(text) IS 'forgets a sync, with its history; the target stays';
COMMENT ON PROCEDURE tplus.sync(text, boolean) IS 'runs a sync; with full, everything is read and compared';
COMMENT ON PROCEDURE tplus.resync(text, timestamptz, timestamptz, text) IS
  'runs a sync for records of a window in time, once more';
COMMENT ON FUNCTION tplus.sync_preview(text, boolean) IS 'what a run would do now; changes nothing';
COMMENT ON FUNCTION tplus.schedule_sync(text, text) IS 'lets pg_cron run a sync; returns the job';
COMMENT ON FUNCTION tplus.unschedule_sync(text) IS 'takes a sync from pg_cron';
COMMENT ON FUNCTION tplus.check_syncs(interval) IS
  'raises alerts for syncs that are stale or crashed and refresh tokens that end; returns how many are new';
COMMENT ON FUNCTION tplus.prune_history(interval) IS 'deletes old runs and resolved alerts; returns how many';

-- Whatever a session may have set, as its role or database does: what is done
-- here does not depend on it.  Texts are written and read in one way; tables
-- are those of PostgreSQL; a string is what it is.  Functions that policies call
-- for each row need none of it; one that the caller's clock matters to keeps his
-- time zone.
DO $settings$
DECLARE
  settings constant jsonb := $${
    "standard_conforming_strings": "on", "transform_null_equals": "off", "array_nulls": "on",
    "quote_all_identifiers": "off", "row_security": "on",
    "DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "TimeZone": "UTC", "extra_float_digits": "1",
    "bytea_output": "hex", "xmlbinary": "base64", "xmloption": "content", "lc_numeric": "C",
    "default_table_access_method": "heap", "plpgsql.extra_errors": "none"
  }$$;
  f record;
  setting record;
BEGIN
  FOR f IN
    SELECT p.oid::pg_catalog.regprocedure AS function, p.proname IN ('_begin_run', 'check_syncs') AS keeps_time_zone
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
     WHERE p.pronamespace = 'tplus'::pg_catalog.regnamespace AND l.lanname IN ('sql', 'plpgsql')
       AND p.proconfig IS NOT NULL AND p.proname <> '_may_see'
  LOOP
    FOR setting IN SELECT * FROM pg_catalog.jsonb_each_text(settings) AS s(name, value)
                    WHERE NOT (f.keeps_time_zone AND s.name = 'TimeZone') LOOP
      EXECUTE pg_catalog.format('ALTER FUNCTION %s SET %s = %L', f.function, setting.name, setting.value);
    END LOOP;
  END LOOP;
END
$settings$;
