#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: check-exports.sh SHIM_LIBRARY
# The shim exports its stand-ins and nothing else: any other name could take the place of one
# of the program's own. A new stand-in is added here, on purpose.
set -eu
export LC_ALL=C
library=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

sort -u >"$folder/expected" <<'EOF'_Exit
__poll_chk
__ppoll_chk
__pthread_mutex_destroy
__pthread_mutex_init
__pthread_mutex_lock
__pthread_mutex_trylock
__pthread_mutex_unlock
__pthread_once
__pthread_rwlock_destroy
__pthread_rwlock_init
__pthread_rwlock_rdlock
__pthread_rwlock_tryrdlock
__pthread_rwlock_trywrlock
__pthread_rwlock_unlock
__pthread_rwlock_wrlock
__read_chk
__recv_chk
__recvfrom_chk
__vfork
_exit
accept
accept4
call_once
clock_nanosleep
close
close_range
closefrom
cnd_broadcast
cnd_destroy
cnd_init
cnd_signal
cnd_timedwait
cnd_wait
connect
daemon
deadwatch_beat
deadwatch_call_begin
deadwatch_call_end
deadwatch_idle
deadwatch_kick
deadwatch_lock_drop
deadwatch_lock_fail
deadwatch_lock_hold
deadwatch_lock_want
deadwatch_name_lock
deadwatch_post
deadwatch_wait_begin
deadwatch_wait_end
dlclose
dup2
dup3
epoll_pwait
epoll_pwait2
epoll_wait
execl
execle
execlp
execv
execve
execvp
execvpe
fcntl
fcntl64
fdatasync
fexecve
flock
free
fsync
ioctl
mmap
mmap64
mtx_destroy
mtx_init
mtx_lock
mtx_timedlock
mtx_trylock
mtx_unlock
munmap
nanosleep
pause
poll
ppoll
prctl
pselect
pthread_barrier_destroy
pthread_barrier_init
pthread_barrier_wait
pthread_clockjoin_np
pthread_cond_broadcast
pthread_cond_clockwait
pthread_cond_destroy
pthread_cond_init
pthread_cond_signal
pthread_cond_timedwait
pthread_cond_wait
pthread_create
pthread_join
pthread_kill
pthread_mutex_clocklock
pthread_mutex_destroy
pthread_mutex_init
pthread_mutex_lock
pthread_mutex_timedlock
pthread_mutex_trylock
pthread_mutex_unlock
pthread_once
pthread_rwlock_clockrdlock
pthread_rwlock_clockwrlock
pthread_rwlock_destroy
pthread_rwlock_init
pthread_rwlock_rdlock
pthread_rwlock_timedrdlock
pthread_rwlock_timedwrlock
pthread_rwlock_tryrdlock
pthread_rwlock_trywrlock
pthread_rwlock_unlock
pthread_rwlock_wrlock
pthread_setname_np
pthread_sigqueue
pthread_spin_destroy
pthread_spin_init
pthread_spin_lock
pthread_spin_trylock
pthread_spin_unlock
pthread_timedjoin_np
pthread_tryjoin_np
quick_exit
read
readv
realloc
recv
recvfrom
recvmsg
select
sem_clockwait
sem_destroy
sem_init
sem_post
sem_timedwait
sem_trywait
sem_wait
send
sendmsg
sendto
sigaction
signal
sigtimedwait
sigwait
sigwaitinfo
sleep
syscall
tgkill
thrd_create
thrd_join
thrd_sleep
usleep
vfork
wait
wait4
waitid
waitpid
write
writev
EOF

nm -D --defined-only "$library" | awk '$2 != "A" { sub("@.*", "", $3); print $3 }' |
	sort -u >"$folder/exported"
if ! diff -u "$folder/expected" "$folder/exported"; then
	echo "the shim's exported names are not those expected (-: missing, +: not expected)"
	exit 1
fi

# A stand-in stands in for something: each other name is one of the C library's.
libc=$(ldd "$library" | awk '$1 == "libc.so.6" { print $3 }')
nm -D --defined-only "$libc" | awk '{ sub("@.*", "", $3); print $3 }' | sort -u >"$folder/libc"
if comm -23 "$folder/exported" "$folder/libc" | grep -v "^deadwatch_"; then
	echo "the C library has no such functions to stand in for"
	exit 1
fi
