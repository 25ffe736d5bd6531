// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A filter that kills for every system call but those that the program itself comes to make:
 * threads that begin and end, threads that the C library makes, and a forked child. Each of
 * them takes locks. With "first" no lock was taken before the filter came.
 *
 *     seccomp_children first|threads|library|fork strictly|gently
 */
#include "host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

static pthread_mutex_t outer = HOST_MUTEX, inner = HOST_MUTEX;
static sem_t fired;

#define ALLOW(name)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(read),
    ALLOW(write),
    ALLOW(exit),
    ALLOW(exit_group),
    ALLOW(futex),
    ALLOW(rt_sigreturn),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigaction),
    ALLOW(getrandom),
    ALLOW(brk),
    ALLOW(clone),
    ALLOW(clone3),
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(mprotect),
    ALLOW(madvise),
    ALLOW(wait4),
    ALLOW(timer_settime),
    ALLOW(rt_sigtimedwait),
    /* What a recording takes while it goes on, but not what it takes to begin one. */
    ALLOW(gettid),
    ALLOW(prctl),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

/* Where the two are that are not allowed unless asked for. */
#define N_FEWER 4
#define N_FILTER (sizeof(filter) / sizeof(*filter))

static void forbid(bool gently)
{
	struct sock_fprog program = {.len = N_FILTER, .filter = filter};

	if (!gently) {
		filter[N_FILTER - 1 - N_FEWER] = filter[N_FILTER - 1];
		program.len -= N_FEWER;
	}

	HOST_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	HOST_CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
			   &program) == 0);
}

static void *work(void *argument)
{
	host_lock_both(&outer, &inner);
	return argument;
}

static void threads(bool gently)
{
	forbid(gently);
	for (int i = 0; i < 20; i++)
		host_join(host_start(work, NULL));
}

static void on_timer(union sigval value)
{
	work(value.sival_ptr);
	sem_post(&fired);
}

/* The thread that runs on_timer() is made by one that the C library keeps for that. */
static void library(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer};
	struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};
	timer_t timer;

	HOST_CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	forbid(/* gently= */ false);
	HOST_CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
	host_wait(&fired);
}

static void fork_one(bool gently)
{
	pid_t pid;

	forbid(gently);
	pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		work(NULL);
		_exit(7);
	}
	HOST_CHECK(host_reap(pid) == 7);
}

int main(int argc, char **argv)
{
	bool gently;

	HOST_CHECK(argc == 3);
	gently = !strcmp(argv[2], "gently");
	sem_init(&fired, 0, 0);
	if (!strcmp(argv[1], "first"))
		threads(gently);
	work(NULL);
	if (!strcmp(argv[1], "threads"))
		threads(gently);
	else if (!strcmp(argv[1], "library"))
		library();
	else if (!strcmp(argv[1], "fork"))
		fork_one(gently);
	HOST_CHECK(write(1, "went on\n", 8) == 8);
	return 0;
}
