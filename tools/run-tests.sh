#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/run-tests.sh [OPTION OF 'meson test']...
# Installs what is missing, builds, runs every test, and says in the last line how it went. Then
# the unit tests again under sanitizers, and a compilation by the other compiler. The
# options are for the first run.
set -eu
cd "$(dirname "$0")/.."

status=0
logs=

# prepare DIRECTORY [OPTION OF 'meson setup']...: a build directory that is there is used again.
prepare() {
	[ -e "$1/build.ninja" ] || meson setup "$@"
	ninja -C "$1"
}

# run DIRECTORY [OPTION OF 'meson test']...: the last runs' log is not mistaken for this one's.
run() {
	directory=$1
	shift
	rm -f "$directory/meson-logs/testlog.json"
	meson test -C "$directory" --no-rebuild --print-errorlogs "$@" || status=$?
	logs="$logs $directory/meson-logs/testlog.json"
}

tools/setup.sh
prepare build
run build "$@"
# Instrumented code makes gcc warn of what cannot be: warnings are for the other builds.
prepare build/address -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false
run build/address --suite unit
prepare build/thread -Db_sanitize=thread -Db_lundef=false -Dwerror=false
run build/thread --suite threads
CC=clang CXX=clang++ prepare build/clang || status=$?
# What would be released can be packed.
meson dist -C build --no-tests --allow-dirty --formats xztar >/dev/null || status=$?
# shellcheck disable=SC2086 # a list of words
cat $logs >build/testlog.json
python3 tests/count-results.py build/testlog.json
exit "$status"
