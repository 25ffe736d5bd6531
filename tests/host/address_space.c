/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits of what is mapped: half of what this program lets itself have must still be had when
 * the shim has taken its part, and to lock all memory must not fill what was only reserved.
 */
#include "host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define LIMIT ((rlim_t)400 << 20)

static pthread_mutex_t left = HOST_MUTEX, right = HOST_MUTEX;

/* KiB of this process that are present. */
static long resident(void)
{
	FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kib = 0;

	while (rollup && fgets(line, sizeof(line), rollup))
		if (!strncmp(line, "Rss:", 4))
			kib = atol(line + 4);
	if (rollup)
		fclose(rollup);
	return kib;
}

int main(void)
{
	void *half;

	host_lock_both(&left, &right);
	setrlimit(RLIMIT_AS, &(struct rlimit){LIMIT, LIMIT});
	half = malloc(LIMIT / 2);
	puts(half ? "half of it was to be had" : "half of it was not to be had");
	free(half);
	/* Without the right to, this fails, bare as well as under the shim. */
	puts(mlockall(MCL_CURRENT) < 0 ? "all of it was not locked" : "all of it is locked");
	printf("under 32 MiB are present: %s\n", resident() < 32 << 10 ? "yes" : "no");
	return 0;
}
