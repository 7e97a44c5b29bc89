# high_water(): after which statements there is a mark, and that it never lies
# above a record that did not reach the result.
#
# TPLUS_SEED=S draws other statements, TPLUS_STATEMENTS=N more of them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusSim;

my $sim = TplusSim->new;
my $node = PostgreSQL::Test::Cluster->new('marks');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nautovacuum = off\n");
$node->start;
my $key = 'marks';
$sim->tenant($key, records => 30);
$sim->setup_server($node, $key, requests_per_second => 0, tables => []);
my @versions = sort map { $_->{Ts} } $sim->records($key);
my @enabled = sort map { $_->{Disabled} ? () : $_->{Ts} } $sim->records($key);
my ($last, $middle) = @versions[ -1, 19 ];
$node->safe_psql('postgres', <<"SQL");
CREATE FOREIGN TABLE item (id bigint, code text, name text, disabled boolean, ts text) SERVER erp
  OPTIONS (resource 'inventory', page_size '10');
CREATE VIEW seen AS SELECT * FROM item;
CREATE VIEW guarded WITH (security_barrier) AS SELECT * FROM item;
CREATE TABLE copy (id bigint PRIMARY KEY, name text, ts text);
CREATE TABLE plain (id bigint, name text, ts text);
CREATE TABLE picky (id bigint, name text, ts text);
CREATE TABLE fussy (id bigint, name text, ts text);
CREATE TABLE parted (id bigint, name text, ts text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted DEFAULT;
CREATE TABLE ruled (id bigint, name text, ts text);
CREATE TABLE noted (id bigint);
CREATE RULE note AS ON INSERT TO ruled DO ALSO INSERT INTO noted SELECT new.id;
CREATE TABLE bounds (since text, none text);
INSERT INTO bounds VALUES ('$middle', NULL);
CREATE TABLE few (id bigint);
INSERT INTO few SELECT id FROM item ORDER BY ts LIMIT 3;
CREATE COLLATION numbers (provider = icu, locale = 'en-u-kn-true');
CREATE TABLE result (id bigint UNIQUE, name text, ts text);
CREATE MATERIALIZED VIEW kept AS SELECT * FROM item WITH NO DATA;
CREATE TABLE family (id bigint, code text, name text, disabled boolean, ts text) PARTITION BY LIST (disabled);
CREATE FOREIGN TABLE child PARTITION OF family FOR VALUES IN (false) SERVER erp
  OPTIONS (resource 'inventory', variants '[{"Disabled": "False"}]', page_size '10');
CREATE TABLE other PARTITION OF family FOR VALUES IN (true);
CREATE FUNCTION drop_some() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN IF new.ts > ''$middle'' THEN RETURN NULL; END IF; RETURN new; END';
CREATE FUNCTION drop_none() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER t BEFORE INSERT ON picky FOR EACH ROW EXECUTE FUNCTION drop_some();
CREATE TRIGGER t BEFORE INSERT ON parted_1 FOR EACH ROW EXECUTE FUNCTION drop_some();
CREATE TRIGGER t BEFORE INSERT ON fussy FOR EACH ROW EXECUTE FUNCTION drop_none();
CREATE FUNCTION loop_over(stop int) RETURNS int LANGUAGE plpgsql AS \$\$
DECLARE r record; n int := 0;
BEGIN
  FOR r IN SELECT * FROM item LOOP n := n + 1; EXIT WHEN n = stop; END LOOP;
  RETURN n;
END \$\$;
CREATE FUNCTION loop_and_undo() RETURNS int LANGUAGE plpgsql AS \$\$
DECLARE r record; n int := 0;
BEGIN
  FOR r IN SELECT * FROM item LOOP
    BEGIN
      INSERT INTO plain VALUES (r.id, r.name, r.ts);
      n := n + 1;
      IF n = 7 THEN RAISE 'no'; END IF;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  RETURN n;
END \$\$;
CREATE FUNCTION read_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM count(*) FROM item; RETURN new; END';
CREATE TABLE echoed (id bigint, name text, ts text);
CREATE TRIGGER t AFTER INSERT ON echoed FOR EACH STATEMENT EXECUTE FUNCTION read_it();
CREATE VIEW facade AS SELECT * FROM plain UNION ALL SELECT * FROM plain;
CREATE TRIGGER t INSTEAD OF INSERT ON facade FOR EACH ROW EXECUTE FUNCTION drop_none();
CREATE FUNCTION all_rows() RETURNS SETOF item LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM item; END';
CREATE FUNCTION sql_rows() RETURNS SETOF item LANGUAGE sql VOLATILE AS 'SELECT * FROM item';
CREATE FUNCTION fill() RETURNS bigint LANGUAGE sql VOLATILE AS
  'INSERT INTO plain SELECT id, name, ts FROM item; SELECT count(*) FROM plain';
CREATE FUNCTION peek() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM item); END';
SQL

# Each case: its name, the mark, and the statements of one session after which
# it is asked for.  The statement before them leaves one that must not stay.
my $copy = 'SELECT id, name, ts FROM item';
my $update = 'ON CONFLICT (id) DO UPDATE SET name = excluded.name, ts = excluded.ts';
my @cases = (
	# What arrives whole
	[ 'SELECT', $last, 'SELECT * FROM item' ],
	[ 'a bound', $last, "SELECT * FROM item WHERE ts > '$middle'" ],
	[ 'the bound itself, if nothing is new', $last, "SELECT * FROM item WHERE ts > '$last'" ],
	[ 'the beginning', $last, q{SELECT * FROM item WHERE ts > ''} ],
	[ 'zeros', $last, q{SELECT * FROM item WHERE ts > '0'} ],
	[ 'a parameter', $last, 'PREPARE p (text) AS SELECT * FROM item WHERE ts > $1', "EXECUTE p ('$middle')" ],
	[ 'a generic plan', $last, 'SET plan_cache_mode = force_generic_plan', 'PREPARE g (text) AS SELECT * FROM item WHERE ts > $1', "EXECUTE g ('$middle')" ],
	[ 'a bound from a table', $last, 'SELECT * FROM item WHERE ts > (SELECT since FROM bounds)' ],
	[ 'an expression', $last, q{SELECT * FROM item WHERE ts > lpad('5', 16, '0')} ],
	[ 'a cast', $last, "SELECT * FROM item WHERE ts > '$middle'::varchar(16)" ],
	[ 'the order of bytes', $last, qq{SELECT * FROM item WHERE ts > '$middle' COLLATE "C"} ],
	[ 'the mark before', $last, q{SELECT * FROM item WHERE ts > tplus.high_water('item')} ],
	[ 'columns', $last, 'SELECT name FROM item' ],
	[ 'ORDER BY', $last, 'SELECT * FROM item ORDER BY name' ],
	[ 'OFFSET 0', $last, 'SELECT id FROM (SELECT * FROM item OFFSET 0) AS s' ],
	[ 'a view', $last, 'SELECT * FROM seen' ],
	[ 'a view that guards', $last, "SELECT * FROM guarded WHERE ts > '$middle'" ],
	[ 'UNION ALL', $last, 'SELECT id FROM item UNION ALL SELECT id FROM few' ],
	[ 'UNION ALL, sorted', $last, 'SELECT id FROM few UNION ALL SELECT id FROM item ORDER BY 1' ],
	[ 'a common table expression', $last, 'WITH s AS (SELECT * FROM item) SELECT * FROM s' ],
	[ 'count(*)', $last, 'SELECT count(*) FROM item' ],
	[ 'one document', $last, 'SELECT jsonb_agg(i) FROM item AS i' ],
	[ 'into a variable', $last, 'DO $$ DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM item; END $$' ],
	[ 'INSERT', $last, "INSERT INTO plain $copy" ],
	[ 'INSERT ... ORDER BY', $last, "INSERT INTO plain $copy ORDER BY ts" ],
	[ 'INSERT of a document', $last, q{INSERT INTO plain (name) SELECT jsonb_agg(i) FROM item AS i} ],
	[ 'INSERT with UNION ALL', $last, "INSERT INTO plain $copy UNION ALL SELECT id, '', '' FROM few" ],
	[ 'INSERT and RETURNING', $last, "INSERT INTO plain $copy RETURNING id" ],
	[ 'INSERT or UPDATE', $last, "INSERT INTO copy $copy $update" ],
	[ 'and again', $last, "INSERT INTO copy $copy $update" ],
	[ 'with a bound', $last, "INSERT INTO copy $copy WHERE ts > '$middle' $update" ],
	[ 'INSERT with a trigger that drops nothing', $last, "INSERT INTO fussy $copy" ],
	[ 'INSERT of nothing that conflicts', $last, 'TRUNCATE copy', "INSERT INTO copy $copy ON CONFLICT DO NOTHING" ],
	[ 'CREATE TABLE AS', $last, "CREATE TEMP TABLE made AS $copy" ],
	[ 'SELECT INTO', $last, 'SELECT * INTO TEMP made_2 FROM item' ],
	[ 'REFRESH', $last, 'REFRESH MATERIALIZED VIEW kept' ],
	[ 'COPY', $last, 'COPY (SELECT * FROM item) TO STDOUT' ],
	[ 'a loop', $last, 'SELECT loop_over(0)' ],
	[ 'a loop that ends with the last', $last, 'SELECT loop_over(31)' ],
	[ 'a function that fills', $last, 'SELECT fill()' ],
	[ 'DO and INSERT', $last, qq{DO \$\$ BEGIN INSERT INTO plain $copy; END \$\$} ],
	[ 'a cursor', $last, 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item', 'FETCH ALL FROM c', 'CLOSE c', 'COMMIT' ],
	[ 'a cursor that is still open', $last, 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item', 'FETCH 20 FROM c', 'FETCH 20 FROM c' ],
	[ 'a sorted one', $last, 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item ORDER BY ts', 'FETCH ALL FROM c' ],
	[ 'a partition', $enabled[-1], 'SELECT * FROM family' ],
	[ 'EXPLAIN after it', $last, 'SELECT * FROM item', 'EXPLAIN SELECT * FROM item WHERE id = 1' ],
	[ 'a question for it', $last, 'SELECT * FROM item', q{SELECT tplus.high_water('item'), 'item'::regclass} ],
	[ 'PREPARE after it', $last, 'SELECT * FROM item', 'PREPARE q AS SELECT * FROM item LIMIT 1' ],
	[ 'other tables after it', $last, 'SELECT * FROM item', 'SELECT * FROM copy, few', 'CREATE TEMP TABLE made_3 AS SELECT 1' ],

	# What does not
	[ 'LIMIT', 'none', 'SELECT * FROM item ORDER BY ts LIMIT 3' ],
	[ 'LIMIT that is not reached', 'none', 'SELECT * FROM item LIMIT 300' ],
	[ 'OFFSET', 'none', 'SELECT * FROM item OFFSET 2' ],
	[ 'WITH TIES', 'none', 'SELECT * FROM item ORDER BY ts FETCH FIRST 3 ROWS WITH TIES' ],
	[ 'LIMIT inside', 'none', 'SELECT * FROM (SELECT * FROM item ORDER BY ts LIMIT 3) AS s' ],
	[ 'LIMIT in one of two', 'none', '(SELECT id FROM item ORDER BY ts LIMIT 3) UNION ALL SELECT id FROM few' ],
	[ 'a join', 'none', 'SELECT i.* FROM item i JOIN few USING (id)' ],
	[ 'an outer join', 'none', 'SELECT i.* FROM few LEFT JOIN item i USING (id)' ],
	[ 'EXISTS', 'none', 'SELECT * FROM item i WHERE EXISTS (SELECT FROM few WHERE few.id = i.id)' ],
	[ 'NOT EXISTS', 'none', 'SELECT * FROM item i WHERE NOT EXISTS (SELECT FROM copy WHERE copy.id = i.id)' ],
	[ 'NOT IN', 'none', 'SELECT * FROM item i WHERE id NOT IN (SELECT id FROM few)' ],
	[ 'a window', 'none', 'SELECT * FROM (SELECT *, row_number() OVER (ORDER BY ts) AS n FROM item) AS s WHERE n = 1' ],
	[ 'DISTINCT', 'none', 'SELECT DISTINCT disabled FROM item' ],
	[ 'DISTINCT ON', 'none', 'SELECT DISTINCT ON (disabled) * FROM item ORDER BY disabled, ts' ],
	[ 'GROUP BY', 'none', 'SELECT disabled, min(id) FROM item GROUP BY 1' ],
	[ 'HAVING', 'none', 'SELECT count(*) FROM item HAVING count(*) > 100' ],
	[ 'FILTER', 'none', 'SELECT count(*) FILTER (WHERE id < 5) FROM item' ],
	[ 'an aggregate of DISTINCT', 'none', 'SELECT count(DISTINCT disabled) FROM item' ],
	[ 'max()', 'none', 'SELECT max(ts) FROM item' ],
	[ 'UNION', 'none', 'SELECT id FROM item UNION SELECT id FROM few' ],
	[ 'EXCEPT', 'none', 'SELECT id FROM item EXCEPT SELECT id FROM few' ],
	[ 'a set-returning function', 'none', 'SELECT id, generate_series(1, 0) FROM item' ],
	[ 'a clause above', 'none', 'SELECT * FROM (SELECT * FROM item OFFSET 0) AS s WHERE id < 5' ],
	[ 'a clause of the scan', 'none', 'SELECT * FROM item WHERE id > 0' ],
	[ 'a clause about nothing', 'none', q{SELECT * FROM item WHERE current_setting('lc_messages') = 'x'} ],
	[ 'a volatile clause', 'none', 'SELECT * FROM item WHERE random() < 0.5' ],
	[ 'EXISTS of it', 'none', 'SELECT EXISTS (SELECT FROM item)' ],
	[ 'a subquery', 'none', 'SELECT (SELECT id FROM item ORDER BY ts LIMIT 1)' ],
	[ 'a subquery for each row', 'none', 'SELECT (SELECT name FROM item i WHERE i.id = few.id) FROM few' ],
	[ 'LATERAL', 'none', 'SELECT * FROM few, LATERAL (SELECT * FROM item ORDER BY ts LIMIT few.id) AS l' ],
	[ 'two scans', 'none', 'SELECT id FROM item UNION ALL SELECT id FROM item' ],
	[ 'a materialized expression', 'none', 'WITH s AS MATERIALIZED (SELECT * FROM item) SELECT * FROM s LIMIT 3' ],
	[ 'a condition that is no question', 'none', 'SELECT 1 WHERE false AND EXISTS (SELECT FROM item)' ],
	[ 'a choice that is no question', 'none', 'SELECT CASE WHEN true THEN 1 ELSE (SELECT id FROM item) END' ],
	[ 'one that nobody reads', 'none', 'WITH s AS MATERIALIZED (SELECT * FROM item) SELECT 1' ],
	[ 'an INSERT within', 'none', "WITH s AS (INSERT INTO plain $copy RETURNING id) SELECT * FROM s LIMIT 2" ],
	[ 'FOR UPDATE', 'none', 'SELECT * FROM item, few FOR UPDATE OF few SKIP LOCKED' ],
	[ 'a bound that is NULL', 'none', 'SELECT * FROM item WHERE ts > NULL' ],
	[ 'a bound that turns out NULL', 'none', 'SELECT * FROM item WHERE ts > (SELECT none FROM bounds)' ],
	[ 'a parameter that is NULL', 'none', 'PREPARE n (text) AS SELECT * FROM item WHERE ts > $1', 'EXECUTE n (NULL)' ],
	[ 'an INSERT from NULL', 'none', "INSERT INTO plain $copy WHERE ts > (SELECT none FROM bounds)" ],
	[ 'WHERE false', 'none', 'SELECT * FROM item WHERE false' ],
	[ 'a partition that need not be read', 'none', 'SELECT * FROM family WHERE disabled' ],
	[ 'the other one', 'none', 'SELECT * FROM family WHERE disabled IS NULL' ],
	[ 'WHERE false inside', 'none', 'SELECT 1 FROM few LEFT JOIN (SELECT * FROM item WHERE false) AS s USING (id)' ],
	[ 'a bound of another form', 'none', q{SELECT * FROM item WHERE ts > '92e0'} ],
	[ 'a bound in the order of another language', 'none', qq{SELECT * FROM item WHERE ts > '$middle' COLLATE "da-x-icu"} ],
	[ 'a bound in the order of numbers', 'none', qq{SELECT * FROM item WHERE ts > '$middle' COLLATE "numbers"} ],
	[ 'a bound in the order of English', $last, qq{SELECT * FROM item WHERE ts > '$middle' COLLATE "en-x-icu"} ],
	[ 'a bound in capitals', 'none', q{SELECT * FROM item WHERE ts > '0000000000ABCDEF'} ],
	[ 'a bound that is no version', 'none', q{SELECT * FROM item WHERE ts > 'nothing'} ],
	[ 'an upper bound', 'none', "SELECT * FROM item WHERE ts <= '$middle'" ],
	[ 'a cursor, in part', 'none', 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item', 'FETCH 5 FROM c', 'CLOSE c' ],
	[ 'one that waits', 'none', 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item', 'FETCH 5 FROM c' ],
	[ 'one that was not begun', 'none', 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item' ],
	[ 'a sorted one, in part', 'none', 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item ORDER BY ts', 'FETCH 5 FROM c', 'CLOSE c' ],
	[ 'a cursor that goes back', 'none', 'BEGIN', 'DECLARE c SCROLL CURSOR FOR SELECT * FROM item ORDER BY ts', 'FETCH 5 FROM c', 'FETCH BACKWARD 10 FROM c' ],
	[ 'MOVE', 'none', 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item', 'MOVE 5 IN c', 'FETCH ALL FROM c' ],
	[ 'MOVE ALL', 'none', 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item', 'MOVE ALL IN c' ],
	[ 'a cursor that jumps', 'none', 'BEGIN', 'DECLARE c SCROLL CURSOR FOR SELECT * FROM item', 'FETCH ABSOLUTE 20 FROM c', 'FETCH ALL FROM c' ],
	[ 'a cursor that is kept', 'none', 'BEGIN', 'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM item', 'FETCH 3 FROM c', 'COMMIT' ],
	[ 'a cursor whose rows were undone', 'none', 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item', 'SAVEPOINT s', 'FETCH 5 FROM c', 'ROLLBACK TO s', 'FETCH ALL FROM c' ],
	[ 'two cursors', 'none', 'BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM item', 'FETCH 5 FROM c', 'SELECT * FROM item', 'CLOSE c' ],
	[ 'a loop that is left', 'none', 'SELECT loop_over(5)' ],
	[ 'a loop that is left with the last but one', 'none', 'SELECT loop_over(29)' ],
	[ 'a loop that loses a row', 'none', 'SELECT loop_and_undo()' ],
	[ 'rows of a function', 'none', 'SELECT * FROM all_rows() LIMIT 3' ],
	[ 'rows of an SQL function', 'none', 'SELECT * FROM sql_rows() LIMIT 3' ],
	[ 'a function that reads it, too', 'none', 'SELECT id, peek() FROM item' ],
	[ 'one row into a variable', 'none', 'DO $$ DECLARE r record; BEGIN SELECT * INTO r FROM item ORDER BY ts; END $$' ],
	[ 'EXPLAIN ANALYZE', 'none', 'EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM item' ],
	[ 'WITH NO DATA', 'none', "CREATE TEMP TABLE made_4 AS $copy WITH NO DATA" ],
	[ 'EXECUTE WITH NO DATA', 'none', 'PREPARE d AS SELECT * FROM item', 'CREATE TEMP TABLE made_5 AS EXECUTE d WITH NO DATA' ],
	[ 'REFRESH WITH NO DATA', 'none', 'REFRESH MATERIALIZED VIEW kept WITH NO DATA' ],
	[ 'CREATE TABLE IF NOT EXISTS', 'none', 'CREATE TEMP TABLE made_6 ()', "CREATE TEMP TABLE IF NOT EXISTS made_6 AS $copy" ],
	[ 'ON CONFLICT DO NOTHING', 'none', "INSERT INTO copy $copy ON CONFLICT DO NOTHING", "INSERT INTO copy $copy ON CONFLICT DO NOTHING" ],
	[ 'DO UPDATE ... WHERE', 'none', "INSERT INTO copy $copy $update WHERE copy.id < 5" ],
	[ 'a trigger that drops rows', 'none', "INSERT INTO picky $copy" ],
	[ 'one of a partition', 'none', "INSERT INTO parted $copy" ],
	[ 'a trigger that reads it, too', 'none', "INSERT INTO echoed $copy" ],
	[ 'a view with a trigger', 'none', "INSERT INTO facade $copy" ],
	[ 'a rule', 'none', "INSERT INTO ruled $copy" ],
	[ 'UPDATE', 'none', 'UPDATE copy SET name = i.name FROM item i WHERE i.id = copy.id' ],
	[ 'DELETE', 'none', 'DELETE FROM few USING item i WHERE i.id = few.id AND false' ],
	[ 'MERGE', 'none', 'MERGE INTO copy c USING item i ON i.id = c.id WHEN MATCHED THEN UPDATE SET name = i.name' ],
	[ 'ROLLBACK', 'none', 'BEGIN', "INSERT INTO plain $copy", 'ROLLBACK' ],
	[ 'an error', 'none', "INSERT INTO plain SELECT id / 0, name, ts FROM item" ],
	[ 'ANALYZE', 'none', 'ANALYZE item' ]);

# Statements that nobody thought of, and the records that came out of them.
my $state = ($ENV{TPLUS_SEED} // 1) * 2654435761 % 4294967296;

sub draw
{
	my (@choices) = @_;
	$state = ($state * 1664525 + 1013904223) % 4294967296;
	return $choices[ int($state / 65536) % @choices ];
}

# A relation with the columns id and ts; with what each of its rows comes from.
sub relation
{
	my ($depth, $bound) = @_;
	return draw('item', 'item', 'seen', 'guarded') if $depth <= 0;
	my $in = relation($depth - draw(1, 2), $bound);
	my $alias = "a$depth" . draw('a' .. 'z') . draw('a' .. 'z');
	return draw(
		"(SELECT id, ts FROM $in AS $alias)",
		"(SELECT id, ts FROM $in AS $alias WHERE ts > '$bound')",
		"(SELECT id, ts FROM $in AS $alias WHERE ts > '$bound' ORDER BY id)",
		"(SELECT id, ts FROM $in AS $alias OFFSET 0)",
		"(SELECT id, ts FROM $in AS $alias UNION ALL SELECT id, '' FROM few)",
		"(SELECT id, ts FROM $in AS $alias ORDER BY " . draw('id', 'ts', 'ts DESC') . ' ' . draw('LIMIT 4', 'LIMIT 40', 'OFFSET 3', 'FETCH FIRST 2 ROWS WITH TIES') . ')',
		"(SELECT id, ts FROM $in AS $alias WHERE " . draw('id > 5', 'id % 2 = 0', 'ts <> id::text', 'random() < 0.5') . ')',
		"(SELECT id, ts FROM $in AS $alias " . draw('UNION', 'EXCEPT', 'INTERSECT', 'EXCEPT ALL') . q{ SELECT id, '' FROM few)},
		"(SELECT id, $alias.ts FROM $in AS $alias " . draw('JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN') . ' few USING (id))',
		"(SELECT id, ts FROM $in AS $alias WHERE " . draw('EXISTS', 'NOT EXISTS') . " (SELECT FROM few WHERE few.id = $alias.id))",
		"(SELECT id, ts FROM $in AS $alias WHERE id " . draw('IN', 'NOT IN') . ' (SELECT id FROM few))',
		"(SELECT DISTINCT " . draw('id, ts', 'ON (id % 3) id, ts') . " FROM $in AS $alias)",
		"(SELECT " . draw('min(id) AS id, max(ts) AS ts', 'min(id) AS id, ts') . " FROM $in AS $alias GROUP BY ts)",
		"(SELECT id, ts FROM (SELECT *, row_number() OVER (ORDER BY ts) AS n FROM $in AS $alias) AS w WHERE n < " . draw(3, 50) . ')',
		"(SELECT $alias.id, $alias.ts FROM few, LATERAL (SELECT * FROM $in AS l ORDER BY ts LIMIT 2) AS $alias)",
		"(WITH m AS " . draw('', 'MATERIALIZED') . " (SELECT id, ts FROM $in AS $alias) SELECT id, ts FROM m)",
		"(SELECT id, ts FROM $in AS $alias WHERE (SELECT count(*) FROM few) > " . draw(1, 100) . ')');
}

sub statements
{
	my ($query) = @_;
	my $read = 'SELECT id FROM result';
	my $insert = 'INSERT INTO result SELECT id, NULL, ts';
	return @{ draw(
		[$query], [$query],
		[ 'TRUNCATE result', $query =~ s/^SELECT id/$insert/r, $read ],
		[ 'TRUNCATE result', ($query =~ s/^SELECT id/$insert/r) . ' ON CONFLICT DO NOTHING', $read ],
		[ 'TRUNCATE result', ($query =~ s/^SELECT id/$insert/r) . ' ON CONFLICT (id) DO UPDATE SET ts = excluded.ts', $read ],
		[ 'BEGIN', "DECLARE c CURSOR FOR $query", 'FETCH ' . draw(3, 40, 'ALL') . ' FROM c', draw('CLOSE c', 'FETCH ALL FROM c', 'MOVE 4 IN c', 'MOVE ALL IN c') ],
		[ "COPY ($query) TO STDOUT" ]) };
}
for my $i (1 .. $ENV{TPLUS_STATEMENTS} // 120)
{
	my $bound = $versions[ draw(0 .. 29) ];
	push @cases, [ $bound, undef, statements('SELECT id FROM ' . relation(draw(0 .. 4), $bound) . ' AS r') ];
}

# One session: the statements, and the mark behind each case.
my $script = "SET client_min_messages = fatal;\n";
for my $i (0 .. $#cases)
{
	my (undef, undef, @statements) = @{ $cases[$i] };
	my $table = "@statements" =~ /family/ ? 'child' : 'item';
	$script .= join('', map { "$_;\n" } "SELECT FROM $table", "SELECT '<$i<'", @statements,
		"SELECT '>$i>' || coalesce(tplus.high_water('$table'), 'none')", 'COMMIT', 'CLOSE ALL', 'RESET plan_cache_mode');
}
my (undef, $out) = $node->psql('postgres', $script, on_error_stop => 0);
my %known;
my @problems;
for my $i (0 .. $#cases)
{
	my ($name, $expected, @statements) = @{ $cases[$i] };
	my ($rows, $mark) = $out =~ /^<$i<\n(.*)^>$i>(\w+)$/ms ? ($1, $2) : ('', 'nothing');
	if (defined $expected)
	{
		is($mark, $expected, "$name: " . ($expected eq 'none' ? 'no mark' : 'the last version'));
		next;
	}
	my %came = map { $_ => 1 } split /\n/, $rows;
	my @lost = $mark eq 'none' ? () : grep { $_->{Ts} gt $name && $_->{Ts} le $mark && !$came{ $_->{ID} } } $sim->records($key);
	push @problems, "$mark leaves out " . @lost . ": @statements" if @lost || $mark eq 'nothing';
	$known{ $mark eq 'none' ? 'no mark' : 'a mark' }++;
}
is_deeply(\@problems, [], 'no record is left out below a mark');
is($node->safe_psql('postgres', qq{SELECT count(*) FROM item WHERE ts > '$middle' COLLATE "$_"}),
	$node->safe_psql('postgres', qq{SELECT count(*) FROM (SELECT ts FROM item OFFSET 0) AS s WHERE ts > '$middle' COLLATE "$_"}),
	"$_ before a bound drops no row on the way") for 'da-x-icu', 'numbers';
cmp_ok($known{$_} // 0, '>', 10, "some statements leave $_") for 'a mark', 'no mark';

$node->stop;
done_testing;
