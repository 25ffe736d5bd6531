#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/make-deb.sh [FOLDER]
# Builds the Debian packages of what is committed, into FOLDER (build-deb), checks them by lintian
# where that is installed, installs them into an empty root, runs what was installed there, and removes
# them again. Takes some minutes. Needs debhelper and what tools/setup.sh installs.
set -eu
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-build-deb}")
version=$(sed -n "s/^ *version: '\(.*\)',\$/\1/p" meson.build | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/deadwatch-$version"
git archive HEAD | tar -x -C "$work/deadwatch-$version"
cp -r tools/debian "$work/deadwatch-$version/debian"
date=$(git log -1 --format=%cD)
maintainer="${DEBFULLNAME:-nobody} <${DEBEMAIL:-nobody@localhost}>"
sed -i "s/@VERSION@/$version/; s/@DATE@/$date/; s/@MAINTAINER@/$maintainer/" \
	"$work/deadwatch-$version/debian/changelog" "$work/deadwatch-$version/debian/control"
(cd "$work/deadwatch-$version" && dpkg-buildpackage -us -uc -b)
mkdir -p "$folder"
cp "$work"/*.deb "$folder"

if command -v lintian >/dev/null; then
	# Who builds it says who they are, by DEBFULLNAME and DEBEMAIL; or does not.
	lintian --fail-on error,warning "$work"/*.changes \
		--suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog
fi

# What was installed has to work from where it is, and to leave nothing behind.
root=$work/root
in_root() {
	fakeroot dpkg --root="$root" --log=/dev/null "$@"
}
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
: >"$root/var/lib/dpkg/status"
in_root --force-depends --install "$work"/deadwatch_*.deb "$work"/libdeadwatch-dev_*.deb
"$root/usr/bin/deadwatch" --version | grep -qx "deadwatch $version"
"$root/usr/bin/deadwatch" run -- "$work"/deadwatch-*/obj-*/tests/e2e/sample inversion 2>&1 |
	grep -q "^potential deadlock: first -> second -> first"
"$root/usr/bin/deadwatch" doctor --format=json | grep -q "$root/usr/lib/.*/libdeadwatch.so"
in_root --force-depends --purge deadwatch libdeadwatch-dev
left=$(cd "$root" && find usr etc -type f 2>/dev/null || true)
if [ -n "$left" ]; then
	echo "left behind: $left" >&2
	exit 1
fi
ls -l "$folder"/*.deb
