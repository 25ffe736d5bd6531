// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that a profile names, made with a lock held: one that the program keeps to itself, and one
 * of a library that is loaded while it runs. It goes on with each line of its input.
 *
 *     late LIBRARY
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LONG_US 30000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void await_line(void)
{
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

__attribute__((noinline)) static void own_call(void)
{
	usleep(LONG_US);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	void (*late_call)(void) = NULL;
	void *library;

	if (argc != 2)
		return 1;
	puts("begun");
	fflush(stdout);
	await_line();
	library = dlopen(argv[1], RTLD_NOW);
	if (library)
		*(void **)&late_call = dlsym(library, "late_call");
	if (!late_call)
		return 1;
	await_line();
	pthread_mutex_lock(&lock);
	own_call();
	late_call();
	pthread_mutex_unlock(&lock);
	return 0;
}
