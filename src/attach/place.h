/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loaded files of a process that is attached to, and what its recording says of them.
 *
 * Internal to the collector.
 */
#pragma once

#include "attach/process.h"

struct dw_attached_module {
	uint64_t start; /* of its mapping: a file that is loaded elsewhere is another module */
	const char *path;
	uint16_t number; /* in the recording; 0: nothing was told of it yet */
	bool is_probed;  /* its functions are */
};

/* The file that @address is in; NULL: none. */
struct dw_attached_module *dw_attached_module(struct dw_attached *process, uint64_t address);

/* Whether the file at @path is the C library or the loader; it may have been removed. */
bool dw_attached_is_system_file(const char *path);

/* The same of the file that @address is in. */
bool dw_attached_is_system(struct dw_attached *process, uint64_t address);

/* The id of the stack that was told with @hash, to be set; NULL: no memory. */
uint32_t *dw_attached_stack_id(struct dw_attached *process, uint64_t hash);
