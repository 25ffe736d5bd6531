/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/stack.h"

#include "base/arena.h"
#include "base/pattern.h"
#include "symbol/wrapper.h"

#include <stdbool.h>
#include <string.h>

struct dw_file_place dw_resolver_place(const struct dw_resolver *resolver, dw_place place)
{
	uint32_t number = DW_PLACE_MODULE(place);
	const struct dw_module *module;

	if (number == DW_MODULE_TOLD && DW_PLACE_OFFSET(place) < resolver->facts->n_frames)
		return (struct dw_file_place){
		    .number = -1, .told = &resolver->facts->frames[DW_PLACE_OFFSET(place)]};
	if (number == 0 || number >= resolver->facts->n_modules)
		return (struct dw_file_place){.number = -1, .address = DW_PLACE_OFFSET(place)};
	module = &resolver->facts->modules[number];
	return (struct dw_file_place){
	    .module = module,
	    .number = resolver->modules[number],
	    .address = DW_PLACE_OFFSET(place) + module->start - module->bias,
	};
}

const char *dw_resolver_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* @file without the `../` and `./` that builds in a directory of their own put before it. */
static const char *shown_file(const char *file)
{
	for (;;) {
		if (file && strncmp(file, "../", 3) == 0)
			file += 3;
		else if (file && strncmp(file, "./", 2) == 0)
			file += 2;
		else
			return file;
	}
}

/*
 * The functions at a return address: the call is before it, maybe the last thing of its
 * function. Return: how many of @ret were filled; 0: @frame is no place at all.
 */
static unsigned find_code(const struct dw_resolver *resolver, dw_place frame,
			  struct dw_file_place *ret_place, struct dw_symbol *ret)
{
	struct dw_file_place place = dw_resolver_place(resolver, frame);
	unsigned n = 0;

	*ret_place = place;
	if (frame == 0) /* where the probe itself did not know the caller */
		return 0;
	if (place.number >= 0)
		n = dw_symbols_code(resolver->symbols, (uint32_t)place.number, place.address - 1,
				    ret);
	if (n == 0)
		ret[n++] = (struct dw_symbol){0};
	return n;
}

static struct dw_frame told_frame(const struct dw_told_frame *told)
{
	return (struct dw_frame){
	    .function = told->function,
	    .file = shown_file(told->file),
	    .module = told->module,
	    .line = told->line,
	};
}

static struct dw_frame frame_of(const struct dw_file_place *place, const struct dw_symbol *symbol)
{
	const struct dw_module *module = place->module;

	if (place->told)
		return told_frame(place->told);
	return (struct dw_frame){
	    .function = symbol->function,
	    .file = shown_file(symbol->file),
	    .module = module && module->path ? dw_resolver_base_name(module->path) : NULL,
	    .address = module ? place->address - 1 : 0,
	    .line = symbol->line,
	    .flags = symbol->inlined ? DW_FRAME_INLINED : 0,
	};
}

/* Counted first, filled then: the second look-up is answered from what the first has found. */
static uint32_t count_frames(const struct dw_resolver *resolver, const struct dw_stack *stack)
{
	struct dw_symbol symbols[DW_SYMBOL_INLINE_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < stack->n_frames; i++) {
		struct dw_file_place place;

		n += find_code(resolver, stack->frames[i], &place, symbols);
	}
	return n;
}

/* Fills at most @n frames, as many as count_frames() has counted. */
static uint32_t fill_frames(const struct dw_resolver *resolver, const struct dw_stack *stack,
			    struct dw_frame *frames, uint32_t n)
{
	struct dw_symbol symbols[DW_SYMBOL_INLINE_MAX];
	uint32_t filled = 0;

	for (uint32_t i = 0; i < stack->n_frames; i++) {
		struct dw_file_place place;
		unsigned n_symbols = find_code(resolver, stack->frames[i], &place, symbols);

		for (unsigned j = 0; j < n_symbols && filled < n; j++)
			frames[filled++] = frame_of(&place, &symbols[j]);
	}
	return filled;
}

bool dw_resolver_is_wrapper(const struct dw_resolver *resolver, const struct dw_frame *frame)
{
	for (size_t i = 0; i < resolver->n_wrappers; i++)
		if (dw_pattern_is_match(resolver->wrappers[i], frame->function))
			return true;
	return dw_wrapper_is_lock(frame->function, frame->module);
}

static bool is_aside(const struct dw_resolver *resolver, const struct dw_frame *frame)
{
	return dw_resolver_is_wrapper(resolver, frame) || dw_wrapper_is_system(frame->module);
}

/* How many of the @n innermost frames, one after the other, pass @test. */
static uint32_t
count_inner(const struct dw_resolver *resolver, const struct dw_frame *frames, uint32_t n,
	    bool (*test)(const struct dw_resolver *resolver, const struct dw_frame *frame))
{
	uint32_t i = 0;

	while (i < n && test(resolver, &frames[i]))
		i++;
	return i;
}

/*
 * Wrappers are what lies at the inner end, entries what lies at the outer end; the same
 * functions in the middle are the program's business. The C library counts as a wrapper, unless
 * there is nothing else. Return: index of the site.
 */
static uint32_t mark_frames(const struct dw_resolver *resolver, struct dw_frame *frames, uint32_t n)
{
	uint32_t end = n, site;

	while (end && dw_wrapper_is_entry(frames[end - 1].function, frames[end - 1].module))
		frames[--end].flags |= DW_FRAME_RUNTIME;
	site = count_inner(resolver, frames, end, is_aside);
	if (site == end)
		site = count_inner(resolver, frames, end, dw_resolver_is_wrapper);
	for (uint32_t i = 0; i < site; i++)
		frames[i].flags |= DW_FRAME_WRAPPER;
	return site < end ? site : n;
}

const struct dw_named_stack *dw_resolver_stack(const struct dw_resolver *resolver,
					       const struct dw_stack *stack,
					       const struct dw_hint *hint)
{
	uint32_t n = count_frames(resolver, stack);
	struct dw_frame *frames = dw_arena_alloc(resolver->arena, (n + 1) * sizeof(*frames));
	struct dw_named_stack *named = dw_arena_alloc(resolver->arena, sizeof(*named));

	if (!frames || !named)
		return NULL;
	n = fill_frames(resolver, stack, frames, n);
	*named = (struct dw_named_stack){frames, n, mark_frames(resolver, frames, n), stack->flags};
	if (hint && hint->file && named->site < n && !dw_wrapper_is_hint(hint->file)) {
		frames[named->site].file = shown_file(hint->file);
		frames[named->site].line = hint->line;
	}
	return named;
}
