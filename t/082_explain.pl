# EXPLAIN: without ANALYZE nothing is sent, whatever the query; VERBOSE says of
# each clause what becomes of it; ANALYZE says what was asked and what it cost,
# in every format.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusSim;

my $key = 'explain';
my $sim = TplusSim->new;
$sim->tenant($key, records => 300);
my $node = PostgreSQL::Test::Cluster->new('explain');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\njit = off\n");
$node->start;
$sim->setup_server($node, $key, requests_per_second => 0);
$node->safe_psql('postgres', <<'SQL');
ALTER DATABASE postgres SET search_path = public, erp;
SET search_path = public, erp;
CREATE TABLE wanted (n int, code text, id bigint, word text, day date, flag boolean, codes text[]);
INSERT INTO wanted SELECT g, 'c' || g, g, 'w' || g, '2026-01-01', true, ARRAY['c' || g] FROM generate_series(1, 5) AS g;
ANALYZE wanted;
CREATE FUNCTION stable_text(text) RETURNS text STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE TABLE parent (id bigint, code text) PARTITION BY LIST (code);
CREATE FOREIGN TABLE leaf PARTITION OF parent FOR VALUES IN ('a') SERVER erp OPTIONS (resource 'inventory');
CREATE VIEW seen AS SELECT id, code FROM inventory WHERE NOT disabled;
CREATE FOREIGN TABLE paged (id bigint, code text) SERVER erp OPTIONS (resource 'inventory', paging 'page', page_size '100', variants 'none');
ALTER FOREIGN TABLE inventory ALTER maderecorddate OPTIONS (ADD filter_op 'eq');
SQL

sub sent { return scalar $sim->journal($key) }

sub look
{
	my ($options, $sql, $before) = @_;
	my ($status, $out, $err) = $node->psql('postgres', ($before ? "$before;\n" : '') . "EXPLAIN ($options) $sql");
	diag("$sql: $err") if $status;
	return $out;
}

sub json
{
	my ($options, $sql, $before) = @_;
	return decode_json(look("$options, FORMAT JSON", $sql, $before))->[0]{Plan};
}

# The first foreign scan in a plan.
sub scan
{
	my ($plan) = @_;
	return $plan if $plan->{'Node Type'} eq 'Foreign Scan';
	for (@{ $plan->{Plans} // [] })
	{
		my $found = scan($_);
		return $found if $found;
	}
	return;
}

#
# Nothing is sent
#
my $force = 'SET plan_cache_mode = force_generic_plan';
my @plain = (
	[ 'a table never analysed', 'SELECT * FROM inventory' ],
	[ 'a clause', q{SELECT id FROM inventory WHERE code = 'x' AND NOT disabled AND id > 5} ],
	[ 'a date', q{SELECT id FROM inventory WHERE maderecorddate >= now() - interval '3 days' AND maderecorddate < now()} ],
	[ 'a list', q{SELECT id FROM inventory WHERE id IN (1, 2, 3) OR id = 5} ],
	[ 'a pattern', q{SELECT id FROM inventory WHERE name LIKE '%bolt%'} ],
	[ 'a stable function', q{SELECT id FROM inventory WHERE code = stable_text('x')} ],
	[ 'a LIMIT', 'SELECT id FROM inventory LIMIT 3' ],
	[ 'count(*)', 'SELECT count(*) FROM inventory' ],
	[ 'a join', 'SELECT * FROM wanted w JOIN inventory i ON i.code = w.code' ],
	[ 'a nested loop', 'SELECT * FROM wanted w JOIN inventory i ON i.code = w.code', 'SET enable_hashjoin = off; SET enable_mergejoin = off' ],
	[ 'a self-join', 'SELECT * FROM inventory i JOIN inventory j ON i.id = j.id' ],
	[ 'an outer join', 'SELECT * FROM inventory i FULL JOIN wanted w USING (code)' ],
	[ 'LATERAL', 'SELECT * FROM wanted w, LATERAL (SELECT id FROM inventory i WHERE i.code = w.code LIMIT 1) AS l' ],
	[ 'a subplan', 'SELECT (SELECT name FROM inventory i WHERE i.code = w.code) FROM wanted w' ],
	[ 'an initplan', 'SELECT id FROM inventory WHERE code = (SELECT max(code) FROM inventory)' ],
	[ 'a subquery', 'SELECT n FROM wanted WHERE code IN (SELECT code FROM inventory)' ],
	[ 'NOT IN', 'SELECT n FROM wanted WHERE code NOT IN (SELECT code FROM inventory)' ],
	[ 'a set operation', 'SELECT code FROM inventory EXCEPT SELECT code FROM wanted' ],
	[ 'a CTE', 'WITH c AS MATERIALIZED (SELECT * FROM inventory) SELECT count(*) FROM c' ],
	[ 'a partition', q{SELECT * FROM parent WHERE code = 'a'} ],
	[ 'a view', q{SELECT * FROM seen WHERE code = 'x'} ],
	[ 'an INSERT', 'INSERT INTO wanted (id) SELECT id FROM inventory' ],
	[ 'CREATE TABLE AS', 'CREATE TABLE copy AS SELECT * FROM inventory' ],
	[ 'a cursor', q{DECLARE c CURSOR FOR SELECT id FROM inventory} ],
	[ 'a custom plan', q{EXECUTE p ('x')}, 'PREPARE p AS SELECT id FROM inventory WHERE code = $1' ],
	[ 'a generic plan', q{EXECUTE p ('x')}, "$force; PREPARE p AS SELECT id FROM inventory WHERE code = \$1" ],
	[ 'a generic array', q{EXECUTE p ('{x}')}, "$force; PREPARE p (text[]) AS SELECT id FROM inventory WHERE code = ANY (\$1)" ],
	[ 'FOR UPDATE', 'SELECT id FROM inventory WHERE id = 1 FOR UPDATE' ]);
$sim->clear_journal($key);
for my $case (@plain)
{
	my ($name, $sql, $before) = @$case;
	for my $options ('COSTS ON', 'VERBOSE', 'VERBOSE, FORMAT JSON')
	{
		like(look($options, $sql, $before), qr/Foreign Scan|Foreign_Scan|Result|Append/, "$name, $options");
	}
}
is(sent(), 0, 'EXPLAIN sent nothing');
# Nor where the user has no mapping, or nobody answers.
my $free = PostgreSQL::Test::Cluster::get_free_port();
$node->safe_psql('postgres', <<"SQL");
CREATE SERVER away FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://127.0.0.1:$free');
CREATE FOREIGN TABLE far (id bigint, code text) SERVER away OPTIONS (resource 'inventory');
SQL
like(look('VERBOSE', q{SELECT * FROM far WHERE code = 'x'}), qr/T\+ Parameters: .*"Code":"x"/, 'a server away is no matter');

#
# What becomes of a clause
#
# Releases of PostgreSQL show and number values from elsewhere differently.
sub clauses
{
	my ($sql, $before) = @_;
	my $scan = scan(json('VERBOSE, COSTS OFF', $sql, $before));
	my $text = join "\n", (map { "+ $_" } @{ $scan->{'T+ Pushed'} // [] }), map { "- $_" } @{ $scan->{'T+ Local'} // [] };
	return $text =~ s/\$\d|\(InitPlan \d\)\.col\d/?/gr;
}

my $loop = 'SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_memoize = off; SET enable_material = off';
my @told = (
	[ 'id = 5', '+ (id = 5): sent, exact, and rechecked' ],
	[ "code = 'x'", "+ (code = 'x'::text): sent, and rechecked" ],
	[ 'id IN (5, 7, 5)', "+ (id = ANY ('{5,7,5}'::bigint[])): sent, exact, requests <= 2, and rechecked" ],
	[ "code = 'x' OR code IN ('y', 'z')", "+ ((code = 'x'::text) OR (code = ANY ('{y,z}'::text[]))): sent, requests <= 3, and rechecked" ],
	[ "maderecorddate = '2026-01-05'", "+ (maderecorddate = '2026-01-05'::date): sent, exact, and rechecked" ],
	[ "maderecorddate BETWEEN '2026-01-05' AND '2026-01-06'",
		"+ (maderecorddate >= '2026-01-05'::date): sent, requests <= 4, and rechecked\n"
		  . "+ (maderecorddate <= '2026-01-06'::date): sent, requests <= 4, and rechecked" ],
	[ 'NOT disabled', '+ (NOT disabled): sent, exact, and rechecked' ],
	[ 'disabled IS NOT TRUE', '+ (disabled IS NOT TRUE): stopped records are not asked for, and rechecked' ],
	[ 'disabled IS NOT FALSE', '- (disabled IS NOT FALSE): a missing value would match as well' ],
	[ "ts > '0000000000000001'", "+ (ts > '0000000000000001'::text): sent, exact, and rechecked" ],
	[ "code = 'a%b'", "- (code = 'a%b'::text): T+ would not take the value literally" ],
	[ "name LIKE '%ab%' AND name LIKE '%cd%'",
		"+ (name ~~ '%ab%'::text): sent, and rechecked\n- (name ~~ '%cd%'::text): another condition on the same parameter is sent" ],
	[ "name = 'x' AND id > 3 AND code = 'y' || random()::text",
		"+ (name = 'x'::text): sent, and rechecked\n- (id > 3): T+ compares it by equality only\n"
		  . "- (code = ('y'::text || (random())::text)): the value is volatile" ],
	[ "name LIKE ANY ('{%ab%,%cd%,cd_}')", "+ (name ~~ ANY ('{%ab%,%cd%,cd_}'::text[])): sent, requests <= 2, and rechecked" ],
	[ "name LIKE 'ab%' OR name LIKE 'cd%'", "+ ((name ~~ 'ab%'::text) OR (name ~~ 'cd%'::text)): sent, requests <= 2, and rechecked" ],
	[ "specification IS NULL", '- (specification IS NULL): T+ cannot be asked for missing values' ],
	[ "id = ANY (ARRAY(SELECT n FROM wanted))", '+ (id = ANY (?)): sent, exact, requests <= 31, and rechecked' ],
	[ "id = ANY (ARRAY(SELECT generate_series(1, 9))) AND disabled IN (true)",
		"+ disabled: sent, exact, and rechecked\n+ (id = ANY (?)): sent, exact, requests <= 31, and rechecked" ]);
is(clauses("SELECT 1 FROM inventory WHERE $_->[0]"), $_->[1], $_->[0]) for @told;

# Of a join, the value is one that the other side gives: its clause is shown
# as PostgreSQL shows it.
like(clauses('SELECT 1 FROM wanted w JOIN inventory i ON i.code = w.code', $loop),
	qr/\A\+ \((\? = code|code = \?)\): sent, and rechecked\z/, 'a join by a code');
is(clauses(q{SELECT 1 FROM wanted w JOIN inventory i ON i.name LIKE w.word || '%' WHERE w.n = 1}, $loop),
	q{+ (name ~~ (? || '%'::text)): sent, and rechecked}, 'a join by a pattern');
is(clauses('SELECT 1 FROM wanted w JOIN inventory i ON i.code ^@ w.word WHERE w.n = 1', $loop), '+ (code ^@ ?): sent, and rechecked', 'by a prefix');
is(clauses('SELECT 1 FROM wanted w JOIN inventory i ON i.code = ANY (w.codes) AND i.id > w.n WHERE w.n = 1', $loop),
	"+ (code = ANY (?)): sent, requests <= 31, and rechecked\n- (id > ?): T+ compares it by equality only", 'by a list, and something local');
is(clauses(q{EXECUTE p ('2026-01-01')}, "$force; PREPARE p (date) AS SELECT 1 FROM inventory WHERE maderecorddate >= \$1 AND maderecorddate < \$1 + 3"),
	"+ (maderecorddate >= ?): sent, requests <= 31, and rechecked\n+ (maderecorddate < (? + 3)): sent, requests <= 31, and rechecked", 'days of a generic plan');
is(sent(), 0, 'VERBOSE sent nothing');
like(look('VERBOSE, COSTS OFF', q{SELECT 1 FROM inventory WHERE id = 5 AND code = 'x'}),
	qr/^ +T\+ Pushed: \(id = 5\): .*\n +T\+ Pushed: \(code = 'x'::text\): /m, 'a line for each clause of a text');

#
# ANALYZE
#
my $quiet = 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF';
my @counters = (
	'T+ Requests', 'T+ Requests Ahead', 'T+ Requests Unused', 'T+ Pages', 'T+ Records Received', 'T+ Records Returned', 'T+ Scans Answered From Memory',
	'T+ Retries Throttled', 'T+ Retries Token', 'T+ Retries Server', 'T+ Retries Network', 'T+ Retries Malformed', 'T+ Paging');
my @bytes = ('T+ Bytes Received', 'T+ Bytes Decoded', 'T+ Requests Estimated');
my @times = ('T+ Network Time', 'T+ Budget Time', 'T+ Token Time', 'T+ Backoff Time');

sub told
{
	my ($scan) = @_;
	return join ',', sort grep { /^T\+ / } keys %$scan;
}

my $query = 'SELECT id, code FROM inventory WHERE NOT disabled';
$sim->clear_journal($key);
my $scan = scan(json($quiet, $query));
is($scan->{'T+ Requests'}, sent(), 'the requests that were sent');
is($scan->{'T+ Pages'}, sent(), 'each brought a page');
my $rows = grep { !$_->{Disabled} } $sim->records($key);
my $stats = $sim->stats($key);
is($scan->{'T+ Records Received'}, $stats->{rows}, 'the records that came');
is($scan->{'T+ Records Returned'}, $rows, 'those that the executor got');
is($scan->{'Actual Rows'}, $rows, 'before the recheck');
is(told($scan), join(',', sort @counters), 'every counter, whether or not anything happened');
is(told(scan(json('ANALYZE, COSTS ON, TIMING OFF, SUMMARY OFF', $query))), join(',', sort @counters, @bytes), 'bytes and the estimate beside costs');
$scan = scan(json('ANALYZE, COSTS ON, TIMING ON', $query));
is(told($scan), join(',', sort @counters, @bytes, @times), 'times beside times');
cmp_ok($scan->{'T+ Bytes Received'}, '>', 1000, 'bytes on the wire');
cmp_ok($scan->{'T+ Bytes Decoded'}, '>=', $scan->{'T+ Bytes Received'}, 'no fewer when decoded');
cmp_ok($scan->{'T+ Network Time'}, '>', 0, 'time for the network');
for my $format ('JSON', 'YAML', 'XML', 'TEXT')
{
	my @plans = map { look("$quiet, VERBOSE, FORMAT $format", $query) } 1, 2;
	is($plans[0], $plans[1], "$format: the same each time");
}
like(look("$quiet, VERBOSE, FORMAT YAML", $query),
	qr/^ +T\+ Request: "POST \S+"\n +T\+ Parameters: "\{\\"param\\":.*\n +T\+ Parameter Sets: 1\n +T\+ Pushed: \n +- "\(NOT disabled\): sent, exact, and rechecked"\n(?:.*\n)* +T\+ Requests: 2\n/m,
	'YAML');
unlike(look($quiet, $query), qr/Retries|From Memory/, 'of a text, what never happened is left out');

# A page that a LIMIT leaves in the middle has come, too.
for my $case ([ 'SELECT id FROM inventory WHERE NOT disabled LIMIT 200', 1 ], [ 'SELECT id FROM paged LIMIT 150', 2 ], [ 'SELECT id FROM paged LIMIT 100', 1 ])
{
	my ($sql, $pages) = @$case;
	$scan = scan(json($quiet, $sql));
	cmp_ok($scan->{'T+ Records Received'}, '>=', $scan->{'T+ Records Returned'}, "$sql: the records that came");
	is($scan->{'T+ Pages'}, $pages, 'on so many pages');
	like(look("$quiet, FORMAT $_", $sql), qr/T(?:\+ |-\+-|\+-|--)Pages\W{1,3}$pages\b/, "$_: the same") for 'TEXT', 'YAML', 'XML';
}

# What happened is told by its cause.
$sim->switches($key, gzip => 'always');
$scan = scan(json('ANALYZE', $query));
cmp_ok($scan->{'T+ Bytes Decoded'}, '>', 2 * $scan->{'T+ Bytes Received'}, 'compressed bytes on the wire');
$sim->switches($key, gzip => undef);
my %cause = (throttled => 'Throttled', unavailable => 'Server', drop => 'Network', truncate => 'Network', body => 'Malformed');
for my $fault (sort keys %cause)
{
	$sim->fault($key, match => { path => '*Query' }, action => $fault, $fault eq 'body' ? (body => '[}') : (),
		$fault eq 'truncate' ? (bytes => 50) : ());
	$scan = scan(json('ANALYZE, TIMING ON', $query));
	is($scan->{"T+ Retries $cause{$fault}"}, 1, "$fault: asked again");
	is($scan->{'T+ Requests'}, 3, 'and counted');
	cmp_ok($scan->{'T+ Backoff Time'} + $scan->{'T+ Budget Time'}, '>', 50, 'after a pause');
	is($scan->{'Actual Rows'}, $rows, 'the rows are the same');
	$sim->clear_faults($key);
}
$node->safe_psql('postgres', q{ALTER SERVER erp OPTIONS (SET requests_per_second '2', ADD burst '1')});
$scan = scan(json('ANALYZE, TIMING ON', $query));
cmp_ok($scan->{'T+ Budget Time'}, '>', 100, 'time for the budget');
$node->safe_psql('postgres', q{ALTER SERVER erp OPTIONS (SET requests_per_second '0', DROP burst)});

# A token that has to be renewed is waited for.
$sim->tenant("$key-token", records => 20);
$sim->setup_server($node, "$key-token", server => 'renewing', requests_per_second => 0,
	mapping => { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });
$scan = scan(json('ANALYZE, TIMING ON', 'SELECT id FROM renewing.inventory'));
cmp_ok($scan->{'T+ Token Time'}, '>', 0, 'time for a token');
$sim->tokens("$key-token", expire_access => JSON::PP::true);
$scan = scan(json('ANALYZE, TIMING ON', 'SELECT id FROM renewing.inventory'));
is($scan->{'T+ Retries Token'}, 1, 'a dead token is renewed, and counted');

# What a scan is expected to ask, without asking.
$node->safe_psql('postgres', 'ANALYZE inventory; ANALYZE paged');
$sim->clear_journal($key);
for my $case ([ 'SELECT id FROM inventory WHERE NOT disabled', 2 ], [ 'SELECT id FROM inventory WHERE id IN (1, 2, 3)', 3 ],
	[ 'SELECT id FROM paged', 8 ], [ 'SELECT id FROM paged LIMIT 150', 2 ], [ 'SELECT id FROM paged LIMIT 1', 1 ])
{
	my ($sql, $requests) = @$case;
	is(scan(json('COSTS ON', $sql))->{'T+ Requests Estimated'}, $requests, "$sql: so many requests");
	like(look('COSTS ON', $sql), qr/^ +T\+ Requests Estimated: $requests$/m, 'also in a text');
}
is(sent(), 0, 'which are not made');
unlike(look('COSTS OFF', 'SELECT id FROM paged'), qr/Estimated/, 'not without costs');
is(scan(json('COSTS ON', 'SELECT * FROM wanted w JOIN inventory i ON i.code = w.code', $loop))->{'T+ Requests Estimated'}, 1, 'of one loop');

# Loops add up; what was kept is told.
$scan = scan(json("$quiet, VERBOSE", 'SELECT count(*) FROM generate_series(1, 3) AS g, wanted w JOIN inventory i ON i.id = w.id', $loop));
is($scan->{'T+ Scans Answered From Memory'}, $scan->{'Actual Loops'} - 5, 'scans with values asked before');
$scan = scan(json("$quiet, VERBOSE", q{SELECT 1 FROM inventory WHERE code = stable_text(NULL)}));
is(join('|', @$scan{ 'T+ Request', 'T+ Requests', 'T+ Paging' }), 'none: nothing can match|0|none', 'nothing to ask');

$node->stop;
done_testing;
