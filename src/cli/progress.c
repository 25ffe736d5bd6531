/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A longer line would wrap, and could not be taken away. */
#define COLUMNS_MAX 60

static bool is_terminal(void)
{
	const char *term = getenv("TERM");

	return term && strcmp(term, "dumb") != 0 && isatty(STDERR_FILENO);
}

static bool is_shown;

static void show(void)
{
	fflush(stderr);
	is_shown = true;
}

/* What a terminal would obey is not shown; nor is what is beyond ASCII, whose width is not known.
 */
static char plain(char c)
{
	return c > ' ' && c < 0x7f ? c : '?';
}

void dw_progress_show(size_t number, const char *path)
{
	size_t size = strlen(path), from = size > COLUMNS_MAX ? size - COLUMNS_MAX : 0;
	char shown[COLUMNS_MAX + 1] = {0};

	if (!is_terminal())
		return;
	for (size_t i = from; i < size; i++)
		shown[i - from] = plain(path[i]);
	fprintf(stderr, "\r\033[Kreading %zu: %s%s", number, from ? "..." : "", shown);
	show();
}

void dw_progress_look(int pid, const char *what)
{
	if (!is_terminal())
		return;
	fprintf(stderr, "\r\033[Kprocess %d: %s", pid, what);
	show();
}

void dw_progress_attend(const struct dw_progress_counts *counts)
{
	if (!is_terminal())
		return;
	fprintf(stderr,
		"\r\033[K%" PRIu64 " events, %" PRIu64 " facts, %" PRIu64 " found, %" PRIu64
		" lost; Ctrl-C to detach",
		counts->n_events, counts->n_facts, counts->n_found, counts->n_lost);
	show();
}

void dw_progress_write(const char *what, size_t number, size_t n)
{
	if (!is_terminal())
		return;
	fprintf(stderr, "\r\033[Kwriting: %s", what);
	if (n > 1)
		fprintf(stderr, " %zu of %zu", number, n);
	show();
}

void dw_progress_clear(void)
{
	if (!is_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	is_shown = false;
}
