/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "symbol/demangle.h"
#include "symbol/symbol.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SAMPLE SAMPLE_DIR "/sample-symbol"
#define STRIPPED SAMPLE_DIR "/sample-symbol-stripped"
#define SPLIT SAMPLE_DIR "/sample-symbol-split"
#define CLANG SAMPLE_DIR "/sample-symbol-no-aranges"
#define CXX SAMPLE_DIR "/sample-symbol-cxx"
#define MANY SAMPLE_DIR "/libsample-symbol-many.so"

/* Under AddressSanitizer: libdw 0.188 itself forgets 32 bytes of some damaged files. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libdw";
}

/* The sample is linked at 0: its offsets are addresses in the file's own terms. */
static uint64_t place(const char *program, const char *word)
{
	char line[128], found[64];
	unsigned long offset, result = 0;
	FILE *out = popen(program, "r");

	assert_non_null(out);
	while (fgets(line, sizeof(line), out))
		if (sscanf(line, "%63s %lx", found, &offset) == 2 && strcmp(found, word) == 0)
			result = offset;
	pclose(out);
	assert_int_not_equal(result, 0);
	return result;
}

/* The line of sample-symbol.c that carries @mark. */
static unsigned line_of(const char *mark)
{
	char line[256];
	unsigned number = 0;
	FILE *source = fopen(SAMPLE_SOURCE, "r");

	assert_non_null(source);
	do {
		assert_non_null(fgets(line, sizeof(line), source));
		number++;
	} while (!strstr(line, mark));
	fclose(source);
	return number;
}

static uint32_t added(struct dw_symbols *symbols, const char *path)
{
	int64_t module = dw_symbols_add(symbols, path, NULL, 0);

	assert_true(module >= 0);
	return (uint32_t)module;
}

static void expect_inlined(const char *path)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found[DW_SYMBOL_INLINE_MAX];
	static const char *const names[] = {"sample_inner", "sample_middle", "sample_outer"};
	static const char *const marks[] = {"sample-line-inner", "sample-line-middle",
					    "sample-line-outer"};
	uint32_t module;

	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, path);
	assert_int_equal(dw_symbols_quality(symbols, module), DW_SYMBOLS_DEBUG);
	assert_int_equal(dw_symbols_code(symbols, module, place(path, "inlined") - 1, found), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(found[i].function, names[i]);
		assert_int_equal(found[i].line, line_of(marks[i]));
		assert_non_null(found[i].file);
		assert_non_null(strstr(found[i].file, "tests/unit/sample-symbol.c"));
		assert_int_equal(found[i].inlined, i < 2);
	}
}

static void inlined_functions_are_told_innermost_first(void **state)
{
	(void)state;
	expect_inlined(SAMPLE);
}

static void separate_debug_information_is_found(void **state)
{
	(void)state;
	expect_inlined(SPLIT);
}

static void a_file_without_address_ranges_of_units_works(void **state)
{
	(void)state;
	expect_inlined(CLANG);
}

static void a_second_question_gets_the_same_answer(void **state)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol first[DW_SYMBOL_INLINE_MAX], second[DW_SYMBOL_INLINE_MAX];
	uint64_t address = place(SAMPLE, "inlined") - 1;
	uint32_t module;

	(void)state;
	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, SAMPLE);
	assert_int_equal(dw_symbols_code(symbols, module, address, first), 3);
	assert_int_equal(dw_symbols_code(symbols, module, address, second), 3);
	assert_memory_equal(first, second, 3 * sizeof(first[0]));
}

/* More than there is room for at first. */
static void answers_are_kept_however_many(void **state)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol first[DW_SYMBOL_INLINE_MAX], other[DW_SYMBOL_INLINE_MAX];
	uint64_t address = place(SAMPLE, "inlined") - 1;
	uint32_t module;

	(void)state;
	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, SAMPLE);
	assert_int_equal(dw_symbols_code(symbols, module, address, first), 3);
	for (uint64_t i = 0; i < 20000; i++)
		dw_symbols_code(symbols, module, (UINT64_C(1) << 32) + i, other);
	assert_int_equal(dw_symbols_code(symbols, module, address, other), 3);
	assert_ptr_equal(other[0].file, first[0].file);
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	char bytes[4096];
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

static void another_file_at_the_same_path_is_another_module(void **state)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found[DW_SYMBOL_INLINE_MAX];
	char path[] = "/tmp/deadwatch-test-symbol-XXXXXX", later[sizeof(path) + 1];
	int fd = mkstemp(path);
	uint32_t first, second;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(later, sizeof(later), "%s2", path);
	copy_file(SAMPLE, path);
	assert_int_equal(dw_symbols_new(&symbols), 0);
	first = added(symbols, path);
	assert_int_equal(dw_symbols_quality(symbols, first), DW_SYMBOLS_DEBUG);
	assert_int_equal(added(symbols, path), first);
	copy_file(STRIPPED, later);
	assert_int_equal(rename(later, path), 0);
	second = added(symbols, path);
	assert_int_not_equal(second, first);
	assert_int_equal(dw_symbols_quality(symbols, second), DW_SYMBOLS_DYNAMIC);
	unlink(path);
	/* What was opened is read from the file that it was. */
	assert_int_equal(dw_symbols_quality(symbols, first), DW_SYMBOLS_DEBUG);
	assert_int_equal(dw_symbols_code(symbols, first, place(SAMPLE, "inlined") - 1, found), 3);
}

static void a_stripped_file_has_its_dynamic_symbols(void **state)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found[DW_SYMBOL_INLINE_MAX];
	uint32_t module;

	(void)state;
	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, STRIPPED);
	assert_int_equal(dw_symbols_quality(symbols, module), DW_SYMBOLS_DYNAMIC);
	assert_int_equal(dw_symbols_code(symbols, module, place(STRIPPED, "inlined") - 1, found),
			 1);
	assert_string_equal(found[0].function, "sample_outer");
	assert_null(found[0].file);
	assert_int_equal(found[0].offset,
			 place(STRIPPED, "inlined") - 1 - place(STRIPPED, "start"));
	assert_int_equal(dw_symbols_data(symbols, module, place(STRIPPED, "hidden"), found), 0);
}

static void a_return_address_behind_the_end_belongs_to_the_call(void **state)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found[DW_SYMBOL_INLINE_MAX];
	uint64_t address = place(STRIPPED " end", "end");
	uint32_t module;

	(void)state;
	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, STRIPPED);
	assert_int_equal(dw_symbols_code(symbols, module, address - 1, found), 1);
	assert_string_equal(found[0].function, "sample_ends");
	if (dw_symbols_code(symbols, module, address, found) == 1)
		assert_string_not_equal(found[0].function, "sample_ends");
}

/* gcc gives no linkage name to a lambda's function, and its plain name says nothing. */
static void a_lambda_says_where_it_is_from(void **state)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found[DW_SYMBOL_INLINE_MAX];
	const char *name;
	uint32_t module;

	(void)state;
	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, CXX);
	assert_true(dw_symbols_code(symbols, module, place(CXX, "lambda"), found) >= 1);
	name = found[0].function;
	assert_non_null(name);
	assert_int_equal(strncmp(name, "main::", 6), 0);
	assert_non_null(strstr(name, "::operator()"));
}

static void a_variable_and_a_place_within_it_have_its_name(void **state)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found;
	uint32_t module;

	(void)state;
	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, SAMPLE);
	assert_int_equal(dw_symbols_data(symbols, module, place(SAMPLE, "variable"), &found), 1);
	assert_string_equal(found.function, "sample_pool");
	assert_int_equal(found.offset, 0);
	assert_int_equal(dw_symbols_data(symbols, module, place(SAMPLE, "member"), &found), 1);
	assert_string_equal(found.function, "sample_pool");
	assert_int_equal(found.offset, 40);
	assert_int_equal(dw_symbols_data(symbols, module, place(SAMPLE, "hidden"), &found), 1);
	assert_string_equal(found.function, "sample_hidden");
	assert_int_equal(dw_symbols_data(symbols, module, place(SAMPLE, "start"), &found), 0);
}

static void a_file_with_another_build_id_is_not_believed(void **state)
{
	static const uint8_t other[20] = {1, 2, 3};
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found[DW_SYMBOL_INLINE_MAX];
	int64_t module;

	(void)state;
	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = dw_symbols_add(symbols, SAMPLE, other, sizeof(other));
	assert_int_equal(dw_symbols_quality(symbols, (uint32_t)module), DW_SYMBOLS_CHANGED);
	assert_int_equal(dw_symbols_code(symbols, (uint32_t)module, place(SAMPLE, "start"), found),
			 0);
}

/* The whole of @path, in memory of the caller's to free. */
static char *contents(const char *path, size_t *ret_n)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *data;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size);
	assert_non_null(data);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_n = (size_t)st.st_size;
	return data;
}

static void write_file(const char *path, const char *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), (ssize_t)n);
	close(fd);
}

static enum dw_symbols_quality asked(const char *path, uint64_t address)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found[DW_SYMBOL_INLINE_MAX];
	uint32_t module;

	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, path);
	dw_symbols_code(symbols, module, address, found);
	dw_symbols_data(symbols, module, address, found);
	return dw_symbols_quality(symbols, module);
}

static void missing_and_special_files_have_no_names(void **state)
{
	char fifo[] = "/tmp/test-symbol-fifo-XXXXXX";

	(void)state;
	assert_int_equal(asked("/nonexistent/file (deleted)", 1), DW_SYMBOLS_MISSING);
	assert_int_equal(asked("/tmp", 1), DW_SYMBOLS_MISSING);
	assert_int_equal(asked("/dev/zero", 1), DW_SYMBOLS_MISSING);
	assert_int_equal(asked("[vdso]", 1), DW_SYMBOLS_MISSING);
	close(mkstemp(fifo));
	unlink(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(asked(fifo, 1), DW_SYMBOLS_MISSING);
	unlink(fifo);
}

static void damaged_files_do_no_harm(void **state)
{
	char path[] = "/tmp/test-symbol-damaged-XXXXXX";
	uint64_t address = place(SAMPLE, "inlined") - 1;
	uint64_t random = 1;
	size_t n;
	char *data = contents(SAMPLE, &n);

	(void)state;
	close(mkstemp(path));
	write_file(path, "", 0);
	assert_int_equal(asked(path, address), DW_SYMBOLS_NONE);
	write_file(path, "no ELF file at all, but a text", 30);
	assert_int_equal(asked(path, address), DW_SYMBOLS_NONE);
	for (size_t cut = 1; cut < 32; cut++) {
		write_file(path, data, n * cut / 32);
		asked(path, address);
	}
	for (unsigned i = 0; i < 200; i++) {
		size_t at;
		char was;

		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		/* Headers, where damage hurts most, are at both ends. */
		at = i % 2 ? (random >> 33) % n : (random >> 33) % 1024;
		at = i % 4 == 2 ? n - 1 - at : at;
		was = data[at];
		data[at] = (char)(random >> 24);
		write_file(path, data, n);
		asked(path, address);
		data[at] = was;
	}
	free(data);
	unlink(path);
}

/* 200 ms is what a start may take; here it is the processor's time, which load does not change. */
static void a_file_of_20000_symbols_is_opened_quickly(void **state)
{
	dw_auto(symbols) symbols = NULL;
	struct dw_symbol found[DW_SYMBOL_INLINE_MAX];
	void *loaded = dlopen(MANY, RTLD_NOW | RTLD_LOCAL);
	void *first = loaded ? dlsym(loaded, "many_0") : NULL;
	Dl_info info;
	clock_t before;
	uint64_t start;
	uint32_t module;
	unsigned known = 0;

	(void)state;
	assert_true(first && dladdr(first, &info));
	start = (uint64_t)((char *)first - (char *)info.dli_fbase);
	dlclose(loaded);
	before = clock();
	assert_int_equal(dw_symbols_new(&symbols), 0);
	module = added(symbols, MANY);
	assert_int_equal(dw_symbols_quality(symbols, module), DW_SYMBOLS_DYNAMIC);
	for (uint64_t i = 0; i < 20000; i++)
		known += dw_symbols_code(symbols, module, start + i, found);
	assert_int_equal(known, 20000);
	assert_string_equal(found[0].function, "many_19999");
	/* How far it reaches, and what the function behind is called, is not known. */
	assert_int_equal(dw_symbols_code(symbols, module, start + 20001, found), 0);
	assert_true((clock() - before) * 1000 / CLOCKS_PER_SEC < 200);
}

static unsigned find(const char *path, const char *name, uint64_t *ret)
{
	dw_auto(symbols) symbols = NULL;

	assert_int_equal(dw_symbols_new(&symbols), 0);
	return dw_symbols_find(symbols, added(symbols, path), name, ret, 1);
}

/* The code of the samples is as far from the start in the file as in memory. */
static void a_function_is_found_by_its_name(void **state)
{
	uint64_t offset = 0;

	(void)state;
	assert_int_equal(find(SAMPLE, "sample_outer", &offset), 1);
	assert_int_equal(offset, place(SAMPLE, "start"));
	assert_int_equal(find(STRIPPED, "sample_outer", &offset), 1);
	assert_int_equal(offset, place(STRIPPED, "start"));
	assert_int_equal(find(SAMPLE, "say_caller", &offset), 1);
	assert_int_equal(find(SPLIT, "say_caller", &offset), 1);
	assert_int_equal(find(CXX, "fence::Queue::poll", &offset), 1);
}

static void what_is_no_function_of_the_file_is_not_found(void **state)
{
	static const char *const names[] = {"sample_pool", "sample_oute",  "sample_outer2",
					    "exit",        "sample_inner", ""};
	uint64_t offset = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(find(SAMPLE, names[i], &offset), 0);
	assert_int_equal(find(STRIPPED, "say_caller", &offset), 0);
	assert_int_equal(find("/nowhere/at/all", "sample_outer", &offset), 0);
	assert_int_equal(offset, 7);
}

static void names_are_demangled(void **state)
{
	static const char *const names[][2] = {
	    {"_ZN5fence5Queue4pollEi", "fence::Queue::poll"},
	    {"_ZN3std4sync5mutex14Mutex$LT$T$GT$4lock17h0123456789abcdefE",
	     "std::sync::mutex::Mutex<T>::lock"},
	    {"_RNvCskwGfYPst2Cb_3foo16example_function", "foo::example_function"},
	    {"qemu_mutex_lock_impl", "qemu_mutex_lock_impl"},
	    {"pthread_cond_wait@@GLIBC_2.3.2", "pthread_cond_wait"},
	    {"_Zebra", "_Zebra"},
	};
	struct dw_arena *arena;

	(void)state;
	assert_int_equal(dw_arena_new(&arena, 1 << 20), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(dw_demangle(arena, names[i][0]), names[i][1]);
	dw_arena_free(arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(inlined_functions_are_told_innermost_first),
	    cmocka_unit_test(separate_debug_information_is_found),
	    cmocka_unit_test(a_file_without_address_ranges_of_units_works),
	    cmocka_unit_test(a_second_question_gets_the_same_answer),
	    cmocka_unit_test(answers_are_kept_however_many),
	    cmocka_unit_test(another_file_at_the_same_path_is_another_module),
	    cmocka_unit_test(a_stripped_file_has_its_dynamic_symbols),
	    cmocka_unit_test(a_return_address_behind_the_end_belongs_to_the_call),
	    cmocka_unit_test(a_lambda_says_where_it_is_from),
	    cmocka_unit_test(a_variable_and_a_place_within_it_have_its_name),
	    cmocka_unit_test(a_file_with_another_build_id_is_not_believed),
	    cmocka_unit_test(missing_and_special_files_have_no_names),
	    cmocka_unit_test(damaged_files_do_no_harm),
	    cmocka_unit_test(a_file_of_20000_symbols_is_opened_quickly),
	    cmocka_unit_test(a_function_is_found_by_its_name),
	    cmocka_unit_test(what_is_no_function_of_the_file_is_not_found),
	    cmocka_unit_test(names_are_demangled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
