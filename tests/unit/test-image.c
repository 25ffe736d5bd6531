/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is a recording, and where in it records are; the file as a file. */
#include "reader-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void what_is_no_recording_is_refused(void **state)
{
	struct fixture *f = *state;
	struct dw_rec_header *header = recording_header(&f->recording);

	assert_int_equal(answer(f, 0), DW_READER_EMPTY);
	assert_int_equal(answer(f, 7), DW_READER_SHORT);
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE - 1), DW_READER_SHORT);
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE), 0);
	header->version = DW_REC_VERSION + 1;
	assert_int_equal(answer(f, 100), DW_READER_NEWER);
	header->version = DW_REC_VERSION;
	header->word_bits = 32;
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE), DW_READER_MACHINE);
	header->word_bits = 64;
	header->magic = __builtin_bswap64(DW_REC_MAGIC);
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE), DW_READER_MACHINE);
	header->magic = DW_REC_MAGIC + 1;
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE), DW_READER_DAMAGED);
	assert_int_equal(answer(f, 100), DW_READER_FOREIGN);
	header->word_bits = 63;
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE), DW_READER_FOREIGN);
	header->word_bits = 64;
	header->magic = DW_REC_MAGIC;
	header->header_size = 8;
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE), DW_READER_FOREIGN);
	header->header_size = DW_REC_HEADER_SIZE + 8;
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE), DW_READER_SHORT);
	*header = (struct dw_rec_header){0};
	assert_int_equal(answer(f, DW_REC_HEADER_SIZE), DW_READER_EMPTY);
	assert_null(f->reader);
	assert_string_equal(dw_reader_answer_text(DW_READER_FOREIGN), "is not a recording");
}

/* All that is read of a shorter file is read of a longer one too. */
static void truncation_loses_only_what_is_behind(void **state)
{
	struct fixture *f = *state;
	uint32_t n_things = 0, n_chains = 0, n_threads = 0;

	recording_fill(&f->recording);
	for (size_t size = DW_REC_HEADER_SIZE; size <= f->recording.size; size += 8) {
		const struct dw_facts *facts;

		assert_int_equal(answer(f, size), 0);
		facts = dw_reader_facts(f->reader);
		assert_int_equal(facts->truncated, size < f->recording.size);
		assert_true(facts->n_things >= n_things);
		assert_true(facts->n_chains >= n_chains);
		assert_true(facts->n_threads >= n_threads);
		n_things = facts->n_things;
		n_chains = facts->n_chains;
		n_threads = facts->n_threads;
	}
	assert_int_equal(n_things, 4);
	assert_int_equal(n_chains, 5);
	assert_int_equal(n_threads, 4);
}

static void an_unfinished_record_ends_its_chunk_only(void **state)
{
	struct fixture *f = *state;
	uint32_t unfinished;

	recording_thing(&f->recording, 0x1000);
	unfinished = recording_thing(&f->recording, 0x2000);
	recording_thing(&f->recording, 0x3000);
	recording_next_chunk(&f->recording);
	recording_thing(&f->recording, 0x4000);
	((struct dw_rec_head *)recording_record(&f->recording, unfinished))->kind = 0;
	read_back(f);
	assert_int_equal(f->facts->n_things, 3);
	assert_int_equal(f->facts->things[2].address, 0x4000);
	assert_int_equal(damaged(f), 0);
}

static void a_senseless_size_costs_one_chunk(void **state)
{
	static const uint32_t sizes[] = {
	    0, 4, 44, 1u << 20, UINT32_MAX, UINT32_MAX - 7, 2 * DW_REC_CHUNK_SIZE};
	struct fixture *f = *state;
	uint32_t id;

	recording_thing(&f->recording, 0x1000);
	id = recording_thing(&f->recording, 0x2000);
	recording_next_chunk(&f->recording);
	recording_thing(&f->recording, 0x3000);
	recording_next_chunk(&f->recording);
	recording_thing(&f->recording, 0x4000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		((struct dw_rec_head *)recording_record(&f->recording, id))->size = sizes[i];
		read_back(f);
		assert_int_equal(f->facts->n_things, 4);
		assert_int_equal(damaged(f), 1);
	}
}

static void a_record_may_be_larger_than_a_chunk(void **state)
{
	static const char path[3 * DW_REC_CHUNK_SIZE / 2] = {[0 ... sizeof(path) - 2] = 'x'};
	struct fixture *f = *state;

	recording_module(&f->recording, 1, path);
	for (int i = 0; i < 400; i++) /* what follows in the run may cross its chunks' borders */
		recording_thing(&f->recording, 0x1000);
	read_back(f);
	assert_string_equal(f->facts->modules[1].path, path);
	assert_int_equal(f->facts->n_things, 401);
	assert_int_equal(damaged(f), 0);
}

static void kinds_of_a_later_version_are_skipped(void **state)
{
	struct fixture *f = *state;
	struct dw_rec_head record = {0};
	char more[100] = "what";

	recording_add(&f->recording, DW_REC_BEAT + 1, &record, sizeof(record), more, sizeof(more));
	recording_add(&f->recording, 60000, &record, sizeof(record), more, sizeof(more));
	recording_thing(&f->recording, 0x1000);
	read_back(f);
	assert_int_equal(f->facts->n_things, 2);
	assert_int_equal(damaged(f), 0);
}

static void longer_records_of_a_later_version_are_read(void **state)
{
	struct fixture *f = *state;
	struct dw_rec_thing record = {.address = 0x1000, .life = 1, .kind = DW_MUTEX};

	recording_add(&f->recording, DW_REC_THING, &record, sizeof(record), "later", 6);
	read_back(f);
	assert_int_equal(f->facts->n_things, 2);
	assert_int_equal(damaged(f), 0);
}

static void memory_has_its_limit(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 100000; i++)
		recording_thing(&f->recording, 0x1000);
	assert_int_equal(
	    dw_reader_open_memory(&f->reader, f->recording.data, f->recording.size, 2 << 20),
	    -ENOMEM);
	assert_null(f->reader);
}

/* Writes the recording to a file of its own, the first @hole chunks left out. */
static void write_file(struct fixture *f, char *path, uint64_t hole)
{
	int fd;

	strcpy(path, "/tmp/test-reader-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, f->recording.data, DW_REC_HEADER_SIZE, 0), DW_REC_HEADER_SIZE);
	assert_true(pwrite(fd, f->recording.data + DW_REC_HEADER_SIZE,
			   f->recording.size - DW_REC_HEADER_SIZE,
			   (off_t)(DW_REC_HEADER_SIZE + hole * DW_REC_CHUNK_SIZE)) > 0);
	assert_int_equal(ftruncate(fd, (off_t)16 << 30), 0);
	close(fd);
}

static void a_sparse_file_costs_what_its_data_costs(void **state)
{
	struct fixture *f = *state;
	char path[64];

	recording_thing(&f->recording, 0x1000);
	write_file(f, path, 100000);
	assert_int_equal(dw_reader_open(&f->reader, path, 4 << 20), 0);
	f->facts = dw_reader_facts(f->reader);
	assert_int_equal(f->facts->n_things, 2);
	assert_int_equal(f->facts->truncated, 0);
	unlink(path);
}

static void a_file_that_is_cut_is_truncated(void **state)
{
	struct fixture *f = *state;
	char path[64];

	recording_fill(&f->recording);
	write_file(f, path, 0);
	assert_int_equal(truncate(path, DW_REC_HEADER_SIZE + 200), 0);
	assert_int_equal(dw_reader_open(&f->reader, path, 4 << 20), 0);
	f->facts = dw_reader_facts(f->reader);
	assert_int_equal(f->facts->truncated, 1);
	assert_true(f->facts->n_things > 0);
	unlink(path);
}

static void what_is_no_file_is_no_recording(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/test-reader-fifo-XXXXXX";

	assert_int_equal(dw_reader_open(&f->reader, "/", MEMORY_MAX), DW_READER_FOREIGN);
	assert_int_equal(dw_reader_open(&f->reader, "/nowhere/at/all", MEMORY_MAX), -ENOENT);
	assert_non_null(mkdtemp(path));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(dw_reader_open(&f->reader, path, MEMORY_MAX), DW_READER_FOREIGN);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_no_recording_is_refused),
	    TEST(truncation_loses_only_what_is_behind),
	    TEST(an_unfinished_record_ends_its_chunk_only),
	    TEST(a_senseless_size_costs_one_chunk),
	    TEST(a_record_may_be_larger_than_a_chunk),
	    TEST(kinds_of_a_later_version_are_skipped),
	    TEST(longer_records_of_a_later_version_are_read),
	    TEST(memory_has_its_limit),
	    TEST(a_sparse_file_costs_what_its_data_costs),
	    TEST(a_file_that_is_cut_is_truncated),
	    TEST(what_is_no_file_is_no_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
