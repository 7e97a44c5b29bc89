# A database of version 1.0 becomes one of today: its catalog is that of a fresh
# one, its syncs go on where they were, and it can be dumped and restored.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TplusCatalog qw(catalog_of differences);
use TplusSim;

my $sim = TplusSim->new;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(fresh old copy);
$node->safe_psql('fresh', 'CREATE EXTENSION tplus_fdw');

sub sql { return $node->safe_psql('old', @_) }

# What a database keeps, of which an update of the extension touches nothing.
my @kept = qw(sync_definition sync_cursor sync_key sync_reject sync_log alert token);

# The tables as md5 of their columns of 1.0, each on a line.
sub contents
{
	my ($database, $columns, @tables) = @_;
	return join "\n", map {
		"$_ " . $node->safe_psql($database,
			"SELECT count(*), md5(string_agg(r::text, '|' ORDER BY r::text))
			   FROM (SELECT $columns->{$_} FROM tplus.$_) AS r")
	} @tables;
}

# --- 1.0 with all that it keeps ----------------------------------------------

sql("CREATE EXTENSION tplus_fdw VERSION '1.0'");
$sim->tenant('erp', records => 60);
$sim->setup_server($node, 'erp', database => 'old', requests_per_second => 0, page_size => 20,
	mapping => { app_secret => 'sim-secret', refresh_token => 'sim-refresh-token' });
$sim->mutate('erp', action => 'edit', pick => 'any_last', set => { Name => 'bad' });
sql(<<'SQL');
CREATE TABLE item (id bigint PRIMARY KEY, code text, name text CHECK (name <> 'bad'), disabled boolean);
CREATE TABLE by_day (id bigint PRIMARY KEY, name text, maderecorddate date);
SELECT tplus.create_sync('item', source => 'erp.inventory', target => 'item', cursor_column => 'ts',
  lag => '0', deletes => 'delete', on_error => 'quarantine');
SELECT tplus.create_sync('by day', source => 'erp.inventory', target => 'by_day', cursor_column => 'maderecorddate',
  filter => 'not disabled');
CALL tplus.sync('item');
CALL tplus.sync('by day');
INSERT INTO tplus.alert (sync, kind, message) VALUES ('item', 'stale', 'an alert of 1.0');
SQL
sql(<<'SQL');
SET check_function_bodies = off;
CREATE FOREIGN TABLE legacy (id bigint, code text OPTIONS (filter 'PageSize')) SERVER erp
  OPTIONS (path '/tplus/api/v2/saleOrder/Create', fixed_params '{"Ts": "0"}');
CREATE SERVER patient FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url 'https://erp.example', request_timeout_ms '86400000');
SQL
sql(<<'SQL');
CREATE ROLE "We""ird"; CREATE ROLE "-"; CREATE ROLE old_name; CREATE ROLE gone; CREATE ROLE other;
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY);
GRANT ALL ON a, b TO PUBLIC;
SET client_min_messages = warning;
SET ROLE "We""ird"; SELECT tplus.create_sync('weird', source => 'a', target => 'b');
INSERT INTO tplus.alert (sync, kind, message) VALUES ('weird', 'stale', 'another alert of 1.0');
SET ROLE "-"; SELECT tplus.create_sync('dash', source => 'a', target => 'b');
SET ROLE old_name; SELECT tplus.create_sync('renamed', source => 'a', target => 'b');
SET ROLE gone; SELECT tplus.create_sync('orphan', source => 'a', target => 'b');
INSERT INTO tplus.alert (sync, kind, message) VALUES ('orphan', 'stale', 'nobody''s alert of 1.0');
RESET ROLE; DROP ROLE gone; ALTER ROLE old_name RENAME TO new_name;
CREATE VIEW mine AS SELECT sync, owner FROM tplus.sync_status;
SQL
my %columns = map { $_ => sql(<<"SQL") } @kept;
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
 WHERE attrelid = 'tplus.$_'::regclass AND attnum > 0 AND attname <> 'owner'
SQL
for my $table (@kept)
{
	cmp_ok(sql("SELECT count(*) FROM tplus.$table"), '>', 0, "1.0 has rows in $table");
}
my $before = contents('old', \%columns, @kept);

# --- The update -----------------------------------------------------------------

my ($told) = ($node->psql('old', 'ALTER EXTENSION tplus_fdw UPDATE'))[2];
like($told, qr/WARNING:  foreign table "public.legacy": option "path" names an operation/, 'an update warns of what 2.0 refuses');
like($told, qr/WARNING:  column "code" of foreign table "public.legacy": option "filter" must not/, 'also of a column');
like($told, qr/WARNING:  sync "$_->[0]" belongs to role "$_->[1]", which does not exist\nHINT:  Nobody can run it/, "of a sync whose owner is not there: $_->[1]")
  for [ orphan => 'gone' ], [ renamed => 'old_name' ];
my ($status, $error) = ($node->psql('old', q{ALTER SERVER patient OPTIONS (ADD page_size '50')}))[0, 2];
is($status, 0, 'a server with a time-out of a day can be altered');
like($error, qr/WARNING:  value "86400000" of option "request_timeout_ms" is beyond its limit\nDETAIL:  It counts as 3600000\./, 'which warns');
for my $statement (q{ALTER SERVER patient OPTIONS (SET request_timeout_ms '86400001')},
	q{CREATE SERVER another FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'https://erp.example', connect_timeout_ms '3600001')})
{
	like(($node->psql('old', $statement))[2], qr/ERROR:  invalid value for option "\w+_timeout_ms"/, 'none of more than an hour can be set');
}
is(scalar(() = $told =~ /WARNING/g), 4, 'and of nothing else');
is(contents('old', \%columns, @kept), $before, 'an update keeps every row');

# Syncs belong to roles, whatever these are called.
my $owners = "SELECT string_agg(name || ' ' || owner, ', ' ORDER BY name) FROM tplus.sync_definition WHERE source = 'public.a'";
is(sql($owners), 'dash "-", orphan -, renamed -, weird "We""ird"', 'owners are those of 1.0, or nobody');
is(sql("SELECT string_agg(sync || ' ' || owner, ', ' ORDER BY sync) FROM tplus.alert WHERE sync <> 'item'"), 'orphan -, weird "We""ird"', 'also of alerts');
is(sql(q{SELECT owner FROM mine WHERE sync = 'weird'}), 'We"ird', 'a view of the user on the status stands');
for my $role ('"We""ird"', '"-"')
{
	like(($node->psql('old', "DROP ROLE $role"))[2], qr/ERROR:  role .* cannot be dropped.*\nDETAIL:  privileges for column owner of table tplus.sync_definition/,
		"$role, which owns a sync, cannot be dropped");
}
like(($node->psql('old', "CALL tplus.sync('orphan')"))[2], qr/ERROR:  sync "orphan" belongs to a role that does not exist\n.*\nHINT:  Drop it/, 'a superuser does not run what is nobody\'s');
sql(q{CREATE ROLE gone; CREATE ROLE old_name});
is(sql(qq{SET ROLE $_; SELECT count(*) FROM tplus.sync_status}), 0, "a new role $_ has none") for qw(gone old_name);
# The grants to owners do not come with the extension.
my $plain = 'REVOKE SELECT (owner) ON tplus.sync_definition FROM "We""ird", "-"';

my $fresh = catalog_of($node, 'fresh');
cmp_ok(scalar @$fresh, '>', 500, 'a catalog was read');
is(join("\n", differences(catalog_of($node, 'old', $plain), $fresh)), '', 'the catalog is that of a fresh extension');

# Each change, and a line that must tell of it.
my @changes = (
	[ q{DO $$ BEGIN EXECUTE replace(pg_get_functiondef('tplus.drop_sync(text)'::regprocedure), 'BEGIN', 'BEGIN NULL;'); END $$},
		qr/^\+ function tplus.drop_sync.*BEGIN NULL/ ],
	[ 'ALTER FUNCTION tplus.ping(name) COST 7', qr/^\+ function tplus.ping.*COST 7/ ],
	[ q{DO $$ BEGIN EXECUTE replace(pg_get_functiondef('tplus.check_syncs(interval)'::regprocedure), '3 days', '4 days'); END $$},
		qr/^\+ function tplus.check_syncs.*4 days/ ],
	[ 'REVOKE SELECT ON tplus.sync_run FROM PUBLIC', qr/^- view tplus.sync_run \{.*"=r/ ],
	[ 'GRANT INSERT (name) ON tplus.sync_definition TO PUBLIC', qr/^\+ pg_attribute of (?=.*"name").*"=a/ ],
	[ q{UPDATE pg_init_privs SET initprivs = '{}' WHERE objoid = 'tplus.sync_status'::regclass},
		qr/^- initial privileges on view tplus.sync_status/ ],
	[ 'CREATE OR REPLACE VIEW tplus.token_status AS SELECT * FROM tplus.token_states() WHERE true',
		qr/^\+ rule _RETURN on view tplus.token_status.*WHERE true/ ],
	[ 'ALTER VIEW tplus.sync_progress RESET (security_invoker)', qr/^- view tplus.sync_progress.*security_invoker/ ],
	[ 'ALTER TABLE tplus.alert ADD extra text', qr/^\+ pg_attribute of .*"extra"/ ],
	[ q{ALTER TABLE tplus.alert ALTER counts SET DEFAULT '[]'}, qr/^\+ default .*counts.*'\[\]'/ ],
	[ 'ALTER TABLE tplus.sync_log RENAME detail TO other; ALTER TABLE tplus.sync_log RENAME hint TO detail;
	   ALTER TABLE tplus.sync_log RENAME other TO hint',
		qr/^\+ pg_attribute of (?=.*"attname": "hint")(?=.*table tplus.sync_log)/ ],
	[ 'ALTER TABLE tplus.sync_definition DROP CONSTRAINT at_most_1000_years', qr/^- constraint at_most_1000_years/ ],
	[ 'DROP INDEX tplus.sync_log_sync_run_idx', qr/^- index tplus.sync_log_sync_run_idx/ ],
	[ 'ALTER POLICY see ON tplus.alert USING (true)', qr/^\+ policy see on table tplus.alert .*USING true/ ],
	[ 'ALTER TABLE tplus.token DISABLE ROW LEVEL SECURITY', qr/^\+ table tplus.token .*"relrowsecurity": false/ ],
	[ 'ALTER TABLE tplus.token ALTER access_token SET STATISTICS 7', qr/^\+ pg_attribute of (?=.*"access_token").*"attstattarget": 7/ ],
	[ q{COMMENT ON COLUMN tplus.sync_cursor.nulls IS 'other'}, qr/^\+ comment on column nulls .*other/ ],
	[ 'ALTER TYPE tplus._sync_fetch ADD ATTRIBUTE extra text', qr/^\+ pg_attribute of (?=.*"extra").*_sync_fetch/ ],
	[ 'ALTER EXTENSION tplus_fdw DROP FUNCTION tplus.info()', qr/^- function tplus.info\(\) needs extension/ ],
	[ q{UPDATE pg_extension SET extconfig = extconfig[2:], extcondition = extcondition[2:] WHERE extname = 'tplus_fdw'},
		qr/^- data of tplus.sync_definition / ]);
my @seen = differences(catalog_of($node, 'old', join ";\n", map { $_->[0] } @changes), $fresh);
for my $change (@changes)
{
	my ($statement, $line) = @$change;
	ok(scalar(grep { $_ =~ $line } @seen), "the comparison sees: $statement");
}

# --- Life goes on -----------------------------------------------------------------

$sim->clear_journal('erp');
$sim->mutate('erp', action => 'edit', pick => 'any_first', set => { Name => 'after the update' });
$sim->mutate('erp', action => 'edit', id => sql('SELECT key FROM tplus.sync_reject') =~ s/\D//gr, set => { Name => 'good' });
my $cursor = sql("SELECT max(value) FROM tplus.sync_cursor WHERE sync = 'item'");
sql("CALL tplus.sync('item')");
is(sql("SELECT kind, rows_inserted, rows_updated FROM tplus.sync_run WHERE sync = 'item' ORDER BY run DESC LIMIT 1"),
	'incremental|1|1', 'the next run is incremental, and stores what had been rejected');
is(sql('SELECT count(*) FROM tplus.sync_reject'), 0, 'which is not rejected any more');
is(scalar(grep { $_->{path} =~ /token/i } $sim->journal('erp')), 0, 'the token pair serves on');
my ($first) = grep { $_->{path} =~ /Query/ } $sim->journal('erp');
cmp_ok(abs(hex($first->{body}{param}{Ts}) - hex $cursor), '<', 5, 'from the cursor of 1.0');
$sim->mutate('erp', action => 'delete', pick => 'any_first');
sql("CALL tplus.sync('item', full => true)");
is(sql("SELECT rows_deleted FROM tplus.sync_run WHERE sync = 'item' ORDER BY run DESC LIMIT 1"),
	1, 'and what 1.0 wrote can be deleted');

# --- A dump of it ---------------------------------------------------------------

my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $file, '-d', $node->connstr('old') ], 'it is dumped');
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('copy') ],
	'and restored');
is(join("\n", differences(catalog_of($node, 'copy', $plain), $fresh)), '', 'with the same catalog');
is($node->safe_psql('copy', $owners), sql($owners), 'the same owners');
my @dumped = qw(sync_definition sync_cursor sync_key sync_reject);
is(contents('copy', \%columns, @dumped), contents('old', \%columns, @dumped), 'and the syncs');

done_testing;
