/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that closes descriptors which are not its own, and opens files that get the same
 * numbers: nothing of ours may be written into them, and no number may be taken.
 */
#include "host.h"

#include <fcntl.h>

#define DESCRIPTORS 1024
#define FILES 8
#define LOCKS 200 /* pairs of them are news enough for the recording to grow meanwhile */

pthread_mutex_t locks[LOCKS];

static int files[FILES];

static void close_all(void)
{
	for (int fd = 3; fd < DESCRIPTORS; fd++)
		close(fd);
}

static void open_files(int round)
{
	char name[32];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file-%d-%d", round, i);
		files[i] = open(name, O_CREAT | O_RDWR | O_EXCL, 0600);
		HOST_CHECK(files[i] == 3 + i);
	}
}

/* New chains between the writes. */
static void write_files(int round)
{
	char text[32];

	for (int outer = 0; outer + 1 < LOCKS; outer++) {
		int n = snprintf(text, sizeof(text), "%d %d\n", round, outer);

		for (int inner = outer + 1; inner < LOCKS; inner++)
			host_lock_both(&locks[outer], &locks[inner]);
		HOST_CHECK(write(files[outer % FILES], text, (size_t)n) == n);
	}
}

/* Where the program stands in its files has not moved either. */
static void check_files(void)
{
	for (int i = 0; i < FILES; i++)
		HOST_CHECK(lseek(files[i], 0, SEEK_CUR) == lseek(files[i], 0, SEEK_END));
}

static void *run(void *argument)
{
	write_files(*(int *)argument);
	return NULL;
}

int main(void)
{
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&locks[i], NULL);
	for (int round = 0; round < 3; round++) {
		close_all();
		open_files(round);
		host_join(host_start(run, &round));
		check_files();
		printf("round %d\n", round);
	}
	return 0;
}
