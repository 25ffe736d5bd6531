/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DEADWATCH_OPTIONS=key=value:key=value, the sanitizers' way. What is not understood is left
 * alone: the shim has nobody to complain to. `deadwatch run` checks before it sets it.
 */
#include "base/settings.h"
#include "shim/shim.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for the facts of a long day: those of a hypervisor's boot take 88 KiB. */
#define RECORD_LIMIT_DEFAULT ((uint64_t)64 << 20)

/* The same for a recording of every event, at 64 bytes each. */
#define RECORD_LIMIT_EVENTS ((uint64_t)8 << 30)

/* An environment beyond this is not searched to its end before the C library is set up. */
#define ENVIRONMENT_MAX 65536

static bool is_word(const char *text, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(text, word, n);
}

static void set_record_path(struct shim_settings *settings, const char *value, size_t n)
{
	if (n >= sizeof(settings->record_path))
		return;
	memcpy(settings->record_path, value, n);
	settings->record_path[n] = '\0';
}

static void set_calls(struct shim_settings *settings, const char *value, size_t n)
{
	if (n >= sizeof(settings->calls))
		return;
	memcpy(settings->calls, value, n);
	settings->calls[n] = '\0';
}

static void set_record_limit(struct shim_settings *settings, const char *value, size_t n)
{
	uint64_t mebibytes = 0;

	for (size_t i = 0; i < n && i < 9; i++)
		if (value[i] >= '0' && value[i] <= '9')
			mebibytes = mebibytes * 10 + (uint64_t)(value[i] - '0');
	if (mebibytes > DW_RECORD_MIB_MAX)
		mebibytes = DW_RECORD_MIB_MAX;
	settings->record_limit = mebibytes << 20;
}

static void set_monitor(struct shim_settings *settings, const char *value, size_t n)
{
	settings->monitor = is_word(value, n, "1");
}

static void set_events(struct shim_settings *settings, const char *value, size_t n)
{
	settings->events = is_word(value, n, "1");
}

static void set_stacks(struct shim_settings *settings, const char *value, size_t n)
{
	settings->stacks = !is_word(value, n, "off");
	settings->stacks_always = is_word(value, n, "always");
}

static void set_delay(struct shim_settings *settings, const char *value, size_t n)
{
	shim_delays_read(&settings->delays, value, n);
}

/* Of all keys, those that are the shim's. */
static const struct {
	const char *key;
	void (*set)(struct shim_settings *settings, const char *value, size_t n);
} keys[] = {
#define SHIM(key) {#key, set_##key},
#define DEADWATCH(key)
#define X(reader, key, ...) reader(key)
    DW_SETTINGS(X)
#undef X
};

static void set(struct shim_settings *settings, const char *option, size_t n)
{
	const char *equals = memchr(option, '=', n);

	if (!equals)
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (is_word(option, (size_t)(equals - option), keys[i].key))
			keys[i].set(settings, equals + 1, (size_t)(option + n - equals - 1));
}

/*
 * The environment as the kernel handed it over, for the time before the C library is set up.
 * Return: what stands behind @name and '=' in @room, or NULL.
 */
static const char *kernel_environment(const char *name, char *room, size_t size)
{
	int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, room, size - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return NULL;
	room[n] = '\0';
	for (const char *at = room; at < room + n; at += strlen(at) + 1)
		if (!strncmp(at, name, strlen(name)) && at[strlen(name)] == '=')
			return at + strlen(name) + 1;
	return NULL;
}

/*
 * As they were when the program began; NULL: there are none. Not wiped by a fork: until then a
 * program may have made room in its environment for a title of its own, as nginx does.
 */
static const char *first_options(void)
{
	static char kept[ENVIRONMENT_MAX];
	static bool asked, found;
	const char *options;

	if (asked)
		return found ? kept : NULL;
	asked = true;
	options = environ ? getenv("DEADWATCH_OPTIONS")
			  : kernel_environment("DEADWATCH_OPTIONS", kept, sizeof(kept));
	if (!options || strlen(options) >= sizeof(kept))
		return NULL;
	found = true;
	return memmove(kept, options, strlen(options) + 1);
}

void shim_settings_read(struct shim_settings *settings)
{
	const char *options = first_options();

	settings->stacks = true;
	settings->monitor = true;
	if (options && strlen(options) < sizeof(settings->options))
		memcpy(settings->options, options, strlen(options) + 1);
	while (options && *options) {
		size_t n = strcspn(options, ":");

		set(settings, options, n);
		options += n + (options[n] == ':');
	}
	if (!settings->record_limit)
		settings->record_limit =
		    settings->events ? RECORD_LIMIT_EVENTS : RECORD_LIMIT_DEFAULT;
}
