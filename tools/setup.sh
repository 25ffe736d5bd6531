#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes a fresh Debian 12 ready to build, test and try deadwatch. Does nothing, fast, where
# all is there already. Installs packages through apt, as root or by sudo.
set -eu
cd "$(dirname "$0")/.."

build="build-essential clang libclang-rt-14-dev clang-format meson ninja-build pkg-config
	libunwind-dev libdw-dev libelf-dev libcapstone-dev libjson-c-dev libgraphviz-dev libiberty-dev libcmocka-dev
	libncurses-dev binutils libbpf-dev bpftool linux-libc-dev"
tests="python3 python3-jsonschema python3-yaml qemu-system-x86 busybox-static cpio valgrind sysbench
	libjemalloc2 libtcmalloc-minimal4 rustc gdb groff-base zsh fish tmux chromium graphviz jq sqlite3
	python3-prometheus-client libsystemd0 systemd libc6-dbg musl-tools"

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Of the packages named, those that are not installed.
missing() {
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || echo "$package"
	done
}

# The guest's kernel. It is unpacked, not installed: installing one wants a boot loader.
fetch_kernel() {
	image=$(apt-cache depends linux-image-cloud-amd64 |
		sed -n 's/^ *Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1)
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	(cd "$folder" && apt-get download "$image" && dpkg -x linux-image-*.deb .)
	mkdir -p .cache
	cp "$folder"/boot/vmlinuz-* .cache/vmlinuz
}

# shellcheck disable=SC2086 # these are lists of words
packages=$(missing $build $tests)
kernel=
if [ ! -e .cache/vmlinuz ] && ! ls /boot/vmlinuz-*-cloud-amd64 >/dev/null 2>&1; then
	kernel=missing
fi
[ -n "$packages$kernel" ] || exit 0

as_root apt-get update
# shellcheck disable=SC2086
[ -z "$packages" ] || as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get install -y --no-install-recommends $packages
[ -z "$kernel" ] || fetch_kernel
