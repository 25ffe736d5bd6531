/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program whose places test-symbol asks for. It says them itself, one `word offset`
 * a line, as offsets from the start of its file in memory, and is compiled with
 * optimisation, so that sample_inner() and sample_middle() are inlined.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))
#define FUNCTION EXPORTED __attribute__((noinline))

extern char __executable_start[];
static volatile int kept; /* keeps calls from being merged or left out */

struct pool {
	char before[40];
	pthread_mutex_t lock;
};
EXPORTED struct pool sample_pool;
static pthread_mutex_t sample_hidden;
EXPORTED __thread int sample_per_thread;

__attribute__((noinline)) static void say_caller(const char *word)
{
	printf("%s %lx\n", word,
	       (unsigned long)((char *)__builtin_return_address(0) - __executable_start));
	kept++;
}

static inline __attribute__((always_inline)) void sample_inner(void)
{
	say_caller("inlined"); /* sample-line-inner */
	kept++;
}

static inline __attribute__((always_inline)) void sample_middle(void)
{
	sample_inner(); /* sample-line-middle */
	kept++;
}

FUNCTION void sample_outer(void);
FUNCTION void sample_outer(void)
{
	sample_middle(); /* sample-line-outer */
	kept++;
}

__attribute__((noinline, noreturn)) static void say_end(void)
{
	printf("end %lx\n",
	       (unsigned long)((char *)__builtin_return_address(0) - __executable_start));
	exit(0);
}

/* Ends with the call: the return address is no longer in it. */
FUNCTION void sample_ends(void);
FUNCTION void sample_ends(void)
{
	say_end();
}

static void say(const char *word, const void *address)
{
	printf("%s %lx\n", word, (unsigned long)((const char *)address - __executable_start));
}

int main(int argc, char **argv)
{
	(void)argv;
	say("start", (const void *)(uintptr_t)sample_outer);
	say("variable", &sample_pool);
	say("member", &sample_pool.lock);
	say("hidden", &sample_hidden);
	sample_outer();
	fflush(stdout);
	if (argc > 1)
		sample_ends();
	return 0;
}
