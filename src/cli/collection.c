/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collection.h"

#include "base/arena.h"
#include "base/error.h"
#include "cli/blind.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/output.h"
#include "cli/profiles.h"
#include "cli/progress.h"
#include "cli/stray.h"
#include "cli/study.h"
#include "cli/tally.h"
#include "cli/target.h"
#include "record/reader.h"
#include "symbol/symbol.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reasons that concern no single recording, and the table of processes. */
#define TEXTS_MAX ((size_t)256 << 20)

/* Jobs put recordings into a folder for each host and job; the stack bears it. */
#define FOLDERS_MAX 16

struct dw_collection {
	struct dw_arena *arena;
	struct dw_profiles *profiles;
	struct dw_symbols *symbols;    /* of all recordings: they have their files in common */
	struct dw_tally *tally;        /* the caller's; NULL: every recording is kept */
	struct dw_study *first, **end; /* in the order in which they were added */
	struct dw_reported_process *processes;
	size_t n_kept;
	size_t n_processes;
	size_t n_bad;      /* recordings that could not be read */
	size_t n_seen;     /* files that were looked at */
	unsigned patience; /* with monitors that are about to end; see cli/target.h */
	bool was_locked;   /* one of them has seen a lock, or the like; see dw_blind_saw_any() */
	bool was_blind;    /* one of them says what it could not see */
	struct dw_blind_list blind;
};

int dw_collection_new(struct dw_collection **ret, const char *profile)
{
	dw_auto(collection) collection = NULL;
	char option[PATH_MAX];
	int r;

	collection = calloc(1, sizeof(*collection));
	if (!collection)
		return dw_raise(-ENOMEM);
	collection->end = &collection->first;
	collection->patience = DW_TARGET_PATIENCE;
	if (!profile && dw_environment_option("profile", option, sizeof(option)))
		profile = option;
	r = dw_profiles_new(&collection->profiles, profile);
	if (r == 0)
		r = dw_arena_new(&collection->arena, TEXTS_MAX);
	if (r == 0)
		r = dw_symbols_new(&collection->symbols);
	if (r < 0)
		return dw_pass(r);
	if (r > 0)
		return DW_COLLECTION_WRONG;
	*ret = dw_take(collection);
	return 0;
}

struct dw_collection *dw_collection_free(struct dw_collection *collection)
{
	struct dw_study *next;

	if (!collection)
		return NULL;
	for (struct dw_study *study = collection->first; study; study = next) {
		next = study->next;
		dw_study_free(study);
	}
	dw_symbols_free(collection->symbols);
	dw_profiles_free(collection->profiles);
	dw_arena_free(collection->arena);
	free(collection);
	return NULL;
}

void dw_collection_set_tally(struct dw_collection *collection, struct dw_tally *tally)
{
	collection->tally = tally;
}

struct dw_symbols *dw_collection_symbols(struct dw_collection *collection)
{
	return collection->symbols;
}

static void say_bad(struct dw_collection *collection, const char *path, const char *why)
{
	fprintf(stderr, "deadwatch: '%s': %s\n", path, why);
	collection->n_bad++;
}

/* Without a tally all are kept; it keeps those that have something to show. */
static int take_study(struct dw_collection *collection, struct dw_study **study)
{
	bool keep = true;
	int r = 0;

	(*study)->may_run = dw_target_may_run((*study)->path);
	if (dw_target_is_deserted((*study)->path))
		r = dw_blind_add(&(*study)->blind, (*study)->arena, "monitor-died",
				 "deadwatch attach did not come to its regular end: what it lost "
				 "until then is not known, nor what the process did afterwards");
	if (r == 0 && collection->tally)
		r = dw_tally_add(collection->tally, *study, &keep);
	if (r < 0)
		return dw_pass(r);
	collection->n_processes++;
	collection->was_locked |= dw_blind_saw_any((*study)->reader);
	collection->was_blind |= (*study)->blind.n > 0;
	if (!keep)
		return 0;
	collection->n_kept++;
	*collection->end = *study;
	collection->end = &dw_take(*study)->next;
	return 0;
}

/* Not every file of a folder is a recording: a disk's image may be as blank as one without room. */
static bool is_stray(const char *path, int answer)
{
	struct stat st;

	if (answer != DW_READER_EMPTY)
		return answer == DW_READER_FOREIGN;
	return !dw_stray_has_name(path) && stat(path, &st) == 0 && st.st_size > 0;
}

/* @strays: files that are no recordings may be there, and are passed over; a gate says so. */
static void add_file(struct dw_collection *collection, const char *path, bool strays)
{
	dw_auto(study) study = NULL;
	int r;

	dw_progress_show(++collection->n_seen, path);
	if (collection->tally)
		dw_target_await_monitor(path, &collection->patience);
	r = dw_study_new(&study, path, collection->profiles, collection->symbols);
	if (r == 0)
		r = take_study(collection, &study);
	dw_progress_clear();
	if (r < 0)
		say_bad(collection, path, strerror(-r));
	else if (r > 0 && !(strays && is_stray(path, r)))
		say_bad(collection, path, dw_reader_answer_text(r));
	else if (r > 0 && dw_stray_has_name(path))
		say_bad(collection, path, "has the name of a recording, and is none");
	else if (r > 0 && collection->tally && dw_tally_add_stray(collection->tally, path) < 0)
		say_bad(collection, path, strerror(ENOMEM));
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In the order of bytes, whatever the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct dw_collection *collection, const char *path, unsigned depth);

/* Only a gate looks into folders that are in a folder. A link is followed to a file, no further. */
static int add_entry(struct dw_collection *collection, const char *path, unsigned depth)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		add_file(collection, path, /* strays= */ true);
		return 0;
	}
	return collection->tally ? add_folder(collection, path, depth + 1) : 0;
}

static int add_folder(struct dw_collection *collection, const char *path, unsigned depth)
{
	struct dirent **entries = NULL;
	char *file;
	int n, r = 0;

	if (depth > FOLDERS_MAX) {
		say_bad(collection, path, "is in too many folders");
		return 0;
	}
	n = scandir(path, &entries, is_visible, compare_names);
	if (n < 0) {
		say_bad(collection, path, strerror(errno));
		return 0;
	}
	for (int i = 0; i < n; i++) {
		if (r == 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			r = dw_raise(-ENOMEM);
		if (r == 0) {
			r = add_entry(collection, file, depth);
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
		return add_folder(collection, path, /* depth= */ 1);
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

size_t dw_collection_n_bad(const struct dw_collection *collection)
{
	return collection->n_bad;
}

const char *dw_collection_without_events(const struct dw_collection *collection)
{
	for (const struct dw_study *study = collection->first; study; study = study->next) {
		size_t n;

		dw_reader_events(study->reader, &n);
		if (n == 0)
			return study->path;
	}
	return NULL;
}

/* What no single recording can know: that none of them holds anything. */
static int judge_all(struct dw_collection *collection)
{
	bool said = collection->blind.n > 0 || collection->was_blind;

	if (collection->n_processes == 0) {
		if (said || collection->n_bad > 0)
			return 0;
		return dw_collection_add_blind(collection, "no-recordings",
					       "there is no recording to look at");
	}
	if (said || collection->was_locked)
		return 0;
	return dw_collection_add_blind(collection, "no-locks", "no lock was seen being taken");
}

static int fill_processes(struct dw_collection *collection)
{
	size_t i = 0;
	int r = 0;

	collection->processes = dw_arena_alloc(
	    collection->arena, (collection->n_kept + 1) * sizeof(*collection->processes));
	if (!collection->processes)
		return dw_raise(-ENOMEM);
	for (struct dw_study *study = collection->first; study && r == 0; study = study->next) {
		dw_progress_write("findings of recording", i + 1, collection->n_kept);
		r = dw_study_process(study, &collection->processes[i++]);
	}
	dw_progress_clear();
	return r < 0 ? dw_pass(r) : 0;
}

int dw_collection_finish(struct dw_collection *collection, struct dw_report *ret)
{
	int r = judge_all(collection);

	if (r < 0)
		return dw_pass(r);
	if (collection->tally) {
		r = dw_tally_finish(collection->tally, &collection->blind, collection->n_bad, ret);
		return r < 0 ? dw_pass(r) : 0;
	}
	r = fill_processes(collection);
	if (r < 0)
		return dw_pass(r);
	*ret = (struct dw_report){
	    .processes = collection->processes,
	    .n_processes = collection->n_kept,
	    .blind = collection->blind.entries,
	    .n_blind = collection->blind.n,
	};
	return 0;
}

/* Findings count even if something else went wrong; "clean" needs everything to be right. */
int dw_collection_exit(const struct dw_collection *collection)
{
	const struct dw_report report = {
	    .processes = collection->processes,
	    .n_processes = collection->n_kept,
	    .n_blind = collection->blind.n,
	};
	enum dw_exit status = dw_output_exit(&report);

	if (collection->tally)
		return dw_tally_exit(collection->tally);
	return collection->n_bad > 0 && status != DW_EXIT_FINDINGS ? DW_EXIT_FAILED : status;
}

int dw_collection_write(struct dw_collection *collection, FILE *out,
			const struct dw_renderer *renderer, const struct dw_render_options *options)
{
	struct dw_report report;
	int r = dw_collection_finish(collection, &report);

	if (r < 0)
		return dw_pass(r);
	if (report.n_processes == 0 && report.n_blind == 0)
		return 0; /* all that could be said was said by those that could not be read */
	r = dw_output_write(out, &report, renderer, options);
	return r < 0 ? dw_pass(r) : 0;
}
