# Scans that take turns: several below an Append at once, and those that pause.
# Whatever waits, the others go on, also where one request at a time is allowed;
# and all sessions together keep to the budget.
use strict;
use warnings;

use IPC::Run ();
use JSON::PP;
use List::Util qw(max min sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "jit = off\nmax_parallel_workers_per_gather = 0\n");
$node->start;

my $sim = TplusSim->new;

sub sql { return $node->safe_psql('postgres', @_) }

# A server for a tenant, with a foreign table item of this paging.
sub server
{
	my ($name, $tenant, %option) = @_;
	my %table = (paging => 'ts', variants => 'none', %{ delete $option{table} // {} });
	$sim->setup_server($node, $tenant,
		server => $name,
		tables => [],
		requests_per_second => 0,
		max_concurrency => 1,
		page_size => 100,
		%option);
	sql("CREATE FOREIGN TABLE $name.item (id bigint, code text, name text, ts text) SERVER $name "
		  . TplusSim::options(resource => 'inventory', %table));
	return;
}

sub tenant
{
	my ($name, $records, %switches) = @_;
	return $sim->tenant($name, records => $records, switches => { disabled_default => 'all', %switches });
}

sub keys_of { return join ' ', sort { $a <=> $b } map { $_->{ID} } $sim->records($_[0]) }

sub ids { return join ' ', sort { $a <=> $b } split /\n/, $_[0] }

# How many requests of a tenant were under way at once.  Of a reply the reader
# may know the end before the server does.
sub peak
{
	my @journal = $sim->ended(@_);
	my $peak = 0;
	for my $entry (@journal)
	{
		my $t = $entry->{start};
		$peak = max($peak, scalar grep { $_->{start} <= $t && ($_ == $entry || $_->{end} > $t + 30) } @journal);
	}
	return $peak;
}

# A session that reads statements one by one; ask() sends one and waits for
# what it answers.
sub session
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe('SET jit = off');
	return $session;
}

my @four = map { "s$_" } 1 .. 4;
tenant($_, 500, latency_ms => 150) for @four;
server($_, $_) for @four;
my $union = join ' UNION ALL ', map { "SELECT id FROM $_.item" } @four;

subtest 'several servers at once' => sub {
	sql("SELECT count(*) FROM ($union) x");
	my @journal = map { $sim->ended($_) } @four;
	my $span = max(map { $_->{end} } @journal) - min(map { $_->{start} } @journal);
	cmp_ok(sum0(map { $_->{end} - $_->{start} } @journal), '>', 2 * $span, 'work at the same time');
	like(sql("EXPLAIN (COSTS OFF) $union"), qr/(Async Foreign Scan.*){4}/s, 'the plan says so');
	is(ids(sql($union)), ids(join "\n", map { split / /, keys_of($_) } @four), 'all rows');

	my $plan = decode_json(sql("EXPLAIN (ANALYZE, FORMAT JSON) $union"))->[0]{Plan};
	is_deeply([ map { $_->{'Actual Rows'} + 0 } @{ $plan->{Plans} } ], [ (500) x 4 ], 'EXPLAIN ANALYZE counts the rows of each');
	is_deeply([ map { $_->{'T+ Requests'} } @{ $plan->{Plans} } ], [ (7) x 4 ], 'and its requests: each page begins with the last record of the one before');

	is(sql("SELECT count(*) FROM ($union LIMIT 3) x"), '3', 'a LIMIT that is soon reached');
	is(sql("SELECT count(*) FROM (SELECT id FROM s1.item WHERE length(name) < 0 UNION ALL SELECT id FROM s2.item) x"),
		'500', 'a scan without a row');
	is(sql("SELECT string_agg(n::text, ' ') FROM generate_series(1, 3) g, LATERAL (SELECT count(*) n FROM ($union) x WHERE id + g > 0) y"),
		'2000 2000 2000', 'asked again for each row of another table');
	is(scalar(split /\n/, sql("BEGIN; DECLARE c CURSOR FOR $union; FETCH 1 FROM c; FETCH 100 FROM c; FETCH ALL FROM c; COMMIT")),
		2000, 'a cursor');
	sql("ALTER SERVER $_ OPTIONS (ADD async_capable 'false')") for @four;
	unlike(sql("EXPLAIN (COSTS OFF) $union"), qr/Async/, 'not if the option says so');
	sql("ALTER SERVER $_ OPTIONS (SET async_capable 'true')") for @four;
};

subtest 'partitions' => sub {
	sql('CREATE TABLE items (id bigint, code text, name text, ts text, place text) PARTITION BY LIST (place)');
	for (@four)
	{
		sql("CREATE FOREIGN TABLE items_$_ PARTITION OF items FOR VALUES IN ('$_') SERVER $_ "
			  . TplusSim::options(resource => 'inventory', paging => 'ts', variants => 'none'));
		sql("ALTER FOREIGN TABLE items_$_ ALTER place OPTIONS (field 'NoSuchField')");
	}
	like(sql('EXPLAIN (COSTS OFF) SELECT id FROM items'), qr/(Async Foreign Scan.*){4}/s, 'are read at once');
	is(sql('SELECT count(*) FROM items'), '2000', 'all rows');
};

subtest 'one account, one request at a time' => sub {
	tenant('one', 500, latency_ms => 60);
	server("o$_", 'one') for 1 .. 4;
	my $all = join ' UNION ALL ', map { "SELECT id FROM o$_.item" } 1 .. 4;
	is(sql("SELECT count(*) FROM ($all) x"), '2000', 'an Append');
	is(sql("SELECT count(*) FROM o1.item a JOIN ($all) x USING (id)"), '2000', 'below a join');
	is(peak('one'), 1, 'one at a time');
	sql("ALTER SERVER o$_ OPTIONS (SET requests_per_second '40', ADD burst '2')") for 1 .. 4;
	is(sql("SELECT count(*) FROM ($all) x"), '2000', 'while the budget is short');
};

subtest 'what ends an Append' => sub {
	my $error = sub {
		my ($statement) = @_;
		my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$statement");
		return $err;
	};
	$sim->fault('s3', action => 'quota', match => { path => '*Query', nth => 2 });
	like($error->($union), qr/ERROR: .*s3|ERROR: /, 'an error of one');
	is(sql("SELECT count(*) FROM ($union) x"), '2000', 'the next statement works');

	$sim->clear_faults('s3');
	$sim->fault('s3', action => 'unavailable', match => { path => '*Query', nth => 2 });
	is(sql("SELECT count(*) FROM ($union) x"), '2000', 'a pause of one does not keep the others');

	$sim->clear_faults('s3');
	$sim->fault('s3', action => 'stall', when => 'reply', ms => 100_000, match => { path => '*Query' });
	my $start = time();
	like($error->("SET statement_timeout = '1s'; SELECT count(*) FROM ($union) x"), qr/57014/, 'a time-out while it waits');
	cmp_ok(time() - $start, '<', 20, 'at once');
	$sim->clear_faults('s3');
	is(sql("SELECT count(*) FROM ($union) x"), '2000', 'the next statement works, too');
};

subtest 'six tables and four idle cursors' => sub {
	tenant('idle', 3000);
	my %whole = (table => { paging => 'none', verify => 'off' });
	server("i$_", 'idle', table => { paging => $_ % 2 ? 'ts' : 'page' }) for 1 .. 6;
	server("w$_", 'idle', %whole) for 1 .. 2;
	sql("CREATE FOREIGN TABLE w$_.fat (id bigint, everything jsonb OPTIONS (field '*')) SERVER w$_ "
		  . TplusSim::options(resource => 'inventory', variants => 'none', paging => 'none', verify => 'off'))
	  for 1 .. 2;

	my @idle = map { session() } 1 .. 4;
	# The last is a response that does not fit into memory.
	my @cursor = ('i1.item', 'i2.item', 'w1.item', 'w2.fat WHERE everything IS NOT NULL');
	my @got;
	for (0 .. 3)
	{
		$idle[$_]->query_safe('BEGIN');
		$idle[$_]->query_safe("DECLARE c CURSOR FOR SELECT id FROM $cursor[$_]");
		$idle[$_]->query_safe('FETCH 0 FROM c');
		$got[$_] = $idle[$_]->query_safe('FETCH 3 FROM c');
	}
	# Otherwise it would take five seconds until their slots lapse.
	my $start = time();
	is(sql('SELECT count(*) FROM (SELECT id FROM i1.item LIMIT 1) x'), '1', 'idle cursors');
	cmp_ok(time() - $start, '<', 4, 'keep no slot');
	my $join = 'SELECT count(*) FROM i1.item' . join '', map { " JOIN i$_.item t$_ USING (id)" } 2 .. 6;
	is(sql("SET statement_timeout = '100s'; $join"), '3000', 'a join of six tables');
	is(sql("SET statement_timeout = '100s'; SET enable_hashjoin = off; $join"), '3000', 'by merging');
	is(peak('idle'), 1, 'with one request at a time');

	# A cursor on which everything was fetched that its LIMIT allows.
	$idle[0]->query_safe('CLOSE c');
	$idle[0]->query_safe('DECLARE c CURSOR FOR SELECT id, everything FROM w1.fat LIMIT 3');
	$idle[0]->query_safe('FETCH ALL FROM c');
	$start = time();
	is(sql('SELECT count(*) FROM (SELECT id FROM i1.item LIMIT 1) x'), '1', 'a cursor at its end');
	cmp_ok(time() - $start, '<', 4, 'keeps no slot, either');

	# The others go on where they were.
	for (1 .. 3)
	{
		$got[$_] .= "\n" . $idle[$_]->query_safe('FETCH ALL FROM c');
		is(ids($got[$_] =~ s/\n+/\n/gr =~ s/^\n//r), keys_of('idle'), "the cursor on $cursor[$_] has all rows");
	}
	$_->quit for @idle;
	is(scalar(glob($node->data_dir . '/base/pgsql_tmp/*') // ''), '', 'no temporary file is left');
};

subtest 'what a run to its end leaves' => sub {
	sql('CREATE TABLE copy (id bigint)');
	is(sql("WITH w AS (INSERT INTO copy SELECT id FROM w1.fat WHERE everything IS NOT NULL RETURNING id) SELECT count(*) FROM (SELECT id FROM w LIMIT 1) x"),
		'1', 'a statement in WITH that changes data');
	is(sql('SELECT count(*) FROM copy'), '3000', 'is run to its end');

	# Half a minute for the whole response.
	$sim->fault('idle', action => 'drip', bytes => 20_000, interval_ms => 200, match => { path => '*Query' });
	my $start = time();
	is(sql('SELECT everything IS NOT NULL FROM (SELECT id, everything FROM w1.fat LIMIT 1) x'), 't', 'a LIMIT of one');
	cmp_ok(time() - $start, '<', 15, 'does not wait for the rest');
	$sim->clear_faults('idle');

	my $session = session();
	$session->query_safe('BEGIN');
	$session->query_safe('SAVEPOINT a');
	$session->query_safe('DECLARE c CURSOR FOR SELECT id, everything FROM w1.fat');
	$session->query_safe('FETCH 1 FROM c');
	$session->query_safe('ROLLBACK TO a');
	is($session->query_safe('SELECT count(*) FROM i1.item'), '3000', 'after ROLLBACK TO');
	$session->query_safe('DECLARE h CURSOR WITH HOLD FOR SELECT id FROM w1.fat');
	$session->query_safe('FETCH 1 FROM h');
	$session->query_safe('COMMIT');
	is(scalar(split /\n/, $session->query_safe('FETCH ALL FROM h')), 2999, 'a cursor that outlives its transaction');

	# What cannot be put aside ends the statement, and nothing else.
	$session->query_safe('CLOSE h; SET temp_file_limit = 0; BEGIN; DECLARE c CURSOR FOR SELECT id, everything FROM w1.fat');
	$session->query('FETCH 1 FROM c');
	like($session->{stderr}, qr/temporary file size exceeds "?temp_file_limit/, 'no room for a temporary file');
	$session->{stderr} = '';
	$session->query_safe('ROLLBACK');

	# Some of it may have been written by then.  No DISTINCT: 16 and later would
	# sort all of the rows first, for which there is no room either.
	$session->query_safe(<<~'SQL');
		SET temp_file_limit = '100kB';
		SET caught.once = 'no';
		CREATE FUNCTION pg_temp.disturbed(bigint) RETURNS bigint LANGUAGE plpgsql AS $$
		BEGIN
		  IF current_setting('caught.once') = 'no' THEN
		    PERFORM count(*) FROM i1.item;
		  END IF;
		  RETURN $1;
		EXCEPTION WHEN configuration_limit_exceeded THEN
		  PERFORM set_config('caught.once', 'yes', false);
		  RETURN $1;
		END $$;
		SQL
	my $all = sum0(split / /, keys_of('idle'));
	is( $session->query_safe('SELECT count(*), sum(id), count(everything), count(pg_temp.disturbed(id)) FROM w1.fat'),
		"3000|$all|3000|3000", 'a scan goes on whose bytes somebody else could not put aside');
	is($session->query_safe('SHOW caught.once'), 'yes', 'and it was that one');
	$session->query_safe('RESET temp_file_limit');
	is($session->query_safe('SELECT count(everything) FROM w1.fat'), '3000', 'the next query has its request');
	is(scalar(glob($node->data_dir . '/base/pgsql_tmp/*') // ''), '', 'and no temporary file is left');
	$session->quit;
};

# A session that works for long between two rows, or waits for a lock, cannot
# look after its request.
subtest 'a session that is busy elsewhere' => sub {
	$sim->clear_journal('idle');
	my ($out, $err) = ('', '');
	my $busy = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			'SET application_name = busy', '-c', 'SELECT pg_sleep(100), everything FROM w2.fat' ],
		'<', '/dev/null', '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	ok($node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'busy' AND wait_event = 'PgSleep'"),
		'it sleeps');
	is(sql("SET statement_timeout = '60s'; SELECT count(*) FROM i1.item"), '3000', 'does not keep its slot');
	is(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'busy' AND wait_event = 'PgSleep'"), '1', 'while it sleeps');
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'busy'");
	$busy->finish;

	# A server that takes longer than that is no reason to ask it twice at once.
	$sim->clear_journal('idle');
	$sim->fault('idle', action => 'stall', when => 'reply', ms => 8000, match => { path => '*Query', nth => 1 });
	my @two = map { my $n = $_; my ($o, $e) = ('', '');
		IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT id FROM i$n.item LIMIT 1" ],
			'<', '/dev/null', '>', \$o, '2>', \$e, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default)) } 1, 3;
	$_->finish for @two;
	my @start = sort { $a <=> $b } map { $_->{start} } $sim->journal('idle', 'path=Query');
	cmp_ok($start[1] - $start[0], '>', 7000, 'one that waits for T+ keeps its slot');
};

# Eight sessions, each reading ten pages: at most rate * t + burst in any t.
subtest 'the budget of all' => sub {
	my ($rate, $burst) = (25, 5);
	tenant('busy', 1000, latency_ms => 60);
	server('busy', 'busy', requests_per_second => $rate, burst => $burst, max_concurrency => 4,
		table => { paging => 'page', verify => 'off' });
	my @sessions = map {
		my ($out, $err) = ('', '');
		[ IPC::Run::start(
				[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT count(*) FROM busy.item' ],
				'<', '/dev/null', '>', \$out, '2>', \$err,
				IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default)),
			\$out, \$err ]
	} 1 .. 8;
	$_->[0]->finish for @sessions;
	is(join('', map { ${ $_->[1] } . ${ $_->[2] } } @sessions), "1000\n" x 8, 'all rows for each');

	my @journal = $sim->journal('busy', 'path=inventory');
	my @at = sort { $a <=> $b } map { $_->{start} } @journal;
	my $peak = peak('busy', 'path=inventory');
	cmp_ok($peak, '<=', 4, 'never more at a time than allowed');

	# The way to the server takes now more and now less: some milliseconds.
	my $worst = 0;
	for my $i (0 .. $#at)
	{
		for my $j ($i .. $#at)
		{
			my $allowed = $rate * ($at[$j] - $at[$i] + 100) / 1000 + $burst;
			$worst = max($worst, ($j - $i + 1) / $allowed);
		}
	}
	cmp_ok($worst, '<=', 1, 'never more in any time than allowed');
	my $least = (@at - $burst) / $rate;
	cmp_ok(($at[-1] - $at[0]) / 1000, '<', $least / 0.9, 'and more than nine tenths of it used');
};

done_testing();
