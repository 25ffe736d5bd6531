/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a judge: excuse.c has the excuses of legs and the choice of witnesses,
 * excuse_whole.c the excuses of all legs together.
 *
 * Internal to these.
 */
#pragma once

#include "analysis/excuse.h"

struct dw_judge_gate {
	uint32_t a, b; /* states */
	bool known;
	uint32_t thing;
};

/* A leg's present witness in a search for a choice. */
struct dw_judge_place {
	uint32_t way, witness;
	unsigned excuses; /* of this and all earlier legs */
};

struct dw_judge {
	const struct dw_needs *needs;
	struct dw_order *order;
	unsigned ignored;
	struct dw_judge_gate *gates;
	struct dw_judge_place *places; /* room for a leg from every node */
	uint64_t pairs;                /* compared so far */
};

/* At a barrier everybody must arrive: one's own arrival gives nothing, nor does another's. */
static inline bool dw_judge_wants_all(const struct dw_judge *judge, uint32_t thing)
{
	return judge->needs->facts->things[thing].kind == DW_BARRIER;
}

/* The excuses of the cycle of @n legs that are placed, as a whole. */
unsigned dw_judge_excuses_whole(struct dw_judge *judge, uint32_t n);

/* Whether somebody outside of the cycle of @n legs can give what leg @leg gives. */
bool dw_judge_has_other_poster(struct dw_judge *judge, uint32_t n, uint32_t leg);

/* Whether the only writer that could queue at @leg would have to queue elsewhere, too. */
bool dw_judge_lacks_writer(const struct dw_judge *judge, uint32_t n, uint32_t leg);
