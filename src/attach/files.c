/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/files.h"

#include "attach/only_lock.h"
#include "attach/place.h"
#include "base/error.h"
#include "symbol/annotated.h"
#include "symbol/build_id.h"

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

/* Calls that have a name, and allocators that are used in place of the C library's. */
static int probe_others(const struct dw_attached *process, struct dw_probe *probe,
			const struct dw_map *map, struct dw_named *named)
{
	const struct dw_finder calls = dw_named_finder(named), freeing = dw_freeing_finder();
	int n = probe_any(process, probe, map, &calls), n_freeing = 0;

	if (n >= 0 && !has_locks(process, map->path) && !(process->only && process->only->lock))
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
		count += located[i].function->cookie.kind != DW_WIRE_RESULT;
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

/* The functions of the one lock that is wanted. Return: as dw_probe_file(). */
static int probe_own(struct dw_attached *process, struct dw_probe *probe, const struct dw_map *map)
{
	const struct dw_finder finder = dw_only_lock_finder(process->only);
	int n;

	process->only_lock = dw_only_lock_find(process, process->only, map);
	n = process->only_lock ? dw_probe_file(probe, process->pid, map->file, &finder) : 0;
	return n < 0 ? dw_pass(n) : n;
}

/* Return: as dw_probe_file(). */
static int probe_file(struct dw_attached *process, struct dw_probe *probe, const struct dw_map *map,
		      struct dw_named *named)
{
	int n, n_own = 0, n_others;

	if (is_replaced(process, map))
		return dw_raise(-ESTALE);
	n = probe_locks(process, probe, map);
	if (n >= 0 && process->only && process->only->lock && !process->only_lock)
		n_own = probe_own(process, probe, map);
	if (n < 0 || n_own < 0)
		return dw_pass(n < 0 ? n : n_own);
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
