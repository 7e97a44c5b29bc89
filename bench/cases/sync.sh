# Sourced by inside.sh: a complete reconciliation of two large tables.

# A source of a million rows, as many as BENCH_SYNC_ROWS says, and a target that
# a first run has filled.
make_sync() {
	psql -Xq -v ON_ERROR_STOP=1 -v rows="$1" >/dev/null <<-'SQL'
		CREATE EXTENSION IF NOT EXISTS tplus_fdw;
		CREATE TABLE many AS
		  SELECT i AS id, 'code' || i AS code, 'some name of an item ' || i AS name, i % 7 = 0 AS disabled,
		         date '2020-01-01' + i % 2000 AS made, (i * 1.37)::numeric(12, 2) AS price
		    FROM generate_series(1, :rows) AS i;
		CREATE TABLE synced (id integer PRIMARY KEY, code text, name text, disabled boolean, made date, price numeric(12, 2));
		CREATE TABLE empty (LIKE synced INCLUDING ALL);
		SELECT tplus.create_sync('many', source => 'many', target => 'synced', deletes => 'delete');
		CALL tplus.sync('many');
		VACUUM ANALYZE;
	SQL
}

case_sync() {
	local rows=${BENCH_SYNC_ROWS:-1000000} same= changed= insert= i
	make_sync "$rows" || return
	for ((i = 0; i < (rounds < 3 ? rounds : 3); i++)); do
		least insert "$(seconds 'INSERT INTO empty SELECT * FROM many' 'TRUNCATE empty')"
		least same "$(seconds "CALL tplus.sync('many', full => true)")"
		psql -Xqc "UPDATE many SET name = 'edited $i ' || id WHERE id % 100 = $i" || return
		least changed "$(seconds "CALL tplus.sync('many', full => true)")"
	done
	[ "$(psql -XAtqc 'SELECT count(*) FROM (TABLE many EXCEPT TABLE synced) x')" = 0 ] || return
	row sync/insert "$(ratio "$same" "$insert")" 2.0 \
		"full run, $rows rows against $rows that are the same $same s, INSERT … SELECT into an empty table $insert s"
	row sync-changed/insert "$(ratio "$changed" "$insert")" '' "with 1 % of the rows changed $changed s"
}
