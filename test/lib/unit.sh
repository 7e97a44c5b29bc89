#!/usr/bin/env bash
# unit.sh SOURCE: compiles one unit driver with the address and undefined
# behaviour sanitizers and runs it.  A driver includes the .c files it tests,
# brings stand-ins for what they need of the server, and prints TAP.
set -euo pipefail

source=$1
program=$TPLUS_RUN/unit/$(basename "$source" .c)
include=$(pg_config --includedir-server)

mkdir -p "${program%/*}"
gcc -std=gnu99 -g -O1 -fno-omit-frame-pointer -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-unused-function -Wno-missing-field-initializers \
	-fsanitize=address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE \
	-Isrc -I. -Itest/unit -isystem "$include" \
	${TPLUS_UNIT_CFLAGS:-} -o "$program" "$source" -Wl,--as-needed -lcurl -lcjson -lz -lm -lpthread >&2

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
exec "$program"
