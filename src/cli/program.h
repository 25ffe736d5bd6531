/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a program that ran left no recording, as far as its file tells.
 *
 * Single-threaded.
 */
#pragma once

#include "render/render.h"

/* Judges the program that the shell would find as @name. The texts are static. */
struct dw_blind dw_program_judge(const char *name);
