/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/guard.h"

#include "base/error.h"
#include "cli/word.h"

#include <errno.h>
#include <stdlib.h>

struct dw_guard {
	struct dw_alarm_options options;
	struct dw_watch *watch;
	struct dw_alarm *alarm;
	struct dw_words *words;
};

int dw_guard_new(struct dw_guard **ret, const struct dw_alarm_options *options)
{
	dw_auto(guard) guard = calloc(1, sizeof(*guard));
	int r;

	if (!guard)
		return dw_raise(-ENOMEM);
	guard->options = *options;
	r = dw_watch_new(&guard->watch, options->writer, options->pid);
	guard->options.watch = guard->watch;
	if (r == 0)
		r = dw_alarm_new(&guard->alarm, &guard->options);
	if (r == 0)
		r = dw_words_new(&guard->words, guard->watch, options->pid);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(guard);
	return 0;
}

struct dw_guard *dw_guard_free(struct dw_guard *guard)
{
	if (!guard)
		return NULL;
	dw_words_free(guard->words);
	dw_alarm_free(guard->alarm);
	dw_watch_free(guard->watch);
	free(guard);
	return NULL;
}

enum dw_alarm_answer dw_guard_look(struct dw_guard *guard, uint64_t now_ns, bool closely)
{
	int r = dw_watch_look(guard->watch, now_ns, closely);

	dw_writer_seen(guard->options.writer, now_ns);
	if (!closely)
		return DW_ALARM_QUIET;
	dw_words_look(guard->words, now_ns, guard->options.stall_ns);
	if (r != DW_WATCH_SUSPECT)
		return DW_ALARM_QUIET;
	r = dw_alarm_look(guard->alarm, now_ns, /* ended= */ false);
	return r > 0 ? (enum dw_alarm_answer)r : DW_ALARM_QUIET;
}

void dw_guard_look_back(struct dw_guard *guard, uint64_t now_ns)
{
	if (dw_watch_look_back(guard->watch, now_ns) == DW_WATCH_SUSPECT)
		dw_alarm_look(guard->alarm, now_ns, /* ended= */ true);
}
