/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gate: what the user asks of one, and recordings judged by it.
 *
 * Single-threaded. What is wrong is said on stderr.
 */
#pragma once

#include "cli/command.h"
#include "render/render.h"

#include <stdbool.h>
#include <stddef.h>

struct dw_collection;

/* How often an option may be given that can be given several times. */
#define DW_GATE_TIMES_MAX 32

struct dw_gate_texts {
	const char *texts[DW_GATE_TIMES_MAX];
	size_t n;
};

struct dw_gate_options {
	const char *baseline, *order, *profile; /* paths; NULL: none */
	struct dw_gate_texts suppressions;      /* paths */
	struct dw_gate_texts required, allowed, writes;
	bool update, prune, strict, hazards;
	struct dw_render_options render;
};

enum dw_gate_option_id {
	DW_GATE_BASELINE = 512,
	DW_GATE_UPDATE,
	DW_GATE_PRUNE,
	DW_GATE_STRICT,
	DW_GATE_SUPPRESSIONS,
	DW_GATE_ORDER,
	DW_GATE_REQUIRE_LOCK,
	DW_GATE_ALLOW,
	DW_GATE_HAZARDS,
	DW_GATE_WRITE,
};

/* The rows of all commands that have a gate. */
#define DW_GATE_OPTION_ROWS                                                                    \
	{"baseline", DW_GATE_BASELINE, "FILE", "what is known, and no reason to fail"},        \
	    {"update", DW_GATE_UPDATE, NULL, "add what is new to the baseline"},               \
	    {"prune", DW_GATE_PRUNE, NULL, "with --update: remove what does not occur"},       \
	    {"strict", DW_GATE_STRICT, NULL, "fail for entries that are gone or unused, too"}, \
	    {"suppressions", DW_GATE_SUPPRESSIONS, "FILE", "what nobody wants to hear of"},    \
	    {"order", DW_GATE_ORDER, "FILE", "in which order locks may be taken"},             \
	    {"require-lock", DW_GATE_REQUIRE_LOCK, "NAME", "blind unless it was seen taken"},  \
	    {"allow", DW_GATE_ALLOW, "REASON", "not blind for this reason"},                   \
	    {"hazards", DW_GATE_HAZARDS, NULL, "fail for new hazards, too"},                   \
	{                                                                                      \
		"write", DW_GATE_WRITE, "FORMAT=FILE", "write the report there, too"           \
	}

/*
 * Takes an option of the rows above; its argument is in optarg.
 *
 * Return: 0; 1 if @id is none of them; or DW_OPTION_STOP with *@ret_exit set.
 */
int dw_gate_option(const struct dw_command *command, struct dw_gate_options *options, int id,
		   int *ret_exit);

/*
 * Whether the files that @options name can be used, read and written: what is wrong is better
 * known before a run of hours than after it. Return: 0, or an enum dw_exit.
 */
int dw_gate_check(const struct dw_gate_options *options);

/*
 * Judges what @add, which is called once, adds to a collection, and reports to @out by @renderer.
 *
 * Return: an enum dw_exit.
 */
struct dw_gate_input {
	int (*add)(struct dw_collection *collection,
		   void *context); /* Return: 0, or a negative errno */
	void *context;
};
int dw_gate(const struct dw_gate_options *options, const struct dw_gate_input *input, FILE *out,
	    const struct dw_renderer *renderer);
