#!/usr/bin/env bash
# demo.sh: `make demo`.  Prepares a private PostgreSQL with the extension and
# runs test/demo/steps.sh in it: against the simulator of T+, or against a real
# account when TPLUS_BASE_URL is set.  Removes everything at the end.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../lib/common.sh"

if [ -n "${TPLUS_BASE_URL:-}" ]; then
	for name in TPLUS_APP_KEY TPLUS_APP_SECRET; do
		[ -n "${!name:-}" ] || die "TPLUS_BASE_URL is set, but $name is not"
	done
	[ -n "${TPLUS_OPEN_TOKEN:-}${TPLUS_REFRESH_TOKEN:-}" ] ||
		die "TPLUS_BASE_URL is set, but neither TPLUS_OPEN_TOKEN nor TPLUS_REFRESH_TOKEN is"
	# T+ replaces a refresh token whenever it is used.  This database is thrown
	# away; the successor must not be.
	if [ -z "${TPLUS_OPEN_TOKEN:-}" ]; then
		[ -n "${TPLUS_TOKEN_FILE:-}" ] ||
			die "with TPLUS_REFRESH_TOKEN, set TPLUS_TOKEN_FILE to a file for the refresh token
that T+ will put in its place: the one given is dead once it has been used"
		(umask 077 && : >>"$TPLUS_TOKEN_FILE") || die "cannot write TPLUS_TOKEN_FILE"
	fi
fi

say "looking for missing packages"
bash "$here/../lib/install-deps.sh" build || exit 1
make_prefix "${TPLUS_PREFIX:-}" || exit 1

finish() {
	local status=$?
	trap '' INT TERM HUP
	if [ -s "$run/successor" ]; then
		cat "$run/successor" >"$TPLUS_TOKEN_FILE"
		chmod 600 "$TPLUS_TOKEN_FILE"
		say "the refresh token that is valid now is in $TPLUS_TOKEN_FILE"
	elif [ -e "$run/token-lost" ]; then
		end_run keep
		say "the new refresh token could not be read; its database is kept in $run/data"
		exit 1
	fi
	end_run
	exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

say "building the extension into a private copy of PostgreSQL $pg_major in $prefix"
build_in_prefix
as_tester bash test/demo/steps.sh </dev/null &
wait $!
