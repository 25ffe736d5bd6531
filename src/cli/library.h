/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where libdeadwatch.so is: what DEADWATCH_LIBRARY names; else that of the build tree
 * or of the installation which the running deadwatch belongs to, even if it was moved; else the one
 * that was installed.
 *
 * Single-threaded. Memory handed out is the caller's to free.
 */
#pragma once

/*
 * The library's path. What keeps it from being preloaded, if anything, is said on stderr.
 *
 * Return: 0, 1 if there is none that can be preloaded, or -ENOMEM.
 */
int dw_library_find(char **ret);
