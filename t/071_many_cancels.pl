# A thousand cancels in one session: no descriptor and no memory more than before,
# and the next statement works.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use TplusNames;
use TplusQueue;
use TplusSim;

my $cancels = 1000;
my $wait_ms = 600_000;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "jit = off\nlog_statement = none\nlog_min_messages = fatal\n");
{
	my $names = TplusNames->new;
	local $ENV{LD_PRELOAD} = $names->library;
	$node->start;
}

# A listener whose queue is full, so that nobody gets a connection.
my $full = TplusQueue->new;

my $sim = TplusSim->new;
my $hanging = TplusSim->new(arguments => ['--hang']);
my %static = (mapping => { app_secret => 'sim-secret', open_token => 'sim-open-token' });
my %renewed = (mapping => { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });

# Each account is a wait, for ever.
my %accounts = (
	calm => [ {}, {} ],
	reply => [ {}, {}, { action => 'stall', when => 'reply' } ],
	head => [ {}, {}, { action => 'stall', when => 'headers' } ],
	body => [ {}, {}, { action => 'stall', when => 'body', bytes => 60000 } ],
	page => [ {}, {}, { action => 'stall', when => 'reply', match => { from => 3 } } ],
	drip => [ { gzip => 'on' }, {}, { action => 'drip', bytes => 3, interval_ms => 1 } ],
	flood => [ {}, { max_response_mb => 4096 }, { action => 'huge', mb => 4000 } ],
	backoff => [ {}, {}, { action => 'unavailable', retry_after => 200 } ],
	pause => [ {}, {}, { action => 'throttled', retry_after => 200 } ],
	budget => [ {}, { requests_per_second => 0.001, burst => 1 } ],
	connect => [ {}, { base_url => "http://127.0.0.1:@{[ $full->port ]}" } ],
	handshake => [ {}, { base_url => $hanging->url =~ s/^http:/https:/r } ],
	proxy => [ {}, { base_url => 'https://127.0.0.1:1', proxy => $hanging->url } ],
	token => [ { refresh_ms => $wait_ms }, {%renewed} ],
	turn => [ { refresh_ms => $wait_ms }, {%renewed} ],
	slow => [ {}, { base_url => 'https://t.slow' } ],
	hanging => [ {}, { base_url => 'https://t.hanging' } ],
);

for my $name (sort keys %accounts)
{
	my ($switches, $option, $fault) = @{ $accounts{$name} };
	$sim->tenant($name, records => 2500, switches => $switches);
	$sim->setup_server(
		$node, $name,
		server => $name,
		requests_per_second => 0,
		max_concurrency => 1,
		connect_timeout_ms => $wait_ms,
		request_timeout_ms => $wait_ms,
		stall_timeout_ms => $wait_ms,
		%static, %$option);
	$sim->fault($name, ms => $wait_ms, times => 0, %$fault) if $fault;
}

# Another session asks for the token first.
my ($out_first, $err_first) = ('', '');
my $first_in_line = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' application_name=first', '-c', 'SELECT count(*) FROM turn.inventory' ],
	'<', '/dev/null', '>', \$out_first, '2>', \$err_first, IPC::Run::timeout(400));
ok($node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'first' AND wait_event_type = 'Extension'"),
	'a session waits for its token');

# The session, and what it holds.
my ($in, $out, $err) = ('', '', '');
my $run = IPC::Run::start(
	[ 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('postgres') ],
	'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(400));
my $pid = answer('SELECT pg_backend_pid()');

# What psql prints for a statement, or a script.
sub answer
{
	my ($sql) = @_;
	my $mark = 'mark' . (my $number = ++our $marks);
	$out = '';
	$in = "$sql" . ($sql =~ /^\\/ ? "\n" : ";\n") . "\\echo $mark\n";
	$run->pump until $out =~ /^\Q$mark\E\n/m;
	return $out =~ s/\n?\Q$mark\E\n.*//sr;
}

# Goes through the statements, while somebody sends a cancel every few
# milliseconds; the number of those that were cancelled.
sub cancelled
{
	my (@statements) = @_;
	my $file = $node->basedir . '/statements.sql';
	my $before = () = $err =~ /57014/g;

	unlink $file;
	append_to_file($file, join '', map { "$_;\n" } @statements);
	my $child = fork() // die "fork: $!";
	if ($child == 0)
	{
		while (kill 'INT', $pid)
		{
			sleep(0.004 + rand 0.012);
		}
		require POSIX;
		POSIX::_exit(0);
	}
	answer("\\i $file");
	kill 'KILL', $child;
	waitpid $child, 0;
	answer('SELECT 1');    # the last cancel may come late
	my $after = () = $err =~ /57014/g;
	return $after - $before;
}

# Whether a process ends; a zombie has gone, too.
sub has_gone
{
	my ($of) = @_;
	my $until = time() + 60;
	while (time() < $until)
	{
		return 1 if !-e "/proc/$of/stat" || slurp_file("/proc/$of/stat") =~ /\) [ZX] /;
		sleep(0.02);
	}
	return 0;
}

sub held
{
	my %held;
	opendir my $dir, "/proc/$pid/fd" or die "/proc/$pid/fd: $!";
	$held{descriptors} = grep { /^\d/ } readdir $dir;
	$held{contexts} = answer('SELECT sum(total_bytes) FROM pg_backend_memory_contexts');
	($held{resident}) = slurp_file("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m;
	($held{threads}) = slurp_file("/proc/$pid/status") =~ /^Threads:\s+(\d+)/m;
	return \%held;
}

my @names = grep { !/slow|hanging/ } sort keys %accounts;
my @kinds = (
	(map { "SELECT count(*) FROM $_.inventory" } @names),
	'SELECT count(*) FROM calm.inventory a JOIN body.inventory b USING (id)',
	'SELECT count(*) FROM calm.inventory a, calm.inventory b WHERE a.id = b.id AND a.code > b.name',
	q{SELECT tplus.ping('reply')},
	'ANALYZE page.inventory',
	'DO $$ BEGIN PERFORM 1 FROM body.inventory; EXCEPTION WHEN OTHERS THEN RAISE NOTICE $n$trapped$n$; END $$',
	'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM drip.inventory');

is(answer('SELECT count(*) FROM calm.inventory'), '2500', 'the session reads');
cmp_ok(cancelled(@kinds, @kinds, @kinds), '>=', 2 * @kinds, 'some cancels to begin with');
is(answer('SELECT count(*) FROM calm.inventory'), '2500', 'the session reads');
my $first = held();

my ($count, $start) = (0, time());
$count += cancelled((@kinds) x 10) while $count < $cancels;
my $took = time() - $start;
is(answer('SELECT count(*) FROM calm.inventory'), '2500', 'the next statement works');
my $last = held();
note sprintf '%d cancels in %.1f s', $count, $took;
note "$_: $first->{$_}, then $last->{$_}" for sort keys %$first;
cmp_ok($count, '>=', $cancels, 'so many cancels');
unlike($err, qr/trapped/, 'none was trapped');
is($err =~ s/^psql:\S+ ERROR:  57014\n|^ERROR:  57014\n//mgr, '', 'nothing else went wrong');
cmp_ok($last->{descriptors}, '<=', $first->{descriptors} + 4, 'no more descriptors');
cmp_ok($last->{contexts}, '<=', $first->{contexts} + 256 * 1024, 'no more memory of PostgreSQL');
cmp_ok($last->{resident}, '<=', $first->{resident} + 6 * 1024, 'no more memory of libraries');
cmp_ok($last->{threads}, '<=', $first->{threads}, 'no more threads');

# Each of these leaves a thread behind, until the name service gives up.
$err = '';
cmp_ok(cancelled(("SELECT count(*) FROM slow.inventory") x 30), '>=', 30, 'cancelled resolutions');
is(answer('SELECT count(*) FROM calm.inventory'), '2500', 'the session reads');
my $give_up = time() + 60;
sleep(0.1) while held()->{threads} > $first->{threads} && time() < $give_up;
my $slow = held();
note "$_: $slow->{$_} after slow names" for sort keys %$slow;
cmp_ok($slow->{threads}, '<=', $first->{threads}, 'their threads end');
cmp_ok($slow->{descriptors}, '<=', $first->{descriptors} + 4, 'and give back their descriptors');

# Some name services never give up.  There is an end to what is left behind.
$err = '';
cancelled(("SELECT count(*) FROM hanging.inventory") x 60);
my $hung = held();
note "$_: $hung->{$_} after names that hang" for sort keys %$hung;
cmp_ok($hung->{threads}, '<=', 40, 'the number of threads is bounded');
answer('\\set VERBOSITY default');
answer("SET statement_timeout = '10s'");
answer('SELECT count(*) FROM hanging.inventory');
answer('SET statement_timeout = 0');
# A newer libcurl has fewer threads, and lets names wait for one of them.
like($err,
	$hung->{threads} > 32
	? qr/could not be resolved\nDETAIL:  Too many earlier name resolutions have not ended yet\.\nHINT:/
	: qr/canceling statement due to statement timeout/, 'and the statement says why');
is(answer('SELECT count(*) FROM calm.inventory'), '2500', 'the session reads from an address');

# The simulator has been told each time.
my $left = grep { !defined $_->{end} && !$_->{aborted} && $_->{path} !~ /auth/ } map { $sim->journal($_) } @names;
cmp_ok($left, '<=', 3, 'the simulator has hardly a request left to answer');

# Neither what was left behind nor a wait keeps a session from its end.
$in = "\\q\n";
$run->finish;
ok(has_gone($pid), 'the session ends, whatever names hang');
my $waiting = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'first'");
like($waiting, qr/^\d+$/, 'the one that was first in line waits still');
kill 'TERM', $waiting;
$first_in_line->finish;
ok(has_gone($waiting), 'and ends as well');
my $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^tplus_fdw'};
is($node->safe_psql('postgres', $workers), '2', 'one worker renews each token, whoever was cancelled');
$sim->stop;
ok($node->poll_query_until('postgres', $workers, '0'), 'and ends with its call');
undef $full;
unlike(slurp_file($node->logfile), qr/(PANIC|TRAP):/, 'no crash');
done_testing();
