# Sourced by inside.sh: loading a table.

# The bytes alone, over one connection, as the floor of any client.
bytes_alone() {
	python3 - "$url" <<-'PY'
		import http.client, sys, time
		connection = http.client.HTTPConnection(sys.argv[1].split("//")[1])
		page, rows, began = 1, 1, time.monotonic()
		while rows:
		    connection.request("POST", "/tplus/api/v2/inventory/QueryPage",
		                       '{"param":{"PageIndex":%d,"PageSize":500}}' % page)
		    rows, page = len(connection.getresponse().read()) > 64, page + 1
		assert page > 2, "no bytes"
		print(time.monotonic() - began)
	PY
}

case_insert() {
	local insert= copy= table= script= alone= insert_cpu= copy_cpu= i
	start_records && make_tables || return
	psql -Xq -c 'INSERT INTO item SELECT * FROM erp_item' || return
	psql -Xq -c "COPY item TO '$run/tmp/item.copy'" || return
	psql -Xq -c 'CREATE UNLOGGED TABLE heap AS SELECT * FROM item' || return
	for ((i = 0; i < rounds; i++)); do
		least insert "$(seconds 'INSERT INTO item SELECT * FROM erp_item' 'TRUNCATE item')"
		least insert_cpu "$(cat "$run/tmp/cpu")"
		least copy "$(seconds "COPY item FROM '$run/tmp/item.copy'" 'TRUNCATE item')"
		least copy_cpu "$(cat "$run/tmp/cpu")"
		least table "$(seconds 'INSERT INTO item SELECT * FROM heap' 'TRUNCATE item')"
		least alone "$(bytes_alone)"
	done
	[ "$(psql -XAtqc 'SELECT count(*) FROM item')" = "$records" ] || return
	row insert/copy "$(ratio "$insert" "$copy")" 2.0 \
		"INSERT … SELECT $records × 37 into an unlogged table $insert s, COPY of the same rows $copy s"
	row insert/copy-cpu "$(ratio "$insert_cpu" "$copy_cpu")" 2.0 \
		"the same by the time that the session was on a processor: $insert_cpu s, $copy_cpu s"
	row insert/table "$(ratio "$insert" "$table")" '' "the same rows from a table instead $table s"
	row bytes/insert "$(ratio "$alone" "$insert")" '' "the bytes alone $alone s"
	least script "$(seconds "\\! python3 bench/script.py $url")"
	[ "$(psql -XAtqc 'SELECT count(*) FROM script_item')" = "$records" ] || return
	[ "$(psql -XAtqc 'SELECT count(*) FROM (TABLE item EXCEPT TABLE script_item) x')" = 0 ] || return
	row insert/script "$(ratio "$insert" "$script")" 0.1 \
		"requests + psycopg2's execute_values, pages of 500: $script s for the same rows"
}
