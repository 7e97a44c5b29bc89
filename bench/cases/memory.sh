# Sourced by inside.sh: memory that grows with a page, not with the result.

# grown SQL [BEFORE]: by how many bytes the memory of a session has grown at
# most during SQL, when BEFORE has been run in it.
grown() {
	psql -XAtq -v ON_ERROR_STOP=1 <<-SQL | tail -1
		${2:-};
		SELECT pg_backend_pid() AS pid \gset
		\setenv pid :pid
		\! echo 5 >/proc/\$pid/clear_refs; awk '/VmRSS/ {print \$2}' /proc/\$pid/status >$run/tmp/before
		$1;
		\! awk -v before=\$(cat $run/tmp/before) '/VmHWM/ {print (\$2 - before) * 1024}' /proc/\$pid/status
	SQL
}

# A million small records of four columns, in one response and in pages.
case_memory() {
	local n=$((records * 20)) one= pages=
	prepare_bytes && start_server --synthetic "$n" && make_tables || return
	psql -Xq <<-'SQL' || return
		CREATE FOREIGN TABLE whole (id bigint OPTIONS (field 'ID'), code text OPTIONS (field 'Code'),
		    name text OPTIONS (field 'Name'), made date OPTIONS (field 'MadeRecordDate'))
		    SERVER erp OPTIONS (resource 'inventory', variants 'none', paging 'none');
		CREATE FOREIGN TABLE paged (id bigint OPTIONS (field 'ID'), code text OPTIONS (field 'Code'),
		    name text OPTIONS (field 'Name'), made date OPTIONS (field 'MadeRecordDate'))
		    SERVER erp OPTIONS (resource 'inventory', variants 'none', paging 'ts', page_size '1000');
	SQL
	one=$(grown 'SELECT count(length(code) + length(name)) FROM whole' 'SELECT count(*) FROM (TABLE paged LIMIT 10) x')
	pages=$(grown 'SELECT count(length(code) + length(name)) FROM paged' 'SELECT count(*) FROM (TABLE paged LIMIT 10) x')
	row memory/one "$(awk -v b="$one" -v n="$n" 'BEGIN { printf "%.2f", (b - 40 * n) / 1048576 }')" 24 \
		"MB beyond 40 bytes a record, for $n records in one response (paging 'none'): $one bytes"
	row memory/pages "$(awk -v b="$pages" -v n="$n" 'BEGIN { printf "%.2f", (b - 40 * n) / 1048576 }')" 24 \
		"MB beyond 40 bytes a record, for $n records in pages of 1000: $pages bytes"
}
