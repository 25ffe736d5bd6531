/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bell: tells people at once what the alarm has found.
 *
 * It is told to a file, or on the standard error of the process that is watched, as that is at
 * the time: the monitor itself has none, or a pipe would stay open that others wait to see closed.
 *
 * Single-threaded.
 */
#pragma once

#include "cli/alarm.h"

/*
 * Tells the last @n things that were found, as reports tell them.
 *
 * Return: 0, or a negative errno: it could not be told.
 */
int dw_bell_ring(const struct dw_alarm_options *options, uint32_t n);

/* A line of the monitor's own. What cannot be told, cannot. */
void dw_bell_say(const struct dw_alarm_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
