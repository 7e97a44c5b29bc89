#!/usr/bin/env bash
# format.sh format | check-format [--tap]
#
# PostgreSQL's own formatter with pgindent's flags.  It needs the names of all
# types; the list is made here, from the headers that the code includes.
# check-format changes nothing and shows what format would change.  A table that
# is better laid out by hand stands between the comments INDENT OFF and INDENT ON.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"
cd "$top"

mode=$1
tap=${2:-}
[ -n "$tap" ] || bash "$here/install-deps.sh" format >&2

# Another version of the formatter has another opinion.
if ! pg_bsd_indent --version 2>&1 | grep -q ' 2\.1\.1'; then
	[ -n "$tap" ] || die "pg_bsd_indent 2.1.1 is needed, as in Debian 12"
	say "1..0 # SKIP pg_bsd_indent 2.1.1 is not here"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

config=/usr/lib/postgresql/$pg_major/bin/pg_config
list_tree | tr '\0' '\n' | grep -E '\.[ch]$' >"$work/files" || true

# Names that are types somewhere but, in this code, variables or keywords.
not_types='ANY FD_SET U abs allocfunc boolean date digit ilist interval iterator
	other pointer printfunc reference string timestamp type wrap'
{
	printf '%s\n' bool size_t ssize_t off_t pid_t time_t va_list FILE socklen_t \
		int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t \
		intptr_t uintptr_t sigset_t suseconds_t
	{
		find "$("$config" --includedir-server)" -name '*.h'
		find -L /usr/include -path '*/curl/*.h' -o -path '*/cjson/*.h' -o -name zlib.h
		sed 's,^,./,' "$work/files"
	} 2>/dev/null | ctags -f - --languages=C --langmap=C:.c.h --kinds-C=t \
		--sort=no --fields= -L - 2>/dev/null | cut -f1
} | sort -u | grep -vxF -f <(printf '%s\n' $not_types) >"$work/typedefs"

# "text" is a type of the server, and the natural name of a string.
grep -vxF text "$work/typedefs" >"$work/typedefs.text"

# indent FILE: prints it formatted.
indent() {
	local typedefs=$work/typedefs
	! grep -qE 'char +\*+text\b' "$1" || typedefs=$work/typedefs.text
	# It takes the byte 0x80, which ends many Chinese characters, for a mark of
	# its own; 0xC0 is in no UTF-8.
	LC_ALL=C tr '\200' '\300' <"$1" |
		pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 \
			-i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4 -U"$typedefs" 2>"$work/errors" |
		LC_ALL=C tr '\300' '\200' >"$work/out" || true
	if [ -s "$work/errors" ]; then
		sed "s,^,$1: ," "$work/errors" >&2
		return 1
	fi
	# One space before the * of a function's return type, as pgindent does.
	sed -E 's/^([A-Za-z_][^ \t]*)[ \t]+\*$/\1 */' "$work/out"
}

status=0
n=0
while IFS= read -r file; do
	n=$((n + 1))
	if ! indent "$file" >"$work/new"; then
		good=1
	elif cmp -s "$file" "$work/new"; then
		good=0
	elif [ "$mode" = format ]; then
		cat "$work/new" >"$file"
		say "formatted $file"
		good=0
	else
		diff -u --label "$file" --label "$file (formatted)" "$file" "$work/new" | head -60 >&2 || true
		good=1
	fi
	[ $good = 0 ] || status=1
	if [ -n "$tap" ]; then
		[ $good = 0 ] && say "ok $n - $file" || say "not ok $n - $file"
	fi
done <"$work/files"

if [ -n "$tap" ]; then
	say "1..$n"
elif [ $status = 0 ] && [ "$mode" = check-format ]; then
	say "check-format: $n files, nothing to change"
fi
exit $status
