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

# Starts QEMU, with what is told in front of its command line, and waits until it is frozen. The
# console's client says so, with QEMU's process, and ends when its input does, and QEMU with it.
freeze() {
	mkfifo "$folder/input" "$folder/output"
	tests/e2e/r1.py --stay freeze -- "$@" <"$folder/input" >"$folder/output" &
	exec 3>"$folder/input" 4<"$folder/output"
	read -r _ pid _ <&4
	pid=${pid%:}
}

if [ "${1:-}" = inspect ]; then
	freeze
	build/src/cli/deadwatch inspect "$pid" || [ $? = 1 ]
else
	freeze env LD_PRELOAD="$PWD/build/src/shim/libdeadwatch.so" \
		DEADWATCH_OPTIONS="record_path=$folder/recording:log_path=$folder/log:stall_ms=1000"
	for _ in $(seq 60); do
		[ ! -s "$folder/log.$pid" ] || break
		sleep 1
	done
	cat "$folder/log.$pid"
fi
exec 3>&-
wait
