# What the planner makes of requests: nested loops that ask value by value or
# one full read, a LIMIT as the size of a page, rows kept for rescans, and
# estimates.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusSim;

my $sim = TplusSim->new;
my $node = PostgreSQL::Test::Cluster->new('planner');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nautovacuum = off\n");
$node->start;
my $key = 'planner';
$sim->tenant($key, records => 3000);
$sim->setup_server($node, $key, requests_per_second => 0, tables => []);
$node->safe_psql('postgres', <<'SQL');
CREATE FOREIGN TABLE item (id bigint, code text, name text, class text OPTIONS (field 'InventoryClass.Code'),
  disabled boolean, made date OPTIONS (field 'MadeRecordDate'), ts text) SERVER erp OPTIONS (resource 'inventory');
CREATE TABLE wanted (n int, id bigint, code text, class text);
SQL

sub options
{
	my ($what, @options) = @_;
	$node->safe_psql('postgres', "ALTER $what OPTIONS (" . join(', ', @options) . ')');
	return;
}

sub run
{
	my ($sql) = @_;
	$sim->clear_journal($key);
	return $node->safe_psql('postgres', $sql);
}

sub sent { return map { $_->{body}{param} // decode_json($_->{body})->{param} } $sim->journal($key) }

sub requests { return scalar $sim->journal($key) }

sub look
{
	my ($sql, $before) = @_;
	return decode_json($node->safe_psql('postgres', ($before ? "$before;\n" : '') . "EXPLAIN (FORMAT JSON, VERBOSE) $sql"))->[0]{Plan};
}

sub scans
{
	my ($plan) = @_;
	return (($plan->{'Node Type'} eq 'Foreign Scan' ? $plan : ()), map { scans($_) } @{ $plan->{Plans} // [] });
}

#
# A LIMIT
#
my @sizes;

sub first_page
{
	my ($sql, $before) = @_;
	run(($before ? "$before; " : '') . $sql);
	@sizes = map { $_->{PageSize} } sent();
	return $sizes[0];
}

for my $paging ('auto', 'ts', 'page')
{
	options('FOREIGN TABLE item', "ADD paging '$paging'");
	my $least = $paging eq 'ts' ? 100 : 0;
	my $rows = sub { return $_[0] < $least ? $least : $_[0] };

	is(run('SELECT count(*) FROM (SELECT id FROM item LIMIT 7) AS l'), 7, "$paging: LIMIT 7");
	is_deeply([ map { $_->{PageSize} } sent() ], [ $rows->(7) ], 'is the size of the one page asked');
	is(first_page('SELECT id FROM item LIMIT 3 OFFSET 4'), $rows->(7), 'what OFFSET skips is added');
	is(first_page('SELECT id FROM item WHERE NOT disabled LIMIT 150'), 150, 'a clause that is asked exactly');
	is(scalar @sizes, 1, 'no second page');
	is(first_page(q{SELECT id FROM item WHERE ts > '0000000000000001' LIMIT 150}), 150, 'versions')
	  if $paging ne 'page';
	is(first_page('SELECT id FROM item LIMIT 700'), 500, 'one of more than a page');
	is(scalar @sizes, $paging eq 'auto' ? 3 : 2, 'ends the requests as soon as it is reached');
	is(first_page('SELECT l.id FROM wanted, LATERAL (SELECT id FROM item LIMIT 9) AS l', q{INSERT INTO wanted VALUES (1)}), $rows->(9), 'in a subquery');
	run('TRUNCATE wanted');

	# Whatever could drop or sort rows between the two.
	my @guards = (
		[ 'a clause that stays here', 'SELECT id FROM item WHERE id > 5 LIMIT 7' ],
		[ 'a clause that T+ takes more widely', q{SELECT id FROM item WHERE class = '01' LIMIT 7} ],
		[ 'an OR of which a part asks for more', q{SELECT id FROM item WHERE (id = 1 AND name = 'x') OR id = 2 LIMIT 7} ],
		[ 'a pattern', q{SELECT id FROM item WHERE name LIKE '%a%' LIMIT 7} ],
		[ 'volatile', 'SELECT id FROM item WHERE random() < 0.5 LIMIT 7' ],
		[ 'a clause outside', 'SELECT id FROM (SELECT * FROM item) AS s WHERE id > 5 LIMIT 7' ],
		[ 'ORDER BY', 'SELECT id FROM item ORDER BY id LIMIT 7' ],
		[ 'WITH TIES', 'SELECT id FROM item ORDER BY id FETCH FIRST 7 ROWS WITH TIES' ],
		[ 'DISTINCT', 'SELECT DISTINCT class FROM item LIMIT 7' ],
		[ 'DISTINCT ON', 'SELECT DISTINCT ON (class) class FROM item LIMIT 7' ],
		[ 'GROUP BY', 'SELECT class FROM item GROUP BY class LIMIT 7' ],
		[ 'an aggregate', 'SELECT count(*) FROM item LIMIT 7' ],
		[ 'HAVING', 'SELECT 1 FROM item HAVING count(*) > 0 LIMIT 7' ],
		[ 'a window function', 'SELECT row_number() OVER () FROM item LIMIT 7' ],
		[ 'a set-returning function', 'SELECT generate_series(1, 0) FROM item LIMIT 7' ],
		[ 'a set operation', 'SELECT id FROM item EXCEPT SELECT id FROM wanted LIMIT 7' ],
		[ 'a join', 'SELECT i.id FROM item i JOIN wanted w USING (id) LIMIT 7', 'INSERT INTO wanted (id) SELECT generate_series(1, 3000)' ],
		[ 'an outer join', 'SELECT i.id FROM wanted w RIGHT JOIN item i USING (id) LIMIT 7' ],
		[ 'FOR UPDATE', 'SELECT id FROM item LIMIT 7 FOR UPDATE' ],
		[ 'a LIMIT that is not known', 'EXECUTE p (7)', 'SET plan_cache_mode = force_generic_plan; PREPARE p (int) AS SELECT id FROM item LIMIT $1' ],
		[ 'LIMIT ALL', 'SELECT id FROM item LIMIT ALL' ]);
	for my $guard (@guards)
	{
		my ($name, $sql, $before) = @$guard;
		is(first_page($sql, $before), 500, "no hint: $name");
	}
	run('TRUNCATE wanted');

	# The server gives more than it is asked for: the hint was too small.
	$sim->switches($key, bool_json => 'ignored', disabled_default => 'all');
	is(run(q{SELECT count(*), count(*) FILTER (WHERE NOT disabled) FROM (SELECT disabled FROM item WHERE NOT disabled LIMIT 90) AS l}),
		'90|90', 'a LIMIT that takes more pages');
	@sizes = map { $_->{PageSize} } sent();
	cmp_ok(scalar(grep { $_ < 500 } @sizes), '<=', 1, 'asks for one small page alone');
	cmp_ok(scalar @sizes, '<=', 3, 'and few others');
	$sim->switches($key, bool_json => undef, disabled_default => undef);
	options('FOREIGN TABLE item', 'DROP paging');
}

#
# Aggregates and order
#
for my $sql ('SELECT count(*) FROM item', 'SELECT 1 FROM item', 'SELECT EXISTS (SELECT FROM item)')
{
	run($sql);
	is(join('|', map { $_->{SelectFields} } (sent())[0]), 'ID,Ts,Disabled', "$sql asks for the key, and what its guards need");
}
run('SELECT max(code) FROM item WHERE NOT disabled');
is((sent())[0]{SelectFields}, 'ID,Ts,Disabled,Code', 'an aggregate asks for its column');

#
# What was asked before
#
my @codes = map { $_->{Code} } grep { !$_->{Disabled} && $_->{Code} =~ /^\w+$/a } $sim->records($key);
my $list = join ', ', map { "($_, '$codes[$_]')" } 1 .. 7;
run("INSERT INTO wanted (n, code) VALUES $list");
my $loop = 'SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_memoize = off; SET enable_material = off; SET join_collapse_limit = 1';
my $sequence = sub {
	return 'SELECT count(i.id) FROM (SELECT w.code FROM unnest(ARRAY[' . join(', ', @_)
	  . ']) WITH ORDINALITY AS s (n, place) JOIN wanted w USING (n) ORDER BY place OFFSET 0) AS o '
	  . 'LEFT JOIN LATERAL (SELECT id FROM item i WHERE i.code = o.code OFFSET 0) AS i ON true';
};
is(run("$loop; " . $sequence->(1, 2, 1, 2, 1)), 5, 'a loop over two values');
is(requests(), 2, 'asks for each once');
is(run("$loop; SET work_mem = '64kB'; " . $sequence->(1 .. 6, 1 .. 6)), 12, 'as many values as fit into work_mem');
is(requests(), 6, 'are asked for once');
is(run("$loop; SET work_mem = '64kB'; " . $sequence->(1 .. 6, 1, 7, 1, 2)), 10, 'one value more');
is(requests(), 8, 'pushes out the one that was not looked at for longest');
is(run("$loop; SET work_mem = '64kB'; " . $sequence->((1 .. 7) x 2)), 14, 'too many in a circle');
is(requests(), 14, 'are all asked for again');
is(run("$loop; SET work_mem = '4MB'; " . $sequence->((1 .. 7) x 2)), 14, 'with more memory');
is(requests(), 7, 'they are not');

# Large sets of rows go to disk, and still count.
my ($class) = @{ [ sort map { $_->{InventoryClassCode} } $sim->records($key) ] }[1500];
my $in_class = grep { $_->{InventoryClassCode} eq $class } $sim->records($key);
run("SELECT * FROM item WHERE class = '$class'");
my $once = requests();
my $wide = sub {
	return "SELECT sum(length(i.name)) > 0, count(i.id) FROM (SELECT text '$class' AS class, g FROM generate_series(1, 4) AS g OFFSET 0) AS o "
	  . "LEFT JOIN LATERAL (SELECT * FROM item i WHERE $_[0] OFFSET 0) AS i ON true";
};
is(run("$loop; SET work_mem = '64kB'; " . $wide->('i.class = o.class')), 't|' . 4 * $in_class, 'a large set of rows');
is(requests(), $once, 'is asked for once in four scans');
is(run("$loop; " . $wide->("i.class = '$class' AND o.g > 0")), 't|' . 4 * $in_class, 'scans that nothing announces');
is(requests(), $once, 'are answered from memory, too');
is(run("$loop; BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id FROM item WHERE class = '$class'; MOVE FORWARD ALL IN c; MOVE BACKWARD ALL IN c; FETCH FORWARD 0 FROM c; COMMIT"),
	'', 'a cursor that goes back');
is(requests(), $once, 'asks nothing again');

# Each value of an array is asked for once.
my ($one, $two) = @codes[ 1, 2 ];
is(run("SELECT count(*) FROM item WHERE code = ANY (ARRAY['$one', '$two', '$one', NULL, '$two'])"), 2, 'a list with repeats');
is(requests(), 2, 'asks for each value once');
is(run("SELECT count(*) FROM item WHERE code = '$one' OR code IN ('$two', '$one')"), 2, 'an OR with repeats');
is(requests(), 2, 'too');
run("SELECT count(*) FROM item WHERE class = '$class'");
$once = requests();
run("SELECT count(*) FROM item WHERE class = ANY (ARRAY['$class', '$class', NULL, '$class'])");
is(requests(), $once, 'a value of several records, too');
is(run(q{SELECT count(*) FROM item WHERE code = ANY ('{}')}), 0, 'an empty list');
is(requests(), 0, 'asks nothing');

#
# Value by value, or all at once
#
# Nothing is known of this server but what its options declare.
$node->safe_psql('postgres', <<"SQL");
CREATE SERVER unasked FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '${\ $sim->url }');
CREATE FOREIGN TABLE quiet (id bigint, code text, class text OPTIONS (field 'InventoryClass.Code'))
  SERVER unasked OPTIONS (resource 'inventory');
SQL

sub way
{
	my ($sql, %set) = @_;
	my ($scan) = scans(look($sql));
	return join(' ', @{ $scan->{'T+ Pushed'} // [] }) =~ /code|class/ ? 'loop' : 'full';
}

sub outer
{
	my ($rows) = @_;
	$node->safe_psql('postgres',
		"TRUNCATE wanted; INSERT INTO wanted SELECT g, g, 'c' || g, 'k' || g FROM generate_series(1, $rows) AS g; ANALYZE wanted");
	return;
}

my $join = 'SELECT i.id FROM wanted w JOIN quiet i ON i.code = w.code';
outer(3);
is(way($join), 'loop', 'few outer rows: value by value');
is(way($join =~ s/JOIN/LEFT JOIN/r), 'loop', 'an outer join as well');
outer(300);
is(way($join), 'full', 'many outer rows: all at once');
options('FOREIGN TABLE quiet', q{ADD rows '1000000'});
is(way($join), 'loop', 'of a large table, value by value again');
options('FOREIGN TABLE quiet', q{SET rows '100'});
outer(3);
is(way($join), 'loop', 'a small table, three values');
outer(12);
is(way($join), 'full', 'a small table is read before a dozen values are asked');
options('FOREIGN TABLE quiet', q{SET rows '200000'});
outer(450);
is(way($join), 'full', 'requests count where they take long');
options('SERVER unasked', q{ADD latency_ms '0'});
is(way($join), 'loop', 'and records where they do not');
options('SERVER unasked', q{DROP latency_ms});
options('FOREIGN TABLE quiet', q{DROP rows});
outer(3);
is(way('SELECT i.id FROM wanted w JOIN quiet i ON i.class = w.class'), 'full', 'values that are not unique take requests to be sure that they are all');
options('FOREIGN TABLE quiet', q{ADD rows '100000'});
is(way('SELECT i.id FROM wanted w JOIN quiet i ON i.class = w.class'), 'loop', 'worth their while in a large table');
is(way('SELECT i.id FROM wanted w JOIN quiet i ON i.code = w.code JOIN quiet j ON j.code = i.code'), 'loop', 'an equivalence class');
options('FOREIGN TABLE quiet', q{ADD pushdown 'false'});
is(way($join), 'full', 'not where pushdown is off');
options('FOREIGN TABLE quiet', q{DROP pushdown, DROP rows});

# A scan costs what it asks, each request 300 ms here, and little else.
sub expected_requests
{
	my ($clause) = @_;
	my $plan = look("SELECT * FROM quiet WHERE $clause");
	return int($plan->{'Total Cost'} / 3000);
}

options('FOREIGN TABLE quiet', q{ADD rows '5000'});
is(expected_requests('true'), 17, 'all records take pages, a count, the stopped ones, and a second round');
is(expected_requests(q{code = 'x'}), 1, 'a code takes a request');
is(expected_requests(q{code IN ('x', 'y', 'z')}), 3, 'a list as many as it has values');
is(expected_requests(q{class = 'x'}), 6, 'what is not unique takes counts');
is(expected_requests('class IN (' . join(', ', map { "'$_'" } 1 .. 32) . ')'), 17, 'a list beyond max_filter_requests is not sent');
for ([ 'ts', 15 ], [ 'page', 28 ], [ 'none', 6 ])
{
	my ($paging, $requests) = @$_;
	options('FOREIGN TABLE quiet', "ADD paging '$paging'");
	is(expected_requests('true'), $requests, "paging $paging");
	options('FOREIGN TABLE quiet', 'DROP paging');
}
options('FOREIGN TABLE quiet', q{ADD variants 'none'});
is(expected_requests('true'), 13, 'where nothing hides');
options('FOREIGN TABLE quiet', q{DROP variants, DROP rows});

# What was measured counts more than what is declared.
sub startup { return look('SELECT id FROM slow')->{'Startup Cost'} }

$sim->tenant('slow', records => 5, switches => { latency_ms => 400 });
$sim->setup_server($node, 'slow', server => 'slow', requests_per_second => 0, latency_ms => 1, tables => []);
$node->safe_psql('postgres', q{CREATE FOREIGN TABLE slow (id bigint) SERVER slow OPTIONS (resource 'inventory', paging 'ts')});
is(startup(), 10, 'the declared latency');
$node->safe_psql('postgres', 'SELECT id FROM slow LIMIT 1');
cmp_ok(startup(), '>=', 4000, 'the measured one, in a new session');
$sim->switches('slow', latency_ms => 0);
$node->safe_psql('postgres', join ';', ('SELECT id FROM slow') x 8);
cmp_ok(startup(), '<', 4000, 'which follows the server');

#
# Estimates
#
sub rows { return look("SELECT * FROM item WHERE $_[0]")->{'Plan Rows'} }

is(rows('true'), 5000, 'a table never analysed has 5000 rows');
is(rows(q{code = 'x'}), 1, 'one of which has a code');
is(rows('id IN (1, 2, 3)'), 3, 'and as many a key as there are keys');
options('FOREIGN TABLE item', q{ADD rows '70000'});
is(rows('true'), 70000, 'or as many as "rows" says');
options('FOREIGN TABLE item', q{DROP rows});

# ANALYZE stays within the records of twenty pages, and believes the server's count.
options('FOREIGN TABLE item', q{ADD page_size '100'});
run('ANALYZE item');
cmp_ok(requests(), '<=', 26, 'ANALYZE reads a sample');
is($node->safe_psql('postgres', q{SELECT reltuples FROM pg_class WHERE relname = 'item'}), 3000, 'and takes the number of records from TotalCount');
is(rows('true'), 3000, 'which is what the planner expects');
cmp_ok(rows('disabled'), '<', 1000, 'the sample tells how many are stopped');
$sim->switches($key, total_count => 'absent');
run('ANALYZE item');
is($node->safe_psql('postgres', q{SELECT reltuples FROM pg_class WHERE relname = 'item'}), 2000, 'without a count, what was seen');
$sim->switches($key, total_count => undef);
options('FOREIGN TABLE item', q{SET page_size '500'});
run('ANALYZE item');
is($node->safe_psql('postgres', q{SELECT reltuples FROM pg_class WHERE relname = 'item'}), 3000, 'a table that fits into the sample is counted');

# A parent of T+ tables takes their rows as well; where they cannot be had, what
# is known of it stays as it is.
$node->safe_psql('postgres', <<'SQL');
ALTER SERVER erp OPTIONS (ADD max_retries '0');
CREATE TABLE parent (id bigint, name text) WITH (autovacuum_analyze_threshold = 50, autovacuum_analyze_scale_factor = 0);
CREATE FOREIGN TABLE heir () INHERITS (parent) SERVER erp OPTIONS (resource 'inventory');
CREATE TABLE whole (id bigint, name text, place text) PARTITION BY LIST (place);
CREATE TABLE here PARTITION OF whole FOR VALUES IN ('here');
CREATE FOREIGN TABLE there PARTITION OF whole FOR VALUES IN ('there') SERVER erp OPTIONS (resource 'inventory');
INSERT INTO parent SELECT g, (SELECT string_agg(md5((g % 7)::text || k), '') FROM generate_series(1, 30) AS k) FROM generate_series(1, 700) AS g;
INSERT INTO here SELECT g, 'n' || g % 7, 'here' FROM generate_series(1, 70) AS g;
SET default_statistics_target = 10;
ANALYZE parent, whole, item;
SQL

sub known
{
	return $node->safe_psql('postgres', <<'SQL');
SELECT relname, reltuples, relpages FROM pg_class WHERE relname IN ('item', 'heir', 'there', 'whole') ORDER BY 1;
SELECT starelid::regclass, s.* FROM pg_statistic AS s WHERE stainherit ORDER BY 1, staattnum;
SQL
}

my $known = known();
like($known, qr/^whole\|3070\|/m, 'the rows of T+ are in what is known of the parent');
like($known, qr/^parent\|.*[0-9a-f]{900}/m, 'and texts of any length');
$node->safe_psql('postgres', q{DELETE FROM ONLY parent WHERE id <= 10; INSERT INTO here SELECT g, 'z', 'here' FROM generate_series(71, 700) AS g});

sub analyze
{
	my ($sql, $sqlstate, $pattern, $name) = @_;
	my (undef, undef, $err) = $node->psql('postgres', $sql, on_error_die => 0, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($err, qr/: +$sqlstate: .*$pattern/, $name);
	is(known(), $known, 'and what is known stays');
	return $err;
}

for my $case (
	[ 'no permission', '\w+', { action => 'forbidden' } ],
	[ 'a network that fails', '08\w+', { action => 'drop' } ],
	[ 'a bad value', '\w+', { action => 'value', field => 'ID', raw => '"x"', row => 0 } ])
{
	my ($name, $sqlstate, $fault) = @$case;
	$sim->fault($key, match => { every => 1 }, times => 0, %$fault);
	my $err = analyze('ANALYZE', "WARNING:  $sqlstate", 'could not read a sample of foreign table "(heir|there)"', "$name is a warning");
	unlike($err, qr/ERROR/, 'ANALYZE goes on');
	analyze('ANALYZE item', "WARNING:  $sqlstate", 'could not read a sample of foreign table "item"', "$name is one of ANALYZE by name, too");
	analyze('BEGIN; ANALYZE whole; SELECT 1; COMMIT', "WARNING:  $sqlstate", 'could not read', 'and within a transaction') if $name eq 'no permission';
	$sim->clear_faults($key);
}
$sim->fault($key, match => { every => 1 }, times => 0, action => 'stall', when => 'before', ms => 60000);
analyze(q{SET statement_timeout = '300ms'; ANALYZE whole}, 'ERROR:  57014', 'statement timeout', 'a timeout still ends ANALYZE');
$sim->clear_faults($key);
$node->safe_psql('postgres', 'ANALYZE whole');
isnt(known(), $known, 'one that succeeds replaces it');
$known = known();

# An autovacuum worker asks nothing.
$sim->clear_journal($key);
$node->safe_psql('postgres', q{INSERT INTO parent SELECT g, 'late' FROM generate_series(1, 500) AS g});
$node->safe_psql('postgres', $_) for q{ALTER SYSTEM SET autovacuum = on}, q{ALTER SYSTEM SET autovacuum_naptime = '1s'}, 'SELECT pg_reload_conf()';
ok($node->poll_query_until('postgres', q{SELECT autoanalyze_count > 0 FROM pg_stat_user_tables WHERE relname = 'parent'}), 'autovacuum analyzes the parent');
like($node->safe_psql('postgres', q{SELECT most_common_vals FROM pg_stats WHERE tablename = 'parent' AND attname = 'name' AND NOT inherited}), qr/late/, 'by itself');
is(requests(), 0, 'without a request');
is(known(), $known, 'and leaves what is known of it with its children');

$node->stop;
done_testing;
