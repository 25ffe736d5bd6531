/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/gate.h"

#include "base/error.h"
#include "base/resource.h"
#include "cli/blind.h"
#include "cli/collection.h"
#include "cli/file.h"
#include "cli/output.h"
#include "cli/tally.h"
#include "cli/tracing.h"
#include "gate/baseline.h"
#include "gate/declared.h"
#include "gate/lines.h"
#include "gate/suppression.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A hundred thousand entries; nobody reviews more. */
#define FILE_SIZE_MAX ((size_t)16 << 20)

/* The files of a gate, as they were read. */
struct files {
	struct dw_baseline *baseline;
	struct dw_suppressions *suppressions;
	struct dw_declared *declared;
};

static void files_done(struct files *files)
{
	dw_baseline_free(files->baseline);
	dw_suppressions_free(files->suppressions);
	dw_declared_free(files->declared);
}

static int refuse_many(const struct dw_command *command, int *ret_exit)
{
	*ret_exit =
	    dw_usage(command, "'%s' is one too many: %d are taken", optarg, DW_GATE_TIMES_MAX);
	return DW_OPTION_STOP;
}

/* FORMAT=FILE; the format has to be known before anything is read. */
static int check_write(const struct dw_command *command, const char *write, int *ret_exit)
{
	const char *equals = strchr(write, '=');
	char format[32];

	snprintf(format, sizeof(format), "%.*s", equals ? (int)(equals - write) : 0, write);
	if (equals && equals[1] && dw_renderer_find(format))
		return 0;
	*ret_exit = dw_usage(command, "'%s' is no FORMAT=FILE of a known format", write);
	return DW_OPTION_STOP;
}

static int add_text(const struct dw_command *command, struct dw_gate_texts *texts, int *ret_exit)
{
	if (texts->n == DW_GATE_TIMES_MAX)
		return refuse_many(command, ret_exit);
	texts->texts[texts->n++] = optarg;
	return 0;
}

/* A reason that does not exist would allow nothing, and nobody would notice. */
static int add_allowed(const struct dw_command *command, struct dw_gate_texts *texts, int *ret_exit)
{
	if (dw_word_is_among(DW_BLIND_REASONS, optarg, strlen(optarg)))
		return add_text(command, texts, ret_exit);
	*ret_exit =
	    dw_usage(command, "--allow cannot be '%s': it is one of %s", optarg, DW_BLIND_REASONS);
	return DW_OPTION_STOP;
}

static bool take_flag(struct dw_gate_options *options, int id)
{
	bool *flag = id == DW_GATE_UPDATE    ? &options->update
		     : id == DW_GATE_PRUNE   ? &options->prune
		     : id == DW_GATE_STRICT  ? &options->strict
		     : id == DW_GATE_HAZARDS ? &options->hazards
					     : NULL;

	if (flag)
		*flag = true;
	return flag;
}

int dw_gate_option(const struct dw_command *command, struct dw_gate_options *options, int id,
		   int *ret_exit)
{
	if (take_flag(options, id))
		return 0;
	switch (id) {
	case DW_GATE_BASELINE:
		options->baseline = optarg;
		return 0;
	case DW_GATE_ORDER:
		options->order = optarg;
		return 0;
	case DW_GATE_SUPPRESSIONS:
		return add_text(command, &options->suppressions, ret_exit);
	case DW_GATE_REQUIRE_LOCK:
		return add_text(command, &options->required, ret_exit);
	case DW_GATE_ALLOW:
		return add_allowed(command, &options->allowed, ret_exit);
	case DW_GATE_WRITE:
		if (check_write(command, optarg, ret_exit) == DW_OPTION_STOP)
			return DW_OPTION_STOP;
		return add_text(command, &options->writes, ret_exit);
	default:
		return 1;
	}
}

static int fail(const char *what, const char *path, int r)
{
	fprintf(stderr, "deadwatch: cannot %s '%s': %s\n", what, path, dw_file_reason(r));
	return DW_EXIT_FAILED;
}

/* Return: 0; DW_EXIT_USAGE, and it was said why; or -ENOMEM. */
static int read_text(const char *what, const char *path, char **ret, size_t *ret_size)
{
	int r = dw_file_read(path, FILE_SIZE_MAX, ret, ret_size);

	if (r == 0 || r == -ENOMEM)
		return r;
	fprintf(stderr, "deadwatch: cannot read the %s '%s': %s\n", what, path, dw_file_reason(r));
	return DW_EXIT_USAGE;
}

static int say_wrong(const char *what, const char *path, const struct dw_wrong *wrong)
{
	fprintf(stderr, "deadwatch: the %s '%s' cannot be used: line %u: %s\n", what, path,
		wrong->line, wrong->why);
	return DW_EXIT_USAGE;
}

static int read_baseline(struct dw_baseline **ret, const struct dw_gate_options *options)
{
	dw_auto_text text = NULL;
	struct dw_wrong wrong;
	size_t size;
	int r;

	/* The first update makes the file. */
	if (!options->baseline || (options->update && access(options->baseline, F_OK) < 0))
		return dw_baseline_new(ret);
	if (access(options->baseline, F_OK) < 0 && errno == ENOENT) {
		fprintf(stderr, "deadwatch: there is no baseline '%s': --update makes it\n",
			options->baseline);
		return DW_EXIT_USAGE;
	}
	r = read_text("baseline", options->baseline, &text, &size);
	if (r != 0)
		return r;
	r = dw_baseline_parse(ret, text, size, &wrong);
	return r > 0 ? say_wrong("baseline", options->baseline, &wrong) : r;
}

static int read_suppressions(struct files *files, const struct dw_gate_options *options)
{
	int r = dw_suppressions_new(&files->suppressions);

	for (size_t i = 0; i < options->suppressions.n && r == 0; i++) {
		const char *path = options->suppressions.texts[i];
		dw_auto_text text = NULL;
		struct dw_wrong wrong;
		size_t size;

		r = read_text("suppressions", path, &text, &size);
		if (r == 0)
			r = dw_suppressions_parse(files->suppressions, path, text, size, &wrong);
		else
			return r;
		if (r > 0)
			return say_wrong("suppressions", path, &wrong);
	}
	return r;
}

static int read_order(struct files *files, const struct dw_gate_options *options)
{
	dw_auto_text text = NULL;
	struct dw_wrong wrong;
	size_t size;
	int r;

	if (!options->order)
		return 0;
	r = read_text("order", options->order, &text, &size);
	if (r != 0)
		return r;
	r = dw_declared_parse(&files->declared, text, size, &wrong);
	return r > 0 ? say_wrong("order", options->order, &wrong) : r;
}

/* Return: 0; an enum dw_exit, and it was said why; or -ENOMEM. */
static int read_files(struct files *files, const struct dw_gate_options *options)
{
	int r = 0;

	if ((options->update && !options->baseline) || (options->prune && !options->update)) {
		fprintf(stderr,
			"deadwatch: --update wants --baseline=FILE, and --prune --update\n");
		return DW_EXIT_USAGE;
	}
	r = read_baseline(&files->baseline, options);
	if (r == 0)
		r = read_suppressions(files, options);
	if (r == 0)
		r = read_order(files, options);
	return r;
}

/* Return: 0, or an enum dw_exit, and it was said why. */
static int check_writes(const struct dw_gate_options *options)
{
	int r = options->update ? dw_file_check(options->baseline) : 0;

	if (r < 0)
		return fail("write the baseline", options->baseline, r);
	for (size_t i = 0; i < options->writes.n; i++) {
		const char *path = strchr(options->writes.texts[i], '=') + 1;

		r = dw_file_check(path);
		if (r < 0)
			return fail("write the report", path, r);
	}
	return 0;
}

int dw_gate_check(const struct dw_gate_options *options)
{
	dw_cleanup(files_done) struct files files = {0};
	int r = read_files(&files, options);

	if (r == 0)
		r = check_writes(options);
	return r < 0 ? dw_tracing_fail("set up the gate", r) : r;
}

/* Return: 0, or an enum dw_exit, and it was said why. */
static int write_report(const struct dw_report *report, const char *write,
			struct dw_render_options options)
{
	dw_cleanup(dw_file_done) struct dw_file file = {0};
	const char *path = strchr(write, '=') + 1;
	char format[32];
	int r;

	snprintf(format, sizeof(format), "%.*s", (int)(path - 1 - write), write);
	r = dw_file_begin(&file, path);
	if (r == 0)
		r = dw_output_write(file.out, report, dw_renderer_find(format), &options);
	if (r == 0)
		r = dw_file_end(&file);
	return r < 0 ? fail("write the report", path, r) : 0;
}

static int write_baseline(const struct dw_gate_options *options, struct dw_baseline *baseline,
			  bool prune)
{
	dw_cleanup(dw_file_done) struct dw_file file = {0};
	int r = dw_file_begin(&file, options->baseline);

	if (r == 0)
		r = dw_baseline_write(file.out, baseline, prune);
	if (r == 0)
		r = dw_file_end(&file);
	return r < 0 ? fail("write the baseline", options->baseline, r) : 0;
}

/*
 * Others may have written since it was read: jobs that end together. Return: 0, or an enum dw_exit,
 * and it was said why.
 */
static int renew_baseline(const struct dw_gate_options *options, struct files *files, bool prune)
{
	dw_auto(baseline) baseline = NULL;
	dw_auto_fd lock = -1;
	int n, r = dw_file_lock(options->baseline, &lock);

	if (r < 0)
		return fail("write the baseline", options->baseline, r);
	r = read_baseline(&baseline, options);
	if (r > 0)
		return DW_EXIT_FAILED;
	n = r == 0 ? dw_baseline_renew(baseline, files->baseline) : r;
	if (n < 0)
		return fail("add to the baseline", options->baseline, n);
	r = write_baseline(options, baseline, prune);
	if (r == 0)
		fprintf(stderr, "deadwatch: '%s': %d added, each wants a reason in place of %s\n",
			options->baseline, n, DW_BASELINE_TODO);
	return r;
}

/* Who could not see everything does not know what is gone. */
static int update(const struct dw_gate_options *options, struct files *files,
		  struct dw_tally *tally)
{
	int r = dw_tally_update(tally), status = dw_tally_exit(tally);
	bool knows_all = status != DW_EXIT_BLIND && status != DW_EXIT_FAILED;

	if (r < 0)
		return fail("add to the baseline", options->baseline, r);
	if (options->prune && !knows_all)
		fprintf(stderr,
			"deadwatch: nothing is removed from '%s': not everything was seen\n",
			options->baseline);
	r = renew_baseline(options, files, options->prune && knows_all);
	return r == 0 ? status : r;
}

static int report_all(const struct dw_gate_options *options, const struct dw_report *report,
		      FILE *out, const struct dw_renderer *renderer)
{
	int r = dw_output_write(out, report, renderer, &options->render);

	if (r < 0)
		return dw_tracing_fail("write the report", r);
	for (size_t i = 0; i < options->writes.n; i++)
		if (write_report(report, options->writes.texts[i], options->render) != 0)
			return DW_EXIT_FAILED;
	return DW_EXIT_CLEAN;
}

static int judge(struct dw_collection *collection, const struct dw_gate_options *options,
		 struct files *files, struct dw_tally *tally, const struct dw_gate_input *input,
		 FILE *out, const struct dw_renderer *renderer)
{
	struct dw_report report;
	int r, status;

	dw_collection_set_tally(collection, tally);
	r = input->add(collection, input->context);
	if (r == 0)
		r = dw_collection_finish(collection, &report);
	if (r < 0)
		return dw_tracing_fail("judge recordings", r);
	status = report_all(options, &report, out, renderer);
	if (status != DW_EXIT_CLEAN)
		return status;
	return options->update ? update(options, files, tally) : dw_tally_exit(tally);
}

int dw_gate(const struct dw_gate_options *options, const struct dw_gate_input *input, FILE *out,
	    const struct dw_renderer *renderer)
{
	dw_cleanup(files_done) struct files files = {0};
	dw_auto(collection) collection = NULL;
	dw_auto(tally) tally = NULL;
	int r = read_files(&files, options);
	const struct dw_tally_options wishes = {
	    .baseline = files.baseline,
	    .baseline_path = options->baseline,
	    .suppressions = files.suppressions,
	    .declared = files.declared,
	    .declared_path = options->order,
	    .required = options->required.texts,
	    .n_required = options->required.n,
	    .allowed = options->allowed.texts,
	    .n_allowed = options->allowed.n,
	    .hazards = options->hazards,
	    .strict = options->strict,
	};

	if (r > 0)
		return r;
	if (r == 0)
		r = dw_collection_new(&collection, options->profile);
	if (r > 0)
		return DW_EXIT_USAGE;
	if (r == 0)
		r = dw_tally_new(&tally, &wishes, dw_collection_symbols(collection));
	if (r < 0)
		return dw_tracing_fail("set up the gate", r);
	return judge(collection, options, &files, tally, input, out, renderer);
}
