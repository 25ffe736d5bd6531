/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose code a stack is in: the program's own, a library's, the C library's. */
#include "symbol/names_parts.h"
#include "symbol/wrapper.h"

#include <inttypes.h>
#include <string.h>

bool dw_names_is_program(const struct dw_names *names, const char *module)
{
	const char *program = names->resolver.facts->program;

	return program && module && strcmp(dw_resolver_base_name(program), module) == 0;
}

const char *dw_names_library_call(struct dw_names *names, uint32_t stack, uint32_t hint)
{
	const struct dw_named_stack *named = dw_names_stack(names, stack, hint);
	const char *library, *call = NULL;

	if (named->site >= named->n_frames)
		return NULL;
	library = named->frames[named->site].module;
	if (!library || dw_names_is_program(names, library) || dw_wrapper_is_system(library))
		return NULL;
	for (uint32_t i = named->site; i < named->n_frames; i++) {
		const struct dw_frame *frame = &named->frames[i];

		if (frame->flags & DW_FRAME_RUNTIME || !frame->module ||
		    strcmp(frame->module, library) != 0)
			break;
		if (frame->function)
			call = frame->function;
	}
	return call;
}

const struct dw_frame *dw_names_own_frame(struct dw_names *names, uint32_t stack, uint32_t hint)
{
	const struct dw_named_stack *named = dw_names_stack(names, stack, hint);
	const struct dw_frame *first = NULL;

	for (uint32_t i = named->site; i < named->n_frames; i++) {
		const struct dw_frame *frame = &named->frames[i];

		if (!frame->function || frame->flags & DW_FRAME_RUNTIME ||
		    !dw_names_is_program(names, frame->module))
			continue;
		if (!dw_resolver_is_wrapper(&names->resolver, frame))
			return frame;
		first = first ? first : frame;
	}
	if (first)
		return first;
	if (named->site >= named->n_frames ||
	    dw_wrapper_is_system(named->frames[named->site].module))
		return NULL;
	return &named->frames[named->site];
}

const struct dw_frame *dw_names_post(struct dw_names *names, uint32_t post)
{
	const struct dw_facts *facts = names->resolver.facts;

	if (post >= facts->n_posts)
		return NULL;
	return dw_names_own_frame(names, facts->posts[post].stack, facts->posts[post].hint);
}

const char *dw_names_frame(struct dw_names *names, const struct dw_frame *frame)
{
	const char *text = frame->function;

	if (!text && !frame->module)
		return "generated code";
	if (!text)
		text = dw_names_text(names, "%s+0x%" PRIx64, frame->module, frame->address);
	return text ? text : "?";
}
