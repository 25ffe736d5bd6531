/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written is read, also when threads write at once and when there is no more room. */
#include "record/reader.h"
#include "record/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define N_THREADS 4
#define N_THINGS 2000
#define ADDRESS(thread, i) ((uint64_t)((thread) + 1) << 32 | (uint64_t)((i) + 1) << 6)
#define LIMIT ((uint64_t)16 << 20)
#define SMALL_LIMIT ((uint64_t)DW_REC_HEADER_SIZE + 8 * DW_REC_CHUNK_SIZE)
#define MEMORY_MAX ((size_t)1 << 28)

static char folder[] = "/tmp/test-writer-XXXXXX";
static char path[64], link_path[64];
static struct dw_writer writer;

static int set_up(void **state)
{
	(void)state;
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/recording", folder);
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dw_writer_abandon(&writer);
	unlink(link_path);
	unlink(path);
	return rmdir(folder);
}

static bool write_thing(struct dw_writer_cursor *cursor, uint64_t address)
{
	struct dw_rec_thing *thing = dw_writer_reserve(&writer, cursor, sizeof(*thing));

	if (!thing)
		return false;
	thing->address = address;
	thing->life = 1;
	thing->kind = DW_MUTEX;
	dw_writer_submit(&writer, thing, DW_REC_THING);
	return true;
}

static uint32_t fill(struct dw_writer_cursor *cursor)
{
	uint32_t n = 0;

	while (write_thing(cursor, ADDRESS(0, n)))
		n++;
	return n;
}

static struct dw_reader *read_back(void)
{
	struct dw_reader *reader;

	assert_int_equal(dw_reader_open(&reader, path, MEMORY_MAX), 0);
	assert_int_equal(dw_reader_facts(reader)->losses[DW_LOSS_DAMAGED], 0);
	return reader;
}

/* Things in the facts; number 0 is none. */
static uint32_t things_read(const struct dw_facts *facts)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < facts->n_things; i++)
		n += facts->things[i].address != 0;
	return n;
}

static unsigned failed[N_THREADS];

static void *write_things(void *argument)
{
	unsigned self = (unsigned)(uintptr_t)argument;
	struct dw_writer_cursor cursor = {0};

	for (unsigned i = 0; i < N_THINGS; i++)
		failed[self] += !write_thing(&cursor, ADDRESS(self, i));
	return NULL;
}

static void what_threads_write_at_once_is_all_read(void **state)
{
	static unsigned times[N_THREADS][N_THINGS];
	pthread_t threads[N_THREADS];
	const struct dw_facts *facts;
	dw_auto(reader) reader = NULL;

	(void)state;
	assert_int_equal(dw_writer_create(&writer, path, LIMIT, 0), 0);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_things, (void *)i), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	reader = read_back();
	facts = dw_reader_facts(reader);
	for (uint32_t i = 1; i < facts->n_things; i++) {
		uint64_t address = facts->things[i].address;

		times[(address >> 32) - 1][((address & UINT32_MAX) >> 6) - 1]++;
	}
	for (unsigned i = 0; i < N_THREADS; i++) {
		assert_int_equal(failed[i], 0);
		for (unsigned j = 0; j < N_THINGS; j++)
			assert_int_equal(times[i][j], 1);
	}
}

static void what_is_reserved_and_not_submitted_is_not_there(void **state)
{
	struct dw_writer_cursor cursor = {0};
	dw_auto(reader) reader = NULL;

	(void)state;
	assert_int_equal(dw_writer_create(&writer, path, LIMIT, 0), 0);
	assert_true(write_thing(&cursor, 64));
	assert_non_null(dw_writer_reserve(&writer, &cursor, sizeof(struct dw_rec_thing)));
	reader = read_back();
	assert_int_equal(things_read(dw_reader_facts(reader)), 1);
}

static void at_the_limit_losses_are_counted_and_the_rest_is_read(void **state)
{
	struct dw_writer_cursor cursor = {0};
	dw_auto(reader) reader = NULL;
	uint32_t n;

	(void)state;
	assert_int_equal(dw_writer_create(&writer, path, SMALL_LIMIT, 0), 0);
	n = fill(&cursor);
	assert_true(n > 0);
	assert_false(write_thing(&cursor, 64));
	reader = read_back();
	assert_int_equal(things_read(dw_reader_facts(reader)), n);
	assert_int_equal(dw_reader_facts(reader)->losses[DW_LOSS_LIMIT], 2);
}

static void a_limit_for_files_is_kept(void **state)
{
	struct rlimit before, small;
	struct dw_writer_cursor cursor = {0};
	struct stat status;
	int r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){SMALL_LIMIT, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = dw_writer_create(&writer, path, LIMIT, 0);
	if (r == 0)
		fill(&cursor);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(r, 0);
	assert_int_equal(stat(path, &status), 0);
	assert_true((uint64_t)status.st_size <= SMALL_LIMIT);
	assert_int_equal(writer.header->losses[DW_LOSS_LIMIT], 1);
}

static void a_limit_that_leaves_no_room_is_refused_without_a_trace(void **state)
{
	(void)state;
	assert_int_equal(dw_writer_create(&writer, path, DW_REC_CHUNK_SIZE, 0), -EFBIG);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_file_that_is_there_is_left_alone(void **state)
{
	FILE *file = fopen(path, "w");
	struct stat status;

	(void)state;
	assert_non_null(file);
	fputs("precious", file);
	fclose(file);
	assert_int_equal(dw_writer_create(&writer, path, LIMIT, 0), -EEXIST);
	assert_null(writer.header);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, strlen("precious"));
}

static void two_processes_write_into_one_recording(void **state)
{
	struct dw_writer_cursor own = {0}, others = {0};
	struct dw_writer ours;
	dw_auto(reader) reader = NULL;
	const struct dw_facts *facts;
	int fd;

	(void)state;
	assert_int_equal(dw_writer_create(&writer, path, LIMIT, 0), 0);
	assert_true(write_thing(&others, ADDRESS(0, 0)));
	ours = writer;
	fd = open(path, O_RDWR);
	assert_int_equal(dw_writer_open(&writer, fd), 0);
	close(fd);
	assert_ptr_not_equal(writer.header, ours.header);
	assert_true(write_thing(&own, ADDRESS(1, 0)));
	dw_writer_abandon(&ours);
	assert_int_equal(dw_reader_open(&reader, path, MEMORY_MAX), 0);
	facts = dw_reader_facts(reader);
	assert_int_equal(facts->n_things, 3);
	assert_int_equal(dw_reader_id(reader, DW_REC_THING, 0), 0);
	for (uint32_t i = 1; i < 3; i++) {
		uint32_t id = dw_reader_id(reader, DW_REC_THING, i);
		const struct dw_rec_thing *thing = dw_writer_record(&writer, id);

		assert_int_equal(thing->address, facts->things[i].address);
	}
}

/* The process that is watched may write anything into its header. */
static void a_header_that_lies_leads_nowhere(void **state)
{
	static const uint64_t lies[] = {0,
					1,
					DW_REC_HEADER_SIZE - 8,
					DW_REC_HEADER_SIZE + 4,
					LIMIT,
					LIMIT + DW_REC_CHUNK_SIZE,
					UINT64_MAX - 8};
	struct dw_writer_cursor cursor;

	(void)state;
	assert_int_equal(dw_writer_create(&writer, path, LIMIT, 0), 0);
	writer.header->limit = UINT64_C(1) << 60;
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		cursor = (struct dw_writer_cursor){0};
		writer.full = 0;
		writer.header->used = lies[i];
		assert_null(dw_writer_reserve(&writer, &cursor, 64));
	}
	writer.header->used = DW_REC_HEADER_SIZE;
	writer.full = 0;
	assert_non_null(dw_writer_reserve(&writer, &cursor, 64));
}

static void what_is_no_recording_is_not_opened(void **state)
{
	static const char zeroes[2 * DW_REC_CHUNK_SIZE];
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	(void)state;
	assert_int_equal(dw_writer_open(&writer, fd), -EINVAL);
	for (int i = 0; i < 8; i++)
		assert_int_equal(write(fd, zeroes, sizeof(zeroes)), sizeof(zeroes));
	assert_int_equal(dw_writer_open(&writer, fd), -EINVAL);
	assert_null(writer.header);
	close(fd);
}

static void a_link_is_not_followed(void **state)
{
	(void)state;
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(dw_writer_create(&writer, link_path, LIMIT, 0), -EEXIST);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_recording_is_for_its_user_alone(void **state)
{
	mode_t mask = umask(0);
	struct stat status;
	int r = dw_writer_create(&writer, path, LIMIT, 0);

	(void)state;
	umask(mask);
	assert_int_equal(r, 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_sealed_recording_uses_what_was_reserved_and_no_more(void **state)
{
	struct dw_writer_cursor cursor = {0};
	dw_auto(reader) reader = NULL;
	uint32_t n;

	(void)state;
	assert_int_equal(dw_writer_create(&writer, path, LIMIT, 0), 0);
	dw_writer_seal(&writer, 2 * DW_REC_CHUNK_SIZE);
	n = fill(&cursor);
	assert_int_equal(n, 2 * (DW_REC_CHUNK_SIZE / sizeof(struct dw_rec_thing)));
	reader = read_back();
	assert_int_equal(things_read(dw_reader_facts(reader)), n);
	assert_int_equal(dw_reader_facts(reader)->losses[DW_LOSS_SEALED], 1);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    test(what_threads_write_at_once_is_all_read),
	    test(what_is_reserved_and_not_submitted_is_not_there),
	    test(at_the_limit_losses_are_counted_and_the_rest_is_read),
	    test(a_limit_for_files_is_kept),
	    test(a_limit_that_leaves_no_room_is_refused_without_a_trace),
	    test(a_file_that_is_there_is_left_alone),
	    test(two_processes_write_into_one_recording),
	    test(a_header_that_lies_leads_nowhere),
	    test(what_is_no_recording_is_not_opened),
	    test(a_link_is_not_followed),
	    test(a_recording_is_for_its_user_alone),
	    test(a_sealed_recording_uses_what_was_reserved_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
