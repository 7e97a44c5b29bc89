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

# A database of 1.0 is what the frozen script makes, and its functions call the
# library of today until somebody updates the extension.
frozen=sql/tplus_fdw--1.0.sql
echo "ead219a671615607ed604e2a5b23eab1025538ec6e99a9d9c261d988e286f8e2  $frozen" |
	sha256sum --check --status
ok $? "$frozen is the one of release 1.0.0"

nm -D --defined-only tplus_fdw.so | awk '{print $3}' | sort >"$run/log/defined"
for script in sql/tplus_fdw--*.sql; do
	sed -nE "s/^AS 'MODULE_PATHNAME', '(\w+)'.*/\1/p
		/^CREATE FUNCTION/{N;N;s/^CREATE FUNCTION (\w+).*\nAS 'MODULE_PATHNAME'$/\1/p}" "$script" |
		sort | comm -23 - "$run/log/defined" >"$run/log/undefined"
	[ ! -s "$run/log/undefined" ]
	ok $? "the library has each function of $script" "$run/log/undefined"
done

# One version, wherever it stands.
version=$(sed -nE "s/^default_version = '(.*)'$/\1/p" tplus_fdw.control)
{
	grep -q "define TPLUS_VERSION	\"$version\"" src/base/version.h || echo src/base/version.h
	[ "$(grep -c "\"version\": \"$version.0\"" META.json)" = 2 ] || echo META.json
	grep -q "\"sql/tplus_fdw--$version.sql\"" META.json || echo META.json
	grep -q "^## $version.0" CHANGELOG.md || echo CHANGELOG.md
	for readme in README.md README.zh-CN.md; do
		grep -qE "^\*\*(Status: |现状：)$version[,，]" $readme || echo $readme
	done
	ls "sql/tplus_fdw--$version.sql" "sql/tplus_fdw--1.0--$version.sql" 2>&1 >/dev/null
} >"$run/log/versions"
[ ! -s "$run/log/versions" ]
ok $? "version $version stands everywhere" "$run/log/versions"

# The catalog may name what the script does not make, or the other way round.
for script in sql/tplus_fdw--*.sql; do
	grep -q 'echo Use "CREATE EXTENSION' "$script" || grep -q 'echo Use "ALTER EXTENSION' "$script"
	ok $? "$script cannot be sourced in psql"
done
say "1..$oks"
