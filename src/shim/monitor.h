/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor: a process beside the program, which says at once when it hangs.
 */
#pragma once

#include <stdbool.h>

/*
 * Starts the monitor, once in a process, if that is wanted and can be without the program
 * noticing. Must be called with the shim's own work going on.
 */
void shim_monitor_start(void);

/* False: the program itself has said who may trace it. Not wiped by a fork, as that is not. */
extern bool shim_monitor_may_trace;
