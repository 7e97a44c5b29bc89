#!/usr/bin/env bash
# Runs inside a prefix, as the unprivileged user: copies the server, builds the
# extension and installs it there.
set -euo pipefail

. test/lib/common.sh
prefix=$TPLUS_PREFIX
copy_server
build_extension
