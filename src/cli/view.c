/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view.h"

#include "base/arena.h"
#include "base/error.h"
#include "cli/inspection.h"
#include "cli/study.h"
#include "inspect/process.h"
#include "record/layout.h"
#include "record/reader.h"
#include "render/board.h"
#include "symbol/symbol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The rows of a board: one for each thing. */
#define ROWS_MAX ((size_t)1 << 30)

/* Who does not come on for so long is called stuck; longer would make a live table slow. */
#define STALL_NS UINT64_C(1000000000)

/* What one look has shown. */
struct seen {
	struct dw_study *study;       /* of a recording */
	struct dw_process *inspected; /* of a process */
	struct dw_inspection_options options;
	struct dw_inspection *inspection;
	struct dw_arena *arena;
	struct dw_reported_process process;
	struct dw_board board;
};

struct dw_view {
	char *path; /* NULL: there is a process */
	pid_t pid;
	struct dw_process_refusal refusal; /* of the latest look into it */
	const struct dw_profiles *profiles;
	struct dw_symbols *symbols;
	struct seen *seen; /* NULL: nothing yet */
};

static struct seen *seen_free(struct seen *seen)
{
	if (seen) {
		dw_study_free(seen->study);
		dw_inspection_free(seen->inspection);
		dw_process_free(seen->inspected);
		dw_arena_free(seen->arena);
		free(seen);
	}
	return NULL;
}

static void seen_freep(struct seen **seen)
{
	seen_free(*seen);
}

int dw_view_new(struct dw_view **ret, const char *path, const struct dw_profiles *profiles)
{
	dw_auto(view) view = calloc(1, sizeof(*view));
	int r;

	if (!view)
		return dw_raise(-ENOMEM);
	view->profiles = profiles;
	view->path = strdup(path);
	if (!view->path)
		return dw_raise(-ENOMEM);
	r = dw_symbols_new(&view->symbols);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(view);
	return 0;
}

int dw_view_new_of_process(struct dw_view **ret, pid_t pid, const struct dw_profiles *profiles)
{
	struct dw_view *view = calloc(1, sizeof(*view));

	if (!view)
		return dw_raise(-ENOMEM);
	view->profiles = profiles;
	view->pid = pid;
	*ret = view;
	return 0;
}

struct dw_view *dw_view_free(struct dw_view *view)
{
	if (view) {
		seen_free(view->seen);
		dw_symbols_free(view->symbols);
		free(view->path);
		free(view);
	}
	return NULL;
}

static int look_at_recording(struct dw_view *view, struct seen *seen)
{
	int r = dw_study_new(&seen->study, view->path, view->profiles, view->symbols);

	if (r == 0)
		r = dw_study_process(seen->study, &seen->process);
	return dw_pass(r);
}

static int look_at_process(struct dw_view *view, struct seen *seen)
{
	int r = dw_process_live_new(&seen->inspected, view->pid, &view->refusal);

	seen->options = (struct dw_inspection_options){
	    .stall_ns = STALL_NS,
	    .profiles = view->profiles,
	};
	if (r == 0)
		r = dw_inspection_new(&seen->inspection, seen->inspected, &seen->options);
	if (r != 0)
		return dw_pass(r);
	seen->process = dw_inspection_report(seen->inspection)->processes[0];
	return 0;
}

int dw_view_look(struct dw_view *view)
{
	dw_cleanup(seen_freep) struct seen *seen = calloc(1, sizeof(*seen));
	int r = seen ? 0 : dw_raise(-ENOMEM);

	if (r == 0)
		r = dw_arena_new(&seen->arena, ROWS_MAX);
	if (r == 0)
		r = view->path ? look_at_recording(view, seen) : look_at_process(view, seen);
	if (r == 0)
		r = dw_board_make(&seen->board, &seen->process,
				  view->seen ? &view->seen->board : NULL, seen->arena);
	if (r != 0)
		return dw_pass(r);
	seen_free(view->seen);
	view->seen = dw_take(seen);
	return 0;
}

const struct dw_board *dw_view_board(const struct dw_view *view)
{
	return view->seen ? &view->seen->board : NULL;
}

const struct dw_process_refusal *dw_view_refusal(const struct dw_view *view)
{
	return view->path ? NULL : &view->refusal;
}

const char *dw_view_reason(const struct dw_view *view, int answer)
{
	if (answer < 0)
		return strerror(-answer);
	if (view->path)
		return dw_reader_answer_text(answer);
	return answer == DW_PROCESS_FORBIDDEN ? "it may not be looked into; 'inspect' says why"
					      : "there is no such process, or not any more";
}

static bool is_recording(const char *path)
{
	const uint64_t magic = DW_REC_MAGIC;
	uint64_t word = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, &word, sizeof(word));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)sizeof(word) && word == magic;
}

/* `7f01-7f02 rw-s 00000000 08:01 42    /path`: the path, if all may see what is written there. */
static char *shared_path(char *line)
{
	char *path = strchr(line, '/'), *access = strchr(line, ' ');

	if (!path || !access || strncmp(access, " rw-s", 5) != 0)
		return NULL;
	path[strcspn(path, "\n")] = '\0';
	return path;
}

int dw_view_find(pid_t pid, char **ret_path)
{
	char maps[64], *line = NULL, *found = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(maps, sizeof(maps), "/proc/%d/maps", (int)pid);
	file = fopen(maps, "re");
	if (!file)
		return dw_raise(-errno);
	while (!found && getline(&line, &room, file) > 0) {
		char *path = shared_path(line);

		if (path && is_recording(path))
			found = strdup(path);
	}
	free(line);
	fclose(file);
	if (!found)
		return dw_raise(-ENOENT);
	*ret_path = found;
	return 0;
}
