# Sourced by the scripts beside it: where things are, who runs them, and how
# they are cleaned up.  Everything happens in a private folder ("prefix"):
#
#   lib share include   a relocated copy of the PostgreSQL server
#   src                 a copy of this source tree, built and installed there
#   run.N               logs, temporary files and clusters of one run

own_prefix=
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The PostgreSQL that this Debian ships; PG_MAJOR overrides.
if [ -z "${PG_MAJOR:-}" ]; then
	case $(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}") in
		trixie) PG_MAJOR=17 ;;
		forky | sid) PG_MAJOR=18 ;;
		*) PG_MAJOR=15 ;;
	esac
fi
pg_major=$PG_MAJOR

# What `make test` does, in this order.
default_phases="lint format build analyze unit fuzz sim regress tap"

say() {
	printf '%s\n' "$*"
}

# ok STATUS NAME [FILE]: a line of TAP; FILE is shown when STATUS is not 0.
oks=0
ok() {
	oks=$((oks + 1))
	if [ "$1" = 0 ]; then
		say "ok $oks - $2"
	else
		say "not ok $oks - $2"
		[ -z "${3:-}" ] || sed 's/^/# /' "$3" | cut -c1-300 | head -60 >&2
	fi
}

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

# left [UNTIL]: how many seconds there are until then, or until TPLUS_UNTIL, by
# which all is to be done.
left() {
	local seconds=$((${1:-$TPLUS_UNTIL} - $(date +%s)))
	echo $((seconds > 0 ? seconds : 0))
}

# PostgreSQL refuses to run as root, so everything after the installation of
# packages runs as this user: an account of its own, which owns nothing else.
tester() {
	if [ "$(id -u)" = 0 ]; then
		echo tplus_fdw_test
	else
		id -un
	fi
}

make_tester() {
	id -u "$(tester)" >/dev/null 2>&1 ||
		useradd --system --user-group --no-create-home --home-dir /nonexistent \
			--shell /usr/sbin/nologin "$(tester)" || die "could not make the account $(tester)"
}

# switch_to USER: sets $switch to what goes before a command that USER is to run.
switch_to() {
	switch=()
	[ "$1" = "$(id -un)" ] ||
		switch=(setpriv --reuid="$1" --regid="$(id -g "$1")" --init-groups --)
}

# as_user USER COMMAND ...: root writes nothing where another account could have put
# a link.
as_user() (
	switch_to "$1"
	shift
	exec ${switch[@]+"${switch[@]}"} "$@"
)

# own_folder DIR USER: makes DIR, closed to everybody but USER, or refuses one that
# somebody else may have prepared.
own_folder() {
	if [ ! -e "$1" ] && [ ! -L "$1" ]; then
		mkdir -p "$(dirname "$1")" && mkdir -m 700 "$1" && chown -h "$2:" "$1" || die "could not make $1"
	fi
	[ ! -L "$1" ] && [ "$(stat -c '%F %U' "$1")" = "directory $2" ] ||
		die "$1 is not a folder of $2: remove it, or name another"
	as_user "$2" chmod 700 "$1"
}

# as_tester COMMAND ...
#
# Runs COMMAND in $prefix/src as the unprivileged user, with a known
# environment: a developer's PGHOST, proxy or MAKEFLAGS must not change a test.
as_tester() (
	user=$(tester)
	for name in $(compgen -e); do
		case $name in
			TPLUS_* | CI | TERM | COLUMNS | PHASES | REGRESS | REGRESS_OPTS | \
				PROVE_TESTS | KEEP | PG_MAJOR | ASAN_OPTIONS | UBSAN_OPTIONS) ;;
			*) unset "$name" ;;
		esac
	done
	export PATH="$prefix/lib/postgresql/$pg_major/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
	export HOME="$run/tmp" USER="$user" LOGNAME="$user" SHELL=/bin/bash
	export LANG=C.UTF-8 TMPDIR="$run/tmp" TPLUS_PREFIX="$prefix" TPLUS_RUN="$run"
	export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PG_MAJOR="$pg_major"
	cd "$prefix/src" || exit
	switch_to "$user"
	exec ${switch[@]+"${switch[@]}"} "$@"
)

# The files that make up the tree: tracked and new ones, not what a build left.
list_tree() {
	local git=(git -c "safe.directory=$top" -C "$top")
	if [ "$("${git[@]}" rev-parse --show-toplevel 2>/dev/null)" = "$top" ]; then
		"${git[@]}" ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' file; do
				[ -e "$top/$file" ] && printf '%s\0' "$file"
			done
	else
		(cd "$top" && find . -name .git -prune -o \
			\( -name results -o -name tmp_check -o -name log -o -name __pycache__ \) -prune -o \
			\( -type f -o -type l \) ! -name '*.o' ! -name '*.so' ! -name '*.bc' \
			! -name '*.py[co]' ! -name 'regression.*' -printf '%P\0')
	fi | sort -zu
}

# stage_tree PREFIX USER: makes PREFIX/src, a folder of USER's, a copy of the tree.
# Times are kept, so that a second build compiles only what changed; files that are
# gone go.
stage_tree() {
	local prefix=$1 user=$2
	as_user "$user" mkdir -p "$prefix/src"
	list_tree | as_user "$user" tee "$prefix/files.new" >/dev/null
	if [ -e "$prefix/files" ]; then
		as_user "$user" comm -z -23 "$prefix/files" "$prefix/files.new" |
			(cd "$prefix/src" && as_user "$user" xargs -0r rm -f)
	fi
	as_user "$user" find "$prefix/src" -type l -delete
	list_tree | tar -C "$top" --format=posix --null --no-recursion -T - -cf - |
		as_user "$user" tar -C "$prefix/src" --no-same-owner -xpf -
	as_user "$user" mv "$prefix/files.new" "$prefix/files"
}

# make_prefix [DIR]: sets $prefix to a folder with the staged tree in it, and
# $run to a new folder below it.
make_prefix() {
	make_tester
	if [ -n "${1:-}" ]; then
		case $1 in
			/*) prefix=$1 ;;
			*) prefix=$PWD/$1 ;;
		esac
		case $prefix in
			*[[:space:]]*) die "a prefix cannot have a space in its name: $prefix" ;;
		esac
	else
		# Not TMPDIR: that may hold a space or be closed to the other user.
		prefix=$(mktemp -d /tmp/tplus_fdw.XXXXXX)
		own_prefix=$prefix
		chown "$(tester):" "$prefix"
	fi
	own_folder "$prefix" "$(tester)"
	run=$prefix/run.$$
	as_user "$(tester)" rm -rf "$run"
	as_user "$(tester)" mkdir -p "$run/tmp" "$run/log"
	stage_tree "$prefix" "$(tester)"
}

# build_in_prefix: compiles and installs; ends this program when that fails.
build_in_prefix() {
	as_tester bash -c 'bash test/lib/build.sh >"$TPLUS_RUN/log/build.log" 2>&1 || {
		grep -E "(error|warning):|\*\*\*" -A3 "$TPLUS_RUN/log/build.log" | head -60 >&2
		exit 1
	}' || die "the build failed"
}

# copy_server: PostgreSQL finds its files relative to its programs, so
# a copy is a server of its own, into which anybody may install an extension.
copy_server() {
	local lib=/usr/lib/postgresql/$pg_major share=/usr/share/postgresql/$pg_major
	[ -x "$lib/bin/postgres" ] || die "PostgreSQL $pg_major is not installed in $lib"
	[ -x "$prefix/lib/postgresql/$pg_major/bin/postgres" ] && return
	mkdir -p "$prefix/lib/postgresql" "$prefix/share/postgresql" "$prefix/include"
	cp -r "$share" "$prefix/share/postgresql/"
	ln -sfn /usr/include/postgresql "$prefix/include/postgresql"
	cp -r "$lib" "$prefix/lib/postgresql/"
}

# build_extension: compiles and installs into $prefix.  Our own assertions are
# on, also against a server without them, unless TPLUS_COPT says otherwise.
build_extension() {
	local copt=${TPLUS_COPT--DUSE_ASSERT_CHECKING}
	local make=(make -C "$prefix/src" -j"$(nproc)" COPT="$copt"
		PG_CONFIG="$prefix/lib/postgresql/$pg_major/bin/pg_config")
	[ "$copt" = "$(cat "$prefix/copt" 2>/dev/null)" ] || "${make[@]}" -s clean
	echo "$copt" >"$prefix/copt"
	"${make[@]}" install
}

# run_processes: the ids of what $run started.  The server overwrites its
# environment, but works inside its data directory.
run_processes() {
	local proc
	for proc in /proc/[0-9]*; do
		case $(readlink "$proc/cwd" 2>/dev/null)/ in
			"$run"/*) echo "${proc#/proc/}" ;;
			*) grep -qzxF "TPLUS_RUN=$run" "$proc/environ" 2>/dev/null && echo "${proc#/proc/}" ;;
		esac
	done
}

# end_run [keep]: ends what the run left, and removes what was made for it.
end_run() {
	local signal pids
	cd /
	for signal in INT TERM QUIT KILL; do
		pids=$(run_processes)
		[ -n "$pids" ] || break
		kill -s "$signal" $pids 2>/dev/null || true
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			[ -n "$(run_processes)" ] || break 2
			sleep 0.2
		done
	done
	[ "${1:-}" = keep ] || rm -rf "${own_prefix:-$run}"
}
