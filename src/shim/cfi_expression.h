/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of call frame information. */
#pragma once

#include "shim/cfi.h"

/*
 * The value of the expression in @block (its length, then its operations). @start: what is on the
 * stack at first; NULL: nothing.
 *
 * Return: whether every operation was understood.
 */
bool cfi_evaluate(const uint8_t *block, const struct cfi_registers *registers,
		  const uint64_t *start, uint64_t *ret);
