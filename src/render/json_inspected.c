/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every thread of an inspected process does, as JSON. */
#include "model/picture.h"
#include "render/inspected.h"
#include "render/json_write.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>
#include <stdio.h>

static json *call_json(struct dw_json_writer *writer, const struct dw_inspected_thread *pictured)
{
	json *object = json_object_new_object(), *arguments = json_object_new_array();
	char text[24];

	dw_json_number(writer, object, "number", pictured->call);
	dw_json_text(writer, object, "name", pictured->call_name);
	for (unsigned i = 0; i < DW_INSPECTED_ARGUMENTS; i++) {
		snprintf(text, sizeof(text), "0x%" PRIx64, pictured->arguments[i]);
		dw_json_append(writer, arguments, json_object_new_string(text));
	}
	dw_json_add(writer, object, "arguments", arguments);
	return object;
}

static json *lock_json(struct dw_json_writer *writer, uint32_t thing)
{
	const struct dw_reported_process *process = writer->process;
	json *object = json_object_new_object();

	dw_json_text(writer, object, "name", dw_names_thing(process->names, thing));
	dw_json_text(writer, object, "kind", dw_names_thing_kind(process->names, thing));
	dw_json_bool(writer, object, "inferred", process->inspected->is_inferred[thing]);
	return object;
}

static json *held_json(struct dw_json_writer *writer, uint32_t thread)
{
	const struct dw_facts *facts = writer->process->facts;
	const struct dw_slot *slot = facts->slots[facts->threads[thread].slot].slot;
	json *array = json_object_new_array();

	for (uint32_t i = 1; i <= slot->top; i++)
		dw_json_append(writer, array,
			       lock_json(writer, facts->chains[slot->held[i].chain].thing));
	return array;
}

static void add_waited(struct dw_json_writer *writer, json *object, uint32_t chain)
{
	const struct dw_reported_process *process = writer->process;
	json *value;

	if (!chain) {
		dw_json_null(writer, object, "waits_for");
		return;
	}
	value = json_object_new_object();
	dw_json_text(writer, value, "name", dw_names_taken(process->names, chain));
	dw_json_text(writer, value, "kind",
		     dw_names_thing_kind(process->names, process->facts->chains[chain].thing));
	dw_json_add(writer, object, "waits_for", value);
}

static json *pictured_json(struct dw_json_writer *writer, uint32_t thread)
{
	const struct dw_inspected_thread *pictured = &writer->process->inspected->threads[thread];
	json *object = json_object_new_object();
	char state[2] = {pictured->state, '\0'};

	dw_json_add(writer, object, "thread", dw_json_thread(writer, thread));
	dw_json_text(writer, object, "role", pictured->role);
	dw_json_text(writer, object, "state", pictured->state ? state : NULL);
	if (pictured->has_call)
		dw_json_add(writer, object, "call", call_json(writer, pictured));
	else
		dw_json_null(writer, object, "call");
	dw_json_add(writer, object, "holds", held_json(writer, thread));
	add_waited(writer, object, pictured->chain);
	dw_json_bool(writer, object, "idles", pictured->idles);
	dw_json_bool(writer, object, "polls", pictured->polls);
	dw_json_number(writer, object, "same_ms", pictured->same_ns / 1000000);
	dw_json_number(writer, object, "still_ms", pictured->still_ns / 1000000);
	dw_json_add(writer, object, "stack", dw_json_stack(writer, pictured->stack, /* hint= */ 0));
	dw_json_text(writer, object, "end",
		     dw_words_end_kind(writer->process->facts->stacks[pictured->stack].flags));
	dw_json_text(writer, object, "no_stack", pictured->no_stack);
	return object;
}

json *dw_json_inspected(struct dw_json_writer *writer)
{
	json *object = json_object_new_object(), *threads = json_object_new_array();

	dw_json_number(writer, object, "span_ms", writer->process->inspected->span_ns / 1000000);
	dw_json_number(writer, object, "longest_stop_us",
		       writer->process->inspected->stopped_ns / 1000);
	for (uint32_t t = 1; t < writer->process->facts->n_threads; t++)
		dw_json_append(writer, threads, pictured_json(writer, t));
	dw_json_add(writer, object, "threads", threads);
	return object;
}
