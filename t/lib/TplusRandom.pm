package TplusRandom;

=pod

=head1 NAME

TplusRandom - choices that a seed repeats, whoever else asks for random numbers

=cut

use strict;
use warnings;

# A linear congruential generator of 48 bits, as in POSIX, in two halves so
# that no product exceeds what a double holds.
sub new
{
	my ($class, $seed) = @_;
	my $self = bless { high => 0, low => 0 }, $class;
	my $hash = 5381;

	$hash = ($hash * 33 + ord $_) % 4294967296 for split //, "$seed";
	$self->{high} = int($hash / 256);
	$self->{low} = ($hash % 256) * 65536 + 0x330e;
	$self->fraction for 1 .. 8;
	return $self;
}

# The next number, from 0 to below 1.
sub fraction
{
	my ($self) = @_;
	my ($ah, $al) = (0x5de, 0xece66d);
	my $low = $self->{low} * $al + 11;
	my $carry = int($low / 16777216);
	my $high = $self->{high} * $al + $self->{low} * $ah + $carry;

	$self->{low} = $low % 16777216;
	$self->{high} = $high % 16777216;
	return ($self->{high} * 16777216 + $self->{low}) / 2**48;
}

# $r->below($n): an integer from 0 to $n - 1; $r->between($a, $b): both included.
sub below
{
	my ($self, $n) = @_;
	return int($self->fraction * $n);
}

sub between
{
	my ($self, $low, $high) = @_;
	return $low + $self->below($high - $low + 1);
}

# $r->chance($p): true with that probability.
sub chance
{
	my ($self, $p) = @_;
	return $self->fraction < $p;
}

# $r->pick(@list): one of them; $r->some($n, @list): n different ones, in order.
sub pick
{
	my ($self, @list) = @_;
	return $list[ $self->below(scalar @list) ];
}

sub some
{
	my ($self, $n, @list) = @_;
	my @index = (0 .. $#list);

	splice @index, $self->below(scalar @index), 1 while @index > $n;
	return @list[@index];
}

# $r->weighted([weight, value], ...): a value.
sub weighted
{
	my ($self, @choices) = @_;
	my $sum = 0;

	$sum += $_->[0] for @choices;
	my $at = $self->fraction * $sum;
	for my $choice (@choices)
	{
		$at -= $choice->[0];
		return $choice->[1] if $at < 0;
	}
	return $choices[-1][1];
}

1;
