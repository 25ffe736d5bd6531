/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tracing.h"

#include "cli/command.h"
#include "cli/environment.h"
#include "cli/library.h"
#include "cli/profiles.h"
#include "cli/program.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int dw_tracing_fail(const char *what, int r)
{
	fprintf(stderr, "deadwatch: cannot %s: %s\n", what, strerror(-r));
	return DW_EXIT_FAILED;
}

int dw_tracing_refuse(const char *name, int error)
{
	fprintf(stderr, "deadwatch: cannot run '%s': %s\n", name, dw_program_reason(name, error));
	return error == ENOENT ? DW_EXIT_NOT_FOUND : DW_EXIT_NOT_EXECUTABLE;
}

static int read_profile(struct dw_tracing *tracing)
{
	dw_auto(profiles) profiles = NULL;
	char path[PATH_MAX];
	bool own = dw_environment_option("profile", path, sizeof(path));
	int r = dw_profiles_new(&profiles, own ? path : NULL);

	if (r == 0)
		r = dw_profiles_calls(profiles, tracing->calls, sizeof(tracing->calls));
	if (r > 0)
		return DW_EXIT_USAGE;
	return r < 0 ? dw_tracing_fail("read profiles", r) : 0;
}

int dw_tracing_init(struct dw_tracing *ret, const char *program)
{
	int r;

	*ret = (struct dw_tracing){0};
	if (dw_environment_check() != 0)
		return DW_EXIT_USAGE;
	if (dw_program_check(program) != 0)
		return DW_EXIT_FAILED;
	r = read_profile(ret);
	if (r != 0)
		return r;
	r = dw_library_find(&ret->library);
	if (r < 0)
		return dw_tracing_fail("look for libdeadwatch.so", r);
	return r > 0 ? DW_EXIT_FAILED : 0;
}

void dw_tracing_done(struct dw_tracing *tracing)
{
	free(tracing->library);
	tracing->library = NULL;
}
