/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads that wait on a word of memory for ever: with `lock`, in the function with which
 * GLib takes a lock; with `idle`, in one that nothing is known of.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int *word; /* on the heap, where nothing has a name */

/* What waits on words in GLib. */
static __attribute__((noinline)) void g_futex_simple(void)
{
	while (*word == 0)
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static __attribute__((noinline)) void g_mutex_lock_slowpath(void)
{
	g_futex_simple();
}

static __attribute__((noinline)) void attach_device(void)
{
	g_mutex_lock_slowpath();
}

static __attribute__((noinline)) void await_work(void)
{
	g_futex_simple();
}

static void *run(void *mode)
{
	if (strcmp(mode, "lock") == 0)
		attach_device();
	else
		await_work();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	word = calloc(1, sizeof(*word));
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run, argv[argc - 1]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
