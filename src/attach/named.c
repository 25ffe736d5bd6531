/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/named.h"

#include "base/error.h"
#include "base/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A process has a few hundred at most. */
#define NAMED_MAX 1024

struct dw_named {
	const struct dw_collector_call *calls;
	size_t n_calls;
	uint32_t n;
	struct dw_probed rows[NAMED_MAX];
	bool releases[NAMED_MAX]; /* by row */
};

int dw_named_new(struct dw_named **ret, const struct dw_collector_call *calls, size_t n)
{
	struct dw_named *named = calloc(1, sizeof(*named));

	if (!named)
		return dw_raise(-ENOMEM);
	named->calls = calls;
	named->n_calls = n;
	*ret = named;
	return 0;
}

struct dw_named *dw_named_free(struct dw_named *named)
{
	if (!named)
		return NULL;
	for (uint32_t i = 0; i < named->n; i++)
		free((char *)named->rows[i].name);
	free(named);
	return NULL;
}

/* Nearly all of a file's functions differ in the first letter, and a process has very many. */
static const struct dw_collector_call *call_of(const struct dw_named *named, const char *name)
{
	for (size_t i = 0; i < named->n_calls; i++) {
		const char *pattern = named->calls[i].pattern;

		if ((*pattern == *name || *pattern == '*') && dw_pattern_is_match(pattern, name))
			return &named->calls[i];
	}
	return NULL;
}

/* The same name in two files is the same call. */
static struct dw_probed *ensure(struct dw_named *named, const char *name,
				const struct dw_collector_call *call)
{
	struct dw_probed *row = &named->rows[named->n];

	for (uint32_t i = 0; i < named->n; i++)
		if (strcmp(named->rows[i].name, name) == 0)
			return &named->rows[i];
	if (named->n == NAMED_MAX)
		return NULL;
	row->name = strdup(name);
	if (!row->name)
		return NULL;
	row->cookie = (struct dw_wire_cookie){
	    .kind = DW_ENTER, .what = DW_CALL, .call = (uint16_t)(DW_CALL_NAMED + named->n)};
	named->releases[named->n++] = call->releases;
	return row;
}

static bool find(void *context, const char *name, struct dw_probed *ret)
{
	struct dw_named *named = context;
	const struct dw_collector_call *call = call_of(named, name);
	const struct dw_probed *row = call ? ensure(named, name, call) : NULL;

	if (row)
		*ret = *row;
	return row;
}

static bool has_any(const struct dw_named *named, const char *pattern)
{
	for (uint32_t i = 0; i < named->n; i++)
		if (dw_pattern_is_match(pattern, named->rows[i].name))
			return true;
	return false;
}

const char *dw_named_unseen(const struct dw_named *named, size_t i)
{
	for (size_t k = 0; k < named->n_calls; k++)
		if (!has_any(named, named->calls[k].pattern) && i-- == 0)
			return named->calls[k].pattern;
	return NULL;
}

struct dw_finder dw_named_finder(struct dw_named *named)
{
	return (struct dw_finder){.find = find, .context = named, .is_whole = true};
}

/* That there is one is all that is asked. */
static bool find_completed(void *context, const char *name, struct dw_probed *ret)
{
	const struct dw_collector_call *call = call_of(context, name);

	*ret = (struct dw_probed){.name = "completed"};
	return call && call->is_completed;
}

struct dw_finder dw_named_completed_finder(struct dw_named *named)
{
	return (struct dw_finder){.find = find_completed, .context = named, .is_exported = true};
}

/* The row of the call at @address; NAMED_MAX: it is none that has a name. */
static uint32_t row_of(const struct dw_named *named, uint64_t address)
{
	uint32_t number = dw_thing_number(address);

	if (number < DW_CALL_NAMED || address != dw_thing_address(DW_CALL, number))
		return NAMED_MAX;
	number -= DW_CALL_NAMED;
	return number < named->n ? number : NAMED_MAX;
}

const char *dw_named_text(const struct dw_named *named, uint64_t address)
{
	uint32_t row = row_of(named, address);

	return row < NAMED_MAX ? named->rows[row].name : NULL;
}

bool dw_named_releases(const struct dw_named *named, uint64_t address)
{
	uint32_t row = row_of(named, address);

	return row < NAMED_MAX && named->releases[row];
}
