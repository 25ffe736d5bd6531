// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A filter that forbids a few system calls and allows the others, as QEMU's -sandbox has it.
 * Nothing that deadwatch needs is forbidden, so nothing of it may be missing: threads that are
 * made afterwards are seen, and their stacks are whole.
 */
#include "host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define THREADS 8
#define LOCKS 16

static pthread_mutex_t locks[THREADS][LOCKS];

#define DENY(name)                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    DENY(reboot),
    DENY(swapon),
    DENY(swapoff),
    DENY(mount),
    DENY(umount2),
    DENY(kexec_load),
    DENY(ptrace),
    DENY(fork),
    DENY(vfork),
    DENY(execve),
    DENY(setuid),
    DENY(setgid),
    DENY(setpriority),
    DENY(sched_setparam),
    DENY(sched_setscheduler),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static __attribute__((noinline)) void inner(pthread_mutex_t *mine, unsigned i)
{
	host_lock(&mine[(i * 7 + 3) % LOCKS]);
	host_unlock(&mine[(i * 7 + 3) % LOCKS]);
}

static __attribute__((noinline)) void outer(pthread_mutex_t *mine, unsigned i)
{
	if (i == (i * 7 + 3) % LOCKS)
		return;
	host_lock(&mine[i]);
	inner(mine, i);
	host_unlock(&mine[i]);
}

static void *work(void *argument)
{
	for (unsigned i = 0; i < LOCKS; i++)
		outer(argument, i);
	return NULL;
}

int main(void)
{
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};
	pthread_t threads[THREADS];

	HOST_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	HOST_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
	for (int i = 0; i < THREADS; i++)
		threads[i] = host_start(work, locks[i]);
	for (int i = 0; i < THREADS; i++)
		host_join(threads[i]);
	puts("all went on");
	return 0;
}
