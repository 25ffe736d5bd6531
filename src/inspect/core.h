/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A core file: what was left of a process by the kernel when it ended, or by a debugger
 * (gcore) while it ran. Threads with their registers, files that were mapped, memory.
 *
 * Nothing in it is believed. A file that was cut short is read as far as it goes, and what is
 * missing is counted.
 *
 * Single-threaded. Texts and arrays live as long as the dw_core.
 */
#pragma once

#include "base/cleanup.h"
#include "inspect/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dw_core;

/* Why a file cannot be looked into: positive answers. */
enum dw_core_answer {
	DW_CORE_NO_CORE = 1, /* it is no core file */
	DW_CORE_COMPRESSED,  /* it would have to be decompressed first */
	DW_CORE_FOREIGN,     /* of a processor, or of a system, that is not supported */
	DW_CORE_NO_THREADS,  /* it ends before it has told of any thread */
};

struct dw_core_thread {
	pid_t tid;
	const void *registers; /* a set, see dw_arch_registers() */
};

/* A mapping of a file. */
struct dw_core_file {
	uint64_t start, end; /* addresses */
	uint64_t offset;     /* in the file, of what is at `start` */
	const char *path;    /* as the process had it */
	bool is_code;
};

/* What of it is not there. */
struct dw_core_gaps {
	uint64_t missing_size; /* bytes that the headers promise, behind the file's end */
	bool no_files;         /* it does not say which files were mapped */
	bool notes_cut;        /* some threads may be missing */
};

/* Return: 0, a dw_core_answer, or a negative errno. Takes @fd over, but on failure. */
int dw_core_new(struct dw_core **ret, int fd);
struct dw_core *dw_core_free(struct dw_core *core);

/* The process's number; 0: not known. */
pid_t dw_core_pid(const struct dw_core *core);

/* What the kernel called the program, up to 15 bytes; "": not known. */
const char *dw_core_name(const struct dw_core *core);

/* The signal that ended the process; 0: none, or not known. */
int dw_core_signal(const struct dw_core *core);

/* In the file's order. */
const struct dw_core_thread *dw_core_threads(const struct dw_core *core, uint32_t *ret_n);

/* By address. */
const struct dw_core_file *dw_core_files(const struct dw_core *core, uint32_t *ret_n);

struct dw_core_gaps dw_core_gaps(const struct dw_core *core);

/* The path of the mapped file that the program was started from; NULL: not known. */
const char *dw_core_program(const struct dw_core *core);

/* The kernel's own code; see dw_code. */
struct dw_range dw_core_vdso(const struct dw_core *core);

/* Code that is in none of dw_core_files(): at most @max of @ret. Return: how many. */
uint32_t dw_core_generated(const struct dw_core *core, struct dw_range *ret, uint32_t max);

/*
 * The mapping of a file that has all of the @n bytes at @address, if the core was written without
 * them, as is done with what is the same in the file; NULL: there is none.
 */
const struct dw_core_file *dw_core_left_out(const struct dw_core *core, uint64_t address, size_t n);

/* Reads @n bytes of memory at @address, all or nothing. Return: 0, or a negative errno. */
int dw_core_read(const struct dw_core *core, uint64_t address, void *ret, size_t n);

DW_DEFINE_AUTO(core)
