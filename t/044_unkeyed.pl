# Records that nothing identifies are a multiset: all twins come, whatever the
# way the table is paged, or the statement fails; and a server that would keep
# us asking for ever is found out.
use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusScript;

sub rows { return '[' . join(',', map { qq({"A":"$_"}) } @_) . ']' }

# The page of these records that is asked for; without a number, the first.
sub page
{
	my ($param, $records, %how) = @_;
	my $size = $param->{PageSize} // @$records || 1;
	$size = $how{cap} if $how{cap} && $size > $how{cap};
	my $number = ($param->{PageIndex} // 1) - ($how{base} // 1);
	my $last = @$records ? int((@$records - 1) / $size) : 0;
	$number = 0 if $how{replay} && $number > $last;
	$number = $how{clamp} && $number > $last ? $last : $number < 0 ? 0 : $number;
	my $from = $number * $size;
	my $to = $from + $size - 1;
	$to = $#$records if $to > $#$records;
	my $text = rows(@$records[ $from .. $to ]);
	return $text unless defined $how{total};
	my $total = $how{total} eq 'exact' ? @$records : $how{total};
	return qq({"TotalCount":$total,"Data":$text});
}

# The same with a count, where numbers before the first and behind the last are
# refused.
sub refusing
{
	my ($param, $records) = @_;
	my $reply = page($param, $records, total => 'exact');
	my $size = $param->{PageSize} // @$records;
	return [ 400, '{"code":"1001","message":"no such page"}' ]
	  if ($param->{PageIndex} // 1) < 1 || (($param->{PageIndex} // 1) - 1) * $size >= @$records;
	return $reply;
}

my @few = qw(x x y);
my @many = (('x') x 3, 'y', 'z', ('x') x 2, 'y', 'w', 'x', 'v', 'u', 'x');
my @letters = 'a' .. 'i';
my %state;     # of a path: its records, which change

# Changes the records of a path when the n-th request has been answered.
sub changing
{
	my ($param, $path, $n, %at) = @_;
	my $records = $state{$path} //= [@letters];
	my $reply = page($param, $records);
	$at{$n}->($records) if $at{$n};
	return $reply;
}

sub versioned
{
	my ($param, $size) = @_;
	my @rows = map { [ sprintf('%016x', $_), chr(ord('a') + $_ % 3) ] } 1 .. 20;
	my $from = $param->{Ts} // '';
	@rows = grep { $_->[0] gt $from } @rows;
	splice @rows, $size if @rows > $size;
	return '[' . join(',', map { qq({"Ts":"$_->[0]","A":"$_->[1]"}) } @rows) . ']';
}

my %replies = (
	few => sub { return page($_[0], \@few) },
	fewtold => sub { return page($_[0], \@few, total => 'exact') },
	fewclamped => sub { return page($_[0], \@few, total => 'exact', clamp => 1) },
	fewcounted => sub { return page($_[0], \@few, total => ($_[0]{PageIndex} // 1) > 1 ? 0 : 3) },
	one => sub { return page($_[0], ['x'], total => 'exact', clamp => 1) },
	many => sub { return page($_[0], \@many) },
	manytold => sub { return page($_[0], \@many, total => 'exact') },
	manyclamped => sub { return page($_[0], \@many, total => 'exact', clamp => 1) },
	manycapped => sub { return page($_[0], \@many, cap => 3) },
	manyzero => sub { return page($_[0], \@many, base => 0) },
	manyzerotold => sub { return page($_[0], \@many, base => 0, total => 'exact') },
	clamped => sub { return page($_[0], \@many, clamp => 1) },
	low => sub { return page($_[0], \@many, total => 9) },
	lowest => sub { return page($_[0], \@many, total => 8) },
	high => sub { return page($_[0], \@many, total => 20) },
	same => sub { return rows('x', 'x') },
	two => sub { return rows(($_[0]{PageIndex} // 1) % 2 ? qw(x y) : qw(y x)) },
	twotold => sub { return '{"TotalCount":1000000,"Data":' . rows(($_[0]{PageIndex} // 1) % 2 ? qw(x y) : qw(y x)) . '}' },
	fresh => sub { return rows("n$_[1]") },
	freshkeys => sub { return qq([{"ID":"$_[1]","A":"x"}]) },
	freshtold => sub { return qq({"TotalCount":50,"Data":[{"A":"n$_[0]{PageIndex}"},{"A":"m$_[0]{PageIndex}"}]}) },
	edited => sub { return sprintf '[{"ID":"1","A":"x","Ts":"%016x"}]', $_[1] },
	rising => sub { return sprintf '[{"ID":"%d","A":"x","Ts":"%016x"}]', $_[1], $_[1] },
	passing => sub { return page($_[0], $_[1] < 3 ? \@few : [ @few, 'z' ]) },
	emptied => sub { return $_[1] == 1 ? rows(@few) : '[]' },
	unnumbered => sub { return exists $_[0]{PageIndex} ? '[]' : rows(@few) },
	smaller => sub { return page($_[0], [ 1 .. 5000 ], cap => ($_[0]{PageSize} || 2) - 1) },
	shrinking => sub {
		my ($param) = @_;
		my $size = $param->{PageSize} || 60;
		my $from = (($param->{PageIndex} // 1) - 1) * $size;
		my $most = $size > 5 ? $size - 1 : $size;
		return '[' . join(',', map { qq({"ID":"$_","A":"x"}) } grep { $_ > $from && $_ <= $from + $most } 1 .. 60) . ']';
	},
	restless => sub { return ($_[0]{PageIndex} // 1) > 1 ? '[]' : rows("n$_[1]") },
	gone => sub { return changing($_[0], 'gone', $_[1], 1 => sub { shift @{ $_[0] } }) },
	came => sub { return changing($_[0], 'came', $_[1], 1 => sub { unshift @{ $_[0] }, 'z' }) },
	back => sub { return changing($_[0], 'back', $_[1], 1 => sub { shift @{ $_[0] } }, 3 => sub { unshift @{ $_[0] }, 'a' }) },
	added => sub { return changing($_[0], 'added', $_[1], 4 => sub { push @{ $_[0] }, 'a' }) },
	cut => sub {
		my $reply = page($_[0], \@many);
		return $_[1] == 1 || $_[1] == 3 || $_[1] == 7 ? substr($reply, 0, length($reply) - 3) . '!' : $reply;
	},
	versions => sub { return versioned($_[0], 7) },
	synced => sub { return page($_[0], $state{synced} //= [@many]) },
	lose => sub { pop @{ $state{synced} }; return '[]' },
	filtered => sub {
		my ($param) = @_;
		return '[]' if $param->{ID};
		return page($param, [ grep { !$param->{A} || $_ eq $param->{A} } @many ]);
	},
	arms => sub { return page($_[0], $_[0]{P} == 1 ? [qw(x y)] : $_[0]{P} == 2 ? [qw(x z)] : [qw(v v w)]) },
	refusing => sub { return refusing($_[0], \@few) },
	shifted => sub {
		my ($param, $n) = @_;
		my $records = $state{shifted} //= [ 1 .. 3 ];
		my $reply = page($param, $records);
		shift @$records if $n == 1;
		$reply =~ s/"A":/"ID":/g;
		return $reply;
	},
	alike => sub { return page($_[0], [qw(x y y x z w)], base => 0) },
	alikebelow => sub { return page($_[0], [qw(x y y x z w)]) },
	replayed => sub { return page($_[0], [ 'a' .. 'f' ], cap => 3, total => 9, replay => 1) },
	mixed => sub {
		my ($param) = @_;
		my $all = page($param, [ 1 .. 5, 'x', 'x' ], clamp => 1, total => 'exact');
		$all =~ s/"A":"(\d+)"/"ID":"$1","A":"k"/g;
		return $all;
	});

my $server = TplusScript->new(%replies);
my $node = PostgreSQL::Test::Cluster->new('unkeyed');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nstatement_timeout = '60s'\n");
$node->start;
my $url = $server->url;
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION tplus_fdw;
CREATE SERVER erp FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '$url', requests_per_second '0', max_retries '2', max_concurrency '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (app_key 'k', app_secret 's', open_token 't');
SQL

# A table of this path, made anew.
sub table
{
	my ($path, %options) = @_;
	%options = (path => "/$path", on_missing_key => 'generate', %options);
	my $list = join ', ', map { "$_ '$options{$_}'" } sort keys %options;
	$node->safe_psql('postgres', 'DROP FOREIGN TABLE IF EXISTS t; CREATE FOREIGN TABLE t '
		. qq{("ID" text OPTIONS (field 'ID'), a text OPTIONS (field 'A')) SERVER erp OPTIONS ($list)});
	$server->requests($path);
	return;
}

# What a query gives, or how it fails: SQLSTATE, message, detail.
sub result
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $out if $status == 0;
	my ($message) = $err =~ /ERROR:\s+(.*)/;
	my ($detail) = $err =~ /ERROR:.*?DETAIL:\s+(.*?)\n/s;
	return "$message | " . ($detail // '');
}

sub contents { return result(q{SELECT string_agg(a, '' ORDER BY a), count(*) = count(DISTINCT "ID") FROM t}) }
sub sorted { return join('', sort @_) . '|t' }


# How many requests it took, at most.
sub at_most
{
	my ($path, $most, $name) = @_;
	cmp_ok(scalar($server->requests($path)), '<=', $most, $name);
	return;
}

# --- All of them come --------------------------------------------------------

for my $paging (qw(auto page none))
{
	for my $variants (qw(auto none))
	{
		for my $path (qw(few fewtold fewclamped fewcounted))
		{
			table($path, paging => $paging, variants => $variants);
			is(contents(), sorted(@few), "$path, paging $paging, variants $variants");
		}
		table('one', paging => $paging, variants => $variants);
		is(contents(), 'x|t', "one record, paging $paging, variants $variants");
	}
}
for my $paging (qw(auto page))
{
	for my $path (qw(many manytold manyclamped manycapped manyzerotold))
	{
		table($path, paging => $paging, page_size => 4, variants => $path eq 'many' ? 'auto' : 'none');
		is(contents(), sorted(@many), "$path, paging $paging");
	}
}
table('manyzero', page_size => 4, variants => 'none');
like(contents(), qr/cannot be read by page numbers \| Page 0 has records without a key in common/,
	'where pages begin cannot be told');
table('manyzero', page_size => 4, variants => 'none', page_base => 0);
is(contents(), sorted(@many), 'and can be declared');
table('alike', page_size => 2, variants => 'none');
like(contents(), qr/cannot be read by page numbers \| Page 0 has records without a key in common/,
	'a page before the first that has the same records');
table('alike', page_size => 2, variants => 'none', page_base => 0);
is(contents(), sorted(qw(x y y x z w)), 'and can be declared');
table('alikebelow', page_size => 2, variants => 'none');
is(contents(), sorted(qw(x y y x z w)), 'the first page again where there is none before it');
table('refusing', paging => 'page', variants => 'none');
is(contents(), sorted(@few), 'a number beyond the end is refused, and a count says that it is the end');
table('mixed', page_size => 3, variants => 'none');
is(contents(), sorted(('k') x 5, 'x', 'x'), 'some records have keys');

table('fewtold', variants => 'none');
contents();
is(scalar($server->requests('fewtold')), 2, 'a page and a count are enough');
table('few', variants => 'none', paging => 'page');
contents();
is(scalar($server->requests('few')), 5, 'a page without a count is read twice');
table('few', variants => 'none', paging => 'page', verify => 'off');
is(contents(), sorted(@few), 'unless verify is off');
is(scalar($server->requests('few')), 2, 'which saves that');

# --- In whatever way they are read -------------------------------------------

table('many', page_size => 4, variants => 'none');
is(result('SELECT count(*) FROM t'), '13', 'counted');
is(result('SELECT count(*) FROM (SELECT a FROM t LIMIT 10) l'), '10', 'a page as large as a LIMIT, and then others');
is(result('SELECT count(*) FROM (SELECT a FROM t LIMIT 2) l'), '2', 'a page as large as a LIMIT');
is(result('SELECT count(*) FROM generate_series(1, 2), LATERAL (SELECT * FROM t OFFSET 0) s'), '26', 'twice');
is(result('SELECT count(*) FROM t JOIN t u USING ("ID")'), '13', 'joined with themselves');
is(result('SELECT count(*), count(DISTINCT "ID") FROM (SELECT * FROM t UNION ALL SELECT * FROM t) u'), '26|13', 'appended');
is(result("BEGIN; DECLARE c CURSOR FOR SELECT a FROM t; MOVE 3 IN c; FETCH 2 FROM c; COMMIT"), "y\nz", 'by cursor');
is(result('ANALYZE t; SELECT reltuples FROM pg_class WHERE relname = $$t$$'), '13', 'analyzed');

$node->safe_psql('postgres', q{DROP FOREIGN TABLE t; CREATE FOREIGN TABLE t ("ID" text OPTIONS (field 'ID', filter 'ID'), }
	. q{a text OPTIONS (field 'A', filter 'A')) SERVER erp OPTIONS (path '/filtered', on_missing_key 'generate', page_size '4')});
is(result("SELECT string_agg(a, '' ORDER BY a) FROM t WHERE a IN ('x', 'y')"), 'xxxxxxxyy', 'a list of values');
is(result("SELECT string_agg(a, '' ORDER BY a) FROM t WHERE a = 'y'"), 'yy', 'one value');
is(result("SELECT count(*) FROM (VALUES ('x'), ('y'), ('x')) v (a) JOIN t USING (a)"), '16', 'joined with values');
is(result('SELECT count(*) FROM t WHERE "ID" = (SELECT max("ID") FROM t)'), '1', 'T+ is not asked for a key that it does not know');

# --- Keys --------------------------------------------------------------------

table('few', variants => 'none');
is(result(q{SELECT a, "ID" FROM t ORDER BY a, "ID" = '41890861-b029-8450-8232-bf1bb46d24a9' DESC}), "x|41890861-b029-8450-8232-bf1bb46d24a9\nx|685f6073-375c-8e4a-b6f7-5b7a704e4dac\ny|467fb0ef-1512-84e2-8b5e-14a5c140b7d2",
	'the first of some twins has the key of version 1.0');

# --- Copied by a sync --------------------------------------------------------

table('synced', variants => 'none', page_size => 4);
$node->safe_psql('postgres', q{CREATE TABLE copy ("ID" text PRIMARY KEY, a text);
SELECT tplus.create_sync('copy', source => 't', target => 'copy', deletes => 'delete', delete_limit => 1)});
$node->safe_psql('postgres', q{CALL tplus.sync('copy')});
is(result(q{SELECT string_agg(a, '' ORDER BY a), count(*) FROM copy}), join('', sort @many) . '|13', 'a sync copies all twins');
HTTP::Tiny->new->post("$url/lose", { content => '{"param":{}}' });
$node->safe_psql('postgres', q{CALL tplus.sync('copy', true)});
is(result(q{SELECT string_agg(a, '' ORDER BY a), count(*) FROM copy}), join('', sort @many[ 0 .. 11 ]) . '|12', 'and finds that one has gone');

# --- What changes meanwhile --------------------------------------------------

table('gone', page_size => 3, paging => 'page', variants => 'none');
like(contents(), qr/^40001: foreign table "t" changes faster than it can be read \| Of 9 records without a key that were returned, the server has only 8/,
	'a record that is not there any more');
table('came', page_size => 3, paging => 'page', variants => 'none');
like(contents(), qr/^40001: .* changes faster/, 'a record that came twice, because another one was added before it');
table('back', page_size => 3, paging => 'page', variants => 'none');
is(contents(), sorted(@letters), 'a record that was elsewhere for a moment');
table('added', page_size => 3, paging => 'page', variants => 'none');
is(contents(), sorted(@letters, 'a'), 'a twin that is added between two sweeps');
table('shifted', page_size => 2, paging => 'page', variants => 'none', on_missing_key => 'error');
is(result(q{SELECT string_agg("ID", '') FROM t}), '123', 'a record that a deletion draws to a page that was read');
table('restless', paging => 'page', variants => 'none');
like(contents(), qr/^40001: .* changes faster than it can be read \| After 12 rounds/, 'other records each time');
table('cut', page_size => 4, paging => 'page', variants => 'none');
is(contents(), sorted(@many), 'pages that had to be asked for again');

table('versions', variants => 'none');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE t ADD ts text OPTIONS (field 'Ts')});
is(result('SELECT count(*), count(DISTINCT "ID") FROM t'), '20|20', 'by row version');

# --- Several parameter sets --------------------------------------------------

table('arms', variants => '[{"P": 1}, {"P": 3}]');
is(contents(), 'vvwxy|t', 'parameters that bring different records');
table('arms', variants => '[{"P": 1}, {"P": 1}]');
is(contents(), 'xy|t', 'parameters that make no difference');
table('arms', variants => '[{"P": 1}, {"P": 2}]');
like(contents(), qr/^HV000: the records of foreign table "t" cannot be told apart/, 'parameters that bring some equal records');

for my $paging (qw(auto page none))
{
	for my $variants (qw(auto none))
	{
		table('emptied', paging => $paging, variants => $variants);
		is(contents(), sorted(@few), "a page of records that are all gone then, paging $paging, variants $variants");
	}
}
table('unnumbered', variants => 'none');
like(contents(), qr/^40001/, 'page numbers that bring none of the records');
table('passing', paging => 'none');
is(contents(), sorted(@few, 'z'), 'an addition between two parameter sets');

# --- No end ------------------------------------------------------------------

for my $paging (qw(auto page))
{
	for my $variants (qw(auto none))
	{
		table('same', paging => $paging, variants => $variants);
		like(contents(), qr/cannot be read by page numbers \| The server answers with the same page again/,
			"the same page, paging $paging, variants $variants");
		at_most('same', 4, 'takes a handful of requests');
	}
}
table('clamped', page_size => 4, variants => 'none');
like(contents(), qr/The server answers with the same page again/, 'the last page beyond the end, without a count');
table('two', variants => 'none', page_size => 2);
like(contents(), qr/ \| 100 pages in a row brought nothing but records that equal earlier ones/, 'two pages in turn');
at_most('two', 130, 'end after so many pages');
table('twotold', variants => 'none', page_size => 2, paging => 'page');
like(contents(), qr/ \| 1000 pages in a row brought nothing but/, 'two pages in turn, and a high count');
at_most('twotold', 1030, 'end after so many pages');
for my $path (qw(fresh freshkeys rising))
{
	table($path, variants => 'none', page_size => 1, max_pages => 20, paging => $path eq 'rising' ? 'ts' : 'page');
	like(contents(), qr/^54000: foreign table "t" cannot be read to its end \| After 20 pages the server still sends records/, "$path: new records for ever");
	at_most($path, 40, 'end after so many pages');
}
table('edited', variants => 'none', paging => 'ts');
like(contents(), qr/^40001: .* \| 100 pages in a row brought nothing but records that were edited meanwhile/, 'a record that is edited all the time');
at_most('edited', 110, 'ends after so many pages');
table('freshtold', variants => 'none', page_size => 2, paging => 'page');
like(contents(), qr/cannot be read to its end \| The server counts 50 records, but its pages bring more/, 'more than are counted, for ever');
for my $path (qw(low lowest))
{
	table($path, variants => 'none', page_size => 4, paging => 'page');
	like(contents(), qr/The server counts [89] records, but its pages bring more/, "a count that is $path");
}
table('high', variants => 'none', page_size => 4, paging => 'page');
like(contents(), qr/The server counts 20 records, but its pages bring only 13/, 'a count that is too high');
table('replayed', variants => 'none', page_size => 3, paging => 'page');
like(contents(), qr/The server answers with the same page again/, 'a count that is too high, and the first page beyond the end');
table('smaller', variants => 'none', paging => 'page');
like(contents(), qr/The server sends pages of a different size each time/, 'pages that are never full');
at_most('smaller', 40, 'end after so many sizes');
table('shrinking', variants => 'none', page_size => 50, paging => 'page');
is(result('SELECT count(*), count(DISTINCT "ID") FROM t'), '60|60', 'pages that are full at last');

done_testing();
