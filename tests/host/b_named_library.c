/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "b_named_library.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

long library_many(int a, long b, short c, long d, char e, long f, long g, int h, long i, long j,
		  long k, long l, long m, long n, long o, long p, long q, long r, long s, long t,
		  long u, long v)
{
	long given[] = {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v}, all = 0;

	for (unsigned at = 0; at < sizeof(given) / sizeof(*given); at++)
		all = all * 3 + given[at];
	return all;
}

double library_floats(double a, double b, double c, float d, double e, double f, double g, double h,
		      double i, float j, int k, long double l)
{
	return a + 2 * b + 3 * c + 4 * (double)d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i +
	       10 * (double)j + 11 * k + 12 * (double)l;
}

struct named_pair library_pair(long first, long second)
{
	return (struct named_pair){second, first};
}

struct named_vectors library_vectors(double first, double second)
{
	return (struct named_vectors){second, first};
}

struct named_mixed library_mixed(double real, long whole)
{
	return (struct named_mixed){real + 0.5, whole + 1};
}

struct named_large library_large(struct named_large given, long plus)
{
	for (unsigned i = 0; i < sizeof(given.values) / sizeof(*given.values); i++)
		given.values[i] += plus;
	return given;
}

long double library_long(long double given)
{
	return given / 3;
}

__int128 library_wide(__int128 given, long plus)
{
	return given * given + plus;
}

int library_formats(char *room, unsigned size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room, size, format, args);
	va_end(args);
	return n;
}

int library_fails(int error)
{
	errno = error;
	return -1;
}

void library_calls_back(void (*call)(void *argument), void *argument)
{
	call(argument);
}

void library_sleeps(int ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000L};

	nanosleep(&time, NULL);
}

void (*const library_own_calls_back)(void (*call)(void *argument),
				     void *argument) = library_calls_back;
int (*const library_own_fails)(int error) = library_fails;
