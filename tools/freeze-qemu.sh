#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/freeze-qemu.sh [inspect]
# Freezes the distribution's QEMU for good, by a debug console that nobody reads. Shows what
# deadwatch, preloaded, says of the process while it hangs; or, with `inspect`, what it says of one
# that it never had to do with. After tools/try-qemu.sh, which installs and builds.
set -eu
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The console's client ends, and QEMU with it, when its input does.
freeze() {
	sleep 5 | tests/e2e/r1.py --stay freeze -- "$@" >/dev/null
}

if [ "${1:-}" = inspect ]; then
	# shellcheck disable=SC2016 # that is for the shell that becomes QEMU
	freeze sh -c 'echo $$ >"$0"; exec "$@"' "$folder/pid" &
	sleep 3
	build/src/cli/deadwatch inspect "$(cat "$folder/pid")" || [ $? = 1 ]
	wait
else
	freeze env LD_PRELOAD="$PWD/build/src/shim/libdeadwatch.so" \
		DEADWATCH_OPTIONS="record_path=$folder/recording:log_path=$folder/log:stall_ms=1000"
	cat "$folder"/log.*
fi
