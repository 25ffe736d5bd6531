/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader of recordings.
 *
 * A recording comes from a process that may have been killed at any moment, and
 * from a file that may have been damaged or made to harm. So everything is checked
 * before it is believed: sizes, references (they go to whole records of the right
 * kind, a chain's `below` to an earlier chain of the same thread), strings, enums.
 * What does not hold is left out and counted as DW_LOSS_DAMAGED; the rest is read.
 *
 * The reader copies: the file may change or vanish afterwards.
 */
#pragma once

#include "base/cleanup.h"
#include "model/event.h"
#include "model/facts.h"
#include "record/layout.h"

struct dw_reader;

/* Why a file was refused; the positive answers of dw_reader_open(). */
enum dw_reader_answer {
	DW_READER_FOREIGN = 1, /* not a recording */
	DW_READER_NEWER,       /* of a later version than this program knows */
	DW_READER_MACHINE,     /* of another byte order or word size */
	DW_READER_SHORT,       /* ends within its header */
	DW_READER_DAMAGED,     /* has the header of one, but not the first bytes */
	DW_READER_EMPTY,       /* has no byte, or no header yet */
};

/*
 * Reads the recording at @path whole. @memory_max bounds the memory it may take, in bytes.
 *
 * Return: 0; a dw_reader_answer; or a negative errno: that of open() and read(),
 * -ENOMEM at @memory_max. *@ret is set only with 0.
 */
int dw_reader_open(struct dw_reader **ret, const char *path, size_t memory_max);

/* The same of a recording in memory. For tests and the fuzzer. */
int dw_reader_open_memory(struct dw_reader **ret, const void *data, size_t size, size_t memory_max);

struct dw_reader *dw_reader_free(struct dw_reader *reader);

/* What was told. Lives as long as @reader. */
const struct dw_facts *dw_reader_facts(const struct dw_reader *reader);

/*
 * The events in the order of their `seq`, where the recording has them; their `stack` is
 * an index of facts.stacks. *@ret_n is 0 where every event was not recorded. Lives as
 * long as @reader.
 */
const struct dw_event *dw_reader_events(const struct dw_reader *reader, size_t *ret_n);

/* The header's flags (enum dw_rec_flag). */
unsigned dw_reader_flags(const struct dw_reader *reader);

/* How many threads took a lock at all; 0: nothing was seen. */
uint64_t dw_reader_n_locked(const struct dw_reader *reader);

/* The number of the process that watched the program while it ran; 0: there was none. */
uint32_t dw_reader_monitor(const struct dw_reader *reader);

/*
 * The id, in the recording, of what has @number in the facts: chains, things, posts, stacks,
 * modules by their @kind. 0: none.
 */
uint32_t dw_reader_id(const struct dw_reader *reader, enum dw_rec_kind kind, uint32_t number);

/* The answer in words, such as "is not a recording"; static. */
const char *dw_reader_answer_text(int answer);

DW_DEFINE_AUTO(reader)
