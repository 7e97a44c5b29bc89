#!/usr/bin/env bash
# inside.sh [CASE ...]: runs inside a prefix, as the unprivileged user.
set -uo pipefail

. test/lib/common.sh
prefix=$TPLUS_PREFIX run=$TPLUS_RUN
. test/lib/sim.sh
. test/lib/cluster.sh
. bench/lib.sh
for file in bench/cases/*.sh; do
	. "$file"
done

if [ $# = 0 ]; then
	set -- $(compgen -A function case_)
fi
describe_machine
start_cluster 'shared_buffers = 512MB' 'max_wal_size = 4GB' 'autovacuum = off' || exit 1
status=0
for name in "$@"; do
	name=case_${name#case_}
	declare -F "$name" >/dev/null || die "there is no case \"${name#case_}\""
	("$name") || { say "FAILED ${name#case_}"; status=1; }
done
stop_cluster
exit $status
