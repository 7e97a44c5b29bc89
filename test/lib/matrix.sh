#!/usr/bin/env bash
# matrix.sh: `make matrix`.  Runs the tests on the PostgreSQL of other Debian
# releases, each in a folder that debootstrap makes, and ends with
# "N passed, N failed, N skipped".  A version that cannot be had is skipped by
# name and with the reason; it is never counted as passed.
#
#   TPLUS_MATRIX      what to run, "VERSION:RELEASE ..."
#   TPLUS_MATRIX_DIR  where the folders are kept for the next time
#   TPLUS_UNTIL       when all is to be done, in seconds since 1970; what has not
#                     come to its end by then has failed, by name
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

folders=${TPLUS_MATRIX_DIR:-/var/cache/tplus_fdw-matrix}
work=$(mktemp -d) || exit 1
suite_pid=
# Whatever ends the run ends what it started: see in_namespace.
trap '[ -z "$suite_pid" ] || kill -KILL "$suite_pid" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

export TPLUS_UNTIL=${TPLUS_UNTIL:-$(($(date +%s) + 3600))}
passed=0
failed=0
skipped=0

# skip NAME REASON
skip() {
	say "skipped: $1: $2"
	skipped=$((skipped + 1))
}

# The mirror that this machine's apt uses for Debian itself.
mirror() {
	apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
		awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }'
}

# Why no version can be run here, or nothing.
obstacle() {
	if ! command -v apt-get >/dev/null; then
		echo "this is not Debian"
	elif [ "$(id -u)" != 0 ]; then
		echo "needs root, for debootstrap and mount"
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		echo "needs the right to make namespaces, for mount"
	elif ! bash "$here/install-deps.sh" matrix >"$work/deps" 2>&1; then
		tail -1 "$work/deps"
	elif [ -z "$(mirror)" ]; then
		echo "apt knows no mirror of Debian"
	fi
}

# in_namespace SECONDS COMMAND ...: what COMMAND mounts and starts is gone when it
# ends, after so long, or when this script ends, however that comes about: unshare
# itself heeds no signal but this.
in_namespace() {
	local die_with_parent=(setpriv --pdeathsig KILL) seconds=$1
	shift
	"${die_with_parent[@]}" timeout --signal=KILL "$seconds" "${die_with_parent[@]}" \
		unshare --mount --pid --fork --kill-child --propagation private "$@" &
	suite_pid=$!
	wait "$suite_pid"
	suite_pid=
}

# run_suite VERSION RELEASE SECONDS
run_suite() {
	local name="$1 ($2)" result=$work/$2 counts
	say
	say "=== PostgreSQL $name"
	if [ "$3" -le 0 ]; then
		say "failed: $name: there is no time left"
		failed=$((failed + 1))
		return
	fi
	TPLUS_UNTIL=$(($(date +%s) + $3)) in_namespace $(($3 + 90)) \
		bash "$here/matrix_suite.sh" "$1" "$2" "$folders/$2" "$(mirror)" "$result"
	if [ -s "$result.skipped" ]; then
		skip "$name" "$(cat "$result.skipped")"
		return
	fi
	counts=$(cat "$result.counts" 2>/dev/null)
	case $counts in
		*" passed, "*" failed") ;;
		*)
			say "failed: $name did not reach its end"
			counts="0 passed, 1 failed"
			;;
	esac
	say "=== PostgreSQL $name: $counts"
	set -- $counts
	passed=$((passed + $1))
	failed=$((failed + $3))
}

why=$(obstacle)
[ -n "$why" ] || own_folder "$folders" root

# One run at a time changes the folders.
exec 9>"$folders/.lock"
flock --nonblock 9 || {
	say "waiting for another run in $folders"
	flock --wait "$(left)" 9
}

suites=(${TPLUS_MATRIX:-17:trixie 18:sid})
more=${#suites[@]}
for suite in "${suites[@]}"; do
	if [ -n "$why" ]; then
		skip "${suite%%:*} (${suite#*:})" "$why"
	else
		run_suite "${suite%%:*}" "${suite#*:}" $(($(left) / more))
	fi
	more=$((more - 1))
done

say
[ -n "$why" ] || say "kept for the next time: $folders"
say "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
