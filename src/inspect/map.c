/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/map.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* More than a path of the greatest length and what stands before it. */
#define LINE_MAX_SIZE 8192

/* Loaded files; QEMU with a desktop's libraries has 250. */
#define MAPS_MAX 4096

struct line {
	uint64_t start, end;
	const char *path;
};

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* Return: whether it is a mapping of a file. */
static bool parse(char *text, struct line *ret)
{
	int at = 0;

	text[strcspn(text, "\n")] = '\0';
	if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*u %n", &ret->start, &ret->end,
		   &at) < 2)
		return false;
	ret->path = text + at;
	return ret->path[0] == '/';
}

/* Files that were made for one address are there. */
uint64_t dw_map_bias(const struct dw_map *map)
{
	int fd = open(map->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf64_Ehdr header = {0};
	ssize_t n = fd < 0 ? -1 : read(fd, &header, sizeof(header));

	if (fd >= 0)
		close(fd);
	return n == sizeof(header) && header.e_type == ET_EXEC ? 0 : map->start;
}

static int add(struct dw_arena *arena, struct dw_map *maps, uint32_t *n, const struct line *line)
{
	struct dw_map *last = *n ? &maps[*n - 1] : NULL;

	if (!last || strcmp(last->path, line->path) != 0) {
		if (*n == MAPS_MAX)
			return 0;
		last = &maps[(*n)++];
		*last = (struct dw_map){.start = line->start};
		last->path = dw_arena_text(arena, line->path, strlen(line->path));
		if (!last->path)
			return dw_raise(-ENOMEM);
	}
	last->end = line->end;
	return 0;
}

int dw_maps_read(pid_t pid, struct dw_arena *arena, const struct dw_map **ret, uint32_t *ret_n)
{
	struct dw_map *maps = dw_arena_alloc(arena, MAPS_MAX * sizeof(*maps));
	dw_cleanup(close_file) FILE *file = NULL;
	char text[LINE_MAX_SIZE];
	struct line line;
	uint32_t n = 0;
	int r = 0;

	if (!maps)
		return dw_raise(-ENOMEM);
	snprintf(text, sizeof(text), "/proc/%d/maps", pid);
	file = fopen(text, "re");
	if (!file)
		return dw_raise(-errno);
	while (r == 0 && fgets(text, sizeof(text), file))
		if (parse(text, &line))
			r = add(arena, maps, &n, &line);
	if (r < 0)
		return dw_pass(r);
	*ret = maps;
	*ret_n = n;
	return 0;
}

const struct dw_map *dw_maps_find(const struct dw_map *maps, uint32_t n, uint64_t address)
{
	for (uint32_t i = 0; i < n; i++)
		if (maps[i].start <= address && address < maps[i].end)
			return &maps[i];
	return NULL;
}
