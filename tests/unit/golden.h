/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output that is compared with files in tests/golden, which a person has read (UPDATE=1 in the
 * environment writes them anew), and with schemas in docs.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOLDEN_SIZE (1 << 17)

static inline char *read_text(const char *path)
{
	char *text = calloc(1, GOLDEN_SIZE);
	FILE *file = fopen(path, "r");

	assert_non_null(text);
	if (!file)
		fail_msg("cannot open %s", path);
	assert_true(fread(text, 1, GOLDEN_SIZE - 1, file) > 0);
	fclose(file);
	return text;
}

static inline void expect_golden_text(const char *text, const char *name)
{
	char path[4096], *expected;
	FILE *file;

	snprintf(path, sizeof(path), GOLDEN_DIR "/%s", name);
	if (getenv("UPDATE")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	expected = read_text(path);
	assert_string_equal(text, expected);
	free(expected);
}

/* Return: the exit status of the validator on @text; 2: the Python module is not there. */
static inline int validate(const char *text)
{
	FILE *validator = popen("python3 -c '"
				"import json, sys\n"
				"try: import jsonschema\n"
				"except ImportError: sys.exit(2)\n"
				"schema = json.load(open(\"" SCHEMA "\"))\n"
				"v = jsonschema.Draft202012Validator(schema)\n"
				"v.check_schema(schema)\n"
				"errors = list(v.iter_errors(json.load(sys.stdin)))\n"
				"for e in errors: print(e.json_path, e.message[:200])\n"
				"sys.exit(1 if errors else 0)'",
				"w");

	assert_non_null(validator);
	fputs(text, validator);
	return pclose(validator) >> 8;
}
