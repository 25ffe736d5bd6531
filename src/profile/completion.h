/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which locks the completion of calls needs; see apply.h. */
#pragma once

#include "profile/apply.h"

/*
 * Adds to @facts, whose memory is its own, the posts that follow from the calls of @profile,
 * and their stacks. Return: 0, or -ENOMEM.
 */
int dw_profile_complete(struct dw_facts *facts, struct dw_arena *arena,
			const struct dw_profile *profile, const struct dw_profile_source *source);
