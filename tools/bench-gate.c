/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run of a test, as a gate gets to see thousands of:
 *
 *   bench-gate SEED N_NEEDS INVERTED
 *
 * Two threads live at the same time. One takes pairs of locks, another pair for each need,
 * chosen by SEED among LOCKS; always the lower one first. If INVERTED is 1 the other takes one
 * pair the other way round.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define LOCKS 2000

pthread_mutex_t locks[LOCKS];

static unsigned n_needs;
static int inverted;
static volatile int turn;

static void take_both(unsigned outer, unsigned inner)
{
	pthread_mutex_lock(&locks[outer]);
	pthread_mutex_lock(&locks[inner]);
	pthread_mutex_unlock(&locks[inner]);
	pthread_mutex_unlock(&locks[outer]);
}

static void *take_pairs(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < n_needs; i++) {
		unsigned a = (unsigned)rand() % (LOCKS - 1);
		unsigned b = a + 1 + (unsigned)rand() % (LOCKS - 1 - a);

		take_both(a, b);
	}
	take_both(0, 1);
	turn = 1;
	while (turn != 2)
		usleep(100);
	return NULL;
}

static void *take_one_pair(void *unused)
{
	while (turn != 1)
		usleep(100);
	if (inverted)
		take_both(1, 0);
	else
		take_both(0, 1);
	turn = 2;
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	if (argc != 4)
		return 2;
	srand((unsigned)atoi(argv[1]));
	n_needs = (unsigned)atoi(argv[2]);
	inverted = atoi(argv[3]);
	for (unsigned i = 0; i < LOCKS; i++)
		locks[i] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	if (pthread_create(&threads[0], NULL, take_pairs, NULL) != 0 ||
	    pthread_create(&threads[1], NULL, take_one_pair, NULL) != 0)
		return 1;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
