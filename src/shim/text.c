/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/text.h"

#include <string.h>

enum state { FREE, FILLING, READY };

static struct {
	uint32_t state;
	char text[SHIM_TEXT_SIZE];
	uint64_t told; /* process | record of the thing that has got the name */
	uint64_t beat; /* process | record that its beats are counted in */
} texts[SHIM_TEXTS];

/* At most all are looked at, from the hash on; one that another thread is filling is passed by. */
static uint32_t find(const char *text, size_t n, bool may_be_new)
{
	uint64_t hash = dw_hash_text(DW_HASH_TEXT_START, text, n);

	for (uint32_t i = 0; i < SHIM_TEXTS && n < SHIM_TEXT_SIZE; i++) {
		uint32_t number = (uint32_t)(hash + i) & (SHIM_TEXTS - 1);
		uint32_t state = __atomic_load_n(&texts[number].state, __ATOMIC_ACQUIRE);

		if (state == READY && !memcmp(texts[number].text, text, n + 1))
			return number;
		if (state != FREE)
			continue;
		if (!may_be_new)
			break;
		if (!__atomic_compare_exchange_n(&texts[number].state, &state, FILLING, 0,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		memcpy(texts[number].text, text, n + 1);
		__atomic_store_n(&texts[number].state, READY, __ATOMIC_RELEASE);
		return number;
	}
	return SHIM_TEXTS;
}

uint32_t shim_text(const char *text)
{
	return find(text, strlen(text), true);
}

uint32_t shim_text_find(const char *text)
{
	return find(text, strlen(text), false);
}

void shim_name_thing(struct shim_thread *t, uint32_t thing, const char *text)
{
	size_t n = strlen(text);
	uint32_t open = t->thread.open;
	struct dw_rec_name *name;

	t->thread.open = 0;
	name = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*name) + n + 1);
	if (name) {
		name->thing = thing;
		memcpy(name->text, text, n);
		dw_writer_submit(&shim->writer, name, DW_REC_NAME);
	}
	t->thread.open = open;
}

/* Each process of a fork has a recording of its own, and tells the names anew. */
void shim_text_tell(struct shim_thread *t, uint32_t number)
{
	uint32_t thing = shim_thing_latest(shim_text_thing(number));
	uint64_t told = (uint64_t)shim->writer.header->pid << 32 | thing;

	if (!thing || __atomic_load_n(&texts[number].told, __ATOMIC_RELAXED) == told)
		return;
	shim_name_thing(t, thing, texts[number].text);
	__atomic_store_n(&texts[number].told, told, __ATOMIC_RELAXED);
}

static void push_beat(struct dw_rec_beat *record, uint32_t id)
{
	uint32_t *last = &shim->writer.header->last_beat;

	record->before = __atomic_load_n(last, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(last, &record->before, id, 0, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

/* Two threads that do so at once make two records, of which one stays as it is. 0: no room. */
static uint32_t tell_beat(struct shim_thread *t, uint32_t number)
{
	size_t n = strlen(texts[number].text) + 1;
	struct dw_rec_beat *record;
	uint32_t id;
	SHIM_OWN_WORK(t);

	record = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*record) + n);
	if (!record)
		return 0;
	memcpy(record->name, texts[number].text, n);
	id = dw_writer_submit(&shim->writer, record, DW_REC_BEAT);
	push_beat(record, id);
	return id;
}

void shim_text_beat(struct shim_thread *t, uint32_t number)
{
	uint64_t process = (uint64_t)shim->writer.header->pid << 32;
	uint64_t beat = __atomic_load_n(&texts[number].beat, __ATOMIC_RELAXED);
	struct dw_rec_beat *record;

	if (beat >> 32 != process >> 32) {
		beat = process | tell_beat(t, number);
		__atomic_store_n(&texts[number].beat, beat, __ATOMIC_RELAXED);
	}
	if (!(uint32_t)beat)
		return;
	record = dw_writer_record(&shim->writer, (uint32_t)beat);
	__atomic_fetch_add(&record->n, 1, __ATOMIC_RELAXED);
}
