/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of stories and replay share. Internal to them. */
#pragma once

#include "record/story.h"

/*
 * The hint that goes with each stack of @facts, by stack number: that of a chain that has
 * both. From the C library; NULL: no memory.
 */
uint32_t *dw_hints_of_stacks(const struct dw_facts *facts);

/* dw_replay_new() with the hints that go with the stacks of @known. */
int dw_replay_new_with(struct dw_replay **ret, const struct dw_event *events, size_t n_events,
		       const struct dw_facts *known, const uint32_t *hint_of_stack);
