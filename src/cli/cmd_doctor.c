/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "base/resource.h"
#include "cli/command.h"
#include "cli/library.h"
#include "cli/program.h"
#include "cli/refused.h"
#include "doctor/doctor.h"
#include "doctor/file.h"
#include "doctor/host.h"
#include "doctor/process.h"
#include "inspect/refusal.h"
#include "render/doctor.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

/* Some thirty rows, with a path each at most. */
#define MEMORY_MAX ((size_t)1 << 20)

const struct dw_option doctor_options[] = {
    {"format", 'f', "text|json", "what the answer looks like"},
    {.name = NULL},
};

/* Nothing follows these words where all is there. */
#define HAS_ATTACH (sizeof(DW_ATTACH_MISSING) == sizeof("it takes "))

typedef int renderer(FILE *out, const struct dw_doctor_report *report);

/* What there is to look at. */
struct looks {
	struct dw_doctor_host host;
	struct dw_doctor_process process;
	struct dw_doctor_file file;
	struct dw_doctor_facts facts;
};

static int refuse(const char *what, const char *name, const char *why)
{
	fprintf(stderr, "deadwatch: cannot look at %s '%s': %s\n", what, name, why);
	return DW_EXIT_FAILED;
}

/* A part of the kernel has no program, and a thread no process of its own to look at. */
static int refuse_process(const char *number, pid_t pid, int r)
{
	struct dw_process_refusal refusal;
	int answer = dw_refusal_check(pid, &refusal);

	if (r != -ESRCH || answer <= 0)
		return refuse("process", number, strerror(-r));
	dw_refused_say(pid, answer, &refusal);
	return DW_EXIT_FAILED;
}

/* Its program is not looked at if that may not be seen, which the process's rows tell. */
static int look_at_process(struct looks *looks, const char *number)
{
	pid_t pid;
	int r;

	if (!dw_word_is_pid(number, &pid))
		return refuse("process", number, "that is no number of a process");
	r = dw_doctor_process_look(pid, &looks->process);
	if (r < 0)
		return refuse_process(number, pid, r);
	looks->facts.process = &looks->process;
	if (dw_doctor_process_file(&looks->process, &looks->file) == 0)
		looks->facts.file = &looks->file;
	return 0;
}

static int look_at_file(struct looks *looks, const char *name)
{
	int r = *name ? dw_doctor_file_look(name, /* build_id= */ NULL, 0, &looks->file) : -ENOENT;

	if (r < 0)
		return refuse("program", name, dw_program_reason(name, -r));
	looks->facts.file = &looks->file;
	return 0;
}

/* Return: 0, or the exit code, and it was said why. */
static int look(struct looks *looks, const char *what, const char *library)
{
	dw_doctor_host_look(&looks->host);
	looks->host.library = library;
	if (library)
		looks->host.library_glibc = dw_doctor_file_glibc(library, /* needs= */ true);
	looks->host.attach_missing = HAS_ATTACH ? NULL : DW_ATTACH_MISSING;
	looks->facts.host = &looks->host;
	if (!what)
		return 0;
	if (dw_word_is_number(what))
		return look_at_process(looks, what);
	return look_at_file(looks, what);
}

static int answer(const struct looks *looks, renderer *render)
{
	struct dw_doctor_report report = {.n_rows = 0};
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, MEMORY_MAX);

	if (r == 0)
		r = dw_doctor_judge(&looks->facts, arena, &report);
	if (r == 0)
		r = render(stdout, &report);
	if (r < 0) {
		fprintf(stderr, "deadwatch: cannot answer: %s\n", strerror(-r));
		return DW_EXIT_FAILED;
	}
	for (unsigned use = 0; use < DW_DOCTOR_USES; use++)
		if (dw_doctor_use_state(&report, use) == DW_DOCTOR_MISSING)
			return DW_EXIT_BLIND;
	return DW_EXIT_CLEAN;
}

int cmd_doctor(const struct dw_command *self, int argc, char **argv)
{
	dw_auto_text library = NULL;
	renderer *render = dw_render_doctor_text;
	struct looks looks = {.facts.host = NULL};
	int id, status;

	while ((id = dw_option_next(self, argc, argv, &status)) >= 0)
		render = strcmp(optarg, "json") ? dw_render_doctor_text : dw_render_doctor_json;
	if (id == DW_OPTION_STOP)
		return status;
	if (argc - optind > 1)
		return dw_usage(self, "it takes one process or program at most");
	dw_library_find(&library); /* what is wrong is said; without one there is a row for it */
	status = look(&looks, argv[optind], library);
	return status != 0 ? status : answer(&looks, render);
}
