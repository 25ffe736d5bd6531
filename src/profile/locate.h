/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where something is in a JSON text. json-c gives values, but not where they stood; this finds
 * a value again by the way to it, in a text that json-c has found to be right.
 */
#pragma once

#include <stddef.h>

/* A step on the way to a value: into the member @key of an object, or element @index of an array.
 */
struct dw_json_step {
	const struct dw_json_step *outer; /* dw_json_step::outer; NULL: from the whole text */
	const char *key;                  /* NULL: of an array */
	size_t index;
};

/* No way to a value is longer. */
#define DW_JSON_DEPTH_MAX 16

/* The line of @text, from 1, where the value at @step, or its key, begins; 1 if there is none. */
unsigned dw_json_line(const char *text, const struct dw_json_step *step);

/*
 * The value at @step is an object with members of equal keys. Return: the line of the second
 * one; 0: it has none.
 */
unsigned dw_json_line_twice(const char *text, const struct dw_json_step *step);
