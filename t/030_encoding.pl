# Databases whose encoding is not UTF-8, and clients that speak another one:
# a text arrives as the same characters, or an error names the column.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Encode qw(decode);
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TplusSim;

my $sim = TplusSim->new(records => 0);
my $node = PostgreSQL::Test::Cluster->new('encoding');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$sim->tenant('encoding', records => 0);

# Everything that we write and read is in bytes; EUC_CN, GBK and GB18030 spell
# this one alike.
my $hello = "\xd6\xd0\xce\xc4 \xa8\xa6";

sub reply
{
	my ($body) = @_;
	$sim->fault('encoding', action => 'body', body_b64 => encode_base64($body, ''));
	return;
}

# query(DATABASE, SQL, CLIENT ENCODING): what psql prints, and its complaints.
sub query
{
	my ($database, $sql, $client) = @_;
	local $ENV{PGCLIENTENCODING} = $client // 'UTF8';
	my ($status, $out, $err) = $node->psql($database, $sql);
	return wantarray ? ($out, $err) : $out;
}

sub make_database
{
	my ($encoding) = @_;
	my $database = lc $encoding;

	$node->safe_psql('postgres',
		"CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$sim->setup_server($node, 'encoding', database => $database, tables => []);
	my $table = "SERVER erp OPTIONS (resource 'inventory', paging 'none', variants 'none'";
	$node->safe_psql(
		$database, qq{
		CREATE FOREIGN TABLE item (ID bigint, Code text, Name text) $table);
		CREATE FOREIGN TABLE whole (r jsonb OPTIONS (field '*')) $table);
		CREATE FOREIGN TABLE soft (ID bigint, Name varchar(5), e jsonb OPTIONS (field '\$error'))
		  $table, on_error 'null')});
	return $database;
}

my $euc = make_database('EUC_CN');
my $latin = make_database('LATIN1');
my $ascii = make_database('SQL_ASCII');
my $utf = make_database('UTF8');

#
# What the encoding has
#
my $good = '[{"ID":"1","Name":"中文 é"},{"ID":"2","Name":"\u4e2d\u6587 \u00e9"}]';
for my $database ($euc, $ascii, $utf)
{
	reply($good);
	is( query($database, 'SELECT id, name FROM item ORDER BY id'),
		"1|中文 é\n2|中文 é", "$database holds Chinese text");
}
reply($good);
is(query($euc, 'SELECT length(name), octet_length(name) FROM item'),
	"4|7\n4|7", 'in its own encoding');
reply($good);
is(query($euc, 'SELECT name FROM item', 'EUC_CN'),
	"$hello\n$hello", 'and gives it to a client that has the same');
reply($good);
is(query($ascii, 'SELECT octet_length(name) FROM item', 'SQL_ASCII'),
	"9\n9", 'SQL_ASCII keeps the bytes of UTF-8');
reply('[{"ID":"1","Name":"caf\u00e9"}]');
is(query($latin, 'SELECT name, octet_length(name) FROM item'),
	'café|4', 'LATIN1 holds what it has');
reply('[{"ID":"1","Name":"中","Unit":{"é":"中\u6587"}}]');
is( query($euc, 'SELECT r FROM whole'),
	'{"ID": "1", "Name": "中", "Unit": {"é": "中文"}}',
	'a whole record, its keys included');

for my $client (qw(GBK GB18030))
{
	reply($good);
	is(query($utf, 'SELECT name FROM item', $client),
		"$hello\n$hello", "a client that speaks $client");
}
reply('[{"ID":"1","Name":"😀"}]');
is(query($utf, 'SELECT name FROM item', 'GB18030'),
	"\x94\x39\xfc\x36", 'four bytes in both');

#
# What it lacks
#
my ($out, $err);
for my $case (
	[ $latin, '[{"ID":"7","Name":"中"}]', 'LATIN1', '0xe4 0xb8 0xad' ],
	[ $euc, '[{"ID":"7","Name":"a\ud83d\ude00b"}]', 'EUC_CN', '0xf0 0x9f 0x98 0x80' ])
{
	my ($database, $body, $encoding, $bytes) = @$case;
	reply($body);
	($out, $err) = query($database, "\\set VERBOSITY verbose\nSELECT name FROM item");
	is($out, '', "$database: no value");
	like($err,
		qr/ERROR:  22P05: value for column "name" contains a character without equivalent in encoding "$encoding": UTF-8 byte sequence $bytes/,
		'but an error');
	like($err, qr/CONTEXT:  column "name" of foreign table "item", record with key "7", page 1/,
		'which says where');
	reply($body);
	is(query($database, 'SELECT id FROM item'), '7',
		'a column that nobody reads does no harm');
}
reply('[{"ID":"7","Unit":{"Code":"中"}}]');
($out, $err) = query($latin, 'SELECT r FROM whole');
like($err, qr/value for column "r" contains a character without equivalent/,
	'in a whole record');
reply('[{"ID":"7","Name":"😀中é"},{"ID":"8","Name":"中文中文中"},{"ID":"9","Name":"中文中文中文"}]');
is( query($euc, q{SELECT id, name, e->0->>'value', e->0->>'sqlstate' FROM soft ORDER BY id}),
	"7||?中é|22P05\n8|中文中文中||\n9||中文中文中文|22001",
	'softly, and lengths count characters');

# Bytes that are no UTF-8, escaped or not.
for my $database ($euc, $latin, $ascii, $utf)
{
	reply("[{\"ID\":\"7\",\"Name\":\"a\xd6\xd0b\"}]");
	($out, $err) = query($database, "\\set VERBOSITY verbose\nSELECT name FROM item");
	like($err,
		qr/ERROR:  22021: value for column "name" contains an invalid byte sequence for encoding "UTF8": 0xd6 0xd0/,
		"$database: a text in GBK is no text");
	reply('[{"ID":"7","Name":"a\u0000b"}]');
	($out, $err) = query($database, "\\set VERBOSITY verbose\nSELECT name FROM item");
	like($err, qr/ERROR:  22P05: value for column "name" contains \\u0000/,
		"$database: nor is one with a zero byte");
}

#
# Names and filters
#
query($euc, q{CREATE FOREIGN TABLE named (ID bigint, "规格" text) SERVER erp
	OPTIONS (resource 'inventory', paging 'none', variants 'none')});
reply('[{"ID":"1","规格":"M8"},{"ID":"2","DynamicPropertyKeys":["规格"],"DynamicPropertyValues":["M9"]}]');
is(query($euc, 'SELECT "规格" FROM named ORDER BY id'), "M8\nM9",
	'a field with a Chinese name, in EUC_CN');
my $field = decode('UTF-8', '规格');
ok((grep { $_->{body}{param}{SelectFields} =~ /\b$field\b/ } $sim->journal('encoding')),
	'is asked for in UTF-8');

$sim->clear_journal('encoding');
reply('[{"ID":"1","Name":"中文"}]');
is(query($euc, q{SELECT id FROM item WHERE name = '中文'}), '1', 'a filter');
my ($request) = $sim->journal('encoding');
is( $request->{body}{param}{Name}, decode('UTF-8', '中文'),
	'goes out in UTF-8');

# Calibration asks for records by their own values.
$sim->tenant('calibrated', records => 200);
for my $database ($euc, $latin, $ascii, $utf)
{
	my $url = $sim->url;
	($out, $err) = query($database, <<SQL);
CREATE SERVER calibrated FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '$url', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER calibrated
  OPTIONS (app_key 'calibrated', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE SCHEMA calibrated;
IMPORT FOREIGN SCHEMA tplus FROM SERVER calibrated INTO calibrated;
SQL
	is($err, '', "$database: an import calibrates");
	is(query($database, "SELECT value FROM tplus.calibrate('calibrated.inventory') WHERE fact = 'filters'"),
		'found', 'and finds a record by what the encoding can hold');
}

# Syncs, in each database: what it cannot hold is in quarantine until T+ has other
# words, the rest arrives; keys of other characters are told apart, and found again.
sub synced
{
	my (%names) = @_;
	$sim->tenant('synced', records => [ map { { ID => $_, Code => decode('UTF-8', $names{$_}[0]), Name => decode('UTF-8', $names{$_}[1]),
				Disabled => JSON::PP::false, MadeRecordDate => '2025-01-01', Ts => sprintf('%016x', 100 * $_ + length $names{$_}[1]) } } sort keys %names ]);
	return;
}
my %held = ($euc => [ '甲', '轴承', '😀' ], $latin => [ 'Ä', 'Lager für Wellen', '轴承' ], $ascii => [ '甲', '轴承 für 😀', undef ], $utf => [ '甲', '轴承 für 😀', undef ]);
for my $database (sort keys %held)
{
	my ($code, $name, $alien) = @{ $held{$database} };
	my @all = (1 => [ $code, $name ], 2 => [ "${code}2", 'plain' ], 3 => [ "${code}3", $alien // $name ]);
	my ($url, $client) = ($sim->url, $database eq $euc ? 'EUC_CN' : 'UTF8');
	my $shown = q{SELECT string_agg(format('%s %s %s', id, encode(convert_to(code, 'UTF8'), 'hex'), name = 'plain'), ', ' ORDER BY id) FROM goods};
	$shown =~ s/convert_to\(code, 'UTF8'\)/code::bytea/ if $database eq $ascii;
	my $row = sub { join ', ', map { "$_->[0] " . unpack('H*', $_->[1]) . ' ' . $_->[2] } @_ };

	synced(@all);
	($out, $err) = query($database, <<SQL);
SET client_min_messages = warning;
CREATE SERVER synced FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '$url', requests_per_second '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER synced OPTIONS (app_key 'synced', app_secret 'sim-secret', open_token 'sim-open-token');
CREATE FOREIGN TABLE source (id bigint, code text, name text, problems jsonb OPTIONS (field '\$error'), ts text)
  SERVER synced OPTIONS (resource 'inventory', on_error 'null');
CREATE TABLE goods (id bigint, code text PRIMARY KEY, name text);
SELECT tplus.create_sync('goods', 'source', 'goods', cursor_column => '', on_error => 'quarantine', deletes => 'delete', delete_limit => 1);
CALL tplus.sync('goods');
SQL
	is($err, '', "$database: a sync");
	is(query($database, $shown), $row->([ 1, $code, 'f' ], [ 2, "${code}2", 't' ], $alien ? () : [ 3, "${code}3", 'f' ]), 'stores what can be held');
	is(query($database, q{SELECT count(*) FROM tplus.sync_reject}), $alien ? 1 : 0, 'and keeps what cannot');

	synced(1 => [ "${code}2", $name ], 2 => [ $code, 'plain' ], 3 => [ "${code}3", 'plain' ]);
	($out, $err) = query($database, q{CALL tplus.sync('goods', true)}, $client);
	is($err, '', 'other words, and codes that are swapped');
	is(query($database, $shown), $row->([ 1, "${code}2", 'f' ], [ 2, $code, 't' ], [ 3, "${code}3", 't' ]), 'all is stored');
	is(query($database, q{SELECT count(*) FROM tplus.sync_reject}), 0, 'and nothing kept');

	synced(2 => [ $code, 'plain' ], 3 => [ "${code}3", 'plain' ]);
	($out, $err) = query($database, q{CALL tplus.sync('goods', true)}, $client);
	is(query($database, $shown), $row->([ 2, $code, 't' ], [ 3, "${code}3", 't' ]), 'a deletion is found');
}

$node->stop;
done_testing;
