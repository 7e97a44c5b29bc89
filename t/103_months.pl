# Requests by month: every one that was sent counts, whatever became of it, and
# outlives restarts and crashes; syncs stop before they exceed monthly_requests,
# queries warn, tokens are renewed; the month turns.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TokenTest;

my ($node, $sim) = start_cluster("fsync = on\nautovacuum = off\n");
my %static = (app_secret => 'sim-secret', open_token => 'sim-open-token');

sub sql { return $node->safe_psql('postgres', @_) }

sub sent { return scalar $sim->journal($_[0]) }

# What is counted for an account this month, and the month before.
sub months
{
	return sql(qq{SELECT coalesce(max(account_requests) FILTER (WHERE month > c), 0),
	                     coalesce(max(account_requests) FILTER (WHERE month <= c), 0)
	                FROM tplus.stat_months,
	                     CAST(date_trunc('month', now() AT TIME ZONE 'Asia/Shanghai') - interval '1 day' AS date) c
	               WHERE server = '$_[0]'});
}

# Allows so many requests more than were made.
sub allow
{
	my ($server, $more) = @_;
	my ($now) = split /\|/, months($server);
	sql("ALTER SERVER $server OPTIONS (DROP monthly_requests)") if sql("SELECT 'x' FROM pg_foreign_server WHERE srvname = '$server' AND srvoptions::text ~ 'monthly_requests'");
	my $limit = $now + $more;
	sql("ALTER SERVER $server OPTIONS (ADD monthly_requests '$limit')");
	return $limit;
}

sub alerts
{
	return sql("SELECT coalesce(sync, '') || '/' || coalesce(server, ''), times, resolved IS NOT NULL FROM tplus.alert "
		  . "WHERE kind = 'monthly_requests' ORDER BY id");
}

# A target and a sync of the server's table.
sub make_sync
{
	my ($name, $server, $arguments) = @_;
	sql("CREATE TABLE $name (id text PRIMARY KEY); SELECT tplus.create_sync('$name', source => '$server.item', "
		  . "target => '$name', full_every => '0'" . ($arguments // '') . ')');
	return;
}

subtest 'what counts' => sub {
	account('count', mapping => \%static, page_size => 50);
	account('token');
	is(months('count'), '0|0', 'nothing was asked');
	my @statements = (
		[ 'a query', reads('count') ],
		[ 'one that is rolled back', 'BEGIN; ' . reads('count') . '; ROLLBACK' ],
		[ 'in a read-only transaction', 'BEGIN READ ONLY; ' . reads('count') . '; COMMIT' ],
		[ 'one that fails', 'SELECT 1 / (count(*) - count(*)) FROM count.item' ],
		[ 'EXPLAIN ANALYZE', 'EXPLAIN ANALYZE ' . reads('count') ],
		[ 'ANALYZE', 'ANALYZE count.item' ],
		[ 'calibrate()', "SELECT count(*) FROM tplus.calibrate('count.item')" ],
		[ 'ping()', "SELECT tplus.ping('count')" ]);
	for (@statements)
	{
		my ($name, $statement) = @$_;
		my $before = sent('count');
		$node->psql('postgres', $statement);
		cmp_ok(sent('count'), '>', $before, "$name asks");
		is(months('count'), sent('count') . '|0', "$name counts");
	}
	$sim->fault('count', match => { path => 'Query' }, times => 2, action => 'throttled', retry_after => 0);
	sql(reads('count'));
	is(months('count'), sent('count') . '|0', 'requests that are refused count, and those that repeat them');
	$sim->fault('count', match => { path => 'Query' }, action => 'stall', when => 'body', ms => 20000);
	$node->psql('postgres', "SET statement_timeout = '300ms'; " . reads('count'));
	is(months('count'), sent('count') . '|0', 'a cancel in the middle');
	$sim->clear_faults('count');
	$_->{run}->finish for map { start([ (reads('count')) x 10 ]) } 1 .. 4;
	is(months('count'), sent('count') . '|0', 'four sessions at once');
	sql(reads('token') . "; SELECT tplus.refresh_token('token')");
	is(months('token'), sent('token') . '|0', 'calls for tokens');
	cmp_ok(scalar(token_calls('token')), '>=', 2, 'which there were');

	# By server and table; other servers of the same account count with it.
	another('second', 'count', mapping => \%static);
	sql(reads('second'));
	is(months('second'), sent('count') . '|0', 'another server of the account');
	is(sql("SELECT sum(requests) FROM tplus.stat_months WHERE server IN ('count', 'second')"), sent('count'), 'the parts');
	is(sql("SELECT sum(month_requests), sum(requests), sum(last_month_requests) FROM tplus.stat_requests WHERE server = 'count'"),
		sql("SELECT sum(requests), sum(requests), 0 FROM tplus.stat_months WHERE server = 'count'"), 'stat_requests has them, too');
	sql('SELECT tplus.stat_reset()');
	is(months('count'), sent('count') . '|0', 'stat_reset() does not touch them');

	$node->stop('immediate');
	$node->start;
	is(months('count'), sent('count') . '|0', 'nor does a crash');
	sql(reads('count'));
	$node->restart;
	is(months('count'), sent('count') . '|0', 'nor a restart');
	is(sql("SET TimeZone = 'Pacific/Kiritimati'; SELECT count(DISTINCT month) FROM tplus.stat_months"), '1', 'one month');
	sql('CREATE ROLE nobody LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM tplus.stat_months', extra_params => [ '-U', 'nobody' ]), '0', 'not for everybody');
	cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM tplus.stat_months', extra_params => [ '-U', 'watcher' ]), '>', 1, 'for pg_monitor');
};

subtest 'a sync stops' => sub {
	account('small', page_size => 100, mapping => { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });
	$sim->tenant('small', records => 1000);
	sql(reads('small'));
	sql("ALTER FOREIGN TABLE small.item ADD ts text OPTIONS (field 'Ts')");
	make_sync('first', 'small', ", lag => '0'");
	my $limit = allow('small', 5);
	fails_like("CALL tplus.sync('first')", '53T01', qr/the monthly requests of server "small" are used up.*made $limit requests this month; "monthly_requests" is $limit/s, 'a run');
	is(sent('small'), $limit, 'stops right at the limit');
	is(sql("SELECT status, requests, sqlstate FROM tplus.sync_run WHERE sync = 'first'"), 'failed|5|53T01', 'and says why');
	is(alerts(), '/small|1|f', 'an alert');
	is(sql("SELECT count(*) FROM tplus.alert WHERE kind = 'failed'"), '0', 'of a kind of its own');
	make_sync('other', 'small', ", lag => '0'");
	for my $name ('first', 'first', 'other')
	{
		my ($rc, $out, $err) = $node->psql('postgres', "CALL tplus.sync('$name')");
		is($rc, 0, 'the next runs are no errors');
		like($err, qr/NOTICE:  sync "$name" was skipped: the monthly requests of server "small" are used up/, 'but skipped');
	}
	is(sent('small'), $limit, 'without a request');
	is(sql("SELECT string_agg(status, ' ' ORDER BY run), max(message) FROM tplus.sync_run WHERE sync = 'first'"),
		'failed skipped skipped|the monthly requests of server "small" are used up', 'which the history tells');
	is(alerts(), '/small|4|f', 'it is the same alert');
	is(sql('SELECT DISTINCT health FROM tplus.sync_status'), 'out of requests', 'and shows in sync_status');
	is(sql('SELECT tplus.check_syncs()'), '0', 'check_syncs() has nothing to add');

	# Nothing that is needed to ask at all is stopped, and queries are the user's affair.
	sql("SELECT tplus.refresh_token('small')");
	is(months('small'), sent('small') . '|0', 'a token is renewed all the same, and counts');
	cmp_ok(sent('small'), '>', $limit, 'beyond the limit');
	my ($rc, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM small.item a JOIN small.item b USING (id); ' . reads('small'));
	is($out, "1000\n1000", 'queries read');
	is(scalar(() = $err =~ /WARNING:  server "small" has exceeded its monthly requests/g), 2, 'each with one warning');
	is(months('small'), sent('small') . '|0', 'and count');

	allow('small', 1000);
	is(sql('SELECT tplus.check_syncs()'), '0', 'the option is raised');
	is(alerts(), '/small|4|t', 'which ends the alert');
	sql("CALL tplus.sync('first')");
	is(sql('SELECT count(*) FROM first'), '1000', 'the next run reads all');
	is(sql("SELECT health, last_requests = requests_per_run AND last_requests > 10, requests_per_month >= 30 * last_requests "
			  . "FROM tplus.sync_status WHERE sync = 'first'"), 'ok|t|t', 'sync_status says what it cost');
	is(sql("SELECT last_requests FROM tplus.sync_status WHERE sync = 'first'"),
		sql("SELECT sum(requests) - 5 FROM tplus.sync_log WHERE sync = 'first'"), 'that is what the history has');

	# A run that cannot end does not begin.
	allow('small', 8);
	($rc, $out, $err) = $node->psql('postgres', q{CALL tplus.sync('first', "full" => true)});
	like($err, qr/NOTICE:  sync "first" was skipped: a run of sync "first" takes some \d+ requests, and the month has 8 left on server "small"/, 'a run that is too large');
	is(alerts(), "/small|4|t\nfirst/small|1|f", 'has an alert of its own');
	sql("SELECT tplus.alter_sync('first', full_every => '1 microsecond')");
	sql("CALL tplus.sync('first')");
	is(sql("SELECT kind, status, cause FROM tplus.sync_run ORDER BY run DESC LIMIT 1"),
		'incremental|succeeded|the month has no requests left for the full run that is due', 'where a full run is due, an incremental one is made');
	is(alerts(), "/small|4|t\nfirst/small|1|t", 'and that alert ends');
};

subtest 'several at once' => sub {
	account('race', mapping => \%static, page_size => 20);
	$sim->tenant('race', records => 400);
	make_sync("race$_", 'race') for 1 .. 4;
	my $limit = allow('race', 15);
	$sim->fault('race', match => { path => 'Query', every => 5 }, times => 9, action => 'drop', when => 'before');
	my @runs = map { start([ "CALL tplus.sync('race$_')" ]) } 1 .. 4;
	eval { finish($_) } for @runs;
	is(sent('race'), $limit, 'together they do not exceed the limit, also where connections break');
	is(months('race'), "$limit|0", 'and all of it is counted');
	is(sql("SELECT count(*) FROM tplus.alert WHERE server = 'race'"), '1', 'one alert');
	is(sql("SELECT count(*) FROM race$_"), '0', "nothing of $_ is stored") for 1 .. 4;
};

# What the file has: see src/base/ledger.c.
sub rewrite_file
{
	my ($change) = @_;
	my $file = $node->data_dir . '/pg_stat/tplus_fdw.requests';
	my $bytes = slurp_file($file);
	is(length $bytes, 8 + 1024 * 48, 'the size of the file');
	for my $n (0 .. 1023)
	{
		my $month = unpack 'l', substr $bytes, 8 + $n * 48 + 24, 4;
		substr($bytes, 8 + $n * 48 + 24, 4) = pack 'l', $change->($month) if $month;
	}
	open my $to, '>:raw', $file or die $!;
	print $to $bytes;
	close $to;
	return;
}

subtest 'the month turns' => sub {
	allow('small', 0);
	$node->psql('postgres', "CALL tplus.sync('other')");
	like(alerts(), qr{^/small\|1\|f$}m, 'syncs stand still');
	my $before = sent('small');
	$node->stop;
	rewrite_file(sub { $_[0] - 1 });
	$node->start;
	is(months('small'), "0|$before", 'last month');
	sql("CALL tplus.sync('other')");
	is(sql('SELECT count(*) FROM other'), '1000', 'the next run goes on');
	unlike(alerts(), qr{^/small\|.*\|f$}m, 'and ends the alert');
	sql('SELECT tplus.check_syncs()');
	unlike(alerts(), qr/\|f$/m, 'as check_syncs() does');
	my $since = sent('small') - $before;
	is(months('small'), "$since|$before", 'it counts this month');
	is(sql("SELECT sum(month_requests), sum(last_month_requests) > 0 FROM tplus.stat_requests WHERE server = 'small'"),
		"$since|t", 'as stat_requests has it');
	rewrite_file(sub { $_[0] + 1 });
	is(months('small'), sent('small') . '|0', 'a clock that was set back loses none');

	# A file that is none of ours is not touched.
	append_to_file($node->data_dir . '/pg_stat/other', 'something else entirely');
	rename $node->data_dir . '/pg_stat/other', $node->data_dir . '/pg_stat/tplus_fdw.requests';
	fails_like("CALL tplus.sync('other')", '58030', qr/could not count the requests of server "small"/, 'without a count, no sync');
	my (undef, $out, $err) = $node->psql('postgres', reads('small'));
	is($out, '1000', 'queries read');
	like($err, qr/WARNING:  could not count/, 'and warn');
	is(sql(reads('count')), '3', 'no matter where there is no limit');
	is(slurp_file($node->data_dir . '/pg_stat/tplus_fdw.requests'), 'something else entirely', 'it stays');
};

$node->stop;
done_testing();
