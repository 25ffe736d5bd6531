/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/merge_parts.h"

#include "base/hash.h"

#include <string.h>

/* What a file is known by beside its build: where it is, another host may have put it elsewhere. */
static const char *name_of(const struct dw_module *module)
{
	const char *slash =
	    module->path && module->build_id_size ? strrchr(module->path, '/') : NULL;

	return slash ? slash + 1 : module->path;
}

/* Offsets count from the start: so files are the same if they start the same way, too. */
static bool same_module(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_module *a = &((const struct dw_program *)context)->modules[item];
	const struct dw_module *b = wanted;

	return a->build_id_size == b->build_id_size && dw_merge_is_equal(name_of(a), name_of(b)) &&
	       a->start - a->bias == b->start - b->bias &&
	       (!a->build_id_size || !memcmp(a->build_id, b->build_id, a->build_id_size));
}

static uint64_t hash_module(const struct dw_module *module)
{
	uint64_t hash = DW_HASH_TEXT_START;

	if (module->path)
		hash = dw_hash_text(hash, name_of(module), strlen(name_of(module)));
	return dw_hash_text(hash, (const char *)module->build_id, module->build_id_size);
}

static int copy_module(struct dw_arena *arena, const struct dw_module *module,
		       struct dw_module *ret)
{
	*ret = *module;
	if (module->path) {
		ret->path = dw_arena_text(arena, module->path, strlen(module->path));
		if (!ret->path)
			return dw_raise(-ENOMEM);
	}
	ret->build_id = NULL;
	if (module->build_id_size) {
		ret->build_id = (const uint8_t *)dw_arena_text(
		    arena, (const char *)module->build_id, module->build_id_size);
		if (!ret->build_id)
			return dw_raise(-ENOMEM);
	}
	return 0;
}

static int ensure_module(struct dw_program *program, const struct dw_module *module, uint32_t *ret)
{
	uint64_t hash = hash_module(module);
	int r;

	*ret = dw_index_find(&program->modules_index, hash, same_module, program, module);
	if (*ret != DW_INDEX_NONE)
		return 0;
	r = dw_array_room(program->arena, (void **)&program->modules, program->facts.n_modules,
			  &program->modules_room, sizeof(*module));
	if (r == 0)
		r = dw_index_add(&program->modules_index, program->arena, hash,
				 program->facts.n_modules);
	if (r == 0)
		r = copy_module(program->arena, module,
				&program->modules[program->facts.n_modules]);
	if (r < 0)
		return dw_pass(r);
	*ret = program->facts.n_modules++;
	return 0;
}

/* Two copies of a file in one process are two: nothing is known of what is in the later one. */
static bool is_second_copy(const struct dw_adding *adding, uint32_t module)
{
	const struct dw_module *modules = adding->facts->modules;

	for (uint32_t i = 1; i < module; i++)
		if (adding->modules[i] == adding->modules[module] &&
		    strcmp(modules[i].path, modules[module].path) != 0)
			return true;
	return false;
}

int dw_adding_modules(struct dw_adding *adding)
{
	const struct dw_facts *facts = adding->facts;
	int r = 0;

	adding->modules =
	    dw_arena_alloc(adding->arena, ((size_t)facts->n_modules + 1) * sizeof(uint32_t));
	if (!adding->modules)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 1; i < facts->n_modules && r == 0; i++) {
		if (!facts->modules[i].path)
			continue;
		r = ensure_module(adding->program, &facts->modules[i], &adding->modules[i]);
		if (r == 0 && is_second_copy(adding, i))
			adding->modules[i] = 0;
	}
	return r < 0 ? dw_pass(r) : 0;
}

/* A place in no file differs by run, and says nothing in another. */
dw_place dw_adding_place(const struct dw_adding *adding, dw_place place)
{
	uint32_t module = DW_PLACE_MODULE(place);

	if (module == 0 || module >= adding->facts->n_modules || !adding->modules[module])
		return 0;
	return (dw_place)adding->modules[module] << 48 | DW_PLACE_OFFSET(place);
}

static bool same_stack(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_stack *a = &((const struct dw_program *)context)->stacks[item], *b = wanted;

	return a->n_frames == b->n_frames && a->flags == b->flags &&
	       !memcmp(a->frames, b->frames, a->n_frames * sizeof(*a->frames));
}

int dw_adding_stack(struct dw_adding *adding, uint32_t stack, uint32_t *ret)
{
	struct dw_program *program = adding->program;
	const struct dw_stack *from = &adding->facts->stacks[stack];
	struct dw_stack to = {NULL, from->n_frames, from->flags};
	uint64_t hash = from->n_frames;
	dw_place *frames;
	int r;

	*ret = adding->stacks[stack] ? adding->stacks[stack] - 1 : 0;
	if (!stack || adding->stacks[stack])
		return 0;
	frames = dw_arena_alloc(adding->arena, to.n_frames * sizeof(*frames) + 1);
	if (!frames)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < to.n_frames; i++) {
		frames[i] = dw_adding_place(adding, from->frames[i]);
		hash = dw_hash(hash, frames[i]);
	}
	to.frames = frames;
	*ret = dw_index_find(&program->stacks_index, hash, same_stack, program, &to);
	if (*ret == DW_INDEX_NONE) {
		to.frames = (const dw_place *)dw_arena_text(program->arena, (const char *)frames,
							    to.n_frames * sizeof(*frames));
		r = to.frames
			? dw_array_room(program->arena, (void **)&program->stacks,
					program->facts.n_stacks, &program->stacks_room, sizeof(to))
			: -ENOMEM;
		if (r == 0)
			r = dw_index_add(&program->stacks_index, program->arena, hash,
					 program->facts.n_stacks);
		if (r < 0)
			return dw_pass(r);
		*ret = program->facts.n_stacks++;
		program->stacks[*ret] = to;
	}
	adding->stacks[stack] = *ret + 1;
	return 0;
}

static bool same_hint(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_hint *a = &((const struct dw_program *)context)->hints[item], *b = wanted;

	return a->line == b->line && dw_merge_is_equal(a->file, b->file);
}

int dw_adding_hint(struct dw_adding *adding, uint32_t hint, uint32_t *ret)
{
	struct dw_program *program = adding->program;
	struct dw_hint copy = adding->facts->hints[hint];
	uint64_t hash;
	int r;

	*ret = 0;
	if (!hint || !copy.file)
		return 0;
	hash = dw_hash(dw_hash_text(DW_HASH_TEXT_START, copy.file, strlen(copy.file)), copy.line);
	*ret = dw_index_find(&program->hints_index, hash, same_hint, program, &copy);
	if (*ret != DW_INDEX_NONE)
		return 0;
	copy.file = dw_arena_text(program->arena, copy.file, strlen(copy.file));
	r = copy.file ? dw_array_room(program->arena, (void **)&program->hints,
				      program->facts.n_hints, &program->hints_room, sizeof(copy))
		      : -ENOMEM;
	if (r == 0)
		r = dw_index_add(&program->hints_index, program->arena, hash,
				 program->facts.n_hints);
	if (r < 0)
		return dw_pass(r);
	*ret = program->facts.n_hints++;
	program->hints[*ret] = copy;
	return 0;
}
