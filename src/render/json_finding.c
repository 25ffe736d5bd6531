/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings as JSON. */
#include "analysis/leg.h"
#include "model/event.h"
#include "render/chain.h"
#include "render/json_write.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>

/* All keys, always: null says that something is not known, and a consumer need not guess. */
static json *frame_json(struct dw_json_writer *writer, const struct dw_frame *frame)
{
	json *object = json_object_new_object();
	char address[24];

	dw_json_text(writer, object, "function", frame->function);
	dw_json_text(writer, object, "file", frame->file);
	if (frame->line)
		dw_json_number(writer, object, "line", frame->line);
	else
		dw_json_null(writer, object, "line");
	dw_json_text(writer, object, "module", frame->module);
	dw_json_bool(writer, object, "inlined", frame->flags & DW_FRAME_INLINED);
	snprintf(address, sizeof(address), "0x%" PRIx64, frame->address);
	/* What a symboliser can be asked with, where we know no more. */
	dw_json_text(writer, object, "address", !frame->function && frame->module ? address : NULL);
	return object;
}

void dw_json_frame(struct dw_json_writer *writer, json *object, const char *key,
		   const struct dw_frame *frame)
{
	if (frame)
		dw_json_add(writer, object, key, frame_json(writer, frame));
	else
		dw_json_null(writer, object, key);
}

json *dw_json_stack(struct dw_json_writer *writer, uint32_t stack, uint32_t hint)
{
	const struct dw_named_stack *named = dw_names_stack(writer->process->names, stack, hint);
	json *array = json_object_new_array();

	for (uint32_t i = 0; i < named->n_frames; i++)
		dw_json_append(writer, array, frame_json(writer, &named->frames[i]));
	return array;
}

static json *how_json(struct dw_json_writer *writer, unsigned how)
{
	json *array = json_object_new_array();

#define X(name, value, text) \
	if (how & (value))   \
		dw_json_append(writer, array, json_object_new_string(text));
	DW_HOWS(X)
#undef X
	return array;
}

/* A thing, how it is taken or waited for, and where. */
static json *thing_json(struct dw_json_writer *writer, uint32_t thing, const char *name,
			unsigned how, json *stack)
{
	struct dw_names *names = writer->process->names;
	json *object = json_object_new_object();

	dw_json_text(writer, object, "name", name);
	dw_json_text(writer, object, "kind", dw_names_thing_kind(names, thing));
	dw_json_add(writer, object, "how", how_json(writer, how));
	dw_json_add(writer, object, "stack", stack);
	return object;
}

/* null for chain 0. */
static void add_chain(struct dw_json_writer *writer, json *object, const char *key, uint32_t number)
{
	const struct dw_chain *chain = &writer->process->facts->chains[number];
	const char *name = dw_names_taken(writer->process->names, number);

	if (!number) {
		dw_json_null(writer, object, key);
		return;
	}
	dw_json_add(writer, object, key,
		    thing_json(writer, chain->thing, name, chain->how,
			       dw_json_stack(writer, chain->stack, chain->hint)));
}

json *dw_json_thread(struct dw_json_writer *writer, uint32_t number)
{
	const struct dw_facts *facts = writer->process->facts;
	const struct dw_told_thread *thread =
	    &facts->threads[number < facts->n_threads ? number : 0];
	json *object = json_object_new_object();

	dw_json_text(writer, object, "name", dw_names_thread(writer->process->names, number));
	dw_json_text(writer, object, "start",
		     dw_names_thread_start(writer->process->names, number));
	dw_json_number(writer, object, "tid", thread->tid);
	dw_json_number(writer, object, "number", number);
	dw_json_bool(writer, object, "foreign", thread->flags & DW_THREAD_FOREIGN);
	return object;
}

/* null where there is no stack. */
static void add_now(struct dw_json_writer *writer, json *object, uint32_t stack)
{
	json *now;

	if (!stack) {
		dw_json_null(writer, object, "now");
		return;
	}
	now = json_object_new_object();
	dw_json_add(writer, now, "stack", dw_json_stack(writer, stack, /* hint= */ 0));
	dw_json_text(writer, now, "end",
		     dw_words_end_kind(writer->process->facts->stacks[stack].flags));
	dw_json_add(writer, object, "now", now);
}

static void add_post(struct dw_json_writer *writer, json *object, uint32_t number, const char *name)
{
	const struct dw_post *post = &writer->process->facts->posts[number];
	const struct dw_frame *frame = dw_names_post(writer->process->names, number);
	json *value;

	if (!number) {
		dw_json_null(writer, object, "post");
		return;
	}
	value = json_object_new_object();
	dw_json_text(writer, value, "name", name);
	dw_json_text(writer, value, "kind",
		     dw_names_thing_kind(writer->process->names, post->thing));
	dw_json_text(writer, value, "function", frame ? frame->function : NULL);
	dw_json_add(writer, value, "stack", dw_json_stack(writer, post->stack, post->hint));
	dw_json_add(writer, object, "post", value);
}

/* What is waited for where no chain tells it; null: nothing is known to be. */
static void add_waited(struct dw_json_writer *writer, json *object, uint32_t thing)
{
	const char *name = dw_names_thing(writer->process->names, thing);

	if (!thing)
		dw_json_null(writer, object, "needs");
	else
		dw_json_add(writer, object, "needs",
			    thing_json(writer, thing, name, DW_WAITS, json_object_new_array()));
}

/* What the thread's activity had begun with; null unless with a guest's exit. */
static void add_origin(struct dw_json_writer *writer, json *object, const struct dw_leg *leg)
{
	const struct dw_chain *chains = writer->process->facts->chains;
	const struct dw_origin *origin = &chains[leg->needs ? leg->needs : leg->holds].origin;
	json *value;
	char address[24];

	if (!origin->exit) {
		dw_json_null(writer, object, "origin");
		return;
	}
	value = json_object_new_object();
	snprintf(address, sizeof(address), "0x%" PRIx64, origin->address);
	dw_json_text(writer, value, "exit", dw_words_exit(origin->exit - 1).word);
	dw_json_number(writer, value, "number", origin->exit - 1);
	dw_json_text(writer, value, "address", origin->address ? address : NULL);
	dw_json_add(writer, object, "origin", value);
}

static json *leg_json(struct dw_json_writer *writer, const struct dw_finding *finding,
		      uint32_t number)
{
	const struct dw_leg *leg = &finding->legs[number];
	json *object = json_object_new_object();

	dw_json_add(writer, object, "thread", dw_json_thread(writer, leg->thread));
	add_chain(writer, object, "holds", leg->holds);
	add_post(writer, object, leg->post, dw_chain_given(writer->process, finding, number));
	if (leg->needs)
		add_chain(writer, object, "needs", leg->needs);
	else
		add_waited(writer, object, dw_leg_needed(writer->process->facts, finding, number));
	add_now(writer, object, leg->stack);
	add_origin(writer, object, leg);
	return object;
}

static json *chain_words_json(struct dw_json_writer *writer, const struct dw_finding *finding)
{
	json *array = json_object_new_array();
	size_t n = 0;
	const char **words = dw_chain_words(writer->process, finding, writer->arena, &n);

	if (!words)
		writer->failed = true;
	for (size_t i = 0; i < n; i++)
		dw_json_append(writer, array, dw_json_text_of(writer, words[i]));
	return array;
}

static void add_legs(struct dw_json_writer *writer, json *object, const struct dw_finding *finding)
{
	json *legs = json_object_new_array();

	dw_json_add(writer, object, "chain", chain_words_json(writer, finding));
	for (uint32_t i = 0; i < finding->n_legs; i++)
		dw_json_append(writer, legs, leg_json(writer, finding, i));
	dw_json_add(writer, object, "legs", legs);
}

static json *flags_json(struct dw_json_writer *writer, unsigned flags)
{
	json *array = json_object_new_array();

	for (unsigned flag = 1; flag && flag <= flags; flag <<= 1)
		if (flags & flag && dw_words_found(flag))
			dw_json_append(writer, array, json_object_new_string(dw_words_found(flag)));
	return array;
}

/* What the monitor knows beyond the legs. */
static void add_peer(struct dw_json_writer *writer, json *object, const struct dw_found *found)
{
	json *peer = json_object_new_object();

	dw_json_text(writer, peer, "name", found->peer);
	dw_json_number(writer, peer, "pid", found->peer_pid);
	dw_json_add(writer, object, "peer", peer);
}

static void add_found(struct dw_json_writer *writer, json *object, const struct dw_found *found)
{
	json *waiters = json_object_new_array();

	dw_json_number(writer, object, "span_ms", found->span_ns / 1000000);
	dw_json_add(writer, object, "flags", flags_json(writer, found->flags));
	for (uint32_t i = found->n_legs; i < found->n_legs + found->n_waiters; i++) {
		const struct dw_found_leg *waiter = &found->legs[i];
		json *value = json_object_new_object();

		dw_json_add(writer, value, "thread", dw_json_thread(writer, waiter->thread));
		if (waiter->needs)
			add_chain(writer, value, "needs", waiter->needs);
		else
			add_waited(writer, value, waiter->thing);
		add_now(writer, value, waiter->stack);
		dw_json_append(writer, waiters, value);
	}
	dw_json_add(writer, object, "waiters", waiters);
	if (found->peer)
		add_peer(writer, object, found);
}

/* How often and how long a lock was held across the wait; 0 waits: none was over. */
static void add_measured(struct dw_json_writer *writer, json *object,
			 const struct dw_finding *finding)
{
	const struct dw_chain *waits = &writer->process->facts->chains[finding->legs[0].needs];

	dw_json_number(writer, object, "waits", waits->n_waits);
	dw_json_number(writer, object, "waited_us", waits->waited_ns / 1000);
	dw_json_number(writer, object, "longest_us", waits->longest_ns / 1000);
}

/* A single leg, of another shape: what was done is no need. */
static void add_misuse(struct dw_json_writer *writer, json *object, const struct dw_misuse *misuse)
{
	json *chain = json_object_new_array(), *legs = json_object_new_array();
	json *leg = json_object_new_object();

	dw_json_text(writer, object, "misuse", dw_words_misuse(misuse->kind));
	dw_json_append(
	    writer, chain,
	    dw_json_text_of(writer, dw_names_thing(writer->process->names, misuse->thing)));
	dw_json_add(writer, object, "chain", chain);
	dw_json_add(writer, leg, "thread", dw_json_thread(writer, misuse->thread));
	add_chain(writer, leg, "holds", misuse->chain);
	dw_json_add(writer, leg, "at",
		    thing_json(writer, misuse->thing,
			       dw_names_thing(writer->process->names, misuse->thing), /* how= */ 0,
			       dw_json_stack(writer, misuse->stack, misuse->hint)));
	if (misuse->holder)
		dw_json_add(writer, leg, "holder", dw_json_thread(writer, misuse->holder));
	else
		dw_json_null(writer, leg, "holder");
	dw_json_append(writer, legs, leg);
	dw_json_add(writer, object, "legs", legs);
}

/* What a gate makes of it. */
static void add_standing(struct dw_json_writer *writer, json *object,
			 const struct dw_reported *reported)
{
	json *paths;

	dw_json_text(writer, object, "standing", dw_standing_word(reported->standing));
	dw_json_text(writer, object, "reason", reported->reason);
	dw_json_number(writer, object, "recordings", reported->n_recordings);
	if (!reported->leg_paths)
		return;
	paths = json_object_new_array();
	for (uint32_t i = 0; i < reported->finding->n_legs; i++)
		dw_json_append(writer, paths, dw_json_text_of(writer, reported->leg_paths[i]));
	dw_json_add(writer, object, "leg_recordings", paths);
}

json *dw_json_finding(struct dw_json_writer *writer, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;
	const struct dw_facts *facts = writer->process->facts;
	json *object = json_object_new_object();

	dw_json_text(writer, object, "verdict", dw_verdict_word(finding->verdict));
	dw_json_text(writer, object, "excuse",
		     finding->excuse ? dw_excuse_word(finding->excuse) : NULL);
	if (finding->verdict == DW_MISUSE)
		add_misuse(writer, object, &facts->misuses[finding->misuse]);
	else
		add_legs(writer, object, finding);
	if (finding->n_legs && finding->legs[0].signal)
		dw_json_text(writer, object, "signal", dw_words_signal(finding->legs[0].signal));
	if (finding->found)
		add_found(writer, object, dw_leg_found(facts, finding));
	if (finding->verdict == DW_HAZARD)
		add_measured(writer, object, finding);
	dw_json_text(writer, object, "fingerprint", reported->fingerprint);
	dw_json_number(writer, object, "occurrences", reported->occurrences);
	if (reported->standing)
		add_standing(writer, object, reported);
	dw_json_text(writer, object, "recording", writer->process->path);
	dw_json_number(writer, object, "pid", facts->pid);
	dw_json_text(writer, object, "program", facts->program);
	return object;
}
