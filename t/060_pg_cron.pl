
# Synchronisation on a schedule, by the real pg_cron: its jobs run in background
# workers, have nobody in front of them, and tell what came of them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;

my $libdir = $node->config_data('--pkglibdir');
plan skip_all => 'pg_cron is not installed' unless -e "$libdir/pg_cron.so";

$node->append_conf(
	'postgresql.conf', <<'CONF');
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
max_worker_processes = 20
log_statement = none
log_min_error_statement = panic
CONF
$node->start;

my $sim = TplusSim->new;
$sim->tenant('cron', records => 400,
	switches => { made_compare => 'ge' });
$sim->setup_server($node, 'cron', requests_per_second => 0);

# A server whose account is refused, and one whose token pair has to be renewed.
$sim->tenant('broken', records => 1);
$sim->setup_server(
	$node, 'broken',
	server => 'broken',
	mapping =>
	  { app_secret => 'canary-secret', open_token => 'canary-token' });
$sim->tenant('pair', records => 5);
$sim->setup_server(
	$node, 'pair',
	server => 'pair',
	mapping =>
	  { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });

my $columns = 'id, code, name, class, made, disabled, ts';
my $select = 'ID, Code, Name, InventoryClassName, MadeRecordDate, Disabled, Ts';

$node->safe_psql(
	'postgres', <<SQL);
CREATE EXTENSION pg_cron;
CREATE TABLE item (id bigint PRIMARY KEY, code text, name text, class text,
  made date, disabled boolean, ts text);
CREATE TABLE fresh (LIKE item INCLUDING ALL);
CREATE TABLE copied (LIKE item);
ALTER FOREIGN TABLE erp.inventory
  ALTER COLUMN maderecorddate OPTIONS (ADD filter_op 'ge');
CREATE TABLE item_sync (ts text NOT NULL);
INSERT INTO item_sync VALUES ('0000000000000000');
CREATE PROCEDURE sync_item() LANGUAGE plpgsql AS \$\$
DECLARE
  since text;
BEGIN
  SELECT ts INTO STRICT since FROM item_sync FOR UPDATE;
  INSERT INTO item ($columns)
  SELECT $select FROM erp.inventory WHERE Ts > since
  ON CONFLICT (id) DO UPDATE
  SET (code, name, class, made, disabled, ts) =
      (excluded.code, excluded.name, excluded.class, excluded.made,
       excluded.disabled, excluded.ts);
  UPDATE item_sync SET ts = coalesce(tplus.high_water('erp.inventory'), since);
END
\$\$;
CREATE ROLE planner LOGIN;
GRANT USAGE ON SCHEMA cron, erp TO planner;
GRANT SELECT ON erp.inventory TO planner;
SQL

# The job of somebody else runs with his mapping, and he has none.
$node->safe_psql('postgres', <<SQL);
SELECT cron.schedule('sync', '* * * * *', 'CALL sync_item()');
SELECT cron.schedule('fresh', '* * * * *', \$\$
  INSERT INTO fresh ($columns)
  SELECT $select FROM erp.inventory
  WHERE MadeRecordDate >= timestamptz '2026-01-01 00:00+08' AND NOT Disabled
  ON CONFLICT (id) DO UPDATE SET name = excluded.name, ts = excluded.ts\$\$);
SELECT cron.schedule('broken', '* * * * *', 'SELECT count(*) FROM broken.inventory');
SELECT cron.schedule('renew', '* * * * *', \$\$SELECT tplus.renew_due('7 days')\$\$);
SQL
$node->safe_psql(
	'postgres',
	"SELECT cron.schedule('other', '* * * * *', 'SELECT count(*) FROM erp.inventory')",
	extra_params => [ '-U', 'planner' ]);

# What became of the runs that ended, by job; all jobs start with the minute.
sub outcome
{
	my ($job) = @_;
	return $node->safe_psql(
		'postgres', "SELECT status, return_message
		   FROM cron.job_run_details JOIN cron.job USING (jobid)
		  WHERE jobname = '$job' AND end_time IS NOT NULL
		  ORDER BY runid LIMIT 1");
}

ok( $node->poll_query_until(
		'postgres',
		"SELECT count(DISTINCT jobid) = 5 FROM cron.job_run_details
		  WHERE end_time IS NOT NULL"),
	'every job ran');

my $truth = $node->safe_psql('postgres',
	"INSERT INTO copied ($columns) SELECT $select FROM erp.inventory; SELECT count(*) FROM copied"
);
is($truth, '400', 'a session reads all records');
like(outcome('sync'), qr/^succeeded\|/, 'the procedure succeeded');
is( $node->safe_psql('postgres',
		'(TABLE copied EXCEPT ALL TABLE item) UNION ALL (TABLE item EXCEPT ALL TABLE copied)'
	),
	'',
	'it brought all records');
is( $node->safe_psql('postgres', 'SELECT ts FROM item_sync'),
	$node->safe_psql('postgres', 'SELECT max(ts) FROM item'),
	'and remembered up to where');

like(outcome('fresh'), qr/^succeeded\|INSERT 0 [1-9]/,
	'the INSERT succeeded');
is( $node->safe_psql(
		'postgres', "SELECT count(*) FROM (
		  SELECT * FROM copied WHERE made >= '2026-01-01' AND NOT disabled
		  EXCEPT ALL TABLE fresh) AS missing"),
	'0',
	'it brought what it asked for');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM fresh WHERE made < '2026-01-01' OR disabled"),
	'0',
	'and nothing else');

like(outcome('broken'), qr/^failed\|/, 'a refused account makes a job fail');
like(outcome('broken'), qr/could not read from server "broken"/,
	'the message names the server');
unlike(outcome('broken'), qr/canary/, 'and no secret');

like(outcome('renew'), qr/^succeeded\|/, 'renew_due() succeeded');
is( $node->safe_psql(
		'postgres',
		"SELECT state, generation > 0 FROM tplus.token_status WHERE server = 'pair'"
	),
	'valid|t',
	'and there is a token pair');

like(outcome('other'), qr/^failed\|/, 'a role without a mapping fails');
like(outcome('other'), qr/no user mapping for user "planner"/,
	'and is told why');

# The next run brings what changed meanwhile, and only that.
$node->safe_psql('postgres',
	"SELECT cron.unschedule(jobname) FROM cron.job WHERE jobname <> 'sync' AND username = current_user"
);
my $before = $node->safe_psql('postgres', 'SELECT max(runid) FROM cron.job_run_details');
$sim->mutate(
	'cron',
	action => 'edit',
	pick => 'any_first',
	set => { Name => 'changed' });
$sim->mutate(
	'cron',
	action => 'insert',
	record => { Code => 'NEW-1', Name => 'inserted' });
$sim->clear_journal('cron');
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) > 0 FROM cron.job_run_details JOIN cron.job USING (jobid)
		  WHERE jobname = 'sync' AND end_time IS NOT NULL AND runid > $before"),
	'the next run came');
is( $node->safe_psql('postgres',
		"SELECT count(*) FILTER (WHERE name = 'changed'), count(*) FILTER (WHERE name = 'inserted'), count(*) FROM item"
	),
	'1|1|401',
	'it brought the edit and the new record');

my $rows = 0;
$rows += $_->{rows} // 0 for $sim->journal('cron', 'path=inventory');
cmp_ok($rows, '<', 200, 'and did not read everything again');

my $log = slurp_file($node->logfile);
unlike($log, qr/canary/, 'no secret in the log');
unlike($log, qr/(PANIC|TRAP):/, 'no crash in the log');

$node->stop;
done_testing();
