/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls that can block: a row each, as the BPF programs have to know them.
 *
 * Internal to the collector.
 */
#pragma once

#include "attach/wire.h"

/* Fills @ret, by the number of the system call. */
void dw_calls_fill(struct dw_wire_call ret[DW_WIRE_CALLS_MAX]);
