/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shim's map, from many threads at once. Meant for ThreadSanitizer too. */
#include "shim/map.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_THREADS 4
#define N_KEYS 4000
#define ENTRIES 16384

/* Keys of 100 pages, 40 a page: they crowd and overflow their groups. */
#define KEYS_OF_PAGE 40
#define KEY(i) ((uint64_t)(0x1000 + (i) / KEYS_OF_PAGE) << 12 | (uint64_t)((i) % KEYS_OF_PAGE) << 4)

static struct shim_map new_map(uint64_t entries)
{
	return (struct shim_map){calloc(entries, sizeof(struct shim_map_entry)), entries - 1};
}

static struct shim_map shared;
static uint64_t *places[N_THREADS][N_KEYS];
static unsigned lost[N_THREADS];

static void count(uint64_t key, uint64_t *value, void *context)
{
	unsigned *n = context;

	(void)key;
	*n += __atomic_load_n(value, __ATOMIC_RELAXED) != 0;
}

/* Every thread puts all keys in, beginning elsewhere, and looks at what the others do. */
static void *fill(void *argument)
{
	unsigned self = (unsigned)(uintptr_t)argument, n = 0;

	for (unsigned j = 0; j < N_KEYS; j++) {
		unsigned i = (j + self * (N_KEYS / N_THREADS)) % N_KEYS;

		places[self][i] = shim_map_ensure(&shared, KEY(i));
		__atomic_fetch_add(places[self][i], 1, __ATOMIC_RELAXED);
		lost[self] += shim_map_find(&shared, KEY(i)) != places[self][i];
		if (j % 100 == 0)
			shim_map_range(&shared, KEY(i), KEY(i) + 1, count, &n);
	}
	lost[self] += n != N_KEYS / 100;
	return NULL;
}

static void threads_that_put_in_the_same_keys_share_their_values(void **state)
{
	pthread_t threads[N_THREADS];

	(void)state;
	shared = new_map(ENTRIES);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fill, (void *)i), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (unsigned i = 0; i < N_THREADS; i++) {
		assert_int_equal(lost[i], 0);
		assert_memory_equal(places[i], places[0], sizeof(places[0]));
	}
	for (unsigned i = 0; i < N_KEYS; i++)
		assert_int_equal(*shim_map_find(&shared, KEY(i)), N_THREADS);
	free(shared.entries);
}

struct expectation {
	uint64_t from, to;
	unsigned n;
};

static void expect_within(uint64_t key, uint64_t *value, void *context)
{
	struct expectation *e = context;

	assert_true(key >= e->from && key < e->to);
	assert_int_equal(*value, key);
	e->n++;
}

static void a_range_has_its_begin_and_not_its_end(void **state)
{
	struct shim_map map = new_map(ENTRIES);

	(void)state;
	for (unsigned i = 0; i < N_KEYS; i++)
		*shim_map_ensure(&map, KEY(i)) = KEY(i);
	for (unsigned i = 0; i + 90 < N_KEYS; i += 7) {
		struct expectation e = {KEY(i), KEY(i + 90), 0};

		shim_map_range(&map, e.from, e.to, expect_within, &e);
		assert_int_equal(e.n, 90);
	}
	free(map.entries);
}

static void a_key_that_is_not_there_is_not_found_and_not_made(void **state)
{
	struct shim_map map = new_map(256);
	unsigned n = 0;

	(void)state;
	*shim_map_ensure(&map, 0x5040) = 1;
	assert_null(shim_map_find(&map, 0x5048));
	assert_null(shim_map_find(&map, 0x6040));
	shim_map_range(&map, 0x5041, 0x8000, count, &n);
	assert_int_equal(n, 0);
	free(map.entries);
}

static void a_full_map_says_so_and_keeps_what_it_has(void **state)
{
	struct shim_map map = new_map(64);

	(void)state;
	for (uint64_t i = 1; i <= 64; i++)
		*shim_map_ensure(&map, i << 12) = i;
	assert_null(shim_map_ensure(&map, 65 << 12));
	assert_null(shim_map_find(&map, 65 << 12));
	for (uint64_t i = 1; i <= 64; i++)
		assert_int_equal(*shim_map_find(&map, i << 12), i);
	free(map.entries);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_that_put_in_the_same_keys_share_their_values),
	    cmocka_unit_test(a_range_has_its_begin_and_not_its_end),
	    cmocka_unit_test(a_key_that_is_not_there_is_not_found_and_not_made),
	    cmocka_unit_test(a_full_map_says_so_and_keeps_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
