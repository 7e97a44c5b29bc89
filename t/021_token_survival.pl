
# A token pair outlives whoever asks for it: many sessions at once, cancels,
# kills and crashes at each step of a renewal, standbys, dumps.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TokenTest;

my $true = JSON::PP::true;
my ($node, $sim) = start_cluster(<<~CONF, allows_streaming => 1);
	max_connections = 60
	restart_after_crash = on
	CONF
# Conditions on pg_stat_activity.
my $worker = "backend_type = 'tplus_fdw token renewal'";

subtest 'many at once' => sub {
	account('herd', switches => { refresh_ms => 4000 });
	my @sessions = map { start(reads('herd')) } 1 .. 32;
	ok( $node->poll_query_until(
			'postgres',
			"SELECT count(*) >= 24 FROM pg_stat_activity WHERE wait_event = 'advisory'"
		),
		'a long queue');
	is(join('', map { finish($_) } @sessions), '', '32 cold sessions');
	is(scalar(grep { $_->{out} eq "3\n" } @sessions), 32, 'all read');
	renewed('herd', 1, 'one renewal');
	my @refused = grep { $_->{status} != 200 } $sim->journal('herd');
	is(scalar(@refused), 0, 'nothing was refused');

	$sim->switches('herd', refresh_ms => 300);
	$sim->tokens('herd', revoke_access => $true);
	@sessions = map { start(reads('herd')) } 1 .. 32;
	is(join('', map { finish($_) } @sessions),
		'', '32 sessions with a dead token');
	renewed('herd', 2, 'one renewal of that generation');

	# All of them fail if one does, without asking T+ again.
	$sim->tokens('herd', revoke_access => $true, revoke_refresh => $true);
	@sessions = map { start(reads('herd')) } 1 .. 16;
	my @errors = map { finish($_) } @sessions;
	is(scalar(grep { /28000: T\+ refused to renew/ } @errors),
		16, 'one refusal for all');
	renewed('herd', 3, 'asked once');

	# Several at once call refresh_token(): those who waited get the result.
	account('eager', switches => { refresh_ms => 300 });
	@sessions = map { start("SELECT tplus.refresh_token('eager')") } 1 .. 8;
	is(join('', map { finish($_) } @sessions), '', 'eight refresh_token()');
	cmp_ok($sim->tokens('eager')->{concurrent},
		'==', 0, 'never two at a time');
};

# How the asking session goes; and each time the pair is kept.
my %endings = (
	'cancel' => [ 'pg_cancel_backend', qr/57014: canceling statement/ ],
	'terminate' => [ 'pg_terminate_backend', qr/57P01|connection/ ]);

for my $ending (sort keys %endings)
{
	my ($function, $pattern) = @{ $endings{$ending} };

	subtest "the asker is gone: $ending" => sub {
		my $name = "asker_$ending";
		account($name, switches => { refresh_ms => 1500 });
		my $session = start(reads($name));
		wait_for_call($name, 1);
		$node->safe_psql('postgres',
				"SELECT $function(pid) FROM pg_stat_activity "
			  . "WHERE query LIKE 'SELECT count(*) FROM $name%' AND pid <> pg_backend_pid()"
		);
		like(finish($session), $pattern, 'the session ends');
		wait_for_row(
			$name,
			'renewing_since IS NOT NULL',
			'while the renewal is under way');

		# Whoever comes then waits for it.
		reads_all($name, 'another session waits for it');
		pair_is_kept($name, $ending);
		renewed($name, 1, 'one renewal');
	};
}

subtest 'the asker has other plans' => sub {
	account('hasty', switches => { refresh_ms => 1500 });
	like(
		finish(start([ "SET statement_timeout = '300ms'", reads('hasty') ])),
		qr/57014: canceling statement due to statement timeout/,
		'statement_timeout');
	wait_for_row('hasty', 'generation = 1', 'the pair comes all the same');
	pair_is_kept('hasty', 'statement_timeout');

	my $session =
	  start([ 'BEGIN', "SELECT tplus.refresh_token('hasty')", 'ROLLBACK' ]);
	is(finish($session), '', 'ROLLBACK');
	pair_is_kept('hasty', 'ROLLBACK');

	is( $node->safe_psql('postgres',
			<<~SQL), '0', 'nothing is left behind by a caught cancel');
		SET statement_timeout = '300ms';
		DO \$\$ BEGIN
			PERFORM tplus.refresh_token('hasty');
		EXCEPTION WHEN query_canceled THEN NULL;
		END \$\$;
		SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
		SQL
	wait_for_row('hasty', 'generation = 3', 'while the renewal went on');
	pair_is_kept('hasty', 'caught cancel');

	# Those who wait in the queue have a lock_timeout of their own.
	$session = start("SELECT tplus.refresh_token('hasty')");
	wait_for_call('hasty', 4);
	fails_like(
		"SET lock_timeout = '200ms'; SELECT tplus.refresh_token('hasty')",
		'55P03',
		qr/canceling statement due to lock timeout/,
		'lock_timeout in the queue');
	my $waiting = start("SELECT tplus.refresh_token('hasty')");
	ok( $node->poll_query_until(
			'postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"
		),
		'a session waits in the queue');
	$node->safe_psql('postgres',
		"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory'"
	);
	like(finish($waiting), qr/57014/, 'and can be cancelled');
	is(finish($session), '', 'the one before it goes on');
	pair_is_kept('hasty', 'queue');
	renewed('hasty', 4, 'no renewal was lost or doubled');
};

subtest 'the worker is asked to go' => sub {
	account('stubborn', switches => { refresh_ms => 1500 });
	for my $function ('pg_terminate_backend', 'pg_cancel_backend')
	{
		my $session =
		  start("SELECT tplus.refresh_token('stubborn') IS NOT NULL");
		wait_for_row(
			'stubborn',
			'renewing_since IS NOT NULL',
			'a renewal is under way');
		is( $node->safe_psql(
				'postgres',
				"SELECT $function(pid) FROM pg_stat_activity WHERE $worker"),
			't',
			"$function on the worker");
		is(finish($session), '', 'it finishes first');
		is($session->{out}, "t\n", 'and the asker gets the token');
		pair_is_kept('stubborn', $function);
	}

	# A commit that waits for a synchronous standby without end.
	my $session;
	$node->safe_psql('postgres',
		"ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	$node->reload;
	$session = start("SELECT tplus.refresh_token('stubborn') IS NOT NULL");
	ok( $node->poll_query_until(
			'postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE $worker AND wait_event = 'SyncRep'"
		),
		'the worker waits for a synchronous standby');
	is(scalar(my @calls = token_calls('stubborn')),
		2, 'before it has called T+');
	$node->safe_psql('postgres',
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $worker"
	);
	like(finish($session), qr/it was ended before the request was sent/,
		'pg_terminate_backend ends it, as nothing was sent');
	$node->safe_psql('postgres',
		'ALTER SYSTEM RESET synchronous_standby_names');
	$node->reload;
	pair_is_kept('stubborn', 'synchronous standby');

	$session = start("SELECT tplus.refresh_token('stubborn')");
	wait_for_call('stubborn', 3);
	$node->stop('fast');
	finish($session);
	$node->start;
	is(row('stubborn', 'generation'),
		'3', 'a fast shutdown waits for the pair');
	pair_is_kept('stubborn', 'fast shutdown');
	$node->stop('immediate');
	$node->start;
	pair_is_kept('stubborn', 'a crash after a renewal');
	renewed('stubborn', 3, 'no other renewal');
};

# Kills a process of the cluster as a crash would, and waits for the recovery.
sub crash
{
	my ($pid) = @_;
	kill 'KILL', $pid;
	ok( $node->poll_query_until(
			'postgres',
			"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND pid <> pg_backend_pid()"
		),
		'recovered');
	return;
}

subtest 'a crash in the middle' => sub {
	my %option = (connect_timeout_ms => 1000, request_timeout_ms => 3000);

	# T+ issues a pair, but nobody is there any more.
	account('crashed', switches => { refresh_ms => 1000 }, %option);
	my $session = start(reads('crashed'));
	wait_for_row(
		'crashed',
		'renewing_since IS NOT NULL',
		'a renewal is under way');
	wait_for_call('crashed', 1);
	crash(
		$node->safe_psql(
			'postgres', "SELECT pid FROM pg_stat_activity WHERE $worker"));
	finish($session);
	fails_like(
		reads('crashed'),
		'28000',
		qr/was interrupted.*tried again after.*tplus\.refresh_token\('crashed'\)/s,
		'worker killed');
	is(status_of('crashed', 'state'), 'renewing', 'token_status, at first');
	fails_like(
		"SELECT tplus.refresh_token('crashed')",
		'28000',
		qr/token pair for server "crashed" is lost.*tplus\.authorize/s,
		'refresh_token() tries at once');
	fails_like(reads('crashed'), '28000', qr/is lost/,
		'and then it is known');
	$sim->tokens('crashed', code => 'human');
	$node->safe_psql('postgres',
		"SELECT tplus.authorize('crashed', 'human')");
	reads_all('crashed', 'a human authorizes again');

	# The asker is killed; the call had not reached T+.
	account('spared', %option);
	$sim->fault(
		'spared',
		match => { path => 'refreshToken' },
		action => 'stall',
		when => 'before',
		ms => 2500);
	$session = start(reads('spared'));
	wait_for_row(
		'spared',
		'renewing_since IS NOT NULL',
		'a renewal is under way');
	wait_for_call('spared', 1);
	crash(
		$node->safe_psql(
			'postgres',
			"SELECT pid FROM pg_stat_activity WHERE query = "
			  . TplusSim::quote(reads('spared'))));
	finish($session);
	$sim->tenant('spared', records => 3);
	fails_like(reads('spared'), '28000', qr/was interrupted/, 'asker killed');
	ok( $node->poll_query_until(
			'postgres',
			"SELECT state = 'interrupted' FROM tplus.token_status WHERE server = 'spared'"
		),
		'token_status, when the call has ended');
	reads_all('spared', 'recovers by itself');
	is(row('spared', 'renewing_since IS NULL AND failure IS NULL'),
		't', 'no mark is left');

	# A token that lives is used although a renewal was interrupted.
	account('alive', %option);
	reads_all('alive', 'first read');
	set_row('alive',
			"renewing_since = now(), "
		  . "renewing_until = now() + interval '1 hour'");
	reads_all('alive', 'an interrupted renewal, but the token lives');
	$sim->tokens('alive', revoke_access => $true);
	fails_like(
		reads('alive'), '28000',
		qr/was interrupted/,
		'until T+ refuses it');
	set_row('alive', 'renewing_until = now()');
	reads_all('alive', 'and is renewed in time');
};

subtest 'the table is locked' => sub {
	account('locked', switches => { refresh_ms => 1500 });
	my $session = start(reads('locked'));
	wait_for_row(
		'locked',
		'renewing_since IS NOT NULL',
		'a renewal is under way');
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK TABLE tplus.token IN SHARE MODE');
	ok( $node->poll_query_until(
			'postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE $worker AND wait_event = 'relation'"
		),
		'the worker waits to store the pair');
	$locker->query_safe('COMMIT');
	$locker->quit;
	is(finish($session), '', 'and stores it then');
	pair_is_kept('locked', 'lock');
};

subtest 'settings' => sub {
	account('odd');
	$node->safe_psql('postgres', <<~'SQL');
		ALTER DATABASE postgres SET default_transaction_read_only = on;
		ALTER DATABASE postgres SET default_transaction_isolation = serializable;
		ALTER DATABASE postgres SET search_path = '';
		ALTER DATABASE postgres SET synchronous_commit = off;
		ALTER DATABASE postgres SET lock_timeout = 1;
		SQL
	reads_all('odd', 'with odd settings of the database');
	pair_is_kept('odd', 'odd settings');
	$node->safe_psql('postgres', <<~'SQL');
		SET default_transaction_read_only = off;
		ALTER DATABASE postgres RESET ALL;
		SQL
};

subtest 'the extension is dropped' => sub {
	my $cluster = PostgreSQL::Test::Cluster->new('dropped');
	$cluster->init;
	$cluster->start;
	account('gone', node => $cluster, switches => { refresh_ms => 1500 });
	my $session = start("SELECT tplus.refresh_token('gone')", $cluster);
	wait_for_call('gone', 1);
	$cluster->safe_psql('postgres', 'DROP EXTENSION tplus_fdw CASCADE');
	like(finish($session), qr/ERROR:  42P01: /, 'the asker is told');
	ok( $cluster->poll_query_until(
			'postgres',
			"SELECT count(*) = 0 FROM pg_stat_activity WHERE $worker"),
		'the worker ends');
	$cluster->stop;
};

subtest 'no worker' => sub {
	my $poor = PostgreSQL::Test::Cluster->new('poor');
	$poor->init;
	$poor->append_conf('postgresql.conf', "max_worker_processes = 0\n");
	$poor->start;
	account('poor', node => $poor);
	fails_like(reads('poor'), '53000',
		qr/could not start the background worker.*max_worker_processes/s,
		'no slot', node => $poor);

	# One after another, these would wait for a minute.
	my $begun = time;
	my @crowd = map { start([ reads('poor') ], $poor) } 1 .. 12;
	is(scalar(grep { finish($_) =~ /53000/ } @crowd), 12, 'a crowd is told');
	cmp_ok(time - $begun, '<', 40, 'at the same time');

	# What lives goes on.
	$poor->append_conf('postgresql.conf', "max_worker_processes = 8\n");
	$poor->restart;
	reads_all('poor', 'with slots', $poor);
	$poor->append_conf('postgresql.conf', "max_worker_processes = 0\n");
	$poor->restart;
	$poor->safe_psql('postgres',
			"UPDATE tplus.token SET obtained_at = now() - interval '6 days', "
		  . "expires_at = now() + interval '1 hour'");
	is($poor->safe_psql('postgres', join ';', (reads('poor')) x 3),
		"3\n3\n3", 'early renewal without a slot');
	is($poor->safe_psql('postgres', reads('poor') . "; SELECT sum(token_ms) < 4000 FROM tplus.stat_requests"),
		"3\nt", 'nobody waits for one');
	$poor->stop;
};

subtest 'standby' => sub {
	account('twin');
	reads_all('twin', 'on the primary');
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby);

	reads_all('twin', 'with the token of the primary', $standby);
	$node->safe_psql('postgres', "SELECT tplus.refresh_token('twin')");
	reads_all('twin', 'with its new one', $standby);
	is(status_of('twin', 'state', $standby), 'valid', 'token_status');

	# The primary renews a moment after the standby has found the token dead.
	$sim->tokens('twin', revoke_access => $true);
	my $session = start(reads('twin'), $standby);
	ok($sim->journal('twin', 'path=inventory&wait=1&timeout_ms=10000') > 0,
		'a refused read');
	$node->safe_psql('postgres', "SELECT tplus.refresh_token('twin')");
	is(finish($session), '', 'a standby waits for replay');
	is($session->{out}, "3\n", 'and reads');

	my $calls = scalar(my @journal = $sim->journal('twin', 'path=auth'));
	$sim->tokens('twin', revoke_access => $true);
	fails_like(
		reads('twin'),
		'25006',
		qr/cannot renew the access token for server "twin" during recovery.*on the primary/s,
		'refused token',
		node => $standby);
	set_row('twin', 'expires_at = now()');
	$node->wait_for_catchup($standby);
	fails_like(
		reads('twin'), '25006',
		qr/during recovery/,
		'expired token',
		node => $standby);
	fails_like(
		"SELECT tplus.refresh_token('twin')",
		'25006', qr/during recovery/,
		'refresh_token()', node => $standby);
	is( $standby->safe_psql(
			'postgres',
			"SELECT renewed FROM tplus.renew_due() WHERE server = 'twin'"),
		'f',
		'renew_due()');
	renewed('twin', $calls, 'the standby never asked for a renewal');

	$node->stop;
	$standby->promote;
	reads_all('twin', 'a promoted standby renews', $standby);
	renewed('twin', $calls + 1, 'once');
	$standby->stop;
	$node->start;
};

subtest 'dump and restore' => sub {
	account('dumped');
	reads_all('dumped', 'first read');
	my $file = $node->backup_dir . '/dump.sql';
	$node->command_ok(
		[ 'pg_dump', '-f', $file, '-d', $node->connstr('postgres') ],
		'pg_dump');
	unlike(slurp_file($file), qr/sim-(at|rt)-/, 'no token in it');

	my $other = PostgreSQL::Test::Cluster->new('other');
	$other->init;
	$other->append_conf('postgresql.conf', "log_statement = none\n");
	$other->start;
	$other->command_ok(
		[
			'psql', '-Xq',
			'-v', 'ON_ERROR_STOP=1',
			'-f', $file,
			'-d', $other->connstr('postgres')
		],
		'restored in another cluster');
	is($other->safe_psql('postgres', 'SELECT count(*) FROM tplus.token'),
		'0', 'no pair there');
	fails_like(
		reads('dumped'), '28000',
		qr/T\+ refused to renew.*tplus\.authorize/s,
		'the refresh token of the mapping is used up',
		node => $other);
	$sim->tokens('dumped', code => 'code-for-the-copy');
	$other->safe_psql('postgres',
		"SELECT tplus.authorize('dumped', 'code-for-the-copy')");
	reads_all('dumped', 'authorized there', $other);
	$other->stop;
};

unlike(
	slurp_file($node->logfile),
	qr/sim-(at|rt)-|sim-secret|sim-refresh-token/,
	'no secret in the log');
$node->stop;
done_testing();
