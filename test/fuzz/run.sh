#!/usr/bin/env bash
# run.sh SECONDS TARGET: fuzzes a target for so long with libFuzzer, from the
# inputs kept in corpus/, and prints one line of TAP.  What fails is kept in the
# folder that is named then; new inputs are not.
#
#   TPLUS_FUZZ_SEED   where the random inputs begin (1)
#
# records and json are programs of their own, under the address and undefined
# behaviour sanitizers.  decode runs in a backend of a cluster, inside a prefix.
set -euo pipefail

seconds=${1:?usage: run.sh SECONDS TARGET}
target=${2:?usage: run.sh SECONDS TARGET}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
. test/lib/common.sh

work=$(mktemp -d)
log=$work/log
common=(-g -O1 -std=gnu99 -D_GNU_SOURCE -Wno-everything -Isrc -Itest/unit
	-isystem "$(pg_config --includedir-server)")
# Each byte doubles the ways through a scan: small inputs find more.
dictionary=$here/$target.dict
[ -e "$dictionary" ] || dictionary=$here/json.dict
arguments=(-max_total_time="$seconds" -seed="${TPLUS_FUZZ_SEED:-1}" -max_len=400
	-timeout=20 -print_final_stats=1 -dict="$dictionary"
	-artifact_prefix="$work/failures/" "$work/corpus")
mkdir -p "$work/failures" "$work/corpus"
cp "$here/corpus/$target/"* "$work/corpus/"

fuzz_program() {
	clang-14 "${common[@]}" -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o "$work/$target" "$@" -lcjson
	"$work/$target" -rss_limit_mb=2000 "${arguments[@]}" >"$log" 2>&1
}

# libFuzzer exits when it is done, and the backend with it: the log tells how it
# went.
fuzz_backend() {
	local words
	prefix=$TPLUS_PREFIX run=$TPLUS_RUN
	. test/lib/cluster.sh
	clang-14 "${common[@]}" -shared -fPIC -DUSE_ASSERT_CHECKING \
		-fsanitize=fuzzer-no-link,undefined -fsanitize-trap=undefined \
		-o "$work/$target.so" "test/fuzz/$target.c" src/*/*.c \
		-Wl,--whole-archive "$(clang-14 -print-file-name=libclang_rt.fuzzer_no_main-x86_64.a)" \
		-Wl,--no-whole-archive -lstdc++ -lcurl -lcjson -lz -lm
	chmod 755 "$work"
	start_cluster "restart_after_crash = off" || return
	printf -v words ", '%s'" -rss_limit_mb=0 -handle_term=0 -handle_int=0 "${arguments[@]}"
	psql -Xq -v ON_ERROR_STOP=1 -f "test/fuzz/$target.sql" >"$log" 2>&1 &&
		psql -Xq >>"$log" 2>&1 <<-SQL
			CREATE FUNCTION fuzz(regclass, VARIADIC text[]) RETURNS int
			  AS '$work/$target.so', 'fuzz_$target' LANGUAGE C;
			SELECT fuzz('fuzz'$words);
		SQL
	stop_cluster
	cat "$run/log/server.log" >>"$log"
	grep -q '^Done .* runs' "$log"
}

case $target in
	records) run=(fuzz_program test/fuzz/records.c src/net/json_scan.c) ;;
	json) run=(fuzz_program test/fuzz/json.c) ;;
	decode) run=(fuzz_backend) ;;
	*) die "there is no target \"$target\"" ;;
esac
say "1..1"
if "${run[@]}" && [ -z "$(ls "$work/failures")" ]; then
	say "ok 1 - $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1) inputs in $seconds s, nothing found"
	rm -rf "$work"
else
	sed 's/^/# /' "$log" | tail -n 40 >&2
	say "not ok 1 - $target, see $work/failures"
fi
