package TplusServers;

=pod

=head1 NAME

TplusServers - servers that a calibration may meet: behaviours times kinds of data

=head1 SYNOPSIS

  my @array = TplusServers::covering($seed);      # each pair of values of two factors, in few servers
  my @random = TplusServers::random($seed, 200);
  # each { switches => { ... }, data => 'rising' }
  TplusServers::records('rising')                 # what TplusSim->tenant takes as records: a list, or how many

=cut

use strict;
use warnings;

use TplusRandom;

# The first value is the simulator's own.  Lists are given as "A+B".
my @factors = (
	[ 'data', qw(edited rising codes enabled oneday few many one none) ],
	[ 'Query.shape', qw(array Data data data.Rows result result_text value DataSource.Rows) ],
	[ 'QueryPage.shape', qw(Data array data data.Rows result result_text value DataSource.Rows) ],
	[ 'QueryPage.total_count', qw(exact absent low high zero text page null) ],
	[ 'Query.total_count', qw(absent exact) ],
	[ 'empty_reply', qw(auto array object null string nothing) ],
	[ 'bools', qw(TrueFalse truefalse json 01 int cn) ],
	[ 'ids', qw(text int) ],
	[ 'ts_key', qw(Ts TS) ],
	[ 'ts_form', qw(lower upper) ],
	[ 'nulls', qw(null empty absent) ],
	[ 'dates', qw(date datetime t slash) ],
	[ 'select_fields', qw(honoured ignored) ],
	[ 'drop_fields', '', qw(Name MadeRecordDate Disabled Ts ID Code) ],
	[ 'Query.disabled_default', qw(enabled all) ],
	[ 'QueryPage.disabled_default', qw(enabled all) ],
	[ 'bool_json', qw(match ignored none error) ],
	[ 'bool_text', qw(match ignored none error) ],
	[ 'bool_01', qw(match ignored none error) ],
	[ 'bool_int', qw(match ignored none error) ],
	[ 'Query.made_compare', qw(eq ge gt le lt ignored error) ],
	[ 'QueryPage.made_compare', qw(eq ge gt le lt ignored error) ],
	[ 'made_zone', qw(local utc) ],
	[ 'made_time', qw(false true) ],
	[ 'text_match', qw(ci cs exact) ],
	[ 'like_percent', qw(true false) ],
	[ 'like_wildcards', qw(with_percent always off) ],
	[ 'Query.ts_compare', qw(gt ge eq ignored error) ],
	[ 'QueryPage.ts_compare', qw(gt ge eq ignored error) ],
	[ 'Query.ignored_params', '', qw(Code ID Name Disabled MadeRecordDate PageSize SelectFields) ],
	[ 'QueryPage.ignored_params', '', qw(Code ID Name Disabled MadeRecordDate PageSize PageIndex SelectFields) ],
	[ 'Query.barren_params', '', qw(Code ID Name) ],
	[ 'QueryPage.barren_params', '', qw(Code ID Name) ],
	[ 'id_filter', qw(any string number) ],
	[ 'Query.order', qw(ts ts_desc code id random unstable) ],
	[ 'QueryPage.order', qw(code ts ts_desc id random unstable) ],
	[ 'Query.page_index', qw(ignored honoured error) ],
	[ 'Query.page_size', qw(honoured ignored) ],
	[ 'QueryPage.page_index', qw(honoured ignored error) ],
	[ 'page_base', qw(1 0) ],
	[ 'past_end', qw(empty last first error) ],
	[ 'QueryPage.page_size', qw(honoured ignored) ],
	[ 'Query.max_rows', qw(1000 0 100 7) ],
	[ 'QueryPage.max_rows', qw(1000 0 100 7) ],
	[ 'over_cap', qw(cap error) ],
	[ 'offset_from', qw(capped asked) ],
	[ 'param_case', qw(insensitive exact) ],
	[ 'unknown_param', qw(ignored error) ],
	[ 'refs', qw(flat nested dotted) ],
	[ 'numbers', qw(text6 text json json6 exp) ],
	[ 'tax_rate', qw(number enum) ],
	[ 'custom_fields', qw(inline dynamic) ],
	[ 'escape', qw(utf8 ascii) ],
	[ 'spacing', qw(compact spaced lines) ],
	[ 'bom', qw(false true) ],
	[ 'content_type', qw(application/json text/plain) ],
	[ 'total_count_at', qw(first last) ],
	[ 'envelope_code', '', '0', '200' ],
	[ 'unknown_select', qw(ignored error null) ],
	[ 'select_case', qw(insensitive exact) ],
	[ 'default_fields', '', 'Code+Name' ],
	[ 'empty_filter', qw(ignored match) ],
	[ 'update_dates', qw(ignored honoured) ],
	[ 'relaxed_json', qw(false true) ],
	[ 'path_case', qw(exact insensitive) ],
	[ 'Query.default_page_size', qw(0 25) ],
	[ 'QueryPage.default_page_size', qw(20 0) ],
	[ 'Query.max_bytes', qw(0 1500) ],
	[ 'QueryPage.max_bytes', qw(0 1500) ],
	[ 'gzip', qw(off on always) ],
	[ 'transfer', qw(length chunked close) ],
	[ 'keepalive_max', qw(0 3) ]);

# How often a random server is not as the simulator is by itself
my $odd = 0.1;

# Rows that differ in nothing but what a kind says
sub _rows
{
	my ($count, $make) = @_;
	return [
		map {
			my $n = $_;
			my %row = (
				ID => $n,
				Code => sprintf('AB%04d', $n),
				Name => sprintf('Bolt %04d', $n),
				MadeRecordDate => sprintf('%d-%02d-%02d', 2020 + int($n / 336), 1 + int($n / 28) % 12, 1 + $n % 28),
				_made_time => sprintf('%02d:%02d:11', $n * 7 % 24, $n % 60),
				Disabled => $n % 9 == 4 ? \1 : \0,
				Ts => sprintf('%016x', 9_000_000 + 5 * $n));
			+{ %row, $make->($n, \%row) }
		} 1 .. $count ];
}

my %kinds = (
	# entered in order, never edited: all that has an order has the same
	rising => sub { _rows(60, sub { () }) },
	# edited since: versions and days in an order of their own
	edited => sub { 300 },
	many => sub { _rows(1020, sub { (_shuffled($_[0])) }) },
	codes => sub {
		_rows(40, sub { my ($n) = @_; (Code => sprintf($n % 2 ? 'Ab%03d' : 'aB%03d', int(($n + 1) / 2)), _shuffled($n)) });
	},
	enabled => sub { _rows(50, sub { (Disabled => \0, _shuffled($_[0])) }) },
	oneday => sub { _rows(50, sub { (MadeRecordDate => '2024-05-06', _shuffled($_[0])) }) },
	few => sub { _rows(5, sub { my ($n) = @_; (Disabled => $n == 2 ? \1 : \0, _shuffled($n)) }) },
	one => sub { _rows(1, sub { () }) },
	none => sub { 0 });

sub _shuffled
{
	my ($n) = @_;
	return (Ts => sprintf('%016x', 9_000_000 + 5 * ($n * 37 % 1021)));
}

sub kinds { return sort keys %kinds }

sub records { return $kinds{ $_[0] }->() }

# What TplusSim->tenant takes, of one value for each factor.
sub _server
{
	my ($values) = @_;
	my (%switches, $data);
	for my $at (0 .. $#factors)
	{
		my ($name, @all) = @{ $factors[$at] };
		my $value = $all[ $values->[$at] ];
		if ($name eq 'data')
		{
			$data = $value;
		}
		elsif ($values->[$at] > 0)
		{
			$switches{$name} = $name =~ /_params$|^drop_fields$|^default_fields$/ ? [ split /\+/, $value ] : $value;
		}
	}
	return { switches => \%switches, data => $data };
}

=pod

=head2 covering($seed)

Greedily: each next server covers as many pairs as the best of some candidates,
whose values are chosen one by one, in an order at random.

=cut

sub covering
{
	my ($seed) = @_;
	my $random = TplusRandom->new("covering/$seed");
	my (%open, @servers);
	for my $one (0 .. $#factors)
	{
		for my $other ($one + 1 .. $#factors)
		{
			for my $x (0 .. $#{ $factors[$one] } - 1)
			{
				$open{"$one.$x"}{"$other.$_"} = $open{"$other.$_"}{"$one.$x"} = 1 for 0 .. $#{ $factors[$other] } - 1;
			}
		}
	}
	while (my @left = grep { %{ $open{$_} } } sort keys %open)
	{
		# Begin with a pair that is open, lest a server cover none.
		my $first = $left[ $random->below(scalar @left) ];
		my @partners = sort keys %{ $open{$first} };
		my %chosen = map { split /\./ } $first, $partners[ $random->below(scalar @partners) ];
		for my $at (_mixed($random, grep { !exists $chosen{$_} } 0 .. $#factors))
		{
			my @taken = map { "$_.$chosen{$_}" } sort keys %chosen;
			my ($best, @ties) = (-1);
			for my $value (0 .. $#{ $factors[$at] } - 1)
			{
				my $pairs = grep { $open{"$at.$value"}{$_} } @taken;
				@ties = () if $pairs > $best;
				next if $pairs < $best;
				$best = $pairs;
				push @ties, $value;
			}
			# What is covered already is as the simulator is by itself: odd servers hide each other's oddities.
			$chosen{$at} = $ties[0] == 0 ? 0 : $ties[ $random->below(scalar @ties) ];
		}
		my @taken = map { "$_.$chosen{$_}" } sort keys %chosen;
		for my $one (@taken)
		{
			delete $open{$one}{$_} for @taken;
		}
		push @servers, _server([ map { $chosen{$_} } 0 .. $#factors ]);
	}
	return @servers;
}

sub _mixed
{
	my ($random, @list) = @_;
	for my $at (reverse 1 .. $#list)
	{
		my $other = $random->below($at + 1);
		@list[ $at, $other ] = @list[ $other, $at ];
	}
	return @list;
}

=pod

=head2 random($seed, $count)

Servers that are in most respects as expected.

=cut

sub random
{
	my ($seed, $count) = @_;
	my $random = TplusRandom->new("servers/$seed");
	return map {
		_server([
			map {
				my ($name, @all) = @$_;
				$name eq 'data' || $random->chance($odd) ? $random->below(scalar @all) : 0
			} @factors ])
	} 1 .. $count;
}

1;
