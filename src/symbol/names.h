/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people call the things, threads and frames of a process's facts.
 *
 * A thing is called, in this order of preference: what the program, a hook or a profile
 * said ("BQL"); the variable that it is (`bql`, `pool+0x28`); where it was born ("mutex of
 * aio_context_new, util/async.c:612"); where it was first taken ("mutex first taken in fb_lock,
 * bcm2835_fb.c:56") or waited for. A thread's end and answer are called after the thread. A
 * condition or semaphore that a library waits for, and that is no variable of the program, is
 * called after the function by which the library was called: `CFRelease`. So is a call within
 * a library; one of the program's own is "recvmsg in vhost_user_read". A lock that is a word of
 * memory, whose holder cannot be seen, is called after who waits for it: "Bus::insert's lock".
 *
 * Things that would share a name are numbered in the order in which
 * they were told: "mutex of worker_new, pool.c:40 #2". Never a bare address: where neither
 * function nor line of birth and first taking are known, "mutex of libfoo.so+0x1234".
 *
 * Wrappers (pthread_mutex_lock itself, qemu_mutex_lock_impl, std::mutex::lock, and whatever
 * the C library does inside ...) do not say where something was done; a site's name is that of
 * the first frame that is none of them. A hint's file and line (struct dw_hint) belong to that
 * frame.
 *
 * Single-threaded. Everything handed out lives as long as the dw_names.
 */
#pragma once

#include "base/cleanup.h"
#include "model/facts.h"

#include <stdbool.h>
#include <stdint.h>

struct dw_names;
struct dw_symbol_bytes;
struct dw_symbols;

/* A frame as people see it: one for each function, inlined ones included. */
struct dw_frame {
	const char *function; /* NULL if not known */
	const char *file;     /* NULL if not known */
	const char *module;   /* base name of the file that the code is in; NULL: generated code */
	uint64_t address;     /* of the code, in the terms of that file; 0 in generated code */
	uint32_t line;        /* 0 if not known */
	uint32_t flags;       /* enum dw_frame_flag */
};

enum dw_frame_flag {
	DW_FRAME_INLINED = 1,
	DW_FRAME_WRAPPER = 2, /* a wrapper of a lock or wait: not where something was done */
	DW_FRAME_RUNTIME = 4, /* a thread's or program's entry: not of the program's own making */
};

struct dw_named_stack {
	const struct dw_frame *frames; /* innermost first */
	uint32_t n_frames;
	uint32_t site;  /* index of the first frame that is no wrapper; n_frames if there is none */
	uint32_t flags; /* enum dw_stack_flag */
};

/* @facts must outlive the names. Return: 0, or -ENOMEM. */
int dw_names_new(struct dw_names **ret, const struct dw_facts *facts);

/*
 * The same by @symbols, which others use too, and which must outlive the names: files that many
 * recordings, or looks, have in common are opened once. NULL: by its own.
 */
int dw_names_new_by(struct dw_names **ret, const struct dw_facts *facts,
		    struct dw_symbols *symbols);
struct dw_names *dw_names_free(struct dw_names *names);

/* By number of the facts' arrays. Never NULL. */
const char *dw_names_thing(struct dw_names *names, uint32_t thing);

/*
 * The part of a thing's name that another build of the program would give it too: neither
 * its number among equal names nor file and line ("mutex of worker_new"). Never NULL.
 */
const char *dw_names_thing_plain(struct dw_names *names, uint32_t thing);

/* What a thing is, in a word ("mutex"). Never NULL; static. */
const char *dw_names_thing_kind(const struct dw_names *names, uint32_t thing);

/* Whether it has a name of its own, that was not made of where it is used. */
bool dw_names_thing_is_own(struct dw_names *names, uint32_t thing);

/* Whether it is a lock: what is held, not given. */
bool dw_names_thing_is_lock(const struct dw_names *names, uint32_t thing);

/*
 * The last thing of a chain, as it is called where it was taken or waited for: the thing's
 * name, but for calls, of which there is one thing whoever makes them. Never NULL.
 */
const char *dw_names_taken(struct dw_names *names, uint32_t chain);
const char *dw_names_taken_plain(struct dw_names *names, uint32_t chain);

/*
 * Where something was done, as the program sees it: the innermost function of its own, whatever
 * libraries did within; else the site, unless that is the C library's. NULL if not known.
 */
const struct dw_frame *dw_names_own_frame(struct dw_names *names, uint32_t stack, uint32_t hint);

/* The same of a post. */
const struct dw_frame *dw_names_post(struct dw_names *names, uint32_t post);

/* "fb_lock", "libfoo.so+0x10", or "generated code". */
const char *dw_names_frame(struct dw_names *names, const struct dw_frame *frame);

/* The thread's name, or that of its start routine, or "main", or "thread 3". */
const char *dw_names_thread(struct dw_names *names, uint32_t thread);

/* The function that the thread started in; NULL if not known. */
const char *dw_names_thread_start(struct dw_names *names, uint32_t thread);

/* A stack with names; @hint may be 0. */
const struct dw_named_stack *dw_names_stack(struct dw_names *names, uint32_t stack, uint32_t hint);

/*
 * The bytes of the function that a stack has as @place, and where they are in memory; see
 * dw_symbols_bytes(). Return: whether that is known.
 */
bool dw_names_bytes(struct dw_names *names, dw_place place, struct dw_symbol_bytes *ret);

/* The function that @place is in, which is no return address; NULL: that is not known. */
const char *dw_names_function(struct dw_names *names, dw_place place);

/*
 * For profiles, which add to the facts by what they hear; before any thing's name is asked for.
 */

/*
 * Functions that match one of @patterns (see base/pattern.h) say nothing about where something was
 * done, besides those that are known. Before any stack is asked for. Return: 0, or -ENOMEM.
 */
int dw_names_add_wrappers(struct dw_names *names, const char *const *patterns, size_t n);

/* The variable that @thing is; NULL if it is none, or lies within one. */
const char *dw_names_variable(struct dw_names *names, uint32_t thing);

/*
 * Whether the program itself, not one of its libraries, has a function of that name; of a text,
 * whether one of its stacks does.
 */
bool dw_names_program_has(struct dw_names *names, const char *function);

/* Whether the program's file is not the one that ran, or not there: then its names are not known.
 */
bool dw_names_program_is_lost(struct dw_names *names);

/*
 * @facts are those of @names from now on: all that was there is there, with its number, modules
 * are as many. Return: 0, or -ENOMEM.
 */
int dw_names_grow(struct dw_names *names, const struct dw_facts *facts);

DW_DEFINE_AUTO(names)
