/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads are cancelled in waits while they hold other locks, and their cleanup handlers let go
 * of what they have. A condition's mutex is held again in those handlers, and can be let go.
 */
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

#define FAR_S 1000 /* seconds that nobody waits */

pthread_mutex_t around = HOST_MUTEX, waited = HOST_MUTEX, after = HOST_MUTEX;
pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;

static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t ready, over, never_posted;
static int silent[2]; /* a socket and its peer, which says nothing */
static pthread_t sleeper;
static bool in_computation;

static void let_go(void *mutex)
{
	host_unlock(mutex);
}

static void let_go_of_waited(void *argument)
{
	(void)argument;
	HOST_CHECK(pthread_mutex_trylock(&waited) == EBUSY);
	host_lock(&after);
	host_unlock(&after);
	host_unlock(&waited);
}

static void let_go_of_table(void *argument)
{
	(void)argument;
	HOST_CHECK(pthread_rwlock_unlock(&table) == 0);
}

static void wait_for_ever(void)
{
	pthread_cond_wait(&never, &waited);
}

static void wait_long(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += FAR_S;
	pthread_cond_timedwait(&never, &waited, &time);
}

static void wait_long_by_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += FAR_S;
	pthread_cond_clockwait(&never, &waited, CLOCK_MONOTONIC, &time);
}

static void join(void)
{
	pthread_join(sleeper, NULL);
}

static void wait_for_semaphore(void)
{
	sem_wait(&over);
}

static void wait_long_for_semaphore(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	time.tv_sec += FAR_S;
	sem_timedwait(&never_posted, &time);
}

static void read_nothing(void)
{
	char byte;

	HOST_CHECK(read(silent[0], &byte, 1) < 0);
}

static void receive_nothing(void)
{
	char byte;

	HOST_CHECK(recv(silent[0], &byte, 1, 0) < 0);
}

static void poll_silence(void)
{
	struct pollfd poll_for = {.fd = silent[0], .events = POLLIN};

	poll(&poll_for, 1, -1);
}

static void select_silence(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(silent[0], &set);
	select(silent[0] + 1, &set, NULL, NULL, NULL);
}

static void wait_for_events(void)
{
	struct epoll_event event;

	epoll_wait(epoll_create1(0), &event, 1, -1);
}

static void sleep_long(void)
{
	nanosleep(&(struct timespec){.tv_sec = FAR_S}, NULL);
}

static void sleep_by_clock(void)
{
	clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_sec = FAR_S}, NULL);
}

static void sleep_seconds(void)
{
	sleep(FAR_S);
}

static void rest(void)
{
	pause();
}

static const struct {
	const char *name;
	void (*wait)(void);
} waits[] = {
    {"pthread_cond_wait", wait_for_ever},
    {"pthread_cond_timedwait", wait_long},
    {"pthread_cond_clockwait", wait_long_by_clock},
    {"pthread_join", join},
    {"sem_wait", wait_for_semaphore},
    {"sem_timedwait", wait_long_for_semaphore},
    {"read", read_nothing},
    {"recv", receive_nothing},
    {"poll", poll_silence},
    {"select", select_silence},
    {"epoll_wait", wait_for_events},
    {"nanosleep", sleep_long},
    {"clock_nanosleep", sleep_by_clock},
    {"sleep", sleep_seconds},
    {"pause", rest},
};
#define WAITS (sizeof(waits) / sizeof(*waits))

static void *wait_here(void *argument)
{
	host_lock(&around);
	pthread_cleanup_push(let_go, &around);
	HOST_CHECK(pthread_rwlock_rdlock(&table) == 0);
	pthread_cleanup_push(let_go_of_table, NULL);
	host_lock(&waited);
	pthread_cleanup_push(let_go_of_waited, NULL);
	sem_post(&ready);
	for (;;)
		waits[(size_t)argument].wait();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

/* Cancelled at once, but never inside a call: that would be undefined without any shim, too. */
static void *compute(void *argument)
{
	volatile unsigned long n = 0;
	int before;

	(void)argument;
	host_lock_both(&around, &after);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
	__atomic_store_n(&in_computation, true, __ATOMIC_RELEASE);
	for (;;)
		n = n + 1;
	return NULL;
}

static void *sleep_until_over(void *argument)
{
	host_wait(&over);
	return argument;
}

static void cancel(pthread_t thread, const char *name)
{
	void *value;

	HOST_CHECK(pthread_cancel(thread) == 0);
	HOST_CHECK(pthread_join(thread, &value) == 0);
	printf("%s: %s\n", name, value == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
	HOST_CHECK(pthread_mutex_trylock(&around) == 0);
	HOST_CHECK(pthread_mutex_trylock(&waited) == 0);
	HOST_CHECK(pthread_rwlock_trywrlock(&table) == 0);
	HOST_CHECK(pthread_rwlock_unlock(&table) == 0);
	host_unlock(&waited);
	host_unlock(&around);
}

/* A join that was cancelled leaves the thread to be joined by another. */
int main(void)
{
	pthread_t thread;

	sem_init(&ready, 0, 0);
	sem_init(&over, 0, 0);
	sem_init(&never_posted, 0, 0);
	HOST_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, silent) == 0);
	for (size_t i = 0; i < WAITS; i++) {
		if (waits[i].wait == join)
			sleeper = host_start(sleep_until_over, NULL);
		thread = host_start(wait_here, (void *)i);
		host_wait(&ready);
		cancel(thread, waits[i].name);
		if (waits[i].wait == join) {
			sem_post(&over);
			host_join(sleeper);
		}
	}
	thread = host_start(compute, NULL);
	while (!__atomic_load_n(&in_computation, __ATOMIC_ACQUIRE))
		sched_yield();
	cancel(thread, "computation");
	return 0;
}
