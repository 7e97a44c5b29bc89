# Sourced by inside.sh: what the cases are made of.
#
# A case is a function case_NAME in cases/*.sh.  It runs in a subshell, starts
# the servers it needs, and prints rows.

records=$TPLUS_BENCH_RECORDS
rounds=$TPLUS_BENCH_ROUNDS
bytes_dir=$prefix/bench

describe_machine() {
	say "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores; $(postgres --version);" \
		"load $(cut -d' ' -f1 /proc/loadavg) at the start"
	say "Unless a row says otherwise: requests_per_second 0, variants 'none', paging 'ts', pages of 500; times are" \
		"the best of $rounds."
}

# row NAME VALUE GOAL TEXT: prints a row; a VALUE above the GOAL is marked.
row() {
	awk -v name="$1" -v value="$2" -v goal="$3" -v text="$4" 'BEGIN {
		verdict = goal == "" ? "" : value + 0 <= goal + 0 ? "ok" : "MISSED"
		printf "%-7s %-22s %8.3f %s  %s\n", verdict, name, value,
			goal == "" ? "             " : sprintf("(goal %6s)", goal), text
	}'
}

# ratio A B
ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", (b > 0) ? a / b : 0 }'
}

# prepare_bytes: files of $records records, as server.c wants them.  They are
# kept with the prefix.
prepare_bytes() {
	mkdir -p "$bytes_dir"
	[ -x "$bytes_dir/server" ] && [ "$bytes_dir/server" -nt bench/server.c ] ||
		gcc -O2 -Wall -o "$bytes_dir/server" bench/server.c -lpthread || return
	[ -s "$bytes_dir/keys.$records" ] && return
	start_simulator --records "$records" --set disabled_default=all || return
	python3 bench/prepare.py "$TPLUS_SIM_PORT" "$bytes_dir/records.$records" "$bytes_dir/keys.new" || return
	mv "$bytes_dir/keys.new" "$bytes_dir/keys.$records"
	kill "$sim_pid"
}

# start_server [OPTION ...]: a server of prepared bytes; sets $url.  It ends
# with this subshell.
start_server() {
	local port= out
	exec {out}< <(exec "$bytes_dir/server" --parent $BASHPID "$@" 2>>"$run/log/server.bench.log")
	read -r -t 60 port <&"$out" || return
	exec {out}<&-
	url=http://127.0.0.1:$port
}

# start_records [OPTION ...]: the same with the prepared records.
start_records() {
	prepare_bytes && start_server --records "$bytes_dir/records.$records" --keys "$bytes_dir/keys.$records" "$@"
}

# make_tables: see tables.sql; the server is at $url.
make_tables() {
	psql -Xq -v url="$url" -f bench/tables.sql >/dev/null 2>"$run/log/tables.log" || {
		cat "$run/log/tables.log" >&2
		return 1
	}
}

# server_stat NAME: what the server of prepared bytes has counted.
server_stat() {
	python3 -c '
import json, sys, urllib.request
print(json.load(urllib.request.urlopen(sys.argv[1] + "/stats"))[sys.argv[2]])' "$url" "$1"
}

# seconds SQL [BEFORE]: how long one statement takes on the server, in a
# session of its own that has run BEFORE.  What that session has been on a
# processor meanwhile is in $run/tmp/cpu then.
seconds() {
	psql -XAtq -v ON_ERROR_STOP=1 <<-SQL | tail -1
		${2:-};
		SELECT pg_backend_pid() AS pid \gset
		\setenv pid :pid
		\! cut -d' ' -f1 /proc/\$pid/schedstat >$run/tmp/cpu.before
		SELECT clock_timestamp() AS started \gset
		$1;
		SELECT clock_timestamp() AS ended \gset
		\! awk -v before=\$(cat $run/tmp/cpu.before) '{ print (\$1 - before) / 1e9 }' /proc/\$pid/schedstat >$run/tmp/cpu
		SELECT extract(epoch FROM :'ended'::timestamptz - :'started');
	SQL
}

# least NAME VALUE: keeps the smaller one in the variable NAME.
least() {
	printf -v "$1" '%s' "$(awk -v old="${!1:-}" -v new="$2" 'BEGIN {
		print old == "" || new + 0 < old + 0 ? new : old }')"
}
