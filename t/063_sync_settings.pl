# Syncs whatever a session, a role or a database has set, and however a run is
# ended: the same rows, the same keys, and nothing left behind.  Whose they are,
# when roles are renamed or dropped.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $node = PostgreSQL::Test::Cluster->new('settings');
$node->init;
$node->append_conf('postgresql.conf', "TimeZone = 'Asia/Shanghai'\nlog_min_error_statement = panic\n");
$node->start;

sub sql { return $node->safe_psql('postgres', @_) }

# psql as a role; returns (status, output, errors with SQLSTATE).
sub as
{
	my ($role, $statement) = @_;
	my ($out, $err) = ('', '');
	my $status = $node->psql('postgres', $statement, stdout => \$out, stderr => \$err,
		extra_params => [ '-U', $role, '-v', 'VERBOSITY=verbose' ]);
	return ($status, $out, $err);
}

# What no run leaves behind.
my $left = q{SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
  (SELECT count(*) FROM tplus.sync_run WHERE status = 'running'), (SELECT count(*) FROM tplus.sync_progress)};

sql(<<'SQL');
CREATE EXTENSION tplus_fdw;
CREATE ROLE etl LOGIN;
GRANT USAGE, CREATE ON SCHEMA public TO etl;
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR hostile.= (leftarg = text, rightarg = text, function = hostile.same);
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '1999-01-01' $$;
GRANT USAGE ON SCHEMA hostile TO etl;
SET ROLE etl;
CREATE TABLE source (day date, at timestamptz, long interval, share double precision, bytes bytea, name text, n integer);
INSERT INTO source SELECT date '2025-01-01' + i, timestamptz '2025-01-01 23:30+08' + i * interval '1 day',
  i * interval '-1 day 2 hours', i / 3.0, decode(lpad(to_hex(i), 4, '0'), 'hex'), E'a\\b' || i, i
  FROM generate_series(0, 11) i;
CREATE TABLE made (day date, at timestamptz, long interval, share double precision, bytes bytea,
  name text, was text, n integer, bad integer CHECK (bad <> 3), PRIMARY KEY (day, at, long, share, bytes));
CREATE TABLE expected AS SELECT day, at, long, share, bytes, 'a\b' || n AS name, day::timestamptz::text || at AS was, n
  FROM source WHERE name LIKE 'a\\b%' AND n <> 3;
CREATE FUNCTION define() RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  PERFORM tplus.create_sync('s', 'source', 'made', key => 'day, at, long, share, bytes', cursor_column => 'at',
    filter => $$name ~ '^a\\b\d'$$, on_error => 'quarantine', deletes => 'delete', delete_limit => 1, lag => '30 days',
    mapping => $${"name": "'a\\b' || n", "was": "day::timestamptz::text || at", "bad": "n"}$$);
END
$f$;
SQL

# --- Settings of a role --------------------------------------------------------

my @sessions = (
	{ default_transaction_isolation => 'repeatable read', DateStyle => 'SQL, MDY', IntervalStyle => 'sql_standard',
		TimeZone => 'America/New_York', extra_float_digits => -5, bytea_output => 'escape',
		standard_conforming_strings => 'off', search_path => 'hostile, pg_catalog, public',
		'plpgsql.variable_conflict' => 'use_variable' },
	{ default_transaction_isolation => 'serializable', default_transaction_deferrable => 'on', DateStyle => 'German, DMY',
		IntervalStyle => 'iso_8601', TimeZone => 'UTC', quote_all_identifiers => 'on', transform_null_equals => 'on',
		array_nulls => 'off', row_security => 'off', backslash_quote => 'off', search_path => "''",
		'plpgsql.extra_errors' => 'all', 'plpgsql.variable_conflict' => 'use_column' },
	{ DateStyle => 'Postgres, DMY', TimeZone => 'Asia/Tokyo', IntervalStyle => 'postgres_verbose', xmlbinary => 'hex',
		xmloption => 'document', client_encoding => 'GBK', check_function_bodies => 'off',
		plan_cache_mode => 'force_generic_plan', enable_hashjoin => 'off', enable_mergejoin => 'off',
		statement_timeout => '1min', lock_timeout => '1min', idle_in_transaction_session_timeout => '1min' });

# The first run under the usual settings.
is((as('etl', "SELECT define(); CALL tplus.sync('s')"))[2] =~ /ERROR/, '', 'the first run');
my $keys = q{SELECT count(*), md5(string_agg(key, '|' ORDER BY key)) FROM tplus.sync_key WHERE sync = 1};
my $seen = sql($keys);
like($seen, qr/^11\|/, 'eleven rows of twelve are stored');
my $difference = q{SELECT count(*) FROM (SELECT * FROM expected EXCEPT SELECT day, at, long, share, bytes, name, was, n FROM made) x};
is(sql($difference), '0', 'as they should be');

sql(<<'SQL');
CREATE TABLE known AS SELECT key FROM tplus.sync_key WHERE sync = 1;
CREATE FUNCTION new_key() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
  AS $$ SELECT key FROM tplus.sync_key WHERE sync = 1 EXCEPT SELECT key FROM public.known $$;
SQL
my $key = '["2025-02-03", "2025-02-02 20:05:00+00", "-1 days +02:00:00", "1.1", "\\\\x5c"]';

# All that a sync can do; each makes the row 77 and takes it away again.
sub check_session
{
	my ($what) = @_;
	my (undef, $out, $err) = as('etl', <<'SQL');
INSERT INTO public.source VALUES ('2025-02-03', '2025-02-03 04:05+08', '-1 day +02:00', 1.1, E'\\x5c', E'a\\b77', 77);
CALL tplus.sync('s');
SELECT 'key ' || public.new_key();
DELETE FROM public.source WHERE n = 77;
CALL tplus.sync('s', "full" => true);
CALL tplus.resync('s', '2025-01-03 00:00+08', '2025-01-06 00:00+08', 'at');
SELECT 'preview ' || action || rows FROM tplus.sync_preview('s', "full" => true) WHERE rows > 0;
SELECT tplus.alter_sync('s', lag => '30 days'), tplus.check_syncs();
SELECT 'locks ' || count(*) FROM pg_locks WHERE locktype = 'advisory';
SQL
	unlike($err, qr/ERROR|WARNING/, "$what: no error");
	like($out, qr/^key \Q$key\E\npreview insert1\npreview leave11\n.*locks 0$/s, 'the same text of a key, no difference, no lock');
	is(sql(q{SELECT string_agg(concat_ws(' ', kind, status, rows_read, rows_inserted, rows_updated, rows_deleted), ', ' ORDER BY run)
		FROM (SELECT * FROM tplus.sync_run ORDER BY run DESC LIMIT 3) r}),
		'incremental succeeded 13 1 0 0, full succeeded 12 0 0 1, resync succeeded 3 0 0 0', 'the runs did what they should');
	is(sql($keys), $seen, 'and the keys are the same');
	is(sql($difference), '0', 'and the rows');
	is(sql($left), '0|0|0', 'nothing is left');
	return;
}

for my $session (@sessions)
{
	sql("ALTER ROLE etl SET $_ = " . ($_ eq 'search_path' ? $session->{$_} : "'$session->{$_}'")) for sort keys %$session;
	check_session(join ', ', map { "$_ $session->{$_}" } sort keys %$session);
	sql('ALTER ROLE etl RESET ALL');
}

# A sync that is made under odd settings keeps the time zone, and how it reads
# dates; what it writes looks the same as ever.
is((as('etl', <<'SQL'))[2] =~ s/^.*NOTICE.*\n.*\n?//r, '', 'a sync made under other settings');
SET DateStyle = 'SQL, DMY';
SET standard_conforming_strings = off;
CREATE TABLE days (n integer PRIMARY KEY, day date, text text, at timestamptz);
SELECT tplus.create_sync('days', 'source', 'days', cursor_column => '',
  mapping => '{"day": "date ''02/03/2025'' + n", "text": "day", "at": "day"}');
SET DateStyle = 'ISO, MDY';
SET TimeZone = 'America/New_York';
CALL tplus.sync('days');
SQL
is(sql("SELECT min(day), min(text), min(at) = '2025-01-01 00:00+08' FROM days"), '2025-03-02|2025-01-01|t', 'is read as it was written');

# One that is made under a search_path that begins with others' operators, types
# and functions: they are for what its owner wrote alone.
sql(<<'SQL');
CREATE FUNCTION hostile.same(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR hostile.<= (leftarg = bigint, rightarg = bigint, function = hostile.same);
CREATE DOMAIN hostile.text AS integer CHECK (false);
CREATE DOMAIN hostile.date AS integer CHECK (false);
CREATE DOMAIN hostile.uuid AS integer CHECK (false);
SET ROLE etl;
CREATE TABLE few AS SELECT md5(n::text)::uuid AS id, day, n FROM source;
CREATE TABLE marked (id uuid PRIMARY KEY, n integer, code integer UNIQUE, deleted_at timestamptz);
SQL
is((as('etl', <<'SQL'))[2] =~ s/^.*NOTICE.*\n.*\n?//r, '', 'a sync made under a hostile search_path');
SET search_path = hostile, pg_catalog, public;
SELECT tplus.create_sync('hostile', 'few', 'marked', mapping => '{"code": "n"}', cursor_column => 'day', lag => '3 days',
  deletes => 'mark', delete_limit => 1, on_error => 'quarantine');
CALL tplus.sync('hostile');
UPDATE public.few SET n = CASE n WHEN 10 THEN 11 WHEN 11 THEN 10 ELSE n END;
DELETE FROM public.few WHERE id OPERATOR(pg_catalog.=) pg_catalog.md5('1')::pg_catalog.uuid;
CALL tplus.sync('hostile');
CALL tplus.sync('hostile', "full" => true);
SQL
is(sql(q{SELECT string_agg(concat_ws(' ', kind, rows_inserted, rows_updated, rows_deleted), ', ' ORDER BY run) FROM tplus.sync_run WHERE sync = 'hostile'}),
	'full 12 0 0, incremental 0 2 0, full 0 0 1', 'stores, moves values, and marks');
is(sql('SELECT count(*) FROM marked WHERE deleted_at > clock_timestamp() - interval \'1 hour\''), '1', 'with the time it is');

# Keys that are equal, but not the same bytes; columns whose collation is not
# that of the extension's tables.
sql(<<'SQL');
CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SET ROLE etl;
CREATE TABLE spelt (code text COLLATE "C", name text);
INSERT INTO spelt VALUES ('a', 'one'), ('b', 'two'), ('c', 'three'), ('d', 'bad');
CREATE TABLE once (code text COLLATE ci PRIMARY KEY, name text CHECK (name <> 'bad'));
INSERT INTO once VALUES ('B', 'before');
CREATE TABLE numbered (n numeric PRIMARY KEY, name text);
CREATE TABLE figures (n numeric, name text);
INSERT INTO figures VALUES (1.0, 'one'), (2, 'two');
CREATE TABLE listed (n integer[] PRIMARY KEY);
CREATE TABLE lists AS SELECT ARRAY[n] AS n FROM source;
SQL
is((as('etl', <<'SQL'))[2], '', 'keys whose spelling changes');
SELECT tplus.create_sync('once', 'spelt', 'once', cursor_column => '', deletes => 'delete', delete_limit => 1, on_error => 'quarantine', mapping => '{}');
SELECT tplus.create_sync('numbered', 'figures', 'numbered', cursor_column => '', deletes => 'delete', delete_limit => 1);
SELECT tplus.create_sync('listed', 'lists', 'listed', cursor_column => '', deletes => 'delete', delete_limit => 1);
CALL tplus.sync('once');
CALL tplus.sync('numbered');
CALL tplus.sync('listed');
UPDATE spelt SET code = 'A' WHERE code = 'a';
UPDATE figures SET n = 1.00 WHERE n = 1;
DELETE FROM lists WHERE n = '{3}';
CALL tplus.sync('once');
CALL tplus.sync('numbered');
CALL tplus.sync('listed');
SQL
is(sql(q{SELECT string_agg(code || ' ' || name, ', ' ORDER BY code COLLATE "C") FROM once}), 'A one, b two, c three', 'are written as they come');
is(sql(q{SELECT string_agg(k.key, ' ' ORDER BY k.key) FROM tplus.sync_key k JOIN tplus.sync_definition d ON d.id = k.sync WHERE d.name IN ('once', 'numbered')}),
	'1.00 2 A b c', 'and known as that');
is(sql(q{SELECT (SELECT string_agg(n::text, ' ' ORDER BY n) FROM numbered), (SELECT count(*) FROM listed)}), '1.00 2|11', 'numbers and arrays as well');
as('etl', q{DELETE FROM spelt WHERE code = 'A'; DELETE FROM figures WHERE n = 1; CALL tplus.sync('once'); CALL tplus.sync('numbered')});
is(sql(q{SELECT (SELECT string_agg(code, ' ' ORDER BY code) FROM once), (SELECT string_agg(n::text, ' ') FROM numbered)}), 'b c|2', 'so that their deletion is seen');

# A database whose language has other lower case and another order.
sql(q{CREATE DATABASE turkish TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-u-kn-true' LOCALE 'C.UTF-8'});
is($node->psql('turkish', <<'SQL', stdout => \my $rows, stderr => \my $words), 0, 'a Turkish database');
SET client_min_messages = warning;
CREATE EXTENSION tplus_fdw;
CREATE TABLE source (id integer, listing text);
INSERT INTO source SELECT i, 'x' FROM generate_series(1, 3) i;
CREATE TABLE made (id integer PRIMARY KEY, item text);
SELECT tplus.create_sync('s', 'source', 'made', cursor_column => '', mapping => '{"id": "ID", "item": "upper(LISTING)"}', on_error => 'quarantine');
CALL tplus.sync('s');
SELECT count(*), min(item), tplus._next_run('0 0 * * FRI', '2026-01-01') = '2026-01-02 00:00+00' FROM made;
SQL
is($rows =~ s/^\n//r, '3|X|t', 'reads names, and schedules, in any case');

# The window of a resync is what the caller's clock shows.
for my $session ([ 'SQL, MDY', 'Asia/Shanghai' ], [ 'German, DMY', 'America/New_York' ], [ 'ISO, YMD', 'Europe/Dublin' ])
{
	my ($style, $zone) = @$session;
	sql('TRUNCATE days');
	is((as('etl', "SET DateStyle = '$style'; SET TimeZone = '$zone'; CALL tplus.resync('days', '2025-01-03', '2025-01-05 00:00:00', 'day')"))[2], '',
		"a resync under $style and $zone");
	is(sql('SELECT array_agg(n ORDER BY n) FROM days'), '{2,3}', 'stores the two days');
}
is((as('etl', "TRUNCATE days; SET TimeZone = 'UTC'; CALL tplus.resync('days', '2025-01-03 15:00', '2025-01-05 15:30', 'at')"))[2], '',
	'a resync by a column with a time zone');
is(sql('SELECT array_agg(n ORDER BY n) FROM days'), '{2,3}', 'stores what lies between the two moments');

# --- Keys that version 1.0 wrote ------------------------------------------------

is((as('etl', <<'SQL'))[2], '', 'a sync by day');
CREATE TABLE dated (day date PRIMARY KEY);
SELECT tplus.create_sync('dated', 'source', 'dated', cursor_column => '', deletes => 'delete', delete_limit => 1);
CALL tplus.sync('dated');
INSERT INTO dated VALUES ('2025-02-01'), ('2025-03-01');
SQL

# Gives the sync the keys of a number of rows, as sessions of 1.0 wrote them;
# then T+ loses all but one.
sub old_keys
{
	my (@keys) = @_;
	sql("DELETE FROM tplus.sync_key USING tplus.sync_definition d WHERE d.name = 'dated' AND sync = d.id;
		INSERT INTO tplus.sync_key SELECT id, unnest('{" . join(',', @keys) . "}'::text[]) FROM tplus.sync_definition WHERE name = 'dated';
		UPDATE tplus.sync_definition SET key_texts = 1, time_zone = NULL, date_style = NULL WHERE name = 'dated'");
	return (as('etl', "BEGIN; CREATE TABLE kept AS TABLE source; COMMIT; DELETE FROM source WHERE n <> 11;
		CALL tplus.sync('dated'); INSERT INTO source SELECT * FROM kept WHERE n <> 11; DROP TABLE kept"))[2];
}

is(old_keys(map { "01/0$_/2025" } 1 .. 4), '', 'keys that one setting explains');
is(sql("SELECT string_agg(to_char(day, 'MM-DD'), ' ' ORDER BY day) FROM dated"),
	'01-05 01-06 01-07 01-08 01-09 01-10 01-11 01-12 02-01 03-01', 'are those of the rows that they meant');
is(sql("SELECT key_texts, time_zone, date_style FROM tplus.sync_definition WHERE name = 'dated'"),
	'2|Asia/Shanghai|ISO, MDY', 'and the settings are those of the database');
is(old_keys('2025-01-05', '06.01.2025', '01/02/2025', '01-03-2025'), '', 'keys that no one setting explains');
is(sql("SELECT string_agg(to_char(day, 'MM-DD'), ' ' ORDER BY day) FROM dated WHERE day < '2025-01-08' OR day > '2025-01-12'"),
	'01-07 02-01 03-01', 'are converted where they can be one row only');
is(sql("SELECT counts ->> 'keys' FROM tplus.alert WHERE sync = 'dated' AND kind = 'keys'"), '2', 'and an alert tells of the others');

# --- Ways out of a run -----------------------------------------------------------

sql(<<'SQL');
SET ROLE etl;
CREATE TABLE slow (n integer PRIMARY KEY);
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE TRIGGER wait AFTER INSERT ON slow EXECUTE FUNCTION wait();
SELECT tplus.create_sync('slow', 'source', 'slow', cursor_column => '');
CREATE TABLE failing (n integer PRIMARY KEY);
SELECT tplus.create_sync('failing', 'source', 'failing', cursor_column => '', mapping => '{"n": "1 / n"}');
SQL

# A session that lives on, so that a lock of it would.
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'etl', '-v', 'VERBOSITY=verbose' ], on_error_stop => 0);
my $pid = $session->query('SELECT pg_backend_pid()');

sub check_way_out
{
	my ($what, $call, $error, $meanwhile) = @_;
	$session->{stderr} = '';
	$session->{stdin} .= "$call;\n\\echo over\n\\warn over\n";
	if ($meanwhile)
	{
		$session->{run}->pump_nb;
		$meanwhile->();
	}
	$session->{run}->pump until $session->{stdout} =~ /^over$/m && $session->{stderr} =~ /^over$/m;
	$session->{stdout} = '';
	like($session->{stderr}, $error, $what);
	is(sql($left), '0|0|0', 'and nothing is left');
	return;
}

sub wait_for { ok($node->poll_query_until('postgres', $_[0]), $_[1]); return }

my $holder = $node->background_psql('postgres');
for my $timeout ('statement_timeout', 'lock_timeout')
{
	$holder->query_safe('BEGIN; LOCK TABLE tplus.sync_log IN SHARE MODE');
	check_way_out("$timeout before the run is in the history", "SET $timeout = '200ms';\nCALL tplus.sync('s');\nRESET $timeout",
		qr/ERROR:  (57014|55P03)/);
	$holder->query_safe('ROLLBACK');
}
check_way_out('a sync that is dropped while it runs', "CALL tplus.sync('slow')", qr/ERROR:  57014/, sub {
	wait_for("SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'PgSleep'", 'it waits');
	sql("SELECT tplus.drop_sync('slow'), pg_cancel_backend($pid)");
});
sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
	CREATE TRIGGER refuse BEFORE UPDATE ON tplus.sync_log EXECUTE FUNCTION refuse()});
check_way_out('a run whose end cannot be recorded', "CALL tplus.sync('failing')", qr/ERROR:  22012/);
is(sql("SELECT status FROM tplus.sync_run WHERE sync = 'failing'"), 'crashed', 'is said to have crashed');
sql('DROP TRIGGER refuse ON tplus.sync_log');
check_way_out('the next run', "CALL tplus.sync('failing')", qr/ERROR:  22012/);
is(sql("SELECT string_agg(status, ' ' ORDER BY run) FROM tplus.sync_log WHERE sync = 'failing'"), 'crashed failed', 'writes that down');
check_way_out('one that nobody may write', "SET default_transaction_read_only = on;\nCALL tplus.sync('s')", qr/ERROR:  25006/);

# A lock that lasts while the run looks whether it has to read everything, and
# not until it reads: whoever holds it goes when the run is in the history.
is((as('etl', q{CREATE TABLE held (n integer PRIMARY KEY, name text); SET client_min_messages = warning;
	SELECT tplus.create_sync('held', 'source', 'held', cursor_column => 'at', lag => '0'); CALL tplus.sync('held'); DELETE FROM held}))[2], '', 'a target that is emptied');
my $in_the_way = $holder->query_safe('BEGIN; LOCK TABLE held; SELECT pg_backend_pid()');
sql(qq{CREATE FUNCTION let_go() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM pg_terminate_backend($in_the_way, 60000); RETURN NEW; END \$\$;
	CREATE TRIGGER let_go BEFORE INSERT ON tplus.sync_log EXECUTE FUNCTION let_go()});
check_way_out('a lock in the way of the decision only', "RESET default_transaction_read_only;\nSET lock_timeout = '200ms';\nCALL tplus.sync('held');\nRESET lock_timeout", qr/^(?!.*ERROR)/s);
sql('DROP TRIGGER let_go ON tplus.sync_log');
is(sql("SELECT kind, cause, status, rows_inserted FROM tplus.sync_run WHERE sync = 'held' ORDER BY run DESC LIMIT 1"),
	'full|the target has been emptied|succeeded|12', 'does not make a run an incremental one');
$holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE held');
check_way_out('one that stays', "SET lock_timeout = '200ms';\nCALL tplus.sync('held');\nRESET lock_timeout", qr/ERROR:  55P03/);
is(sql("SELECT status, sqlstate FROM tplus.sync_run WHERE sync = 'held' ORDER BY run DESC LIMIT 1"), 'failed|55P03', 'ends the run with its error');
$_->quit for $session, $holder;
as('etl', "SELECT tplus.drop_sync('held')");
check_session('after all that');

# Twins that fail are two records, of which one reject is kept; what is read
# again of it counts as read.
is((as('etl', <<'SQL'))[2], '', 'twins that cannot be stored');
SET client_min_messages = warning;
CREATE TABLE pairs (n integer, day date, bad integer);
INSERT INTO pairs SELECT n, '2025-01-01'::date, n FROM generate_series(1, 4) n UNION ALL SELECT 3, '2025-01-01'::date, 3;
CREATE TABLE singles (n integer PRIMARY KEY, bad smallint);
SELECT tplus.create_sync('pairs', 'pairs', 'singles', cursor_column => 'day', lag => '0', on_error => 'quarantine', full_every => '0',
  mapping => '{"bad": "CASE bad WHEN 3 THEN 100000 ELSE bad END"}');
CALL tplus.sync('pairs');
INSERT INTO pairs VALUES (5, '2025-02-01', 5);
CALL tplus.sync('pairs');
INSERT INTO pairs VALUES (6, '2025-03-01', 6);
CALL tplus.sync('pairs');
SQL
is(sql("SELECT string_agg(concat_ws(' ', kind, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_failed), ', ' ORDER BY run) FROM tplus.sync_run WHERE sync = 'pairs'"),
	'full 5 3 0 0 2, incremental 6 1 0 3 2, incremental 4 1 0 1 2', 'count as what they are');
is(sql("SELECT count(*), max(attempts) FROM tplus.sync_reject WHERE sync = 'pairs'"), '1|6', 'as one reject');
as('etl', "SELECT tplus.drop_sync('pairs')");

# --- Roles that are renamed, or go -----------------------------------------------

sub quiet { return as($_[0], "SET client_min_messages = warning; $_[1]") }

my $me = sql('SELECT current_user');

# A name in SQL.
sub ident { return '"' . ($_[0] =~ s/"/""/gr) . '"' }

my $refuses = qr/ERROR:  2BP01: role ".*" cannot be dropped because some objects depend on it\nDETAIL:  privileges for column owner of table tplus.sync_definition/;
my $mine = 'SELECT (SELECT count(*) FROM tplus.sync_status), (SELECT count(*) FROM tplus.sync_run),
  (SELECT count(*) FROM tplus.sync_cursor), (SELECT count(*) FROM tplus.alert)';
my $define = "SELECT tplus.create_sync('%s', 'source', 'roles', key => 'n', cursor_column => 'at', deletes => 'delete', delete_limit => 1, lag => '1 day')";
sql('CREATE TABLE roles (n integer PRIMARY KEY, name text); GRANT ALL ON roles, source TO PUBLIC');

my $name = '12345';
sql("SET client_encoding = 'UTF8'; CREATE ROLE " . ident($name) . ' LOGIN');
is((quiet($name, sprintf($define, 'role') . "; CALL tplus.sync('role')"))[2], '', 'a role whose name looks like an OID makes a sync');
my $alter = q{SELECT tplus.alter_sync('role', mapping => '{"n": "1 / (n - 11)"}')};
like((quiet($name, "$alter; CALL tplus.sync('role')"))[2], qr/ERROR:  22012/, 'which fails when it is altered');
is((quiet($name, $mine))[1], '1|2|1|1', 'and has a history and an alert');

for my $next ('we"ird', 'Ümläut', '-', 'etl2')
{
	my ($old, $times) = ($name, sql('SELECT times FROM tplus.alert WHERE sync = \'role\''));
	$name = $next;
	sql('ALTER ROLE ' . ident($old) . ' RENAME TO ' . ident($name) . '; CREATE ROLE ' . ident($old) . ' LOGIN');
	is((quiet($name, $alter))[2], '', "$old, now $name, alters the sync");
	like((quiet($name, "CALL tplus.sync('role')"))[2], qr/ERROR:  22012/, 'runs it');
	is((quiet($name, 'SELECT owner FROM tplus.sync_status UNION ALL SELECT pg_get_userbyid(owner) || times FROM tplus.alert'))[1],
		"$name\n$name@{[ $times + 1 ]}",
		'sees it under the new name, and the one alert');
	is((quiet($old, $mine))[1], '0|0|0|0', 'a new role of the old name sees nothing');
	like((quiet($old, $_))[2], qr/ERROR:  42704: sync "role" does not exist/, "nor may it $_")
	  for "CALL tplus.sync('role')", "SELECT tplus.drop_sync('role')";
	like((quiet($me, "CALL tplus.sync('role')"))[2], qr/belongs to role "\Q$name\E"\n.*\nHINT:  Connect as (\Q@{[ ident($name) ]}\E|etl2|-),/, 'the error names the role');
	like((quiet($me, 'DROP ROLE ' . ident($name)))[2], $refuses, 'which cannot be dropped');
	sql('DROP ROLE ' . ident($old));
}

# Its last sync lets it go; somebody else's does not count.
is((quiet($name, sprintf($define, 'second') . "; SELECT tplus.drop_sync('role')"))[2], '', 'one sync of two is dropped');
like((quiet($me, "DROP ROLE $name"))[2], $refuses, 'and holds the role');
like((quiet($me, "BEGIN; SET ROLE $name; SELECT tplus.drop_sync('second'); RESET ROLE; ROLLBACK; DROP ROLE $name"))[2], $refuses, 'also if the drop of the last is undone');
as($name, "SELECT tplus.drop_sync('second')");
is((quiet($me, "DROP ROLE $name"))[2], '', 'the last one does not');
like((quiet($me, "BEGIN; CREATE ROLE brief; SET ROLE brief; @{[ sprintf $define, 'brief' ]}; RESET ROLE; DROP ROLE brief; COMMIT"))[2],
	qr/ERROR: .* role with OID \d+ does not exist/, 'nor is a sync made for a role that goes in the same transaction');

# DROP OWNED takes the grant.
sql("CREATE ROLE gone LOGIN; CREATE ROLE other LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor");
as('gone', sprintf($define, 'left') . '; ' . sprintf($define, 'left too') . "; CALL tplus.sync('left')");
sql('DROP OWNED BY gone');
is((quiet('gone', "CALL tplus.sync('left')"))[2], '', 'a run after DROP OWNED');
like((quiet($me, 'DROP ROLE gone'))[2], $refuses, 'makes the grant anew');
sql('DROP OWNED BY gone; SELECT tplus.check_syncs()');
like((quiet($me, 'DROP ROLE gone'))[2], $refuses, 'as does a check by a superuser');
my $oid = sql("SELECT 'gone'::regrole::oid");
sql("DROP OWNED BY gone; DROP ROLE gone; CREATE ROLE gone LOGIN");
is(sql("SELECT sync, owner FROM tplus.sync_status WHERE sync LIKE 'left%' ORDER BY 1"),
	"left|unknown (OID=$oid)\nleft too|unknown (OID=$oid)", 'the syncs of a role that is gone are there');
is((quiet('watcher', "SELECT count(*) FROM tplus.sync_status WHERE sync LIKE 'left%'"))[1], '2', 'for pg_monitor as well');
is((quiet($me, 'SELECT tplus.check_syncs(), tplus.check_syncs()'))[2], '', 'and nothing fails of it');
is((quiet('gone', $mine))[1], '0|0|0|0', 'a new role of that name has none of it');
like((quiet($_, "CALL tplus.sync('left')"))[2], qr/ERROR: .* sync "left" (does not exist|belongs to a role that does not exist\n(?s:.*)HINT:  Drop it)/, "$_ does not run it")
  for 'gone', 'other', $me;

# --- A dump of them -----------------------------------------------------------------

is((quiet('other', sprintf($define, 'other') . "; CALL tplus.sync('other')"))[2], '', 'a sync of a role that lives on');
sql('ALTER ROLE other RENAME TO "Oth""er"; CREATE DATABASE copy; CREATE DATABASE copy_without');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'all is dumped');
$node->run_log([ 'psql', '-XqAt', '-f', $dump, '-d', $node->connstr('copy') ]);
$node->command_ok([ 'pg_dump', '-O', '-x', '-f', $dump, '-d', $node->connstr('postgres') ], 'and without owners and privileges');
$node->run_log([ 'psql', '-XqAt', '-f', $dump, '-d', $node->connstr('copy_without') ]);
like(slurp_file($dump), qr/^\d+\tother\t"Oth""er"\t/m, 'with the name of the role');
for my $copy (qw(copy copy_without))
{
	is($node->safe_psql($copy, "SELECT string_agg(sync || ' ' || owner, ', ' ORDER BY sync) FROM tplus.sync_status WHERE owner !~ 'etl'"),
		'other Oth"er', "$copy: the sync is there, and none of a role that is gone");
	is($node->safe_psql($copy, "SELECT count(*), sum((sync = 'other')::int) FROM tplus.sync_cursor WHERE sync ~ '^(left|other)'"), '1|1', 'nor its cursor');
	is($node->safe_psql($copy, 'SELECT count(*) FROM tplus.sync_key WHERE sync NOT IN (SELECT id FROM tplus.sync_definition)'), '0', 'nor its keys');
	is($node->safe_psql($copy, q{SELECT count(*) FROM pg_shdepend WHERE refobjid = '"Oth""er"'::regrole AND classid = 'pg_class'::regclass
		AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND objid = 'tplus.sync_definition'::regclass}), '1', 'and the grant that holds the role');
	$node->safe_psql('postgres', "DROP DATABASE $copy");
}
sql("SELECT tplus.drop_sync(name) FROM tplus.sync_definition WHERE name LIKE 'left%'");
is(sql("SELECT count(*) FROM tplus.sync_definition WHERE name LIKE 'left%'"), '0', 'a superuser drops what is left');
sql('DROP ROLE gone');

$node->stop;
done_testing();
