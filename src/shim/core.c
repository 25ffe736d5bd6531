/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The begin of the process, of its recording, and of each thread's tracking.
 *
 * Nothing is set up before it is needed: the process at the first call of ours, the
 * recording when the first lock is taken or the first thread made. A child of a fork is a
 * process that begins anew.
 */
#include "shim/real.h"
#include "shim/sandbox.h"
#include "shim/shim.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Addresses that are told apart, of locks and of threads: 4 MiB, which cost nothing until used. */
#define MAP_ENTRIES ((uint64_t)1 << 18)

/* How many names are tried for a recording: PATH, PATH.PID, then PATH.PID.1 ... */
#define NAMES_MAX 100

#define PATH_SIZE (sizeof(((struct shim_settings *)0)->record_path) + 64)

struct shim *shim;

/* The process that the shim was loaded in; a forked child is another. */
static pid_t first_pid;

/* The mapped recording. Not wiped by a fork: the child unmaps its parent's. */
static void *mapped;
static size_t mapped_size;

static int map_init(struct shim_map *map)
{
	map->entries = shim_pool_get(MAP_ENTRIES * sizeof(*map->entries));
	map->mask = MAP_ENTRIES - 1;
	return map->entries ? 0 : -1;
}

static bool start_process(void)
{
	if (shim_sandbox_forbids_begin)
		return false;
	if (!first_pid)
		first_pid = getpid();
	shim_pool_reset();
	if (mapped)
		munmap(mapped, mapped_size);
	mapped = NULL;
	shim->stacks = shim_pool_get(SHIM_STACKS * sizeof(*shim->stacks));
	shim->addresses = shim_pool_get(SHIM_STACKS * sizeof(*shim->addresses));
	shim->rows = shim_pool_get(SHIM_ROWS * sizeof(*shim->rows));
	shim->hints = shim_pool_get(SHIM_HINTS * sizeof(*shim->hints));
	shim->numbers = shim_pool_get(SHIM_NUMBERS * sizeof(*shim->numbers));
	shim->tids = shim_pool_get(SHIM_TIDS * sizeof(*shim->tids));
	if (map_init(&shim->things) < 0 || map_init(&shim->threads) < 0 || !shim->stacks ||
	    !shim->addresses || !shim->rows || !shim->hints || !shim->numbers || !shim->tids)
		return false;
	shim_settings_read(&shim->settings);
	return true;
}

bool shim_process(void)
{
	static uint32_t mapping;
	uint32_t state = SHIM_WIPED;

	if (!__atomic_load_n(&shim, __ATOMIC_ACQUIRE) &&
	    (__atomic_exchange_n(&mapping, 1, __ATOMIC_ACQ_REL) || shim_pool_init() < 0))
		return false;
	if (__atomic_compare_exchange_n(&shim->state, &state, SHIM_STARTING, 0, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		state = start_process() ? SHIM_STARTED : SHIM_OFF;
		__atomic_store_n(&shim->state, state, __ATOMIC_RELEASE);
	}
	return state == SHIM_STARTED;
}

static void append(char *path, const char *text)
{
	size_t n = strlen(path);

	for (; *text && n < PATH_SIZE - 1; text++)
		path[n++] = *text;
	path[n] = '\0';
}

/* snprintf() is not for signal handlers. */
static void append_number(char *path, unsigned long number)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	append(path, at);
}

/* Where the recording was made; the working directory may change. */
static char recording_path[PATH_SIZE];

static void remember(const char *path)
{
	recording_path[0] = '\0';
	if (path[0] != '/') {
		if (!getcwd(recording_path, PATH_SIZE - 1))
			return;
		append(recording_path, "/");
	}
	append(recording_path, path);
}

const char *shim_recording_path(void)
{
	return recording_path;
}

static int create_as(const char *path)
{
	int r = dw_writer_create(&shim->writer, path, shim->settings.record_limit,
				 shim->settings.events ? DW_REC_EVENTS : 0);

	if (r == 0)
		remember(path);
	return r;
}

/* PATH, PATH.PID, PATH.PID.1 ...: every process of a run has a recording of its own. */
static int create_under(const char *path)
{
	char name[PATH_SIZE] = "";
	size_t n;
	int r = create_as(path);

	append(name, path);
	append(name, ".");
	append_number(name, (unsigned long)getpid());
	n = strlen(name);
	for (unsigned long i = 0; r == -EEXIST && i < NAMES_MAX; i++) {
		name[n] = '\0';
		if (i) {
			append(name, ".");
			append_number(name, i);
		}
		r = create_as(name);
	}
	return r;
}

static int create_in(const char *folder)
{
	char path[PATH_SIZE] = "";

	append(path, folder);
	append(path, "deadwatch.");
	append_number(path, (unsigned long)getpid());
	append(path, ".rec");
	return create_under(path);
}

static void create_recording(void)
{
	if (shim->settings.record_path[0])
		create_under(shim->settings.record_path);
	else if (create_in("") < 0)
		create_in("/tmp/");
	mapped = shim->writer.header;
	mapped_size = mapped ? shim->writer.limit : 0;
}

static bool recording(void)
{
	uint32_t state = SHIM_WIPED;

	if (shim->writer.sealed && !shim->recording)
		return false;
	if (__atomic_compare_exchange_n(&shim->recording, &state, SHIM_STARTING, 0,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		create_recording();
		state = shim->writer.header ? SHIM_STARTED : SHIM_OFF;
		__atomic_store_n(&shim->recording, state, __ATOMIC_RELEASE);
	}
	return state == SHIM_STARTED;
}

/* A thread that nobody was seen to make: the main thread, a forked one, or a stranger. */
static struct shim_thread *adopt(void)
{
	struct shim_thread *t = shim_thread_new();
	unsigned flags = DW_THREAD_FOREIGN;

	if (!t)
		return NULL;
	/* Where a filter may forbid to ask, it stays a stranger. */
	if (!shim->writer.sealed && getpid() != first_pid)
		flags = DW_THREAD_MAIN | DW_THREAD_FORKED;
	else if (!shim->writer.sealed && gettid() == first_pid)
		flags = DW_THREAD_MAIN;
	t->thread.unsure = shim_tls.missed || flags & DW_THREAD_FORKED;
	return shim_thread_enter(t, flags) ? t : NULL;
}

static uint32_t how_open(const struct shim_settings *settings)
{
	if (settings->events)
		return SHIM_EVENTS;
	return settings->delays.n ? SHIM_DELAYS : SHIM_PLAIN;
}

static struct shim_thread *begin(void)
{
	struct shim_thread *t = shim_self;

	if (!shim_process() || !recording())
		return NULL;
	if (t == &shim_gone) {
		shim_lost(DW_LOSS_ENDING);
		return NULL;
	}
	if (!t->thread.number)
		t = adopt();
	if (!t || dw_thread_begin(&t->thread) < 0)
		return NULL;
	t->thread.open = how_open(&shim->settings);
	return t;
}

/* There can be no recording, and never will be: a quick no to every call. */
static bool is_off(void)
{
	const struct shim *there = __atomic_load_n(&shim, __ATOMIC_ACQUIRE);

	return there && (__atomic_load_n(&there->recording, __ATOMIC_ACQUIRE) == SHIM_OFF ||
			 __atomic_load_n(&there->state, __ATOMIC_ACQUIRE) == SHIM_OFF);
}

/* Files are opened and read in there, which is where a thread may be cancelled. */
static struct shim_thread *begin_uncancelled(void)
{
	struct shim_thread *t;
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	t = begin();
	pthread_setcancelstate(before, &before);
	return t;
}

struct shim_thread *shim_begin(uint64_t caller)
{
	struct shim_thread *t = NULL;
	int error = errno;

	if (shim_tls.own_work || shim_self == &shim_deaf || is_off())
		return NULL;
	shim_tls.own_work = true;
	if (!shim_self->thread.slot) {
		t = begin_uncancelled();
		shim_tls.missed = !t;
	} else if (!shim_is_own_call(caller)) {
		/* A signal handler's call, while this thread was telling. */
		shim_lost(DW_LOSS_SIGNAL);
	}
	shim_tls.own_work = false;
	errno = error;
	return t;
}
