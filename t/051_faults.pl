# Every fault of the protocol's table and of the network, at the first request, at
# a later page, once and for good: the rows are exact, or the statement fails with
# its SQLSTATE, message and hint; and no request too many is made.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Encode qw(encode_utf8);
use IPC::Run ();
use MIME::Base64 qw(encode_base64);
use JSON::PP;
use List::Util qw(max sum0);
use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TplusSim;

my $sessions = 10;
my $special = 2;    # of them read other servers than the calm one, too
my $records = 250;
my $retries = 2;
my $json = JSON::PP->new->utf8->canonical;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf',
	"fsync = off\njit = off\nmax_connections = 60\nmax_worker_processes = 40\nlog_statement = none\nlog_min_messages = fatal\n");
$node->start;
my $sim = TplusSim->new;

# A date, so many seconds from now, as HTTP writes it.
sub date
{
	my ($seconds) = @_;
	return strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time() + $seconds));
}

# Servers: each session has its own, because it changes the mapping.
my %servers = (
	calm => {},
	hasty => { stall_timeout_ms => 1500, max_retries => 1 },
	brief => { request_timeout_ms => 2000, max_retries => 1 },
	small => { max_response_mb => 1 },
	renewing => {},
	once => { max_retries => 0 },
	zero => {});
my %static = (app_secret => 'sim-secret', open_token => 'sim-open-token');
my %renewed = (app_secret => 'sim-secret', refresh_token => 'sim-refresh-token');

my $sql = "CREATE EXTENSION tplus_fdw;\n";
for my $kind (sort keys %servers)
{
	for my $session (0 .. ($kind eq 'calm' ? $sessions : $special) - 1)
	{
		my $server = "$kind$session";
		my %option = (base_url => $sim->url, requests_per_second => 0, max_retries => $retries, %{ $servers{$kind} });
		my %mapping = (app_key => 'nobody', $kind =~ /renewing|once/ ? %renewed : %static);
		$sql .= "CREATE SERVER $server FOREIGN DATA WRAPPER tplus_fdw " . TplusSim::options(%option) . ";\n"
		  . "CREATE USER MAPPING FOR CURRENT_USER SERVER $server " . TplusSim::options(%mapping) . ";\n"
		  . "CREATE SCHEMA $server;\n"
		  . "CREATE FOREIGN TABLE $server.item (id bigint, code text, name text, disabled boolean, ts text) "
		  . "SERVER $server OPTIONS (resource 'inventory', page_size '100'"
		  . ($kind eq 'zero' ? ", empty_reply 'zero'" : '') . ");\n"
		  . "CREATE FOREIGN TABLE $server.pages (id bigint, code text, name text, disabled boolean, ts text) "
		  . "SERVER $server OPTIONS (resource 'inventory', page_size '50', paging 'page');\n";
	}
}
$node->safe_psql('postgres', $sql);
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION probe(server text, app_key text, tab text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text; state text; message text; detail text; hint text; context text;
	start timestamptz := clock_timestamp();
BEGIN
	EXECUTE format('ALTER USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (SET app_key %L)', server, app_key);
	BEGIN
		EXECUTE format('SELECT string_agg(id || '':'' || ts || '':'' || md5(name), '' '' ORDER BY id) FROM %I.%I', server, tab) INTO result;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
			hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
		result := format('ERROR %s: %s DETAIL: %s HINT: %s CONTEXT: %s', state, message, detail, hint, context);
	END;
	RETURN concat_ws(E'\t', app_key, extract(epoch FROM clock_timestamp() - start) * 1000, translate(result, E'\n\t', '  '));
END $$;
SQL

sub request
{
	my ($method, $path, $body) = @_;
	my $reply = $sim->{http}->request($method, $sim->url . "/_sim/tenants/$path", $body ? { content => $json->encode($body) } : {});
	die "$path: $reply->{content}" unless $reply->{success};
	return $reply->{content};
}

# The cases, and what each session does.
my (@cases, @scripts);
my @load = (0) x $sessions;    # in twentieths of a second, about

# A case: server, faults, and what is expected of it:
#
#   error => [ SQLSTATE, pattern ], or the rows are exact
#   requests => business requests, the least and the most
#   tokens => token calls
#   ms => the least it takes; no pause is much longer
sub case
{
	my ($name, $server, $faults, %expected) = @_;
	my $key = 'k' . @cases;
	my $cost = delete $expected{cost} // 1;
	my ($session) = sort { $load[$a] <=> $load[$b] } 0 .. ($server eq 'calm' ? $sessions : $special) - 1;

	$load[$session] += $cost;
	request('PUT', $key, { records => $records, switches => { disabled_default => 'all', %{ delete $expected{switches} // {} } }, faults => $faults });
	push @cases, { key => $key, name => $name, %expected, ms_least => $expected{ms} };
	$scripts[$session] .= "SELECT probe('$server$session', '$key', '" . ($expected{table} // 'item') . "');\n";
	return;
}

# Runs all cases; each gets {ms} and {result}.
sub run_cases
{
	my (@running, %case);
	$case{ $_->{key} } = $_ for @cases;
	for my $session (0 .. $sessions - 1)
	{
		my $file = $node->basedir . "/session$session";
		unlink "$file.sql";
		append_to_file("$file.sql", "SET client_min_messages = error;\nSET statement_timeout = '240s';\n" . ($scripts[$session] // ''));
		push @running,
		  IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-f', "$file.sql" ],
			'<', \undef, '>', "$file.out", '2>', "$file.err");
	}
	$_->finish for @running;
	for my $session (0 .. $sessions - 1)
	{
		my $file = $node->basedir . "/session$session";
		is(slurp_file("$file.err"), '', "session $session ran to its end");
		for my $line (split /\n/, slurp_file("$file.out"))
		{
			my ($key, $ms, $result) = split /\t/, $line, 3;
			@{ $case{$key} }{qw(ms result)} = ($ms, $result // '');
		}
	}
	return;
}

# What a read brings, and its requests, when all is well.
request('PUT', 'truth', { records => $records, switches => { disabled_default => 'all' } });
my @truth = map { [ $_->{ID}, $_->{Ts}, md5_hex(encode_utf8($_->{Name})) ] } sort { $a->{ID} <=> $b->{ID} } $sim->records('truth');
my $truth = join ' ', map { join ':', @$_ } @truth;


# Business requests of a read when all is well.
$node->safe_psql('postgres', q{SELECT probe('calm0', 'truth', 'item')});
my $all = () = $sim->journal('truth');
cmp_ok($all, '>=', 5, 'a read of several pages');

# And of one by page number.
request('DELETE', 'truth/journal');
is($node->safe_psql('postgres', q{SELECT probe('calm0', 'truth', 'pages')}) =~ s/^truth\t[\d.]+\t//r, $truth, 'a read by number');
my $pages = () = $sim->journal('truth');
my $ahead_most = 3;    # pages that may be under way besides the one that is due

# Each fault, what becomes of it, the SQLSTATE and what the message, detail or
# hint says if it does not go away.
#
#   again    it is asked again, max_retries times
#   request  this request is to blame; where T+ may not like the cursor, pages
#            are read by number instead
#   fatal    no further request
#   harmless
#   value    a value of a record
# The first bytes of something compressed, and no more.
my $gzip_begun = encode_base64(
	"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\x03\x8b", '');

my $later = qr/HINT: .*try again later/i;
my @faults = (
	[ '409', { action => 'burst' }, 'again', '53400', qr/HTTP 409.*requests_per_second/ ],
	[ '429', { action => 'throttled' }, 'again', '53400', qr/HTTP 429.*requests_per_second/ ],
	[ '429, after a second', { action => 'throttled', retry_after => 1 }, 'again', '53400', qr/HTTP 429/, ms => 1000 ],
	[ '429, after a date', { action => 'throttled', retry_after_date => 2 }, 'again', '53400', qr/HTTP 429/, ms => 1000 ],
	[ '429, after a date of another clock', { action => 'throttled', headers => { Date => date(3600), 'Retry-After' => date(3602) } }, 'again', '53400', qr/HTTP 429/, ms => 1000 ],
	[ '429, after a date that is past', { action => 'throttled', retry_after_date => -100 }, 'again', '53400', qr/HTTP 429/ ],
	[ '429, after what is no time', { action => 'throttled', retry_after => 'soon' }, 'again', '53400', qr/HTTP 429/ ],
	[ '429, after days', { action => 'throttled', retry_after => 360000 }, 'fatal', '53400', qr/left alone until \d{4}-.*requests_per_second/ ],
	[ '429, after ages', { action => 'throttled', retry_after => '9' x 25 }, 'fatal', '53400', qr/left alone until \d{4}-/ ],
	[ '429, after a far date', { action => 'throttled', retry_after_date => 360000 }, 'fatal', '53400', qr/left alone until \d{4}-/ ],
	[ '503', { action => 'unavailable' }, 'again', '08006', qr/HTTP 503.*$later/ ],
	[ '503, after a second', { action => 'unavailable', retry_after => 1 }, 'again', '08006', qr/HTTP 503.*$later/, ms => 1000 ],
	[ '503, after days', { action => 'unavailable', retry_after => 360000 }, 'fatal', '53400', qr/left alone until/ ],
	[ '401/50112: the quota', { action => 'quota' }, 'fatal', '53400', qr/quota.*code 50112.*HINT: Buy/ ],
	[ '403/50112', { action => 'wrong_app' }, 'fatal', '28000', qr/another app_key.*code 50112.*HINT: / ],
	[ '403/50107', { action => 'token_expired' }, 'fatal', '28000', qr/expired or was revoked.*code 50107.*HINT: Authorize/ ],
	[ '401/4007', { action => 'token_invalid' }, 'fatal', '28000', qr/expired or was revoked.*code 4007.*HINT: Authorize/ ],
	[ '401/50000', { action => 'system' }, 'request', '28000', qr/HTTP 401, code 50000.*HINT: Check app_key/ ],
	[ '403/50000', { action => 'forbidden' }, 'request', '28000', qr/HTTP 403, code 50000.*HINT: Check app_key/ ],
	[ '404/50000', { action => 'not_found' }, 'request', 'HV00R', qr/does not know this interface.*HINT: Check the path/ ],
	[ '401/50003', { action => 'config' }, 'fatal', '28000', qr/code 50003.*HINT: / ],
	[ '401', { action => 'status', status => 401 }, 'request', '28000', qr/HTTP 401.*HINT: / ],
	[ '403', { action => 'status', status => 403 }, 'request', '42501', qr/HTTP 403.*HINT: / ],
	[ '404', { action => 'status', status => 404 }, 'request', 'HV00R', qr/HTTP 404.*HINT: .*base_url/ ],
	[ '400', { action => 'status', status => 400 }, 'request', 'HV000', qr/HTTP 400.*HINT: .*body_key/ ],
	[ '408', { action => 'status', status => 408 }, 'again', '08006', qr/HTTP 408.*$later/ ],
	[ '413', { action => 'status', status => 413 }, 'request', 'HV000', qr/HTTP 413.*HINT: / ],
	[ '999/EXERROR0001', { action => 'network' }, 'again', '08006', qr/HTTP 999, code EXERROR0001.*$later/ ],
	[ '999/EXERROR0002', { action => 'forward' }, 'again', '08006', qr/HTTP 999, code EXERROR0002.*$later/ ],
	[ '999 with a rule', { action => 'business' }, 'request', 'HV000', qr/HTTP 999, code EXBU0001.*HINT: / ],
	[ '999/EXSV0011', { action => 'status', status => 999, code => 'EXSV0011', message => 'x' }, 'request', 'HV00R', qr/EXSV0011.*HINT: .*path/ ],
	[ '999/999', { action => 'status', status => 999, code => '999', message => 'x' }, 'request', 'HV000', qr/HTTP 999, code 999.*HINT: / ],
	[ '999', { action => 'bare_999' }, 'request', 'HV000', qr/HTTP 999.*HINT: / ],
	[ '400/EXSM0004', { action => 'status', status => 400, code => 'EXSM0004', message => 'x' }, 'request', 'HV000', qr/HTTP 400, code EXSM0004.*HINT: / ],
	[ '400/EXSV0011', { action => 'service' }, 'request', 'HV00R', qr/EXSV0011.*HINT: .*path/ ],
	[ '500 with a message', { action => 'business_500' }, 'request', 'HV000', qr/HTTP 500: "存货编号.*HINT: / ],
	[ '500 with an exception', { action => 'exception' }, 'request', 'HV000', qr/HTTP 500.*HINT: / ],
	[ '500', { action => 'status', status => 500 }, 'again', 'HV000', qr/HTTP 500.*HINT: / ],
	[ '501', { action => 'status', status => 501 }, 'again', '58000', qr/HTTP 501.*$later/ ],
	[ '502, a web page', { action => 'html' }, 'again', '08006', qr/HTTP 502.*Bad Gateway.*$later/ ],
	[ '504', { action => 'status', status => 504 }, 'again', '08006', qr/HTTP 504.*$later/ ],
	[ '200 with EXERROR0001', { action => 'error_200' }, 'again', '08006', qr/HTTP 200, code EXERROR0001.*$later/ ],
	[ '200 with 50000', { action => 'code_200' }, 'request', 'HV000', qr/HTTP 200, code 50000.*HINT: / ],
	[ '200 with result false', { action => 'result_false' }, 'request', 'HV000', qr/HTTP 200, code 50000.*HINT: / ],
	[ '200 with RestException', { action => 'rest_exception' }, 'request', 'HV000', qr/HTTP 200: .*HINT: / ],
	[ '200, a web page', { action => 'html_200' }, 'fatal', '08P01', qr/web page instead of JSON.*HINT: .*base_url/ ],
	[ '204', { action => 'status', status => 204 }, 'fatal', '08P01', qr/empty where rows were expected.*empty_reply/ ],
	[ 'null', { action => 'null' }, 'fatal', '08P01', qr/reply is "null".*empty_reply/ ],
	[ 'nothing', { action => 'empty' }, 'fatal', '08P01', qr/reply is "".*empty_reply/ ],
	[ 'an empty string', { action => 'empty_string' }, 'fatal', '08P01', qr/reply is """".*empty_reply/ ],
	[ 'an empty object', { action => 'empty_object' }, 'fatal', '08P01', qr/reply is "\{\}".*empty_reply/ ],
	[ 'an object without rows', { action => 'body', body => { a => 1 } }, 'fatal', '08P01', qr/no rows where.*rows_path/ ],
	[ 'a number', { action => 'body', body => '7' }, 'fatal', '08P01', qr/no rows where.*HINT: / ],
	[ 'a text', { action => 'body', body => '"15"' }, 'fatal', '08P01', qr/no rows where.*HINT: / ],
	[ 'a body cut off', { action => 'truncate', fraction => 0.5 }, 'again', '08006', qr/connection broke.*$later/ ],
	[ 'a body cut off by a reset', { action => 'truncate', fraction => 0.5, reset => \1 }, 'again', '08006', qr/connection broke.*$later/ ],
	[ 'a body cut off after a byte', { action => 'truncate', bytes => 1 }, 'again', '08006', qr/connection broke/ ],
	[ 'a chunk cut off', { action => 'chunked_cut' }, 'again', '08006', qr/connection broke/ ],
	[ 'a connection dropped at once', { action => 'drop', when => 'before' }, 'again', '08006', qr/connection broke/, resent => 1 ],
	[ 'a connection reset at once', { action => 'drop', when => 'before', reset => \1 }, 'again', '08006', qr/connection broke/, resent => 1 ],
	[ 'a connection dropped before the reply', { action => 'drop', when => 'lost' }, 'again', '08006', qr/connection broke/, resent => 1 ],
	[ 'a connection dropped in the head', { action => 'drop', when => 'headers' }, 'again', '08006', qr/connection broke.*within the head/ ],
	[ 'a connection dropped behind the head', { action => 'raw', raw => "HTTP/1.1 200 OK\r\n\r\n" }, 'again', '08006', qr/connection broke.*before the body/ ],
	[ 'a connection dropped in the body', { action => 'drop', when => 'during' }, 'again', '08006', qr/connection broke/ ],
	[ 'a connection dropped after the reply', { action => 'drop', when => 'after' }, 'harmless' ],
	[ 'a connection reset after the reply', { action => 'drop', when => 'after', reset => \1 }, 'harmless', undef, undef, resent => 1 ],
	[ 'a connection closed between pages', { action => 'close_after' }, 'harmless', undef, undef, resent => 1 ],
	[ 'a reply without length', { action => 'close_delimited' }, 'harmless' ],
	[ 'a reply that nobody asked for', { action => 'extra', raw => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]" }, 'harmless', undef, undef, resent => 1 ],
	[ 'nothing but an interim reply', { action => 'raw', raw => "HTTP/1.1 100 Continue\r\n\r\n" }, 'again', '08006', qr/connection broke/ ],
	[ 'an encoding that nobody asked for', { action => 'headers', headers => { 'Content-Encoding' => 'br' } }, 'fatal', '08P01', qr/not asked for.*Only gzip and deflate/ ],
	[ 'a stall before the reply', { action => 'stall', when => 'reply', ms => 20000 }, 'again', '08006', qr/stalled.*first byte.*stall_timeout_ms/, server => 'hasty' ],
	[ 'a stall in the head', { action => 'stall', when => 'headers', ms => 20000 }, 'again', '08006', qr/stalled.*stall_timeout_ms/, server => 'hasty' ],
	[ 'a stall in the body', { action => 'stall', when => 'body', ms => 20000 }, 'again', '08006', qr/stalled.*body.*stall_timeout_ms/, server => 'hasty' ],
	[ 'a byte a second', { action => 'drip', bytes => 1, interval_ms => 1000 }, 'again', '08006', qr/took too long.*body.*request_timeout_ms/, server => 'brief' ],
	[ 'a byte in twenty seconds', { action => 'drip', bytes => 1, interval_ms => 20000 }, 'again', '08006', qr/stalled.*stall_timeout_ms/, server => 'hasty' ],
	[ 'a length that is too long', { action => 'length', delta => 100 }, 'again', '08006', qr/connection broke.*100 bytes/ ],
	[ 'a length that is too long, and no end', { action => 'length', delta => 100, hold_ms => 20000 }, 'again', '08006', qr/stalled.*body/, server => 'hasty' ],
	[ 'a length that is too short', { action => 'length', delta => -100 }, 'again', '08P01', qr/not valid JSON.*unexpected end.*$later/ ],
	[ 'the type of a text', { action => 'content_type', value => 'text/plain' }, 'harmless' ],
	[ 'the type of a web page', { action => 'content_type', value => 'text/html' }, 'harmless' ],
	[ 'another encoding in the type', { action => 'content_type', value => 'application/json; charset=GBK' }, 'harmless' ],
	[ 'gzip', { action => 'none' }, 'harmless', undef, undef, switches => { gzip => 'on' } ],
	[ 'gzip with a wrong sum', { action => 'gzip_corrupt', mode => 'crc' }, 'fatal', '08P01', qr/compressed response is damaged.*Incorrect data check.*$later/ ],
	[ 'gzip cut off', { action => 'gzip_corrupt', mode => 'truncated' }, 'again', '08006', qr/connection broke.*compressed body ended too early/ ],
	[ 'gzip that is none', { action => 'gzip_corrupt', mode => 'header' }, 'again', '08P01', qr/compressed response is damaged.*$later/ ],
	[ 'a gzip bomb', { action => 'gzip_bomb', mb => 30 }, 'fatal', '54000', qr/"max_response_mb" allows.*HINT: /, server => 'small' ],
	[ 'a response over the cap', { action => 'huge', mb => 3 }, 'fatal', '54000', qr/"max_response_mb" allows.*HINT: /, server => 'small' ],
	[ 'chunks over the cap', { action => 'huge', mb => 3, chunked => \1 }, 'fatal', '54000', qr/"max_response_mb" allows.*HINT: /, server => 'small' ],
	[ 'a nesting bomb', { action => 'nest', depth => 100000 }, 'fatal', '54000', qr/too deep.*nesting deeper/ ],
	[ 'a nesting bomb in a record', { action => 'nest', where => 'value', field => 'Name', depth => 100000 }, 'fatal', '54000', qr/too deep.*nesting deeper/ ],
	[ 'a redirect', { action => 'redirect', location => '/tplus/elsewhere' }, 'fatal', 'HV000', qr/redirect, which is not followed.*HTTP 302.*base_url/ ],
	[ 'a redirect to another host', { action => 'redirect', status => 308, location => 'http://127.0.0.1:1/' }, 'fatal', 'HV000', qr/redirect, which is not followed.*HTTP 308.*base_url/ ],
	[ 'a long header', { action => 'headers', header_bytes => 50000 }, 'harmless' ],
	[ 'a header that is too long', { action => 'headers', header_bytes => 500000 }, 'fatal', '54000', qr/head of the response is larger.*A line beside the body is too long/ ],
	[ 'another protocol', { action => 'raw', raw => "SSH-2.0-x\r\n" }, 'again', '08006', qr/connection broke.*(HTTP\/0\.9|[Ii]nvalid status)/ ],
	[ 'no protocol', { action => 'raw', raw => "\0\0\0\0" }, 'again', '08006', qr/connection broke/ ],
	[ 'half a status', { action => 'raw', raw => 'HTTP/1.1 2' }, 'again', '08006', qr/connection broke/, resent => 1 ],
	[ 'a status that is none', { action => 'raw', raw => "HTTP/1.1 20\r\n\r\n" }, 'again', '08006', qr/connection broke/ ],
	[ 'a byte order mark', { action => 'prepend', bytes => "\x{feff}" }, 'harmless' ],
	[ 'bytes before the JSON', { action => 'prepend', bytes => ')]}' }, 'again', '08P01', qr/not valid JSON.*At byte 0/ ],
	[ 'bytes behind the JSON', { action => 'append', bytes => ']' }, 'again', '08P01', qr/not valid JSON.*text after the end/ ],
	[ 'a key twice', { action => 'dup_key', field => 'Name', row => 7, raw => '"other"' }, 'value', '22030', qr/"Name" more than once.*record with key "\d+", page/ ],
	[ 'invalid UTF-8', { action => 'value', field => 'Name', row => 7, raw_b64 => 'Iv8i' }, 'value', '22021', qr/column "name".*0xff.*record with key "\d+", page/ ],
	[ 'UTF-8 cut off', { action => 'value', field => 'Name', row => 7, raw_b64 => 'IuSyIg==' }, 'value', '22021', qr/column "name".*0xe4 0xb2/ ],
	[ 'a zero character', { action => 'value', field => 'Name', row => 7, raw => '"a\u0000b"' }, 'value', '22P05', qr/column "name".*\\u0000.*record with key "\d+", page/ ],
	[ 'half a surrogate', { action => 'value', field => 'Name', row => 7, raw => '"a\ud800b"' }, 'again', '08P01', qr/malformed.*unpaired surrogate/, nohint => 1, ahead => 1 ],
	[ 'a damaged number', { action => 'value', field => 'ID', row => 7, raw => '01' }, 'again', '08P01', qr/malformed/, nohint => 1, ahead => 1 ],
	[ 'a record that is none', { action => 'value', field => 'Name', row => 7, raw => '"a" 7' }, 'again', '08P01', qr/malformed/, nohint => 1, ahead => 1 ],
);

case('nothing', 'calm', []) for 1 .. $sessions;
for my $fault (@faults)
{
	my ($name, $spec, $kind, $sqlstate, $pattern, %more) = @$fault;
	my ($server, $resent, $ahead) = ($more{server} // 'calm', $more{resent} // 0, $more{ahead} // 0);
	my %common = (switches => { %{ $more{switches} // {} } }, nohint => $more{nohint} || $kind eq 'value');
	my @once = (ms => $more{ms}, requests => [ $all + 1, $all + 1 ]);
	my $error = [ $sqlstate, $pattern ];
	my $more = $servers{$server}{max_retries} // $retries;

	# Behind a record that is damaged, the next page may have been asked for.
	# It may be libcurl that asks again, over another connection: once for each
	# of two that were kept alive.
	my %expected = (
		again => [
			{@once}, {@once},
			{ error => $error, ms => $more{ms}, requests => [ 1 + $more, 1 + $more + 2 * $resent + $ahead ] },
			{ error => $error, ms => $more{ms}, requests => [ 3 + $more, 3 + $more + 2 * $resent + $ahead ] } ],
		request => [
			{ error => $error, requests => [ 1, 1 ] },
			{ requests => [ $all + 1, $all + 6 ] },
			{ error => $error, requests => [ 1, 1 ] },
			{ error => $error, requests => [ 4, 8 ] } ],
		fatal => [ map { { error => $error, requests => [ $_, $_ ] } } 1, 3, 1, 3 ],
		harmless => [ map { { requests => [ $all, $all + ($_ == 2 ? $all : 1) * $resent ] } } 0, 1, 2, 2 ],
		# The next page may have been asked for by then.
		value => [ map { { error => $error, requests => [ $_, $_ + 1 ] } } 1, 3, 1, 3 ]);
	my @match = ({ nth => 1 }, { nth => 3 }, {}, { from => 3 });
	for my $way (0 .. 3)
	{
		my $cost = $kind eq 'again' ? ($way < 2 ? 5 : 13) : 1;
		$cost = $way < 2 ? 40 : 75 if $server =~ /hasty|brief/;
		$cost = $way < 2 ? 30 : 60 if $more{ms};
		case(
			$name . ('', ', later', ', for good', ', for good and later')[$way],
			$server,
			[ { %$spec, times => $way < 2 ? 1 : 0, match => $match[$way] } ],
			cost => $cost, %common, %{ $expected{$kind}[$way] });
	}
}

# A record of 10 MB is a record; it comes once, as one that comes again would differ.
case('a string of 10 MB', 'calm', [ { action => 'value', field => 'Name', row => 3, string_mb => 10, times => 1, match => { nth => 3 } } ],
	pattern => qr/:@{[ md5_hex('x' x 10485760) ]}/, requests => [ $all, $all ]);

# A damaged stream may bring what looks like records.
case('gzip damaged', 'calm', [ { action => 'gzip_corrupt', mode => 'middle', times => 0 } ],
	error => [ '08P01', qr/damaged|malformed|not valid JSON/ ], nohint => 1, requests => [ 1, 3 ]);

# Two different faults, one right after the other.
my @passing = grep { $_->[2] eq 'again' && !grep { /ms|server/ } @$_[ 5 .. $#$_ ] } @faults;
my $pair = 0;
for my $first (@passing)
{
	for my $second (@passing)
	{
		next if $first == $second || ++$pair % 3;
		my $nth = $pair % 2 ? 1 : 3;
		case("$first->[0], then $second->[0], from request $nth", 'calm',
			[ { %{ $first->[1] }, match => { nth => $nth } }, { %{ $second->[1] }, match => { nth => $nth + 1 } } ],
			cost => 11, requests => [ $all + 2, $all + 2 ]);
	}
}
for my $fault (grep { $_->[2] eq 'fatal' && !grep { /server/ } @$_[ 5 .. $#$_ ] } @faults)
{
	case("503, then $fault->[0]", 'calm',
		[ { action => 'unavailable', match => { nth => 3 } }, { %{ $fault->[1] }, match => { nth => 4 } } ],
		error => [ $fault->[3], $fault->[4] ], nohint => 1, requests => [ 4, 4 ]);
}

# By page number, several requests may be under way when one of them fails.
for my $fault (grep { !grep { /ms|server/ } @$_[ 5 .. $#$_ ] } @faults)
{
	my ($name, $spec, $kind, $sqlstate, $pattern, %more) = @$fault;
	next if $name =~ /too short/;    # the last page is shorter than that
	my $passes = $kind =~ /again|harmless/;
	my $resent = $more{resent} // 0;
	my $last = 1 + $retries;

	# Requests, by what goes wrong: the first, all from the first, the fourth, all
	# from the fourth.  Whatever was asked ahead of its turn may have been refused,
	# too, and again when its turn came; libcurl asks again once for each connection
	# that was kept alive.
	my %expected = (
		harmless => { nth1 => [ $pages, $pages + $resent ], nth4 => [ $pages, $pages + $resent ] },
		again => {
			nth1 => [ $pages + 1, $pages + 1 + $resent ],
			from1 => [ $last, $last + (1 + $ahead_most) * $resent ],
			nth4 => [ $pages + 1, $pages + 1 + $resent ],
			from4 => [ 3 + $last, 3 + ($last + $resent) * (1 + $ahead_most) ] },
		fatal => { nth1 => [ 1, 1 ], from1 => [ 1, 1 ], nth4 => [ 4, 4 + $ahead_most ], from4 => [ 4, 4 + $ahead_most ] },
		value => { nth1 => [ 1, 2 ], from1 => [ 1, 2 ], nth4 => [ 4, 4 + $ahead_most ], from4 => [ 4, 4 + $ahead_most ] },
		# The page before it is asked for, and behind the first smaller ones.
		request => { nth1 => [ $pages + 2, $pages + 3 ], from1 => [ 1, 3 ], nth4 => [ 5, 2 * $pages ], from4 => [ 4, $pages + $ahead_most ] });
	for my $nth (1, 4)
	{
		my @matches = ([ "request $nth", nth => $nth ], $kind eq 'harmless' ? () : [ "from request $nth for good", from => $nth ]);
		for my $match (@matches)
		{
			my ($when, $how) = @$match;
			# A refusal of the first page that does not come again is none of its number.
			my $error = $how eq 'from' || !$passes && !($kind eq 'request' && $nth == 1);
			my ($least, $most) = @{ $expected{$kind}{"$how$nth"} };
			# The page that is hit may have no such record, or nobody may want it.
			my $either = $nth > 1 && $how eq 'nth' && ($kind eq 'value' || $name =~ /wrong sum|bomb in a record/);
			$most = $pages + 1 if $either;
			$least-- if $nth > 1 && $kind eq 'again' && $spec->{field};
			case("by number: $name, $when", 'calm', [ { %$spec, times => $how eq 'from' ? 0 : 1, match => { $how => $nth } } ],
				table => 'pages', cost => $how eq 'from' && $kind eq 'again' ? 13 : 5, nohint => 1, requests => [ $least, $most ], either => $either,
				# It may have been meant for the page alone, so others are tried.
				loose => $kind eq 'request' && $how eq 'nth' && $nth > 1,
				$error ? (error => [ $sqlstate, $pattern ]) : ());
		}
	}
}
case('503, 502, then a body cut off', 'calm',
	[ map { { %{ $_->[0] }, match => { nth => $_->[1] } } } [ { action => 'unavailable' }, 3 ], [ { action => 'html' }, 4 ],
		[ { action => 'truncate' }, 5 ] ],
	error => [ '08006', qr/connection broke.*after 3 attempts/ ], requests => [ 5, 5 ]);

# Where an empty reply means no rows, a broken connection still does not.
case('no rows: null', 'zero', [ { action => 'null', times => 0 } ], pattern => qr/^$/, requests => [ 1, 20 ]);
case('no rows: nothing', 'zero', [ { action => 'empty', times => 0 } ], pattern => qr/^$/, requests => [ 1, 20 ]);
for my $fault ([ 'in the head', { action => 'drop', when => 'headers' } ], [ 'behind the head', { action => 'raw', raw => "HTTP/1.1 200 OK\r\n\r\n" } ],
	[ 'behind the head of chunks', { action => 'raw', raw => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" } ],
	[ 'in the gzip', { action => 'raw', raw_b64 => $gzip_begun } ])
{
	my ($where, $spec) = @$fault;
	case("no rows: a connection dropped $where", 'zero', [$spec], requests => [ $all + 1, $all + 1 ]);
	case("no rows: a connection dropped $where, for good", 'zero', [ { %$spec, times => 0 } ],
		error => [ '08006', qr/connection broke/ ], requests => [ 1 + $retries, 1 + $retries ]);
}

# What no new token helps against is not asked for one.
for my $fault (grep { $_->[0] =~ /50112|50003/ } @faults)
{
	my ($name, $spec, undef, $sqlstate, $pattern) = @$fault;
	case("$name, with a pair", 'renewing', [ { %$spec, times => 0, match => { path => '*Query' } } ],
		error => [ $sqlstate, $pattern ], requests => [ 1, 1 ], tokens => 1);
	case("$name later, with a pair", 'renewing', [ { %$spec, times => 0, match => { path => '*Query', from => 3 } } ],
		error => [ $sqlstate, $pattern ], requests => [ 3, 3 ], tokens => 1);
}

# With a pair of tokens.  A token that was just issued and is refused was not the
# reason; one that has been accepted before is renewed, once.
my @token = (
	[ '403/50107', { action => 'token_expired' } ],
	[ '401/4007', { action => 'token_invalid' } ]);
for my $fault (@token)
{
	my ($name, $spec) = @$fault;
	my $error = [ '28000', qr/expired or was revoked/ ];
	case("$name with a new token", 'renewing', [ { %$spec, match => { path => '*Query' } } ], error => $error, requests => [ 1, 1 ], tokens => 1);
	case("$name later", 'renewing', [ { %$spec, match => { path => '*Query', nth => 3 } } ], requests => [ $all + 1, $all + 1 ], tokens => 2);
	case("$name later, for good", 'renewing', [ { %$spec, times => 0, match => { path => '*Query', from => 3 } } ],
		error => $error, requests => [ 4, 4 ], tokens => 2);
}
case('a token that dies', 'renewing', [ { action => 'revoke', match => { path => '*Query', nth => 3 } } ],
	requests => [ $all + 1, $all + 1 ], tokens => 2);
case('401/50000 later', 'renewing', [ { action => 'system', match => { path => '*Query', nth => 3 } } ],
	requests => [ $all + 1, $all + 6 ], tokens => 1);
case('a token that dies, without another attempt', 'once', [ { action => 'revoke', match => { path => '*Query', nth => 3 } } ],
	requests => [ $all + 1, $all + 1 ], tokens => 2);
case('503, without another attempt', 'once', [ { action => 'unavailable', match => { path => '*Query', nth => 3 } } ],
	error => [ '08006', qr/HTTP 503/ ], requests => [ 3, 3 ], tokens => 1);
case('a token that dies, then 503', 'renewing',
	[ { action => 'revoke', match => { path => '*Query', nth => 3 } }, { action => 'unavailable', match => { path => '*Query', nth => 4 } } ],
	requests => [ $all + 2, $all + 2 ], tokens => 2);

# The call for a token: what may pass is asked again, what is refused or unclear
# is not.
my @grants = (
	[ '409', { action => 'burst' }, 'busy' ],
	[ '429', { action => 'throttled' }, 'busy' ],
	[ '14002', { action => 'too_fast' }, 'busy' ],
	[ 'a connection dropped after the reply', { action => 'drop', when => 'after' }, 'harmless' ],
	[ 'a reply without length', { action => 'close_delimited' }, 'harmless' ],
	[ 'gzip', { action => 'none' }, 'harmless', undef, undef, switches => { gzip => 'on' } ],
	[ 'the type of a web page', { action => 'content_type', value => 'text/html' }, 'harmless' ],
	[ '503', { action => 'unavailable' }, 'again', '08006', qr/HTTP status 503/ ],
	[ '502', { action => 'html' }, 'again', '08006', qr/HTTP status 502/ ],
	[ '999/EXERROR0001', { action => 'network' }, 'again', '08006', qr/EXERROR0001/ ],
	[ 'a body cut off', { action => 'truncate' }, 'lost', '28000', qr/is lost.*Authorize/ ],
	[ 'a chunk cut off', { action => 'chunked_cut' }, 'lost', '28000', qr/is lost.*Authorize/ ],
	[ 'a connection dropped at once', { action => 'drop', when => 'before' }, 'again', '08006', qr/ended too early/ ],
	[ 'a connection dropped before the reply', { action => 'drop', when => 'lost' }, 'lost', '28000', qr/is lost.*Authorize/ ],
	[ 'a connection dropped in the head', { action => 'drop', when => 'headers' }, 'lost', '28000', qr/is lost.*Authorize/ ],
	[ 'a connection dropped in the body', { action => 'drop', when => 'during' }, 'lost', '28000', qr/is lost.*Authorize/ ],
	[ 'gzip with a wrong sum', { action => 'gzip_corrupt', mode => 'crc' }, 'lost', '28000', qr/is lost.*Authorize/ ],
	[ '500', { action => 'status', status => 500 }, 'refused', 'HV000', qr/HTTP status 500/ ],
	[ '401/50112', { action => 'quota' }, 'refused', '53400', qr/50112/ ],
	[ '403/50112', { action => 'wrong_app' }, 'refused', '28000', qr/50112/ ],
	[ '401/50000', { action => 'system' }, 'refused', '28000', qr/50000.*app_secret/ ],
	[ '401/4007', { action => 'token_invalid' }, 'refused', '28000', qr/refused to renew.*Authorize/ ],
	[ '403/50107', { action => 'token_expired' }, 'refused', '28000', qr/refused to renew.*Authorize/ ],
	[ 'a redirect', { action => 'redirect' }, 'refused', 'HV000', qr/HTTP status 302/ ],
	[ 'nothing', { action => 'empty' }, 'refused', 'HV000', qr/without an access token/ ],
	[ 'null', { action => 'null' }, 'refused', 'HV000', qr/without an access token/ ],
	[ 'a web page', { action => 'html_200' }, 'refused', 'HV000', qr/without an access token/ ],
	[ 'a nesting bomb', { action => 'nest' }, 'refused', 'HV000', qr/without an access token/ ],
	[ 'a length that is too short', { action => 'length', delta => -20 }, 'refused', 'HV000', qr/without an access token/ ],
	[ 'a gzip bomb', { action => 'gzip_bomb', mb => 30 }, 'refused', '54000', qr/larger than/ ],
	[ 'a zero character', { action => 'body', body => '{"code":"200","result":{"access_token":"a\u0000b"}}' }, 'refused', 'HV000', qr/without an access token/ ]);
for my $grant (@grants)
{
	my ($name, $spec, $kind, $sqlstate, $pattern, %more) = @$grant;
	my ($good, $none) = ([ $all, $all ], [ 0, 0 ]);
	my $error = [ $sqlstate, $pattern ];
	my %expected = (
		harmless => [ { tokens => 1, requests => $good } ],
		busy => [ { tokens => 2, requests => $good } ],
		again => [ { tokens => 2, requests => $good }, { error => $error, tokens => 1 + $retries, requests => $none } ],
		# T+ has issued a pair that nobody got; the next call shows it.
		lost => [ { error => $error, tokens => 2, requests => $none } ],
		refused => [ { error => $error, tokens => 1, requests => $none } ]);
	for my $expected (@{ $expected{$kind} })
	{
		case(
			"a token call: $name" . ($kind eq 'again' && $expected->{error} ? ', for good' : ''), 'renewing',
			[ { %$spec, times => $expected->{error} && $kind eq 'again' ? 0 : 1, match => { path => 'refreshToken' } } ],
			cost => 10, switches => { %{ $more{switches} // {} } }, %$expected);
	}
}

$node->safe_psql('postgres', 'SELECT tplus.stat_reset()');
my $start = time();
run_cases();
note sprintf '%d cases in %.1f s', scalar(@cases), time() - $start;

# What is wrong with a case; nothing, usually.
sub verdict
{
	my ($case, @journal) = @_;
	my $result = $case->{result} // 'no result';
	my $tokens = grep { $_->{path} =~ /refreshToken/ } @journal;
	my $requests = @journal - $tokens;
	my ($least, $most) = @{ $case->{requests} // [ $all, $all ] };
	my @wrong;

	if ($case->{loose} && ($result eq $truth || $result =~ /^ERROR (?!XX)/))
	{
		# Exact, or none.
	}
	elsif ($case->{either} && $result eq $truth)
	{
		# The page that was hit had no such record.
	}
	elsif (my $error = $case->{error})
	{
		my ($sqlstate, $pattern) = @$error;
		push @wrong, $result unless $result =~ /^ERROR \Q$sqlstate\E: / && $result =~ $pattern;
		push @wrong, "no hint: $result" if !$case->{nohint} && $result =~ /HINT:  CONTEXT/;
		push @wrong, "a secret: $result" if $result =~ /sim-(secret|open-token|refresh-token)/;
	}
	elsif ($case->{pattern})
	{
		push @wrong, substr($result, 0, 2000) unless $result =~ $case->{pattern};
	}
	elsif ($result ne $truth)
	{
		push @wrong, $result =~ /^ERROR/ ? $result : 'other rows: ' . scalar(split / /, $result);
	}
	push @wrong, "$requests requests, not $least to $most" if $requests < $least || $requests > $most;
	push @wrong, "$tokens token calls" if $tokens != ($case->{tokens} // 0);
	push @wrong, "after $case->{ms} ms already" if $case->{ms_least} && $case->{ms} < $case->{ms_least};

	# Between what is asked again, nobody waits longer than was asked for.
	my $pause = max(0, map { $journal[$_]{start} - ($journal[ $_ - 1 ]{end} // $journal[ $_ - 1 ]{start}) } 1 .. $#journal);
	push @wrong, "a pause of $pause ms" if $pause > 15000 + ($case->{ms_least} // 0);
	return @wrong;
}

my ($wrong, $total, $closed, @pauses) = (0, 0, 0);
for my $case (@cases)
{
	my @journal = $sim->journal($case->{key});
	my @wrong = verdict($case, @journal);

	$total += @journal;
	$closed += grep { ($_->{fault} // '') =~ /^(close_after|drop)$/ } @journal;
	$wrong++ if @wrong;
	diag "$case->{name}: $_" for @wrong;

	# How long the client paused after a failure that took no time.
	next unless $case->{error} && $case->{name} =~ /^(408|50[0134]|502, a web page|999.EXERROR000\d|200 with EXERROR0001|another protocol), for good$/;
	$pauses[$_] = [ @{ $pauses[$_] // [] }, $journal[ $_ + 1 ]{start} - $journal[$_]{start} ] for 0 .. $retries - 1;
}
is($wrong, 0, scalar(@cases) . ' cases, all as they should be');

# Doubling pauses, of which half is chance.
for my $n (0 .. $retries - 1)
{
	my ($low, $high) = (125 * 2**$n, 250 * 2**$n);
	my @sorted = sort { $a <=> $b } @{ $pauses[$n] };
	note sprintf 'pause %d: %s ms', $n + 1, join ' ', map { int } @sorted;
	cmp_ok(scalar @sorted, '>=', 8, 'there are pauses');
	cmp_ok($sorted[0], '>=', $low - 2, "pause $n is at least $low ms");
	cmp_ok($sorted[ @sorted / 2 ], '<=', $high + 150, "pause $n is at most $high ms");
	cmp_ok($sorted[-1] - $sorted[0], '>=', $low / 5, "pause $n varies");
}


# Compression was asked for, and came.
my ($plain, $packed) = map { my $key = $_->{key}; sum0(map { $_->{sent} } $sim->journal($key)) } $cases[0], grep { $_->{name} eq 'gzip' } @cases;
cmp_ok($packed, '<', 0.5 * $plain, 'gzip is what it was');

# Each request has been counted, those included that libcurl repeated; also those
# that went into a connection that the server had closed already.
my $counted = $node->safe_psql('postgres', 'SELECT sum(requests) FROM tplus.stat_requests');
cmp_ok($counted, '>=', $total, 'all requests were counted');
cmp_ok($counted, '<=', $total + $closed, 'and no others');
like($node->safe_psql('postgres', 'SELECT min(x) FROM (SELECT sum(retries_throttled), sum(retries_server), sum(retries_network), '
		  . 'sum(retries_malformed), sum(retries_token) FROM tplus.stat_requests) AS s(a, b, c, d, e), '
		  . 'LATERAL (VALUES (a), (b), (c), (d), (e)) AS v(x)'), qr/^[1-9]/, 'and each cause of a retry');

# EXPLAIN tells the attempts and the pauses.
request('PUT', 'explained', { records => $records,
	faults => [ { action => 'unavailable', times => 2 }, { action => 'throttled', match => { from => 5 } }, { action => 'truncate', match => { from => 8 } } ] });
$node->safe_psql('postgres', q{ALTER USER MAPPING FOR CURRENT_USER SERVER calm0 OPTIONS (SET app_key 'explained')});
my $plan = $node->safe_psql('postgres', 'EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM calm0.item');
like($plan, qr/T\+ Retries Server: 2\b/, 'EXPLAIN tells attempts after 503');
like($plan, qr/T\+ Retries Throttled: 1\b/, 'after 429');
like($plan, qr/T\+ Retries Network: 1\b/, 'after a broken connection');
cmp_ok($plan =~ /T\+ Backoff Time: ([\d.]+) ms/ ? $1 : 0, '>=', 125 + 250 + 125 + 125 - 4, 'and how long it paused');

my $log = slurp_file($node->logfile);
unlike($log, qr/(PANIC|TRAP):|terminated by signal/, 'no crash');
done_testing();
