/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signal handlers: which signals have one, and which one the program is in.
 *
 * A set of signals is a word, whose bit 0 is signal 1. Signals that a thread's own instructions
 * raise (SIGSEGV and its kin) are left out.
 */
#pragma once

#include "shim/shim.h"

#include <stdbool.h>
#include <stdint.h>

#define SHIM_SIGNAL(number) (UINT64_C(1) << ((number)-1))

/* Signals that have a handler. */
extern uint64_t shim_caught;

/*
 * Of these, what can come to the calling thread, which is @t, now; none where that must not be
 * asked. What the kernel has said at this stack, of which @stack is the number, goes on until the
 * thread is seen changing its mask: to ask takes as long as all the rest of telling a lock.
 */
uint64_t shim_exposed(struct shim_thread *t, uint32_t stack);

/*
 * The signal whose handler begins at @handler, and has interrupted the program at @context, the
 * kernel's ucontext_t. 0: not known.
 */
uint32_t shim_signal_of(uint64_t handler, uint64_t context);
