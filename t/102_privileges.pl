# Who may do what: files of the server, mappings of others through views and
# functions, roles without a mapping, the table of tokens; options that name
# files; and which token pairs are forgotten.
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
};

subtest 'forgotten pairs' => sub {
	my $rows = 'SELECT string_agg(server, \' \' ORDER BY server) FROM tplus.token';
	sql("DROP SERVER $_ CASCADE") for qw(lent files tickets pair);
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
