/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions with the frames that compilers make, to be unwound from within. Each calls
 * @inner once, with what its frame is about still in use afterwards, and gives back a number
 * that depends on all of it. There is one of each for every way of compiling them.
 */
#pragma once

typedef void sample_inner(void);

#define SAMPLE_SHAPES(X)                                                             \
	X(plain)           /* one frame in another */                                \
	X(saving)          /* every register that a callee must keep, recursively */ \
	X(growing)         /* alloca: the CFA is based on rbp */                     \
	X(aligned)         /* a realigned stack */                                   \
	X(growing_aligned) /* both, with arguments: addressed indirectly */          \
	X(large)           /* a frame of many pages */                               \
	X(jumping)         /* setjmp and longjmp */                                  \
	X(sorting)         /* a callback through the C library */                    \
	X(once)            /* another one, with cleanup frames */                    \
	X(leaving)         /* a call that does not return is the last instruction */

#define SAMPLE_DECLARE(name)                             \
	long sample_plainly_##name(sample_inner *inner); \
	long sample_optimised_##name(sample_inner *inner);
SAMPLE_SHAPES(SAMPLE_DECLARE)

/* In a shared library: the first goes through a resolver that calls @sample_resolving. */
extern sample_inner *sample_resolving;
long sample_resolved(long n);
long sample_bound_late(long n);

/* In C++: in a destructor while an exception passes, in its handler, in a terminate handler. */
void sample_passing(sample_inner *inner);
void sample_catching(sample_inner *inner);
void sample_terminating(sample_inner *inner);
