#!/usr/bin/env bash
# run.sh: `make test`.  Prepares a private folder, runs test/lib/phases.sh in
# it as an unprivileged user, removes it, and ends with "N passed, N failed".
# What has not come to its end by TPLUS_UNTIL (seconds since 1970) has failed.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

export TPLUS_UNTIL=${TPLUS_UNTIL:-$(($(date +%s) + 4800))}

finish() {
	trap '' INT TERM HUP
	local counts
	counts=$(as_tester cat "$run/counts" 2>/dev/null)
	if [ -n "${KEEP:-}" ]; then
		end_run keep
		say "kept: $prefix (logs and clusters in $run)"
	else
		end_run
	fi
	# A run that was stopped or died has not passed, whatever it had counted.
	if [ -z "$counts" ]; then
		say "the run did not reach its end"
		counts="0 passed, 1 failed"
	fi
	say "$counts"
	case $counts in
		"0 passed"*) exit 1 ;;
		*" 0 failed") exit 0 ;;
		*) exit 1 ;;
	esac
}

run=/nonexistent
trap finish EXIT
trap 'exit 1' INT TERM HUP

sets=(build test format)
for phase in ${PHASES:-$default_phases}; do
	case $phase in analyze | fuzz) sets+=("$phase") ;; esac
done
bash "$here/install-deps.sh" "${sets[@]}" || exit 1
make_prefix "${TPLUS_PREFIX:-}" || exit 1

# In the background, so that a signal ends the wait.
as_tester timeout --kill-after=20 "$(($(left) + 60))" bash test/lib/phases.sh </dev/null 2>&1 &
wait $!
