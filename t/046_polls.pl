# What it costs to ask again for what is new: with what a calibration has
# decided, a page is often enough.  For each proof that is taken from there, a
# server that would lose a record if the proof were none.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusPolls;
use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('polls');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\n");
$node->start;

my $sim = TplusSim->new;
$sim->tenant('first');
$sim->setup_server($node, 'first', requests_per_second => 0, max_concurrency => 1);

my $top = "$FindBin::RealBin/..";

# A tenant of its own kind for each test.
my ($false, $true) = (JSON::PP::false(), JSON::PP::true());
my $key;
my $tenants = 0;

sub server
{
	my ($records, $changes, %switches) = @_;
	$key = 'p' . ++$tenants;
	$sim->tenant($key, records => $records, switches => \%switches, $changes ? (changes => $changes) : ());
	$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (SET app_key '$key')");
	return;
}

# A table with these options; what a calibration decides unless they say so.
my %known = (page_size => 100, paging => 'ts', variants => 'none', ts_compare => 'gt', page_rows => 1000, page_bytes => 1000000);

sub table
{
	my ($name, %options) = @_;
	$options{$_} //= $known{$_} for keys %known;
	delete $options{$_} for grep { $options{$_} eq 'no' } keys %options;
	$node->safe_psql('postgres',
		"DROP FOREIGN TABLE IF EXISTS $name; CREATE FOREIGN TABLE $name (id bigint, code text, name text, "
		  . "disabled boolean OPTIONS (filter_encoding 'json'), madeRecordDate date OPTIONS (filter_op 'ge'), ts text) SERVER erp "
		  . TplusSim::options(resource => 'inventory', %options));
	return;
}

# The last line of what a session prints, and how many requests it took.
sub asked
{
	my (@statements) = @_;
	$sim->clear_journal($key);
	my @lines = split /\n/, $node->safe_psql('postgres', join '', map { "$_;\n" } @statements) // '';
	return ($lines[-1] // '', scalar(@{ [ $sim->journal($key) ] }));
}

sub keys_of { return "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), 'none') FROM (SELECT id FROM $_[0] WHERE $_[1] OFFSET 0) x" }

# 20 records to begin with, of which the 10th and the 20th are stopped.
sub records
{
	my ($n, %field) = @_;
	return [ map { my $id = $_; { ID => $id, Code => "C$id", Name => "bolt $id", Disabled => $id % 10 ? $false : $true,
				Ts => sprintf('%016x', 100 + 10 * $id), MadeRecordDate => sprintf('2026-%02d-%02d', 1 + int($id / 280), 1 + int($id / 10) % 28),
				map { $_ => $field{$_}->($id) } keys %field } } 1 .. $n ];
}
sub version { return sprintf '%016x', 100 + 10 * $_[0] }

# --- What it costs ----------------------------------------------------------

table('one');
table('kinds', variants => 'auto');
table('unknown', ts_compare => 'no', page_rows => 'no', page_bytes => 'no');
table('auto', paging => 'auto');
table('page', paging => 'page', total_count => 'whole');
table('plain', paging => 'page', total_count => 'whole', ts_compare => 'no');
for my $case (
	[ 'nothing new', 'one', 'gt', 300, 1 ],
	[ 'the record that it began from', 'one', 'gt', -300, 1 ],
	[ 'a few', 'one', 'gt', 270, 1 ],
	[ 'a page that is full', 'one', 'gt', 200, 2 ],
	[ 'two pages', 'one', 'gt', 150, 2 ],
	[ 'all', 'one', 'gt', 0, 4 ],
	[ 'nothing new', 'one', 'ge', 300, 1 ],
	[ 'a few', 'one', 'ge', 270, 1 ],
	[ 'two pages', 'one', 'ge', 150, 2 ],
	[ 'nothing new', 'kinds', 'gt', 300, 2 ],
	[ 'the record that it began from', 'kinds', 'gt', -300, 2 ],
	[ 'the record that it began from', 'kinds', 'ge', -300, 2 ],
	[ 'a few', 'kinds', 'gt', 270, 3 ],
	[ 'two pages', 'kinds', 'gt', 150, 4 ],
	[ 'nothing new', 'kinds', 'ge', 300, 2 ],
	[ 'a few', 'kinds', 'ge', 270, 3 ],
	[ 'nothing new', 'unknown', 'gt', 300, 2 ],
	[ 'a few', 'unknown', 'gt', 270, 3 ],
	[ 'nothing new', 'auto', 'gt', 300, 1 ],
	[ 'nine records', 'auto', 'gt', 291, 1 ],
	[ 'more than nine', 'auto', 'gt', 290, 2 ],
	[ 'nothing new', 'page', 'gt', 300, 1 ],
	[ 'nine records', 'page', 'gt', 291, 1 ],
	[ 'more than nine', 'page', 'gt', 290, 7 ],
	[ 'nothing new', 'plain', 'gt', 300, 6 ])
{
	my ($name, $table, $compare, $after, $most) = @$case;
	server(records(300), undef, 'Query.ts_compare' => $compare, $table eq 'kinds' ? () : (disabled_default => 'all'));
	my ($out, $requests) = asked(keys_of($table, $after < 0 ? "ts >= '" . version(-$after) . "'" : "ts > '" . version($after) . "'"));
	is("$out: $requests", (join(',', ($after < 0 ? -$after : $after + 1) .. 300) || 'none') . ": $most", "$name, $table, $compare: $most requests");
}

# By the day of filing: one page or several, and at most two requests more.
server(records(300), undef, made_compare => 'ge');
for my $table (qw(one auto page))
{
	for my $day (1, 12, 28, 29)
	{
		my @expected = grep { $_ % 10 && ($_ >= 280 || 1 + int($_ / 10) % 28 >= $day) } 1 .. 300;
		@expected = grep { $_ >= 280 } @expected if $day == 29;
		my $date = $day == 29 ? '2026-02-01' : sprintf '2026-01-%02d', $day;
		my ($out, $requests) = asked(keys_of($table, "madeRecordDate >= '$date' AND NOT disabled"));
		is($out, join(',', @expected), "filed since $date, $table");
		# The day before is asked for as well.
		my $pages = int((@expected + 9 + 99) / 100);
		# By page number, a second sweep confirms what several pages brought.
		cmp_ok($requests, '<=', $table eq 'page' && $pages > 1 ? $pages * 2 : $pages + 2, "$table takes $requests requests for $pages pages");
	}
}

# What "make demo" reads first of what is new: both kinds, by the day of filing,
# from the account set that it imports.  Each kind has one page.
$key = 'demo';
$sim->tenant($key, records => 5000, end_date => '2026-06-30', switches => { made_compare => 'ge' });
$node->safe_psql('postgres', <<"SQL");
ALTER USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (SET app_key '$key');
CREATE SCHEMA demo;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER erp INTO demo;
SQL
my @demo = map { { %$_, MadeRecordDate => substr $_->{MadeRecordDate}, 0, 10 } } $sim->records($key);
for my $case ([ '', '2026-06-29', 2 ], [ ' AND NOT Disabled', '2026-06-29', 1 ], [ '', '2026-06-01', 2 ], [ ' AND Disabled', '2026-06-01', 1 ])
{
	my ($kind, $since, $pages) = @$case;
	my @expected = sort { $a <=> $b } map { $_->{ID} }
	  grep { $_->{MadeRecordDate} ge $since && ($kind eq '' || ($kind =~ /NOT/ xor $_->{Disabled})) } @demo;
	my ($out, $requests) = asked(keys_of('demo.inventory', "MadeRecordDate >= date '$since'$kind"));
	is($out, join(',', @expected), "what the demo reads since $since$kind: its records");
	cmp_ok($requests, '<=', $pages + 2, "takes $requests requests for $pages pages");
}
$node->safe_psql('postgres', 'DROP SCHEMA demo CASCADE');

# --- What the proofs rest on ------------------------------------------------

# Pages that end among records which share a version, or just before one that
# is longer than all before it; pages of as many records as the server is known
# to send.
my @shared = (1 .. 8, (9) x 4, 10 .. 17);
for my $cap (3, 9, 10, 11, 12, 20)
{
	for my $compare (qw(gt ge))
	{
		server([ map { { ID => $_, Code => "C$_", Name => 'x', Disabled => $false, Ts => sprintf('%016x', 100 + $shared[ $_ - 1 ]) } } 1 .. 20 ],
			undef, 'Query.max_rows' => $cap, 'Query.ts_compare' => $compare);
		table('capped', page_rows => $cap, ts_compare => $compare);
		my ($out) = $cap == 3 ? $node->psql('postgres', keys_of('capped', "ts > '0000000000000064'")) : asked(keys_of('capped', "ts > '0000000000000064'"));
		is($out, $cap == 3 ? 3 : join(',', 1 .. 20), "versions are shared, $cap a page, $compare");
	}
}

# Of two kinds the first page of each is taken for the last: what is above it,
# in the next round, has what the page had no room for read from the beginning.
for my $cap (9, 10, 11, 12)
{
	server([ map { { ID => $_, Code => "C$_", Name => 'x', Disabled => $_ % 2 ? $false : $true, Ts => sprintf('%016x', 100 + $shared[ ($_ - 1) / 2 ]) } } 1 .. 40 ],
		undef, 'Query.max_rows' => $cap);
	table('deferred', variants => 'auto');
	my ($status, $out) = $node->psql('postgres', keys_of('deferred', 'true'));
	is($out, $status ? '' : join(',', 1 .. 40), "both kinds, versions are shared, $cap a page");
}
for my $long (2, 5, 11, 12, 19)
{
	server(records(20, Name => sub { $_[0] == $long ? 'x' x 700 : 'bolt' }, Disabled => sub { $false }), undef, 'Query.max_bytes' => 1000);
	table('bytes', page_rows => 12, page_bytes => 990);
	my ($out) = asked(keys_of('bytes', "ts > '" . version(0) . "'"));
	is($out, join(',', 1 .. 20), "record $long does not fit into the page of the others");
}

# A record that changes while it is read, in one kind or between the two: what
# the read does not bring, the next one does, which goes on from its
# high-water mark.
my $wrong = 0;
my $cases = 0;
$node->safe_psql('postgres', 'CREATE TABLE copy (id bigint PRIMARY KEY, name text, disabled boolean, ts text)');
for my $after (270, 292, 299, 300)
{
	for my $change (
		[ { action => 'flip' } ],
		[ { action => 'enable', where => { Disabled => $true } } ],
		[ { action => 'disable', where => { Disabled => $false } } ],
		[ { action => 'enable', where => { Disabled => $true } }, { action => 'edit', set => { Name => 'edited' }, where => { Disabled => $true } } ],
		[ { action => 'edit', set => { Name => 'edited' } } ],
		[ { action => 'insert', record => { Code => 'new', Name => 'new', Disabled => $true } } ],
		[ { action => 'insert', record => { Code => 'new', Name => 'new', Disabled => $false } } ])
	{
		for my $nth (1, 2)
		{
			for my $pick ($change->[0]{action} eq 'insert' ? 'any_last' : qw(any_first any_last))
			{
				server(records(300), [ map { { %$_, pick => $pick, after_requests => $nth } } @$change ]);
				my $mark = version($after);
				my $again = "INSERT INTO copy SELECT id, name, disabled, ts FROM kinds WHERE ts > tplus.high_water('kinds') "
				  . 'ON CONFLICT (id) DO UPDATE SET name = excluded.name, disabled = excluded.disabled, ts = excluded.ts';
				my ($rest) = asked('TRUNCATE copy', "INSERT INTO copy SELECT id, name, disabled, ts FROM kinds WHERE ts > '$mark'", $again, $again,
					"SELECT coalesce(string_agg(concat_ws(':', id, name, disabled::text, ts), ' ' ORDER BY id), 'none') FROM copy");
				my $truth = join(' ', map { join ':', $_->{ID}, $_->{Name}, $_->{Disabled} ? 'true' : 'false', $_->{Ts} }
					  sort { $a->{ID} <=> $b->{ID} } grep { $_->{Ts} gt $mark } $sim->records($key)) || 'none';
				$cases++;
				next if $rest eq $truth;
				diag "after $after, $change->[0]{action} of $pick after request $nth: $rest, not $truth" if $wrong++ < 5;
			}
		}
	}
}
is($wrong, 0, "$cases reads while a record changes lose nothing");

# Without verification there is one round, and the mark is that of the first kind.
table('trusting', variants => 'auto', verify => 'off');
server(records(300), [ map { { %$_, where => { Disabled => $true }, after_requests => 1 } }
	  { action => 'enable', pick => 'any_first' }, { action => 'edit', set => { Name => 'edited' }, pick => 'any_first' } ]);
is((asked("SELECT count(*) FROM (SELECT id FROM trusting WHERE ts > '" . version(300) . "' OFFSET 0) x",
		"SELECT string_agg(id::text, ',' ORDER BY id) FROM (SELECT id FROM trusting WHERE ts > tplus.high_water('trusting') OFFSET 0) x"))[0],
	'10,20', 'a mark does not pass what moved between two kinds that were read once');

# Where something came, a record that moves between the kinds comes at once.
for my $change ({ action => 'enable', where => { Disabled => $true }, pick => 'any_last' }, { action => 'disable', where => { Disabled => $false }, pick => 'any_last' })
{
	server(records(300), [ { %$change, after_requests => 1 } ]);
	my ($out) = asked(keys_of('kinds', "ts > '" . version(280) . "'"));
	is($out, join(',', 281 .. 300), "$change->{action} between the two kinds");
}

# Records that are edited between the pages, or come to the end of one.
for my $change (
	{ action => 'edit', set => { Name => 'edited' }, pick => 'served_first' }, { action => 'edit', set => { Name => 'edited' }, pick => 'served_last' },
	{ action => 'edit', set => { Name => 'edited' }, pick => 'unserved_first' }, { action => 'edit', set => { Name => 'edited' }, pick => 'unserved_last' },
	{ action => 'late', record => { Code => 'late' }, ts => sprintf('%016x', 100 + 10 * 150 + 1005) })
{
	server(records(300), [ { %$change, after_requests => 1 } ], disabled_default => 'all');
	my ($out) = asked(keys_of('one', "ts > '" . version(150) . "'"));
	$out = join ',', grep { $_ > 150 && $_ <= 300 } split /,/, $out;
	is($out, join(',', 151 .. 300), "$change->{action} between two pages");
}

# --- A server that is another one than was calibrated -----------------------

# It compares otherwise, and counts otherwise: every record comes.
for my $case ([ 'gt', 'ge' ], [ 'ge', 'gt' ])
{
	table('other', ts_compare => $case->[0]);
	server(records(300), undef, 'Query.ts_compare' => $case->[1], disabled_default => 'all');
	for my $after (150, 200, 290, 299, 300)
	{
		my ($out) = asked(keys_of('other', "ts > '" . version($after) . "'"));
		is($out, join(',', $after + 1 .. 300) || 'none', "$case->[1] where $case->[0] was declared, above $after");
	}
}
for my $total (qw(page low high zero absent))
{
	server(records(250), undef, 'QueryPage.total_count' => $total, disabled_default => 'all');
	table('counted', paging => 'page', page_size => 100, total_count => 'whole');
	my ($status, $out, $err) = $node->psql('postgres', keys_of('counted', 'true'));
	ok($out eq join(',', 1 .. 250) || $err =~ /cannot be read to its end/, "total_count: $total, declared as whole")
	  or diag "$out $err";
}

# A sync sees that versions are not answered any more, because the record from
# which it goes on does not come; and one whose pages have become shorter than
# they were goes on where the page ended.
table('source');
server(records(300), undef, disabled_default => 'all');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE target (id bigint PRIMARY KEY, code text, name text, disabled boolean);
SELECT tplus.create_sync('kept', source => 'source', target => 'target', lag => '0');
CALL tplus.sync('kept');
SQL
my $last = "SELECT kind || ' ' || requests || ' ' || rows_read FROM tplus.sync_run ORDER BY run DESC LIMIT 1";
my $differs = 'SELECT count(*) FROM (SELECT id, code, name, disabled FROM source EXCEPT TABLE target) x';
is((asked("CALL tplus.sync('kept')", $last))[0], 'incremental 1 1', 'a run that finds nothing takes one request');
$sim->mutate($key, [ map { { action => 'edit', index => $_, set => { Name => 'short' } } } 0 .. 59 ]);
$sim->switches($key, 'Query.max_rows' => 25);
asked(("CALL tplus.sync('kept')") x 3);
is($node->safe_psql('postgres', $differs), 0, 'shorter pages than before delay records, and lose none');
$sim->mutate($key, [ map { { action => 'edit', index => $_, set => { Name => 'equal' } } } 0 .. 4 ]);
$sim->switches($key, 'Query.max_rows' => 1000, 'Query.ts_compare' => 'eq');
my ($status, $out, $err) = $node->psql('postgres', "CALL tplus.sync('kept')");
like($err, qr/ERROR:.*cannot be read by "Ts"/, 'versions that are compared for equality all of a sudden are noticed');

# --- The table in the documentation -----------------------------------------

my %measured = map { my ($name, @requests) = @$_; ($name => join ' | ', @requests) }
  TplusPolls::measure($sim, sub { return $node->safe_psql('postgres', $_[0]) });
for my $file ('docs/requests.md', 'docs/requests.zh-CN.md')
{
	my %told = slurp_file("$top/$file") =~ /^\| `([\w-]+)` \| [^|]+ \| (.*) \|$/mg;
	is_deeply(\%told, \%measured, "$file tells what was measured");
}
done_testing();
