#!/usr/bin/env bash
# mutants.sh [NAME,...]: `make mutants`.  Prepares a private folder, as run.sh
# does, builds there and lets test/mutants/mutants.py try the mutants in a copy
# of the copy: whatever ends it, the tree and the objects beside it stay whole.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"

bash "$here/install-deps.sh" build test || exit 1
make_prefix "${TPLUS_PREFIX:-}" || exit 1
trap 'trap "" INT TERM HUP; end_run' EXIT
trap 'exit 1' INT TERM HUP

build_in_prefix
IFS=, read -ra names <<<"${1:-}"
as_tester python3 test/mutants/mutants.py --run ${names[@]+"${names[@]}"} </dev/null &
wait $!
