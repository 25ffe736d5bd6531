/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/signalled.h"

#include "inspect/aside.h"
#include "inspect/clock.h"

#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

/* Who waits for an answer asks again every 10 ms or so, later on a machine with much to do. */
#define WATCH_NS UINT64_C(300000000)
#define WATCH_MAX_S 2

/* A thread has to wait with its signal for so long at most. */
#define POLL_NS 200000

struct watching {
	const pid_t *tids;
	uint32_t n;
};

bool dw_signalled_let_go(pid_t tid, int status)
{
	bool is_signal = WIFSTOPPED(status) && status >> 16 == 0;
	uintptr_t number = is_signal ? (uintptr_t)WSTOPSIG(status) : 0;

	ptrace(PTRACE_DETACH, tid, NULL, (void *)number);
	return is_signal;
}

/* Return: how many are watched. */
static uint32_t seize(const struct watching *watching)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < watching->n; i++)
		n += ptrace(PTRACE_SEIZE, watching->tids[i], NULL, NULL) == 0;
	return n;
}

/* Aside: when that ends, the threads are nobody's any more. */
static void watch(void *context, void *shared)
{
	const struct timespec shortly = {.tv_nsec = POLL_NS};
	const struct watching *watching = context;
	uint64_t end = dw_clock_ns() + WATCH_NS;
	bool *is_signalled = shared;
	pid_t stopped;
	int status;

	for (uint32_t n = seize(watching); n > 0 && dw_clock_ns() < end;) {
		stopped = waitpid(-1, &status, WNOHANG | __WALL);
		for (uint32_t i = 0; stopped > 0 && i < watching->n; i++)
			if (watching->tids[i] == stopped)
				is_signalled[i] = dw_signalled_let_go(stopped, status);
		n -= stopped > 0;
		if (stopped <= 0)
			nanosleep(&shortly, NULL);
	}
}

void dw_signalled(const pid_t *tids, uint32_t n, bool *ret)
{
	struct watching watching = {tids, n};

	/* Who cannot be watched is not seen to be sent any. */
	for (uint32_t i = 0; i < n; i++)
		ret[i] = false;
	if (n > 0)
		(void)dw_aside(watch, &watching, ret, n * sizeof(*ret), WATCH_MAX_S);
}
