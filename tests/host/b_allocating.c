// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that allocate while they hold locks, lock while they allocate, and free what has
 * locks in it: for allocators that lock, or that are not the C library's.
 */
#include "host.h"

#include <stdint.h>

#define THREADS 4
#define ROUNDS 500

struct object {
	pthread_mutex_t lock;
	char *text;
	struct object *inner;
};

static struct object *new_object(unsigned number)
{
	struct object *object = calloc(1, sizeof(*object));

	HOST_CHECK(object && !object->text);
	pthread_mutex_init(&object->lock, NULL);
	object->text = malloc(8);
	HOST_CHECK(object->text);
	snprintf(object->text, 8, "%u", number);
	return object;
}

/* The mutex's life ends with its memory, without a destroy: plain mutexes allow that. */
static void free_object(struct object *object)
{
	free(object->text);
	free(object);
}

static __attribute__((noinline)) unsigned grow(struct object *object, unsigned number)
{
	unsigned value;

	host_lock(&object->lock);
	object->text = realloc(object->text, 4000);
	HOST_CHECK(object->text);
	memset(object->text + 8, 'x', 4000 - 8);
	object->inner = new_object(number + 1);
	host_lock(&object->inner->lock);
	value = (unsigned)atoi(object->text) + (unsigned)atoi(object->inner->text);
	host_unlock(&object->inner->lock);
	free_object(object->inner);
	host_unlock(&object->lock);
	return value;
}

static void *work(void *argument)
{
	uintptr_t sum = 0;

	(void)argument;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct object *object = new_object(i);

		sum += grow(object, i);
		free_object(object);
	}
	return (void *)sum;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = host_start(work, NULL);
	for (int i = 0; i < THREADS; i++) {
		void *sum;

		HOST_CHECK(pthread_join(threads[i], &sum) == 0);
		printf("%lu\n", (unsigned long)(uintptr_t)sum);
	}
	return 0;
}
