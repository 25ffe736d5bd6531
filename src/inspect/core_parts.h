/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the core reader share; see core.h.
 */
#pragma once

#include "inspect/arch.h"
#include "inspect/core.h"

#include <gelf.h>

/* The kernel's limit of a program's name, its end included. */
#define CORE_NAME_SIZE 16

/* A piece of memory. */
struct segment {
	uint64_t start;
	uint64_t offset;      /* in the file */
	uint64_t size;        /* bytes that are there */
	uint64_t full_size;   /* bytes that the core was written with */
	uint64_t memory_size; /* bytes of the process's memory */
	bool is_code;
};

struct dw_core {
	struct dw_arena *arena;
	int fd;
	Elf *elf;
	uint64_t size; /* of the file */

	struct segment *segments; /* by address */
	uint32_t n_segments;
	struct dw_core_thread *threads;
	uint32_t n_threads, threads_room;
	struct dw_core_file *files;
	uint32_t n_files;

	pid_t pid;
	int signal;
	char name[CORE_NAME_SIZE];
	uint64_t entry, vdso; /* addresses; 0: not known */
	struct dw_core_gaps gaps;
};

/* Reads the notes in @size bytes at @offset. Return: 0, or -ENOMEM. */
int dw_core_notes_read(struct dw_core *core, uint64_t offset, uint64_t size);
