#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/run-tests.sh [OPTION OF 'meson test']...
# Installs what is missing, builds, runs every test, and says in the last lines how it went. Then
# the unit tests again under sanitizers, and a compilation by the other compiler. The
# options are for the first run.
#
# The machine may be shared: a test that failed beside others is run once more, alone. What passes
# only then is named at the end, because it is a defect too, though hardly one of the change.
set -eu
cd "$(dirname "$0")/.."

status=0
logs=

# prepare DIRECTORY [OPTION OF 'meson setup']...: a build directory that is there is used again.
prepare() {
	[ -e "$1/build.ninja" ] || meson setup "$@"
}

# test_once DIRECTORY LOG [OPTION OF 'meson test']...: what the tests need is built, and no more than
# that. The last run's log is not taken for this one's.
test_once() {
	directory=$1
	log=$2
	shift 2
	rm -f "$directory/meson-logs/testlog.json" "$directory/$log"
	result=0
	meson test -C "$directory" --print-errorlogs "$@" || result=$?
	mv "$directory/meson-logs/testlog.json" "$directory/$log"
	logs="$logs $directory/$log"
	return "$result"
}

# run DIRECTORY [OPTION OF 'meson test']...
run() {
	directory=$1
	shift
	test_once "$directory" tests.json "$@" && return
	failed=$(python3 tests/count-results.py --failed "$directory/tests.json")
	# shellcheck disable=SC2086 # a list of names
	[ -n "$failed" ] && test_once "$directory" again.json --num-processes 1 $failed || status=$?
}

tools/setup.sh
prepare build
ninja -C build
run build "$@"
# Instrumented code makes gcc warn of what cannot be: warnings are for the other builds.
prepare build/address -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false
run build/address --suite unit
prepare build/thread -Db_sanitize=thread -Db_lundef=false -Dwerror=false
run build/thread --suite threads
# It is there for its warnings, which it gives without optimizing.
{ CC=clang CXX=clang++ prepare build/clang -Doptimization=0 && ninja -C build/clang; } || status=$?
# What would be released can be packed.
meson dist -C build --no-tests --allow-dirty --formats xztar >/dev/null || status=$?
# shellcheck disable=SC2086 # a list of words
python3 tests/count-results.py $logs
exit "$status"
