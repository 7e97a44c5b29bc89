#!/usr/bin/env bash
# room_test.sh: that a run works in folders of its own only, as TAP.
set -uo pipefail

. test/lib/common.sh
me=$(id -un)
room=$TPLUS_RUN/room
mkdir -p "$room"

# refuses NAME DIR USER: neither takes the folder nor changes it.
refuses() {
	local before
	before=$(stat -c '%F %U %a' "$2")
	! (own_folder "$2" "$3") 2>"$room/error" && grep -q 'is not a folder of' "$room/error" &&
		[ "$before" = "$(stat -c '%F %U %a' "$2")" ]
	ok $? "$1 is refused" "$room/error"
}

own_folder "$room/new/one" "$me"
[ "$(stat -c '%a' "$room/new/one")" = 700 ]
ok $? "a new folder is closed to others"

mkdir -m 777 "$room/open"
own_folder "$room/open" "$me"
[ "$(stat -c '%a' "$room/open")" = 700 ]
ok $? "an open folder of one's own is closed"

ln -s "$room/open" "$room/link"
refuses "a link to a folder" "$room/link" "$me"
ln -s "$room/nowhere" "$room/dangling"
refuses "a link to nothing" "$room/dangling" "$me"
touch "$room/file"
refuses "a file" "$room/file" "$me"
refuses "a folder of another account" /usr/share "$me"

# What somebody put where the tree goes is replaced, not written through.
own_folder "$room/prefix" "$me"
mkdir -p "$room/prefix/src" "$room/outside"
echo kept >"$room/outside/Makefile"
ln -s "$room/outside/Makefile" "$room/prefix/src/Makefile"
ln -s "$room/outside" "$room/prefix/src/test"
stage_tree "$room/prefix" "$me"
[ "$(cat "$room/outside/Makefile")" = kept ] && [ "$(ls "$room/outside")" = Makefile ] &&
	cmp -s Makefile "$room/prefix/src/Makefile" && [ -e "$room/prefix/src/test/lib/common.sh" ]
ok $? "a tree is not written through links"

[ "$(stat -c '%a %U' "$TPLUS_PREFIX")" = "700 $me" ]
ok $? "the folder of this run is closed to others"

say "1..$oks"
