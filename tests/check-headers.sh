#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: check-headers.sh SOURCE_ROOT COMPILER...
# The compiler may be several words: one that caches is in front of it.
# Every header says what it is and compiles alone.
set -eu
cd "$1"
shift

status=0
for header in src/*/*.h $(find include -name '*.h'); do
	if ! "$@" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Isrc \
		-Iinclude -include "$header" -x c /dev/null; then
		echo "$header does not compile alone"
		status=1
	fi
	# A line with the licence, then a comment that says what the header is.
	if ! sed -n 1p "$header" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
		! sed -n 2p "$header" | grep -q '^/\*'; then
		echo "$header does not begin with the licence and with what it is"
		status=1
	fi
done
exit "$status"
