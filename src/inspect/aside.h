/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work in a process of its own, because it stops threads, which go on when it ends, or
 * because it reads what may bring a library down.
 *
 * Single-threaded; SIGCHLD must not be ignored.
 */
#pragma once

#include <stddef.h>

/*
 * Calls @work in a child, which is given @max_s seconds. Of the @size bytes at @shared it has a
 * copy; what it makes of them is there when this returns, as far as it came.
 *
 * Return: 0, or a negative errno: the child could not be made.
 */
int dw_aside(void (*work)(void *context, void *shared), void *context, void *shared, size_t size,
	     unsigned max_s);
