package TplusSim;

=pod

=head1 NAME

TplusSim - a simulator of T+ for TAP tests

=head1 SYNOPSIS

  my $sim = TplusSim->new(set => { page_size => 'ignored' });
  my $erp = $sim->tenant('my-test', records => 5000, switches => { order => 'id' });
  $sim->setup_server($node, 'my-test', page_size => 100);
  $node->safe_psql('postgres', 'SELECT count(*) FROM erp.inventory');
  is(scalar $sim->journal('my-test'), 51, 'one request a page');

A simulator serves any number of tenants, told apart by their app_key; each
has records, switches, faults, tokens and a journal of its own.

=cut

use strict;
use warnings;

use Carp;
use Cwd ();
use File::Basename;
use HTTP::Tiny;
use IO::Select;
use IPC::Open3;
use JSON::PP;
use POSIX qw(WNOHANG);
use Socket ();
use Symbol 'gensym';

my $root = Cwd::abs_path(dirname(__FILE__) . '/../..');
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# What it tells of thousands of records takes JSON::PP many seconds.  Both give
# the same values, booleans included.
my $decoder = eval { require Cpanel::JSON::XS } ? Cpanel::JSON::XS->new->utf8->allow_nonref : $json;

# HTTP::Tiny writes head and body one after the other; without this, each call
# of the control interface would wait 40 ms for an acknowledgement in between.
{
	my $connect = \&HTTP::Tiny::Handle::connect;
	no warnings 'redefine';
	*HTTP::Tiny::Handle::connect = sub {
		my $handle = $connect->(@_);
		setsockopt $handle->{fh}, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(),
		  1;
		return $handle;
	};
}

=pod

=head2 TplusSim->new(%options)

Starts a simulator on a free port.  It ends with C<stop>, or with this process.

  records => N                  of each tenant that is not told otherwise
  set     => { switch => value} likewise
  tls     => [ cert, key ]
  ipv6    => 1                  on ::1
  port    => N                  to come back at the same address
  arguments => [ ... ]          more, of its command line

=cut

sub new
{
	my ($class, %option) = @_;
	my $self = bless { tls => $option{tls}, owner => $$ }, $class;
	$self->{host} = $option{ipv6} ? '[::1]' : '127.0.0.1';
	my @command =
	  ('python3', "$root/test/sim/tplus_sim.py", '--parent', $$);

	push @command, '--port', $option{port} if $option{port};
	push @command, '--records', $option{records} if defined $option{records};
	push @command, '--tls', @{ $option{tls} } if $option{tls};
	push @command, '--ipv6' if $option{ipv6};
	push @command, @{ $option{arguments} // [] };
	push @command, '--set', "$_=$option{set}{$_}"
	  for sort keys %{ $option{set} // {} };

	# Its messages belong into the log of the test, which is our stderr.
	open my $err, '>&', \*STDERR or croak "could not copy stderr: $!";
	$self->{pid} = open3(my $in, my $out, '>&' . fileno($err), @command);
	close $in;

	croak "the simulator did not start"
	  unless IO::Select->new($out)->can_read(30);
	my $line = <$out> // '';
	close $out;
	($self->{port}) = $line =~ /^(\d+)$/
	  or croak "the simulator did not tell its port";
	$self->{http} = HTTP::Tiny->new(timeout => 60);
	return $self;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);
	# A forked child does not own it.
	$self->stop if $self->{owner} == $$;
	return;
}

=pod

=head2 $sim->stop

=cut

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;

	kill 'TERM', $pid;
	for (1 .. 300)
	{
		return if waitpid($pid, WNOHANG) != 0;
		select undef, undef, undef, 0.1;
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
	die "the simulator did not end on SIGTERM";
}

=pod

=head2 $sim->port, $sim->url

Where it listens; C<url> is what a foreign server wants as base_url.

=cut

sub port { return $_[0]{port} }

sub url
{
	my ($self) = @_;
	return ($self->{tls} ? 'https' : 'http') . "://$self->{host}:$self->{port}";
}

=pod

=head2 $sim->control($method, $path, $body)

One call of the control interface, which is plain HTTP also beside TLS; dies
unless it succeeds.

=cut

sub control
{
	my ($self, $method, $path, $body) = @_;
	my $reply = $self->{http}->request(
		$method,
		"http://$self->{host}:$self->{port}/_sim$path",
		{   headers => { 'Content-Type' => 'application/json' },
			defined $body ? (content => $json->encode($body)) : ()
		});

	croak "$method /_sim$path: $reply->{status} $reply->{content}"
	  unless $reply->{success};
	return length($reply->{content} // '')
	  ? $decoder->decode($reply->{content})
	  : undef;
}

sub _of
{
	my ($key, $what) = @_;
	return "/tenants/$key" . ($what ? "/$what" : '');
}

=pod

=head2 $sim->tenant($app_key, %config)

Makes the tenant anew: C<< records => N, seed => S, switches => {...} >>, or
whatever else the control interface takes.

=head2 $sim->switches($app_key, %switches)

Changes switches of a tenant; returns all of them.

=cut

sub tenant
{
	my ($self, $key, %config) = @_;
	return $self->control('PUT', _of($key), \%config);
}

sub switches
{
	my ($self, $key, %switches) = @_;
	return $self->control('PUT', _of($key, 'switches'), \%switches);
}

=pod

=head2 $sim->fault($app_key, %fault), $sim->clear_faults($app_key)

Scripts a fault, see the simulator's README.

=head2 $sim->change($app_key, %change), $sim->clear_changes($app_key)

Changes of records that wait for requests or rows: in the middle of a scan.

=cut

sub fault
{
	my ($self, $key, %fault) = @_;
	return $self->control('POST', _of($key, 'faults'), \%fault);
}

sub clear_faults
{
	my ($self, $key) = @_;
	return $self->control('DELETE', _of($key, 'faults'));
}

sub change
{
	my ($self, $key, %change) = @_;
	return $self->control('POST', _of($key, 'changes'), \%change);
}

sub clear_changes
{
	my ($self, $key) = @_;
	return $self->control('DELETE', _of($key, 'changes'));
}

=pod

=head2 $sim->journal($app_key, $query), $sim->clear_journal($app_key)

The requests that the tenant got, oldest first, as a list of hashes; $query
narrows them, as in "since=3&path=Query", or waits: "wait=2&timeout_ms=5000".

=head2 $sim->ended($app_key, $query)

The same once each of them has ended, as far as that comes about soon: the
client may know the end of a reply before the server does.

=head2 $sim->stats($app_key)

Counts over those requests, the peak of requests in flight among them.

=cut

sub journal
{
	my ($self, $key, $query) = @_;
	return @{ $self->control('GET',
			_of($key, 'journal') . ($query ? "?$query" : '')) };
}

sub ended
{
	my ($self, @of) = @_;
	my @journal;
	for (1 .. 500)
	{
		@journal = $self->journal(@of);
		last unless grep { !defined $_->{end} } @journal;
		select(undef, undef, undef, 0.01);
	}
	return grep { defined $_->{end} } @journal;
}

sub clear_journal
{
	my ($self, $key) = @_;
	return $self->control('DELETE', _of($key, 'journal'));
}

=pod

=head2 $sim->records($app_key, $query)

The records as the tenant holds them now, a list of hashes; $query as in
"resource=warehouse".

=head2 $sim->mutate($app_key, %change)

Changes a record at once; returns a list of what it was changed to.

=cut

sub stats
{
	my ($self, $key) = @_;
	return $self->control('GET', _of($key, 'stats'));
}

sub records
{
	my ($self, $key, $query) = @_;
	return @{ $self->control('GET',
			_of($key, 'records') . ($query ? "?$query" : '')) };
}

sub mutate
{
	my ($self, $key, @change) = @_;
	return $self->control('POST', _of($key, 'mutate'), @change == 1 ? $change[0] : {@change});
}

=pod

=head2 $sim->decidable($app_key, max_requests => 40, fields => 'ID,Code')

What a calibration of a table with these fields can decide on the tenant's
records: fact => operation (or "table") => { decidable, value, holds, ... },
see "What can be decided" in the simulator's README.

=cut

sub decidable
{
	my ($self, $key, %option) = @_;
	my $query = join '&', map { "$_=$option{$_}" } sort keys %option;
	return $self->control('GET', _of($key, 'decidable') . ($query ? "?$query" : ''))->{facts};
}

=pod

=head2 $sim->tokens($app_key, %change)

The state of the tenant's tokens; with arguments, sets it first.

=cut

sub tokens
{
	my ($self, $key, %change) = @_;
	return $self->control('PUT', _of($key, 'tokens'), \%change) if %change;
	return $self->control('GET', _of($key, 'tokens'));
}

=pod

=head2 $sim->setup_server($node, $app_key, %options)

Creates the extension, the server C<erp> for this tenant, a mapping for the
current user and the schema C<erp> with the foreign table inventory.  Options
are those of the server, and

  database => 'postgres'
  server   => 'erp'             the schema is named like the server
  mapping  => { ... }           replaces the open token
  tables   => [ 'inventory' ]
  calibrate => 'false'          whether the import makes requests

=cut

sub setup_server
{
	my ($self, $node, $key, %option) = @_;
	my $database = delete $option{database} // 'postgres';
	my $server = delete $option{server} // 'erp';
	my $tables = delete $option{tables} // ['inventory'];
	my $calibrate = delete $option{calibrate} // 'false';
	my $mapping = delete $option{mapping}
	  // { app_secret => 'sim-secret', open_token => 'sim-open-token' };

	$node->safe_psql(
		$database,
		join '',
		"CREATE EXTENSION IF NOT EXISTS tplus_fdw;\n",
		"CREATE SERVER $server FOREIGN DATA WRAPPER tplus_fdw ",
		options(base_url => $self->url, %option),
		";\n",
		"CREATE USER MAPPING FOR CURRENT_USER SERVER $server ",
		options(app_key => $key, %$mapping),
		";\n",
		"CREATE SCHEMA IF NOT EXISTS $server;\n",
		@$tables
		? (
			'IMPORT FOREIGN SCHEMA tplus LIMIT TO (', join(', ', @$tables),
			") FROM SERVER $server INTO $server\n",
			"OPTIONS (calibrate '$calibrate');\n")
		: ());
	return;
}

=pod

=head2 TplusSim::options(name => value, ...)

An OPTIONS clause, quoted.

=cut

sub options
{
	my (%option) = @_;
	return '' unless %option;
	return 'OPTIONS ('
	  . join(', ', map { "$_ " . quote($option{$_}) } sort keys %option) . ')';
}

sub quote
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g and return " E'$text'";
	return "'$text'";
}

1;
