/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a running process lets others see. It is not stopped, and does not notice.
 *
 * Single-threaded.
 */
#pragma once

#include "symbol/build_id.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dw_doctor_process {
	pid_t pid;
	char name[16];
	uid_t user;
	int memory;       /* 0, or a negative errno: its memory and stacks cannot be read */
	bool is_dumpable; /* false: it belongs to root as far as /proc is concerned */
	int seccomp;      /* 0: no filter, 1: strict, 2: a filter */
	pid_t tracer;     /* a debugger that has it; 0: none */
	unsigned n_threads;
	bool is_recorded;  /* libdeadwatch.so is loaded */
	bool is_elsewhere; /* in other namespaces: of users, processes, or mounts */
	bool hides_files;  /* what is loaded is not shown: nobody knows whether it is recorded */
	bool hides_namespaces;

	unsigned n_files;   /* loaded */
	unsigned n_changed; /* other ones now, or gone */
	char changed[256];  /* the base name of one of these */
	unsigned glibc;     /* minor version; 0: it has none, or that cannot be seen */

	/* Its program, as a path of ours, and what runs of it; none: that cannot be seen. */
	char program[PATH_MAX];
	struct dw_build_id build_id;
};

struct dw_doctor_file;

/* Return: 0; -ESRCH: there is no such process, or it has ended; or another negative errno. */
int dw_doctor_process_look(pid_t pid, struct dw_doctor_process *ret);

/*
 * Looks at the program's file: that on disk, or if it is gone, what runs.
 *
 * Return: as dw_doctor_file_look().
 */
int dw_doctor_process_file(const struct dw_doctor_process *process, struct dw_doctor_file *ret);
