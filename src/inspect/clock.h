/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock of looks. */
#pragma once

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC */
static inline uint64_t dw_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
