#!/usr/bin/env bash
# try.sh [FILE.sql | COMMAND ...]
#
# Builds, starts a cluster and a simulator, sets up the extension, the server
# "erp" and the schema "erp", and runs FILE, COMMAND or an interactive psql
# there.  TPLUS_PREFIX=DIR keeps the build for the next time; SIM_OPTIONS go to
# the simulator.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

if [ "${1:-}" = --inside ]; then
	shift
	prefix=$TPLUS_PREFIX run=$TPLUS_RUN
	. test/lib/sim.sh
	. test/lib/cluster.sh
	start_cluster || exit 1
	start_simulator ${TPLUS_SIM_OPTIONS:-} || exit 1
	psql -Xq -v ON_ERROR_STOP=1 <<-'SQL' || say "(the usual objects could not be made)"
		\getenv url TPLUS_SIM_URL
		CREATE EXTENSION tplus_fdw;
		CREATE SERVER erp FOREIGN DATA WRAPPER tplus_fdw OPTIONS (base_url :'url');
		CREATE USER MAPPING FOR CURRENT_USER SERVER erp
		    OPTIONS (app_key 'try', app_secret 'sim-secret', open_token 'sim-open-token');
		CREATE SCHEMA erp;
		IMPORT FOREIGN SCHEMA tplus LIMIT TO (inventory) FROM SERVER erp INTO erp;
	SQL
	case ${1:-} in
		'') psql -X ;;
		*.sql) psql -Xa -f "$1" ;;
		*) "$@" ;;
	esac
	status=$?
	stop_cluster
	[ $status = 0 ] || tail -n 20 "$run/log/server.log" "$run/log/simulator.log" >&2
	exit $status
fi

bash "$here/install-deps.sh" build || exit 1
case ${1:-} in *.sql) sql=$(realpath "$1") ;; esac
make_prefix "${TPLUS_PREFIX:-}" || exit 1
trap 'trap "" INT TERM; end_run' EXIT
trap 'exit 1' TERM HUP
if [ -n "${sql:-}" ]; then
	as_tester tee "$run/tmp/try.sql" <"$sql" >/dev/null
	set -- "$run/tmp/try.sql"
fi
build_in_prefix
export TPLUS_SIM_OPTIONS=${SIM_OPTIONS:-}
as_tester bash test/lib/try.sh --inside "$@"
