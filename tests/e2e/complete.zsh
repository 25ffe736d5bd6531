# SPDX-License-Identifier: GPL-2.0-or-later
# usage: zsh -f complete.zsh FOLDER LINE: what zsh offers at the end of LINE, one a line, by the
# _deadwatch in FOLDER. zsh completes only where a person types: here, in a terminal of its own.
zmodload zsh/zpty || exit 77

if [[ $1 == --typed ]]; then # in that terminal
	PROMPT=
	fpath=($2 $fpath)
	autoload -U compinit
	compinit -D -u
	bindkey '^I' complete-word
	# Words are shown as they are offered, and not put into the line.
	compadd() {
		local -a offered
		if [[ ${@[1,(i)(-|--)]} == *-[OAD]\ * ]]; then
			builtin compadd "$@"
			return
		fi
		builtin compadd -A offered "$@"
		(( $#offered )) && print -rl -- "<"${^offered}">"
	}
	finish() { print '<end>'; exit }
	comppostfuncs=(finish)
	print '<ready>'
	return
fi

zpty typed zsh -f -i
zpty -w typed "source ${(q)ZSH_ARGZERO:-$0} --typed ${(q)1}"
zpty -r typed line '*<ready>*'
zpty -w -n typed "$2"$'\t'
zpty -r typed line '*<end>*'
print -r -- $line | tr -d '\r' | sed -n 's/^.*<\([^<>]*\)>$/\1/p' | grep -vx end | sort -u
