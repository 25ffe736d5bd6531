/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cycle of N_FORKS: each thread takes its own fork and the next one's. Fixed, the last one
 * takes them in the order of the table.
 */
#include "../case.h"

#ifndef N_FORKS
#define N_FORKS 3
#endif

static pthread_mutex_t forks[N_FORKS];

CASE_FN void eat(unsigned left, unsigned right)
{
	pthread_mutex_lock(&forks[left]);
	case_meet(N_FORKS);
	pthread_mutex_lock(&forks[right]);
	pthread_mutex_unlock(&forks[right]);
	pthread_mutex_unlock(&forks[left]);
}

static void *philosopher(void *arg)
{
	unsigned number = *(unsigned *)arg;
	bool last = number == N_FORKS - 1;
	char name[16];

	snprintf(name, sizeof(name), "philosopher %u", number);
	case_name(name);
	case_turn(number);
	if (last && case_is("fixed"))
		eat(0, number);
	else
		eat(number, last ? 0 : number + 1);
	case_turn_over(number);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned numbers[N_FORKS];
	pthread_t threads[N_FORKS];

	case_begin(argc, argv);
	for (unsigned i = 0; i < N_FORKS; i++)
		pthread_mutex_init(&forks[i], NULL);
	for (unsigned i = 0; i < N_FORKS; i++) {
		numbers[i] = i;
		threads[i] = case_start(philosopher, &numbers[i]);
	}
	for (unsigned i = 0; i < N_FORKS; i++)
		case_join(threads[i]);
	return 0;
}
