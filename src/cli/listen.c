/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/listen.h"

#include "base/arena.h"
#include "base/error.h"
#include "cli/alarm.h"
#include "cli/bell.h"
#include "inspect/pulse.h"
#include "record/writer.h"
#include "render/tell.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A look that comes after so many of the usual times is late. */
#define LATE_PERIODS 3

/* A line or two, with a name of C++ in it. */
#define TELLING_MAX ((size_t)1 << 20)

struct dw_listener {
	const struct dw_alarm_options *options;
	struct dw_pulse *pulse;
	struct dw_writer_cursor cursor;
	struct dw_rec_silence *silences[DW_PULSE_MAX]; /* by function: as it lasts; NULL: none */
};

/* Records of beats that are looked at: names, and twice so many for threads that met at one. */
#define BEATS_MAX 2048

static bool is_beat_of(const struct dw_rec_beat *beat, const char *name)
{
	size_t room = beat->head.size - sizeof(*beat);

	return strnlen(beat->name, room) < room && strcmp(beat->name, name) == 0;
}

/* See struct dw_pulse_told. */
static bool count_beats(void *argument, const char *name, uint64_t *ret)
{
	const struct dw_writer *writer = ((struct dw_listener *)argument)->options->writer;
	uint32_t id = __atomic_load_n(&writer->header->last_beat, __ATOMIC_ACQUIRE);
	bool found = false;
	uint64_t n = 0;

	for (uint32_t i = 0; id && i < BEATS_MAX; i++) {
		const struct dw_rec_beat *beat =
		    dw_writer_find(writer, id, DW_REC_BEAT, sizeof(*beat) + 1);

		if (!beat)
			break;
		if (is_beat_of(beat, name)) {
			found = true;
			n += __atomic_load_n(&beat->n, __ATOMIC_RELAXED);
		}
		id = beat->before;
	}
	*ret = n;
	return found;
}

int dw_listener_new(struct dw_listener **ret, const struct dw_alarm_options *options,
		    const char *wishes, uint64_t period_ns)
{
	dw_auto(listener) listener = calloc(1, sizeof(*listener));
	int r;

	if (!listener)
		return dw_raise(-ENOMEM);
	listener->options = options;
	r = dw_pulse_new(&listener->pulse, options->pid, wishes, LATE_PERIODS * period_ns,
			 &(struct dw_pulse_told){count_beats, listener});
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(listener);
	return 0;
}

struct dw_listener *dw_listener_free(struct dw_listener *listener)
{
	if (listener)
		dw_pulse_free(listener->pulse);
	free(listener);
	return NULL;
}

/* A recording that is full has no room for it: that loss is counted. */
static void keep(struct dw_listener *listener, const struct dw_pulse_news *news, uint64_t now_ns)
{
	size_t n = strlen(news->function) + 1;
	struct dw_rec_silence *record;

	record =
	    dw_writer_reserve(listener->options->writer, &listener->cursor, sizeof(*record) + n);
	if (!record)
		return;
	record->time_ns = now_ns;
	record->quiet_ns = news->quiet_ns;
	record->usual_ns = news->usual_ns;
	record->n_beats = news->n_beats;
	memcpy(record->function, news->function, n);
	dw_writer_submit(listener->options->writer, record, DW_REC_SILENCE);
	listener->silences[news->index] = record;
}

static void set_quiet(struct dw_rec_silence *record, uint64_t quiet_ns)
{
	__atomic_store_n(&record->quiet_ns, quiet_ns, __ATOMIC_RELAXED);
}

static void keep_end(struct dw_listener *listener, const struct dw_pulse_news *news)
{
	struct dw_rec_silence *record = listener->silences[news->index];

	if (!record)
		return;
	set_quiet(record, news->quiet_ns);
	__atomic_store_n(&record->flags, DW_SILENCE_OVER, __ATOMIC_RELAXED);
	listener->silences[news->index] = NULL;
}

static void keep_lengths(struct dw_listener *listener)
{
	for (uint32_t i = 0; i < DW_PULSE_MAX; i++)
		if (listener->silences[i])
			set_quiet(listener->silences[i], dw_pulse_quiet_ns(listener->pulse, i));
}

/* Why a function cannot be watched, and what can be done about it. Static. */
static const char *reason(const struct dw_pulse_news *news)
{
	switch (news->kind) {
	case DW_PULSE_MISSING:
		return news->is_stripped
			   ? "the program is stripped, and has no function of that name that it "
			     "exports, nor has a library; install the program's debug symbols"
			   : "neither the program nor a library has a function of that name; one "
			     "that was inlined everywhere has none";
	case DW_PULSE_AMBIGUOUS:
		return "too many functions have that name";
	case DW_PULSE_UNKNOWN:
		return "this kernel cannot count calls (it lacks CONFIG_UPROBE_EVENTS)";
	case DW_PULSE_NOT_PERMITTED:
		return "to count its calls takes CAP_PERFMON; root has it, outside of containers";
	case DW_PULSE_STOPPED:
	case DW_PULSE_BACK:
	case DW_PULSE_FAILED:
		break;
	}
	return strerror(-news->error);
}

static void say(const struct dw_listener *listener, const struct dw_pulse_news *news)
{
	const struct dw_alarm_options *options = listener->options;
	struct dw_telling telling = {0};
	dw_auto(arena) arena = NULL;
	const char *function;

	if (options->verbosity == 0 || dw_arena_new(&arena, TELLING_MAX) < 0)
		return;
	telling.arena = arena;
	function = dw_tell_name(&telling, news->function);
	if (news->kind == DW_PULSE_STOPPED)
		dw_bell_say(options,
			    "%s last ran %s ago, used to run every %s (seen %" PRIu64 " times)\n",
			    function, dw_tell_span(&telling, news->quiet_ns),
			    dw_tell_span(&telling, news->usual_ns), news->n_beats);
	else if (news->kind == DW_PULSE_BACK)
		dw_bell_say(options, "%s runs again, after %s\n", function,
			    dw_tell_span(&telling, news->quiet_ns));
	else
		dw_bell_say(options, "cannot watch %s, going on without: %s\n", function,
			    reason(news));
}

void dw_listener_look(struct dw_listener *listener, uint64_t now_ns)
{
	struct dw_pulse_news news;

	if (dw_pulse_look(listener->pulse, now_ns) < 0)
		return;
	keep_lengths(listener);
	while (dw_pulse_next(listener->pulse, &news) > 0) {
		if (news.kind == DW_PULSE_STOPPED)
			keep(listener, &news, now_ns);
		else if (news.kind == DW_PULSE_BACK)
			keep_end(listener, &news);
		say(listener, &news);
	}
}
