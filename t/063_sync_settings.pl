# Syncs whatever a session, a role or a database has set, and however a run is
# ended: the same rows, the same keys, and nothing left behind.
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

sql(<<'SQL');
SET ROLE etl;
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
$_->quit for $session, $holder;
check_session('after all that');

$node->stop;
done_testing();
