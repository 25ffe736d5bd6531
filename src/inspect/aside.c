/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/aside.h"

#include "base/error.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whatever kills it, nobody wants its core. */
static void begin(unsigned max_s)
{
	const struct rlimit none = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGALRM, SIG_DFL);
	alarm(max_s);
}

int dw_aside(void (*work)(void *context, void *shared), void *context, void *shared, size_t size,
	     unsigned max_s)
{
	void *both =
	    mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status, r = 0;

	if (both == MAP_FAILED)
		return dw_raise(-ENOMEM);
	memcpy(both, shared, size);
	child = fork();
	if (child == 0) {
		begin(max_s);
		work(context, both);
		_exit(0);
	}
	if (child < 0)
		r = dw_raise(-errno);
	while (r == 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			r = dw_raise(-errno);
	memcpy(shared, both, size);
	munmap(both, size + 1);
	return r < 0 ? dw_pass(r) : 0;
}
