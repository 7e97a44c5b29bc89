# One reply that is not what it should be, at each place of a read: the rows
# are exact all the same, or the statement fails.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusLanes;

my $records = 120;
my @worlds = (
	[ 'auto', { 'Query.max_rows' => 40 } ],
	[ 'auto', { 'Query.max_rows' => 40, disabled_default => 'all' } ],
	[ 'auto', { 'Query.ts_compare' => 'ignored' } ],
	[ 'auto', { 'Query.max_rows' => 40, 'QueryPage.total_count' => 'absent' } ],
	[ 'page', {} ],
	[ 'page', { 'QueryPage.total_count' => 'absent', disabled_default => 'all' } ],
	[ 'ts', { 'Query.max_rows' => 40 } ]);

# Of a page with rows, some come, or twice, or backwards; or another reply.
my @faults = (
	{ action => 'rows', keep => 5 },
	{ action => 'rows', keep => 20, repeat => 2 },
	{ action => 'rows', repeat => 1 },
	{ action => 'rows', reverse => 1 },
	{ action => 'replay' },
	{ action => 'truncate', fraction => 0.7 },
	{ action => 'drop', when => 'during' },
	{ action => 'drop', when => 'lost' },
	{ action => 'throttled' },
	{ action => 'unavailable' },
	{ action => 'error_200' },
	{ action => 'result_false' },
	{ action => 'empty_object' },
	{ action => 'null' },
	{ action => 'html_200' },
	{ action => 'prepend', bytes => ' ' },
	{ action => 'append', bytes => ']' },
	{ action => 'value', field => 'ID', row => 3, raw => 'null' },
	{ action => 'value', field => 'Ts', row => 3, raw => '"zz"' },
	{ action => 'value', field => 'Disabled', row => 3, raw => 'null' });

my $node = PostgreSQL::Test::Cluster->new('replies');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\njit = off\n");
$node->start;
my $lanes = TplusLanes->new($node, 2, max_retries => 2);
for my $lane (0 .. $lanes->count - 1)
{
	$node->safe_psql('postgres', join '', map {
		"CREATE FOREIGN TABLE lane$lane.\"$_\" (id bigint, name text, disabled boolean, ts text) SERVER lane$lane "
		  . "OPTIONS (resource 'inventory', page_size '30', paging '$_');\n" } qw(auto page ts));
}
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION probe(server text, app_key text, tab text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text; state text; message text; detail text;
BEGIN
	EXECUTE format('ALTER USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (SET app_key %L)', server, app_key);
	EXECUTE format('SELECT string_agg(id || '':'' || ts, '' '' ORDER BY id) FROM %I.%I', server, tab) INTO result;
	RETURN concat_ws(E'\t', app_key, result);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(E'\t', app_key, translate(format('ERROR %s %s | %s', state, message, detail), E'\n\t', '  '));
END $$;
SQL

$lanes->tenant(0, 'truth', { records => $records });
my $truth = join ' ', map { "$_->{ID}:$_->{Ts}" } sort { $a->{ID} <=> $b->{ID} } $lanes->sim(0)->records('truth');

my (%name, $number);
for my $world (@worlds)
{
	my ($table, $switches) = @$world;
	for my $fault (@faults)
	{
		for my $nth (1 .. 12)
		{
			my $lane = $number++ % $lanes->count;
			my $key = "r$number";
			$name{$key} = join ', ', "$table @{[map { qq($_=$switches->{$_}) } sort keys %$switches]}",
			  (map { "$_=$fault->{$_}" } sort keys %$fault), "request $nth";
			$lanes->tenant($lane, $key,
				{ records => $records, switches => $switches, faults => [ { %$fault, match => { nth => $nth } } ] });
			$lanes->add($lane, "SELECT probe('lane$lane', '$key', '$table');");
		}
	}
}
my ($took, @lines) = $lanes->run;

my (%count, @wrong, %errors);
for (@lines)
{
	my ($key, $text) = split /\t/, $_, 2;
	my $name = delete $name{$key};
	if ($text =~ /^ERROR (?!XX)(\w{5}) (\S.*)/)
	{
		$count{errors}++;
		$errors{ "$1 $2" =~ s/\|.*//r =~ s/"[^"]*"/"..."/gr }++;
	}
	elsif ($text eq $truth || $name =~ /field=Ts/ && same_keys($text))
	{
		$count{exact}++;
	}
	else
	{
		push @wrong, "$name: " . ($text =~ /^ERROR/ ? $text : scalar(split / /, $text) . ' rows');
	}
}
# A version that is none is shown as it came.
sub same_keys
{
	my ($text) = @_;
	return $text =~ s/:\S+//gr eq $truth =~ s/:\S+//gr;
}

push @wrong, "$name{$_}: no result" for sort keys %name;
note sprintf '%d replies in %.1f s: %s', $number, $took, join(', ', map { "$count{$_} $_" } sort keys %count);
note "  $errors{$_} $_" for sort keys %errors;
diag $_ for @wrong[ 0 .. (@wrong > 60 ? 59 : $#wrong) ];
is(scalar @wrong, 0, 'never other rows');
done_testing();
