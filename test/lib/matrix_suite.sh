#!/usr/bin/env bash
# matrix_suite.sh VERSION RELEASE FOLDER MIRROR RESULT
#
# One version of the matrix, called by matrix.sh in namespaces of its own: makes
# FOLDER a Debian RELEASE, or brings it up to date, installs PostgreSQL VERSION
# there and runs the tests, until TPLUS_UNTIL.  Writes the tally to RESULT.counts,
# or to RESULT.skipped why the version cannot be had.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

version=$1 release=$2 folder=$3 mirror=$4 result=$5
log=$result.log

# Experimental is no release of its own: sid, with PostgreSQL alone from there.
base=$release
[ "$release" != experimental ] || base=sid

# The system's part may take half of the time.
installed=$(($(date +%s) + $(left) / 2))
left_to_install() {
	echo $(($(left "$installed") + 1))
}

skip() {
	printf '%s\n' "$*" >"$result.skipped"
	exit 0
}

# What a program that failed said last.
last_words() {
	grep -E '^(E|W): |rror' "$log" | tail -1 | grep . || tail -1 "$log"
}

inside() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive CI="${CI:-}" PG_MAJOR="$version" \
		chroot "$folder" "$@"
}

# This machine's settings of apt for the network.  The date until which a
# mirror's lists are good does not matter to debootstrap, nor to a folder that is
# for tests alone; the signatures are checked.
apt_settings() {
	apt-config dump | grep -iE '^Acquire::(https?|ftp)::' || true
	echo 'Acquire::Check-Valid-Until "false";'
}

make_folder() {
	[ ! -e "$folder/.complete" ] || return 0
	rm -rf --one-file-system "$folder"
	eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
	[ -z "${http_proxy:-}" ] || export http_proxy
	timeout "$(left_to_install)" debootstrap --variant=minbase --include=ca-certificates \
		"$base" "$folder" "$mirror" >"$log" 2>&1 || {
		local why
		why=$(last_words)
		rm -rf --one-file-system "$folder"
		skip "debootstrap failed: $why"
	}
	touch "$folder/.complete"
}

# Packages of PostgreSQL fail to configure without these.
mount_system() {
	mount -t proc proc "$folder/proc" &&
		mount --rbind /sys "$folder/sys" &&
		mount --rbind /dev "$folder/dev" &&
		mount -t tmpfs -o mode=1777 tmpfs "$folder/dev/shm" &&
		mount -t tmpfs -o mode=1777 tmpfs "$folder/tmp" || skip "could not mount proc, sys and dev"
}

add_release() {
	echo "deb $mirror $release main" >"$folder/etc/apt/sources.list.d/$release.list"
	cat >"$folder/etc/apt/preferences.d/$release" <<-END
		Package: postgresql* libpq*
		Pin: release a=$release
		Pin-Priority: 600
	END
}

# The last run may have been ended while it installed something.
update_system() {
	local file
	for file in resolv.conf hosts; do
		[ ! -e "/etc/$file" ] || cp "/etc/$file" "$folder/etc/$file"
	done
	apt_settings >"$folder/etc/apt/apt.conf.d/00tplus"
	[ "$base" = "$release" ] || add_release
	inside timeout "$(left_to_install)" bash -c \
		'dpkg --configure -a && apt-get -qq update && apt-get -qq -y full-upgrade' \
		>"$log" 2>&1 </dev/null || skip "apt failed: $(last_words)"
	inside apt-cache show "postgresql-$version" >/dev/null 2>&1 ||
		skip "$release has no postgresql-$version"
}

# install-deps.sh is the project's own: this is the tree under test.
install_packages() {
	stage_tree "$folder/tmp/tplus_fdw" root
	inside timeout "$(left_to_install)" bash /tmp/tplus_fdw/src/test/lib/install-deps.sh build test \
		>"$log" 2>&1 </dev/null || skip "could not install: $(last_words)"
}

run_tests() {
	# Fewer of what tests draw by chance: the whole is for `make test`.
	inside env PHASES="${PHASES:-build unit regress tap}" REGRESS="$REGRESS" \
		REGRESS_OPTS="$REGRESS_OPTS" PROVE_TESTS="${PROVE_TESTS:-}" \
		TPLUS_PAIRS=20 TPLUS_MORE=15 TPLUS_CHANGES=90 TPLUS_ORACLE_QUERIES=200 \
		TPLUS_UNTIL="$TPLUS_UNTIL" timeout --kill-after=10 "$(($(left) + 70))" \
		bash /tmp/tplus_fdw/src/test/lib/run.sh </dev/null 2>&1 | tee "$log"
	tail -1 "$log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' >"$result.counts"
}

make_folder
mount_system
update_system
install_packages
run_tests
