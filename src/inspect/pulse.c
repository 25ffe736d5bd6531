/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/pulse.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/clock.h"
#include "inspect/map.h"
#include "inspect/task.h"
#include "inspect/uprobe.h"
#include "symbol/symbol.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Places of one function: it and the variants of it that a compiler made. */
#define PLACES_MAX 8

/* How often the process is asked for files that it has loaded meanwhile. */
#define SEARCH_EVERY_NS 500000000

/* A search for a function goes on at the next look after this: tables of symbols can be long. */
#define SEARCH_NS_MAX 50000000

/* A function that was not found for so long is said to be missing: programs load libraries late. */
#define MISSING_NS 2000000000

/* The paths of all files that were searched: 4096 of the longest. */
#define PATHS_MAX ((size_t)16 << 20)

/* The list of mappings, as long as it is looked at. */
#define MAPS_SIZE_MAX ((size_t)64 << 20)

struct function {
	char *name;
	struct dw_heartbeat heartbeat;
	struct dw_uprobe *uprobes[PLACES_MAX];
	unsigned n_uprobes;
	bool is_told; /* by the program itself */
	bool is_given_up;
	bool is_missed;            /* that it is missing was said */
	struct dw_pulse_news news; /* of the latest look; kind 0: none */
};

struct dw_pulse {
	pid_t pid;
	struct function functions[DW_PULSE_MAX];
	uint32_t n_functions;
	uint32_t n_said;           /* of the latest look's news */
	struct dw_pulse_told told; /* all NULL: by nobody */

	struct dw_arena *paths;
	const char **searched; /* in `paths` */
	size_t n_searched, n_room;
	bool is_stripped;             /* the program has no whole symbol table */
	uint64_t start_ns, search_ns; /* of the first look, of the next search */
};

/* How many of @n bytes at @text are before the next plus. */
static size_t wish_size(const char *text, size_t n)
{
	const char *plus = memchr(text, '+', n);

	return plus ? (size_t)(plus - text) : n;
}

bool dw_pulse_check(const char *text, size_t n)
{
	struct dw_heartbeat_wish wish;

	for (unsigned i = 0; i < DW_PULSE_MAX; i++) {
		size_t size = wish_size(text, n);

		if (!dw_heartbeat_read(text, size, &wish))
			return false;
		if (size == n)
			return true;
		text += size + 1;
		n -= size + 1;
	}
	return false;
}

static int add_function(struct dw_pulse *pulse, const struct dw_heartbeat_wish *wish,
			uint64_t late_ns)
{
	struct function *function = &pulse->functions[pulse->n_functions];

	function->name = strndup(wish->function, wish->function_size);
	if (!function->name)
		return dw_raise(-ENOMEM);
	for (char *c = strchr(function->name, '/'); c; c = strchr(c, '/'))
		*c = ':';
	function->heartbeat = dw_heartbeat_make(wish->threshold_ns, late_ns);
	pulse->n_functions++;
	return 0;
}

int dw_pulse_new(struct dw_pulse **ret, pid_t pid, const char *text, uint64_t late_ns,
		 const struct dw_pulse_told *told)
{
	dw_auto(pulse) pulse = calloc(1, sizeof(*pulse));
	struct dw_heartbeat_wish wish;
	int r;

	if (!pulse)
		return dw_raise(-ENOMEM);
	pulse->pid = pid;
	if (told)
		pulse->told = *told;
	r = dw_arena_new(&pulse->paths, PATHS_MAX);
	for (size_t n; r == 0 && *text; text += n + (text[n] == '+')) {
		n = wish_size(text, strlen(text));
		if (dw_heartbeat_read(text, n, &wish) && pulse->n_functions < DW_PULSE_MAX)
			r = add_function(pulse, &wish, late_ns);
	}
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(pulse);
	return 0;
}

static void free_uprobes(struct function *function)
{
	for (unsigned i = 0; i < function->n_uprobes; i++)
		dw_uprobe_free(function->uprobes[i]);
	function->n_uprobes = 0;
}

/* The program is not to be trapped any more for what nobody looks at. */
static void stop_uprobes(struct function *function)
{
	for (unsigned i = 0; i < function->n_uprobes; i++)
		dw_uprobe_stop(function->uprobes[i]);
	free_uprobes(function);
}

struct dw_pulse *dw_pulse_free(struct dw_pulse *pulse)
{
	if (!pulse)
		return NULL;
	for (uint32_t i = 0; i < pulse->n_functions; i++) {
		free_uprobes(&pulse->functions[i]);
		free(pulse->functions[i].name);
	}
	free(pulse->searched);
	dw_arena_free(pulse->paths);
	free(pulse);
	return NULL;
}

static void tell(struct function *function, enum dw_pulse_kind kind, int error)
{
	function->news = (struct dw_pulse_news){
	    .kind = kind,
	    .function = function->name,
	    .quiet_ns = function->heartbeat.quiet_ns,
	    .usual_ns = dw_heartbeat_usual_ns(&function->heartbeat),
	    .n_beats = function->heartbeat.n_beats,
	    .error = error,
	};
}

static void give_up(struct function *function, enum dw_pulse_kind kind, int error)
{
	stop_uprobes(function);
	function->is_given_up = true;
	tell(function, kind, error);
}

/* Return: 0, or a negative errno: the process has ended. */
static int start_counting(struct dw_pulse *pulse, struct function *function, const char *path,
			  const uint64_t *offsets, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int r = dw_uprobe_new(&function->uprobes[i], pulse->pid, path, offsets[i]);

		if (r == -ESRCH)
			return dw_pass(r);
		if (r != 0) {
			give_up(function,
				r == DW_UPROBE_UNKNOWN         ? DW_PULSE_UNKNOWN
				: r == DW_UPROBE_NOT_PERMITTED ? DW_PULSE_NOT_PERMITTED
							       : DW_PULSE_FAILED,
				r < 0 ? r : 0);
			return 0;
		}
		function->n_uprobes++;
	}
	return 0;
}

static bool is_wanted(const struct function *function)
{
	return !function->is_given_up && !function->is_told && function->n_uprobes == 0;
}

/* Looks for the wanted functions in the file @path. Return: 0, or a negative errno. */
static int search_file(struct dw_pulse *pulse, const char *path)
{
	dw_auto(symbols) symbols = NULL;
	bool is_program = pulse->n_searched == 1;
	char seen[PATH_MAX];
	int64_t module;
	int r;

	r = dw_symbols_new(&symbols);
	if (r < 0)
		return dw_pass(r);
	/* The process may be in a container, where the path means another file. */
	snprintf(seen, sizeof(seen), "/proc/%d/root%s", (int)pulse->pid, path);
	module = dw_symbols_add(symbols, seen, NULL, 0);
	if (module < 0)
		return dw_pass((int)module);
	if (is_program)
		pulse->is_stripped = dw_symbols_quality(symbols, 0) >= DW_SYMBOLS_DYNAMIC;
	for (uint32_t i = 0; r == 0 && i < pulse->n_functions; i++) {
		struct function *function = &pulse->functions[i];
		uint64_t offsets[PLACES_MAX];
		unsigned n;

		if (!is_wanted(function))
			continue;
		n = dw_symbols_find(symbols, 0, function->name, offsets, PLACES_MAX);
		if (n > PLACES_MAX)
			give_up(function, DW_PULSE_AMBIGUOUS, 0);
		else
			r = start_counting(pulse, function, seen, offsets, n);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static bool was_searched(const struct dw_pulse *pulse, const char *path)
{
	for (size_t i = 0; i < pulse->n_searched; i++)
		if (!strcmp(pulse->searched[i], path))
			return true;
	return false;
}

static int note_searched(struct dw_pulse *pulse, const char *path)
{
	size_t n_room = pulse->n_room ? pulse->n_room * 2 : 64;
	const char **searched;

	if (pulse->n_searched == pulse->n_room) {
		searched = reallocarray(pulse->searched, n_room, sizeof(*searched));
		if (!searched)
			return dw_raise(-ENOMEM);
		pulse->searched = searched;
		pulse->n_room = n_room;
	}
	path = dw_arena_text(pulse->paths, path, strlen(path));
	if (!path)
		return dw_raise(-ENOMEM);
	pulse->searched[pulse->n_searched++] = path;
	return 0;
}

/*
 * Searches the files that were not searched yet, for some time.
 *
 * Return: 1 if that were all, 0 if not, or a negative errno.
 */
static int search_files(struct dw_pulse *pulse)
{
	uint64_t until_ns = dw_clock_ns() + SEARCH_NS_MAX;
	dw_auto(arena) arena = NULL;
	const struct dw_map *maps = NULL;
	uint32_t n = 0;
	int r;

	r = dw_arena_new(&arena, MAPS_SIZE_MAX);
	if (r == 0)
		r = dw_maps_read(pulse->pid, arena, &maps, &n);
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		if (was_searched(pulse, maps[i].path))
			continue;
		if (dw_clock_ns() >= until_ns)
			return 0;
		r = note_searched(pulse, maps[i].path);
		if (r == 0)
			r = search_file(pulse, maps[i].path);
	}
	return r < 0 ? dw_pass(r) : 1;
}

static void miss(struct dw_pulse *pulse)
{
	for (uint32_t i = 0; i < pulse->n_functions; i++) {
		struct function *function = &pulse->functions[i];

		if (!is_wanted(function) || function->is_missed)
			continue;
		function->is_missed = true;
		tell(function, DW_PULSE_MISSING, 0);
		function->news.is_stripped = pulse->is_stripped;
	}
}

static int search(struct dw_pulse *pulse, uint64_t time_ns)
{
	bool is_any_wanted = false;
	int r;

	for (uint32_t i = 0; i < pulse->n_functions; i++)
		is_any_wanted |= is_wanted(&pulse->functions[i]);
	if (!is_any_wanted || time_ns < pulse->search_ns)
		return 0;
	r = search_files(pulse);
	if (r < 0)
		return dw_pass(r);
	if (r > 0) {
		pulse->search_ns = time_ns + SEARCH_EVERY_NS;
		if (time_ns - pulse->start_ns >= MISSING_NS)
			miss(pulse);
	}
	return 0;
}

/* Return: 1 if all runs were counted, 0 if not, or a negative errno. */
static int count(const struct function *function, uint64_t *ret)
{
	int whole = 1;

	*ret = 0;
	for (unsigned i = 0; i < function->n_uprobes; i++) {
		uint64_t n;
		int r = dw_uprobe_look(function->uprobes[i], &n);

		if (r < 0)
			return dw_pass(r);
		whole &= r;
		*ret += n;
	}
	return whole;
}

/* What the program tells counts from now on, and not what the kernel counts. */
static bool is_told(const struct dw_pulse *pulse, struct function *function, uint64_t *ret)
{
	if (!pulse->told.count || !pulse->told.count(pulse->told.argument, function->name, ret))
		return false;
	if (!function->is_told)
		function->heartbeat = dw_heartbeat_make(function->heartbeat.threshold_ns,
							function->heartbeat.late_ns);
	stop_uprobes(function);
	return function->is_told = true;
}

static void judge(struct function *function, const struct dw_heartbeat_look *seen)
{
	uint64_t quiet_ns = function->heartbeat.quiet_ns;

	switch (dw_heartbeat_look(&function->heartbeat, seen)) {
	case DW_HEARTBEAT_SAME:
		return;
	case DW_HEARTBEAT_STOPPED:
		tell(function, DW_PULSE_STOPPED, 0);
		return;
	case DW_HEARTBEAT_BACK:
		tell(function, DW_PULSE_BACK, 0);
		function->news.quiet_ns = quiet_ns;
	}
}

static void look(const struct dw_pulse *pulse, struct function *function, uint64_t time_ns,
		 bool can_run)
{
	struct dw_heartbeat_look seen = {.time_ns = time_ns, .whole = can_run};
	int r;

	if (!is_told(pulse, function, &seen.count)) {
		if (function->n_uprobes == 0)
			return;
		r = count(function, &seen.count);
		if (r == -ESRCH) /* the process has ended: the next look says so */
			return;
		if (r < 0) {
			give_up(function, DW_PULSE_FAILED, r);
			return;
		}
		seen.whole = r > 0 && can_run;
	}
	judge(function, &seen);
}

int dw_pulse_look(struct dw_pulse *pulse, uint64_t time_ns)
{
	char state = dw_task_state(pulse->pid, pulse->pid);
	int r;

	pulse->n_said = 0;
	for (uint32_t i = 0; i < pulse->n_functions; i++)
		pulse->functions[i].news.kind = 0;
	if (!state)
		return dw_raise(-ESRCH);
	if (!pulse->start_ns)
		pulse->start_ns = time_ns;
	r = search(pulse, time_ns);
	if (r < 0)
		return dw_pass(r);
	/* What was stopped by a signal or a debugger cannot run, nor can what is about to end. */
	for (uint32_t i = 0; i < pulse->n_functions; i++)
		look(pulse, &pulse->functions[i], time_ns, !strchr("TtZX", state));
	return 0;
}

int dw_pulse_next(struct dw_pulse *pulse, struct dw_pulse_news *ret)
{
	while (pulse->n_said < pulse->n_functions) {
		const struct function *function = &pulse->functions[pulse->n_said++];

		if (!function->news.kind)
			continue;
		*ret = function->news;
		ret->index = pulse->n_said - 1;
		return 1;
	}
	return 0;
}

uint64_t dw_pulse_quiet_ns(const struct dw_pulse *pulse, uint32_t index)
{
	return pulse->functions[index].heartbeat.quiet_ns;
}
