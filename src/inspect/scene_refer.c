/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who refers to a lock: by an address on its stack, or by the code that it is in the middle of.
 * A function that takes a variable and lets it go has no need to keep the variable's address;
 * it has it in two instructions, and a thread that holds the lock is between them.
 */
#include "base/arena.h"
#include "base/error.h"
#include "inspect/arch.h"
#include "inspect/scene_parts.h"
#include "symbol/symbol.h"

#include <errno.h>
#include <string.h>

/* Of a thread's stack so much is looked at: from where it is now outward. */
#define STACK_MAX_SIZE 65536
#define STACK_STEP_SIZE 4096

/* Longer functions are generated ones, of which nothing is known. */
#define FUNCTION_MAX_SIZE 65536

/* What of a thread counts. */
struct referrer {
	uint64_t *words; /* of its stack, as far as they were read */
	uint32_t n_words;
	uint32_t
	    n_handled; /* so many of its frames are a signal's handler's and inner ones; or 0 */
	uint32_t handled_word; /* the first word behind these */
};

struct dw_references {
	struct dw_scene *scene;
	struct referrer *threads; /* by thread number; words NULL: not read yet */
};

int dw_scene_references_new(struct dw_references **ret, struct dw_scene *scene)
{
	struct dw_references *references = dw_arena_alloc(scene->arena, sizeof(*references));

	if (!references)
		return dw_raise(-ENOMEM);
	references->scene = scene;
	references->threads =
	    dw_arena_alloc(scene->arena, scene->facts.n_threads * sizeof(*references->threads));
	if (!references->threads)
		return dw_raise(-ENOMEM);
	*ret = references;
	return 0;
}

/* As far as there is memory, and no farther than STACK_MAX_SIZE. */
static int read_words(struct dw_references *references, uint32_t thread)
{
	const struct dw_scene *scene = references->scene;
	struct referrer *referrer = &references->threads[thread];
	uint64_t at = scene->seen[thread].sighted->thread.sp & ~UINT64_C(7), next;
	size_t size = 0;

	referrer->words = dw_arena_alloc(scene->arena, STACK_MAX_SIZE);
	if (!referrer->words)
		return dw_raise(-ENOMEM);
	for (; at && size < STACK_MAX_SIZE - STACK_STEP_SIZE; at = next) {
		next = (at | (STACK_STEP_SIZE - 1)) + 1;
		if (dw_process_read(scene->sight->process, at, (uint8_t *)referrer->words + size,
				    next - at) < 0)
			break;
		size += next - at;
	}
	referrer->n_words = (uint32_t)(size / sizeof(*referrer->words));
	return 0;
}

static uint32_t find_word(const struct referrer *referrer, uint64_t word, uint32_t from)
{
	while (from < referrer->n_words && referrer->words[from] != word)
		from++;
	return from;
}

/*
 * The address of what a signal's handler returns to, if the frame is that: the beginning of a
 * function, where unwinders want one more, as for what was interrupted.
 */
static uint64_t sigreturn_of(const struct dw_scene *scene, dw_place frame)
{
	uint64_t at = dw_scene_address_of(scene, frame);
	uint8_t code[DW_ARCH_SIGRETURN_SIZE];

	for (uint64_t start = at - 1; start <= at; start++)
		if (dw_process_read(scene->sight->process, start, code, sizeof(code)) == 0 &&
		    dw_arch_is_sigreturn(code))
			return start;
	return 0;
}

/* The innermost handler's frames end with the one that it returns to. */
static void find_handler(const struct dw_references *references, uint32_t thread)
{
	const struct dw_scene *scene = references->scene;
	const struct dw_stack *stack = &scene->stacks[thread];
	struct referrer *referrer = &references->threads[thread];

	for (uint32_t i = 0; i < stack->n_frames && !referrer->n_handled; i++) {
		uint64_t at = sigreturn_of(scene, stack->frames[i]);

		referrer->n_handled = at ? i + 1 : 0;
		referrer->handled_word = at ? find_word(referrer, at, 0) : 0;
	}
}

/* Whether the function that the frame is in has @address on both sides of where it is. */
static bool is_between(const struct dw_scene *scene, dw_place frame, uint64_t address)
{
	uint64_t at = dw_scene_address_of(scene, frame);
	struct dw_symbol_bytes code;
	size_t n;

	if (!dw_names_bytes(scene->names, frame, &code) || code.n > FUNCTION_MAX_SIZE ||
	    at < code.start || at - code.start > code.n)
		return false;
	n = at - code.start;
	return dw_arch_has_operand(code.bytes, n, code.start, address) &&
	       dw_arch_has_operand(code.bytes + n, code.n - n, at, address);
}

int dw_scene_refers(struct dw_references *references, uint32_t thread, uint32_t thing)
{
	const struct dw_scene *scene = references->scene;
	const struct dw_stack *stack = &scene->stacks[thread];
	struct referrer *referrer = &references->threads[thread];
	uint64_t address = scene->things[thing].address;
	bool waits = scene->seen[thread].thing == thing;
	int r = 0;

	if (!referrer->words) {
		r = read_words(references, thread);
		if (r < 0)
			return dw_pass(r);
		find_handler(references, thread);
	}
	if (waits && !referrer->n_handled)
		return 0;
	if (find_word(referrer, address, waits ? referrer->handled_word : 0) < referrer->n_words)
		return 1;
	/* The code of one file has no other's variables in it. */
	for (uint32_t i = waits ? referrer->n_handled : 0; i < stack->n_frames; i++)
		if (DW_PLACE_MODULE(scene->things[thing].place) &&
		    is_between(scene, stack->frames[i], address))
			return 1;
	return 0;
}
