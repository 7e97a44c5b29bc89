# Paging: which requests are sent in which situation, what the guards notice,
# and what high_water() says.
use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusSim;

my $node = PostgreSQL::Test::Cluster->new('paging');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\n");
$node->start;

my $sim = TplusSim->new;
$sim->tenant('first');
# One request at a time, so that they arrive in the order in which they were sent.
$sim->setup_server($node, 'first', requests_per_second => 0, max_concurrency => 1, max_retries => 2);
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION keys(t regclass, clause text DEFAULT 'true') RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT string_agg(id::text, '','' ORDER BY id) FROM (SELECT id FROM %s WHERE %s OFFSET 0) x', t, clause) INTO result;
	RETURN result;
END $$;
SQL

# Another server of its own kind for each test: nothing is known of it.
my $key = 'first';
my $count = 0;

sub server
{
	my ($records, %switches) = @_;
	$key = 'p' . ++$count;
	$sim->tenant($key, ref $records ? %$records : (records => $records), switches => \%switches);
	$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER erp OPTIONS (SET app_key '$key')");
	return;
}

# A foreign table with these options and a few columns.
sub table
{
	my ($name, $columns, %options) = @_;
	$columns ||= 'id bigint, code text, name text, disabled boolean, madeRecordDate date, '
	  . 'inventoryClassCode text, ts text';
	$node->safe_psql('postgres',
		"DROP FOREIGN TABLE IF EXISTS $name; CREATE FOREIGN TABLE $name ($columns) SERVER erp "
		. TplusSim::options(resource => 'inventory', %options));
	return;
}

sub sql
{
	my ($sql) = @_;
	$sim->clear_journal($key);
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	diag "$sql: $err" if $status != 0;
	return $out;
}

# The error of a statement: message and detail.
sub failure
{
	my ($sql) = @_;
	$sim->clear_journal($key);
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return "none, but $out" if $status == 0 && $err !~ /ERROR/;
	my ($state, $message) = $err =~ /ERROR:\s+(\w{5}): (.*)/;
	my ($detail) = $err =~ /DETAIL:\s+(.*)/;
	return "$state $message" . ($detail ? " | $detail" : '');
}

# What was sent, one line for each request; a row version is 0 or v, and
# SelectFields come only when asked for.
sub sent
{
	my ($with_fields) = @_;
	my @lines;
	for my $entry ($sim->journal($key))
	{
		my %param = %{ (ref $entry->{body} ? $entry->{body} : decode_json($entry->{body}))->{param} };
		delete $param{SelectFields} unless $with_fields;
		for (values %param)
		{
			$_ = $_ ? 'true' : 'false' if ref $_ eq 'JSON::PP::Boolean';
			$_ = JSON::PP->new->canonical->encode($_) if ref $_;
		}
		$param{Ts} = $param{Ts} =~ /^0+$/ ? 0 : 'v' if exists $param{Ts};
		my ($operation) = $entry->{path} =~ m{([^/]+)$};
		push @lines, join ' ', $operation, map { "$_=$param{$_}" } sort keys %param;
	}
	return \@lines;
}

sub fields
{
	my %seen;
	return [ grep { !$seen{$_}++ } map { /SelectFields=(\S+)/ ? $1 : '' } @{ sent(1) } ];
}

# All keys of the tenant, as keys() gives them.
sub all_keys
{
	my ($test) = @_;
	return join ',', sort { $a <=> $b } map { $_->{ID} } grep { !$test || $test->($_) } $sim->records($key);
}


# --- What is sent -----------------------------------------------------------

table('item');
server(20);
is(sql("SELECT keys('item')"), all_keys(), 'all of 20 records, where the server hides the stopped ones');
is_deeply(
	sent(),
	[   'Query PageSize=500',
		'QueryPage PageIndex=1 PageSize=1',
		'Query Disabled=true PageSize=500',
		'QueryPage Disabled=true PageIndex=1 PageSize=1',
		'Query PageSize=500',
		'QueryPage PageIndex=1 PageSize=1',
		'Query Disabled=true PageSize=500' ],
	'both kinds, each counted, and a round that brings nothing, where the page that could have been cut off is counted again');

sql('SELECT count(*) FROM item');
is_deeply(fields(), ['ID,Ts,Disabled'], 'count(*) asks for the keys alone');
sql('SELECT code FROM item WHERE madeRecordDate > now()');
is_deeply(fields(), [ 'ID,Ts,Disabled,Code,MadeRecordDate', 'ID,Ts,Disabled' ],
	'nothing is asked for that the query does not need');
sql('SELECT code FROM item WHERE NOT disabled LIMIT 1');
is_deeply(sent(1), ['Query Disabled=false PageSize=1 SelectFields=ID,Ts,Disabled,Code'], 'LIMIT 1 is one request');

my ($used) = grep { !$_->{Disabled} } $sim->records($key);
my ($stopped) = grep { $_->{Disabled} } $sim->records($key);
is(sql("SELECT keys('item', 'code = ''$used->{Code}''')"), $used->{ID}, 'a record by its code');
is_deeply(sent(), ["Query Code=$used->{Code} PageSize=500"], 'is one request');
is(sql("SELECT keys('item', 'id = $used->{ID}')"), $used->{ID}, 'a record by its id');
is_deeply(sent(), ["Query ID=$used->{ID} PageSize=500"], 'is one request');
is(sql("SELECT keys('item', 'code = ''$stopped->{Code}''')"), $stopped->{ID}, 'a stopped record by its code');
is_deeply(
	sent(),
	[ "Query Code=$stopped->{Code} PageSize=500", "Query Code=$stopped->{Code} Disabled=true PageSize=500" ],
	'is two requests');

server(20, disabled_default => 'all');
is(sql("SELECT keys('item')"), all_keys(), 'all of 20 records, where the server shows all');
is_deeply(
	sent(),
	[ 'Query PageSize=500', 'QueryPage PageIndex=1 PageSize=1', 'QueryPage PageIndex=1 PageSize=100' ],
	'the second kind is left out when a stopped record came with the first, and is among those counted');
is(sql("SELECT keys('item', 'NOT disabled')"), all_keys(sub { !$_[0]{Disabled} }), 'those in use');
is_deeply(
	sent(),
	[ 'Query Disabled=false PageSize=500', 'QueryPage Disabled=false PageIndex=1 PageSize=1' ],
	'a clause that fixes the flag leaves one kind');

table('ten', undef, page_size => 10);
server(250);
is(sql("SELECT keys('ten')"), all_keys(), '250 records in pages of 10');
is_deeply(
	sent(),
	[   'Query PageSize=10',
		('Query PageSize=100 Ts=0', ('Query PageSize=100 Ts=v') x 2),
		'QueryPage PageIndex=1 PageSize=1',
		'Query Disabled=true PageSize=10',
		'Query Disabled=true PageSize=100 Ts=0',
		'QueryPage Disabled=true PageIndex=1 PageSize=1',
		'Query PageSize=100 Ts=v',
		'Query Disabled=true PageSize=100 Ts=v' ],
	'a cursor page has 100 rows at least, and the second round goes on behind the last version');
my @versions = sort map { $_->{Ts} } $sim->records($key);
is(sql("SELECT keys('ten', 'NOT disabled AND ts > ''$versions[200]''')"),
	all_keys(sub { !$_[0]{Disabled} && $_[0]{Ts} gt $versions[200] }), 'what is newer');
is_deeply(
	sent(),
	[ ('Query Disabled=false PageSize=100 Ts=v') x 3 ],
	'is asked for from there, without a first page; the third looks whether the cursor skipped something');

# --- Pages by number --------------------------------------------------------

table('hundred', undef, page_size => 100);
server(250, 'Query.ts_compare' => 'ignored', disabled_default => 'all');
is(sql("SELECT keys('hundred')"), all_keys(), 'a server that overlooks Ts is read by page numbers');
my @pages = map { "QueryPage PageIndex=$_ PageSize=100" } 1 .. 4;
is_deeply(sent(), [ 'Query PageSize=100', 'Query PageSize=100 Ts=0', 'Query PageSize=100 Ts=v', (@pages) x 2 ],
	'twice, for a confirmation');
is_deeply([ map { /SelectFields=(\S+)/ } (@{ sent(1) })[ 3, 7 ] ], [ ('ID,Ts,Disabled') x 2 ], 'with the keys alone');

server(250, 'Query.ts_compare' => 'error', 'QueryPage.max_rows' => 33, disabled_default => 'all');
is(sql("SELECT keys('hundred')"), all_keys(), 'a server that refuses Ts and caps pages');
my @capped = map { "QueryPage PageIndex=$_ PageSize=33" } 1 .. 9;
is_deeply(
	sent(),
	[   'Query PageSize=100',
		'Query PageSize=100 Ts=0',
		'QueryPage PageIndex=1 PageSize=100',
		'QueryPage PageIndex=2 PageSize=33',
		(@capped) x 2 ],
	'the sweep starts again with the size observed');

table('numbered', undef, page_size => 100, paging => 'page');
server(250, disabled_default => 'all');
is(sql("SELECT keys('numbered')"), all_keys(), 'paging "page"');
is_deeply(sent(), [ (@pages) x 2 ], 'sends no Ts, and goes to QueryPage at once');
table('trusting', undef, page_size => 100, paging => 'page', verify => 'off');
is(sql("SELECT keys('trusting')"), all_keys(), 'paging "page" without verification');
is_deeply(sent(), \@pages, 'reads once');
table('trusting', undef, page_size => 500, verify => 'off');
server(9, disabled_default => 'all');
is(sql("SELECT keys('trusting')"), all_keys(), 'less than ten records without verification');
is_deeply(sent(), [ 'Query PageSize=500' ], 'are one request where stopped ones show') if grep { $_->{Disabled} } $sim->records($key);

server(250, page_base => 0, 'Query.ts_compare' => 'ignored', disabled_default => 'all', total_count => 'absent');
is(sql("SELECT keys('hundred')"), all_keys(), 'a server that counts pages from zero is noticed');
ok((grep { /PageIndex=0/ } @{ sent() }), 'by a look at the page before the first');
table('zero', undef, page_size => 100, paging => 'page', page_base => 0);
is(sql("SELECT keys('zero')"), all_keys(), 'page_base 0, declared');
is((grep { /PageIndex=0/ } @{ sent() }), 2, 'sends page 0 in each sweep');

for my $switches (
	[ 'Query.order' => 'code' ],
	[ 'Query.order' => 'unstable' ],
	[ 'Query.ts_compare' => 'eq' ],
	[ 'Query.max_rows' => 7, 'Query.order' => 'random', 'QueryPage.total_count' => 'absent' ])
{
	server(150, @$switches);
	is(sql("SELECT keys('hundred')"), all_keys(), "@$switches");
	is((grep { /Ts=/ && /PageIndex=/ } @{ sent() }), 0, 'Ts and PageIndex are never sent together');
}

# --- Declared otherwise than it is ------------------------------------------

table('cursor', undef, page_size => 100, paging => 'ts');
table('whole', undef, paging => 'none');
server(150, 'Query.ts_compare' => 'ignored');
like(failure("SELECT keys('cursor')"), qr/^HV000 foreign table "cursor" cannot be read by "Ts" \| The server does not answer/,
	'paging "ts" where Ts is overlooked');
server(150, 'Query.ts_compare' => 'eq');
like(failure("SELECT keys('cursor')"), qr/^HV000 foreign table "cursor" cannot be read by "Ts"/,
	'paging "ts" where Ts is equality');
server(150, 'Query.order' => 'code');
like(failure("SELECT keys('cursor')"), qr/^HV000 foreign table "cursor" cannot be read by "Ts"/,
	'paging "ts" where records come by code');
server(150, 'QueryPage.page_index' => 'ignored');
like(failure("SELECT keys('numbered')"),
	qr/^HV000 foreign table "numbered" cannot be read by page numbers \| The server answers each page number with the same/,
	'paging "page" where page numbers are overlooked');
server(150, 'QueryPage.order' => 'unstable');
like(failure("SELECT keys('numbered')"), qr/^40001 foreign table "numbered" changes faster than it can be read/,
	'paging "page" where the order changes all the time');
server(150, 'Query.default_page_size' => 40);
like(failure("SELECT keys('whole')"), qr/^HV000 foreign table "whole" is not complete in one response \| The server counts \d+ records and sent 40/,
	'paging "none" where a response has 40 records');
server(150, 'Query.ts_compare' => 'ignored', 'QueryPage.page_index' => 'ignored');
like(failure("SELECT keys('hundred')"), qr/^HV000 foreign table "hundred" cannot be read by page numbers/,
	'neither Ts nor page numbers');
server(150, over_cap => 'error', max_rows => 50);
like(failure("SELECT keys('hundred')"), qr/refused the request.*\| T\+ answered HTTP 999.*PageSize/, 'pages too large for the server');

# --- Variants, fixed parameters ---------------------------------------------

table('variant', undef, variants => '[{"Disabled": "0"}, {"Disabled": "1"}]');
server(20);
is(sql("SELECT keys('variant')"), all_keys(), 'variants of one\'s own');
is_deeply([ map { /^Query (Disabled=\S+)/ } @{ sent() } ], [ ('Disabled=0', 'Disabled=1') x 2 ], 'are sent as they are');
table('variant', undef, variants => 'none');
is(sql("SELECT keys('variant')"), all_keys(sub { !$_[0]{Disabled} }), 'variants "none" takes what the server shows');
is_deeply(sent(), [ 'Query PageSize=500', 'QueryPage PageIndex=1 PageSize=1' ], 'and asks once');
table('fixed', undef, fixed_params => '{"InventoryClass": {"Code": "01"}}');
is(sql("SELECT keys('fixed')"), all_keys(sub { $_[0]{InventoryClassCode} eq '01' }) || '', 'fixed_params');
is((grep { !/InventoryClass=/ } @{ sent() }), 0, 'are in every request') or diag explain sent();

# --- Keys -------------------------------------------------------------------

server({ records => 60, missing_ids => 3 }, disabled_default => 'all');
table('small', undef, page_size => 20);
like(failure("SELECT count(*) FROM small"), qr/^HV000 a record of foreign table "small" has no "ID"/, 'a record without its key');
my $columns = 'id text, name text, ts text';
table('made', $columns, page_size => 20, on_missing_key => 'generate');
table('madepages', $columns, page_size => 20, on_missing_key => 'generate', paging => 'page');
is(sql('SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE length(id) = 36) FROM made'), '60|60|3', 'gets one made from its content');
is(sql('SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE length(id) = 36) FROM madepages'), '60|60|3', 'also by page numbers');
is(sql('SELECT count(*) FROM made JOIN madepages USING (id)'), '60', 'which stays the same');
is(sql('SELECT count(*) FROM (SELECT id FROM made) a JOIN (SELECT id, name FROM made) b USING (id)'), '60', 'whatever columns are read');
like(failure('SELECT count(*) FROM small'), qr/has no "ID"/, 'but only where that is declared');

for my $paging (qw(auto ts page))
{
	table('twins', undef, page_size => 20, paging => $paging);
	for my $switches ([], [ 'QueryPage.order' => 'ts' ], [ 'QueryPage.order' => 'ts_desc' ], [ 'Query.max_rows' => 10 ])
	{
		server({ records => 150, duplicate_ids => 1 }, disabled_default => 'all', @$switches);
		like(failure('SELECT count(*) FROM twins'), qr/^HV000 "ID" does not identify the records of foreign table "twins"/,
			"two records with one ID, paging $paging @$switches");
	}
}
table('named', undef, key => 'InventoryClass.Code', page_size => 20);
server(60, disabled_default => 'all');
like(failure('SELECT count(*) FROM named'), qr/^HV000 "InventoryClass.Code" does not identify/, 'a key that is none');
table('named', undef, key => 'Code', page_size => 20);
is(sql("SELECT keys('named')"), all_keys(), 'a key of one\'s own');

# --- Replies ----------------------------------------------------------------

for my $empty (qw(null string nothing))
{
	server(20, empty_reply => $empty);
	table('item');
	like(failure("SELECT keys('item', 'code = ''nobody''')"), qr/^08P01 .*the reply is empty where rows were expected/, "empty_reply: $empty");
	table('empty', undef, empty_reply => 'zero');
	is(sql("SELECT keys('empty', 'code = ''nobody''')"), '', "declared as no rows: $empty");
	is(sql("SELECT keys('empty')"), all_keys(), "and the others come: $empty");
}

# A page that breaks off is asked for again, and brings nothing twice.
for my $table (qw(hundred numbered))
{
	for my $nth (1 .. 4)
	{
		server(250);
		$sim->fault($key, match => { nth => $nth }, action => 'truncate', fraction => 0.6);
		is(sql("SELECT count(*), count(DISTINCT id) FROM $table"), '250|250', "$table: request $nth breaks off");
	}
}
server(250);
$sim->fault($key, match => {}, action => 'truncate', fraction => 0.6);
like(failure('SELECT count(*) FROM whole'), qr/^(?!none)/, 'a response that has everything cannot be asked for again after its first rows');

# --- high_water() -----------------------------------------------------------

$node->safe_psql('postgres', 'CREATE TABLE copy (id bigint PRIMARY KEY, name text, ts text)');

# The last line of what one session printed.
sub session
{
	my (@statements) = @_;
	my @lines = split /\n/, $node->safe_psql('postgres', join('', map { "$_;\n" } @statements)) // '';
	return $lines[-1] // '';
}
my $mark = "SELECT coalesce(tplus.high_water('item'), 'none')";
my $copy = 'INSERT INTO copy SELECT id, name, ts FROM item';

table('item', undef, page_size => 50);
table('quick', undef, page_size => 50, paging => 'page', verify => 'off');
server(150);
@versions = sort map { $_->{Ts} } $sim->records($key);
my ($last, $middle) = @versions[ -1, 100 ];

is(session($mark), 'none', 'no high water before a scan');
is(session('SELECT count(*) FROM item', $mark), $last, 'after a whole read: the highest version');
is(session($copy, $mark, 'TRUNCATE copy'), $last, 'after INSERT ... SELECT');
is(session('SELECT id FROM item LIMIT 3', $mark), 'none', 'none after LIMIT');
is(session('SELECT count(*) FROM item', 'SELECT id FROM item LIMIT 3', $mark), 'none', 'nor what was before it');
is(session('SELECT count(*) FROM item a JOIN item b USING (id)', $mark), 'none', 'none after two scans');
is(session('SELECT count(*) FROM item', 'SELECT count(*) FROM item', $mark), $last, 'one after two statements');
is(session('SELECT count(*) FROM item WHERE NOT disabled', $mark), 'none', 'none where a clause leaves some out');
is(session("SELECT count(*) FROM item WHERE name <> 'x'", $mark), 'none', 'none where a local clause does');
is(session("SELECT count(*) FROM item WHERE ts > '$middle'", $mark), $last, 'a lower bound of Ts is no such clause');
is(session("SELECT count(*) FROM item WHERE ts >= '$middle'", $mark), $last, 'nor is >=');
is(session("SELECT count(*) FROM item WHERE ts > '$middle' AND NOT disabled", $mark), 'none', 'but together with another');
is(session("SELECT count(*) FROM item WHERE ts > '$last'", $mark), $last, 'nothing new: what was asked from');
is(session("SELECT count(*) FROM item WHERE ts < '$middle'", $mark), 'none', 'none after an upper bound');
is(session("PREPARE p(text) AS SELECT count(*) FROM item WHERE ts > \$1", "EXECUTE p('$middle')", $mark), $last, 'a parameter');
is(session('BEGIN', $copy, 'ROLLBACK', $mark), 'none', 'none after ROLLBACK');
is(session('BEGIN', 'SAVEPOINT s', $copy, 'ROLLBACK TO s', $mark, 'COMMIT'), 'none', 'none after ROLLBACK TO a savepoint');
is(session('BEGIN', $copy, $mark, 'ROLLBACK'), $last, 'within the transaction, though');
is(session('BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM item', 'FETCH 5 FROM c', 'CLOSE c', 'COMMIT', $mark), 'none', 'none after half a cursor');
is(session('BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM item', 'FETCH ALL FROM c', 'COMMIT', $mark), $last, 'after a whole one');
is(session('SELECT count(*) FROM quick', "SELECT coalesce(tplus.high_water('quick'), 'none')"), 'none', 'none after page numbers that nobody confirmed');
is(session('SELECT count(*) FROM item', 'SELECT count(*) FROM quick', $mark), $last, 'each table has its own');

server(150, ts_form => 'upper');
is(session('SELECT count(*) FROM item', $mark), $last, 'small letters, as the column shows it');
is(sql("SELECT count(*) FROM item WHERE ts > '$middle'"), '49', 'where a text sorts as its version does');
server(150, drop_fields => 'Ts');
is(session('SELECT count(*) FROM item', $mark), 'none', 'none where records have no version');

# What is edited while it is read must be read next time.
for my $case (
	[ 'an edit', { action => 'edit', set => { Name => 'edited' } } ],
	[ 'a stop', { action => 'disable', where => { Disabled => JSON::PP::false() } } ])
{
	my ($name, $change) = @$case;
	for my $after (2 .. 5)
	{
		for my $pick (qw(served_first unserved_last))
		{
			server({ records => 150, changes => [ { %$change, pick => $pick, after_requests => $after } ] },
				'Query.max_rows' => 40);
			my $wrong = session(
				'TRUNCATE copy', $copy,
				"INSERT INTO copy SELECT id, name, ts FROM item WHERE ts > tplus.high_water('item') "
				. 'ON CONFLICT (id) DO UPDATE SET name = excluded.name, ts = excluded.ts',
				'SELECT count(*) FROM (SELECT id, name, ts FROM item EXCEPT SELECT id, name, ts FROM copy) x');
			is($wrong, 0, "$name of $pick after $after requests reaches the copy");
		}
	}
}

# --- What a reply does not prove --------------------------------------------

table('item');
for my $case (
	[ 'Query shows stopped records, QueryPage hides them from its count', 11,
		'Query.disabled_default' => 'all', 'Query.max_rows' => 10 ],
	[ 'pages of one record under >=', 12, ts_compare => 'ge', 'Query.max_rows' => 1 ],
	[ 'records that fill a page under >=, and no count', 30, ts_compare => 'ge', 'Query.max_bytes' => 400,
		'QueryPage.total_count' => 'absent' ],
	[ 'a count that does not match the flag', 40, 'QueryPage.bool_json' => 'none', 'Query.max_rows' => 1,
		ts_compare => 'ignored' ],
	[ 'pages past the end are refused', 60, ts_compare => 'ignored', max_rows => 20, past_end => 'error' ],
	[ 'pages past the end are refused, from 0', 60, ts_compare => 'ignored', max_rows => 20, past_end => 'error',
		page_base => 0 ])
{
	my ($name, $records, %switches) = @$case;
	server($records, %switches);
	is(sql("SELECT keys('item')"), all_keys(), $name);
	my @all = sort map { $_->{Ts} } $sim->records($key);
	for my $low (@all[ 0, $#all / 2, $#all - 1 ])
	{
		is(sql("SELECT keys('item', 'ts > ''$low''')"), all_keys(sub { $_[0]{Ts} gt $low }), "$name, from a version");
	}
}

# Nothing is to be seen at first: every record is stopped, and must be asked
# for in the last of the spellings.
my $true = JSON::PP::true();
my @stopped = map { { ID => $_, Code => "C$_", Name => "bolt $_", Disabled => $true } } 1 .. 5;
for my $bad (qw(none ignored error))
{
	for my $base (0, 1)
	{
		server({ records => \@stopped }, bool_json => $bad, bool_text => $bad, page_base => $base, ts_compare => 'ignored');
		is(sql("SELECT keys('item')"), '1,2,3,4,5', "all are stopped, other spellings: $bad, pages from $base");
		is(sql("SELECT keys('item', 'name LIKE ''%bolt%''')"), '1,2,3,4,5', 'and found by a pattern');
	}
}
server({ records => \@stopped }, like_percent => 'false');
is(sql("SELECT keys('item', 'name LIKE ''%bolt%''')"), '1,2,3,4,5', 'all are stopped, and % is no wildcard');

# A pattern that no record of the sample could prove is not trusted.
table('spec', 'id bigint, specification text');
for my $percent ('true', 'false')
{
	server(
		{ records => [ map { { ID => $_, Code => "C$_", Name => 'x', Specification => $_ > 100 ? "M$_" : undef } } 1 .. 110 ] },
		like_percent => $percent);
	is(sql("SELECT keys('spec', 'specification LIKE ''%M105%''')"),
		'105', "a pattern on a field that the first records lack, like_percent $percent");
}

# Versions rise by chance: only the last record of a page was edited.
for my $place (10, 20, 40)
{
	server({ records => [ map { { ID => $_, Code => "C$_", Name => 'x' } } 1 .. 45 ] },
		order => 'id', 'Query.max_rows' => 10, 'QueryPage.total_count' => 'absent');
	$sim->mutate($key, action => 'edit', id => $place, set => { Name => 'edited' });
	is(sql("SELECT keys('item')"), join(',', 1 .. 45), "sorted by ID, record $place has the highest version");
}

# A sample that is refused is no empty one.
table('small', undef, page_size => 20);
server(30, over_cap => 'error', max_rows => 50, bool_json => 'none', bool_text => 'none', ts_compare => 'ignored');
like(failure("SELECT keys('small', 'disabled AND code LIKE ''%nosuch%''')"),
	qr/^HV000 .*T\+ refused the request/, 'a refused sample proves nothing');

# A path that the catalog does not know, whose records do not tell whether they
# are stopped: the spelling that reveals others is the one.
$node->safe_psql('postgres', <<'SQL');
CREATE FOREIGN TABLE by_path (id bigint OPTIONS (field 'ID'), code text OPTIONS (field 'Code')) SERVER erp
  OPTIONS (path '/tplus/api/v2/inventory/Query');
SQL
for my $case (
	[ { bool_json => 'ignored' }, 'true is overlooked' ],
	[ { bool_json => 'none' }, 'true finds nothing' ],
	[ { bool_json => 'ignored', bool_text => 'ignored' }, 'only "1" is understood' ],
	[ {}, 'true is understood' ])
{
	my ($switches, $name) = @$case;
	server(60, %$switches);
	is(sql("SELECT keys('by_path')"), all_keys(), "stopped records by a path: $name");
	my ($code) = map { $_->{Code} } grep { $_->{Disabled} } $sim->records($key);
	is(sql("SELECT count(*) FROM by_path WHERE code = '$code'"), 1, 'and found by a clause');
}

# Page numbers that are overlooked, while a record of the first page is edited
# and moves to the end: the next answer has another one in its place.
$node->safe_psql('postgres', "ALTER FOREIGN TABLE by_path OPTIONS (page_size '10')");
my $short = 0;
for my $edits (1, 2, 4)
{
	for my $after (2 .. 14)
	{
		server({ records => 60, changes => [ map { { action => 'edit', set => { Name => "edited $_" }, pick => 'served_first',
				after_requests => $after } } 1 .. $edits ] },
			ts_compare => 'ignored', disabled_default => 'all');
		$short++ unless failure("SELECT keys('by_path')") =~ /^HV000 .*"by_path" cannot be read/;
	}
}
is($short, 0, 'a record that moved does not make page numbers that are overlooked look like such that advance');

# Records that come to a kind whose page is full for the server, after it was read.
table('item');
$short = 0;
for my $after (2 .. 14)
{
	server({ records => [ map { { ID => $_, Code => "C$_", Name => 'x', Disabled => $_ > 2 ? $true : JSON::PP::false() } } 1 .. 30 ],
			changes => [ map { { action => 'enable', pick => 'any_first', where => { Disabled => $true }, after_requests => $after } } 1 .. 5 ] },
		'Query.max_rows' => 2);
	$short++ if sql("SELECT keys('item')") ne join ',', 1 .. 30;
}
is($short, 0, 'a record that moves to a page cut off by the server is not missed');

done_testing();
