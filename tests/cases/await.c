/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded into a case: it stops before its main(), until somebody has attached to it. */
#include <signal.h>

__attribute__((constructor)) static void await(void)
{
	raise(SIGSTOP);
}
