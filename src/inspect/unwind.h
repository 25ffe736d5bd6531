/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stacks, from a thread's registers and a process's memory, by libdwfl. Where the process
 * is, in /proc or in a core file, makes no difference here.
 *
 * Tables for unwinding are taken from the files that code was loaded from; of the kernel's
 * own code (vdso) from memory; of generated code from the images in memory that its maker has
 * registered for debuggers (`__jit_debug_descriptor`: QEMU's TCG does). Where a file has no table
 * for its code, as musl, the code itself may tell (see arch_caller.h). Nothing is guessed: where
 * nothing says how to go on, a stack ends, and says why.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"
#include "inspect/arch.h"
#include "inspect/frames.h"
#include "inspect/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_unwinder;

struct dw_unwind_process {
	const struct dw_code *code; /* outlives the unwinder */

	dw_read_function *read;      /* mandatory. Stacks */
	dw_read_function *read_code; /* mandatory. What does not change */
	void *context;               /* of both */
};

int dw_unwinder_new(struct dw_unwinder **ret, const struct dw_unwind_process *process);
struct dw_unwinder *dw_unwinder_free(struct dw_unwinder *unwinder);

/* Fills the addresses of @ret, and says how they end. There is one at least. */
void dw_unwinder_walk(struct dw_unwinder *unwinder, const struct dw_registers *registers,
		      struct dw_frames *ret);

DW_DEFINE_AUTO(unwinder)
