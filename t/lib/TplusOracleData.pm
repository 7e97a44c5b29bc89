package TplusOracleData;

=pod

=head1 NAME

TplusOracleData - records full of traps, and servers of every kind

=cut

use strict;
use warnings;
use utf8;

use Encode qw(encode_utf8);
use TplusSim;

# Codes that differ in what some servers do not tell, or that they take as
# patterns.  A code is unique to whoever tells everything.
my @codes = (
	'A-1', 'a-2', 'A-3', 'Ａ-4', 'a-5 ', 'AB', 'ABC', 'ABCD', 'P%1', 'PX1', 'P%',
	'U_1', 'UX1', 'U__', 'B[1]', 'B1', '[B]', '^B', 'B^1', 'Q"1', "O'Neill", 'S\\1',
	'S\\\\2', ' lead', 'lead', 'trail ', 'trail', '全角', '全角１', '0', '00', '007',
	'7', '1e3', '1000', 'true', 'null', '{"a": 1}', "tab\t1", "new\nline", '𠮷', 'é',
	"e\x{301}", 'straße', 'İ', 'ﬁ', '$x', ';--', 'sp ace');
# What only servers tell that compare texts exactly.
my @twins = ('a-1', 'ａ-1', 'A-1 ', 'abc', 'Abc', 'ＡＢＣ', 'ABC ', 'É', 'STRASSE');
my @texts = (
	'bolt', 'Bolt', 'BOLT', 'ｂｏｌｔ', 'bolt ', 'bolt  ', ' bolt', 'nut', 'nut M8', 'M8', 'm8', 'Ｍ8',
	'M%8', 'M_8', 'M[8]', 'MX8', '50%', '%', '_', '', ' ', "\x{3000}", '螺栓', '螺栓 M8', '不锈钢螺栓',
	'say "x"', "it's", 'a\\b', 'a^b', '^head', "two\nlines", 'ABC', 'abc', 'ａｂｃ', 'é', "e\x{301}",
	'ß', 'ss', '𠮷', 'x' x 60, 'y' x 4000, '1', '01', 'True', 'null', '(null)', 'a,b', '{}');
my @classes = (
	[ '01', '紧固件' ], [ '0101', '螺栓' ], [ '02', '轴承' ], [ '０1', '紧固件' ], [ '03', undef ],
	[ undef, undef ], [ 'a', 'X' ], [ 'A', 'x' ], [ 'A ', 'x ' ], [ '9%', '' ]);
my @days = (
	'2026-01-01', '2025-12-31', '2026-02-28', '2026-03-01', '2024-02-29', '2026-03-31', '2026-04-01',
	'2026-04-02', '2026-04-03', '2026-04-15', '2026-05-01', '2026-06-30', '1999-12-31', '1970-01-01',
	'1900-01-01', '2026-03-29', '2026-10-25', '2026-03-08');
my @hours = ('00:00:00', '23:59:59', '08:00:00', '07:59:59', '12:30:15', '16:00:00');

# records($random, %option): what a tenant is given.  twins: codes that only
# some servers tell apart; nulls: dates may be missing.
sub records
{
	my ($random, %option) = @_;
	my @all = (@codes, $option{twins} ? @twins : (), map { "N$_" } 1 .. 24);
	my (@records, $id);
	my $version = 0x913d20;

	for my $code (@all)
	{
		my $day = $random->pick(@days);
		my $hour = $random->pick(@hours);
		my $class = $random->pick(@classes);
		my $text = sub { return $random->chance(0.12) ? undef : $random->pick(@texts) };
		my $flag = sub { return $random->chance(0.2) ? undef : bool($random->chance(0.5)) };
		$id += $random->between(1, 3);
		$version += $random->between(1, 300);
		push @records,
		  { ID => $id == 40 ? 2147483647 : $id,
			Code => $code,
			Name => $random->pick(grep { $_ ne '' } @texts),
			Specification => $text->(),
			Shorthand => $text->(),
			DefaultBarCode => $text->(),
			InventoryClass => { Code => $class->[0], Name => $class->[1] },
			Disabled => bool($random->chance(0.25)),
			IsSale => $flag->(),
			IsBatch => $flag->(),
			MadeRecordDate => $option{nulls} && $random->chance(0.04) ? undef : $day,
			_made_time => $hour,
			CreatedTime => $random->chance(0.1) ? undef : "$day $hour",
			AvagCost => $random->pick(undef, '0', '1.5', '1.50', '-3.25', '12345678901234.123456', '0.000001'),
			NewProductPeriod => $random->pick(undef, 0, 7, 30, 30, 90),
			Ts => sprintf('%016x', $version) };
	}
	# Versions in another order than keys.
	for my $i (reverse 1 .. $#records)
	{
		my $j = $random->below($i + 1);
		($records[$i]{Ts}, $records[$j]{Ts}) = ($records[$j]{Ts}, $records[$i]{Ts});
	}
	return \@records;
}

sub bool { return $_[0] ? JSON::PP::true : JSON::PP::false }

# Values to ask for, by the columns that hold them: encoded, undef for NULL.
sub pools
{
	my ($records) = @_;
	my $of = sub {
		my ($get) = @_;
		my %seen;
		return [ grep { !$seen{ $_ // '' }++ }
			  map { defined $_ ? encode_utf8($_) : undef } map { $get->($_) } @$records ];
	};
	my %pool = (
		code => $of->(sub { $_[0]{Code} }),
		name => $of->(sub { $_[0]{Name} }),
		text => $of->(sub { @{ $_[0] }{qw(Specification Shorthand DefaultBarCode)} }),
		class => $of->(sub { $_[0]{InventoryClass}{Code} }),
		classname => $of->(sub { $_[0]{InventoryClass}{Name} }),
		id => $of->(sub { $_[0]{ID} }),
		ts => $of->(sub { $_[0]{Ts} }),
		cost => $of->(sub { $_[0]{AvagCost} }),
		period => $of->(sub { $_[0]{NewProductPeriod} }),
		day => $of->(sub { $_[0]{MadeRecordDate} }));
	return \%pool;
}

# SQL that fills the tables to join with.
sub fill
{
	my ($random, $pool) = @_;
	my $value = sub {
		my ($kind, $p) = @_;
		my $v = $random->chance($p // 0.1) ? undef : $random->pick(@{ $pool->{$kind} });
		return defined $v ? TplusSim::quote($v) : 'NULL';
	};
	my @rows;
	for my $n (1 .. 14)
	{
		my $day = $value->('day');
		push @rows, '(' . join(', ',
			$n, $value->('code'), $value->($random->pick('code', 'name')),
			$value->('code'), $value->('id'), $random->pick('NULL', 1, 2, 5, 5, 17),
			$random->pick('NULL', '3', '3.5', '10.0', '12'),
			$value->('class'), $random->pick('NULL', 'true', 'false'), $day,
			$day eq 'NULL' ? 'NULL'
			: "timestamptz '@{[ $day =~ /(\d+-\d+-\d+)/ ]} " . $random->pick(@hours)
			  . $random->pick('+08', '+00', '-11', '+14') . "'",
			"ARRAY[" . join(', ', map { $value->('code') } 1 .. $random->below(4)) . ']::text[]',
			"ARRAY[" . join(', ', map { $value->('id') } 1 .. $random->below(4)) . ']::bigint[]')
		  . ')';
	}
	# Twice the same, for duplicates.
	push @rows, @rows[ 0, 1 ];
	return 'INSERT INTO probe VALUES ' . join(', ', @rows) . ";\n"
	  . "INSERT INTO big SELECT i, CASE WHEN i % 7 = 0 THEN code END, CASE WHEN i % 5 = 0 THEN id ELSE -i END "
	  . "FROM generate_series(1, 2000) AS i LEFT JOIN item ON id_i = i % 150;\n";
}

=pod

=head2 TplusOracleData::servers($random, $pairs)

Configurations: a name, C<switches> of the simulator, and the options of
C<columns> and of the C<table> that are true of such a server.  Each switch by
itself, then so many pairs.

=cut

# Each is an aspect of a server; those of one kind exclude each other.
my @aspects = (
	(map { [ made => "made_compare=$_", { made_compare => $_ }, made($_) ] } qw(eq ge gt le)),
	(map { [ made => "made_compare=$_ undeclared", { made_compare => $_ } ] }
		  qw(eq ge gt le lt ignored error)),
	(map { [ made => "made_compare=$_ timed", { made_compare => $_, made_time => \1, dates => 'datetime' }, made($_) ] }
		  qw(ge gt le)),
	[ made => 'made_compare=ge by UTC, undeclared', { made_compare => 'ge', made_zone => 'utc' } ],
	[ made => 'date_horizon_days', { made_compare => 'eq' }, made('eq'), { date_horizon_days => 36500, max_filter_requests => 60 } ],
	[ made => 'max_filter_requests=3', { made_compare => 'eq' }, made('eq'), { max_filter_requests => 3 } ],
	(map { [ text => "text_match=$_", { text_match => $_ } ] } qw(cs exact)),
	[ like => 'like_percent=false', { like_percent => \0 } ],
	[ like => 'like_wildcards=always', { like_wildcards => 'always' } ],
	[ like => 'like_wildcards=off', { like_wildcards => 'off' } ],
	[ like => 'filter_op=like', {}, like() ],
	[ like => 'filter_op=like, text_match=cs', { text_match => 'cs' }, like() ],
	[ like => 'filter_op=like, like_wildcards=always', { like_wildcards => 'always' }, like() ],
	[ like => 'empty_filter=match', { empty_filter => 'match' } ],
	(map { [ bools => "bools=$_", { bools => $_ } ] } qw(truefalse json 01 int cn)),
	[ flag => 'filter_encoding=json', {}, flags('json') ],
	[ flag => 'filter_encoding=text', { only('text') }, flags('text') ],
	[ flag => 'filter_encoding=TrueFalse', { only('text') }, flags('TrueFalse') ],
	[ flag => 'filter_encoding=01', { only('01') }, flags('01') ],
	(map { [ flag => "bool_json=$_", { bool_json => $_ } ] } qw(ignored none error)),
	[ flag => 'bool_json=error, bool_text=error', { bool_json => 'error', bool_text => 'error' } ],
	[ hidden => 'disabled_default=all', { disabled_default => 'all' } ],
	[ hidden => 'variants=none', { disabled_default => 'all' }, {}, { variants => 'none' } ],
	# They spell the flag as JSON does, which other servers do not understand.
	[ 'hidden flag' => 'variants given', {}, {}, { variants => '[{"Disabled": false}, {"Disabled": true}]' } ],
	(map { [ version => "ts_compare=$_", { ts_compare => $_ } ] } qw(ge eq ignored error)),
	[ 'version order' => 'paging=ts', {}, {}, { paging => 'ts' } ],
	[ version => 'paging=page', {}, {}, { paging => 'page' } ],
	[ version => 'ts_form=upper', { ts_form => 'upper' } ],
	[ version => 'ts_key=TS', { ts_key => 'TS' } ],
	(map { [ order => "order=$_", { order => $_ } ] } qw(ts_desc code id random)),
	[ size => 'max_rows=15', { max_rows => 15 } ],
	[ size => 'page_size=ignored', { page_size => 'ignored', default_page_size => 40 } ],
	[ size => 'page_index=honoured', { page_index => 'honoured' } ],
	[ nulls => 'nulls=empty', { nulls => 'empty' } ],
	[ nulls => 'nulls=absent', { nulls => 'absent' } ],
	(map { [ dates => "dates=$_", { dates => $_ } ] } qw(datetime t slash ticks utc)),
	[ nodate => 'no_date=first', { no_date => 'first' } ],
	[ ids => 'ids=int', { ids => 'int' } ],
	(map { [ refs => "refs=$_", { refs => $_ } ] } qw(nested dotted)),
	(map { [ numbers => "numbers=$_", { numbers => $_ } ] } qw(text json json6 exp)),
	[ shape => 'shape=Data', { shape => 'Data', total_count => 'exact' } ],
	[ shape => 'shape=data.Rows', { shape => 'data.Rows', total_count => 'page' } ],
	[ select => 'select_fields=ignored', { select_fields => 'ignored' } ],
	[ select => 'select_fields=none', {}, {}, { select_fields => 'none' } ],
	[ filters => 'filters declared', {},
		{ %{ flags('json') },
			period => { filter => 'NewProductPeriod' },
			classname => { filter => 'InventoryClass.Name' } } ],
	[ filters => 'parameters overlooked', { ignored_params => [ 'Code', 'Name', 'ID' ] } ],
	[ filters => 'filter_op=none', {}, { map { $_ => { filter_op => 'none' } } qw(code id class) } ]);

sub made
{
	my ($op) = @_;
	return { map { $_ => { filter_op => $op } } qw(made made_ts made_tz) };
}

sub like { return { map { $_ => { filter_op => 'like' } } qw(code name spec class) } }

sub flags
{
	my ($encoding) = @_;
	return { disabled => { filter_encoding => $encoding },
		sale => { filter_encoding => $encoding, filter => 'IsSale' },
		batch => { filter_encoding => $encoding, filter => 'IsBatch' } };
}

# Only that spelling of a boolean is understood.
sub only
{
	my ($spelling) = @_;
	return map { ("bool_$_" => $_ eq $spelling ? 'match' : 'none') } qw(json text 01 int);
}

# Which queries such an aspect can spoil.
my $text = qr/item a WHERE a\.(?:code|name|spec|short|class)\w* (?:=|IN|I?LIKE|\^@)/;
my %look_at = (
	text => $text,
	like => $text,
	made => qr/\bmade/,
	dates => qr/\bmade|created/,
	nodate => qr/\bmade|created/,
	flag => qr/disabled|sale|batch|flag/,
	hidden => qr/disabled/,
	bools => qr/disabled|sale|batch/,
	version => qr/\bts\b/,
	filters => qr/WHERE.*a\.(?:code|id|class|period|sale|batch)/);

# What is declared unless an aspect says otherwise: the truth by default.
my $usual = [ usual => 'as it is', {}, made('eq') ];

sub servers
{
	my ($random, $pairs) = @_;
	my @servers = map { server($_) } $usual, @aspects;

	while ($pairs > 0)
	{
		my ($a, $b) = $random->some(2, @aspects);
		next if clash($a, $b);
		push @servers, server($a, $b);
		$pairs--;
	}
	return @servers;
}

# Of one kind, or the same switch or option with two meanings.
sub clash
{
	my ($a, $b) = @_;
	my %kind = map { $_ => 1 } split / /, $a->[0];

	return 1 if grep { $kind{$_} } split / /, $b->[0];
	for my $what (2 .. 4)
	{
		return 1 if grep { exists $b->[$what]{$_} } keys %{ $a->[$what] // {} };
	}
	return 0;
}

sub server
{
	my (@aspects) = @_;
	my %server = (name => join(' + ', map { $_->[1] } @aspects));
	my @look_at = map { $look_at{$_} // () } map { split / / } map { $_->[0] } @aspects;

	$server{look_at} = @look_at ? join('|', @look_at) : '(?!)';
	$server{look} = !@look_at ? 0 : grep({ $_ eq $text } @look_at) ? 60 : 16;
	push @aspects, $usual unless grep { $_->[0] eq 'made' || $_ eq $usual } @aspects;

	for my $what ([ 2, 'switches' ], [ 3, 'columns' ], [ 4, 'table' ])
	{
		$server{ $what->[1] } = { map { %{ $_->[ $what->[0] ] // {} } } @aspects };
	}
	# Where they are told by the flag, partitions need a server that knows it.
	$server{partitions} = ($server{switches}{bool_json} // 'match') eq 'match';
	$server{switches} = { map { $_ => plain_switch($server{switches}{$_}) } keys %{ $server{switches} } };
	return \%server;
}

sub plain_switch
{
	my ($value) = @_;
	return ref $value eq 'SCALAR' ? bool($$value) : $value;
}

1;
