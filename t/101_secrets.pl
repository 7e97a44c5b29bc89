# Secrets with recognisable values run through whatever the extension does: each
# flow, each fault of T+, EXPLAIN, logs, views.  They may stand in the catalog of
# user mappings for those whom PostgreSQL lets look, and in tplus.token.
use strict;
use warnings;

use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'pg_stat_statements, auto_explain'
pg_stat_statements.track = all
pg_stat_statements.track_utility = off
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_nested_statements = on
log_min_messages = debug5
log_statement = none
log_min_error_statement = panic
CONF
$node->start;
$node->safe_psql('postgres',
	'CREATE EXTENSION tplus_fdw; CREATE EXTENSION pg_stat_statements');
my $sim = TplusSim->new;

# What must not be seen: ours, and the tokens that the simulator issues.
my $secrets = qr/KANARI|kanari|sim-at-|sim-rt-/;
my %mapping = (
	open => { open_token => 'KANARI.open.token' },
	renewed => { refresh_token => 'KANARI-refresh' },
	code => {},
	selfmade => {
		certificate => 'KANARI/certificate+' . 'x' x 800,
		app_ticket => 'KANARI-ticket'
	},
	proxied => {
		open_token => 'KANARI.open.token',
		proxy_password => 'KANARI:proxy&password'
	});
$_->{app_secret} = 'KANARI+app/secret==' for values %mapping;
my %switches = (
	app_secret => 'KANARI+app/secret==',
	open_tokens => ['KANARI.open.token'],
	refresh_token => 'KANARI-refresh',
	auth_code => 'KANARI-code',
	certificate => $mapping{selfmade}{certificate},
	app_ticket => 'KANARI-ticket');
my @flows = sort keys %mapping;

# Each flow is a server, and a tenant of this name.
sub app_key { return "KANARI-app-key-$_[0]" }

# The secrets of a flow with all but letters and digits spelled otherwise.
sub escaped
{
	my ($flow, $spell, $safe) = @_;
	return map { s/([^\w.-])/$spell->(ord $1)/ger } @{ known($flow) };
}

sub known
{
	my ($flow) = @_;
	return [ app_key($flow), values %{ $mapping{$flow} }, $flow eq 'code' ? 'KANARI-code' : () ];
}

# T+ repeats all that it was told by a flow, in several spellings, and in the
# middle of a word where its answer ends.
sub echoes
{
	my ($flow) = @_;
	my $told = join ' ', map { "<$_>" } @{ known($flow) };
	my $encoded = join '&', escaped($flow, sub { sprintf '%%%02X', $_[0] });
	my $html = join '<br>', escaped($flow, sub { "&#$_[0];" });
	my $json = join ' ', escaped($flow, sub { sprintf '\\u%04x', $_[0] });
	my $twice = $encoded =~ s/%/%25/gr;
	my $other_case = uc($told) . lc $told;
	my $key = app_key($flow);
	my @row = (ID => 1, Code => 'x', Name => 'x', Disabled => JSON::PP::false, MadeRecordDate => '2025-01-01', Ts => '000000000000001a');
	my $basic = encode_base64('somebody:' . ($mapping{$flow}{proxy_password} // ''), '');

	return (
		{ action => 'status', status => 400, code => 'EX1', message => $twice },
		{ action => 'status', status => 400, code => 'EX1', message => encode_json([$told]) },
		{ action => 'status', status => 400, code => 'EX1', message => $other_case },
		{ action => 'status', status => 502, body => "you said: Basic $basic", content_type => 'text/html' },
		{ action => 'body', body => [ { @row, ID => $told } ] },
		{ action => 'body', body => [ { @row, Code => "$key 1", MadeRecordDate => $told } ] },
		{ action => 'body', body => [ { @row, ID => $key, MadeRecordDate => 'never' } ] },
		{ action => 'body', body => [ { @row, ID => $key }, { @row, ID => $key } ] },
		{ action => 'body', body => [ { @row, Disabled => $told } ] },
		{ action => 'body', body => [ { Code => $told, $told => 1 } ] },
		{ action => 'status', status => 400, code => 'EX1', message => $told },
		{ action => 'status', status => 500, code => 'EX1', message => $told },
		{ action => 'status', status => 401, code => '50000', message => $told },
		{ action => 'status', status => 403, code => '50107', message => $told },
		{ action => 'status', status => 409, code => 'EX1', message => $told },
		{ action => 'status', status => 403, code => $key, message => 'x' },
		{ action => 'status', status => 400, body => "plain $told" },
		{ action => 'status', status => 502, body => "<html>$html</html>", content_type => 'text/html' },
		{ action => 'status', status => 400, body => "{\"no message here\": \"$json\"}" },
		{ action => 'status', status => 400, body => "GET /?$encoded" },
		{ action => 'status', status => 400, body => 'cut in KANARI+app/sec' },
		{ action => 'status', status => 400, body => 'cut in KANARI%2Bapp%2' },
		{ action => 'body', body => "<html>$html" },
		{ action => 'body', body => "[{\"ID\": \"$told\"" },
		{ action => 'body', body => "\"$told\"" },
		{ action => 'body', body => { message => $told, code => '0' } },
		{ action => 'body', body => { code => '50000', message => $told } },
		{ action => 'headers', headers => { 'X-Echo' => $told, 'Retry-After' => $key } },
		{ action => 'content_type', value => "text/KANARI; $told" },
		{ action => 'redirect', location => "https://example.com/?$encoded" },
		{ action => 'redirect', location => "http://127.0.0.1:1/$key" });
}

my @faults = (
	map({ { action => $_ } } qw(quota wrong_app token_expired token_invalid system
		forbidden not_found config burst throttled unavailable network forward
		business bare_999 business_500 exception service error_200 code_200
		result_false rest_exception html html_200 null empty empty_string
		empty_object chunked_cut gzip_corrupt)),
	map({ { action => 'drop', when => $_ } } qw(before lost headers during after)),
	{ action => 'truncate', fraction => 0.5 },
	{ action => 'length', delta => -5 },
	{ action => 'value', field => 'ID', raw => '"\\u0000"' },
	{ action => 'dup_key', field => 'Code', raw => '"x"' },
	{ action => 'nest', depth => 300, where => 'root' },
	{ action => 'stall', when => 'body', ms => 5000 });

# A proxy is told this of all flows, and this test of none.
my $basic_proxied = encode_base64('somebody:' . $mapping{proxied}{proxy_password}, '');
$secrets = qr/$secrets|\Q$basic_proxied\E/i;

my $seen = '';

# Runs SQL, well or not, and keeps everything that a client gets to see.
sub see
{
	my ($sql, %option) = @_;
	my $user = delete $option{user};
	my ($rc, $out, $err) = $node->psql(
		'postgres', $sql,
		extra_params => [ '-v', 'VERBOSITY=verbose', $user ? ('-U', $user) : () ],
		on_error_stop => 0,
		%option);
	$seen .= "$sql\n$out\n$err\n";
	return $out;
}

# Nothing of what a test is named after shows a secret.
sub clean
{
	my ($text, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $found = $text =~ $secrets ? $-[0] : -1;
	cmp_ok(length $text, '>', 0, "$name: there is something to see");
	return is($found, -1, "$name: no secret")
	  || diag(substr $text, $found < 200 ? 0 : $found - 200, 250);
}

for my $flow (@flows)
{
	$sim->setup_server(
		$node, app_key($flow),
		server => $flow,
		mapping => $mapping{$flow},
		requests_per_second => 0,
		max_concurrency => 100,
		max_retries => 0,
		connect_timeout_ms => 500,
		stall_timeout_ms => 300,
		$flow eq 'proxied' ? (proxy => 'http://somebody@127.0.0.1:' . $sim->port) : ());
}

# Everything anew, with a fault for all requests that fit.
sub tenants
{
	my ($match, $fault) = @_;
	for my $flow (@flows)
	{
		my $this = ref $fault eq 'CODE' ? $fault->($flow) : $fault;
		$sim->tenant(app_key($flow), records => 20, switches => \%switches,
			faults => [ map { { %$this, match => { path => $_ }, times => 99 } } @{ $match // [] } ]);
	}
	$node->safe_psql('postgres', 'DELETE FROM tplus.token');
	return;
}

# Each fault by itself, with what is done under it; returns how many there were.
sub each_fault
{
	my ($match, $do, @common) = @_;
	my $echoes = () = echoes('open');
	my @all = (@common, map { my $i = $_; sub { return (echoes($_[0]))[$i] } } 0 .. $echoes - 1);

	for my $fault (@all)
	{
		tenants($match, $fault);
		$do->();
	}
	return scalar @all;
}

# A one-time code, which does not stand in the statement.
sub authorize
{
	local $ENV{PGOPTIONS} = '-c canaries.code=KANARI-code';
	return see(q{SELECT tplus.authorize('code', current_setting('canaries.code')) > now()});
}

my $read = 'SELECT max(id), max(name), max(maderecorddate) FROM %s.inventory WHERE code > \'0\'';

subtest 'all is well' => sub {
	tenants();
	is(authorize(), 't', 'a code is exchanged');
	for my $flow (@flows)
	{
		isnt(see(sprintf $read, $flow), '', "$flow: read");
		see("SELECT tplus.ping('$flow')");
		see("SELECT tplus.refresh_token('$flow')");
		see("EXPLAIN (ANALYZE, VERBOSE, FORMAT $_) " . sprintf $read, $flow)
		  for qw(text xml json yaml);
		see("ANALYZE VERBOSE $flow.inventory");
		see("SELECT * FROM tplus.calibrate('$flow.inventory')");
		see("IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER $flow INTO public; DROP FOREIGN TABLE inventory");
	}
	see('SELECT * FROM tplus.renew_due(\'100 days\')');
	my ($proxied) = $sim->journal(app_key('proxied'));
	ok((grep { lc eq 'proxy-authorization' } keys %{ $proxied->{headers} }), 'the proxy got its password');
	clean($seen, 'what clients saw');
};

subtest 'faults of calls' => sub {
	my $errors = 0;
	my $faults = each_fault(
		['Query'],
		sub {
			my $out = see(join ";\n", (map { sprintf $read, $_ } qw(open proxied renewed)), "SELECT tplus.ping('open')");
			$errors += 4 - split /\n/, $out;
		},
		@faults);
	cmp_ok($errors, '>', $faults * 3.5, "$errors errors by $faults faults");
	clean($seen, 'what clients saw');
};

subtest 'faults of token calls' => sub {
	my $errors = 0;
	my $faults = each_fault(
		[ '/auth*', '/v1*' ],
		sub {
			$errors += 2 - split /\n/, see(join ";\n", map { sprintf $read, $_ } qw(renewed selfmade));
			authorize();
			see('SELECT * FROM tplus.token_status');
		},
		{ action => 'body', body => { code => 'EX1', message => 'no sim-at-new for you, nor sim-rt-new',
				result => { access_token => 'sim-at-new', refresh_token => 'sim-rt-new' } } },

		# After 409, 429 and 14002 the worker waits; see t/020_token.pl.
		grep { $_->{action} =~ /^(drop|truncate|html|null|empty|gzip|wrong_app|system|redirect)/ } @faults);
	cmp_ok($errors, '>', $faults * 1.5, "$errors errors by $faults faults");
	clean($seen, 'what clients saw');
};

# Types whose input functions say that a value is a syntax error, or that there
# is no such thing.
subtest 'values' => sub {
	$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION picks(text) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN RAISE 'never %', $1 USING HINT = 'Not ' || $1 || '.'; END $$;
CREATE DOMAIN picky AS text CHECK (picks(VALUE));
SQL
	for my $case (
		[ tsquery => '<%s> & (', '42601', qr/\*\*\*/ ],
		[ regclass => '%s', '42P01|42602', qr/\*\*\*/ ],
		[ regrole => '"%s"', '42704', qr/\*\*\*/ ],

		# A hint of a domain's own check is kept, without the secret.
		[ picky => '%s', 'P0001', qr/never \*\*\*\nHINT:  Not \*\*\*\.\n/ ],

		# What stands before the mistake is shown, from the middle of a word.
		[ 'json[]' => '{"{\"x%s\": 12xx}"}', '22P02', qr/could not convert value for column "name"/, 'KANARI' x 20 ],
		[ xml => '<a>x%s</b>', '2200N', qr/could not convert value for column "name"/, 'KANARI' x 20 ],

		# A name is cut, and a list is taken to pieces.
		[ regclass => '"%s"', '42P01', qr/could not convert value for column "name"/, $mapping{selfmade}{certificate} ],
		[ 'integer[]' => '{%s}', '22P02', qr/could not convert value for column "name"/, 'KANARI,passed,by' ])
	{
		my ($type, $value, $state, $message, $secret) = @$case;
		tenants([ 'Query' ], { action => 'body',
				body => [ { ID => 1, Code => 'x', Name => sprintf($value, $secret // 'KANARI-refresh'), Disabled => JSON::PP::false,
						MadeRecordDate => '2025-01-01', Ts => '000000000000001a' } ] });
		$node->safe_psql('postgres', "CREATE FOREIGN TABLE renewed.values (name $type) SERVER renewed OPTIONS (resource 'inventory')");
		$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER renewed OPTIONS (ADD app_ticket '$secret')") if $secret;
		my $before = length $seen;
		see('SELECT name FROM renewed.values; DROP FOREIGN TABLE renewed.values');
		like(substr($seen, $before), qr/ERROR:  ($state): .*$message/, "$type of $value");
		$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER renewed OPTIONS (DROP app_ticket)") if $secret;
	}

	# A token that has been replaced since comes late.
	tenants();
	see('SELECT count(*) FROM renewed.inventory');
	my $key = app_key('renewed');
	my $old = $sim->tokens($key)->{access_token};
	$sim->fault($key, match => { path => '*Query', nth => 2 }, action => 'revoke');
	$sim->fault($key, match => { path => '*Query', nth => 3 }, action => 'body', body => [
			{ ID => 999, Code => 'x', Name => 'x', Disabled => JSON::PP::true, MadeRecordDate => "$old, too", Ts => '0000000fffffffff' } ]);
	my $before = length $seen;
	see('SELECT * FROM renewed.inventory');
	like(substr($seen, $before), qr/ERROR:  22007: .*"\*\*\*, too"/, 'a replaced token');
	isnt($sim->tokens($key)->{access_token}, $old, 'it was replaced');

	# A parameter that is a secret.
	$before = length $seen;
	see(q{SELECT count(*) FROM open.inventory WHERE code = (SELECT option_value FROM pg_user_mappings, pg_options_to_table(umoptions)
		WHERE srvname = 'open' AND usename = current_user AND option_name = 'open_token'); SELECT parameters FROM tplus.request_log});
	like(substr($seen, $before), qr/"Code": ?"\*\*\*"/, 'the log of requests shows no parameter that is a secret');

	# A code that is asked for by itself, and shown with what came of it.
	my $id = 0;
	$sim->tenant(app_key('open'), switches => \%switches, records => [
			map { { ID => ++$id, Code => $_, Name => $_, Disabled => JSON::PP::false, MadeRecordDate => '2025-01-01',
				Ts => sprintf('%016x', $id) } } 'KANARI.open.token', 'another', 'third' ]);
	like(see("SELECT string_agg(t::text, ' ') FROM tplus.calibrate('open.inventory') t"), qr/another.* brought its record alone/,
		'calibrate() asks for a code that is no secret');
	see("SELECT r::text FROM tplus.request_log r");
	clean($seen, 'what clients saw');
};

subtest 'no connection' => sub {
	my $nobody = TplusSim->new;
	my $gone = $nobody->url;
	$nobody->stop;
	(my $tls = $sim->url) =~ s/^http:/https:/;
	tenants();
	for my $url ($gone, $tls, 'https://no-such-host.invalid')
	{
		see("ALTER SERVER $_ OPTIONS (SET base_url '$url'); " . sprintf $read, $_) for @flows;
	}
	see("ALTER SERVER $_ OPTIONS (SET base_url '" . $sim->url . "')") for @flows;
	(my $proxy = $gone) =~ s/:\/\//:\/\/somebody@/;
	see("ALTER SERVER proxied OPTIONS (SET proxy '$proxy'); " . sprintf $read, 'proxied');
	see("ALTER SERVER proxied OPTIONS (SET proxy '$proxy', SET base_url 'https://example.invalid'); "
		. sprintf $read, 'proxied');
	clean($seen, 'what clients saw');
};

# In the middle of requests: what other sessions see of a session.
subtest 'activity' => sub {
	tenants([ 'Query', '/auth*' ], { action => 'stall', when => 'reply', ms => 20000 });
	$node->safe_psql('postgres', "ALTER SERVER $_ OPTIONS (SET stall_timeout_ms '30000')") for @flows;
	my @session = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
	my @flow = ('open', 'renewed');
	$_->query_until(qr/begun/, "\\echo begun\n" . sprintf("$read;\n", shift @flow)) for @session;
	$sim->journal(app_key($_), 'wait=1&timeout_ms=30000') for qw(open renewed);
	my $activity = $node->safe_psql('postgres',
		'SELECT a::text FROM pg_stat_activity a UNION ALL SELECT l::text FROM pg_locks l');
	like($activity, qr/renewing an access token/, 'the worker is at work');
	clean($activity, 'pg_stat_activity');
	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ \'max\\(id\\)\' AND pid <> pg_backend_pid()');
	$sim->clear_faults(app_key($_)) for @flows;
	$_->quit for @session;
};

subtest 'places' => sub {
	$node->safe_psql('postgres', <<~'SQL');
		CREATE ROLE other LOGIN;
		CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
		CREATE ROLE reader LOGIN IN ROLE pg_read_all_data;
		CREATE ROLE server_owner LOGIN;
		GRANT USAGE ON FOREIGN DATA WRAPPER tplus_fdw TO server_owner;
		ALTER SERVER open OWNER TO server_owner;
		GRANT USAGE ON FOREIGN SERVER renewed TO other;
		SQL
	$node->safe_psql('postgres', "ALTER ROLE $_ SET log_min_messages = warning; "
		  . "ALTER ROLE $_ SET auto_explain.log_min_duration = -1")
	  for qw(other monitor reader server_owner);
	clean($node->safe_psql('postgres', "SELECT s::text FROM tplus.$_ s"), $_)
	  for qw(stat_requests request_log token_status);
	clean($node->safe_psql('postgres', 'SELECT i::text FROM tplus.info() i'), 'info()');
	clean($node->safe_psql('postgres', 'SELECT string_agg(concat(message, hint, server), \' \') FROM tplus.token'),
		'messages of tplus.token');
	clean($node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements'), 'pg_stat_statements');

	# Every catalog and view, as roles that are not the mapping's.
	my @relations = split /\n/, $node->safe_psql('postgres', <<~'SQL');
		SELECT c.oid::regclass FROM pg_class c
		 WHERE relkind IN ('r', 'v') AND relnamespace IN
		       ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'tplus'::regnamespace)
		SQL
	my $script = join '', map { "SELECT r::text FROM $_ r;\n" } @relations;
	for my $role (qw(other monitor reader server_owner))
	{
		# One look at these is enough; they take long.
		$script =~ s/.* information_schema\..*\n//g if $role ne 'other';

		# PostgreSQL shows mappings to those who may read everything.
		$script =~ s/.* pg_user_mapping r;\n// if $role eq 'reader';
		my ($rc, $out, $err) = $node->psql('postgres', $script,
			on_error_stop => 0, extra_params => [ '-U', $role ]);
		cmp_ok(length $out, '>', 1_000_000, "$role sees much");
		clean($out . $err, "catalogs and views, to $role");

		($out, $err) = run_command(
			[ 'psql', '-XE', '-U', $role, '-d', $node->connstr('postgres'),
				map { ('-c', $_) } '\dew+', '\des+', '\deu+', '\det+ *.*', '\d+ renewed.inventory' ]);
		like($out, qr/renewed/, "psql's lists, to $role");
		clean($out, "psql's lists, to $role");
	}
	my ($dump, $err) = run_command(
		[ 'pg_dump', '-U', 'reader', '--schema-only', '-d', $node->connstr('postgres') ]);
	like($dump, qr/CREATE USER MAPPING FOR .* SERVER renewed/, 'the dump of a reader has mappings');
	clean($dump . $err, 'a dump by one who is no owner');
	($dump) = run_command([ 'pg_dump', '--data-only', '-d', $node->connstr('postgres') ]);
	unlike($dump, qr/sim-at-|sim-rt-/, 'a dump by a superuser has no pairs');
	like($node->safe_psql('postgres', 'SELECT umoptions::text FROM pg_user_mappings'),
		$secrets, 'a superuser can look mappings up, as PostgreSQL has it');
};

subtest 'replication and statistics' => sub {
	tenants();
	see(sprintf $read, 'renewed');
	$node->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('s', 'test_decoding')");
	see("SELECT tplus.refresh_token('renewed')") for 1 .. 2;
	authorize();
	like($node->safe_psql('postgres', 'SELECT string_agg(access_token || refresh_token, \' \') FROM tplus.token'),
		qr/sim-at-.*sim-rt-/, 'there are pairs');
	my $changes = $node->safe_psql('postgres', "SELECT data FROM pg_logical_slot_get_changes('s', NULL, NULL)");
	clean($changes, 'logical decoding');
	unlike($changes, qr/token: (INSERT|UPDATE)/, 'nothing but keys are told');
	$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('s')");

	$node->safe_psql('postgres', 'ANALYZE tplus.token');
	clean($node->safe_psql('postgres', "SELECT s::text FROM pg_statistic s WHERE starelid = 'tplus.token'::regclass"),
		'statistics');

	is(see('SELECT value FROM tplus.info() WHERE name ~ \'publications\''), 'none', 'no publication');
	$node->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES; '
		  . 'CREATE PUBLICATION ours FOR TABLES IN SCHEMA tplus; CREATE PUBLICATION one FOR TABLE tplus.token; '
		  . 'CREATE PUBLICATION harmless FOR TABLES IN SCHEMA public');
	is( join(' ', sort split /, /, see('SELECT value FROM tplus.info() WHERE name ~ \'publications\'')),
		'"everything" "one" "ours"', 'publications');
	my $warning = qr/WARNING:  01000: table "tplus.token", which holds secrets, is published by .*"everything"/;
	for my $call ("SELECT tplus.refresh_token('renewed')", 'SELECT * FROM tplus.renew_due()')
	{
		my (undef, undef, $err) = $node->psql('postgres', $call, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		like($err, $warning, "$call warns");
		like($err, qr/HINT:  Name the tables or schemas/, 'with a hint');
	}
	$node->safe_psql('postgres', 'CREATE DATABASE published');
	$node->safe_psql('published', 'CREATE PUBLICATION everything FOR ALL TABLES');
	my (undef, undef, $err) = $node->psql('published', 'CREATE EXTENSION tplus_fdw');
	like($err, qr/WARNING:  table "tplus.token", which holds secrets, is published/, 'CREATE EXTENSION warns');
	$node->safe_psql('postgres', 'DROP PUBLICATION everything, ours, one, harmless');
};

subtest 'the server log' => sub {
	my $log = slurp_file($node->logfile);
	like($log, qr/DEBUG:  /, 'debugging messages');
	like($log, qr/Query Text: SELECT max\(id\).*T\+ Request/s, 'plans of auto_explain');
	cmp_ok(length $log, '>', 1_000_000, 'much of it');

	# What PostgreSQL's input function of regclass itself logs from 17 on.
	$log =~ s/ DEBUG:  relation "[^"]*" does not exist$//mg;
	clean($log, 'the server log');
};

$node->stop;
done_testing();
