/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compiled once as it is and once optimised; SAMPLE(name) says which. */
#include "sample-unwind.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define FN static __attribute__((noinline))

/* The compiler cannot know what comes out. */
static inline long opaque(long n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

/* What is behind @p is used. */
static inline void used(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

FN long plain_inner(sample_inner *inner, long n)
{
	inner();
	return opaque(n) + 1;
}

long SAMPLE(plain)(sample_inner *inner)
{
	return plain_inner(inner, opaque(1)) + 1;
}

#define DEPTH 40

/* More values live across the calls than there are registers. */
FN long saving_level(sample_inner *inner, long depth)
{
	long a = opaque(1), b = opaque(2), c = opaque(3), d = opaque(4), e = opaque(5);
	long f = opaque(6), g = opaque(7), n;

	if (depth == 0)
		inner();
	n = depth ? saving_level(inner, depth - 1) : 0;
	return opaque(n + a + b + c + d + e + f + g);
}

long SAMPLE(saving)(sample_inner *inner)
{
	return saving_level(inner, opaque(DEPTH));
}

FN long growing_inner(sample_inner *inner, long n)
{
	char *room = __builtin_alloca((size_t)opaque(n));

	memset(room, 1, (size_t)n);
	used(room);
	inner();
	used(room);
	return room[n - 1];
}

long SAMPLE(growing)(sample_inner *inner)
{
	return growing_inner(inner, opaque(100)) + growing_inner(inner, opaque(3000));
}

long SAMPLE(aligned)(sample_inner *inner)
{
	char room[256] __attribute__((aligned(64))) = {1};

	used(room);
	inner();
	used(room);
	return room[0] + (long)((unsigned long)room % 64);
}

FN long growing_aligned_inner(sample_inner *inner, long a, long b, long c, long d, long e, long f,
			      long g)
{
	char room[256] __attribute__((aligned(128))) = {1};
	char *more = __builtin_alloca((size_t)opaque(a));

	memset(more, 1, (size_t)a);
	used(room);
	used(more);
	inner();
	used(room);
	used(more);
	return a + b + c + d + e + f + g + room[0] + more[0];
}

long SAMPLE(growing_aligned)(sample_inner *inner)
{
	return growing_aligned_inner(inner, opaque(99), 2, 3, 4, 5, 6, opaque(7));
}

long SAMPLE(large)(sample_inner *inner)
{
	char room[200000];

	room[0] = (char)opaque(1);
	used(room);
	inner();
	used(room);
	return room[0];
}

FN void jumping_inner(sample_inner *inner, jmp_buf back)
{
	inner();
	longjmp(back, 7);
}

long SAMPLE(jumping)(sample_inner *inner)
{
	jmp_buf back;
	int r = setjmp(back);

	if (r == 0)
		jumping_inner(inner, back);
	inner();
	return r;
}

static sample_inner *callback;

FN int compare(const void *a, const void *b)
{
	const int *left = a, *right = b;

	callback();
	return (*left > *right) - (*left < *right);
}

long SAMPLE(sorting)(sample_inner *inner)
{
	int numbers[] = {3, 1, 2};

	callback = inner;
	qsort(numbers, 3, sizeof(*numbers), compare);
	return numbers[0] * 100 + numbers[1] * 10 + numbers[2];
}

FN void once_inner(void)
{
	callback();
	used(&callback);
}

long SAMPLE(once)(sample_inner *inner)
{
	pthread_once_t control = PTHREAD_ONCE_INIT;

	callback = inner;
	pthread_once(&control, once_inner);
	return control;
}

FN __attribute__((noreturn)) void leave(sample_inner *inner, jmp_buf back)
{
	inner();
	longjmp(back, 9);
}

/* Nothing is behind the call, and the next function has another frame. */
FN __attribute__((noreturn)) void leaving_inner(sample_inner *inner, jmp_buf back)
{
	char room[100];

	used(room);
	leave(inner, back);
}

long SAMPLE(leaving)(sample_inner *inner)
{
	jmp_buf back;
	int r = setjmp(back);

	if (r == 0)
		leaving_inner(inner, back);
	return r;
}
