/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collection.h"

#include "base/arena.h"
#include "base/error.h"
#include "cli/blind.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/fold.h"
#include "cli/profiles.h"
#include "record/reader.h"
#include "symbol/names.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one recording and its analysis may take. A QEMU boot's facts need some megabytes; a
 * file made to harm must not take the machine down. */
#define MEMORY_MAX ((size_t)2 << 30)

/* Reasons, folded findings and fingerprints of all recordings together. */
#define TEXTS_MAX ((size_t)256 << 20)

/* A recording and all that was made of it, in the order in which it is freed. */
struct study {
	char *path;
	struct dw_reader *reader;
	const struct dw_facts *facts; /* the reader's, and what profiles add */
	struct dw_analysis *analysis;
	struct dw_names *names;
	struct dw_blind_list blind;
	struct study *next; /* dw_collection::first */
};

struct dw_collection {
	struct dw_arena *arena;
	struct dw_profiles *profiles;
	struct study *first, **end; /* in the order in which they were added */
	struct dw_reported_process *processes;
	size_t n_processes;
	size_t n_bad; /* recordings that could not be read */
	struct dw_blind_list blind;
};

static struct study *dw_study_free(struct study *study)
{
	if (!study)
		return NULL;
	dw_names_free(study->names);
	dw_analysis_free(study->analysis);
	dw_reader_free(study->reader);
	free(study->path);
	free(study);
	return NULL;
}

static void study_freep(struct study **study)
{
	dw_study_free(*study);
}

int dw_collection_new(struct dw_collection **ret, const char *profile)
{
	dw_auto(collection) collection = NULL;
	char option[PATH_MAX];
	int r;

	collection = calloc(1, sizeof(*collection));
	if (!collection)
		return dw_raise(-ENOMEM);
	collection->end = &collection->first;
	if (!profile && dw_environment_option("profile", option, sizeof(option)))
		profile = option;
	r = dw_profiles_new(&collection->profiles, profile);
	if (r == 0)
		r = dw_arena_new(&collection->arena, TEXTS_MAX);
	if (r < 0)
		return dw_pass(r);
	if (r > 0)
		return DW_COLLECTION_WRONG;
	*ret = dw_take(collection);
	return 0;
}

struct dw_collection *dw_collection_free(struct dw_collection *collection)
{
	struct study *next;

	if (!collection)
		return NULL;
	for (struct study *study = collection->first; study; study = next) {
		next = study->next;
		dw_study_free(study);
	}
	dw_profiles_free(collection->profiles);
	dw_arena_free(collection->arena);
	free(collection);
	return NULL;
}

/* Names come first: profiles ask them what they know, and the analysis needs what profiles add. */
static int study_facts(struct study *study, struct dw_collection *collection)
{
	const struct dw_facts *facts = dw_reader_facts(study->reader);
	struct dw_analysis_limits limits;
	int r = dw_names_new(&study->names, facts);

	if (r == 0)
		r = dw_profiles_apply(&study->facts, collection->arena, collection->profiles, facts,
				      study->names);
	if (r == 0)
		r = dw_analysis_new(&study->analysis, study->facts, MEMORY_MAX);
	if (r == 0)
		r = dw_analysis_run(study->analysis);
	if (r < 0)
		return dw_pass(r);
	dw_analysis_limits(study->analysis, &limits);
	r = dw_blind_judge(&study->blind, collection->arena, study->reader, &limits);
	return r < 0 ? dw_pass(r) : 0;
}

/* Return: 0; a dw_reader_answer; or a negative errno. */
static int read_study(struct study **ret, struct dw_collection *collection, const char *path)
{
	dw_cleanup(study_freep) struct study *study = calloc(1, sizeof(*study));
	int r;

	if (!study)
		return dw_raise(-ENOMEM);
	study->path = strdup(path);
	if (!study->path)
		return dw_raise(-ENOMEM);
	r = dw_reader_open(&study->reader, path, MEMORY_MAX);
	if (r == 0)
		r = study_facts(study, collection);
	if (r != 0)
		return dw_pass(r);
	*ret = dw_take(study);
	return 0;
}

static void say_bad(struct dw_collection *collection, const char *path, const char *why)
{
	fprintf(stderr, "deadwatch: '%s': %s\n", path, why);
	collection->n_bad++;
}

/* @strays: files that are no recordings may be there, and are passed over. */
static void add_file(struct dw_collection *collection, const char *path, bool strays)
{
	struct study *study = NULL;
	int r;

	r = read_study(&study, collection, path);
	if (r < 0) {
		say_bad(collection, path, strerror(-r));
	} else if (r > 0) {
		if (!strays || r != DW_READER_FOREIGN)
			say_bad(collection, path, dw_reader_answer_text(r));
	} else {
		*collection->end = study;
		collection->end = &study->next;
		collection->n_processes++;
	}
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && entry->d_type != DT_DIR;
}

/* In the order of bytes, whatever the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct dw_collection *collection, const char *path)
{
	struct dirent **entries = NULL;
	char *file;
	int n, r = 0;

	n = scandir(path, &entries, is_file, compare_names);
	if (n < 0) {
		say_bad(collection, path, strerror(errno));
		return 0;
	}
	for (int i = 0; i < n; i++) {
		if (r == 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			r = dw_raise(-ENOMEM);
		if (r == 0) {
			add_file(collection, file, /* strays= */ true);
			free(file);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

int dw_collection_add(struct dw_collection *collection, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(collection, path);
	add_file(collection, path, /* strays= */ false);
	return 0;
}

int dw_collection_add_blind(struct dw_collection *collection, const char *reason, const char *text)
{
	int r = dw_blind_add(&collection->blind, collection->arena, reason, "%s", text);

	return r < 0 ? dw_pass(r) : 0;
}

size_t dw_collection_n_processes(const struct dw_collection *collection)
{
	return collection->n_processes;
}

static int fill_process(struct dw_collection *collection, const struct study *study,
			struct dw_reported_process *ret)
{
	struct dw_reported *folded;
	size_t n_folded;
	int r;

	r = dw_fold(&folded, &n_folded, collection->arena, study->analysis, study->facts,
		    study->names);
	if (r < 0)
		return dw_pass(r);
	*ret = (struct dw_reported_process){
	    .path = study->path,
	    .facts = study->facts,
	    .names = study->names,
	    .findings = folded,
	    .n_findings = n_folded,
	    .n_needs = dw_analysis_n_needs(study->analysis),
	    .n_things = dw_analysis_n_things(study->analysis),
	    .monitored = dw_reader_monitor(study->reader) != 0,
	    .cut_off = dw_reader_monitor(study->reader) == 0 &&
		       !(dw_reader_flags(study->reader) & DW_REC_ENDED),
	    .blind = study->blind.entries,
	    .n_blind = study->blind.n,
	};
	return 0;
}

/* What no single recording can know: that none of them holds anything. */
static int judge_all(struct dw_collection *collection)
{
	bool said = collection->blind.n > 0;

	if (collection->n_processes == 0) {
		if (said || collection->n_bad > 0)
			return 0;
		return dw_collection_add_blind(collection, "no-recordings",
					       "there is no recording to look at");
	}
	for (const struct study *study = collection->first; study; study = study->next) {
		if (dw_reader_n_locked(study->reader) > 0)
			return 0;
		said = said || study->blind.n > 0;
	}
	if (said)
		return 0;
	return dw_collection_add_blind(collection, "no-locks", "no lock was seen being taken");
}

int dw_collection_finish(struct dw_collection *collection, struct dw_report *ret)
{
	size_t n = collection->n_processes, i = 0;
	int r;

	collection->processes =
	    dw_arena_alloc(collection->arena, (n + 1) * sizeof(*collection->processes));
	if (!collection->processes)
		return dw_raise(-ENOMEM);
	for (const struct study *study = collection->first; study; study = study->next) {
		r = fill_process(collection, study, &collection->processes[i++]);
		if (r < 0)
			return dw_pass(r);
	}
	r = judge_all(collection);
	if (r < 0)
		return dw_pass(r);
	*ret = (struct dw_report){
	    .processes = collection->processes,
	    .n_processes = n,
	    .blind = collection->blind.entries,
	    .n_blind = collection->blind.n,
	};
	return 0;
}

/* A hazard is listed, and no more: nothing closes a cycle through it. */
static bool has_findings(const struct dw_reported_process *process)
{
	for (size_t i = 0; i < process->n_findings; i++)
		if (process->findings[i].finding->excuse == DW_NO_EXCUSE &&
		    process->findings[i].finding->verdict != DW_HAZARD)
			return true;
	return false;
}

/* Findings count even if something else went wrong; "clean" needs everything to be right. */
int dw_collection_exit(const struct dw_collection *collection)
{
	bool blind = collection->blind.n > 0;

	for (size_t i = 0; i < collection->n_processes; i++) {
		if (has_findings(&collection->processes[i]))
			return DW_EXIT_FINDINGS;
		blind = blind || collection->processes[i].n_blind > 0;
	}
	if (collection->n_bad > 0)
		return DW_EXIT_FAILED;
	return blind ? DW_EXIT_BLIND : DW_EXIT_CLEAN;
}

/* See https://no-color.org: set and not empty means no. */
static bool wants_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if ((no_colour && *no_colour) || !term || !strcmp(term, "dumb"))
		return false;
	return isatty(fileno(out));
}

int dw_collection_write(struct dw_collection *collection, FILE *out,
			const struct dw_renderer *renderer, const struct dw_render_options *options)
{
	struct dw_render_options chosen = *options;
	struct dw_report report;
	int r;

	chosen.colour = wants_colour(out);
	r = dw_collection_finish(collection, &report);
	if (r < 0)
		return dw_pass(r);
	if (report.n_processes == 0 && report.n_blind == 0)
		return 0; /* all that could be said was said by those that could not be read */
	r = renderer->render(out, &report, &chosen);
	return r < 0 ? dw_pass(r) : 0;
}
