# Who may do what: files of the server, mappings of others through views and
# functions, roles without a mapping, the table of tokens; options that name
# files; every function, table and view of the extension; locks, rows and rights
# of others; and which token pairs are forgotten.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use TokenTest;

my ($node, $sim) = start_cluster();
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my %static = (app_secret => 'sim-secret', open_token => 'sim-open-token');

sub sql { return $node->safe_psql('postgres', @_) }

sub as
{
	my ($user, $sql) = @_;
	return $node->safe_psql('postgres', $sql,
		extra_params => [ '-U', $user ]);
}

# Writes a file that holds a value; returns its name.
sub file
{
	my ($name, $content) = @_;
	unlink "$dir/$name";
	PostgreSQL::Test::Utils::append_to_file("$dir/$name", $content);
	chmod 0600, "$dir/$name";
	return "$dir/$name";
}

account('lent', mapping => \%static);
sql(<<'SQL');
CREATE ROLE owner_role LOGIN;
CREATE ROLE user_role LOGIN;
CREATE ROLE stranger LOGIN;
GRANT USAGE ON FOREIGN DATA WRAPPER tplus_fdw TO owner_role;
GRANT CREATE ON DATABASE postgres TO owner_role;
GRANT CREATE ON SCHEMA public TO owner_role;
GRANT USAGE ON SCHEMA lent TO PUBLIC;
SQL

subtest 'options for superusers' => sub {
	my @options = map { [ split /\|/ ] } split /\n/, sql(<<~'SQL');
		SELECT object, name FROM tplus.options() WHERE superuser_only ORDER BY 1, 2
		SQL
	is(join(' ', map { $_->[1] } @options),
		'ca_file client_cert client_key app_key_file app_secret_file app_ticket_file '
		  . 'certificate_file open_token_file proxy_password_file refresh_token_file',
		'those that name files');
	as('owner_role', "CREATE SERVER own FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://127.0.0.1:9'); "
		  . "CREATE USER MAPPING FOR CURRENT_USER SERVER own OPTIONS (app_key 'k')");
	for my $option (@options)
	{
		my ($object, $name) = @$option;
		my @statements =
		  $object eq 'server'
		  ? ( "CREATE SERVER s FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://127.0.0.1:9', $name '/x')",
			"ALTER SERVER own OPTIONS (ADD $name '/x')")
		  : ( "CREATE USER MAPPING FOR PUBLIC SERVER own OPTIONS ($name '/x')",
			"ALTER USER MAPPING FOR CURRENT_USER SERVER own OPTIONS (ADD $name '/x')");
		fails_like($_, '42501', qr/permission denied to set option "$name" of a $object\n.*HINT:  Only a superuser/s,
			s/ .*//r . " $object: $name", user => 'owner_role')
		  for @statements;
	}

	# Whoever could redirect the server would get what the files hold.
	sql("ALTER SERVER own OPTIONS (ADD ca_file '/x'); "
		  . "ALTER USER MAPPING FOR owner_role SERVER own OPTIONS (ADD app_secret_file '/x')");
	fails_like("ALTER SERVER own OPTIONS (SET base_url 'http://127.0.0.1:10')",
		'42501', qr/"ca_file"/, 'nor any option beside it', user => 'owner_role');
	fails_like("ALTER USER MAPPING FOR CURRENT_USER SERVER own OPTIONS (SET app_key 'x')",
		'42501', qr/"app_secret_file"/, 'nor beside that of a mapping', user => 'owner_role');
	as('owner_role', 'DROP SERVER own CASCADE');
};

subtest 'files' => sub {
	$sim->tenant('files', records => 3);
	account('files', mapping => {});
	my $mapping = 'USER MAPPING FOR user_role SERVER files';
	sql('GRANT USAGE ON FOREIGN SERVER files TO user_role; GRANT USAGE ON SCHEMA files TO user_role; '
		  . 'GRANT SELECT ON files.item TO user_role; '
		  . "CREATE $mapping OPTIONS (app_key_file '" . file('key', "files\n") . "', "
		  . "app_secret_file '" . file('secret', 'sim-secret') . "', "
		  . "open_token_file '" . file('token', "sim-open-token\r\n") . "')");
	is(as('user_role', reads('files')), '3', 'a role reads with files that a superuser named');
	like(as('user_role', "SELECT umoptions::text FROM pg_user_mappings WHERE srvname = 'files' AND usename = current_user"),
		qr/app_secret_file=\Q$dir\E/, 'the catalog shows it the names');

	$sim->switches('files', open_tokens => 'another-token');
	fails_like(reads('files'), '28000', qr/expired or was revoked/, 'another token', user => 'user_role');
	file('token', 'another-token');
	is(as('user_role', reads('files')), '3', 'the file is read again');
	is(as('user_role', "SELECT tplus.ping('files') > 0"), 't', 'by each call');

	my @bad = (
		[ 'missing', undef, '58P01', qr/could not open the file of option "open_token_file": No such file/ ],
		[ 'empty', "\n", '22023', qr/the file of option "open_token_file" does not hold a value.*HINT:  It must hold one line/s ],
		[ 'two lines', "another-token\nanother-token\n", '22023', qr/"open_token_file" holds control characters.*HINT:/s ],
		[ 'a zero byte', "another\0token", '22023', qr/"open_token_file" does not hold a value/ ],
		[ 'too long', 'another-token' x 6000, '22023', qr/"open_token_file" does not hold a value/ ]);
	for my $case (@bad)
	{
		my ($name, $content, $sqlstate, $pattern) = @$case;
		file('token', $content // 'x');
		unlink "$dir/token" unless defined $content;
		fails_like(reads('files'), $sqlstate, $pattern, $name, user => 'user_role');
		fails_like(reads('files'), $sqlstate, qr/^(?!.*another)/s, "$name, and shows nothing of it", user => 'user_role');
	}
	is(sql("SELECT state, message ~ 'open_token_file' FROM tplus.token_status WHERE server = 'files' AND usename = 'user_role'"),
		'unusable|t', 'token_status says what is wrong');
	file('token', 'another-token');
	is(as('user_role', reads('files')), '3', 'and all is well again');

	fails_like("ALTER $mapping OPTIONS (ADD app_secret 'x')", 'HV00D',
		qr/"app_secret" and "app_secret_file" cannot be set together/, 'a value beside its file');
	fails_like("ALTER $mapping OPTIONS (ADD certificate_file '')", '22023', qr/must not be empty/, 'no name');

	# The worker gets what the file holds when it is needed.
	account('tickets', mapping => {
			app_secret => 'sim-secret',
			certificate_file => file('certificate', "sim-certificate\n"),
			app_ticket_file => file('ticket', "an-old-ticket\n") });
	fails_like(reads('tickets'), '28000', qr/4031|4041|ticket/i, 'a ticket that is no good');
	file('ticket', "sim-app-ticket\n");
	reads_all('tickets', 'the next one is read');
};

subtest 'mappings of others' => sub {
	sql(<<~'SQL');
		GRANT SELECT ON lent.item TO user_role, stranger;
		CREATE VIEW shown AS SELECT id FROM lent.item;
		CREATE VIEW shown_as_invoker WITH (security_invoker) AS SELECT id FROM lent.item;
		CREATE FUNCTION lend() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM lent.item';
		CREATE FUNCTION borrow() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM lent.item';
		CREATE FUNCTION lend_ping() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$ SELECT tplus.ping('lent') > 0 $$;
		CREATE MATERIALIZED VIEW stored AS SELECT id FROM lent.item;
		GRANT SELECT ON shown, shown_as_invoker, stored TO stranger;
		SQL
	is(as('stranger', 'SELECT count(*) FROM shown'), '3', 'a view reads with the mapping of its owner');
	is(as('stranger', 'SELECT lend()'), '3', 'as does a SECURITY DEFINER function');
	is(as('stranger', 'SELECT lend_ping()'), 't', 'also one that calls ours');
	is(as('stranger', 'SELECT count(*) FROM stored'), '3', 'a materialized view asks nobody');
	my $none = qr/no user mapping for user "stranger" on server "lent"\n.*HINT:  Use CREATE USER MAPPING FOR stranger SERVER lent/s;
	for my $case (
		[ 'SELECT count(*) FROM lent.item', 'the table itself' ],
		[ 'SELECT count(*) FROM shown_as_invoker', 'a view with security_invoker' ],
		[ 'SELECT borrow()', 'a function of the caller' ])
	{
		fails_like($case->[0], '42704', $none, "no mapping: $case->[1]", user => 'stranger');
	}
	fails_like("SELECT tplus.$_", '42501', qr/permission denied for foreign server lent/, "no USAGE: $_", user => 'stranger')
	  for "ping('lent')", "refresh_token('lent')", "authorize('lent', 'x')";
	sql('GRANT USAGE ON FOREIGN SERVER lent TO stranger');
	fails_like("SELECT tplus.$_", '42704', $none, "no mapping: $_", user => 'stranger')
	  for "ping('lent')", "refresh_token('lent')", "authorize('lent', 'x')";
	is(as('stranger', 'SELECT count(*) FROM tplus.renew_due()'), '0', 'nothing to renew');
	is(sql('EXPLAIN (COSTS OFF) SELECT id FROM lent.item', extra_params => [ '-U', 'stranger' ]),
		'Foreign Scan on item', 'a plan can be looked at');

	sql("CREATE USER MAPPING FOR PUBLIC SERVER lent OPTIONS (app_key 'lent', app_secret 'sim-secret')");
	fails_like(reads('lent'), '28000', qr/there is no token.*tplus\.authorize/s, 'the mapping for PUBLIC serves', user => 'stranger');
	sql("CREATE USER MAPPING FOR stranger SERVER lent OPTIONS (app_key 'lent')");
	fails_like(reads('lent'), '28000', qr/lacks option "app_secret".*HINT:  Use ALTER USER MAPPING FOR stranger/s,
		'a mapping that lacks something', user => 'stranger');
	as('stranger', "ALTER USER MAPPING FOR CURRENT_USER SERVER lent OPTIONS (ADD open_token 'sim-open-token')");
	is(as('stranger', reads('lent')), '3', 'its own mapping comes first');
	is(sql("SET ROLE stranger; " . reads('lent')), '3', 'SET ROLE takes the mapping along');
	is(as('stranger', "SELECT count(*) FROM pg_user_mappings WHERE usename <> current_user AND umoptions IS NOT NULL"),
		'0', 'nobody sees those of others');
};

subtest 'the table of tokens' => sub {
	account('pair');
	reads_all('pair', 'there is a pair');
	sql('CREATE ROLE reader LOGIN IN ROLE pg_read_all_data, pg_write_all_data, pg_monitor');
	sql("GRANT USAGE ON FOREIGN SERVER pair TO reader; ALTER SERVER pair OWNER TO owner_role");
	for my $role (qw(user_role owner_role))
	{
		fails_like($_, '42501', qr/permission denied for table token/, "$role: $_", user => $role)
		  for 'SELECT * FROM tplus.token', 'DELETE FROM tplus.token', 'COPY tplus.token TO STDOUT',
		  'BEGIN; LOCK TABLE tplus.token';
		fails_like('ALTER TABLE tplus.token DISABLE ROW LEVEL SECURITY', '42501', qr/must be owner/, "$role: ALTER", user => $role);
	}
	is(as('reader', 'SELECT count(*) FROM tplus.token'), '0', 'pg_read_all_data sees no row');
	fails_like('SET row_security = off; SELECT * FROM tplus.token', '42501', qr/row-level security/,
		'nor without the filter', user => 'reader');
	is(as('reader', "SELECT count(*) FROM pg_stats WHERE tablename = 'token'"), '0', 'nor statistics');
	is(as('owner_role', "SELECT state FROM tplus.token_status WHERE server = 'pair'"), 'valid', 'token_status is for the owner');

	# A TOAST table has no policies.
	my $long = join '', map { sprintf '%08x', int rand 2**32 } 1 .. 1023;
	account('long');
	reads_all('long', 'with short tokens');
	$sim->tokens('long', access_token => "a$long", refresh_token => "r$long");
	$sim->fault('long', match => { path => '/auth*' }, action => 'status', times => 1, status => 200,
		body => qq({"code": "200", "message": "", "result": {"access_token": "a$long", "expires_in": "518400", )
		  . qq("refresh_token": "r$long", "refresh_expires_in": "2505600", "scope": "auth_all"}}));
	sql("SELECT tplus.refresh_token('long')");
	reads_all('long', 'with tokens of 8 kB');
	is(sql('SELECT count(*) FROM tplus.token_part WHERE part <> 0'), 12, 'which are in pieces');
	for my $table (qw(token token_part))
	{
		my $toast = sql("SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'tplus.$table'::regclass");
		is($toast eq '-' ? 0 : as('reader', "SELECT count(*) FROM $toast"), '0', "nothing of $table is in TOAST");
		is(as('reader', "SELECT count(*) FROM tplus.$table"), '0', "nor does a reader see $table");
	}
};

subtest 'everything that the extension has' => sub {
	# What everybody may execute, and why that harms nobody.
	my %public = (
		'asks T+ with the mapping of the caller, or what the owner of a server lent to all' =>
		  'authorize calibrate ping refresh_token renew_due',
		'shows what the caller may see: his, that of his servers, or all to pg_monitor' =>
		  'budget_entries high_water month_entries request_entries stat_entries token_states _progress _running_pid',
		'tells what is no secret' => 'info options tplus_fdw_handler tplus_fdw_validator _cron_database _has_cron _is_superuser',
		'needs the rights that its statements need, which the caller has or has not' => <<~'NAMES',
			comment_columns alter_sync check_syncs create_sync drop_sync prune_history resync schedule_sync sync sync_preview unschedule_sync
			_adopt _ask_again _bad_column _begin_run _bisect _cause _check_definition _check_expressions _check_fields _check_keys
			_check_records _compare _convert_keys _count_not_own _do _end_badly _end_well _execute _execute_inside _explain_twin _fetch
			_find_changes _find_deleted _find_moves _forget_rejects _give_keys _keep_records _keep_settings _keys_of _let_wait _make_temp _mark_crashed
			_new_rows _prepare_raw _raw_key _read _read_raw _read_records _read_rejected _reject _reject_twins _run _step _sync _tell_month _thin_out
			_unschedule _update _waits_for_month _window_column _work _write _write_all
			NAMES
		'computes, or reads the catalog as everybody may' => <<~'NAMES',
			_all_columns _belongs _bound _check_cron _check_job _check_names _check_no_transaction _check_size _check_sizes _check_target
			_check_word _columns _cron_field _current_role _cursor_is_time _cursor_of _cursor_text _cut _date_style _default_cursor _differs
			_fraction _hangs_on _is_exact _is_gone _is_no_record _is_tplus _key_exprs _key_of _key_text _list _marker_is_there _may_see
			_must_wait _names _next_run _no_cause _old_settings _owned _plain_column _qualified _raise _raise_same_key _record_text _same_key
			_server_of _setting_of_role _shape _shape_columns _shape_cursor _shape_mark _start_of _unique_of _updated _version_before _window
			NAMES
		'is a gate, which writes rows of the caller only, and bounds them' => <<~'NAMES',
			_add_keys _alert _clear_cursors _define _drop_keys _drop_rejects _forget_sync _log_begun _log_crashed _log_failed _log_skipped
			_log_succeeded _prune _put_reject _redefine _resolve_alerts _set_key_texts _set_records _set_schedule _set_settings
			NAMES
		'takes locks and places of syncs of the caller only' => '_begin_progress _check_lock _end_progress _lock_alerts _lock_run _set_phase _unlock_run',
		'refuses, or changes nothing' => '_check_session',
		'makes a grant what it has to be by the table, whoever calls it' => '_hold _keep_hold',
		'tells how many requests a server of the caller has left' => '_month_left _requests_left');
	# What nobody may but the extension itself, and superusers.
	my @inside = grep { !/execute/ } map { "${_}_inside" } '_hold', grep { /./ } split /\s+/, $public{'is a gate, which writes rows of the caller only, and bounds them'};
	my %closed = map { $_ => 1 } @inside, '_hold_owner', 'stat_reset';
	my %open = map { $_ => 1 } grep { /./ } map { split /\s+/ } values %public;

	my $extension = "d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tplus_fdw') AND d.deptype = 'e'";
	my (@unknown, %seen);
	for (split /\n/, sql(<<~"SQL"))
		SELECT p.proname, p.prosecdef, EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0),
		       array_to_string(p.proconfig, ' ') ~ '^search_path=pg_catalog, pg_temp'
		  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass WHERE $extension
		SQL
	{
		my ($name, $definer, $everybody, $path) = split /\|/;
		$seen{$name} = 1;
		push @unknown, $name unless $open{$name} xor $closed{$name};
		push @unknown, "$name for everybody: $everybody" if ($everybody eq 't') != ($open{$name} // 0);
		push @unknown, "$name has the rights of its owner" if $definer eq 't' && (!$closed{$name} || !$path);
		push @unknown, "$name does not" if $name =~ /_inside$/ && $definer ne 't' && $name ne '_execute_inside';
	}
	is_deeply(\@unknown, [], 'each function is one that this table knows');
	is_deeply([ grep { !$seen{$_} } sort(keys %open, keys %closed) ], [], 'and each that it knows is there');

	# Tables, views, sequences: what everybody may.
	my %relations = (
		# Views show what the caller may see, by row-level security or by their functions.
		map({ $_ => 'SELECT' } qw(budget_queue request_log stat_months stat_requests sync_progress sync_run sync_status token_status)),
		# Row-level security shows what the caller may see.
		map({ $_ => 'SELECT' } qw(alert sync_cursor sync_definition sync_key sync_log sync_reject)),
		# pg_dump reads them; nobody takes a number.
		map({ $_ => 'SELECT' } qw(sync_definition_id_seq sync_log_run_seq sync_reject_id_seq)),
		alert_id_seq => '', token => '', token_part => '');
	my %there = map { split /\|/, $_, 2 } split /\n/, sql(<<~"SQL");
		SELECT c.relname, coalesce((SELECT string_agg(a.privilege_type, ' ' ORDER BY 1)
		         FROM aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a WHERE a.grantee = 0), '')
		       || coalesce((SELECT ' ' || string_agg(x.attname || ' ' || a.privilege_type, ' ')
		                      FROM pg_attribute x, aclexplode(x.attacl) a WHERE x.attrelid = c.oid AND a.grantee = 0), '')
		       || CASE WHEN c.relkind = 'r' AND NOT c.relrowsecurity THEN ' no row-level security' ELSE '' END
		       || CASE WHEN c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
		               AND EXISTS (SELECT FROM pg_depend v JOIN pg_class t ON t.oid = v.refobjid AND v.refclassid = 'pg_class'::regclass
		                             JOIN pg_rewrite r ON r.oid = v.objid WHERE r.ev_class = c.oid AND t.relkind = 'r') THEN ' reads as its owner' ELSE '' END
		  FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
		 WHERE $extension AND c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p')
		SQL
	is_deeply(\%there, \%relations, 'each table, view and sequence is one that this table knows');
	is(sql(<<~'SQL'), '', 'and all policies only let see');
		SELECT string_agg(polname || polrelid::regclass, ' ') FROM pg_policy
		 WHERE polrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'tplus'::regnamespace) AND polcmd <> 'r'
		SQL
};

# What one role may do that is in the way of others, or takes their rights.
subtest 'the way of nobody' => sub {
	my $tables = 'sync_definition sync_cursor sync_key sync_log sync_reject alert token token_part';
	sql('GRANT CREATE ON SCHEMA public TO user_role; CREATE ROLE listener LOGIN');
	my $sync = "CREATE TABLE made_%1\$s (id int PRIMARY KEY, name text); CREATE TABLE source_%1\$s AS SELECT 1 AS id, 'a' AS name; "
	  . "SELECT tplus.create_sync('sync_%1\$s', 'source_%1\$s', 'made_%1\$s', key => 'id', cursor_column => '', deletes => 'delete')";
	as($_, sprintf $sync, $_) for qw(owner_role user_role);

	# Locks: any that a privilege could give, and those of runs.
	my @denied = map {
		my $table = $_;
		map({ "BEGIN; LOCK TABLE tplus.$table IN $_ MODE; ROLLBACK" }
			'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', 'SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE'),
		map({ "SELECT FROM tplus.$table $_" } 'FOR UPDATE', 'FOR KEY SHARE'),
		"INSERT INTO tplus.$table DEFAULT VALUES", "DELETE FROM tplus.$table", "TRUNCATE tplus.$table"
	} split ' ', $tables;
	my (undef, undef, $err) = $node->psql('postgres', join(";\n", map { ($_, "DO \$\$ BEGIN RAISE WARNING 'after' ; END \$\$") } @denied), on_error_stop => 0, extra_params => [ '-U', 'user_role' ]);
	my @answers = split /WARNING:  after\n/, $err;
	is_deeply([ map { $answers[$_] =~ /ERROR:  permission denied for table/ ? () : $denied[$_] } 0 .. $#denied ], [], 'nobody locks or writes a table');
	fails_like(q{INSERT INTO tplus.alert (kind, message) VALUES ('failed', repeat('x', 190000000))}, '42501', qr/permission denied/,
		'190 MB for everybody to read', user => 'user_role');
	my $holder = $node->background_psql('postgres', extra_params => [ '-U', 'user_role' ], on_error_stop => 0);
	my $id = sql("SELECT id FROM tplus.sync_definition WHERE name = 'sync_owner_role'");
	$holder->query(<<~"SQL");
		BEGIN;
		SELECT pg_advisory_lock(1414548563, $id), pg_advisory_lock(1414548563, -1), pg_advisory_lock(0, $id), pg_advisory_lock($id);
		SAVEPOINT s; SELECT tplus._lock_run($id); ROLLBACK TO s;
		SAVEPOINT s; SELECT tplus._lock_alerts(); RELEASE s;
		SELECT tplus.create_sync('another', 'source_user_role', 'made_user_role', key => 'id', cursor_column => '');
		SET CONSTRAINTS ALL IMMEDIATE;
		SQL
	as('owner_role', "SET statement_timeout = '20s'; CALL tplus.sync('sync_owner_role')");
	is(sql("SELECT status FROM tplus.sync_run WHERE sync = 'sync_owner_role'"), 'succeeded', 'the sync of another runs while all locks are held that can be');
	as('owner_role', "SET statement_timeout = '20s'; " . sprintf($sync, 'more') . "; SELECT tplus.drop_sync('sync_more')");
	is(sql("SET statement_timeout = '20s'; SELECT tplus.check_syncs() >= 0"), 't', 'a superuser checks all');
	$holder->query("SELECT tplus._log_begun((SELECT id FROM tplus.sync_definition WHERE name = 'another'), 'full', 'x', NULL, NULL)");
	$holder->query("SELECT tplus._alert('another', NULL, 'user_role', 'failed', 'x')");
	is(sql("SET statement_timeout = '20s'; SELECT tplus.check_syncs() >= 0, tplus.prune_history('0') >= 0"), 't|t', 'and waits for no row of another');
	$holder->query('ROLLBACK');
	# Rows that are there already are locked by what changes them.
	$holder->query("SELECT tplus._alert('sync_user_role', NULL, 'user_role', 'failed', 'x'), tplus._log_begun((SELECT id FROM tplus.sync_definition WHERE name = 'sync_user_role'), 'full', 'x', NULL, NULL)");
	$holder->query("BEGIN; SELECT tplus._alert('sync_user_role', NULL, 'user_role', 'failed', 'y'), tplus._log_crashed((SELECT id FROM tplus.sync_definition WHERE name = 'sync_user_role'), true)");
	is(sql("SET statement_timeout = '20s'; SELECT tplus.check_syncs() >= 0, tplus.prune_history('0') >= 0"), 't|t', 'nor for one that it is at');
	$holder->query('ROLLBACK');
	$holder->quit;

	# The gates: rows of others, and rows of no sync.
	my %call = (
		_add_keys => "$id, '{1}'", _clear_cursors => $id, _drop_keys => "$id, '{1}'", _drop_rejects => "$id, '{1}'",
		_log_begun => "$id, 'full', 'x', NULL, NULL", _log_crashed => "$id, true", _log_skipped => "$id, 'full', 'x', 'x'",
		_lock_run => $id, _put_reject => "$id, NULL", _set_key_texts => "$id, true", _set_records => "$id, '{1}', '{1}'",
		_set_schedule => "$id, '* * * * *'", _set_settings => "$id, 'UTC', 'ISO'",
		_redefine => "jsonb_populate_record(NULL::tplus.sync_definition, '{\"id\": $id}')",
		_log_succeeded => "jsonb_populate_record(NULL::tplus.sync_log, (SELECT '{\"run\": ' || last_value || '}' FROM tplus.sync_log_run_seq)::jsonb), NULL, true",
		_alert => "'sync_owner_role', NULL, 'owner_role', 'failed', 'x', '{}'");
	as('owner_role', "SELECT tplus._log_begun($id, 'full', 'x', NULL, NULL), tplus._alert('sync_owner_role', NULL, 'owner_role', 'failed', 'x')");
	@denied = map { ("SELECT tplus.$_($call{$_})", $_ eq '_lock_run' ? () : "SELECT tplus.${_}_inside('owner_role', $call{$_})") } sort keys %call;
	(undef, undef, $err) = $node->psql('postgres', join(";\n", map { ($_, "DO \$\$ BEGIN RAISE WARNING 'after' ; END \$\$") } @denied), on_error_stop => 0, extra_params => [ '-U', 'user_role' ]);
	@answers = split /WARNING:  after\n/, $err;
	is_deeply([ map { $answers[$_] =~ ($denied[$_] =~ /_inside/ ? qr/ERROR:  permission denied for function/ : qr/ERROR:  only the owner of a sync/) ? () : ($denied[$_], $answers[$_]) } 0 .. $#denied ],
		[], 'a gate writes nothing of another, nor does what is behind it');
	my $before = sql("SELECT d::text FROM tplus.sync_definition d WHERE id = $id");
	my $theirs = "SELECT (SELECT count(*) FROM tplus.sync_log WHERE sync = 'sync_owner_role'), (SELECT count(*) FROM tplus.alert WHERE sync = 'sync_owner_role' AND resolved IS NULL)";
	my $count = sql($theirs);
	like(as('user_role', "SELECT tplus._forget_sync($id), tplus._resolve_alerts(ARRAY(SELECT generate_series(1, 100)::bigint)), tplus._prune('-1 day')"),
		qr/^f\|/, 'a sync of another is not forgotten');
	is(sql($theirs), $count, 'nor resolved or pruned');
	fails_like("SELECT tplus.drop_sync('sync_owner_role')", '42704', qr/does not exist/, 'or dropped', user => 'user_role');
	is(sql("SELECT d::text FROM tplus.sync_definition d WHERE id = $id"), $before, 'and are what they were');
	fails_like("SELECT tplus._alert($_, 'x')", '42704', qr/an alert is about/, "no alert about $_", user => 'user_role')
	  for q{'nothing', NULL, 'user_role', 'failed'}, q{NULL, NULL, 'user_role', 'failed'}, q{NULL, 'nowhere', 'user_role', 'token'}, q{'sync_owner_role', NULL, 'user_role', 'failed'};
	fails_like("SELECT tplus._alert('sync_user_role', NULL, 'user_role', 'other', 'x')", '22023', qr/invalid value/, 'nor of any kind', user => 'user_role');
	as('user_role', "SELECT tplus._alert('sync_user_role', NULL, 'user_role', 'recovered', repeat('x', 1000000)) FROM generate_series(1, 10)");
	is(sql("SELECT max(length(message)), max(times) FROM tplus.alert WHERE sync = 'sync_user_role' AND kind = 'recovered'"), '8000|1', 'its text is cut off');
	# A caller is who he is, whatever he says.
	is(sql("SET ROLE user_role; SELECT tplus._set_schedule(id, NULL) IS NOT NULL FROM tplus.sync_definition"), 't', 'SET ROLE is seen');
	sql("CREATE FUNCTION lend_gate() RETURNS text LANGUAGE sql SECURITY DEFINER AS \$\$ SELECT tplus._set_schedule($id, NULL)::text \$\$; ALTER FUNCTION lend_gate() OWNER TO owner_role");
	is(as('user_role', 'SELECT lend_gate() IS NOT NULL'), 't', 'as is the owner of a SECURITY DEFINER function');

	# Long texts.
	my $long = "repeat('x', 70000)";
	for my $call ("create_sync($long, 'source_user_role', 'made_user_role', key => 'id')", "sync_preview($long)", "drop_sync($long)",
		"alter_sync('sync_user_role', filter => '''' || $long || ''' = ''''')", "schedule_sync('sync_user_role', $long)", "_set_schedule(1, $long)",
		"alter_sync('sync_user_role', mapping => jsonb_build_object('name', '''' || $long || ''''))", "_window_column('sync_user_role', $long)")
	{
		fails_like("SELECT tplus.$call", $call =~ /_set/ ? '42501' : '54000', $call =~ /_set/ ? qr// : qr/argument "\w+" is too long\nDETAIL:  It has \d+ bytes; at most \d+ are taken/,
			substr($call, 0, 60), user => 'user_role');
	}

	# Everybody can listen, and learns nothing.
	my $out = '';
	$node->psql('postgres', "LISTEN tplus_alert; SET ROLE user_role; SELECT tplus._alert('sync_user_role', NULL, 'user_role', 'stale', 'secret words'); RESET ROLE; SELECT 1", stdout => \$out);
	like($out, qr/notification "tplus_alert" with payload "\{"id": \d+, "kind": "stale"\}"/, 'a notification has a number and a kind');
	is(as('listener', 'SELECT count(*) FROM tplus.alert'), '0', 'what it stands for is for those who may see it');
};

subtest 'whose rights a sync has' => sub {
	sql(<<~'SQL');
		CREATE TABLE loot (what text, who text, session text);
		GRANT INSERT ON loot TO PUBLIC;
		CREATE SCHEMA trap AUTHORIZATION user_role;
		SQL
	as('user_role', <<~'SQL');
		CREATE FUNCTION trap.spring(what text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
		  BEGIN PERFORM set_config('role', 'none', false); EXCEPTION WHEN OTHERS THEN NULL; END;
		  BEGIN RESET SESSION AUTHORIZATION; EXCEPTION WHEN OTHERS THEN NULL; END;
		  INSERT INTO public.loot VALUES (what, current_user, session_user);
		  RETURN 'x';
		END $$;
		-- Said to be immutable, so that planning calls it.
		CREATE FUNCTION trap.folded(what text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN trap.spring(what); END $$;
		CREATE FUNCTION trap.as_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.spring(TG_NAME); RETURN NEW; END $$;
		CREATE TYPE trap.odd AS (a text);
		CREATE FUNCTION trap.odd_text(trap.odd) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN trap.spring('cast'); END $$;
		CREATE CAST (trap.odd AS text) WITH FUNCTION trap.odd_text(trap.odd) AS ASSIGNMENT;
		CREATE FUNCTION trap.same(integer, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.spring('operator'); RETURN true; END $$;
		CREATE OPERATOR trap.= (leftarg = integer, rightarg = text, function = trap.same);
		CREATE TABLE trap.source AS SELECT 1 AS id, 'a' AS name, 'b' AS cast, 'c' AS operator;
		CREATE TABLE trap.made (id int PRIMARY KEY, name text, "cast" text, late text DEFAULT trap.spring('default'), folded text DEFAULT trap.folded('folded'));
		CREATE TRIGGER at_once BEFORE INSERT ON trap.made FOR EACH ROW EXECUTE FUNCTION trap.as_trigger();
		CREATE CONSTRAINT TRIGGER in_the_end AFTER INSERT ON trap.made DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap.as_trigger();
		SET search_path = trap, pg_catalog, public;
		SELECT tplus.create_sync('trap', 'trap.source', 'trap.made', key => 'id', cursor_column => '', deletes => 'delete', filter => $$ id = 'x'::text $$,
		  mapping => $${"name": "trap.spring('mapping')", "cast": "ROW('x')::trap.odd"}$$);
		SQL
	sql('DELETE FROM loot');
	for my $session ('SET ROLE user_role', 'SET SESSION AUTHORIZATION user_role', 'SET SESSION AUTHORIZATION owner_role; RESET SESSION AUTHORIZATION; SET ROLE user_role')
	{
		for my $call ("CALL tplus.sync('trap')", "CALL tplus.resync('trap', '2025-01-01', by_column => 'x')", "SELECT * FROM tplus.sync_preview('trap')",
			"SELECT tplus.alter_sync('trap', filter => 'true')", "SELECT tplus.alter_sync('trap', adopt => true)")
		{
			my (undef, undef, $err) = $node->psql('postgres', "$session;\n$call", extra_params => [ '-v', 'VERBOSITY=verbose' ]);
			like($err, $call =~ /resync/ ? qr/ERROR/ : qr/ERROR:  42501: a sync of role "user_role" cannot run in a session of role/, "$session: $call");
			unlike($err, qr/HINT:.*SET (ROLE|SESSION)/, 'nor does a hint lead there');
		}
		# What is planned then becomes no other role.
		$node->psql('postgres', "$session;\nSELECT tplus.create_sync('more', 'trap.source', 'trap.made', key => 'id', cursor_column => '',
			mapping => '{\"name\": \"trap.folded(''planned'')\"}'); SELECT tplus.drop_sync('more')");
	}
	fails_like($_, '42501', qr/belongs to role "user_role"/, $_) for "CALL tplus.sync('trap')", "SELECT * FROM tplus.sync_preview('trap')", "SELECT tplus.alter_sync('trap')";
	sql("SELECT tplus.check_syncs(), count(*), max(next_run) FROM tplus.sync_status; SELECT count(*) FROM tplus.sync_run, tplus.sync_progress; ANALYZE tplus.sync_definition");
	is(sql("SELECT string_agg(DISTINCT who, ' ') FROM loot WHERE who <> 'user_role'"), '', 'nothing of it ran as anybody else');
	sql('DELETE FROM loot');
	as('user_role', "CALL tplus.sync('trap'); CALL tplus.sync('trap', true); SELECT count(*) FROM tplus.sync_preview('trap')");
	is(sql("SELECT string_agg(DISTINCT who || ' ' || session, ', ') FROM loot"), 'user_role user_role', 'in a session of its owner, it runs as that');
	is(sql("SELECT string_agg(DISTINCT what, ' ' ORDER BY what) FROM loot"), 'at_once cast default folded in_the_end mapping operator', 'all of it');

	# A run whose lock is given back does not count.
	fails_like("SELECT tplus.alter_sync('trap', filter => ''); SELECT tplus.alter_sync('trap', mapping => '{\"name\": \"pg_advisory_unlock_all()::text\"}');\nCALL tplus.sync('trap', true)",
		'55000', qr/the lock of the run was given back/, 'pg_advisory_unlock_all()', user => 'user_role');
};

subtest 'the mapping of all' => sub {
	$sim->tenant('common');
	account('common', mapping => {});
	sql('GRANT USAGE ON FOREIGN SERVER common TO user_role, owner_role; GRANT USAGE ON SCHEMA common TO PUBLIC; GRANT SELECT ON common.item TO PUBLIC; '
		  . "DROP USER MAPPING FOR CURRENT_USER SERVER common; ALTER SERVER common OWNER TO owner_role; "
		  . "CREATE USER MAPPING FOR PUBLIC SERVER common OPTIONS (app_key 'common', app_secret 'sim-secret', refresh_token 'sim-refresh-token')");
	is(as('user_role', reads('common')), '3', 'everybody reads with it');
	my $generation = "SELECT generation FROM tplus.token WHERE server = 'common'";
	my $was = sql($generation);
	for my $call ("authorize('common', 'sim-code')", "refresh_token('common')")
	{
		fails_like("SELECT tplus.$call", '42501', qr/must be owner of server "common" to replace the token.*HINT:  Use CREATE USER MAPPING FOR user_role SERVER common/s,
			$call, user => 'user_role');
	}
	as('user_role', "SELECT * FROM tplus.renew_due('$_')") for '1 hour', '5 years';
	is(sql($generation), $was, 'and does not replace its token, nor has it renewed before it is due');
	as('owner_role', "SELECT tplus.refresh_token('common')");
	cmp_ok(sql($generation), '>', $was, 'the owner of the server does');
	$was = sql($generation);
	sql("UPDATE tplus.token SET expires_at = now() + interval '1 hour' WHERE server = 'common'");
	as('user_role', 'SELECT * FROM tplus.renew_due()');
	cmp_ok(sql($generation), '>', $was, 'and whoever uses it when it is due');
	sql('DROP SERVER common CASCADE; DELETE FROM tplus.token');
};

subtest 'forgotten pairs' => sub {
	my $rows = 'SELECT string_agg(server, \' \' ORDER BY server) FROM tplus.token';
	sql("DROP SERVER $_ CASCADE") for qw(lent files tickets pair long);
	sql('DELETE FROM tplus.token');
	for my $server (qw(used dropped alive untold failed))
	{
		account($server);
		reads_all($server, "$server: a pair");
	}
	account('made', mapping => { app_secret => 'sim-secret', certificate => 'sim-certificate', app_ticket => 'sim-app-ticket' });
	reads_all('made', 'made: a token');
	sql("DROP SERVER $_ CASCADE") for qw(dropped alive untold failed made);
	my $past = "expires_at = now() - interval '2 day', refresh_expires_at = now() - interval '1 day', obtained_at = now() - interval '30 days'";
	set_row($_, $past) for qw(used dropped failed made);
	set_row('alive', "expires_at = now() - interval '1 day'");
	set_row('untold', "expires_at = now() - interval '2 day', refresh_expires_at = NULL, obtained_at = now() - interval '89 days'");
	set_row('failed', "failure = 'failed', failed_until = now() + interval '5 min'");

	sql("CREATE SERVER riddle FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url 'http://127.0.0.1:9'); "
		  . "CREATE USER MAPPING FOR CURRENT_USER SERVER riddle OPTIONS (app_key 'x', app_secret 'x', refresh_token_file '/no/such')");
	sql('SELECT * FROM tplus.renew_due()');
	is(sql($rows), 'alive dropped failed made untold used', 'none while a mapping cannot be read');
	sql('DROP SERVER riddle CASCADE');
	as('user_role', 'SELECT * FROM tplus.renew_due()');
	is(sql($rows), 'alive dropped failed made untold used', 'none by an ordinary role');
	is(sql("BEGIN READ ONLY; SELECT count(*) > 0 FROM tplus.renew_due('0'); COMMIT"), 't', 'nor in a read-only transaction');
	is(sql($rows), 'alive dropped failed made untold used', 'which does not fail');
	sql('BEGIN; SELECT * FROM tplus.renew_due(); ROLLBACK');
	is(sql($rows), 'alive dropped failed made untold used', 'nor if it is rolled back');
	sql('SELECT * FROM tplus.renew_due()');
	is(sql($rows), 'alive failed untold used', 'those that nothing leads to and that have ended');
	set_row('untold', "obtained_at = now() - interval '91 days'");
	set_row('failed', "failed_until = now() - interval '5 min'");
	sql('SELECT * FROM tplus.renew_due()');
	is(sql($rows), 'alive used', 'later on');

	another('back', 'alive');
	reads_all('back', 'a mapping that comes back finds its pair');
	is(sql($rows), 'back used', 'as it was kept');
};

$node->stop;
done_testing();
