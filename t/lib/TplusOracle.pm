package TplusOracle;

=pod

=head1 NAME

TplusOracle - the same query against T+, against T+ without pushdown, and
against a copy

=head1 SYNOPSIS

  my $oracle = TplusOracle->new($node, $sim);
  $oracle->configure(records => \@records, switches => { text_match => 'cs' },
	  columns => { made => { filter_op => 'eq' } });
  my @found = $oracle->compare({ sql => 'SELECT id FROM item WHERE disabled' });

Three schemas hold tables of the same names and columns: C<pushed> and
C<plain> foreign ones, the latter with pushdown off, and C<local> ordinary ones.
A query names them without a schema and is run with each in the search path.

=cut

use strict;
use warnings;

use JSON::PP;
use TplusSim;

my $json = JSON::PP->new->utf8->canonical;

# Columns of item: name, type, field, how the copy computes it, and more.
my @columns = (
	[ 'id', 'bigint', 'ID', '"ID"::bigint' ],
	[ 'id_i', 'integer', 'ID', '"ID"::integer' ],
	[ 'id_n', 'numeric', 'ID', '"ID"::numeric' ],
	[ 'id_t', 'text', 'ID', '"ID"' ],
	[ 'code', 'text', 'Code', '"Code"' ],
	[ 'code_v', 'varchar(60)', 'Code', '"Code"' ],
	[ 'code_n', 'name', 'Code', '"Code"' ],
	[ 'code_c', 'text', 'Code', '"Code"', 'COLLATE "C"' ],
	[ 'name', 'text', 'Name', '"Name"' ],
	[ 'spec', 'varchar', 'Specification', 'gone("Specification")' ],
	[ 'short', 'text', 'Shorthand', 'gone("Shorthand")' ],
	[ 'bar', 'text', 'DefaultBarCode', 'gone("DefaultBarCode")' ],
	[ 'class', 'text', 'InventoryClass.Code', 'gone("InventoryClassCode")' ],
	[ 'class_v', 'varchar(20)', 'InventoryClass.Code', 'gone("InventoryClassCode")' ],
	[ 'classname', 'text', 'InventoryClass.Name', 'gone("InventoryClassName")' ],
	[ 'disabled', 'boolean', 'Disabled', '"Disabled"::boolean' ],
	[ 'sale', 'boolean', 'IsSale', '"IsSale"::boolean' ],
	[ 'batch', 'boolean', 'IsBatch', '"IsBatch"::boolean' ],
	[ 'made', 'date', 'MadeRecordDate', '"MadeRecordDate"::date' ],
	[ 'made_ts', 'timestamp', 'MadeRecordDate', 'made_at' ],
	[ 'made_tz', 'timestamptz', 'MadeRecordDate', q{made_at AT TIME ZONE 'Asia/Shanghai'} ],
	[ 'created', 'timestamptz', 'CreatedTime', q{"CreatedTime"::timestamp AT TIME ZONE 'Asia/Shanghai'} ],
	[ 'cost', 'numeric', 'AvagCost', 'cost' ],
	[ 'period', 'bigint', 'NewProductPeriod', '"NewProductPeriod"::bigint' ],
	[ 'ts', 'text', 'Ts', '"Ts"' ]);

# The same records otherwise: fewer columns, other names and another order.
my @mini = (
	[ 'flag', 'boolean', 'Disabled', 'disabled' ],
	[ 'klass', 'varchar', 'InventoryClass.Code', 'class' ],
	[ 'gone', 'text', 'Name', 'name' ],
	[ 'nr', 'integer', 'ID', 'id' ],
	[ 'kode', 'text', 'Code', 'code' ],
	[ 'day', 'date', 'MadeRecordDate', 'made' ]);
my @part = (
	[ 'id', 'bigint', 'ID', 'id' ], [ 'code', 'text', 'Code', 'code' ],
	[ 'class', 'text', 'InventoryClass.Code', 'class' ],
	[ 'made', 'date', 'MadeRecordDate', 'made' ],
	[ 'disabled', 'boolean', 'Disabled', 'disabled' ]);

sub table_columns
{
	my ($foreign, @list) = @_;
	return '(' . join(
		', ',
		map {
			"$_->[0] $_->[1]"
			  . ($foreign ? " OPTIONS (field '$_->[2]')" : '')
			  . ($_->[4] ? " $_->[4]" : '')
		} @list)
	  . ')';
}

# The objects of one schema.
sub schema_sql
{
	my ($path, $foreign) = @_;
	my $sql = "CREATE SCHEMA $path; SET search_path = $path, shared;\n";
	my $pushdown = $path eq 'pushed' ? 'true' : 'false';
	my $table = sub {
		my ($name, $columns, $rest, %option) = @_;
		return "CREATE " . ($foreign ? 'FOREIGN ' : '') . "TABLE $name "
		  . ($columns ? table_columns($foreign, @$columns) : '') . " $rest"
		  . ( $foreign
			? " SERVER $path "
			  . TplusSim::options(
				resource => 'inventory',
				pushdown => $pushdown,
				%option)
			: '')
		  . ";\n";
	};
	my $fixed = sub { return (fixed_params => qq({"Disabled": $_[0]})) };

	$sql .= $table->('item', \@columns, '') . $table->('mini', \@mini, '');
	# A dropped column shifts the numbers of the others.
	$sql .= "ALTER TABLE mini DROP gone, ADD name text;\n";
	$sql .= "CREATE TABLE part " . table_columns(0, @part)
	  . " PARTITION BY LIST (disabled);\n";
	# Of one partition, the columns stand in another order.
	$sql .= $table->('part_on', \@part, '', $fixed->('false'));
	$sql .= $table->('part_off', [ reverse @part ], '', $fixed->('true'));
	$sql .= "ALTER TABLE part ATTACH PARTITION part_on FOR VALUES IN (false);\n";
	$sql .= "ALTER TABLE part ATTACH PARTITION part_off FOR VALUES IN (true);\n";
	$sql .= "CREATE TABLE part_rest PARTITION OF part DEFAULT;\n";
	$sql .= "CREATE TABLE tree (code text, class text, disabled boolean);\n";
	$sql .= $table->('tree_more', [ $part[0], $part[3] ], 'INHERITS (tree)');
	$sql .= "ALTER FOREIGN TABLE tree_more ALTER class "
	  . "OPTIONS (ADD field 'InventoryClass.Code');\n"
	  if $foreign;
	for my $table ('part', 'tree')
	{
		my $nulls = $table eq 'part' ? '-1, ' : '';
		my $names = $table eq 'part' ? 'id, ' : '';
		$sql .= "INSERT INTO $table (${names}code, class, disabled) "
		  . "VALUES (${nulls}'LOCAL', '01', NULL), (${nulls}'local', NULL, NULL);\n";
	}
	$sql .= "CREATE VIEW item_v AS SELECT id, code, class, disabled, made "
	  . "FROM item WHERE class <> '02' OR class IS NULL;\n";
	$sql .= "CREATE VIEW item_b WITH (security_barrier) AS "
	  . "SELECT id, code, class, disabled, made FROM item WHERE NOT disabled;\n";
	return $sql;
}

my $shared = <<'SQL';
CREATE SCHEMA shared;
CREATE SCHEMA oracle;
SET search_path = shared;
-- Functions that the planner knows by their volatility alone.
CREATE FUNCTION imm(anyelement) RETURNS anyelement IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION stb(anyelement) RETURNS anyelement STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION vol(anyelement) RETURNS anyelement VOLATILE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE TABLE probe (n int, code text, v varchar, nm name, id bigint, small int, num numeric, class text,
                    flag boolean, made date, at timestamptz, codes text[], ids bigint[]);
CREATE TABLE big (n int, code text, id bigint);
-- For the copies: a text that is missing, as it comes.
CREATE FUNCTION gone(text) RETURNS text STABLE LANGUAGE sql AS
  $$ SELECT CASE WHEN current_setting('oracle.nulls') = 'empty' THEN coalesce($1, '') ELSE $1 END $$;

CREATE TABLE oracle.query (n int PRIMARY KEY, mode text, sql text, literal text[], types text[], args text[],
                           settings text[], is_ordered boolean);
CREATE TABLE oracle.result (n int, rows int, failed text, difference text);

-- The rows of one statement, as texts.
CREATE FUNCTION oracle.rows(mode text, statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  result text[] := '{}';
  back text[] := '{}';
  c refcursor;
  r record;
BEGIN
  IF mode = 'wrap' THEN
    EXECUTE format('SELECT array_agg(oracle_row::text) FROM (%s) AS oracle_row', statement) INTO result;
  ELSIF mode = 'loop' THEN
    FOR r IN EXECUTE statement LOOP
      result := result || r::text;
    END LOOP;
  ELSE
    OPEN c SCROLL FOR EXECUTE statement;
    LOOP
      FETCH c INTO r;
      EXIT WHEN NOT FOUND;
      result := result || r::text;
    END LOOP;
    LOOP
      FETCH PRIOR FROM c INTO r;
      EXIT WHEN NOT FOUND;
      back := r::text || back;
    END LOOP;
    IF back <> result THEN
      RAISE 'backward % is not forward %', back, result;
    END IF;
    FETCH ABSOLUTE 2 FROM c INTO r;
    IF FOUND AND r::text <> result[2] THEN
      RAISE 'the second row % is not %', r::text, result[2];
    END IF;
    FETCH LAST FROM c INTO r;
    IF FOUND AND r::text <> result[cardinality(result)] THEN
      RAISE 'the last row % is not %', r::text, result[cardinality(result)];
    END IF;
    MOVE ABSOLUTE 0 IN c;
    FETCH c INTO r;
    IF FOUND AND r::text <> result[1] THEN
      RAISE 'the first row % is not %', r::text, result[1];
    END IF;
    CLOSE c;
  END IF;
  RETURN coalesce(result, '{}');
END
$$;

-- What the statements of a query bring in one schema; args are calls' arguments.
CREATE FUNCTION oracle.answer(path text, q oracle.query) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  result text[] := '{}';
  rows text[];
  statement text;
  sets int := 0;
BEGIN
  PERFORM set_config('search_path', path || ', shared', true);
  FOR i IN 1 .. cardinality(q.settings) BY 2 LOOP
    PERFORM set_config(q.settings[i], q.settings[i + 1], true);
  END LOOP;
  IF q.mode = 'prepare' THEN
    EXECUTE format('PREPARE oracle_prepared %s AS SELECT array_agg(oracle_row::text) FROM (%s) AS oracle_row',
                   '(' || nullif(array_to_string(q.types, ', '), '') || ')', q.sql);
  ELSIF q.mode = 'function' THEN
    EXECUTE format('CREATE FUNCTION pg_temp.oracle_function(%s) RETURNS SETOF text LANGUAGE plpgsql AS %L',
                   array_to_string(q.types, ', '),
                   format('DECLARE r record; BEGIN FOR r IN %s LOOP RETURN NEXT r::text; END LOOP; END', q.sql));
  END IF;
  FOREACH statement IN ARRAY CASE WHEN q.mode IN ('prepare', 'function') THEN q.args ELSE q.literal END LOOP
    IF q.mode = 'prepare' THEN
      EXECUTE 'EXECUTE oracle_prepared ' || statement INTO rows;
    ELSIF q.mode = 'function' THEN
      EXECUTE 'SELECT array_agg(f) FROM pg_temp.oracle_function' || statement || ' AS f' INTO rows;
    ELSE
      rows := oracle.rows(q.mode, statement);
    END IF;
    IF NOT q.is_ordered THEN
      SELECT array_agg(r ORDER BY r COLLATE "C") INTO rows FROM unnest(rows) AS r;
    END IF;
    sets := sets + 1;
    result := result || ('-- set ' || sets) || coalesce(rows, '{}');
  END LOOP;
  IF q.mode = 'prepare' THEN
    DEALLOCATE oracle_prepared;
  ELSIF q.mode = 'function' THEN
    EXECUTE format('DROP FUNCTION pg_temp.oracle_function(%s)', array_to_string(q.types, ', '));
  END IF;
  RETURN result;
END
$$;

CREATE FUNCTION oracle.try(path text, q oracle.query, OUT rows text[], OUT failed text, OUT problem text)
LANGUAGE plpgsql AS $$
BEGIN
  rows := oracle.answer(path, q);
EXCEPTION WHEN OTHERS THEN
  failed := SQLSTATE;
  problem := format('ERROR:  %s: %s', SQLSTATE, SQLERRM);
  IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'oracle_prepared') THEN
    DEALLOCATE oracle_prepared;
  END IF;
END
$$;

CREATE FUNCTION oracle.sample(text[]) RETURNS text LANGUAGE sql AS $$
  SELECT format('%s rows: %s', cardinality($1), array_to_string($1[1:6], E'\n    '))
$$;

-- What is in a, but not in b, and the other way round.
CREATE FUNCTION oracle.difference(a text[], b text[]) RETURNS text LANGUAGE sql AS $$
  SELECT format(E'  missing %s\n  extra %s',
                oracle.sample(ARRAY(SELECT unnest(a) EXCEPT ALL SELECT unnest(b))),
                oracle.sample(ARRAY(SELECT unnest(b) EXCEPT ALL SELECT unnest(a))))
$$;

CREATE PROCEDURE oracle.compare(wanted int) LANGUAGE plpgsql AS $$
DECLARE
  q oracle.query;
  expected record;
  got record;
  path text;
  difference text := '';
BEGIN
  SELECT * INTO q FROM oracle.query WHERE n = wanted;
  expected := oracle.try('local', q);
  FOREACH path IN ARRAY ARRAY['plain', 'pushed'] LOOP
    got := oracle.try(path, q);
    IF got.failed IS DISTINCT FROM expected.failed THEN
      difference := difference || format(E'%s: %s\n  locally %s\n', path,
        coalesce(got.problem, cardinality(got.rows) || ' rows'),
        coalesce(expected.problem, cardinality(expected.rows) || ' rows'));
    ELSIF got.rows IS DISTINCT FROM expected.rows THEN
      difference := difference || path || E':\n' || oracle.difference(expected.rows, got.rows) || E'\n';
    END IF;
  END LOOP;
  INSERT INTO oracle.result
    VALUES (wanted, cardinality(expected.rows) - cardinality(q.args), expected.failed, nullif(difference, ''));
END
$$;
SQL

# TplusOracle->new($node, $sim): makes the objects in the database postgres.
sub new
{
	my ($class, $node, $sim) = @_;
	my $self = bless {
		node => $node,
		sim => $sim,
		first => 0,
		keys => { pushed => 'oracle-pushed', plain => 'oracle-plain' }
	}, $class;

	for my $path ('pushed', 'plain')
	{
		$sim->tenant($self->{keys}{$path}, records => 0);
		$sim->setup_server(
			$node, $self->{keys}{$path},
			server => $path,
			tables => [],
			requests_per_second => 0,
			page_size => $path eq 'pushed' ? 40 : 200);
		$node->safe_psql('postgres', "DROP SCHEMA $path");
	}
	$node->safe_psql('postgres',
		join '', $shared, schema_sql('local', 0), schema_sql('pushed', 1),
		schema_sql('plain', 1));
	return $self;
}

=pod

=head2 $oracle->configure(%configuration)

Gives both tenants these C<records> and C<switches>, sets the options of
C<columns> and the C<table>, which say what is true of such a server, and fills
the copies.

=cut

sub configure
{
	my ($self, %config) = @_;
	my ($node, $sim) = @$self{qw(node sim)};
	my $switches = $config{switches} // {};
	my @options;

	for my $path ('pushed', 'plain')
	{
		$sim->tenant(
			$self->{keys}{$path},
			records => $config{records},
			switches => $switches);
		push @options,
		  $self->_options_sql($path, $config{columns} // {}, $config{table} // {});
	}
	my $text = $json->encode([ $sim->records($self->{keys}{pushed}) ]);
	my %sim = (nulls => 'null', dates => 'date', made_time => 0,
		numbers => 'text6', %$switches);
	my $timed = $sim{made_time} && $sim{dates} ne 'date';

	$node->safe_psql('postgres', <<"SQL" . join '', @options);
SET client_min_messages = error;
SET search_path = local, shared;
SET oracle.nulls = '$sim{nulls}';
TRUNCATE item, mini, part_on, part_off, tree_more;
CREATE TEMP TABLE raw AS
  SELECT *, "MadeRecordDate"::timestamp + CASE WHEN @{[ $timed ? 'true' : 'false' ]}
                 THEN coalesce("_made_time", '0:00')::interval ELSE '0' END AS made_at,
         CASE WHEN '$sim{numbers}' NOT LIKE '%6' THEN "AvagCost"::numeric
              ELSE round("AvagCost"::numeric, greatest(6, scale("AvagCost"::numeric))) END AS cost
    FROM jsonb_to_recordset(@{[ TplusSim::quote($text) ]}::jsonb) AS
         ("ID" text, "Code" text, "Name" text, "Specification" text, "Shorthand" text, "DefaultBarCode" text,
          "InventoryClassCode" text, "InventoryClassName" text, "Disabled" text, "IsSale" text, "IsBatch" text,
          "MadeRecordDate" text, "_made_time" text, "CreatedTime" text, "AvagCost" text, "NewProductPeriod" text,
          "Ts" text);
INSERT INTO item SELECT @{[ join ', ', map { $_->[3] } @columns ]} FROM raw;
INSERT INTO mini (flag, klass, nr, kode, day, name) SELECT disabled, class, id, code, made, name FROM item;
INSERT INTO part (id, code, class, made, disabled) SELECT id, code, class, made, disabled FROM item;
INSERT INTO tree_more (id, code, class, made, disabled) SELECT id, code, class, made, disabled FROM item;
TRUNCATE probe, big;
@{[ $config{fill} // '' ]}
ANALYZE item, probe, big;
SQL
	return;
}

# The options of a foreign table as they shall be, whatever they were.
sub _options_sql
{
	my ($self, $path, $columns, $table) = @_;
	my $name = "$path.item";
	my $sql = '';

	for my $column (@columns)
	{
		my $wanted = $columns->{ $column->[0] } // {};
		my $key = "$name.$column->[0]";
		my $had = $self->{set}{$key} // {};
		$sql .= _alter("$name ALTER $column->[0]", $had, $wanted);
		$self->{set}{$key} = $wanted;
	}
	$sql .= _alter($name, $self->{set}{$name} // {}, $table);
	$self->{set}{$name} = $table;
	return $sql;
}

sub _alter
{
	my ($what, $had, $wanted) = @_;
	my @changes = (
		(map { "DROP $_" } grep { !exists $wanted->{$_} } sort keys %$had),
		map { (exists $had->{$_} ? 'SET' : 'ADD') . " $_ " . TplusSim::quote($wanted->{$_}) }
		  sort keys %$wanted);

	return @changes
	  ? "ALTER FOREIGN TABLE $what OPTIONS (" . join(', ', @changes) . ");\n"
	  : '';
}

=pod

=head2 $oracle->compare(@queries)

Runs each query against the three.  A query is a hash:

  sql      => text with $1, $2, ... where a parameter stands
  types    => [ 'text', ... ]          of the parameters
  sets     => [ [ "'a'", ... ], ... ]  their values, as SQL; one run for each
  mode     => 'wrap' (in a FROM), 'loop' (PL/pgSQL), 'cursor' (forward and
              backward), with literals for parameters; 'prepare', 'function'
  settings => [ name => value, ... ]
  ordered  => the order of rows counts

Returns a hash for each: rows, failed (the SQLSTATE in the copy), difference.

=cut

sub compare
{
	my ($self, @queries) = @_;
	my ($script, @numbers) = ("SET statement_timeout = '120s';\n"
		  . "SET client_min_messages = error;\n");
	my ($insert, $calls) = ('', '');

	for my $query (@queries)
	{
		my $n = ++$self->{first};
		my $sets = $query->{sets} // [ [] ];
		push @numbers, $n;
		$insert .= "INSERT INTO oracle.query VALUES (" . join(', ',
			$n, map { TplusSim::quote($_) } $query->{mode} // 'wrap', $query->{sql})
		  . ', ' . join(', ',
			_array(map { literal($query, $_) } @$sets),
			_array(@{ $query->{types} // [] }),
			_array(map { _arguments($query, $_) } @$sets),
			_array(@{ $query->{settings} // [] }))
		  . ', ' . ($query->{ordered} ? 'true' : 'false') . ");\n";
		$calls .= "CALL oracle.compare($n);\n";
	}
	my ($status, $out, $err) =
	  $self->{node}->psql('postgres', $script . $insert . $calls, on_error_stop => 0);
	my %result = map { $_->{n} => $_ } @{ $json->decode($self->{node}->safe_psql(
				'postgres', "SELECT coalesce(json_agg(r), '[]') FROM oracle.result AS r")) };
	$self->{node}->safe_psql('postgres', 'TRUNCATE oracle.query, oracle.result');
	for my $row (values %result)
	{
		utf8::encode($row->{difference}) if defined $row->{difference};
	}
	return map {
		$result{$_} // { difference => "it did not end: status $status\n$err" }
	} @numbers;
}

sub _array
{
	return 'ARRAY[' . join(', ', map { TplusSim::quote($_) } @_) . ']::text[]';
}

# The query with these values in the place of its parameters.
sub literal
{
	my ($query, $set) = @_;
	my $sql = $query->{sql};

	$sql =~ s/\$(\d+)/'(' . $set->[$1 - 1] . ')::' . $query->{types}[$1 - 1]/ge if @$set;
	return $sql;
}

# A query as text: all that it takes to run it again.
sub describe
{
	my ($query) = @_;
	my @settings = @{ $query->{settings} // [] };
	my $text = '';

	$text .= 'SET ' . shift(@settings) . " = '" . shift(@settings) . "';\n" while @settings;
	$text .= "-- as $query->{mode}\n" if $query->{mode};
	$text .= "PREPARE q (" . join(', ', @{ $query->{types} }) . ") AS\n"
	  if @{ $query->{types} // [] };
	$text .= "$query->{sql};\n";
	$text .= 'EXECUTE q (' . join(', ', @$_) . ");\n"
	  for grep { @$_ } @{ $query->{sets} // [] };
	return $text;
}

sub _arguments
{
	my ($query, $set) = @_;
	return '' if !@$set && ($query->{mode} // '') ne 'function';
	return '(' . join(', ', map { "($set->[$_])::$query->{types}[$_]" } 0 .. $#$set) . ')';
}

=pod

=head2 $oracle->requests('pushed')

How many requests and rows that one got since C<configure>.

=head2 $oracle->cost('pushed', $sql)

Requests and rows of that statement.

=cut

sub cost
{
	my ($self, $path, $sql) = @_;

	$self->{sim}->clear_journal($self->{keys}{$path});
	$self->{node}->safe_psql('postgres',
		"SET client_min_messages = error; SET search_path = $path, shared; $sql");
	return $self->requests($path);
}

sub requests
{
	my ($self, $path) = @_;
	return $self->{sim}->stats($self->{keys}{$path});
}

1;
