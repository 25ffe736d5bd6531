/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/process_core.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/arch.h"
#include "inspect/aside.h"
#include "inspect/find_file.h"
#include "inspect/unwind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The lists of what was mapped, and where it is now. */
#define MEMORY_MAX ((size_t)256 << 20)

/* The beginning of a loaded file: its headers and its build id are in there. */
#define BEGIN_SIZE 4096

/* Ranges of generated code. */
#define GENERATED_MAX 1024

/* The highest number that the kernel gives (PID_MAX_LIMIT). */
#define PID_LIMIT 4194304

/* Threads that are compared with each other. */
#define INSIDE_MAX 4096

/* Unwinding all stacks is over by then, whatever the files are like. */
#define ALL_MAX_S 60

struct cored {
	struct dw_process process;
	struct dw_core *core;
	struct dw_arena *arena;
	struct dw_code code;
	struct dw_process_core_gaps gaps;
};

static struct cored *cored_of(struct dw_process *process)
{
	return (struct cored *)process;
}

/* What is as in its file is seldom in a core; of a program or library that is known to be the same.
 */
static int read_file(const struct cored *cored, uint64_t address, void *ret, size_t n)
{
	const struct dw_core_file *from = dw_core_left_out(cored->core, address, n);
	const struct dw_map *map =
	    from ? dw_maps_find(cored->code.maps, cored->code.n_maps, address) : NULL;
	ssize_t r;
	int fd;

	if (!map || map->is_missing || !map->build_id)
		return -EFAULT;
	fd = open(map->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -EFAULT;
	r = pread(fd, ret, n, (off_t)(from->offset + (address - from->start)));
	close(fd);
	return r == (ssize_t)n ? 0 : -EFAULT;
}

static int core_read(struct dw_process *process, uint64_t address, void *ret, size_t n)
{
	const struct cored *cored = cored_of(process);
	int r = dw_core_read(cored->core, address, ret, n);

	return r == -EFAULT ? read_file(cored, address, ret, n) : r;
}

static bool read_memory(void *context, uint64_t address, void *ret, size_t n)
{
	return core_read(context, address, ret, n) == 0;
}

/* The main thread has the process's number. */
static int compare_threads(const void *left, const void *right, void *main_tid)
{
	const struct dw_process_thread *a = left, *b = right;
	bool a_first = a->tid == *(pid_t *)main_tid, b_first = b->tid == *(pid_t *)main_tid;

	if (a_first != b_first)
		return a_first ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

/*
 * A debugger outside of a container writes the numbers that it sees into a core, while locks
 * have those of the inside, as glibc has them in each thread's own memory. They are believed
 * where each thread has one, and no two the same.
 */
static void read_inside(const struct cored *cored, struct dw_process_thread *threads,
			const struct dw_core_thread *from, uint32_t n)
{
	bool is_plausible = n <= INSIDE_MAX;

	for (uint32_t i = 0; i < n && is_plausible; i++) {
		is_plausible = dw_core_read(cored->core, dw_arch_glibc_tid(from[i].registers),
					    &threads[i].inside, sizeof(threads[i].inside)) == 0 &&
			       threads[i].inside > 0 && threads[i].inside <= PID_LIMIT;
		for (uint32_t j = 0; j < i && is_plausible; j++)
			is_plausible = threads[i].inside != threads[j].inside;
	}
	for (uint32_t i = 0; i < n && !is_plausible; i++)
		threads[i].inside = 0;
}

static int core_threads(struct dw_process *process, struct dw_arena *arena,
			struct dw_process_thread **ret, uint32_t *ret_n)
{
	uint32_t n;
	const struct dw_core_thread *from = dw_core_threads(cored_of(process)->core, &n);
	struct dw_process_thread *threads = dw_arena_alloc(arena, n * sizeof(*threads));

	if (!threads)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n; i++) {
		struct dw_registers registers = dw_arch_registers(from[i].registers);

		threads[i].tid = from[i].tid;
		threads[i].call = dw_arch_call(from[i].registers, threads[i].arguments);
		threads[i].pc = dw_arch_pc(&registers);
		threads[i].sp = dw_arch_sp(&registers);
	}
	read_inside(cored_of(process), threads, from, n);
	qsort_r(threads, n, sizeof(*threads), compare_threads, &process->pid);
	*ret = threads;
	*ret_n = n;
	return 0;
}

static int core_maps(struct dw_process *process, struct dw_arena *arena, const struct dw_map **ret,
		     uint32_t *ret_n)
{
	(void)arena;
	*ret = cored_of(process)->code.maps;
	*ret_n = cored_of(process)->code.n_maps;
	return 0;
}

static void core_free(struct dw_process *process)
{
	struct cored *cored = cored_of(process);

	dw_core_free(cored->core);
	dw_arena_free(cored->arena);
}

/* What the stacks are asked of. */
struct asking {
	const struct cored *cored;
	uint32_t n;
};

static int walk(const struct cored *cored, struct dw_unwinder *unwinder, struct dw_frames *frames)
{
	uint32_t n;
	const struct dw_core_thread *threads = dw_core_threads(cored->core, &n);

	for (uint32_t i = 0; i < n; i++)
		if (threads[i].tid == frames->tid) {
			struct dw_registers registers = dw_arch_registers(threads[i].registers);

			dw_unwinder_walk(unwinder, &registers, frames);
			return 0;
		}
	return -ESRCH;
}

static void walk_all(void *context, void *shared)
{
	const struct asking *asking = context;
	const struct cored *cored = asking->cored;
	const struct dw_unwind_process process = {&cored->code, read_memory, read_memory,
						  (void *)&cored->process};
	struct dw_frames *frames = shared;
	struct dw_unwinder *unwinder = NULL;
	int r = dw_unwinder_new(&unwinder, &process);

	for (uint32_t i = 0; i < asking->n; i++)
		frames[i].error = r < 0 ? r : walk(cored, unwinder, &frames[i]);
}

/* Aside, because it is by a library that reads what the core says is code. */
static int core_stacks(struct dw_process *process, struct dw_frames *frames, uint32_t n)
{
	struct asking asking = {cored_of(process), n};
	int r;

	for (uint32_t i = 0; i < n; i++)
		frames[i] = (struct dw_frames){.tid = frames[i].tid, .error = -EIO};
	r = dw_aside(walk_all, &asking, frames, n * sizeof(*frames), ALL_MAX_S);
	return r < 0 ? dw_pass(r) : 0;
}

static const struct dw_process_kind core_kind = {
    .read = core_read,
    .threads = core_threads,
    .stacks = core_stacks,
    .maps = core_maps,
    .free = core_free,
};

/* Return: whether that is known of the program or library loaded there, if it is one. */
static bool read_build_id(const struct cored *cored, struct dw_map *map)
{
	char begin[BEGIN_SIZE] __attribute__((aligned(16)));
	struct dw_build_id *id = dw_arena_alloc(cored->arena, sizeof(*id));

	if (!id || dw_core_read(cored->core, map->start, begin, sizeof(begin)) < 0 ||
	    !dw_build_id_of_memory(begin, sizeof(begin), id))
		return false;
	map->build_id = id;
	return true;
}

/* A file of which nothing is in the core may be data; nobody misses that. */
static void find_file(struct cored *cored, struct dw_map *map, bool is_code, const char *sysroot)
{
	static const struct dw_build_id none = {.size = 0};

	is_code = read_build_id(cored, map) || is_code;
	map->file =
	    dw_find_file(cored->arena, map->path, map->build_id ? map->build_id : &none, sysroot);
	if (map->file)
		return;
	map->file = map->path;
	map->is_missing = true;
	if (is_code && cored->gaps.n_files++ == 0)
		cored->gaps.missing_file = map->path;
}

/* Mappings of one file that lie together are one. Return: how many there are. */
static uint32_t join(const struct dw_core_file *files, uint32_t n, struct dw_map *ret,
		     bool *ret_code)
{
	uint32_t n_maps = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (n_maps == 0 || strcmp(ret[n_maps - 1].path, files[i].path) != 0)
			ret[n_maps++] =
			    (struct dw_map){.path = files[i].path, .start = files[i].start};
		if (ret[n_maps - 1].end < files[i].end)
			ret[n_maps - 1].end = files[i].end;
		ret_code[n_maps - 1] = ret_code[n_maps - 1] || files[i].is_code;
	}
	return n_maps;
}

static int read_code(struct cored *cored, const char *sysroot)
{
	uint32_t n;
	const struct dw_core_file *files = dw_core_files(cored->core, &n);
	struct dw_map *maps = dw_arena_alloc(cored->arena, (n + 1) * sizeof(*maps));
	bool *is_code = dw_arena_alloc(cored->arena, (n + 1) * sizeof(*is_code));
	struct dw_range *generated =
	    dw_arena_alloc(cored->arena, GENERATED_MAX * sizeof(*generated));
	struct dw_code *code = &cored->code;

	if (!maps || !is_code || !generated)
		return dw_raise(-ENOMEM);
	code->n_maps = join(files, n, maps, is_code);
	for (uint32_t i = 0; i < code->n_maps; i++)
		find_file(cored, &maps[i], is_code[i], sysroot);
	code->maps = maps;
	code->vdso = dw_core_vdso(cored->core);
	code->generated = generated;
	code->n_generated = dw_core_generated(cored->core, generated, GENERATED_MAX);
	return 0;
}

static int open_core(const char *path, struct dw_core **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return dw_raise(-errno);
	r = dw_core_new(ret, fd);
	if (r != 0)
		close(fd);
	return r;
}

int dw_process_core_new(struct dw_process **ret, const char *path, const char *sysroot)
{
	dw_auto(core) core = NULL;
	struct dw_arena *arena;
	struct cored *cored;
	int r = open_core(path, &core);

	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	cored = dw_arena_new_owner(&arena, MEMORY_MAX, sizeof(*cored));
	if (!cored)
		return dw_raise(-ENOMEM);
	cored->arena = arena;
	cored->process = (struct dw_process){
	    .kind = &core_kind,
	    .pid = dw_core_pid(core),
	    .program = dw_core_program(core),
	};
	if (!cored->process.program)
		cored->process.program = dw_core_name(core);
	cored->gaps.core = dw_core_gaps(core);
	cored->core = dw_take(core);
	r = read_code(cored, sysroot);
	if (r < 0) {
		core_free(&cored->process);
		return dw_pass(r);
	}
	*ret = &cored->process;
	return 0;
}

struct dw_process_core_gaps dw_process_core_gaps(const struct dw_process *process)
{
	return ((const struct cored *)process)->gaps;
}
