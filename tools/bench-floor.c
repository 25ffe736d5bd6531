/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bench-attach.py compares with: the probes of `deadwatch attach --order`, which do nothing.
 *
 *     bench-floor PID
 *
 * Says that it is attached, and stays so until it is interrupted.
 */
#include "attach/collect.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_signal(int number)
{
	(void)number;
}

/* The recording is of no use: nothing is told. */
static int attach_to(struct dw_collector *collector, pid_t pid)
{
	char folder[] = "/tmp/bench-floor-XXXXXX", path[64];
	int r;

	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/recording", folder);
	r = dw_collector_add(collector, pid, path);
	unlink(path);
	rmdir(folder);
	return r;
}

int main(int argc, char **argv)
{
	const struct dw_collector_options options = {.every_taking = true, .is_empty = true};
	dw_auto(collector) collector = NULL;
	pid_t pid = argc == 2 ? (pid_t)atoi(argv[1]) : 0;

	if (pid <= 0)
		return 2;
	signal(SIGINT, on_signal);
	if (dw_collector_new(&collector, &options) != 0 || attach_to(collector, pid) < 0) {
		fprintf(stderr, "bench-floor: cannot attach to process %d\n", (int)pid);
		return 1;
	}
	fprintf(stderr, "attached to process %d\n", (int)pid);
	pause();
	return 0;
}
