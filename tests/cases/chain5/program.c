/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cycle of chain3, among 5. */
#define N_FORKS 5
#include "../chain3/program.c"
