/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/map.h"

#include "base/error.h"
#include "base/resource.h"
#include "inspect/task.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* More than a path of the greatest length and what stands before it. */
#define LINE_MAX_SIZE 8192

/* Loaded files; QEMU with a desktop's libraries has 250. */
#define MAPS_MAX 4096

/* Ranges of generated code; JavaScript engines have dozens. */
#define GENERATED_MAX 1024

/* What the kernel adds to the path of a file that has been removed. */
#define DELETED " (deleted)"

/* What the kernel puts before the name of a file that is nothing but memory. */
#define IN_MEMORY "/memfd:"

struct line {
	uint64_t start, end;
	const char *path;
	bool is_code;
	bool is_data;
};

/* A list that is being read. */
struct reading {
	struct dw_arena *arena;
	pid_t pid;
	bool is_elsewhere;        /* its root is not ours, or its mounts are not */
	bool is_mounted;          /* its mounts are ours */
	char root[LINE_MAX_SIZE]; /* as paths have it that are below it; empty: all are */
	struct dw_map *maps;
	struct dw_range *generated;
	struct dw_code code;
};

static bool parse(char *text, struct line *ret)
{
	char rights[5];
	int at = 0;

	text[strcspn(text, "\n")] = '\0';
	if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*u %n", &ret->start, &ret->end,
		   rights, &at) < 3)
		return false;
	ret->path = text + at;
	ret->is_data = strncmp(rights, "rw-", 3) == 0;
	ret->is_code = strchr(rights, 'x') != NULL;
	return true;
}

/* Files that were made for one address are there. */
uint64_t dw_map_bias(const struct dw_map *map)
{
	int fd = open(map->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf64_Ehdr header = {0};
	ssize_t n = fd < 0 ? -1 : read(fd, &header, sizeof(header));

	if (fd >= 0)
		close(fd);
	return n == sizeof(header) && header.e_type == ET_EXEC ? 0 : map->start;
}

size_t dw_map_path_size(const char *path)
{
	size_t n = strlen(path), n_end = strlen(DELETED);

	return n > n_end && strcmp(path + n - n_end, DELETED) == 0 ? n - n_end : n;
}

/* What of @path is below the process's root, which may be a folder of its mounts'; NULL: nothing.
 */
static const char *below_root(const struct reading *reading, const char *path)
{
	size_t n = strlen(reading->root);

	return strncmp(path, reading->root, n) == 0 && path[n] == '/' ? path + n : NULL;
}

/* A file that was removed is still there for who may look at the mapping itself. */
static const char *file_of(const struct reading *reading, const struct line *line, const char *path)
{
	bool is_removed = path[dw_map_path_size(path)] != '\0';
	const char *below = below_root(reading, path);
	char file[LINE_MAX_SIZE + 64];

	if (!is_removed && reading->is_mounted && (!reading->is_elsewhere || !below))
		return path;
	if (!is_removed && below)
		snprintf(file, sizeof(file), "/proc/%d/root%s", (int)reading->pid, below);
	else
		snprintf(file, sizeof(file), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
			 (int)reading->pid, line->start, line->end);
	return dw_arena_text(reading->arena, file, strlen(file));
}

static int add_file(struct reading *reading, const struct line *line)
{
	uint32_t *n = &reading->code.n_maps;
	struct dw_map *last = *n ? &reading->maps[*n - 1] : NULL;

	if (!last || strcmp(last->path, line->path) != 0) {
		if (*n == MAPS_MAX)
			return 0;
		last = &reading->maps[(*n)++];
		*last = (struct dw_map){.start = line->start};
		last->path = dw_arena_text(reading->arena, line->path, strlen(line->path));
		last->file = last->path ? file_of(reading, line, last->path) : NULL;
		if (!last->file)
			return dw_raise(-ENOMEM);
	}
	last->end = line->end;
	return 0;
}

/* A file's variables that are zero at first lie behind it, in no file. */
static void add_data(struct reading *reading, const struct line *line)
{
	uint32_t n = reading->code.n_maps;
	struct dw_map *last = n ? &reading->maps[n - 1] : NULL;

	if (last && last->end == line->start && line->is_data)
		last->end = line->end;
}

static void add_generated(struct reading *reading, const struct line *line)
{
	uint32_t *n = &reading->code.n_generated;

	if (line->is_code && *n < GENERATED_MAX)
		reading->generated[(*n)++] = (struct dw_range){line->start, line->end};
}

bool dw_map_is_in_memory(const char *path)
{
	return strncmp(path, IN_MEMORY, strlen(IN_MEMORY)) == 0;
}

static int add(struct reading *reading, const struct line *line)
{
	if (line->path[0] == '\0')
		add_data(reading, line);
	if (line->path[0] == '\0' || dw_map_is_in_memory(line->path))
		add_generated(reading, line);
	else if (strcmp(line->path, "[vdso]") == 0)
		reading->code.vdso = (struct dw_range){line->start, line->end};
	return line->path[0] == '/' ? add_file(reading, line) : 0;
}

/* Return: 0, or a negative errno. */
static int read_lines(struct reading *reading)
{
	dw_auto_stream file = NULL;
	char text[LINE_MAX_SIZE];
	struct line line;
	int r = 0;

	snprintf(text, sizeof(text), "/proc/%d/maps", (int)reading->pid);
	file = fopen(text, "re");
	if (!file)
		return dw_raise(-errno);
	while (r == 0 && fgets(text, sizeof(text), file))
		if (parse(text, &line))
			r = add(reading, &line);
	return r < 0 ? dw_pass(r) : 0;
}

static void find_root(struct reading *reading)
{
	char link[32];
	ssize_t n;

	reading->is_mounted = dw_task_shares(reading->pid, "ns/mnt");
	reading->is_elsewhere = !reading->is_mounted || !dw_task_shares(reading->pid, "root/");
	snprintf(link, sizeof(link), "/proc/%d/root", (int)reading->pid);
	n = readlink(link, reading->root, sizeof(reading->root) - 1);
	reading->root[n > 1 ? n : 0] = '\0';
}

int dw_code_read(pid_t pid, struct dw_arena *arena, struct dw_code *ret)
{
	struct reading reading = {.arena = arena, .pid = pid};
	int r;

	find_root(&reading);
	reading.maps = dw_arena_alloc(arena, MAPS_MAX * sizeof(*reading.maps));
	reading.generated = dw_arena_alloc(arena, GENERATED_MAX * sizeof(*reading.generated));
	if (!reading.maps || !reading.generated)
		return dw_raise(-ENOMEM);
	r = read_lines(&reading);
	if (r < 0)
		return dw_pass(r);
	*ret = reading.code;
	ret->maps = reading.maps;
	ret->generated = reading.generated;
	return 0;
}

bool dw_code_is_generated(const struct dw_code *code, uint64_t address)
{
	for (uint32_t i = 0; i < code->n_generated; i++)
		if (code->generated[i].start <= address && address < code->generated[i].end)
			return true;
	return false;
}

int dw_maps_read(pid_t pid, struct dw_arena *arena, const struct dw_map **ret, uint32_t *ret_n)
{
	struct dw_code code;
	int r = dw_code_read(pid, arena, &code);

	if (r < 0)
		return dw_pass(r);
	*ret = code.maps;
	*ret_n = code.n_maps;
	return 0;
}

const struct dw_map *dw_maps_find(const struct dw_map *maps, uint32_t n, uint64_t address)
{
	for (uint32_t i = 0; i < n; i++)
		if (maps[i].start <= address && address < maps[i].end)
			return &maps[i];
	return NULL;
}
