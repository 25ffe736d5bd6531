#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tools/try-libcs.sh FOLDER [SUITE]...
# Whether `deadwatch inspect` says the same of programs of other C libraries: makes a root of each
# Debian suite below FOLDER (debootstrap; some 300 MB each), builds the cases there with its own
# compiler, lets them hang in there, in namespaces of their own, and looks into them from here.
# Prints a table, and fails if anything is not as the cases expect it. As root; after a build.
#
# The suites are bullseye (glibc 2.31), trixie (2.41) and sid, if none is named; `musl` is this
# machine's musl-gcc, without a root: its plain mutexes do not say who has them, and of its
# conditions the mutex is not known. What is linked statically and stripped ("stripped") has no
# names to show ("nameless"). So of these two a stall in place of a deadlock is said ("weaker"),
# but is no failure.
set -eu
[ $# -gt 0 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
folder=$(realpath -m "$1")
shift
[ $# -gt 0 ] || set -- bullseye trixie sid musl
cd "$(dirname "$0")/.."

deadwatch=$PWD/build/src/cli/deadwatch
args='-D_GNU_SOURCE -O1 -g -fno-optimize-sibling-calls -pthread -Iinclude'
tries=15     # looks, until it is as expected
few_tries=3 # where less than that is all that can be seen
failed=0

# Of cases with libraries of their own, and of other languages, nothing is known here.
cases=$(grep -l '^== inspect hang$' tests/cases/*/expect | xargs -n 1 dirname | xargs -n 1 basename |
	grep -v -x -e audio_callback -e cfrelease -e '.*_rs' -e '.*_kvm')

root_of() { # SUITE
	[ "$1" = musl ] || printf '%s/%s' "$folder" "$1"
}

make_root() { # SUITE
	[ "$1" = musl ] || [ -e "$(root_of "$1")/usr/bin/gcc" ] ||
		debootstrap --variant=minbase --include=gcc,libc6-dev "$1" "$(root_of "$1")"
	mkdir -p "$(root_of "$1")$folder/try"
	[ "$1" = musl ] || cp -r include tests "$(root_of "$1")$folder/try"
}

# Each program three times: as most are, and linked statically, and that without a name.
build() { # SUITE NAME SOURCE
	into=$folder/try/$2
	if [ "$1" = musl ]; then
		# The kernel's headers are not musl's.
		set -- "$1" "$2" "$3" "musl-gcc -idirafter /usr/include
			-idirafter /usr/include/$(uname -m)-linux-gnu" strip
	else
		set -- "$1" "$2" "$3" "chroot $(root_of "$1") env -C $folder/try gcc" \
			"chroot $(root_of "$1") strip"
	fi
	# shellcheck disable=SC2086 # commands with their arguments
	$4 $args -rdynamic -o "$into" "$3" && $4 $args -static -o "$into-static" "$3" &&
		$5 -o "$into-stripped" "$into-static"
}

# Starts it where nobody sees anything of here; says which process it is.
start() { # SUITE PROGRAM
	if [ "$1" = musl ]; then
		unshare --mount --pid --fork --kill-child "$2" hang >/dev/null 2>&1 &
	else
		unshare --mount --pid --fork --kill-child chroot "$(root_of "$1")" "$2" hang \
			>/dev/null 2>&1 &
	fi
	leader=$!
	sleep 0.5
	process=$(cat "/proc/$leader/task/$leader/children")
}

# "deadlock a -> b -> a", and of `waits` who waits for what.
look() { # NAME
	"$deadwatch" inspect --format json "${process% }" | jq -r --arg name "$1" '
		[(.findings[] | select(.verdict != "hazard") | .verdict + " " + (.chain | join(" -> "))),
		 (select($name == "waits") | .picture.threads | sort_by(.thread.name) | .[] |
		  select(.thread.name != "main") | .thread.name + "=" + (.waits_for.kind // "?"))] |
		join("; ")' || true
}

expected_of() { # SUITE NAME
	if [ "$2" = waits ]; then
		[ "$1" != musl ] || stall=' stall rwlock;'
		echo "deadlock first -> second -> first;${stall:-}" 'barrier=barrier; condition=condition;' \
			'first-second=mutex; rwlock-read=rwlock; rwlock-write=rwlock;' \
			'second-first=mutex; semaphore=semaphore'
	else
		awk '/^== |^core$/{in_it = $0 == "== inspect hang"}
			in_it && /^(deadlock|stall) /{sub(/ \(.*/, ""); print}' \
			"tests/cases/$2/expect"
	fi
}

# Without names, or an owner in the lock, a deadlock may be seen as a stall, or less of it: but it is
# seen, and a stall is no deadlock.
compare() { # SUITE KIND
	verdict=${seen%% *}
	if [ "$seen" = "$expected" ]; then
		echo same
	elif [ "$2" = stripped ] && [ "$verdict" = "${expected%% *}" ]; then
		echo nameless
	elif [ "$1" = musl ] || [ "$2" = stripped ] && [ "$verdict" = stall ]; then
		echo weaker
	else
		echo DIFFERENT
	fi
}

check() { # SUITE NAME KIND
	program=$folder/try/$2${3:+-$3}
	expected=$(expected_of "$1" "$2")
	start "$1" "$program"
	for n in $(seq $tries); do
		seen=$(look "$2")
		result=$(compare "$1" "$3")
		case $result in
		same | nameless) break ;;
		weaker) [ "$n" -lt "$few_tries" ] || break ;;
		esac
	done
	kill -KILL "$leader"
	wait "$leader" 2>/dev/null || true
	[ "$result" != DIFFERENT ] || failed=1
	printf '%-9s %-14s %-9s %-9s %s\n' "$1" "$2" "${3:-dynamic}" "$result" "${seen:-nothing}"
	[ "$result" != DIFFERENT ] || printf '%45s%s\n' 'expected: ' "$expected"
}

for suite; do
	make_root "$suite"
	for name in waits $cases; do
		source=tests/cases/$name/program.c
		[ "$name" != waits ] || source=tests/e2e/waits.c
		build "$suite" "$name" "$source"
		for kind in '' static stripped; do
			check "$suite" "$name" "$kind"
		done
	done
done
exit $failed
