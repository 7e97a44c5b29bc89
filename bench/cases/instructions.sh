# Sourced by inside.sh: what does not depend on how busy the machine is.

# callgrind FUNCTION SQL: the instructions that FUNCTION and what it calls take
# while a server of its own runs SQL; sets $count.
callgrind() {
	local out=$run/log/callgrind.$1
	valgrind -q --tool=callgrind --toggle-collect="$1" --callgrind-out-file="$out" \
		postgres --single -j -D "$run/data" postgres >"$run/log/single.log" 2>&1 <<-SQL
			$2;

		SQL
	count=$(sed -n 's/^summary: //p' "$out")
	[ "${count:-0}" -gt 0 ] || {
		tail -20 "$run/log/single.log" >&2
		return 1
	}
}

# counted NAME FUNCTION SQL: prints the instructions per record of 5000.
counted() {
	callgrind "$2" "$3" || return
	row "$1" "$(ratio "$count" 5000000)" '' "thousand instructions a record in $2"
	[ -z "${TPLUS_BENCH_PROFILE:-}" ] ||
		callgrind_annotate --auto=no $TPLUS_BENCH_PROFILE "$run/log/callgrind.$2" |
		sed -n '/^Ir/,$p' | cut -c1-120
}

# in_form NAME [SWITCH ...]: the instructions for 5000 records as a server with
# these switches sends them.
in_form() {
	local name=$1 few=$bytes_dir/records.$1
	shift
	if [ ! -s "$few" ]; then
		start_simulator --records 5000 --set disabled_default=all "$@" || return
		python3 bench/prepare.py "$TPLUS_SIM_PORT" "$few.new" "$few.keys" || return
		kill "$sim_pid"
		mv "$few.new" "$few"
	fi
	start_server --records "$few" && make_tables || return
	psql -Xq -c 'INSERT INTO item SELECT * FROM erp_item' -c "COPY item TO '$run/tmp/few.copy'" || return
	stop_cluster
	counted "$name" tplusIterateForeignScan 'INSERT INTO item SELECT * FROM erp_item' &&
		counted "$name/insert" standard_ExecutorRun 'INSERT INTO item SELECT * FROM erp_item' || return
	[ "$name" != flat ] || counted copy CopyFrom "COPY item FROM '$run/tmp/few.copy'" || return
	pg_ctl -s -w -D "$run/data" -l "$run/log/server.log" start
}

# The statement of case_insert, with fewer records: as most servers send them,
# and in other forms that the protocol leaves open.
case_instructions() {
	prepare_bytes && in_form flat
}

case_forms() {
	prepare_bytes && in_form nested --set refs=nested && in_form ascii --set escape=ascii &&
		in_form absent --set nulls=absent && in_form dynamic --set custom_fields=dynamic
}
