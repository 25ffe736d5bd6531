/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library that is loaded while the program runs, and calls another one; see b_named_loaded.c. */
#include "b_named_library.h"

#include <pthread.h>

long plugin_calls(pthread_mutex_t *mutex);

long plugin_calls(pthread_mutex_t *mutex)
{
	struct named_pair pair;

	pthread_mutex_lock(mutex);
	pair = library_pair(20, 1);
	pthread_mutex_unlock(mutex);
	return pair.first + pair.second;
}
