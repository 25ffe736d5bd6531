/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a program can be watched, and why one that ran left no recording, as far as its file
 * tells.
 *
 * Single-threaded.
 */
#pragma once

#include "render/render.h"

/*
 * Whether @name may be started with the library preloaded: a loader that is not glibc's would
 * refuse to start it at all. What is wrong is said on stderr. Return: 0, or 1.
 */
int dw_program_check(const char *name);

/*
 * Why @name, which is taken as execvp() takes it, cannot be executed or looked at: @error is
 * positive. strerror(), but in words that say what is to be done. The text is static.
 */
const char *dw_program_reason(const char *name, int error);

/* Judges the program that the shell would find as @name. The texts are static. */
struct dw_blind dw_program_judge(const char *name);
