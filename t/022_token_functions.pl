
# The functions about tokens: authorize(), refresh_token(), renew_due(), the
# view token_status; self-built applications; who may do and see what.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use TokenTest;

my $true = JSON::PP::true;
my ($node, $sim) = start_cluster("log_min_messages = debug3\n");
my %secret = (app_secret => 'sim-secret');
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');

# What a role gets from a query.
sub as
{
	my ($user, $sql) = @_;
	return $node->safe_psql('postgres', $sql,
		extra_params => [ '-U', $user ]);
}

subtest 'authorize' => sub {
	my $back = 'https://example.com/back?a=b&c=d';

	account('newcomer', mapping => \%secret);
	fails_like(
		reads('newcomer'), '28000',
		qr/there is no token.*tplus\.authorize\('newcomer', \.\.\.\)/s,
		'nothing to begin with');
	fails_like(
		"SELECT tplus.refresh_token('newcomer')",
		'28000',
		qr/there is no token/,
		'nothing to renew');
	fails_like(
		"SELECT tplus.authorize('newcomer', 'wrong-code')",
		'28000', qr/could not exchange the one-time code.*4007/s,
		'wrong code');
	is(status_of('newcomer', 'state'), 'none yet', 'no pair');

	is($node->safe_psql('postgres', <<~SQL), 't', 'right code');
		BEGIN;
		SELECT tplus.authorize('newcomer', 'sim-code', '$back') > now() + interval '5 days';
		ROLLBACK;
		SQL
	is(row('newcomer', 'generation'), '1', 'the pair survives ROLLBACK');
	my ($call) = grep { $_->{status} == 200 } token_calls('newcomer');
	is("$call->{method} $call->{path}", 'GET /auth/v2/getToken', 'call');
	is_deeply(
		$call->{query},
		{
			grantType => 'authorization_code',
			code => 'sim-code',
			redirectUri => $back
		},
		'query');
	reads_all('newcomer', 'reads');
	$sim->tokens('newcomer', revoke_access => $true);
	reads_all('newcomer', 'renews');
	is(row('newcomer', 'generation'), '2', 'with the refresh token it got');

	fails_like("SELECT tplus.authorize('newcomer', 'sim-code')",
		'28000', qr/4007/, 'a code works once');
	reads_all('newcomer', 'a failed exchange leaves the pair alone');
	$sim->tokens(
		'newcomer',
		code => 'second-code',
		revoke_refresh => $true,
		revoke_access => $true);
	fails_like(reads('newcomer'), '28000', qr/T\+ refused to renew/,
		'pair refused');
	$node->safe_psql('postgres',
		"SELECT tplus.authorize('newcomer', 'second-code')");
	reads_all('newcomer', 'authorized again');
	is(status_of('newcomer', 'state, message'), 'valid|', 'all well');

	# The same application may be authorized by another enterprise.
	$node->safe_psql('postgres',
		'CREATE USER MAPPING FOR PUBLIC SERVER newcomer '
		  . TplusSim::options(app_key => 'newcomer', %secret));
	is( status_of('newcomer', "string_agg(state, ' ' ORDER BY usename = 'public')"),
		'valid none yet',
		'the mapping of another user has a pair of its own');
};

subtest 'older calls' => sub {
	account('older', token_path => '/auth/refreshToken', mapping => \%secret);
	$node->safe_psql('postgres',
		"SELECT tplus.authorize('older', 'sim-code')");
	$node->safe_psql('postgres', "SELECT tplus.refresh_token('older')");
	reads_all('older', 'the first version of the token calls');
	is_deeply(
		[ map { "$_->{path} $_->{query}{appKey}" } token_calls('older') ],
		[ '/auth/getToken older', '/auth/refreshToken older' ], 'paths');
};

subtest 'self-built application' => sub {
	account(
		'selfmade',
		mapping => {
			%secret,
			certificate => 'sim-certificate',
			app_ticket => 'sim-app-ticket'
		});
	reads_all('selfmade', 'first read');
	my ($call) = token_calls('selfmade');
	is( "$call->{method} $call->{path}",
		'POST /v1/common/auth/selfBuiltApp/generateToken',
		'call');
	is_deeply($call->{body},
		{ appTicket => 'sim-app-ticket', certificate => 'sim-certificate' },
		'body');
	is(status_of('selfmade', 'auth, state, generation'),
		'self_built|valid|1', 'token_status');
	$sim->tokens('selfmade', revoke_access => $true);
	reads_all('selfmade', 'generated anew');
	renewed('selfmade', 2, 'one more call');

	$sim->tokens('selfmade', revoke_access => $true, advance => 3600);
	fails_like(reads('selfmade'), '28000', qr/4031.*latest app_ticket/s,
		'old ticket');
	fails_like(reads('selfmade'), '28000', qr/4031/, 'fails fast');
	renewed('selfmade', 3, 'one call');
	set_mapping('selfmade', 'app_ticket',
		$sim->tokens('selfmade', new_ticket => $true)->{app_ticket});
	reads_all('selfmade', 'a new ticket cures at once');

	$sim->switches('selfmade', self_built_down => 'true');
	fails_like(
		"SELECT tplus.refresh_token('selfmade')",
		'08006',
		qr/4028.*check that it runs/s,
		'the enterprise is away');
	reads_all('selfmade', 'the token lives on');
	fails_like(
		"SELECT tplus.authorize('selfmade', 'x')",
		'0A000', qr/does not work with one-time codes/,
		'no codes');
};

subtest 'a static token' => sub {
	account('static', mapping => { %secret, open_token => 'sim-open-token' });
	reads_all('static', 'read');
	is(status_of('static', 'auth, state, generation, expires_at'),
		'open_token|static|0|', 'token_status');
	is(row('static', 'count(*)'), '0', 'no row');
	fails_like("SELECT tplus.refresh_token('static')",
		'0A000', qr/is static/, 'cannot be renewed');
	fails_like("SELECT tplus.authorize('static', 'x')",
		'0A000', qr/is static/, 'cannot be authorized');
	$sim->switches('static', open_tokens => 'another');
	fails_like(reads('static'), '28000', qr/expired or was revoked/, 'dead');
	renewed('static', 0, 'no token call');
};

subtest 'arguments' => sub {
	account('plain');
	like($node->safe_psql('postgres', "SELECT tplus.refresh_token('plain')"),
		qr/^\d{4}-/, 'refresh_token() tells the end of the new token');
	$node->safe_psql('postgres', "SELECT tplus.refresh_token('plain')");
	renewed('plain', 2, 'it renews whatever the age');
	is(status_of('plain', 'generation, renewals'), '2|2', 'counted');

	$node->safe_psql('postgres',
			'CREATE FOREIGN DATA WRAPPER stranger; '
		  . 'CREATE SERVER strange FOREIGN DATA WRAPPER stranger');
	for my $case (
		[ 'refresh_token(NULL)', '22004', qr/"server" must not be null/ ],
		[ "refresh_token('')", '42704', qr/server "" does not exist/ ],
		[ "refresh_token('nosuch')", '42704', qr/does not exist/ ],
		[ "refresh_token('strange')", '42809', qr/does not belong/ ],
		[ "authorize(NULL, 'x')", '22004', qr/"server" must not be null/ ],
		[ "authorize('plain', NULL)", '22004', qr/"code" must not be null/ ],
		[ "authorize('plain', '')", '22023', qr/"code" must not be empty/ ],
		[ 'renew_due(NULL)', '22004', qr/"within" must not be null/ ],
		[ "renew_due('-1 day')", '22023', qr/must not be negative/ ])
	{
		my ($call, $sqlstate, $pattern) = @$case;
		fails_like("SELECT tplus.$call", $sqlstate, $pattern, $call);
	}
};

subtest 'renew_due' => sub {
	my $due = 'SELECT server, usename, renewed, '
	  . "split_part(message, ':', 1) FROM tplus.renew_due() ORDER BY 1, 2";
	my %mapping =
	  map {
		$_ => TplusSim::options(
			app_key => $_,
			%secret,
			refresh_token => 'sim-refresh-token')
	  } qw(due notdue broken);

	account($_) for sort keys %mapping;
	reads_all($_, 'first read') for sort keys %mapping;
	$node->safe_psql('postgres', <<~SQL);
		CREATE ROLE clerk LOGIN;
		CREATE ROLE guest LOGIN;
		GRANT USAGE ON FOREIGN SERVER due, notdue, broken, plain TO clerk;
		CREATE USER MAPPING FOR clerk SERVER due $mapping{due};
		CREATE USER MAPPING FOR PUBLIC SERVER notdue $mapping{notdue};
		CREATE USER MAPPING FOR clerk SERVER broken $mapping{broken};
		SQL
	set_row($_, "expires_at = now() + interval '1 day'") for qw(due broken);
	$sim->tokens('broken', revoke_refresh => $true);

	is(as('clerk', $due), <<~'ROWS' =~ s/\n\z//r, 'what a role reaches');
		broken|clerk|f|T+ refused to renew the access token for server "broken"
		due|clerk|t|
		notdue|public|f|not due
		ROWS
	is(row('due', 'generation'), '2', 'the pair that was due');
	renewed('notdue', 1, 'and no other');
	is(as('guest', $due), '', 'nothing within reach');
	like(
		$node->safe_psql('postgres', $due),
		qr/^due\|clerk\|f\|not due\ndue\|$superuser\|f\|not due$/m,
		'a superuser reaches all');
	my $early = "SELECT bool_or(renewed) FROM tplus.renew_due('7 days') WHERE usename = 'public'";
	is(as('clerk', $early), 'f', 'a mapping for PUBLIC is nobody\'s to renew so early');
	is($node->safe_psql('postgres', $early), 't', 'another horizon');
	is(as('clerk', 'SELECT count(*) FROM tplus.renew_due() WHERE renewed'),
		'0', 'nothing is left to do');
};

# However T+ says that a renewal is refused, a human has to act; wherever that
# shows, it says so, and how.
subtest 'a refused renewal' => sub {
	my $human = qr/Authorize the application again: .*tplus\.authorize\(\).*ALTER USER MAPPING/;
	my $refused = qr/T\+ refused to renew the access token for server "refusing"/;
	my $said = { code => '50000', message => 'refreshToken invalid' };
	account('refusing');
	$node->safe_psql('postgres', <<~'SQL');
		CREATE TABLE copied (id text PRIMARY KEY);
		SELECT tplus.create_sync('refused', source => 'refusing.item', target => 'copied');
		SQL

	for my $answer (
		[ 200, $said, qr/HTTP status 200, code 50000: refreshToken invalid/ ],
		[ 400, $said, qr/HTTP status 400, code 50000/ ],
		[ 401, $said, qr/HTTP status 401, code 50000/ ],
		[ 200, { code => '50107', message => 'x' }, qr/code 50107/ ],
		[ 200, { code => '4007', message => 'x' }, qr/code 4007/ ],
		[ 200, { code => 'E1', message => 'disabled' }, qr/code E1: disabled/ ],
		[ 200, { result => \0, error => { code => '50000', msg => 'revoked' }, value => undef }, qr/code 50000: revoked/ ],
		[ 200, { success => \0, message => 'revoked' }, qr/HTTP status 200: revoked/ ],
		[ 200, { message => 'revoked' }, qr/HTTP status 200: revoked/ ])
	{
		my ($status, $body, $reason) = @$answer;
		$node->safe_psql('postgres', "DELETE FROM tplus.token WHERE server = 'refusing'");
		$sim->clear_faults('refusing');
		$sim->fault('refusing', match => { path => '/auth*' }, action => 'status',
			status => $status, body => JSON::PP->new->encode($body), times => 99);
		$sim->clear_journal('refusing');
		fails_like(reads('refusing'), '28000', qr/$refused\nDETAIL: .*$reason.*user mapping for $superuser\.\nHINT:  $human/, "HTTP $status");
		renewed('refusing', 1, 'asked once');
	}
	fails_like("SELECT tplus.ping('refusing')", '28000', qr/$refused\n.*\nHINT:  $human/, 'ping');
	fails_like("SELECT tplus.refresh_token('refusing')", '28000', qr/$refused\n.*\nHINT:  $human/, 'refresh_token');
	like(status_of('refusing', 'state, message'), qr/^failed\|The reason was: HTTP status 200: revoked\. .*$human/, 'token_status');

	my ($rc, $out, $err) = $node->psql('postgres', "SELECT message FROM tplus.renew_due() WHERE server = 'refusing'");
	like($out, qr/$refused: .*$human/, 'renew_due');
	like($err, qr/WARNING:  the token of server "refusing" was not renewed\nDETAIL: .*$human/, 'and a warning, which pg_cron leaves in the log');
	($rc, $out, $err) = $node->psql('postgres', "CALL tplus.sync('refused')");
	like($err, qr/ERROR: .*$refused.*\n(.*\n)*HINT:  $human/, 'sync');
	like($node->safe_psql('postgres', "SELECT hint FROM tplus.sync_log WHERE sync = 'refused'"), $human, 'its log');
	like($node->safe_psql('postgres', "SELECT message FROM tplus.alert WHERE sync = 'refused'"), qr/$refused\. $human/, 'its alert');
	$node->safe_psql('postgres', 'SELECT tplus.check_syncs()');
	like($node->safe_psql('postgres', "SELECT message FROM tplus.alert WHERE server = 'refusing'"),
		qr/^the token of server "refusing" cannot be renewed\..*browser.*tplus\.authorize\(\).*ALTER USER MAPPING/, 'the alert of check_syncs()');

	# What is not the pair's fault sends nobody to the browser.
	for my $answer ([ 404, { code => '50000' }, 'HV00R', qr/HINT:  Check.*"token_path"/ ], [ 401, { code => '50112', message => 'x' }, '53400', qr/HINT:  Buy more/ ],
		[ 200, { code => '4002', message => 'x' }, '28000', qr/HINT:  Check app_key and app_secret/ ])
	{
		my ($status, $body, $sqlstate, $hint) = @$answer;
		$node->safe_psql('postgres', "DELETE FROM tplus.token WHERE server = 'refusing'");
		$sim->clear_faults('refusing');
		$sim->fault('refusing', match => { path => '/auth*' }, action => 'status',
			status => $status, body => JSON::PP->new->encode($body), times => 99);
		fails_like(reads('refusing'), $sqlstate, $hint, "HTTP $status, $body->{code}");
	}
	$sim->clear_faults('refusing');
	$node->safe_psql('postgres', "SELECT tplus.refresh_token('refusing'); SELECT tplus.check_syncs()");
	is($node->safe_psql('postgres', "SELECT count(*) FROM tplus.alert WHERE server = 'refusing' AND resolved IS NULL"), '0', 'a renewal resolves it');
	$node->safe_psql('postgres', "SELECT tplus.drop_sync('refused')");
};

subtest 'privileges' => sub {
	my $count = 'SELECT count(*) FROM tplus.token';

	is( as( 'clerk',
			"SELECT string_agg(server || ' ' || usename, ', ' ORDER BY server)"
			  . ' FROM tplus.token_status'),
		'broken clerk, due clerk, notdue public',
		'token_status: own mappings');
	is(as('guest', "${count}_status"), '0', 'token_status: none');
	$node->safe_psql('postgres',
		'GRANT pg_monitor TO guest; ALTER SERVER static OWNER TO clerk');
	cmp_ok(as('guest', "${count}_status"), '>', 8,
		'token_status: pg_monitor');
	is( as( 'clerk',
			"SELECT state FROM tplus.token_status WHERE server = 'static'"),
		'static',
		'token_status: the owner of the server');

	fails_like($count, '42501', qr/permission denied for table token/,
		'the table', user => 'clerk');
	$node->safe_psql('postgres',
		'GRANT pg_read_all_data, pg_write_all_data TO guest');
	is(as('guest', $count), '0', 'pg_read_all_data sees no rows');
	as('guest', 'UPDATE tplus.token SET refresh_token = NULL');
	is(row('plain', 'refresh_token IS NOT NULL'),
		't', 'pg_write_all_data changes none');

	fails_like(
		"SELECT tplus.refresh_token('older')",
		'42501', qr/permission denied for foreign server older/,
		'no USAGE', user => 'clerk');
	fails_like(
		"SELECT tplus.refresh_token('plain')",
		'42704', qr/no user mapping/,
		'no mapping', user => 'clerk');
	$node->safe_psql('postgres', <<~'SQL');
		CREATE FUNCTION lend() RETURNS timestamptz
		LANGUAGE sql SECURITY DEFINER
		AS $$ SELECT tplus.refresh_token('plain') $$
		SQL
	like(as('clerk', 'SELECT lend()'),
		qr/^\d{4}-/, 'SECURITY DEFINER lends a mapping');
};

# What is lost on the way, and what an answer leaves out.
subtest 'half an answer' => sub {
	my $refusal = { action => 'status', status => 200, body => '{"code":"50000","message":"refreshToken invalid"}' };
	my $lost = { action => 'drop', when => 'lost' };
	my $calls = sub {
		my ($name, @faults) = @_;
		$sim->clear_faults($name);
		$sim->fault($name, match => { path => '/auth*' }, %$_) for @faults;
		$sim->clear_journal($name);
	};

	# Nobody knows whether it was taken: only once.
	account('once', max_retries => 3);
	$calls->('once', $lost);
	fails_like("SELECT tplus.authorize('once', 'sim-code')", '08006', qr/could not exchange the one-time code/, 'a code without an answer');
	renewed('once', 1, 'a code is sent once');
	is(row('once', 'generation, failure, renewing_since'), '0||', 'and marks nothing');

	# Where the refresh token is not replaced, the one that was used lives on.
	account('partly');
	reads_all('partly', 'the first pair');
	my $kept = row('partly', 'refresh_token, refresh_expires_at');
	unlike($kept, qr/sim-refresh-token|\|$/, 'it has a refresh token of its own, and its end');
	$calls->('partly', { action => 'status', status => 200, body => '{"code":"200","result":{"access_token":"another-token","expires_in":"518400"}}' });
	$node->safe_psql('postgres', "SELECT tplus.refresh_token('partly')");
	is(row('partly', 'refresh_token, refresh_expires_at'), $kept, 'no other refresh token came');
	is(row('partly', 'access_token, expires_at - obtained_at'), 'another-token|6 days', 'with the new token');

	# A call without an answer, then a refusal: the first one used the pair up.
	account('twice', max_retries => 1);
	$calls->('twice', $lost, $refusal);
	fails_like(reads('twice'), '28000', qr/the token pair for server "twice" is lost/, 'refused after a call without an answer');
	is(row('twice', 'failure'), 'lost', 'the row says so');
	renewed('twice', 2, 'two calls');
	account('later', max_retries => 0);
	$calls->('later', $lost);
	fails_like(reads('later'), '08006', qr/did not arrive, so the pair may be lost/, 'no answer');
	is(row('later', 'failure'), 'unanswered', 'it may be lost');
	$calls->('later', $refusal);
	fails_like("SELECT tplus.refresh_token('later')", '28000', qr/the token pair for server "later" is lost/, 'and is');
	is(status_of('later', 'state'), 'failed', 'token_status');

	# The gateway says no more than that it failed.
	account('gateway', max_retries => 0);
	$calls->('gateway', { action => 'status', status => 502, body => '' });
	fails_like(reads('gateway'), '08006', qr/did not arrive, so the pair may be lost/, 'a gateway without a word');
	is(row('gateway', 'failure'), 'unanswered', 'the pair may be lost');

	# A row that somebody changes in the moment in which it is to be stored.
	account('touched', switches => { refresh_ms => 500 });
	reads_all('touched', 'the first pair');
	my $session = start("SELECT tplus.refresh_token('touched')");
	wait_for_row('touched', 'renewing_since IS NOT NULL', 'a renewal is under way');
	my $other = $node->background_psql('postgres');
	$other->query_safe("BEGIN; UPDATE tplus.token SET server = server WHERE server = 'touched'");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"),
		'the worker waits for the row');
	$other->query_safe('COMMIT');
	$other->quit;
	is(finish($session), '', 'it is stored in another attempt');
	is(row('touched', 'access_token, refresh_token'), join('|', @{ $sim->tokens('touched') }{qw(access_token refresh_token)}), 'the pair is kept');
};

# Codes of a dead token that only this installation has.
subtest 'auth_error_codes' => sub {
	account('own', auth_error_codes => '70001, 70002', max_retries => 0);
	for my $case ([ 401, '70002', 1 ], [ 403, '70001', 1 ], [ 401, '7000', 0 ], [ 401, '700011', 0 ], [ 400, '70001', 0 ])
	{
		my ($status, $code, $dead) = @$case;
		$node->safe_psql('postgres', "DELETE FROM tplus.token WHERE server = 'own'");
		$sim->tenant('own', records => 3);
		reads_all('own', 'a pair');
		set_row('own', "obtained_at = now() - interval '4 minutes'");
		$sim->clear_journal('own');
		$sim->fault('own', match => { path => 'inventory' }, action => 'status', status => $status, code => $code, message => 'no');
		my ($rc, $out, $err) = $node->psql('postgres', reads('own'));
		is($out, $dead ? '3' : '', "HTTP $status, code $code" . ($dead ? ' is a dead token' : ''));
		renewed('own', $dead, $dead ? 'it is renewed' : 'nothing is renewed');
	}
};

subtest 'another encoding' => sub {
	$node->safe_psql('postgres',
		"CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
	);
	$sim->tenant('latin');
	$sim->setup_server(
		$node, 'latin',
		database => 'latin',
		server => 'latin',
		mapping => { %secret, refresh_token => 'nonsense' },
		tables => []);
	fails_like(
		"SELECT tplus.refresh_token('latin')",
		'28000',
		qr/4007: refreshToken\?+\./,
		'what T+ said',
		connstr => $node->connstr('latin'));
	$node->safe_psql('latin',
			'ALTER USER MAPPING FOR CURRENT_USER '
		  . "SERVER latin OPTIONS (SET refresh_token 'sim-refresh-token')");
	like($node->safe_psql('latin', "SELECT tplus.refresh_token('latin')"),
		qr/^\d{4}-/, 'a database in LATIN1');
};

subtest 'secrets' => sub {
	my $shown =
	  $node->safe_psql('postgres',
		'SELECT s::text FROM tplus.token_status s');
	my $messages = $node->safe_psql('postgres',
		"SELECT string_agg(message, ' ') FROM tplus.token");
	my ($dump) = run_command(
		[ 'pg_dump', '--data-only', '-d', $node->connstr('postgres') ]);
	my $secrets =
	  qr/sim-(at|rt|ticket)-|sim-(secret|code|certificate|app-ticket)|second-code/;

	cmp_ok(length($shown), '>', 500, 'token_status has something to show');
	unlike($shown, $secrets, 'token_status');
	unlike($messages, $secrets, 'messages in the table');
	unlike(slurp_file($node->logfile), $secrets, 'server log');
	unlike($dump, qr/sim-(at|rt)-/, 'dump');
};

$node->stop;
done_testing();
