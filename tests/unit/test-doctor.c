/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the doctor makes of facts, of which this host has only some. */
#include "base/arena.h"
#include "doctor/doctor.h"
#include "doctor/file.h"
#include "doctor/host.h"
#include "doctor/process.h"
#include "render/doctor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "golden.h"

#define SKIPPED 2 /* of validate() */

static const struct dw_doctor_host good_host = {
    .release = "6.1.0-28-amd64",
    .machine = "x86_64",
    .capabilities = UINT64_MAX,
    .memory_limit = UINT64_MAX,
    .ptrace_scope = 0,
    .perf_event_paranoid = 3,
    .lockdown = DW_DOCTOR_LOCKDOWN_NONE,
    .has_servers = true,
    .has_debuginfod = true,
    .glibc = 36,
    .library = "/usr/lib/libdeadwatch.so",
    .library_glibc = 34,
};

static const struct dw_doctor_host bad_host = {
    .release = "4.19.0",
    .machine = "x86_64",
    .populate = -EINVAL,
    .pidfd = -ENOSYS,
    .btf = -ENOENT,
    .bpf = -EPERM,
    .bpf_read = -EPERM,
    .uprobe = -ENOENT,
    .trace = -EPERM,
    .ptrace_scope = 3,
    .perf_event_paranoid = DW_DOCTOR_UNKNOWN,
    .lockdown = DW_DOCTOR_LOCKDOWN_CONFIDENTIALITY,
    .memory_limit = 40 << 20,
    .is_filtered = true,
    .has_servers = true,
    .attach_missing = "it takes libbpf",
    .library_glibc = 34,
};

static const struct dw_doctor_process good_process = {
    .pid = 4711,
    .name = "qemu-system-x86",
    .user = 1000,
    .is_dumpable = true,
    .n_threads = 6,
    .is_recorded = true,
    .n_files = 103,
    .glibc = 36,
};

static const struct dw_doctor_process bad_process = {
    .pid = 4711,
    .name = "evil\033[31m",
    .user = 1000,
    .seccomp = 2,
    .tracer = 815,
    .n_threads = 1,
    .is_elsewhere = true,
    .n_files = 12,
    .n_changed = 2,
    .changed = "libpixman-1.so.0",
    .glibc = 31,
};

static const struct dw_doctor_file good_file = {
    .path = "/usr/bin/qemu-system-x86_64",
    .symbols = DW_SYMBOLS_DEBUG,
    .qemu = DW_DOCTOR_QEMU | DW_DOCTOR_QEMU_LOCK | DW_DOCTOR_QEMU_BQL | DW_DOCTOR_QEMU_JIT,
};

static const struct dw_doctor_file bad_file = {
    .path = "/opt/cloud-hypervisor-static",
    .kind = DW_DOCTOR_STATIC,
    .gains_privileges = true,
    .has_rust = true,
    .symbols = DW_SYMBOLS_DYNAMIC,
    .qemu = DW_DOCTOR_QEMU,
};

static const struct dw_doctor_facts good = {&good_host, &good_process, &good_file};
static const struct dw_doctor_facts bad = {&bad_host, &bad_process, &bad_file};

static struct dw_arena *arena;

static int begin(void **state)
{
	(void)state;
	return dw_arena_new(&arena, 1 << 20);
}

static int end(void **state)
{
	(void)state;
	dw_arena_free(arena);
	return 0;
}

static struct dw_doctor_report judged(const struct dw_doctor_facts *facts)
{
	struct dw_doctor_report report = {.n_rows = 0};

	assert_int_equal(dw_doctor_judge(facts, arena, &report), 0);
	return report;
}

static char *text_of(const struct dw_doctor_facts *facts,
		     int (*render)(FILE *, const struct dw_doctor_report *))
{
	struct dw_doctor_report report = judged(facts);
	static char *text;
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(render(out, &report), 0);
	fclose(out);
	return text;
}

static void expect_text(const struct dw_doctor_facts *facts, const char *golden)
{
	char *text = text_of(facts, dw_render_doctor_text);

	expect_golden_text(text, golden);
	free(text);
}

static const struct dw_doctor_row *find_row(const struct dw_doctor_report *report, const char *what)
{
	for (size_t i = 0; i < report->n_rows; i++)
		if (!strcmp(report->rows[i].what, what))
			return &report->rows[i];
	fail_msg("there is no row '%s'", what);
	return NULL;
}

static void expect_states(const struct dw_doctor_facts *facts, const char *what,
			  enum dw_doctor_state run, enum dw_doctor_state attach,
			  enum dw_doctor_state inspect)
{
	struct dw_doctor_report report = judged(facts);
	const struct dw_doctor_row *row = find_row(&report, what);

	assert_int_equal(row->states[DW_DOCTOR_RUN], run);
	assert_int_equal(row->states[DW_DOCTOR_ATTACH], attach);
	assert_int_equal(row->states[DW_DOCTOR_INSPECT], inspect);
}

static void a_good_host_has_no_remedies(void **state)
{
	(void)state;
	expect_text(&good, "doctor-good.txt");
}

static void a_bad_one_has_a_remedy_for_all_that_can_be_helped(void **state)
{
	(void)state;
	expect_text(&bad, "doctor-bad.txt");
}

static void every_row_that_is_not_ok_says_what_it_means(void **state)
{
	struct dw_doctor_report report = judged(&bad);

	(void)state;
	for (size_t i = 0; i < report.n_rows; i++)
		if (dw_doctor_row_state(&report.rows[i]) != DW_DOCTOR_OK)
			assert_non_null(report.rows[i].means);
}

static void both_formats_tell_the_same_and_json_keeps_to_its_schema(void **state)
{
	char *text = text_of(&bad, dw_render_doctor_json);
	int status = validate(text);

	(void)state;
	expect_golden_text(text, "doctor-bad.json");
	free(text);
	if (status == SKIPPED)
		skip();
	assert_int_equal(status, 0);
}

static void yama_of_one_leaves_the_monitor_alone(void **state)
{
	struct dw_doctor_host host = good_host;
	struct dw_doctor_facts facts = {.host = &host};

	(void)state;
	host.ptrace_scope = 1;
	expect_states(&facts, "ptrace", DW_DOCTOR_OK, DW_DOCTOR_OK, DW_DOCTOR_OK);
	host.trace = -EPERM;
	expect_states(&facts, "ptrace", DW_DOCTOR_OK, DW_DOCTOR_OK, DW_DOCTOR_MISSING);
	host.ptrace_scope = 2;
	expect_states(&facts, "ptrace", DW_DOCTOR_LIMITED, DW_DOCTOR_OK, DW_DOCTOR_MISSING);
}

static void a_filter_that_refuses_nothing_is_no_limit(void **state)
{
	struct dw_doctor_host host = good_host;
	struct dw_doctor_facts facts = {.host = &host};

	(void)state;
	host.is_filtered = true;
	expect_states(&facts, "filter", DW_DOCTOR_OK, DW_DOCTOR_OK, DW_DOCTOR_OK);
	host.bpf = -EPERM;
	expect_states(&facts, "filter", DW_DOCTOR_OK, DW_DOCTOR_LIMITED, DW_DOCTOR_LIMITED);
}

static void a_program_that_loads_but_may_not_read_is_not_enough(void **state)
{
	struct dw_doctor_host host = good_host;
	struct dw_doctor_facts facts = {.host = &host};

	(void)state;
	host.bpf_read = -EINVAL;
	expect_states(&facts, "bpf", DW_DOCTOR_OK, DW_DOCTOR_MISSING, DW_DOCTOR_OK);
}

static void what_could_not_be_compared_is_not_ok(void **state)
{
	struct dw_doctor_process process = good_process;
	struct dw_doctor_facts facts = {.host = &good_host, .process = &process};

	(void)state;
	process.memory = -EACCES;
	expect_states(&facts, "files", DW_DOCTOR_OK, DW_DOCTOR_LIMITED, DW_DOCTOR_LIMITED);
}

static void to_be_root_is_no_remedy_for_root(void **state)
{
	struct dw_doctor_process process = good_process;
	struct dw_doctor_facts facts = {.host = &good_host, .process = &process};
	struct dw_doctor_report report;

	(void)state;
	process.memory = -EACCES;
	report = judged(&facts);
	assert_non_null(strstr(find_row(&report, "memory")->remedy, "find what protects it"));
	facts.host = &bad_host;
	report = judged(&facts);
	assert_non_null(strstr(find_row(&report, "memory")->remedy, "as root"));
}

static void a_c_library_as_old_as_needed_will_do(void **state)
{
	struct dw_doctor_process process = good_process;
	struct dw_doctor_facts facts = {.host = &good_host, .process = &process};

	(void)state;
	process.glibc = good_host.library_glibc;
	expect_states(&facts, "glibc", DW_DOCTOR_OK, DW_DOCTOR_OK, DW_DOCTOR_OK);
	process.glibc--;
	expect_states(&facts, "glibc", DW_DOCTOR_MISSING, DW_DOCTOR_OK, DW_DOCTOR_OK);
}

static void a_script_is_not_judged(void **state)
{
	struct dw_doctor_file file = {.path = "/x", .kind = DW_DOCTOR_SCRIPT};
	struct dw_doctor_report report = judged(&(struct dw_doctor_facts){.file = &file});

	(void)state;
	assert_int_equal(report.n_rows, 1);
	assert_int_equal(dw_doctor_row_state(&report.rows[0]), DW_DOCTOR_OK);
}

static void this_program_is_seen_as_it_is(void **state)
{
	struct dw_doctor_process process;
	struct dw_doctor_file file;

	(void)state;
	assert_int_equal(dw_doctor_process_look(getpid(), &process), 0);
	assert_int_equal(process.pid, getpid());
	assert_int_equal(process.n_threads, 1);
	assert_false(process.is_recorded);
	assert_false(process.is_elsewhere);
	assert_int_equal(process.memory, 0);
	assert_true(process.n_files > 2);
	assert_int_equal(process.n_changed, 0);
	assert_true(process.build_id.size > 0);
	assert_int_equal(dw_doctor_process_file(&process, &file), 0);
	assert_int_equal(file.kind, DW_DOCTOR_DYNAMIC);
	assert_int_equal(file.symbols, DW_SYMBOLS_DEBUG);
}

static void a_program_of_another_build_has_no_symbols(void **state)
{
	const uint8_t other[20] = {1, 2, 3};
	struct dw_doctor_file file;

	(void)state;
	assert_int_equal(dw_doctor_file_look("/proc/self/exe", other, sizeof(other), &file), 0);
	assert_int_equal(file.symbols, DW_SYMBOLS_CHANGED);
}

static void the_c_library_defines_at_least_what_this_program_needs(void **state)
{
	unsigned needed = dw_doctor_file_glibc("/proc/self/exe", /* needs= */ true);
	struct dw_doctor_process process;

	(void)state;
	assert_int_equal(dw_doctor_process_look(getpid(), &process), 0);
	assert_true(needed >= 3);
	assert_true(process.glibc >= needed);
	assert_int_equal(dw_doctor_file_glibc("/proc/self/status", /* needs= */ true), 0);
}

static void a_process_that_has_ended_is_none(void **state)
{
	struct dw_doctor_process process;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT);
	assert_int_equal(dw_doctor_process_look(pid, &process), -ESRCH);
	waitpid(pid, NULL, 0);
	assert_int_equal(dw_doctor_process_look(pid, &process), -ESRCH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_good_host_has_no_remedies),
	    TEST(a_bad_one_has_a_remedy_for_all_that_can_be_helped),
	    TEST(every_row_that_is_not_ok_says_what_it_means),
	    TEST(both_formats_tell_the_same_and_json_keeps_to_its_schema),
	    TEST(yama_of_one_leaves_the_monitor_alone),
	    TEST(a_filter_that_refuses_nothing_is_no_limit),
	    TEST(a_program_that_loads_but_may_not_read_is_not_enough),
	    TEST(what_could_not_be_compared_is_not_ok),
	    TEST(to_be_root_is_no_remedy_for_root),
	    TEST(a_c_library_as_old_as_needed_will_do),
	    TEST(a_script_is_not_judged),
	    TEST(this_program_is_seen_as_it_is),
	    TEST(a_program_of_another_build_has_no_symbols),
	    TEST(the_c_library_defines_at_least_what_this_program_needs),
	    TEST(a_process_that_has_ended_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
