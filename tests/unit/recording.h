/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recordings made in memory, for tests of the reader: sound ones, and others that no
 * writer would make. Each function that adds a record returns its id. Without memory,
 * the test ends.
 */
#pragma once

#include "record/layout.h"

#include <stddef.h>

struct recording {
	uint8_t *data;
	size_t size; /* a header and whole chunks */
	size_t at;   /* where the next record goes */
};

/* A header, for threads 1 to 8, and no chunk. */
void recording_init(struct recording *recording);
void recording_done(struct recording *recording);

/* Valid until the next record. */
struct dw_rec_header *recording_header(struct recording *recording);
void *recording_record(struct recording *recording, uint32_t id);

/* The next record begins a chunk. */
void recording_next_chunk(struct recording *recording);

/* @size bytes at @record, whose head is filled in; then @more_size bytes at @more. */
uint32_t recording_add(struct recording *recording, enum dw_rec_kind kind, const void *record,
		       size_t size, const void *more, size_t more_size);

uint32_t recording_module(struct recording *recording, uint32_t number, const char *path);
uint32_t recording_stack(struct recording *recording, dw_place a, dw_place b);
uint32_t recording_hint(struct recording *recording, const char *file, uint32_t line);
uint32_t recording_thread(struct recording *recording, uint32_t number, uint32_t parent,
			  uint32_t slot);
uint32_t recording_thing(struct recording *recording, uint64_t address);
uint32_t recording_chain(struct recording *recording, uint32_t thread, uint32_t below,
			 uint32_t thing);
uint32_t recording_again(struct recording *recording, uint32_t chain, uint32_t from, uint32_t to);

/* A chain whose last thing was waited for. */
uint32_t recording_wait(struct recording *recording, uint32_t thread, uint32_t below,
			uint32_t thing);
uint32_t recording_post(struct recording *recording, uint32_t thread, uint32_t thing,
			uint32_t chain);
uint32_t recording_name(struct recording *recording, uint32_t thing, const char *text);

/* A deadlock of @n_legs, and @n_waiters behind them. */
uint32_t recording_found(struct recording *recording, const struct dw_rec_found_leg *legs,
			 uint32_t n_legs, uint32_t n_waiters);
uint32_t recording_event(struct recording *recording, uint64_t seq, uint32_t thread, unsigned kind,
			 uint64_t object);

/* One record of every kind at least, that make sense together: two chains of two threads. */
void recording_fill(struct recording *recording);
