/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks that are taken before the shim's constructor by that of a library, and by the program's
 * own first ones. None of them is lost.
 */
#include "host.h"

extern int library_rounds;
void library_end(void);

pthread_mutex_t first = HOST_MUTEX, second = HOST_MUTEX;
pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;

static int rounds;

__attribute__((constructor(101))) static void begin(void)
{
	host_lock_both(&first, &second);
	rounds++;
}

__attribute__((constructor)) static void begin_late(void)
{
	host_lock(&second);
	HOST_CHECK(pthread_rwlock_wrlock(&table) == 0);
	HOST_CHECK(pthread_rwlock_unlock(&table) == 0);
	host_unlock(&second);
	rounds++;
}

int main(void)
{
	library_end();
	printf("constructors of the library %d, of the program %d\n", library_rounds, rounds);
	return 0;
}
