// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A filter kills the process for every system call but seven. Threads that were there before

 *
 *     seccomp_strict syscall|prctl ROUNDS
 *
 * By prctl() the filter is the main thread's alone; by seccomp() it is every thread's. Threads
 * cannot end under it: that takes system calls that it forbids.
 */
#include "host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define THREADS 4
#define LOCKS 64

struct worker {
	pthread_mutex_t locks[LOCKS];
	unsigned number;
	unsigned rounds;
};

static struct worker workers[THREADS + 1];
static pthread_barrier_t before, filtered, after;

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
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

/* Always the same numbers: the program must do the same in every run. */
static unsigned next_number(unsigned *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 16 & 0x7fff;
}

static void say(const char *text)
{
	HOST_CHECK(write(1, text, strlen(text)) == (ssize_t)strlen(text));
}

/* Three locks of chance, always upwards: with so many, nearly every round is news. */
static __attribute__((noinline)) void take_some(struct worker *worker, unsigned *state)
{
	unsigned first = next_number(state) % (LOCKS - 2);
	unsigned second = first + 1 + next_number(state) % (LOCKS - 2 - first);
	unsigned third = second + 1 + next_number(state) % (LOCKS - 1 - second);

	host_lock(&worker->locks[first]);
	host_lock(&worker->locks[second]);
	host_lock(&worker->locks[third]);
	worker->number++;
	host_unlock(&worker->locks[third]);
	host_unlock(&worker->locks[second]);
	host_unlock(&worker->locks[first]);
}

static void go_on(struct worker *worker)
{
	unsigned state = (unsigned)(worker - workers) + 1;

	for (unsigned i = 0; i < worker->rounds; i++)
		take_some(worker, &state);
	HOST_CHECK(worker->number == worker->rounds);
}

static void *work(void *argument)
{
	pthread_barrier_wait(&before);
	pthread_barrier_wait(&filtered);
	go_on(argument);
	pthread_barrier_wait(&after);
	/* Nobody comes to this one again: here the thread is when the process ends. */
	pthread_barrier_wait(&before);
	return NULL;
}

static void forbid(int by_prctl)
{
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};

	HOST_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (by_prctl)
		HOST_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
	else
		HOST_CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
				   &program) == 0);
}

int main(int argc, char **argv)
{
	HOST_CHECK(argc == 3);
	pthread_barrier_init(&before, NULL, THREADS + 1);
	pthread_barrier_init(&filtered, NULL, THREADS + 1);
	pthread_barrier_init(&after, NULL, THREADS + 1);
	for (int i = 0; i <= THREADS; i++)
		workers[i].rounds = (unsigned)atoi(argv[2]);
	for (int i = 0; i < THREADS; i++)
		host_start(work, &workers[i]);
	pthread_barrier_wait(&before);
	forbid(strcmp(argv[1], "prctl") == 0);
	say("filtered\n");
	pthread_barrier_wait(&filtered);
	go_on(&workers[THREADS]);
	pthread_barrier_wait(&after);
	say("all went on\n");
	return 0;
}
