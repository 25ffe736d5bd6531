#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: check-recording-doc.sh SOURCE_ROOT
# Whether docs/recording.md has the kinds of records that layout.h has, with their sizes.
set -eu
cd "$1"

# number, word and size of each kind, of the list and of the assertions below it
layout() {
	awk '
		/^\tX\(DW_REC_[A-Z]*, [0-9]+, "[a-z]*"\)/ {
			split($0, part, /[(,") ]+/)
			number[part[4]] = part[3]
		}
		/^_Static_assert\(sizeof\(struct dw_rec_[a-z]*\) == [0-9]+/ {
			match($0, /dw_rec_[a-z]*/)
			word = substr($0, RSTART + 7, RLENGTH - 7)
			match($0, /== [0-9]+/)
			size[word] = substr($0, RSTART + 3, RLENGTH - 3)
		}
		END { for (word in number) print number[word], word, size[word] }
	' src/record/layout.h | sort -n
}

described() {
	sed -n 's/^| \([0-9]*\) | \([a-z]*\) | \([0-9]*\) |.*/\1 \2 \3/p' docs/recording.md
}

constant() {
	sed -n "s/^#define $1 \([0-9]*\)\$/\1/p" src/record/layout.h
}

status=0
if [ -z "$(layout)" ] || [ "$(layout)" != "$(described)" ]; then
	echo "docs/recording.md and layout.h differ in the kinds of records. layout.h has:"
	layout
	echo "docs/recording.md has:"
	described
	status=1
fi
for name in DW_REC_HEADER_SIZE DW_REC_CHUNK_SIZE; do
	if ! grep -q "\<$(constant $name)\>" docs/recording.md; then
		echo "docs/recording.md does not know $name: $(constant $name)"
		status=1
	fi
done
exit "$status"
