#!/usr/bin/env bash
# regress.sh TEST ...: runs pg_regress against a cluster of its own and a
# simulator of its own, and prints the outcome as TAP.
set -uo pipefail

. test/lib/common.sh
. test/lib/sim.sh
prefix=$TPLUS_PREFIX
run=$TPLUS_RUN
home=$run/regress
log=$run/log/regress.log

mkdir -p "$home"
cat >"$home/server.conf" <<CONF
fsync = off
log_min_messages = warning
log_statement = none
CONF

if ! start_simulator; then
	say "not ok 1 - the simulator starts"
	say "1..1"
	exit 1
fi

# LC_ALL would be taken away; pg_regress leaves LANG to initdb.
env -u LC_ALL "$prefix/lib/postgresql/$pg_major/lib/pgxs/src/test/regress/pg_regress" \
	--bindir="$prefix/lib/postgresql/$pg_major/bin" \
	--temp-instance="$home/instance" --temp-config="$home/server.conf" \
	--inputdir=. --outputdir="$home" --dlpath="$prefix/lib/postgresql/$pg_major/lib" \
	--dbname=contrib_regression ${REGRESS_OPTS:-} "$@" >"$log" 2>&1 </dev/null
status=$?

# 15 says "test NAME ... ok", 16 and later say it in TAP.
n=0
bad=0
for test in "$@"; do
	n=$((n + 1))
	if grep -qE "^(test|ok +[0-9]+ +[-+])? *$test +(\.\.\. +ok +)?[0-9]+ ms" "$log"; then
		say "ok $n - $test"
	else
		say "not ok $n - $test"
		bad=$((bad + 1))
	fi
done
say "1..$n"

if [ $status != 0 ]; then
	if [ -s "$home/regression.diffs" ]; then
		sed "s,$prefix/src/,,;s,$home/,,g" "$home/regression.diffs" | head -400 >&2
	else
		tail -30 "$log" >&2
	fi
	if grep -qE 'PANIC|TRAP|server closed the connection|terminated by signal' \
		"$home/log/postmaster.log" "$home/regression.diffs" 2>/dev/null; then
		tail -40 "$home/log/postmaster.log" >&2
	fi
	[ $bad -gt 0 ] || exit 1
fi
