#!/usr/bin/env bash
# run.sh SECONDS [TARGET ...]: fuzzes each target (by default all) for so long
# with libFuzzer, from the inputs kept in corpus/.  Needs clang with its
# runtime (Debian: clang, libclang-rt-dev).  What fails stays in a folder that
# is named at the end; a target's new inputs are not kept.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seconds=${1:?usage: run.sh SECONDS [TARGET ...]}
shift
cd "$here/../.."

work=$(mktemp -d)
status=0
for target in "${@:-records json}"; do
	for name in $target; do
		extra=()
		[ "$name" != records ] || extra=(src/net/json_scan.c)
		clang -std=gnu99 -g -O1 -D_GNU_SOURCE -Wno-everything \
			-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
			-Isrc -Itest/unit -isystem "$(pg_config --includedir-server)" \
			-o "$work/$name" "test/fuzz/$name.c" ${extra[@]+"${extra[@]}"} -lcjson
		mkdir "$work/$name.corpus" "$work/$name.failures"
		cp "$here/corpus/$name/"* "$work/$name.corpus/"
		# Each byte doubles the ways through a scan: small inputs find more.
		if "$work/$name" -max_total_time="$seconds" -max_len=400 -timeout=10 \
			-rss_limit_mb=2000 -print_final_stats=1 -dict="$here/json.dict" \
			-artifact_prefix="$work/$name.failures/" "$work/$name.corpus" \
			>"$work/$name.log" 2>&1; then
			printf '%s: %s inputs in %s s, nothing found\n' "$name" \
				"$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")" \
				"$seconds"
		else
			status=1
			tail -n 30 "$work/$name.log"
			printf '%s: failed, see %s\n' "$name" "$work/$name.failures"
		fi
	done
done
[ $status != 0 ] || rm -rf "$work"
exit $status
