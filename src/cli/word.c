/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/word.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "cli/watch.h"
#include "inspect/frames.h"
#include "inspect/map.h"
#include "symbol/symbol.h"
#include "symbol/wrapper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Threads that are asked about at once; the others follow at the next look. */
#define ASKED_MAX 64

/* The files' names and the stacks of those. */
#define MEMORY_MAX ((size_t)16 << 20)

/* Between the system call and the function that takes the lock there are never more. */
#define INNER_MAX 24

/* Places whose answer is known: threads that idle do so in few. */
#define PLACES_MAX 256

struct place {
	uint64_t stack; /* hash; 0: none */
	bool is_lock;
};

struct dw_words {
	struct dw_watch *watch;
	pid_t pid;
	struct place
	    places[PLACES_MAX]; /* by hash: a later one takes the place of an earlier one */
};

/* Threads that are being asked about. */
struct asking {
	struct dw_words *words;
	struct dw_arena *arena;
	struct dw_symbols *symbols; /* NULL until they are needed */
	const struct dw_map *maps;
	int64_t *modules; /* by map: number of the symbols, plus 1; 0: not asked for yet */
	uint32_t n_maps;
};

int dw_words_new(struct dw_words **ret, struct dw_watch *watch, pid_t pid)
{
	struct dw_words *words = calloc(1, sizeof(*words));

	if (!words)
		return dw_raise(-ENOMEM);
	words->watch = watch;
	words->pid = pid;
	*ret = words;
	return 0;
}

struct dw_words *dw_words_free(struct dw_words *words)
{
	free(words);
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The functions at a return address. Return: how many, as dw_symbols_code(). */
static unsigned functions_at(struct asking *a, const struct dw_map *map, uint64_t address,
			     struct dw_symbol *ret)
{
	int64_t *module = &a->modules[map - a->maps];

	if (!a->symbols && dw_symbols_new(&a->symbols) < 0)
		return 0;
	if (!*module)
		*module = 1 + dw_symbols_add(a->symbols, map->file, NULL, 0);
	if (*module <= 0)
		return 0;
	return dw_symbols_code(a->symbols, (uint32_t)*module - 1, address - 1 - dw_map_bias(map),
			       ret);
}

enum answer { GO_ON, NO_LOCK, LOCK };

static enum answer judge(const struct dw_symbol *functions, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!functions[i].function)
			return GO_ON;
		if (dw_wrapper_is_word_lock(functions[i].function))
			return LOCK;
		if (!dw_wrapper_is_word_wait(functions[i].function))
			return NO_LOCK;
	}
	return GO_ON;
}

/*
 * From the inside: what waits on words for others is passed over, and then it is a function that
 * takes a lock, or not. What a library without names for its inner functions does there is
 * its own business, as long as it is that library's lock.
 */
static bool is_at_lock(struct asking *a, const struct dw_frames *frames)
{
	const struct dw_map *nameless = NULL;

	for (uint32_t i = 0; i < frames->n && i < INNER_MAX; i++) {
		const struct dw_map *map = dw_maps_find(a->maps, a->n_maps, frames->addresses[i]);
		struct dw_symbol functions[DW_SYMBOL_INLINE_MAX];
		enum answer answer;
		unsigned n;

		if (!map)
			return false;
		if (dw_wrapper_is_system(base_name(map->path)) ||
		    dw_wrapper_is_lock(NULL, base_name(map->path)))
			continue;
		n = functions_at(a, map, frames->addresses[i], functions);
		answer = judge(functions, n);
		if (answer != GO_ON)
			return answer == LOCK && (!nameless || nameless == map);
		if (n == 0 || !functions[0].function)
			nameless = map;
	}
	return false;
}

static uint64_t hash_of(const struct dw_frames *frames)
{
	uint64_t hash = 1;

	for (uint32_t i = 0; i < frames->n && i < INNER_MAX; i++)
		hash = dw_hash(hash, frames->addresses[i]);
	return hash | 1;
}

/* The files are read only for what is new. */
static bool ask(struct asking *a, const struct dw_frames *frames)
{
	uint64_t hash = hash_of(frames);
	struct place *place = &a->words->places[hash / 2 % PLACES_MAX];

	if (place->stack != hash)
		*place = (struct place){hash, is_at_lock(a, frames)};
	return place->is_lock;
}

static int read_maps(struct asking *a)
{
	int r = dw_maps_read(a->words->pid, a->arena, &a->maps, &a->n_maps);

	if (r < 0)
		return dw_pass(r);
	a->modules = dw_arena_alloc(a->arena, (a->n_maps + 1) * sizeof(*a->modules));
	return a->modules ? 0 : dw_raise(-ENOMEM);
}

static int ask_all(struct asking *a, const uint32_t *threads, uint32_t n)
{
	struct dw_frames *frames = dw_arena_alloc(a->arena, n * sizeof(*frames));
	int r;

	if (!frames)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n; i++)
		frames[i].tid = dw_watch_tid(a->words->watch, threads[i]);
	r = dw_frames_read(a->words->pid, frames, n);
	if (r == 0)
		r = read_maps(a);
	for (uint32_t i = 0; r == 0 && i < n; i++)
		if (frames[i].n > 0 && ask(a, &frames[i]))
			dw_watch_note_lock(a->words->watch, threads[i]);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_words_look(struct dw_words *words, uint64_t now_ns, uint64_t patience_ns)
{
	struct asking asking = {.words = words};
	dw_auto(arena) arena = NULL;
	uint32_t threads[ASKED_MAX], n = 0;
	int r;

	while (n < ASKED_MAX &&
	       (threads[n] = dw_watch_next_word(words->watch, now_ns, patience_ns)) != 0)
		n++;
	if (n == 0)
		return 0;
	r = dw_arena_new(&arena, MEMORY_MAX);
	asking.arena = arena;
	if (r == 0)
		r = ask_all(&asking, threads, n);
	dw_symbols_free(asking.symbols);
	return r < 0 ? dw_pass(r) : 0;
}
