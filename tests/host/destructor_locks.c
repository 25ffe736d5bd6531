/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a process: handlers and destructors take locks in new orders, start a thread, and
 * meanwhile other threads go on locking until the kernel stops them.
 */
#include "host.h"

#define BUSY 3 /* threads that never end */

void library_use(void);

pthread_mutex_t shared = HOST_MUTEX, outer = HOST_MUTEX, inner = HOST_MUTEX, last = HOST_MUTEX;

static sem_t started;

static void *run(void *argument)
{
	bool told = false;

	(void)argument;
	for (;;) {
		host_lock_both(&shared, &inner);
		library_use();
		if (!told)
			sem_post(&started);
		told = true;
	}
	return NULL;
}

static void *run_late(void *argument)
{
	host_lock_both(&outer, &last);
	return argument;
}

static void at_exit(void)
{
	host_lock_both(&outer, &inner);
	host_join(host_start(run_late, NULL));
	dprintf(STDOUT_FILENO, "program: atexit\n");
}

__attribute__((destructor)) static void end(void)
{
	host_lock_both(&shared, &last);
	dprintf(STDOUT_FILENO, "program: destructor\n");
}

__attribute__((destructor(101))) static void end_last(void)
{
	host_lock_both(&inner, &last);
	dprintf(STDOUT_FILENO, "program: last destructor\n");
}

int main(void)
{
	sem_init(&started, 0, 0);
	HOST_CHECK(atexit(at_exit) == 0);
	for (int i = 0; i < BUSY; i++)
		host_start(run, NULL);
	for (int i = 0; i < BUSY; i++)
		host_wait(&started);
	printf("main: returns\n");
	return 0;
}
