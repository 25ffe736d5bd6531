/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The net: all needs between the things of a process, on cycles or not, each with the first
 * that was seen of it. It is for being looked at: whether a need can be part of a deadlock is the
 * business of need.h.
 */
#pragma once

#include "model/facts.h"

#include <stddef.h>
#include <stdint.h>

struct dw_arena;

/* `from` needs `to`: as a leg of a finding says it, see struct dw_leg. */
struct dw_net_need {
	uint32_t from, to; /* thing numbers, different ones */
	uint32_t holds;    /* chain number: its last thing is `from`; 0: that is given by `post` */
	uint32_t needs;    /* chain number: its last thing is `to` */
	uint32_t post;     /* facts.posts index; 0: `from` is held */
	uint32_t n_seen;   /* how many chains and posts say so */
};

/*
 * The needs of @facts in the order in which they were told.
 *
 * Return: 0, or -ENOMEM where @arena is full.
 */
int dw_net(const struct dw_facts *facts, struct dw_arena *arena, struct dw_net_need **ret,
	   uint32_t *ret_n);
