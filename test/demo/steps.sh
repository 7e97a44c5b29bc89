#!/usr/bin/env bash
# The demonstration itself, inside a prefix.  Secrets reach psql through the
# environment only; what is printed is what psql reads, before it fills in
# variables, so that no secret is printed.
set -euo pipefail

. test/lib/common.sh
. test/lib/sim.sh
. test/lib/cluster.sh
prefix=$TPLUS_PREFIX
run=$TPLUS_RUN

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold= plain=; fi

heading() {
	printf '%s== %s%s\n\n' "$bold" "$*" "$plain"
}

# sql [timed]: prints the SQL on standard input and runs it.
sql() {
	{
		printf '%s\n' '\set QUIET on' '\set ON_ERROR_STOP on' '\pset pager off' \
			'\getenv base_url TPLUS_BASE_URL' '\getenv app_key TPLUS_APP_KEY' \
			'\getenv app_secret TPLUS_APP_SECRET' '\getenv open_token TPLUS_OPEN_TOKEN' \
			'\getenv refresh_token TPLUS_REFRESH_TOKEN' "\\timing $([ -n "${1:-}" ] && echo on || echo off)" \
			'\set QUIET off' '\set ECHO all'
		cat
	} | { psql -X && echo; } | cat -s
}

save_successor() {
	[ -n "${TPLUS_REFRESH_TOKEN:-}" ] && [ -z "${TPLUS_OPEN_TOKEN:-}" ] || return 0
	: >"$run/token-lost"
	(umask 077 && psql -XAtq -o "$run/successor" \
		-c 'SELECT refresh_token FROM tplus.token WHERE refresh_token IS NOT NULL') &&
		rm "$run/token-lost"
}

say "starting a database"
today=$(TZ=Asia/Shanghai date +%F)
start_cluster
trap 'save_successor; stop_cluster' EXIT
if [ -n "${TPLUS_BASE_URL:-}" ]; then
	simulated=
	say "reading from $TPLUS_BASE_URL"
else
	simulated=1
	start_simulator
	export TPLUS_BASE_URL=$TPLUS_SIM_URL TPLUS_APP_KEY=demo
	export TPLUS_APP_SECRET=sim-secret TPLUS_OPEN_TOKEN=sim-open-token
	$TPLUS_SIMCTL tenant demo '{"records": 5000, "end_date": "today", "switches": {"made_compare": "ge"}}' >/dev/null
	say "reading from a simulator of T+ with 5,000 items at $TPLUS_BASE_URL"
fi
say

heading "1. Say where T+ is, and who asks"
sql <<'SQL'
CREATE EXTENSION tplus_fdw;

CREATE SERVER erp FOREIGN DATA WRAPPER tplus_fdw
  OPTIONS (base_url :'base_url');
SQL
if [ -n "${TPLUS_OPEN_TOKEN:-}" ]; then
	sql <<'SQL'
CREATE USER MAPPING FOR CURRENT_USER SERVER erp
  OPTIONS (app_key :'app_key', app_secret :'app_secret', open_token :'open_token');
SQL
else
	sql <<'SQL'
CREATE USER MAPPING FOR CURRENT_USER SERVER erp
  OPTIONS (app_key :'app_key', app_secret :'app_secret', refresh_token :'refresh_token');
SQL
fi

heading "2. Make the foreign table, and a table of our own"
sql <<'SQL'
CREATE SCHEMA erp;
IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER erp INTO erp;

CREATE TABLE item (
  id bigint PRIMARY KEY, code text NOT NULL, name text, specification text,
  class text, made date, disabled boolean
);
SQL

heading "3. The first, full load"
sql timed <<'SQL'
INSERT INTO item
SELECT ID, Code, Name, Specification, InventoryClassName, MadeRecordDate, Disabled
FROM erp.inventory
ON CONFLICT (id) DO UPDATE
SET (code, name, specification, class, made, disabled) =
    (excluded.code, excluded.name, excluded.specification, excluded.class,
     excluded.made, excluded.disabled);
SQL
sql <<'SQL'
SELECT * FROM item ORDER BY made DESC, id LIMIT 5;
SQL

if [ -n "$simulated" ]; then
	heading "Meanwhile, in the ERP: two new items, and the oldest one is renamed"
	$TPLUS_SIMCTL mutate demo '[
		{"action": "insert", "record": {"Code": "DEMO-1", "Name": "演示存货一", "MadeRecordDate": "'"$today"'"}},
		{"action": "insert", "record": {"Code": "DEMO-2", "Name": "演示存货二", "MadeRecordDate": "'"$today"'"}},
		{"action": "edit", "pick": "any_first", "set": {"Name": "演示改名"}}]' >/dev/null
	say "(done through the control interface of the simulator)"
	say
fi

heading "4. From now on: only what is new"
sql <<'SQL'
-- The import asked how this T+ compares MadeRecordDate, and wrote it down.
-- Where it could not find out, the condition is checked here and everything
-- is read: slower, never wrong.
SELECT attname, attfdwoptions FROM pg_attribute
WHERE attrelid = 'erp.inventory'::regclass AND attname = 'maderecorddate';

EXPLAIN (ANALYZE, VERBOSE)
SELECT ID, Code, Name, Specification, InventoryClassName, MadeRecordDate, Disabled
FROM erp.inventory WHERE MadeRecordDate >= current_date - 1;
SQL
sql timed <<'SQL'
INSERT INTO item
SELECT ID, Code, Name, Specification, InventoryClassName, MadeRecordDate, Disabled
FROM erp.inventory WHERE MadeRecordDate >= current_date - 1
ON CONFLICT (id) DO UPDATE
SET (code, name, specification, class, made, disabled) =
    (excluded.code, excluded.name, excluded.specification, excluded.class,
     excluded.made, excluded.disabled)
WHERE item IS DISTINCT FROM excluded;
SQL
if [ -n "$simulated" ]; then
	sql <<'SQL'
-- MadeRecordDate is the day an item was filed: the renamed one was not seen.
SELECT * FROM item WHERE name LIKE '演示%' ORDER BY id;
SQL
else
	sql <<'SQL'
SELECT * FROM item WHERE made >= current_date - 1 ORDER BY id DESC LIMIT 5;
SQL
fi

heading "5. A sync goes on by row version, so it sees edits, too"
sql <<'SQL'
-- Columns of the same name need no mapping.  With lag '0' the second run needs
-- not wait until the first is a minute old.
SELECT tplus.create_sync('item', source => 'erp.inventory', target => 'item',
  mapping => '{"class": "InventoryClassName", "made": "MadeRecordDate"}', lag => '0');
SQL
sql timed <<'SQL'
-- The first run compares everything, and writes what differs.
CALL tplus.sync('item');
SQL

if [ -n "$simulated" ]; then
	heading "Meanwhile, in the ERP: one more item, and one is stopped"
	$TPLUS_SIMCTL mutate demo '[
		{"action": "insert", "record": {"Code": "DEMO-3", "Name": "演示存货三", "MadeRecordDate": "'"$today"'"}},
		{"action": "disable", "code": "DEMO-1"}]' >/dev/null
	say "(done through the control interface of the simulator)"
	say
fi

heading "6. The second run: only what changed"
sql <<'SQL'
SELECT * FROM tplus.sync_preview('item');
SQL
sql timed <<'SQL'
CALL tplus.sync('item');
SQL
if [ -n "$simulated" ]; then
	sql <<'SQL'
SELECT * FROM item WHERE name LIKE '演示%' ORDER BY id;
SQL
fi
sql <<'SQL'
-- The history: one row read was not new, the one from which the run went on.
SELECT run, kind, cause, status, requests, rows_read, rows_inserted, rows_updated, rows_unchanged
FROM tplus.sync_run;
SQL

if [ -n "$simulated" ]; then
	heading "7. A run that fails: T+ says that the quota is used up"
	$TPLUS_SIMCTL fault demo '{"match": {}, "action": "quota", "times": 0}' >/dev/null
	sql 2>&1 <<'SQL'
\set ON_ERROR_STOP off
\set SHOW_CONTEXT never
LISTEN tplus_alert;
CALL tplus.sync('item');
SELECT sync, kind, message, times FROM tplus.alert;
SQL
	$TPLUS_SIMCTL nofaults demo >/dev/null
	heading "And one that succeeds again"
	sql <<'SQL'
LISTEN tplus_alert;
CALL tplus.sync('item');
SELECT sync, health, rows, last_status, cursor FROM tplus.sync_status;
SQL
fi

heading "Your own T+"
cat <<'TEXT'
The same steps against a real account, for reading only:

  TPLUS_BASE_URL=https://openapi.chanjet.com \
  TPLUS_APP_KEY=... TPLUS_APP_SECRET=... TPLUS_OPEN_TOKEN=... make demo

Instead of TPLUS_OPEN_TOKEN, a pair of TPLUS_REFRESH_TOKEN and TPLUS_TOKEN_FILE
(a file that receives the refresh token which T+ puts in its place).

From there on: SELECT tplus.schedule_sync('item', '*/10 * * * *'), and the
section "Syncs" of README.md.
TEXT
