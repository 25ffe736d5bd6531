/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A collection: recordings that were read, and what they come to.
 *
 * Here reader, analysis, names and fingerprints meet. A collection is what a report is
 * drawn from; it owns everything that the report points to.
 *
 * Single-threaded. Prints nothing but a line on stderr for each recording that could not
 * be read, because those who read a report of the others must know.
 */
#pragma once

#include "base/cleanup.h"
#include "render/render.h"

#include <stdio.h>

struct dw_collection;
struct dw_symbols;
struct dw_tally;

/*
 * @profile: the path of the user's; NULL: that of DEADWATCH_OPTIONS, if it has one.
 *
 * Return: 0; DW_COLLECTION_WRONG if the profile cannot be used, which was said; or -ENOMEM.
 */
int dw_collection_new(struct dw_collection **ret, const char *profile);
#define DW_COLLECTION_WRONG 1

struct dw_collection *dw_collection_free(struct dw_collection *collection);

/*
 * From here on @tally, which the caller owns, says which recordings are kept, and what they come
 * to: for collections of any length. Before the first one is added.
 */
void dw_collection_set_tally(struct dw_collection *collection, struct dw_tally *tally);

/* What the names of all its recordings are taken from. */
struct dw_symbols *dw_collection_symbols(struct dw_collection *collection);

/*
 * Reads the recording at @path, or, if that is a folder, those in it, sorted by name; with a tally
 * those in its own folders, too. What cannot be read is said and counted. What is in a folder and
 * is no recording is passed over; a tally counts it.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_collection_add(struct dw_collection *collection, const char *path);

/* A reason that concerns no single recording. @text is copied. Return: 0, or -ENOMEM. */
int dw_collection_add_blind(struct dw_collection *collection, const char *reason, const char *text);

/* How many recordings were read; how many could not be. */
size_t dw_collection_n_processes(const struct dw_collection *collection);
size_t dw_collection_n_bad(const struct dw_collection *collection);

/* The path of the first recording that has not every event; NULL: all have. */
const char *dw_collection_without_events(const struct dw_collection *collection);

/*
 * Adds what follows from all recordings together, and gives the report. Call it once,
 * when all are added. Return: 0, or -ENOMEM.
 */
int dw_collection_finish(struct dw_collection *collection, struct dw_report *ret);

/* What the finished collection means: an enum dw_exit. */
int dw_collection_exit(const struct dw_collection *collection);

/*
 * Finishes @collection and writes the report. Whatever @options say, colour is used only if @out is
 * a terminal and the user has nothing against it. Return: 0, -ENOMEM, or a negative errno of
 * writing.
 */
int dw_collection_write(struct dw_collection *collection, FILE *out,
			const struct dw_renderer *renderer,
			const struct dw_render_options *options);

DW_DEFINE_AUTO(collection)
