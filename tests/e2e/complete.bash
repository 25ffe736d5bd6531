# SPDX-License-Identifier: GPL-2.0-or-later
# usage: bash --norc complete.bash FILE LINE: what bash offers at the end of LINE, one a line, by FILE.
source "$1"
line=$2

# As readline splits it: at blanks, and at =.
read -ra COMP_WORDS <<<"${line//=/ = }"
[[ $line != *[=\ ] ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_deadwatch
printf '%s\n' "${COMPREPLY[@]}"
