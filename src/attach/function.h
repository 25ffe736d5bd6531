/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that are probed: what their entry says, and where they are in a file.
 *
 * Internal to the collector.
 */
#pragma once

#include "attach/wire.h"

#include <stddef.h>
#include <stdint.h>

struct dw_probed {
	const char *name;
	struct dw_wire_cookie cookie;
};

/* Those that the shim has stand-ins for. A row without a name ends them. */
extern const struct dw_probed dw_probed_functions[];

/* A function that is in a file. */
struct dw_located {
	const struct dw_probed *function;
	uint64_t offset; /* in the file */
};

/*
 * Looks in the file @path for the functions of @functions, which ends with a row without a name. Of
 * a name that has versions, the default one counts; of several names at one place, the first.
 *
 * Return: how many were found, at most @max; or a negative errno.
 */
int dw_locate(const char *path, const struct dw_probed *functions, struct dw_located *ret,
	      size_t max);
