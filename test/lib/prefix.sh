#!/usr/bin/env bash
# prefix.sh [DIR]
#
# Makes (or brings up to date) a private PostgreSQL with the extension
# installed, and prints its folder.  Nothing is installed into the system's
# PostgreSQL, nothing is left in the tree.  Remove the folder when done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

bash "$here/install-deps.sh" build >&2
make_prefix "${1:-}"
trap 'rm -rf "$run"' EXIT

build_in_prefix
say "$prefix"
