/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a dump, in every format. */
#include "base/arena.h"
#include "inspect/dump.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY_MAX ((size_t)256 << 20)

static void must(int condition)
{
	if (!condition)
		abort();
}

/* All that was handed out can be read, and is as the header says. */
static void check(const struct dw_dump_thread *thread)
{
	uint64_t n_samples = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < thread->n_stacks; i++) {
		const struct dw_dump_stack *stack = &thread->stacks[i];

		must(stack->n_frames > 0 && stack->n_frames <= DW_DUMP_FRAMES_MAX);
		must(i == 0 || stack->n_samples <= stack[-1].n_samples);
		n_samples += stack->n_samples;
		for (uint32_t j = 0; j < stack->n_frames; j++) {
			const struct dw_dump_frame *frame = &stack->frames[j];

			must(frame->at > 0);
			n += frame->function ? strlen(frame->function) : 0;
			n += frame->args ? strlen(frame->args) : 0;
			n += frame->file ? strlen(frame->file) : 0;
			n += frame->library ? strlen(frame->library) : 0;
		}
	}
	must(thread->n_samples == n_samples || n_samples > UINT32_MAX);
	must(thread->n_stacks == 0 || thread->stacks[0].n_frames > 0 || n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const readers[])(struct dw_dump *, struct dw_arena *, const char *, size_t) = {
	    dw_dump_read_gdb, dw_dump_read_lldb, dw_dump_read_sample};
	struct dw_arena *arena;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		struct dw_dump dump;

		must(dw_arena_new(&arena, MEMORY_MAX) == 0);
		must(readers[i](&dump, arena, (const char *)data, size) == 0);
		for (uint32_t j = 0; j < dump.n_threads; j++)
			check(&dump.threads[j]);
		dw_arena_free(arena);
	}
	return 0;
}
