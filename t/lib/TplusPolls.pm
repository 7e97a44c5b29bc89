package TplusPolls;

=pod

=head1 NAME

TplusPolls - what it costs to ask again, in requests, by the way of paging

=head1 SYNOPSIS

  my @rows = TplusPolls::measure($sim, sub { $node->safe_psql('postgres', $_[0]) });
  print TplusPolls::row(@$_), "\n" for @rows;

The table in docs/requests.md is made of it, by C<make bench CASES=polls>; a
test holds the table to it.

=cut

use strict;
use warnings;

use TplusSim;

# Records of an account set, and those that are changed at a time.
my $records = 1200;
my @changed = (0, 1, 250);

# How records are had: name, switches of the simulator, options of the foreign
# table, those among them that a calibration sets.
my %one = (variants => 'none');
my %shown = (disabled_default => 'all');
my %known = (paging => 'ts', page_size => 1000, page_rows => 1000, page_bytes => 1000000);
my %numbered = (paging => 'page', page_size => 1000);
my @ways = (
	[ 'ts-gt', {%shown}, { %one, %known, ts_compare => 'gt' } ],
	[ 'ts-ge', { %shown, 'Query.ts_compare' => 'ge' }, { %one, %known, ts_compare => 'ge' } ],
	[ 'ts-two-kinds', {}, { %known, ts_compare => 'gt' } ],
	[ 'ts-declared', {%shown}, { %one, paging => 'ts', page_size => 1000 } ],
	[ 'auto', {%shown}, { %one, page_size => 1000 } ],
	[ 'page-count', {%shown}, { %one, %numbered, total_count => 'whole' } ],
	[ 'page-no-count', { %shown, total_count => 'absent' }, { %one, %numbered } ],
	[ 'one-response', { %shown, max_rows => 0 }, { %one, paging => 'none' } ],
	[ 'no-versions', { %shown, drop_fields => 'Ts' }, { %one, %numbered, total_count => 'whole' } ]);

=pod

=head2 TplusPolls::measure($sim, $sql)

One row for each way: its name, the requests of the first run of a sync, and
those of runs that find nothing, one and 250 changed records.  C<$sql> runs SQL
and returns what it prints; a server C<erp> and its user mapping must be there.

=cut

sub measure
{
	my ($sim, $sql) = @_;
	my @rows;

	for my $way (@ways)
	{
		my ($name, $switches, $options) = @$way;
		my $key = "poll-$name";

		$sim->tenant($key, records => $records, switches => $switches);
		$sql->("ALTER USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (SET app_key '$key');"
			  . 'CREATE FOREIGN TABLE poll_source (id bigint, code text, name text, '
			  . "disabled boolean OPTIONS (filter_encoding 'json'), madeRecordDate date, ts text) SERVER erp "
			  . TplusSim::options(resource => 'inventory', %$options) . ';'
			  . 'CREATE TABLE poll_target (id bigint PRIMARY KEY, code text, name text, disabled boolean, madeRecordDate date);'
			  . "SELECT tplus.create_sync('poll', source => 'poll_source', target => 'poll_target', lag => '0')");
		push @rows, [ $name, run($sql), map { change($sim, $key, $_); run($sql) } @changed ];
		my $wrong = $sql->('SELECT count(*) FROM (SELECT id, code, name, disabled, maderecorddate FROM poll_source EXCEPT TABLE poll_target) x');
		die "$name: $wrong records were missed" if $wrong != 0;
		$sql->("SELECT tplus.drop_sync('poll'); DROP TABLE poll_target; DROP FOREIGN TABLE poll_source");
	}
	return @rows;
}

# The requests of one run.
sub run
{
	my ($sql) = @_;
	$sql->("CALL tplus.sync('poll')");
	return $sql->("SELECT requests FROM tplus.sync_run ORDER BY run DESC LIMIT 1");
}

sub change
{
	my ($sim, $key, $n) = @_;
	$sim->mutate($key, [ map { { action => 'edit', index => $_, set => { Name => "edited $n" } } } 0 .. $n - 1 ]) if $n > 0;
	return;
}

1;
