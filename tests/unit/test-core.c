/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Core files: whole, cut off anywhere, changed anywhere, and what is none. */
#include "core-file.h"
#include "inspect/arch.h"
#include "inspect/core.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t bytes[CORE_FILE_SIZE];
static size_t size;

static int make(void **state)
{
	(void)state;
	memset(bytes, 0, sizeof(bytes));
	size = core_file_make(bytes);
	return 0;
}

/* Return: as dw_core_new(). */
static int open_bytes(struct dw_core **ret, size_t n)
{
	int fd = memfd_create("core", MFD_CLOEXEC);
	int r;

	assert_int_equal(write(fd, bytes, n), n);
	r = dw_core_new(ret, fd);
	if (r != 0)
		close(fd);
	return r;
}

static void threads_and_their_calls_are_known(void **state)
{
	dw_auto(core) core = NULL;
	const struct dw_core_thread *threads;
	uint64_t arguments[6] = {0};
	uint32_t n;

	(void)state;
	assert_int_equal(open_bytes(&core, size), 0);
	assert_int_equal(dw_core_pid(core), CORE_FILE_PID);
	assert_int_equal(dw_core_signal(core), CORE_FILE_SIGNAL);
	assert_string_equal(dw_core_name(core), "sample");
	threads = dw_core_threads(core, &n);
	assert_int_equal(n, 2);
	assert_int_equal(threads[0].tid, CORE_FILE_PID);
	assert_int_equal(dw_arch_call(threads[0].registers, arguments), CORE_FILE_CALL);
	assert_int_equal(arguments[0], CORE_FILE_MEMORY);
	assert_int_equal(dw_arch_call(threads[1].registers, arguments), -1);
}

static void files_are_known_by_address(void **state)
{
	dw_auto(core) core = NULL;
	const struct dw_core_file *files;
	struct dw_range ranges[4];
	uint32_t n;

	(void)state;
	assert_int_equal(open_bytes(&core, size), 0);
	files = dw_core_files(core, &n);
	assert_int_equal(n, 2);
	assert_string_equal(files[0].path, CORE_FILE_PROGRAM);
	assert_true(files[0].is_code && !files[1].is_code);
	assert_string_equal(files[1].path, CORE_FILE_LIBRARY);
	assert_string_equal(dw_core_program(core), CORE_FILE_PROGRAM);
	assert_int_equal(dw_core_generated(core, ranges, 4), 0);
	assert_int_equal(dw_core_vdso(core).end, 0);
}

static void what_was_left_out_is_that_of_a_file(void **state)
{
	dw_auto(core) core = NULL;
	const struct dw_core_file *file;

	(void)state;
	assert_int_equal(open_bytes(&core, size), 0);
	/* As the kernel writes it, and as debuggers do: with a piece of no bytes, and with none. */
	file = dw_core_left_out(core, CORE_FILE_CODE + 8, 8);
	assert_non_null(file);
	assert_string_equal(file->path, CORE_FILE_PROGRAM);
	file = dw_core_left_out(core, CORE_FILE_LIBRARY_CODE + 8, 8);
	assert_non_null(file);
	assert_string_equal(file->path, CORE_FILE_LIBRARY);
	/* Not beyond its end, not what is in the core, and not what is nowhere. */
	assert_null(dw_core_left_out(core, CORE_FILE_CODE + 4092, 8));
	assert_null(dw_core_left_out(core, CORE_FILE_MEMORY, 8));
	assert_null(dw_core_left_out(core, 16, 8));
}

static void memory_is_read_whole_or_not_at_all(void **state)
{
	dw_auto(core) core = NULL;
	uint8_t read[CORE_FILE_MEMORY_SIZE + 1];

	(void)state;
	assert_int_equal(open_bytes(&core, size), 0);
	assert_int_equal(dw_core_read(core, CORE_FILE_MEMORY, read, CORE_FILE_MEMORY_SIZE), 0);
	for (unsigned i = 0; i < CORE_FILE_MEMORY_SIZE; i++)
		assert_int_equal(read[i], i);
	assert_int_equal(dw_core_read(core, CORE_FILE_MEMORY + 130, read, 1), 0);
	assert_int_equal(read[0], 130);
	assert_int_equal(dw_core_read(core, CORE_FILE_MEMORY, read, sizeof(read)), -EFAULT);
	assert_int_equal(dw_core_read(core, CORE_FILE_MEMORY - 1, read, 2), -EFAULT);
	/* Mapped, but not in the core. */
	assert_int_equal(dw_core_read(core, CORE_FILE_CODE, read, 1), -EFAULT);
	assert_int_equal(dw_core_read(core, UINT64_MAX, read, 2), -EFAULT);
}

static bool is_whole(const struct dw_core *core)
{
	struct dw_core_gaps gaps = dw_core_gaps(core);

	return gaps.missing_size == 0 && !gaps.no_files && !gaps.notes_cut;
}

static void a_core_that_was_cut_off_says_so_wherever_that_was(void **state)
{
	unsigned n_read = 0;

	(void)state;
	for (size_t n = 0; n <= size; n++) {
		dw_auto(core) core = NULL;
		int r = open_bytes(&core, n);

		assert_true(r == 0 || r == DW_CORE_NO_CORE || r == DW_CORE_NO_THREADS);
		if (r != 0)
			continue;
		n_read++;
		assert_int_equal(is_whole(core), n == size);
	}
	/* Nearly half of it lies behind the first thread. */
	assert_true(n_read > size / 3);
}

/* All that is handed out can be used. */
static void use(const struct dw_core *core)
{
	struct dw_range ranges[16];
	uint64_t arguments[6];
	uint8_t read[64];
	uint32_t n;
	const struct dw_core_thread *threads = dw_core_threads(core, &n);
	const struct dw_core_file *files;

	for (uint32_t i = 0; i < n; i++) {
		struct dw_registers registers = dw_arch_registers(threads[i].registers);

		dw_arch_call(threads[i].registers, arguments);
		dw_core_read(core, dw_arch_sp(&registers), read, sizeof(read));
	}
	files = dw_core_files(core, &n);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(strlen(files[i].path) < sizeof(bytes) && files[i].start < files[i].end);
		dw_core_read(core, files[i].start, read, sizeof(read));
	}
	dw_core_generated(core, ranges, 16);
	dw_core_vdso(core);
	dw_core_program(core);
}

static void a_core_that_lies_does_no_harm(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

	for (size_t i = 0; i < size; i++)
		for (size_t j = 0; j < sizeof(values); j++) {
			dw_auto(core) core = NULL;

			make(state);
			memset(bytes + i, values[j], size - i < 8 ? size - i : 8);
			if (open_bytes(&core, size) == 0)
				use(core);
		}
}

static void what_is_no_core_is_told_apart(void **state)
{
	static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
	struct dw_core *core;
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;

	(void)state;
	header->e_machine = EM_386;
	assert_int_equal(open_bytes(&core, size), DW_CORE_FOREIGN);
	header->e_type = ET_DYN;
	assert_int_equal(open_bytes(&core, size), DW_CORE_NO_CORE);
	memcpy(bytes, zstd, sizeof(zstd));
	assert_int_equal(open_bytes(&core, size), DW_CORE_COMPRESSED);
	assert_int_equal(open_bytes(&core, 0), DW_CORE_NO_CORE);
}

#define test(function) cmocka_unit_test_setup(function, make)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(threads_and_their_calls_are_known),
	    test(files_are_known_by_address),
	    test(what_was_left_out_is_that_of_a_file),
	    test(memory_is_read_whole_or_not_at_all),
	    test(a_core_that_was_cut_off_says_so_wherever_that_was),
	    test(a_core_that_lies_does_no_harm),
	    test(what_is_no_core_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
