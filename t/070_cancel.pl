
# Every wait ends with a cancel, a terminate or a time-out of PostgreSQL, with the
# SQLSTATE of that, and leaves nothing behind: the next statement works, also
# where one request at a time is allowed.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use TplusNames;
use TplusQueue;
use TplusSim;

# The waits would last so long.  An idle machine ends them within 100 ms; a
# busy one may take the first of these, and the second for half of them.
my $wait_ms = 170_000;
my $limit_ms = 2000;
my $median_ms = 100;

my $names = TplusNames->new;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
log_statement = none
log_min_error_statement = panic
max_worker_processes = 32
max_connections = 80
CONF
{
	local $ENV{LD_PRELOAD} = $names->library;
	$node->start;
}
$node->safe_psql('postgres', <<'SQL');
-- Traps whatever an ERROR can be trapped by; a cancel is not that.
CREATE FUNCTION guarded(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE query INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN 'trapped ' || SQLSTATE;
END
$$;
-- A type into which values are slow to go.
CREATE FUNCTION dawdles(text) RETURNS boolean LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_catalog.pg_sleep(170); RETURN true; END';
CREATE DOMAIN slow AS text CHECK (dawdles(VALUE));
SQL

my $sim = TplusSim->new;
my $hanging = TplusSim->new(arguments => ['--hang']);

# A listener whose queue is full, so that nobody gets a connection.
my $full = TplusQueue->new;

my %static = (app_secret => 'sim-secret', open_token => 'sim-open-token');
my %renewed = (app_secret => 'sim-secret', refresh_token => 'sim-refresh-token');

# Accounts: one that is always well, and one to wait in.
sub account
{
	my ($name, %option) = @_;
	my $switches = delete $option{switches} // {};
	$sim->tenant($name, records => 250, switches => $switches);
	$sim->setup_server(
		$node, $name,
		server => $name,
		requests_per_second => 0,
		max_concurrency => 1,
		page_size => 100,
		connect_timeout_ms => $wait_ms,
		request_timeout_ms => $wait_ms,
		stall_timeout_ms => $wait_ms,
		mapping => \%static,
		%option);
	return;
}
account('calm');

# Each wait: the account's options, the fault, whether the account itself can be
# read right after, and what else there is to it.
my @waits = (
	[ 'the first byte', {}, { action => 'stall', when => 'reply' }, 1 ],
	[ 'the work of the server', {}, { action => 'stall', when => 'before' }, 1 ],
	[ 'the rest of the head', {}, { action => 'stall', when => 'headers' }, 1 ],
	[ 'the rest of the body', {}, { action => 'stall', when => 'body', bytes => 5000 }, 1 ],
	[ 'the second page', {}, { action => 'stall', when => 'reply', match => { path => '*Query', nth => 2 } }, 1 ],
	[ 'one byte after another', {}, { action => 'drip', bytes => 1, interval_ms => 50 }, 1 ],
	[ 'a body that is too short', {}, { action => 'length', delta => 1000, hold_ms => $wait_ms }, 1 ],
	[ 'a body that is too long', { max_response_mb => 4096 }, { action => 'huge', mb => 4000 }, 1, flood => 1, type => 'any' ],
	[ 'another attempt', {}, { action => 'unavailable', retry_after => $wait_ms / 1000 }, 1 ],
	[ 'the end of a pause', {}, { action => 'throttled', retry_after => $wait_ms / 1000 }, 0 ],
	[ 'the request budget', { requests_per_second => 0.005, burst => 1 }, undef, 0 ],
	[ 'the request of another session', {}, { action => 'stall', when => 'reply' }, 0, other => 1 ],
	[ 'the name of the host', { base_url => 'https://t.hanging' }, undef, 0 ],
	[ 'a place in the queue of a host', { base_url => "http://127.0.0.1:@{[ $full->port ]}" }, undef, 0 ],
	[ 'a handshake', { base_url => $hanging->url =~ s/^http:/https:/r }, undef, 0 ],
	[ 'a silent server', { base_url => $hanging->url }, undef, 0 ],
	[ 'a silent proxy', { base_url => 'https://127.0.0.1:1', proxy => $hanging->url }, undef, 0 ],
	[ 'the name of a proxy', { proxy => 'http://t.hanging:1' }, undef, 0 ],
	[ 'the token', { mapping => \%renewed, switches => { refresh_ms => $wait_ms } }, undef, 0 ],
	[ 'the token that another session renews', { mapping => \%renewed, switches => { refresh_ms => $wait_ms } }, undef, 0,
		other => 1, type => 'Lock', lock => 1 ],
	[ 'a call for the number of records', {}, { action => 'stall', when => 'reply', match => {} }, 1,
		sql => q{SELECT tplus.ping('ACCOUNT')} ],
	[ 'the calibration of an import', {}, { action => 'stall', when => 'reply', match => {} }, 1,
		sql => 'CREATE SCHEMA x_ACCOUNT; IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER ACCOUNT INTO x_ACCOUNT', bare => 1 ],
	[ 'a calibration', {}, { action => 'stall', when => 'reply', match => { nth => 3 } }, 1,
		sql => q{SELECT count(*) FROM tplus.calibrate('ACCOUNT.inventory', false)} ],
	[ 'one of two scans at once', { max_concurrency => 4 }, { action => 'stall', when => 'body', bytes => 3000 }, 1,
		sql => 'SELECT count(*) FROM (SELECT id FROM ACCOUNT.inventory UNION ALL SELECT id FROM ACCOUNT.inventory) AS u', type => 'IPC' ],
	[ 'the other side of a join', {}, { action => 'stall', when => 'body', bytes => 3000, match => { path => '*Query', nth => 2 } }, 1,
		sql => 'SELECT count(*) FROM calm.inventory a JOIN ACCOUNT.inventory b USING (id)' ],
	[ 'a one-time code', { mapping => { app_secret => 'sim-secret' }, switches => { refresh_ms => $wait_ms } }, undef, 0,
		sql => q{SELECT tplus.authorize('ACCOUNT', 'sim-code')} ],
	[ 'a renewal behind that of another session', { mapping => \%renewed, switches => { refresh_ms => $wait_ms } }, undef, 0,
		sql => q{SELECT tplus.refresh_token('ACCOUNT')}, other => 1, type => 'Lock', lock => 1 ],
	[ 'a page, where values need not fit', {}, { action => 'stall', when => 'body', bytes => 5000 }, 1,
		prepare => q{CREATE FOREIGN TABLE ACCOUNT.soft (id int, name int, problems jsonb OPTIONS (field '$error')) }
		  . q{SERVER ACCOUNT OPTIONS (resource 'inventory', on_error 'null')},
		sql => 'SELECT count(problems) FROM ACCOUNT.soft' ],
	[ 'a value that need not fit', {}, undef, 1,
		prepare => q{CREATE FOREIGN TABLE ACCOUNT.soft (id int, name slow, problems jsonb OPTIONS (field '$error')) }
		  . q{SERVER ACCOUNT OPTIONS (resource 'inventory', on_error 'null')},
		sql => 'SELECT count(problems) FROM ACCOUNT.soft', type => 'Timeout' ],
	[ 'a sample', {}, { action => 'stall', when => 'reply', match => {} }, 1, sql => 'ANALYZE ACCOUNT.inventory', bare => 1 ],
);

# A session of which psql does what it is told, one statement after another.
sub session
{
	my ($name, @statements) = @_;
	my %session = (out => '', err => '', name => $name);

	$session{run} = IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'VERBOSITY=verbose',
			'-d', $node->connstr('postgres') . " application_name=$name",
			map { ('-c', $_) } @statements
		],
		'<', '/dev/null', '>', \$session{out}, '2>', \$session{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%session;
}

# Waits until the sessions wait for T+ as they shall, for a while; sets their
# process ids.
sub until_they_wait
{
	my ($type, @sessions) = @_;
	my $names = join ', ', map { "'$_->{name}'" } @sessions;
	my $is = $type eq 'any' ? 'true' : "wait_event_type = '$type'";
	my $from = "FROM pg_stat_activity WHERE application_name IN ($names) AND state = 'active' "
	  . "AND $is AND query_start < clock_timestamp() - interval '300 ms' AND query !~ 'pg_sleep'";
	my $count = @sessions;
	my $ok = $node->poll_query_until('postgres', "SELECT count(*) = $count $from");
	my %pid = map { split /\|/ } split /\n/,
	  $node->safe_psql('postgres', "SELECT application_name, pid FROM pg_stat_activity WHERE application_name IN ($names)");
	$_->{pid} = $pid{ $_->{name} } for @sessions;
	return $ok;
}

# Milliseconds until a process has gone.
sub end_of
{
	my ($pid, $since) = @_;
	my $give_up = time() + 60;
	while (kill(0, $pid) && time() < $give_up)
	{
		# A zombie has gone, too.
		last if slurp_stat($pid) =~ /\) [ZX] /;
		sleep(0.001);
	}
	return 1000 * (time() - $since);
}

sub slurp_stat
{
	my ($pid) = @_;
	open my $fh, '<', "/proc/$pid/stat" or return ') X ';
	return scalar(<$fh>) // ') X ';
}

my ($longest, $longest_of, @took) = (0, '');

sub took
{
	my ($what, $ms) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	($longest, $longest_of) = ($ms, $what) if $ms > $longest;
	push @took, $ms;
	return cmp_ok($ms, '<', $limit_ms, sprintf '%s: ended after %.0f ms', $what, $ms);
}

my %ending = (
	cancel => [ '', qr/\AERROR:  57014: canceling statement due to user request\n/ ],
	terminate => [ '', qr/FATAL:  57P01: terminating connection due to administrator command\n/ ],
	timeout => [ "SET statement_timeout = '1500ms'", qr/\AERROR:  57014: canceling statement due to statement timeout\n/ ],
	lock_timeout => [ "SET lock_timeout = '1500ms'", qr/\AERROR:  55P03: canceling statement due to lock timeout\n/ ]);

my $number = 0;
my (@all, @others);

# The statement that waits, which must not be trapped by accident.
sub statement
{
	my ($account, $more, $how) = @_;
	my $sql = ($more->{sql} // 'SELECT count(*) FROM ACCOUNT.inventory') =~ s/ACCOUNT/$account/gr;
	return $sql if $more->{bare} || $how eq 'lock_timeout';
	return "SELECT guarded(\$q\$$sql\$q\$)";
}

# An account to wait in, and who must be there first.
sub place
{
	my ($option, $fault, $more) = @_;
	my $account = 'account' . ++$number;
	account($account, %$option);
	$node->safe_psql('postgres', $more->{prepare} =~ s/ACCOUNT/$account/gr) if $more->{prepare};
	$sim->fault($account, ms => $wait_ms, match => { path => '*Query' }, %$fault, times => 1) if $fault;
	if ($more->{other})
	{
		my $other = session("other$number", "SELECT count(*) FROM $account.inventory");
		push @others, $other;
		until_they_wait('Extension', $other) or die 'the other session does not wait';
	}
	return $account;
}

for my $wait (@waits)
{
	my ($name, $option, $fault, $readable, %more) = @$wait;

	subtest $name => sub {
		my @hows = (qw(cancel terminate timeout), $more{lock} ? 'lock_timeout' : ());
		my (@sessions, %session);

		for my $how (@hows)
		{
			my $account = place($option, $fault, \%more);
			my $session = session(
				"victim_$how",
				$ending{$how}[0] || 'SELECT',
				'SELECT extract(epoch FROM clock_timestamp())',
				statement($account, \%more, $how),
				'SELECT extract(epoch FROM clock_timestamp())',
				'SET statement_timeout = 0',
				"SELECT 'calm ' || count(*) FROM calm.inventory",
				$readable ? "SELECT 'self ' || count(*) FROM $account.inventory" : ());
			$session->{account} = $account;
			$session{$how} = $session;
			push @sessions, $session;
		}

		ok(until_they_wait($more{type} // 'Extension', @session{qw(cancel terminate)}), 'they wait');
		my $start = time();
		kill 'INT', $session{cancel}{pid};
		kill 'TERM', $session{terminate}{pid};
		took("$name: terminate", end_of($session{terminate}{pid}, $start));
		$_->{run}->finish for @sessions;

		for my $how (@hows)
		{
			my $session = $session{$how};
			my ($begun, $ended) = $session->{out} =~ /^(\d+\.\d+)$/mg;
			my $account = $session->{account};

			like($session->{err}, $ending{$how}[1], "$how: its SQLSTATE");
			unlike($session->{out}, qr/trapped/, "$how: nothing traps it");
			if ($how eq 'terminate')
			{
				is($ended, undef, 'terminate: nothing else');
				is($node->safe_psql('postgres', "SELECT count(*) FROM $account.inventory"),
					'250', 'terminate: another session reads') if $readable;
				next;
			}
			took("$name: $how", 1000 * ($ended - ($how eq 'cancel' ? $start : $begun + 1.5)));
			is($session->{err} =~ s/ERROR:  .*\n((LOCATION|CONTEXT|COLUMN NAME).*\n|SQL (statement|function).*\n|PL.pgSQL.*\n|column .*\n)*//r,
				'', "$how: nothing else");
			like($session->{out}, qr/^calm 250$/m, "$how: the next statement works");
			like($session->{out}, qr/^self 250$/m, "$how: also with the same account")
			  if $readable;
		}
		for my $other (splice @others)
		{
			kill 'TERM', $other->{pid};
			$other->{run}->finish;
		}
	};
}

subtest 'a handler of PL/pgSQL' => sub {
	account('handled');
	$sim->fault('handled', action => 'stall', when => 'body', bytes => 5000, ms => $wait_ms, match => { path => '*Query' });
	my $session = session('victim', <<'SQL', 'SELECT count(*) FROM handled.inventory');
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
	ok(until_they_wait('Extension', $session), 'it waits');
	kill 'INT', $session->{pid};
	$session->{run}->finish;
	like($session->{err}, qr/handled, and read 250/, 'the transaction goes on');
	is($session->{out}, "250\n", 'and the session');
};

subtest 'a cursor that is left' => sub {
	account('cursor');
	my $session = session('victim',
		'BEGIN; DECLARE c CURSOR FOR SELECT id FROM cursor.inventory; FETCH 3 FROM c; '
		  . 'SELECT count(*) FROM cursor.inventory',
		'COMMIT');
	$session->{run}->finish;
	like($session->{out}, qr/^250$/m, 'does not keep its only request from another scan');
};

# A session that idles with a page on its way is ended by its limits like any
# other, and does not keep the only request.
subtest 'idle sessions' => sub {
	my %limit = (
		idle_in_transaction_session_timeout => [ 'BEGIN; DECLARE', '', qr/FATAL:  25P03: / ],
		idle_session_timeout => [ 'DECLARE', 'WITH HOLD', qr/FATAL:  57P05: / ]);

	for my $limit (sort keys %limit)
	{
		my ($declare, $hold, $error) = @{ $limit{$limit} };
		my $account = 'account' . ++$number;
		my ($in, $out, $err) = ('', '', '');

		account($account);
		$sim->fault($account, action => 'stall', when => 'body', bytes => 9000, ms => $wait_ms, match => { path => '*Query' })
		  unless $hold;
		my $run = IPC::Run::start(
			[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres') ],
			'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
		$in = "SET $limit = '700ms';\n$declare c CURSOR $hold FOR SELECT id FROM $account.inventory;\nFETCH 3 FROM c;\n"
		  . "SELECT 'pid ' || pg_backend_pid();\n";
		$run->pump until $out =~ /^pid (\d+)\n/m;
		my ($pid, $start) = ($1, time());
		is(() = $out =~ /^\d+$/mg, 3, "$limit: it has its rows");
		took("an idle session: $limit", end_of($pid, $start + 0.7));
		is($node->safe_psql('postgres', "SELECT count(*) FROM $account.inventory"), '250', "$limit: another session reads");
		$in = "SELECT 'still there';\n";
		$run->finish;
		like($err, $error, "$limit: it is told so");
		unlike($out, qr/still/, "$limit: it has gone");
	}
};

# Whoever looks only once in a while whether to go on would be found out here.
@took = sort { $a <=> $b } @took;
cmp_ok($took[ @took / 2 ], '<', $median_ms, 'most ends do not keep anybody waiting');

# What has been cancelled has been hung up, too.
my @left = grep { !defined $_->{end} && !$_->{aborted} && $_->{path} !~ /auth/ }
  map { $sim->journal("account$_") } 1 .. $number;
cmp_ok(scalar(@left), '<=', 3, 'the simulator has hardly a request left to answer');

my $log = slurp_file($node->logfile);
unlike($log, qr/(PANIC|TRAP):|terminated by signal/, 'no crash');

# One session in each wait, then the server goes.  The flood ends by itself some
# day, so it comes last.
sub is_flood
{
	my (undef, undef, undef, undef, %more) = @{ $_[0] };
	return $more{flood};
}

sub wait_everywhere
{
	my @sessions;
	for my $wait ((grep { !is_flood($_) } @waits), grep { is_flood($_) } @waits)
	{
		my ($name, $option, $fault, $readable, %more) = @$wait;
		my $account = place($option, $fault, \%more);
		my $session = session("victim$number", statement($account, \%more, 'cancel'));
		$session->{what} = $name;
		push @sessions, $session;
		until_they_wait($more{type} // 'Extension', $session) or die "$name: it does not wait";
	}
	return @sessions;
}

subtest 'a shutdown' => sub {
	my @sessions = wait_everywhere();
	# The workers' calls would hold it up, as they shall.
	my @workers = split /\n/,
	  $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type ~ '^tplus_fdw'});
	my $start = time();
	kill 'INT', $node->safe_psql('postgres', q{SELECT pg_read_file('postmaster.pid')}) =~ /\A(\d+)/;
	took("shutdown: $_->{what}", end_of($_->{pid}, $start)) for @sessions;
	$_->{run}->finish for @sessions, splice @others;
	for my $session (@sessions)
	{
		# Only so many renewals run at a time, which who waited for another was told.
		my $is_renewal = $session->{what} =~ /token|code|renewal/;
		like($session->{err} . ($is_renewal ? $session->{out} : ''), $is_renewal ? qr/57P01|53000/ : qr/57P01/,
			"$session->{what}: it is told so");
	}
	cmp_ok(scalar(@workers), '>=', 2, 'two workers');
	kill 'KILL', @workers;
	end_of($_, $start) for @workers;
	is(scalar(grep { slurp_stat($_) !~ /\) [ZX] / } @workers), 0, 'which are gone');
	$node->stop('fast', fail_ok => 1);
	ok(!-e $node->data_dir . '/postmaster.pid', 'the server stopped');
};

subtest 'the death of the postmaster' => sub {
	{
		local $ENV{LD_PRELOAD} = $names->library;
		$node->start;
	}
	my @sessions = wait_everywhere();
	my @workers = split /\n/,
	  $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type ~ '^tplus_fdw'});
	my $start = time();
	$node->kill9;
	took("no postmaster: $_->{what}", end_of($_->{pid}, $start)) for @sessions;
	cmp_ok(scalar(@workers), '>=', 2, 'two workers');
	took('no postmaster: a worker', end_of($_, $start)) for @workers;
	$_->{run}->finish for @sessions, splice @others;
};

note sprintf 'the longest took %.0f ms: %s', $longest, $longest_of;
done_testing();
