#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs a command with KEEP naming a disk that is nearly full from the start: a file system in
# memory, in a mount namespace that ends with the command.
#
#     b_full_disk.sh SIZE COMMAND...
set -eu

[ "$(id -u)" = 0 ] || { echo "skipped: only root can mount"; exit 77; }
unshare --mount true 2>/dev/null || { echo "skipped: no mount namespaces here"; exit 77; }

folder=$(mktemp -d)
trap 'rmdir "$folder"' EXIT
FULL_DISK_SIZE=$1
shift
export FULL_DISK_SIZE KEEP="$folder"
unshare --mount --propagation private -- sh -euc '
	mount -t tmpfs -o "size=$FULL_DISK_SIZE,mode=0700" none "$KEEP"
	exec "$@"' sh "$@"
