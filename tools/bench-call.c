/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `deadwatch attach` makes of a system call by default, of processes that it attaches to, and
 * of all others of the machine: prints nanoseconds.
 *
 *     bench-call [ROUNDS]
 *
 * This process makes calls by itself, while nothing is probed, while another process is attached
 * to, and while it is itself, in turn; what it prints is the least, and the lowest tenth, of the
 * rounds. So that is told apart from what else the machine does.
 */
#include "attach/probe.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 50
#define ROUNDS_MAX 1000

/* So many times a call is made, and so often that is measured, in a round. */
#define CALLS 5000
#define TRIES 8

enum way { BARE, BESIDE, ATTACHED, N_WAYS };

static const char *const ways[N_WAYS] = {"bare", "attached to another", "attached"};

/* One that nobody asks for, one that might have to wait, and one that wakes who waits. */
static void getppid_once(void)
{
	syscall(SYS_getppid);
}

static void read_once(void)
{
	syscall(SYS_read, -1, NULL, 0);
}

static void wake_once(void)
{
	static int word;

	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {{"getppid", getppid_once}, {"read", read_once}, {"futex wake", wake_once}};

#define N_CALLS (sizeof(calls) / sizeof(*calls))

static double took_ns[N_CALLS][N_WAYS][ROUNDS_MAX];

static void on_event(void *context, const struct dw_wire_event *event)
{
	(void)context, (void)event;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double measure(void (*call)(void))
{
	double best = 0;

	for (int i = 0; i < TRIES; i++) {
		double ns = now_ns();

		for (int j = 0; j < CALLS; j++)
			call();
		ns = (now_ns() - ns) / CALLS;
		best = i == 0 || ns < best ? ns : best;
	}
	return best;
}

/* Return: whether it could be attached to. */
static bool measure_all(enum way way, int round, pid_t other)
{
	const struct dw_probe_options options = {.event = on_event};
	dw_auto(probe) probe = NULL;

	if (way != BARE && (dw_probe_new(&probe, &options) != 0 ||
			    dw_probe_add(probe, way == ATTACHED ? getpid() : other, 0) < 0))
		return false;
	for (size_t i = 0; i < N_CALLS; i++)
		took_ns[i][way][round] = measure(calls[i].call);
	return true;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print(int rounds)
{
	for (size_t i = 0; i < N_CALLS; i++)
		for (int way = 0; way < N_WAYS; way++) {
			double *all = took_ns[i][way];

			qsort(all, (size_t)rounds, sizeof(*all), compare);
			printf("%-12s %-20s %6.1f ns  lowest tenth %6.1f\n", calls[i].name,
			       ways[way], all[0], all[rounds / 10]);
		}
}

static int run(int rounds, pid_t other)
{
	for (int round = 0; round < rounds; round++)
		for (int way = 0; way < N_WAYS; way++)
			if (!measure_all((enum way)way, round, other)) {
				fprintf(stderr, "bench-call: cannot attach\n");
				return 1;
			}
	print(rounds);
	return 0;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS, r;
	pid_t other;

	if (rounds <= 0 || rounds > ROUNDS_MAX)
		return 2;
	other = fork();
	if (other < 0)
		return 1;
	if (other == 0) {
		pause();
		return 0;
	}
	r = run(rounds, other);
	kill(other, SIGKILL);
	return r;
}
