# Sourced by inside.sh: how much is asked for.  The simulator of the tests
# answers, and its journal counts.

# start_journal: the simulator with $records records, and the tables for it.
start_journal() {
	start_simulator --records "$records" --set disabled_default=all --set made_compare=ge || return
	url=$TPLUS_SIM_URL
	make_tables
}

# asked SQL: runs it; sets $requests and $bytes, as EXPLAIN ANALYZE tells.
asked() {
	local plan
	plan=$(psql -XAtq -c "EXPLAIN (ANALYZE, VERBOSE) $1") || return
	requests=$(awk '/T\+ Requests:/ { n += $3 } END { print n + 0 }' <<<"$plan")
	bytes=$(awk '/T\+ Bytes Received:/ { n += $4 } END { print n + 0 }' <<<"$plan")
}

case_requests() {
	local all day n pages
	start_journal || return

	asked 'SELECT * FROM erp_item' || return
	all=$bytes
	asked 'SELECT code FROM erp_item' || return
	row wire/one-column "$(ratio "$bytes" "$all")" 0.125 \
		"bytes on the wire for one column of 37: $bytes of $all"

	psql -Xq -c "INSERT INTO item SELECT * FROM erp_item" \
		-c "ALTER FOREIGN TABLE erp_item ALTER maderecorddate OPTIONS (filter_op 'ge')" || return
	day=$(psql -XAtqc "SELECT maderecorddate FROM item WHERE NOT disabled
		ORDER BY 1 DESC OFFSET $((records / 100)) LIMIT 1")
	n=$(psql -XAtqc "SELECT count(*) FROM item WHERE NOT disabled AND maderecorddate >= '$day'")
	asked "SELECT * FROM erp_item WHERE NOT disabled AND maderecorddate >= '$day'" || return
	pages=$(((n + 499) / 500))
	row requests/date "$((requests - pages))" 1 \
		"requests beyond the $pages pages of $n records of $records, by MadeRecordDate with ge and NOT Disabled"

	psql -Xq -c "CREATE TABLE line AS SELECT code FROM
		(SELECT code, row_number() OVER () AS k FROM (SELECT code FROM item WHERE NOT disabled AND code ~ '^[[:alnum:]-]+$' ORDER BY id LIMIT 50) x) y,
		generate_series(1, 20)" -c 'ANALYZE line' || return
	psql -Xq -c 'ALTER DATABASE postgres SET enable_hashjoin = off' -c 'ALTER DATABASE postgres SET enable_mergejoin = off' \
		-c 'ALTER DATABASE postgres SET enable_material = off' || return
	asked 'SELECT count(e.name) FROM line JOIN erp_item e ON e.code = line.code WHERE NOT e.disabled' || return
	row requests/join "$requests" 50 "requests of a nested loop of 1000 rows over 50 plain codes, with NOT Disabled"
	psql -Xq -c 'ALTER DATABASE postgres RESET ALL'
}
