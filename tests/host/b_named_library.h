/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library whose functions get and give all that functions can be given; see b_named_calls.c. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

struct named_pair {
	long first, second;
};

struct named_vectors {
	double first, second;
};

struct named_mixed {
	double real;
	long whole;
};

struct named_large {
	long values[12];
};

long library_many(int a, long b, short c, long d, char e, long f, long g, int h, long i, long j,
		  long k, long l, long m, long n, long o, long p, long q, long r, long s, long t,
		  long u, long v);
double library_floats(double a, double b, double c, float d, double e, double f, double g, double h,
		      double i, float j, int k, long double l);
struct named_pair library_pair(long first, long second);
struct named_vectors library_vectors(double first, double second);
struct named_mixed library_mixed(double real, long whole);
struct named_large library_large(struct named_large given, long plus);
long double library_long(long double given);
__int128 library_wide(__int128 given, long plus);
int library_formats(char *room, unsigned size, const char *format, ...);
int library_fails(int error);
void library_calls_back(void (*call)(void *argument), void *argument);
void library_sleeps(int ms);

/* A function as the library itself sees it. */
extern int (*const library_own_fails)(int error);

#ifdef __cplusplus
}
#endif
