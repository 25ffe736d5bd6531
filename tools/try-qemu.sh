#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/try-qemu.sh [OPTION OF 'deadwatch run']...
# From a fresh checkout to a report: installs what is missing, builds, boots a Linux guest in
# the distribution's QEMU with deadwatch watching, and shows what it has to say.
set -eu
cd "$(dirname "$0")/.."

tools/setup.sh
[ -e build/build.ninja ] || meson setup build
ninja -C build
tools/make-guest.sh build/guest

exec build/src/cli/deadwatch run "$@" -- \
	qemu-system-x86_64 -name guest,debug-threads=on -M pc,accel=tcg -smp 2 -m 256 -display none -monitor none \
	-serial stdio -no-reboot -kernel build/guest/vmlinuz -initrd build/guest/initrd \
	-append "console=ttyS0 quiet loglevel=0 panic=-1 no_timer_check"
