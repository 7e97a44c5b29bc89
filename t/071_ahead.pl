# Requests sent before their turn: that they overlap, as far as the budget
# allows; that none is sent which nobody may need; that rows and guards stay
# what they are, whatever fails on the way.
use strict;
use warnings;

use JSON::PP;
use List::Util qw(max min sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# Compiling takes longer than the reads.
$node->append_conf('postgresql.conf', "jit = off\n");
$node->start;

my $sim = TplusSim->new;
my $name = 'none';
my $count = 0;

# A server with a tenant of its own and a foreign table "item" of 50 records a
# page; options are those of the server, of the table, and the simulator's.
sub server
{
	my (%option) = @_;
	my %switches = (disabled_default => 'all', %{ delete $option{switches} // {} });
	my %table = (paging => 'page', verify => 'off', %{ delete $option{table} // {} });
	my $records = delete $option{records} // 1000;

	$name = 'a' . ++$count;
	$sim->tenant($name, records => $records, switches => \%switches);
	$sim->setup_server($node, $name,
		server => $name,
		tables => [],
		requests_per_second => 0,
		max_concurrency => 8,
		page_size => 50,
		%option);
	$node->safe_psql('postgres',
		"CREATE FOREIGN TABLE $name.item (id bigint, code text, name text, ts text) SERVER $name "
		  . TplusSim::options(resource => 'inventory', variants => 'none', %table));
	return;
}

sub sql { return $node->safe_psql('postgres', @_) }

# All keys once, compared with the truth of the simulator.
sub reads_all
{
	my ($test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = sql("SELECT id FROM $name.item");
	my @want = sort { $a <=> $b } map { $_->{ID} } $sim->records($name);
	return is(join(' ', sort { $a <=> $b } split /\n/, $got), join(' ', @want), "$test: rows");
}

# What EXPLAIN ANALYZE says of the scan in a statement.
sub costs
{
	my ($statement) = @_;
	my $plan = decode_json(sql("EXPLAIN (ANALYZE, FORMAT JSON) $statement"))->[0]{Plan};
	$plan = $plan->{Plans}[0] while !exists $plan->{'T+ Requests'};
	return $plan;
}

sub requests { return scalar $sim->journal($name, 'path=inventory') }

# How many requests were under way at once.  Of a reply the reader may know the
# end before the server does.
sub peak
{
	my @journal = $sim->ended($name, 'path=inventory');
	my $peak = 0;
	for my $entry (@journal)
	{
		my $t = $entry->{start};
		$peak = max($peak, scalar grep { $_->{start} <= $t && ($_ == $entry || $_->{end} > $t + 20) } @journal);
	}
	return $peak;
}

# The numbers of the pages asked for, in order.
sub pages
{
	return sort { $a <=> $b } map { $_->{body}{param}{PageIndex} } $sim->journal($name, 'path=inventory');
}

subtest 'page numbers' => sub {
	server(switches => { latency_ms => 100 });
	reads_all('20 pages');
	my @journal = $sim->ended($name, 'path=inventory');
	my $span = max(map { $_->{end} } @journal) - min(map { $_->{start} } @journal);
	cmp_ok(sum0(map { $_->{end} - $_->{start} } @journal), '>', 2 * $span, 'the waits overlap');
	is(join(' ', pages()), join(' ', 1 .. 21), 'each page once, and the one that shows the end');
	cmp_ok(peak(), '>', 3, 'several at a time');
	cmp_ok(peak(), '<=', 8, 'but no more than max_concurrency');

	$sim->clear_journal($name);
	my $costs = costs("SELECT id FROM $name.item");
	is($costs->{'T+ Requests'}, 21, 'EXPLAIN counts all of them');
	is($costs->{'T+ Requests Ahead'}, 19, '... those sent ahead');
	is($costs->{'T+ Requests Unused'}, 0, '... and those in vain');
};

subtest 'page numbers, confirmed' => sub {
	server(table => { verify => 'on' }, switches => { latency_ms => 100 });
	reads_all('twice');
	is(requests(), 42, 'the second time for the keys');
	my @second = grep { $_->{body}{param}{SelectFields} !~ /Code/ } $sim->journal($name, 'path=inventory');
	cmp_ok(max(map { $_->{in_flight} } @second), '>', 3, 'which overlaps, too');
};

subtest 'a server that tells no total' => sub {
	server(switches => { latency_ms => 20, 'QueryPage.total_count' => 'absent' });
	reads_all('looks for the end');
	cmp_ok(requests(), '<=', 21 + 8, 'and looks at most max_concurrency pages beyond');
	my $costs = costs("SELECT id FROM $name.item");
	is($costs->{'T+ Requests'}, 21 + $costs->{'T+ Requests Unused'}, 'which EXPLAIN counts');

	# Beyond the end stands an error, which nobody asked for.
	$sim->switches($name, 'QueryPage.past_end' => 'empty');
	$sim->fault($name, match => { path => '*QueryPage', param => { PageIndex => $_ } }, action => 'forbidden', times => 100)
	  for 22 .. 40;
	reads_all('errors beyond the end');
};

subtest 'a row version' => sub {
	server(table => { paging => 'ts' }, page_size => 100, switches => { latency_ms => 100 });
	my $costs = costs("SELECT id FROM $name.item");
	is($costs->{'T+ Requests'}, 12, 'ten pages, one more as each begins with the last record before it, and the end');
	is($costs->{'T+ Requests Ahead'}, 9, 'all but the first two were sent ahead, and the one behind the short page');
	is($costs->{'T+ Requests Unused'}, 0, 'none in vain');
	reads_all('by version');

	# The last record of a page may look otherwise than the one read before it.
	$sim->switches($name, nulls => 'absent', custom_fields => 'dynamic', refs => 'dotted', ts_key => 'TS');
	sql("CREATE FOREIGN TABLE $name.wide (id bigint, shorthand text, specification text, priuserdefnvc1 text, "
		  . "inventoryclasscode text OPTIONS (field 'InventoryClass.Code'), ts text) SERVER $name "
		  . "OPTIONS (resource 'inventory', variants 'none', verify 'off', paging 'ts')");
	$costs = costs("SELECT * FROM $name.wide");
	is($costs->{'T+ Requests Ahead'}, 9, 'whatever the form of the records');
	is($costs->{'T+ Requests Unused'}, 0, 'none in vain, either');

	# 100 rows take as long as a page.
	$sim->clear_journal($name);
	my $start = time();
	sql("SELECT count(*) FROM (SELECT pg_sleep(0.001) FROM $name.item OFFSET 0) x");
	my $elapsed = time() - $start;
	my @journal = $sim->ended($name, 'path=inventory');
	my $idle = sum0(map { max(0, $journal[$_]{start} - $journal[ $_ - 1 ]{end}) } 2 .. $#journal);
	cmp_ok($idle, '<', 0.5 * 1000 * $elapsed, 'the server works while rows are worked on');
};

subtest 'no more than is needed' => sub {
	my %needs = (
		"SELECT id FROM %s LIMIT 1" => 1,
		"SELECT id FROM %s LIMIT 30" => 1,
		"SELECT id FROM %s LIMIT 50" => 1,
		"SELECT id FROM %s WHERE length(name) > 0 LIMIT 30" => 1,
		"SELECT count(*) FROM (SELECT id FROM %s LIMIT 49) x" => 1,
		"BEGIN; DECLARE c CURSOR FOR SELECT id FROM %s; FETCH 3 FROM c; FETCH 40 FROM c; COMMIT" => 1,
		"SELECT EXISTS (SELECT FROM %s)" => 1,
		"SELECT id FROM %s LIMIT 100" => 2,
	);
	for my $paging (qw(page ts))
	{
		server(table => { paging => $paging }, page_size => 100);
		sql("ALTER SERVER $name OPTIONS (SET page_size '100')");
		for my $query (sort keys %needs)
		{
			$sim->clear_journal($name);
			sql(sprintf $query, "$name.item");
			cmp_ok(requests(), '<=', $needs{$query}, "$paging: " . sprintf $query, 'item');
		}
	}
};

subtest 'one page fails while later ones have come' => sub {
	server(switches => { latency_ms => 30 });
	my @faults = (
		{ action => 'unavailable' },
		{ action => 'throttled', retry_after => 0 },
		{ action => 'truncate', fraction => 0.5 },
		{ action => 'drop', when => 'during' },
		{ action => 'drop', when => 'lost' },
		{ action => 'append', bytes => 10 },
		{ action => 'html', status => 503 },
	);
	for my $fault (@faults)
	{
		for my $page (3, 6, 21)
		{
			next if $fault->{action} eq 'append' && $page == 21;
			$sim->clear_faults($name);
			$sim->clear_journal($name);
			$sim->fault($name, match => { path => '*QueryPage', param => { PageIndex => $page } }, %$fault);
			my $costs = costs("SELECT id FROM $name.item");
			my $what = "$fault->{action}" . ($fault->{when} ? " $fault->{when}" : '') . ", page $page";
			is(join(' ', pages()), join(' ', sort { $a <=> $b } 1 .. 21, $page), "$what: that page again, and no other");
			is($costs->{'Actual Rows'} + 0, 1000, "$what: all rows");
		}
	}
	$sim->clear_faults($name);
	$sim->fault($name, match => { path => '*QueryPage', param => { PageIndex => $_ } }, action => 'unavailable') for 2 .. 9;
	reads_all('eight pages at once');
	$sim->clear_faults($name);
	$sim->fault($name, match => { path => '*QueryPage', param => { PageIndex => 7 } }, action => 'quota', times => 9);
	my ($rc, $out, $err) = $node->psql('postgres', "\\set FETCH_COUNT 1\n\\set VERBOSITY verbose\nSELECT id FROM $name.item");
	like($err, qr/ERROR: /, 'what cannot be had is an error');
	is(scalar(split /\n/, $out), 300, 'after the rows before it');
};

subtest 'a dead token' => sub {
	server(
		switches => { latency_ms => 30 },
		mapping => { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });
	reads_all('the first token');
	$sim->clear_journal($name);
	$sim->fault($name, match => { path => '*QueryPage', nth => 6 }, action => 'revoke');
	reads_all('which dies in the middle');
	is(scalar($sim->journal($name, 'path=auth')), 1, 'is renewed once');
};

subtest 'guards' => sub {
	# Page numbers that do not move, and pages of another size than asked.
	server(switches => { 'QueryPage.page_index' => 'ignored' });
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT id FROM $name.item");
	like($err, qr/cannot be read by page numbers/, 'pages that do not move');
	for my $from (qw(capped asked))
	{
		server(page_size => 70, switches => { 'QueryPage.max_rows' => 33, 'QueryPage.offset_from' => $from });
		reads_all("pages capped, offset $from");
	}
	for my $page (3, 9)
	{
		server();
		$sim->fault($name, match => { path => '*QueryPage', param => { PageIndex => $page } }, action => 'rows', keep => 20);
		reads_all("page $page is not full, but has successors");
	}
	for my $total (qw(low high zero text page null))
	{
		server(records => 400, switches => { 'QueryPage.total_count' => $total });
		reads_all("total $total");
	}

	# Data that moves between the pages.
	for my $action (qw(delete edit insert))
	{
		server(records => 500, table => { verify => 'on' });
		my %record = $action eq 'insert' ? (record => { Code => '000', Name => 'new' }) : (pick => 'served_first');
		$sim->change($name, action => $action, %record, after_requests => 4,
			$action eq 'edit' ? (set => { Name => 'other' }) : ());
		my @got = split /\n/, sql("SELECT id FROM $name.item");
		my %seen;
		is(scalar(grep { $seen{$_}++ } @got), 0, "$action: no row twice");
		is(scalar(grep { !$seen{ $_->{ID} } } $sim->records($name)), 0, "$action: and none missed");
	}
};

subtest 'one request at a time' => sub {
	server(max_concurrency => 1, switches => { latency_ms => 30 });
	reads_all('is enough');
	is(join(' ', pages()), join(' ', 1 .. 21), 'each page once');
	is(peak(), 1, 'one at a time');
	sql("SELECT count(*) FROM $name.item a JOIN $name.item b USING (id) JOIN $name.item c USING (id)");
	is(peak(), 1, 'also for three tables');
};

done_testing();
