# The READMEs against the extension: every option with its default, every
# function and view, every field, and no more; and both say the same things.
# docs/ against the source.
use strict;
use warnings;

use FindBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/..";
my %heading = (
	'server' => qr/^### (?:Server$|.*SERVER)/,
	'user mapping' => qr/^### (?:User mapping$|.*USER MAPPING)/,
	'foreign table' => qr/^### (?:Foreign table$|.*FOREIGN TABLE)/,
	'column' => qr/^### (?:Column$|.*COLUMN)/,
	'function' => qr/^### (?:Functions and views|函数与视图)$/,
	'field' => qr/^### .*`inventory`/,);

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION tplus_fdw;
CREATE SERVER erp FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url 'http://127.0.0.1');
IMPORT FOREIGN SCHEMA tplus FROM SERVER erp INTO public;
SQL

# rows(SQL): each row as a list.
sub rows
{
	my ($sql) = @_;
	return map { [ split /\|/, $_, -1 ] }
	  split /\n/, $node->safe_psql('postgres', $sql);
}

my @options = rows('SELECT object, name, default_value FROM tplus.options()');
my @objects = map { $_->[0] } rows(<<'SQL');
SELECT coalesce(p.proname, c.relname)
  FROM pg_depend d
  LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
  LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
 WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tplus_fdw')
   AND d.deptype = 'e'
   AND (c.relkind = 'v' OR (p.oid IS NOT NULL AND p.proname !~ '^(_|tplus_fdw_)'))
SQL
my @fields = rows(<<'SQL');
SELECT o.option_value, a.attname,
       replace(format_type(a.atttypid, a.atttypmod),
               'timestamp with time zone', 'timestamptz'),
       l.option_value
  FROM pg_attribute a, pg_options_to_table(a.attfdwoptions) o,
       pg_options_to_table(a.attfdwoptions) l
 WHERE a.attrelid = 'inventory'::regclass
   AND o.option_name = 'field' AND l.option_name = 'label'
 ORDER BY a.attnum
SQL
cmp_ok(scalar @options, '>', 50, 'there are options');
cmp_ok(scalar @fields, '>', 50, 'there are fields');

# Cells of the table rows below each heading of %heading.
sub tables
{
	my ($text) = @_;
	my ($under, %rows);

	for my $line (split /\n/, $text)
	{
		if ($line =~ /^#/)
		{
			($under) = grep { $line =~ $heading{$_} } sort keys %heading;
		}
		elsif ($under && $line =~ /^\| `/)
		{
			my @cells = split /\s*(?<!\\)\|\s*/, $line;
			shift @cells;
			push @{ $rows{$under} }, \@cells;
		}
	}
	return %rows;
}

sub names
{
	my (@rows) = @_;
	return [ sort map { $_->[0] =~ /^`(\w+)/ } @rows ];
}

# The options of an object: defaults, and that there are no others.
sub check_options
{
	my ($file, $object, @rows) = @_;
	my %row = map { ($_->[0] =~ /^`(\w+)`$/)[0] => $_ } @rows;
	my (@missing, @wrong);

	if ($object eq 'user mapping')
	{
		$row{"${_}_file"} = [ '', 'none' ]
		  for grep { "`${_}_file`" eq $row{$_}[2] } keys %row;
	}
	for my $option (grep { $_->[0] eq $object } @options)
	{
		my (undef, $name, $default) = @$option;
		my $row = delete $row{$name};

		if (!$row)
		{
			push @missing, $name;
		}
		elsif (
			length $default
			? $row->[1] ne "`$default`"
			: $row->[1] =~ /^`/)
		{
			push @wrong, "$name: $row->[1]";
		}
	}
	is("@missing", '', "$file has each option of a $object");
	is("@wrong", '', "$file tells the defaults of a $object");
	is(join(' ', sort keys %row), '', "$file has no other option of a $object");
	return;
}

# The SQLSTATEs that the code throws; those it only compares with, and internal
# errors, are nobody's concern.
my %none = map { $_ => 1 } qw(XX000 01000 23000 57000 57P02);
my (%sqlstate, %thrown);
chomp(my $share = `pg_config --sharedir`);
for my $line (split /\n/, slurp_file("$share/errcodes.txt"))
{
	$sqlstate{$2} //= $1 if $line =~ /^(\w{5})\s+[ESW]\s+(ERRCODE_\w+)/;
}
for my $file (glob("$top/src/*/*.c"), "$top/tplus_fdw.c")
{
	$thrown{ $sqlstate{$_} // $_ } = 1 for slurp_file($file) =~ /\b(ERRCODE_(?!TO_)\w+)/g;
}
cmp_ok(scalar(keys %thrown), '>', 30, 'the code throws errors');

my @skeletons;
for my $file ('README.md', 'README.zh-CN.md')
{
	my $text = slurp_file("$top/$file");
	my %rows = tables($text);
	my @anchors = $text =~ /^##+ (.+)$/mg;

	check_options($file, $_, @{ $rows{$_} // [] })
	  for 'server', 'user mapping', 'foreign table', 'column';

	# A function of a view is named beside it.
	my @behind = qw(token_states stat_entries month_entries request_entries budget_entries);
	is_deeply(
		[ sort @{ names(@{ $rows{function} // [] }) }, @behind ],
		[ sort @objects ],
		"$file has the functions and views");
	like($text, qr/`$_\(\)`/, "$file names $_()") for @behind;

	is_deeply(
		[ map { join '|', @$_[ 0 .. 3 ] } @{ $rows{field} // [] } ],
		[ map { "`$_->[0]`|`$_->[1]`|$_->[2]|$_->[3]" } @fields ],
		"$file has the fields of inventory");

	my ($errors) = $text =~ /^## (?:Errors and what to do|错误与处理)\n(.*?)^## /ms;
	my %told = map { $_ => 1 } map { /`(\w{5}|22…)`/g } $errors =~ /^\|([^|]+)\|/mg;
	is(join(' ', grep { !$told{$_} && !$none{$_} && !/^22/ } sort keys %thrown),
		'', "$file has each SQLSTATE that is thrown");

	utf8::decode($_) for @anchors;
	my %anchor = map {
		my $name = lc;
		$name =~ s/[^\w\s-]//g;
		$name =~ s/\s/-/g;
		($name => 1)
	} @anchors;
	my @links = $text =~ /\]\(#([^)]+)\)/g;
	utf8::decode($_) for @links;
	is(join(' ', grep { !$anchor{$_} } @links),
		'', "$file links to headings that are there");
	my @files = $text =~ /\]\((?!#|http)([^)#]+)\)/g;
	is(join(' ', grep { !-e "$top/$_" } @files),
		'', "$file links to files that are there");

	# Headings, tables and code in order: what the two have in common.
	push @skeletons,
	  join "\n",
	  map { /^(#+)/ ? $1 : /^\|/ ? '|' . (() = /(?<!\\)\|/g) : /^```/ ? $_ : () }
	  split /\n/, $text;
}
is($skeletons[1], $skeletons[0], 'both are built alike');

# The bounds: each constant has the value told where it is told to stand, and
# what it ends in is what the code says and a test looks for.
my %default = map { $_->[1] => $_->[2] } @options;
my @bounds;
for my $file ('docs/bounds.md', 'docs/bounds.zh-CN.md')
{
	my (@wrong, @told);
	for my $line (grep { /^\|.*\d/ } split /\n/, slurp_file("$top/$file"))
	{
		my (undef, undef, $value, $constant, $in, $error, $test) = split /\s*\|\s*/, $line;
		s/`//g for grep { defined } $constant, $in, $test;
		my ($words) = ($error // '') =~ /"(.*)"/;

		push @told, join '|', $value, $constant, $in, $words // '', $test // '';
		my $source = $in eq '–' ? '' : slurp_file("$top/$in");
		my $found = $in ne '–' && $source =~ /^#define[ \t]+$constant[ \t]+(.+?)[ \t]*(?:\/\*.*)?$/m ? eval $1 : $default{$constant};
		push @wrong, "$constant is " . ($found // 'nowhere') if $constant ne '–' && ($found // '') ne $value;
		next unless defined $test && $test ne '–';
		push @wrong, "$test is not there" unless -e "$top/$test";
		push @wrong, "$test does not look for \"$words\"" if defined $words && -e "$top/$test" && index(slurp_file("$top/$test"), $words) < 0;
	}
	is(join("\n", @wrong), '', "$file tells bounds as they are");
	cmp_ok(scalar @told, '>=', 20, "$file has all of them");
	push @bounds, join "\n", @told;
}
is($bounds[1], $bounds[0], 'both tell the same bounds');

# The threat table: where and what tests it are there, and alike in both.
my @threats;
for my $file ('docs/security.md', 'docs/security.zh-CN.md')
{
	my (@wrong, @told);
	for my $line (grep { /^\|.*`/ } split /\n/, slurp_file("$top/$file"))
	{
		my (undef, @cells) = split /\s*\|\s*/, $line;
		my ($where) = ($cells[3] // '') =~ /^`([^`]+)`$/;
		my ($test, $subtest) = ($cells[4] // '') =~ /^`([^`]+)`(?: '(.+)')?$/;
		push @told, join '|', map { $_ // '' } $where, $test, $subtest;
		push @wrong, "no file in $line" unless $where && $test;
		push @wrong, "$_ is not there" for grep { defined && !-e "$top/$_" } $where, $test;
		push @wrong, "$test has no subtest '$subtest'" if defined $subtest && slurp_file("$top/$test") !~ /^subtest ['"]\Q$subtest\E['"]/m;
	}
	is(join("\n", @wrong), '', "$file names files and tests that are there");
	cmp_ok(scalar @told, '>=', 10, "$file has a table");
	push @threats, join "\n", @told;
}
is($threats[1], $threats[0], 'both have the same table');

# What is assumed of T+: switches, options, and the places that the source
# cites, "section 7 no. 8" being the row 8 of section 7; alike in both.
my %is_option = map { $_->[1] => 1 } @options;
my %is_switch = map { $_ => 1 } slurp_file("$top/test/sim/simulator/switches.py") =~ /Switch\("(\w+)"/g;
my (@assumed, %place);
for my $file ('docs/protocol.md', 'docs/protocol.zh-CN.md')
{
	my ($section, @wrong, @told) = ('');
	for my $line (split /\n/, slurp_file("$top/$file"))
	{
		my (undef, @cells) = split /\s*\|\s*/, $line;
		if ($line =~ /^##+ (\d[\d.]*?)\.? /)
		{
			$section = $1;
			push @told, $section;
			$place{$file}{$section} = 1;
		}
		next unless @cells == 5 && $cells[0] =~ /^\d+$/;
		my %named = (switch => [ $cells[3] =~ /`(\w+)`/g ], option => [ $cells[4] =~ /`(\w+)`/g ]);
		push @wrong, map { "$section no. $cells[0]: no switch $_" } grep { !$is_switch{$_} } @{ $named{switch} };
		push @wrong, map { "$section no. $cells[0]: no option $_" } grep { !$is_option{$_} } @{ $named{option} };
		push @told, join '|', $section, $cells[0], map { join ' ', @{ $named{$_} } } sort keys %named;
		$place{$file}{"$section no. $cells[0]"} = 1;
	}
	is(join("\n", @wrong), '', "$file names switches and options that are there");
	cmp_ok(scalar @told, '>=', 120, "$file has all of them");
	push @assumed, join "\n", @told;
}
is($assumed[1], $assumed[0], 'both have the same sections and rows');

my (@lost, $cited);
for my $file (glob("$top/src/*/*.[ch] $top/sql/*.sql"))
{
	my $text = slurp_file($file);
	$text =~ s/\s*\n\s*(?:\*|--)?\s*/ /g;
	push @lost, "$file cites a protocol that is nowhere" if $text =~ /protocol, sections? \d/i;
	while ($text =~ /\bsections? (\d[\d.]*(?:(?:, | and )\d[\d.]*)*)(?: no\. (\d+(?:(?:, | and )\d+)*))?/g)
	{
		my ($of, $no) = ($1, $2 // '');
		my @sections = $of =~ /(\d+(?:\.\d+)*)/g;
		my @rows = map { "$sections[-1] no. $_" } $no =~ /(\d+)/g;
		$cited += @sections + @rows;
		push @lost, map { "$file cites $_" } grep { !$place{'docs/protocol.md'}{$_} } @sections, @rows;
		push @lost, "$file does not say whose section $of is" unless $text =~ m{docs/protocol\.md};
	}
}
is(join("\n", @lost), '', 'what the source cites is in docs/protocol.md');
cmp_ok($cited, '>', 60, 'the source cites it');

done_testing();
