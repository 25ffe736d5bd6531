/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chrome's trace event format, which Perfetto, speedscope and chrome://tracing read: on each
 * thread's line a bar for every lock that it holds, and for what it waits for.
 *
 * Bars of a thread have to lie within each other, locks need not: where one is let go below others,
 * the bars of those above end with it and begin anew.
 */
#include "analysis/array.h"
#include "base/arena.h"
#include "base/error.h"
#include "model/event.h"
#include "render/moment.h"
#include "render/tell.h"
#include "symbol/names.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

/* Names of all things, and what each thread holds, of one recording. */
#define TIMELINE_MEMORY_MAX ((size_t)1 << 30)

/* Who takes a lock at once has not waited for it: a bar would show how fast we are. */
#define WAIT_MIN_NS 1000

/* So often it says how far it is: some ten times a second. */
#define EVENTS_AT_A_TIME 100000

enum bar_kind { HELD, WAITED };

/* A bar that has begun. */
struct bar {
	uint64_t address;
	const char *name;
	enum bar_kind kind;
	bool let_go; /* of a wait: it has let go of `mutex` meanwhile */
	uint64_t mutex;
};

struct line {
	struct bar *bars;
	uint32_t n, room;
	struct dw_event wanted; /* a lock that it is about to take; kind 0: none */
	uint64_t time_ns;       /* of its last event: its time never goes back */
};

struct timeline {
	struct dw_telling telling;
	struct dw_moments moments;
	struct line *lines;   /* by thread */
	const char **threads; /* their names */
	uint32_t n_threads;
	uint64_t begin_ns; /* of the earliest event of all recordings */
	bool any;          /* something was written before */
};

/* `"waits for BQL"`. What is written here is valid UTF-8: it is harmless on a terminal. */
static void write_text(struct timeline *t, const char *before, const char *text)
{
	struct json_object *value = json_object_new_string(text);
	const char *escaped =
	    value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;

	fprintf(t->telling.out, "\"%s%s", before, escaped ? escaped + 1 : "?\"");
	t->telling.full = t->telling.full || !escaped;
	json_object_put(value);
}

/* What all events begin with: `{"ph":"B","pid":1,"tid":2` */
static void begin_event(struct timeline *t, const char *phase, uint32_t thread)
{
	const struct dw_facts *facts = t->telling.process->facts;

	fprintf(t->telling.out, "%s{\"ph\":\"%s\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32,
		t->any ? ",\n" : "\n", phase, facts->pid, facts->threads[thread].tid);
	t->any = true;
}

static void write_time(struct timeline *t, uint64_t time_ns)
{
	uint64_t ns = time_ns > t->begin_ns ? time_ns - t->begin_ns : 0;

	fprintf(t->telling.out, ",\"ts\":%" PRIu64 ".%03u", ns / 1000, (unsigned)(ns % 1000));
}

static void write_bar(struct timeline *t, const char *phase, uint32_t thread, const struct bar *bar,
		      uint64_t time_ns)
{
	begin_event(t, phase, thread);
	write_time(t, time_ns);
	fprintf(t->telling.out, ",\"cat\":\"%s\",\"name\":", bar->kind == HELD ? "hold" : "wait");
	write_text(t, bar->kind == HELD ? "" : "waits for ", bar->name);
}

static void write_begin(struct timeline *t, uint32_t thread, const struct bar *bar,
			uint64_t time_ns)
{
	write_bar(t, "B", thread, bar, time_ns);
	fputs("}", t->telling.out);
}

/* What belongs to a bar is said where it begins: speedscope takes two with other arguments for two
 * bars. */
static void write_end(struct timeline *t, uint32_t thread, const struct bar *bar, uint64_t time_ns)
{
	write_bar(t, "E", thread, bar, time_ns);
	fputs("}", t->telling.out);
}

static void write_instant(struct timeline *t, uint32_t thread, uint64_t time_ns, const char *verb,
			  const char *what)
{
	begin_event(t, "i", thread);
	write_time(t, time_ns);
	fputs(",\"s\":\"t\",\"name\":", t->telling.out);
	write_text(t, verb, what);
	fputs("}", t->telling.out);
}

static struct bar bar_of(struct timeline *t, enum bar_kind kind, uint64_t address, unsigned what)
{
	return (struct bar){
	    .address = address, .name = dw_moments_name(&t->moments, address, what), .kind = kind};
}

static void open_bar(struct timeline *t, uint32_t thread, struct bar bar, uint64_t time_ns)
{
	struct line *line = &t->lines[thread];

	if (dw_array_room(t->telling.arena, (void **)&line->bars, line->n, &line->room,
			  sizeof(bar)) < 0) {
		t->telling.full = true;
		return;
	}
	line->bars[line->n++] = bar;
	write_begin(t, thread, &bar, time_ns);
}

/* Ends bar @i of the thread; those above it begin anew. */
static void close_bar(struct timeline *t, uint32_t thread, uint32_t i, uint64_t time_ns)
{
	struct line *line = &t->lines[thread];

	for (uint32_t j = line->n; j-- > i;)
		write_end(t, thread, &line->bars[j], time_ns);
	line->n--;
	memmove(&line->bars[i], &line->bars[i + 1], (line->n - i) * sizeof(*line->bars));
	for (uint32_t j = i; j < line->n; j++)
		write_begin(t, thread, &line->bars[j], time_ns);
}

/* The innermost bar of that kind and thing; n: there is none, for it began before the recording. */
static uint32_t find_bar(const struct line *line, enum bar_kind kind, uint64_t address)
{
	for (uint32_t i = line->n; i-- > 0;)
		if (line->bars[i].kind == kind && line->bars[i].address == address)
			return i;
	return line->n;
}

/* Return: whether there was one. */
static bool close_thing(struct timeline *t, uint32_t thread, enum bar_kind kind, uint64_t address,
			uint64_t time_ns)
{
	struct line *line = &t->lines[thread];
	uint32_t i = find_bar(line, kind, address);
	bool found = i < line->n;

	if (found)
		close_bar(t, thread, i, time_ns);
	return found;
}

/* The lock that a thread was about to take: whether it has it now, or gave up, it waited so long.
 */
static void end_want(struct timeline *t, uint32_t thread, uint64_t time_ns)
{
	struct dw_event *wanted = &t->lines[thread].wanted;

	if (wanted->kind && time_ns - wanted->time_ns >= WAIT_MIN_NS) {
		struct bar bar = bar_of(t, WAITED, wanted->object, wanted->what);

		write_begin(t, thread, &bar, wanted->time_ns);
		write_end(t, thread, &bar, time_ns);
	}
	wanted->kind = 0;
}

/* Something else happens, as in a signal handler, while it waits for a lock: that is within the
 * wait. */
static void keep_want(struct timeline *t, uint32_t thread)
{
	struct dw_event *wanted = &t->lines[thread].wanted;

	if (!wanted->kind)
		return;
	open_bar(t, thread, bar_of(t, WAITED, wanted->object, wanted->what), wanted->time_ns);
	wanted->kind = 0;
}

static void take_lock(struct timeline *t, const struct dw_event *event, uint64_t time_ns)
{
	struct dw_event *wanted = &t->lines[event->thread].wanted;

	if (wanted->kind && wanted->object == event->object)
		end_want(t, event->thread, time_ns);
	else
		close_thing(t, event->thread, WAITED, event->object, time_ns);
	if (event->kind == DW_HOLD)
		open_bar(t, event->thread, bar_of(t, HELD, event->object, event->what), time_ns);
}

static void park(struct timeline *t, const struct dw_event *event, uint64_t time_ns)
{
	struct bar bar = bar_of(t, WAITED, event->object, event->what);

	bar.mutex = event->other;
	if (event->other)
		bar.let_go = close_thing(t, event->thread, HELD, event->other, time_ns);
	open_bar(t, event->thread, bar, time_ns);
}

static void wake(struct timeline *t, const struct dw_event *event, uint64_t time_ns)
{
	struct line *line = &t->lines[event->thread];
	uint32_t i = find_bar(line, WAITED, event->object);
	struct bar bar;

	if (i == line->n)
		return;
	bar = line->bars[i];
	close_bar(t, event->thread, i, time_ns);
	if (bar.let_go)
		open_bar(t, event->thread, bar_of(t, HELD, bar.mutex, DW_MUTEX), time_ns);
}

static void end_line(struct timeline *t, uint32_t thread, uint64_t time_ns)
{
	struct line *line = &t->lines[thread];

	while (line->n > 0)
		write_end(t, thread, &line->bars[--line->n], time_ns);
}

/* The thread has not ended, the recording has. */
static void cut_line(struct timeline *t, uint32_t thread, uint64_t time_ns)
{
	keep_want(t, thread);
	if (t->lines[thread].n > 0)
		write_instant(t, thread, time_ns, "the recording ends: ", "unfinished");
	end_line(t, thread, time_ns);
}

static void note(struct timeline *t, const struct dw_event *event, uint64_t time_ns)
{
	uint32_t other = (uint32_t)event->other;

	if (event->kind == DW_POST)
		write_instant(t, event->thread, time_ns, "gives ",
			      dw_moments_name(&t->moments, event->object, event->what));
	else
		write_instant(t, event->thread, time_ns,
			      event->kind == DW_BORN ? "makes " : "kicks ",
			      t->threads[other < t->n_threads ? other : 0]);
}

static void draw_event(struct timeline *t, const struct dw_event *event, uint64_t time_ns)
{
	uint32_t thread = event->thread;

	if (event->kind != DW_HOLD && event->kind != DW_FAIL)
		keep_want(t, thread);
	switch ((enum dw_event_kind)event->kind) {
	case DW_WANT:
		t->lines[thread].wanted = *event;
		t->lines[thread].wanted.time_ns = time_ns;
		break;
	case DW_HOLD:
	case DW_FAIL:
		take_lock(t, event, time_ns);
		break;
	case DW_DROP:
	case DW_DESTROY:
		close_thing(t, thread, HELD, event->object, time_ns);
		break;
	case DW_PARK:
		park(t, event, time_ns);
		break;
	case DW_WAKE:
		wake(t, event, time_ns);
		break;
	case DW_ENTER:
		open_bar(t, thread, bar_of(t, WAITED, event->object, event->what), time_ns);
		break;
	case DW_LEAVE:
		close_thing(t, thread, WAITED, event->object, time_ns);
		break;
	case DW_POST:
	case DW_BORN:
	case DW_KICK:
		note(t, event, time_ns);
		break;
	case DW_EXIT:
		end_line(t, thread, time_ns);
		break;
	case DW_INIT:
	case DW_JOIN:
	case DW_IDLE:
		break;
	}
}

/* A row of metadata: `"name":"thread_name","args":{"name":"main"}`. */
static void write_name(struct timeline *t, const char *what, uint32_t thread, const char *name)
{
	begin_event(t, "M", thread);
	fprintf(t->telling.out, ",\"name\":\"%s\",\"args\":{\"name\":", what);
	write_text(t, "", name);
	fputs("}}", t->telling.out);
}

/* Who is who, in the order in which the threads began. */
static int write_names(struct timeline *t)
{
	struct dw_telling *telling = &t->telling;

	t->n_threads = telling->process->facts->n_threads;
	t->threads =
	    dw_arena_alloc(telling->arena, ((size_t)t->n_threads + 1) * sizeof(*t->threads));
	if (!t->threads)
		return dw_raise(-ENOMEM);
	t->threads[0] = "a thread";
	for (uint32_t i = 1; i < t->n_threads; i++) {
		t->threads[i] = dw_tell_name(telling, dw_names_thread(telling->process->names, i));
		if (i == 1)
			write_name(t, "process_name", i, dw_tell_program(telling));
		write_name(t, "thread_name", i, t->threads[i]);
		begin_event(t, "M", i);
		fprintf(telling->out,
			",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%" PRIu32 "}}",
			i);
	}
	return 0;
}

/* When the monitor last saw that something was stuck: who is does nothing that would be an event.
 */
static uint64_t last_look(const struct dw_facts *facts)
{
	uint64_t last_ns = 0;

	for (uint32_t i = 1; i < facts->n_founds; i++)
		if (facts->founds[i].time_ns > last_ns)
			last_ns = facts->founds[i].time_ns;
	return last_ns;
}

static int draw(struct timeline *t)
{
	const struct dw_reported_process *process = t->telling.process;
	uint64_t last_ns = last_look(process->facts);
	int r = dw_moments_new(&t->moments, &t->telling);

	if (r < 0)
		return dw_pass(r);
	t->lines = dw_arena_alloc(t->telling.arena,
				  ((size_t)process->facts->n_threads + 1) * sizeof(*t->lines));
	if (!t->lines)
		return dw_raise(-ENOMEM);
	r = write_names(t);
	if (r < 0)
		return dw_pass(r);
	for (size_t i = 0; i < process->n_events; i++) {
		const struct dw_event *event = &process->events[i];
		struct line *line;

		if (i % EVENTS_AT_A_TIME == 0)
			dw_tell_doing(&t->telling, "event", i, process->n_events);
		if (event->thread == 0 || event->thread >= process->facts->n_threads)
			continue;
		line = &t->lines[event->thread];
		if (line->time_ns < event->time_ns)
			line->time_ns = event->time_ns;
		if (last_ns < line->time_ns)
			last_ns = line->time_ns;
		draw_event(t, event, line->time_ns);
	}
	for (uint32_t i = 1; i < process->facts->n_threads; i++)
		cut_line(t, i, last_ns);
	return t->telling.full ? dw_raise(-ENOMEM) : 0;
}

/* @t is a copy: its arena is this recording's alone. */
static int draw_alone(struct timeline t, const struct dw_reported_process *process, bool *any)
{
	dw_auto(arena) arena = NULL;
	int r = dw_arena_new(&arena, TIMELINE_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	t.telling.arena = arena;
	t.telling.process = process;
	r = draw(&t);
	*any = t.any;
	return r < 0 ? dw_pass(r) : 0;
}

static uint64_t earliest(const struct dw_report *report)
{
	uint64_t first_ns = UINT64_MAX;

	for (size_t i = 0; i < report->n_processes; i++)
		for (size_t j = 0; j < report->processes[i].n_events; j++)
			if (report->processes[i].events[j].time_ns < first_ns)
				first_ns = report->processes[i].events[j].time_ns;
	return first_ns;
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	struct timeline t = {.telling = {.out = out, .doing = options->doing},
			     .begin_ns = earliest(report)};

	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
	for (size_t i = 0; i < report->n_processes; i++) {
		int r = draw_alone(t, &report->processes[i], &t.any);

		if (r < 0)
			return dw_pass(r);
	}
	fputs("\n]}\n", out);
	if (fflush(out) || ferror(out))
		return dw_raise(errno ? -errno : -EIO);
	return 0;
}

const struct dw_renderer dw_render_timeline = {
    .name = "timeline", .render = render, .of_events = true};
