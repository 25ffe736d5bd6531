/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions that are found only when they are first called. */
#include "sample-unwind.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT sample_inner *sample_resolving;

static long chosen(long n)
{
	return n + 1;
}

/* Called by the loader, below the call that is to be bound. */
__attribute__((used)) static long (*choose(void))(long)
{
	if (sample_resolving)
		sample_resolving();
	return chosen;
}

EXPORT long sample_resolved(long n) __attribute__((ifunc("choose")));

EXPORT long sample_bound_late(long n)
{
	return n + 2;
}
