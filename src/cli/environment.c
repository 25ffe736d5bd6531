/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/environment.h"

#include "base/error.h"
#include "inspect/pulse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A key of DEADWATCH_OPTIONS whose value has rules of its own. */
#define HEARTBEAT "heartbeat"

/* The other keys, and which values each may have. */
static const struct {
	const char *key;
	const char *words; /* the value is one of these; NULL: see number */
	bool number;       /* it is a number; else it may be any text */
} keys[] = {
    {"record_path", NULL, /* number= */ false},  {"record_limit", NULL, /* number= */ true},
    {"events", "0 1", /* number= */ false},      {"stacks", "new always off", /* number= */ false},
    {"monitor", "0 1", /* number= */ false},     {"stall_ms", NULL, /* number= */ true},
    {"log_path", NULL, /* number= */ false},     {"halt_on_deadlock", "0 1", /* number= */ false},
    {"verbosity", "0 1 2", /* number= */ false}, {"calls", NULL, /* number= */ false},
    {"profile", NULL, /* number= */ false},
};
/* What the shim has room for; see struct shim_settings. */
#define CALLS_SIZE 1024

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static bool is_among(const char *words, const char *word, size_t n)
{
	while (*words) {
		size_t size = strcspn(words, " ");

		if (size == n && !memcmp(words, word, n))
			return true;
		words += size + (words[size] == ' ');
	}
	return false;
}

static bool is_number(const char *value, size_t n)
{
	return n > 0 && n <= 9 && strspn(value, "0123456789") >= n;
}

/* @option: KEY=VALUE, @n bytes. */
static bool is_known(const char *option, size_t n)
{
	size_t key_size = strcspn(option, "=:");
	const char *value = option + key_size + 1;

	if (key_size >= n)
		return false;
	if (key_size == strlen(HEARTBEAT) && !memcmp(option, HEARTBEAT, key_size))
		return dw_pulse_check(value, n - key_size - 1);
	for (size_t i = 0; i < N_KEYS; i++) {
		size_t value_size = n - key_size - 1;

		if (strlen(keys[i].key) != key_size || memcmp(keys[i].key, option, key_size))
			continue;
		if (keys[i].number)
			return is_number(value, value_size);
		return !keys[i].words || is_among(keys[i].words, value, value_size);
	}
	return false;
}

int dw_environment_check(void)
{
	const char *option = getenv("DEADWATCH_OPTIONS");
	size_t n;

	for (; option && *option; option += n + (option[n] == ':')) {
		n = strcspn(option, ":");
		if (n == 0 || is_known(option, n))
			continue;
		fprintf(stderr,
			"deadwatch: DEADWATCH_OPTIONS has '%.*s', which is not understood: it is "
			"record_limit=MIB, events=0|1, stacks=new|always|off, monitor=0|1, "
			"stall_ms=MS, log_path=PATH, halt_on_deadlock=0|1, verbosity=0|1|2, "
			"profile=PATH, calls=NAME+NAME or "
			"heartbeat=FUNCTION=TIME+FUNCTION=TIME, with colons in between\n",
			(int)n, option);
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
int dw_environment_set(const char *library, const char *record_path, bool events, const char *calls)
{
	char *options, own[CALLS_SIZE] = "";
	int r;

	if (dw_environment_option("calls", own, sizeof(own)) && !strcmp(own, "off"))
		calls = "";
	if (asprintf(&options, "record_path=%s%s%s%s%s%s", record_path, events ? ":events=1" : "",
		     *calls ? ":calls=" : "", *calls ? own : "", *calls && *own ? "+" : "",
		     calls) < 0)
		return dw_raise(-ENOMEM);
	r = set_joined("LD_PRELOAD", library, get("LD_PRELOAD"));
	if (r == 0)
		r = set_joined("DEADWATCH_OPTIONS", get("DEADWATCH_OPTIONS"), options);
	free(options);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_environment_add_heartbeat(const char *wish)
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
