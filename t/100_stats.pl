# The counters and the request log that all backends share: exact totals,
# errors, latencies; who may see them; read-only transactions and a standby;
# what makes room for what; a backend that is killed.
use strict;
use warnings;

use Compress::Zlib ();
use FindBin;
use HTTP::Tiny;
use JSON::PP;
use List::Util qw(sum0);
use Encode ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TokenTest;

my ($node, $sim) = start_cluster("restart_after_crash = on\n", allows_streaming => 1);
my %static = (app_secret => 'sim-secret', open_token => 'sim-open-token');

my $cost;						# requests for one read of mine.item

sub sql { return $node->safe_psql('postgres', @_) }

# What a role gets from a query.
sub as
{
	my ($user, $sql, $database) = @_;
	return $node->safe_psql($database // 'postgres', $sql,
		extra_params => [ '-U', $user ]);
}

# Columns of tplus.stat_requests, summed over the rows that a condition names.
sub counted
{
	my ($server, $columns, $condition) = @_;
	my $sums = join ', ', map { "coalesce(sum($_), 0)" } split /,\s*/, $columns;
	return sql("SELECT $sums FROM tplus.stat_requests WHERE server = '$server'"
		  . ($condition ? " AND $condition" : ''));
}

# The newest requests of a server in the log, oldest of them first.
sub logged
{
	my ($server, $columns, $n) = @_;
	return sql("SELECT $columns FROM (SELECT * FROM tplus.request_log "
		  . "WHERE server = '$server' ORDER BY number DESC LIMIT $n) l ORDER BY number");
}

# A plan and all below it.
sub nodes { return ($_[0], map { nodes($_) } @{ $_[0]{Plans} // [] }) }

# How many tables and requests there is room for.
my ($tables, $requests) =
  sql('SELECT value FROM tplus.info() WHERE name IN (\'counters\', \'request log\') ORDER BY name')
  =~ /(\d+)/g;

subtest 'info' => sub {
	is( sql("SELECT name, value FROM tplus.info() WHERE name IN ('counters', 'request log')"),
		"counters|$tables servers and tables, of all backends\n"
		  . "request log|the last $requests requests, of all backends",
		'room for both, shared by all');
	cmp_ok($tables, '>=', 40, 'tables');
	cmp_ok($requests, '>=', 50, 'requests');
};

subtest 'exact totals' => sub {
	account('many', switches => { latency_ms => 3 }, max_retries => 20);
	$sim->tenant('many', records => 450, switches => { latency_ms => 3 });
	sql('CREATE FOREIGN TABLE many.other (id text OPTIONS (field \'ID\')) '
		  . "SERVER many OPTIONS (resource 'inventory', page_size '100')");
	$sim->fault('many',
		match => { path => 'Query', every => 7 },
		action => 'throttled', retry_after => 0);
	$sim->fault('many',
		match => { path => 'Query', nth => [ 5, 25, 60 ] },
		action => 'truncate', bytes => 1);
	$sim->fault('many',
		match => { path => 'Query', nth => [20] },
		action => 'token_expired');

	my @statements = (reads('many'), 'SELECT count(*) FROM many.other',
		'SELECT count(*) FROM many.item LIMIT 1', "SELECT tplus.ping('many') > 0");
	$_->{run}->finish for map { start(\@statements) } 1 .. 8;

	my @all = $sim->journal('many');
	my @query = grep { $_->{path} =~ /Query/ } @all;
	my @whole = grep { $_->{status} == 200 && ($_->{fault} // '') ne 'truncate' } @query;
	my @throttled = grep { $_->{status} == 429 } @query;
	my @token = grep { $_->{path} =~ /^\/auth/ } @all;
	my @ping = grep {
		$_->{path} =~ /Query$/ && ($_->{body}{param}{PageSize} // 0) == 1
	} @query;

	is(counted('many', 'requests'), scalar @all, scalar(@all) . ' requests');
	is(counted('many', 'requests', '"table" IS NULL'),
		@ping + @token, 'pings and token calls belong to no table');
	is(counted('many', 'pages'), scalar @whole, 'pages');
	is(counted('many', 'rows'), sum0(map { $_->{rows} } @whole), 'rows');
	is(counted('many', 'retries_throttled'), scalar @throttled, 'throttled');
	cmp_ok(scalar @throttled, '>', 5, 'which was often');
	is(counted('many', 'retries_network, retries_token'),
		'3|' . (grep { $_->{status} == 403 } @query),
		'retries by the other causes');
	is(counted('many', 'retries_server, retries_malformed, errors'),
		'0|0|0', 'and no more');
	is(counted('many', 'renewals'),
		scalar(grep { $_->{status} == 200 } @token), 'renewals');
	is( sql("SELECT sum(n) FROM tplus.stat_requests, unnest(latency_histogram) n "
			  . "WHERE server = 'many'"),
		scalar(grep { $_->{status} == 200 } @query),
		'each good answer has its place in the histogram');
	is( sql('SELECT bool_and(latency_ms BETWEEN 3 AND 3000 AND network_ms > 0 '
			  . 'AND token_ms > 0 AND counted_since <= last_request_at) '
			  . "FROM tplus.stat_requests WHERE server = 'many' AND \"table\" IS NOT NULL"),
		't',
		'times');
	is( sql('SELECT bool_and(throttled_ms BETWEEN 1 AND backoff_ms) '
			  . "FROM tplus.stat_requests WHERE server = 'many' AND retries_throttled > 0"),
		't',
		'time that T+ asked for');
};

subtest 'bytes' => sub {
	account('bytes', mapping => \%static);
	for my $gzip ('off', 'always')
	{
		$sim->switches('bytes', gzip => $gzip);
		$sim->clear_journal('bytes');
		sql('SELECT tplus.stat_reset()');
		sql("SELECT tplus.ping('bytes')");

		# The same request once more, by other means.
		my ($request) = $sim->journal('bytes');
		my $reply = HTTP::Tiny->new->post(
			$sim->url . $request->{path},
			{   headers => {
					appKey => 'bytes', appSecret => 'sim-secret',
					openToken => 'sim-open-token', 'Content-Type' => 'application/json' },
				content => $request->{raw} });
		my $wire = length $reply->{content};
		my $body = $wire;
		$body = length Compress::Zlib::memGunzip($reply->{content}) if $gzip ne 'off';
		is(counted('bytes', 'wire_bytes, body_bytes'), "$wire|$body", "gzip $gzip");
	}
};

# Requests, rows and bytes are those of all requests, whatever came of them, in
# the counters, in the log and in EXPLAIN.
subtest 'what came to nothing' => sub {
	$sim->tenant('vain', records => 300);
	$sim->setup_server($node, 'vain', server => 'vain', mapping => \%static, requests_per_second => 0, tables => []);
	sql("CREATE FOREIGN TABLE vain.item (id text OPTIONS (field 'ID'), name text OPTIONS (field 'Name')) "
		  . "SERVER vain OPTIONS (resource 'inventory', page_size '100')");
	my @sums = qw(requests rows wire_bytes);
	my $all = 'SELECT count(*) FROM vain.item';
	for my $case (
		[ 'a refusal', $all, { action => 'throttled', retry_after => 0 } ],
		[ 'a reply that is cut', $all, { action => 'truncate', fraction => 0.5 } ],
		[ 'a reply that is no JSON', $all, { action => 'html' } ],
		[ 'a damaged reply', $all, { action => 'gzip_corrupt', mode => 'truncated' } ],
		[ 'an error', "SELECT tplus.ping('vain')", { action => 'business' } ],
		[ 'a connection that was closed', $all, { action => 'drop', when => 'before' } ],
		[ 'a page of which few rows were wanted', 'SELECT * FROM vain.item LIMIT 7' ])
	{
		my ($name, $statement, $fault) = @$case;
		$sim->clear_faults('vain');
		$sim->clear_journal('vain');
		sql('SELECT tplus.stat_reset()');
		my $number = sql('SELECT max(number) FROM tplus.request_log');
		$sim->fault('vain', match => { path => 'Query', nth => [2] }, %$fault) if $fault;
		$sim->fault('vain', match => { path => 'Query', nth => [1] }, %$fault)
		  if $fault && $statement =~ /ping/;
		my ($rc, $plan) = $node->psql('postgres', $statement =~ /ping/ ? $statement
			: "EXPLAIN (ANALYZE, FORMAT JSON) $statement");
		my $log = sql('SELECT count(*), sum(rows), sum(wire_bytes) FROM tplus.request_log '
			  . "WHERE server = 'vain' AND number > $number");
		is(counted('vain', join ', ', @sums), $log, "$name: counters and log");
		is((split /\|/, $log)[0], scalar $sim->journal('vain'), "$name: requests");
		cmp_ok(counted('vain', 'wire_bytes'), '>', 0, "$name: bytes");
		next if $statement =~ /ping/;
		my ($scan) = grep { exists $_->{'T+ Requests'} } nodes(decode_json($plan)->[0]{Plan});
		is(join('|', map { $scan->{"T+ $_"} } 'Requests', 'Records Received', 'Bytes Received'),
			$log, "$name: EXPLAIN");
	}
};

subtest 'errors' => sub {
	account('bad', mapping => \%static, max_retries => 1);
	$sim->fault('bad', match => { path => 'Query' }, times => 2,
		action => 'status', status => 500, code => 'EX42',
		message => 'no such item, said sim-secret and sim-open-token');
	fails_like(reads('bad'), 'HV000', qr/EX42/, 'an error of T+');
	is( sql(q{SELECT errors, last_error_sqlstate, last_error ~ 'could not read from server "bad".*EX42.*no such item',
		         last_error ~ 'sim-', last_error_at > now() - interval '1 minute'
		    FROM tplus.stat_requests WHERE server = 'bad' AND "table" = 'bad.item'}),
		'1|HV000|t|f|t',
		'is counted, told, and free of secrets');
	is(logged('bad', "status, code, attempt, error ~ 'no such item', error ~ 'sim-'", 1),
		'500|EX42|1|t|f', 'and logged');

	$sim->clear_faults('bad');
	$sim->fault('bad', match => { path => 'Query' }, action => 'html');
	sql(reads('bad'));
	is(counted('bad', 'errors, retries_server'), '1|1', 'a retry is no error');
	is( sql("SELECT status, attempt, error FROM tplus.request_log WHERE server = 'bad' "
			  . 'AND number >= (SELECT max(number) FROM tplus.request_log WHERE status = 502) '
			  . 'ORDER BY number LIMIT 2'),
		"502|1|Server\n200|2|",
		'each attempt is logged');

	$sim->fault('bad', match => { path => 'Query' }, action => 'stall', ms => 20000);
	fails_like('SET statement_timeout = 300; ' . reads('bad'), '57014', qr/timeout/,
		'a cancel');
	is(counted('bad', 'errors'), '1', 'is no error');
	is(logged('bad', "status, error", 1), '|canceling statement due to statement timeout',
		'but logged');

	$sim->tenant('bad', records => 2000);
	$sim->switches('bad', latency_row_ms => 0);
	sql('SELECT id FROM bad.item LIMIT 1');
	like(logged('bad', 'status, error', 1), qr/^200\|(given up)?$/, 'an answer that was not read');
};

subtest 'errors beyond a call' => sub {
	account('guard', mapping => \%static);
	$sim->tenant('guard', records => 120);
	my $item = q{server = 'guard' AND "table" = 'guard.item'};
	my $last = "SELECT errors, last_error_sqlstate, last_error FROM tplus.stat_requests WHERE $item";

	fails_like('SELECT 1 / (count(*) - count(*)) FROM guard.item', '22012', qr/division by zero/,
		'an error of the query');
	is(counted('guard', 'errors'), '0', 'is none of the table');

	$sim->switches('guard', 'QueryPage.page_index' => 'ignored');
	sql("ALTER FOREIGN TABLE guard.item OPTIONS (ADD paging 'page')");
	fails_like(reads('guard'), 'HV000', qr/cannot be read by page numbers/, 'a guard');
	is(sql($last),
		'1|HV000|foreign table "item" cannot be read by page numbers: The server answers each page number with the same records.',
		'is counted and told');

	sql("ALTER FOREIGN TABLE guard.item OPTIONS (SET paging 'auto'); ALTER FOREIGN TABLE guard.item ADD name int OPTIONS (field 'Name')");
	fails_like('SELECT name FROM guard.item', '22P02', qr/invalid input syntax for type integer/, 'a value that does not fit');
	is(sql($last), '2|22P02|a value of column "name" could not be converted',
		'is counted, and told without the value');
	sql("DO \$\$ BEGIN PERFORM name FROM guard.item; EXCEPTION WHEN data_exception THEN END \$\$");
	is(counted('guard', 'errors'), '3', 'once, also where it is trapped');
};

subtest 'refused renewal' => sub {
	account('lost');
	$sim->tokens('lost', revoke_refresh => JSON::PP::true);
	fails_like(reads('lost'), '28000', qr/refused/, 'a refused renewal');
	is(counted('lost', 'requests, renewals, errors', '"table" IS NULL'),
		'1|0|1', 'is an error of the server');
	is(counted('lost', 'requests, errors', '"table" IS NOT NULL'),
		'0|1', 'and one of the table that needed it');
	is(logged('lost', "path, parameters, status, code, error ~ 'refused|invalid|4007'", 1),
		'/auth/v2/refreshToken||401|4007|t', 'the log has the call');
};

subtest 'what is logged' => sub {
	account('log', mapping => \%static);
	sql(q{CREATE FOREIGN TABLE log."In Stock" (id text OPTIONS (field 'ID'),
		code text OPTIONS (field 'Code'), name text OPTIONS (field 'Name'),
		spec text OPTIONS (field 'Specification'), c text OPTIONS (field 'InventoryClassCode'))
		SERVER log OPTIONS (resource 'inventory', page_size '100')});
	sql(q{SELECT * FROM log."In Stock" WHERE code = '不存在'});
	is( logged('log', "\"table\", path, status, attempt, rows, error, pid > 0, database", 1),
		"log.\"In Stock\"|/tplus/api/v2/inventory/Query|200|1|0||t|postgres",
		'a request');
	like(logged('log', 'parameters', 1),
		qr/^\{"param":\{.*"Code":"不存在".*"SelectFields":"ID,[^"]{21}\.\.\."\}\}$/,
		'its parameters, SelectFields cut');
	sql(q{SELECT * FROM log."In Stock" WHERE code = repeat('长', 90)});
	like(logged('log', 'parameters', 1), qr/^\{"param":\{.*"Code":"(?:长){10,}$/,
		'cut at the end of a character');
	is(sql("SELECT bool_and(sent_at BETWEEN now() - interval '5 min' AND now() AND ms BETWEEN 0 AND 60000) "
			  . 'FROM tplus.request_log'), 't', 'times');
};

subtest 'privileges' => sub {
	account('mine', mapping => \%static);
	sql(reads('mine'));
	$cost = $sim->journal('mine');
	sql(<<~SQL);
		CREATE ROLE owner_role LOGIN; CREATE ROLE member_role LOGIN IN ROLE owner_role;
		CREATE ROLE monitor_role LOGIN IN ROLE pg_monitor; CREATE ROLE user_role LOGIN;
		GRANT USAGE ON FOREIGN DATA WRAPPER tplus_fdw TO owner_role;
		ALTER SERVER mine OWNER TO owner_role;
		GRANT USAGE ON FOREIGN SERVER mine TO user_role;
		CREATE USER MAPPING FOR user_role SERVER mine OPTIONS (app_key 'mine', open_token 'sim-open-token');
		SQL
	for my $view ('stat_requests', 'request_log')
	{
		my $seen = "SELECT string_agg(DISTINCT server, ' ') FROM tplus.$view";
		is(as('owner_role', $seen), 'mine', "$view: the owner sees his server");
		is(as('member_role', $seen), 'mine', "$view: as does a member of his");
		is(as('monitor_role', $seen), sql($seen), "$view: pg_monitor sees all");
		is(as('user_role', $seen), '', "$view: one who may use the server sees nothing");
	}
	fails_like('SELECT tplus.stat_reset()', '42501', qr/permission denied/,
		'stat_reset()', user => 'monitor_role');
	fails_like('SELECT tplus.stat_reset()', '42501', qr/permission denied/,
		'stat_reset()', user => 'owner_role');
	sql('GRANT EXECUTE ON FUNCTION tplus.stat_reset() TO monitor_role');
	sql('ALTER SERVER mine OWNER TO CURRENT_USER');
};

subtest 'who waits now' => sub {
	account('slow', mapping => \%static, requests_per_second => 0.005, burst => 1);
	my $queue = "tplus.budget_queue WHERE server = 'slow'";
	sql('SELECT tplus.ping(\'slow\')');
	is(sql("SELECT count(*) FROM $queue"), '0', 'nobody waits');

	my @runs;
	for my $n (1 .. 3)
	{
		push @runs, start([ "SET application_name = 'slow$n'", reads('slow') ]);
		ok($node->poll_query_until('postgres', "SELECT count(*) = $n FROM $queue"), "$n wait");
	}
	is( sql("SELECT string_agg(application_name, ' ' ORDER BY place), string_agg(place::text, ' ' ORDER BY place), "
			  . "bool_and(database = 'postgres' AND waiting_since BETWEEN query_start AND clock_timestamp() "
			  . 'AND under_way = 0 AND paused_until IS NULL) '
			  . "FROM tplus.budget_queue JOIN pg_stat_activity USING (pid) WHERE server = 'slow'"),
		'slow1 slow2 slow3|1 2 3|t', 'in their order');
	is(as('monitor_role', "SELECT count(*) FROM $queue"), '3', 'pg_monitor sees them');
	is(as('user_role', "SELECT count(*) FROM $queue"), '0', 'others do not');
	is(sql("BEGIN READ ONLY; SELECT count(*) FROM $queue; COMMIT"), '3', 'in a read-only transaction, too');

	sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'slow2'");
	ok( $node->poll_query_until('postgres',
			"SELECT string_agg(place::text, ' ' ORDER BY place) = '1 2' FROM $queue"),
		'who is cancelled leaves');
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^slow'");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM $queue"), 'as do those who are terminated');
	finish($_) for @runs;

	account('asked', mapping => \%static);
	$sim->fault('asked', match => { path => 'Query' }, action => 'throttled', retry_after => 170);
	@runs = start([ "SET application_name = 'asked1'", reads('asked') ]);
	ok($node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM tplus.request_log WHERE server = 'asked' AND status = 429"), 'one is told');
	push @runs, start([ "SET application_name = 'asked2'", reads('asked') ]);
	ok( $node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM tplus.budget_queue WHERE server = 'asked' "
			  . "AND paused_until > now() + interval '30 seconds'"),
		'why they wait, where T+ has asked for a pause');
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^asked'");
	finish($_) for @runs;
};

# Who holds the only slot is ended when all are in the queue.
subtest 'in turn' => sub {
	account('turns', mapping => \%static, max_concurrency => 1);
	sql("CREATE FOREIGN TABLE turns.page (code text OPTIONS (field 'Code')) "
		  . "SERVER turns OPTIONS (resource 'inventory', variants 'none')");
	$sim->fault('turns', match => { path => 'Query', nth => 1 }, action => 'stall', when => 'before', ms => 100_000);
	my $holder = start([ "SET application_name = 'holder'", reads('turns') ]);
	ok($sim->journal('turns', 'wait=1&timeout_ms=60000') > 0, 'the slot is taken');

	my @codes = map { "TURN-$_" } 1 .. 8;
	my @runs;
	for my $code (@codes)
	{
		push @runs, start(["SELECT count(*) FROM turns.page WHERE code = '$code'"]);
		ok($node->poll_query_until('postgres',
			'SELECT count(*) = ' . @runs . " FROM tplus.budget_queue WHERE server = 'turns'"), "$code waits");
	}
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'");
	finish($_) for $holder, @runs;
	my %seen;
	my @order = grep { defined && !$seen{$_}++ } map { $_->{body}{param}{Code} } $sim->journal('turns', 'path=Query');
	is(join(' ', @order), "@codes", 'who came first is served first');
};

subtest 'two databases' => sub {
	sql('CREATE DATABASE second');
	$sim->tenant('second', records => 3);
	$sim->setup_server($node, 'second', database => 'second', server => 'there',
		mapping => \%static, requests_per_second => 0);
	$node->safe_psql('second', 'SELECT count(*) FROM there.inventory');
	my $seen = 'SELECT string_agg(server, \' \') FROM tplus.stat_requests';
	is($node->safe_psql('second', $seen), 'there', 'a database sees its own counters');
	unlike(sql($seen), qr/there/, 'and no others');
	like( as('monitor_role', 'SELECT DISTINCT database, server, "table" FROM tplus.request_log '
		. "WHERE database <> 'postgres'"), qr/^second\|\d+\|\d+$/,
		'the log of the cluster shows what belongs elsewhere by OID');
	is(as('owner_role', 'SELECT count(*) FROM tplus.request_log'), '0',
		'but not to others than pg_monitor');

	# A code of T+'s own, in a database that cannot hold it, and cut.
	$node->safe_psql('postgres', "CREATE DATABASE elsewhere TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
	$node->safe_psql('elsewhere', 'CREATE EXTENSION tplus_fdw');
	$sim->fault('second', match => { path => 'Query' }, action => 'status', status => 400,
		code => "\x{9519}\x{8bef}\x{4ee3}\x{7801}\x{9519}\x{8bef}", message => 'no');
	$node->psql('second', 'SELECT count(*) FROM there.inventory');
	my $codes = 'SELECT code FROM tplus.request_log WHERE code <> \'\' ORDER BY number DESC LIMIT 1';
	is($node->safe_psql('second', $codes), Encode::encode('UTF-8', "\x{9519}\x{8bef}\x{4ee3}\x{7801}\x{9519}"),
		'a code that is cut ends with a character');
	is($node->safe_psql('elsewhere', "SET client_encoding = 'UTF8'; $codes"), '?????',
		'the log can be read in a database of another encoding');

	cmp_ok(counted('mine', 'requests'), '>', 0, 'counters');
	as('monitor_role', 'SELECT tplus.stat_reset()');
	is(sql('SELECT count(*) FROM tplus.stat_requests'), '0', 'reset, as granted');
	is($node->safe_psql('second', $seen), 'there', 'in this database alone');
	cmp_ok(sql('SELECT count(*) FROM tplus.request_log'), '>', 0, 'the log stays');
	sql(reads('mine'));
	is(counted('mine', 'requests'), $cost, 'counting goes on');
	is(sql("SELECT last_error IS NULL AND counted_since > now() - interval '1 min' "
			  . "FROM tplus.stat_requests WHERE server = 'mine'"), 't', 'from now on');
};

subtest 'read only' => sub {
	is(sql("BEGIN READ ONLY; SELECT count(*) FROM mine.item; "
			  . "SELECT requests FROM tplus.stat_requests WHERE server = 'mine'; "
			  . "SELECT count(*) > 0 FROM tplus.request_log; SELECT tplus.stat_reset() IS NULL; COMMIT"),
		join("\n", 3, 2 * $cost, 't', 'f'), 'in a read-only transaction');
	is(sql("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; "
			  . "SELECT count(*) FROM tplus.stat_requests; COMMIT"), '0', 'and any kind of it');

	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	is($standby->safe_psql('postgres', 'SELECT count(*) FROM tplus.stat_requests'),
		'0', 'a standby counts for itself');
	is($standby->safe_psql('postgres', reads('mine')), '3', 'it reads');
	is($standby->safe_psql('postgres',
			"SELECT requests, rows > 2 FROM tplus.stat_requests WHERE server = 'mine'"),
		"$cost|t", 'and counts');
	is($standby->safe_psql('postgres', 'SELECT count(*) FROM tplus.request_log'),
		$cost, 'and logs');
	$standby->safe_psql('postgres', 'SELECT tplus.stat_reset()');
	is($standby->safe_psql('postgres', 'SELECT count(*) FROM tplus.stat_requests'),
		'0', 'and resets');
	$standby->stop;
};

subtest 'what makes room' => sub {
	my $n = $tables + 5;
	sql("SELECT tplus.stat_reset()");
	sql("DO \$\$ BEGIN FOR i IN 1..$n LOOP EXECUTE format('CREATE FOREIGN TABLE mine.t%s "
		  . "(id text OPTIONS (field ''ID'')) SERVER mine OPTIONS (resource ''inventory'')', i); "
		  . 'END LOOP; END $$');

	# The first is used again and again, the second only once.
	sql(join ';', map { ("SELECT count(*) FROM mine.t$_", 'SELECT count(*) FROM mine.t1') } 1 .. $n);
	is(sql('SELECT count(*) FROM tplus.stat_requests') + $node->safe_psql('second',
			'SELECT count(*) FROM tplus.stat_requests'), $tables, 'as many as there is room for');
	is(counted('mine', 'requests', '"table" = \'mine.t1\''), $cost * ($n + 1), 'the one in use stays');
	is(counted('mine', 'requests', '"table" = \'mine.t2\''), 0, 'the oldest one goes');
	is(counted('mine', 'requests', "\"table\" = 'mine.t$n'"), $cost, 'the newest one is there');

	my $oid = sql("SELECT 'mine.t$n'::regclass::oid");
	sql("DROP FOREIGN TABLE mine.t$n");
	is(counted('mine', 'requests', "\"table\" = '$oid'"), $cost, 'a dropped table shows its OID');

	my @oids = split /\|/, sql("SELECT oid FROM pg_foreign_server WHERE srvname = 'log'");
	sql(q{SELECT count(*) FROM log."In Stock"});
	sql('DROP SERVER log CASCADE');
	is(counted('log', 'requests'), 0, 'a dropped server shows no counters');
	is(sql("SELECT count(*) FROM tplus.stat_requests WHERE server = '$oids[0]'"), '0', 'not by OID either');
	is(logged($oids[0], 'path', 1), '/tplus/api/v2/inventory/Query', 'but the log knows its OID');

	sql(join ';', ("SELECT tplus.ping('mine')") x ($requests + 7));
	is( sql('SELECT count(*), max(number) - min(number) + 1, count(*) FILTER (WHERE "table" IS NULL) '
		. 'FROM tplus.request_log'),
		join('|', ($requests) x 3), 'the log keeps the last requests');
};

# A writer that dies takes the shared memory with it, whatever he was at.
subtest 'killed' => sub {
	my @session = map { start([ ("SELECT count(*) FROM mine.t1") x 500 ]) } 1 .. 4;
	my $number = sql('SELECT max(number) FROM tplus.request_log');
	ok($node->poll_query_until('postgres',
			"SELECT max(number) > $number + 50 FROM tplus.request_log"), 'at work');
	my $pid = sql("SELECT pid FROM pg_stat_activity WHERE query LIKE '%mine.t1' LIMIT 1");
	kill 'KILL', $pid;
	eval { finish($_) } for @session;
	ok($node->poll_query_until('postgres', 'SELECT true'), 'the server is back');
	is(sql('SELECT count(*) FROM tplus.stat_requests'), '0', 'counters are at zero');
	is(sql('SELECT count(*) FROM tplus.request_log'), '0', 'the log is empty');
	sql(reads('mine'));
	is(counted('mine', 'requests'), $cost, 'and counting goes on');
};

# Where the shared memory is full, each backend counts for itself.
SKIP:
{
	skip 'shared memory is dynamic in this version of PostgreSQL', 1
	  if $node->pg_version >= 17;
	subtest 'no room' => sub {
		my ($include) = split /\n/, `pg_config --includedir-server`;
		my $library = PostgreSQL::Test::Utils::tempdir_short() . '/glutton.so';
		command_ok(
			[ 'gcc', '-shared', '-fPIC', '-I', $include, '-o', $library, "$FindBin::RealBin/../test/neighbour/glutton.c" ],
			'a glutton is built');

		my $full = PostgreSQL::Test::Cluster->new('full');
		$full->init;
		$full->start;
		$sim->tenant('full', records => 3);
		$sim->setup_server($full, 'full', server => 'filled', mapping => \%static, requests_per_second => 0);
		$full->restart;
		cmp_ok($full->safe_psql('postgres',
			"CREATE FUNCTION glutton_eat() RETURNS bigint LANGUAGE c AS '$library'; SELECT glutton_eat()"),
			'>', 10_000, 'it eats');
		is( $full->safe_psql('postgres',
				"SELECT value FROM tplus.info() WHERE name IN ('shared state', 'counters', 'request log')"),
			"none: the shared memory is full\n$tables servers and tables, of this backend alone\n"
			  . "the last $requests requests, of this backend alone",
			'info() says that there is no room');
		is($full->safe_psql('postgres',
				'SELECT count(*) FROM filled.inventory; SELECT requests > 0 FROM tplus.stat_requests; '
				  . 'SELECT count(*) > 0 FROM tplus.request_log'), "3\nt\nt", 'a backend reads, and counts for itself');
		is($full->safe_psql('postgres', 'SELECT count(*) FROM tplus.stat_requests'), '0', 'another one knows nothing of it');

		# Room for some: the budget comes first, whatever is asked for first.
		for my $first ('SELECT count(*) FROM tplus.stat_requests', 'SELECT count(*) FROM filled.inventory')
		{
			$full->restart;
			is($full->safe_psql('postgres', "CREATE OR REPLACE FUNCTION glutton_bite(bigint) RETURNS boolean LANGUAGE c AS '$library'; "
					. 'SELECT glutton_bite((size - 30000) / 128 * 128) FROM pg_shmem_allocations WHERE name IS NULL'),
				't', 'little is left');
			$full->safe_psql('postgres', $first);
			is($full->safe_psql('postgres', "SELECT name FROM pg_shmem_allocations WHERE name LIKE 'tplus_fdw%' ORDER BY size DESC LIMIT 1; "
						. "SELECT value FROM tplus.info() WHERE name IN ('shared state', 'counters')"),
				"tplus_fdw budget\nmain shared memory\n$tables servers and tables, of this backend alone",
				"the budget is shared after $first");
		}

		# What an older version left there is an error, as often as it is met.
		$full->restart;
		$full->safe_psql('postgres', "CREATE FUNCTION glutton_name(cstring) RETURNS boolean LANGUAGE c AS '$library'; "
			  . "SELECT glutton_name('tplus_fdw budget')");
		my (undef, undef, $err) = $full->psql('postgres', 'SELECT count(*) FROM filled.inventory; ' x 30, on_error_stop => 0);
		is(scalar(() = $err =~ /ERROR:  ShmemIndex entry size is wrong/g), 30, 'a size of an older version');
		unlike($err, qr/FATAL/, 'and the session goes on');
		$full->stop;
	};
}

done_testing();
