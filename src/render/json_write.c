/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/json_write.h"

#include "base/error.h"
#include "render/escape.h"

#include <errno.h>

/* @value is owned by @object from here on; NULL: it could not be made. */
void dw_json_add(struct dw_json_writer *writer, json *object, const char *key, json *value)
{
	if (!value || !object || json_object_object_add(object, key, value))
		writer->failed = true;
}

void dw_json_null(struct dw_json_writer *writer, json *object, const char *key)
{
	if (!object || json_object_object_add(object, key, NULL))
		writer->failed = true;
}

void dw_json_append(struct dw_json_writer *writer, json *array, json *value)
{
	if (!value || !array || json_object_array_add(array, value))
		writer->failed = true;
}

json *dw_json_text_of(struct dw_json_writer *writer, const char *text)
{
	const char *valid = dw_escape_utf8(writer->arena, text);

	return valid ? json_object_new_string(valid) : NULL;
}

void dw_json_text(struct dw_json_writer *writer, json *object, const char *key, const char *text)
{
	if (text)
		dw_json_add(writer, object, key, dw_json_text_of(writer, text));
	else
		dw_json_null(writer, object, key);
}

void dw_json_number(struct dw_json_writer *writer, json *object, const char *key, uint64_t number)
{
	dw_json_add(writer, object, key, json_object_new_uint64(number));
}

void dw_json_bool(struct dw_json_writer *writer, json *object, const char *key, bool value)
{
	dw_json_add(writer, object, key, json_object_new_boolean(value));
}

int dw_json_print(const struct dw_json_writer *writer, json *object, FILE *out)
{
	const char *text;

	if (writer->failed || !object)
		return dw_raise(-ENOMEM);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		return dw_raise(-ENOMEM);
	if (fputs(text, out) < 0 || fputc('\n', out) == EOF || fflush(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}
