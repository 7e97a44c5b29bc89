# Every behaviour of the simulator, alone and in pairs: a read brings exactly
# the records that are there, or fails with an error that says why.
#
# TPLUS_PAIRS=all runs every pair of behaviours instead of a sample,
# TPLUS_PAIRS=N a sample of N; TPLUS_MORE=N adds N combinations of three or
# four; TPLUS_SEED=S draws other samples; TPLUS_ONLY="a=b,c=d;..." runs the
# combinations named and prints what each query gave.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use TplusLanes;
use TplusSwitches qw(clash);

# More than a page by number (30) and than a page by cursor (100).
my $records = 120;
my $seed = $ENV{TPLUS_SEED} // 1;

my @choices = TplusSwitches::choices();

# --- What is asked ----------------------------------------------------------

# Table and query; %T is the table.  The same query over the truth tells what
# is to come.
my $few = 'id, code, name, disabled, madeRecordDate, inventoryClassCode, avagCost, ts';
my %query = (
	full => "SELECT * FROM %T",
	count => "SELECT count(*) FROM %T",
	since => "SELECT $few FROM %T WHERE madeRecordDate >= '2025-11-01'",
	day => "SELECT $few FROM %T WHERE madeRecordDate = '2026-06-30'",
	between => "SELECT $few FROM %T WHERE madeRecordDate BETWEEN '2026-06-20' AND '2026-06-30'",
	before => "SELECT $few FROM %T WHERE madeRecordDate < '2024-01-01'",
	enabled => "SELECT $few FROM %T WHERE NOT disabled",
	disabled => "SELECT id, disabled FROM %T WHERE disabled",
	recent => "SELECT $few FROM %T WHERE NOT disabled AND madeRecordDate >= '2026-01-01'",
	code => "SELECT $few FROM %T WHERE code = CODE_OF(enabled)",
	stopped => "SELECT $few FROM %T WHERE code = CODE_OF(disabled)",
	odd => "SELECT $few FROM %T WHERE code = CODE_OF(odd)",
	nobody => "SELECT $few FROM %T WHERE code = 'not there'",
	id => "SELECT $few FROM %T WHERE id = ID_OF(enabled)",
	stoppedid => "SELECT id FROM %T WHERE id = ID_OF(disabled)",
	newer => "SELECT $few FROM %T WHERE ts > TS_OF(30)",
	newest => "SELECT $few FROM %T WHERE ts >= TS_OF(110)",
	last => "SELECT $few FROM %T WHERE ts > TS_OF(120)",
	class => "SELECT id, code FROM %T WHERE inventoryClassCode = 'CLASS'",
	name => "SELECT id, name FROM %T WHERE name = NAME_OF(enabled)",
	codes => "SELECT $few FROM %T WHERE code IN (CODE_OF(enabled), CODE_OF(disabled), CODE_OF(odd), 'not there')",
	ids => "SELECT id FROM %T WHERE id IN (ID_OF(enabled), ID_OF(disabled), 0)",
	like => "SELECT id, name FROM %T WHERE name LIKE 'PART_OF(enabled)'",
	days => "SELECT $few FROM %T WHERE madeRecordDate IN ('2026-06-30', '2026-06-29', '2025-12-31')",
	either => "SELECT id, code FROM %T WHERE code = CODE_OF(enabled) OR NOT disabled AND name = NAME_OF(enabled)",
	joined => "SELECT a.id, a.code FROM %T a JOIN (VALUES (CODE_OF(enabled)), (CODE_OF(disabled))) b (code) USING (code)",
);
my @usual = qw(enabled full count since recent code stopped odd nobody id
  stoppedid newer newest last class name codes ids like days either joined disabled day full);

# Tables with declared options, and the servers for which they are true.
my %declared = (
	page => { table => "paging 'page'", asks => [qw(full enabled since stopped)] },
	ts => { table => "paging 'ts'", asks => [qw(full enabled newer last code like)] },
	none => { table => "paging 'none'", asks => [qw(full since)] },
	zero => { table => "empty_reply 'zero'", asks => [qw(full enabled nobody last)] },
	off => { table => "verify 'off'", asks => [qw(full newer)] },
	(map { ($_ => { made => "filter_op '$_'", asks => [qw(day days between since before recent)] }) } qw(eq ge gt le)),
	(map { ($_ => { flag => "filter_encoding '$_'", asks => [qw(full enabled disabled)] }) } qw(json TrueFalse 01)),
);

sub value_of
{
	my ($set, $switch, $operation, $default) = @_;
	return $set->{"$operation.$switch"} // $set->{$switch} // $default;
}
my %is_true;
%is_true = (
	page => sub {
		my ($set) = @_;
		return value_of($set, 'page_index', 'QueryPage', 'honoured') eq 'honoured'
		  && value_of($set, 'page_base', 'QueryPage', 1) eq '1'
		  && value_of($set, 'order', 'QueryPage', 'code') ne 'unstable'
		  && value_of($set, 'ignored_params', 'QueryPage', '') ne 'PageIndex';
	},
	ts => sub {
		my ($set) = @_;
		return value_of($set, 'ts_compare', 'Query', 'gt') =~ /^g/
		  && value_of($set, 'order', 'Query', 'ts') eq 'ts'
		  && value_of($set, 'ignored_params', 'Query', '') ne 'Ts'
		  && value_of($set, 'drop_fields', 'Query', '') ne 'Ts';
	},
	none => sub {
		my ($set) = @_;
		return value_of($set, 'default_page_size', 'Query', 0) eq '0'
		  && value_of($set, 'max_bytes', 'Query', 0) eq '0';
	},
	zero => sub { return 1 },
	# Without the checks, fewer than ten rows are the last ones.
	off => sub {
		my ($set) = @_;
		return $is_true{ts}->($set)
		  && value_of($set, 'max_bytes', 'Query', 0) != 1500
		  && !grep { $_ && $_ < 10 } map { value_of($set, $_, 'Query', 0) } qw(max_rows);
	},
	(map { my $op = $_; ($op => sub {
		my ($set) = @_;
		return value_of($set, 'made_compare', 'Query', 'eq') eq $op
		  && ($op ne 'eq' || value_of($set, 'made_zone', 'Query', 'local') eq 'local'
			&& value_of($set, 'made_time', 'Query', 'false') eq 'false');
	}) } qw(eq ge gt le)),
	(map { my ($option, $switch) = @$_; ($option => sub {
		my ($set) = @_;
		return !grep { value_of($set, $switch, $_, 'match') ne 'match'
			|| value_of($set, 'ignored_params', $_, '') eq 'Disabled' } qw(Query QueryPage);
	}) } [ json => 'bool_json' ], [ TrueFalse => 'bool_text' ], [ '01' => 'bool_01' ]),
);

# --- Combinations -----------------------------------------------------------

my @combinations;

sub add_combination
{
	my (@parts) = @_;
	my %set = map { %{ $_->{set} } } @parts;
	push @combinations,
	  {
		key => 's' . @combinations,
		name => @parts ? join(' + ', map { $_->{name} } @parts) : 'as it is',
		set => \%set,
		parts => scalar @parts
	  };
	return;
}

# A generator of our own: the same sample on every version of Perl.
my $state = $seed * 2654435761 % 4294967296;

sub draw
{
	my ($limit) = @_;
	$state = ($state * 1664525 + 1013904223) % 4294967296;
	return int($state / 65536) % $limit;
}

if (($ENV{TPLUS_ONLY} // '') eq 'apart')
{
	add_combination($_) for TplusSwitches::apart();
}
elsif ($ENV{TPLUS_ONLY})
{
	for my $text (split /;/, $ENV{TPLUS_ONLY})
	{
		my @parts = map { my ($s, $v) = split /=/, $_, 2; { name => $_, set => { $s => $v } } }
		  split / ?\+ ?/, $text;
		add_combination(@parts);
	}
}
else
{
	add_combination();
	add_combination($_) for @choices, TplusSwitches::apart();

	my @pairs;
	for my $i (0 .. $#choices)
	{
		push @pairs, map { [ $choices[$i], $choices[$_] ] }
		  grep { !clash($choices[$i]{set}, $choices[$_]{set}) } $i + 1 .. $#choices;
	}
	note "@{[scalar @choices]} behaviours, @{[scalar @pairs]} pairs, seed $seed";
	my $wanted = $ENV{TPLUS_PAIRS} // 600;
	if ($wanted ne 'all')
	{
		for my $i (0 .. ($wanted < @pairs ? $wanted : @pairs) - 1)
		{
			my $j = $i + draw(@pairs - $i);
			@pairs[ $i, $j ] = @pairs[ $j, $i ];
		}
		splice @pairs, $wanted;
	}
	add_combination(@$_) for @pairs;

	for my $n (1 .. $ENV{TPLUS_MORE} // 150)
	{
		my @parts;
		while (@parts < 3 + $n % 2)
		{
			my $next = $choices[ draw(scalar @choices) ];
			push @parts, $next unless grep { clash($_->{set}, $next->{set}) } @parts;
		}
		add_combination(@parts);
	}
}

# --- The cluster ------------------------------------------------------------

my $node = PostgreSQL::Test::Cluster->new('switches');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\njit = off\n");
$node->start;

my $lanes = TplusLanes->new($node, 2, burst => 1000);
$lanes->tenant(0, 'truth', { records => $records });
my @truth = $lanes->sim(0)->records('truth');
is_deeply([ TplusSwitches::unknown($lanes->sim(0)) ], [], 'every switch of the simulator is considered');

sub sql_text { return TplusSim::quote($_[0]) }

# The truth as rows of the imported table.
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA truth;
CREATE TABLE truth.whole (LIKE lane0.inventory);
SQL
{
	my @rows;
	for my $record (@truth)
	{
		my %row = map { (lc $_ => $record->{$_}) } keys %$record;
		$row{createdtime} .= '+08' if defined $row{createdtime};
		push @rows, \%row;
	}
	my $text = JSON::PP->new->allow_nonref->encode(\@rows);
	my $file = $node->basedir . '/truth.sql';
	open my $fh, '>:utf8', $file or die "could not write $file: $!";
	print $fh 'INSERT INTO truth.whole SELECT * FROM jsonb_populate_recordset(NULL::truth.whole, ', sql_text($text), ");\n";
	close $fh;
	$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $file ], 'loaded the truth');
}

# What a server shows that leaves fields out, or writes null as "".
my %variants = ('whole' => 1);

sub truth_table
{
	my ($set) = @_;
	my $nulls = $set->{nulls} // 'null';
	my @dropped = ($set->{drop_when} // '') eq 'null' ? () : split /,/, $set->{drop_fields} // '';
	my $sometimes = ($set->{drop_when} // '') eq 'null' ? $set->{drop_fields} : '';
	s/\.//g for @dropped, $sometimes;
	my $name = lc join '_', $nulls eq 'empty' ? ('empty', ($sometimes ? 'partly' : ())) : (), @dropped;
	$name = 'whole' if $name eq '';
	return "truth.$name" if $variants{$name}++;

	my $sql = "CREATE TABLE truth.$name AS SELECT * FROM truth.whole;\n";
	if ($nulls eq 'empty')
	{
		my %never = map { lc $_ => 1 } split /,/, $sometimes;
		my @text = grep { !$never{$_} } split /\n/, $node->safe_psql('postgres',
			"SELECT attname FROM pg_attribute WHERE attrelid = 'truth.whole'::regclass AND attnum > 0 AND atttypid = 'text'::regtype");
		$sql .= "UPDATE truth.$name SET " . join(', ', map { "$_ = coalesce($_, '')" } @text) . ";\n";
	}
	$sql .= "UPDATE truth.$name SET $_ = NULL;\n" for @dropped;
	$node->safe_psql('postgres', $sql);
	return "truth.$name";
}

# Records that queries name.
my @by_ts = sort { $a->{Ts} cmp $b->{Ts} } @truth;
my %chosen = (
	enabled => (grep { !$_->{Disabled} && $_->{Code} =~ /^[0-9]+$/ } @by_ts)[ 50 ],
	disabled => (grep { $_->{Disabled} && $_->{Code} =~ /^[0-9]+$/ } @by_ts)[ 2 ],
	odd => (grep { $_->{Code} =~ /%/ } @by_ts)[0]);
my %classes;
$classes{ $_->{InventoryClassCode} }++ for @truth;
my ($class) = sort { $classes{$b} <=> $classes{$a} || $a cmp $b } keys %classes;
for my $text (values %query)
{
	$text =~ s/CODE_OF\((\w+)\)/sql_text($chosen{$1}{Code})/ge;
	$text =~ s/NAME_OF\((\w+)\)/sql_text($chosen{$1}{Name})/ge;
	$text =~ s/ID_OF\((\w+)\)/$chosen{$1}{ID}/g;
	$text =~ s/PART_OF\((\w+)\)/'%' . substr($chosen{$1}{Name}, 1, 2) . '%'/ge;
	$text =~ s/TS_OF\((\d+)\)/sql_text($by_ts[$1 - 1]{Ts})/ge;
	$text =~ s/CLASS/$class/g;
}

# Small pages everywhere, and the tables that declare something.
for my $lane (0 .. $lanes->count - 1)
{
	my $sql = "ALTER FOREIGN TABLE lane$lane.inventory OPTIONS (ADD page_size '30');\n";
	for my $name (sort keys %declared)
	{
		my $of = $declared{$name};
		my $made = $of->{made} ? "OPTIONS ($of->{made})" : '';
		my $flag = $of->{flag} ? "OPTIONS ($of->{flag})" : '';
		my $more = $of->{table} ? ", $of->{table}" : '';
		$sql .= "CREATE FOREIGN TABLE lane$lane.\"$name\" (id bigint, code text, name text, disabled boolean $flag, "
		  . "madeRecordDate date $made, inventoryClassCode text, avagCost numeric, ts text) "
		  . "SERVER lane$lane OPTIONS (resource 'inventory', page_size '30'$more);\n";
	}
	$node->safe_psql('postgres', $sql);
}

$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA probe;
-- Two fields are spelled as the server likes: TaxRate and Userfreeitem1.
CREATE FUNCTION probe.norm(r jsonb) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE WHEN r ? 'taxrate' THEN r || jsonb_build_object(
		'taxrate', nullif(CASE WHEN r->>'taxrate' ~ '^\{' THEN (r->>'taxrate')::jsonb->>'Code'
		                  ELSE r->>'taxrate' END, '')::numeric,
		'userfreeitem1', lower(r->>'userfreeitem1') IN ('true', '1', '是')) ELSE r END
$$;
CREATE FUNCTION probe.compare(got text, want text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ngot bigint; nwant bigint; nextra bigint; nmissing bigint; extra text; missing text;
	state text; message text; detail text;
BEGIN
	EXECUTE format($q$
		WITH got AS MATERIALIZED (SELECT probe.norm(to_jsonb(x)) AS r FROM (%s) x),
		want AS MATERIALIZED (SELECT probe.norm(to_jsonb(x)) AS r FROM (%s) x),
		extra AS MATERIALIZED (SELECT r FROM got EXCEPT ALL SELECT r FROM want),
		missing AS MATERIALIZED (SELECT r FROM want EXCEPT ALL SELECT r FROM got)
		SELECT (SELECT count(*) FROM got), (SELECT count(*) FROM want),
			(SELECT count(*) FROM extra), (SELECT count(*) FROM missing),
			(SELECT min(left(r::text, 900)) FROM extra), (SELECT min(left(r::text, 900)) FROM missing)
	$q$, got, want) INTO ngot, nwant, nextra, nmissing, extra, missing;
	IF nextra = 0 AND nmissing = 0 THEN
		RETURN 'ok';
	END IF;
	RETURN format('WRONG: %s rows instead of %s, %s too many, %s missing; %s / %s', ngot, nwant, nextra, nmissing, extra, missing);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN format('ERROR %s %s | %s', state, message, detail);
END $$;
-- tests: array of [label, foreign table, query]
CREATE FUNCTION probe.run(server text, app_key text, truth text, tests jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	test jsonb;
BEGIN
	EXECUTE format('ALTER USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (SET app_key %L)', server, app_key);
	FOR test IN SELECT * FROM jsonb_array_elements(tests) LOOP
		RETURN NEXT app_key || chr(9) || (test->>0) || chr(9) || translate(
			probe.compare(replace(test->>2, '%T', format('%I.%I', server, test->>1)), replace(test->>2, '%T', truth)),
			E'\n\t', '  ');
	END LOOP;
END $$;
SQL

# --- Running ----------------------------------------------------------------

my $json = JSON::PP->new->canonical;
my $started = time;
for my $i (0 .. $#combinations)
{
	my $combination = $combinations[$i];
	my ($key, $set) = @$combination{qw(key set)};
	my $lane = $i % $lanes->count;
	my @tests = tests_of($combination);

	$combination->{tests} = \@tests;
	$lanes->tenant($lane, $key, { records => $records, switches => $set });
	$lanes->add($lane, sprintf "SELECT probe.run('lane%d', '%s', '%s', %s);",
		$lane, $key, truth_table($set), sql_text($json->encode(\@tests)));
}
note sprintf '%d combinations prepared in %.1f s', scalar @combinations, time - $started;

# Everything of one behaviour alone; of several, some, and in an order of their
# own, for what one query learns, the next may use.
sub tests_of
{
	my ($combination) = @_;
	my ($set, $alone) = ($combination->{set}, $combination->{parts} <= 1);
	my @asks = $alone ? @usual : map { $usual[ draw(scalar @usual) ] } 1 .. 3;
	splice @asks, 1, 0, 'full' unless $alone;
	my @tests = map { [ $_, 'inventory', $query{$_} ] } @asks;

	for my $name (sort keys %declared)
	{
		next unless $is_true{$name}->($set);
		next if !$alone && $name =~ /zero|TrueFalse|01|le|gt/ && draw(4);
		my @of_table = @{ $declared{$name}{asks} };
		@of_table = ($of_table[ draw(scalar @of_table) ]) unless $alone;
		push @tests, map {
			my $text = $query{$_};
			$text =~ s/SELECT \*/SELECT $few/;
			["$name: $_", $name, $text] } @of_table;
	}
	return @tests;
}

my ($took, @lines) = $lanes->run;

# --- What nobody could read -------------------------------------------------

# Is one of the values that of the switch, for one of the operations?
sub says
{
	my ($set, $switch, @values) = @_;
	for my $name ($switch, "Query.$switch", "QueryPage.$switch")
	{
		return 1 if defined $set->{$name} && grep { $_ eq $set->{$name} } @values;
	}
	return 0;
}

# Reason, the error, and the servers (and tables, and queries) that may get it.
my @inevitable = (
	[   'the server says nothing where it may mean no rows',
		qr/^08P01 could not read from server "\w+": the reply is empty where rows were expected \|/,
		sub { return says($_[0], 'empty_reply', qw(null string nothing)) && $_[1] ne 'zero' } ],
	[   'the server says behind the rows that something failed',
		qr/^08006 could not read from server "\w+": .* \| T\+ answered HTTP 200, code EXERROR0001/,
		sub { return says($_[0], 'tail_error', qw(last all)) } ],
	[   'neither operation can be read by pages',
		qr/^HV000 foreign table "\w+" cannot be read by page numbers \| The server answers each page number with the same/,
		sub {
			my ($set) = @_;
			return (value_of($set, 'page_index', 'QueryPage', '') eq 'ignored'
				  || value_of($set, 'ignored_params', 'QueryPage', '') eq 'PageIndex')
			  && (!$is_true{ts}->($set) || says($set, 'tail_error', qw(last all)) || says($set, 'total_count', 'high')
				  # Query hides stopped records, and cannot be asked for them.
				  || value_of($set, 'ignored_params', 'Query', '') eq 'Disabled');
		} ],
	[   'the count is wrong, and pages beyond the end repeat the first or last one',
		qr/^HV000 foreign table "\w+" cannot be read by page numbers \| The server answers each page number with the same/,
		sub { return says($_[0], 'total_count', 'high') && says($_[0], 'past_end', qw(first last)) } ],
	[   'versions do not page, and page numbers are refused',
		qr/^HV000 could not read from server "\w+": T\+ refused the request by a rule of its own \| T\+ answered HTTP 999, .*PageIndex/,
		sub { return says($_[0], 'page_index', 'error') && !$is_true{ts}->($_[0]) } ],
	[   'one record, not counted, that comes for each page number',
		qr/^HV000 foreign table "\w+" cannot be read by page numbers \| The server answers each page number with the same/,
		sub { return says($_[0], 'total_count', qw(absent zero text page null low)) && says($_[0], 'past_end', qw(first last)) } ],
	[   'a record a page: others with its version may be left, and nothing counts those above a version',
		qr/^HV000 foreign table "ts" cannot be read by "Ts" \| The records with row version \w+ may be more than the server sends/,
		sub { return says($_[0], 'max_rows', 1) && $query{ $_[2] } =~ /WHERE.*\bts\b/i } ],
	[   'the records have no key',
		qr/^HV000 a record of foreign table "\w+" has no "ID" \| The record begins with/,
		sub {
			my ($set) = @_;
			return says($set, 'drop_fields', 'ID')
			  || says($set, 'default_fields', 'Code,Name')
			  && (says($set, 'ignored_params', 'SelectFields') || says($set, 'select_fields', 'ignored'));
		} ],
	[   'pages hold fewer records than lie between two of them',
		qr/^HV000 foreign table "\w+" cannot be read to its end \| The server counts \d+ records, but its pages bring only/,
		sub { return says($_[0], 'page_size', 'ignored') && says($_[0], 'offset_from', 'asked') } ],
	[   'no spelling of the flag is understood, and one is refused',
		qr/^HV000 could not read from server "\w+": T\+ refused the request by a rule of its own \| T\+ answered HTTP 999, .*布尔/,
		sub {
			my ($set) = @_;
			return says($set, 'bool_01', 'error') && says($set, 'bool_text', 'none', $_[1] ? 'error' : ())
			  && says($set, 'bool_json', qw(ignored none error));
		} ],
	[   'the records do not tell whether they are stopped',
		qr/^HV000 a record of foreign table "\w+" has no "Disabled" \| Without it, it cannot be told/,
		sub { return says($_[0], 'drop_fields', 'Disabled') } ],
	[   'the records lack the field that the clause compares',
		qr/^HV000 a record of foreign table "\w+" has no "(?<field>\w+)" \| A clause of the query rests on it/,
		sub {
			my ($set, $table, $ask) = @_;
			my $field = $+{field};
			return says($set, 'drop_fields', $field) && $query{$ask} =~ /(?:WHERE|JOIN).*\b$field\b/i;
		} ],
	[   'the server counts more records than there are',
		qr/^HV000 foreign table "\w+" (?:cannot be read to its end|is not complete in one response) \| The server counts/,
		sub { return says($_[0], 'total_count', 'high') } ],
	[   'the server hides records and does not let them be asked for',
		qr/^HV000 foreign table "\w+" cannot be read to its end \| The server understands no spelling of "Disabled"/,
		sub {
			my ($set, $table, $ask) = @_;
			# One record need not be looked for by page numbers.
			return 0 if $table eq 'page' && $ask eq 'stopped' && ($set->{'QueryPage.ignored_params'} // '') eq 'Disabled';
			return says($set, 'ignored_params', 'Disabled') || $table && says($set, 'bool_json', 'none');
		} ],
	[   'the server refuses pages of this size',
		qr/^HV000 could not read from server "\w+": T\+ refused the request by a rule of its own \| T\+ answered HTTP 999/,
		sub { return says($_[0], 'over_cap', 'error') } ],
	[   'the order changes all the time',
		qr/^40001 foreign table "\w+" changes faster than it can be read/,
		sub { return says($_[0], 'order', 'unstable') } ],
	[   'the count includes what one response need not have',
		qr/^HV000 foreign table "none" is not complete in one response \| The server counts/,
		sub { return says($_[0], 'disabled_default', 'all') } ],
);

# --- The verdict ------------------------------------------------------------

my (%result, %reason);
for my $line (@lines)
{
	my ($key, $label, $text) = split /\t/, $line, 3;
	push @{ $result{$key} }, [ $label, $text ];
}

my ($asked, $exact, $refused, @wrong) = (0, 0, 0);
for my $combination (@combinations)
{
	my @results = @{ $result{ $combination->{key} } // [] };
	push @wrong, "$combination->{name}: no result" if @results != @{ $combination->{tests} };
	for (@results)
	{
		my ($label, $text) = @$_;
		$asked++;
		if ($ENV{TPLUS_ONLY})
		{
			note "$combination->{name}: $label: $text";
		}
		if ($text eq 'ok')
		{
			$exact++;
			next;
		}
		my $why = expected_error($combination->{set}, $label, $text);
		if ($why)
		{
			$refused++;
			$reason{$why}++;
			next;
		}
		push @wrong, "$combination->{name}: $label: $text";
	}
}
note sprintf '%d combinations, %d queries in %.1f s: %d exact, %d refused with reason, %d wrong',
  scalar @combinations, $asked, $took, $exact, $refused, scalar @wrong;
note "  $reason{$_} $_" for sort keys %reason;
diag $_ for @wrong[ 0 .. (@wrong > 400 ? 399 : $#wrong) ];
is(scalar @wrong, 0, 'every read was exact or failed with a reason');

# Is this error what the server makes inevitable?  Returns the reason.
sub expected_error
{
	my ($set, $label, $text) = @_;
	my ($table, $ask) = $label =~ /^(?:(\w+): )?(\w+)$/;

	return '' unless $text =~ s/^ERROR //;
	for my $rule (@inevitable)
	{
		my ($why, $pattern, $holds) = @$rule;
		return $why if $text =~ $pattern && $holds->($set, $table // '', $ask);
	}
	return '';
}

done_testing();
