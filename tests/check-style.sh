#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: check-style.sh SOURCE_ROOT
# What machines can say about style: layout, length of functions and files, licence lines.
set -eu
cd "$1"

FUNCTION_MAX=60 # lines of a function, its braces included
FILE_MAX=600    # lines of a file

sources=$(find src include bpf tests tools -name '*.[ch]' | LC_ALL=C sort)
status=0

# shellcheck disable=SC2086 # a list of words
clang-format --dry-run -Werror $sources || status=1

# A function begins and ends with a brace in the first column; tables and types do not.
# shellcheck disable=SC2086
awk -v max="$FUNCTION_MAX" '
	/^\{/ { start = FNR }
	/^\}/ && start {
		if (FNR - start + 1 > max) {
			printf "%s:%d: a function of %d lines; %d are enough\n",
				FILENAME, start, FNR - start + 1, max
			bad = 1
		}
		start = 0
	}
	END { exit bad }
' $sources || status=1

for file in $sources $(find tools tests .ci -name '*.sh' -o -name '*.py' -o -name '*.rs' -o -path '.ci/run'); do
	lines=$(wc -l <"$file")
	if [ "$lines" -gt "$FILE_MAX" ]; then
		echo "$file: $lines lines; $FILE_MAX are enough"
		status=1
	fi
	if ! head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later'; then
		echo "$file: the licence is missing"
		status=1
	fi
done
exit "$status"
