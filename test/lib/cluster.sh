# Sourced by what needs a database of its own and runs inside a prefix.

# start_cluster [SETTING ...]: makes and starts a cluster in $run, reachable
# only through a socket there; what follows connects to it by default.
start_cluster() {
	local data=$run/data setting
	initdb -D "$data" -U postgres -A trust --encoding=UTF8 --no-sync >"$run/log/initdb.log" 2>&1 || {
		cat "$run/log/initdb.log" >&2
		return 1
	}
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$run/tmp'"
		echo "fsync = off"
		# A failed CREATE USER MAPPING must not leave its secrets in a log.
		echo "log_min_error_statement = panic"
		for setting in "$@"; do
			echo "$setting"
		done
	} >>"$data/postgresql.conf"
	export PGHOST=$run/tmp PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	pg_ctl -s -w -D "$data" -l "$run/log/server.log" start || {
		tail -20 "$run/log/server.log" >&2
		return 1
	}
}

stop_cluster() {
	pg_ctl -s -w -m fast -D "$run/data" stop
}
