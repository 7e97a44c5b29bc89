
# A sync whose server process is killed at random moments, while T+ changes and
# commits late: in the end nothing was skipped, and nothing is there twice.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use TplusRandom;
use TplusSim;

my $runs = $ENV{TPLUS_KILLS} // 60;
my $seed = $ENV{TPLUS_SEED} // time;
my $random = TplusRandom->new($seed);
note "seed $seed";

# T+ may commit a row version so late; what is reserved below is committed
# within half of that.
my $lag = 4;

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf(
	'postgresql.conf', <<'CONF');
fsync = off
restart_after_crash = on
log_statement = none
log_min_error_statement = panic
max_worker_processes = 8
CONF
$node->start;

my $sim = TplusSim->new;
$sim->tenant('crash', records => 500, switches => { latency_ms => 25 });
$sim->setup_server($node, 'crash', requests_per_second => 0, page_size => 50);
$node->safe_psql(
	'postgres', <<SQL);
CREATE TABLE item (id bigint PRIMARY KEY, code text, name text, disabled boolean, ts text);
SELECT tplus.create_sync('item', source => 'erp.inventory', target => 'item',
  lag => '$lag s', full_every => '0', deletes => 'delete', delete_limit => 1);
SQL

# --- What happens in T+ meanwhile -------------------------------------------

my @reserved;
my $names = 0;

# Versions that a transaction of T+ took, and that nobody has seen yet.
sub reserve
{
	my ($top) = sort { $b cmp $a } map { $_->{Ts} } $sim->records('crash');
	my $version = sprintf '%016x', hex($top) + 1;

	# Others go on above it.
	$sim->mutate(
		'crash',
		action => 'edit',
		pick => 'any_last',
		set => { Name => 'above ' . ++$names, Ts => sprintf('%016x', hex($version) + 1) });
	push @reserved, { version => $version, at => time };
	return;
}

sub commit_reserved
{
	my $late = shift @reserved or return;
	my %what = (Name => 'late ' . ++$names, Ts => $late->{version});

	$random->chance(0.5)
	  ? $sim->mutate('crash', action => 'edit', pick => 'any_first', set => \%what)
	  : $sim->mutate('crash', action => 'insert', record => \%what);
	my $took = time - $late->{at};
	BAIL_OUT("a late commit took $took s") if $took > $lag;
	return;
}

sub happen
{
	commit_reserved() while @reserved && time - $reserved[0]{at} > $lag / 4;
	my $what = $random->below(6);

	if ($what == 0) { reserve() }
	elsif ($what == 1)
	{
		$sim->mutate('crash', action => 'insert', record => { Name => 'new ' . ++$names });
	}
	elsif ($what == 2) { $sim->mutate('crash', action => 'delete', pick => 'any_first') }
	elsif ($what == 3) { $sim->mutate('crash', action => 'flip', pick => 'any_first') }
	else
	{
		$sim->mutate('crash', action => 'edit', pick => 'any_first', set => { Name => 'edited ' . ++$names });
	}
	return;
}

# --- Runs that end badly ----------------------------------------------------

# Rows of T+ and ours, as lines.
sub truth
{
	my @lines = map { "$_->{ID}|$_->{Code}|$_->{Name}|" . ($_->{Disabled} ? 't' : 'f') . "|$_->{Ts}" }
	  $sim->records('crash');
	utf8::encode($_) for @lines;
	return join "\n", sort @lines;
}

sub ours
{
	return join "\n", sort split /\n/, $node->safe_psql('postgres', 'TABLE item');
}

sub wait_for_server
{
	for (1 .. 1200)
	{
		return if $node->psql('postgres', 'SELECT 1') == 0;
		sleep 0.05;
	}
	BAIL_OUT('the server did not come back');
}

# A run that nobody disturbs.  The postmaster may learn only now that a process
# was killed.
sub run_in_peace
{
	my ($rc, $out, $err);
	for (1 .. 10)
	{
		($rc, $out, $err) = $node->psql('postgres', "CALL tplus.sync('item')");
		return if $rc == 0;
		last unless $err =~ /recovery|not yet accepting|shutting down|server closed the connection|crash of another/;
		wait_for_server();
	}
	BAIL_OUT("a run failed: $err");
}

my $usual = 0.5;
my %ended = (done => 0, kill => 0, terminate => 0, cancel => 0);

sub run_and_disturb
{
	my ($call) = @_;
	my ($in, $out, $err, $psql, $pid);
	happen();

	# As in run_in_peace().
	for (1 .. 10)
	{
		($in, $out, $err) = ("SELECT pg_backend_pid();\n$call;\nSELECT 'done';\n", '', '');
		$psql = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
			'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(180));
		$psql->pump until $out =~ /^(\d+)\n/ || !$psql->pumpable;
		last if ($pid) = $out =~ /^(\d+)\n/;
		$psql->finish;
		wait_for_server();
	}
	BAIL_OUT("no process: $err") unless $pid;
	my $began = time;
	my $until = $began + $random->fraction * $usual;
	while (time < $until && $out !~ /done/)
	{
		$psql->pump_nb;
		sleep 0.005;
		happen() if $random->chance(0.04);
	}
	$psql->pump_nb;
	my $how = $random->weighted([ 8, 'kill' ], [ 1, 'terminate' ], [ 1, 'cancel' ]);
	if ($out !~ /done/)
	{
		$how eq 'kill' ? kill('KILL', $pid) : $node->psql('postgres', "SELECT pg_${how}_backend($pid)");
	}
	eval { $psql->finish };
	$out =~ /done/ ? $ended{done}++ : $ended{$how}++;
	$usual = 0.7 * $usual + 0.3 * (time - $began) if $out =~ /done/;
	wait_for_server();
	return;
}

for my $n (1 .. $runs)
{
	run_and_disturb($n % 9 == 0 ? "CALL tplus.sync('item', full => true)" : "CALL tplus.sync('item')");
	# Some must come to their end, or all would begin at the same place.
	run_in_peace() if $n % 4 == 0;
}
note join ', ', map { "$_: $ended{$_}" } sort keys %ended;
cmp_ok($ended{kill}, '>=', $runs / 4, 'many runs were killed');

# --- In the end -------------------------------------------------------------

commit_reserved() while @reserved;
run_in_peace();
is( $node->safe_psql('postgres', 'SELECT kind FROM tplus.sync_run ORDER BY run DESC LIMIT 1'),
	'incremental', 'the last run is incremental');

my %there = map { $_ => 1 } split /\n/, truth();
my %has = map { $_ => 1 } split /\n/, ours();
my %ids = map { (split /\|/)[0] => 1 } keys %there;
is(join("\n", sort grep { !$has{$_} } keys %there), '', 'no change was skipped');
is(join("\n", sort grep { !$there{$_} && $ids{ (split /\|/)[0] } } keys %has), '', 'nothing is in an old version');

$node->safe_psql('postgres', "CALL tplus.sync('item', full => true)");
%there = map { $_ => 1 } split /\n/, truth();
%has = map { $_ => 1 } split /\n/, ours();
is(join("\n", sort grep { !$has{$_} || !$there{$_} } keys %there, keys %has), '', 'after a full run, all is as in T+');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM tplus.sync_key k FULL JOIN item i ON k.key = i.id::text WHERE k.key IS NULL OR i.id IS NULL"),
	'0', 'the sync knows what it wrote');

is( $node->safe_psql('postgres', "SELECT count(*) FROM tplus.sync_run WHERE status = 'running'"),
	'0', 'no run is left running');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM tplus.sync_run WHERE status = 'crashed'"),
	'>=', $runs / 4, 'crashes are in the history');
cmp_ok($node->safe_psql('postgres',
		"SELECT count(*) FROM tplus.sync_run WHERE kind = 'incremental' AND status = 'succeeded' AND window_from IS NOT NULL"),
	'>=', 3, 'there were runs that read only what is new');
is( $node->safe_psql('postgres', "SELECT count(*) FROM tplus.sync_run WHERE cause LIKE '%gone or older%'"),
	'0', 'and none took a change for a restore');
note $node->safe_psql('postgres',
	"SELECT kind, status, count(*), count(window_from), sum(rows_read) FROM tplus.sync_run GROUP BY 1, 2 ORDER BY 1, 2");

my $log = slurp_file($node->logfile);
unlike($log, qr/(PANIC|TRAP):/, 'no assertion failed');

$node->stop;
done_testing();
