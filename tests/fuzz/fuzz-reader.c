/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a recording: what the reader hands out holds what its headers promise, and
 * can be written as a story and replayed.
 *
 * With a first byte of 0, the rest is a whole file. Otherwise the rest is what stands behind
 * a sound header, which a fuzzer would not find in a long time: the byte is the number of
 * threads in it.
 */
#include "record/layout.h"
#include "record/reader.h"
#include "record/story.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX ((size_t)32 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void check_stacks(const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_stacks; i++)
		for (uint32_t j = 0; j < facts->stacks[i].n_frames; j++) {
			uint32_t module = DW_PLACE_MODULE(facts->stacks[i].frames[j]);

			must(module == 0 || (module < facts->n_modules &&
					     strlen(facts->modules[module].path) < MEMORY_MAX));
		}
}

static void check_chains(const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_chains; i++) {
		const struct dw_chain *chain = &facts->chains[i];
		uint64_t before = 0;

		must(chain->below < i && chain->stack < facts->n_stacks);
		must(chain->thing > 0 && chain->thing < facts->n_things);
		must(chain->thread > 0 && chain->thread < facts->n_threads);
		must(chain->hint < facts->n_hints && chain->origin.woken_by < facts->n_things);
		must(!(facts->chains[chain->below].how & DW_WAITS));
		must(chain->depth == facts->chains[chain->below].depth + 1);
		must(!chain->below || facts->chains[chain->below].thread == chain->thread);
		must(chain->run > 0);
		for (uint32_t run = chain->run; run; run = facts->runs[run].next) {
			must(run < facts->n_runs && facts->runs[run].from > before);
			must(facts->runs[run].from <= facts->runs[run].to);
			before = facts->runs[run].to;
		}
	}
}

/* Who has no address is of a thread that there is, or of a call. */
static void check_address(const struct dw_facts *facts, unsigned kind, uint64_t address)
{
	if (kind == DW_ENDING || kind == DW_ANSWER)
		must(dw_thing_number(address) > 0 && dw_thing_number(address) < facts->n_threads);
	must((address & DW_NO_MEMORY) == 0 || kind == DW_ENDING || kind == DW_ANSWER ||
	     kind == DW_CALL);
}

static void check_threads(const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_threads; i++) {
		const struct dw_told_thread *thread = &facts->threads[i];
		const struct dw_slot *slot;
		uint32_t steps = 0;

		must(thread->parent < facts->n_threads && thread->slot < facts->n_slots);
		for (uint32_t at = i; at && steps < 1000; at = facts->threads[at].parent)
			must(++steps < facts->n_threads);
		if (!thread->slot)
			continue;
		slot = facts->slots[thread->slot].slot;
		must(slot->thread == i && slot->top <= slot->max);
		for (uint32_t h = 1; h <= slot->top; h++)
			must(slot->held[h].chain > 0 && (slot->held[h].chain < facts->n_chains ||
							 slot->held[h].chain == UINT32_MAX));
		must(slot->waits.chain < facts->n_chains);
		must(slot->waits.thing || !slot->waits.chain);
		check_address(facts, slot->waits.what, slot->waits.thing);
	}
}

static void check_posts(const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_posts; i++) {
		const struct dw_post *post = &facts->posts[i];

		must(post->thing > 0 && post->thing < facts->n_things);
		must(post->thread > 0 && post->thread < facts->n_threads);
		must(post->chain < facts->n_chains && post->said < facts->n_things);
		must(!post->chain || facts->chains[post->chain].thread == post->thread);
		must(post->stack < facts->n_stacks && post->hint < facts->n_hints);
	}
}

static void check_leg(const struct dw_facts *facts, const struct dw_found_leg *leg)
{
	must(leg->thread > 0 && leg->thread < facts->n_threads);
	must(leg->holds < facts->n_chains && leg->needs < facts->n_chains);
	must(leg->thing < facts->n_things && leg->post < facts->n_posts);
	must(leg->stack < facts->n_stacks);
}

static void check_founds(const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_founds; i++) {
		const struct dw_found *found = &facts->founds[i];

		must(found->n_legs > 0);
		for (uint32_t j = 0; j < found->n_legs + found->n_waiters; j++)
			check_leg(facts, &found->legs[j]);
	}
}

static void check_silences(const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_silences; i++)
		must(strlen(facts->silences[i].function) < MEMORY_MAX);
}

static void check_rest(const struct dw_facts *facts)
{
	must(strlen(facts->program) < DW_REC_PROGRAM_MAX);
	for (uint32_t i = 1; i < facts->n_misuses; i++) {
		const struct dw_misuse *misuse = &facts->misuses[i];

		must(misuse->thing > 0 && misuse->thing < facts->n_things);
		must(misuse->thread > 0 && misuse->thread < facts->n_threads);
		must(misuse->holder < facts->n_threads && misuse->chain < facts->n_chains);
	}
	for (uint32_t i = 1; i < facts->n_joins; i++)
		must(facts->joins[i].other < facts->n_threads &&
		     facts->joins[i].thread < facts->n_threads);
	for (uint32_t i = 1; i < facts->n_things; i++) {
		const struct dw_thing *thing = &facts->things[i];

		must(thing->birth < facts->n_stacks && thing->maker < facts->n_threads);
		must(!thing->name || strlen(thing->name) < MEMORY_MAX);
		check_address(facts, thing->kind, thing->address);
	}
}

static void check_story(const struct dw_facts *facts)
{
	dw_auto(story) story = NULL;
	struct dw_story_error error;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	must(out && dw_story_write_facts(out, facts) == 0);
	fclose(out);
	must(dw_story_parse(&story, text, &error) == 0);
	free(text);
}

static void check_events(const struct dw_reader *reader)
{
	dw_auto(replay) replay = NULL;
	const struct dw_event *events;
	size_t n;

	events = dw_reader_events(reader, &n);
	for (size_t i = 1; i < n; i++)
		must(events[i - 1].seq < events[i].seq);
	must(dw_replay_new(&replay, events, n, dw_reader_facts(reader)) == 0);
	check_chains(dw_replay_facts(replay));
	check_threads(dw_replay_facts(replay));
	check_posts(dw_replay_facts(replay));
}

static void check(const uint8_t *data, size_t size)
{
	dw_auto(reader) reader = NULL;
	const struct dw_facts *facts;

	if (dw_reader_open_memory(&reader, data, size, MEMORY_MAX) != 0)
		return;
	facts = dw_reader_facts(reader);
	check_stacks(facts);
	check_chains(facts);
	check_threads(facts);
	check_posts(facts);
	check_founds(facts);
	check_silences(facts);
	check_rest(facts);
	check_story(facts);
	check_events(reader);
}

static void check_behind_header(const uint8_t *data, size_t size, uint32_t n_threads)
{
	struct dw_rec_header header = {
	    .magic = DW_REC_MAGIC,
	    .version = DW_REC_VERSION,
	    .header_size = DW_REC_HEADER_SIZE, /* the ids of the seeds count from there */
	    .word_bits = 64,
	    .flags = DW_REC_EVENTS,
	    .n_threads = n_threads,
	};
	uint8_t *file = calloc(1, DW_REC_HEADER_SIZE + size);

	must(file != NULL);
	memcpy(file, &header, sizeof(header));
	memcpy(file + DW_REC_HEADER_SIZE, data, size);
	check(file, DW_REC_HEADER_SIZE + size);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 0)
		check(data + 1, size - 1);
	else
		check_behind_header(data + 1, size - 1, data[0]);
	return 0;
}
