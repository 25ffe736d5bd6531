/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recording.h"

#include <stdlib.h>
#include <string.h>

static void grow(struct recording *recording, size_t size)
{
	recording->data = realloc(recording->data, size);
	if (!recording->data)
		abort();
	memset(recording->data + recording->size, 0, size - recording->size);
	recording->size = size;
}

void recording_init(struct recording *recording)
{
	struct dw_rec_header *header;

	*recording = (struct recording){.at = DW_REC_HEADER_SIZE};
	grow(recording, DW_REC_HEADER_SIZE);
	header = recording_header(recording);
	*header = (struct dw_rec_header){
	    .magic = DW_REC_MAGIC,
	    .version = DW_REC_VERSION,
	    .header_size = DW_REC_HEADER_SIZE,
	    .word_bits = 64,
	    .used = DW_REC_HEADER_SIZE,
	    .limit = (uint64_t)1 << 30,
	    .pid = 42,
	    .n_threads = 8,
	    .n_locked = 2,
	    .program = "/bin/program",
	};
}

void recording_done(struct recording *recording)
{
	free(recording->data);
	*recording = (struct recording){0};
}

struct dw_rec_header *recording_header(struct recording *recording)
{
	return (struct dw_rec_header *)recording->data;
}

void *recording_record(struct recording *recording, uint32_t id)
{
	return recording->data + (size_t)id * 8;
}

void recording_next_chunk(struct recording *recording)
{
	recording->at = recording->size;
}

uint32_t recording_add(struct recording *recording, enum dw_rec_kind kind, const void *record,
		       size_t size, const void *more, size_t more_size)
{
	size_t whole = (size + more_size + 7) / 8 * 8, at;
	struct dw_rec_head *head;

	if (recording->size - recording->at < whole) {
		size_t chunks = (whole + DW_REC_CHUNK_SIZE - 1) / DW_REC_CHUNK_SIZE;

		recording->at = recording->size;
		grow(recording, recording->size + chunks * DW_REC_CHUNK_SIZE);
		recording_header(recording)->used = recording->size;
	}
	at = recording->at;
	recording->at += whole;
	memcpy(recording->data + at, record, size);
	if (more_size)
		memcpy(recording->data + at + size, more, more_size);
	head = (struct dw_rec_head *)(recording->data + at);
	head->kind = (uint16_t)kind;
	head->size = (uint32_t)whole;
	return (uint32_t)(at / 8);
}

uint32_t recording_module(struct recording *recording, uint32_t number, const char *path)
{
	struct dw_rec_module record = {
	    .start = 0x1000, .end = 0x9000, .number = number, .build_id_size = 4};

	memcpy(record.build_id, "\1\2\3\4", 4);
	return recording_add(recording, DW_REC_MODULE, &record, sizeof(record), path,
			     strlen(path) + 1);
}

uint32_t recording_stack(struct recording *recording, dw_place a, dw_place b)
{
	struct dw_rec_stack record = {.n_frames = 2};
	dw_place frames[] = {a, b};

	return recording_add(recording, DW_REC_STACK, &record, sizeof(record), frames,
			     sizeof(frames));
}

uint32_t recording_hint(struct recording *recording, const char *file, uint32_t line)
{
	struct dw_rec_hint record = {.line = line};

	return recording_add(recording, DW_REC_HINT, &record, sizeof(record), file,
			     strlen(file) + 1);
}

uint32_t recording_thread(struct recording *recording, uint32_t number, uint32_t parent,
			  uint32_t slot)
{
	struct dw_rec_thread record = {
	    .number = number, .tid = 100 + number, .parent = parent, .slot = slot};

	if (parent)
		record.parent_segment = 1;
	return recording_add(recording, DW_REC_THREAD, &record, sizeof(record), NULL, 0);
}

uint32_t recording_thing(struct recording *recording, uint64_t address)
{
	struct dw_rec_thing record = {
	    .address = address, .place = address, .life = 1, .kind = DW_MUTEX};

	return recording_add(recording, DW_REC_THING, &record, sizeof(record), NULL, 0);
}

uint32_t recording_chain(struct recording *recording, uint32_t thread, uint32_t below,
			 uint32_t thing)
{
	struct dw_rec_chain record = {
	    .below = below, .thing = thing, .thread = thread, .from = 1, .to = 1};

	return recording_add(recording, DW_REC_CHAIN, &record, sizeof(record), NULL, 0);
}

uint32_t recording_again(struct recording *recording, uint32_t chain, uint32_t from, uint32_t to)
{
	struct dw_rec_again record = {.chain = chain, .from = from, .to = to};
	uint32_t id = recording_add(recording, DW_REC_AGAIN, &record, sizeof(record), NULL, 0);
	struct dw_rec_chain *told = recording_record(recording, chain);

	((struct dw_rec_again *)recording_record(recording, id))->before = told->again;
	told->again = id;
	return id;
}

uint32_t recording_wait(struct recording *recording, uint32_t thread, uint32_t below,
			uint32_t thing)
{
	uint32_t id = recording_chain(recording, thread, below, thing);

	((struct dw_rec_chain *)recording_record(recording, id))->how = DW_WAITS;
	return id;
}

uint32_t recording_post(struct recording *recording, uint32_t thread, uint32_t thing,
			uint32_t chain)
{
	struct dw_rec_post record = {.thing = thing, .thread = thread, .chain = chain};

	return recording_add(recording, DW_REC_POST, &record, sizeof(record), NULL, 0);
}

uint32_t recording_name(struct recording *recording, uint32_t thing, const char *text)
{
	struct dw_rec_name record = {.thing = thing};

	return recording_add(recording, DW_REC_NAME, &record, sizeof(record), text,
			     strlen(text) + 1);
}

uint32_t recording_found(struct recording *recording, const struct dw_rec_found_leg *legs,
			 uint32_t n_legs, uint32_t n_waiters)
{
	struct dw_rec_found record = {
	    .verdict = DW_FOUND_DEADLOCK, .n_legs = n_legs, .n_waiters = n_waiters};

	return recording_add(recording, DW_REC_FOUND, &record, sizeof(record), legs,
			     ((size_t)n_legs + n_waiters) * sizeof(*legs));
}

uint32_t recording_event(struct recording *recording, uint64_t seq, uint32_t thread, unsigned kind,
			 uint64_t object)
{
	struct dw_rec_event record = {.event = {
					  .seq = seq,
					  .object = object,
					  .thread = thread,
					  .kind = (uint16_t)kind,
					  .what = DW_MUTEX,
				      }};

	return recording_add(recording, DW_REC_EVENT, &record, sizeof(record), NULL, 0);
}

/* Thread 2 holds the first lock of @chain, and wants another. */
static uint32_t add_slot(struct recording *recording, uint32_t chain, uint32_t wanted)
{
	struct dw_rec_slot record = {.slot = {.wants = 0x2000, .top = 1, .max = 4, .thread = 2}};
	struct dw_held held[6] = {
	    [1] = {.thing = 0x1000, .chain = chain, .what = DW_MUTEX},
	    [2] = {.thing = 0x2000, .chain = wanted, .what = DW_MUTEX},
	};

	return recording_add(recording, DW_REC_SLOT, &record, sizeof(record), held, sizeof(held));
}

static void add_misuse(struct recording *recording, uint32_t thing, uint32_t chain)
{
	struct dw_rec_misuse record = {
	    .kind = DW_MISUSE_EXIT, .thread = 2, .thing = thing, .chain = chain};

	recording_add(recording, DW_REC_MISUSE, &record, sizeof(record), NULL, 0);
}

/* Thread 2 waits for @condition with lock @chain, and gives it; thread 1 gives it after @other. */
static void add_waits(struct recording *recording, uint32_t chain, uint32_t other)
{
	uint32_t condition = recording_thing(recording, 0x3000), wait, post;
	struct dw_rec_thing *thing = recording_record(recording, condition);
	struct dw_rec_chain *waiting;

	thing->kind = DW_CONDITION;
	wait = recording_wait(recording, 2, chain, condition);
	waiting = recording_record(recording, wait);
	waiting->woken_by = condition;
	waiting->exit = 7;
	waiting->address = 0xfee00000;
	waiting->n_waits = 3;
	waiting->waited_ns = 30;
	waiting->longest_ns = 20;
	waiting->held_ns = 40;
	recording_name(recording, condition, "cond");
	recording_post(recording, 2, condition, 0);
	post = recording_post(recording, 1, condition, other);
	((struct dw_rec_post *)recording_record(recording, post))->said = condition;
	recording_found(recording,
			(struct dw_rec_found_leg[]){
			    {.thread = 2, .holds = chain, .needs = wait, .thing = condition},
			    {.thread = 1, .post = post, .needs = other},
			    {.thread = 3},
			},
			2, 1);
}

void recording_fill(struct recording *recording)
{
	struct dw_rec_joined joined = {.thread = 1, .segment = 3, .other = 2};
	uint32_t module = recording_module(recording, 1, "/lib/one.so");
	uint32_t stack = recording_stack(recording, (UINT64_C(1) << 48) + 0x10, 0x20);
	uint32_t hint = recording_hint(recording, "one.c", 12);
	uint32_t a = recording_thing(recording, 0x1000), b = recording_thing(recording, 0x2000);
	uint32_t ab = recording_chain(recording, 2, 0, a);
	uint32_t abb = recording_chain(recording, 2, ab, b);
	uint32_t ba = recording_chain(recording, 1, 0, b);
	struct dw_rec_chain *chain = recording_record(recording, abb);

	(void)module;
	chain->stack = stack;
	chain->hint = hint;
	recording_again(recording, ba, 3, 4);
	recording_thread(recording, 1, 0, 0);
	recording_thread(recording, 2, 1, add_slot(recording, ab, abb));
	recording_add(recording, DW_REC_JOINED, &joined, sizeof(joined), NULL, 0);
	add_misuse(recording, a, ab);
	add_waits(recording, ab, ba);
	recording_event(recording, 2, 1, DW_DROP, 0x2000);
	recording_event(recording, 1, 1, DW_HOLD, 0x2000);
	recording_header(recording)->flags = DW_REC_EVENTS;
}
