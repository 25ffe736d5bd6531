/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From JSON to a profile. What may stand where is a table of shapes; all else is an error, so
 * that a misspelt key does not go unnoticed.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/resource.h"
#include "profile/locate.h"
#include "profile/profile.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_MEMORY_MAX ((size_t)16 << 20)

/* The deepest profile has 4. */
#define PROFILE_DEPTH_MAX 8

/* What stands behind a key. */
enum kind {
	NAME,  /* a text */
	FLAG,  /* true or false: bool */
	LIST,  /* an array of texts, not empty: struct dw_profile_list */
	PART,  /* an object of another shape */
	PARTS, /* an array of them, not empty: a pointer and, behind it, a number */
};

struct field {
	const char *key;
	enum kind kind;
	size_t offset; /* in the struct */
	bool mandatory;
	const struct shape *shape;
};

struct shape {
	size_t size; /* of the struct */
	size_t n_fields;
	const struct field *fields;
};

#define SHAPE(of, ...)                                                                          \
	{                                                                                       \
		.size = sizeof(struct of),                                                      \
		.n_fields = sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field), \
		.fields = (const struct field[]){__VA_ARGS__},                                  \
	}

static const struct shape applies_shape = {
    .n_fields = 2,
    .fields =
	(const struct field[]){
	    {"modules", LIST,
	     offsetof(struct dw_profile, applies.modules) - offsetof(struct dw_profile, applies),
	     false, NULL},
	    {"symbols", LIST,
	     offsetof(struct dw_profile, applies.symbols) - offsetof(struct dw_profile, applies),
	     false, NULL},
	},
};

static const struct shape lock_shape =
    SHAPE(dw_profile_lock, {"name", NAME, offsetof(struct dw_profile_lock, name), true, NULL},
	  {"variables", LIST, offsetof(struct dw_profile_lock, variables), false, NULL},
	  {"made_in", LIST, offsetof(struct dw_profile_lock, made_in), false, NULL},
	  {"taken_in", LIST, offsetof(struct dw_profile_lock, taken_in), false, NULL},
	  {"let_go_in", LIST, offsetof(struct dw_profile_lock, let_go_in), false, NULL});

static const struct shape call_shape =
    SHAPE(dw_profile_call, {"name", NAME, offsetof(struct dw_profile_call, name), true, NULL},
	  {"library", NAME, offsetof(struct dw_profile_call, library), false, NULL},
	  {"completed_by", LIST, offsetof(struct dw_profile_call, completed_by), false, NULL},
	  {"releases", FLAG, offsetof(struct dw_profile_call, releases), false, NULL});

static const struct shape thread_shape =
    SHAPE(dw_profile_thread, {"role", NAME, offsetof(struct dw_profile_thread, role), true, NULL},
	  {"starts", LIST, offsetof(struct dw_profile_thread, starts), false, NULL},
	  {"names", LIST, offsetof(struct dw_profile_thread, names), false, NULL});

static const struct shape pause_shape =
    SHAPE(dw_profile_pause, {"role", NAME, offsetof(struct dw_profile_pause, role), true, NULL},
	  {"during", LIST, offsetof(struct dw_profile_pause, during), true, NULL},
	  {"within", LIST, offsetof(struct dw_profile_pause, within), true, NULL},
	  {"except", LIST, offsetof(struct dw_profile_pause, except), false, NULL});

static const struct shape profile_shape =
    SHAPE(dw_profile, {"name", NAME, offsetof(struct dw_profile, name), true, NULL},
	  {"applies", PART, offsetof(struct dw_profile, applies), false, &applies_shape},
	  {"locks", PARTS, offsetof(struct dw_profile, locks), false, &lock_shape},
	  {"calls", PARTS, offsetof(struct dw_profile, calls), false, &call_shape},
	  {"threads", PARTS, offsetof(struct dw_profile, threads), false, &thread_shape},
	  {"pauses", PARTS, offsetof(struct dw_profile, pauses), false, &pause_shape},
	  {"creators", LIST, offsetof(struct dw_profile, creators), false, NULL},
	  {"wrappers", LIST, offsetof(struct dw_profile, wrappers), false, NULL});

struct reading {
	const char *text;
	struct dw_profile *profile;
	struct dw_profile_error *error;
};

typedef const struct dw_json_step *way;

__attribute__((format(printf, 3, 4))) static int wrong_at(struct reading *reading, unsigned line,
							  const char *format, ...)
{
	va_list args;

	reading->error->line = line;
	va_start(args, format);
	vsnprintf(reading->error->text, sizeof(reading->error->text), format, args);
	va_end(args);
	return DW_PROFILE_WRONG;
}

/* The last key on the way: that of the value, or of the array that it is in. */
static const char *key_of(way step)
{
	while (step && !step->key)
		step = step->outer;
	return step ? step->key : "the profile";
}

static int wrong_kind(struct reading *reading, way step, const char *wanted)
{
	return wrong_at(reading, dw_json_line(reading->text, step), "'%s': %s was expected",
			key_of(step), wanted);
}

static int read_name(struct reading *reading, json_object *value, way step, const char **ret)
{
	const char *text = json_object_get_string(value);
	size_t n;

	if (!json_object_is_type(value, json_type_string))
		return wrong_kind(reading, step, "a text");
	n = (size_t)json_object_get_string_len(value);
	if (n == 0 || strlen(text) != n)
		return wrong_kind(reading, step, "a text that is not empty");
	*ret = dw_arena_text(reading->profile->arena, text, n);
	return *ret ? 0 : dw_raise(-ENOMEM);
}

static int read_flag(struct reading *reading, json_object *value, way step, bool *ret)
{
	if (!json_object_is_type(value, json_type_boolean))
		return wrong_kind(reading, step, "true or false");
	*ret = json_object_get_boolean(value);
	return 0;
}

/* The number of elements of an array that has some; or an answer, or an error. */
static int64_t count(struct reading *reading, json_object *value, way step)
{
	if (!json_object_is_type(value, json_type_array))
		return -wrong_kind(reading, step, "a list");
	if (json_object_array_length(value) == 0)
		return -wrong_kind(reading, step, "a list that is not empty");
	return (int64_t)json_object_array_length(value);
}

static int read_list(struct reading *reading, json_object *value, way step,
		     struct dw_profile_list *ret)
{
	int64_t n = count(reading, value, step);
	const char **entries;
	int r = 0;

	if (n < 0)
		return DW_PROFILE_WRONG;
	entries = dw_arena_alloc(reading->profile->arena, (size_t)n * sizeof(*entries));
	if (!entries)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; r == 0 && i < (size_t)n; i++)
		r = read_name(reading, json_object_array_get_idx(value, i),
			      &(struct dw_json_step){step, NULL, i}, &entries[i]);
	*ret = (struct dw_profile_list){entries, (size_t)n};
	return r;
}

static int read_part(struct reading *reading, json_object *value, way step,
		     const struct shape *shape, void *ret);

static int read_parts(struct reading *reading, json_object *value, way step,
		      const struct shape *shape, void *ret)
{
	struct {
		char *parts;
		size_t n;
	} *array = ret;
	int64_t n = count(reading, value, step);
	int r = 0;

	if (n < 0)
		return DW_PROFILE_WRONG;
	array->n = (size_t)n;
	array->parts = dw_arena_alloc(reading->profile->arena, array->n * shape->size);
	if (!array->parts)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; r == 0 && i < array->n; i++)
		r = read_part(reading, json_object_array_get_idx(value, i),
			      &(struct dw_json_step){step, NULL, i}, shape,
			      array->parts + i * shape->size);
	return r;
}

static int read_field(struct reading *reading, json_object *value, way step,
		      const struct field *field, void *ret)
{
	switch (field->kind) {
	case NAME:
		return read_name(reading, value, step, ret);
	case FLAG:
		return read_flag(reading, value, step, ret);
	case LIST:
		return read_list(reading, value, step, ret);
	case PART:
		return read_part(reading, value, step, field->shape, ret);
	case PARTS:
		return read_parts(reading, value, step, field->shape, ret);
	}
	return dw_raise(-EINVAL);
}

static const struct field *find_field(const struct shape *shape, const char *key)
{
	for (size_t i = 0; i < shape->n_fields; i++)
		if (strcmp(shape->fields[i].key, key) == 0)
			return &shape->fields[i];
	return NULL;
}

static int check_missing(struct reading *reading, json_object *value, way step,
			 const struct shape *shape)
{
	for (size_t i = 0; i < shape->n_fields; i++)
		if (shape->fields[i].mandatory &&
		    !json_object_object_get_ex(value, shape->fields[i].key, NULL))
			return wrong_at(reading, dw_json_line(reading->text, step),
					"'%s': '%s' is missing", key_of(step),
					shape->fields[i].key);
	return 0;
}

/* The shapes nest no deeper than they do above, whatever the text does. */
static int read_part(struct reading *reading, json_object *value, way step,
		     const struct shape *shape, void *ret)
{
	unsigned line;
	int r;

	if (!json_object_is_type(value, json_type_object))
		return wrong_kind(reading, step, "an object");
	line = dw_json_line_twice(reading->text, step);
	if (line)
		return wrong_at(reading, line, "'%s': a key stands there twice", key_of(step));
	json_object_object_foreach(value, key, member)
	{
		const struct dw_json_step inner = {step, key, 0};
		const struct field *field = find_field(shape, key);

		if (!field)
			return wrong_at(reading, dw_json_line(reading->text, &inner),
					"'%s': no such key", key);
		r = read_field(reading, member, &inner, field, (char *)ret + field->offset);
		if (r != 0)
			return r;
	}
	return check_missing(reading, value, step, shape);
}

static void put_json(json_object **object)
{
	json_object_put(*object);
}

static void put_tokener(json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

static unsigned count_lines(const char *text, size_t n)
{
	unsigned line = 1;

	for (size_t i = 0; i < n; i++)
		line += text[i] == '\n';
	return line;
}

/* @text ends with a NUL at @size, which tells json-c that there is no more. */
static int parse(struct reading *reading, size_t size, json_object **ret)
{
	dw_cleanup(put_tokener) json_tokener *tokener = json_tokener_new_ex(PROFILE_DEPTH_MAX);
	enum json_tokener_error error;

	if (!tokener)
		return dw_raise(-ENOMEM);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*ret = json_tokener_parse_ex(tokener, reading->text, (int)size + 1);
	error = json_tokener_get_error(tokener);
	if (error == json_tokener_success)
		return 0;
	return wrong_at(reading, count_lines(reading->text, json_tokener_get_parse_end(tokener)),
			"%s",
			error == json_tokener_continue ? "the text ends too early"
						       : json_tokener_error_desc(error));
}

static int read_text(struct reading *reading, size_t size)
{
	dw_cleanup(put_json) json_object *value = NULL;
	int r;

	if (size > DW_PROFILE_SIZE_MAX || strlen(reading->text) != size)
		return wrong_at(reading, 1, "this is no profile");
	r = parse(reading, size, &value);
	if (r != 0)
		return r;
	return read_part(reading, value, /* step= */ NULL, &profile_shape, reading->profile);
}

int dw_profile_read(struct dw_profile **ret, const char *text, size_t size,
		    struct dw_profile_error *ret_error)
{
	dw_auto(profile) profile = calloc(1, sizeof(*profile));
	dw_auto_text copy = strndup(text, size);
	struct reading reading = {copy, profile, ret_error};
	int r;

	if (!profile || !copy)
		return dw_raise(-ENOMEM);
	r = dw_arena_new(&profile->arena, PROFILE_MEMORY_MAX);
	if (r < 0)
		return dw_pass(r);
	r = read_text(&reading, size);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(profile);
	return 0;
}

struct dw_profile *dw_profile_free(struct dw_profile *profile)
{
	if (profile)
		dw_arena_free(profile->arena);
	free(profile);
	return NULL;
}
