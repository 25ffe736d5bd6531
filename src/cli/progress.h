/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is being done, for who waits at a terminal: one line on stderr, which is gone before
 * anything else is said. Where stderr is no terminal, nothing is written.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The line says that recording @number, which is @path, is being read. */
void dw_progress_show(size_t number, const char *path);

/* The line says that the process @pid is being looked into; @what is done at the moment. */
void dw_progress_look(int pid, const char *what);

struct dw_progress_counts {
	uint64_t n_events;
	uint64_t n_facts; /* what threads held and needed, each once */
	uint64_t n_found; /* times that something was found to be stuck */
	uint64_t n_lost;  /* events */
};

/* The line says how far it is with processes that are attached to. */
void dw_progress_attend(const struct dw_progress_counts *counts);

/* The line says that @what is being written; where there are @n of them, that it is @number. */
void dw_progress_write(const char *what, size_t number, size_t n);

/* Takes the line away, if there is one. */
void dw_progress_clear(void);
