/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/environment.h"

#include "base/error.h"
#include "base/settings.h"
#include "cli/command.h"
#include "inspect/pulse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEARTBEAT "heartbeat"

const struct dw_setting dw_settings[] = {
#define X(reader, key, kind, values, otherwise, help) \
	{#key, DW_SETTING_##kind, values, otherwise, help},
    DW_SETTINGS(X)
#undef X
	{.key = NULL},
};

/* What the shim has room for; see struct shim_settings. */
#define CALLS_SIZE 1024

static bool is_number(const char *value, size_t n)
{
	return n > 0 && n <= 9 && strspn(value, "0123456789") >= n;
}

static bool is_mib(const char *value, size_t n)
{
	return is_number(value, n) && strtoul(value, NULL, 10) >= 1 &&
	       strtoul(value, NULL, 10) <= DW_RECORD_MIB_MAX;
}

static bool may_be(const struct dw_setting *setting, const char *value, size_t n)
{
	switch (setting->kind) {
	case DW_SETTING_TEXT:
		return true;
	case DW_SETTING_NUMBER:
		return is_number(value, n);
	case DW_SETTING_MIB:
		return is_mib(value, n);
	case DW_SETTING_WORDS:
		return dw_word_is_among(setting->values, value, n);
	case DW_SETTING_TIMES:
		return dw_pulse_check(value, n);
	}
	return false;
}

/* @option: KEY=VALUE, @n bytes. */
static bool is_known(const char *option, size_t n)
{
	size_t key_size = strcspn(option, "=:");

	if (key_size >= n)
		return false;
	for (const struct dw_setting *setting = dw_settings; setting->key; setting++)
		if (strlen(setting->key) == key_size && !memcmp(setting->key, option, key_size))
			return may_be(setting, option + key_size + 1, n - key_size - 1);
	return false;
}

static void say_what_is_known(const char *option, size_t n)
{
	fprintf(stderr, "deadwatch: DEADWATCH_OPTIONS has '%.*s', which is not understood: it is ",
		(int)n, option);
	for (const struct dw_setting *setting = dw_settings; setting->key; setting++)
		fprintf(stderr, "%s%s=%s",
			setting == dw_settings ? ""
			: setting[1].key       ? ", "
					       : " or ",
			setting->key, setting->values);
	fputs(", with colons in between\n", stderr);
}

int dw_environment_check(void)
{
	const char *option = getenv("DEADWATCH_OPTIONS");
	size_t n;

	for (; option && *option; option += n + (option[n] == ':')) {
		n = strcspn(option, ":");
		if (n == 0 || is_known(option, n))
			continue;
		say_what_is_known(option, n);
		return 1;
	}
	return 0;
}

bool dw_environment_option(const char *key, char *ret, size_t size)
{
	const char *option = getenv("DEADWATCH_OPTIONS");
	size_t key_size = strlen(key), n;
	bool found = false;

	for (; option && *option; option += n + (option[n] == ':')) {
		n = strcspn(option, ":");
		if (n <= key_size || memcmp(option, key, key_size) || option[key_size] != '=' ||
		    n - key_size > size)
			continue;
		memcpy(ret, option + key_size + 1, n - key_size - 1);
		ret[n - key_size - 1] = '\0';
		found = true;
	}
	return found;
}

uint64_t dw_environment_number(const char *key, uint64_t otherwise)
{
	char text[16];

	return dw_environment_option(key, text, sizeof(text)) ? strtoull(text, NULL, 10)
							      : otherwise;
}

/* Sets @name to @one and @other with a colon in between; an empty one is left out. */
static int set_joined(const char *name, const char *one, const char *other)
{
	char *value;
	int r;

	if (asprintf(&value, "%s%s%s", one, *one && *other ? ":" : "", other) < 0)
		return dw_raise(-ENOMEM);
	r = setenv(name, value, 1);
	free(value);
	return r < 0 ? dw_raise(-ENOMEM) : 0;
}

static const char *get(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

/* The first library that the loader finds counts, and the last option of a key. */
int dw_environment_set(const char *library, const char *record_path, bool events, const char *calls,
		       const char *more)
{
	char *options, own[CALLS_SIZE] = "";
	int r;

	if (dw_environment_option("calls", own, sizeof(own)) && !strcmp(own, "off"))
		calls = "";
	if (asprintf(&options, "%s%srecord_path=%s%s%s%s%s%s", more ? more : "", more ? ":" : "",
		     record_path, events ? ":events=1" : "", *calls ? ":calls=" : "",
		     *calls ? own : "", *calls && *own ? "+" : "", calls) < 0)
		return dw_raise(-ENOMEM);
	r = set_joined("LD_PRELOAD", library, get("LD_PRELOAD"));
	if (r == 0)
		r = set_joined("DEADWATCH_OPTIONS", get("DEADWATCH_OPTIONS"), options);
	free(options);
	return r < 0 ? dw_pass(r) : 0;
}

/* Return: 0; 1 if @wish is none, or they are too many; or -ENOMEM. */
static int add_heartbeat(const char *wish)
{
	char before[DW_HEARTBEAT_SIZE] = "", added[DW_HEARTBEAT_SIZE];
	char *value = added + strlen(HEARTBEAT "=");
	int r;

	dw_environment_option(HEARTBEAT, before, sizeof(before));
	r = snprintf(added, sizeof(added), HEARTBEAT "=%s%s%s", before, *before ? "+" : "", wish);
	if (r >= (int)sizeof(added) || !dw_pulse_check(value, strlen(value)))
		return 1;
	for (char *colon = strchr(value, ':'); colon; colon = strchr(colon, ':'))
		*colon = '/';
	r = set_joined("DEADWATCH_OPTIONS", get("DEADWATCH_OPTIONS"), added);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_environment_take_heartbeat(const struct dw_command *command, const char *wish)
{
	if (add_heartbeat(wish) == 0)
		return 0;
	return dw_usage(command,
			"--heartbeat cannot be '%s': it is FUNCTION=TIME with a time as 500ms, 2s "
			"or 1min, and there are %d at most",
			wish, DW_PULSE_MAX);
}
