/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/load.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

static const uint8_t *record_at(const struct dw_load *load, enum dw_rec_kind kind, uint32_t i)
{
	return load->image->data + (uint64_t)load->kinds[kind].ids[i] * 8;
}

void dw_load_record(const struct dw_load *load, enum dw_rec_kind kind, uint32_t i, void *ret,
		    size_t size)
{
	memcpy(ret, record_at(load, kind, i), size);
}

void dw_load_behind(const struct dw_load *load, enum dw_rec_kind kind, uint32_t i, size_t offset,
		    void *ret, size_t size)
{
	memcpy(ret, record_at(load, kind, i) + offset, size);
}

int dw_load_text(const struct dw_load *load, enum dw_rec_kind kind, uint32_t i, size_t offset,
		 const char **ret)
{
	const char *text = (const char *)record_at(load, kind, i) + offset;
	struct dw_rec_head head;
	size_t n;

	dw_load_record(load, kind, i, &head, sizeof(head));
	n = strnlen(text, head.size - offset);
	if (n == head.size - offset)
		return 1;
	*ret = dw_arena_text(load->arena, text, n);
	return *ret ? 0 : dw_raise(-ENOMEM);
}

void *dw_load_array(struct dw_load *load, uint32_t n, size_t size)
{
	return dw_arena_alloc(load->arena, ((size_t)n + 1) * size);
}

uint32_t dw_load_position(const struct dw_load *load, enum dw_rec_kind kind, uint32_t id)
{
	const struct dw_load_index *index = &load->kinds[kind];
	uint32_t low = 0, high = index->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (index->ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->n && index->ids[low] == id ? low : UINT32_MAX;
}

uint32_t dw_load_number(struct dw_load *load, enum dw_rec_kind kind, uint32_t id)
{
	uint32_t i = dw_load_position(load, kind, id);
	uint32_t number = i == UINT32_MAX ? 0 : load->kinds[kind].numbers[i];

	load->damaged += number == 0;
	return number;
}

uint32_t dw_load_optional(struct dw_load *load, enum dw_rec_kind kind, uint32_t id)
{
	return id ? dw_load_number(load, kind, id) : 0;
}

uint32_t dw_load_thread(struct dw_load *load, uint32_t number)
{
	if (number == 0 || number > load->threads_max) {
		load->damaged++;
		return 0;
	}
	if (number > load->threads_top)
		load->threads_top = number;
	return number;
}

uint32_t dw_load_optional_thread(struct dw_load *load, uint32_t number)
{
	return number ? dw_load_thread(load, number) : 0;
}

bool dw_load_address(struct dw_load *load, unsigned kind, uint64_t address)
{
	bool of_thread = kind == DW_ENDING || kind == DW_ANSWER;
	uint32_t number = dw_thing_number(address);

	if (of_thread || kind == DW_CALL || address & DW_NO_MEMORY) {
		if ((!of_thread && kind != DW_CALL) || address != dw_thing_address(kind, number)) {
			load->damaged++;
			return false;
		}
	}
	return !of_thread || dw_load_thread(load, number);
}

dw_place dw_load_place(struct dw_load *load, dw_place place)
{
	uint32_t module = DW_PLACE_MODULE(place);

	if (module == 0 || (module < load->facts->n_modules && load->facts->modules[module].path))
		return place;
	load->damaged++;
	return DW_PLACE_OFFSET(place);
}

static uint32_t highest_module(const struct dw_load *load)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < load->kinds[DW_REC_MODULE].n; i++) {
		struct dw_rec_module record;

		dw_load_record(load, DW_REC_MODULE, i, &record, sizeof(record));
		if (record.number > highest && record.number <= UINT16_MAX)
			highest = record.number;
	}
	return highest;
}

static int load_module(struct dw_load *load, struct dw_module *modules, uint32_t i)
{
	struct dw_rec_module record;
	struct dw_module module = {0};
	int r;

	dw_load_record(load, DW_REC_MODULE, i, &record, sizeof(record));
	if (record.number == 0 || record.number > UINT16_MAX || modules[record.number].path ||
	    record.start > record.end || record.build_id_size > sizeof(record.build_id))
		return 1;
	r = dw_load_text(load, DW_REC_MODULE, i, sizeof(record), &module.path);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	module.start = record.start;
	module.end = record.end;
	module.bias = record.bias;
	if (record.build_id_size) {
		uint8_t *build_id = dw_arena_alloc(load->arena, record.build_id_size);

		if (!build_id)
			return dw_raise(-ENOMEM);
		memcpy(build_id, record.build_id, record.build_id_size);
		module.build_id = build_id;
		module.build_id_size = record.build_id_size;
	}
	modules[record.number] = module;
	return 0;
}

int dw_load_modules(struct dw_load *load)
{
	uint32_t highest = highest_module(load);
	struct dw_module *modules = dw_load_array(load, highest, sizeof(*modules));

	if (!modules)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < load->kinds[DW_REC_MODULE].n; i++) {
		int r = load_module(load, modules, i);

		if (r < 0)
			return dw_pass(r);
		load->damaged += r > 0;
	}
	load->facts->modules = modules;
	load->facts->n_modules = highest + 1;
	return 0;
}

static int load_stack(struct dw_load *load, struct dw_stack *ret, uint32_t i)
{
	struct dw_rec_stack record;
	dw_place *frames;

	dw_load_record(load, DW_REC_STACK, i, &record, sizeof(record));
	if (record.n_frames > (record.head.size - sizeof(record)) / sizeof(*frames))
		return 1;
	frames = dw_load_array(load, record.n_frames, sizeof(*frames));
	if (!frames)
		return dw_raise(-ENOMEM);
	dw_load_behind(load, DW_REC_STACK, i, sizeof(record), frames,
		       record.n_frames * sizeof(*frames));
	for (uint32_t frame = 0; frame < record.n_frames; frame++)
		frames[frame] = dw_load_place(load, frames[frame]);
	ret->frames = frames;
	ret->n_frames = record.n_frames;
	ret->flags = record.flags & (DW_STACK_SHORT | DW_STACK_CUT | DW_STACK_ENDS(0xff));
	return 0;
}

int dw_load_stacks(struct dw_load *load)
{
	struct dw_load_index *index = &load->kinds[DW_REC_STACK];
	struct dw_stack *stacks = dw_load_array(load, index->n, sizeof(*stacks));
	uint32_t n = 1;

	if (!stacks)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < index->n; i++) {
		int r = load_stack(load, &stacks[n], i);

		if (r < 0)
			return dw_pass(r);
		load->damaged += r > 0;
		if (r == 0)
			index->numbers[i] = n++;
	}
	load->facts->stacks = stacks;
	load->facts->n_stacks = n;
	return 0;
}

int dw_load_hints(struct dw_load *load)
{
	struct dw_load_index *index = &load->kinds[DW_REC_HINT];
	struct dw_hint *hints = dw_load_array(load, index->n, sizeof(*hints));
	uint32_t n = 1;

	if (!hints)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < index->n; i++) {
		struct dw_rec_hint record;
		int r = dw_load_text(load, DW_REC_HINT, i, sizeof(record), &hints[n].file);

		if (r < 0)
			return dw_pass(r);
		load->damaged += r > 0;
		if (r > 0)
			continue;
		dw_load_record(load, DW_REC_HINT, i, &record, sizeof(record));
		hints[n].line = record.line;
		index->numbers[i] = n++;
	}
	load->facts->hints = hints;
	load->facts->n_hints = n;
	return 0;
}
