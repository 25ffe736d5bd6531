#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/make-guest.sh FOLDER
# Makes a guest in FOLDER: vmlinuz, and an initrd that prints one line and powers off.
set -eu
folder=$1
root=$(dirname "$0")/..

kernel=$(ls "$root/.cache/vmlinuz" /boot/vmlinuz-*-cloud-amd64 2>/dev/null | head -n 1)
if [ -z "$kernel" ]; then
	echo "make-guest.sh: there is no kernel; run tools/setup.sh" >&2
	exit 1
fi
mkdir -p "$folder"
cp "$kernel" "$folder/vmlinuz"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/bin" "$tree/dev" "$tree/proc"
cp "$(command -v busybox)" "$tree/bin/busybox"
cat >"$tree/init" <<'EOF'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t proc none /proc
exec >/dev/console 2>&1
echo "guest: up, $(/bin/busybox nproc) CPUs"
/bin/busybox poweroff -f
EOF
chmod +x "$tree/init"
(cd "$tree" && find . | LC_ALL=C sort | cpio --quiet -o -H newc | gzip -n -1) >"$folder/initrd"
