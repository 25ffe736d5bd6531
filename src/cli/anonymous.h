/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts without names: a recording of a hypervisor is confidential, its locking is not.
 *
 * Single-threaded; memory comes from the caller's arena.
 */
#pragma once

#include "model/facts.h"

struct dw_arena;

/*
 * Fills @ret with @facts, in which every name and path is replaced by a numbered word
 * ("module2", "file3", "thread4", "thing5"); equal files stay equal. Build ids are left out: they
 * lead to names. Shares what has no names with @facts.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_anonymize(struct dw_facts *ret, struct dw_arena *arena, const struct dw_facts *facts);
