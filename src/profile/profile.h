/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A profile: what is known about a hypervisor and cannot be seen, as data.
 *
 * What its locks are called, which calls of other libraries can block and what completes
 * them, what its threads are for, and which functions only wrap others. Profiles are JSON;
 * docs/profiles.md describes them. Some are built in, users write others.
 *
 * Patterns are those of base/pattern.h.
 *
 * A profile owns its texts and does not change, so any thread may read it.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_arena;

/* Patterns, or names where it says so. */
struct dw_profile_list {
	const char *const *entries;
	size_t n;
};

/* What a lock is called, and how it is known: by any of these. */
struct dw_profile_lock {
	const char *name;
	struct dw_profile_list variables; /* it is a variable of that name */
	struct dw_profile_list made_in;   /* it was made in that function, wrappers left out */
	struct dw_profile_list taken_in;  /* that function, or a wrapper, takes no other lock */
	struct dw_profile_list let_go_in; /* that one lets go of no other */
};

/* A function of another library that can block. */
struct dw_profile_call {
	const char *name;
	const char *library;                 /* base name of its file; NULL: any */
	struct dw_profile_list completed_by; /* it returns only when one of these has run */
	bool releases; /* it waits for conditions, and lets go of a lock meanwhile */
};

/* What a thread is for: by its start routine, or by its name. */
struct dw_profile_thread {
	const char *role;
	struct dw_profile_list starts, names;
};

/* Threads of a role do not run while another thread is in certain functions: it has paused them. */
struct dw_profile_pause {
	const char *role;
	struct dw_profile_list during; /* functions that pause the threads, and let them go on */
	struct dw_profile_list within; /* what these call while the threads are paused */
	struct dw_profile_list except; /* what paused threads do all the same */
};

/* Pauses of a profile that count. */
#define DW_PROFILE_PAUSES 16

struct dw_profile {
	struct dw_arena *arena;
	const char *name;

	/* It applies where one of these is: files by base name, exported symbols by name. */
	struct {
		struct dw_profile_list modules;
		struct dw_profile_list symbols;
	} applies;

	const struct dw_profile_lock *locks;
	size_t n_locks;
	const struct dw_profile_call *calls;
	size_t n_calls;
	const struct dw_profile_thread *threads;
	size_t n_threads;
	const struct dw_profile_pause *pauses;
	size_t n_pauses;

	/* Functions by which the program makes its threads: names. */
	struct dw_profile_list creators;

	/* Functions that say nothing about where something was done. */
	struct dw_profile_list wrappers;
};

/* What is wrong with a profile. */
struct dw_profile_error {
	unsigned line; /* of the text, from 1 */
	char text[256];
};

/* One of all that is known about QEMU takes 8 KiB. */
#define DW_PROFILE_SIZE_MAX ((size_t)1 << 20)

/* An answer: the profile is wrong, and it was said how. */
#define DW_PROFILE_WRONG 1

/*
 * Reads a profile from @text, @size bytes.
 *
 * Return: 0; DW_PROFILE_WRONG, with @ret_error filled; or -ENOMEM.
 */
int dw_profile_read(struct dw_profile **ret, const char *text, size_t size,
		    struct dw_profile_error *ret_error);

struct dw_profile *dw_profile_free(struct dw_profile *profile);

/* How many are built in, and the @i-th one. Return: as for dw_profile_read(). */
size_t dw_profile_n_built_in(void);
int dw_profile_built_in(struct dw_profile **ret, size_t i, struct dw_profile_error *ret_error);

/* Whether @name matches one of @list. @name may be NULL, and then does not. */
bool dw_profile_has_match(const struct dw_profile_list *list, const char *name);

DW_DEFINE_AUTO(profile)
