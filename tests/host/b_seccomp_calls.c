/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filter kills the process for every system call but those that it makes itself: none is made
 * for a call that blocks under a lock, for a wait, a kick or a child.
 */
#include "host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ALLOW(name)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(read),
    ALLOW(write),
    ALLOW(poll),
    ALLOW(futex),
    ALLOW(tgkill),
    ALLOW(getpid),
    ALLOW(rt_sigprocmask),
    ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static pthread_mutex_t held = HOST_MUTEX;
static pthread_barrier_t both;
static sem_t asked, answered;
static int ends[2];

static void call(void)
{
	char byte = 0;

	HOST_CHECK(write(ends[1], &byte, 1) == 1);
	HOST_CHECK(read(ends[0], &byte, 1) == 1);
	HOST_CHECK(poll(NULL, 0, 1) == 0);
	HOST_CHECK(sem_post(&asked) == 0);
	host_wait(&answered);
}

static void *answer(void *argument)
{
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	for (int i = 0; i < 2; i++) {
		host_wait(&asked);
		HOST_CHECK(sem_post(&answered) == 0);
	}
	host_wait(&asked); /* for ever: a thread cannot end under this filter */
	return argument;
}

int main(void)
{
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};
	pthread_t other;

	signal(SIGUSR1, SIG_IGN);
	HOST_CHECK(pipe(ends) == 0);
	sem_init(&asked, 0, 0);
	sem_init(&answered, 0, 0);
	pthread_barrier_init(&both, NULL, 2);
	other = host_start(answer, NULL);
	pthread_barrier_wait(&both);
	HOST_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	HOST_CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
			   &program) == 0);
	pthread_barrier_wait(&both);
	call();
	host_lock(&held);
	HOST_CHECK(pthread_kill(other, SIGUSR1) == 0);
	call();
	host_unlock(&held);
	HOST_CHECK(write(1, "let through\n", 12) == 12);
	_exit(0);
}
