# Syncs of all kinds: what can be said of one, by chance, with changes and runs
# in between, held against a model in plain SQL; in sessions, and databases, of
# all kinds.  TPLUS_COMBINATIONS says how many, TPLUS_SEED which.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TplusCombosModel;
use TplusRandom;
use TplusSim;

my $count = $ENV{TPLUS_COMBINATIONS} // 24;
my $seed = $ENV{TPLUS_SEED} // 2026;
my $verbose = $ENV{TPLUS_VERBOSE};
my $json = JSON::PP->new->canonical;

my $sim = TplusSim->new;
$sim->tenant('combos', records => []);
my $node = PostgreSQL::Test::Cluster->new('combinations');
$node->init;
$node->append_conf('postgresql.conf', "log_min_error_statement = panic\nlog_min_messages = fatal\nfsync = off\n");
$node->start;

# --- Sessions --------------------------------------------------------------------

my $serial = 0;

sub session
{
	my ($role, $database) = @_;
	my $s = { in => '', out => '', err => '', timer => IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default) };
	local $ENV{PGDATABASE} = $database // 'postgres';
	$s->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr($database // 'postgres') . " user=$role", '-v', 'VERBOSITY=verbose', '-f', '-' ],
		'<', \$s->{in}, '>', \$s->{out}, '2>', \$s->{err}, $s->{timer});
	return $s;
}

# Runs a statement; the output, and its SQLSTATE or "ok".
sub ask
{
	my ($s, $sql) = @_;
	my $mark = 'over ' . ++$serial;
	$s->{in} .= "$sql;\n\\echo $mark\n\\warn $mark\n";
	$s->{timer}->start;
	$s->{run}->pump until $s->{out} =~ /^\Q$mark\E\n/m && $s->{err} =~ /^\Q$mark\E\n/m;
	my ($out, $err) = @$s{ 'out', 'err' };
	@$s{ 'out', 'err' } = ('', '');
	$out =~ s/\n?\Q$mark\E\n//;
	return ($out, $err =~ /(?:ERROR|FATAL):\s+(\w{5}): ([^\n]*)/ ? ($1, $2) : ('ok', ''));
}

# The same where nothing can go wrong.
sub must
{
	my ($s, $sql) = @_;
	my ($out, $state, $words) = ask($s, $sql);
	BAIL_OUT("$state $words: $sql") if $state ne 'ok';
	return $out;
}

my $user = getpwuid($<);
my $master = session($user);

# What the usual sessions see, under other names, and worse.
my $hostile = <<'SQL';
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
CREATE FUNCTION hostile.wrong(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION hostile.wrong(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION hostile.wrong(bigint, integer) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION hostile.wrong(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION hostile.joined(text, text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
CREATE OPERATOR hostile.|| (leftarg = text, rightarg = text, function = hostile.joined);
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '1999-01-01' $$;
CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
CREATE FUNCTION hostile.format(text, text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
CREATE FUNCTION hostile.to_char(timestamp, text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
CREATE FUNCTION hostile.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'x'::text $$;
CREATE FUNCTION hostile.regexp_replace(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
CREATE FUNCTION hostile.tplus_step() RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
CREATE TABLE hostile.pg_class (oid oid);
CREATE TABLE hostile.pg_attribute (oid oid);
CREATE TABLE hostile.sync_definition (name text);
CREATE TABLE hostile.tplus_staged (n integer);
SQL
for my $operator ('=', '<>', '<', '>', '<=', '>=')
{
	$hostile .= "CREATE OPERATOR hostile.$operator (leftarg = $_->[0], rightarg = $_->[1], function = hostile.wrong);\n"
	  for [ 'text', 'text' ], [ 'bigint', 'bigint' ], [ 'bigint', 'integer' ], [ 'integer', 'integer' ];
}
$hostile .= "CREATE DOMAIN hostile.$_->[0] AS pg_catalog.$_->[1] CHECK (false);\n"
  for [ 'text', 'int4' ], [ 'date', 'int4' ], [ 'uuid', 'int4' ], [ 'timestamptz', 'int4' ], [ 'jsonb', 'int4' ], [ 'name', 'int4' ], [ 'int8', 'int4' ];

must($master, 'CREATE EXTENSION tplus_fdw; CREATE ROLE etl LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO etl; GRANT CREATE ON DATABASE postgres TO etl');
must($master, 'CREATE SERVER combos FOREIGN DATA WRAPPER tplus_fdw ' . TplusSim::options(base_url => $sim->url, requests_per_second => 0, page_size => 20));
must($master, 'GRANT USAGE ON FOREIGN SERVER combos TO etl');
must($master, "CREATE USER MAPPING FOR etl SERVER combos OPTIONS (app_key 'combos', app_secret 'sim-secret', open_token 'sim-open-token')");
must($master, 'SET client_min_messages = error');
must($master, TplusCombosModel::sql());
must($master, 'GRANT USAGE ON SCHEMA model TO etl; GRANT SELECT ON model.base TO etl');
must($master, $hostile);
must($master, 'SET TimeZone = UTC');

# Settings of a role, a database or a session.
my @sessions = (
	{},
	{ DateStyle => 'SQL, MDY', IntervalStyle => 'sql_standard', TimeZone => 'Asia/Shanghai', bytea_output => 'escape', extra_float_digits => '-5',
		standard_conforming_strings => 'off', backslash_quote => 'on', escape_string_warning => 'off', default_transaction_isolation => 'repeatable read' },
	{ search_path => 'hostile, pg_catalog, public' },
	{ DateStyle => 'German', IntervalStyle => 'iso_8601', TimeZone => '<-0330>3:30<+1145>-11:45,M1.1.0,M12.5.0', default_transaction_isolation => 'serializable',
		default_transaction_deferrable => 'on', array_nulls => 'off', transform_null_equals => 'on', quote_all_identifiers => 'on', row_security => 'off' },
	{ DateStyle => 'Postgres, DMY', IntervalStyle => 'postgres_verbose', client_encoding => 'GBK', check_function_bodies => 'off', xmloption => 'document',
		xmlbinary => 'hex', synchronize_seqscans => 'off', jit => 'off', enable_hashjoin => 'off', enable_mergejoin => 'off', enable_hashagg => 'off',
		search_path => 'hostile, "$user", pg_catalog, pg_temp' },
	{ session => 1, client_encoding => 'SQL_ASCII', jit => 'off', enable_seqscan => 'off', plan_cache_mode => 'force_generic_plan',
		standard_conforming_strings => 'off', backslash_quote => 'off', DateStyle => 'ISO, DMY', search_path => 'pg_temp, hostile, pg_catalog',
		before => 'CREATE TEMP TABLE pg_class (oid pg_catalog.oid); CREATE TEMP TABLE sync_log (run bigint)' },
	{ super => 1, 'plpgsql.variable_conflict' => 'use_variable', 'plpgsql.extra_errors' => 'all', session_replication_role => 'replica', client_encoding => 'LATIN1' },
	{ super => 1, 'plpgsql.variable_conflict' => 'use_column', TimeZone => 'America/New_York', lc_numeric => 'C.UTF-8', lc_monetary => 'C.UTF-8', debug_print_plan => 'off' });

# A session of etl with these settings: of the role, the database or itself.
sub session_with
{
	my ($set, $n) = @_;
	my %set = %$set;
	my ($super, $before, $itself) = delete @set{ 'super', 'before', 'session' };
	my @set = map { "SET $_ = " . ($_ eq 'search_path' ? $set{$_} : TplusSim::quote($set{$_})) } sort keys %set;
	my $whose = $n % 2 ? 'DATABASE postgres' : 'ROLE etl';
	my $s;

	must($master, 'ALTER ROLE etl ' . ($super ? 'SUPERUSER' : 'NOSUPERUSER'));
	must($master, join ';', '', map { "ALTER $whose $_" } @set) unless $itself || !@set;
	$s = session('etl');
	must($s, 'SELECT 1');
	must($s, join ';', $before // (), @set, 'SELECT 1') if $itself;
	must($master, 'ALTER ROLE etl RESET ALL; ALTER DATABASE postgres RESET ALL');
	return $s;
}

# --- A case ----------------------------------------------------------------------

# How rows of the target are told apart: the columns, the constraint, and what
# fills those that are not columns of the source.
my %keys = (
	id => [ 'id bigint', 'PRIMARY KEY (id)', {} ],
	code => [ 'code text', 'PRIMARY KEY (code)', {} ],
	both => [ 'id bigint, code text', 'PRIMARY KEY (id, code)', {} ],
	uuid => [ 'k uuid', 'PRIMARY KEY (k)', { k => 'md5(id::pg_catalog.text)::pg_catalog.uuid' } ],
	date => [ 'k date', 'PRIMARY KEY (k)', { k => q{pg_catalog.date '2020-02-01' OPERATOR(pg_catalog.+) id::pg_catalog.int4} } ],
	moment => [ 'k timestamptz', 'PRIMARY KEY (k)', { k => q{pg_catalog.timestamptz '2025-03-30 00:15+00' OPERATOR(pg_catalog.+) id * interval '1 hour'} } ],
	span => [ 'k interval, part double precision', 'PRIMARY KEY (k, part)', { k => q{id * interval '1 day 1 hour'}, part => 'id / 3.0::pg_catalog.float8' } ],
	null => [ 'k bigint', 'UNIQUE NULLS NOT DISTINCT (k)', { k => 'pg_catalog.nullif3(id)' } ],
	null_text => [ 'k text', 'UNIQUE NULLS NOT DISTINCT (k)', { k => q{CASE WHEN id OPERATOR(pg_catalog.=) 3 THEN NULL ELSE 'k\\N' OPERATOR(pg_catalog.||) code END} } ],
	null_both => [ 'k date, id bigint', 'UNIQUE NULLS NOT DISTINCT (k, id)', { k => q{CASE WHEN id OPERATOR(pg_catalog.<>) 3 THEN pg_catalog.date '2025-01-01' END} } ]);
$keys{null}[2]{k} = 'CASE WHEN id OPERATOR(pg_catalog.<>) 3 THEN id END';

my %filters = (
	none => undef,
	name => q{name OPERATOR(pg_catalog.<>) 'no'},
	null => q{id OPERATOR(pg_catalog.<>) 4 OR NULL},
	escape => q{name OPERATOR(pg_catalog.<>) 'a\b'},
	amount => q{amount OPERATOR(pg_catalog.<>) '5' OR amount IS NULL});

sub draw
{
	my ($r) = @_;
	my $source = $r->weighted([ 4, 'base' ], [ 1, 'view' ], [ 1, 'function' ], [ 4, 'tplus' ], [ 1, 'tplus_view' ]);
	my $tplus = $source =~ /^tplus/;
	my %c = (
		source => $source,
		key => $r->pick(sort keys %keys),
		cursor => $source eq 'tplus' ? $r->pick('', 'ts', 'ts', 'ts', 'day') : $tplus ? $r->pick('', 'day') : $r->pick('', 'day', 'at', 'stamp'),
		filter => $r->weighted([ 3, 'none' ], [ 1, 'name' ], [ 1, 'null' ], [ 1, 'escape' ], [ 1, 'amount' ]),
		on_error => $r->pick('stop', 'quarantine'),
		deletes => $r->pick('ignore', 'mark', 'delete'),
		mark_column => $r->pick('deleted_at', 'gone'),
		mode => $r->weighted([ 3, 'upsert' ], [ 1, 'insert' ]),
		adopt => $r->chance(0.3) ? 'true' : 'false',
		delete_limit => $r->pick('1', '1', '0.5'),
		name => $r->pick('name', 'upper', 'out'),
		before => $r->pick(0, 0, 1),
		hangs => $r->chance(0.15),
		plain_amount => $r->chance(0.2));
	$c{lag} = $c{cursor} eq 'ts' ? $r->pick('0', '0', '0', '1 minute') : $r->pick('0', '2 days');
	$c{unique} = $c{key} =~ /^(code|both)$/ ? 'none'
	  : $r->weighted([ 4, 'none' ], [ 2, 'plain' ], [ 1, 'deferrable' ], $c{deletes} eq 'mark' && $c{mark_column} eq 'deleted_at' ? [ 2, 'partial' ] : ());
	return \%c;
}

# The columns that a case fills, with expressions over the source.
sub columns_of
{
	my ($c) = @_;
	my %map = %{ $keys{ $c->{key} }[2] };
	$map{amount} = 'amount::pg_catalog.int4' unless $c->{plain_amount};
	$map{name} = 'pg_catalog.upper(name)' if $c->{name} eq 'upper';
	$map{name} = undef if $c->{name} eq 'out';
	return %map;
}

sub define
{
	my ($c) = @_;
	my ($columns, $constraint) = @{ $keys{ $c->{key} } };
	my @key = map { /^(\w+)/ } split /, /, $columns;
	my %map = columns_of($c);
	my @body = grep { exists $map{$_} ? defined $map{$_} : 1 } 'code', 'name', 'note', 'amount';
	my %of_key = map { $_ => 1 } @key;
	my $text = @key > 1 ? 'jsonb_build_array(' . join(', ', map { "$_\::text" } @key) . ')::text'
	  : $constraint =~ /NULLS/ ? "coalesce(regexp_replace($key[0]::text, '^\\\\', '\\\\\\\\'), '\\N')" : "$key[0]::text";
	my $amount = $c->{plain_amount} ? 'amount' : q{CASE WHEN amount ~ '^\d+$' THEN amount::integer END};
	my $filter = $filters{ $c->{filter} } // 'true';

	must($master, "CREATE OR REPLACE VIEW model.have AS SELECT ''::text AS key, '{}'::jsonb AS body, ''::text AS extra, false AS marked; DROP SCHEMA IF EXISTS c CASCADE");
	must($master, "SET ROLE etl; CREATE SCHEMA c; CREATE TABLE c.target ($columns, "
		. join('', map { "$_ text, " } grep { !$of_key{$_} } 'code')
		. "name text, note text, amount " . ($c->{plain_amount} ? 'text' : 'integer') . " CHECK (amount::text <> '666'), extra text DEFAULT 'mine', deleted_at timestamptz, gone boolean DEFAULT false, $constraint"
		. ($c->{unique} eq 'plain' ? ', UNIQUE (code)' : $c->{unique} eq 'deferrable' ? ', UNIQUE (code) DEFERRABLE' : '') . ')');
	must($master, 'CREATE UNIQUE INDEX ON c.target (code) WHERE deleted_at IS NULL') if $c->{unique} eq 'partial';
	must($master, 'CREATE FUNCTION c.seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
		CREATE TRIGGER seen BEFORE UPDATE ON c.target FOR EACH ROW EXECUTE FUNCTION c.seen()') if $c->{hangs};
	must($master, 'CREATE VIEW c.source AS SELECT * FROM model.base') if $c->{source} eq 'view';
	must($master, 'CREATE TABLE c.source (LIKE model.base)') if $c->{source} eq 'base';
	must($master, 'CREATE FUNCTION c.list() RETURNS SETOF model.base LANGUAGE sql STABLE AS $$ TABLE model.base $$; CREATE VIEW c.source AS SELECT * FROM c.list()')
	  if $c->{source} eq 'function';
	must($master, "CREATE FOREIGN TABLE c.source (id bigint, code text, name text, note text OPTIONS (field 'Specification'), day date OPTIONS (field 'MadeRecordDate'),
		amount text OPTIONS (field 'DefaultBarCode'), ts text) SERVER combos OPTIONS (resource 'inventory')") if $c->{source} eq 'tplus';
	must($master, "CREATE FOREIGN TABLE c.erp (id bigint, code text, name text, note text OPTIONS (field 'Specification'), day date OPTIONS (field 'MadeRecordDate'),
		amount text OPTIONS (field 'DefaultBarCode'), ts text) SERVER combos OPTIONS (resource 'inventory'); CREATE VIEW c.source AS SELECT * FROM c.erp") if $c->{source} eq 'tplus_view';
	must($master, 'RESET ROLE');
	# What each record is to be, and what the target holds.
	must($master, "CREATE OR REPLACE VIEW model.want AS SELECT id, $text AS key, jsonb_build_object(" . join(', ', map { "'$_', new_$_" } @body) . ") AS body, passes, unfit, refused, ts, day, stamp, at
		FROM (SELECT b.*, code AS new_code, " . ($c->{name} eq 'upper' ? 'upper(name)' : 'name') . " AS new_name, note AS new_note, $amount AS new_amount, "
		  . join('', map { "$keys{ $c->{key} }[2]{$_} AS $_, " } sort keys %{ $keys{ $c->{key} }[2] })
		  . "coalesce($filter, false) AS passes, " . ($c->{plain_amount} ? 'false' : q{coalesce(amount !~ '^\d+$', false)}) . " AS unfit, coalesce(amount = '666', false) AS refused FROM model.base b) b");
	must($master, "CREATE OR REPLACE VIEW model.have AS SELECT $text AS key, jsonb_build_object(" . join(', ', map { "'$_', $_" } @body) . ") AS body, extra, deleted_at IS NOT NULL OR gone AS marked FROM c.target");
	must($master, "INSERT INTO c.target (" . join(', ', @key, $of_key{code} ? () : 'code') . ", extra) SELECT " . join(', ', @key, $of_key{code} ? () : 'code')
		. ", 'ours' FROM (SELECT *, " . join(', ', (map { "$keys{ $c->{key} }[2]{$_} AS $_" } sort keys %{ $keys{ $c->{key} }[2] }), '1') . " FROM (VALUES (2::bigint, 'C2'), (-1, 'ours')) v(id, code)) v") if $c->{before};
	return \%map;
}

# --- Records ---------------------------------------------------------------------

my $next_id;

# After T+ was changed, the model knows what it holds.
sub look
{
	my ($c) = @_;
	if ($c->{source} =~ /^tplus/)
	{
		my $records = $json->encode([ map { { id => $_->{ID}, code => $_->{Code}, name => $_->{Name}, note => $_->{Specification},
			day => $_->{MadeRecordDate}, amount => $_->{DefaultBarCode}, ts => $_->{Ts} } } $sim->records('combos') ]);
		must($master, "TRUNCATE model.base; INSERT INTO model.base SELECT * FROM jsonb_populate_recordset(NULL::model.base, \$j\$$records\$j\$)");
	}
	elsif ($c->{source} eq 'base')
	{
		must($master, 'TRUNCATE c.source; INSERT INTO c.source TABLE model.base');
	}
	return;
}

sub begin_records
{
	my ($r, $c) = @_;
	$next_id = 9;
	my @records = map { { ID => $_, Code => "C$_", Name => $r->pick('yes', 'no', 'a\b', "it's"), Specification => "n$_", MadeRecordDate => sprintf('2025-01-%02d', $_ + 10),
		DefaultBarCode => $r->chance(0.1) ? undef : "$_" } } 1 .. 8;
	if ($c->{source} =~ /^tplus/)
	{
		$sim->tenant('combos', records => \@records);
	}
	else
	{
		must($master, 'TRUNCATE model.base; INSERT INTO model.base SELECT "ID", "Code", "Name", "Specification", "MadeRecordDate", "MadeRecordDate"::timestamp + interval \'1 hour\',
			"MadeRecordDate"::timestamptz + interval \'23 hours\', "DefaultBarCode" FROM jsonb_to_recordset($j$' . $json->encode(\@records)
			. '$j$) AS x("ID" bigint, "Code" text, "Name" text, "Specification" text, "MadeRecordDate" date, "DefaultBarCode" text)');
	}
	look($c);
	return;
}

my %fields = (code => 'Code', name => 'Name', note => 'Specification', amount => 'DefaultBarCode', day => 'MadeRecordDate');

# Sets fields of records by id.
sub edit
{
	my ($c, $id, %set) = @_;
	if ($c->{source} =~ /^tplus/)
	{
		$sim->mutate('combos', action => 'edit', id => $id + 0, set => { map { $fields{$_} => $set{$_} } keys %set });
		return;
	}
	must($master, 'UPDATE model.base SET ' . join(', ', map { "$_ = " . (defined $set{$_} ? TplusSim::quote($set{$_}) : 'NULL') } sort keys %set) . " WHERE id = $id");
	return;
}

sub add
{
	my ($c, $id, $code, $amount, $day) = @_;
	if ($c->{source} =~ /^tplus/)
	{
		$sim->mutate('combos', action => 'insert', record => { ID => $id + 0, Code => $code, Name => 'new', Specification => "n$id", MadeRecordDate => $day, DefaultBarCode => $amount });
		return;
	}
	must($master, "INSERT INTO model.base VALUES ($id, '$code', 'new', 'n$id', '$day', '$day 01:00', '$day 23:00', '$amount')");
	return;
}

sub remove
{
	my ($c, $id) = @_;
	return $sim->mutate('combos', action => 'delete', id => $id + 0) if $c->{source} =~ /^tplus/;
	must($master, "DELETE FROM model.base WHERE id = $id");
	return;
}

# One change; returns what it was.
sub change
{
	my ($r, $c) = @_;
	my %code = map { split /\|/ } split /\n/, must($master, 'SELECT DISTINCT ON (id) id, code FROM model.base ORDER BY id');
	my @ids = sort { $a <=> $b } keys %code;
	my ($one, $two, $three) = @ids > 2 ? $r->some(3, @ids) : ();
	my $what = $r->weighted([ 3, 'add' ], [ 4, 'edit' ], [ 3, 'delete' ], [ 2, 'swap' ], [ 1, 'chain' ], [ 2, 'inherit' ], [ 2, 'undelete' ], [ 1, 'vanish' ],
		[ 2, 'unfit' ], [ 2, 'refused' ], [ 3, 'heal' ], [ 1, 'twin' ], [ 0.3, 'nothing left' ], [ 1, 'no day' ], [ 2, 'recent' ], [ 1, 'same code' ], [ 1, 'filter' ]);
	my $day = sprintf '2025-02-%02d', 1 + $next_id % 28;

	return 'none' if !defined $one && $what ne 'add';
	if ($what eq 'add') { add($c, $next_id, "C$next_id", $next_id, $day); $next_id++ }
	elsif ($what eq 'edit') { edit($c, $one, name => $r->pick('yes', 'no', 'edited'), note => $r->pick('x', undef, 'y')) }
	elsif ($what eq 'delete') { remove($c, $one) }
	elsif ($what eq 'swap') { edit($c, $one, code => $code{$two}); edit($c, $two, code => $code{$one}) }
	elsif ($what eq 'chain') { edit($c, $one, code => $code{$two}); edit($c, $two, code => $code{$three}); edit($c, $three, code => 'C' . (100 + $next_id++)) }
	elsif ($what eq 'inherit') { remove($c, $one); add($c, $next_id++, $code{$one}, 7, $day) }
	elsif ($what eq 'undelete') { my ($gone) = grep { !exists $code{$_} } 1 .. $next_id - 1; add($c, $gone, "C$gone", $gone, $day) if $gone }
	elsif ($what eq 'vanish') { edit($c, $_, note => undef) for @ids }
	elsif ($what eq 'unfit') { edit($c, $one, amount => 'bad') }
	elsif ($what eq 'refused') { edit($c, $one, amount => '666') }
	elsif ($what eq 'heal') { edit($c, $_, amount => '3', note => "h$_") for split /\n/, must($master, q{SELECT DISTINCT id FROM model.base WHERE amount IN ('bad', '666') OR note IS NULL}) }
	elsif ($what eq 'twin') { $c->{source} =~ /^tplus/ ? edit($c, $one, code => $code{$two}) : must($master, "INSERT INTO model.base SELECT * FROM model.base WHERE id = $one") }
	elsif ($what eq 'nothing left') { remove($c, $_) for @ids }
	elsif ($what eq 'no day') { edit($c, $one, $c->{source} =~ /^tplus/ ? (name => 'dayless') : (day => undef, at => undef, stamp => undef)) }
	elsif ($what eq 'recent') { edit($c, $one, $c->{source} =~ /^tplus/ ? (day => $day, name => 'moved') : (day => $day, at => "$day 12:00", stamp => "$day 12:00", name => 'moved')) }
	elsif ($what eq 'same code') { edit($c, $one, code => $code{$two}) }
	elsif ($what eq 'filter') { edit($c, $one, name => 'no') }
	return $what;
}

# --- Cases -----------------------------------------------------------------------

sub arguments
{
	my ($c, $map) = @_;
	my @key = map { /^(\w+)/ } split /, /, $keys{ $c->{key} }[0];
	my %a = (cursor_column => "'$c->{cursor}'", lag => "'$c->{lag}'", mode => "'$c->{mode}'", deletes => "'$c->{deletes}'", on_error => "'$c->{on_error}'",
		delete_limit => $c->{delete_limit}, adopt => $c->{adopt}, full_every => "'0'", mapping => '$m$' . $json->encode($map) . '$m$');
	$a{key} = "'" . join(', ', @key) . "'" if $keys{ $c->{key} }[1] =~ /UNIQUE/;
	$a{filter} = "\$f\$$filters{ $c->{filter} }\$f\$" if $c->{filter} ne 'none';
	$a{mark_column} = "'$c->{mark_column}'" if $c->{deletes} eq 'mark';
	return join ', ', map { "$_ => $a{$_}" } sort keys %a;
}

# One run; returns what is wrong with it.
sub run_once
{
	my ($r, $c, $actor, $n) = @_;
	my $kind = $n == 0 && $r->chance(0.8) ? 'incremental' : $r->weighted([ 5, 'incremental' ], [ 4, 'full' ], [ 1, 'resync' ], [ 1, 'aborted' ]);
	my ($lo, $hi) = ('NULL', 'NULL');
	my ($out, $state, $preview);

	if ($kind eq 'aborted')
	{
		my $timeout = $r->pick('lock_timeout', 'statement_timeout');
		must($master, 'BEGIN; LOCK TABLE c.target');
		must($actor, "SET $timeout = 100");
		($out, $state) = ask($actor, "CALL tplus.sync('s')");
		must($actor, "SET $timeout = 0");
		must($master, 'ROLLBACK');
	}
	elsif ($kind eq 'resync')
	{
		($lo, $hi) = $r->pick([ "'2025-01-12'", "'2025-01-15'" ], [ "'2025-01-01'", "'2025-06-01'" ])->@*;
		($out, $state) = ask($actor, "CALL tplus.resync('s', ${lo}::pg_catalog.date, ${hi}::pg_catalog.date, 'day')");
	}
	else
	{
		my $full = $kind eq 'full' ? 'true' : 'false';
		my @before;
		@before = ask($actor, "SELECT action, rows FROM tplus.sync_preview('s', \"full\" => $full)") if $r->chance(0.3) && $c->{unique} eq 'none';
		($out, $state) = ask($actor, "CALL tplus.sync('s', \"full\" => $full)");
		if (@before)
		{
			my $seen = must($master, q{SELECT concat('insert|', rows_inserted, E'\nupdate|', rows_updated, E'\nleave|', rows_unchanged, E'\ndelete|', rows_deleted, E'\nreject|', rows_failed)
				FROM tplus.sync_run WHERE sync = 's' ORDER BY run DESC LIMIT 1});
			# What only a constraint of the target refuses, a preview does not see.
			my $refused = must($master, q{SELECT bool_or(amount = '666') FROM model.base}) eq 't';
			$preview = "the preview says $before[1] $before[0] of $state $seen" if !$refused && ($before[1] ne $state || ($state eq 'ok' && $before[0] ne $seen));
		}
	}
	my $wrong = must($master, "SELECT model.check('$kind', $lo, $hi, '$state')");
	diag("$kind: $state") if $verbose;
	return join '; ', map { "$kind: $_" } grep { defined && length } $wrong, $preview;
}

sub try_case
{
	my ($number, $actor, $set) = @_;
	my $r = TplusRandom->new("$seed.$number");
	my $c = draw($r);
	# The server checks deferrable constraints by triggers, which do not fire there.
	$c->{unique} = 'none' if $c->{unique} eq 'deferrable' && ($set->{session_replication_role} // '') eq 'replica';
	my $map = define($c);
	my (@story, $wrong);

	begin_records($r, $c);
	my (undef, $state, $words) = ask($actor, "SELECT tplus.create_sync('s', 'c.source', 'c.target', " . arguments($c, $map) . ')');
	push @story, "create $state";
	if ($c->{hangs} && $c->{unique} =~ /plain|partial/ && $c->{mode} eq 'upsert')
	{
		return $state eq '55000' ? '' : "create_sync: $state $words";
	}
	return "create_sync: $state $words: " . $json->encode($c) if $state ne 'ok';
	must($master, 'SELECT model.start(\'s\', $o$' . $json->encode($c) . '$o$)');
	for my $n (0 .. 5)
	{
		if ($n > 0)
		{
			for (1 .. $r->between(0, 2)) { push @story, change($r, $c); look($c) }
		}
		if ($n > 1 && $r->chance(0.1))
		{
			my %new = $r->pick([ delete_limit => '1' ], [ adopt => 'true' ], [ deletes => 'ignore' ], [ on_error => $r->pick('stop', 'quarantine') ], [ cursor => '' ])->@*;
			my ($name, $value) = %new;
			next if $value eq $c->{$name};
			(undef, $state, $words) = ask($actor, "SELECT tplus.alter_sync('s', " . ($name eq 'cursor' ? 'cursor_column' : $name) . " => '$value')");
			push @story, "$name $value";
			$wrong = "alter_sync: $state $words" if $state ne 'ok';
			$c->{$name} = $value;
			must($master, 'SELECT model.alter($o$' . $json->encode(\%new) . '$o$)');
		}
		$wrong ||= run_once($r, $c, $actor, $n);
		push @story, 'run';
		last if $wrong;
	}
	diag(must($master, q{SELECT concat_ws(' ', run, kind, status, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_deleted, rows_failed, window_from, cause) FROM tplus.sync_run WHERE sync = 's' ORDER BY run}),
		"\n", must($master, 'SELECT * FROM tplus.sync_reject'), "\n", must($master, 'SELECT * FROM model.base ORDER BY id'), "\n", must($master, 'TABLE c.target')) if $verbose && $wrong;
	(undef, $state, $words) = ask($actor, "SELECT tplus.drop_sync('s')");
	$wrong = "drop_sync: $state $words" if !$wrong && $state ne 'ok';
	return $wrong && "$wrong\n" . $json->encode($c) . "\n@story";
}

my ($actor, $tried, $bad) = (undef, 0, 0);
my @only = map { $_ + 0 } split /,/, $ENV{TPLUS_ONLY} // '';
my $each = int(($count + @sessions - 1) / @sessions) || 1;
for my $n (0 .. $#sessions)
{
	my @wrong;
	my @numbers = @only ? grep { int($_ / $each) % @sessions == $n } @only : ($n * $each .. $n * $each + $each - 1);
	next unless @numbers;
	my $actor = session_with($sessions[$n], $n);
	for my $number (@numbers)
	{
		my $wrong = try_case($number, $actor, $sessions[$n]);
		$tried++;
		next unless $wrong;
		push @wrong, "combination $number: $wrong";
		diag($wrong[-1]) if @wrong <= 10 || $verbose;
		ask($actor, "SELECT tplus.drop_sync('s')");
	}
	is(scalar @wrong, 0, 'as the model says under ' . join ', ', map { "$_ $sessions[$n]{$_}" } sort keys %{ $sessions[$n] });
	$actor->{in} .= "\\q\n";
	$actor->{run}->finish;
}
note("$tried combinations");
$master->{in} .= "\\q\n";
$master->{run}->finish;
$node->stop;
done_testing();
