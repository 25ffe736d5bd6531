/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of other libraries that a profile names.
 *
 * Where one file calls a function of another, it jumps to the address in an entry of its
 * global offset table. Entries of functions with such a name are pointed at a thunk of ours
 * (got.c). The thunk looks whether its thread holds anything; if not, it jumps on to the real
 * function at once. Else it makes the call in between shim_enter() and shim_left().
 */
#pragma once

/* Thunks: one for each function, and one for each entry that is not bound yet. */
#define SHIM_NAMED_MAX 1024

/* What the thunks know of the structs of C. */
#define SHIM_NAMED_SIZE 24
#define SHIM_NAMED_REAL 0
#define SHIM_NAMED_UNBOUND 8
#define SHIM_NAMED_SLOT_TOP 8

/* Offsets in struct shim_named_frame. */
#define SHIM_NAMED_RDI 128
#define SHIM_NAMED_RSI 136
#define SHIM_NAMED_RDX 144
#define SHIM_NAMED_RCX 152
#define SHIM_NAMED_R8 160
#define SHIM_NAMED_R9 168
#define SHIM_NAMED_RAX 176
#define SHIM_NAMED_CALL 184
#define SHIM_NAMED_STACK 224
#define SHIM_NAMED_FRAME 208 /* what the thunk itself makes room for */

#ifndef __ASSEMBLER__

#include "shim/shim.h"

/* A thunk's function. Never changes back, and is never given up: a file may keep its address. */
struct shim_named {
	uint64_t real;     /* where to jump to: the function, or what binds the entry to it */
	uint64_t *unbound; /* the entry, as long as the loader has not bound it; NULL: it has */
	uint32_t number;   /* of the name; see text.h */
	uint32_t reserved;
};
_Static_assert(sizeof(struct shim_named) == SHIM_NAMED_SIZE, "the thunks know it");

extern struct shim_named shim_named[SHIM_NAMED_MAX] __attribute__((visibility("hidden")));

/*
 * Whether the page of @address may be touched in the way that MADV_POPULATE_READ or _WRITE does.
 * Return: 1: it may; 0: it must not; negative: it is not known. Keeps errno.
 */
int shim_page_allows(uint64_t address, int advice);

/* Where thunk @i begins. */
uint64_t shim_named_thunk(uint32_t i);

/* got.c: the entry of @call is bound by now: from the next call on, it costs no frame. */
void shim_named_bound(struct shim_named *call);

/* got.c: points the entries of all files that have not been seen yet at thunks. */
void shim_got_scan(void);

/*
 * The same where it must not cost anything, nor wait for a thread that waits for this one: if
 * files were loaded since the last time, and @t holds nothing.
 */
void shim_got_rescan(struct shim_thread *t);

#endif
