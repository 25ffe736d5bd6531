/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last picture: what each thread held and waited for when it was last seen, by name.
 *
 * What a thread waits for while it holds nothing was never told with a chain: it is named by its
 * address, if it was ever told at all.
 */
#pragma once

#include <stdint.h>

struct dw_arena;
struct dw_held;
struct dw_reported_process;
struct dw_slot;

struct dw_pictures {
	const struct dw_reported_process *process;
	uint32_t *by_address; /* thing numbers, sorted by address and life */
	uint32_t n;
};

/* Return: 0, or -ENOMEM where @arena is full. */
int dw_pictures_new(struct dw_pictures *ret, const struct dw_reported_process *process,
		    struct dw_arena *arena);

/* The things at @address, in the order of their lives. *@ret_n is 0 if none was told. */
const uint32_t *dw_pictures_lives(const struct dw_pictures *pictures, uint64_t address,
				  uint32_t *ret_n);

/* The thing's last life at @address; 0: none was told. */
uint32_t dw_pictures_thing(const struct dw_pictures *pictures, uint64_t address);

/* The thread's slot; NULL: it has ended, or never had one. */
const struct dw_slot *dw_pictures_slot(const struct dw_pictures *pictures, uint32_t thread);

/* What the thread of @slot waits for; NULL: nothing. */
const struct dw_held *dw_pictures_waits(const struct dw_slot *slot);

/* What @held is called, as the program has it; NULL if that is not known. */
const char *dw_pictures_name(const struct dw_pictures *pictures, const struct dw_held *held);
