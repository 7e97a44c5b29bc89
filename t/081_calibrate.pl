# calibrate(): what it finds, what it leaves open, and that a table that
# believes it still returns exactly the records.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use TplusSim;
use TplusSwitches;

my $node = PostgreSQL::Test::Cluster->new('calibrate');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->start;

my $sim = TplusSim->new;
my $key = 'calibrate';
my $max_requests = 40;

sub tenant
{
	my ($records, %switches) = @_;
	$sim->tenant($key, records => $records, switches => \%switches);
	return;
}

tenant(300);
$sim->setup_server($node, $key, requests_per_second => 0, max_retries => 0);
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION fresh(name text, options text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DROP FOREIGN TABLE IF EXISTS %I', name);
  EXECUTE format('CREATE FOREIGN TABLE %I (id bigint, code text, name text, maderecorddate date,
    disabled boolean, ts text) SERVER erp OPTIONS (resource ''inventory''%s)', name, options);
END $$;

-- What differs between the foreign table and the records, or the error.
CREATE FUNCTION difference(name text, clause text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  EXECUTE format('CREATE TEMP TABLE got AS SELECT id, code, maderecorddate, disabled FROM %I WHERE %s',
    name, clause);
  EXECUTE format('SELECT count(*) FROM (
      (TABLE got EXCEPT ALL SELECT id, code, maderecorddate, disabled FROM truth WHERE %1$s)
      UNION ALL
      (SELECT id, code, maderecorddate, disabled FROM truth WHERE %1$s EXCEPT ALL TABLE got)) d', clause)
    INTO n;
  DROP TABLE got;
  RETURN CASE WHEN n > 0 THEN n || ' rows differ' END;
EXCEPTION WHEN fdw_error OR system_error OR serialization_failure OR fdw_reply_handle
  OR protocol_violation OR external_routine_exception THEN
  RETURN 'error: ' || SQLERRM;
END $$;
SQL

sub load_truth
{
	my @records = $sim->records($key);
	my $rows = join ",\n", map {
		my ($code, $name) = map { s/'/''/gr } @$_{qw(Code Name)};
		"($_->{ID}, '$code', '$name', '" . substr($_->{MadeRecordDate}, 0, 10) . "', "
		  . ($_->{Disabled} ? 'true' : 'false') . ')'
	} @records;
	$node->safe_psql('postgres',
		"DROP TABLE IF EXISTS truth;\n"
		  . "CREATE TABLE truth (id bigint, code text, name text, maderecorddate date, disabled boolean);\n"
		  . ($rows ? "INSERT INTO truth VALUES $rows;" : ''));
	return @records;
}

# What calibrate() says, as fact => { value, option, evidence, requests }.
sub calibrate
{
	my ($table, $apply, $limit) = @_;
	my %facts;
	$sim->clear_journal($key);
	my ($status, $out, $err) = $node->psql('postgres',
		"SELECT * FROM tplus.calibrate('$table', " . ($apply ? 'true' : 'false') . ($limit ? ", max_requests => $limit" : '') . ')');
	return { error => $err } if $status;
	my $requests = scalar $sim->journal($key);
	for (split /\n/, $out)
	{
		my ($fact, $value, $option, $evidence, $asked, $state) = split /\|/;
		$facts{$fact} = { value => $value, option => $option,
			evidence => $evidence, requests => $asked, status => $state };
	}
	$facts{requests} = $requests;
	return \%facts;
}

sub sum { my $sum = 0; $sum += $_ // 0 for @_; return $sum }

my @truth = load_truth();
my @days = sort map { substr $_->{MadeRecordDate}, 0, 10 } @truth;
my ($disabled) = grep { $_->{Disabled} && $_->{Code} =~ /^\w+$/a } @truth;
my ($enabled) = grep { !$_->{Disabled} && $_->{Code} =~ /^\w+$/a } @truth;
my @clauses = (
	'true',
	"maderecorddate = '$days[10]'",
	"maderecorddate = '$days[150]'",
	"maderecorddate >= '$days[-5]'",
	"maderecorddate > '$days[-20]' AND NOT disabled",
	"maderecorddate BETWEEN '$days[100]' AND date '$days[100]' + 3",
	"maderecorddate <= '$days[5]'",
	'disabled', 'NOT disabled',
	"code = '$disabled->{Code}'",
	"code = '$enabled->{Code}'",
	"code = '$disabled->{Code}' AND disabled",
	"id = $enabled->{ID}", "id IN ($enabled->{ID}, $disabled->{ID})",
	"name = '$enabled->{Name}'");

# Reads that a calibrated table must answer exactly, or refuse as one that is
# not calibrated refuses.
sub wrong_reads
{
	my @wrong;
	my $list = join ', ', map { TplusSim::quote($_) } @clauses;
	my $out = $node->safe_psql('postgres', <<"SQL");
SET client_min_messages = error;
SELECT fresh('u');
SELECT clause || ': ' || d FROM (SELECT clause, difference('t', clause) AS d, n
  FROM unnest(ARRAY[$list]) WITH ORDINALITY AS c (clause, n)) x
 WHERE d LIKE '% differ' OR (d LIKE 'error%' AND difference('u', clause) IS NULL) ORDER BY n;
SQL
	return join "\n", grep { length } split /\n/, $out;
}

# Which switches hold for an operation.
sub effective
{
	my ($switches, $operation, $name, $default) = @_;
	return $switches->{"$operation.$name"} // $switches->{$name} // $default;
}

# What no calibration may say of a server that behaves like this.
sub unsound
{
	my ($facts, %sw) = @_;
	my $value = sub { ($facts->{ $_[0] } || {})->{value} // '' };
	my $paging = $value->('paging');
	my @unsound;

	push @unsound, 'too many requests' if $facts->{requests} > $max_requests;
	push @unsound, 'requests are not accounted for'
	  if $facts->{requests} != sum(map { ref $_ ? $_->{requests} : 0 } values %$facts);
	for (grep { ref } values %$facts)
	{
		push @unsound, "$_->{status} does not fit: $_->{value}|$_->{evidence}"
		  if ($_->{status} eq 'decided') != (length $_->{value} > 0)
		  || $_->{status} !~ /^(?:decided|refused|not decidable|open|not asked)$/
		  || $_->{status} eq 'not asked' && $facts->{requests} < $max_requests
		  || $_->{evidence} =~ /not answered/;
		push @unsound, "an option without a value: $_->{option}"
		  if length $_->{option} && !length $_->{value};
		push @unsound, "open without a reason: $_->{evidence}"
		  if !length $_->{value} && $_->{evidence} !~ /^could not be decided: ./;
	}
	push @unsound, 'paging ts'
	  if $paging eq 'ts'
	  && ( effective(\%sw, 'Query', 'order', 'ts') ne 'ts'
		|| effective(\%sw, 'Query', 'ts_compare', 'gt') ne 'gt'
		|| grep { $_ eq 'Ts' } @{ effective(\%sw, 'Query', 'ignored_params', []) });

	# One that refuses is not read from.
	my $alone = $value->('reply of QueryPage') eq '' ? 'Query' : '';
	for my $operation ($paging eq 'ts' || $alone ? 'Query' : $paging eq 'page' ? 'QueryPage' : qw(Query QueryPage))
	{
		my $compare = effective(\%sw, $operation, 'made_compare', 'eq');
		$compare = 'ignored'
		  if grep { $_ eq 'MadeRecordDate' } @{ effective(\%sw, $operation, 'ignored_params', []) };
		my $odd = effective(\%sw, $operation, 'made_zone', 'local') ne 'local'
		  || effective(\%sw, $operation, 'made_time', 'false') eq 'true';
		my $date = $value->("date filter of $operation") || $value->('date filter');
		push @unsound, "$operation: date $date"
		  if $date eq 'eq' && ($compare ne 'eq' || $odd)
		  || $date eq 'ge' && $compare ne 'ge' && !($odd && $compare eq 'gt')
		  || $date eq 'gt' && $compare ne 'gt' && !($odd && $compare eq 'ge')
		  || $date eq 'le' && $compare ne 'le' && !$odd
		  || $date eq 'ignored' && $compare ne 'ignored';
		my %form = (json => 'bool_json', TrueFalse => 'bool_text',
			text => 'bool_text', '01' => 'bool_01');
		my $filter = $value->("boolean filter of $operation") || $value->('boolean filter');
		push @unsound, "$operation: boolean $filter"
		  if $filter && effective(\%sw, $operation, $form{$filter}, 'match') ne 'match';
		push @unsound, "$operation: nothing is hidden"
		  if ($value->("disabled records of $operation") || $value->('disabled records')) eq 'shown'
		  && effective(\%sw, $operation, 'disabled_default', 'enabled') ne 'all';
	}
	return @unsound;
}

sub check_switches
{
	my ($name, $switches, %expected) = @_;
	tenant(300, %$switches);
	$node->safe_psql('postgres', q{SELECT fresh('t')});
	my $facts = calibrate('t', 1);
	my $lacks = grep { /^(?:Code|Name|MadeRecordDate)$/ } map { @{ $switches->{$_} } } grep { /drop_fields/ } keys %$switches;
	my @bad;
	if ($facts->{error})
	{
		push @bad, $facts->{error} unless $expected{error} && $facts->{error} =~ $expected{error};
	}
	else
	{
		@bad = unsound($facts, %$switches);
		for (sort keys %expected)
		{
			my $is = $facts->{$_} || { value => '(no such fact)', evidence => '' };
			push @bad, "$_: $is->{value} instead of $expected{$_} ($is->{evidence})" if $is->{value} ne $expected{$_};
		}
		push @bad, grep { length } wrong_reads() unless $lacks;
	}
	ok(!@bad, $name)
	  or diag(join "\n", @bad, map { ref $facts->{$_} ? "  $_: $facts->{$_}{value} | $facts->{$_}{evidence}" : () }
		  sort keys %$facts);
	return;
}

#
# A server as expected
#
$node->safe_psql('postgres', q{SELECT fresh('t')});
my $facts = calibrate('t', 0);
is(join(',', map { "$_=$facts->{$_}{value}" } grep { ref $facts->{$_} && !/ of a page$/ } sort keys %$facts),
	'TotalCount=whole,boolean filter=json,booleans in replies="False",case in text=ignored,date filter=eq,'
	  . 'disabled records=hidden,filters=found,id filter=text,largest page=,missing fields=none,page numbers=from 1,paging=ts,'
	  . 'patterns in text=like,reply of Query=array,reply of QueryPage=Data,reply without rows=no rows,row versions=>,row versions page=>,text filter=equal',
	'the facts');
cmp_ok($facts->{requests}, '<=', 32, 'in few requests');
is($node->safe_psql('postgres', q{SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 't'::regclass}),
	'{resource=inventory}', 'nothing is written unasked');
calibrate('t', 1);
my $page = $node->safe_psql('postgres', q{SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 't'::regclass});
is($page =~ s/page_rows=(\d+),page_bytes=(\d+)/page/r, '{resource=inventory,ts_compare=gt,paging=ts,page}', 'applied: options of the table');
my ($rows, $bytes) = ($1, $2);
cmp_ok($rows, '==', $facts->{'records of a page'}{value}, 'with the records that a page had');
cmp_ok($bytes, '>', 100 * $rows, 'and the bytes of whole records');
is($node->safe_psql('postgres',
		q{SELECT attname, attfdwoptions FROM pg_attribute WHERE attrelid = 't'::regclass AND attfdwoptions IS NOT NULL ORDER BY 1}),
	"disabled|{filter_encoding=json}\nmaderecorddate|{filter_op=eq}", 'and of its columns');
is(wrong_reads(), '', 'reads are exact');

#
# Each switch
#
my @singles = (
	[ { shape => 'data.Rows' }, 'reply of Query' => 'data.Rows' ],
	[ { shape => 'DataSource.Rows' }, 'reply of QueryPage' => 'DataSource.Rows' ],
	[ { shape => 'result' }, 'reply of Query' => 'result' ],
	[ { shape => 'result_text' }, 'reply of Query' => 'result' ],
	[ { shape => 'value' }, 'reply of Query' => 'value' ],
	[ { shape => 'data' }, 'reply of Query' => 'data' ],
	[ { shape => 'array' }, 'reply of QueryPage' => 'array', TotalCount => 'absent' ],
	[ { total_count => 'absent' }, TotalCount => 'absent' ],
	[ { total_count => 'zero' }, TotalCount => 'wrong' ],
	[ { total_count => 'low' }, 'row versions page' => '' ],
	[ { total_count => 'high' }, 'row versions page' => '' ],
	[ { total_count => 'text' }, paging => 'ts' ],
	[ { total_count => 'page' } ],
	[ { total_count => 'null' } ],
	[ { bools => 'json' }, 'booleans in replies' => 'false' ],
	[ { bools => '01' }, 'booleans in replies' => '"0"' ],
	[ { bools => 'int' }, 'booleans in replies' => '0' ],
	[ { bools => 'cn' }, 'booleans in replies' => '"否"' ],
	[ { bools => 'truefalse' }, 'booleans in replies' => '"false"' ],
	(map { [ { empty_reply => $_ }, paging => 'ts', 'reply without rows' => 'nothing' ] } qw(null string nothing)),
	[ { empty_reply => 'object' }, paging => 'ts' ],
	(map { [ { refs => $_ } ] } qw(nested dotted)),
	[ { ids => 'int' }, paging => 'ts' ],
	[ { ts_key => 'TS' }, paging => 'ts' ],
	[ { ts_form => 'upper' }, paging => 'ts' ],
	[ { dates => 'datetime' }, 'date filter' => 'eq' ],
	[ { dates => 't' }, 'date filter' => 'eq' ],
	[ { nulls => 'absent' } ],
	[ { gzip => 'always' } ],
	[ { transfer => 'chunked', spacing => 'lines', bom => 'true' } ],
	[ { select_fields => 'ignored' } ],
	[ { default_fields => [ 'ID', 'Code' ] } ],
	[ { drop_fields => ['Name'] }, 'missing fields' => 'Name' ],
	[ { drop_fields => ['MadeRecordDate'] }, 'missing fields' => 'MadeRecordDate', 'date filter' => '' ],
	[ { drop_fields => ['Disabled'] }, 'boolean filter' => '', 'disabled records' => '' ],
	[ { drop_fields => ['Ts'] }, 'row versions page' => 'none', paging => 'page' ],
	[ { disabled_default => 'all' }, 'disabled records' => 'shown', 'boolean filter' => 'json' ],
	[ { 'Query.disabled_default' => 'all' } ],
	[ { 'QueryPage.disabled_default' => 'all' } ],
	(map { [ { bool_json => $_ }, 'boolean filter' => 'TrueFalse' ] } qw(ignored none error)),
	(map { [ { bool_json => 'none', bool_text => $_ }, 'boolean filter' => '01' ] } qw(ignored none error)),
	[ { bool_json => 'ignored', bool_text => 'ignored', bool_01 => 'ignored' }, 'boolean filter' => '', 'disabled records' => '' ],
	[ { bool_json => 'none', bool_text => 'none', bool_01 => 'none' }, 'boolean filter' => '' ],
	[ { made_compare => 'ge' }, 'date filter' => 'ge' ],
	[ { made_compare => 'gt' }, 'date filter' => 'gt' ],
	[ { made_compare => 'le' }, 'date filter' => 'le' ],
	[ { made_compare => 'lt' }, 'date filter' => 'lt' ],
	[ { made_compare => 'ignored' }, 'date filter' => 'ignored' ],
	[ { made_compare => 'error' }, 'date filter' => 'refused' ],
	(map { [ { made_zone => 'utc', made_compare => $_ }, $_ eq 'eq' ? ('date filter' => '') : () ] } qw(eq ge gt le lt ignored)),
	(map { [ { made_time => 'true', made_compare => $_ }, $_ eq 'eq' ? ('date filter' => '') : () ] } qw(eq ge gt le lt)),
	(map { [ { made_time => 'true', made_zone => 'utc', made_compare => $_ } ] } qw(eq ge gt le)),
	[ { text_match => 'cs' }, 'case in text' => 'told' ],
	[ { text_match => 'exact' }, 'case in text' => 'told' ],
	[ { like_percent => 'false' }, 'patterns in text' => 'literal' ],
	[ { like_wildcards => 'always' }, 'patterns in text' => 'like' ],
	[ { ts_compare => 'ge' }, 'row versions page' => '>=', paging => 'page' ],
	[ { ts_compare => 'eq' }, 'row versions page' => 'no', paging => 'page' ],
	[ { ts_compare => 'ignored' }, 'row versions page' => 'overlooked', paging => 'page' ],
	[ { ts_compare => 'error' }, 'row versions page' => 'refused', paging => 'page' ],
	(map { [ { 'Query.order' => $_ }, paging => 'page' ] } qw(ts_desc code id random unstable)),
	[ { order => 'unstable' }, paging => '', 'page numbers' => '' ],
	[ { 'QueryPage.page_index' => 'ignored' }, 'page numbers' => 'overlooked', paging => 'ts' ],
	[ { 'QueryPage.page_index' => 'error' }, 'page numbers' => 'none' ],
	[ { ts_compare => 'ignored', 'QueryPage.page_index' => 'ignored' }, paging => '' ],
	[ { page_base => 0 }, 'page numbers' => 'from 0' ],
	[ { page_base => 0, ts_compare => 'ignored' }, 'page numbers' => 'from 0', paging => 'page' ],
	(map { [ { past_end => $_ } ], [ { past_end => $_, ts_compare => 'ignored' } ] } qw(last first)),
	[ { page_size => 'ignored' } ],
	[ { 'QueryPage.page_size' => 'ignored', ts_compare => 'ignored' } ],
	[ { max_rows => 100 }, 'largest page' => '100' ],
	[ { max_rows => 100, ts_compare => 'ignored' }, 'largest page' => '100', paging => 'page' ],
	[ { max_rows => 7, ts_compare => 'ignored' } ],
	[ { max_rows => 200, over_cap => 'error' }, 'largest page' => '200', paging => 'ts' ],
	[ { max_rows => 100, over_cap => 'error', ts_compare => 'ignored' }, 'largest page' => '100' ],
	[ { max_rows => 50, over_cap => 'error' } ],
	[ { 'QueryPage.max_rows' => 50, over_cap => 'error', page_base => 0, ts_compare => 'ignored' },
		'page numbers' => 'from 0', paging => 'page' ],
	[ { max_bytes => 9000 } ],
	[ { max_rows => 60, offset_from => 'asked', ts_compare => 'ignored' } ],
	[ { param_case => 'exact' }, paging => 'ts' ],
	[ { ignored_params => ['Code'] }, 'text filter' => 'equal', 'date filter' => 'eq' ],
	[ { ignored_params => ['Code'], made_compare => 'ge' }, 'date filter' => 'ge' ],
	[ { ignored_params => [ 'ID', 'Code', 'Name' ] }, filters => 'found' ],
	[ { barren_params => ['Code'] }, 'text filter' => 'equal', filters => 'lost' ],
	[ { barren_params => [ 'Code', 'ID' ] }, filters => 'lost', 'id filter' => '' ],
	[ { barren_params => ['Name'] }, 'text filter' => 'equal', filters => 'lost', 'id filter' => 'text' ],
	[ { 'Query.barren_params' => ['ID'] }, 'filters of Query' => 'lost', 'filters of QueryPage' => 'found' ],
	[ { 'QueryPage.barren_params' => ['ID'] }, 'filters of Query' => 'found', 'filters of QueryPage' => 'lost' ],
	[ { 'QueryPage.barren_params' => ['ID'], ts_compare => 'ignored' }, 'filters of QueryPage' => 'lost' ],
	[ { id_filter => 'number' }, filters => 'found', 'id filter' => 'json' ],
	[ { id_filter => 'string' }, filters => 'found', 'id filter' => 'text' ],
	[ { ignored_params => ['MadeRecordDate'] }, 'date filter' => 'ignored' ],
	[ { ignored_params => ['Disabled'] }, 'boolean filter' => '' ],
	[ { ignored_params => ['Ts'] }, 'row versions page' => 'overlooked' ],
	[ { unknown_param => 'error' } ],
	[ { unknown_select => 'error' } ],
	[ { select_case => 'exact' } ],
	[ { token_refused => '401/4007', auth => 'false' } ]);

sub name_of
{
	my ($switches) = @_;
	return join ', ', map {
		"$_ " . (ref $switches->{$_} ? join('+', @{ $switches->{$_} }) : $switches->{$_})
	} sort keys %$switches;
}

for (@singles)
{
	my ($switches, %expected) = @$_;
	check_switches(name_of($switches), $switches, %expected);
}

#
# Where the two operations disagree
#
for my $paging ({}, { ts_compare => 'ignored' })
{
	for (
		[ { 'Query.made_compare' => 'ge', 'QueryPage.made_compare' => 'eq' }, 'date filter of Query' => 'ge', 'date filter of QueryPage' => 'eq' ],
		[ { 'Query.made_compare' => 'eq', 'QueryPage.made_compare' => 'ge' }, 'date filter of Query' => 'eq', 'date filter of QueryPage' => 'ge' ],
		[ { 'Query.made_compare' => 'le', 'QueryPage.made_compare' => 'gt' }, 'date filter of Query' => 'le', 'date filter of QueryPage' => 'gt' ],
		[ { 'Query.made_compare' => 'ge', 'QueryPage.made_compare' => 'lt' }, 'date filter of Query' => 'ge', 'date filter of QueryPage' => 'lt' ],
		[ { 'Query.made_compare' => 'error', 'QueryPage.made_compare' => 'ge' }, 'date filter of Query' => 'refused', 'date filter of QueryPage' => 'ge' ],
		[ { 'Query.made_compare' => 'ge', 'QueryPage.made_time' => 'true' }, 'date filter of Query' => 'ge', 'date filter of QueryPage' => '' ],
		[ { 'Query.bool_json' => 'none', 'QueryPage.bool_text' => 'none' }, 'boolean filter of Query' => 'TrueFalse', 'boolean filter of QueryPage' => 'json' ],
		[ { 'QueryPage.id_filter' => 'number', 'Query.id_filter' => 'string' }, 'id filter of Query' => 'text', 'id filter of QueryPage' => 'json' ],
		[ { 'QueryPage.barren_params' => ['Name'] }, 'filters of Query' => 'found', 'filters of QueryPage' => 'lost' ])
	{
		my ($switches, %expected) = @$_;
		my %both = (%$switches, %$paging);
		check_switches('apart: ' . name_of(\%both), \%both, %expected);
	}
}
tenant(300, 'Query.made_compare' => 'ge', 'QueryPage.made_time' => 'true', 'Query.bool_json' => 'none', 'QueryPage.bool_text' => 'none', 'QueryPage.id_filter' => 'number', 'Query.id_filter' => 'string');
$node->safe_psql('postgres', q{SELECT fresh('t')});
calibrate('t', 1);
is($node->safe_psql('postgres',
		q{SELECT attname, attfdwoptions FROM pg_attribute WHERE attrelid = 't'::regclass AND attfdwoptions IS NOT NULL ORDER BY 1}),
	"disabled|{filter_encoding=TrueFalse,page_filter_encoding=json}\nid|{page_filter_encoding=json}\nmaderecorddate|{filter_op=ge,page_filter_op=auto}",
	'the options say so of each');
is(wrong_reads(), '', 'reads are exact');
calibrate('t', 1);
is($node->safe_psql('postgres',
		q{SELECT attname, attfdwoptions FROM pg_attribute WHERE attrelid = 't'::regclass AND attfdwoptions IS NOT NULL ORDER BY 1}),
	"disabled|{filter_encoding=TrueFalse,page_filter_encoding=json}\nid|{page_filter_encoding=json}\nmaderecorddate|{filter_op=ge,page_filter_op=auto}",
	'and say it still after another calibration');

# A page that is refused may be behind the last: only a count tells, and none is at
# hand here.
tenant(300, past_end => 'error', total_count => 'absent', 'Query.made_compare' => 'ge', 'QueryPage.made_time' => 'true');
$node->safe_psql('postgres', q{SELECT fresh('t', ', paging ''page'', page_size ''50''');
	ALTER FOREIGN TABLE t ALTER maderecorddate OPTIONS (filter_op 'ge', page_filter_op 'auto')});
like($node->safe_psql('postgres', q{SELECT difference('t', 'maderecorddate >= ''2024-01-01''')}),
	qr/^error: could not read from server "erp": T\+ refused/, 'a page that is refused, and no count for it');

#
# Records in order: ID, code, row version and day rise together
#
sub in_order
{
	my ($n) = @_;
	return [ map { { ID => 1000 + $_, Code => sprintf('A%05d', $_), Name => "Item $_", Disabled => $_ % 10 == 0 ? JSON::PP::true : JSON::PP::false,
			MadeRecordDate => sprintf('2025-%02d-%02d', 1 + int($_ * 11 / $n), 1 + int($_ * 11 * 28 / $n) % 28), Ts => sprintf('%016x', 10000 + $_ * 3) } } 1 .. $n ];
}
for (
	[ {}, 'date filter' => 'eq', 'row versions' => '>' ],
	[ { made_compare => 'ge' }, 'date filter' => 'ge', 'row versions' => '>' ],
	[ { ts_compare => 'ge' }, 'date filter' => 'eq', 'row versions' => '>=' ],
	[ { 'Query.order' => 'id' }, 'row versions' => '>' ],
	[ { 'Query.made_compare' => 'ge' }, 'date filter of Query' => 'ge', 'date filter of QueryPage' => 'eq' ])
{
	my ($switches, %expected) = @$_;
	$sim->tenant($key, records => in_order(270), switches => $switches);
	$node->safe_psql('postgres', q{SELECT fresh('t')});
	$facts = calibrate('t', 1);
	%expected = (%expected, 'row versions page' => '', 'page numbers' => 'from 1', 'boolean filter' => 'json', 'disabled records' => 'hidden',
		'text filter' => 'equal', 'patterns in text' => 'like', filters => 'found', 'id filter' => 'text', TotalCount => 'whole');
	my @bad = (unsound($facts, %$switches), map { "$_: $facts->{$_}{value} instead of $expected{$_} ($facts->{$_}{evidence})" }
		  grep { ($facts->{$_} ? $facts->{$_}{value} : 'none such') ne $expected{$_} } sort keys %expected);
	ok(!@bad, 'in order: ' . name_of($switches)) or diag join "\n", @bad;
	is($facts->{'row versions page'}{status}, 'not decidable', 'an order that is also another one');
}

# What few requests leave open is not called unanswered.
for my $limit (1, 5, 12, 20)
{
	$facts = calibrate('t', 0, $limit);
	my @states = map { ref $_ ? $_->{status} : () } values %$facts;
	cmp_ok($facts->{requests}, '<=', $limit, "at most $limit requests");
	ok((grep { $_ eq 'not asked' } @states) && !(grep { $_ eq 'open' } @states), 'and what was not asked is not open');
}
is($facts->{'date filter of Query'}{value} // $facts->{'date filter'}{value}, 'ge', 'what saves most is asked first');
like(calibrate('t', 0, -1)->{error}, qr/"max_requests" must be at least 1/, 'none at all');

# One refusal, and records that are edited all the while, decide nothing.
tenant(300);
load_truth();
for my $nth (map { 3 * $_ } 1 .. 10)
{
	tenant(300);
	$sim->fault($key, match => { nth => $nth }, action => 'business');
	$facts = calibrate('t', 0);
	my @bad = $facts->{error} ? () : grep { $_ eq 'refused' || $_ eq 'none' } map { ref $_ ? $_->{value} : () } @$facts{ grep { $_ ne 'missing fields' } keys %$facts };
	ok(!@bad, "request $nth refused") or diag join ',', @bad;
}
for my $switches ({}, { ts_compare => 'ge' }, { made_compare => 'ge', 'QueryPage.made_compare' => 'ignored' }, { text_match => 'cs' })
{
	$sim->tenant($key, records => 300, switches => $switches,
		changes => [ { action => 'flip', pick => 'served_last', every => 1, times => 60 }, { action => 'delete', pick => 'served_first', every => 3, times => 20 } ]);
	$facts = calibrate('t', 0);
	my @bad = $facts->{error} ? $facts->{error} : unsound($facts, %$switches);
	push @bad, "lost: $facts->{filters}{evidence}" if ($facts->{filters}{value} // '') eq 'lost';
	push @bad, 'case' if ($facts->{'case in text'}{value} // '') eq ($switches->{text_match} ? 'ignored' : 'told');
	ok(!@bad, 'edited meanwhile: ' . name_of($switches)) or diag join "\n", @bad;
}

# One that fails behind its rows is not measured at all.  What else there is, and
# behaviours together, is in t/081_decided.pl.
for my $choice (grep { $_->{name} =~ /tail_error/ } TplusSwitches::choices())
{
	check_switches($choice->{name}, $choice->{set}, error => qr/EXERROR0001/);
}

#
# Tiny accounts
#
for my $n (0 .. 3)
{
	tenant($n);
	my @all = load_truth();
	$node->safe_psql('postgres', q{SELECT fresh('t')});
	$facts = calibrate('t', 1);
	ok(!$facts->{error} && !unsound($facts), "$n records");
	is(join(',', map { $facts->{$_}{value} } 'row versions page', 'paging', 'largest page'), $n > 1 ? ',page,' : ',,', 'leave it open but for page numbers');
	unlike($node->safe_psql('postgres', q{SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 't'::regclass}), qr/paging=/, 'and the option');
	unlike(join(' ', map { ref $_ ? $_->{status} : () } values %$facts), qr/not asked/, 'though there was room to ask');
	is(wrong_reads(), '', 'and are read');
}

#
# Options that are there already
#
tenant(300);
load_truth();
$node->safe_psql('postgres', <<'SQL');
SELECT fresh('t', $$, paging 'page', page_size '77', variants '[{"Disabled": false}, {"Disabled": true}]'$$);
ALTER FOREIGN TABLE t ALTER maderecorddate OPTIONS (filter_op 'ge');
ALTER FOREIGN TABLE t ALTER disabled OPTIONS (filter_encoding 'json');
SQL
$facts = calibrate('t', 1);
like($facts->{paging}{evidence}, qr/; the option was 'page'$/, 'one that disagrees is named');
is($node->safe_psql('postgres', q{SELECT regexp_replace(ftoptions::text, ',page_rows=\d+,page_bytes=\d+', '') FROM pg_foreign_table WHERE ftrelid = 't'::regclass}),
	q({resource=inventory,paging=ts,page_size=77,"variants=[{\"Disabled\": false}, {\"Disabled\": true}]",ts_compare=gt}),
	'and changed; what could not be decided stays, and so do variants of the user');
is($node->safe_psql('postgres',
		q{SELECT attname, attfdwoptions FROM pg_attribute WHERE attrelid = 't'::regclass AND attfdwoptions IS NOT NULL ORDER BY 1}),
	"disabled|{filter_encoding=json}\nmaderecorddate|{filter_op=eq}", 'in columns, too');
is(wrong_reads(), '', 'reads are exact');

$node->safe_psql('postgres', q{SELECT fresh('t', $$, fixed_params '{"Disabled": false, "Code": "%1%"}'$$)});
$facts = calibrate('t', 0);
is(join('|', map { $facts->{$_}{value} } 'boolean filter', 'disabled records', 'text filter'),
	'||equal', 'fixed parameters are not asked about, a name is');

$node->safe_psql('postgres', q{SELECT fresh('t', $$, page_base '0'$$)});
$facts = calibrate('t', 1);
is($facts->{'page numbers'}{value}, 'from 1', 'a wrong base is found out');
is(wrong_reads(), '', 'and put right');

# An operation that the catalog does not have.
$node->safe_psql('postgres', <<'SQL');
CREATE FOREIGN TABLE partner ("ID" bigint, "Code" text,
  made date OPTIONS (field 'MadeRecordDate', filter 'MadeRecordDate'))
  SERVER erp OPTIONS (path '/tplus/api/v2/partner/QueryPage');
SQL
$facts = calibrate('partner', 1);
is(join('|', map { $facts->{$_}{value} } 'row versions page', 'page numbers', 'paging', 'date filter'),
	'out of order|from 1|page|eq', 'a table by path');
is($node->safe_psql('postgres', 'SELECT count(*) FROM partner WHERE NOT EXISTS (SELECT WHERE "ID" IS NULL)'),
	scalar(my @all = $sim->records($key, 'resource=partner')), 'is read, stopped records included');

#
# Who may
#
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE guest;
GRANT USAGE ON FOREIGN SERVER erp TO guest;
CREATE USER MAPPING FOR guest SERVER erp
  OPTIONS (app_key 'calibrate', app_secret 'sim-secret', open_token 'sim-open-token');
SELECT fresh('t');
GRANT SELECT ON t TO guest;
CREATE TABLE plain ();
CREATE VIEW noview AS SELECT;
SQL
$sim->clear_journal($key);
for (
	[ 'a non-owner does not apply', q{SET ROLE guest; SELECT * FROM tplus.calibrate('t', true)}, qr/must be owner of foreign table t/ ],
	[ 'nor does one look at what he cannot read', q{SET ROLE guest; SELECT * FROM tplus.calibrate('partner')}, qr/permission denied for foreign table partner/ ],
	[ 'a plain table', q{SELECT * FROM tplus.calibrate('plain')}, qr/"plain" is not a foreign table/ ])
{
	my ($name, $sql, $message) = @$_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	like($err, $message, $name);
}
is(scalar $sim->journal($key), 0, 'and nothing was sent');
is($node->safe_psql('postgres', q{SET ROLE guest; SELECT count(*) FROM tplus.calibrate('t')}),
	21, 'with the right to read, facts are shown');

#
# IMPORT FOREIGN SCHEMA
#
sub import_schema
{
	my ($server, $options) = @_;
	$sim->clear_journal($key);
	my ($status, $out, $err) = $node->psql('postgres', <<"SQL");
DROP SCHEMA IF EXISTS i CASCADE;
CREATE SCHEMA i;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER $server INTO i $options;
SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 'i.inventory'::regclass;
SELECT attname, attfdwoptions FROM pg_attribute
 WHERE attrelid = 'i.inventory'::regclass AND attfdwoptions::text ~ 'filter' ORDER BY 1;
SQL
	return ($status, $out, $err, scalar $sim->journal($key));
}
tenant(1500);
my ($status, $out, $err, $sent) = import_schema('erp', '');
is($out =~ s/,page_bytes=\d+//r, "{resource=inventory,ts_compare=gt,paging=ts,page_size=1000,page_rows=1000}\n"
	  . "disabled|{field=Disabled,label=停用,filter_encoding=json}\n"
	  . 'maderecorddate|{field=MadeRecordDate,label=建档日期,filter_op=eq}',
	'an import calibrates');
cmp_ok($sent, '<=', $max_requests, 'with few requests');
is($node->safe_psql('postgres', 'SELECT count(*) FROM i.inventory'), 1500, 'and what it made is read');
($status, $out, $err, $sent) = import_schema('erp', q{OPTIONS (calibrate 'false')});
is("$out|$sent", '{resource=inventory}|0', 'not if told otherwise');
($status, $out, $err) = import_schema('erp', q{OPTIONS (calibrated 'false')});
like($err, qr/invalid option "calibrated" of IMPORT FOREIGN SCHEMA.*HINT:  The only option is "calibrate"/s,
	'its options are checked');

# What stays open is said once, with what it costs.
$sim->tenant($key, records => in_order(1500));
(undef, $out, $err) = import_schema('erp', '');
is(scalar(() = $err =~ /WARNING:/g), 1, 'one warning');
like($err, qr/WARNING:  calibration of resource "inventory" left open what costs requests\nDETAIL:  "row versions page" is not decidable, so every read of all records \(3 pages\) /,
	'says what stays open, and what that costs');
like($err, qr/\n"paging" is left to each read, so every read of all records \(3 pages\) finds out anew how to go on\.\n/,
	'also of page numbers that are proven, and not declared');
unlike($err, qr/Call tplus.calibrate/, 'and not to calibrate, which has just been done');
tenant(1500, ts_compare => 'ge');
(undef, $out, $err) = import_schema('erp', '');
unlike($out, qr/paging=/, 'versions that bring their own record: the way is left open');
like($err, qr/WARNING:  calibration of resource "inventory" left open what costs requests\nDETAIL:  "paging" is left to each read, so every read of all records \(\d+ pages\) finds out anew how to go on\.\nHINT:  If you know it, set the option/,
	'which is said');
tenant(1500);

my $free = PostgreSQL::Test::Cluster::get_free_port();
$node->safe_psql('postgres', <<"SQL");
CREATE SERVER away FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://127.0.0.1:$free');
CREATE SERVER alone FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '${\ $sim->url }');
CREATE USER MAPPING FOR CURRENT_USER SERVER away
  OPTIONS (app_key 'calibrate', app_secret 'sim-secret', open_token 'sim-open-token');
SQL
for ([ 'away', qr/no connection could be made/, 'nobody answers' ],
	[ 'alone', qr/user mapping/, 'nobody is known' ])
{
	my ($server, $detail, $name) = @$_;
	($status, $out, $err) = import_schema($server, '');
	is($out, '{resource=inventory}', "$name: the import goes on");
	like($err, qr/WARNING:  resource "inventory" was imported without calibration\nDETAIL:  .*$detail/, 'with a warning');
}
$sim->switches($key, open_tokens => ['another']);
($status, $out, $err) = import_schema('erp', '');
like("$out $err", qr/resource=inventory.*WARNING:  resource "inventory" was imported without calibration/s,
	'a refusal is a warning, too');
like($err, qr/\nDETAIL:  could not read from server "erp": .*: T\+ answered HTTP 40[13], code \d+: ".+"\.\nHINT:  \w.*\. Then call tplus\.calibrate\(\) for the foreign table\./,
	'with what T+ said, and what helps');
($status, $out, $err) = $node->psql('postgres', q{SELECT * FROM tplus.calibrate('t')});
like($err, qr/ERROR:  .*(token|T\+)/i, 'for calibrate() it is an error');

# A cancel is neither.
tenant(300, latency_ms => 3000);
for ('IMPORT FOREIGN SCHEMA tplus FROM SERVER erp INTO j', q{SELECT * FROM tplus.calibrate('t')})
{
	my $start = Time::HiRes::time();
	($status, $out, $err) = $node->psql('postgres',
		"CREATE SCHEMA IF NOT EXISTS j; SET statement_timeout = 300; $_");
	like($err, qr/canceling statement due to statement timeout/, 'a cancel ends it');
	cmp_ok(Time::HiRes::time() - $start, '<', 2, 'at once');
}

$node->stop;
done_testing;
