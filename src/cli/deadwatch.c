/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include <errno.h>
#include <string.h>

/*
 * What was printed has to have arrived: a report that is cut off by a full disk must not
 * look like one without findings.
 */
static int check_output(int status)
{
	/* Who met it first has said so, and knew better why. */
	if (ferror(stdout) && status >= DW_EXIT_FAILED)
		return status;
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "deadwatch: cannot write to standard output: %s\n",
		errno ? strerror(errno) : "an earlier write failed");
	return DW_EXIT_FAILED;
}

int main(int argc, char **argv)
{
	return check_output(dw_program.run(&dw_program, argc, argv));
}
