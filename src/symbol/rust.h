/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rust's standard library takes its locks within the program, and calls nobody unless it
 * has to wait: who watches calls does not see them being taken.
 */
#pragma once

#include <stdbool.h>

struct dw_module;

/*
 * Whether the file that @module was loaded from has that library in it. Its messages name its
 * source files, also where symbols are stripped; newer compilers say so in the file's comment. A
 * file that is gone, or is another one now, has nothing in it.
 */
bool dw_rust_is_in(const struct dw_module *module);
