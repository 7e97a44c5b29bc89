#!/usr/bin/env bash
# phases.sh: the phases of `make test`, inside a prefix.  Each phase is a set
# of commands that print TAP; test/lib/tap.pl runs them and counts.
set -uo pipefail

. test/lib/common.sh
prefix=$TPLUS_PREFIX
run=$TPLUS_RUN

pgxs=$prefix/lib/postgresql/$pg_major/lib/pgxs/src
total_passed=0
total_failed=0

# tally NAME: adds up what tap.pl counted.  A phase without a count has died,
# one without a single test is missing: both are failures.
tally() {
	local passed=0 failed=0 skipped=0
	[ ! -e "$run/counts.$1" ] || read -r passed failed skipped <"$run/counts.$1"
	# Only the formatter may be absent: other releases have another version.
	if [ $((passed + failed)) = 0 ] && [ "$1:$skipped" != format:1 ]; then
		failed=1
		say "phase $1 ran no test"
	fi
	say "== $1: $passed passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped") (${SECONDS}s)"
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
}

# tap PHASE SECONDS ARGUMENT ...: runs tap.pl for a phase with a time limit,
# which it keeps itself and so counts what was done until then.
tap() {
	local phase=$1 seconds=$2
	shift 2
	[ "$seconds" -lt "$(left)" ] || seconds=$(left)
	timeout --kill-after=20 "$((seconds + 40))" \
		perl test/lib/tap.pl --counts "$run/counts.$phase" --seconds "$seconds" "$@"
	case $? in
		124 | 137) say "phase $phase took longer than ${seconds}s" ;;
	esac
}

phase_lint() {
	tap lint 120 "lint=python3 test/lint/lint.py --tap" \
		"mutants=python3 test/mutants/mutants.py --check --tap"
}

phase_format() {
	tap format 180 "format=bash test/lib/format.sh check-format --tap"
}

phase_build() {
	tap build 900 "rooms=bash test/lib/room_test.sh" "build=bash test/lib/build_test.sh"
}

# Other compilers see other things: one release of them is what counts.
phase_analyze() {
	tap analyze 900 "analyze=bash test/lib/analyze.sh"
}

# Sanitized programs of their own, without a server.
phase_unit() {
	local source tests=()
	mkdir -p "$run/unit"
	for source in test/unit/*.c; do
		[ -e "$source" ] && tests+=("$source=bash test/lib/unit.sh $source")
	done
	tap unit 900 --jobs 2 ${tests[@]+"${tests[@]}"}
}

# For so many seconds each; the seed is fixed, and kept inputs come first.
phase_fuzz() {
	local seconds=${TPLUS_FUZZ_SECONDS:-15}
	tap fuzz 900 --jobs 2 "records=bash test/fuzz/run.sh $seconds records" \
		"json=bash test/fuzz/run.sh $seconds json" \
		"decode=bash test/fuzz/run.sh $seconds decode"
}

phase_sim() {
	[ -e test/sim/test_sim.py ] || return
	tap sim 300 "test/sim/test_sim.py=python3 test/lib/unittest_tap.py test/sim/test_sim.py"
}

phase_regress() {
	[ -n "${REGRESS:-}" ] || return
	need_build || return
	tap regress 1200 "pg_regress=bash test/lib/regress.sh $REGRESS"
}

# Each file has a server of its own and mostly waits: more of them than cores run
# side by side, those that take longest from the beginning.
phase_tap() {
	local file tests=()
	local longest='t/080_oracle.pl t/081_calibrate.pl t/040_switches.pl t/070_cancel.pl t/101_secrets.pl'
	need_build || return
	export PG_REGRESS=$pgxs/test/regress/pg_regress PGPORT=65432
	# The first is 15's name for where the others are; whole paths, as tests
	# change folders.
	export TESTDIR=$run/tap TESTDATADIR=$run/tap/tmp_check TESTLOGDIR=$run/tap/tmp_check/log
	export PG_TEST_TIMEOUT_DEFAULT=${PG_TEST_TIMEOUT_DEFAULT:-400}
	mkdir -p "$TESTLOGDIR"
	for file in ${PROVE_TESTS:-$longest t/*.pl}; do
		[ -e "$file" ] && [[ " ${tests[*]-} " != *" $file="* ]] &&
			tests+=("$file=perl -I $pgxs/test/perl -I t/lib $file")
	done
	tap tap 1800 --jobs 4 --limit 900 ${tests[@]+"${tests[@]}"}
	show_tap_logs
}

# What the failed files wrote beside their TAP, which is where the reason is.
show_tap_logs() {
	local file
	while IFS= read -r file; do
		say "--- end of the log of $file"
		tail -n 40 "$TESTLOGDIR/regress_log_$(basename "$file" .pl)" 2>/dev/null
	done < <(cat "$run/counts.tap.failed" 2>/dev/null)
}

# The phases below the build use it; alone they make it first.
need_build() {
	[ -e "$run/built" ] && return
	if timeout "$(($(left) + 1))" bash test/lib/build.sh >"$run/log/build.log" 2>&1; then
		touch "$run/built"
	else
		say "the build failed; see the build phase"
		return 1
	fi
}

for phase in ${PHASES:-$default_phases}; do
	say
	say "== $phase"
	if declare -F "phase_$phase" >/dev/null; then
		SECONDS=0
		"phase_$phase"
	else
		say "there is no phase \"$phase\""
	fi
	tally "$phase"
done

say
# Moved into place whole: its existence says that the run reached its end.
echo "$total_passed passed, $total_failed failed" >"$run/counts.new"
mv "$run/counts.new" "$run/counts"
