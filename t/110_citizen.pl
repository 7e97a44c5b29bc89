
# The extension among the rest of PostgreSQL: transactions, cursors, changes of
# what a plan or an open cursor rests on, drops, dumps, upgrades, other
# extensions in the same backend.
use strict;
use warnings;

use Cwd ();
use File::Basename;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TplusSim;

my $top = Cwd::abs_path(dirname(__FILE__) . '/..');
my $sim = TplusSim->new;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
wal_level = logical
max_prepared_transactions = 5
log_statement = none
log_min_error_statement = panic
CONF
$node->start;

my %quick = (requests_per_second => 0, page_size => 100);

# A tenant with its server and its foreign table inventory.
sub account
{
	my ($name, %option) = @_;
	my $records = delete $option{records} // 450;

	$sim->tenant($name, records => $records);
	$sim->setup_server($node, $name, server => $name, %quick, %option);
	return;
}

sub answers
{
	my ($sql, $expected, $name, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(($option{node} // $node)->safe_psql($option{database} // 'postgres', $sql),
		$expected, $name);
}

sub fails
{
	my ($sql, $sqlstate, $pattern, $name, @params) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql,
		extra_params => [ '-v', 'VERBOSITY=verbose', @params ]);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($err, qr/ERROR:  $sqlstate: /, "$name: $sqlstate");
	return like($err, $pattern, "$name: message");
}

# Requests that the simulator has not answered and that nobody took back.
sub owed
{
	my ($tenant) = @_;
	return grep { !defined $_->{end} && !$_->{aborted} } $sim->journal($tenant);
}

account('calm');

subtest 'subtransactions' => sub {
	answers(<<'SQL', "450\n3\n450\n7\n450", 'a savepoint around half a scan');
BEGIN;
DECLARE whole CURSOR FOR SELECT id FROM calm.inventory;
MOVE 100 FROM whole;
SAVEPOINT a;
SELECT count(*) FROM calm.inventory;
DECLARE inner_one CURSOR FOR SELECT 1 FROM calm.inventory;
MOVE 150 FROM inner_one;
SELECT count(*) FROM (SELECT FROM calm.inventory LIMIT 3) x;
ROLLBACK TO a;
SELECT count(*) FROM calm.inventory;
SAVEPOINT b;
SELECT count(*) FROM (SELECT FROM calm.inventory LIMIT 7) x;
RELEASE b;
CREATE TEMP TABLE rest (id text);
DO $$
DECLARE
  row record;
  c refcursor := 'whole';
BEGIN
  LOOP
    FETCH c INTO row;
    EXIT WHEN NOT FOUND;
    INSERT INTO rest VALUES (row.id);
  END LOOP;
END
$$;
SELECT count(*) + 100 FROM rest;
COMMIT;
SQL

	# What ends a subtransaction ends the scans in it, and nothing else.
	my $third = { path => '*Query', nth => 3 };
	$sim->fault('calm', action => 'value', field => 'Code', row => 2, raw => '"\u0000"', match => $third, times => 1);
	answers(<<'SQL', "t|450\n450", 'an error in the middle, handled');
CREATE FUNCTION pg_temp.try() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT count(code) FROM calm.inventory)::text;
EXCEPTION WHEN untranslatable_character THEN
  RETURN 'unfit';
END
$$;
BEGIN;
SELECT pg_temp.try() = 'unfit', (SELECT count(*) FROM calm.inventory);
SELECT count(*) FROM calm.inventory;
COMMIT;
SQL
	$sim->clear_faults('calm');

	answers(<<'SQL', "450\n450", 'a prepared transaction');
BEGIN;
SELECT count(*) FROM calm.inventory;
PREPARE TRANSACTION 'tplus';
COMMIT PREPARED 'tplus';
SELECT count(*) FROM calm.inventory;
SQL
};

subtest 'cursors' => sub {
	answers(<<'SQL', "3\n447\n450", 'a cursor that outlives its transaction');
CREATE TEMP TABLE counts (n bigint);
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM calm.inventory ORDER BY id;
CREATE TEMP TABLE taken ON COMMIT DROP AS SELECT 1 AS one;
COMMIT;
BEGIN;
DO $$
DECLARE
  n int := 0;
  row record;
  c refcursor := 'held';
BEGIN
  FOR i IN 1 .. 3 LOOP
    FETCH c INTO row;
    n := n + (row.id IS NOT NULL)::int;
  END LOOP;
  INSERT INTO counts VALUES (n);
  LOOP
    FETCH c INTO row;
    EXIT WHEN NOT FOUND;
    n := n + 1;
  END LOOP;
  INSERT INTO counts VALUES (n - 3);
END
$$;
COMMIT;
CLOSE held;
SELECT n FROM counts ORDER BY n;
SELECT count(*) FROM calm.inventory;
SQL

	# A held cursor of a transaction that fails later has read everything.
	my $held = $node->background_psql('postgres');
	$held->query_safe('BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT id FROM calm.inventory; COMMIT');
	$sim->clear_journal('calm');
	$held->query_safe('MOVE 200 FROM h');
	is(scalar($sim->journal('calm')), 0, 'nothing is asked for after the COMMIT');
	$held->query_safe('CLOSE ALL; DISCARD ALL');
	is($held->query_safe('SELECT count(*) FROM calm.inventory'), '450', 'DISCARD ALL, then another read');
	$held->query_safe('BEGIN; DECLARE d CURSOR FOR SELECT id FROM calm.inventory; FETCH 3 FROM d; ROLLBACK; DISCARD ALL');
	is($held->query_safe('SELECT count(*) FROM calm.inventory'), '450', 'also after half a scan');
	$held->quit;
};

subtest 'what a prepared statement rests on' => sub {
	account('first', records => 120);
	account('second', records => 210);
	my $session = $node->background_psql('postgres');
	for my $mode (qw(force_generic_plan force_custom_plan))
	{
		$session->query_safe("SET client_min_messages = error; SET plan_cache_mode = $mode; "
			  . 'PREPARE q (int) AS SELECT count(*), count(code) FROM first.inventory WHERE id > $1');
		is($session->query_safe('EXECUTE q(0)'), '120|120', "$mode: first");
		$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER first OPTIONS (SET app_key 'second')");
		is($session->query_safe('EXECUTE q(0)'), '210|210', "$mode: ALTER USER MAPPING");
		$node->safe_psql('postgres', 'ALTER USER MAPPING FOR CURRENT_USER SERVER first OPTIONS (SET app_key \'first\')');

		$node->safe_psql('postgres', "ALTER SERVER first OPTIONS (SET page_size '50')");
		$sim->clear_journal('first');
		is($session->query_safe('EXECUTE q(0)'), '120|120', "$mode: ALTER SERVER");
		is((decode_json(($sim->journal('first'))[0]{raw}))->{param}{PageSize}, 50, "$mode: is followed");
		$node->safe_psql('postgres', "ALTER SERVER first OPTIONS (SET page_size '100')");

		$node->safe_psql('postgres', "ALTER FOREIGN TABLE first.inventory ALTER code OPTIONS (SET field 'NoSuchField')");
		is($session->query_safe('EXECUTE q(0)'), '120|0', "$mode: ALTER FOREIGN TABLE, a column's field");
		$node->safe_psql('postgres', "ALTER FOREIGN TABLE first.inventory ALTER code OPTIONS (SET field 'Code')");
		$node->safe_psql('postgres', "ALTER FOREIGN TABLE first.inventory OPTIONS (ADD pushdown 'false')");
		is($session->query_safe('EXECUTE q(0)'), '120|120', "$mode: ALTER FOREIGN TABLE, an option");
		$node->safe_psql('postgres', "ALTER FOREIGN TABLE first.inventory OPTIONS (DROP pushdown)");
		$node->safe_psql('postgres', 'ALTER FOREIGN TABLE first.inventory ALTER code TYPE varchar(40)');
		is($session->query_safe('EXECUTE q(0)'), '120|120', "$mode: a column's type");
		$node->safe_psql('postgres', 'ALTER FOREIGN TABLE first.inventory ALTER code TYPE text');
		$session->query_safe('DEALLOCATE q');
	}
	$session->quit;
};

subtest 'what an open cursor rests on' => sub {
	account('moved', records => 350);
	my $session = $node->background_psql('postgres');
	my $fetched = sub { return scalar split /\n/, $session->query_safe("FETCH $_[0] FROM c") };

	for my $change (
		"ALTER SERVER moved OPTIONS (SET page_size '30')",
		"ALTER SERVER moved OPTIONS (SET base_url 'http://127.0.0.1:9')",
		"ALTER USER MAPPING FOR CURRENT_USER SERVER moved OPTIONS (SET app_key 'calm')",
		'DROP USER MAPPING FOR CURRENT_USER SERVER moved')
	{
		$session->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT id FROM moved.inventory');
		is($fetched->(120), 120, "$change: before");
		$node->safe_psql('postgres', $change);
		is($fetched->('ALL'), 230, "$change: the cursor goes on as it began");
		$session->query_safe('COMMIT');
		$node->safe_psql('postgres', 'DROP SERVER moved CASCADE');
		$node->safe_psql('postgres', 'DROP SCHEMA moved CASCADE');
		$sim->setup_server($node, 'moved', server => 'moved', %quick);
	}

	# The table itself is locked; in the session of the cursor, it is in use.
	$session->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT id FROM moved.inventory');
	$fetched->(10);
	fails("SET lock_timeout = '200ms'; ALTER FOREIGN TABLE moved.inventory OPTIONS (ADD page_size '20')",
		'55P03', qr/lock timeout/, 'ALTER FOREIGN TABLE of another session');
	fails("SET lock_timeout = '200ms'; DROP SERVER moved CASCADE",
		'55P03', qr/lock timeout/, 'DROP SERVER of another session');
	is($fetched->('ALL'), 340, 'the cursor does not mind');
	$session->query_safe('COMMIT');
	$session->quit;
	fails('BEGIN; DECLARE c CURSOR FOR SELECT id FROM moved.inventory; FETCH 3 FROM c; DROP FOREIGN TABLE moved.inventory',
		'55006', qr/being used by active queries/, 'DROP in the session of the cursor');
	answers('SELECT count(*) FROM moved.inventory', '350', 'nothing is in the way afterwards');
};

subtest 'drops' => sub {
	$sim->tenant('dropped', records => 130);
	$node->safe_psql('postgres', 'CREATE DATABASE drops');
	my $setup = sub { $sim->setup_server($node, 'dropped', database => 'drops', server => 'dropped', %quick) };
	$setup->();
	answers(<<'SQL', "130\n130", 'DROP EXTENSION and its ROLLBACK', database => 'drops');
SELECT count(*) FROM dropped.inventory;
BEGIN;
SET client_min_messages = warning;
DROP EXTENSION tplus_fdw CASCADE;
ROLLBACK;
SELECT count(*) FROM dropped.inventory;
SQL
	my $session = $node->background_psql('drops', on_error_stop => 0);
	is($session->query_safe('SELECT count(*) FROM dropped.inventory'), '130', 'a session that knows the extension');
	$node->safe_psql('drops', 'DROP EXTENSION tplus_fdw CASCADE; DROP SCHEMA dropped CASCADE');
	my ($out, $failed) = $session->query('SELECT count(*) FROM dropped.inventory');
	like($session->{stderr}, qr/does not exist/, 'and that loses it');
	$session->{stderr} = '';
	$setup->();
	is($session->query_safe('SELECT count(*) FROM dropped.inventory'), '130', 'and finds another');
	$session->query_safe('SET client_min_messages = warning; BEGIN; DROP EXTENSION tplus_fdw CASCADE; CREATE EXTENSION tplus_fdw; ROLLBACK');
	is($session->query_safe('SELECT count(*) FROM dropped.inventory'), '130', 'dropped and made in one transaction');
	$session->quit;
	$node->safe_psql('drops', 'DROP SERVER dropped CASCADE');
	answers("SELECT count(*) FROM pg_foreign_table", '0', 'DROP SERVER CASCADE takes the tables', database => 'drops');

	# Another database with the same account: the budget is the cluster's.
	answers('SELECT count(*) FROM calm.inventory', '450', 'the other database is as it was');
	$node->safe_psql('postgres', 'DROP DATABASE drops');
};

subtest 'commands beside SELECT' => sub {
	answers(<<'SQL', "450\n450\n450\n451\n450", 'copies of all kinds');
CREATE TABLE copied AS SELECT * FROM calm.inventory;
SELECT count(*) FROM copied;
CREATE MATERIALIZED VIEW kept AS SELECT id, code FROM calm.inventory;
CREATE UNIQUE INDEX ON kept (id);
REFRESH MATERIALIZED VIEW CONCURRENTLY kept;
SELECT count(*) FROM kept;
SELECT count(*) FROM (SELECT 1 FROM calm.inventory a JOIN kept b USING (id)) x;
MERGE INTO copied c USING (SELECT id, code FROM calm.inventory UNION ALL SELECT -1, 'new') s ON c.id = s.id
  WHEN MATCHED THEN UPDATE SET code = s.code
  WHEN NOT MATCHED THEN INSERT (id, code) VALUES (s.id, s.code);
SELECT count(*) FROM copied;
DELETE FROM copied c WHERE NOT EXISTS (SELECT FROM calm.inventory i WHERE i.id = c.id);
SELECT count(*) FROM copied;
SQL
	fails('INSERT INTO calm.inventory (id) VALUES (1)', '(55000|0A000)',
		qr/cannot insert into foreign table "inventory"/, 'INSERT');
	fails('UPDATE calm.inventory SET code = code', '(55000|0A000)',
		qr/cannot update foreign table "inventory"/, 'UPDATE');
	fails('DELETE FROM calm.inventory', '(55000|0A000)',
		qr/cannot delete from foreign table "inventory"/, 'DELETE');
	fails('TRUNCATE calm.inventory', '0A000', qr/cannot truncate foreign table "inventory"/, 'TRUNCATE');
	my ($rc, $out, $err) = $node->psql('postgres', 'VACUUM calm.inventory; VACUUM ANALYZE');
	unlike($err, qr/ERROR/, 'VACUUM');
	$sim->clear_journal('calm');
	$node->safe_psql('postgres', 'VACUUM (FULL) tplus.token; VACUUM');
	is(scalar($sim->journal('calm')), 0, 'VACUUM asks T+ nothing');
	answers('COPY (SELECT count(*) FROM calm.inventory) TO stdout', '450', 'COPY');
	answers(<<'SQL', '450|450', 'a view and a function');
CREATE VIEW seen AS SELECT * FROM calm.inventory;
CREATE FUNCTION counted() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT count(*) FROM calm.inventory';
SELECT counted(), (SELECT count(*) FROM seen);
SQL
};

subtest 'a backend that goes in the middle' => sub {
	account('gone', max_concurrency => 1);
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT id FROM gone.inventory; FETCH 3 FROM c');
	$session->quit;
	answers('SELECT count(*) FROM gone.inventory', '450', 'its client went: another may ask');

	$session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT id FROM gone.inventory; FETCH 3 FROM c');
	answers("SELECT pg_terminate_backend($pid, 30000)", 't', 'terminated');
	answers('SELECT count(*) FROM gone.inventory', '450', 'another may ask');
	is(scalar(owed('gone')), 0, 'no request is left behind');
	eval { $session->quit };
};

subtest 'logical decoding' => sub {
	$sim->tenant('decoded', records => 5);
	$sim->setup_server($node, 'decoded', server => 'decoded', %quick,
		mapping => { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });
	$node->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('s', 'test_decoding')");
	answers('SELECT count(*) FROM decoded.inventory', '5', 'a token is obtained');
	$node->safe_psql('postgres', "SELECT tplus.refresh_token('decoded'); CREATE TABLE decodable AS SELECT id FROM calm.inventory");
	answers("SELECT count(*) FROM pg_logical_slot_get_changes('s', NULL, NULL) WHERE data LIKE '%public.decodable: INSERT%'",
		'450', 'what is synchronised can be decoded');
	$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('s')");
};

# Each renewal leaves a dead row; foreign tables are nobody's to vacuum.
subtest 'autovacuum' => sub {
	account('vacuumed', mapping => { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });
	$node->safe_psql('postgres', <<'SQL');
SELECT tplus.refresh_token('vacuumed');
SELECT tplus.refresh_token('vacuumed');
SELECT tplus.refresh_token('vacuumed');
ALTER TABLE tplus.token SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
ALTER SYSTEM SET autovacuum_naptime = '1s';
SELECT pg_reload_conf();
SQL
	my $before = () = map { $sim->journal($_) } qw(calm vacuumed);
	ok($node->poll_query_until('postgres',
			q{SELECT autovacuum_count > 0 FROM pg_stat_user_tables WHERE relid = 'tplus.token'::regclass}),
		'the pairs are vacuumed');
	$node->safe_psql('postgres', 'VACUUM ANALYZE');
	is(scalar(() = map { $sim->journal($_) } qw(calm vacuumed)), $before, 'T+ is asked for nothing');
	answers('SELECT count(*) FROM vacuumed.inventory', 450, 'the pair is there');
	$node->safe_psql('postgres', "ALTER TABLE tplus.token RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)");
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET autovacuum_naptime');
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
};

subtest 'who may create the extension' => sub {
	$node->safe_psql('postgres', 'CREATE ROLE ordinary LOGIN; CREATE DATABASE own OWNER ordinary');
	my ($rc, $out, $err) = $node->psql('own', 'CREATE EXTENSION tplus_fdw',
		extra_params => [ '-U', 'ordinary', '-v', 'VERBOSITY=verbose' ]);
	like($err, qr/ERROR:  42501: .*permission denied to create extension "tplus_fdw"/, 'no ordinary user');
	like($err, qr/HINT:  Must be superuser/, 'and the hint says who may');
	$node->safe_psql('own', 'CREATE EXTENSION tplus_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER tplus_fdw TO ordinary');
	my $url = $sim->url;
	is( $node->safe_psql(
			'own', <<SQL, extra_params => [ '-U', 'ordinary' ]), '450', 'who then makes what he needs');
CREATE SERVER mine FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '$url', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER mine OPTIONS (app_key 'calm', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE SCHEMA mine;
IMPORT FOREIGN SCHEMA tplus FROM SERVER mine INTO mine OPTIONS (calibrate 'false');
SELECT count(*) FROM mine.inventory;
SQL
};

# One who owns the database, but is no superuser, has prepared the schema.
subtest 'a schema that others own' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE trap OWNER ordinary');
	$node->safe_psql('trap', <<'SQL', extra_params => [ '-U', 'ordinary' ]);
CREATE SCHEMA tplus;
CREATE TABLE public.caught (who name);
CREATE FUNCTION tplus.format(text, text, text) RETURNS text LANGUAGE sql AS
  $$ INSERT INTO public.caught VALUES (current_user); SELECT pg_catalog.format($1, VARIADIC ARRAY[$2, $3]) $$;
SQL

	# An owner without a right can grant it to himself later.
	for my $make_up ('SELECT 1', 'ALTER FUNCTION tplus.format OWNER TO CURRENT_USER; REVOKE ALL ON SCHEMA tplus FROM ordinary',
		'ALTER FUNCTION tplus.format OWNER TO ordinary; ALTER SCHEMA tplus OWNER TO CURRENT_USER',
		'DROP FUNCTION tplus.format; GRANT CREATE ON SCHEMA tplus TO PUBLIC')
	{
		$node->safe_psql('trap', $make_up);
		my ($rc, $out, $err) = $node->psql('trap', 'CREATE EXTENSION tplus_fdw', extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		like($err, qr/ERROR:  42501: schema "tplus" is not in the hands of superusers alone.*HINT:  Drop the schema/s, "refused: $make_up");
	}
	$node->safe_psql('trap', 'REVOKE CREATE ON SCHEMA tplus FROM PUBLIC; CREATE ROLE chief IN ROLE ' . getpwuid($<));
	$node->safe_psql('trap', 'CREATE EXTENSION tplus_fdw; DROP EXTENSION tplus_fdw; CREATE EXTENSION tplus_fdw');
	answers('SELECT count(*) FROM public.caught', '0', 'nothing of others was run', database => 'trap');
	$node->safe_psql('postgres', 'DROP DATABASE trap; DROP ROLE chief');
};

# Compiled with what built the extension; skipped without a compiler, by name.
subtest 'a neighbour in the same backend' => sub {
	my ($include) = split /\n/, `pg_config --includedir-server`;
	my $library = PostgreSQL::Test::Utils::tempdir_short() . '/neighbour.so';
	command_ok(
		[ 'gcc', '-shared', '-fPIC', '-O1', '-I', $include, '-o', $library,
			"$top/test/neighbour/neighbour.c", '-lcurl', '-lcjson' ],
		'the neighbour is built');
	my $ping = $sim->url . '/_sim/ping';
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_safe(<<SQL);
CREATE FUNCTION neighbour_get(text) RETURNS bigint STRICT LANGUAGE c AS '$library';
CREATE FUNCTION neighbour_json(text) RETURNS text STRICT LANGUAGE c AS '$library';
SQL
	my $both = "SELECT neighbour_get('$ping') > 0, neighbour_json('{\"a\": [1, {\"b\": null}]}')";
	my $fine = 't|{"a":[1,{"b":null}]}';
	is($session->query_safe($both), $fine, 'the neighbour before us');
	is($session->query_safe('SELECT count(*) FROM calm.inventory'), '450', 'we after it');
	is($session->query_safe($both), $fine, 'it after us');
	$session->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT id FROM calm.inventory; FETCH 130 FROM c');
	is($session->query_safe($both), $fine, 'it between two of our fetches');
	is(scalar split(/\n/, $session->query_safe('FETCH ALL FROM c')), 320, 'and we go on');
	$session->query_safe('COMMIT');
	is( $session->query_safe(
			"SELECT count(neighbour_json(to_json(name)::text)), sum(neighbour_get('$ping')) > 0 FROM "
			  . '(SELECT name FROM calm.inventory LIMIT 120) x'),
		'120|t', 'both with each row');

	# Whatever way a scan ends, its hooks are gone.
	for my $fault (
		{ action => 'nest', depth => 100000, where => 'value' },
		{ action => 'value', field => 'Code', raw => '"\u0000"' },
		{ action => 'value', field => 'Code', raw_b64 => 'Iv/+Ig==' },
		{ action => 'value', field => 'Code', raw => '"a" 7' },
		{ action => 'dup_key', field => 'Code', raw => '"x"' },
		{ action => 'truncate', fraction => 0.5 },
		{ action => 'error_200' })
	{
		$sim->fault('calm', match => { path => '*Query' }, times => 9, %$fault);
		$session->query('SELECT count(code), count(name) FROM calm.inventory');
		$session->{stderr} = '';
		$sim->clear_faults('calm');
		is($session->query_safe($both), $fine, "it after our $fault->{action}");
		is($session->query_safe('SELECT count(*) FROM calm.inventory'), '450', "we after our $fault->{action}");
	}
	$session->quit;
};

subtest 'an upgrade of the server' => sub {
	$node->safe_psql('postgres', 'DROP FUNCTION neighbour_get, neighbour_json; DROP DATABASE own');
	my $token = $node->safe_psql('postgres', "SELECT access_token FROM tplus.token WHERE server = 'decoded'");
	my @etl = (extra_params => [ '-U', 'etl' ]);
	$node->safe_psql('postgres', <<'SQL');
CREATE ROLE etl LOGIN;
GRANT USAGE ON SCHEMA calm TO etl;
GRANT SELECT ON calm.inventory TO etl;
CREATE USER MAPPING FOR etl SERVER calm OPTIONS (app_key 'calm', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE TABLE theirs (id bigint PRIMARY KEY, code text);
ALTER TABLE theirs OWNER TO etl;
SQL
	$node->safe_psql('postgres', "SELECT tplus.create_sync('theirs', 'calm.inventory', 'theirs', lag => '0'); CALL tplus.sync('theirs')", @etl);
	$node->stop;

	my $new = PostgreSQL::Test::Cluster->new('new');
	$new->init;
	$new->append_conf('postgresql.conf', "fsync = off\nlog_statement = none\n");
	chdir $new->basedir or die;
	command_ok(
		[
			'pg_upgrade', '--no-sync',
			'-d', $node->data_dir, '-D', $new->data_dir,
			'-b', $node->config_data('--bindir'), '-B', $new->config_data('--bindir'),
			'-s', $new->host, '-p', $node->port, '-P', $new->port
		],
		'pg_upgrade');
	$new->start;
	is($new->safe_psql('postgres', "SELECT access_token FROM tplus.token WHERE server = 'decoded'"),
		$token, 'the token pair has come along');
	answers('SELECT count(*) FROM decoded.inventory', '5', 'and works', node => $new);
	answers('SELECT count(*) FROM calm.inventory', '450', 'and so do the tables', node => $new);
	$new->safe_psql('postgres', "CALL tplus.sync('theirs')", @etl);
	is($new->safe_psql('postgres', 'SELECT kind, status FROM tplus.sync_run ORDER BY run', @etl),
		"full|succeeded\nincremental|succeeded", 'and a sync of an ordinary role');
	(undef, undef, my $err) = $new->psql('postgres',
		"INSERT INTO tplus.sync_log (run, sync, kind, cause, status) OVERRIDING SYSTEM VALUE VALUES (9, 'theirs', 'x', 'x', 'x')", @etl);
	like($err, qr/permission denied for table sync_log/, 'whose rights are those of before');
	$new->stop;
};

my $log = slurp_file($node->logfile);
unlike($log, qr/(PANIC|TRAP):|terminated by signal|leak/, 'no crash, and nothing leaks');

done_testing();
