#!/usr/bin/env bash
# The build as tests: without a warning, with prefixed symbols only, noticing a
# header that was touched.
set -uo pipefail

. test/lib/common.sh
prefix=$TPLUS_PREFIX
run=$TPLUS_RUN
log=$run/log/build.log

bash test/lib/build.sh >"$log" 2>&1
status=$?
grep -E '(error|warning):|\*\*\*' -A4 "$log" >"$run/log/build.errors"
ok $status "builds and installs with -Wall -Wextra -Werror" "$run/log/build.errors"
if [ $status != 0 ]; then
	say "1..$oks"
	exit 0
fi
touch "$run/built"

# A symbol without the prefix could be bound to by another module.
nm -D --defined-only tplus_fdw.so | awk '{print $3}' |
	grep -vE '^(tplus_|tplus[A-Z]|Tplus|_PG_|Pg_magic|pg_finfo_tplus_|_init$|_fini$)' >"$run/log/symbols"
[ ! -s "$run/log/symbols" ]
ok $? "every exported symbol is prefixed" "$run/log/symbols"

header=$(find src -name '*.h' | head -1)
if [ -n "$header" ]; then
	touch -r "$header" "$run/log/before"
	touch "$header"
	make -n PG_CONFIG="$prefix/lib/postgresql/$pg_major/bin/pg_config" \
		COPT=-DUSE_ASSERT_CHECKING all >"$run/log/rebuild" 2>&1
	grep -q -- '-o src/[^ ]*\.o' "$run/log/rebuild" && grep -q -- '-o src/[^ ]*\.bc' "$run/log/rebuild"
	ok $? "a touched header rebuilds objects and bitcode" "$run/log/rebuild"
	touch -r "$run/log/before" "$header"
fi

# The catalog may name what the script does not make, or the other way round.
for script in sql/tplus_fdw--*.sql; do
	grep -q 'echo Use "CREATE EXTENSION' "$script" || grep -q 'echo Use "ALTER EXTENSION' "$script"
	ok $? "$script cannot be sourced in psql"
done
say "1..$oks"
