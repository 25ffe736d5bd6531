/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/files.h"

#include "attach/only_lock.h"
#include "attach/place.h"
#include "base/error.h"
#include "symbol/annotated.h"
#include "symbol/build_id.h"
#include "symbol/elf_file.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

/* Rows of the table. */
#define LOCATED_MAX 128

/* The ELF header and the notes behind it are in the first page. */
#define BEGIN_SIZE 4096

/* Files without a build id cannot be told apart, and are taken for the same. */
static bool is_replaced(const struct dw_attached *process, const struct dw_map *map)
{
	char begin[BEGIN_SIZE] __attribute__((aligned(16)));
	struct iovec to = {begin, sizeof(begin)}, from = {(void *)map->start, sizeof(begin)};
	ssize_t n = process_vm_readv(process->pid, &to, 1, &from, 1, 0);
	struct dw_build_id loaded, present;

	if (n <= 0 || !dw_build_id_of_memory(begin, (size_t)n, &loaded) || loaded.size == 0)
		return false;
	present = dw_build_id_of_file(map->file);
	return present.size > 0 && !dw_build_id_equal(&loaded, &present);
}

/* Whether there is neither the C library nor the loader: it is linked into the program. */
static bool is_static(const struct dw_attached *process)
{
	for (uint32_t i = 0; i < process->code.n_maps; i++)
		if (dw_attached_is_system_file(process->code.maps[i].path))
			return false;
	return true;
}

/* The C library, or the program where that is linked into it. */
static bool has_locks(const struct dw_attached *process, const char *path)
{
	return dw_attached_is_system_file(path) ||
	       (strcmp(path, process->writer.header->program) == 0 && is_static(process));
}

/* Data that is mapped as if it were code is no file with functions. Return: as dw_probe_file(). */
static int probe_any(const struct dw_attached *process, struct dw_probe *probe,
		     const struct dw_map *map, const struct dw_finder *finder)
{
	int r = dw_probe_file(probe, process->pid, map->file, finder);

	if (r == -ENOEXEC || r == -ENOENT)
		return 0;
	return r < 0 ? dw_pass(r) : r;
}

/* Locks that the user has named are variables, which live for ever. */
static bool sees_lives(const struct dw_attached *process)
{
	return !process->only || !process->only->n_locks || process->only->n_functions;
}

/* Calls that have a name, and allocators that are used in place of the C library's. */
static int probe_others(const struct dw_attached *process, struct dw_probe *probe,
			const struct dw_map *map, struct dw_named *named)
{
	const struct dw_finder calls = dw_named_finder(named), freeing = dw_freeing_finder();
	int n = probe_any(process, probe, map, &calls), n_freeing = 0;

	if (n >= 0 && !has_locks(process, map->path) && sees_lives(process))
		n_freeing = probe_any(process, probe, map, &freeing);
	if (n < 0 || n_freeing < 0)
		return dw_pass(n < 0 ? n : n_freeing);
	return n + n_freeing;
}

static uint32_t count_functions(const struct dw_map *map, const struct dw_finder *finder)
{
	struct dw_located located[LOCATED_MAX];
	int n = dw_locate(map->file, finder, located, LOCATED_MAX);
	uint32_t count = 0;

	for (int i = 0; i < n; i++)
		count += located[i].function.cookie.kind != DW_WIRE_RESULT;
	return count;
}

/* Counts those that would be probed, but for the user's choice. */
static void count_left_out(struct dw_attached *process, const struct dw_map *map,
			   const struct dw_finder *chosen)
{
	const struct dw_finder all = dw_probed_finder(NULL);
	uint32_t n_all = count_functions(map, &all), n_chosen = count_functions(map, chosen);

	if (n_all > n_chosen)
		process->writer.header->n_left_out += n_all - n_chosen;
}

/* Return: as dw_probe_file(). */
static int probe_locks(struct dw_attached *process, struct dw_probe *probe,
		       const struct dw_map *map)
{
	const struct dw_finder finder = dw_probed_finder(process->only);
	int n;

	if (!has_locks(process, map->path))
		return 0;
	n = dw_probe_file(probe, process->pid, map->file, &finder);
	if (n == 0 && !process->only && is_static(process))
		dw_writer_lost(&process->writer, DW_LOSS_STRIPPED);
	if (n >= 0 && process->only)
		count_left_out(process, map, &finder);
	return n < 0 ? dw_pass(n) : n;
}

/* Return: as dw_probe_file(). */
static int probe_lock(struct dw_attached *process, struct dw_probe *probe, const struct dw_map *map,
		      const struct dw_only_lock *lock)
{
	const struct dw_finder finder = dw_only_lock_finder(lock);
	uint64_t *address = &process->only_locks[lock->number - 1];
	int n;

	if (*address)
		return 0;
	*address = dw_only_lock_find(process, lock, map);
	if (!*address || dw_only_lets_go(process->only))
		return 0;
	process->has_own_probes = true;
	n = dw_probe_file(probe, process->pid, map->file, &finder);
	return n < 0 ? dw_pass(n) : n;
}

/* The locks of functions of the program's own. Return: as dw_probe_file(). */
static int probe_own(struct dw_attached *process, struct dw_probe *probe, const struct dw_map *map)
{
	const struct dw_only *only = process->only;
	int n = 0;

	for (size_t i = 0; only && i < only->n_locks; i++) {
		int r = probe_lock(process, probe, map, &only->locks[i]);

		if (r < 0)
			return dw_pass(r);
		n += r;
	}
	return n;
}

/* Return: as dw_probe_file(). */
static int probe_file(struct dw_attached *process, struct dw_probe *probe, const struct dw_map *map,
		      struct dw_named *named)
{
	int n, n_own, n_others;

	if (is_replaced(process, map))
		return dw_raise(-ESTALE);
	n = probe_locks(process, probe, map);
	n_own = n < 0 ? n : probe_own(process, probe, map);
	if (n_own < 0)
		return dw_pass(n_own);
	n_others = probe_others(process, probe, map, named);
	return n_others < 0 ? dw_pass(n_others) : n + n_own + n_others;
}

int dw_files_probe(struct dw_attached *process, struct dw_probe *probe, struct dw_named *named,
		   const char **ret_culprit)
{
	int n = 0;

	for (uint32_t i = 0; i < process->code.n_maps; i++) {
		const struct dw_map *map = &process->code.maps[i];
		int r;

		if (process->modules[i].is_probed)
			continue;
		process->modules[i].is_probed = true;
		if (dw_is_annotated(map->file))
			dw_writer_lost(&process->writer, DW_LOSS_SAID);
		r = probe_file(process, probe, map, named);
		if (r < 0) {
			*ret_culprit = map->path;
			return dw_pass(r);
		}
		n += r;
	}
	return n;
}

static bool is_in(const struct dw_map *map, const char *function)
{
	const struct dw_finder finder = dw_function_finder(function);
	struct dw_located located;

	return dw_locate(map->file, &finder, &located, 1) > 0;
}

/* A function of the C library is looked for in that alone. */
static bool is_looked_into(const struct dw_attached *process, const struct dw_only_lacking *lacking,
			   uint32_t i)
{
	const struct dw_map *map = &process->code.maps[i];
	dw_auto_elf elf = dw_elf_open(map->file);

	return elf && (lacking->lock || has_locks(process, map->path));
}

const char *dw_files_looked_into(const struct dw_attached *process,
				 const struct dw_only_lacking *lacking, uint32_t i)
{
	for (uint32_t k = 0; k < process->code.n_maps; k++)
		if (is_looked_into(process, lacking, k) && i-- == 0)
			return process->code.maps[k].path;
	return NULL;
}

static bool has_function(const struct dw_attached *process, const char *function)
{
	bool has = false;

	for (uint32_t i = 0; i < process->code.n_maps && !has; i++)
		has = has_locks(process, process->code.maps[i].path) &&
		      is_in(&process->code.maps[i], function);
	return has;
}

bool dw_files_lack(const struct dw_attached *process, struct dw_only_lacking *ret)
{
	const struct dw_only *only = process->only;

	*ret = (struct dw_only_lacking){0};
	for (size_t i = 0; only && i < only->n_locks && !ret->lock; i++)
		if (!process->only_locks[i])
			ret->lock = &only->locks[i];
	for (size_t i = 0; only && i < only->n_functions && !ret->lock && !ret->function; i++)
		if (!has_function(process, only->functions[i]))
			ret->function = only->functions[i];
	return ret->lock || ret->function;
}

/* Of the files that were not looked at yet. */
static bool has_completed_call(struct dw_attached *process, struct dw_named *named)
{
	const struct dw_finder finder = dw_named_completed_finder(named);
	struct dw_located located;
	bool has = false;

	for (uint32_t i = 0; i < process->code.n_maps; i++) {
		if (process->modules[i].is_probed)
			continue;
		process->modules[i].is_probed = true;
		has = has || dw_locate(process->code.maps[i].file, &finder, &located, 1) > 0;
	}
	return has;
}

uint32_t dw_files_probe_giving(struct dw_attached *process, struct dw_probe *probe,
			       struct dw_named *named)
{
	const struct dw_finder finder = dw_giving_finder();
	uint32_t n_probed = 0;

	if (process->tells_giving || !has_completed_call(process, named))
		return 0;
	process->tells_giving = true;
	for (uint32_t i = 0; i < process->code.n_maps; i++) {
		const struct dw_map *map = &process->code.maps[i];
		int n = 0;

		if (has_locks(process, map->path) && !is_replaced(process, map))
			n = dw_probe_file(probe, process->pid, map->file, &finder);
		n_probed += n > 0 ? (uint32_t)n : 0;
	}
	return n_probed;
}
