/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/dumped.h"

#include "base/arena.h"
#include "base/error.h"
#include "cli/blind.h"
#include "cli/file.h"
#include "inspect/dump_sight.h"
#include "render/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Stacks of a thousand threads are some megabytes of text. */
#define TEXT_MAX ((size_t)64 << 20)

/* What is made of a text takes several times its room. */
#define MEMORY_MAX ((size_t)2 << 30)

struct dw_dumped {
	char *text;
	struct dw_arena *arena;
	struct dw_dump dump;
	struct dw_sight sight;
	struct dw_blind_list blind;
	struct dw_inspection_options options;
	struct dw_inspection *inspection;
};

struct dw_dumped *dw_dumped_free(struct dw_dumped *dumped)
{
	if (dumped) {
		dw_inspection_free(dumped->inspection);
		dw_arena_free(dumped->arena);
		free(dumped->text);
		free(dumped);
	}
	return NULL;
}

const struct dw_report *dw_dumped_report(const struct dw_dumped *dumped)
{
	return dw_inspection_report(dumped->inspection);
}

bool dw_dumped_is_sampled(const struct dw_dumped *dumped)
{
	return dumped->sight.sample_ns > 0;
}

static int read_dump(struct dw_dumped *dumped, const char *format, size_t size)
{
	static const struct {
		const char *format;
		int (*read)(struct dw_dump *ret, struct dw_arena *arena, const char *text,
			    size_t size);
	} readers[] = {
	    {"gdb", dw_dump_read_gdb},
	    {"lldb", dw_dump_read_lldb},
	    {"sample", dw_dump_read_sample},
	};

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (strcmp(readers[i].format, format) == 0)
			return readers[i].read(&dumped->dump, dumped->arena, dumped->text, size);
	return dw_raise(-EINVAL);
}

static bool has_stack(const struct dw_dump *dump)
{
	for (uint32_t i = 0; i < dump->n_threads; i++)
		if (dump->threads[i].n_stacks > 0)
			return true;
	return false;
}

static uint32_t count_cut(const struct dw_dump *dump)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < dump->n_threads; i++)
		n += dump->threads[i].n_stacks && dump->threads[i].stacks[0].flags & DW_DUMP_CUT;
	return n;
}

/* What cannot be known from this text, though it may have been so. */
static int judge(struct dw_dumped *dumped)
{
	const struct dw_dump *dump = &dumped->dump;
	uint32_t n_cut = count_cut(dump);
	int r = dw_blind_add(&dumped->blind, dumped->arena, "text",
			     "a text does not say what threads hold: whoever holds a lock is known "
			     "only if that was printed");

	if (r == 0 && n_cut)
		r = dw_blind_add(&dumped->blind, dumped->arena, "cut",
				 "of %u of %u stack%s the outer end is not in the text", n_cut,
				 dump->n_threads, dw_words_plural(dump->n_threads));
	if (r == 0 && dump->n_unnumbered)
		r = dw_blind_add(
		    &dumped->blind, dumped->arena, "unnumbered",
		    "of %u of %u stack%s the text does not say whose they are: if they "
		    "are of another moment, they do not belong here",
		    dump->n_unnumbered, dump->n_threads, dw_words_plural(dump->n_threads));
	if (r == 0 && dump->n_changed)
		r = dw_blind_add(&dumped->blind, dumped->arena, "changed",
				 "%u thread%s several stacks that differ, of different moments: "
				 "the last one counts",
				 dump->n_changed, dump->n_changed == 1 ? " has" : "s have");
	if (r == 0 && dump->n_lost)
		r = dw_blind_add(&dumped->blind, dumped->arena, "limit",
				 "%ju threads, stacks or frames were too many and left out",
				 (uintmax_t)dump->n_lost);
	return dw_pass(r);
}

static int inspect(struct dw_dumped *dumped, const char *path,
		   const struct dw_inspection_options *options)
{
	int r = dw_dump_sight(&dumped->sight, &dumped->dump, dumped->arena);

	if (r == 0)
		r = judge(dumped);
	if (r < 0)
		return dw_pass(r);
	if (!dumped->sight.program)
		dumped->sight.program = path;
	dumped->options = *options;
	dumped->options.blind = dumped->blind.entries;
	dumped->options.n_blind = dumped->blind.n;
	return dw_inspection_new_of_sight(&dumped->inspection, &dumped->sight, &dumped->options);
}

int dw_dumped_new(struct dw_dumped **ret, const char *path, const char *format,
		  const struct dw_inspection_options *options)
{
	dw_auto(dumped) dumped = calloc(1, sizeof(*dumped));
	size_t size;
	int r = dumped ? dw_arena_new(&dumped->arena, MEMORY_MAX) : dw_raise(-ENOMEM);

	if (r == 0)
		r = dw_file_read(path, TEXT_MAX, &dumped->text, &size);
	if (r == 0)
		r = read_dump(dumped, format, size);
	if (r == -EFBIG || (r == -ENOMEM && dumped && dumped->text))
		return DW_DUMPED_TOO_LARGE;
	if (r == 0 && !has_stack(&dumped->dump))
		return DW_DUMPED_NOTHING;
	if (r == 0)
		r = inspect(dumped, path, options);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(dumped);
	return 0;
}
