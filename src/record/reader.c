/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/reader.h"

#include "base/arena.h"
#include "base/error.h"
#include "record/load.h"

#include <errno.h>
#include <string.h>

/*
 * A thread can have a number and not tell anything. So that numbers, which index an array,
 * cannot be arbitrary, they are believed up to this many, and more in larger files, of which
 * a thread that tells something needs its part.
 */
#define SILENT_THREADS_MAX 65536

struct dw_reader {
	struct dw_arena *arena; /* holds all that is handed out, the reader itself included */
	struct dw_facts facts;
	struct dw_event *events;
	size_t n_events;
	unsigned flags;
	uint64_t n_locked;
	uint32_t monitor;
	struct dw_load_index kinds[DW_REC_BEAT + 1]; /* by enum dw_rec_kind */
};

static const size_t sizes_min[] = {
    [DW_REC_MODULE] = sizeof(struct dw_rec_module) + 1,
    [DW_REC_STACK] = sizeof(struct dw_rec_stack),
    [DW_REC_HINT] = sizeof(struct dw_rec_hint) + 1,
    [DW_REC_THREAD] = sizeof(struct dw_rec_thread),
    [DW_REC_SLOT] = sizeof(struct dw_rec_slot) + sizeof(struct dw_held),
    [DW_REC_THING] = sizeof(struct dw_rec_thing),
    [DW_REC_CHAIN] = sizeof(struct dw_rec_chain),
    [DW_REC_AGAIN] = sizeof(struct dw_rec_again),
    [DW_REC_JOINED] = sizeof(struct dw_rec_joined),
    [DW_REC_MISUSE] = sizeof(struct dw_rec_misuse),
    [DW_REC_EVENT] = sizeof(struct dw_rec_event),
    [DW_REC_POST] = sizeof(struct dw_rec_post),
    [DW_REC_NAME] = sizeof(struct dw_rec_name) + 1,
    [DW_REC_FOUND] = sizeof(struct dw_rec_found),
    [DW_REC_SILENCE] = sizeof(struct dw_rec_silence) + 1,
    [DW_REC_SIGNAL] = sizeof(struct dw_rec_signal),
    [DW_REC_BEAT] = sizeof(struct dw_rec_beat) + 1,
};
#define N_KINDS (sizeof(sizes_min) / sizeof(*sizes_min))

/* Whether what there is of the file could be the beginning of a recording. */
static bool begins_like_one(const struct dw_image *image)
{
	const uint64_t magic = DW_REC_MAGIC;
	size_t n = image->size < sizeof(magic) ? image->size : sizeof(magic);

	return n == 0 || memcmp(image->data, &magic, n) == 0;
}

/* The writer had no time, or no room, to fill it in. */
static bool is_blank(const struct dw_image *image)
{
	static const struct dw_rec_header blank;
	size_t n = image->size < sizeof(blank) ? image->size : sizeof(blank);

	return n == 0 || memcmp(image->data, &blank, n) == 0;
}

static bool other_byte_order(const struct dw_image *image)
{
	uint64_t magic = 0;

	if (image->size >= sizeof(magic))
		memcpy(&magic, image->data, sizeof(magic));
	return magic == __builtin_bswap64(DW_REC_MAGIC);
}

/* Nothing but a recording has the rest of such a header. */
static bool is_damaged_one(const struct dw_image *image)
{
	struct dw_rec_header header;

	if (image->size < sizeof(header))
		return false;
	memcpy(&header, image->data, sizeof(header));
	return header.version == DW_REC_VERSION && header.header_size == DW_REC_HEADER_SIZE &&
	       header.word_bits == 64;
}

/*
 * What comes first in a header is as old as the format, so a file of another version is
 * recognised before its header is expected to be of our size.
 */
static int check_header(const struct dw_image *image, struct dw_rec_header *ret)
{
	size_t n = image->size < sizeof(*ret) ? image->size : sizeof(*ret);

	if (is_blank(image))
		return DW_READER_EMPTY;
	if (other_byte_order(image))
		return DW_READER_MACHINE;
	if (!begins_like_one(image))
		return is_damaged_one(image) ? DW_READER_DAMAGED : DW_READER_FOREIGN;
	*ret = (struct dw_rec_header){0};
	if (n > 0)
		memcpy(ret, image->data, n);
	if (ret->version > DW_REC_VERSION)
		return DW_READER_NEWER;
	if (n == sizeof(*ret) && ret->word_bits != 64)
		return DW_READER_MACHINE;
	if (n < sizeof(*ret) || image->size < ret->header_size)
		return DW_READER_SHORT;
	if (ret->version == 0 || ret->header_size < sizeof(*ret) || ret->header_size % 8 != 0)
		return DW_READER_FOREIGN;
	return 0;
}

static int read_header(struct dw_load *load, const struct dw_rec_header *header)
{
	struct dw_facts *facts = load->facts;
	size_t n = strnlen(header->program, sizeof(header->program));
	uint64_t room = SILENT_THREADS_MAX + load->image->data_size / sizeof(struct dw_rec_head);

	load->damaged += n == sizeof(header->program);
	facts->program = dw_arena_text(load->arena, header->program, n);
	facts->pid = header->pid;
	facts->short_stacks = header->short_stacks;
	facts->left_out = header->n_left_out;
	if (header->seen_ns > header->start_ns)
		facts->run_ns = header->seen_ns - header->start_ns;
	facts->truncated = load->image->cut || load->image->size < load->image->promised;
	memcpy(facts->losses, header->losses, sizeof(facts->losses));
	load->threads_max = header->n_threads < room ? header->n_threads : (uint32_t)room;
	return facts->program ? 0 : dw_raise(-ENOMEM);
}

/* One walk over the image: counts the records of each kind, and, if there is room, keeps ids. */
static void sort_ids(struct dw_load *load, uint32_t header_size)
{
	struct dw_image_walk walk;
	struct dw_rec_head head;
	uint32_t id;

	for (size_t kind = 0; kind < N_KINDS; kind++)
		load->kinds[kind].n = 0;
	load->damaged = 0;
	dw_image_walk_init(&walk, load->image, header_size);
	while (dw_image_walk_next(&walk, load->image, &head, &id) > 0) {
		struct dw_load_index *index = &load->kinds[head.kind < N_KINDS ? head.kind : 0];

		if (index == load->kinds)
			continue; /* a kind from a later version: nothing to conclude from it */
		if (head.size < sizes_min[head.kind]) {
			load->damaged++;
			continue;
		}
		if (index->ids)
			index->ids[index->n] = id;
		index->n++;
	}
	load->damaged += walk.damaged;
}

static int index_records(struct dw_load *load, uint32_t header_size)
{
	sort_ids(load, header_size);
	for (size_t kind = 0; kind < N_KINDS; kind++) {
		struct dw_load_index *index = &load->kinds[kind];

		index->ids = dw_load_array(load, index->n, sizeof(*index->ids));
		index->numbers = dw_load_array(load, index->n, sizeof(*index->numbers));
		if (!index->ids || !index->numbers)
			return dw_raise(-ENOMEM);
	}
	sort_ids(load, header_size);
	return 0;
}

/*
 * Chains that were told and are not there: the walk went astray. A killed process can have been
 * telling one in each thread; where the file is known to be cut, they are where it ends.
 */
static uint64_t missing_chains(const struct dw_load *load, const struct dw_rec_header *header)
{
	uint32_t there = load->kinds[DW_REC_CHAIN].n;
	uint32_t under_way = header->flags & DW_REC_ENDED ? 0 : header->n_threads;

	if (load->facts->truncated || header->n_chains <= there)
		return 0;
	return header->n_chains - there > under_way ? header->n_chains - there : 0;
}

static int load_all(struct dw_load *load, const struct dw_rec_header *header)
{
	static int (*const parts[])(struct dw_load *) = {
	    dw_load_modules, dw_load_stacks,   dw_load_hints,  dw_load_things,  dw_load_names,
	    dw_load_chains,  dw_load_signals,  dw_load_joins,  dw_load_misuses, dw_load_posts,
	    dw_load_founds,  dw_load_silences, dw_load_events, dw_load_threads,
	};
	int r = index_records(load, header->header_size);

	if (r < 0)
		return dw_pass(r);
	r = read_header(load, header);
	if (r < 0)
		return dw_pass(r);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		r = parts[i](load);
		if (r < 0)
			return dw_pass(r);
	}
	load->facts->losses[DW_LOSS_DAMAGED] += load->damaged + missing_chains(load, header);
	return 0;
}

static int reader_new(struct dw_reader **ret, size_t memory_max)
{
	struct dw_arena *arena;
	struct dw_reader *reader = dw_arena_new_owner(&arena, memory_max, sizeof(*reader));

	if (!reader)
		return dw_raise(-ENOMEM);
	reader->arena = arena;
	*ret = reader;
	return 0;
}

static int read_image(struct dw_reader **ret, const struct dw_image *image, size_t memory_max)
{
	dw_auto(reader) reader = NULL;
	struct dw_rec_header header;
	struct dw_load load = {.image = image};
	int r = check_header(image, &header);

	if (r != 0)
		return r;
	r = reader_new(&reader, memory_max);
	if (r < 0)
		return dw_pass(r);
	load.arena = reader->arena;
	load.facts = &reader->facts;
	r = load_all(&load, &header);
	if (r < 0)
		return dw_pass(r);
	reader->flags = header.flags;
	reader->n_locked = header.n_locked;
	reader->monitor = header.monitor;
	memcpy(reader->kinds, load.kinds, sizeof(reader->kinds));
	/* Without the flag, not every event was recorded, and some are worse than none. */
	reader->events = load.events;
	reader->n_events = header.flags & DW_REC_EVENTS ? load.n_events : 0;
	*ret = dw_take(reader);
	return 0;
}

int dw_reader_open(struct dw_reader **ret, const char *path, size_t memory_max)
{
	dw_auto(image) image = NULL;
	int r = dw_image_open(&image, path, memory_max);

	if (r < 0)
		return dw_pass(r);
	if (r > 0)
		return DW_READER_FOREIGN;
	/* An image can be no larger than it was allowed to be. */
	r = read_image(ret, image, memory_max - image->data_size);
	return r < 0 ? dw_pass(r) : r;
}

int dw_reader_open_memory(struct dw_reader **ret, const void *data, size_t size, size_t memory_max)
{
	dw_auto(image) image = NULL;
	int r = dw_image_open_memory(&image, data, size);

	if (r < 0)
		return dw_pass(r);
	r = read_image(ret, image, memory_max);
	return r < 0 ? dw_pass(r) : r;
}

struct dw_reader *dw_reader_free(struct dw_reader *reader)
{
	if (reader)
		dw_arena_free(reader->arena);
	return NULL;
}

const struct dw_facts *dw_reader_facts(const struct dw_reader *reader)
{
	return &reader->facts;
}

const struct dw_event *dw_reader_events(const struct dw_reader *reader, size_t *ret_n)
{
	*ret_n = reader->n_events;
	return reader->events;
}

unsigned dw_reader_flags(const struct dw_reader *reader)
{
	return reader->flags;
}

uint64_t dw_reader_n_locked(const struct dw_reader *reader)
{
	return reader->n_locked;
}

uint32_t dw_reader_monitor(const struct dw_reader *reader)
{
	return reader->monitor;
}

uint32_t dw_reader_id(const struct dw_reader *reader, enum dw_rec_kind kind, uint32_t number)
{
	const struct dw_load_index *index = &reader->kinds[kind];

	for (uint32_t i = 0; number && i < index->n; i++)
		if (index->numbers[i] == number)
			return index->ids[i];
	return 0;
}

const char *dw_reader_answer_text(int answer)
{
	switch (answer) {
	case DW_READER_FOREIGN:
		return "is not a recording";
	case DW_READER_NEWER:
		return "is a recording of a later version than this program can read";
	case DW_READER_MACHINE:
		return "is a recording of a machine with another byte order or word size";
	case DW_READER_SHORT:
		return "ends within its header";
	case DW_READER_EMPTY:
		return "is empty: there was no room to record to, its process was killed "
		       "before, or it was lost since";
	case DW_READER_DAMAGED:
		return "is a recording whose first bytes were destroyed";
	}
	return "could be read";
}
