/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/find_file.h"

#include "inspect/map.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Where distributions have links to files by build id: Fedora's kind, then debug files. */
static const char *const id_folders[] = {"/usr/lib/.build-id", "/usr/lib/debug/.build-id"};

#define ID_TEXT_SIZE (2 * DW_BUILD_ID_MAX + 2)

struct search {
	const struct dw_build_id *id;
	char path[PATH_MAX]; /* the file found */
};

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Return: whether the path so made is that of the file. @must: it must have the build id. */
static bool __attribute__((format(printf, 3, 4)))
try(struct search *search, bool must, const char *format, ...)
{
	struct dw_build_id id;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(search->path, sizeof(search->path), format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= sizeof(search->path) || !is_file(search->path))
		return false;
	if (search->id->size == 0)
		return !must;
	id = dw_build_id_of_file(search->path);
	return dw_build_id_equal(&id, search->id);
}

/* "ab/cdef..." */
static void write_id(const struct dw_build_id *id, char *ret)
{
	for (uint32_t i = 0; i < id->size; i++)
		ret += sprintf(ret, i == 0 ? "%02x/" : "%02x", id->bytes[i]);
	*ret = '\0';
}

static bool try_id(struct search *search, const char *sysroot)
{
	char id[ID_TEXT_SIZE];

	write_id(search->id, id);
	for (size_t i = 0; search->id->size > 0 && i < sizeof(id_folders) / sizeof(*id_folders);
	     i++)
		if (try(search, /* must= */ true, "%s%s/%s", sysroot, id_folders[i], id))
			return true;
	return false;
}

const char *dw_find_file(struct dw_arena *arena, const char *path, const struct dw_build_id *id,
			 const char *sysroot)
{
	struct search search = {.id = id};
	int n = (int)dw_map_path_size(path);
	const char *slash = memrchr(path, '/', (size_t)n);
	bool found = false;

	if (sysroot)
		found = try(&search, false, "%s%.*s", sysroot, n, path) ||
			try(&search, false, "%s%.*s", sysroot, slash ? n - (int)(slash - path) : 0,
			    slash) ||
			try_id(&search, sysroot);
	found = found || try(&search, /* must= */ sysroot != NULL, "%.*s", n, path) ||
		try_id(&search, "");
	return found ? dw_arena_text(arena, search.path, strlen(search.path)) : NULL;
}
