package TplusScript;

=pod

=head1 NAME

TplusScript - a server whose replies a test makes up, request by request

=head1 SYNOPSIS

  my $server = TplusScript->new(
      same => sub { return '[{"A":"x"},{"A":"x"}]' },
      two  => sub { my ($param) = @_; return $param->{PageIndex} > 2 ? '[]' : '[{"A":"y"}]' });
  # CREATE SERVER ... OPTIONS (base_url '...'), with $server->url
  # CREATE FOREIGN TABLE ... OPTIONS (path '/same')
  is($server->requests('same'), 4, 'a handful');

What the simulator does is what T+ may do; this is for what nothing should do.
A reply gets the parameters of the request and its number, from 1.

=cut

use strict;
use warnings;

use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();

my $json = JSON::PP->new->utf8->allow_nonref;

sub new
{
	my ($class, %replies) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64, Proto => 'tcp')
	  or die "could not listen: $!";
	my $self = bless { port => $listener->sockport, owner => $$ }, $class;

	$self->{pid} = fork // die "could not fork: $!";
	if ($self->{pid} == 0)
	{
		my $parent = $self->{owner};
		_serve($listener, \%replies, $parent);
		POSIX::_exit(0);
	}
	close $listener;
	return $self;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);
	return unless $self->{owner} == $$ && $self->{pid};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

sub url { return "http://127.0.0.1:$_[0]{port}" }

# The bodies of requests that a path got since the last time it was asked, as a list.
sub requests
{
	my ($self, $name) = @_;
	my $reply = HTTP::Tiny->new->get($self->url . "/_requests/$name");
	die "$reply->{status} $reply->{content}" unless $reply->{success};
	return @{ $json->decode($reply->{content}) };
}

sub _serve
{
	my ($listener, $replies, $parent) = @_;
	my $select = IO::Select->new($listener);
	my (%buffer, %seen);

	while (getppid() == $parent)
	{
		for my $socket ($select->can_read(1))
		{
			if ($socket == $listener)
			{
				my $new = $listener->accept or next;
				setsockopt $new, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;
				$select->add($new);
				$buffer{$new} = '';
				next;
			}
			if (!sysread $socket, $buffer{$socket}, 65536, length $buffer{$socket})
			{
				delete $buffer{$socket};
				$select->remove($socket);
				close $socket;
				next;
			}
			while ($buffer{$socket} =~ /^(.*?\r\n\r\n)/s)
			{
				my $head = $1;
				my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
				my $size = length($head) + ($length // 0);
				last if length $buffer{$socket} < $size;
				my $body = substr $buffer{$socket}, length($head), $length // 0;
				substr($buffer{$socket}, 0, $size) = '';
				syswrite $socket, _answer($head, $body, $replies, \%seen);
			}
		}
	}
	return;
}

sub _answer
{
	my ($head, $body, $replies, $seen) = @_;
	my ($path) = $head =~ m{^\w+ /(\S*?)[? ]};
	my ($status, $text) = (200, '');

	if ($path =~ s{^_requests/}{})
	{
		$text = $json->encode(delete $seen->{$path} // []);
	}
	elsif (my $reply = $replies->{$path})
	{
		my ($param) = values %{ $json->decode($body) };
		push @{ $seen->{$path} }, $param;
		$text = $reply->($param, scalar @{ $seen->{$path} });
		($status, $text) = @$text if ref $text;
	}
	else
	{
		($status, $text) = (404, '{"code":"50000","message":"no such path"}');
	}
	return "HTTP/1.1 $status X\r\nContent-Type: application/json\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
}

1;
