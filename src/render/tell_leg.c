/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks of a finding, one below the other.
 *
 * A thread mostly held the first lock on its way to the second, so their outer frames
 * are the same; those are told once, with the first.
 */
#include "render/say.h"
#include "symbol/names.h"

static void tell_saying(struct dw_telling *telling, const struct dw_saying *saying,
			const struct dw_named_stack *outer)
{
	dw_tell(telling, DW_STYLE_PLAIN, "  %s%s\n", saying->text, saying->stack ? ":" : "");
	if (saying->stack && outer)
		dw_tell_frames_below(telling, saying->stack, outer);
	else if (saying->stack)
		dw_tell_frames(telling, saying->stack);
}

void dw_tell_legs(struct dw_telling *telling, const struct dw_finding *finding)
{
	struct dw_saying sayings[DW_SAYINGS_MAX];

	for (uint32_t i = 0; i < finding->n_legs; i++) {
		uint32_t n = dw_say_leg(telling, finding, i, sayings);

		dw_tell(telling, DW_STYLE_PLAIN, "\n");
		for (uint32_t j = 0; j < n; j++)
			tell_saying(telling, &sayings[j], j ? sayings[0].stack : NULL);
	}
}

void dw_tell_misuse(struct dw_telling *telling, const struct dw_misuse *misuse)
{
	struct dw_saying sayings[DW_SAYINGS_MAX];
	uint32_t n = dw_say_misuse(telling, misuse, sayings);

	dw_tell(telling, DW_STYLE_PLAIN, "\n");
	for (uint32_t i = 0; i < n; i++)
		tell_saying(telling, &sayings[i], /* outer= */ NULL);
}
