#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/run-tests.sh [OPTION OF 'meson test']...
# Installs what is missing, builds, runs every test, and says in the last line how it went.
set -eu
cd "$(dirname "$0")/.."

tools/setup.sh
[ -e build/build.ninja ] || meson setup build
ninja -C build
status=0
meson test -C build --no-rebuild --print-errorlogs "$@" || status=$?
python3 tests/count-results.py build/meson-logs/testlog.json
exit "$status"
