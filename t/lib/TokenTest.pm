package TokenTest;

=pod

=head1 NAME

TokenTest - what the tests of token pairs share

=head1 SYNOPSIS

  use TokenTest;
  my ($node, $sim) = start_cluster();
  account('acme');
  reads_all('acme', 'a read gets the first pair');
  renewed('acme', 1, 'with one token call');

An account is a tenant of the simulator together with a server, a user mapping
and a schema of the same name, in which the foreign table is C<item>.

=cut

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TplusSim;

our @EXPORT = qw(
  start_cluster account another reads reads_all token_calls renewed refused
  fails_like row set_row status_of set_mapping start finish wait_for_call wait_for_row
  pair_is_kept
);

my ($sim, $node);

# A cluster whose log shall hold no secret, so no text of a statement either.
sub start_cluster
{
	my ($conf, %option) = @_;

	$sim = TplusSim->new;
	$node = PostgreSQL::Test::Cluster->new('main');
	$node->init(%option);
	$node->append_conf(
		'postgresql.conf', <<~CONF
		log_statement = none
		log_min_error_statement = panic
		CONF
		  . ($conf // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION tplus_fdw');
	return ($node, $sim);
}

# A tenant and all that belongs to it; options are those of the server, and
# switches of the simulator, the mapping's options, and the cluster.
sub account
{
	my ($name, %option) = @_;
	my $switches = delete $option{switches} // {};

	$sim->tenant($name, records => 3, switches => $switches);
	another($name, $name, %option);
	return;
}

# A server for a tenant that is there.
sub another
{
	my ($server, $tenant, %option) = @_;
	my $where = delete $option{node} // $node;
	my $mapping = delete $option{mapping}
	  // { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' };

	$sim->setup_server(
		$where, $tenant,
		server => $server,
		mapping => $mapping,
		tables => [],
		requests_per_second => 0,
		max_concurrency => 100,
		%option);
	$where->safe_psql('postgres',
		"CREATE FOREIGN TABLE $server.item (id text OPTIONS (field 'ID')) "
		  . "SERVER $server OPTIONS (resource 'inventory', page_size '100')");
	return;
}

sub reads { return "SELECT count(*) FROM $_[0].item" }

sub reads_all
{
	my ($server, $name, $where) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(($where // $node)->safe_psql('postgres', reads($server)),
		'3', $name);
}

# The token calls that a tenant got, and the business calls that it refused.
sub token_calls { return $sim->journal($_[0], 'path=auth') }

sub refused
{
	return
	  grep { $_->{status} == 401 || $_->{status} == 403 }
	  $sim->journal($_[0], 'path=inventory');
}

sub renewed
{
	my ($tenant, $count, $name) = @_;
	my @calls = token_calls($tenant);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(scalar(@calls), $count, $name);
}

# Runs SQL that must fail; looks at the SQLSTATE and the whole message.
sub fails_like
{
	my ($sql, $sqlstate, $pattern, $name, %option) = @_;
	my $where = delete $option{node} // $node;
	my @user = $option{user} ? ('-U', delete $option{user}) : ();
	my ($rc, $out, $err) = $where->psql(
		'postgres', $sql,
		extra_params => [ '-v', 'VERBOSITY=verbose', @user ],
		%option);
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	like($err, qr/(ERROR|FATAL):  \Q$sqlstate\E: /, "$name: $sqlstate");
	return like($err, $pattern, "$name: message");
}

# Looks at the row of a server's pair, or changes it.
sub row
{
	my ($server, $columns) = @_;
	return $node->safe_psql('postgres',
		"SELECT $columns FROM tplus.token WHERE server = '$server'");
}

sub set_row
{
	my ($server, $set) = @_;
	return $node->safe_psql('postgres',
		"UPDATE tplus.token SET $set WHERE server = '$server'");
}

sub status_of
{
	my ($server, $columns, $where) = @_;
	return ($where // $node)
	  ->safe_psql('postgres',
		"SELECT $columns FROM tplus.token_status WHERE server = '$server'");
}

sub set_mapping
{
	my ($server, $option, $value) = @_;
	return $node->safe_psql('postgres',
			"ALTER USER MAPPING FOR CURRENT_USER SERVER $server "
		  . "OPTIONS (SET $option '$value')");
}

# A session that runs statements meanwhile; finish() returns its stderr.
sub start
{
	my ($statements, $where) = @_;
	my %session = (out => '', err => '');

	$session{run} = IPC::Run::start(
		[
			'psql',
			'-XAtq',
			'-v',
			'ON_ERROR_STOP=1',
			'-v',
			'VERBOSITY=verbose',
			'-d',
			($where // $node)->connstr('postgres'),
			map { ('-c', $_) } ref $statements ? @$statements : $statements
		],
		'<',
		'/dev/null',
		'>',
		\$session{out},
		'2>',
		\$session{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%session;
}

sub finish
{
	my ($session) = @_;
	$session->{run}->finish;
	return $session->{err};
}

# Waits until the tenant has got so many token calls, answered or not.
sub wait_for_call
{
	my ($tenant, $count) = @_;
	return $sim->journal($tenant, "path=auth&wait=$count&timeout_ms=30000");
}

sub wait_for_row
{
	my ($server, $condition, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(
		$node->poll_query_until(
			'postgres',
			'SELECT count(*) = 1 FROM tplus.token '
			  . "WHERE server = '$server' AND ($condition)"),
		$name);
}

# Does the row hold the pair that the simulator issued last?
sub pair_is_kept
{
	my ($server, $name) = @_;
	my $state = $sim->tokens($server);
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is( row($server, 'access_token, refresh_token'),
		"$state->{access_token}|$state->{refresh_token}",
		"$name: pair kept");
	return reads_all($server, "$name: which works");
}

1;
