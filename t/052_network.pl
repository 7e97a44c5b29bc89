# What is between the server and T+: names, IPv6, proxies, certificates, and a
# service that comes back.
use strict;
use warnings;

use IO::Socket::IP;
use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use TplusNames;
use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "jit = off\nlog_statement = none\nlog_min_error_statement = panic\n");
{
	my $names = TplusNames->new;
	local $ENV{LD_PRELOAD} = $names->library;
	$node->start;
}

my $records = 250;
my %mapping = (app_secret => 'canary-secret', open_token => 'canary-token');
my %tenant = (records => $records, switches => { app_secret => 'canary-secret', open_tokens => ['canary-token'] });
my $count = 'SELECT count(*), count(DISTINCT id) FROM erp.inventory';

sub simulator
{
	my $sim = TplusSim->new(@_);
	$sim->tenant('net', %tenant);
	return $sim;
}
my $sim = simulator();

sub server
{
	my (%option) = @_;
	my %given = (%mapping, %{ delete $option{mapping} // {} });
	delete $given{$_} for grep { !defined $given{$_} } keys %given;
	$node->safe_psql('postgres', 'DROP SERVER IF EXISTS erp CASCADE; DROP SCHEMA IF EXISTS erp CASCADE');
	$sim->setup_server(
		$node, 'net',
		requests_per_second => 0,
		max_retries => 0,
		page_size => 100,
		mapping => \%given,
		%option);
	return;
}

# How often a simulator was asked for records, or for a tunnel.
sub asked
{
	my ($of, $tenant) = @_;
	my @journal = $of->journal($tenant // 'net');
	return scalar @journal;
}

# Reads all records once, with as many requests to a simulator as ever.
my $requests;

sub reads
{
	my ($name, $of, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = asked($of);
	server(%option);
	is($node->safe_psql('postgres', $count), "$records|$records", $name);
	$requests //= asked($of) - $before;
	return is(asked($of) - $before, $requests, "$name: requests");
}

sub fails
{
	my ($name, $option, $sqlstate, @patterns) = @_;
	server(%$option);
	my ($rc, $out, $err) = $node->psql('postgres', $count, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return subtest $name => sub {
		like($err, qr/ERROR:  \Q$sqlstate\E: could not read from server "erp": /, "SQLSTATE $sqlstate");
		like($err, $_, "$_") for @patterns, qr/HINT:/;
		unlike($err, qr/canary/, 'no secret');
		is($out, '', 'no rows');
	};
}

subtest 'names' => sub {
	my $port = $sim->port;
	reads('a name', $sim, base_url => "http://localhost:$port");
	cmp_ok($requests, '>=', 3, 'in several requests');
	reads('another', $sim, base_url => "http://erp.loopback:$port", allow_plain_http => 'true');
	my $before = asked($sim);
	fails('a name that is none', { base_url => 'https://erp.missing', max_retries => 1 }, '08001',
		qr/name of the host could not be resolved/, qr/Could not resolve host: erp.missing/, qr/HINT:.*base_url/, qr/after 2 attempts/);
	fails('a name service that is away', { base_url => 'https://erp.slow' }, '08001', qr/could not be resolved/);
	fails('the name of a proxy that is none', { proxy => 'http://proxy.missing:1' }, '08001', qr/Could not resolve proxy: proxy.missing/);
	for my $name (qw(slow hanging))
	{
		my $start = time();
		fails("a name that takes too long: $name", { base_url => "https://erp.$name", connect_timeout_ms => 500 }, '08001',
			qr/connecting took too long/, qr/after 500 ms while resolving the host name/, qr/HINT:.*connect_timeout_ms/);
		cmp_ok(time() - $start, '<', 60, 'in time');
	}
	is(asked($sim), $before, 'nobody else was asked');
};

subtest 'IPv6' => sub {
	plan skip_all => 'this machine has no IPv6'
	  unless IO::Socket::IP->new(LocalHost => '::1', Listen => 1, Type => Socket::SOCK_STREAM());
	my $six = simulator(ipv6 => 1);
	my $port = $six->port;
	reads('an address', $six, base_url => $six->url);
	reads('a name of which one address answers', $six, base_url => "http://localhost:$port");
	$six->stop;
	fails('nobody listens', { base_url => "http://[::1]:$port" }, '08001', qr/no connection could be made/);
};

# Makes a certificate that signs itself; returns its files.
sub certificate
{
	my (@names) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $output;
	IPC::Run::run(
		[
			'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test',
			'-addext', 'subjectAltName=' . join(',', @names), '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem"
		],
		'&>', \$output) or BAIL_OUT("openssl: $output");
	return ("$dir/cert.pem", "$dir/key.pem");
}
my @good = certificate('IP:127.0.0.1', 'DNS:erp.loopback');
my @other = certificate('IP:127.0.0.1', 'DNS:other.loopback');
my $tls = simulator(tls => \@good);

# A session of psql that is told one thing after another.
sub session
{
	my %session = (in => '', out => '', err => '');
	$session{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres') ],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%session;
}

sub answer
{
	my ($session, $sql) = @_;
	$session->{out} = '';
	$session->{in} .= "$sql\n\\echo done\n";
	$session->{run}->pump until $session->{out} =~ /^done\n/m;
	return $session->{out} =~ s/^done\n//mr;
}

subtest 'certificates' => sub {
	my $port = $tls->port;
	my $insecure = qr/no secure connection could be made/;
	reads('the name in the certificate', $tls, base_url => "https://erp.loopback:$port", ca_file => $good[0]);
	my $before = asked($tls);
	fails('another name', { base_url => "https://other.loopback:$port", ca_file => $good[0], max_retries => 3 },
		'08001', $insecure, qr/subject name|match/, qr/HINT:.*certificate/, qr/CONTEXT:(?!.*attempts)/);
	fails('another authority', { base_url => $tls->url, ca_file => $other[0], max_retries => 3 },
		'08001', $insecure, qr/certificate/, qr/CONTEXT:(?!.*attempts)/);
	is(asked($tls), $before, 'nobody was told anything');

	# Between two pages, another server takes the place.
	my $first = simulator(tls => \@good, arguments => [ '--set', 'keepalive_max=1' ]);
	$first->tenant('net', %tenant, switches => { %{ $tenant{switches} }, keepalive_max => 1 });
	server(base_url => $first->url, ca_file => $good[0]);
	my $session = session();
	answer($session, 'BEGIN; DECLARE c CURSOR FOR SELECT id FROM erp.inventory;');
	my $rows = () = answer($session, 'FETCH 50 FROM c;') =~ /^\d+$/mg;
	is($rows, 50, 'the first page');
	$first->stop;
	my $second = simulator(tls => \@other, port => $first->port);
	answer($session, 'FETCH ALL FROM c;');
	like($session->{err}, qr/ERROR:  08001: .*no secure connection/, 'the next one does not come from anybody else');
	is(scalar($second->journal('net')), 0, 'who was told nothing');
	$session->{in} .= "\\q\n";
	$session->{run}->finish;
};

subtest 'proxies' => sub {
	my $proxy = simulator();
	my $strict = simulator(arguments => [ '--proxy-auth', 'me:canary password' ]);
	my $gone = TplusSim->new;
	my $gone_url = $gone->url;
	$gone->stop;
	my $me = $strict->url =~ s{//}{//me@}r;
	my $none = qr/no connection could be made/;
	my $hint = qr/HINT:.*"proxy".*proxy_password/;

	# Plain HTTP goes to the proxy whole, HTTPS through it.
	my %to = (
		'plain HTTP' => { base_url => 'http://erp.loopback:1', allow_plain_http => 'true' },
		'HTTPS' => { base_url => $tls->url, ca_file => $good[0] });
	for my $what (sort keys %to)
	{
		my %option = %{ $to{$what} };
		my $tunnel = $what eq 'HTTPS';
		reads("$what through a proxy", $tunnel ? $tls : $proxy, %option, proxy => $proxy->url);
		is(asked($proxy, ''), 1, "$what: through one tunnel") if $tunnel;
		reads("$what through a proxy with a password", $tunnel ? $tls : $strict, %option, proxy => $me, mapping => { proxy_password => 'canary password' });
		fails("$what: no proxy", { %option, proxy => $gone_url }, '08001', $none, $hint);
		for my $wrong ([ 'no user', $strict->url, {} ], [ 'a wrong password', $me, { proxy_password => 'canary wrong' } ])
		{
			my ($name, $url, $more) = @$wrong;
			my $before = asked($strict, $tunnel ? '' : 'net');
			fails("$what: $name", { %option, proxy => $url, mapping => $more, max_retries => 3 },
				'28000', qr/proxy asks for a user/, qr/\b407\b/, $hint, qr/CONTEXT:(?!.*attempts)/);
			is(asked($strict, $tunnel ? '' : 'net'), $before + 1, "$what: $name: asked once");
		}
	}

	# Nor is it asked again for the sake of a token.
	my $before = asked($strict, '');
	server(%{ $to{HTTPS} }, proxy => $me, max_retries => 3,
		mapping => { open_token => undef, refresh_token => 'canary-refresh', proxy_password => 'canary wrong' });
	my ($rc, $out, $err) = $node->psql('postgres', $count, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($err, qr/ERROR:  28000: .*\n.*proxy asks for a user/, 'a renewal with a wrong password');
	is(asked($strict, ''), $before + 1, 'asks once');
	fails('a proxy that refuses', { base_url => 'https://erp.example', proxy => $proxy->url }, '08001', $none, qr/403/, $hint);
	fails('a proxy that does not get through', { base_url => $gone_url =~ s/http:/https:/r, proxy => $proxy->url }, '08001', $none, qr/502/);
	is(scalar(grep { $_->{headers}{appSecret} } $proxy->journal('')), 0, 'no secret passes through it in the clear');
};

subtest 'a service that comes back' => sub {
	my $first = simulator();
	my $port = $first->port;
	server(base_url => $first->url, max_retries => 6);
	$first->stop;
	my $session = session();
	$session->{in} .= "$count;\n\\q\n";
	$session->{run}->pump_nb;
	sleep(0.4);

	# It must know the account from its first request on.
	my $config = PostgreSQL::Test::Utils::tempdir_short() . '/tenant.json';
	append_to_file($config, JSON::PP->new->encode(\%tenant));
	my $second = TplusSim->new(port => $port, arguments => [ '--config', $config ]);
	$session->{run}->finish;
	is($session->{out}, "$records|$records\n", 'is waited for');
	is($session->{err}, '', 'without a word');
};

my $log = slurp_file($node->logfile);
unlike($log, qr/canary/, 'no secret in the log');
unlike($log, qr/(PANIC|TRAP):|terminated by signal/, 'no crash');
done_testing();
