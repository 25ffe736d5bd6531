/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a function returns, so that its result can be read there: a probe at an instruction like
 * any other, and none of the kernel's return probes, which a sandbox may not allow.
 *
 * Internal to the collector.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The C library's functions that try locks return in four places at most. */
#define DW_RESULTS_MAX 8

/*
 * How far from its begin the function of the @n bytes @code has instructions that return.
 *
 * Return: how many; 0: it also ends otherwise, or that cannot be told.
 */
size_t dw_results_find(const uint8_t *code, size_t n, uint64_t ret[DW_RESULTS_MAX]);
