package TplusQueue;

=pod

=head1 NAME

TplusQueue - a port that takes no more connections, for TAP tests

=head1 SYNOPSIS

  my $full = TplusQueue->new;
  my $url = 'http://127.0.0.1:' . $full->port;

Its queue is full: whoever connects waits, until this goes.

=cut

use strict;
use warnings;

use Socket;

sub new
{
	my ($class) = @_;
	socket my $listener, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
	bind $listener, sockaddr_in(0, INADDR_LOOPBACK) or die "bind: $!";
	listen $listener, 0 or die "listen: $!";
	my ($port) = sockaddr_in(getsockname $listener);
	my @queue;
	for (1 .. 8)
	{
		socket my $client, PF_INET, SOCK_STREAM | 04000, 0 or die "socket: $!";    # SOCK_NONBLOCK
		connect $client, sockaddr_in($port, INADDR_LOOPBACK);
		push @queue, $client;
	}
	return bless { port => $port, sockets => [ $listener, @queue ] }, $class;
}

sub port { return $_[0]{port} }

1;
