/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/chosen.h"

#include "attach/wire.h"
#include "base/error.h"
#include "base/pattern.h"
#include "profile/profile.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Names that are offered in place of a wrong one; and by how many letters they differ at most. */
#define NEAR_MAX 4
#define NEAR_DISTANCE 3

/* A longer name is near to none. */
#define NAME_MAX_LENGTH 63

struct dw_chosen {
	struct dw_only only;
	char *words; /* the names that are chosen lie in here */
	const char **functions;
	struct dw_only_lock locks[DW_WIRE_ONLY_MAX];
	struct dw_collector_call *calls;
	size_t n_calls;

	/* Those of the profiles. */
	struct dw_collector_call *all;
	size_t n_all;
};

struct dw_chosen *dw_chosen_free(struct dw_chosen *chosen)
{
	if (!chosen)
		return NULL;
	free(chosen->all);
	free(chosen->functions);
	free(chosen->calls);
	free(chosen->words);
	free(chosen);
	return NULL;
}

const struct dw_only *dw_chosen_only(const struct dw_chosen *chosen)
{
	return &chosen->only;
}

const struct dw_collector_call *dw_chosen_calls(const struct dw_chosen *chosen, size_t *ret_n)
{
	*ret_n = chosen->n_calls;
	return chosen->calls;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters have to be put in, taken out or replaced to make one of the other. */
static unsigned distance_of(const char *name, const char *other)
{
	unsigned row[NAME_MAX_LENGTH + 1];
	size_t n = strlen(other);

	if (n > NAME_MAX_LENGTH)
		return UINT_MAX;
	for (unsigned k = 0; k <= n; k++)
		row[k] = k;
	for (unsigned i = 1; *name; name++, i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			bool differs =
			    tolower((unsigned char)*name) != tolower((unsigned char)other[k - 1]);
			unsigned replaced = corner + differs;

			corner = row[k];
			row[k] = least(replaced, least(corner, row[k - 1]) + 1);
		}
	}
	return row[n];
}

struct near {
	const char *word;
	const char *names[NEAR_MAX];
	unsigned distances[NEAR_MAX];
	unsigned n;
};

/* Keeps the nearest ones, in their order. */
static void offer(struct near *near, const char *name)
{
	unsigned distance = strcasestr(name, near->word) ? 1 : distance_of(near->word, name), i;

	if (distance > NEAR_DISTANCE || distance >= strlen(near->word))
		return;
	for (i = 0; i < near->n && near->distances[i] <= distance; i++)
		;
	if (i == NEAR_MAX)
		return;
	near->n += near->n < NEAR_MAX;
	for (unsigned k = near->n - 1; k > i; k--) {
		near->names[k] = near->names[k - 1];
		near->distances[k] = near->distances[k - 1];
	}
	near->names[i] = name;
	near->distances[i] = distance;
}

/* All of them, in @ret. */
static const char *profile_names(const struct dw_profiles *profiles, char *ret, size_t size)
{
	const char *name;
	size_t at = 0;

	for (size_t i = 0; (name = dw_profiles_name(profiles, i)) && at < size; i++)
		at += (size_t)snprintf(ret + at, size - at, "%s%s", i ? ", " : "", name);
	return ret;
}

static int refuse_unknown(const struct dw_chosen *chosen, const struct dw_command *command,
			  const struct dw_profiles *profiles, const char *word)
{
	struct near near = {.word = word};
	const char *name;
	char text[512] = "", looked[512] = "";
	size_t at = 0;

	for (size_t i = 0; (name = dw_profiles_lock_name(profiles, i)); i++)
		offer(&near, name);
	for (size_t i = 0; (name = dw_only_function(i)); i++)
		offer(&near, name);
	for (size_t i = 0; i < chosen->n_all; i++)
		offer(&near, chosen->all[i].pattern);
	for (unsigned i = 0; i < near.n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
				       i ? ", " : "; near to it: ", near.names[i]);
	return dw_usage(command,
			"'%s' is known neither as a function that is probed otherwise, nor as a "
			"lock or call by a profile (%s)%s",
			word, profile_names(profiles, looked, sizeof(looked)), text);
}

static bool is_function(const char *word)
{
	const char *name;

	for (size_t i = 0; (name = dw_only_function(i)); i++)
		if (strcmp(name, word) == 0)
			return true;
	return false;
}

/* Return: whether a profile has it. */
static bool choose_call(struct dw_chosen *chosen, const char *word)
{
	for (size_t i = 0; i < chosen->n_all; i++) {
		const struct dw_collector_call *call = &chosen->all[i];

		if (strcmp(call->pattern, word) != 0 && !dw_pattern_is_match(call->pattern, word))
			continue;
		chosen->calls[chosen->n_calls++] =
		    (struct dw_collector_call){.pattern = word, .releases = call->releases};
		return true;
	}
	return false;
}

static bool has_lock(const struct dw_only *only, const char *name)
{
	for (size_t i = 0; i < only->n_locks; i++)
		if (strcmp(only->locks[i].name, name) == 0)
			return true;
	return false;
}

static int choose_lock(struct dw_chosen *chosen, const struct dw_command *command,
		       const struct dw_profile_lock *lock)
{
	struct dw_only *only = &chosen->only;

	if (!lock->taken_in.n || !lock->let_go_in.n)
		return dw_usage(command,
				"no profile says in which functions '%s' is taken and let go "
				"(taken_in, let_go_in)",
				lock->name);
	if (has_lock(only, lock->name))
		return 0;
	if (only->n_locks == DW_WIRE_ONLY_MAX)
		return dw_usage(command, "more than %d locks", DW_WIRE_ONLY_MAX);
	chosen->locks[only->n_locks] = (struct dw_only_lock){.name = lock->name,
							     .number = (uint8_t)(only->n_locks + 1),
							     .taken_in = lock->taken_in.entries,
							     .n_taken_in = lock->taken_in.n,
							     .let_go_in = lock->let_go_in.entries,
							     .n_let_go_in = lock->let_go_in.n};
	only->n_locks++;
	return 0;
}

/* Return: as dw_chosen_new(). */
static int choose(struct dw_chosen *chosen, const struct dw_command *command,
		  const struct dw_profiles *profiles, const char *word)
{
	const struct dw_profile_lock *lock = dw_profiles_lock(profiles, word);

	if (!*word)
		return dw_usage(command, "--only has a comma that no name precedes or follows");
	if (lock)
		return choose_lock(chosen, command, lock);
	if (is_function(word))
		chosen->functions[chosen->only.n_functions++] = word;
	else if (!choose_call(chosen, word))
		return refuse_unknown(chosen, command, profiles, word);
	return 0;
}

/* Return: as dw_chosen_new(). */
static int choose_all(struct dw_chosen *chosen, const struct dw_command *command,
		      const struct dw_profiles *profiles)
{
	int r = 0;

	for (char *rest = chosen->words, *word; r == 0 && (word = strsep(&rest, ","));)
		r = choose(chosen, command, profiles, word);
	return r;
}

int dw_chosen_new(struct dw_chosen **ret, const struct dw_command *command, const char *words,
		  const struct dw_profiles *profiles)
{
	dw_auto(chosen) chosen = calloc(1, sizeof(*chosen));
	size_t n = strlen(words) + 1; /* there are fewer words than letters */
	int r;

	if (!chosen)
		return dw_raise(-ENOMEM);
	chosen->words = strdup(words);
	chosen->functions = calloc(n, sizeof(*chosen->functions));
	chosen->calls = calloc(n, sizeof(*chosen->calls));
	chosen->only.functions = chosen->functions;
	chosen->only.locks = chosen->locks;
	r = chosen->words && chosen->functions && chosen->calls
		? dw_profiles_all_calls(profiles, &chosen->all, &chosen->n_all)
		: dw_raise(-ENOMEM);
	if (r == 0)
		r = choose_all(chosen, command, profiles);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(chosen);
	return 0;
}
