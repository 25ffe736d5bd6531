/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A handler on a small stack takes a lock, the first one of its process, and of its thread. A
 * page below the stack may not be touched.
 */
#include "host.h"

#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define BEYOND_MINIMUM 2048 /* what a handler that does next to nothing may count on */
#define PAGE 4096
#define PAGES 8

pthread_mutex_t outer = HOST_MUTEX, inner = HOST_MUTEX, other = HOST_MUTEX;

static volatile sig_atomic_t signals;

static void handle(int number)
{
	(void)number;
	host_lock_both(&outer, &inner);
	signals = signals + 1;
}

/* The end of the stack is as near to the forbidden page as its size allows. */
static void set_stack(void)
{
	size_t size = getauxval(AT_MINSIGSTKSZ) + BEYOND_MINIMUM;
	char *pages = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_size = size, .ss_sp = pages + PAGE};

	HOST_CHECK(pages != MAP_FAILED && size < (size_t)PAGES * PAGE);
	HOST_CHECK(mprotect(pages, PAGE, PROT_NONE) == 0);
	HOST_CHECK(sigaltstack(&stack, NULL) == 0);
}

/* The signal could come while it has the lock that its handler takes. */
static void *run(void *argument)
{
	set_stack();
	raise(SIGUSR1);
	host_lock_both(&other, &inner);
	return argument;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};

	set_stack();
	HOST_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	raise(SIGUSR1);
	raise(SIGUSR1);
	host_join(host_start(run, NULL));
	printf("%d signals\n", (int)signals);
	return 0;
}
