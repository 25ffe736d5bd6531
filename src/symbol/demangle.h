/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names as their authors wrote them: C++ and Rust, both manglings of Rust. */
#pragma once

struct dw_arena;

/*
 * @name demangled, without parameters, without Rust's hash and without a symbol
 * version (`@GLIBC_2.2.5`). Lives as long as @arena.
 *
 * Return: NULL if the arena is full.
 */
const char *dw_demangle(struct dw_arena *arena, const char *name);
