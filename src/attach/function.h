/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that are probed: what their entry says, and where they are in a file.
 *
 * Internal to the collector.
 */
#pragma once

#include "attach/only.h"
#include "attach/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_probed {
	const char *name;
	struct dw_wire_cookie cookie;

	/*
	 * NULL, or what the function begins with: the kernel does not trap at instructions that
	 * lock the bus, so the probe is behind the first one.
	 */
	const char *begin;
	size_t begin_size;
};

/* What is looked for: whether the function @name is of interest, and its row then. */
struct dw_finder {
	bool (*find)(void *context, const char *name, struct dw_probed *ret);
	void *context;
	bool is_whole;    /* also those that the file keeps to itself */
	bool is_exported; /* only those that it does not */
};

/* Those that the shim has stand-ins for; @only: what of them is wanted, NULL: all. */
struct dw_finder dw_probed_finder(const struct dw_only *only);

/* That one of them which is called @name. */
struct dw_finder dw_function_finder(const char *name);

/* Those by which conditions and semaphores are given. */
struct dw_finder dw_giving_finder(void);

/* Those that free memory, of an allocator that is not the C library's. */
struct dw_finder dw_freeing_finder(void);

/* A function that is in a file. */
struct dw_located {
	struct dw_probed function;
	uint64_t offset;  /* in the file */
	uint64_t address; /* in the file's own terms */
};

/*
 * Looks in the file @path for functions. Of a name that has versions, the default one counts; of
 * several names at one place, the first. Those that the file keeps to itself are looked for where
 * it exports none.
 *
 * Return: how many were found, at most @max; or a negative errno.
 */
int dw_locate(const char *path, const struct dw_finder *finder, struct dw_located *ret, size_t max);
