# Memory grows with a page, not with the result: 40 bytes for each key that was
# seen, and nothing else for each record.
#
# The server is a loop of this file: it sends as many small records as are to
# be had faster than the simulator could render them.
use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant RECORDS => 200_000;

# Bytes for each key, as the documentation has it.
use constant KEY => 40;

# What a scan may take beyond its keys, whatever it reads: buffers of the
# network and of one page, blocks of memory contexts.
use constant CONTEXTS => 256 * 1024;
use constant PROCESS => 8 * 1024 * 1024;

sub record
{
	my ($n) = @_;
	return sprintf '{"ID":"%d","Code":"C%07d","Name":"%s","Ts":"%016x"}', $n,
	  $n, 'x' x ($n % 50), $n + 1000;
}

# The records after a row version, at most so many: "Ts" and "PageSize".
sub reply
{
	my ($body) = @_;
	my ($ts) = $body =~ /"Ts":"([0-9a-f]+)"/;
	my ($size) = $body =~ /"PageSize":(\d+)/;
	my $from = defined $ts && hex($ts) > 1000 ? hex($ts) - 1000 + 1 : 1;
	my $to = $size ? $from + $size - 1 : RECORDS;
	$to = RECORDS if $to > RECORDS;
	return '[' . join(',', map { record($_) } $from .. $to) . ']';
}

sub serve
{
	my ($listener) = @_;
	local $SIG{CHLD} = 'IGNORE';
	while (my $socket = $listener->accept)
	{
		next if fork;
		local $/ = "\r\n\r\n";
		while (defined(my $head = <$socket>))
		{
			my ($len) = $head =~ /content-length: *(\d+)/i;
			read $socket, my $body, $len or last;
			my $reply = reply($body);
			print $socket "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			  . 'Content-Length: ' . length($reply) . "\r\n\r\n$reply";
			$socket->flush;
		}
		exit;
	}
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

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\njit = off\n");
$node->start;
my $columns = "id bigint OPTIONS (field 'ID'), code text OPTIONS (field 'Code'), name text OPTIONS (field 'Name')";
my $options = "resource 'inventory', variants 'none', verify 'off'";
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION tplus_fdw;
CREATE SERVER erp FOREIGN DATA WRAPPER tplus_fdw
    OPTIONS (base_url 'http://127.0.0.1:$port', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (app_key 'k', app_secret 's', open_token 't');
CREATE FOREIGN TABLE whole ($columns) SERVER erp OPTIONS ($options, paging 'none');
CREATE FOREIGN TABLE paged ($columns) SERVER erp OPTIONS ($options, paging 'ts', page_size '1000');
CREATE FUNCTION contexts() RETURNS bigint LANGUAGE sql AS
    \$\$ SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name LIKE 'tplus_fdw%' OR name = 'ExecutorState' \$\$;
CREATE FUNCTION peak() RETURNS bigint LANGUAGE sql AS
    \$\$ SELECT 1024 * substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s*(\\d+)')::bigint \$\$;
SQL

for my $table ('whole', 'paged')
{
	my ($early, $late, $count) = split /\n/,
	  $node->safe_psql('postgres', <<"SQL");
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM $table;
MOVE 2000 IN c;
SELECT contexts();
MOVE @{[ RECORDS - 3000 ]} IN c;
SELECT contexts();
CLOSE c;
COMMIT;
SELECT count(*) FROM $table;
SQL
	my $grown = $late - $early;
	cmp_ok($grown, '<=', KEY * RECORDS + CONTEXTS,
		"contexts of a scan of \"$table\" grow by its keys ($grown bytes)");
	cmp_ok($grown, '>=', 32 * (RECORDS - 5000), 'and they are its keys');
	is($count, RECORDS, 'all records come');

	my ($first, $last) = split /\n/, $node->safe_psql('postgres', <<"SQL");
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM $table;
MOVE 2000 IN c;
SELECT peak();
MOVE ALL IN c;
SELECT peak();
COMMIT;
SQL
	$grown = $last - $first;
	cmp_ok($grown, '<=', KEY * RECORDS + PROCESS,
		"a process that reads \"$table\" grows by its keys ($grown bytes)");
}

done_testing();
