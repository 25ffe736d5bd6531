/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guard over a running process whose recording is written meanwhile, by the process itself or
 * from outside: looks again and again, and raises the alarm when something is stuck.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"
#include "cli/alarm.h"

struct dw_guard;

/* How often we look: a hang is told within a second, and nobody feels it. */
#define DW_GUARD_PERIOD_MS 200

/* Longer than what people take for a moment, shorter than their patience. */
#define DW_GUARD_STALL_MS 5000

/* @options, but for `watch`, which is the guard's own. Return: 0, or -ENOMEM. */
int dw_guard_new(struct dw_guard **ret, const struct dw_alarm_options *options);
struct dw_guard *dw_guard_free(struct dw_guard *guard);

/*
 * Looks, at @now_ns; @closely: there is time for what takes long, if there is reason to.
 *
 * Return: what was found that is new, a dw_alarm_answer.
 */
enum dw_alarm_answer dw_guard_look(struct dw_guard *guard, uint64_t now_ns, bool closely);

/* The last look, at a process that has ended: it may have been stuck. */
void dw_guard_look_back(struct dw_guard *guard, uint64_t now_ns);

DW_DEFINE_AUTO(guard)
