#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: check-words.sh SOURCE_ROOT
# Whether the excuses and verdicts that there are, and no others, are told of where a reader looks.
set -eu
cd "$1"

# The words of a list such as DW_EXCUSES, but for that of nothing.
words() {
	awk -v list="#define $1(X)" '
		index($0, list) { on = 1; next }
		on && /^$/ { exit }
		on && match($0, /"[a-z-]+"/) { print substr($0, RSTART + 1, RLENGTH - 2) }
	' src/analysis/finding.h | grep -vx none | sort
}

# Those of the first enumeration behind a member of the schema of reports.
enumerated() {
	sed -n "/^        \"$1\": {/,/}/p" docs/report.schema.json |
		sed -n 's/^ *"enum": \[\(null, \)*\(.*\)\]$/\2/p' | tr -d '" ' | tr , '\n' | sort
}

status=0
# usage: compare WHERE WORDS TOLD
compare() {
	if [ -z "$2" ] || [ "$2" != "$3" ]; then
		printf '%s does not tell of these, but of those:\n%s\n\n%s\n' "$1" "$2" "$3"
		status=1
	fi
}

excuses=$(words DW_EXCUSES)
compare docs/reading.md "$excuses" \
	"$(sed -n '/^# Every excuse/,/^# When/s/^## //p' docs/reading.md | sort)"
compare deadwatch-report.1 "$excuses" \
	"$(sed -n '/^\.SH EXCUSES/,/^\.SH THE/s/^\.B //p' docs/man/deadwatch-report.1 | tr -d '\134' | sort)"
compare "report.schema.json: excuse" "$excuses" "$(enumerated excuse)"
compare "report.schema.json: verdict" "$(words DW_VERDICTS)" "$(enumerated verdict)"
exit "$status"
