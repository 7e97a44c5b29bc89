
# What bad input gets: an SQLSTATE, the name of the object, a hint, nothing half
# done, and never a secret, neither in a message nor in the log.
use strict;
use warnings;

use Compress::Zlib ();
use IPC::Run ();
use MIME::Base64 ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
log_min_messages = debug1
log_statement = none
log_min_error_statement = panic
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION tplus_fdw');

my $sim = TplusSim->new;
my $key = 'canary-key';
my %switches = (app_secret => 'canary-secret', open_tokens => ['canary-token']);
my %mapping = (app_secret => 'canary-secret', open_token => 'canary-token');

# Runs SQL that must fail with an SQLSTATE; the message, detail, hint and
# context that follow have to match.
sub fails
{
	my ($name, $sql, $sqlstate, @patterns) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return subtest $name => sub {
		isnt($rc, 0, 'it fails');
		is($out, '', 'it returns nothing');
		like($err, qr/ERROR:  \Q$sqlstate\E: /, "SQLSTATE $sqlstate");
		like($err, $_, "$_") for @patterns;
		unlike($err, qr/canary/, 'no secret');
		is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is well');
	};
}

# A server "erp" anew, and its tenant.
sub server
{
	my (%option) = @_;

	$node->safe_psql('postgres',
		'DROP SERVER IF EXISTS erp CASCADE; DROP SCHEMA IF EXISTS erp CASCADE');
	$sim->setup_server(
		$node, $key,
		requests_per_second => 0,
		max_retries => 0,
		mapping => \%mapping,
		%option);
	return;
}

sub tenant
{
	my (%config) = @_;
	my $more = delete $config{switches} // {};
	return $sim->tenant($key, records => 40,
		switches => { %switches, %$more }, %config);
}

tenant();
server();
my $count = 'SELECT count(*) FROM erp.inventory';
my $server = qr/could not read from server "erp": /;
my $context = qr/CONTEXT:.*"\/tplus\/api\/v2\/inventory\/Query" of foreign table "inventory"/;
is($node->safe_psql('postgres', $count), '40', 'all is well');

subtest 'what stands before a path' => sub {
	for my $more (qw(/tplus/api/v2 /tplus/api/v2/ /TPlus/API/v2/inventory/Query /tplus/api/))
	{
		server(base_url => $sim->url . $more);
		is($node->safe_psql('postgres', $count), '40', "an address that ends in $more");
	}
	server(base_url => $sim->url . '/tplus/api/v2', mapping => { app_secret => 'canary-secret', refresh_token => 'canary-other' });
	$sim->tokens($key, refresh_token => 'canary-other');
	is($node->safe_psql('postgres', $count), '40', 'a renewal asks beside the path of the API');
	server(base_url => $sim->url . '/gate/canary-token/tplus');
	fails('a prefix', $count, 'HV00R',
		qr/CONTEXT:.*request "\/gate\/\*\*\*\/tplus\/tplus\/api\/v2\/inventory\/Query" of foreign table "inventory"/);
	server();
};

subtest 'unreachable' => sub {
	my $gone = TplusSim->new;
	my $url = $gone->url;
	$gone->stop;
	server(base_url => $url);
	fails('nobody listens', $count, '08001', $server,
		qr/no connection could be made/, qr/HINT:.*base_url/, $context);
	fails('ping', "SELECT tplus.ping('erp')", '08001', $server, qr/HINT:/);
	$node->safe_psql('postgres', 'ALTER SERVER erp OPTIONS (SET max_retries \'1\')');
	fails('with another attempt', $count, '08001', $server,
		qr/after 2 attempts/);

	server(base_url => 'https://no-such-host.invalid', connect_timeout_ms => 5000);
	fails('the host has no address', $count, '08001', $server, qr/HINT:/, $context);

	my $hanging = TplusSim->new(arguments => ['--hang']);
	(my $tls = $hanging->url) =~ s/^http:/https:/;
	server(base_url => $tls, connect_timeout_ms => 500);
	fails('the TLS handshake gets no answer', $count, '08001', $server,
		qr/connecting took too long/, qr/HINT:.*connect_timeout_ms/);
	server(base_url => $hanging->url, stall_timeout_ms => 500);
	fails('the request gets no answer', $count, '08006', $server,
		qr/stalled/, qr/HINT:.*stall_timeout_ms/, $context);
	server(base_url => $hanging->url, request_timeout_ms => 500);
	fails('the request gets no answer in its time', $count, '08006', $server,
		qr/took too long/, qr/HINT:.*request_timeout_ms/);
};

# Makes a certificate that signs itself; returns its files.
sub certificate
{
	my ($name, @names) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $output;

	IPC::Run::run(
		[
			'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
			'-subj', "/CN=$name", '-addext', 'subjectAltName=' . join(',', @names),
			'-keyout', "$dir/key.pem", '-out', "$dir/cert.pem"
		],
		'&>', \$output) or BAIL_OUT("openssl: $output");
	return ("$dir/cert.pem", "$dir/key.pem");
}

subtest 'TLS' => sub {
	my @good = certificate('127.0.0.1', 'IP:127.0.0.1', 'DNS:localhost');
	my $tls = TplusSim->new(tls => \@good);
	my $insecure = qr/no secure connection could be made/;

	$tls->tenant($key, records => 40, switches => \%switches);
	# What a simulator was asked, by whomever.
	my $asked = sub { my ($of) = @_; return map { $of->journal($_) } '', $key };
	server(base_url => $tls->url);
	fails('a certificate that nobody vouches for', $count, '08001', $server,
		$insecure, qr/certificate/, qr/HINT:.*"ca_file"/, $context);
	server(base_url => $tls->url, max_retries => 3);
	fails('no further attempt helps', $count, '08001', $server, $insecure,
		qr/CONTEXT:(?!.*attempts)/);
	is(scalar(my @told = $asked->($tls)), 0, 'nobody was told anything');
	server(base_url => $tls->url, ca_file => $good[0]);
	is($node->safe_psql('postgres', $count), '40', 'ca_file vouches for it');
	$tls->clear_journal($key);
	server(base_url => $tls->url, ca_file => '/no/such/file');
	fails('a file that is not there', $count, '08001', $server, qr/HINT:.*"ca_file"/);
	server(base_url => $tls->url, ca_file => (certificate('other', 'DNS:other'))[0]);
	fails('another authority', $count, '08001', $server, $insecure);
	(my $plain = $tls->url) =~ s/^https:/http:/;
	server(base_url => $plain);
	fails('plain HTTP to a TLS port', $count, 'HV000', $server, qr/HTTP 400/, qr/HINT:/);
	(my $wrong = $sim->url) =~ s/^http:/https:/;
	$sim->clear_journal($key);
	server(base_url => $wrong, connect_timeout_ms => 1000);
	fails('TLS to a plain port', $count, '08001', $server, qr/HINT:/);
	is(scalar(@told = $asked->($sim)), 0, 'no request has been sent there');

	my @other = certificate('erp.example', 'DNS:erp.example');
	my $other = TplusSim->new(tls => \@other);
	server(base_url => $other->url, ca_file => $other[0]);
	fails('a certificate for another host', $count, '08001', $server, $insecure);
	is(scalar(@told = $asked->($other)), 0, 'which was told nothing');

	my $old = TplusSim->new(tls => \@good, arguments => [ '--tls-max', '1.1' ]);
	server(base_url => $old->url, ca_file => $good[0]);
	fails('TLS 1.1', $count, '08001', $server, $insecure, qr/HINT:.*"min_tls"/);
	is(scalar(@told = $asked->($old)), 0, 'is told nothing');
	is(scalar(@told = $asked->($tls)), 0, 'no request without a secure connection');
	server(base_url => $tls->url, ca_file => $good[0], min_tls => '1.3');
	is($node->safe_psql('postgres', $count), '40', 'TLS 1.3');
	cmp_ok(scalar(@told = $asked->($tls)), '>', 0, 'but with one');
};

subtest 'credentials' => sub {
	server(mapping => { %mapping, app_secret => 'canary-wrong' });
	fails('a wrong app_secret', $count, '28000', $server,
		qr/HINT:.*app_secret/, $context);
	server(mapping => { %mapping, open_token => 'canary-expired' });
	fails('an expired token', $count, '28000', $server,
		qr/expired or was revoked/, qr/HINT:.*ALTER USER MAPPING/, $context);
	fails('ping says the same', "SELECT tplus.ping('erp')", '28000', $server,
		qr/expired or was revoked/);
	server(
		mapping => {
			app_secret => 'canary-secret',
			refresh_token => 'canary-refresh'
		});
	fails('a refresh token that is no more', $count, '28000', qr/"erp"/, qr/HINT:/);
};

# Replies of the gateway and of T+, each for every request.
my @replies = (
	[ 'an exhausted quota', { action => 'quota' }, '53400', qr/quota/, qr/50112/, qr/HINT:/ ],
	[ 'a token of another application', { action => 'wrong_app' }, '28000', qr/another app_key/, qr/50112/, qr/HINT:/ ],
	[ 'a token that has expired', { action => 'token_expired' }, '28000', qr/50107/, qr/HINT:/ ],
	[ 'a token that is invalid', { action => 'token_invalid' }, '28000', qr/4007/, qr/HINT:/ ],
	[ 'a system error for a wrong application', { action => 'system' }, '28000', qr/HTTP 401, code 50000/, qr/HINT:.*permission/ ],
	[ 'an interface that is not permitted', { action => 'forbidden' }, '28000', qr/HTTP 403, code 50000/, qr/HINT:.*permission/ ],
	[ 'an interface that is not there', { action => 'not_found' }, 'HV00R', qr/does not know/, qr/HINT:.*path/ ],
	[ 'a wrong configuration', { action => 'config' }, '28000', qr/50003/, qr/HINT:/ ],
	[ 'too many requests', { action => 'throttled' }, '53400', qr/too many requests/, qr/HINT:.*requests_per_second/ ],
	[ 'a server that protects itself', { action => 'burst' }, '53400', qr/HTTP 409/, qr/HINT:.*requests_per_second/ ],
	[ 'a service that is not available', { action => 'unavailable' }, '08006', qr/HTTP 503/, qr/HINT:.*later/ ],
	[ 'a customer\'s server that cannot be reached', { action => 'network' }, '08006', qr/HTTP 999, code EXERROR0001/, qr/HINT:.*later/ ],
	[ 'a request that could not be forwarded', { action => 'forward' }, '08006', qr/EXERROR0002/, qr/HINT:.*later/ ],
	[ 'a rule of T+', { action => 'business' }, 'HV000', qr/EXBU0001/, qr/HINT:.*"body_key"/ ],
	[ 'a bare 999', { action => 'bare_999' }, 'HV000', qr/HTTP 999/, qr/HINT:/ ],
	[ 'an error of T+ with a message', { action => 'business_500' }, 'HV000', qr/HTTP 500.*A-001/, qr/HINT:/ ],
	[ 'an exception in T+', { action => 'exception' }, 'HV000', qr/HTTP 500/, qr/HINT:/ ],
	[ 'an unknown service', { action => 'service' }, 'HV00R', qr/EXSV0011/, qr/HINT:.*path/ ],
	[ 'a web page for a gateway that failed', { action => 'html' }, '08006', qr/HTTP 502/, qr/HINT:/ ],
	[ 'a web page with HTTP 200', { action => 'html_200' }, '08P01', qr/web page instead of JSON/, qr/HINT:.*base_url/ ],
	[ 'HTTP 200 with the code of an error', { action => 'code_200' }, 'HV000', qr/HTTP 200, code 50000/, qr/HINT:/ ],
	[ 'HTTP 200 with the code of two refusals', { action => 'body', body => { code => '50112', message => 'x' } }, '53400', qr/quota .* or the access token/, qr/HINT:.*console/ ],
	[ 'HTTP 200 with the code of a wrong application', { action => 'body', body => { code => '50003', message => 'x' } }, '28000', qr/configured wrongly/, qr/HINT:.*app_secret/ ],
	[ 'HTTP 200 with the code of a dead token', { action => 'body', body => { code => '50107', message => 'x' } }, '28000', qr/HTTP 200, code 50107/, qr/expired or was revoked/, qr/HINT:.*Authorize/ ],
	[ 'HTTP 200 with an error of T+', { action => 'error_200' }, '08006', qr/HTTP 200, code EXERROR0001/, qr/HINT:/ ],
	[ 'HTTP 200 with result false', { action => 'result_false' }, 'HV000', qr/HTTP 200, code 50000/, qr/HINT:/ ],
	[ 'HTTP 200 with a REST exception', { action => 'rest_exception' }, 'HV000', qr/HTTP 200/, qr/HINT:/ ],
	[ 'null', { action => 'null' }, '08P01', qr/empty where rows were expected/, qr/HINT:.*"empty_reply"/ ],
	[ 'nothing', { action => 'empty' }, '08P01', qr/empty where rows were expected/, qr/HINT:.*"empty_reply"/ ],
	[ 'an empty string', { action => 'empty_string' }, '08P01', qr/empty where rows were expected/, qr/HINT:.*"empty_reply"/ ],
	[ 'an empty object', { action => 'empty_object' }, '08P01', qr/HINT:/ ],
	[ 'an object without rows', { action => 'body', body => { a => 1 } }, '08P01', qr/no rows where they were expected/, qr/HINT:.*"rows_path"/ ],
	[ 'a number', { action => 'body', body => '7' }, '08P01', qr/no rows where they were expected/, qr/HINT:/ ],
	[ 'a text', { action => 'body', body => '"x"' }, '08P01', qr/no rows where they were expected/, qr/HINT:/ ],
	[ 'rows that are no objects', { action => 'body', body => '[1, 2]' }, '08P01', qr/malformed/ ],
	[ 'what is no JSON', { action => 'body', body => '[{"ID": 1, "Ts": "00", "Disabled": false}, oops]' }, '08P01', qr/not valid JSON/ ],
	[ 'JSON that does not end', { action => 'body', body => '[{"ID": 1, "Ts": "00", "Disabled": false}' }, '08P01', qr/not valid JSON/ ],
	[ 'more behind the JSON', { action => 'body', body => '[] []' }, '08P01', qr/not valid JSON/ ],
	[ 'a body cut off', { action => 'truncate', fraction => 0.5 }, '08006', qr/connection broke/ ],
	[ 'a chunk cut off', { action => 'chunked_cut' }, '08006', qr/connection broke/ ],
	[ 'a connection that breaks at once', { action => 'drop', when => 'before' }, '08006', qr/connection broke/ ],
	[ 'a connection that is reset', { action => 'drop', when => 'during', reset => \1 }, '08006', qr/connection broke/ ],
	[ 'a damaged compression', { action => 'gzip_corrupt', mode => 'middle' }, '08P01', qr/damaged|malformed/ ],
	[ 'a redirect', { action => 'redirect', location => '/tplus/elsewhere' }, 'HV000', qr/redirect, which is not followed/, qr/HINT:.*base_url/ ],
);

# A filter that was sent may be to blame for what T+ says of the request, and
# for nothing else.
subtest 'the hint about pushdown' => sub {
	my $filtered = q{SELECT id FROM erp.inventory WHERE code = 'A-1'};
	my $hint = qr/HINT:.*"pushdown"/;
	my $hints = sub {
		my ($name, $sql, $expected) = @_;
		my ($rc, $out, $err) = $node->psql('postgres', $sql);
		like($err, qr/ERROR:.*HINT:/s, "$name: an error with a hint");
		$expected ? like($err, $hint, 'about pushdown') : unlike($err, qr/pushdown/, 'about something else');
	};
	server();
	for my $action (qw(business_500 exception))
	{
		$sim->fault($key, match => { path => '/tplus/api/*' }, action => $action, times => 99);
		$hints->("$action and a code", $filtered, 1);
		$hints->("$action and a flag", 'SELECT id FROM erp.inventory WHERE disabled', 1);
		$hints->("$action and a row version", q{SELECT id FROM erp.inventory WHERE ts > '0000000000000001'}, 1);
		$hints->("$action without a clause", $count, 0);
		$hints->("$action and a clause that stays here", q{SELECT id FROM erp.inventory WHERE id + 1 = 2}, 0);
		$hints->("$action for ping", q{SELECT tplus.ping('erp')}, 0);
		$node->safe_psql('postgres', q{ALTER FOREIGN TABLE erp.inventory OPTIONS (ADD pushdown 'false')});
		$hints->("$action where it is off", $filtered, 0);
		$node->safe_psql('postgres', q{ALTER FOREIGN TABLE erp.inventory OPTIONS (DROP pushdown)});
		$sim->clear_faults($key);
	}
	for my $action (qw(forbidden quota unavailable network not_found html_200 null))
	{
		$sim->fault($key, match => { path => '*Query' }, action => $action, times => 99);
		$hints->("$action and a code", $filtered, 0);
		$sim->clear_faults($key);
	}
	server(mapping => { app_secret => 'canary-secret', refresh_token => 'canary-refresh' });
	$sim->fault($key, match => { path => '*oken*' }, action => 'business_500', times => 99);
	$hints->('an error of the token service', $filtered, 0);
	$sim->clear_faults($key);
	server();
};

subtest 'replies' => sub {
	server();
	for my $reply (@replies)
	{
		my ($name, $fault, $sqlstate, @patterns) = @$reply;
		my ($rc, $out, $err);

		tenant();
		$sim->fault($key, %$fault, match => { path => '*Query' }, times => 99);
		($rc, $out, $err) = $node->psql('postgres', $count,
			extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		subtest $name => sub {
			isnt($rc, 0, 'it fails');
			like($err, qr/ERROR:  $sqlstate: /, "SQLSTATE $sqlstate");
			like($err, qr/erp|"inventory"/, 'the object is named');
			like($err, $_, "$_") for @patterns;
			unlike($err, qr/canary/, 'no secret');
		};
	}
};

# What stands around the rows speaks of an error: wherever it stands, and
# whether or not there are rows.
my @envelopes = (
	[ 'a report\'s message', '{"DataSource":{"Rows":[]},"ErrorMessage":"no such report","ErrorCode":""}', qr/HTTP 200: "no such report"/ ],
	[ 'no success', '{"success":false,"Data":[]}', qr/T\+ answered HTTP 200/ ],
	[ 'no success in text', '{"data":{"Rows":[],"Columns":[]},"Success":"False","message":"not so"}', qr/HTTP 200: "not so"/ ],
	[ 'an errcode', '{"errcode":40001,"errmsg":"invalid","Data":[]}', qr/HTTP 200, code 40001: "invalid"/ ],
	[ 'no success before a row', '{"success":false,"Data":[{"ID":1,"Ts":"0000000000000001"}],"ErrorMessage":"half of it"}', qr/HTTP 200: "half of it"/ ],
	[ 'no success behind a row', '{"Data":[{"ID":1,"Ts":"0000000000000001"}],"success":false,"ErrorMessage":"half of it"}', qr/HTTP 200: "half of it"/ ]);

subtest 'envelopes' => sub {
	server(max_retries => 2);
	$node->safe_psql('postgres', <<'SQL');
CREATE FOREIGN TABLE erp.odd (id bigint, code text) SERVER erp
  OPTIONS (path '/tplus/api/v2/inventory/Query', paging 'none', variants 'none');
CREATE FOREIGN TABLE erp.odd_page (id bigint, code text) SERVER erp
  OPTIONS (path '/tplus/api/v2/inventory/QueryPage', paging 'page', key 'ID');
SQL
	for my $case (@envelopes)
	{
		my ($name, $body, $pattern) = @$case;
		for my $table (qw(inventory odd odd_page))
		{
			for my $paging ($table eq 'inventory' ? qw(auto page ts) : 'its own')
			{
				tenant(faults => [ { action => 'body', body => $body, times => 99 } ]);
				my $set = $table eq 'inventory' ? "ALTER FOREIGN TABLE erp.inventory OPTIONS (ADD paging '$paging');" : '';
				my $limit = $name =~ / a row/ ? 'LIMIT 1' : '';
				my ($rc, $out, $err) = $node->psql('postgres', "BEGIN; $set SELECT id FROM erp.$table $limit",
					extra_params => [ '-v', 'VERBOSITY=verbose' ]);
				like($err, qr/ERROR:  HV000: could not read from server "erp": T\+ refused the request\nDETAIL: .*$pattern/, "$name: $table, $paging");
				is("$rc|$out", '3|', 'and nothing else');
				is(scalar($sim->journal($key)), 1, 'asked once') if $paging ne 'page' && $table ne 'odd_page';
			}
		}
		tenant(faults => [ { action => 'body', body => $body, times => 99 } ]);
		my ($rc, $out, $err) = $node->psql('postgres', "SELECT tplus.ping('erp')");
		like($err, $pattern, "$name: ping");
	}
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM tplus.calibrate('erp.inventory')");
	like($out . $err, qr/half of it/, 'calibrate');
	($rc, $out, $err) = $node->psql('postgres', 'CREATE SCHEMA other; IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER erp INTO other');
	like($err, qr/WARNING: .*\n.*T\+ refused the request/, 'import');

	tenant(faults => [ { action => 'body', body => '{"Data":[],"code":5OO}', times => 99 } ]);
	fails('an envelope that is no JSON', $count, '08P01', $server, qr/not valid JSON/, qr/without its rows: invalid/, qr/after 3 attempts/);
	tenant(faults => [ { action => 'body', body => '{"Data":[],"code":"EXERROR0001","message":"away"}', times => 1 } ]);
	is($node->safe_psql('postgres', $count), '40', 'what may pass is asked for again');

	# A document has a code of its own.
	for my $document (
		[ 'Details', '{"Code":"X-1","Details":[{"ID":1,"Code":"L-1"}]}', '1|L-1' ],
		[ 'Details', '{"Code":"X-1","Details":[]}', '' ],
		[ 'data.Details', '{"code":"0","message":"ok","data":{"Code":"X-1","Details":[{"ID":1,"Code":"L-1"}]}}', '1|L-1' ],
		[ 'data.Details', '{"code":"500","message":"busy","data":{"Code":"X-1","Details":[{"ID":1,"Code":"L-1"}]}}', qr/code 500: "busy"/ ],
		[ 'Details', '{"Code":"50000","Message":"refreshToken invalid","Details":null}', qr/code 50000: "refreshToken invalid"/ ],
		[ 'Details', '{"Code":"X-1","Details":null}', qr/no rows where they were expected/ ])
	{
		my ($path, $body, $expected) = @$document;
		tenant(faults => [ { action => 'body', body => $body, times => 99 } ]);
		my ($rc, $out, $err) = $node->psql('postgres',
			"BEGIN; ALTER FOREIGN TABLE erp.odd OPTIONS (ADD rows_path '$path'); SELECT * FROM erp.odd");
		ref $expected ? like($err, $expected, $body) : is($out . $err, $expected, $body);
	}
};

# One record, in bytes of every kind that HTTP and JSON know.
my $record = '[{"ID":1,"Code":"L-1"}]';
my ($first, $second) = map { gzipped($_) } $record =~ /^(.{9})(.*)$/;
my $deep = '[' x 70 . ']' x 70;
my @bytes = (
	[ 'gzip in two members', 'gzip', $first . $second ],
	[ 'gzip with zero bytes behind it', 'gzip', gzipped($record) . "\0" x 512 ],
	[ 'gzip twice', 'gzip, gzip', gzipped(gzipped($record)) ],
	[ 'deflate', 'deflate', Compress::Zlib::compress($record) ],
	[ 'a character set as encoding', 'utf-8', $record ],
	[ 'no encoding', 'identity', $record ],
	[ 'gzip cut off', 'gzip', substr(gzipped($record), 0, -1), '08006', qr/compressed body ended too early/, 3 ],
	[ 'gzip with more behind it', 'gzip', gzipped($record) . '[]', '08P01', qr/damaged\nDETAIL:  Something else follows/, 3 ],
	[ 'another compression', 'br', "\x8b\0\x80[]\x03", '08P01', qr/compressed in a way that was not asked for/, 1 ],
	[ 'nesting that is allowed', '', '[{"ID":1,"Code":"L-1","x":' . '[' x 63 . ']' x 63 . '}]' ],
	[ 'nesting in a record', '', qq([{"ID":1,"x":$deep}]), '54000', qr/nests arrays and objects too deep\nDETAIL: .*nesting deeper than 64/, 1 ],
	[ 'nesting beside the rows', '', qq({"x":$deep,"Data":$record}), '54000', qr/nests arrays and objects too deep/, 1 ],
	[ 'nesting in a text', '', qq({"result":"$deep"}), '54000', qr/nests arrays and objects too deep/, 1 ]);

sub gzipped { return Compress::Zlib::memGzip($_[0]) }

subtest 'bytes' => sub {
	for my $case (@bytes)
	{
		my ($name, $encoding, $body, $sqlstate, $pattern, $requests) = @$case;
		tenant(faults => [ { action => 'body', body_b64 => MIME::Base64::encode_base64($body, ''), times => 99,
			headers => { $encoding ? ('Content-Encoding' => $encoding) : () } } ]);
		my ($rc, $out, $err) = $node->psql('postgres', 'SELECT * FROM erp.odd', extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		like($err, qr/ERROR:  $sqlstate: (.|\n)*$pattern/, $name) if $sqlstate;
		is($out . ($sqlstate ? '' : $err), $sqlstate ? '' : '1|L-1', $name);
		is(scalar($sim->journal($key)), $requests, "$name: requests") if $requests;
	}
};

subtest 'retries' => sub {
	server(max_retries => 2);
	tenant();
	$sim->fault($key, action => 'truncate', fraction => 0.5);
	is($node->safe_psql('postgres', $count), '40', 'a body cut off once');
	tenant();
	$sim->fault($key, action => 'unavailable', times => 2);
	is($node->safe_psql('postgres', $count), '40', 'a service that comes back');
	tenant();
	$sim->fault($key, action => 'unavailable', times => 99);
	fails('a service that does not', $count, '08006', $server, qr/after 3 attempts/);
	is(scalar($sim->journal($key)), 3, 'so many requests');
	tenant();
	$sim->fault($key, action => 'business', times => 99);
	fails('a refusal', $count, 'HV000', $server, qr/CONTEXT:(?!.*attempts)/);
	is(scalar($sim->journal($key)), 1, 'is not repeated');
	tenant();
	$sim->fault($key, action => 'throttled', retry_after => 31536000, times => 99);
	fails('a long pause', $count, '53400', qr/server "erp" asks to be left alone until \d{4}-/,
		qr/DETAIL:  It asked for 31536000 seconds; no longer than an hour/, qr/HINT:.*requests_per_second/);
	my (undef, undef, $kept) = $node->psql('postgres', $count);
	my ($until) = $kept =~ /no request before (\S+ \S+)/;
	is($node->safe_psql('postgres', "SELECT '$until' - now() BETWEEN '59 minutes' AND '1 hour'"), 't', 'is an hour');
	fails('is kept', $count, '53400', qr/no request before \d{4}-/, qr/HINT:.*requests_per_second/);
	is(scalar($sim->journal($key)), 1, 'without another request');
};

# The pause would go on, so the account gets another name.
$key = 'canary-key-2';

subtest 'records' => sub {
	tenant(
		records => [
			map {
				{   ID => $_,
					Code => "C$_",
					MadeRecordDate => $_ == 180 ? '2026-02-30' : '2026-02-28'
				}
			} 1 .. 200
		]);
	server(page_size => 100);
	fails('a value that does not fit', 'SELECT * FROM erp.inventory', '22008',
		qr/out of range: "2026-02-30"/,
		qr/CONTEXT: .*column "maderecorddate" of foreign table "inventory", record with key "180", page [2-9]/);

	tenant(missing_ids => 1);
	fails('a record without its key', $count, 'HV000',
		qr/a record of foreign table "inventory" has no "ID"/, qr/HINT:.*"key"/);
	tenant(duplicate_ids => 1);
	fails('a key that two records share', $count, 'HV000',
		qr/"ID" does not identify the records of foreign table "inventory"/, qr/HINT:.*"key"/);
	$node->safe_psql('postgres', "ALTER FOREIGN TABLE erp.inventory OPTIONS (ADD key 'Code')");
	is($node->safe_psql('postgres', $count), '40', 'another key does');
	$node->safe_psql('postgres', "ALTER FOREIGN TABLE erp.inventory OPTIONS (SET key 'InventoryClass.Code')");
	tenant();
	fails('a key that many share', $count, 'HV000', qr/does not identify/, qr/HINT:.*"key"/);
	$node->safe_psql('postgres', 'ALTER FOREIGN TABLE erp.inventory OPTIONS (DROP key)');

	$node->safe_psql('postgres', 'ALTER FOREIGN TABLE erp.inventory ADD COLUMN nonsense text');
	my ($rc, $out, $err) = $node->psql('postgres', 'SELECT count(nonsense), count(*) FROM erp.inventory');
	is($out, '0|40', 'a field that nobody knows is null');
	like($err, qr/WARNING:.*"inventory" has "nonsense"/, 'and a warning says so');
	like($node->safe_psql('postgres', 'EXPLAIN VERBOSE SELECT nonsense FROM erp.inventory'),
		qr/Not in the Catalog: nonsense/, 'and EXPLAIN VERBOSE');
};

subtest 'nothing half done' => sub {
	$node->safe_psql('postgres', 'CREATE TABLE item (id bigint PRIMARY KEY, code text)');
	my $insert = 'INSERT INTO item SELECT id, code FROM erp.inventory';
	server(page_size => 100);

	tenant(records => 250);
	$sim->fault($key, match => { path => '/tplus/api/*', from => 2 }, action => 'business', times => 99);
	fails('a refusal after the first page', $insert, 'HV000', $server);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM item'), '0', 'leaves nothing');

	tenant(records => 250, switches => { tail_error => 'all', shape => 'Data' });
	fails('an error behind the rows', $insert, '08006', $server, qr/HTTP 200, code/);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM item'), '0', 'leaves nothing');

	tenant(records => 250);
	$sim->fault($key, match => { path => '*Query', from => 2 }, action => 'truncate', fraction => 0.9, times => 99);
	fails('a page cut off', $insert, '08006', $server);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM item'), '0', 'leaves nothing');

	# In one transaction, what was before the savepoint stays.
	tenant(records => 250);
	$sim->fault($key, match => { path => '*Query', from => 3 }, action => 'truncate', fraction => 0.5);
	my ($rc, $out, $err) = $node->psql('postgres', <<SQL, on_error_stop => 0);
BEGIN;
INSERT INTO item VALUES (-1, 'mine');
SAVEPOINT s;
$insert;
ROLLBACK TO s;
$insert;
COMMIT;
SQL
	like($err, qr/connection broke/, 'an error in a transaction');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM item'), '251', 'and the second attempt');
};

subtest 'secrets in what the server says' => sub {
	server();
	for my $fault (
		{ action => 'status', status => 400, code => '1',
			message => 'appKey=canary-key-2 appSecret=canary-secret openToken=canary-token' },
		{ action => 'status', status => 500, body => 'appSecret: canary-secret, openToken: canary-token' },
		{ action => 'status', status => 403, code => 'canary-token', message => 'x' x 5000 . 'canary-secret' },
		{ action => 'body', body => { a => 'canary-token', b => 'canary-secret' } },
		{ action => 'body', body => '<html>canary-token' })
	{
		tenant();
		$sim->fault($key, %$fault, times => 99);
		my ($rc, $out, $err) = $node->psql('postgres', 'SELECT id FROM erp.inventory',
			extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		isnt($rc, 0, 'it fails');
		unlike($err, qr/canary-(token|secret)/, 'no secret is repeated');
	}
};

subtest 'secrets in what we say' => sub {
	my $plans = '';
	tenant();
	server();
	for my $option ('VERBOSE', 'ANALYZE, VERBOSE', 'VERBOSE, FORMAT JSON')
	{
		$plans .= $node->safe_psql('postgres', "EXPLAIN ($option) SELECT * FROM erp.inventory WHERE code = 'x'");
	}
	unlike($plans, qr/canary/, 'no secret in a plan');
	my (undef, $out, $err) = $node->psql('postgres',
		'SELECT * FROM tplus.info(); SELECT * FROM tplus.token_status; SELECT tplus.ping(\'erp\') > 0',
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	unlike($out . $err, qr/canary/, 'none in what functions tell');
	($err) = ($node->psql('postgres',
		"SET client_min_messages = debug5; SET debug_print_plan = on; SET debug_print_parse = on; $count"))[2];
	unlike($err, qr/canary-(token|secret)/, 'none in plans as they are kept');

	my $log = slurp_file($node->logfile);
	unlike($log, qr/canary/, 'none in the log');
	unlike($log, qr/(PANIC|TRAP):|terminated by signal/, 'and no crash');
	cmp_ok(length($log), '>', 10000, 'which is not empty');
};

done_testing();
