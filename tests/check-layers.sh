#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: check-layers.sh SOURCE_ROOT
# Who may include whom. This list is the architecture: changing it is a design decision.
set -eu
cd "$1/src"

allowed() {
	case $1 in
	base) echo base ;;
	model) echo base model ;;
	record) echo base model record ;;
	shim) echo base model record shim ;;
	profile) echo base model profile ;;
	analysis) echo base model analysis ;;
	symbol) echo base model symbol ;;
	inspect) echo base model symbol inspect ;;
	# What is told from outside begins with a look from outside, and becomes a recording.
	attach) echo base model record symbol inspect attach ;;
	gate) echo base model analysis symbol gate ;;
	doctor) echo base model symbol inspect doctor ;;
	render) echo base model analysis symbol doctor render ;;
	cli) echo base model record profile analysis symbol gate render inspect doctor attach cli ;;
	*) echo "$1: not in the list of layers" >&2 ;;
	esac
}

# The shim lives in other programs, so its code is nobody's library, not even the command line's.
status=0
for folder in */; do
	layer=${folder%/}
	may=" $(allowed "$layer") "
	[ "$may" != "  " ] || status=1
	for include in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$layer"/*.[ch] | sort -u); do
		case $may in
		*" $include "*) ;;
		*)
			echo "$layer must not include $include:"
			grep -n "^#include \"$include/" "$layer"/*.[ch]
			status=1
			;;
		esac
	done
	# Every include names its folder, or else the list above means nothing.
	if grep -n '^#include "[^/]*"' "$layer"/*.[ch]; then
		echo "$layer: an include without a folder"
		status=1
	fi
done
exit "$status"
