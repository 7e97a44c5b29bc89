package TplusCombosModel;

=pod

=head1 NAME

TplusCombosModel - what a sync promises, in plain SQL

=head1 SYNOPSIS

  $session->query(TplusCombosModel::sql());
  SELECT model.start('first', options);       -- the sync is defined
  SELECT model.check('incremental', NULL, NULL, 'ok');

Written from the documentation.  A case has two views: C<model.want>, the
records of the source with the row that each is to be, and C<model.have>, the
target.  C<model.check> is called after each run with what was asked for and
how the call ended; it says in words what is wrong, and else nothing.

=cut

use strict;
use warnings;

sub sql
{
	return <<'SQL';
CREATE SCHEMA model;
CREATE TABLE model.base (id bigint, code text, name text, note text, day date, stamp timestamp, at timestamptz, amount text, ts text);
CREATE VIEW model.want AS SELECT id, '' AS key, '{}'::jsonb AS body, true AS passes, false AS unfit, false AS refused, ts, day, stamp, at FROM model.base;
CREATE VIEW model.have AS SELECT '' AS key, '{}'::jsonb AS body, '' AS extra, false AS marked;
CREATE TABLE model.pending (key text COLLATE "C");
CREATE TABLE model.seen (ts text, day date, stamp timestamp, at timestamptz);
CREATE TABLE model.made (key text COLLATE "C" PRIMARY KEY, body jsonb, extra text, marked boolean);
CREATE TABLE model.own (key text COLLATE "C" PRIMARY KEY);
CREATE TABLE model.state (sync text, o jsonb, successes integer DEFAULT 0, changed boolean DEFAULT false,
  cursor text, newest bigint, ran bigint DEFAULT 0);

-- o: the options of the case.
CREATE FUNCTION model.start(sync text, o jsonb) RETURNS void LANGUAGE sql AS $$
  TRUNCATE model.made, model.own, model.state, model.pending, model.seen;
  INSERT INTO model.state (sync, o) VALUES (sync, o);
  INSERT INTO model.made SELECT * FROM model.have;
  INSERT INTO model.own SELECT key FROM model.made WHERE o ->> 'adopt' = 'true';
$$;

-- An option was changed; those that may bring other records ask for a full run.
CREATE FUNCTION model.alter(o jsonb) RETURNS void LANGUAGE sql AS $$
  UPDATE model.state s SET o = s.o || $1, changed = s.changed OR $1 ?| '{cursor,mode}';
  INSERT INTO model.own SELECT key FROM model.made WHERE $1 ->> 'adopt' = 'true' ON CONFLICT DO NOTHING;
$$;

-- May a run that was asked to be incremental be the kind that it was?
CREATE FUNCTION model.wrong_kind(s model.state, kind text, clash boolean) RETURNS text LANGUAGE sql AS $$
  SELECT CASE
    WHEN kind = 'incremental' AND must THEN 'incremental, although everything had to be read'
    WHEN kind = 'full' AND NOT must AND NOT may THEN 'full, although nothing asked for it' END
  FROM (SELECT s.successes = 0 OR s.changed OR s.o ->> 'cursor' = ''
                 OR (NOT EXISTS (SELECT FROM model.have) AND EXISTS (SELECT FROM model.own)) AS must,
               s.cursor IS NULL OR clash
                 OR (s.o ->> 'cursor' = 'ts' AND NOT EXISTS (SELECT FROM model.want WHERE id = s.newest)) AS may) x
$$;

-- What the run had to read.
CREATE FUNCTION model.reads(s model.state, kind text, lo date, hi date) RETURNS SETOF model.want LANGUAGE sql AS $$
  SELECT w FROM model.want w
   WHERE CASE WHEN kind = 'full' THEN true
     WHEN s.o ->> 'on_error' = 'quarantine' AND key IN (SELECT p.key FROM model.pending p) THEN true
     WHEN kind = 'resync' THEN day >= lo AND day < hi
     ELSE CASE s.o ->> 'cursor' WHEN 'ts' THEN s.o ->> 'lag' <> '0' OR s.cursor IS NULL OR ts COLLATE "C" > s.cursor
                WHEN 'day' THEN day IS NULL OR day >= (s.cursor::timestamp - (s.o ->> 'lag')::interval)::date
                WHEN 'at' THEN at IS NULL OR at >= s.cursor::timestamptz - (s.o ->> 'lag')::interval
                WHEN 'stamp' THEN stamp IS NULL OR stamp >= s.cursor::timestamp - (s.o ->> 'lag')::interval END END
$$;

-- Of the last run.
CREATE TABLE model.read AS SELECT * FROM model.want;
CREATE TABLE model.write AS SELECT key, body, refused, false AS is_new FROM model.want;
CREATE TABLE model.gone AS SELECT key FROM model.want;
CREATE TABLE model.clash AS SELECT code FROM model.base;
CREATE TABLE model.rejected AS SELECT key FROM model.want;

-- Errors that the run may end with; none: it has to succeed.
CREATE FUNCTION model.errors(s model.state, kind text) RETURNS text[] LANGUAGE sql AS $$
  SELECT array_remove(ARRAY[
    CASE WHEN stop AND EXISTS (SELECT FROM model.read WHERE passes AND unfit) THEN '22P02' END,
    CASE WHEN stop AND EXISTS (SELECT FROM model.write WHERE refused) THEN '23514' END,
    CASE WHEN EXISTS (SELECT FROM model.read WHERE passes AND NOT unfit GROUP BY key HAVING count(*) > 1) THEN '21000' END,
    CASE WHEN stop AND EXISTS (SELECT FROM model.clash) THEN '23505' END,
    CASE WHEN kind = 'full' AND has_own AND NOT EXISTS (SELECT FROM model.read) THEN '55000' END,
    CASE WHEN kind = 'full' AND s.o ->> 'mode' = 'upsert' AND lim < 1 AND s.successes > 0 AND EXISTS (
      SELECT FROM unnest('{code,name,note,amount}'::text[]) f
       WHERE NOT EXISTS (SELECT FROM model.read WHERE passes AND NOT unfit AND body ->> f IS NOT NULL)
         AND 1 < (SELECT count(*) FROM model.write w JOIN model.made m USING (key) WHERE w.body ? f AND m.body ->> f IS NOT NULL))
      THEN '55000' END,
    CASE WHEN (SELECT count(*) FROM model.gone) > lim * (SELECT count(*) FROM model.own) THEN '55000' END], NULL)
  FROM (SELECT s.o ->> 'on_error' = 'stop' AS stop, EXISTS (SELECT FROM model.own) AS has_own,
               (s.o ->> 'delete_limit')::numeric AS lim) x
$$;

-- What is to be written, and what to go, of what was read.
CREATE FUNCTION model.plan(s model.state, this_run bigint, kind text, lo date, hi date) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE model.read, model.write, model.gone, model.clash, model.rejected;
  INSERT INTO model.read SELECT * FROM model.reads(s, kind, lo, hi);
  INSERT INTO model.rejected SELECT r.key FROM tplus.sync_reject r WHERE r.sync = s.sync AND r.run = this_run;
  -- Rows that differ, or come back; rows that are there stay with mode insert.
  INSERT INTO model.write
    SELECT r.key, r.body, r.refused, m.key IS NULL AS is_new FROM model.read r LEFT JOIN model.made m USING (key)
     WHERE r.passes AND NOT r.unfit
       AND (m.key IS NULL OR (s.o ->> 'mode' = 'upsert' AND (m.marked OR NOT m.body @> r.body)));
  INSERT INTO model.gone
    SELECT m.key FROM model.made m JOIN model.own o USING (key)
     WHERE kind = 'full' AND s.o ->> 'deletes' <> 'ignore' AND NOT m.marked
       AND m.key NOT IN (SELECT w.key FROM model.want w);
  -- Codes that two rows would have in the end, without what was rejected.
  INSERT INTO model.clash
    SELECT x.code FROM (
      SELECT coalesce(w.body, m.body) ->> 'code' AS code, w.key IS NULL AND m.marked AS marked
        FROM model.made m FULL JOIN (SELECT * FROM model.write w WHERE w.key NOT IN (SELECT j.key FROM model.rejected j WHERE j.key IS NOT NULL)) w USING (key)
       WHERE NOT coalesce(m.key IN (SELECT g.key FROM model.gone g) AND s.o ->> 'deletes' = 'delete', false)
         AND (s.o ->> 'unique' <> 'partial' OR NOT coalesce(w.key IS NULL AND (m.marked OR m.key IN (SELECT g.key FROM model.gone g)), false))) x
     WHERE s.o ->> 'unique' <> 'none' GROUP BY x.code HAVING count(*) > 1;
END
$$;

CREATE FUNCTION model.difference() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(x::text, ' ') FROM (
    (SELECT 'missing', m.* FROM (TABLE model.made EXCEPT TABLE model.have) m) UNION ALL
    (SELECT 'extra', h.* FROM (TABLE model.have EXCEPT TABLE model.made) h) LIMIT 5) x
$$;

CREATE FUNCTION model.keep(s model.state) RETURNS void LANGUAGE sql AS $$
  INSERT INTO model.made SELECT w.key, w.body, 'mine', false FROM model.write w WHERE w.is_new
    AND w.key NOT IN (SELECT r.key FROM model.rejected r WHERE r.key IS NOT NULL);
  UPDATE model.made m SET body = m.body || w.body, marked = false FROM model.write w
   WHERE w.key = m.key AND NOT w.is_new AND w.key NOT IN (SELECT r.key FROM model.rejected r WHERE r.key IS NOT NULL);
  INSERT INTO model.own SELECT w.key FROM model.write w WHERE w.key NOT IN (SELECT r.key FROM model.rejected r WHERE r.key IS NOT NULL)
    ON CONFLICT DO NOTHING;
  UPDATE model.made SET marked = true WHERE s.o ->> 'deletes' = 'mark' AND key IN (SELECT key FROM model.gone);
  DELETE FROM model.made WHERE s.o ->> 'deletes' = 'delete' AND key IN (SELECT key FROM model.gone);
  DELETE FROM model.own WHERE s.o ->> 'deletes' = 'delete' AND key IN (SELECT key FROM model.gone);
$$;

-- Records may only be rejected for a reason that an INSERT of them would show.
CREATE FUNCTION model.wrong_rejects(s model.state) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(x, '; ') FROM (
  SELECT 'not rejected: ' || string_agg(r.key, ' ') FROM model.read r
   WHERE r.passes AND r.unfit AND r.key NOT IN (SELECT coalesce(j.key, '') FROM model.rejected j)
  UNION ALL
  SELECT 'rejected without need: ' || string_agg(coalesce(j.key, '?'), ' ') FROM model.rejected j
   WHERE NOT EXISTS (SELECT FROM model.read r WHERE r.passes AND r.unfit AND r.key IS NOT DISTINCT FROM j.key)
     AND NOT EXISTS (SELECT FROM model.write w WHERE w.key = j.key AND (w.refused OR (s.o ->> 'unique' <> 'none' AND EXISTS (
           SELECT FROM model.made m WHERE m.key <> j.key AND m.body ->> 'code' = w.body ->> 'code'
              AND (s.o ->> 'unique' <> 'partial' OR NOT m.marked)))))) AS y(x)
$$;

-- How many of what, as sync_run and sync_status tell.
CREATE FUNCTION model.wrong_counts(s model.state, r tplus.sync_run) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(format('%s is %s instead of %s', what, coalesce(told::text, 'null'), right_), ', ')
    FROM (SELECT (SELECT count(*) FROM model.write w WHERE w.key NOT IN (SELECT j.key FROM model.rejected j WHERE j.key IS NOT NULL) AND w.is_new) AS ins,
                 (SELECT count(*) FROM model.write w WHERE w.key NOT IN (SELECT j.key FROM model.rejected j WHERE j.key IS NOT NULL) AND NOT w.is_new) AS upd,
                 (SELECT count(*) FROM model.rejected) AS rejected,
                 (SELECT sum(greatest((SELECT count(*) FROM model.read d WHERE d.passes AND d.unfit AND d.key = j.key), 1)) FROM model.rejected j) AS failed,
                 -- Twins that cannot be stored are one reject, and none of them is unchanged.
                 (SELECT count(*) FROM model.read WHERE passes AND NOT unfit) - (SELECT count(*) FROM model.write) AS same) n,
         (SELECT * FROM tplus.sync_status t WHERE t.sync = s.sync) t,
         LATERAL (VALUES ('rows_inserted', r.rows_inserted, n.ins), ('rows_updated', r.rows_updated, n.upd),
           ('rows_deleted', r.rows_deleted, (SELECT count(*) FROM model.gone)), ('rows_failed', r.rows_failed, coalesce(n.failed, 0)),
           -- A version is read once more than it had to be.
           ('rows_unchanged', CASE WHEN s.o ->> 'cursor' = 'ts' AND r.kind = 'incremental' THEN n.same ELSE r.rows_unchanged END,
             n.same),
           ('rejects', t.rejects, CASE WHEN r.kind = 'full' THEN n.rejected ELSE t.rejects END),
           ('rows of sync_status', CASE WHEN r.kind = 'full' THEN t.rows ELSE (SELECT count(*) FROM model.own) END, (SELECT count(*) FROM model.own)),
           ('keys', (SELECT count(*) FROM tplus.sync_key k JOIN tplus.sync_definition d ON d.id = k.sync AND d.name = s.sync
                       JOIN model.own o ON o.key = k.key), (SELECT count(*) FROM model.own)),
           ('keys of others', (SELECT count(*) FROM tplus.sync_key k JOIN tplus.sync_definition d ON d.id = k.sync AND d.name = s.sync), (SELECT count(*) FROM model.own)),
           ('rows_not_own', CASE WHEN r.kind = 'full' THEN t.rows_not_own ELSE 0 END,
             CASE WHEN r.kind = 'full' THEN (SELECT count(*) FROM model.made m WHERE m.key NOT IN (TABLE model.own)) ELSE 0 END)) AS v(what, told, right_)
   WHERE told IS DISTINCT FROM right_
$$;

-- After a call: asked is the kind, state its SQLSTATE, "ok" if there was none.
CREATE FUNCTION model.check(asked text, lo date, hi date, state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  s model.state;
  r tplus.sync_run;
  e text[];
  wrong text;
BEGIN
  SELECT * INTO s FROM model.state;
  SELECT * INTO r FROM tplus.sync_run x WHERE x.sync = s.sync ORDER BY x.run DESC LIMIT 1;
  IF r.run IS NULL OR r.run <= s.ran THEN
    -- Which may have ended before it began.
    RETURN CASE WHEN asked <> 'aborted' THEN 'no run in the history: ' || state END;
  END IF;
  UPDATE model.state SET ran = r.run;
  IF EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory') OR EXISTS (SELECT FROM tplus.sync_progress) OR r.status NOT IN ('succeeded', 'failed') THEN
    RETURN 'something is left: ' || r.status;
  END IF;
  IF (r.status = 'failed') <> (state <> 'ok') OR r.sqlstate IS DISTINCT FROM nullif(state, 'ok') THEN
    RETURN format('the history tells %s %s of %s: %s', r.status, r.sqlstate, state, r.message);
  END IF;
  PERFORM model.plan(s, r.run, r.kind, lo, hi);
  e := model.errors(s, r.kind);
  -- What an incremental run fails with may be because it became a full one.
  IF state <> 'ok' AND NOT state = ANY (e) AND r.kind = 'incremental' THEN
    PERFORM model.plan(s, r.run, 'full', lo, hi);
    e := e || model.errors(s, 'full');
  END IF;
  IF state IN ('55P03', '57014') AND asked = 'aborted' THEN
    RETURN model.difference();
  ELSIF state <> 'ok' THEN
    RETURN concat_ws('; ', CASE WHEN NOT state = ANY (e) THEN format('fails with %s instead of %s: %s %s', state, e, r.message, r.detail) END, model.difference());
  ELSIF cardinality(e) > 0 THEN
    RETURN format('succeeds (%s) instead of %s', r.kind, e);
  END IF;
  wrong := concat_ws('; ', wrong, CASE WHEN asked IN ('incremental', 'aborted') THEN model.wrong_kind(s, r.kind, s.o ->> 'unique' <> 'none')
    WHEN asked <> r.kind THEN format('%s instead of %s', r.kind, asked) END);
  PERFORM model.keep(s);
  INSERT INTO model.seen SELECT w.ts, w.day, w.stamp, w.at FROM model.read w;
  TRUNCATE model.pending;
  INSERT INTO model.pending SELECT j.key FROM tplus.sync_reject j WHERE j.sync = s.sync;
  wrong := concat_ws('; ', nullif(wrong, ''), model.difference(), model.wrong_rejects(s), model.wrong_counts(s, r));
  IF r.kind <> 'resync' THEN
    UPDATE model.state x SET successes = x.successes + 1, changed = x.changed AND r.kind <> 'full',
      cursor = (SELECT t.cursor FROM tplus.sync_status t WHERE t.sync = s.sync),
      newest = (SELECT id FROM model.want w ORDER BY w.ts COLLATE "C" DESC NULLS LAST LIMIT 1);
    IF (SELECT cursor FROM model.state) COLLATE "C" > (SELECT max(CASE s.o ->> 'cursor' WHEN 'ts' THEN ts WHEN 'day' THEN to_char(day::timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US')
        WHEN 'stamp' THEN to_char(stamp, 'YYYY-MM-DD"T"HH24:MI:SS.US') WHEN 'at' THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END COLLATE "C") FROM model.seen) THEN
      wrong := concat_ws('; ', nullif(wrong, ''), 'the cursor is beyond what there was');
    END IF;
  END IF;
  RETURN wrong;
END
$$;
SQL
}

1;
