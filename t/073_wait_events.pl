# What PostgreSQL shows of a wait, and where the shared memory lives: both have
# names of their own from 17 on.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TplusSim;

my $wait_ms = 170_000;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\nlog_min_error_statement = panic\n");
$node->start;
my $named = $node->safe_psql('postgres', 'SHOW server_version_num') >= 170000;
my $sim = TplusSim->new;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# The event, how the account is set up, and what T+ does.
my %renewed = (app_secret => 'sim-secret', refresh_token => 'sim-refresh-token');
my @waits = (
	[ TplusNetwork => {}, {}, { action => 'stall', when => 'reply' } ],
	[ TplusBackoff => {}, {}, { action => 'unavailable', retry_after => $wait_ms / 1000 } ],
	[ TplusBudget => { requests_per_second => 0.005, burst => 1 }, {}, undef ],
	[ TplusToken => { mapping => \%renewed }, { refresh_ms => $wait_ms }, undef ]);

for my $wait (@waits)
{
	my ($event, $option, $switches, $fault) = @$wait;
	my $account = lc $event;
	$sim->tenant($account, records => 250, switches => $switches);
	$sim->setup_server(
		$node, $account,
		server => $account,
		requests_per_second => 0,
		page_size => 100,
		request_timeout_ms => $wait_ms,
		stall_timeout_ms => $wait_ms,
		%$option);
	$sim->fault($account, ms => $wait_ms, match => { path => '*Query' }, %$fault) if $fault;

	my $run = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres') . " application_name=$account",
			'-c', "SELECT count(*) FROM $account.inventory" ],
		'<', '/dev/null', '>', \my $out, '2>', \my $err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	my $name = $named ? $event : 'Extension';
	ok( $node->poll_query_until(
			'postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$account' "
			  . "AND wait_event_type = 'Extension' AND wait_event = '$name'"),
		"$event is shown as $name");
	sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '$account'");
	$run->finish;
	like($err, qr/canceling statement due to user request/, "$event: the wait ends");
}

is( sql('SELECT count(*) FROM pg_wait_events WHERE type = \'Extension\' AND name ~ \'^Tplus\''),
	scalar(@waits), 'the server lists the events') if $named;
is( sql('SELECT value FROM tplus.info() WHERE name = \'shared state\''),
	$named ? 'dynamic shared memory' : 'main shared memory', 'info() says where the shared state lives');
# What is in the main shared memory, PostgreSQL lists by name.
is( sql('SELECT count(*) > 0 FROM pg_shmem_allocations WHERE name ~ \'^tplus_fdw\''),
	$named ? 'f' : 't', 'and it does');

$sim->clear_faults($_) for map { lc $_->[0] } @waits;
$node->stop('immediate');
done_testing();
