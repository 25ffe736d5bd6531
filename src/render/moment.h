/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is meant by an address in an event. Events do not say which life of an address they are of:
 * where lives are called differently, both names are told.
 */
#pragma once

#include "render/picture.h"

#include <stdint.h>

struct dw_telling;

struct dw_moments {
	struct dw_telling *telling;
	struct dw_pictures things;
	const char **names; /* by thing: of all lives at its address; NULL: not made yet */
};

/* Names are text of the telling's arena. Return: 0, or -ENOMEM. */
int dw_moments_new(struct dw_moments *ret, struct dw_telling *telling);

/* The thing of @kind (enum dw_thing_kind) at @address. Never NULL. */
const char *dw_moments_name(struct dw_moments *moments, uint64_t address, unsigned kind);
