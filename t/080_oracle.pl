# Pushdown changes what a query costs, never what it brings: each brings the
# same rows from T+, from T+ without pushdown, and from a copy of its records.
#
#   TPLUS_ORACLE_QUERIES   so many random queries (2000)
#   TPLUS_ORACLE_ODD       so many servers that behave in any way there is (24)
#   TPLUS_ORACLE_SEED      draws others (1); "random" draws by the clock
#   TPLUS_ORACLE_SERVER    only the servers that have this in their name
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusOracle;
use TplusOracleData;
use TplusOracleFixed;
use TplusOracleQuery;
use TplusRandom;
use TplusSim;
use TplusSwitches;

my $seed = $ENV{TPLUS_ORACLE_SEED} // 1;
$seed = time if $seed eq 'random';
my $only = $ENV{TPLUS_ORACLE_SERVER} // '';
note("TPLUS_ORACLE_SEED=$seed");

my $sim = TplusSim->new(records => 0);
my $node = PostgreSQL::Test::Cluster->new('oracle');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
# Most complaints of the server are the same ones thousands of times; and what
# a scan costs in time makes PostgreSQL compile what runs once.
$node->append_conf('postgresql.conf',
	"autovacuum = off\njit = off\nlog_min_messages = panic\nlog_min_error_statement = panic");
$node->start;
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
my $oracle = TplusOracle->new($node, $sim);

my @all = TplusOracleData::servers(TplusRandom->new("$seed/servers"), 16);
my @servers = grep { index($_->{name}, $only) >= 0 } @all;
my $each = int(($ENV{TPLUS_ORACLE_QUERIES} // 2000) / @all + 0.999);
my @results;

for my $server (@servers)
{
	my $random = TplusRandom->new("$seed/$server->{name}");
	configure($server, $random);
	my $maker = TplusOracleQuery->new(
		$random, $server->{pools},
		partitions => $server->{partitions},
		parallel => $version >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode');
	my @fixed = TplusOracleFixed::queries(partitions => $server->{partitions});

	# The first is asked all of them, the others some: more of those that look
	# at what they do in their own way.
	if ($server != $all[0])
	{
		my @apt = grep { $_->{sql} =~ $server->{look_at} } @fixed;
		@fixed = ($random->some($server->{look}, @apt), $random->some(2, @fixed));
	}
	judge($server, @fixed, map { $maker->query } 1 .. $each);
}

# Any behaviour that the simulator has, and pairs of them; of such a server
# nothing is declared, and it may be one that cannot be read.
my $refused = 0;
my @choices = grep { !grep { /drop_fields|latency/ } keys %{ $_->{set} } } TplusSwitches::choices();
my $draw = TplusRandom->new("$seed/odd");
for my $i (1 .. $ENV{TPLUS_ORACLE_ODD} // 24)
{
	my @drawn = $draw->some($i % 3 ? 1 : 2, @choices);
	redo if @drawn > 1 && TplusSwitches::clash(map { $_->{set} } @drawn);
	my $server = {
		name => 'odd ' . join(' + ', map { $_->{name} } @drawn),
		switches => { map { %{ $_->{set} } } @drawn },
		may_refuse => 1 };
	next if index($server->{name}, $only) < 0;
	my $random = TplusRandom->new("$seed/$server->{name}");
	configure($server, $random);
	my $maker = TplusOracleQuery->new($random, $server->{pools});
	judge($server, map { $maker->query } 1 .. 8);
}
note("$refused queries were refused by servers that cannot be read");
cmp_ok($refused, '<', 0.7 * 8 * ($ENV{TPLUS_ORACLE_ODD} // 24), 'most servers can be read');

# What answers nothing, or always fails, has not tested anything.
my $answered = grep { $_->{rows} } @results;
my $failed = grep { $_->{failed} } @results;
note(scalar(@results) . " queries, $answered with rows, $failed failed alike");
cmp_ok(scalar @results, '>=', $ENV{TPLUS_ORACLE_QUERIES} // 2000, 'enough queries') if $only eq '';
cmp_ok($answered, '>', @results / 2, 'most queries have an answer');
cmp_ok($failed, '<', @results / 20, 'few fail');

#
# What is pushed costs less
#
$node->safe_psql('postgres', "ALTER SERVER plain OPTIONS (SET page_size '40')");
my %plain_text = (code => "code ~ '^[0-9A-Z-]+\$'", id => 'true', name => "name !~ '[^[:alnum:]]'");
my %of;

for my $op ('ge', 'eq')
{
	$oracle->configure(
		records => 3000,
		switches => { made_compare => $op },
		columns => { %{ TplusOracleData::made($op) }, sale => { filter => 'IsSale', filter_encoding => 'json' } });
	# One in use, and a date that few have.
	%of = map {
		$_ => $node->safe_psql('postgres',
			"SELECT $_ FROM local.item WHERE NOT disabled AND $plain_text{$_} ORDER BY id OFFSET 300 LIMIT 1")
	} keys %plain_text;
	$of{day} = $node->safe_psql('postgres',
		q{SELECT made FROM local.item WHERE made > '2026-06-10' GROUP BY 1 ORDER BY count(*), 1 LIMIT 1});
	$of{other} = $node->safe_psql('postgres',
		"SELECT code FROM local.item WHERE disabled AND $plain_text{code} ORDER BY id LIMIT 1");
	$of{ts} = $node->safe_psql('postgres', 'SELECT ts FROM local.item ORDER BY ts DESC OFFSET 20 LIMIT 1');
	$node->safe_psql('postgres', "TRUNCATE shared.probe; INSERT INTO shared.probe (n, code) VALUES (1, '$of{code}'), (2, '$of{other}'), (3, NULL); ANALYZE shared.probe");

	my @cases = ($op eq 'eq' ? forms() : (), days());
	cheaper("SELECT id, code FROM item WHERE $_->[0]", "$_->[1] ($op)")
	  for grep { !$_->[2] || $_->[2] eq $op } @cases;
	judge({ name => "much, made_compare=$op", switches => {} },
		map { { sql => "SELECT id, code FROM item WHERE $_->[0]" } } @cases);
}
# The values arrive when the query runs.
for my $mode ('force_custom_plan', 'force_generic_plan')
{
	my $plan = "SET plan_cache_mode = $mode; PREPARE p";
	cheaper("$plan (text) AS SELECT id FROM item WHERE code = \$1; EXECUTE p ('$of{code}')", "a parameter, $mode");
	cheaper("$plan (varchar) AS SELECT id FROM item WHERE \$1 = code_v; EXECUTE p ('$of{code}')", "one of another type, $mode");
	cheaper("$plan (int) AS SELECT code FROM item WHERE id = \$1; EXECUTE p ($of{id})", "one of another width, $mode");
	cheaper("$plan (text[]) AS SELECT id FROM item WHERE code = ANY (\$1); EXECUTE p ('{$of{code},$of{other},$of{code}}')", "a list, $mode");
	cheaper("$plan (text) AS SELECT id FROM item WHERE code LIKE \$1 || '%'; EXECUTE p ('$of{code}')", "a pattern, $mode");
	cheaper("$plan (boolean) AS SELECT id FROM item WHERE disabled = \$1; EXECUTE p (true)", "a flag, $mode");
	cheaper("$plan (date) AS SELECT id FROM item WHERE made >= \$1 AND made < \$1 + 2; EXECUTE p ('2026-06-30')",
		"days, $mode");
	cheaper("$plan (timestamptz) AS SELECT id FROM item WHERE made BETWEEN \$1 AND \$1 + interval '1 day'; EXECUTE p ('2026-06-29')",
		"instants against a date, $mode");
}
cheaper("DO 'DECLARE c text := ''$of{code}''; n bigint; BEGIN SELECT count(*) INTO n FROM item WHERE code = c; END'",
	'a variable of PL/pgSQL');
cheaper("DO 'DECLARE c text[] := ''{$of{code},$of{other}}''; n bigint; BEGIN SELECT count(*) INTO n FROM item WHERE code = ANY (c); END'",
	'an array of PL/pgSQL');
cheaper("DO 'DECLARE r record; n bigint; BEGIN FOR r IN SELECT code FROM probe LOOP SELECT count(*) INTO n FROM item WHERE code = r.code; END LOOP; END'",
	'a field of a record of PL/pgSQL, again and again');
# The values arrive from another table.
cheaper("SELECT a.id FROM probe p JOIN item a ON a.code = p.code", 'a join');
cheaper("SELECT a.id FROM probe p JOIN item a ON p.code = a.code_v", 'a join the other way round, with a cast');
cheaper("SELECT a.code FROM probe p JOIN item a ON a.id = p.n + $of{id}", 'a join by an expression');
cheaper("SELECT a.code FROM probe p JOIN item a ON a.id_i = p.n + $of{id}::bigint", 'of another width');
cheaper("SELECT a.id FROM probe p LEFT JOIN item a ON a.code = p.code AND NOT a.disabled", 'an outer join');
cheaper("SELECT a.id FROM item a WHERE a.code IN (SELECT p.code FROM probe p)", 'a semi-join');
cheaper("SELECT p.n FROM probe p WHERE EXISTS (SELECT FROM item a WHERE a.code = p.code)", 'the other semi-join');
cheaper("SELECT p.n FROM probe p WHERE NOT EXISTS (SELECT FROM item a WHERE a.code = p.code)", 'an anti-join');
cheaper("SELECT p.n, (SELECT a.id FROM item a WHERE a.code = p.code) FROM probe p", 'a subplan');
cheaper("SELECT l.id FROM probe p, LATERAL (SELECT id FROM item a WHERE a.code = p.code LIMIT 1) AS l", 'LATERAL');
cheaper("SELECT l.c FROM probe p, LATERAL (SELECT count(*) AS c FROM item a WHERE a.code IN (p.code, '$of{other}')) AS l", 'LATERAL with a list');
cheaper("SELECT b.id FROM probe p JOIN item a ON a.code = p.code JOIN item b ON b.id = a.id", 'a join of a join');
cheaper("SELECT a.id FROM probe p JOIN item a ON a.code = p.code AND p.code = '$of{code}'", 'an equivalence class with a constant');
cheaper("SELECT b.id FROM probe p JOIN item a ON a.code = p.code JOIN item b ON b.code = a.code", 'an equivalence class of three');
cheaper("SELECT a.id FROM probe p JOIN item a ON a.code = p.code OR a.code = '$of{other}'", 'a join by an OR');
is($oracle->cost('pushed',
		"SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_memoize = off; "
		  . "SELECT a.id FROM generate_series(1, 5) AS g, probe p JOIN item a ON a.code = p.code WHERE p.n = 1")->{requests},
	1, 'what was asked before is not asked again');
my $few = $oracle->cost('pushed', 'SELECT id FROM item LIMIT 3');
cmp_ok($few->{rows}, '<=', 3, 'a LIMIT asks for few rows');
is($few->{requests}, 1, 'at once');
is($oracle->cost('pushed', 'SELECT * FROM item WHERE code = shared.stb(NULL::text)')->{requests},
	0, 'nothing equals a null: no request');
is($oracle->cost('pushed', "SELECT * FROM item WHERE made >= shared.stb('2026-03-02'::date) AND made < '2026-03-01'")->{requests},
	0, 'no day in a range: no request');

# Clauses of item, and what they are.
sub forms
{
	my ($digits) = $of{code} =~ /([0-9]{2,})/;
	return (
		[ "code = '$of{code}'", 'a code' ],
		[ "'$of{code}' = code", 'a code, on the right' ],
		[ "'$of{code}' = code_v", 'a code as varchar, on the right' ],
		[ "code_v = '$of{code}'::name", 'a code as name' ],
		[ "code_n = '$of{code}'", 'a code in a column of type name' ],
		[ "code_n = '$of{code}'::name", 'where both are' ],
		[ "code_c = '$of{code}'", 'a code of another collation' ],
		[ "(code = '$of{code}') IS TRUE", 'a code, tested' ],
		[ "code = shared.stb('$of{code}'::text)", 'a code from a stable function' ],
		[ "code = (SELECT code FROM shared.probe WHERE n = 1)", 'a code from an initplan' ],
		[ "code = (SELECT max(code) FROM shared.probe)", 'a code from an aggregate' ],
		[ "code = coalesce(NULL, '$of{code}')", 'a code from an expression' ],
		[ "code = 'none'", 'no such code' ],
		[ "code IN ('$of{code}', '$of{other}', NULL)", 'codes in a list' ],
		[ "code_n IN ('$of{code}', '$of{other}')", 'codes as name in a list' ],
		[ "code = ANY ('{$of{other},$of{code},$of{other}}')", 'codes in an array' ],
		[ "code = ANY (ARRAY['$of{code}', shared.stb('$of{other}'::text)])", 'codes in a computed array' ],
		[ "code = ANY (string_to_array('$of{code},$of{other}', ','))", 'codes in an array from a function' ],
		[ "code = ANY (ARRAY(SELECT code FROM shared.probe))", 'codes from a subquery' ],
		[ "code = '$of{code}' OR '$of{other}' = code", 'one code or another' ],
		[ "code = '$of{code}' OR code IN ('$of{other}', 'none')", 'one code or some others' ],
		[ "code = '$of{code}' OR (code = '$of{other}' AND disabled)", 'one code or, in part, another' ],
		[ "code LIKE '$of{code}%'", 'codes that begin so' ],
		[ "code LIKE '%$of{code}'", 'codes that end so' ],
		[ "code LIKE '$of{code}'", 'a pattern without wildcards' ],
		[ "code_n LIKE '$of{code}%'", 'the same of type name' ],
		[ "code ILIKE '%$digits%'", 'codes with digits, case aside' ],
		[ "code ^@ '$of{code}'", 'codes that begin so, by an operator' ],
		[ "code LIKE '$of{code}%' OR code LIKE '%$of{other}%'", 'codes that begin so or contain that' ],
		[ "code LIKE ANY ('{$of{code}%,%$of{other}%}')", 'codes like any of these' ],
		[ "name = '$of{name}'", 'a name' ],
		[ "spec = 'none'", 'no such specification' ],
		[ "id = $of{id}", 'a key' ],
		[ "id = $of{id}::smallint", 'a key of another width' ],
		[ "id_i = $of{id}::bigint", 'a narrow key' ],
		[ "$of{id}::smallint = id_i", 'a narrower one, on the right' ],
		[ "id = (SELECT $of{id})", 'a key from an initplan' ],
		[ "id IN ($of{id}, 1)", 'keys in a list' ],
		[ "id = ANY (ARRAY(SELECT n FROM shared.probe)::bigint[])", 'keys from a subquery' ],
		[ "id = $of{id} OR 1 = id", 'one key or another' ],
		[ "class = '03'", 'a class' ],
		[ "class_v = '03'", 'a class as varchar' ],
		[ "class = '03' AND NOT disabled", 'a class in use' ],
		[ "class = '03' AND name LIKE '%a%' AND made = '$of{day}'", 'all of these at once' ],
		[ 'disabled', 'those stopped' ],
		[ 'NOT disabled', 'those in use' ],
		[ 'disabled = true', 'those stopped, by a comparison' ],
		[ 'false = disabled', 'those in use, by a comparison' ],
		[ 'disabled <> true', 'those not stopped' ],
		[ 'disabled IS TRUE', 'those stopped, by a test' ],
		[ 'disabled IS FALSE', 'those in use, by a test' ],
		[ 'disabled IS NOT TRUE', 'those that are not stopped, by a test' ],
		[ 'disabled IS UNKNOWN', 'those of which it is not known' ],
		[ 'disabled IS NULL', 'those that do not say' ],
		[ "disabled IN (true)", 'those stopped, by a list' ],
		[ "disabled = ANY ('{f,f}')", 'those in use, by an array' ],
		[ 'disabled = (SELECT true)', 'those stopped, by an initplan' ],
		[ 'sale', 'another flag' ],
		[ 'NOT sale', 'the opposite' ],
		[ 'sale IS TRUE', 'its test' ],
		[ 'sale IS FALSE', 'the opposite test' ],
		[ "ts > '$of{ts}'", 'what is newer than a version' ],
		[ "'$of{ts}' < ts", 'the same on the right' ],
		[ "ts > (SELECT '$of{ts}'::text)", 'the same from an initplan' ],
		[ "ts >= '$of{ts}' AND class = '03'", 'of a class' ]);
}

sub days
{
	return (
		[ "made = '$of{day}'", 'a day' ],
		[ "'$of{day}' = made", 'a day, on the right' ],
		[ "made = '$of{day}'::timestamptz", 'an instant against a date' ],
		[ "made = '$of{day}'::timestamp", 'a time against a date' ],
		[ "made = (SELECT '$of{day}'::date)", 'a day from an initplan' ],
		[ "made >= '2026-06-30'", 'days without an end', 'ge' ],
		[ "made > now() - (now() - '2026-06-29'::timestamptz)", 'since a moment', 'ge' ],
		[ "made > '$of{day}' AND made < '$of{day}'::date + 3", 'a few days', 'eq' ],
		[ "made BETWEEN '2026-06-29' AND '2026-06-30'", 'a few days by BETWEEN' ],
		[ "made IN ('2026-06-29', '2026-06-30')", 'days in a list' ],
		[ "made = ANY (ARRAY['2026-06-30', shared.stb('2026-06-29'::date)])", 'days in a computed array' ],
		[ "made = '2026-06-29' OR made = '2026-06-30'", 'one day or another' ],
		[ "made >= '2026-06-28'::timestamptz AND made < '2026-06-29 12:00'::timestamp", 'a few days by other types' ],
		[ "'2026-06-28' <= made AND '2026-06-30' >= made", 'a few days, on the right' ],
		[ "made_ts >= '2026-06-29'::date AND made_ts < '2026-06-30'", 'a few days of times' ],
		[ "made_tz >= '2026-06-29' AND made_tz < '2026-06-30'", 'a few days of instants' ],
		[ "made >= shared.stb('2026-06-29'::date) AND made <= '2026-06-30'", 'a day from a stable function' ]);
}

# The records of a server, its options, and what to join with.
sub configure
{
	my ($server, $random) = @_;
	my $records = TplusOracleData::records(
		$random,
		twins => $random->chance(0.5),
		nulls => ($server->{switches}{nulls} // '') ne 'absent');

	$server->{pools} = TplusOracleData::pools($records);
	$oracle->configure(
		%$server,
		records => $records,
		fill => TplusOracleData::fill($random, $server->{pools}));
	return;
}

sub judge
{
	my ($server, @queries) = @_;
	my @found = $oracle->compare(@queries);
	forgive(@found) if $server->{may_refuse};
	my @bad = grep { $found[$_]{difference} } 0 .. $#queries;

	push @results, @found;
	is(scalar @bad, 0, scalar(@queries) . " queries of a server with $server->{name}");
	diag("TPLUS_ORACLE_SEED=$seed TPLUS_ORACLE_SERVER='$server->{name}' repeats this\n"
		  . 'switches ' . JSON::PP->new->canonical->encode($server->{switches}) . "\n"
		  . 'options ' . JSON::PP->new->canonical->encode([ @$server{qw(columns table)} ]))
	  if @bad;
	my $shown = 0;
	for my $i (@bad)
	{
		diag(@bad - $shown . ' more'), last if $shown++ == 5;
		diag(TplusOracle::describe($queries[$i]) . $found[$i]{difference});
	}
	return;
}

# A server that cannot be read is refused with an error: never a wrong row.
sub forgive
{
	for my $found (@_)
	{
		my @blocks = split /^(?=(?:plain|pushed):)/m, $found->{difference} // '';
		next if !@blocks || grep { !/^\w+: ERROR:  (?:HV|08|40001|54000)/ } @blocks;
		delete $found->{difference};
		$refused++;
	}
	return;
}

sub cheaper
{
	my ($sql, $what) = @_;
	my ($cost, $all) = map { $oracle->cost($_, $sql) } 'pushed', 'plain';

	ok($cost->{requests} < $all->{requests} && $cost->{rows} < $all->{rows},
		"$what: $cost->{requests} requests for $cost->{rows} rows, not $all->{requests} for $all->{rows}")
	  or diag($sql);
	return;
}

$node->stop;
done_testing;
