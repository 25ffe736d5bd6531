#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/freeze-qemu.sh
# Freezes the distribution's QEMU for good, by a debug console that nobody reads, with deadwatch
# preloaded; and shows what its monitor says of the process while it hangs. After
# tools/try-qemu.sh, which installs and builds.
set -eu
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The console's client ends, and QEMU with it, when its input does.
sleep 5 | tests/e2e/r1.py --stay freeze -- env LD_PRELOAD="$PWD/build/src/shim/libdeadwatch.so" \
	DEADWATCH_OPTIONS="record_path=$folder/recording:log_path=$folder/log:stall_ms=1000" \
	>/dev/null
cat "$folder"/log.*
