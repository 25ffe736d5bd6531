/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words that are waited on by the system call itself, and threads that are kicked by number: all of
 * it gives what it gives without us, and who holds a lock meanwhile is told.
 */
#include "host.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#define ROUNDS 200

pthread_mutex_t around = HOST_MUTEX, asked_under = HOST_MUTEX;
unsigned word;

static sem_t told, turn;
static pid_t other;

static long futex(unsigned *at, int command, unsigned value, const struct timespec *time)
{
	return syscall(SYS_futex, at, command | FUTEX_PRIVATE_FLAG, value, time, NULL, 0);
}

static void nothing(int number)
{
	(void)number;
}

/* What it gives, it gives only after it has had the lock; and so it answers. */
static void *give(void *argument)
{
	other = (pid_t)syscall(SYS_gettid);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		host_wait(&turn);
		host_lock(&around);
		host_unlock(&around);
		__atomic_store_n(&word, i, __ATOMIC_SEQ_CST);
		HOST_CHECK(futex(&word, FUTEX_WAKE, 1, NULL) >= 0);
		host_lock(&asked_under);
		host_unlock(&asked_under);
		sem_post(&told);
	}
	return argument;
}

static void await(unsigned value)
{
	unsigned now;

	while ((now = __atomic_load_n(&word, __ATOMIC_SEQ_CST)) < value)
		HOST_CHECK(futex(&word, FUTEX_WAIT, now, NULL) == 0 || errno == EAGAIN);
}

/* It has the number, so it is there; and it is asked, so what it does next is its answer. */
static void kick(unsigned i)
{
	long r;

	host_lock(&asked_under);
	if (i % 2)
		r = syscall(SYS_tgkill, getpid(), other, SIGUSR1);
	else
		r = syscall(SYS_tkill, other, SIGUSR1);
	HOST_CHECK(r == 0 && nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL) == 0);
	host_unlock(&asked_under);
}

int main(void)
{
	struct timespec past = {0};
	pthread_t thread;

	sem_init(&told, 0, 0);
	sem_init(&turn, 0, 0);
	HOST_CHECK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = nothing}, NULL) == 0);
	thread = host_start(give, NULL);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		if (i > 1)
			kick(i);
		sem_post(&turn);
		await(i);
		host_wait(&told);
	}
	host_lock(&around);
	HOST_CHECK(futex(&word, FUTEX_WAIT, 0, NULL) < 0 && errno == EAGAIN);
	HOST_CHECK(futex(&word, FUTEX_WAIT, ROUNDS, &past) < 0 && errno == ETIMEDOUT);
	HOST_CHECK(syscall(SYS_tgkill, getpid(), -1, 0) < 0 && errno == EINVAL);
	host_unlock(&around);
	host_join(thread);
	printf("%u\n", word);
	return 0;
}
