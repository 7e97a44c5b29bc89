package TplusOracleQuery;

=pod

=head1 NAME

TplusOracleQuery - random queries over the tables of TplusOracle

=head1 SYNOPSIS

  my $maker = TplusOracleQuery->new($random, $pools, partitions => 1);
  $oracle->compare(map { $maker->query } 1 .. 30);

Every query has one right answer: no order that is not total decides what
comes, and no expression fails for some rows only.

=cut

use strict;
use warnings;

use TplusSim;

# Columns that predicates look at: type, and the pool of its values.
my %item = (
	code => [ 'text', 'code' ], code_v => [ 'text', 'code' ], code_n => [ 'text', 'code' ],
	code_c => [ 'text', 'code' ], name => [ 'text', 'name' ], spec => [ 'text', 'text' ],
	short => [ 'text', 'text' ], bar => [ 'text', 'text' ], class => [ 'text', 'class' ],
	class_v => [ 'text', 'class' ], classname => [ 'text', 'classname' ], ts => [ 'text', 'ts' ],
	id_t => [ 'text', 'id' ], id => [ 'int', 'id' ], id_i => [ 'int', 'id' ], id_n => [ 'int', 'id' ],
	period => [ 'int', 'period' ], cost => [ 'int', 'cost' ], disabled => ['bool'], sale => ['bool'],
	batch => ['bool'], made => [ 'day', 'day' ], made_ts => [ 'day', 'day' ],
	made_tz => [ 'day', 'day' ], created => [ 'day', 'day' ]);
my %item_v = (map { $_ => $item{$_} } qw(id code class disabled made));
my %mini = (flag => ['bool'], klass => [ 'text', 'class' ], nr => [ 'int', 'id' ],
	kode => [ 'text', 'code' ], day => [ 'day', 'day' ], name => [ 'text', 'name' ]);
my %tables = (item => \%item, mini => \%mini, part => \%item_v, item_v => \%item_v, item_b => \%item_v,
	tree => { map { $_ => $item{$_} } qw(code class disabled) },
	tree_more => \%item_v);

# Those that T+ can be asked for are asked for more often.
my @weights = (
	code => 16, name => 6, id => 12, class => 8, disabled => 8, made => 12, ts => 6,
	made_ts => 3, made_tz => 5, klass => 6, nr => 6, kode => 8, flag => 6, day => 6);
my %weight = @weights;

# What the probe has to compare with, by type.
my %probe = (
	text => [ 'p.code', 'p.v', 'p.nm', 'p.class', 'p.code', 'p.class' ],
	int => [ 'p.id', 'p.small', 'p.num', 'p.id' ],
	bool => ['p.flag'],
	day => [ 'p.made', 'p.at' ]);

my @zones = ('UTC', 'Asia/Shanghai', 'America/Los_Angeles', 'Pacific/Kiritimati', 'Etc/GMT+12', 'Asia/Kolkata',
	'Europe/Berlin', 'America/St_Johns', 'Pacific/Auckland');
my @switches = map { "enable_$_" } qw(hashjoin mergejoin nestloop material memoize sort hashagg
  bitmapscan seqscan partitionwise_join incremental_sort);

sub new
{
	my ($class, $random, $pools, %option) = @_;
	return bless { %option, r => $random, pools => $pools }, $class;
}

# The next query, as TplusOracle's compare takes it.
sub query
{
	my ($self) = @_;
	my $r = $self->{r};
	my $query = {};

	@$self{qw(types sets outer n)} = ([], [ [], [], [] ], {}, 0);
	my $make = $r->weighted(
		[ 26, 'plain' ], [ 8, 'aggregate' ], [ 3, 'distinct' ], [ 16, 'joined' ], [ 5, 'self_join' ],
		[ 9, 'semi_join' ], [ 5, 'lateral' ], [ 5, 'scalar' ], [ 5, 'set_operation' ], [ 4, 'cte' ],
		[ 4, 'window' ], [ 4, 'limit' ], [ 3, 'three' ], [ 2, 'big' ], [ 1, 'recursive' ]);
	($query->{sql}, $query->{ordered}) = $self->$make;

	$query->{mode} = $r->weighted([ 5, 'wrap' ], [ 3, 'loop' ], [ 2, 'cursor' ],
		[ @{ $self->{types} } ? 8 : 1, 'prepare' ], [ @{ $self->{types} } ? 4 : 1, 'function' ]);
	$query->{types} = $self->{types};
	$query->{sets} = @{ $self->{types} } ? [ @{ $self->{sets} }[ 0 .. $r->below(3) ] ] : [ [] ];
	$query->{settings} = $self->settings($make);
	return $query;
}

sub settings
{
	my ($self, $make) = @_;
	my $r = $self->{r};
	my @settings = (timezone => $r->pick(@zones));

	push @settings, plan_cache_mode => $r->pick('force_generic_plan', 'force_generic_plan', 'force_custom_plan', 'auto');
	if ($make =~ /join|lateral|three|semi|scalar/)
	{
		# A nested loop is the way for which values cross from outside.
		push @settings, map { $_ => 'off' } qw(enable_hashjoin enable_mergejoin)
		  if $r->chance(0.55);
		push @settings, enable_material => 'off' if $r->chance(0.3);
		push @settings, join_collapse_limit => 1 if $r->chance(0.1);
	}
	push @settings, map { $_ => 'off' } $r->some($r->below(4), @switches)
	  if $r->chance(0.3) && $make ne 'big';
	push @settings, cursor_tuple_fraction => $r->pick('0.001', '1.0') if $r->chance(0.1);
	push @settings, work_mem => '64kB' if $r->chance(0.1);
	push @settings, jit => 'off';
	if ($make eq 'big' || $r->chance(0.04))
	{
		push @settings, parallel_setup_cost => 0, parallel_tuple_cost => 0,
		  min_parallel_table_scan_size => 0, max_parallel_workers_per_gather => 2;
		push @settings, $self->{parallel} => $r->pick('on', 'off') if $self->{parallel};
	}
	return \@settings;
}

#
# Values
#

# value($type, \&raw, %option): an expression of that type, whose value raw
# makes up, as SQL without a cast.
sub value
{
	my ($self, $type, $raw) = @_;
	my $r = $self->{r};
	my $outer = $self->{outer}{ $self->kind($type) };

	return $r->pick(@$outer) if $outer && $r->chance(0.35);
	my $form = $r->weighted(
		[ 36, 'literal' ], [ 24, 'param' ], [ 4, 'stable' ], [ 3, 'immutable' ], [ 2, 'volatile' ],
		[ 5, 'initplan' ], [ 4, 'subquery' ], [ 2, 'from_item' ], [ 6, 'expression' ], [ 2, 'conditional' ]);
	my $sql = $raw->();
	return "$sql" if $form eq 'literal' && $type eq 'text' && $r->chance(0.7);
	return "$sql\::$type" if $form eq 'literal';
	return $self->param($type, $raw) if $form eq 'param';
	return "shared.stb($sql\::$type)" if $form eq 'stable';
	return "shared.imm($sql\::$type)" if $form eq 'immutable';
	return "shared.vol($sql\::$type)" if $form eq 'volatile';
	return "(SELECT $sql\::$type)" if $form eq 'initplan';
	return $self->computed($type, $sql) if $form eq 'expression';
	return $r->pick("coalesce(NULL, $sql\::$type)", "nullif($sql\::$type, NULL)",
		"CASE WHEN current_date > '2000-01-01' THEN $sql\::$type END")
	  if $form eq 'conditional';

	my $kind = $self->kind($type);
	my $column = $r->pick(map { my $c = $_; $c =~ s/^p\.//; $c } @{ $probe{$kind} });
	return "(SELECT s.$column FROM probe s WHERE s.n = " . $r->between(1, 15) . ' LIMIT 1)'
	  if $form eq 'subquery' && $column ne 'num';
	my %of = (text => 'code', int => 'id', bool => 'disabled', day => 'made');
	return "(SELECT i.$of{$kind} FROM item i WHERE i.id = " . $r->pick($self->pool('id')) . ')';
}

sub kind
{
	my ($self, $type) = @_;
	return
	    $type =~ /^(text|varchar|name|bpchar)/ ? 'text'
	  : $type eq 'boolean' ? 'bool'
	  : $type =~ /^(date|timestamp)/ ? 'day'
	  : 'int';
}

sub param
{
	my ($self, $type, $raw) = @_;
	push @{ $self->{types} }, $type;
	push @$_, $raw->() for @{ $self->{sets} };
	return '$' . scalar @{ $self->{types} };
}

sub computed
{
	my ($self, $type, $sql) = @_;
	my $kind = $self->kind($type);

	return "($sql\::$type || '')::$type" if $kind eq 'text';
	return "($sql\::$type + 1 - 1)" if $kind eq 'int' && $type ne 'smallint';
	return "(NOT NOT $sql\::$type)" if $kind eq 'bool';
	return "($sql\::date + 2 - 2)" if $type eq 'date';
	return "($sql\::$type + interval '1 day' - interval '24 hours')" if $kind eq 'day';
	return "$sql\::$type";
}

# The values of a pool that are not NULL.
sub pool
{
	my ($self, $name) = @_;
	return grep { defined } @{ $self->{pools}{$name} };
}

# A text near those of a pool, as SQL.
sub text
{
	my ($self, $pool) = @_;
	my $r = $self->{r};
	my $text = $r->pick($r->chance(0.06) ? $self->pool('text') : $self->pool($pool));

	return 'NULL' if $r->chance(0.04);
	my $how = $r->weighted([ 62, 'same' ], [ 8, 'case' ], [ 5, 'wide' ], [ 5, 'blank' ], [ 4, 'trim' ],
		[ 3, 'part' ], [ 3, 'more' ], [ 2, 'empty' ], [ 2, 'percent' ], [ 2, 'escape' ]);
	$text = $r->pick(uc $text, lc $text, ucfirst lc $text) if $how eq 'case';
	$text =~ s/([!-~])/"\xef" . ($1 lt '`' ? "\xbc" . chr(ord($1) + 0x60) : "\xbd" . chr(ord($1) + 0x20))/e
	  if $how eq 'wide';
	$text = $r->pick("$text ", " $text", "$text  ", "$text\xe3\x80\x80", "$text\t") if $how eq 'blank';
	$text =~ s/^\s+|\s+$//g if $how eq 'trim';
	$text =~ s/[\x00-\x7f]$// if $how eq 'part';
	$text .= $r->pick('x', '1', '%', '_') if $how eq 'more';
	$text = '' if $how eq 'empty';
	$text =~ s/[\x21-\x7e]/$r->pick('%', '_')/e if $how eq 'percent';
	$text = "$text\\" if $how eq 'escape';
	return TplusSim::quote($text);
}

sub integer
{
	my ($self, $pool, $type) = @_;
	my $r = $self->{r};

	return 'NULL' if $r->chance(0.04);
	my @known = $self->pool($pool);
	my $number = $r->chance(0.8) ? $r->pick(@known) : $r->between(-3, 200);
	$number = $r->pick('0', '-1', '2147483647', '-2147483648', '2147483648', '9223372036854775807',
		'9007199254740993')
	  if $r->chance(0.05);
	$number = $r->between(0, 150)
	  if $type eq 'smallint' && abs $number > 32767
	  || $type eq 'integer' && ($number > 2147483646 || $number < -2147483647)
	  || $type eq 'bigint' && $number > 9e18
	  || $type =~ /int/ && $number =~ /\./;
	return "'$number'";
}

sub day
{
	my ($self, $type) = @_;
	my $r = $self->{r};

	return 'NULL' if $r->chance(0.03);
	return TplusSim::quote($r->pick('infinity', '-infinity', '0044-03-15 BC', '0001-01-01', '9999-12-31',
			'0001-01-02', '12000-01-01', '1582-10-10', 'epoch'))
	  if $r->chance(0.06);
	return $r->pick('now()', 'current_date', "(now() - interval '30 days')", "(current_date - 3000)",
		"(localtimestamp - interval '1 year')", "(now() + interval '1 day')")
	  if $r->chance(0.05);
	my $day = $r->pick($self->pool('day'));
	if ($type eq 'date')
	{
		my $shift = $r->pick(0, 0, 0, 1, -1, 2, 7);
		return $shift ? "(date '$day' + $shift)" : "'$day'";
	}
	my $zone = $type eq 'timestamptz' && $r->chance(0.6)
	  ? $r->pick('+08', '+00', '-11', '+14', '+05:30', 'Z') : '';
	return "'$day "
	  . $r->pick('00:00:00', '00:00:00', '23:59:59.999999', '08:00', '07:59:59', '16:00', '12:30:15', '00:00:00.000001')
	  . "$zone'";
}

# The types that may stand beside a column of a kind.
sub type
{
	my ($self, $kind) = @_;
	my $r = $self->{r};
	return $r->weighted([ 12, 'text' ], [ 3, 'varchar' ], [ 2, 'name' ], [ 1, 'bpchar' ], [ 1, 'varchar(5)' ])
	  if $kind eq 'text';
	return $r->weighted([ 4, 'bigint' ], [ 5, 'integer' ], [ 1, 'smallint' ], [ 2, 'numeric' ], [ 1, 'float8' ])
	  if $kind eq 'int';
	return 'boolean' if $kind eq 'bool';
	return $r->weighted([ 6, 'date' ], [ 3, 'timestamp' ], [ 4, 'timestamptz' ]);
}

# A value to compare the column with.
sub beside
{
	my ($self, $column, $type) = @_;
	my ($kind, $pool) = @{ $self->{columns}{$column} };
	my $r = $self->{r};

	$type //= $self->type($kind);
	return $self->value($type, $self->raw($kind, $pool, $type));
}

sub raw
{
	my ($self, $kind, $pool, $type) = @_;
	my $r = $self->{r};
	return
	    $kind eq 'text' ? sub { return $self->text($pool) }
	  : $kind eq 'int' ? sub { return $self->integer($pool, $type) }
	  : $kind eq 'bool' ? sub { return $r->pick('true', 'false', 'true', 'false', 'NULL') }
	  : sub { return $self->day($type) };
}

# An array of values: constant, a parameter, or computed.
sub array
{
	my ($self, $column) = @_;
	my ($kind, $pool) = @{ $self->{columns}{$column} };
	my $r = $self->{r};
	my $type = $self->type($kind);
	my $raw = $self->raw($kind, $pool, $type);
	my $list = sub {
		return 'NULL' if $r->chance(0.02);
		my @list = map { $raw->() } 1 .. $r->pick(0, 1, 2, 3, 3, 4, 5, 8, 40);
		# The same value twice.
		push @list, $list[0] if @list && $r->chance(0.2);
		return 'ARRAY[' . join(', ', @list) . ']';
	};

	return $self->param("$type\[]", $list) if $r->chance(0.35);
	return $r->pick('p.codes', 'p.codes') if $self->{outer}{text} && $kind eq 'text' && $r->chance(0.3);
	return 'p.ids' if $self->{outer}{int} && $column =~ /^(id|nr)$/ && $r->chance(0.3);
	return 'ARRAY[' . join(', ', map { $self->beside($column, $type) } 1 .. $r->between(1, 3)) . "]::$type\[]"
	  if $r->chance(0.3);
	return "string_to_array('" . join(',', map { s/[',\\]//gr } map { $r->pick($self->pool($pool)) } 1 .. 3) . "', ',')"
	  if $kind eq 'text' && $r->chance(0.15);
	return '(' . $list->() . "::$type\[])" if $r->chance(0.8);
	return 'shared.stb(' . $list->() . "::$type\[])";
}

#
# Predicates
#

# over($table, $alias): what follows looks at that one.
sub over
{
	my ($self, $table, $alias) = @_;
	@$self{qw(columns alias)} = ($tables{$table}, $alias);
	return "$table $alias";
}

sub column
{
	my ($self, $kind) = @_;
	my $columns = $self->{columns};
	my @names = grep { !$kind || $columns->{$_}[0] eq $kind } sort keys %$columns;

	# Not every table has one of each kind, but all have texts.
	@names = grep { $columns->{$_}[0] eq 'text' } sort keys %$columns unless @names;
	return $self->{r}->weighted(map { [ $weight{$_} // 1, $_ ] } @names);
}

sub predicate
{
	my ($self, $depth) = @_;
	my $r = $self->{r};

	$depth //= $r->weighted([ 5, 1 ], [ 4, 2 ], [ 2, 3 ]);
	return $self->leaf if $depth <= 1;
	my $form = $r->weighted([ 3, 'leaf' ], [ 5, 'AND' ], [ 4, 'OR' ], [ 2, 'NOT' ], [ 1, 'test' ], [ 2, 'same' ]);
	return $self->leaf if $form eq 'leaf';
	return 'NOT (' . $self->predicate($depth - 1) . ')' if $form eq 'NOT';
	return '((' . $self->predicate($depth - 1) . ') IS ' . $r->pick('NOT TRUE', 'TRUE', 'NOT FALSE', 'FALSE', 'UNKNOWN', 'NOT UNKNOWN') . ')'
	  if $form eq 'test';
	if ($form eq 'same')
	{
		# Alternatives, or a range, of one column.
		my $column = $self->column;
		return '(' . join(' OR ', map { $self->alternative($column) } 1 .. $r->between(2, 4)) . ')'
		  if $r->chance(0.6);
		return '(' . $self->compare_with($column, $r->pick('>', '>=')) . ' AND '
		  . $self->compare_with($column, $r->pick('<', '<=')) . ')';
	}
	return '(' . join(" $form ", map { $self->predicate($depth - 1) } 1 .. $r->between(2, 3)) . ')';
}

# One of several for the same column: a value, a list, or either with more.
sub alternative
{
	my ($self, $column) = @_;
	my $r = $self->{r};
	my $value = $r->chance(0.75) ? $self->compare_with($column, '=') : "$self->{alias}.$column = ANY (" . $self->array($column) . ')';

	return $r->chance(0.85) ? $value : "($value AND " . $self->leaf . ')';
}

sub compare_with
{
	my ($self, $column, $operator) = @_;
	my $left = "$self->{alias}.$column";
	my $right = $self->beside($column);
	my %other = ('<' => '>', '>' => '<', '<=' => '>=', '>=' => '<=');

	($left, $right, $operator) = ($right, $left, $other{$operator} // $operator)
	  if $self->{r}->chance(0.2) && $operator !~ /LIKE|\^/;
	return "$left $operator $right";
}

sub leaf
{
	my ($self) = @_;
	my $r = $self->{r};
	my $name = $self->column;
	my ($kind) = @{ $self->{columns}{$name} };
	my $column = "$self->{alias}.$name";

	return $self->boolean_leaf($column, $name) if $kind eq 'bool' && $r->chance(0.75);
	return $self->text_leaf($column, $name) if $kind eq 'text' && $r->chance(0.3);
	return $self->day_leaf($column, $name) if $kind eq 'day' && $r->chance(0.4);
	my $form = $r->weighted(
		[ 28, '=' ], [ 5, '<>' ], [ 16, 'order' ], [ 6, 'BETWEEN' ], [ 13, 'IN' ], [ 4, 'NOT IN' ],
		[ 11, 'ANY' ], [ 3, 'ALL' ], [ 4, 'NULL' ], [ 4, 'DISTINCT' ], [ 3, 'IS' ], [ 3, 'row' ], [ 2, 'columns' ]);
	return $self->compare_with($name, $form) if $form =~ /^(=|<>)$/;
	return $self->compare_with($name, $r->pick('<', '<=', '>', '>=')) if $form eq 'order';
	return "$column " . $r->pick('', '', '', 'NOT ') . 'BETWEEN ' . $r->pick('', '', '', 'SYMMETRIC ')
	  . $self->beside($name) . ' AND ' . $self->beside($name)
	  if $form eq 'BETWEEN';
	if ($form =~ /IN$/)
	{
		my $type = $self->type($kind);
		return "$column $form (" . join(', ', map { $self->beside($name, $type) } 1 .. $r->pick(1, 2, 2, 3, 5)) . ')';
	}
	return "$column = ANY (" . $self->array($name) . ')' if $form eq 'ANY';
	return "$column " . $r->pick('<> ALL', '<> ALL', '> ALL', '<> ANY', '<= ANY') . ' (' . $self->array($name) . ')'
	  if $form eq 'ALL';
	return "$column IS " . $r->pick('NULL', 'NOT NULL') if $form eq 'NULL';
	return "$column IS " . $r->pick('', 'NOT ') . 'DISTINCT FROM ' . $self->beside($name) if $form eq 'DISTINCT';
	return '(' . $self->compare_with($name, '=') . ') IS ' . $r->pick('TRUE', 'NOT TRUE', 'FALSE', 'UNKNOWN', 'NOT NULL')
	  if $form eq 'IS';
	my $other = $self->column($kind);
	return "$column " . $r->pick('=', '<>', '<', '>=') . " $self->{alias}.$other" if $form eq 'columns';
	$other = $self->column;
	return "($column, $self->{alias}.$other) " . $r->pick('=', '<>', '<', '>=') . ' ('
	  . $self->beside($name) . ', ' . $self->beside($other) . ')'
	  if $r->chance(0.5);
	return "($column, $self->{alias}.$other) IN (("
	  . join('), (', map { $self->beside($name) . ', ' . $self->beside($other) } 1 .. 2) . '))';
}

sub boolean_leaf
{
	my ($self, $column) = @_;
	my $r = $self->{r};
	return $r->pick($column, "NOT $column", "$column = true", "$column = false", "false = $column",
		"$column IS TRUE", "$column IS FALSE", "$column IS NOT TRUE", "$column IS NOT FALSE",
		"$column IS NULL", "$column IS NOT NULL", "$column IS UNKNOWN", "$column IS NOT UNKNOWN",
		"$column <> true", "$column <> false", "$column IN (true)", "$column IN (true, false)",
		"$column = ANY ('{f}')", "$column > false", "$column <= false", "coalesce($column, false)",
		"NOT ($column IS TRUE)", "NOT ($column = false)", "$column IS DISTINCT FROM true", "$column OR $column IS NULL");
}

sub text_leaf
{
	my ($self, $column, $name) = @_;
	my $r = $self->{r};
	my $value = $self->text($self->{columns}{$name}[1]);
	my $form = $r->weighted([ 8, 'LIKE' ], [ 3, 'NOT LIKE' ], [ 5, 'ILIKE' ], [ 1, 'NOT ILIKE' ], [ 4, '^@' ], [ 4, 'several' ],
		[ 2, 'SIMILAR TO' ], [ 2, '~' ], [ 1, '~*' ], [ 2, 'length' ], [ 4, 'function' ], [ 2, 'collate' ]);

	return "length($column) " . $r->pick('>', '<=', '=') . ' ' . $r->between(1, 8) if $form eq 'length';
	return $r->pick("lower($column)", "trim($column)", "$column || ''", "$column\::varchar", "$column\::text", "coalesce($column, '')",
		"left($column, 3)", "$column\::bpchar", "substr($column, 2)") . ' = ' . $value
	  if $form eq 'function';
	return "$column " . $r->pick('=', '>', '<>') . " $value COLLATE " . $r->pick('"C"', '"POSIX"') if $form eq 'collate';
	return $self->patterns($column, $name) if $form eq 'several';
	return "$column $form " . $self->value('text', sub { return $self->pattern($name) }) if $form =~ /LIKE/;
	return "$column\::text ^@ " . $self->value('text', sub { return $self->text($self->{columns}{$name}[1]) }) if $form eq '^@';
	return 'starts_with(' . "$column, $value)" if $r->chance(0.1);
	$value = $r->pick("'%M8%'", "'[AB]-%'", "'(bolt|nut)%'", "'N_'", "'%(1|2)'") if $form eq 'SIMILAR TO';
	$value = $r->pick("'^A'", "'8\$'", "'^[a-z]+\$'", "'bolt'", "'螺'", "'^N[0-9]\$'", "'\\m8'") if $form =~ /~/;
	return "$column $form $value";
}

# Several patterns: as alternatives, or in an array.
sub patterns
{
	my ($self, $column, $name) = @_;
	my $r = $self->{r};
	my $operator = $r->pick('LIKE', 'LIKE', 'ILIKE', 'NOT LIKE');
	my @patterns = map { $self->pattern($name) } 1 .. $r->between(1, 3);

	return '(' . join(' OR ', map { "$column $operator $_" } @patterns) . ')' if $r->chance(0.4);
	push @patterns, 'NULL' if $r->chance(0.1);
	my $array = sub { return 'ARRAY[' . join(', ', @patterns) . ']::text[]' };
	return "$column $operator " . $r->pick('ANY', 'ANY', 'ALL') . ' (' . ($r->chance(0.4) ? $self->param('text[]', $array) : $array->()) . ')';
}

# A pattern near the texts of a column; it never ends in an escape.
sub pattern
{
	my ($self, $name) = @_;
	my $r = $self->{r};
	my $text = $r->pick($self->pool($self->{columns}{$name}[1]));
	utf8::decode($text);
	my $from = $r->below(length($text) + 1);
	my $run = substr $text, $from, $r->between(0, 4);

	$run = lc $run if $r->chance(0.1);
	$run =~ s/\\//g;
	$run =~ s/([%_])/\\$1/g if $r->chance(0.4);
	$run =~ s/[^%_\\]/_/ if $r->chance(0.2);
	$run = $r->pick("%$run%", "$run%", "%$run", $run, "%$run%$run%", "_$run%", "%$run\_", "%%$run%", "$text%", $text)
	  =~ s/\\$//r;
	$run =~ s/\\(?![%_])//g;
	utf8::encode($run);
	return TplusSim::quote($run);
}

sub day_leaf
{
	my ($self, $column, $name) = @_;
	my $r = $self->{r};
	my $type = $self->type('day');
	my $from = $self->value($type, sub { return $self->day($type) });
	my $days = $r->pick(0, 1, 2, 3, 7, 28, 31, 40, 400);

	return $r->pick("extract(month FROM $column) = 3", "$column\::text LIKE '2026-%'",
		"date_trunc('month', $column) = '2026-03-01'", "$column\::date = " . $self->day('date'),
		"$column + interval '1 day' > $from", "$column > $from AND $column < $from")
	  if $r->chance(0.25);
	return "$column >= $from AND $column " . $r->pick('<', '<=') . " $from\::$type + interval '$days days'"
	  if $r->chance(0.6);
	my $day = $r->pick($self->pool('day'));
	return "$column BETWEEN '$day'::date - $days AND '$day'::date";
}

#
# Queries
#

# A table with another weight for each, and its alias.
sub from
{
	my ($self, $alias) = @_;
	my $table = $self->{r}->weighted(
		[ 30, 'item' ], [ 6, 'mini' ], [ $self->{partitions} ? 5 : 0, 'part' ], [ 3, 'tree' ], [ 2, 'tree_more' ],
		[ 2, 'item_v' ], [ 1, 'item_b' ]);
	return $self->over($table, $alias // 'a');
}

# Some columns of the table at hand, and one that orders its rows.
sub columns
{
	my ($self, $n) = @_;
	my $r = $self->{r};
	return join ', ', map { "$self->{alias}.$_" }
	  $r->some($n // $r->between(1, 5), sort keys %{ $self->{columns} });
}

sub key
{
	my ($self) = @_;
	return join ', ', map { "$self->{alias}.$_" . ($_ =~ /code|kode/ ? ' COLLATE "C"' : '') }
	  grep { exists $self->{columns}{$_} } qw(id nr code kode);
}

sub where
{
	my ($self, @more) = @_;
	my @all = grep { $_ } @more, $self->{r}->chance(0.93) ? $self->predicate : '';
	return @all ? ' WHERE ' . join(' AND ', map { "($_)" } @all) : '';
}

# ORDER BY something, then the key, and a cut.
sub cut
{
	my ($self) = @_;
	my $r = $self->{r};
	my $order = ' ORDER BY ';

	$order .= "$self->{alias}." . $self->column . $r->pick('', ' DESC', ' NULLS FIRST') . ', ' if $r->chance(0.4);
	$order .= $self->key;
	return $order . $r->pick('', ' LIMIT 3', ' LIMIT 1', ' LIMIT 10 OFFSET 2', ' OFFSET 5', ' LIMIT 0', ' FETCH FIRST 4 ROWS WITH TIES');
}

sub plain
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;
	my $columns = $r->chance(0.1) ? 'a' : $r->chance(0.1) ? 'a.*' : $self->columns;
	my $sql = "SELECT $columns FROM $from" . $self->where;

	return ($sql . $self->cut, 1) if $r->chance(0.3);
	return ($sql . ' FOR ' . $r->pick('UPDATE', 'SHARE', 'UPDATE SKIP LOCKED'), 0)
	  if $r->chance(0.06) && $from !~ /^part|^tree/;
	return ($sql, 0);
}

sub aggregate
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;
	my $where = $self->where;

	return ("SELECT count(*) FROM $from$where", 0) if $r->chance(0.3);
	my @by = map { "a.$_" } $r->some($r->between(1, 2), sort keys %{ $self->{columns} });
	my $by = join ', ', @by;
	my $value = 'a.' . $self->column('text');
	my $having = $r->chance(0.4) ? ' HAVING ' . $r->pick('count(*) > 1', "min($value\::text) < 'b'", "$by[0] IS NOT NULL") : '';
	$by = $r->pick("ROLLUP ($by)", "CUBE ($by)", "GROUPING SETS (($by), ())") if $r->chance(0.15);
	return ("SELECT " . join(', ', @by) . ", count(*), count(DISTINCT $value), min($value\::text), "
		  . "string_agg($value, ',' ORDER BY $value COLLATE \"C\"), bool_or(" . $self->predicate(1) . ") "
		  . "FILTER (WHERE " . $self->predicate(1) . ") FROM $from$where GROUP BY $by$having", 0);
}

sub distinct
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;

	return ('SELECT DISTINCT ' . $self->columns . " FROM $from" . $self->where, 0) if $r->chance(0.6);
	my $by = 'a.' . $self->column;
	return ("SELECT DISTINCT ON ($by) $by, " . $self->columns(2) . " FROM $from" . $self->where . " ORDER BY $by, " . $self->key, 0);
}

# A condition between the probe and the table at hand; simple ones can be
# hashed and merged.
sub condition
{
	my ($self, $simple) = @_;
	my $r = $self->{r};
	my $column = $self->column($r->pick('text', 'text', 'int', 'day', 'bool'));
	my ($kind) = @{ $self->{columns}{$column} };
	my $outer = $r->pick(@{ $probe{$kind} });
	return "$self->{alias}.$column = $outer" if $simple || $r->chance(0.7);
	local $self->{outer} = { %{ $self->{outer} }, map { $_ => $probe{$_} } keys %probe };
	return $r->pick("$outer = $self->{alias}.$column", "$self->{alias}.$column >= $outer", "$self->{alias}.$column IS NOT DISTINCT FROM $outer",
		"$self->{alias}.$column IN ($outer, " . $self->beside($column) . ')', $self->predicate(2));
}

sub joined
{
	my ($self) = @_;
	my $r = $self->{r};
	my $kind = $r->weighted([ 8, 'JOIN' ], [ 4, 'LEFT JOIN' ], [ 2, 'RIGHT JOIN' ], [ 2, 'FULL JOIN' ], [ 1, 'CROSS JOIN' ], [ 2, ',' ]);
	my $from = $self->from;
	my ($left, $right) = $r->chance(0.7) ? ('probe p', $from) : ($from, 'probe p');
	my $columns = 'p.n, ' . $self->columns(3);
	my $on = $self->condition($kind eq 'FULL JOIN');

	$on .= ' AND ' . $self->condition(1) if $r->chance(0.25);
	$on .= ' AND ' . $self->leaf if $kind ne 'FULL JOIN' && $r->chance(0.25);
	local $self->{outer} = $r->chance(0.4) ? \%probe : {};
	my $probe = $r->chance(0.5) ? 'p.n ' . $r->pick('<= 3', '= 5', 'IN (2, 4, 15)', '> 11') : '';
	return ("SELECT $columns FROM $left $kind $right" . $self->where($on, $probe), 0) if $kind =~ /CROSS|,/;
	return ("SELECT $columns FROM $left $kind $right ON $on" . ($r->chance(0.6) ? $self->where($probe) : $probe ? " WHERE $probe" : ''), 0);
}

sub self_join
{
	my ($self) = @_;
	my $r = $self->{r};
	my $on = $r->pick(
		'a.class = b.class', 'a.code = b.code', 'a.id = b.id', 'a.made = b.made AND a.disabled = b.disabled',
		'a.id = b.id AND a.code = b.code', 'a.id < b.id AND a.class = b.class', 'a.code = b.class', 'a.code_v = b.code',
		'a.id = b.id_i', 'a.ts = b.ts', 'a.made_ts = b.made', 'a.made_tz = b.made');
	my $kind = $r->pick('JOIN', 'LEFT JOIN', 'JOIN', 'FULL JOIN');
	$kind = 'JOIN' if $kind eq 'FULL JOIN' && $on =~ /</;
	$self->over('item', 'b');
	my $right = $self->where;
	$self->over('item', 'a');
	$right =~ s/^ WHERE/ AND/;
	my $on_left = $kind eq 'FULL JOIN' ? '' : $right;
	return ("SELECT a.id, b.id AS other, a.code, b.class FROM item a $kind item b ON $on$on_left" . $self->where, 0);
}

sub semi_join
{
	my ($self) = @_;
	my $r = $self->{r};
	my $not = $r->pick('', '', 'NOT ');

	if ($r->chance(0.5))
	{
		# The probe's rows for which there is, or is not, a record.
		my $from = $self->from;
		my $on = $self->condition;
		local $self->{outer} = $r->chance(0.4) ? \%probe : {};
		return ("SELECT p.n, p.code FROM probe p WHERE ${not}EXISTS (SELECT FROM $from" . $self->where($on) . ')', 0)
		  if $r->chance(0.7);
		my ($column, $outer) = @{ $r->pick([ 'text', 'p.code' ], [ 'text', 'p.class' ], [ 'text', 'p.v' ]) };
		$column = $self->column($column);
		return ("SELECT p.n, p.code FROM probe p WHERE $outer ${not}IN (SELECT a.$column FROM $from" . $self->where . ')', 0);
	}
	my $from = $self->from;
	my $sql = 'SELECT ' . $self->columns . " FROM $from";
	return ($sql . $self->where("${not}EXISTS (SELECT FROM probe p WHERE " . $self->condition . ')'), 0) if $r->chance(0.4);
	my $column = $self->column('text');
	my $probe = $r->pick('p.code', 'p.class', 'p.v');
	my $where = $r->pick('', ' WHERE p.n < 5', " WHERE $probe IS NOT NULL");
	return ($sql . $self->where("a.$column ${not}IN (SELECT $probe FROM probe p$where)"), 0) if $r->chance(0.5);
	return ($sql . $self->where("a.$column " . $r->pick('= ANY', '<> ALL', '>= ANY') . " (SELECT $probe FROM probe p$where)"), 0)
	  if $r->chance(0.4);
	return ($sql . $self->where("a.$column = ANY (ARRAY(SELECT $probe\::text FROM probe p$where))"), 0);
}

sub lateral
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;
	my $on = $self->condition;
	local $self->{outer} = \%probe;
	my $inner = 'SELECT ' . $self->columns(3) . " FROM $from" . $self->where($on) . ($r->chance(0.6) ? $self->cut : '');
	my $probe = $r->pick('', ' WHERE p.n < 4', ' WHERE p.n > 9');
	return $r->chance(0.5)
	  ? ("SELECT p.n, s.* FROM probe p LEFT JOIN LATERAL ($inner) AS s ON true$probe", 0)
	  : ("SELECT p.n, s.* FROM probe p, LATERAL ($inner) AS s$probe", 0);
}

sub scalar
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;
	my $on = $self->condition;
	local $self->{outer} = \%probe;
	my $value = $r->pick('count(*)', "count(a." . $self->column . ')', "max(a." . $self->column('text') . '::text)');
	my $sub = "(SELECT $value FROM $from" . $self->where($on) . ')';
	return ("SELECT p.n, $sub AS found FROM probe p" . $r->pick('', ' WHERE p.n <= 6'), 0) if $r->chance(0.7);
	return ("SELECT p.n FROM probe p WHERE $sub IS NOT NULL AND $sub\::text > '0'", 0);
}

sub set_operation
{
	my ($self) = @_;
	my $r = $self->{r};
	my @parts;
	for (1 .. $r->between(2, 3))
	{
		my $from = $self->over($r->pick('item', 'item', 'mini', 'tree'), 'a');
		my $code = exists $self->{columns}{kode} ? 'kode' : 'code';
		my $class = exists $self->{columns}{klass} ? 'klass' : 'class';
		push @parts, "(SELECT a.$code, a.$class FROM $from" . $self->where . ')';
	}
	my $sql = shift @parts;
	$sql .= ' ' . $r->pick('UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'EXCEPT ALL', 'INTERSECT ALL') . " $_" for @parts;
	return ($sql, 0);
}

sub cte
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from('w');
	my $with = 'WITH s AS ' . $r->pick('', 'MATERIALIZED ', 'NOT MATERIALIZED ') . "(SELECT w.* FROM $from" . $self->where . ') ';
	$self->{alias} = 's';
	return ($with . 'SELECT ' . $self->columns . ' FROM s' . $self->where, 0) if $r->chance(0.5);
	my $on = $self->condition;
	return ($with . 'SELECT p.n, ' . $self->columns(2) . " FROM probe p JOIN s ON $on" . $self->where, 0) if $r->chance(0.5);
	return ($with . 'SELECT count(*) FROM s UNION ALL SELECT count(*) FROM s' . $self->where, 0);
}

sub window
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;
	my $by = 'a.' . $self->column;
	my $key = $self->key;
	my $inner = "SELECT a.*, row_number() OVER (PARTITION BY $by ORDER BY $key) AS rank, count(*) OVER (PARTITION BY $by) AS size, "
	  . "lag($by) OVER (ORDER BY $key) AS before FROM $from" . $self->where;
	return ($inner, 0) if $r->chance(0.4);
	$self->{alias} = 's';
	return ("SELECT * FROM ($inner) AS s" . $self->where($r->pick('s.rank = 1', 's.size > 1', '')), 0);
}

# A cut whose rows are anybody's, but not their number.
sub limit
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;
	my $limit = $r->pick('LIMIT 1', 'LIMIT 2', 'LIMIT 5', 'OFFSET 3', 'LIMIT 7 OFFSET 4', 'LIMIT 0', 'LIMIT ALL', 'FETCH FIRST 6 ROWS ONLY');
	return ('SELECT EXISTS (SELECT FROM ' . $from . $self->where . ')', 0) if $r->chance(0.3);
	return ("SELECT count(*) FROM (SELECT " . $self->columns . " FROM $from" . $self->where . " $limit) AS l", 0);
}

sub three
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;
	my $on = $self->condition;
	my $where = $self->where($r->pick('p.n < 6', 'p.n > 8', ''));
	my $id = exists $self->{columns}{nr} ? 'nr' : exists $self->{columns}{id} ? 'id' : '';
	my $code = exists $self->{columns}{kode} ? 'kode' : 'code';
	my $second = $id ? $r->pick("b.id = a.$id", "b.code = a.$code", "b.class = a.$code") : "b.code = a.$code";
	my ($one, $two) = map { $r->pick('JOIN', 'LEFT JOIN') } 1, 2;
	return ("SELECT p.n, a.$code, b.id FROM probe p $one $from ON $on $two item b ON $second$where", 0);
}

# Around the scan there may be a parallel plan.
sub big
{
	my ($self) = @_;
	my $r = $self->{r};
	my $from = $self->from;
	my $code = exists $self->{columns}{kode} ? 'kode' : 'code';
	return ("SELECT count(*), sum(b.n) FROM big b JOIN $from ON a.$code = b.code" . $self->where, 0) if $r->chance(0.5);
	return ("SELECT b.n, b.code FROM big b WHERE b.n < 900 AND b.code "
		  . $r->pick('', 'NOT ') . "IN (SELECT a.$code FROM $from" . $self->where . ')', 0);
}

sub recursive
{
	my ($self) = @_;
	$self->over('item', 'a');
	my $where = $self->where('a.id > r.id');
	return ('WITH RECURSIVE r AS (SELECT 0::bigint AS id UNION ALL SELECT (SELECT min(a.id) FROM item a' . $where
		  . ') FROM r WHERE r.id IS NOT NULL AND r.id < 40) SELECT * FROM r', 0);
}

1;
