/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/library.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void freep(char **p)
{
	free(*p);
}

/* The library as the build lays it out beside this program. Return: 0, or -ENOMEM. */
static int build_tree_path(char **ret)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	if (asprintf(ret, "%s/../shim/libdeadwatch.so", dirname(self)) < 0)
		return dw_raise(-ENOMEM);
	return 0;
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

/* Preloading needs an absolute path: the program may run elsewhere. */
static int resolve(char **ret, const char *path)
{
	*ret = realpath(path, NULL);
	if (*ret)
		return check_path(*ret);
	return errno == ENOMEM ? dw_raise(-ENOMEM) : 1;
}

int dw_library_find(char **ret)
{
	const char *named = getenv("DEADWATCH_LIBRARY");
	dw_cleanup(freep) char *beside = NULL;
	dw_cleanup(freep) char *found = NULL;
	int r;

	if (named && *named) {
		r = resolve(&found, named);
		if (r > 0 && !found)
			fprintf(stderr,
				"deadwatch: cannot use '%s', named by DEADWATCH_LIBRARY: %s\n",
				named, strerror(errno));
	} else {
		r = build_tree_path(&beside);
		if (r < 0)
			return dw_pass(r);
		r = resolve(&found, beside);
		if (r > 0 && !found)
			r = resolve(&found, DW_LIBRARY);
		if (r > 0 && !found)
			fprintf(stderr,
				"deadwatch: cannot find libdeadwatch.so: it is neither '%s' nor "
				"'%s', and DEADWATCH_LIBRARY is not set\n",
				beside, DW_LIBRARY);
	}
	if (r == 0)
		*ret = dw_take(found);
	return r < 0 ? dw_pass(r) : r;
}
