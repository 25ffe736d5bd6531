/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the page. They are of telling->process, but for the findings' own texts, and
 * take telling->arena for what they need.
 *
 * Elements that the script is to find have these: `data-find` is what a search shows or hides;
 * `id` is `pN-...`, where N is the number of the process; `data-key` is what a key leads to.
 *
 * Internal to the renderer of pages.
 */
#pragma once

#include "render/tell.h"

/* A place beside a function; the space is for who copies it, and for narrow windows. */
void dw_html_where(struct dw_telling *telling, const char *line);

/* One finding: an article. @number counts findings over all processes. Return: 0 or -errno. */
int dw_html_finding(struct dw_telling *telling, const struct dw_reported *reported, size_t number);

/* All threads, with what they held and waited for when they were last seen: a table. */
void dw_html_threads(struct dw_telling *telling);

/* The net of needs: a drawing of what matters, and all of it as a list. Return: 0 or -errno. */
int dw_html_net(struct dw_telling *telling);

/* How long locks were waited for: a table. */
void dw_html_contention(struct dw_telling *telling);
