/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hazards: locks held across a wait for what is no lock.
 *
 * Not wrong by itself, and common; but most deadlocks of hypervisors are one of these whose
 * other half was not seen. A wait that was over soon is none, unless it was in a call that is
 * named as one that can block; nor is running a guest: who holds something there can be
 * made to return at any time.
 */
#pragma once

#include "model/facts.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether @chain of @facts is one. */
bool dw_is_hazard(const struct dw_facts *facts, uint32_t chain);

/* How many there are. */
uint32_t dw_hazards_count(const struct dw_facts *facts);

/* The outermost lock that was held in @chain, as a chain: it is what most others wait for. */
uint32_t dw_outermost(const struct dw_facts *facts, uint32_t chain);
