/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes a finding the same finding in another run, or in another build.
 *
 * A fingerprint is a hash of the verdict, and of each leg the names of its two things
 * and the outermost meaningful function of both stacks (the outermost that is not part
 * of the C library's or a thread's entry). Nothing of addresses, lines, thread ids,
 * and nothing that compilers add to names (`.part.0`, `.constprop.1`, `.isra.0`,
 * `.llvm.123`, `.cold`, Rust's `::h0123456789abcdef`, "#2" of equal lock names). The leg
 * that a cycle starts with does not matter. Of a misuse, which has a single stack, the
 * function that did it counts too.
 */
#pragma once

#include "analysis/finding.h"

struct dw_names;

#define DW_FINGERPRINT_SIZE 17 /* 16 hexadecimal digits and a NUL */

void dw_fingerprint(const struct dw_finding *finding, const struct dw_facts *facts,
		    struct dw_names *names, char ret[DW_FINGERPRINT_SIZE]);

/* Copies @name without what compilers add, into @ret of @size bytes, cut if need be. */
void dw_fingerprint_function(const char *name, char *ret, size_t size);
