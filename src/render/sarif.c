/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SARIF 2.1.0, for sites that show what tools find beside the source and follow it from change
 * to change: one result a finding, each leg a flow of its own with both stacks.
 */
#include "base/arena.h"
#include "base/error.h"
#include "render/json_write.h"
#include "render/place.h"
#include "render/say.h"
#include "symbol/names.h"

#include <string.h>

#define SARIF_VERSION "2.1.0"
#define SARIF_SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

/* The words of one finding. */
#define FINDING_MEMORY_MAX ((size_t)64 << 20)

/* What is found, as rules; in the order of enum dw_verdict. */
static const char *const rules[] = {
    [DW_POTENTIAL] = "Threads can wait for each other for ever, although they did not.",
    [DW_MISUSE] = "Something is done to a lock that is wrong whatever other threads do.",
    [DW_DEADLOCK] = "Threads were seen waiting for each other for ever.",
    [DW_STALL] = "Threads were seen waiting for what is not given any more.",
    [DW_HAZARD] = "A lock is held across a wait for what is no lock.",
    [DW_UNDECLARED] = "A thing is needed in an order that is not declared.",
};
#define N_RULES (sizeof(rules) / sizeof(rules[0]))

struct sarif {
	struct dw_json_writer writer;
	struct dw_telling telling; /* its arena is the finding's, as the writer's is */
	const struct dw_render_options *options;
};

/* Braces have a meaning in messages, so those of names (Rust's `{closure#0}`) are doubled. */
static json *message_json(struct sarif *s, const char *text)
{
	json *object = json_object_new_object();
	char *doubled = dw_arena_alloc(s->writer.arena, 2 * strlen(text) + 1), *to = doubled;

	for (; doubled && *text; text++) {
		*to++ = *text;
		if (*text == '{' || *text == '}')
			*to++ = *text;
	}
	if (doubled)
		dw_json_text(&s->writer, object, "text", doubled);
	s->writer.failed = s->writer.failed || !doubled;
	return object;
}

static void add_message(struct sarif *s, json *object, const char *text)
{
	dw_json_add(&s->writer, object, "message", message_json(s, text));
}

static void add_physical(struct sarif *s, json *object, const struct dw_frame *frame)
{
	struct dw_place_shown place =
	    dw_place_of_frame(&s->telling, frame, s->options->source_root);
	json *physical = json_object_new_object(), *artifact = json_object_new_object();
	json *region = json_object_new_object();

	dw_json_text(&s->writer, artifact, "uri", place.uri);
	if (place.below_root)
		dw_json_text(&s->writer, artifact, "uriBaseId", "%SRCROOT%");
	dw_json_add(&s->writer, physical, "artifactLocation", artifact);
	dw_json_number(&s->writer, region, "startLine", place.line ? place.line : 1);
	dw_json_add(&s->writer, physical, "region", region);
	dw_json_add(&s->writer, object, "physicalLocation", physical);
}

/* @frame may be NULL: then there is just what is said. */
static json *location_json(struct sarif *s, const struct dw_frame *frame, const char *text)
{
	json *object = json_object_new_object(), *logicals, *logical;

	if (frame && (frame->file || frame->module))
		add_physical(s, object, frame);
	if (frame && frame->function) {
		logicals = json_object_new_array();
		logical = json_object_new_object();
		dw_json_text(&s->writer, logical, "fullyQualifiedName", frame->function);
		dw_json_text(&s->writer, logical, "kind", "function");
		dw_json_append(&s->writer, logicals, logical);
		dw_json_add(&s->writer, object, "logicalLocations", logicals);
	}
	if (text)
		add_message(s, object, text);
	return object;
}

static void append_step(struct sarif *s, json *steps, const struct dw_frame *frame,
			const char *text, uint32_t depth)
{
	json *step = json_object_new_object();

	dw_json_add(&s->writer, step, "location", location_json(s, frame, text));
	dw_json_number(&s->writer, step, "nestingLevel", depth);
	dw_json_append(&s->writer, steps, step);
}

/* A stack from its outermost frame inward, as it was come to; what it is about stands at the end.
 */
static void append_saying(struct sarif *s, json *steps, const struct dw_saying *saying)
{
	const struct dw_named_stack *stack = saying->stack;
	uint32_t inner = stack && stack->site < stack->n_frames ? stack->site : 0, depth = 0;

	if (!stack || stack->n_frames == 0) {
		append_step(s, steps, /* frame= */ NULL, saying->text, 0);
		return;
	}
	for (uint32_t i = stack->n_frames; i-- > inner; depth++) {
		const struct dw_frame *frame = &stack->frames[i];
		const char *name = dw_tell_function(&s->telling, frame);

		append_step(s, steps, frame,
			    i == inner ? dw_tell_text(&s->telling, "%s %s", saying->text, name)
				       : name,
			    depth);
	}
}

static json *flow_json(struct sarif *s, const char *id, const struct dw_saying *sayings, uint32_t n)
{
	json *flow = json_object_new_object(), *steps = json_object_new_array();

	dw_json_text(&s->writer, flow, "id", id);
	for (uint32_t i = 0; i < n; i++)
		append_saying(s, steps, &sayings[i]);
	dw_json_add(&s->writer, flow, "locations", steps);
	return flow;
}

/* One flow for each thread that takes part: they do it at the same time. */
static json *flows_json(struct sarif *s, const struct dw_finding *finding)
{
	json *flows = json_object_new_array(), *flow = json_object_new_object();
	json *array = json_object_new_array();
	struct dw_saying sayings[DW_SAYINGS_MAX];
	const struct dw_misuse *misuse = &s->telling.process->facts->misuses[finding->misuse];
	uint32_t n;

	if (finding->verdict == DW_MISUSE) {
		n = dw_say_misuse(&s->telling, misuse, sayings);
		dw_json_append(
		    &s->writer, flows,
		    flow_json(s, dw_tell_thread(&s->telling, misuse->thread), sayings, n));
	}
	for (uint32_t leg = 0; leg < finding->n_legs; leg++) {
		n = dw_say_leg(&s->telling, finding, leg, sayings);
		dw_json_append(&s->writer, flows,
			       flow_json(s, dw_tell_thread(&s->telling, finding->legs[leg].thread),
					 sayings, n));
	}
	dw_json_add(&s->writer, flow, "threadFlows", flows);
	dw_json_append(&s->writer, array, flow);
	return array;
}

/* What sites know a finding by in the next run: neither lines nor what is on them. */
static json *fingerprints_json(struct sarif *s, const struct dw_reported *reported)
{
	json *object = json_object_new_object();

	dw_json_text(&s->writer, object, "deadwatchFinding/v1", reported->fingerprint);
	/* That of GitHub, which would make one of the line's text if there was none. */
	dw_json_text(&s->writer, object, "primaryLocationLineHash",
		     dw_tell_text(&s->telling, "%s:1", reported->fingerprint));
	return object;
}

/* What somebody has accepted is suppressed for those who read this. */
static void add_standing(struct sarif *s, json *object, const struct dw_reported *reported)
{
	bool is_excused = reported->finding->excuse;
	json *array, *suppression;

	if (reported->standing)
		dw_json_text(&s->writer, object, "baselineState",
			     reported->standing == DW_STANDING_KNOWN ? "unchanged" : "new");
	if (!is_excused && (!reported->reason || reported->standing == DW_STANDING_LISTED))
		return;
	array = json_object_new_array();
	suppression = json_object_new_object();
	dw_json_text(&s->writer, suppression, "kind", "external");
	dw_json_text(&s->writer, suppression, "justification",
		     is_excused ? dw_say_excuse(&s->telling, reported->finding) : reported->reason);
	dw_json_append(&s->writer, array, suppression);
	dw_json_add(&s->writer, object, "suppressions", array);
}

static json *result_json(struct sarif *s, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;
	json *object = json_object_new_object(), *locations = json_object_new_array();

	dw_json_text(&s->writer, object, "ruleId", dw_verdict_word(finding->verdict));
	dw_json_number(&s->writer, object, "ruleIndex", finding->verdict - 1);
	dw_json_text(&s->writer, object, "level", dw_place_level(reported));
	add_message(s, object, dw_place_summary(&s->telling, finding));
	dw_json_append(&s->writer, locations,
		       location_json(s, dw_place_of_finding(&s->telling, finding),
				     /* text= */ NULL));
	dw_json_add(&s->writer, object, "locations", locations);
	dw_json_add(&s->writer, object, "codeFlows", flows_json(s, finding));
	dw_json_add(&s->writer, object, "partialFingerprints", fingerprints_json(s, reported));
	dw_json_number(&s->writer, object, "occurrenceCount", reported->occurrences);
	add_standing(s, object, reported);
	return object;
}

/* Each result has the memory for its words to itself, so that a report has no limit. */
static json *result_alone(struct sarif *s, const struct dw_reported *reported)
{
	dw_auto(arena) arena = NULL;
	struct dw_arena *before = s->writer.arena;
	json *object;

	if (dw_arena_new(&arena, FINDING_MEMORY_MAX) < 0)
		return NULL;
	s->writer.arena = s->telling.arena = arena;
	object = result_json(s, reported);
	s->writer.arena = s->telling.arena = before;
	s->writer.failed = s->writer.failed || s->telling.full;
	return object;
}

static json *results_json(struct sarif *s, const struct dw_report *report)
{
	json *array = json_object_new_array();

	for (size_t i = 0; i < report->n_processes; i++) {
		const struct dw_reported_process *process = &report->processes[i];

		s->telling.process = s->writer.process = process;
		for (size_t j = 0; j < process->n_findings; j++)
			if (dw_place_is_shown(&process->findings[j], s->options))
				dw_json_append(&s->writer, array,
					       result_alone(s, &process->findings[j]));
	}
	return array;
}

static json *tool_json(struct sarif *s)
{
	json *tool = json_object_new_object(), *driver = json_object_new_object();
	json *array = json_object_new_array();

	for (unsigned i = 1; i < N_RULES; i++) {
		json *rule = json_object_new_object();

		dw_json_text(&s->writer, rule, "id", dw_verdict_word(i));
		dw_json_add(&s->writer, rule, "shortDescription", message_json(s, rules[i]));
		dw_json_append(&s->writer, array, rule);
	}
	dw_json_text(&s->writer, driver, "name", "deadwatch");
	dw_json_text(&s->writer, driver, "version", DW_VERSION);
	dw_json_add(&s->writer, driver, "rules", array);
	dw_json_add(&s->writer, tool, "driver", driver);
	return tool;
}

static void append_notification(struct sarif *s, json *array, const char *id, const char *text)
{
	json *object = json_object_new_object(), *descriptor = json_object_new_object();

	dw_json_text(&s->writer, descriptor, "id", id);
	dw_json_add(&s->writer, object, "descriptor", descriptor);
	dw_json_text(&s->writer, object, "level", "error");
	add_message(s, object, text);
	dw_json_append(&s->writer, array, object);
}

static void append_blind(struct sarif *s, json *array, const struct dw_blind *blind, size_t n)
{
	for (size_t i = 0; i < n; i++)
		append_notification(s, array, blind[i].reason, blind[i].text);
}

/* A run that could not see everything did not succeed: nothing found is not nothing there. */
static json *invocations_json(struct sarif *s, const struct dw_report *report)
{
	json *array = json_object_new_array(), *object = json_object_new_object();
	json *blind = json_object_new_array();
	char unread[DW_PLACE_UNREAD_SIZE];

	for (size_t i = 0; i < report->n_processes; i++)
		append_blind(s, blind, report->processes[i].blind, report->processes[i].n_blind);
	append_blind(s, blind, report->blind, report->n_blind);
	if (report->gate && report->gate->n_unread)
		append_notification(s, blind, "unread", dw_place_unread(unread, report->gate));
	dw_json_bool(&s->writer, object, "executionSuccessful",
		     json_object_array_length(blind) == 0);
	dw_json_add(&s->writer, object, "toolExecutionNotifications", blind);
	dw_json_append(&s->writer, array, object);
	return array;
}

static json *log_json(struct sarif *s, const struct dw_report *report)
{
	json *object = json_object_new_object(), *runs = json_object_new_array();
	json *run = json_object_new_object();

	dw_json_text(&s->writer, object, "$schema", SARIF_SCHEMA);
	dw_json_text(&s->writer, object, "version", SARIF_VERSION);
	dw_json_add(&s->writer, run, "tool", tool_json(s));
	dw_json_add(&s->writer, run, "invocations", invocations_json(s, report));
	dw_json_add(&s->writer, run, "results", results_json(s, report));
	dw_json_append(&s->writer, runs, run);
	dw_json_add(&s->writer, object, "runs", runs);
	return object;
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	dw_auto(arena) arena = NULL;
	dw_auto_json object = NULL;
	struct sarif s = {.options = options};
	int r = dw_arena_new(&arena, FINDING_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	s.writer.arena = s.telling.arena = arena;
	object = log_json(&s, report);
	r = dw_json_print(&s.writer, object, out);
	return r < 0 ? dw_pass(r) : 0;
}

const struct dw_renderer dw_render_sarif = {.name = "sarif", .render = render};
