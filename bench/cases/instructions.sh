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

# The same statement as case_insert's, with fewer records.
case_instructions() {
	local n=5000 few=$bytes_dir/records.few function
	prepare_bytes || return
	head -$n "$bytes_dir/records.$records" >"$few"
	start_server --records "$few" && make_tables || return
	stop_cluster
	for function in tplusIterateForeignScan standard_ExecutorRun; do
		callgrind $function 'INSERT INTO item SELECT * FROM erp_item' || return
		row "$function" "$(ratio "$count" $((n * 1000)))" '' "thousand instructions a record of 37 fields (callgrind)"
	done
	if [ -n "${TPLUS_BENCH_PROFILE:-}" ]; then
		callgrind_annotate --auto=no $TPLUS_BENCH_PROFILE "$run/log/callgrind.standard_ExecutorRun" |
			sed -n '/^Ir/,$p' | cut -c1-120
	fi
	pg_ctl -s -w -D "$run/data" -l "$run/log/server.log" start
}
