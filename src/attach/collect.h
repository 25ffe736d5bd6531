/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The collector: attaches to processes that run, and keeps their recordings while they do.
 *
 * Two depths. By default nothing is seen of a lock that is free: a thread's waits are looked at,
 * while they last, from outside, and who has what they wait for is what the locks themselves say.
 * With `every_taking`, probes tell of each lock that is taken and each wait that begins.
 *
 * What was held before is not known, and never guessed.
 *
 * Single-threaded.
 */
#pragma once

#include "attach/named.h"
#include "attach/only.h"
#include "attach/probe.h"
#include "base/cleanup.h"
#include "record/writer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dw_collector;

/* Processes, those that have ended included; each has a recording of its own. */
#define DW_COLLECTOR_MAX 128

struct dw_collector_options {
	bool every_taking;
	bool is_empty;      /* see struct dw_probe_options */
	bool follows;       /* what the processes make is told of; see dw_collector_born() */
	uint32_t ring_size; /* see struct dw_probe_options */

	/* Calls that can block: seen with `every_taking` only. */
	const struct dw_collector_call *calls;
	size_t n_calls;

	const struct dw_only *only; /* likewise; NULL: all is probed */
};

/* @options live as long as it. Return: 0, a dw_probe_answer, or a negative errno. */
int dw_collector_new(struct dw_collector **ret, const struct dw_collector_options *options);
struct dw_collector *dw_collector_free(struct dw_collector *collector);

/*
 * A process that has to be attached to: one that is attached to has made it, or it runs another
 * program than before, which is another process here. Each is told once. Return: 0: there is none.
 */
pid_t dw_collector_born(struct dw_collector *collector);

/* Whether process @index runs another program now: nothing more comes of it. */
bool dw_collector_has_left(const struct dw_collector *collector, uint32_t index);

/* Process @index has ended, or has left: what is lost of it is final. */
void dw_collector_retire(struct dw_collector *collector, uint32_t index);

/* Process @pid has ended before anything was seen of it: nothing is kept for it any more. */
void dw_collector_forget(struct dw_collector *collector, pid_t pid);

/* The signal that has ended process @index; 0: none that is known. */
unsigned dw_collector_killed_by(const struct dw_collector *collector, uint32_t index);

/*
 * Attaches to process @pid, whose recording is to be at @path. Probes that could not be set are
 * counted.
 *
 * Return: the index of the process, from 0; or a negative errno (-ESTALE: a file is not what was
 * loaded from it; -ENXIO: it has not all that is wanted, see dw_collector_lacking(); -E2BIG: it is
 * one too many).
 */
int dw_collector_add(struct dw_collector *collector, pid_t pid, const char *path);

/* The file whose functions the latest dw_collector_add() could not probe; NULL: that was not it. */
const char *dw_collector_culprit(const struct dw_collector *collector);

/* What of dw_collector_options::only it has not; and the files that were looked into for it, those
 * of number @i, NULL: there are no more. */
const struct dw_only_lacking *dw_collector_lacking(const struct dw_collector *collector);
const char *dw_collector_looked_into(const struct dw_collector *collector, uint32_t i);

/* The @i-th of the calls that no file of any process has had so far; NULL: there are no more. */
const char *dw_collector_unseen(const struct dw_collector *collector, size_t i);

/* The recording of process @index, to be written to by others as well. */
struct dw_writer *dw_collector_writer(struct dw_collector *collector, uint32_t index);

/* Takes what is told, until there has been nothing for @timeout_ms. Return: 0, or -errno. */
int dw_collector_poll(struct dw_collector *collector, int timeout_ms);

/* What the names of all processes are taken from. */
struct dw_symbols *dw_collector_symbols(struct dw_collector *collector);

/* The moment up to which all has been taken that was told. */
uint64_t dw_collector_seen_ns(const struct dw_collector *collector);

/* Looks at the threads, at @now_ns: after that, their slots are as they are. */
void dw_collector_look(struct dw_collector *collector, uint64_t now_ns);

/*
 * Takes a picture of the process whose turn it is, if there is reason to take one of any: to be
 * called again and again between those looks, because a picture takes much longer.
 *
 * Return: whether it is to be called again soon.
 */
bool dw_collector_picture(struct dw_collector *collector);

/* Takes the probes away, and what is left of the events. The recordings stay. */
void dw_collector_stop(struct dw_collector *collector);

struct dw_collector_counts {
	uint64_t n_events, n_lost;
	uint32_t n_functions; /* that are probed */
	uint32_t n_processes;
};

void dw_collector_counts(const struct dw_collector *collector, struct dw_collector_counts *ret);

DW_DEFINE_AUTO(collector)
