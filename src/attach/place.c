/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/place.h"

#include "attach/soname.h"
#include "base/error.h"
#include "symbol/build_id.h"
#include "symbol/wrapper.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

/* What is in no file has its address for a place. */
#define NO_FILE(address) ((address) & ((UINT64_C(1) << 48) - 1))

/* The files that were known keep their numbers. */
static void take_over(struct dw_attached_module *modules, uint32_t n,
		      const struct dw_attached_module *old)
{
	for (uint32_t i = 0; i < n; i++)
		if (modules[i].start == old->start && strcmp(modules[i].path, old->path) == 0)
			modules[i] = *old;
}

/* What came with an event is the stack of then; the rest is read as it is now. */
static bool read_memory(void *context, uint64_t address, void *ret, size_t n)
{
	const struct dw_attached *process = context;
	const struct dw_wire_event *event = process->event;
	uint64_t at = event ? address - event->registers.sp : 0;
	struct iovec to = {ret, n}, from = {(void *)address, n};

	if (event && n <= event->stack_size && address >= event->registers.sp &&
	    at <= event->stack_size - n) {
		memcpy(ret, event->stack + at, n);
		return true;
	}
	return process_vm_readv(process->pid, &to, 1, &from, 1, 0) == (ssize_t)n;
}

int dw_attached_read_maps(struct dw_attached *process)
{
	struct dw_unwind_process files = {.code = &process->code,
					  .read = read_memory,
					  .read_code = read_memory,
					  .context = process};
	struct dw_attached_module *modules;
	struct dw_code code;
	int r = dw_code_read(process->pid, process->arena, &code);

	if (r < 0)
		return dw_pass(r);
	/* It has ended, but not all that it did may have been heard of: that was done in these. */
	if (code.n_maps == 0 && process->code.n_maps > 0)
		return 0;
	modules = dw_arena_alloc(process->arena, (code.n_maps + 1) * sizeof(*modules));
	if (!modules)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < code.n_maps; i++)
		modules[i] = (struct dw_attached_module){.start = code.maps[i].start,
							 .path = code.maps[i].path};
	for (uint32_t i = 0; i < process->code.n_maps; i++)
		take_over(modules, code.n_maps, &process->modules[i]);
	process->unwinder = dw_unwinder_free(process->unwinder);
	process->code = code;
	process->modules = modules;
	r = dw_unwinder_new(&process->unwinder, &files);
	return r < 0 ? dw_pass(r) : 0;
}

struct dw_attached_module *dw_attached_module(struct dw_attached *process, uint64_t address)
{
	const struct dw_map *map = dw_maps_find(process->code.maps, process->code.n_maps, address);

	return map ? &process->modules[map - process->code.maps] : NULL;
}

static void tell_module(struct dw_attached *process, struct dw_attached_module *module,
			const struct dw_map *map)
{
	struct dw_build_id build_id = dw_build_id_of_file(map->file);
	struct dw_rec_module *record;
	char path[PATH_MAX];
	size_t n;

	dw_soname_path(map, path, sizeof(path));
	n = strlen(path) + 1;
	record = dw_writer_reserve(&process->writer, &process->cursor, sizeof(*record) + n);
	if (!record)
		return;
	record->start = map->start;
	record->end = map->end;
	record->bias = dw_map_bias(map);
	record->number = ++process->n_modules;
	if (build_id.size <= sizeof(record->build_id)) {
		record->build_id_size = build_id.size;
		memcpy(record->build_id, build_id.bytes, build_id.size);
	}
	memcpy(record->path, path, n);
	module->number = (uint16_t)record->number;
	dw_writer_submit(&process->writer, record, DW_REC_MODULE);
}

dw_place dw_attached_place(struct dw_attached *process, uint64_t address)
{
	struct dw_attached_module *module = dw_attached_module(process, address);
	const struct dw_map *map = module ? &process->code.maps[module - process->modules] : NULL;

	if (!module)
		return NO_FILE(address);
	if (!module->number)
		tell_module(process, module, map);
	if (!module->number)
		return NO_FILE(address);
	return (uint64_t)module->number << 48 | (address - map->start);
}

bool dw_attached_is_system_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	char name[NAME_MAX + 1];

	path = slash ? slash + 1 : path;
	snprintf(name, sizeof(name), "%.*s", (int)dw_map_path_size(path), path);
	return dw_wrapper_is_system(name);
}

bool dw_attached_is_system(struct dw_attached *process, uint64_t address)
{
	const struct dw_attached_module *module = dw_attached_module(process, address);

	return module && dw_attached_is_system_file(module->path);
}
