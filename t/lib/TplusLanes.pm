package TplusLanes;

=pod

=head1 NAME

TplusLanes - many small worlds, read in a few sessions side by side

=head1 SYNOPSIS

  my $lanes = TplusLanes->new($node, 2);
  $lanes->tenant($lane, 'key', { records => 100, switches => {...} });
  $lanes->add($lane, "SELECT ...;");
  my @lines = $lanes->run;

Each lane has a simulator, a server and a schema C<lane0>, C<lane1>, ... with
the foreign table inventory, and one session that runs what was added.

=cut

use strict;
use warnings;

use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusSim;

my $json = JSON::PP->new->utf8->canonical;

sub new
{
	my ($class, $node, $count, %option) = @_;
	my $self = bless { node => $node, sims => [], scripts => [], runs => 0 }, $class;

	for my $lane (0 .. $count - 1)
	{
		my $sim = TplusSim->new;
		$sim->tenant('nobody');
		$sim->setup_server($node, 'nobody', server => "lane$lane", requests_per_second => 0, max_retries => 0, %option);
		push @{ $self->{sims} }, $sim;
		push @{ $self->{scripts} }, '';
	}
	return $self;
}

sub count { return scalar @{ $_[0]{sims} } }
sub sim { return $_[0]{sims}[ $_[1] ] }

# As TplusSim does it, but without reading the long answer.
sub tenant
{
	my ($self, $lane, $key, $config) = @_;
	my $sim = $self->{sims}[$lane];
	my $reply =
	  $sim->{http}->request('PUT', $sim->url . "/_sim/tenants/$key", { content => $json->encode($config) });
	die "$key: $reply->{content}" unless $reply->{success};
	return;
}

# The records of a tenant, one JSON text a line.
sub lines
{
	my ($self, $lane, $key) = @_;
	my $sim = $self->{sims}[$lane];
	my $reply = $sim->{http}->get($sim->url . "/_sim/tenants/$key/records?format=lines");
	die "$key: $reply->{content}" unless $reply->{success};
	return split /\n/, $reply->{content};
}

sub add
{
	my ($self, $lane, $sql) = @_;
	$self->{scripts}[$lane] .= "$sql\n";
	return;
}

# Runs what was added; the lines that came out of it, and the seconds.
sub run
{
	my ($self) = @_;
	my ($node, $run) = ($self->{node}, $self->{runs}++);
	my (@running, @lines);
	my $begun = Time::HiRes::time();

	for my $lane (0 .. $self->count - 1)
	{
		my $file = $node->basedir . "/lane$lane.$run";
		open my $fh, '>:utf8', "$file.sql" or die "could not write $file.sql: $!";
		print $fh "SET client_min_messages = error;\nSET statement_timeout = '240s';\n", $self->{scripts}[$lane];
		close $fh;
		$self->{scripts}[$lane] = '';
		push @running,
		  IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-f', "$file.sql" ],
			'<', \undef, '>', "$file.out", '2>', "$file.err");
	}
	$_->finish for @running;
	my $took = Time::HiRes::time() - $begun;
	for my $lane (0 .. $self->count - 1)
	{
		my $file = $node->basedir . "/lane$lane.$run";
		is(slurp_file("$file.err"), '', "lane $lane ran to its end");
		push @lines, split /\n/, slurp_file("$file.out");
	}
	return ($took, @lines);
}

1;
