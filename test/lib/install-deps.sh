#!/usr/bin/env bash
# install-deps.sh [build|test|format|matrix|bench] ...
#
# Installs, by Debian package name, what is missing and nothing else.  Prints
# nothing when nothing is missing.  Needs root or sudo only then.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

declare -A packages=(
	[build]="gcc make libc6-dev postgresql-$pg_major postgresql-server-dev-$pg_major
		libcurl4-openssl-dev libcjson-dev zlib1g-dev python3"
	[test]="perl libipc-run-perl libcpanel-json-xs-perl openssl"
	[bench]="python3-requests python3-psycopg2 valgrind"
	[format]="perl pg-bsd-indent universal-ctags postgresql-server-dev-$pg_major
		libcurl4-openssl-dev libcjson-dev zlib1g-dev"
	[analyze]="cppcheck postgresql-server-dev-$pg_major"
	[fuzz]="clang-14 libclang-rt-14-dev g++ libcurl4-openssl-dev libcjson-dev zlib1g-dev"
	[matrix]="debootstrap debian-archive-keyring util-linux"
)

# Debian has no pg_cron for 19; the tests skip what needs it.
[ "$pg_major" -ge 19 ] || packages[test]+=" postgresql-$pg_major-cron"

# Later releases of Debian have no formatter that could be held to; the format
# phase skips itself there.
[ "$pg_major" = 15 ] || packages[format]=perl

# Elsewhere than on Debian the person has to see to it; the build will name
# what it lacks.
command -v apt-get >/dev/null || exit 0

missing=()
for set in "${@:-build}"; do
	for package in ${packages[$set]}; do
		case " ${missing[*]-} " in *" $package "*) continue ;; esac
		state=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
		[[ $state == ii* ]] || missing+=("$package")
	done
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=()
elif command -v sudo >/dev/null; then
	as_root=(sudo)
else
	echo "missing packages: ${missing[*]}" >&2
	echo "install them, or run this as root or with sudo" >&2
	exit 1
fi
as_root+=(env DEBIAN_FRONTEND=noninteractive)

echo "installing ${missing[*]}"

# The server package would make and start a cluster of its own; we want its
# programs only.  A cluster that is there already is left alone.
no_cluster=/etc/postgresql-common/createcluster.d/tplus_fdw-no-cluster.conf
made_dir=
if [ ! -e "$no_cluster" ]; then
	[ -d "${no_cluster%/*}" ] || made_dir=1
	"${as_root[@]}" mkdir -p "${no_cluster%/*}"
	echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_cluster" >/dev/null
	trap '"${as_root[@]}" rm -f "$no_cluster"
		[ -z "$made_dir" ] || "${as_root[@]}" rmdir --ignore-fail-on-non-empty "${no_cluster%/*}"' EXIT
fi

log=$(mktemp)
apt() {
	"${as_root[@]}" timeout 1200 apt-get -qq -o DPkg::Lock::Timeout=600 "$@" >"$log" 2>&1 </dev/null
}
if ! { apt install -y --no-install-recommends "${missing[@]}" ||
	{ apt update && apt install -y --no-install-recommends "${missing[@]}"; }; }
then
	cat "$log" >&2
	rm -f "$log"
	echo "could not install: ${missing[*]}" >&2
	exit 1
fi
rm -f "$log"
