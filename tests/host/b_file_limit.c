// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files of this process may not grow beyond a few bytes: what is beyond ends it with SIGXFSZ.
 * Everything else goes on, and a file of its own is as long as ever.
 *
 *     file_limit BYTES first|later
 *
 * The limit comes before the first lock, or after a few.
 */
#include "host.h"

#include <sys/resource.h>

#define LOCKS 64
#define ROUNDS 20000

static pthread_mutex_t locks[LOCKS];
static unsigned taken;

static void *work(void *argument)
{
	unsigned state = 1, rounds = *(unsigned *)argument;

	for (unsigned i = 0; i < rounds; i++) {
		unsigned outer, middle;

		state = state * 1103515245 + 12345;
		outer = (state >> 16) % (LOCKS - 2);
		middle = outer + 1 + (state >> 8) % (LOCKS - 2 - outer);
		host_lock(&locks[outer]);
		host_lock_both(&locks[middle], &locks[LOCKS - 1]);
		host_unlock(&locks[outer]);
		taken++;
	}
	return NULL;
}

static void limit(const char *bytes)
{
	struct rlimit limit = {.rlim_cur = (rlim_t)atol(bytes), .rlim_max = RLIM_INFINITY};

	HOST_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void write_file(long bytes)
{
	FILE *file = fopen("own", "w");

	HOST_CHECK(file);
	for (long i = 0; i < bytes; i++)
		putc('x', file);
	HOST_CHECK(fclose(file) == 0);
}

int main(int argc, char **argv)
{
	unsigned few = 10, many = ROUNDS;
	bool first;

	HOST_CHECK(argc == 3);
	first = strcmp(argv[2], "first") == 0;
	if (first)
		limit(argv[1]);
	host_join(host_start(work, &few));
	if (!first)
		limit(argv[1]);
	host_join(host_start(work, &many));
	write_file(atol(argv[1]));
	printf("%u times\n", taken);
	return 0;
}
