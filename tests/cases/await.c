/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a case: it stops until somebody has attached to it, before its main() and before
 * the constructors of all its libraries.
 */
#include <signal.h>

__attribute__((constructor)) static void await(void)
{
	raise(SIGSTOP);
}
