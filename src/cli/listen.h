/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listener: says when functions that the user wants to be watched do not run any more, and
 * keeps that in the recording. It is no finding, because nothing is known to be wrong.
 *
 * Single-threaded.
 */
#pragma once

#include "base/cleanup.h"

#include <stdint.h>

struct dw_alarm_options;
struct dw_listener;

/*
 * @wishes: what dw_pulse_check() takes. @period_ns: how often it is to look. @options, and what it
 * points to, must outlive the listener.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_listener_new(struct dw_listener **ret, const struct dw_alarm_options *options,
		    const char *wishes, uint64_t period_ns);
struct dw_listener *dw_listener_free(struct dw_listener *listener);

/* Looks, at @now_ns. What cannot be watched is said once, and the rest goes on. */
void dw_listener_look(struct dw_listener *listener, uint64_t now_ns);

DW_DEFINE_AUTO(listener)
