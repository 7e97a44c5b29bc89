# calibrate() against what the records allow to decide, on servers of every
# documented behaviour: nothing wrongly, and what it writes is read exactly.
#
# TPLUS_SERVERS sets how many servers are random (20; 200 and more also try the
# whole covering array, of which else a part is tried), TPLUS_SEED which, and
# TPLUS_SERVER (as c7,r7) tries these alone.  TPLUS_REPORT names a file for what is left open.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';
use TplusServers;
use TplusSim;

my $max_requests = 40;
my $fields = 'ID,Code,Name,MadeRecordDate,Disabled,Ts';
my $seed = $ENV{TPLUS_SEED} // 1;
my $random = $ENV{TPLUS_SERVERS} // 20;
my $json = JSON::PP->new->utf8;

my @array = TplusServers::covering($seed);
my @random = TplusServers::random($seed, $random < 200 ? 200 : $random);
$array[$_]{name} = "c$_" for 0 .. $#array;
$random[$_]{name} = "r$_" for 0 .. $#random;
# At seed 1, of these an option that is true could take away the one way to read them exactly.
my %traps = map { $_ => 1 } 11, 38, 102;
my @servers = (
	$random < 200 ? @array[ grep { $_ % 8 == 0 || $traps{$_} } 0 .. $#array ] : @array,
	@random[ 0 .. $random - 1 ]);
my %wanted = map { $_ => 1 } split /,/, $ENV{TPLUS_SERVER} // '';
@servers = grep { $wanted{ $_->{name} } } @array, @random if %wanted;
note "seed $seed, " . @servers . ' servers';

my ($began, @figures) = time;
sub figure
{
	note $_[0];
	push @figures, $_[0];
	return;
}

sub took
{
	my ($what) = @_;
	figure(sprintf '%s: %.1f s', $what, time - $began);
	$began = time;
	return;
}

my $node = PostgreSQL::Test::Cluster->new('decided');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->start;
my $sim = TplusSim->new;
$sim->tenant('decided', records => 0);
$sim->setup_server($node, 'decided', requests_per_second => 0, max_retries => 0);

$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION fresh(name text, server text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE FOREIGN TABLE %I (id bigint, code text, name text, maderecorddate date,
    disabled boolean, ts text) SERVER %I OPTIONS (resource ''inventory'')', name, server);
END $$;

CREATE FUNCTION calibrated(n int) RETURNS SETOF json LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT json_build_object('server', n, 'fact', fact, 'value', value, 'option', option,
      'requests', requests, 'evidence', evidence)
    FROM tplus.calibrate(('t' || n)::regclass, true);
EXCEPTION WHEN OTHERS THEN
  RETURN NEXT json_build_object('server', n, 'error', SQLERRM);
END $$;

-- What differs between a foreign table and the records, or the error.
CREATE FUNCTION difference(name text, truth text, clause text, had text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
  columns text := replace('id, code, name, maderecorddate, disabled', had, 'NULL');
BEGIN
  EXECUTE format('WITH got AS MATERIALIZED (SELECT %1$s FROM %2$I WHERE %4$s),
    due AS MATERIALIZED (SELECT %1$s FROM %3$I WHERE %4$s)
    SELECT count(*) FROM ((TABLE got EXCEPT ALL TABLE due) UNION ALL (TABLE due EXCEPT ALL TABLE got)) d',
    columns, name, truth, clause) INTO n;
  RETURN CASE WHEN n > 0 THEN n || ' rows differ' END;
EXCEPTION WHEN OTHERS THEN
  RETURN 'error: ' || SQLERRM;
END $$;

-- What a table that is not calibrated reads exactly must be read so afterwards.
CREATE FUNCTION reads(n int, truth text, had text, clauses text[]) RETURNS SETOF json LANGUAGE plpgsql AS $$
DECLARE
  clause text;
  d text;
BEGIN
  FOREACH clause IN ARRAY clauses LOOP
    CONTINUE WHEN clause LIKE '%' || had || '%';
    d := difference('t' || n, truth, clause, had);
    IF d IS NOT NULL AND difference('u' || n, truth, clause, had) IS NULL THEN
      RETURN NEXT json_build_object('server', n, 'clause', clause, 'difference', d);
    END IF;
  END LOOP;
END $$;
SQL

# One answer a line.
sub lines_of
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "SET client_min_messages = error;\n$sql", on_error_stop => 0);
	is($status, 0, 'statements') or diag $err;
	return map { $json->decode($_) } split /\n/, $out;
}

# The records of each kind, and clauses about some of them.
my (%clauses);
for my $kind (TplusServers::kinds())
{
	my $records = TplusServers::records($kind);
	$sim->tenant($kind, records => $records) unless ref $records;
	my @records = ref $records ? map { { %$_, Disabled => ${ $_->{Disabled} } } } @$records : $sim->records($kind);
	my $rows = join ",\n", map {
		my ($code, $name, $day) = map { TplusSim::quote($_) } $_->{Code}, $_->{Name}, substr $_->{MadeRecordDate}, 0, 10;
		"($_->{ID}, $code, $name, $day, " . ($_->{Disabled} ? 'true' : 'false') . ')'
	} @records;
	$node->safe_psql('postgres',
		"CREATE TABLE truth_$kind (id bigint, code text, name text, maderecorddate date, disabled boolean);\n"
		  . ($rows ? "INSERT INTO truth_$kind VALUES $rows;" : ''));
	my @days = sort map { substr $_->{MadeRecordDate}, 0, 10 } @records;
	my @plain = grep { $_->{Code} =~ /^\w+$/a && $_->{Name} =~ /^[\w ]+$/a } @records;
	my ($stopped, $going) = map { my $is = $_; (grep { $_->{Disabled} == $is } @plain)[0] } 1, 0;
	my $day = $days[ @days / 2 ] // '2024-01-01';
	my ($near, $first) = ($days[-3] // $day, $days[0] // $day);
	$clauses{$kind} = [
		'true', 'NOT disabled', 'disabled',
		"maderecorddate = '$day'", "maderecorddate >= '$near'", "maderecorddate <= '$first'",
		"maderecorddate BETWEEN '$day' AND date '$day' + 2 AND NOT disabled",
		(map { ("code = '$_->{Code}'", "id = $_->{ID}", "name LIKE '%" . substr($_->{Name}, 1) . "'") } grep { $_ } $stopped, $going),
		"code = lower('AB0007')" ];
	$clauses{$kind} = [ grep { !/''/ } @{ $clauses{$kind} } ];
}

#
# All servers calibrate
#
my $setup = '';
for my $n (0 .. $#servers)
{
	$sim->tenant("s$n", records => TplusServers::records($servers[$n]{data}), switches => $servers[$n]{switches});
	$setup .= "CREATE SERVER s$n FOREIGN DATA WRAPPER tplus_fdw "
	  . TplusSim::options(base_url => $sim->url, requests_per_second => 0, max_retries => 0) . ";\n"
	  . "CREATE USER MAPPING FOR CURRENT_USER SERVER s$n "
	  . TplusSim::options(app_key => "s$n", app_secret => 'sim-secret', open_token => 'sim-open-token') . ";\n"
	  . "SELECT fresh('t$n', 's$n'), fresh('u$n', 's$n');\n";
}
$node->safe_psql('postgres', $setup);

took('setup');

my @found = map { {} } @servers;
for (lines_of(join '', map { "SELECT calibrated($_);\n" } 0 .. $#servers))
{
	my $of = $found[ $_->{server} ];
	if ($_->{error}) { $of->{error} = $_->{error} }
	else { $of->{facts}{ $_->{fact} } = $_ }
}

took('calibrations');

my @names = map {
	my $switches = $_->{switches};
	"$_->{name} is $_->{data}: " . join ', ', map { "$_=" . (ref $switches->{$_} ? join '+', @{ $switches->{$_} } : $switches->{$_}) } sort keys %$switches
} @servers;

# What one operation shows is so; what either does is done to the table; and
# of some values nothing follows that is sent.
my %observed = map { $_ => 1 } 'booleans in replies', 'reply without rows', 'missing fields', 'largest page',
  'text filter', 'case in text', 'patterns in text';
my %of_pages = map { $_ => 1 } 'page numbers', 'TotalCount';
my %harmless = map { $_ => 1 } qw(ignored refused lt);
my %either = ('disabled records' => 'hidden', filters => 'lost');

# The judgements that a fact of calibrate is held against, given how it pages,
# and whether one of them is enough.
sub judgements
{
	my ($fact, $oracle, $paging) = @_;
	return (0, values %{ $oracle->{$fact} }) if $fact =~ /^reply of |^paging$/;
	return (0, $oracle->{$1}{$2}) if $fact =~ /^(.*) of (Query|QueryPage)$/ && $oracle->{$1};
	my $of = $oracle->{$fact} // return;
	return (0, $of->{QueryPage}) if $of_pages{$fact};
	return (0, $of->{Query}) if $fact =~ /^row versions/;
	return (1, values %$of) if $observed{$fact};
	return (0, $of->{ $paging eq 'ts' ? 'Query' : 'QueryPage' }) if $paging;
	my @both = @$of{qw(Query QueryPage)};
	return ($either{$fact} && grep({ $_ eq $either{$fact} } map { @{ $_->{holds} } } @both) ? 1 : 0, @both);
}

my (%count, @wrong, @open, @guessed, @unsound, @spent);
# Values are characters, what is printed is bytes.
sub bytes
{
	my ($text) = @_;
	utf8::encode($text);
	return $text;
}

sub holds
{
	my ($judgement, $value) = @_;
	my $sorted = join ', ', sort split /, */, $value;
	return grep { $_ eq 'any' || /^at most (\d+)$/ && $value <= $1 || $_ eq $value || join(', ', sort split /, */, $_) eq $sorted } @{ $judgement->{holds} };
}

for my $n (0 .. $#servers)
{
	my $facts = $found[$n]{facts} // {};
	my $name = $servers[$n]{name};
	my $requests = $sim->stats("s$n")->{requests};
	my $oracle = $sim->decidable("s$n", max_requests => $max_requests, fields => $fields);
	my $paging = ($facts->{paging} // {})->{value} // '';
	push @unsound, "$name: $requests requests" if $requests > $max_requests;
	push @spent, "$name: $requests: " . join ', ', map { "$_ $facts->{$_}{requests}" } grep { $facts->{$_}{requests} } sort keys %$facts;
	if ($found[$n]{error})
	{
		# Refusing to measure decides nothing.
		note "$name: $found[$n]{error}";
		$facts = { map { $_ => { fact => $_, value => undef, evidence => $found[$n]{error}, requests => 1 } } keys %$oracle };
	}
	for my $fact (sort keys %$facts)
	{
		my ($value, $evidence, $asked) = @{ $facts->{$fact} }{qw(value evidence requests)};
		push @unsound, "$name: $fact: $evidence" if !$asked && $evidence =~ /not answered/;
		push @unsound, "$name: $fact: open without a reason" if !defined $value && !length $evidence;
		my ($any, @judgements) = judgements($fact, $oracle, $paging);
		next unless @judgements;
		my $right = defined $value ? grep({ holds($_, $value) } @judgements) : 0;
		$right = 0 if $any && $either{$fact} && ($value // '') ne $either{$fact};
		$any = 1 if $fact eq 'date filter' && $harmless{ $value // '' };
		my %common;
		$common{$_}++ for map { $_->{decidable} ? @{ $_->{proven} } : () } @judgements;
		my $decidable = $any && $either{$fact} ? $common{ $either{$fact} } : $any ? %common : grep({ $_ == @judgements } values %common);
		my $of = $count{$fact} //= { map { $_ => 0 } qw(decidable decided open wrong beyond) };
		my $told = bytes("$name: $fact: " . (defined $value ? "$value ($evidence)" : $evidence) . ' <> '
		  . join ' / ', map { ($_->{value} // $_->{why}) . ' of ' . join('|', @{ $_->{holds} }) . ($_->{witness} ? ", as $_->{witness}" : '') . (@{ $_->{left} } ? ", not told from $_->{left}[0]" : '') } @judgements);
		$of->{decidable}++ if $decidable;
		if (defined $value && ($any ? !$right : $right < @judgements))
		{
			$of->{wrong}++;
			push @wrong, $told;
		}
		elsif (defined $value)
		{
			$of->{ $decidable ? 'decided' : 'beyond' }++;
			push @guessed, $told unless $decidable;
		}
		elsif ($decidable)
		{
			$of->{open}++;
			push @open, $told;
		}
	}
}

took('judgements');

#
# And are read
#
my @differs = map { "$servers[ $_->{server} ]{name}: $_->{clause}: $_->{difference}" } lines_of(join '', map {
	my $drops = $servers[$_]{switches}{drop_fields};
	my $list = join ', ', map { TplusSim::quote($_) } @{ $clauses{ $servers[$_]{data} } };
	"SELECT reads($_, 'truth_$servers[$_]{data}', '" . lc($drops ? $drops->[0] : '-') . "', ARRAY[$list]);\n"
} 0 .. $#servers);

took('reads');

my ($decidable, $decided) = (0, 0);
for (sort keys %count)
{
	my $of = $count{$_};
	figure(sprintf '%-20s decidable %3d, decided %3d, open %3d, wrong %d, beyond the oracle %d', $_, @$of{qw(decidable decided open wrong beyond)});
	$decidable += $of->{decidable};
	$decided += $of->{decided};
}
figure(sprintf '%d of %d decidable facts decided, %.1f %%', $decided, $decidable, 100 * $decided / ($decidable || 1));
my %named = map { /^(\w+):/ ? ($1 => 1) : () } @wrong, @unsound, @differs;
note $_ for grep { /^(\w+)/ && $named{$1} } @names;
if (my $report = $ENV{TPLUS_REPORT})
{
	append_to_file($report, join "\n", @figures, @names, (map { "wrong: $_" } @wrong), (map { "unsound: $_" } @unsound),
		(map { "differs: $_" } @differs), (map { "open: $_" } @open), (map { "spent: $_" } @spent), (map { "beyond: $_" } @guessed), '');
}
is(join("\n", @wrong), '', 'nothing is decided wrongly');
is(join("\n", @unsound), '', 'requests are within their limit, and nothing is said of questions that were not asked');
is(join("\n", @differs), '', 'what calibrate wrote is read exactly');
# One server of which nothing can be asked is much of a small sample.
cmp_ok($decided, '>=', ($random < 200 ? 0.92 : 0.95) * $decidable, 'most of what the records allow to decide is decided');

$node->stop;
done_testing;
