/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making JSON: values are added to objects and arrays, and what fails is remembered.
 *
 * A value belongs to what it was added to. One that could not be made (NULL) is a failure
 * as well, so that nobody has to look before the end.
 *
 * Internal to the renderers that write JSON.
 */
#pragma once

#include "base/cleanup.h"
#include "render/render.h"

#include <json-c/json.h>

struct dw_arena;
struct dw_frame;

struct dw_json_writer {
	const struct dw_reported_process *process;
	struct dw_arena *arena; /* names on their way into json-c, which copies them */
	bool failed;            /* no memory: something is missing, so nothing may be written */
};

typedef struct json_object json;

static inline void dw_json_put(json **value)
{
	json_object_put(*value);
}

/* A value that belongs to nothing else; NULL is fine. */
#define dw_auto_json dw_cleanup(dw_json_put) json *

void dw_json_add(struct dw_json_writer *writer, json *object, const char *key, json *value);
void dw_json_append(struct dw_json_writer *writer, json *array, json *value);

/* The same for values made here. A @text of NULL is null. */
void dw_json_null(struct dw_json_writer *writer, json *object, const char *key);
void dw_json_text(struct dw_json_writer *writer, json *object, const char *key, const char *text);
void dw_json_number(struct dw_json_writer *writer, json *object, const char *key, uint64_t number);
void dw_json_bool(struct dw_json_writer *writer, json *object, const char *key, bool value);

/* JSON is UTF-8, names of a program need not be: what is none becomes U+FFFD. */
json *dw_json_text_of(struct dw_json_writer *writer, const char *text);

/*
 * Writes what was made. All or nothing: half of it would be valid, and say less.
 * Return: 0, or a negative errno.
 */
int dw_json_print(const struct dw_json_writer *writer, json *object, FILE *out);

/* A finding, with all that belongs to it. */
json *dw_json_finding(struct dw_json_writer *writer, const struct dw_reported *reported);

/* A frame of a stack; null for NULL. */
void dw_json_frame(struct dw_json_writer *writer, json *object, const char *key,
		   const struct dw_frame *frame);

/* How long locks of the writer's process were waited for: appends a row for each to @array. */
void dw_json_contention(struct dw_json_writer *writer, json *array);

/* A stack as an array of frames; a thread; what the threads of an inspected process do. */
json *dw_json_stack(struct dw_json_writer *writer, uint32_t stack, uint32_t hint);
json *dw_json_thread(struct dw_json_writer *writer, uint32_t number);
json *dw_json_inspected(struct dw_json_writer *writer);
