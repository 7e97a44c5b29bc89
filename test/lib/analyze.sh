#!/usr/bin/env bash
# The static analyzers as tests.
set -uo pipefail

. test/lib/common.sh
log=$TPLUS_RUN/log/analyzer

# The compiler that PGXS makes bitcode with brings the analyzer that scan-build
# runs.  Dead stores are left to taste: the iterators of the server want them.
# The limit of nodes, a seventh of the default, makes it ten times as fast.
clang=$(pg_config --configure | grep -o "CLANG=[^']*")
printf '%s\n' *.c src/*/*.c | xargs -P "$(nproc)" -I {} "${clang#CLANG=}" --analyze \
	--analyzer-output text -Xclang -analyzer-disable-checker=deadcode \
	-Xclang -analyzer-config -Xclang max-nodes=30000 \
	-Isrc -I"$(pg_config --includedir-server)" -D_GNU_SOURCE -DUSE_ASSERT_CHECKING \
	-o /dev/null {} >"$log" 2>&1
[ $? = 0 ] && [ ! -s "$log" ]
ok $? "clang's static analyzer finds nothing" "$log"

# The server's headers would take it many minutes; cppcheck.h says what it has
# to know of them.
cppcheck -q -j "$(nproc)" --enable=warning,performance,portability --inline-suppr \
	--std=c99 --error-exitcode=1 --suppress=missingInclude -Isrc \
	--include=test/lint/cppcheck.h \
	--template='{file}:{line}: {severity}: {id}: {message}' ./*.c src >"$log" 2>&1
[ $? = 0 ] && [ ! -s "$log" ]
ok $? "cppcheck finds nothing" "$log"
say "1..$oks"
