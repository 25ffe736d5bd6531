/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library that the program depends on: its constructor runs before the shim's own. The thread
 * that it starts is still running when main() begins.
 */
#include "host.h"

#include <dlfcn.h>

pthread_mutex_t library_left = HOST_MUTEX, library_right = HOST_MUTEX;
int library_rounds;

static pthread_t thread;
static sem_t turn;

static void *run(void *argument)
{
	(void)argument;
	host_wait(&turn);
	host_lock_both(&library_right, &library_left);
	return NULL;
}

/*
 * The text of an error that nobody asked for is freed by the next dlsym(): if that free() is the
 * first that the shim hears of, it comes in the middle of the function that it needs itself.
 */
static void leave_an_error(void)
{
	for (int i = 0; i < 3; i++)
		if (dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere"))
			puts("there is one");
}

__attribute__((constructor(101))) static void begin(void)
{
	leave_an_error();
	sem_init(&turn, 0, 0);
	thread = host_start(run, NULL);
	host_lock_both(&library_left, &library_right);
	library_rounds++;
	sem_post(&turn);
}

void library_end(void);
void library_end(void)
{
	host_join(thread);
}
