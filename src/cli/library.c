/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/library.h"

#include "base/error.h"
#include "base/resource.h"
#include "symbol/elf_file.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where it is, seen from the program's folder: in the build tree; installed, wherever that is now.
 */
static const char *const beside[] = {"../shim/libdeadwatch.so", DW_LIBRARY_FROM_PROGRAM};

/* The program's folder, without links. */
static const char *own_folder(char room[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", room, PATH_MAX - 1);

	room[n > 0 ? n : 0] = '\0';
	return dirname(room);
}

/* LD_PRELOAD is a list, and has no way to write a separator that is part of a path. */
static int check_path(const char *path)
{
	if (!strpbrk(path, " :"))
		return 0;
	fprintf(
	    stderr,
	    "deadwatch: cannot preload '%s': LD_PRELOAD allows no blank and no colon in a path\n",
	    path);
	return 1;
}

/* The loader would go on without one that it cannot load, and nothing would be recorded. */
static int check_file(const char *path)
{
	dw_auto_elf elf = dw_elf_open(path);
	GElf_Ehdr header;

	if (elf && gelf_getehdr(elf, &header) && header.e_type == ET_DYN)
		return 0;
	fprintf(stderr, "deadwatch: cannot preload '%s': it is no shared library\n", path);
	return 1;
}

/* Preloading needs an absolute path: the program may run elsewhere. */
static int resolve(char **ret, const char *path)
{
	*ret = realpath(path, NULL);
	if (*ret)
		return check_path(*ret) != 0 ? 1 : check_file(*ret);
	return errno == ENOMEM ? dw_raise(-ENOMEM) : 1;
}

/* Return: as resolve(). */
static int find_beside(char **ret)
{
	char room[PATH_MAX], path[PATH_MAX + sizeof(DW_LIBRARY_FROM_PROGRAM) + 32];
	const char *folder = own_folder(room);
	int r = 1;

	for (size_t i = 0; r > 0 && !*ret && i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, beside[i]);
		r = resolve(ret, path);
	}
	if (r > 0 && !*ret)
		r = resolve(ret, DW_LIBRARY);
	if (r > 0 && !*ret)
		fprintf(stderr,
			"deadwatch: cannot find libdeadwatch.so: it is neither '%s' nor '%s', and "
			"DEADWATCH_LIBRARY is not set\n",
			path, DW_LIBRARY);
	return r;
}

int dw_library_find(char **ret)
{
	const char *named = getenv("DEADWATCH_LIBRARY");
	dw_auto_text found = NULL;
	int r;

	if (named && *named) {
		r = resolve(&found, named);
		if (r > 0 && !found)
			fprintf(stderr,
				"deadwatch: cannot use '%s', named by DEADWATCH_LIBRARY: %s\n",
				named, strerror(errno));
	} else {
		r = find_beside(&found);
	}
	if (r == 0)
		*ret = dw_take(found);
	return r < 0 ? dw_pass(r) : r;
}
