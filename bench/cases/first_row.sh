# Sourced by inside.sh: how soon the first row is there.

# byte_time BODY: seconds until the server's first byte of a reply, over a
# connection that is open already.
byte_time() {
	python3 - "$url" "$1" "$rounds" <<-'PY'
		import http.client, sys, time
		best = None
		for i in range(int(sys.argv[3])):
		    connection = http.client.HTTPConnection(sys.argv[1].split("//")[1])
		    connection.connect()
		    began = time.monotonic()
		    connection.request("POST", "/tplus/api/v2/inventory/Query", sys.argv[2])
		    connection.getresponse().read(1)
		    took = time.monotonic() - began
		    best = took if best is None else min(best, took)
		    connection.close()
		print(best)
	PY
}

# LIMIT 1 from a server that answers after 100 ms: a page of 500, and one body
# of 100 MB.
case_first_row() {
	local n=$((records * 18)) page= whole= served= i before requests
	prepare_bytes && start_server --synthetic "$n" --latency 100 && make_tables || return
	psql -Xq -c "CREATE FOREIGN TABLE whole (id bigint OPTIONS (field 'ID'), code text OPTIONS (field 'Code'))
		SERVER erp OPTIONS (resource 'inventory', variants 'none', paging 'none')" || return
	before=$(server_stat requests)
	for ((i = 0; i < rounds; i++)); do
		least page "$(seconds 'SELECT id, code FROM erp_item LIMIT 1')"
	done
	requests=$(($(server_stat requests) - before))
	served=$(byte_time '{"param":{"PageSize":500}}')
	row first-row/requests "$(ratio "$requests" "$rounds")" 1 "requests for LIMIT 1"
	row first-row/page "$(ratio "$page" "$served")" 1.2 \
		"LIMIT 1 of pages of 500 from a server that takes 100 ms: $page s, its first byte $served s"
	for ((i = 0; i < rounds; i++)); do
		least whole "$(seconds 'SELECT id, code FROM whole LIMIT 1')"
	done
	served=$(byte_time '{"param":{}}')
	row first-row/body "$(ratio "$whole" "$served")" 1.2 \
		"LIMIT 1 of one body of $((n * 111 / 1000000)) MB from such a server: $whole s, its first byte $served s"
}
