--
-- Syncs: unique values that move from record to record, and keys with nulls
--
\set ECHO none
\i test/lib/regress.sql
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA moves;
SET search_path = moves, public;
SELECT setseed(0.13);

CREATE TABLE base (id bigint, code text, name text, at timestamptz DEFAULT now());
CREATE VIEW run AS SELECT r.kind, r.status, r.rows_inserted AS ins, r.rows_updated AS upd, r.rows_deleted AS del,
  r.rows_failed AS bad, coalesce(r.message, r.cause) AS why FROM tplus.sync_run r ORDER BY r.run DESC LIMIT 1;

-- Codes are swapped, shifted and given to others at random, for each
-- way in which a table can be unique; after each run, the target is to be as the source.
CREATE PROCEDURE shuffle(target text, on_error text, deletes text, cursor text, INOUT wrong text)
LANGUAGE plpgsql AS $$
DECLARE
  difference text;
BEGIN
  TRUNCATE base;
  INSERT INTO base SELECT i, 'C' || i, 'name' FROM generate_series(1, 12) i;
  PERFORM tplus.create_sync('moved', 'base', target::regclass, on_error => on_error, deletes => deletes, cursor_column => cursor,
    delete_limit => 1, full_every => '0', lag => '0');
  COMMIT;
  CALL tplus.sync('moved');
  EXECUTE format('UPDATE %s SET note = ''of '' || id', target);
  COMMIT;
  FOR i IN 1 .. 4 LOOP
    IF deletes = 'delete' THEN
      DELETE FROM base WHERE id = (SELECT id FROM base ORDER BY random() LIMIT 1);
    END IF;
    WITH mixed AS (SELECT id, code, row_number() OVER (ORDER BY random()) AS n FROM base),
    moved AS (SELECT s.id, CASE WHEN i % 3 = 0 AND s.n = 4 THEN 'new' || i ELSE t.code END AS code
                FROM mixed s JOIN mixed t ON t.n = s.n % 4 + 1 WHERE s.n <= 4)
    UPDATE base b SET code = m.code, at = clock_timestamp() FROM moved m WHERE m.id = b.id;
    IF deletes = 'delete' THEN
      INSERT INTO base SELECT 100 + i, c, 'name', clock_timestamp() FROM (SELECT 'C' || x FROM generate_series(1, 12) x EXCEPT SELECT code FROM base) AS f(c) LIMIT 1;
    END IF;
    COMMIT;
    CALL tplus.sync('moved');
    EXECUTE format($q$SELECT string_agg(x::text, ' ') FROM ((SELECT id, code, name FROM base EXCEPT SELECT id, code, name FROM %1$s)
      UNION ALL (SELECT id, code, name FROM %1$s WHERE deleted_at IS NULL EXCEPT SELECT id, code, name FROM base)) x$q$, target) INTO difference;
    wrong := concat_ws('; ', wrong, difference);
  END LOOP;
  EXECUTE format('SELECT string_agg(id::text, '' '') FROM %s WHERE id <= 12 AND note IS DISTINCT FROM ''of '' || id OR id > 12 AND note <> ''ours''', target) INTO difference;
  wrong := concat_ws('; ', wrong, 'lost: ' || difference);
  EXECUTE format('SELECT ''keys'' FROM %s t FULL JOIN tplus.sync_key k ON k.key = t.id::text WHERE t.id IS NULL OR k.key IS NULL LIMIT 1', target) INTO difference;
  wrong := concat_ws('; ', wrong, difference, (SELECT string_agg(message, ' ') FROM tplus.sync_run WHERE status <> 'succeeded'),
    (SELECT string_agg(detail, ' ') FROM tplus.sync_reject));
  PERFORM tplus.drop_sync('moved');
  COMMIT;
END
$$;

CREATE TABLE plain (id bigint PRIMARY KEY, code text UNIQUE, name text, note text DEFAULT 'ours', deleted_at timestamptz,
  number integer GENERATED ALWAYS AS IDENTITY, short text GENERATED ALWAYS AS (lower(code)) STORED UNIQUE);
CREATE TABLE by_expression (LIKE plain INCLUDING ALL);
ALTER TABLE by_expression DROP COLUMN short;
CREATE UNIQUE INDEX ON by_expression (lower(code), (name || note)) WHERE id > 0;
CREATE UNIQUE INDEX ON by_expression (upper(code) COLLATE "C") NULLS NOT DISTINCT WHERE deleted_at IS NULL;
CREATE TABLE parted (id bigint, code text, name text, note text DEFAULT 'ours', deleted_at timestamptz, half bigint,
  PRIMARY KEY (half, id), UNIQUE (half, code)) PARTITION BY LIST (half);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES IN (0);
CREATE TABLE parted_1 (code text, id bigint NOT NULL, half bigint NOT NULL, name text, deleted_at timestamptz, note text DEFAULT 'ours');
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (1);
CREATE TABLE waiting (id bigint PRIMARY KEY, code text UNIQUE DEFERRABLE, name text, note text DEFAULT 'ours', deleted_at timestamptz);
CREATE TABLE child (id bigint REFERENCES waiting DEFERRABLE);
CREATE TABLE deferred (id bigint PRIMARY KEY, code text UNIQUE DEFERRABLE INITIALLY DEFERRED, name text, note text DEFAULT 'ours',
  deleted_at timestamptz, parent bigint REFERENCES deferred);
CREATE PROCEDURE shuffle_all() LANGUAGE plpgsql AS $$
DECLARE
  c record;
  wrong text;
BEGIN
  FOR c IN SELECT * FROM unnest('{plain,by_expression,waiting,deferred}'::text[]) AS target,
      (VALUES ('stop', 'delete', ''), ('quarantine', 'ignore', 'at')) AS k(on_error, deletes, cursor) LOOP
    EXECUTE format('TRUNCATE %s CASCADE', c.target);
    wrong := NULL;
    CALL shuffle(c.target, c.on_error, c.deletes, c.cursor, wrong);
    IF wrong <> '' THEN
      RAISE WARNING '%: %', c, wrong;
    END IF;
  END LOOP;
END
$$;
CALL shuffle_all();

-- within partitions
TRUNCATE base;
INSERT INTO base SELECT i, 'C' || i, 'name' FROM generate_series(1, 6) i;
SELECT tplus.create_sync('parted', 'base', 'parted', mapping => '{"half": "id % 2"}', cursor_column => '');
CALL tplus.sync('parted');
UPDATE parted SET note = 'of ' || id;
UPDATE base SET code = CASE id WHEN 1 THEN 'C3' WHEN 3 THEN 'C5' WHEN 5 THEN 'C1' WHEN 2 THEN 'C4' WHEN 4 THEN 'new' END WHERE id < 6;
CALL tplus.sync('parted');
SELECT tableoid::regclass, half, id, code, note FROM parted ORDER BY id;
SELECT * FROM run;

-- a key that refers to the whole hangs on its partitions
CREATE TABLE part_line (half bigint, item bigint, FOREIGN KEY (half, item) REFERENCES parted);
\set VERBOSITY terse
SELECT tplus.create_sync('bad', 'base', 'parted_1', mapping => '{"half": "1"}');
SELECT tplus.create_sync('bad', 'base', 'parted', mapping => '{"half": "1"}');
\set VERBOSITY default
DROP TABLE part_line;

-- what cannot be: an error, or quarantine, that names both
CREATE TABLE item (id bigint PRIMARY KEY, code text, name text CHECK (name <> 'bad'), deleted_at timestamptz, CONSTRAINT code UNIQUE (code));
SELECT tplus.create_sync('item', 'base', 'item', cursor_column => '');
CALL tplus.sync('item');
UPDATE base SET code = 'new' WHERE id = 6;
CALL tplus.sync('item');
INSERT INTO base VALUES (7, 'C3', 'name');
UPDATE base SET code = 'C6' WHERE id = 6;
CALL tplus.sync('item');
INSERT INTO item VALUES (-1, 'not its own');
UPDATE base SET code = 'not its own' WHERE id = 7;
CALL tplus.sync('item');
SELECT tplus.alter_sync('item', on_error => 'quarantine');
UPDATE base SET code = 'new' WHERE id = 6;
-- one that is bad keeps what others wait for, and these; not those that need nothing of it
UPDATE base SET code = CASE id WHEN 1 THEN 'C1' WHEN 3 THEN 'C3' WHEN 5 THEN 'C5' WHEN 2 THEN 'C2' WHEN 4 THEN 'C4' END,
  name = CASE id WHEN 3 THEN 'bad' ELSE 'good' END WHERE id < 6;
CALL tplus.sync('item');
SELECT * FROM run;
SELECT id, code, name FROM item ORDER BY id;
SELECT key, column_name, message, detail FROM tplus.sync_reject ORDER BY key;
UPDATE base SET name = 'good', code = CASE id WHEN 6 THEN 'C6' WHEN 7 THEN 'C7' ELSE code END;
CALL tplus.sync('item');
SELECT * FROM run;
SELECT id, code, name FROM item ORDER BY id;

-- the code of a record that is gone, which a run of what is new does not know
SELECT tplus.drop_sync('item');
DELETE FROM item WHERE id < 0;
SELECT tplus.create_sync('item', 'base', 'item', cursor_column => 'at', deletes => 'delete');
SELECT tplus.alter_sync('item', adopt => true);
CALL tplus.sync('item');
DELETE FROM base WHERE id = 7;
INSERT INTO base VALUES (8, 'C7', 'name');
CALL tplus.sync('item');
SELECT * FROM run;
-- or one that it does not see, because its date has not changed
UPDATE base SET code = 'C77', at = '2025-01-01' WHERE id = 8;
INSERT INTO base VALUES (9, 'C7', 'name');
SELECT tplus.alter_sync('item', deletes => 'mark');
CALL tplus.sync('item');
SELECT * FROM run;
DELETE FROM base WHERE id = 9;
INSERT INTO base VALUES (10, 'C7', 'name');
CALL tplus.sync('item');
ALTER TABLE item DROP CONSTRAINT code;
CREATE UNIQUE INDEX code ON item (code) WHERE deleted_at IS NULL;
CALL tplus.sync('item', "full" => true);
SELECT id, code, deleted_at IS NOT NULL AS gone FROM item WHERE id > 7 ORDER BY id;
CALL tplus.resync('item', '2020-01-01', NULL, 'at');
SELECT * FROM run;

-- where something hangs on the rows
CREATE TABLE line (item bigint REFERENCES item ON DELETE CASCADE);
SELECT tplus.create_sync('bad', 'base', 'item');
SELECT tplus.alter_sync('item', max_rejects => 50);
UPDATE base SET code = CASE id WHEN 1 THEN 'C2' ELSE 'C1' END WHERE id < 3;
CALL tplus.sync('item', "full" => true);
DROP INDEX code;
ALTER TABLE item ADD CONSTRAINT code UNIQUE (code, deleted_at);
SELECT tplus.create_sync('bad', 'base', 'item');
ALTER TABLE item DROP CONSTRAINT code, ADD CONSTRAINT code UNIQUE (code, deleted_at) DEFERRABLE;
CALL tplus.sync('item', "full" => true);
SELECT id, code FROM item WHERE id < 3 ORDER BY id;
DROP TABLE line;
DELETE FROM item WHERE id > 7;
ALTER TABLE item DROP CONSTRAINT code, ADD CONSTRAINT code UNIQUE (code);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touch();
SELECT tplus.create_sync('bad', 'base', 'item');
-- where values cannot move, nothing is asked for
SELECT tplus.create_sync('new only', 'base', 'item', mode => 'insert');
ALTER TABLE item DROP CONSTRAINT code, ADD CONSTRAINT code UNIQUE (code, id);
SELECT tplus.create_sync('with key', 'base', 'item', deletes => 'mark');
SELECT tplus.drop_sync(sync) FROM tplus.sync_status;

-- keys that can be null
TRUNCATE base;
INSERT INTO base (id, code, name) VALUES (1, 'one', 'a'), (2, NULL, 'b'), (3, '\N', 'c');
CREATE TABLE loose (code text UNIQUE, name text);
SELECT tplus.create_sync('bad', 'base', 'loose', key => 'code');
CREATE TABLE strict (code text UNIQUE NULLS NOT DISTINCT, name text);
CREATE TABLE strict_too (id bigint NOT NULL, code text, name text, UNIQUE NULLS NOT DISTINCT (id, code));
SELECT tplus.create_sync('strict', 'base', 'strict', key => 'code', cursor_column => '', deletes => 'delete', delete_limit => 1),
  tplus.create_sync('strict too', 'base', 'strict_too', key => 'id, code', cursor_column => '', deletes => 'delete', delete_limit => 1, on_error => 'quarantine');
CREATE PROCEDURE run_both() LANGUAGE plpgsql AS $$
BEGIN
  CALL tplus.sync('strict');
  CALL tplus.sync('strict too');
END
$$;
CALL run_both();
UPDATE base SET name = 'changed' WHERE id > 1;
CALL run_both();
TABLE strict ORDER BY code;
TABLE strict_too ORDER BY id;
DELETE FROM base WHERE id = 2;
CALL run_both();
SELECT sync, status, rows_inserted AS ins, rows_updated AS upd, rows_unchanged AS same, rows_deleted AS del FROM tplus.sync_run ORDER BY sync, run;
TABLE strict ORDER BY code;
INSERT INTO base (id, name) VALUES (4, 'd'), (5, 'e');
CALL tplus.sync('strict');
-- one that can be null by now
ALTER TABLE strict DROP CONSTRAINT strict_code_key, ADD UNIQUE (code);
CALL tplus.sync('strict');
SELECT tplus.alter_sync('strict', max_rejects => 10);
SELECT tplus.drop_sync(sync) FROM tplus.sync_status;

-- what was rejected is read again by other runs than full ones, whatever the key is made of
DELETE FROM base;
INSERT INTO base VALUES (1, 'one', 'bad', '2025-01-01'), (2, 'two', 'bad', '2025-01-02'), (3, 'three', 'good', '2025-01-09');
CREATE TABLE by_two (id bigint, code text, name text CHECK (name <> 'bad'), PRIMARY KEY (id, code));
CREATE TABLE by_made (k uuid PRIMARY KEY, code text, name text CHECK (name <> 'bad'));
CREATE TABLE by_null (k date, id bigint, name text CHECK (name <> 'bad'), UNIQUE NULLS NOT DISTINCT (k, id));
CREATE VIEW rejected AS SELECT sync, key FROM tplus.sync_reject ORDER BY sync, key;
SELECT tplus.create_sync('by two', 'base', 'by_two', cursor_column => 'at', lag => '0', full_every => '0', on_error => 'quarantine'),
  tplus.create_sync('by made', 'base', 'by_made', mapping => '{"k": "md5(id::text)::uuid"}', cursor_column => 'at', lag => '0', full_every => '0', on_error => 'quarantine'),
  tplus.create_sync('by null', 'base', 'by_null', key => 'k, id', mapping => '{"k": "CASE WHEN id > 1 THEN date ''2025-01-01'' + id::integer END"}',
    cursor_column => 'at', lag => '0', full_every => '0', on_error => 'quarantine');
CREATE PROCEDURE run_all() LANGUAGE plpgsql AS $$
BEGIN
  CALL tplus.sync('by two');
  CALL tplus.sync('by made');
  CALL tplus.sync('by null');
END
$$;
CALL run_all();
TABLE rejected;
UPDATE base SET name = 'mended' WHERE id = 1;
CALL run_all();
TABLE rejected;
UPDATE base SET name = 'mended too' WHERE id = 2;
CALL tplus.resync('by two', '2025-01-09', NULL, 'at');
CALL tplus.resync('by made', '2025-01-09', NULL, 'at');
CALL tplus.resync('by null', '2025-01-09', NULL, 'at');
TABLE rejected;
SELECT sync, kind, status, rows_read AS read, rows_inserted AS ins, rows_unchanged AS same, rows_failed AS bad FROM tplus.sync_run ORDER BY sync, run;
SELECT id, code, name FROM by_two ORDER BY id;
SELECT code, name FROM by_made ORDER BY code;
SELECT k IS NULL AS null, id, name FROM by_null ORDER BY id;

-- nothing of a sync is left where foreign keys do nothing; one of its name begins at the beginning
UPDATE base SET name = 'bad' WHERE id = 3;
CALL tplus.sync('by two', "full" => true);
SET session_replication_role = replica;
SELECT tplus.drop_sync(sync) FROM tplus.sync_status;
RESET session_replication_role;
SELECT (SELECT count(*) FROM tplus.sync_cursor) AS cursors, (SELECT count(*) FROM tplus.sync_reject) AS rejects,
  (SELECT count(*) FROM tplus.sync_run) AS runs, (SELECT count(*) FROM tplus.sync_key) AS keys, (SELECT count(*) FROM tplus.alert) AS alerts;
TRUNCATE by_two;
UPDATE base SET name = 'good';
SELECT tplus.create_sync('by two', 'base', 'by_two', cursor_column => 'at', lag => '0', full_every => '0');
CALL tplus.sync('by two');
SELECT * FROM run;
SELECT id, code, name FROM by_two ORDER BY id;
SELECT tplus.drop_sync(sync) FROM tplus.sync_status;
