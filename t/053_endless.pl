# Replies without end, of every kind that HTTP has a place for: each ends by a
# limit, in little memory, gives its permit back, and ends at once on a cancel.
#
# The server is a loop of this file: the first part of the path says what it
# sends, or for CONNECT the name of the host.
use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

# What a backend may grow by, whatever comes.
use constant GROWTH => 24 * 1024 * 1024;

my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $chunked = "${head}Transfer-Encoding: chunked\r\n\r\n";
my $block = 'x' x 65536;

# What comes first, and what follows for ever.
my %kinds = (
	trailers => [ "${chunked}2\r\n[]\r\n0\r\n", "X-Filler: aaaaaaaaaaaaaaaa\r\n" x 2000 ],
	shorttrailers => [ "${chunked}2\r\n[]\r\n0\r\n", "a:\r\n" x 10000 ],
	trailerline => [ "${chunked}2\r\n[]\r\n0\r\nX-Filler: ", $block ],
	extension => [ "${chunked}2;x=", $block ],
	extensions => [ $chunked, "1;x=$block\r\n \r\n" ],
	chunksize => [ $chunked, '0' x 65536 ],
	tinychunks => [ $chunked, "1\r\n \r\n" x 8000 ],
	interim => [ '', "HTTP/1.1 100 Continue\r\n\r\n" x 2000 ],
	interims => [ '', "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" x 2000 ],
	head => [ $head, "X-Filler: aaaaaaaaaaaaaaaa\r\n" x 2000 ],
	shorthead => [ $head, "a:\r\n" x 10000 ],
	headline => [ "${head}X-Filler: ", $block ],
	statusline => [ 'HTTP/1.1 200 ', $block ],
	folded => [ "${head}X-Filler: a\r\n", " aaaaaaaaaaaaaaaaaaaaaaaa\r\n" x 2000 ],
	body => [ "${head}Connection: close\r\n\r\n", ' ' x 65536 ],
	members => [ "${head}Content-Encoding: gzip\r\n\r\n", gzip('') x 2000 ],
	stored => [ "${head}Content-Encoding: gzip\r\n\r\n", substr(gzip(''), 0, 10), "\x00\x00\x00\xff\xff" x 8000 ],
	connecthead => [ "HTTP/1.1 200 OK\r\n", "X-Filler: aaaaaaaaaaaaaaaa\r\n" x 2000 ],
	connectline => [ "HTTP/1.1 200 OK\r\nX-Filler: ", $block ],
	connectbody => [ "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 900000000000\r\n\r\n", $block ],
	connectchunks => [ "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nTransfer-Encoding: chunked\r\n\r\n", "10\r\nxxxxxxxxxxxxxxxx\r\n" x 3000 ],
	connectinterim => [ '', "HTTP/1.1 100 Continue\r\n\r\n" x 2000 ],
);

# Counts beside no records, or beside one, and whether that can be all.
my %counts = (
	beyond => [ '1000000000000000000', 0 ],
	above => [ '99999999999999999999999999', 0 ],
	power => [ '1e18', 0 ],
	part => [ '2.5', 0 ],
	text => [ '"1000000000000000000"', 0 ],
	two => [ '2', 0 ],
	zero => [ '0', 1 ],
	fewer => [ '-1', 1 ],
	word => [ '"many"', 1 ],
	null => [ 'null', 1 ]);

sub gzip
{
	my ($text) = @_;
	require IO::Compress::Gzip;
	my $packed;
	IO::Compress::Gzip::gzip(\$text => \$packed, -Minimal => 1);
	return $packed;
}

# The next records, of as many as are asked for.
sub pages
{
	my ($body, $counted) = @_;
	my ($size) = $body =~ /"PageSize":"?(\d+)/;
	my ($index) = $body =~ /"PageIndex":"?(\d+)/;
	my ($ts) = $body =~ /"Ts":"(\w+)"/;
	$size //= 100;
	my $from = defined $index ? $index * $size : defined $ts ? hex($ts) + 1 : 1;
	my $rows = join ',', map { sprintf '{"ID":%d,"Code":"c%d","Ts":"%016x"}', $_, $_, $_ } $from .. $from + $size - 1;
	return $counted eq 'counted' ? qq({"TotalCount":500,"Data":[$rows]}) : "[$rows]";
}

sub serve
{
	my ($listener) = @_;
	local $SIG{CHLD} = 'IGNORE';
	while (my $socket = $listener->accept)
	{
		next if fork;
		local $SIG{PIPE} = sub { exit };
		local $/ = "\r\n\r\n";
		while (defined(my $request = <$socket>))
		{
			my ($kind) = $request =~ m{^(?:POST /|CONNECT )(\w+)};
			my ($len) = $request =~ /content-length: *(\d+)/i;
			read $socket, my $body, $len if $len;
			$kind //= '';
			if (my $parts = $kinds{$kind})
			{
				my ($first, @rest) = @$parts;
				my $more = pop @rest;
				print $socket $first, @rest or exit;
				print $socket $more or exit while 1;
			}
			my $reply = '[]';
			$reply = qq({"TotalCount":$counts{$1}[0],"Data":[) . ($2 ? '{"ID":1,"Code":"a","Ts":"0000000000000009"}' : '') . ']}'
			  if $kind =~ /^count_([a-z]+)(1?)$/;
			$reply = pages($body, $1) if $kind =~ /^pages_(\w+)/;
			print $socket "${head}Content-Length: @{[length $reply]}\r\n\r\n$reply";
			$socket->flush;
		}
		exit;
	}
	return;
}

plan skip_all => 'needs /proc' unless -r '/proc/self/status';

my $listener = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1')
  or die "cannot listen: $!";
my $port = $listener->sockport;
my $server = fork;
if (!$server)
{
	serve($listener);
	exit;
}
close $listener;
END { local $?; kill 'TERM', $server if $server }

my $node = PostgreSQL::Test::Cluster->new('endless');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\njit = off\n");
$node->start;
my $table = "(id bigint OPTIONS (field 'ID')) SERVER %s OPTIONS (resource 'inventory', variants 'none', verify 'off')";

sub server
{
	my ($kind) = @_;
	my $options = $kind =~ /^connect/ ? "base_url 'https://$kind', proxy 'http://127.0.0.1:$port'" : "base_url 'http://127.0.0.1:$port/$kind'";
	return <<"SQL";
CREATE SERVER $kind FOREIGN DATA WRAPPER tplus_fdw
    OPTIONS ($options, requests_per_second '0', max_concurrency '1', max_retries '0', max_response_mb '4', stall_timeout_ms '3000', request_timeout_ms '5000', connect_timeout_ms '1500');
CREATE USER MAPPING FOR CURRENT_USER SERVER $kind OPTIONS (app_key 'k', app_secret 's', open_token 't');
CREATE FOREIGN TABLE "$kind" @{[ sprintf $table, $kind ]};
SQL
}
$node->safe_psql('postgres', join '', 'CREATE EXTENSION tplus_fdw;', map { server($_) } 'good', sort keys %kinds);
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION peak() RETURNS bigint LANGUAGE sql AS
    $$ SELECT 1024 * substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+)')::bigint $$;
SQL

for my $kind (sort keys %kinds)
{
	my $start = time;
	my ($rc, $out, $err) = $node->psql('postgres', qq{SET statement_timeout = '7s'; SELECT * FROM good; SELECT peak(); SELECT * FROM "$kind"; SELECT peak()},
		on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	my ($before, $after) = split /\n/, $out;
	note sprintf '%-14s %.2f s %6d kB %s', $kind, time - $start, ($after - $before) / 1024, $err =~ s/\n/ | /gr;
	like($err, qr/ERROR:  (08001|08006|08P01|54000|28000|HV000): (?!.*out of memory)/, "$kind: an error");
	like($err, qr/54000: .*: the head of the response is larger/, "$kind: of its head")
	  if $kind =~ /^(?:(?:short)?trailers|trailerline|interims?|(?:short)?head|headline|connecthead)$/;
	like($err, qr/54000: .*larger than "max_response_mb" allows/, "$kind: of its bytes")
	  if $kind =~ /^(?:extensions?|body|members|stored)$/;
	unlike($err, qr/out of memory/i, "$kind: not of memory");
	cmp_ok($after - $before, '<', GROWTH, "$kind: in little memory");
	cmp_ok(time - $start, '<', 7, "$kind: soon");
	is($node->safe_psql('postgres', "SET statement_timeout = '3s'; SELECT count(*) FROM good"), '0', "$kind: the permit is given back");
}

# At a cancel, whatever libcurl is busy with; this machine may be busy itself.
my $began = time;
$node->safe_psql('postgres', q{SELECT 1}) for 1 .. 10;
my $slow = 2 + (time - $began) / 0.3;
$node->safe_psql('postgres', join '', map { "ALTER SERVER $_ OPTIONS (SET max_response_mb '100000', SET stall_timeout_ms '60000', SET connect_timeout_ms '60000');" } sort keys %kinds);
for my $kind (qw(extension extensions tinychunks body members stored connectbody connectchunks))
{
	my ($rc, $out, $err) = $node->psql('postgres',
		qq{SET statement_timeout = '300ms'; SELECT clock_timestamp() AS start \\gset
SELECT * FROM "$kind";
SELECT extract(epoch FROM clock_timestamp() - :'start')},
		on_error_stop => 0);
	note "$kind: $out s, $err";
	like($err, qr/canceling statement due to statement timeout/, "$kind: cancelled");
	cmp_ok($out, '<', 0.3 + 0.1 * $slow, "$kind: in time");
}

# A count that says more than came, beside every kind of paging.
$node->safe_psql('postgres', join '', map {
	my $server = $_;
	server($server), map { "CREATE FOREIGN TABLE \"$server-$_\" (id bigint OPTIONS (field 'ID')) SERVER $server OPTIONS (resource 'inventory', variants 'none', paging '$_');" } qw(auto ts page none)
} map { ("count_$_", "count_${_}1") } sort keys %counts);
for my $name (sort keys %counts)
{
	my ($count, $whole) = @{ $counts{$name} };
	for my $paging (qw(auto ts page none))
	{
		for my $rows ('', 1)
		{
			my ($rc, $out, $err) = $node->psql('postgres', qq{SELECT count(*) FROM "count_$name$rows-$paging"}, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
			my $what = "$paging, TotalCount $count beside " . ($rows || 'no') . ' records';
			if ($whole && !$rows)
			{
				is("$out$err", '0', $what);
			}
			elsif ($whole)
			{
				like("$out$err", qr/^1$|ERROR:  HV000/, $what);
			}
			else
			{
				like($err, qr/ERROR:  HV000: foreign table .*\n.*DETAIL:  The server/, $what);
			}
		}
	}
}

# Pages without end that bring new records, with a count and without.
$node->safe_psql('postgres', join '', map {
	my $server = $_;
	server($server), map { "CREATE FOREIGN TABLE \"$server-$_\" (id bigint OPTIONS (field 'ID')) SERVER $server OPTIONS (resource 'inventory', variants 'none', paging '$_', page_size '100', max_rows '20000');" } qw(ts page)
} qw(pages_counted pages_uncounted));
for my $paging (qw(ts page))
{
	for my $counted (qw(counted uncounted))
	{
		my ($rc, $out, $err) = $node->psql('postgres', qq{SELECT count(*) FROM "pages_$counted-$paging"}, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		like($err, $counted eq 'counted' ?
			  qr/ERROR:  HV000: .*cannot be read to its end\n.*DETAIL:  The server counts 500 records, but has sent \d+ so far/ :
			  qr/ERROR:  54000: .* has more than 20000 records\n.*HINT:  .*max_rows/, "$paging, $counted");
	}
}

my $log = slurp_file($node->logfile);
unlike($log, qr/(PANIC|TRAP):|terminated by signal/, 'no crash');
done_testing();
