# Sourced by inside.sh: how much of the waiting is hidden.

# latency_tables: 100 pages in each way of paging, and one server on the same
# machine for each of four other accounts.
latency_tables() {
	local i
	psql -Xq -v ON_ERROR_STOP=1 -c "ALTER SERVER erp OPTIONS (ADD max_concurrency '8')" || return
	for i in "paged verify 'off'" "confirmed verify 'on'"; do
		psql -Xq -v ON_ERROR_STOP=1 -c "CREATE FOREIGN TABLE ${i%% *} (id bigint OPTIONS (field 'ID'), code text OPTIONS (field 'Code'))
			SERVER erp OPTIONS (resource 'inventory', variants 'none', paging 'page', ${i#* })" || return
	done
	for i in 1 2 3 4; do
		psql -Xq -v ON_ERROR_STOP=1 <<-SQL || return
			CREATE SERVER erp$i FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url '$url', requests_per_second '0');
			CREATE USER MAPPING FOR CURRENT_USER SERVER erp$i
			    OPTIONS (app_key 'bench$i', app_secret 'sim-secret', open_token 'sim-open-token');
			CREATE FOREIGN TABLE item$i (id bigint OPTIONS (field 'ID'), code text OPTIONS (field 'Code'))
			    SERVER erp$i OPTIONS (resource 'inventory', variants 'none', paging 'ts', page_size '2500');
		SQL
	done
}

# From a server that takes 100 ms for each page.
case_latency() {
	local name alone together serial union i
	prepare_bytes && start_server --synthetic 50000 --latency 100 && make_tables && latency_tables || return
	for name in paged confirmed; do
		together=$(seconds "SELECT count(code) FROM $name")
		psql -Xq -c "ALTER SERVER erp OPTIONS (SET max_concurrency '1')"
		serial=$(seconds "SELECT count(code) FROM $name")
		psql -Xq -c "ALTER SERVER erp OPTIONS (SET max_concurrency '8')"
		row "latency/$name" "$(ratio "$together" "$serial")" 0.1667 \
			"100 pages by number, 100 ms each, max_concurrency 8 against 1: $together s, $serial s"
	done
	serial=$(seconds 'INSERT INTO item (id, code) SELECT id, code FROM erp_item')
	row latency/cursor "$(ratio "$serial" 10.1)" 1.1 \
		"100 pages by Ts and the empty one, 100 ms each, against the sum of that: $serial s"
	for ((i = 0; i < rounds; i++)); do
		for name in 1 2 3 4; do
			least "alone$name" "$(seconds "SELECT count(code) FROM item$name")"
		done
		union=$(printf ' UNION ALL SELECT code FROM item%s' 1 2 3 4)
		least union_time "$(seconds "SELECT count(code) FROM (${union# UNION ALL}) x")"
	done
	alone=$(printf '%s\n' "$alone1" "$alone2" "$alone3" "$alone4" | sort -g | tail -1)
	row latency/union "$(ratio "$union_time" "$alone")" 1.25 \
		"UNION ALL over 4 servers, 20 pages of 2500 each, against the slowest alone: $union_time s, $alone s"
}
