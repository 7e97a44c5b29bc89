
# Every wait ends with a cancel, a terminate or a time-out of PostgreSQL, with the
# SQLSTATE of that, and leaves nothing behind: the next statement works, also
# where one request at a time is allowed.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TplusSim;

# The waits would last so long, and their end may take so long.
my $wait_ms = 170_000;
my $limit_s = 30;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
log_statement = none
log_min_error_statement = panic
CONF
$node->start;

my $sim = TplusSim->new;
my $hanging = TplusSim->new(arguments => ['--hang']);
my %mapping = (
	mapping => { app_secret => 'sim-secret', open_token => 'sim-open-token' });

# Accounts: one that is always well, and one to wait in.
sub account
{
	my ($name, %option) = @_;
	$sim->tenant($name, records => 250);
	$sim->setup_server(
		$node, $name,
		server => $name,
		requests_per_second => 0,
		max_concurrency => 1,
		page_size => 100,
		connect_timeout_ms => $wait_ms,
		request_timeout_ms => $wait_ms,
		stall_timeout_ms => $wait_ms,
		%mapping, %option);
	return;
}
account('calm');

# Each wait: the account's options, the fault, and whether the account itself
# can be read right after.
my @waits = (
	[ 'the first byte', {}, { action => 'stall', when => 'reply' }, 1 ],
	[ 'the work of the server', {}, { action => 'stall', when => 'before' }, 1 ],
	[ 'the rest of the head', {}, { action => 'stall', when => 'headers' }, 1 ],
	[ 'the rest of the body', {}, { action => 'stall', when => 'body', bytes => 5000 }, 1 ],
	[ 'the second page', {}, { action => 'stall', when => 'reply', match => { path => '*Query', nth => 2 } }, 1 ],
	[ 'one byte after another', {}, { action => 'drip', bytes => 1, interval_ms => 50 }, 1 ],
	[ 'a body that is too short', {}, { action => 'length', delta => 1000, hold_ms => $wait_ms }, 1 ],
	[ 'another attempt', {}, { action => 'unavailable', retry_after => $wait_ms / 1000 }, 1 ],
	[ 'the end of a pause', {}, { action => 'throttled', retry_after => $wait_ms / 1000 }, 0 ],
	[ 'the request budget', { requests_per_second => 0.005, burst => 1 }, undef, 0 ],
	[ 'a connection', { base_url => $hanging->url =~ s/^http:/https:/r }, undef, 0 ],
	[ 'a silent server', { base_url => $hanging->url }, undef, 0 ],
);

# A session of which psql does what it is told, one statement after another.
sub session
{
	my (@statements) = @_;
	my %session = (out => '', err => '');

	$session{run} = IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'VERBOSITY=verbose',
			'-d', $node->connstr('postgres') . ' application_name=victim',
			map { ('-c', $_) } @statements
		],
		'<', '/dev/null', '>', \$session{out}, '2>', \$session{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%session;
}

# Waits until the victim waits for T+ as it shall, for a while.
sub until_it_waits
{
	return $node->poll_query_until(
		'postgres', "SELECT count(*) = 1 FROM pg_stat_activity
		  WHERE application_name = 'victim' AND wait_event_type = 'Extension'
		    AND query_start < clock_timestamp() - interval '300 ms'");
}

my $number = 0;
for my $wait (@waits)
{
	my ($name, $option, $fault, $readable) = @$wait;

	subtest $name => sub {
		for my $how (qw(cancel terminate timeout))
		{
			my $account = 'account' . ++$number;
			my $read = "SELECT count(*) FROM $account.inventory";
			my ($session, $start);

			account($account, %$option);
			$sim->fault($account, ms => $wait_ms, match => { path => '*Query' }, %$fault, times => 1)
			  if $fault;
			$session = session(
				$how eq 'timeout' ? "SET statement_timeout = '1500ms'" : 'SELECT 1',
				$read,
				'SET statement_timeout = 0',
				"SELECT 'calm ' || count(*) FROM calm.inventory",
				$readable ? "SELECT 'self ' || count(*) FROM $account.inventory" : ());
			if ($how eq 'timeout')
			{
				$start = time() + 1.5;
			}
			else
			{
				ok(until_it_waits(), "$how: it waits");
				$start = time();
				$node->safe_psql('postgres',
					"SELECT pg_${how}_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'"
				);
			}
			$session->{run}->finish;
			cmp_ok(time() - $start, '<', $limit_s, "$how: it ends");

			if ($how eq 'terminate')
			{
				like($session->{err}, qr/FATAL:  57P01: /, 'terminate: 57P01');
				is($session->{out}, "1\n", 'terminate: nothing else');
				is($node->safe_psql('postgres', 'SELECT count(*) FROM calm.inventory'),
					'250', 'terminate: another session reads');
				is($node->safe_psql('postgres', $read), '250', 'terminate: also the same account')
				  if $readable;
				next;
			}
			like($session->{err},
				$how eq 'cancel'
				? qr/\AERROR:  57014: canceling statement due to user request\n/
				: qr/\AERROR:  57014: canceling statement due to statement timeout\n/,
				"$how: 57014");
			is($session->{err} =~ s/ERROR:  57014.*\n(LOCATION|CONTEXT).*\n//r, '', "$how: nothing else");
			like($session->{out}, qr/^calm 250$/m, "$how: the next statement works");
			like($session->{out}, qr/^self 250$/m, "$how: also with the same account")
			  if $readable;
		}
	};
}

subtest 'a handler of PL/pgSQL' => sub {
	account('handled');
	$sim->fault('handled', action => 'stall', when => 'body', bytes => 5000, ms => $wait_ms, match => { path => '*Query' });
	my $session = session(<<'SQL', 'SELECT count(*) FROM handled.inventory');
DO $$
DECLARE
  n int;
BEGIN
  PERFORM count(*) FROM handled.inventory;
EXCEPTION WHEN query_canceled THEN
  SELECT count(*) INTO n FROM handled.inventory;
  RAISE NOTICE 'handled, and read %', n;
END
$$
SQL
	ok(until_it_waits(), 'it waits');
	$node->safe_psql('postgres',
		"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'");
	$session->{run}->finish;
	like($session->{err}, qr/handled, and read 250/, 'the transaction goes on');
	is($session->{out}, "250\n", 'and the session');
};

subtest 'a cursor that is left' => sub {
	account('cursor');
	my $session = session(
		'BEGIN; DECLARE c CURSOR FOR SELECT id FROM cursor.inventory; FETCH 3 FROM c; '
		  . 'SELECT count(*) FROM cursor.inventory',
		'COMMIT');
	$session->{run}->finish;
	like($session->{out}, qr/^250$/m, 'does not keep its only request from another scan');
};

# What has been cancelled has been hung up, too.
my @left = grep { !defined $_->{end} && !$_->{aborted} }
  map { $sim->journal("account$_") } 1 .. $number;
cmp_ok(scalar(@left), '<=', 3, 'the simulator has hardly a request left to answer');

my $log = slurp_file($node->logfile);
unlike($log, qr/(PANIC|TRAP):|terminated by signal/, 'no crash');

# A shutdown does not wait, either.
account('last');
$sim->fault('last', action => 'stall', when => 'reply', ms => $wait_ms, match => { path => '*Query' });
my $session = session('SELECT count(*) FROM last.inventory');
ok(until_it_waits(), 'one more waits');
my $start = time();
$node->stop('fast');
cmp_ok(time() - $start, '<', $limit_s, 'while the server stops');
$session->{run}->finish;
like($session->{err}, qr/57P01/, 'and it is told so');

done_testing();
