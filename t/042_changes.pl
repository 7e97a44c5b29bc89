# Records that change while they are read: what was there unchanged all the
# time comes exactly once, nothing comes twice, and high_water() never passes
# a change that was missed.  A record whose Disabled flips comes, too, unless it
# does so three times, each just between two requests.
#
# TPLUS_CHANGES=all runs every combination instead of a sample, TPLUS_SEED=S
# draws another one.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();
use TplusLanes;

my $records = 120;
my $seed = $ENV{TPLUS_SEED} // 1;

# Server, and the table that reads it: in several requests each.
my @worlds = (
	[ 'cursor', 'auto', { 'Query.max_rows' => 25 } ],
	[ 'cursor, all shown', 'auto', { 'Query.max_rows' => 25, disabled_default => 'all' } ],
	[ 'one page', 'large', {} ],
	[ 'numbers after cursor', 'auto', { 'Query.ts_compare' => 'ignored' } ],
	[ 'numbers', 'page', {} ],
	[ 'numbers, all shown', 'page', { disabled_default => 'all' } ],
	[ 'numbers by id', 'page', { 'QueryPage.order' => 'id' } ],
	[ 'numbers by version', 'page', { 'QueryPage.order' => 'ts' } ],
	[ 'numbers by version downwards', 'page', { 'QueryPage.order' => 'ts_desc' } ],
	[ 'numbers without a count', 'page', { 'QueryPage.total_count' => 'absent' } ],
	[ 'numbers, capped', 'page', { 'QueryPage.max_rows' => 17 } ],
	[ 'declared cursor', 'ts', { 'Query.max_rows' => 25 } ],
	[ 'cursor with >=', 'ts', { 'Query.max_rows' => 25, 'Query.ts_compare' => 'ge' } ],
);

# Two classes of many records.
my @two = qw(02 0101);
my @picks = qw(served_first served_last unserved_first unserved_last);
my @changes = (
	(map { my $pick = $_; map { { %$_, pick => $pick } } (
		{ action => 'edit', set => { Name => 'edited' } },
		{ action => 'edit', set => { Code => '0000' } },
		{ action => 'edit', set => { Code => 'zzzz' } },
		{ action => 'flip' },
		{ action => 'move', class => '99' },
		{ action => 'delete' }) } @picks),
	(map { my ($from, $to) = @$_; map { { action => 'move', class => $to, where => { InventoryClassCode => $from, Disabled => JSON::PP::false() }, pick => $_ } }
		  qw(any_first any_last) } [@two], [ reverse @two ]),
	{ action => 'enable', pick => 'any_first', where => { Disabled => JSON::PP::true() } },
	{ action => 'enable', pick => 'any_last', where => { Disabled => JSON::PP::true() } },
	{ action => 'disable', pick => 'any_first', where => { Disabled => JSON::PP::false() } },
	{ action => 'disable', pick => 'any_last', where => { Disabled => JSON::PP::false() } },
	{ action => 'insert', record => { Code => '0000' } },
	{ action => 'insert', record => { Code => 'zzzz' } },
	{ action => 'insert', record => { Code => '0000', Disabled => JSON::PP::true() } },
	{ action => 'late', record => { Code => '0000' } },
	{ action => 'late', record => { Code => 'zzzz' } },
);
my @times = ((map { { after_requests => $_ } } 1 .. 9), { every => 1, times => 4 }, { every => 2, times => 3 },
	{ every => 3, times => 2 });
my %clauses = (
	all => 'true',
	enabled => 'NOT disabled',
	class => 'inventoryClassCode = %L',
	two => 'inventoryClassCode IN (%L, %O) AND NOT disabled');

# --- Combinations -----------------------------------------------------------

my $state = $seed * 2654435761 % 4294967296;

sub draw
{
	my ($limit) = @_;
	$state = ($state * 1664525 + 1013904223) % 4294967296;
	return int($state / 65536) % $limit;
}

my @cases;
for my $world (@worlds)
{
	for my $change (@changes)
	{
		for my $time (@times)
		{
			my @asks = $change->{action} =~ /flip|able/ ? qw(all enabled)
			  : $change->{action} ne 'move' ? 'all'
			  : $change->{where} ? qw(all two) : qw(all class);
			push @cases, map { { world => $world, change => { %$change, %$time }, ask => $_ } } @asks;
		}
	}
}
my $total = @cases;
if (($ENV{TPLUS_CHANGES} // 900) ne 'all')
{
	my $wanted = $ENV{TPLUS_CHANGES} // 900;
	for my $i (0 .. $wanted - 1)
	{
		my $j = $i + draw(@cases - $i);
		@cases[ $i, $j ] = @cases[ $j, $i ];
	}
	splice @cases, $wanted;
}
note "@{[scalar @cases]} of $total cases, seed $seed";

# --- Running ----------------------------------------------------------------

my $node = PostgreSQL::Test::Cluster->new('changes');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\njit = off\n");
$node->start;
my $lanes = TplusLanes->new($node, 2);
for my $lane (0 .. $lanes->count - 1)
{
	my %options = (auto => '', large => ", page_size '500'", page => ", paging 'page'", ts => ", paging 'ts'");
	my $sql = '';
	for my $name (sort keys %options)
	{
		my $more = $options{$name};
		$more .= ", page_size '30'" unless $more =~ /page_size/;
		$sql .= "CREATE FOREIGN TABLE lane$lane.\"$name\" (id bigint, code text, name text, disabled boolean, "
		  . "inventoryClassCode text, ts text) SERVER lane$lane OPTIONS (resource 'inventory'$more);\n";
	}
	$node->safe_psql('postgres', $sql);
}
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION probe(server text, app_key text, tab text, clause text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text; state text; message text; detail text;
BEGIN
	EXECUTE format('ALTER USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (SET app_key %L)', server, app_key);
	EXECUTE format('SELECT coalesce(string_agg(id || '':'' || ts, '' ''), '''') FROM %I.%I WHERE %s', server, tab, clause)
		INTO result;
	RETURN concat_ws(E'\t', app_key, coalesce(tplus.high_water(format('%I.%I', server, tab)::regclass), 'none'), result);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(E'\t', app_key, 'ERROR', translate(format('%s %s | %s', state, message, detail), E'\n\t', '  '));
END $$;
SQL

# A record as the tests below look at it.
sub parse
{
	my %of;
	for my $line (@_)
	{
		my ($id) = $line =~ /"ID": ?(\d+)/ or die "no ID in $line";
		my ($ts) = $line =~ /"Ts": ?"(\w+)"/;
		my ($disabled) = $line =~ /"Disabled": ?(true|false)/;
		my ($class) = $line =~ /"InventoryClassCode": ?"([^"]*)"/;
		$of{$id} = { ts => $ts, disabled => $disabled eq 'true', class => $class // '' };
	}
	return \%of;
}

$lanes->tenant(0, 'truth', { records => $records });
my $before = parse($lanes->lines(0, 'truth'));
$clauses{$_} =~ s/%L/TplusSim::quote($two[0])/e for keys %clauses;
$clauses{two} =~ s/%O/TplusSim::quote($two[1])/e;
my %fits = (
	all => sub { return 1 },
	enabled => sub { return !$_[0]{disabled} },
	class => sub { return $_[0]{class} eq $two[0] },
	two => sub { return !$_[0]{disabled} && grep { $_[0]{class} eq $_ } @two });

my $number = 0;
for my $case (@cases)
{
	$case->{lane} = $number % $lanes->count;
	$case->{key} = 'c' . $number++;
	my ($name, $table, $switches) = @{ $case->{world} };
	$case->{name} = join ', ', $name, $case->{ask},
	  map { "$_ " . (ref $case->{change}{$_} eq 'HASH' ? join('=', %{ $case->{change}{$_} }) : $case->{change}{$_}) }
	  sort keys %{ $case->{change} };
	$lanes->tenant($case->{lane}, $case->{key},
		{ records => $records, switches => $switches, changes => [ $case->{change} ] });
	$lanes->add($case->{lane},
		"SELECT probe('lane$case->{lane}', '$case->{key}', '$table', " . TplusSim::quote($clauses{ $case->{ask} }) . ');');
}
my ($took, @lines) = $lanes->run;

# --- The verdict ------------------------------------------------------------

my %result = map { my ($key, @rest) = split /\t/, $_, 3; ($key => \@rest) } @lines;
my (@wrong, %seen);
for my $case (@cases)
{
	my $result = $result{ $case->{key} };
	my @problems = $result ? problems($case, @$result) : ('no result');
	push @wrong, "$case->{name}: " . join('; ', @problems) if @problems;
}

sub problems
{
	my ($case, $high_water, $text) = @_;
	my ($ask, $action) = ($case->{ask}, $case->{change}{action});
	my $after = parse($lanes->lines($case->{lane}, $case->{key}));
	my (%got, @problems);

	# Three flips of one record can be such that it is never where is being read;
	# high_water() holds even then, so the next run of a sync finds it.
	my $edited = grep { $after->{$_} && $after->{$_}{ts} ne $before->{$_}{ts} } keys %$before;
	my $evades = $action eq 'flip' && ($case->{change}{times} // 1) >= 3 && $edited == 1;

	if ($high_water eq 'ERROR')
	{
		$seen{error}++;
		return $text;
	}
	for my $row (split / /, $text // '')
	{
		my ($id, $ts) = split /:/, $row;
		push @problems, "$id comes twice" if exists $got{$id};
		push @problems, "$id comes from nowhere" unless $before->{$id} || $after->{$id} || $action =~ /insert|late/;
		$got{$id} = $ts;
	}
	for my $id (sort { $a <=> $b } keys %$before)
	{
		my ($old, $new) = ($before->{$id}, $after->{$id});
		next unless $new;
		# One that was changed may have been elsewhere for a while.
		next unless $fits{$ask}->($old) && $fits{$ask}->($new);
		next unless $ask =~ /all|two/ || $old->{ts} eq $new->{ts};
		if (!$got{$id} && $evades && $old->{ts} ne $new->{ts})
		{
			$seen{evaded}++;
			next;
		}
		push @problems, "$id is missing" . ($old->{ts} eq $new->{ts} ? '' : ' (it was changed)') unless $got{$id};
		push @problems, "$id came in a version that never was"
		  if $got{$id} && $got{$id} lt $old->{ts} || $got{$id} && $got{$id} gt $new->{ts};
	}
	$seen{ $high_water eq 'none' ? 'no high water' : 'high water' }++;
	if ($high_water ne 'none')
	{
		push @problems, "high water in spite of a clause" if $ask ne 'all';
		for my $id (grep { $after->{$_}{ts} le $high_water } keys %$after)
		{
			# One that was committed late is for an overlap to find.
			next if $action eq 'late' && !$before->{$id};
			push @problems, "$id with version $after->{$id}{ts} did not come, but the high water is $high_water"
			  unless ($got{$id} // '') eq $after->{$id}{ts};
		}
	}
	return @problems;
}

note sprintf '%d cases in %.1f s: %s', scalar @cases, $took, join(', ', map { "$seen{$_} $_" } sort keys %seen);
diag $_ for @wrong[ 0 .. (@wrong > 100 ? 99 : $#wrong) ];
is(scalar @wrong, 0, 'every read was exact');
done_testing();
