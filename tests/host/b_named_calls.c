// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls of a library that are named, with and without a lock held: they get their arguments and
 * give their results, in all registers and on the stack; they may call back, be left by
 * cancellation or a jump, and be made at the very top of a stack. Addresses of functions compare
 * as ever.
 */
#include "b_named_library.h"
#include "host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

static pthread_mutex_t outer = HOST_MUTEX, inner = HOST_MUTEX;

static void call_all(void)
{
	struct named_pair pair = library_pair(1, 2);
	struct named_vectors vectors = library_vectors(1.5, 2.5);
	struct named_mixed mixed = library_mixed(3.25, 7);
	struct named_large large = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
	char text[128];

	HOST_CHECK(library_many(-1, 2, -3, 4, 5, 6, 7, -8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
				19, 20, 21, 22) == -4435008017);
	HOST_CHECK(library_floats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) == 650);
	HOST_CHECK(pair.first == 2 && pair.second == 1);
	HOST_CHECK(vectors.first == 2.5 && vectors.second == 1.5);
	HOST_CHECK(mixed.real == 3.75 && mixed.whole == 8);
	large = library_large(large, 100);
	for (long i = 0; i < 12; i++)
		HOST_CHECK(large.values[i] == 101 + i);
	HOST_CHECK(library_long(1.0L) == 1.0L / 3);
	HOST_CHECK(library_wide((__int128)1 << 40, 5) == ((__int128)1 << 80) + 5);
	HOST_CHECK(library_formats(text, sizeof(text), "%d %.1f %s %.2f %ld %c", 1, 2.5, "three",
				   4.25, 5L, '6') == 20);
	HOST_CHECK(!strcmp(text, "1 2.5 three 4.25 5 6"));
	HOST_CHECK(library_fails(ENOTTY) == -1 && errno == ENOTTY);
}

static void lock_and_call(void *argument)
{
	int *depth = argument;

	host_lock(&inner);
	call_all();
	host_unlock(&inner);
	if ((*depth)++ < 3)
		library_calls_back(lock_and_call, depth);
}

static void hold(void (*call)(void))
{
	host_lock(&outer);
	call();
	host_unlock(&outer);
}

static void call_back(void)
{
	int depth = 0;

	library_calls_back(lock_and_call, &depth);
	HOST_CHECK(depth == 4);
}

static void let_go(void *argument)
{
	host_unlock(argument);
}

static void wait_for_ever(void *argument)
{
	sem_t never;

	sem_init(&never, 0, 0);
	sem_post(argument);
	for (;;)
		sem_wait(&never);
}

static void *be_cancelled(void *argument)
{
	host_lock(&outer);
	pthread_cleanup_push(let_go, &outer);
	library_calls_back(wait_for_ever, argument);
	pthread_cleanup_pop(1);
	return NULL;
}

static void cancel(void)
{
	pthread_t thread;
	void *result;
	sem_t there;

	sem_init(&there, 0, 0);
	thread = host_start(be_cancelled, &there);
	sem_wait(&there);
	pthread_cancel(thread);
	HOST_CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	hold(call_all);
}

static void jump(void *argument)
{
	longjmp(argument, 1);
}

static void jump_out(void)
{
	jmp_buf back;

	if (!setjmp(back))
		library_calls_back(jump, &back);
	call_all();
}

/* Nothing can be read behind it, and it begins with as little as the machine allows. */
static void at_the_top(void (*function)(void))
{
	static ucontext_t here, there;
	char *stack = mmap(NULL, 1 << 18, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	HOST_CHECK(mprotect(stack, 1 << 17, PROT_READ | PROT_WRITE) == 0);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = 1 << 17;
	there.uc_link = &here;
	makecontext(&there, function, 0);
	swapcontext(&here, &there);
	munmap(stack, 1 << 18);
}

static void call_at_the_top(void)
{
	host_lock(&outer);
	HOST_CHECK(library_fails(1) == -1);
	call_all();
	host_unlock(&outer);
}

static int (*const kept)(int error) = library_fails;

/* Who reads the address of a function gets that of the function. */
static void compare(void)
{
	int (*volatile fails)(int error) = library_fails;

	HOST_CHECK(fails == library_own_fails && kept == fails);
}

static void *many_times(void *argument)
{
	for (int i = 0; i < 2000; i++) {
		call_all();
		hold(call_all);
	}
	return argument;
}

static void sleep_long(void)
{
	library_sleeps(30);
}

int main(void)
{
	pthread_t threads[4];

	compare();
	hold(call_all);
	call_all();
	hold(call_back);
	call_back();
	cancel();
	jump_out();
	hold(jump_out);
	at_the_top(call_at_the_top);
	for (int i = 0; i < 4; i++)
		threads[i] = host_start(many_times, NULL);
	for (int i = 0; i < 4; i++)
		host_join(threads[i]);
	hold(sleep_long);
	compare();
	if (fork() == 0) {
		hold(call_all);
		_exit(0);
	}
	wait(NULL);
	puts("called");
	return 0;
}
