
# The life of a token pair, as one session sees it: the first one, renewal
# before and after its end, isolation levels, refusals and failures.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use TokenTest;

my $true = JSON::PP::true;
my ($node, $sim) = start_cluster("log_min_messages = debug3\n");

subtest 'the first pair' => sub {
	account('first');
	is(status_of('first', "state, generation"), 'none yet|0', 'no pair yet');
	reads_all('first', 'a read gets one');
	reads_all('first', 'the next read uses it');
	renewed('first', 1, 'one token call');

	my ($call) = token_calls('first');
	is($call->{method}, 'GET', 'method');
	is($call->{path}, '/auth/v2/refreshToken', 'path');
	is_deeply(
		$call->{query},
		{ grantType => 'refresh_token', refreshToken => 'sim-refresh-token' },
		'query');
	my %headers =
	  map { lc($_) => $call->{headers}{$_} } keys %{ $call->{headers} };
	is($headers{appkey}, 'first', 'appKey');
	is($headers{appsecret}, 'sim-secret', 'appSecret');
	ok(!exists $headers{opentoken}, 'no openToken');
	is(scalar(refused('first')), 0, 'no call was refused');
	is( row('first', 'access_token || refresh_token'),
		join('', @{ $sim->tokens('first') }{qw(access_token refresh_token)}),
		'the row has what the simulator issued');
	is( status_of(
			'first',
			"state, generation, renewals, auth, usename = current_user, "
			  . "expires_at - obtained_at, refresh_expires_at - obtained_at, message"
		),
		'valid|1|1|refresh_token|t|6 days|29 days|',
		'token_status');
};

subtest 'a token that dies' => sub {
	for my $refusal ('403/50107', '401/4007')
	{
		(my $name = "dead$refusal") =~ s/\W/_/g;
		account($name, switches => { token_refused => $refusal });
		reads_all($name, "$refusal: first read");
		$sim->tokens($name, revoke_access => $true);
		reads_all($name, "$refusal: read with a dead token");
		renewed($name, 2, "$refusal: renewed once");
		is(scalar(refused($name)), 1, "$refusal: one refused call");
		is((token_calls($name))[1]{query}{refreshToken} =~ /^sim-rt-1-/,
			1, "$refusal: with the refresh token that came last");
		reads_all($name, "$refusal: read with the new one");
		renewed($name, 2, "$refusal: no further renewal");

		# A row that was deleted counts its generations from 1 again.
		$node->safe_psql('postgres', "DELETE FROM tplus.token WHERE server = '$name'");
		$sim->tokens($name, refresh_token => 'sim-refresh-token');
		reads_all($name, "$refusal: read with a new row");
		$sim->tokens($name, revoke_access => $true);
		reads_all($name, "$refusal: read with a dead token of a new row");
		renewed($name, 4, "$refusal: renewed again");
	}
};

subtest 'an end foreseen' => sub {
	account('early');
	reads_all('early', 'first read');

	# A tenth of six days is a little more than 14 hours.
	set_row('early',
			"obtained_at = now() - interval '129 hours', "
		  . "expires_at = now() + interval '15 hours'");
	reads_all('early', 'fifteen hours left');
	renewed('early', 1, 'no renewal');
	set_row('early',
			"obtained_at = now() - interval '130 hours', "
		  . "expires_at = now() + interval '14 hours'");
	reads_all('early', 'fourteen hours left');
	renewed('early', 2, 'renewed');
	is(scalar(refused('early')), 0, 'no call was refused');

	set_row('early', "expires_at = now() - interval '1 second'");
	reads_all('early', 'ended');
	renewed('early', 3, 'renewed');
	is(scalar(refused('early')), 0, 'no call was refused');

	set_row('early',
			"obtained_at = now() - interval '2 days', "
		  . "refresh_expires_at = now() + interval '1 hour'");
	reads_all('early', 'refresh token ends');
	renewed('early', 4, 'renewed');

	# What still lives is used when the renewal fails.
	set_row('early',
			"obtained_at = now() - interval '130 hours', "
		  . "expires_at = now() + interval '14 hours'");
	$sim->fault(
		'early',
		match => { path => 'refreshToken' },
		action => 'unavailable',
		times => 0,
		every => 1);
	reads_all('early', 'early renewal fails');
	renewed('early', 5, 'tried');
	reads_all('early', 'and again');
	renewed('early', 5, 'not tried again at once');
	is(status_of('early', 'state'), 'valid', 'still valid');
	like(
		status_of('early', 'message'),
		qr/HTTP status 503/,
		'the failure is shown');
	set_row('early', "expires_at = now() - interval '1 second'");
	fails_like(
		reads('early'),
		'08006',
		qr/could not renew the access token for server "early".*HTTP status 503/s,
		'no living token');
	renewed('early', 5, 'failing fast');
	$sim->clear_faults('early');
	set_row('early', "failed_until = now()");
	reads_all('early', 'recovers by itself');
	is( row('early', "failure IS NULL AND failures = 0 AND message IS NULL"),
		't',
		'nothing is left of the failure');
};

subtest 'lives of all kinds' => sub {
	account('texts',
		switches => { token_numbers => 'text', token_code => 'number' });
	reads_all('texts', 'numbers as text');
	is(status_of('texts', 'expires_at - obtained_at'), '6 days',
		'understood');

	account('untold',
		switches => { token_omit => 'expires_in,refresh_expires_in' });
	reads_all('untold', 'no lives told');
	is(status_of('untold', 'expires_at - obtained_at, refresh_expires_at'),
		'6 days|', 'six days assumed');

	account('kept',
		switches =>
		  { token_omit => 'refresh_token', refresh_survives => 'true' });
	reads_all('kept', 'no refresh token in the reply');
	is(row('kept', 'refresh_token'),
		'sim-refresh-token', 'the old one is kept');

	account('short', switches => { expires_in => 2 });
	reads_all('short', 'short-lived, first');
	reads_all('short', 'short-lived, second');
	$node->poll_query_until('postgres',
		"SELECT expires_at < now() FROM tplus.token_status WHERE server = 'short'"
	);
	reads_all('short', 'short-lived, third');
	cmp_ok(scalar(my @calls = token_calls('short')),
		'<=', 3, 'no renewal too many');
	is(scalar(refused('short')), 0, 'no call was refused');

	for my $life (0, -1, -86400, '"0"', '-1e300', '0.4')
	{
		my $name = 'dead' . $life =~ s/\W/_/gr;
		account($name);
		$sim->fault($name, match => { path => '*refreshToken' }, action => 'body', times => 0,
			body => qq({"code":"200","result":{"access_token":"token-$name","refresh_token":"next-$name","expires_in":$life,"refresh_expires_in":$life}}));
		fails_like(reads($name), 'HV000', qr/could not renew.*lives for no time.*HINT:  Have the administrator/s, "expires_in $life");
		fails_like(reads($name), 'HV000', qr/lives for no time/, "expires_in $life, again");
		renewed($name, 1, 'a token born dead does not make a loop');
		is(row($name, 'refresh_token'), "next-$name", 'the pair is kept');
		is(status_of($name, 'expires_at <= now()'), 't', 'it does not live');
	}
	for my $life ('1e300', '99999999999999999999', '"3e9"')
	{
		my $name = 'old' . $life =~ s/\W/_/gr;
		account($name);
		$sim->fault($name, match => { path => '*refreshToken' }, action => 'body', times => 0,
			body => qq({"code":"200","result":{"access_token":"sim-open-token","refresh_token":"next","expires_in":$life}}));
		reads_all($name, "expires_in $life");
		is(status_of($name, 'expires_at - obtained_at'), '3650 days', 'ten years at most');
	}
};

subtest 'refusals that are not the fault of the token' => sub {
	account('fresh');
	reads_all('fresh', 'first read');
	$sim->fault(
		'fresh',
		match => { path => 'Query' },
		action => 'token_expired',
		every => 1,
		times => 0);
	fails_like(
		reads('fresh'), '28000',
		qr/expired or was revoked/,
		'refused again right after a renewal');
	renewed('fresh', 2, 'one renewal');
	fails_like(
		reads('fresh'), '28000',
		qr/expired or was revoked/,
		'and in the next statement');
	renewed('fresh', 2, 'no other renewal');

	account('ambiguous');
	reads_all('ambiguous', 'first read');
	$sim->fault(
		'ambiguous',
		match => { path => 'Query' },
		action => 'forbidden',
		every => 1,
		times => 0);
	fails_like(reads('ambiguous'), '28000', qr/refused the application/,
		'young pair');
	set_row('ambiguous', "obtained_at = now() - interval '6 minutes'");
	fails_like(
		reads('ambiguous'), '28000',
		qr/refused the application/,
		'pair used of late');
	renewed('ambiguous', 1, 'never renewed');

	# Neither young nor used: the shared memory of its use ends with a restart.
	$node->restart;
	fails_like(
		reads('ambiguous'), '28000',
		qr/refused the application/,
		'neither young nor used');
	renewed('ambiguous', 2, 'renewed once');

	account('cured', switches => { token_refused => '401/50000' });
	reads_all('cured', 'first read');
	$sim->tokens('cured', revoke_access => $true);
	set_row('cured', "obtained_at = now() - interval '6 minutes'");
	$node->restart;
	reads_all('cured', 'an ambiguous refusal that meant the token');
	renewed('cured', 2, 'renewed');
};

subtest 'tokens of other sessions' => sub {
	account('crowd');
	reads_all('crowd', 'first read');
	my $count = () = $sim->journal('crowd', 'path=inventory');
	$sim->fault(
		'crowd',
		match => { path => 'Query' },
		action => 'token_expired',
		delay_ms => 800,
		every => 1,
		times => 0);

	# While T+ is still at it, somebody else has got another token.
	my $other = $node->background_psql('postgres');
	my $reader = start(reads('crowd'));
	for my $refusal (1 .. 4)
	{
		$sim->journal('crowd', 'path=inventory&timeout_ms=30000&wait=' . ($count + $refusal));
		$other->query_safe(q{UPDATE tplus.token SET generation = generation + 1 WHERE server = 'crowd'});
	}
	like(finish($reader), qr/ERROR:  28000: .*expired or was revoked/s,
		'the third of other tokens is the last that is tried');
	$other->quit;
	is(scalar(refused('crowd')), 4, 'after the first one');
	renewed('crowd', 1, 'nothing was renewed');
};

subtest 'isolation' => sub {
	account('isolated');
	my $kill = sub { $sim->tokens('isolated', revoke_access => $true) };
	my $generation = 0;

	for my $mode (
		'ISOLATION LEVEL READ COMMITTED',
		'ISOLATION LEVEL REPEATABLE READ',
		'ISOLATION LEVEL SERIALIZABLE',
		'ISOLATION LEVEL SERIALIZABLE READ ONLY')
	{
		my $session = $node->background_psql('postgres');
		$session->query_safe("BEGIN $mode; SELECT count(*) FROM pg_class");
		is($session->query_safe(reads('isolated')), '3', "$mode: read");
		$kill->();
		is($session->query_safe(reads('isolated')), '3', "$mode: renewed");
		is($session->query_safe(reads('isolated')),
			'3', "$mode: sees the new token");

		# Another session renews; this one's snapshot is older than that.
		$node->safe_psql('postgres',
			"SELECT tplus.refresh_token('isolated')");
		is($session->query_safe(reads('isolated')),
			'3', "$mode: sees another's");
		$session->query_safe('SAVEPOINT a');
		$kill->();
		is($session->query_safe(reads('isolated')),
			'3', "$mode: in a savepoint");
		$session->query_safe('ROLLBACK TO a');
		is($session->query_safe(reads('isolated')),
			'3', "$mode: and after it");
		$session->query_safe('ROLLBACK');
		is($session->query_safe(reads('isolated')),
			'3', "$mode: after ROLLBACK");
		$session->quit;
		$generation += 3 + ($generation == 0);
		is(status_of('isolated', 'generation'),
			$generation, "$mode: renewals counted");
	}
	is(scalar(refused('isolated')),
		8, 'no call with a dead token but the ones meant');

	$kill->();
	my $plan = $node->safe_psql('postgres', <<~SQL);
		CREATE TABLE big AS SELECT g FROM generate_series(1, 20000) g;
		ANALYZE big;
		SET min_parallel_table_scan_size = 0;
		SET parallel_setup_cost = 0;
		SET parallel_tuple_cost = 0;
		EXPLAIN (COSTS OFF) SELECT (SELECT count(*) FROM big), (SELECT count(*) FROM isolated.item);
		SELECT b.n, i.n FROM (SELECT count(*) n FROM big) b,
			LATERAL (SELECT count(*) n FROM isolated.item WHERE b.n > 0) i;
		SELECT * FROM (SELECT g FROM big UNION ALL SELECT length(id) FROM isolated.item) u WHERE g < 0;
		SQL
	like($plan, qr/Gather/, 'a plan with a Gather');
	like($plan, qr/^20000\|3$/m, 'a scan beside a Gather');
	is(status_of('isolated', 'generation'), $generation + 1, 'which renewed');
};

subtest 'mappings' => sub {
	$sim->tenant('onego', records => 3);
	my $url = $sim->url;
	is( $node->safe_psql('postgres',
			<<~SQL), '3', 'server and mapping of the same transaction');
		BEGIN;
		CREATE SERVER onego FOREIGN DATA WRAPPER tplus_fdw
			OPTIONS (base_url '$url', requests_per_second '0');
		CREATE USER MAPPING FOR CURRENT_USER SERVER onego OPTIONS
			(app_key 'onego', app_secret 'sim-secret', refresh_token 'sim-refresh-token');
		CREATE FOREIGN TABLE onego (id text OPTIONS (field 'ID')) SERVER onego
			OPTIONS (resource 'inventory');
		SELECT count(*) FROM onego;
		ROLLBACK;
		SQL
	is(row('onego', 'generation'), '1', 'its pair survives ROLLBACK');
	another('onego', 'onego');
	reads_all('onego', 'a mapping made anew finds it');
	renewed('onego', 1, 'one token call');

	# A new refresh token takes over at once, and the old one can come back.
	$sim->tokens('onego', refresh_token => 'other-refresh-token');
	set_mapping('onego', refresh_token => 'other-refresh-token');
	is(status_of('onego', 'state'), 'none yet', 'a new row');
	reads_all('onego', 'a new refresh token');
	renewed('onego', 2, 'used at once');
	is((token_calls('onego'))[1]{query}{refreshToken},
		'other-refresh-token', 'it was');

	# Servers that spell the address differently share the pair.
	account('shared');
	another('shared2', 'shared',
		base_url => 'HTTP' . substr($sim->url, 4) . '/');
	reads_all('shared', 'first server');
	reads_all('shared2', 'second server');
	renewed('shared', 1, 'one pair');
	is(row('shared', 'count(*)') + row('shared2', 'count(*)'), 1, 'one row');

	$node->safe_psql('postgres', 'CREATE DATABASE young');
	fails_like(
		<<~SQL, '55000', qr/in the transaction that created the extension.*Commit CREATE EXTENSION first/s, 'an extension of the same transaction', connstr => $node->connstr('young'));
		BEGIN;
		CREATE EXTENSION tplus_fdw;
		CREATE SERVER s FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '$url');
		CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS
			(app_key 'first', app_secret 'sim-secret', refresh_token 'sim-refresh-token');
		SELECT tplus.refresh_token('s');
		SQL
	$node->safe_psql('postgres', 'DROP DATABASE young');
};

subtest 'credentials that T+ refuses' => sub {
	account('refused');
	$sim->tokens('refused', revoke_refresh => $true);
	fails_like(
		reads('refused'),
		'28000',
		qr/T\+ refused to renew.*4007.*not asked again before.*tplus\.authorize/s,
		'first');
	fails_like(reads('refused'), '28000', qr/T\+ refused to renew/, 'second');
	fails_like(
		"SELECT * FROM tplus.refresh_token('refused')",
		'28000',
		qr/T\+ refused to renew/,
		'refresh_token() asks all the same');
	renewed('refused', 2, 'fails fast');
	is(status_of('refused', 'state'), 'failed', 'token_status');
	is( row('refused', "failure, failed_until > now() + interval '4 minutes'"
		),
		'refused|t',
		'for some minutes');
	$sim->tokens('refused', refresh_token => 'sim-refresh-token');
	set_row('refused', 'failed_until = now()');
	reads_all('refused', 'recovers by itself');

	# As if the clock had been years ahead.
	for my $set ("failure = 'refused', failed_until",
		"renewing_until = now() + interval '11 years', renewing_since")
	{
		$sim->tokens('refused', revoke_refresh => $true, revoke_access => $true);
		fails_like('SELECT * FROM tplus.refresh_token(\'refused\')', '28000', qr/refused to renew/, 'refused once more');
		$sim->tokens('refused', refresh_token => 'sim-refresh-token');
		set_row('refused', "refresh_token = NULL, obtained_at = NULL, access_token = NULL, "
			  . "$set = now() + interval '10 years'");
		reads_all('refused', 'no longer if the clock was set back');
	}

	$sim->tokens(
		'refused',
		revoke_refresh => $true,
		revoke_access => $true);
	fails_like(reads('refused'), '28000', qr/T\+ refused to renew/,
		'refused anew');
	$sim->tokens('refused', refresh_token => 'brand-new');
	set_mapping('refused', refresh_token => 'brand-new');
	reads_all('refused', 'ALTER USER MAPPING cures at once');

	account('wrong',
		mapping =>
		  { app_secret => 'nonsense', refresh_token => 'sim-refresh-token' });
	fails_like(
		reads('wrong'), '28000',
		qr/50000.*Authorize the application again.*check app_key and app_secret/s,
		'wrong app_secret');
	fails_like(reads('wrong'), '28000', qr/not asked again before/,
		'fails fast');
	renewed('wrong', 1, 'one call');
	set_mapping('wrong', app_secret => 'sim-secret');
	reads_all('wrong', 'the right one cures at once');

	account('unknown', switches => { known_app => 'false' });
	fails_like(
		reads('unknown'), '28000',
		qr/4002.*Check app_key/s,
		'wrong app_key');

	# A refresh token that is used up opens nothing without the app_secret.
	account('prey');
	reads_all('prey', 'first read');
	another('thief', 'prey',
		mapping =>
		  { app_secret => 'guess', refresh_token => 'sim-refresh-token' });
	fails_like(
		reads('thief'), '28000',
		qr/T\+ refused to renew/,
		'a used-up refresh token');
	is(scalar(refused('prey')), 0, 'no call with the pair');
	reads_all('prey', 'the pair lives on');
	renewed('prey', 2, 'nothing was renewed');
	$sim->switches('prey', app_secret => 'new-secret');
	$node->safe_psql('postgres',
			"ALTER USER MAPPING FOR CURRENT_USER SERVER $_ "
		  . "OPTIONS (SET app_secret 'new-secret')")
	  for qw(prey thief);
	reads_all('prey', 'a new app_secret');
	renewed('prey', 3, 'is shown to T+ first');
	reads_all('thief', 'who knows it is in');
	renewed('prey', 3, 'with the same pair');

	# A stale pair in the row, as after the restore of an old backup.
	account('stale');
	reads_all('stale', 'first read');
	set_row('stale',
		"refresh_token = 'from an old backup', expires_at = now()");
	fails_like(reads('stale'), '28000', qr/T\+ refused to renew/,
		'a stale pair');
};

subtest 'whose pair it is' => sub {
	my $key = 'sim-refresh-token';

	# By another way, nobody gets what is stored: not with the app_secret either.
	account('route');
	reads_all('route', 'first read');
	my $pair = $sim->tokens('route');
	my $elsewhere = $sim->url =~ s/127\.0\.0\.1/localhost/r;
	my %other = (
		'a guessed secret' => { mapping => { app_secret => 'guess', refresh_token => $key } },
		'another host' => { base_url => $elsewhere },
		'a proxy' => { proxy => $sim->url },
		'a prefix' => { base_url => $sim->url . '/x' },
		'another token path' => { token_path => '/auth/refreshToken' });
	my $n = 0;
	for my $how (sort keys %other)
	{
		my $name = 'stranger' . $n++;
		another($name, 'route', %{ $other{$how} });
		$sim->clear_journal('route');
		my (undef, undef, $err) = $node->psql('postgres', reads($name));
		isnt($err, '', "$how: refused");
		my @calls = $sim->journal('route');
		is(scalar(grep { ($_->{headers}{openToken} // '') eq $pair->{access_token}
			|| ($_->{query}{refreshToken} // '') eq $pair->{refresh_token} } @calls),
			0, "$how: nothing stored is sent");
	}
	pair_is_kept('route', 'what strangers did');
	fails_like(reads('stranger1'), '28000', qr/another app_secret or by another route/, 'the reason');

	# They do not make the owner wait either.
	$sim->switches('route', refresh_ms => 3000);
	my $waiting = start("SELECT tplus.refresh_token('stranger0')");
	my $begun = time;
	reads_all('route', 'while one renews');
	cmp_ok(time - $begun, '<', 3, 'without a wait');
	finish($waiting);
	$sim->switches('route', refresh_ms => 0);

	# Who is entitled takes the pair along.
	for my $change ("ALTER SERVER route OPTIONS (ADD proxy '" . $sim->url . "')",
		"ALTER SERVER route OPTIONS (SET proxy '" . $sim->url . "/')",
		"ALTER SERVER route OPTIONS (DROP proxy, SET base_url '$elsewhere')",
		'ALTER SERVER route RENAME TO renamed; ALTER SCHEMA route RENAME TO renamed')
	{
		my $name = $change =~ /RENAME/ ? 'renamed' : 'route';
		$node->safe_psql('postgres', 'DROP SERVER stranger1 CASCADE') if $change =~ /DROP proxy/;
		$sim->clear_journal('route');
		$node->safe_psql('postgres', $change);
		reads_all($name, $change);
		is(scalar(token_calls('route')), 0, 'without a renewal');
	}
	$sim->switches('route', app_secret => 'new-secret');
	set_mapping('renamed', 'app_secret', 'mistyped');
	fails_like(reads('renamed'), '28000', qr/app_secret/, 'a wrong secret');
	set_mapping('renamed', 'app_secret', 'new-secret');
	reads_all('renamed', 'the right one');
	is($node->safe_psql('postgres', "SELECT generation FROM tplus.token WHERE server = 'renamed'"),
		2, 'goes on with the pair');
};

subtest 'T+ is busy or away' => sub {
	account('busy');
	$sim->fault(
		'busy',
		match => { path => 'refreshToken' },
		action => 'too_fast',
		times => 2);
	reads_all('busy', '14002 twice');
	renewed('busy', 3, 'asked until it worked');
	is(status_of('busy', 'generation, renewals'), '1|1', 'one renewal');

	account(
		'toobusy',
		request_timeout_ms => 2000,
		connect_timeout_ms => 1000);
	$sim->fault(
		'toobusy',
		match => { path => 'refreshToken' },
		action => 'too_fast',
		every => 1,
		times => 0);
	fails_like(
		reads('toobusy'), '55006',
		qr/14002.*another program or database/s,
		'14002 without end');
	cmp_ok(scalar(my @calls = token_calls('toobusy')),
		'<=', 6, 'a bounded number of calls');

	# Each answer is a fault, a SQLSTATE and what the message says.
	account('away', request_timeout_ms => 1000, stall_timeout_ms => 1000, max_retries => 0);
	for my $case (
		[ { action => 'unavailable' }, '08006', qr/HTTP status 503/ ],
		[ { action => 'html' }, '08006', qr/HTTP status 502/ ],
		[ { action => 'html_200' }, 'HV000', qr/without an access token/ ],
		[ { action => 'empty' }, 'HV000', qr/without an access token/ ],
		[ { action => 'null' }, 'HV000', qr/without an access token/ ],
		[
			{ action => 'empty_object' }, 'HV000',
			qr/without an access token/
		],
		[
			{
				action => 'body',
				body => '{"code":"200","result":{"access_token":17}}'
			},
			'HV000',
			qr/without an access token/
		],
		[
			{
				action => 'body',
				body => '{"code":"200","result":{"access_token":"a\r\nb: c"}}'
			},
			'HV000',
			qr/without an access token/
		],
		[
			{
				action => 'body',
				body => '{"code":"200","result":{"access_token":""}}'
			},
			'HV000',
			qr/without an access token/
		],
		[
			{
				action => 'body',
				body => '{"code":"EX1","message":"a null is not allowed","result":{"access_token":null}}'
			},
			'28000',
			qr/a null is not allowed/
		],
		[
			{ action => 'truncate', bytes => 40 },
			'08006', qr/ended too early/
		],
		[
			{ action => 'drop', when => 'before' },
			'08006', qr/ended too early/
		],
		[
			{ action => 'stall', when => 'headers', ms => 5000 },
			'08006', qr/no (answer|byte) within/
		],
		[
			{ action => 'huge', mb => 3 },
			'54000',
			qr/larger than a token reply/
		],
		[
			{ action => 'redirect', status => 302, location => '/elsewhere' },
			'HV000',
			qr/HTTP status 302/
		],
		[
			{ action => 'not_found' },
			'HV00R',
			qr/HTTP status 404.*token_path/s
		],
		[ { action => 'network' }, '08006', qr/EXERROR0001/ ])
	{
		my ($fault, $sqlstate, $pattern) = @$case;
		$node->safe_psql('postgres',
			"DELETE FROM tplus.token WHERE server = 'away'");
		$sim->clear_faults('away');
		$sim->fault('away', match => { path => 'refreshToken' }, %$fault);
		fails_like(reads('away'), $sqlstate, $pattern,
			join ' ', map { "$_=$fault->{$_}" } sort keys %$fault);
	}
	is(row('away', 'failures'), '1', 'counted');

	# Without an answer the pair may be lost; whether it is shows later.
	$node->safe_psql('postgres',
		"DELETE FROM tplus.token WHERE server = 'away'");
	$sim->tenant('away', records => 3);
	$sim->fault(
		'away',
		match => { path => 'refreshToken' },
		action => 'drop',
		when => 'lost');
	fails_like(reads('away'), '08006', qr/may be lost/, 'answer lost');
	set_row('away', 'failed_until = now()');
	fails_like(reads('away'), '28000',
		qr/the token pair for server "away" is lost/,
		'pair lost');
	is(row('away', 'failure'), 'lost', 'known to be lost');
	$sim->tenant('away', records => 3);
	$node->safe_psql('postgres',
		"DELETE FROM tplus.token WHERE server = 'away'");
	$sim->fault(
		'away',
		match => { path => 'refreshToken' },
		action => 'drop',
		when => 'before');
	fails_like(reads('away'), '08006', qr/could not renew/, 'not even asked');
	set_row('away', 'failed_until = now()');
	reads_all('away', 'the pair was not lost');

	$node->safe_psql('postgres',
		"ALTER SERVER away OPTIONS (SET base_url 'http://127.0.0.1:1')");
	fails_like(reads('away'), '08001', qr/no connection/, 'nobody there');
};

unlike(
	slurp_file($node->logfile),
	qr/sim-(at|rt)-|sim-secret|sim-refresh-token/,
	'no secret in the log');
$node->stop;
done_testing();
