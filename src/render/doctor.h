/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the doctor found, for people and for programs.
 *
 * Both write all or nothing. Return: 0, or a negative errno.
 */
#pragma once

#include <stdio.h>

struct dw_doctor_report;

int dw_render_doctor_text(FILE *out, const struct dw_doctor_report *report);
int dw_render_doctor_json(FILE *out, const struct dw_doctor_report *report);
