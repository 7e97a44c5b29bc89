# Records that share a row version, none of which may be missing, wherever a
# page ends; and keys that are spelled in more than one way.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('versions');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\n");
$node->start;

my $sim = TplusSim->new;
$sim->tenant('first');
$sim->setup_server($node, 'first', requests_per_second => 0);
for my $paging (qw(auto ts page))
{
	$node->safe_psql('postgres', "CREATE FOREIGN TABLE by_$paging (id bigint, code text, name text, ts text, disabled boolean) SERVER erp "
		. TplusSim::options(resource => 'inventory', paging => $paging, variants => 'none'));
}
$node->safe_psql('postgres', <<'SQL');
-- The keys that a table shows of a tenant, or its error.
CREATE FUNCTION keys(tenant text, t text, clause text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	detail text;
BEGIN
	EXECUTE format('ALTER USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (SET app_key %L)', tenant);
	EXECUTE format('SELECT string_agg(id::text, '','' ORDER BY id) FROM (SELECT id, name FROM %I WHERE %s OFFSET 0) x', t, clause) INTO result;
	RETURN coalesce(result, 'none');
EXCEPTION WHEN fdw_error THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLERRM || ' | ' || detail;
END $$;
SQL

my $tenants = 0;

# A tenant whose records have these versions.
sub tenant
{
	my ($versions, %switches) = @_;
	my $key = 'v' . ++$tenants;
	my $id = 0;
	$sim->tenant($key,
		records => [ map { { ID => ++$id, Code => "C$id", Name => 'x' x ($id * 7 % 40), Ts => sprintf('%016x', $_) } } @$versions ],
		switches => { disabled_default => 'all', %switches });
	return $key;
}

# What each of these [tenant, table, clause] shows, in one session.
sub shown
{
	my (@questions) = @_;
	my $sql = join '', map { "SELECT keys('$_->[0]', '$_->[1]', \$c\$" . ($_->[2] // 'true') . "\$c\$);\n" } @questions;
	return split /\n/, $node->safe_psql('postgres', $sql);
}

sub requests
{
	my ($tenant) = @_;
	return scalar(@{ [ $sim->journal($tenant) ] });
}

# Versions from the sizes of the groups that share one: 2, 1, 3 is 10 10 14 18 18 18.
sub versions
{
	my $version = 6;
	return [ map { $version += 4; ($version) x $_ } @_ ];
}

# --- Where a page ends ------------------------------------------------------

my %patterns = (
	'the last of a page and the first of the next' => [ (1) x 9, 2, (1) x 19 ],
	'two of a page' => [ (1) x 3, 2, (1) x 25 ],
	'three, across an end' => [ (1) x 8, 3, (1) x 19 ],
	'all in pairs' => [ (2) x 15 ],
	'all in threes' => [ (3) x 10 ],
	'the last two' => [ (1) x 28, 2 ],
	'the last five' => [ (1) x 25, 5 ],
	'across three pages' => [ (1) x 8, 14, (1) x 8 ],
	'as many as a page' => [ (1) x 9, 10, (1) x 11 ],
	'the first two' => [ 2, (1) x 28 ],
	'all' => [30],
	'none' => [ (1) x 30 ]);
my (@questions, @expected, @names);

for my $name (sort keys %patterns)
{
	my $versions = versions(@{ $patterns{$name} });
	for my $cap (2, 3, 5, 10, 15, 29, 30, 1000)
	{
		for my $compare (qw(gt ge))
		{
			my $key = tenant($versions, 'Query.max_rows' => $cap, 'Query.ts_compare' => $compare,
				$cap % 2 ? ('QueryPage.total_count' => 'absent') : ());
			for my $bound (undef, $versions->[9], $versions->[27])
			{
				my @keys = grep { !defined $bound || $versions->[ $_ - 1 ] > $bound } 1 .. 30;
				my %members;
				$members{ $versions->[ $_ - 1 ] }++ for @keys;
				my ($largest) = sort { $b <=> $a } values(%members), 0;
				for my $table (qw(by_ts by_auto))
				{
					push @questions, [ $key, $table, defined $bound ? sprintf("ts > '%016x'", $bound) : undef ];
					push @expected, [ join(',', @keys) || 'none', $table eq 'by_ts' && $largest >= $cap ];
					push @names, "$name share, $cap a page, $compare, $table" . (defined $bound ? ", above $bound" : '');
				}
			}
		}
	}
}
my @shown = shown(@questions);
my ($wrong, $refused, $exact) = (0, 0, 0);
for my $i (0 .. $#questions)
{
	my ($keys, $may_fail) = @{ $expected[$i] };
	if ($shown[$i] eq $keys) { $exact++ }
	elsif ($may_fail
		&& $shown[$i] =~ /^foreign table "by_ts" cannot be read by "Ts" \| The records with row version \w{16} may be more than the server sends at a time\.$/)
	{
		$refused++;
	}
	else
	{
		diag "$names[$i]: $shown[$i]" if $wrong++ < 20;
	}
}
is($wrong, 0, "records that share a version all come: $exact questions");
cmp_ok($refused, '>', 20, "or it is an error that says why: $refused questions");

# A page of one record shows nothing of those that share its version: a count
# does, where there is one.
my $single = tenant(versions((1) x 30), 'Query.max_rows' => 1);
my $pair = tenant(versions((1) x 14, 2, (1) x 14), 'Query.max_rows' => 1);
is((shown([ $single, 'by_ts' ]))[0], join(',', 1 .. 30), 'one record a page, paging "ts"');
cmp_ok(requests($single), '<=', 36, 'one record a page costs a request each');
like((shown([ $pair, 'by_ts' ]))[0], qr/^foreign table "by_ts" cannot be read by "Ts" \| The records with row version/, 'one record a page, two share a version');

# What stands beside a count, and never came, shows that it came by no order.
my $falling = tenant(versions((1) x 5), 'Query.max_rows' => 1, 'Query.order' => 'ts_desc', 'QueryPage.total_count' => 'page', 'QueryPage.order' => 'id');
my $equal = tenant([ 2, 3, 8 ], 'Query.ts_compare' => 'eq');
like($_, qr/^foreign table "by_ts" cannot be read by "Ts" \| The records with row version/, 'the last record alone is no answer')
  for shown([ $falling, 'by_ts' ], [ $falling, 'by_ts', "ts > '000000000000000b'" ]);
like((shown([ $equal, 'by_ts', "ts > '0000000000000002'" ]))[0], qr/^foreign table "by_ts" cannot be read by "Ts" \| The server does not answer/, 'versions that are compared for equality');

# An empty page for a flag that is not understood says nothing of page numbers.
my $stopped = 'v' . ++$tenants;
$sim->tenant($stopped,
	records => [ map { { ID => $_, Code => "C$_", Name => 'x', Disabled => $_ % 4 ? JSON::PP::false : JSON::PP::true } } 1 .. 30 ],
	switches => { 'bool_json' => 'none', 'QueryPage.page_base' => 0, 'QueryPage.past_end' => 'error' });
$node->safe_psql('postgres', "ALTER FOREIGN TABLE by_page OPTIONS (page_size '5')");
is((shown([ $stopped, 'by_page', 'disabled' ]))[0], '4,8,12,16,20,24,28', 'page numbers from 0, and a flag that is not understood at first');

# A version that brings nothing, not even the records that it had before.
my $blind = tenant(versions((1) x 30), 'Query.max_rows' => 10);
$sim->fault($blind, match => { path => '*/Query', has_param => ['Ts'], from => 2 }, action => 'empty_array', times => 0);
like((shown([ $blind, 'by_ts' ]))[0], qr/^foreign table "by_ts" cannot be read by "Ts"/, 'versions that bring nothing, paging "ts"');
is((shown([ $blind, 'by_auto' ]))[0], join(',', 1 .. 30), 'versions that bring nothing, paging "auto"');
my $only = tenant([7], 'Query.ts_compare' => 'eq');
like((shown([ $only, 'by_ts' ]))[0], qr/^foreign table "by_ts" cannot be read by "Ts"/, 'one record that no version brings, paging "ts"');
is((shown([ $only, 'by_auto', "ts > '0000000000000003'" ]))[0], '1', 'one record that no version brings, paging "auto"');

# --- What it costs ----------------------------------------------------------

# From the names of the questions to how many requests they may take.
my @costs = (
	[ 'nothing new', 'by_ts', [ (1) x 30 ], 29, 2 ],
	[ 'one new record', 'by_ts', [ (1) x 30 ], 28, 3 ],
	[ 'a few', 'by_ts', [ (1) x 30 ], 20, 3 ],
	[ 'a few of several pages', 'by_ts', [ (1) x 130 ], undef, 3 ],
	[ 'pages of the size asked for', 'by_ts', [ (1) x 199 ], undef, 4 ],
	[ 'nothing new', 'by_auto', [ (1) x 30 ], 29, 2 ],
	[ 'a few', 'by_auto', [ (1) x 30 ], 20, 3 ],
	[ 'a few of several pages', 'by_auto', [ (1) x 130 ], undef, 4 ]);
$node->safe_psql('postgres', "ALTER FOREIGN TABLE $_ OPTIONS (page_size '100')") for qw(by_ts by_auto);
for my $cost (@costs)
{
	my ($name, $table, $groups, $index, $most) = @$cost;
	my $versions = versions(@$groups);
	my $key = tenant($versions);
	shown([ $key, $table, defined $index ? sprintf("ts > '%016x'", $versions->[$index]) : undef ]);
	is(requests($key), $most, "$name, $table: $most requests");
}

# --- What a calibration makes of it -----------------------------------------

for my $case ([ 'none share', [ (1) x 30 ], '>|ts' ], [ 'two share', [ (1) x 9, 2, (1) x 19 ], 'open|page' ])
{
	my ($name, $groups, $expected) = @$case;
	my @versions = @{ versions(@$groups) };
	my $key = 'c' . ++$tenants;
	# Their order is not that of their keys.
	$sim->tenant($key,
		records => [ map { { ID => ($_ * 7) % 31, Code => 'C' . ($_ * 11) % 31, Name => 'x', Ts => sprintf('%016x', $versions[ $_ - 1 ]) } } 1 .. 30 ],
		switches => { disabled_default => 'all' });
	is( $node->safe_psql(
			'postgres',
			"ALTER USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (SET app_key '$key'); "
			  . "SELECT string_agg(coalesce(value, 'open'), '|' ORDER BY fact DESC) FROM tplus.calibrate('by_auto') "
			  . "WHERE fact IN ('row versions page', 'paging')"),
		$expected,
		"calibration where $name");
}

# --- Pages that come again --------------------------------------------------

# The record that stands on both pages is known to do so, whichever attempt
# brings it.
my @again;
for my $nth (1 .. 4)
{
	my $key = tenant(versions((1) x 99, 2, (1) x 99));
	$sim->fault($key, match => { nth => $nth }, action => 'truncate', fraction => 0.6);
	push @again, map { [ $key, $_ ] } qw(by_ts by_auto);
}
is((grep { $_ ne join ',', 1 .. 200 } shown(@again)), 0, 'a page that breaks off and comes again');

# --- Spellings of a key -----------------------------------------------------

my %replies = (
	numbers => [ '[{"ID":5,"Name":"a"},{"ID":6,"Name":"b"}]', '[{"ID":"5.0","Name":"a"},{"ID":"7.000000","Name":"c"}]' ],
	exponents => [ '[{"ID":100,"Name":"a"},{"ID":-0,"Name":"b"}]', '[{"ID":1e2,"Name":"a"},{"ID":"0.00","Name":"b"},{"ID":" 0101","Name":"c"}]' ],
	uuids => [ '[{"ID":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11","Name":"a"}]', '[{"ID":"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}","Name":"a"}]' ]);
for my $case (
	[ 'numbers', 'bigint', 3 ], [ 'numbers', 'numeric', 3 ], [ 'numbers', 'text', 4 ], [ 'exponents', 'bigint', 3 ],
	[ 'exponents', 'double precision', 3 ], [ 'uuids', 'uuid', 1 ], [ 'uuids', 'text', 2 ])
{
	my ($name, $type, $rows) = @$case;
	my $key = tenant([]);
	for my $part (0, 1)
	{
		$sim->fault($key, match => { param => { part => $part } }, action => 'body', body => $replies{$name}[$part], times => 0);
	}
	$node->safe_psql('postgres', <<"SQL");
ALTER USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (SET app_key '$key');
DROP FOREIGN TABLE IF EXISTS spelled;
CREATE FOREIGN TABLE spelled (id $type OPTIONS (field 'ID'), name text OPTIONS (field 'Name')) SERVER erp
  OPTIONS (path '/tplus/api/v2/inventory/Query', paging 'none', verify 'off', variants '[{"part": "0"}, {"part": "1"}]');
SQL
	is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT * FROM spelled OFFSET 0) x'), $rows, "two spellings of $name, $type");
}

done_testing();
