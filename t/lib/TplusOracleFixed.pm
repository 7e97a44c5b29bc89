package TplusOracleFixed;

=pod

=head1 NAME

TplusOracleFixed - queries that every server is asked sooner or later

=cut

use strict;
use warnings;

# What follows WHERE in a query of item a; a line each.
my $predicates = <<'SQL';
a.code = 'A-1'
'A-1' = a.code
a.code = 'a-1'
a.code = 'Ａ-1'
a.code = 'A-1 '
a.code = 'a-5 '
a.code = 'a-5'
a.code = 'P%1'
a.code = 'P%'
a.code = 'U__'
a.code = 'B[1]'
a.code = '[B]'
a.code = '^B'
a.code = 'Q"1'
a.code = 'O''Neill'
a.code = 'S\1'
a.code = ' lead'
a.code = 'trail'
a.code = 'trail '
a.code = '全角'
a.code = '全角1'
a.code = E'tab\t1'
a.code = E'new\nline'
a.code = '𠮷'
a.code = 'é'
a.code = E'e\u0301'
a.code = 'STRASSE'
a.code = 'i'
a.code = 'fi'
a.code = '007'
a.code = '7'
a.code = '1000'
a.code = 'null'
a.code = ''
a.code = ' '
a.code = NULL
a.code = 'A-1'::name
a.code = 'A-1'::varchar(2)
a.code = 'a-5'::bpchar
a.code = 'A-' || 1
a.code = 'A-1' COLLATE "C"
a.code = current_setting('oracle.no_such', true)
a.code = (SELECT 'AB')
a.code = (SELECT code FROM probe WHERE n = 4)
a.code = (SELECT max(code) FROM item WHERE id < 9)
a.code = (SELECT code FROM item WHERE false)
a.code = (SELECT code FROM item)
a.code <> 'A-1'
NOT a.code = 'A-1'
a.code IS DISTINCT FROM 'A-1'
a.code IS NOT DISTINCT FROM 'A-1'
(a.code = 'A-1') IS NOT TRUE
(a.code = 'A-1') IS UNKNOWN
a.code = 'A-1' AND a.code = 'AB'
a.code = 'A-1' OR a.code = 'AB'
a.code = 'A-1' OR a.name = 'bolt'
a.code = 'A-1' OR a.code IS NULL
a.code = 'A-1' AND a.disabled
a.code = 'A-1' AND a.code_v = 'A-1'
a.code = 'A-1' AND a.code_v = 'a-1'
a.code_v = 'AB'
a.code_n = 'AB'
a.code_c = 'AB'
a.code::varchar = 'AB'
a.code_v::text = 'AB'
lower(a.code) = 'ab'
a.code || '' = 'AB'
a.code > 'B' AND a.code <= 'P%'
a.code BETWEEN 'A' AND 'B'
a.code IN ('A-1', 'AB', 'none')
a.code IN ('A-1')
a.code IN ('A-1', 'a-1', 'A-1')
a.code IN ('A-1', NULL)
a.code IN (NULL)
a.code IN ('A-1', 'P%1')
a.code IN ('A-1', '')
a.code NOT IN ('A-1', 'AB')
a.code NOT IN ('A-1', NULL)
a.code NOT IN (SELECT code FROM probe)
a.code IN (SELECT code FROM probe)
a.code = ANY ('{A-1,AB,A-1}')
a.code = ANY ('{}')
a.code = ANY (NULL::text[])
a.code = ANY ('{A-1,NULL}')
a.code = ANY ('{{A-1,AB},{ABC,7}}')
a.code = ANY (ARRAY['A-1', 'A' || 'B'])
a.code = ANY (string_to_array('A-1,AB,,7', ','))
a.code = ANY (ARRAY(SELECT code FROM probe))
a.code = ANY (ARRAY(SELECT 'N' || i FROM generate_series(1, 50) AS i))
a.code = ANY ((SELECT codes FROM probe WHERE n = 3)::text[])
a.code <> ALL ('{A-1,AB}')
a.code <> ALL ('{A-1,NULL}')
a.code <> ANY ('{A-1,AB}')
a.code > ANY ('{A-1,AB}')
a.code LIKE 'A%'
a.code LIKE 'e%'
a.code LIKE '%e'
a.code LIKE '%e%' OR a.code LIKE '%ss%'
a.code LIKE E'%\u0301'
a.code LIKE 'straß_'
a.name LIKE '%e%'
a.spec LIKE E'%e\u0301%'
a.spec ^@ 'e'
a.code LIKE '%1'
a.code LIKE '%-%'
a.code LIKE 'A-1'
a.code LIKE 'A_'
a.code LIKE 'P\%%'
a.code LIKE 'P#%1' ESCAPE '#'
a.code LIKE '%[%'
a.code LIKE ''
a.code LIKE NULL
a.code NOT LIKE 'N%'
a.name LIKE '%bolt%'
a.name LIKE '%M8%'
a.name LIKE '%螺%'
a.name LIKE '%bolt '
a.name LIKE '% %'
a.name LIKE '\%%'
a.name LIKE '%\\%'
a.name LIKE '%^%'
a.name ILIKE '%BOLT%'
a.name ILIKE '%螺栓%'
a.name ILIKE '%Ｍ8%'
a.name ILIKE '%8%'
a.name NOT ILIKE '%BOLT%'
a.name ~~ ANY ('{%bolt%,%nut%}')
a.name NOT LIKE ALL ('{%bolt%,%nut%}')
a.name ^@ 'bolt'
starts_with(a.name, 'M')
a.name SIMILAR TO '(bolt|nut)%'
a.name ~ '^[Bb]olt'
a.name ~* 'BOLT'
a.name = 'bolt'
a.name = 'bolt '
a.name = a.code
a.name < a.spec
a.spec = ''
a.spec IS NULL
a.spec IS NOT NULL
a.spec = 'M8' IS NOT FALSE
coalesce(a.spec, '') = ''
a.short = 'm8' AND a.bar IS NULL
a.class = '01'
a.class = '０1'
a.class = 'a' OR a.class = 'A'
a.class IN ('01', '02')
a.class NOT IN ('01', '02')
a.class IS NULL
a.class = '01' AND a.disabled
a.class_v = '01'
a.class LIKE '01%'
a.classname = '螺栓'
a.class = a.class
a.id = 5
5 = a.id
a.id = 5::smallint
a.id = 5::bigint
a.id = 5.0
a.id = 5.5
a.id = '5'
a.id = 5::float8
a.id_i = 5::bigint
a.id_i = 5000000000
a.id_n = 5
a.id_t = '5'
a.id_t = '05'
a.id = -5
a.id = 9223372036854775807
a.id_i = 2147483647
a.id IN (1, 2, 3, 5, 8, 13)
a.id = ANY ('{1,2,3,NULL}')
a.id = ANY (ARRAY(SELECT id FROM probe))
a.id = ANY (ARRAY(SELECT generate_series(1, 60)))
a.id BETWEEN 5 AND 20
a.id > 100
a.id + 0 = 5
a.id % 7 = 0
a.id = 5 OR a.id = 8
a.id = 5 AND a.id = 8
a.id = 5 AND a.code = 'A-1'
a.id = NULL
a.disabled
NOT a.disabled
a.disabled = true
a.disabled <> true
a.disabled = false
a.disabled IS TRUE
a.disabled IS FALSE
a.disabled IS NOT TRUE
a.disabled IS NOT FALSE
a.disabled IS UNKNOWN
a.disabled IS NULL
a.disabled IN (true, false)
a.disabled = ANY ('{t}')
a.disabled > false
a.disabled = a.sale
a.disabled AND NOT a.disabled
a.disabled OR NOT a.disabled
a.disabled = (SELECT flag FROM probe WHERE n = 4)
a.disabled AND a.class = '01'
a.sale
NOT a.sale
a.sale IS NOT TRUE
a.sale IS UNKNOWN
a.sale AND a.batch
a.sale OR a.batch IS NULL
a.period = 30
a.period IS NULL
a.cost = 1.5
a.cost > 0 AND a.made > '2026-01-01'
a.made = '2026-03-01'
a.made <> '2026-03-01'
a.made >= '2026-03-01'
a.made > '2026-03-01'
a.made < '2026-03-01'
a.made <= '2026-03-01'
'2026-03-01' <= a.made
a.made BETWEEN '2026-03-01' AND '2026-04-03'
a.made BETWEEN '2026-04-03' AND '2026-03-01'
a.made BETWEEN SYMMETRIC '2026-04-03' AND '2026-03-01'
a.made NOT BETWEEN '2026-03-01' AND '2026-04-03'
a.made IN ('2026-03-01', '2025-12-31', '2024-02-29')
a.made NOT IN ('2026-03-01', '2025-12-31')
a.made = ANY ('{2026-03-01,NULL}')
a.made = '2026-03-01' OR a.made = '2025-12-31'
a.made > 'infinity'
a.made < 'infinity'
a.made >= '-infinity' AND a.made < '2000-01-01'
a.made = '-infinity'
a.made > '0044-03-15 BC'
a.made < '5874897-12-31'
a.made >= now() - interval '1 year'
a.made >= current_date
a.made < now()
a.made = '2026-03-01'::timestamp
a.made = '2026-03-01 00:00+08'::timestamptz
a.made >= '2026-03-01 00:00+00'::timestamptz AND a.made < '2026-03-02 00:00+00'::timestamptz
a.made > '2026-02-28 23:59:59'::timestamp AND a.made < '2026-03-01 00:00:01'::timestamp
a.made >= '2026-03-01 00:00-12'::timestamptz AND a.made <= '2026-03-01 00:00+14'::timestamptz
a.made >= '2026-02-30'
a.made + 1 = '2026-03-02'
a.made IS NULL
a.made = a.made_ts
a.made >= a.made_tz
a.made_ts = '2026-03-01'
a.made_ts >= '2026-03-01 12:00' AND a.made_ts < '2026-03-02'
a.made_ts BETWEEN '2026-02-28 23:00' AND '2026-03-01 01:00'
a.made_tz = '2026-03-01 00:00+08'
a.made_tz = '2026-02-28 16:00Z'
a.made_tz = '2026-03-01'
a.made_tz >= '2026-03-01'::date AND a.made_tz < '2026-03-02'::date
a.made_tz >= '2026-03-01'::timestamp AND a.made_tz < '2026-03-02'::timestamp
a.made_tz BETWEEN '2026-02-28 15:59:59.999999+00' AND '2026-02-28 16:00:00.000001+00'
a.created >= '2026-03-01' AND a.created < '2026-03-02'
a.ts > '0000000000914000'
a.ts >= '0000000000914000'
a.ts > '0000000000914000' AND a.ts <= '0000000000915000'
a.ts < '0000000000914000'
a.ts >= (SELECT max(ts) FROM item)
a.ts > (SELECT max(ts) FROM item)
a.ts >= (SELECT min(ts) FROM item WHERE disabled)
a.ts > ''
a.ts > '914000'
a.ts > '000000000091a000' AND a.class = '01'
a.ts > 'ffffffffffffffff'
a.ts > '0000000000914000' AND a.disabled
a.ts > '00000000009140AB'
a.ts > NULL
(a.code, a.class) = ('A-1', '01')
(a.code, a.id) IN (('A-1', 1), ('AB', 12))
(a.made, a.id) > ('2026-03-01', 5)
random() < 2
a.code = CASE WHEN random() < 2 THEN 'AB' END
a.code = shared.vol('AB'::text)
a.code = shared.stb('AB'::text)
a.code = shared.imm('AB'::text)
false
NULL
true
NOT (a.code = 'A-1' OR a.disabled)
NOT (a.code <> 'A-1')
NOT (a.made >= '2026-03-01' AND a.class = '01')
(a.code = 'A-1') = a.disabled
CASE WHEN a.disabled THEN a.code = 'AB' ELSE a.class = '01' END
EXISTS (SELECT FROM probe p WHERE p.code = a.code)
NOT EXISTS (SELECT FROM probe p WHERE p.class = a.class)
a.code = ANY (SELECT p.code FROM probe p WHERE p.class = a.class)
a.class = (SELECT p.class FROM probe p WHERE p.code = a.code LIMIT 1)
SQL

# Whole statements; "ordered:" where the order of rows counts.
my $statements = <<'SQL';
SELECT * FROM item
SELECT a FROM item a
SELECT count(*) FROM item
SELECT count(a.spec), count(DISTINCT a.class), min(a.made), max(a.ts) FROM item a
SELECT disabled, count(*) FROM item GROUP BY disabled HAVING count(*) > 1
SELECT class, made, count(*) FROM item GROUP BY GROUPING SETS ((class), (made), ())
SELECT DISTINCT class, disabled FROM item
ordered: SELECT DISTINCT ON (class) class, id FROM item ORDER BY class COLLATE "C", id
ordered: SELECT id, code FROM item ORDER BY id LIMIT 5 OFFSET 3
ordered: SELECT id FROM item WHERE code LIKE 'N%' ORDER BY id DESC LIMIT 2
ordered: SELECT id FROM item WHERE disabled ORDER BY made, id FETCH FIRST 3 ROWS WITH TIES
SELECT count(*) FROM (SELECT id FROM item LIMIT 7) AS l
SELECT count(*) FROM (SELECT id FROM item WHERE class = '01' LIMIT 3 OFFSET 1) AS l
SELECT count(*) FROM (SELECT id FROM item OFFSET 30) AS l
SELECT EXISTS (SELECT FROM item WHERE code = 'AB')
SELECT code FROM item WHERE id = 3 FOR UPDATE
SELECT a.code, p.n FROM item a JOIN probe p ON p.code = a.code FOR UPDATE OF a
SELECT p.n, a.id FROM probe p JOIN item a ON a.code = p.code
SELECT p.n, a.id FROM probe p JOIN item a ON a.id = p.id
SELECT p.n, a.id FROM probe p JOIN item a ON a.id_i = p.small
SELECT p.n, a.id FROM probe p JOIN item a ON a.id = p.num
SELECT p.n, a.id FROM probe p JOIN item a ON a.class = p.class AND a.disabled = p.flag
SELECT p.n, a.id FROM probe p JOIN item a ON a.code_v = p.v
SELECT p.n, a.id FROM probe p JOIN item a ON a.code = p.nm
SELECT p.n, a.id FROM probe p JOIN item a ON a.code = p.code AND a.code = 'AB'
SELECT p.n, a.id FROM probe p JOIN item a ON a.code = p.code WHERE p.n = 2
SELECT p.n, a.id FROM probe p LEFT JOIN item a ON a.code = p.code
SELECT p.n, a.id FROM probe p LEFT JOIN item a ON a.code = p.code AND a.disabled WHERE a.id IS NULL
SELECT p.n, a.id FROM probe p RIGHT JOIN item a ON a.code = p.code
SELECT p.n, a.id FROM probe p FULL JOIN item a ON a.code = p.code
SELECT p.n, a.id FROM probe p FULL JOIN item a USING (id, class)
SELECT p.n, a.id FROM probe p JOIN item a ON a.made >= p.made AND a.made < p.made + 3
SELECT p.n, a.id FROM probe p JOIN item a ON a.made_tz = p.at
SELECT p.n, a.id FROM probe p JOIN item a ON a.code = ANY (p.codes)
SELECT p.n, a.id FROM probe p JOIN item a ON a.id = ANY (p.ids)
SELECT p.n, a.id FROM probe p JOIN item a ON a.code IN (p.code, p.v)
SELECT p.n, a.id FROM probe p JOIN item a ON a.code = p.code OR a.id = p.id
SELECT p.n, a.id FROM probe p JOIN item a ON a.code LIKE p.code || '%'
SELECT p.n, a.id FROM probe p JOIN item a ON a.ts > '0000000000914000' AND a.code = p.code
SELECT p.n, a.id, b.id FROM probe p JOIN item a ON a.code = p.code JOIN item b ON b.class = a.class AND b.code = 'N1'
SELECT p.n, b.id FROM probe p LEFT JOIN item a ON a.code = p.code LEFT JOIN item b ON b.id = a.id + 1
SELECT a.id, b.id FROM item a JOIN item b ON a.id = b.id AND a.code <> b.code_v
SELECT a.id, b.id FROM item a JOIN item b USING (code) WHERE a.disabled
SELECT a.id, b.id FROM item a JOIN item b ON a.class = b.code
SELECT a.id FROM item a WHERE EXISTS (SELECT FROM item b WHERE b.class = a.class AND b.id > a.id)
SELECT a.id FROM item a WHERE NOT EXISTS (SELECT FROM item b WHERE b.name = a.name AND b.id <> a.id)
SELECT p.n FROM probe p WHERE EXISTS (SELECT FROM item a WHERE a.code = p.code)
SELECT p.n FROM probe p WHERE NOT EXISTS (SELECT FROM item a WHERE a.code = p.code AND NOT a.disabled)
SELECT p.n FROM probe p WHERE p.code IN (SELECT code FROM item WHERE class = p.class)
SELECT p.n FROM probe p WHERE p.code NOT IN (SELECT code FROM item)
SELECT p.n FROM probe p WHERE p.class NOT IN (SELECT class FROM item WHERE class IS NOT NULL)
SELECT p.n, (SELECT count(*) FROM item a WHERE a.code = p.code) FROM probe p
SELECT p.n, (SELECT a.code FROM item a WHERE a.id = p.id) FROM probe p
SELECT p.n, (SELECT max(a.id) FROM item a WHERE a.class = p.class AND a.made <= p.made) FROM probe p
SELECT p.n, l.* FROM probe p, LATERAL (SELECT a.id, a.code FROM item a WHERE a.class = p.class ORDER BY a.id LIMIT 2) AS l
SELECT p.n, l.* FROM probe p LEFT JOIN LATERAL (SELECT a.id FROM item a WHERE a.code = p.code AND p.flag) AS l ON true
SELECT p.n, l.c FROM probe p, LATERAL (SELECT count(*) AS c FROM item a WHERE a.id >= p.id AND a.id < p.id + 5) AS l
SELECT p.n, l.* FROM probe p, LATERAL (SELECT a.id, p.code AS code FROM item a WHERE a.code = p.code UNION ALL SELECT b.nr, b.kode FROM mini b WHERE b.nr = p.id) AS l
SELECT u.c, a.id FROM unnest(ARRAY['A-1', 'AB', 'a-1', NULL]) AS u (c) JOIN item a ON a.code = u.c
SELECT v.i, a.code FROM (VALUES (1), (5), (NULL), (5)) AS v (i) LEFT JOIN item a ON a.id = v.i
SELECT g, a.code FROM generate_series(1, 9) AS g JOIN item a ON a.id = g WHERE NOT a.disabled
SELECT code FROM item WHERE class = '01' UNION SELECT kode FROM mini WHERE flag
SELECT class FROM item UNION ALL SELECT klass FROM mini
SELECT code FROM item EXCEPT SELECT kode FROM mini WHERE klass = '01'
SELECT class FROM item EXCEPT ALL SELECT class FROM item WHERE disabled
SELECT class FROM item INTERSECT ALL SELECT class FROM item WHERE disabled
WITH w AS (SELECT * FROM item WHERE class = '01') SELECT id FROM w WHERE disabled UNION ALL SELECT id FROM w WHERE code = 'AB'
WITH w AS MATERIALIZED (SELECT * FROM item) SELECT count(*) FROM w a JOIN w b USING (class)
WITH w AS NOT MATERIALIZED (SELECT * FROM item) SELECT count(*) FROM w a JOIN w b ON a.code = b.code AND a.disabled
WITH RECURSIVE r AS (SELECT 'AB' AS code UNION SELECT a.code FROM r JOIN item a ON a.class = r.code OR a.code = r.code || 'C') SELECT * FROM r
SELECT id, row_number() OVER (PARTITION BY class ORDER BY id), lag(code) OVER (ORDER BY id) FROM item
SELECT * FROM (SELECT id, class, rank() OVER (PARTITION BY class ORDER BY made, id) AS r FROM item) AS w WHERE r = 1 AND class = '01'
SELECT sum(cost) OVER (ORDER BY id ROWS 2 PRECEDING), id FROM item WHERE NOT disabled
SELECT flag, kode FROM mini WHERE klass = '01'
SELECT nr FROM mini WHERE kode = 'AB' AND nr = 12
SELECT m.nr, a.code FROM mini m JOIN item a ON a.id = m.nr WHERE m.flag
SELECT id, code FROM item_v WHERE code = 'AB'
SELECT id FROM item_b WHERE class = '01'
SELECT * FROM tree WHERE code = 'A-1'
SELECT * FROM tree WHERE code IN ('A-1', 'LOCAL')
SELECT t.code, p.n FROM tree t JOIN probe p USING (code)
SELECT t.code, b.id FROM tree t LEFT JOIN item b USING (code, class)
partitions: SELECT * FROM part
partitions: SELECT id FROM part WHERE disabled
partitions: SELECT id FROM part WHERE NOT disabled AND code = 'A-1'
partitions: SELECT id FROM part WHERE disabled IS NULL
partitions: SELECT id FROM part WHERE disabled IS NOT TRUE AND class = '01'
partitions: SELECT p.n, a.id FROM probe p JOIN part a ON a.code = p.code
partitions: SELECT p.n, a.id FROM probe p JOIN part a ON a.disabled = p.flag AND a.id = p.id
partitions: SELECT a.id FROM part a JOIN part b USING (id, disabled) WHERE b.class = '01'
partitions: SELECT disabled, count(*) FROM part GROUP BY disabled
partitions: SELECT p.n, (SELECT count(*) FROM part a WHERE a.class = p.class) FROM probe p
partitions: ordered: SELECT id, code FROM part ORDER BY id, code COLLATE "C" LIMIT 4
SELECT count(*) FROM big b JOIN item a ON a.code = b.code
SELECT count(*) FROM big b LEFT JOIN item a ON a.id = b.id AND a.disabled
SELECT count(*) FROM big b WHERE b.code NOT IN (SELECT code FROM item WHERE NOT disabled)
SELECT b.n FROM big b JOIN item a ON a.id = b.id WHERE b.n < 300 AND a.class = '01'
SQL

# What is asked again and again with other values.
my @prepared = (
	[ 'a.code = $1', ['text'], "'A-1'", "'none'", 'NULL', "'P%1'", "'A-1'", "''" ],
	[ 'a.code = $1', ['varchar'], "'AB'", "'a-5 '", 'NULL' ],
	[ 'a.code = $1', ['name'], "'AB'", "'ABC'" ],
	[ 'a.code_v = $1', ['text'], "'AB'", "'ab'" ],
	[ 'a.id = $1', ['int'], '5', '8', 'NULL', '-1', '5' ],
	[ 'a.id_i = $1', ['bigint'], '5', '5000000000' ],
	[ 'a.id = $1', ['numeric'], '5', '5.5' ],
	[ 'a.disabled = $1', ['boolean'], 'true', 'false', 'NULL' ],
	[ 'a.code = ANY ($1)', ['text[]'], "'{A-1,AB}'", "'{}'", 'NULL', "'{AB,NULL,AB}'", "'{P%1,AB}'" ],
	[ 'a.id = ANY ($1)', ['int[]'], "'{1,2,3}'", "'{}'", 'ARRAY(SELECT generate_series(1, 60))' ],
	[ 'a.code <> ALL ($1)', ['text[]'], "'{A-1,AB}'", "'{}'", "'{NULL}'" ],
	[ 'a.class = $1 OR a.class IS NULL', ['text'], "'01'", 'NULL' ],
	[ '($1 IS NULL OR a.class = $1)', ['text'], "'01'", 'NULL' ],
	[ 'a.made >= $1', ['date'], "'2026-03-01'", "'infinity'", 'NULL', "'-infinity'", "'0044-03-15 BC'" ],
	[ "a.made >= \$1 AND a.made < \$1 + interval '3 days'", ['timestamp'], "'2026-03-01'", "'2026-04-01 12:00'" ],
	[ "a.made_tz >= \$1 AND a.made_tz < \$1 + interval '1 day'", ['timestamptz'], "'2026-03-01'", "'2026-03-01 00:00+08'" ],
	[ "a.made >= \$1 - interval '1 day'", ['timestamptz'], 'now()', "'2026-04-03'" ],
	[ 'a.name LIKE $1', ['text'], "'%bolt%'", "'bolt'", "'%\\%%'", 'NULL', "'%'" ],
	[ 'a.ts > $1', ['text'], "'0000000000914000'", "''", 'NULL', "'ffffffffffffffff'" ]);

# The list, as TplusOracle's compare takes it.
sub queries
{
	my (%option) = @_;
	my @queries = map { { sql => "SELECT a.id, a.code, a.class FROM item a WHERE $_" } } split /\n/, $predicates;

	for my $line (split /\n/, $statements)
	{
		next if $line =~ s/^partitions: // && !$option{partitions};
		my $ordered = $line =~ s/^ordered: // ? 1 : 0;
		push @queries, { sql => $line, ordered => $ordered, mode => 'loop' };
		push @queries,
		  { sql => $line, ordered => $ordered,
			settings => [ enable_hashjoin => 'off', enable_mergejoin => 'off', enable_material => 'off' ] }
		  if $line =~ /probe/ && $line !~ /FULL/;
		push @queries, { sql => $line, ordered => $ordered, mode => 'cursor' } if $line =~ /^SELECT.*WHERE/ && $line !~ /FOR UPDATE/;
		push @queries,
		  { sql => $line,
			settings => [ parallel_setup_cost => 0, parallel_tuple_cost => 0, min_parallel_table_scan_size => 0 ] }
		  if $line =~ /big/;
	}
	for my $case (@prepared)
	{
		my ($predicate, $types, @values) = @$case;
		for my $mode ('prepare', 'function')
		{
			push @queries,
			  { sql => "SELECT a.id, a.code FROM item a WHERE $predicate", mode => $mode, types => $types,
				sets => [ map { [$_] } @values ], settings => [ plan_cache_mode => $_ ] }
			  for 'force_generic_plan', 'force_custom_plan', 'auto';
		}
	}
	return @queries;
}

1;
