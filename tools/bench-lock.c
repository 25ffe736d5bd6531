/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a lock call costs: `bench-lock WHAT [LOOPS]` prints nanoseconds.
 *
 *   pair1       an uncontended lock and unlock, nothing else held
 *   pair4       the same with three other locks held
 *   alone       as pair1, in a process that never had a second thread
 *   contended   a lock and unlock that two threads fight for
 *   write       a call that can block, with nothing held: one byte to /dev/null
 *   poll        the same of one that is an idle point: of nothing, and without waiting
 *   held        as write, with a lock held
 *   semaphore   a post and a wait, nothing held
 *   memory      KiB of a process (its proportional share) with LOOPS threads that hold a lock each
 *
 * Run it bare and under a tool, in turn: tools/bench.py does, and prints the ratios.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t locks[4] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
				   PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static long loops = 20000000;
static volatile long work; /* done under the lock, so that it is held for a while */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* While there is another thread, the C library's locks use atomics, as in a hypervisor. */
static void *sleep_on(void *unused)
{
	pause();
	return unused;
	return unused;
}

static void begin_thread(void)
{
	pthread_t other;

	if (pthread_create(&other, NULL, sleep_on, NULL))
		exit(1);
}

static double pairs(int depth)
{
	double start;

	for (int i = 0; i < depth - 1; i++)
		pthread_mutex_lock(&locks[i]);
	start = now_ns();
	for (long i = 0; i < loops; i++) {
		pthread_mutex_lock(&locks[3]);
		pthread_mutex_unlock(&locks[3]);
	}
	start = (now_ns() - start) / (double)loops;
	for (int i = depth - 2; i >= 0; i--)
		pthread_mutex_unlock(&locks[i]);
	return start;
}

static void *fight(void *unused)
{
	for (long i = 0; i < loops; i++) {
		pthread_mutex_lock(&locks[0]);
		for (int j = 0; j < 20; j++)
			work++;
		pthread_mutex_unlock(&locks[0]);
		for (int j = 0; j < 20; j++)
			__asm__ volatile("" ::: "memory");
	}
	return unused;
}

static double contended(void)
{
	double start = now_ns();
	pthread_t other;

	if (pthread_create(&other, NULL, fight, NULL))
		exit(1);
	fight(NULL);
	pthread_join(other, NULL);
	return (now_ns() - start) / (double)loops;
}

static void write_once(int fd)
{
	if (write(fd, "", 1) != 1)
		exit(1);
}

static void poll_once(int fd)
{
	(void)fd;
	if (poll(NULL, 0, 0) != 0)
		exit(1);
}

static double calls(void (*call)(int fd))
{
	int fd = open("/dev/null", O_WRONLY);
	double start = now_ns();

	for (long i = 0; i < loops; i++)
		call(fd);
	start = (now_ns() - start) / (double)loops;
	close(fd);
	return start;
}

static double held_calls(void)
{
	double ns;

	pthread_mutex_lock(&locks[0]);
	ns = calls(write_once);
	pthread_mutex_unlock(&locks[0]);
	return ns;
}

static double semaphore(void)
{
	double start = now_ns();
	sem_t sem;

	sem_init(&sem, 0, 0);
	for (long i = 0; i < loops; i++) {
		sem_post(&sem);
		sem_wait(&sem);
	}
	return (now_ns() - start) / (double)loops;
}

static pthread_barrier_t all_there;

static void *hold(void *unused)
{
	static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;

	pthread_rwlock_rdlock(&shared);
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	pthread_rwlock_unlock(&shared);
	return unused;
}

static double proportional_share(void)
{
	FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	double kib = 0;

	while (rollup && fgets(line, sizeof(line), rollup))
		if (!strncmp(line, "Pss:", 4))
			kib = atof(line + 4);
	if (rollup)
		fclose(rollup);
	return kib;
}

static double memory(void)
{
	pthread_t *threads = calloc((size_t)loops, sizeof(*threads));
	double kib;

	if (!threads || pthread_barrier_init(&all_there, NULL, (unsigned)loops + 1))
		exit(1);
	for (long i = 0; i < loops; i++)
		if (pthread_create(&threads[i], NULL, hold, NULL))
			exit(1);
	pthread_barrier_wait(&all_there);
	kib = proportional_share();
	pthread_barrier_wait(&all_there);
	for (long i = 0; i < loops; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return kib;
}

static double pair1(void)
{
	return pairs(1);
}

static double pair4(void)
{
	return pairs(4);
}

static double writes(void)
{
	return calls(write_once);
}

static double polls(void)
{
	return calls(poll_once);
}

static const struct {
	const char *name;
	double (*run)(void);
} benches[] = {
    {"pair1", pair1},         {"pair4", pair4},         {"alone", pair1},
    {"contended", contended}, {"write", writes},        {"poll", polls},
    {"held", held_calls},     {"semaphore", semaphore}, {"memory", memory},
};

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "pair1";

	if (argc > 2)
		loops = atol(argv[2]);
	if (strcmp(what, "alone") && strcmp(what, "memory"))
		begin_thread();
	for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++)
		if (!strcmp(what, benches[i].name))
			return printf("%.2f\n", benches[i].run()) < 0;
	return 2;
}
