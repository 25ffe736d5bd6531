/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any memory and any threads as a process that is looked into: owners that lie, lists of holders
 * that go round, stacks that are none.
 */
#include "analysis/now.h"
#include "inspect/scene.h"
#include "model/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define THREADS_MAX 12
#define FRAMES_MAX 4
#define MEMORY_START UINT64_C(0x10000)
#define FIRST_TID 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What stands in for functions on stacks. */
static const struct dw_told_frame functions[] = {
    {0},
    {.function = "__lll_lock_wait", .module = "libc.so.6"},
    {.function = "___pthread_mutex_lock", .module = "libc.so.6"},
    {.function = "pthread_rwlock_wrlock", .module = "libc.so.6"},
    {.function = "pthread_rwlock_rdlock", .module = "libc.so.6"},
    {.function = "pthread_cond_wait", .module = "libc.so.6"},
    {.function = "__pthread_clockjoin_ex", .module = "libc.so.6"},
    {.function = "pthread_barrier_wait", .module = "libc.so.6"},
    {.function = "sem_wait", .module = "libc.so.6"},
    {.function = "pthread_once", .module = "libc.so.6"},
    {.function = "clock_nanosleep", .module = "libc.so.6"},
    {.function = "__timedwait_cp", .module = "libc.so"},
    {.function = "std::sys::unix::locks::futex::Mutex::lock_contended", .module = "program"},
    {.function = "std::sys::unix::locks::futex_rwlock::RwLock::write_contended",
     .module = "program"},
    {.function = "syscall", .module = "libc.so.6"},
    {.function = "work", .module = "program"},
};
#define N_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static const long calls[] = {SYS_futex, SYS_futex, SYS_futex, SYS_clock_nanosleep,
			     SYS_ppoll, -1,        SYS_ioctl, SYS_restart_syscall};

struct input {
	const uint8_t *data;
	size_t size;
};

struct fuzzed {
	struct dw_process process;
	const uint8_t *memory;
	size_t size;
};

static void must(int condition)
{
	if (!condition)
		abort();
}

static uint8_t next(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static int read_memory(struct dw_process *process, uint64_t address, void *ret, size_t n)
{
	const struct fuzzed *fuzzed = (const struct fuzzed *)process;
	uint64_t from = address - MEMORY_START;

	if (address < MEMORY_START || from > fuzzed->size || n > fuzzed->size - from)
		return -EFAULT;
	memcpy(ret, fuzzed->memory + from, n);
	return 0;
}

static const struct dw_process_kind kind = {.read = read_memory};

static void fill_thread(struct input *input, uint32_t number, struct dw_sighted *ret,
			dw_place *frames)
{
	struct dw_process_thread *thread = &ret->thread;

	thread->tid = FIRST_TID + (pid_t)number;
	thread->call = calls[next(input) % (sizeof(calls) / sizeof(calls[0]))];
	thread->arguments[0] = MEMORY_START + next(input) * 4u;
	thread->arguments[1] = next(input);
	thread->arguments[2] = next(input);
	thread->arguments[3] = next(input) & 1;
	thread->sp = MEMORY_START + next(input) * 8u;
	ret->n_frames = 1 + next(input) % FRAMES_MAX;
	for (uint32_t i = 0; i < ret->n_frames; i++)
		frames[i] = DW_PLACE_TOLD(next(input) % N_FUNCTIONS);
	ret->frames = frames;
	ret->same_ns = next(input) & 1 ? UINT64_C(2000000000) : 0;
	ret->still_ns = next(input) & 1 ? ret->same_ns : 0;
}

static void check(const struct dw_scene *scene)
{
	const struct dw_facts *facts = dw_scene_facts(scene);
	const struct dw_scene_thread *seen = dw_scene_threads(scene);
	struct dw_now_look looks[THREADS_MAX + 1] = {0};
	struct dw_now now = {facts, looks, UINT64_C(5000000000), UINT64_C(1000000000)};
	const struct dw_found *founds;
	dw_auto(arena) arena = NULL;
	size_t n;

	must(dw_arena_new(&arena, (size_t)64 << 20) == 0);
	for (uint32_t t = 1; t < facts->n_threads; t++) {
		must(seen[t].thing < facts->n_things && seen[t].chain < facts->n_chains);
		looks[t] = (struct dw_now_look){.same_ns = seen[t].sighted->same_ns,
						.still_ns = seen[t].sighted->still_ns,
						.polls = seen[t].polls};
	}
	must(dw_now_find(&now, arena, &founds, &n) == 0);
	for (size_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < founds[i].n_legs + founds[i].n_waiters; j++)
			must(founds[i].legs[j].thread < facts->n_threads);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dw_scene_prepare nothing;
	struct input input = {data, size};
	struct dw_sighted threads[THREADS_MAX] = {0};
	dw_place frames[THREADS_MAX][FRAMES_MAX];
	struct dw_sight sight = {.program = "program", .pid = FIRST_TID, .threads = threads};
	struct fuzzed fuzzed = {.process = {.kind = &kind, .pid = FIRST_TID}};
	dw_auto(scene) before = NULL;
	dw_auto(scene) scene = NULL;

	sight.n_threads = 1 + next(&input) % THREADS_MAX;
	for (uint32_t i = 0; i < sight.n_threads; i++)
		fill_thread(&input, i, &threads[i], frames[i]);
	fuzzed.memory = input.data;
	fuzzed.size = input.size;
	sight.process = &fuzzed.process;
	sight.frames = functions;
	sight.n_frames = N_FUNCTIONS;
	sight.time_ns = UINT64_C(5000000000);
	must(dw_scene_new(&before, &sight, NULL, &nothing) == 0);
	dw_scene_look_again(before);
	must(dw_scene_new(&scene, &sight, before, &nothing) == 0);
	check(scene);
	return 0;
}
