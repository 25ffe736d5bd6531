/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/process.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/resource.h"
#include "doctor/file.h"
#include "inspect/map.h"
#include "inspect/task.h"
#include "symbol/build_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The list of loaded files; see dw_maps_read(). */
#define MEMORY_MAX ((size_t)16 << 20)

/* A file's headers and notes are at its beginning. */
#define BEGIN_SIZE 16384

#define STATUS_SIZE 4096

#define DELETED " (deleted)"

/* A process that is being looked at. */
struct looking {
	struct dw_doctor_process *process;
	int memory; /* -1: it may not be read */
};

/* Return: whether a program or library is loaded there. */
static bool read_build_id(const struct looking *looking, uint64_t start, struct dw_build_id *ret)
{
	char begin[BEGIN_SIZE] __attribute__((aligned(16)));
	ssize_t n = pread(looking->memory, begin, sizeof(begin), (off_t)start);

	return n > 0 && dw_build_id_of_memory(begin, (size_t)n, ret);
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), n_end = strlen(end);

	return n >= n_end && !strcmp(text + n - n_end, end);
}

/* Not to be told from the one that runs, where that cannot be read or has no build id. */
static bool is_changed(const char *path, const struct dw_build_id *running)
{
	struct dw_build_id id;

	if (ends_in(path, DELETED))
		return true;
	if (running->size == 0)
		return false;
	id = dw_build_id_of_file(path);
	return !dw_build_id_equal(&id, running);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void look_at_file(const struct looking *looking, const struct dw_map *map)
{
	struct dw_doctor_process *process = looking->process;
	const char *name = base_name(map->path);
	struct dw_build_id running = {.size = 0};
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "/proc/%d/root%s", process->pid, map->path);
	if (looking->memory >= 0 && !read_build_id(looking, map->start, &running))
		return;
	process->n_files++;
	if (!strcmp(name, "libdeadwatch.so"))
		process->is_recorded = true;
	if (!strcmp(name, "libc.so.6"))
		process->glibc = dw_doctor_file_glibc(path, /* needs= */ false);
	if (!strcmp(map->path, process->program))
		process->build_id = running;
	if (!is_changed(path, &running))
		return;
	if (process->n_changed++ == 0)
		snprintf(process->changed, sizeof(process->changed), "%.*s",
			 (int)(strlen(name) - (ends_in(name, DELETED) ? strlen(DELETED) : 0)),
			 name);
}

static int look_at_files(const struct looking *looking)
{
	dw_auto(arena) arena = NULL;
	const struct dw_map *maps;
	uint32_t n;
	int r = dw_arena_new(&arena, MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	if (dw_maps_read(looking->process->pid, arena, &maps, &n) < 0) {
		looking->process->hides_files = true;
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		look_at_file(looking, &maps[i]);
	return 0;
}

static long status_number(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line ? strtol(line + strlen(key), NULL, 10) : 0;
}

static int look_at_status(struct dw_doctor_process *process)
{
	char path[64], status[STATUS_SIZE];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", process->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return dw_raise(errno == ENOENT ? -ESRCH : -errno);
	n = read(fd, status, sizeof(status) - 1);
	close(fd);
	if (n <= 0)
		return dw_raise(-ESRCH);
	status[n] = '\0';
	process->tracer = (pid_t)status_number(status, "\nTracerPid:");
	process->user = (uid_t)status_number(status, "\nUid:");
	process->seccomp = (int)status_number(status, "\nSeccomp:");
	process->n_threads = (unsigned)status_number(status, "\nThreads:");
	return 0;
}

/* What /proc has of a process belongs to its user, and to root if it may not be dumped. */
static void look_at_owner(struct dw_doctor_process *process)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/stat", process->pid);
	process->is_dumpable = stat(path, &st) < 0 || st.st_uid == process->user;
}

static void look_at_namespace(struct dw_doctor_process *process, const char *namespace)
{
	char path[64];
	struct stat ours, theirs;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", process->pid, namespace);
	if (stat(path, &theirs) < 0) {
		process->hides_namespaces = true;
		return;
	}
	snprintf(path, sizeof(path), "/proc/self/ns/%s", namespace);
	if (stat(path, &ours) == 0 && ours.st_ino != theirs.st_ino)
		process->is_elsewhere = true;
}

/* Where its program is now; gone if the path says so. */
static int find_program(struct dw_doctor_process *process)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", process->pid);
	n = readlink(link, process->program, sizeof(process->program) - 1);
	process->program[n > 0 ? n : 0] = '\0';
	if (n < 0 && errno == ENOENT)
		return dw_raise(-ESRCH); /* it has ended, or is a part of the kernel */
	return 0;
}

int dw_doctor_process_look(pid_t pid, struct dw_doctor_process *ret)
{
	struct dw_doctor_process process = {.pid = pid};
	struct looking looking = {.process = &process, .memory = -1};
	dw_auto_fd memory = -1;
	char path[64];
	int r = look_at_status(&process);

	if (r == 0)
		r = find_program(&process);
	if (r == 0)
		r = dw_task_name(pid, pid, process.name);
	if (r < 0)
		return dw_pass(r);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	process.memory = memory < 0 ? -errno : 0;
	looking.memory = memory;
	look_at_owner(&process);
	look_at_namespace(&process, "user");
	look_at_namespace(&process, "pid");
	look_at_namespace(&process, "mnt");
	r = look_at_files(&looking);
	if (r < 0)
		return dw_pass(r);
	*ret = process;
	return 0;
}

int dw_doctor_process_file(const struct dw_doctor_process *process, struct dw_doctor_file *ret)
{
	char path[PATH_MAX + 32];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/root%s", process->pid, process->program);
	if (access(path, F_OK) < 0)
		snprintf(path, sizeof(path), "/proc/%d/exe", process->pid);
	r = dw_doctor_file_look(path, process->build_id.size ? process->build_id.bytes : NULL,
				process->build_id.size, ret);
	if (r < 0)
		return dw_pass(r);
	memcpy(ret->path, process->program, sizeof(ret->path));
	return 0;
}
