/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/locate.h"

#include <stdbool.h>
#include <string.h>

#define SPACE " \t\r\n"

static const char *skip_space(const char *at)
{
	return at + strspn(at, SPACE);
}

/* Behind the text that begins at @at with a quotation mark. */
static const char *skip_text(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

/* Behind the value that begins at @at. */
static const char *skip_value(const char *at)
{
	size_t depth = 0;

	while (*at) {
		if (*at == '"') {
			at = skip_text(at);
		} else {
			depth += *at == '{' || *at == '[';
			depth -= *at == '}' || *at == ']';
			at++;
		}
		at = skip_space(at);
		if (depth == 0 && (!*at || strchr(",]}", *at)))
			break;
	}
	return at;
}

/* The first member or element behind @at, where an object or array begins; NULL: none. */
static const char *first_in(const char *at)
{
	at = skip_space(at + 1);
	return *at && *at != '}' && *at != ']' ? at : NULL;
}

/* The value of the member whose key is at @at. */
static const char *value_of(const char *at)
{
	at = skip_space(skip_text(at));
	return *at == ':' ? skip_space(at + 1) : at;
}

/* The one behind the value at @at; NULL: it is the last. */
static const char *next_in(const char *at)
{
	at = skip_value(at);
	return *at == ',' ? skip_space(at + 1) : NULL;
}

static bool is_key(const char *at, const char *key)
{
	size_t n = strlen(key);

	return *at == '"' && strncmp(at + 1, key, n) == 0 && at[n + 1] == '"';
}

/* The member or element of the value at @at that @step goes to; NULL: none. */
static const char *find(const char *at, const struct dw_json_step *step)
{
	size_t i = 0;

	for (at = first_in(at); at; i++) {
		if (step->key ? is_key(at, step->key) : i == step->index)
			return at;
		at = next_in(step->key ? value_of(at) : at);
	}
	return NULL;
}

/* Where the way to @step ends: at a key, or at an element; NULL: it leads nowhere. */
static const char *follow(const char *text, const struct dw_json_step *step)
{
	const struct dw_json_step *steps[DW_JSON_DEPTH_MAX];
	const char *at = skip_space(text);
	size_t n = 0;

	for (; step && n < DW_JSON_DEPTH_MAX; step = step->outer)
		steps[n++] = step;
	while (n > 0 && at) {
		at = find(at, steps[--n]);
		if (at && n > 0 && steps[n]->key)
			at = value_of(at);
	}
	return at;
}

static unsigned line_of(const char *text, const char *at)
{
	unsigned line = 1;

	for (; at && text < at; text++)
		line += *text == '\n';
	return line;
}

unsigned dw_json_line(const char *text, const struct dw_json_step *step)
{
	return line_of(text, follow(text, step));
}

/* Whether the key at @at is that of a member before it in the object at @object. */
static bool is_twice(const char *object, const char *at)
{
	size_t n = (size_t)(skip_text(at) - at);

	for (const char *other = first_in(object); other && other < at;
	     other = next_in(value_of(other)))
		if (strncmp(other, at, n) == 0)
			return true;
	return false;
}

unsigned dw_json_line_twice(const char *text, const struct dw_json_step *step)
{
	const char *object = follow(text, step);

	if (object && step && step->key)
		object = value_of(object);
	if (!object || *object != '{')
		return 0;
	for (const char *at = first_in(object); at; at = next_in(value_of(at)))
		if (is_twice(object, at))
			return line_of(text, at);
	return 0;
}
