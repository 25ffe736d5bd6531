/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock that a program takes and lets go of in functions of its own, as QEMU does with the BQL:
 * where just these are probed, all other locks cost nothing. They do not say which lock it is;
 * their instructions do.
 *
 * Internal to the collector.
 */
#pragma once

#include "attach/function.h"
#include "attach/process.h"

/* Its functions. */
struct dw_finder dw_only_lock_finder(const struct dw_only_lock *lock);

/* Its address, if @map is the file of its functions; 0: it is not, or that cannot be told. */
uint64_t dw_only_lock_find(struct dw_attached *process, const struct dw_only_lock *lock,
			   const struct dw_map *map);
