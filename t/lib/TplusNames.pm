package TplusNames;

=pod

=head1 NAME

TplusNames - a name service that hangs, for TAP tests

=head1 SYNOPSIS

  my $names = TplusNames->new;
  { local $ENV{LD_PRELOAD} = $names->library; $node->start; }

In what is started so, the resolution of a name that ends in C<.hanging> never
ends, that of one in C<.slow> fails after two seconds, that of one in C<.missing>
at once, and one in C<.loopback> has the addresses of C<localhost>.

=cut

use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Utils;

my $source = <<'C';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int (*Resolver) (const char *, const char *, const struct addrinfo *,
						 struct addrinfo **);

int
getaddrinfo(const char *name, const char *service,
			const struct addrinfo *hints, struct addrinfo **result)
{
	Resolver	real = (Resolver) dlsym(RTLD_NEXT, "getaddrinfo");

	if (name && strstr(name, ".hanging"))
		for (;;)
			pause();
	if (name && strstr(name, ".slow"))
	{
		usleep(2000000);
		return EAI_AGAIN;
	}
	if (name && strstr(name, ".missing"))
		return EAI_NONAME;
	if (name && strstr(name, ".loopback"))
		name = "localhost";
	return real(name, service, hints, result);
}
C

sub new
{
	my ($class) = @_;
	my $self = bless { dir => PostgreSQL::Test::Utils::tempdir_short() }, $class;

	append_to_file("$self->{dir}/names.c", $source);
	IPC::Run::run([ 'cc', '-shared', '-fPIC', '-o', $self->library, "$self->{dir}/names.c", '-ldl' ])
	  or die 'could not compile the name service';
	return $self;
}

sub library { return "$_[0]{dir}/names.so" }

1;
