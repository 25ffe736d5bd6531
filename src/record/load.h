/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the reader, and what they share while a recording is being read.
 *
 *   pass 1   the walk over the image sorts the ids of all records by kind
 *   pass 2   kind by kind, records are checked and get their numbers in the facts; ids
 *            and thread numbers that they refer to are translated
 *
 * Ids come out of the walk in ascending order, so an id is found by bisection: no
 * choice of ids can make that slow. Every part takes time that is linear in the number
 * of records, but for the bisection and the sorting of events.
 *
 * Internal to the reader.
 */
#pragma once

#include "base/arena.h"
#include "model/facts.h"
#include "record/image.h"

#include <stdbool.h>

#define DW_LOAD_BIT(name, value, ...) | (value)

/* The bits that mean something; others are from a later version, and nothing follows from them. */
#define DW_LOAD_HOWS (0 DW_HOWS(DW_LOAD_BIT))
#define DW_LOAD_THING_FLAGS (0 DW_THING_FLAGS(DW_LOAD_BIT))

#define DW_LOAD_CASE(name, ...) case name:

static inline bool dw_load_thing_kind_known(unsigned kind)
{
	switch (kind) {
		DW_THING_KINDS(DW_LOAD_CASE)
		return true;
	}
	return false;
}

static inline bool dw_load_misuse_known(unsigned kind)
{
	switch (kind) {
		DW_MISUSES(DW_LOAD_CASE)
		return true;
	}
	return false;
}

static inline bool dw_load_event_kind_known(unsigned kind)
{
	switch (kind) {
		DW_EVENT_KINDS(DW_LOAD_CASE)
		return true;
	}
	return false;
}

/* The records of one kind. */
struct dw_load_index {
	uint32_t *ids;     /* ascending */
	uint32_t *numbers; /* in the facts, by position in `ids`; 0: left out */
	uint32_t n;
};

struct dw_load {
	const struct dw_image *image;
	struct dw_arena *arena;
	struct dw_facts *facts;
	struct dw_event *events;
	size_t n_events;
	struct dw_load_index kinds[DW_REC_BEAT + 1]; /* by enum dw_rec_kind */
	uint32_t threads_max; /* thread numbers above this are not believed */
	uint32_t threads_top; /* the highest thread number met */
	uint64_t damaged;
};

/* The record at position @i of its kind's index; @size is that of the struct for its kind. */
void dw_load_record(const struct dw_load *load, enum dw_rec_kind kind, uint32_t i, void *ret,
		    size_t size);

/* @size bytes that are @offset bytes into that record, and known to be within it. */
void dw_load_behind(const struct dw_load *load, enum dw_rec_kind kind, uint32_t i, size_t offset,
		    void *ret, size_t size);

/*
 * Zero-terminated text behind the fixed part of that record.
 *
 * Return: 0 with a copy in *@ret, 1 if it does not end within the record, or -ENOMEM.
 */
int dw_load_text(const struct dw_load *load, enum dw_rec_kind kind, uint32_t i, size_t offset,
		 const char **ret);

/* @n + 1 zeroed elements: those of the records, and the "none" at index 0. NULL: no memory. */
void *dw_load_array(struct dw_load *load, uint32_t n, size_t size);

/* The position of @id among the records of @kind; UINT32_MAX if there is no such record. */
uint32_t dw_load_position(const struct dw_load *load, enum dw_rec_kind kind, uint32_t id);

/* The number in the facts of the record @id of @kind; 0, counted as damage, if there is none. */
uint32_t dw_load_number(struct dw_load *load, enum dw_rec_kind kind, uint32_t id);

/* The same where @id 0 says that there is none. */
uint32_t dw_load_optional(struct dw_load *load, enum dw_rec_kind kind, uint32_t id);

/* @number if it can be a thread's; 0, counted as damage, if it cannot. */
uint32_t dw_load_thread(struct dw_load *load, uint32_t number);
uint32_t dw_load_optional_thread(struct dw_load *load, uint32_t number);

/*
 * Whether a thing of @kind can be at @address: what has no address names its thread or its
 * call. If not, it is counted as damage.
 */
bool dw_load_address(struct dw_load *load, unsigned kind, uint64_t address);

/* @place, or its offset alone, counted as damage, where its module is not known. */
dw_place dw_load_place(struct dw_load *load, dw_place place);

/* Positions in the order in which the records were told. NULL: no memory. */
uint32_t *dw_load_order_of_chains(struct dw_load *load);
uint32_t *dw_load_order_of_things(struct dw_load *load);

/* The parts, in the order in which they build on each other. Return: 0, or -ENOMEM. */
int dw_load_modules(struct dw_load *load);
int dw_load_stacks(struct dw_load *load);
int dw_load_hints(struct dw_load *load);
int dw_load_things(struct dw_load *load);
int dw_load_names(struct dw_load *load);
int dw_load_chains(struct dw_load *load);
int dw_load_signals(struct dw_load *load);
int dw_load_posts(struct dw_load *load);
int dw_load_founds(struct dw_load *load);
int dw_load_silences(struct dw_load *load);
int dw_load_joins(struct dw_load *load);
int dw_load_misuses(struct dw_load *load);
int dw_load_events(struct dw_load *load);
int dw_load_threads(struct dw_load *load);
