
# Syncs by the real pg_cron, of several roles, side by side and in each other's
# way; their alerts, their progress, and what a dump keeps.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;

my $libdir = $node->config_data('--pkglibdir');
my $has_cron = -e "$libdir/pg_cron.so";

$node->append_conf(
	'postgresql.conf', <<'CONF');
cron.database_name = 'postgres'
cron.use_background_workers = on
max_worker_processes = 20
log_statement = none
log_min_error_statement = panic
CONF
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'") if $has_cron;
$node->start;

my $sim = TplusSim->new;
$sim->tenant('erp', records => 300);
$sim->setup_server($node, 'erp', requests_per_second => 0, page_size => 50);
$sim->tenant('other', records => 40);
$sim->setup_server($node, 'other', server => 'other', requests_per_second => 0);
$sim->tenant('mine', records => 20);

sub sql { return $node->safe_psql('postgres', @_) }

# psql as a role; returns (status, output, errors with SQLSTATE).
sub as
{
	my ($role, $statement, $database) = @_;
	my ($out, $err) = ('', '');
	my $status = $node->psql($database // 'postgres', $statement, stdout => \$out, stderr => \$err,
		extra_params => [ '-U', $role, '-v', 'VERBOSITY=verbose' ]);
	return ($status, $out, $err);
}

my $me = sql('SELECT current_user');
sql(<<'SQL');
CREATE TABLE item (id bigint PRIMARY KEY, code text, name text, disabled boolean, ts text);
CREATE TABLE other_item (LIKE item INCLUDING ALL);
SELECT tplus.create_sync('item', source => 'erp.inventory', target => 'item', lag => '0', deletes => 'delete');
SELECT tplus.create_sync('other', source => 'other.inventory', target => 'other_item', lag => '0');
CREATE ROLE etl LOGIN;
CREATE ROLE member LOGIN IN ROLE etl;
CREATE ROLE stranger LOGIN;
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
GRANT USAGE ON FOREIGN SERVER erp TO etl, member;
CREATE USER MAPPING FOR etl SERVER erp
  OPTIONS (app_key 'mine', app_secret 'sim-secret', open_token 'sim-open-token');
GRANT USAGE ON SCHEMA erp TO etl, member, stranger;
GRANT SELECT ON erp.inventory TO etl, member, stranger;
CREATE SCHEMA etl AUTHORIZATION etl;
SQL
is((as('etl', <<'SQL'))[2], '', 'an ordinary role makes a sync');
CREATE TABLE etl.item (id bigint PRIMARY KEY, name text, who text);
SELECT tplus.create_sync('theirs', source => 'erp.inventory', target => 'etl.item', lag => '0',
  mapping => '{"who": "current_user"}');
SQL

# --- pg_cron begins in the background ---------------------------------------

SKIP: {
	skip 'pg_cron is not installed', 7 unless $has_cron;
	sql('CREATE EXTENSION pg_cron; CREATE DATABASE elsewhere');
	like((as('etl', "SELECT tplus.schedule_sync('theirs', '* * * * *')"))[2],
		qr/ERROR:  42501: role "etl" may not use pg_cron\nHINT:  As a superuser: GRANT USAGE ON SCHEMA cron TO etl;/,
		'without a right on pg_cron, one is told which');
	sql('GRANT USAGE ON SCHEMA cron TO etl');
	cmp_ok(sql("SELECT tplus.schedule_sync('item', '0 0 29 2 *')"), '>', 0, 'scheduled');
	is((as('etl', "SELECT tplus.schedule_sync('theirs', '* * * * *')"))[0], 0, 'scheduled by an ordinary role');
	sql('REVOKE USAGE ON SCHEMA cron FROM etl');
	like((as('etl', "SELECT tplus.unschedule_sync('theirs')"))[2], qr/42501: role "etl" may not use pg_cron/,
		'nor is a job forgotten that goes on');
	like((as('etl', "BEGIN; SELECT tplus.drop_sync('theirs'); ROLLBACK"))[2],
		qr/WARNING: .*pg_cron may go on running sync "theirs"\nHINT:  As a superuser: SELECT cron.unschedule/,
		'a sync that is dropped leaves a job, and says so');
	sql('GRANT USAGE ON SCHEMA cron TO etl');
	sql("SELECT cron.schedule('check', '* * * * *', 'SELECT tplus.check_syncs()')");

	# From another database, the error tells what to say where.
	$node->safe_psql('elsewhere', <<'SQL');
CREATE EXTENSION tplus_fdw;
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY);
INSERT INTO a VALUES (7);
SELECT tplus.create_sync('remote', source => 'a', target => 'b');
SQL
	my (undef, undef, $err) = as($me, "SELECT tplus.schedule_sync('remote', '* * * * *')", 'elsewhere');
	like($err, qr/ERROR:  55000: pg_cron lives in database "postgres"/, 'pg_cron lives elsewhere');
	my ($command) = $err =~ /run there: (SELECT .*;)/;
	cmp_ok(sql($command), '>', 0, 'the command that the error tells works');
}

# --- Rights ------------------------------------------------------------------

{
	my ($status, $out, $err) = as($me, "CALL tplus.sync('theirs')");
	like($err, qr/ERROR:  42501: sync "theirs" belongs to role "etl"/, 'a superuser does not run the SQL of others');
	like($err, qr/HINT:  Connect as etl, or let pg_cron run it as that role/, 'and is told how');
	unlike($err, qr/SET ROLE/, 'which leads nobody to run it in his own session');
	($status, $out, $err) = as('member', "CALL tplus.sync('theirs')");
	like($err, qr/ERROR:  42501/, 'nor does a member of the role');
	for my $call ("SELECT * FROM tplus.sync_preview('theirs')", "SELECT tplus.alter_sync('theirs', lag => '0')",
		"SELECT tplus.schedule_sync('theirs', '* * * * *')", "CALL tplus.resync('theirs', '2025-01-01')")
	{
		($status, $out, $err) = as($me, $call);
		like($err, qr/ERROR:  42501/, "not by $call");
	}
	($status, $out, $err) = as('stranger', "CALL tplus.sync('theirs')");
	like($err, qr/ERROR:  42704: sync "theirs" does not exist/, 'others do not even see it');
	is((as('stranger', 'SELECT count(*) FROM tplus.sync_status'))[1], '0', 'no status for others');
	is((as('monitor', 'SELECT count(*) FROM tplus.sync_status'))[1], '3', 'pg_monitor sees all');
	is((as('member', 'SELECT string_agg(sync, \',\') FROM tplus.sync_status'))[1], 'theirs', 'a member sees those of the role');

	like((as('member', "SET ROLE etl; CALL tplus.sync('theirs')"))[2], qr/ERROR:  42501: a sync of role "etl" cannot run in a session of role "member"/,
		'nor after SET ROLE');
	is((as('etl', "CALL tplus.sync('theirs')"))[2], '', 'the owner runs it');
	is(sql('SELECT DISTINCT who FROM etl.item'), 'etl', 'with the rights of the owner');
	is(sql('SELECT count(*) FROM etl.item'), '20', 'and his mapping');
	for my $evil (
		"UPDATE tplus.sync_definition SET filter = 'evil()' WHERE name = 'item'",
		"UPDATE tplus.sync_log SET status = 'x' WHERE sync = 'item'",
		"DELETE FROM tplus.sync_definition WHERE name = 'item'")
	{
		as('etl', $evil);
	}
	is(sql("SELECT count(*) FROM tplus.sync_definition WHERE name = 'item' AND filter IS NULL"), '1',
		'nobody changes the syncs of others');
	($status, $out, $err) = as('etl', "INSERT INTO tplus.sync_definition SELECT (x).* FROM (SELECT d AS x FROM tplus.sync_definition d) y");
	isnt($status, 0, 'no definition is written by hand with an id');
	($status, $out, $err) = as('stranger', "SELECT tplus.create_sync('item', source => 'erp.inventory', target => 'etl.item')");
	like($err, qr/ERROR:  42501/, 'a sync into a table of others cannot be made');

	# What one role writes is in nobody's way.
	is((as('stranger', <<'SQL'))[2], '', 'a definition that will mean nothing');
CREATE TEMP TABLE few (id int PRIMARY KEY, at date);
CREATE TEMP TABLE made (id int PRIMARY KEY);
SET client_min_messages = warning;
SELECT tplus.create_sync('odd', 'few', 'made', cursor_column => 'at', full_every => '1000 years', stale_after => '1000 years');
SQL
	my $often = '*' . ',*' x 200;
	for my $schedule ('99999999999 seconds', '0-2000000000 * * * *', '* 24-99 * * *', "$often $often 1 1 *", "$often $often * * *")
	{
		is((as('stranger', "SELECT tplus._set_schedule(id, '$schedule') FROM tplus.sync_definition"))[2], '', 'a schedule');
		($status, $out, $err) = as('monitor', "SET statement_timeout = '10s'; SELECT s::text FROM tplus.sync_status s");
		is($err, '', "pg_monitor sees the status of all, though one has the schedule " . substr $schedule, 0, 30);
	}
	# Of version 1.0, or restored from it.
	sql("UPDATE tplus.sync_definition SET schedule = repeat('* ', 50000000) WHERE name = 'odd'");
	is((as('monitor', "SET statement_timeout = '10s'; SELECT count(*), count(next_run) FROM tplus.sync_status WHERE sync = 'odd'"))[1], '1|0', 'or one of 100 MB');
	sql("UPDATE tplus.sync_definition SET schedule = NULL WHERE name = 'odd'");
	is((as($me, 'SELECT tplus.check_syncs()'))[2], '', 'and a superuser checks all');
	for my $set ("stale_after => '1001 years'", "full_every => '1001 years'")
	{
		like((as('stranger', "SELECT tplus.alter_sync('odd', $set)"))[2], qr/ERROR:/, "not $set");
	}
	is((as('stranger', "SELECT tplus._log_begun(id, 'full', 'x', NULL, NULL), tplus._begin_progress(1, 1), tplus._set_phase('x') FROM tplus.sync_definition"))[2],
		'', 'a run that is none');
	is((as('monitor', 'SELECT count(*) FROM tplus.sync_progress'))[1], '0', 'takes no place among those under way');
	is((as('etl', "CALL tplus.sync('theirs')"))[2], '', 'others run on');
	is((as('stranger', "SELECT tplus.drop_sync('odd')"))[0], 0, 'it can be dropped');

	# Operators that others made for varchar, which fit better than those for text.
	sql('GRANT CREATE ON SCHEMA public TO stranger; GRANT CREATE ON SCHEMA erp TO etl');
	as('stranger', <<'SQL');
CREATE TABLE public.lent (who name);
GRANT INSERT ON public.lent TO PUBLIC;
CREATE FUNCTION public.borrow(varchar, varchar) RETURNS boolean LANGUAGE sql AS
  'INSERT INTO public.lent VALUES (current_user); SELECT $1::text > $2::text';
CREATE FUNCTION public.borrow_same(varchar, varchar) RETURNS boolean LANGUAGE sql AS
  'INSERT INTO public.lent VALUES (current_user); SELECT $1::text = $2::text';
CREATE OPERATOR public.> (leftarg = varchar, rightarg = varchar, function = public.borrow);
CREATE OPERATOR public.= (leftarg = varchar, rightarg = varchar, function = public.borrow_same);
SQL
	as('etl', <<'SQL');
CREATE FOREIGN TABLE erp.by_code (code varchar, ts varchar) SERVER erp OPTIONS (resource 'inventory');
CREATE TABLE etl.by_code (code varchar PRIMARY KEY, ts varchar);
SELECT tplus.create_sync('by code', 'erp.by_code', 'etl.by_code', lag => '0', deletes => 'delete', on_error => 'quarantine');
CALL tplus.sync('by code');
CALL tplus.sync('by code');
SQL
	$sim->mutate('mine', action => 'delete', pick => 'any_first');
	is((as('etl', "CALL tplus.sync('by code', \"full\" => true)"))[2], '', 'a sync by a code');
	is(sql("SELECT string_agg(kind || rows_deleted, ' ' ORDER BY run) FROM tplus.sync_run WHERE sync = 'by code'"),
		'full0 incremental0 full1', 'compared by version and by key');
	is(sql('SELECT count(*) FROM public.lent'), '0', 'and by no operator of another role');
	as('etl', "SELECT tplus.drop_sync('by code'); DROP FOREIGN TABLE erp.by_code");
	sql('DROP OWNED BY stranger; GRANT USAGE ON SCHEMA erp TO stranger; GRANT SELECT ON erp.inventory TO stranger');
}

# --- Side by side, and in each other's way -----------------------------------

sub start_run
{
	my ($call) = @_;
	my %run = (in => "SELECT pg_backend_pid();\n$call;\n", out => '', err => '');
	$run{psql} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres') ],
		'<', \$run{in}, '>', \$run{out}, '2>', \$run{err}, IPC::Run::timeout(120));
	$run{psql}->pump until $run{out} =~ /^(\d+)\n/;
	($run{pid}) = $run{out} =~ /^(\d+)\n/;
	return \%run;
}

sub stall { $sim->fault('erp', match => { path => 'Query', nth => 4 }, action => 'stall', when => 'before', ms => 60000); return }

sub wait_for
{
	my ($query, $what) = @_;
	ok($node->poll_query_until('postgres', $query), $what);
	return;
}

sql("CALL tplus.sync('item')");
{
	stall();
	my $run = start_run("CALL tplus.sync('item', full => true)");
	wait_for("SELECT count(*) = 1 FROM tplus.sync_progress WHERE sync = 'item' AND rows > 0 AND phase = 'reading'",
		'the progress is visible while it runs');
	like(sql("SELECT pages, rows, rows_per_second > 0, pid = $run->{pid} FROM tplus.sync_progress WHERE sync = 'item'"),
		qr/^[2-9]\|\d+\|t\|t$/, 'with pages and rows');
	is((as('stranger', 'SELECT count(*) FROM tplus.sync_progress'))[1], '0', 'not to others');
	my $began = time;
	my (undef, undef, $err) = as($me, "CALL tplus.sync('item')");
	like($err, qr/NOTICE:.*sync "item" is running already/, 'a second run does not begin');
	cmp_ok(time - $began, '<', 20, 'and ends at once');
	is(sql("SELECT status, message ~ '$run->{pid}' FROM tplus.sync_run WHERE sync = 'item' ORDER BY run DESC LIMIT 1"),
		'skipped|t', 'the history says so');
	sql("CALL tplus.sync('other')");
	is(sql('SELECT count(*) FROM other_item'), '40', 'another sync runs beside it');
	sql("SELECT pg_cancel_backend($run->{pid})");
	$run->{psql}->finish;
	like($run->{err}, qr/ERROR:  57014: canceling statement/, 'a cancel is raised as such');
	is(sql("SELECT status, sqlstate, ended IS NOT NULL FROM tplus.sync_run WHERE pid = $run->{pid}"),
		'failed|57014|t', 'and recorded');
	is(sql("SELECT kind, message ~ '^sync \"item\" failed: canceling', times, resolved IS NULL FROM tplus.alert WHERE sync = 'item'"),
		'failed|t|1|t', 'and told');
	is(sql('SELECT count(*) FROM tplus.sync_progress'), '0', 'no progress remains');
}
{
	stall();
	my $run = start_run("CALL tplus.sync('item', full => true)");
	wait_for("SELECT count(*) = 1 FROM tplus.sync_progress WHERE sync = 'item' AND rows > 0", 'another run');
	sql("SELECT pg_terminate_backend($run->{pid})");
	eval { $run->{psql}->finish };
	wait_for("SELECT count(*) = 1 FROM tplus.sync_run WHERE pid = $run->{pid} AND status = 'crashed'",
		'a run whose process has ended shows as crashed');
	$sim->clear_faults('erp');
	sql('SELECT tplus.check_syncs()');
	is(sql("SELECT status, message ~ 'ended before' FROM tplus.sync_log WHERE pid = $run->{pid}"), 'crashed|t',
		'which a check writes down');
	is(sql("SELECT times FROM tplus.alert WHERE sync = 'item' AND kind = 'failed'"), '2', 'and counts in the alert');
}

# What ends a run from outside is not the fault of a record.
{
	sql("SELECT tplus.alter_sync('item', on_error => 'quarantine')");
	$sim->mutate('erp', action => 'edit', pick => 'any_first', set => { Name => 'not yet' });
	my $holder = $node->background_psql('postgres');
	$holder->query_safe('BEGIN; LOCK TABLE item IN SHARE MODE');

	my $run = start_run("CALL tplus.sync('item', full => true)");
	wait_for("SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $run->{pid} AND wait_event_type = 'Lock'", 'a run waits for the target');
	sql("SELECT pg_cancel_backend($run->{pid})");
	$run->{psql}->finish;
	like($run->{err}, qr/ERROR:  57014: canceling statement due to user request/, 'a cancel while a record is stored');
	my (undef, undef, $err) = as($me, "SET lock_timeout = '300ms'; CALL tplus.sync('item', full => true)");
	like($err, qr/ERROR:  55P03: canceling statement due to lock timeout/, 'or lock_timeout');
	is(sql("SELECT string_agg(status || sqlstate, ' ' ORDER BY run) FROM (SELECT * FROM tplus.sync_run WHERE sync = 'item' ORDER BY run DESC LIMIT 2) AS r"),
		'failed57014 failed55P03', 'is recorded as such');
	is(sql('SELECT count(*) FROM tplus.sync_reject'), '0', 'and puts nothing into quarantine');
	$holder->quit;
	sql("CALL tplus.sync('item')");
	is(sql("SELECT count(*) FROM item WHERE name = 'not yet'"), '1', 'the next run stores the record');
	sql("SELECT tplus.alter_sync('item', on_error => 'stop')");
}

# --- Errors of T+ and alerts -------------------------------------------------

{
	$sim->fault('erp', match => { path => '*' }, action => 'quota', times => 0);
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres') ],
		'<', \"LISTEN tplus_alert;\nUPDATE tplus.alert SET resolved = now();\nCALL tplus.sync('item');\nSELECT 1;\n",
		'>', \$out, '2>', \$err);
	like($err, qr/ERROR:  53400: /, 'an error of T+ is raised with its own SQLSTATE');
	is(sql("SELECT status, sqlstate, hint IS NOT NULL FROM tplus.sync_run WHERE sync = 'item' ORDER BY run DESC LIMIT 1"),
		'failed|53400|t', 'and is in the history with it');
	like($out, qr/notification "tplus_alert" with payload "\{"id": \d+, "kind": "failed"\}"/, 'and is told');
	as($me, "CALL tplus.sync('item')");
	is(sql("SELECT times FROM tplus.alert WHERE sync = 'item' AND kind = 'failed' AND resolved IS NULL"), '2',
		'the second time, it is the same alert');
	is(sql("SELECT health, last_error IS NOT NULL FROM tplus.sync_status WHERE sync = 'item'"), 'failing|t', 'the status says so');

	sql("SELECT tplus.alter_sync('item', stale_after => '1 ms')");
	sql('SELECT tplus.check_syncs()');
	is(sql('SELECT tplus.check_syncs()'), '0', 'a check tells nothing twice');
	is(sql("SELECT kind FROM tplus.alert WHERE sync = 'item' AND kind = 'stale' AND resolved IS NULL"), 'stale', 'a stale sync is told');
	sql("SELECT tplus.alter_sync('item', stale_after => '1 day')");
	$sim->clear_faults('erp');
	($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
		'<', \"LISTEN tplus_alert;\nCALL tplus.sync('item');\nSELECT 1;\n", '>', \$out, '2>', \$err);
	like($out, qr/"kind": "recovered"/, 'recovery is told');
	is(sql("SELECT count(*) FROM tplus.alert WHERE sync = 'item' AND resolved IS NULL"), '0', 'and nothing is open any more');
}

# A deferred constraint fails before the commit, not at it.
{
	sql(<<'SQL');
CREATE TABLE parent (id bigint PRIMARY KEY);
CREATE TABLE child (id bigint PRIMARY KEY REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
SELECT tplus.create_sync('child', source => 'other.inventory', target => 'child', lag => '0');
SQL
	my (undef, undef, $err) = as($me, "CALL tplus.sync('child')");
	like($err, qr/ERROR:  23503/, 'a deferred constraint is met');
	is(sql("SELECT status, sqlstate FROM tplus.sync_run WHERE sync = 'child'"), 'failed|23503', 'and recorded');
	is(sql('SELECT count(*) FROM child'), '0', 'nothing was stored');
	sql("SELECT tplus.drop_sync('child')");
}

# The end of a refresh token.
{
	$sim->tenant('pair', records => 1, switches => { refresh_expires_in => 86400 });
	$sim->setup_server($node, 'pair', server => 'pair', tables => [],
		mapping => { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });
	sql("SELECT tplus.ping('pair')");
	sql('SELECT tplus.check_syncs()');
	is(sql("SELECT server, kind FROM tplus.alert WHERE kind = 'token' AND resolved IS NULL"), 'pair|token',
		'a refresh token that nears its end is told');
}

# --- What a dump keeps -------------------------------------------------------

{
	my $file = PostgreSQL::Test::Utils::tempdir() . '/dump';
	sql("SELECT tplus.unschedule_sync('item')") if $has_cron;
	sql("CALL tplus.sync('item')");
	$node->run_log([ 'pg_dump', '-Fc', '-f', $file, '-N', 'cron', $node->connstr('postgres') ])
	  or BAIL_OUT('pg_dump failed');
	sql('CREATE DATABASE copy');
	$node->run_log([ 'pg_restore', '-d', $node->connstr('copy'), $file ]);
	my @compare = (
		'SELECT string_agg(d::text, E\'\n\' ORDER BY id) FROM (SELECT id, name, owner, source, target, key, lag, deletes FROM tplus.sync_definition) d',
		'SELECT string_agg(c::text, E\'\n\' ORDER BY run) FROM tplus.sync_cursor c WHERE sync = \'item\'',
		'SELECT count(*) FROM tplus.sync_key k JOIN tplus.sync_definition d ON d.id = k.sync WHERE d.name = \'item\'');
	is($node->safe_psql('copy', $_), sql($_), "restored: $_") for @compare;
	is($node->safe_psql('copy', 'SELECT (SELECT count(*) FROM tplus.sync_run), (SELECT count(*) FROM tplus.token)'),
		'0|0', 'without history and tokens');
	$sim->mutate('erp', action => 'edit', pick => 'any_first', set => { Name => 'after the dump' });
	$node->safe_psql('copy', "CALL tplus.sync('item')");
	is($node->safe_psql('copy', "SELECT kind, rows_updated, rows_read < 5 FROM tplus.sync_run WHERE sync = 'item'"),
		'incremental|1|t', 'the copy goes on where the original was');
}

# --- Who dumps ----------------------------------------------------------------

{
	sql('CREATE ROLE landlord LOGIN; CREATE DATABASE house OWNER landlord');
	$node->safe_psql('house', 'CREATE EXTENSION tplus_fdw');
	my ($out, $err) = run_command([ 'pg_dump', '-U', 'landlord', '--enable-row-security', '-d', $node->connstr('house') ]);
	is($err, '', 'the owner of a database dumps it');
	like($out, qr/COPY tplus\.sync_definition/, 'with the definitions he sees');
}

# --- What pg_cron did meanwhile ----------------------------------------------

SKIP: {
	skip 'pg_cron is not installed', 9 unless $has_cron;
	my $jobs = "SELECT count(DISTINCT jobid) = 3 FROM cron.job_run_details WHERE end_time IS NOT NULL";
	wait_for($jobs, 'every job ran');
	is(sql("SELECT DISTINCT status FROM cron.job_run_details WHERE command = 'CALL tplus.sync(''theirs'')'"), 'succeeded',
		'the sync of an ordinary role, too');
	is(sql("SELECT count(*) > 0 FROM tplus.sync_run WHERE sync = 'theirs' AND status = 'succeeded' AND kind = 'incremental'"),
		't', 'and it is in the history');
	is($node->safe_psql('elsewhere', "SELECT status, (SELECT count(*) FROM b) FROM tplus.sync_run ORDER BY run LIMIT 1"),
		'succeeded|1', 'and that of the other database');
	is(sql("SELECT schedule, next_run > now() AND next_run <= now() + interval '1 minute' FROM tplus.sync_status WHERE sync = 'theirs'"),
		'* * * * *|t', 'the status tells when it runs next');

	# A job keeps the name that its role had.
	sql('ALTER ROLE etl RENAME TO etl_renamed');
	my $hint;
	for my $call ("unschedule_sync('theirs')", "schedule_sync('theirs', '* * * * *')")
	{
		my (undef, undef, $err) = as('etl_renamed', "BEGIN; SELECT tplus.$call; ROLLBACK");
		like($err, qr/WARNING: .*pg_cron has no job of role "etl_renamed" for sync "theirs"\nHINT:  If the role was renamed.*: (SELECT .*;)/,
			"after a renaming, $call warns of the job that goes on");
		($hint) = $err =~ /superuser: (SELECT .*;)/;
	}
	is(sql("BEGIN; $hint SELECT count(*) FROM cron.job WHERE jobname = 'tplus theirs'; ROLLBACK") =~ s/.*\n//r, '0', 'and tells how to take it away');
	sql("UPDATE cron.job SET username = 'etl_renamed' WHERE username = 'etl'; SELECT tplus.drop_sync('theirs')");
	is(sql("SELECT count(*) FROM cron.job WHERE jobname = 'tplus theirs'"), '0', 'dropping it takes it from pg_cron, told of the new name');
}
is(sql(<<'SQL'), '', 'next runs');
SELECT s, tplus._next_run(s, '2026-02-28 23:58:30+00'), e FROM (VALUES
  ('* * * * *', timestamptz '2026-02-28 23:59+00'), ('*/10 * * * *', '2026-03-01 00:00+00'),
  ('30 4 1,15 * *', '2026-03-01 04:30+00'), ('0 0 29 2 *', '2028-02-29 00:00+00'),
  ('0 9-17/4 * * mon-fri', '2026-03-02 09:00+00'), ('15 3 * * 7', '2026-03-01 03:15+00'),
  ('30 seconds', '2026-02-28 23:59:00+00'), ('0 0 13 * fri', '2026-03-06 00:00+00'), ('@whenever', NULL)) AS v(s, e)
 WHERE tplus._next_run(s, '2026-02-28 23:58:30+00') IS DISTINCT FROM e
SQL

my $log = slurp_file($node->logfile);
unlike($log, qr/(PANIC|TRAP):/, 'no crash in the log');
unlike($log, qr/sim-secret|sim-open-token/, 'no secret in the log');

$node->stop;
done_testing();
