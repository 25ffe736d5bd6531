/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer of recordings, for use inside the traced program.
 *
 * The file is mapped once, as large as it may ever become, and its descriptor is closed
 * at once: nothing depends on descriptors, paths or the working directory afterwards. It
 * is a sparse file; before a chunk is written, its pages are made present, so that a full
 * disk is an answer and not a SIGBUS.
 *
 * Threads write at the same time, each into the chunk of its own cursor. A record is
 * reserved, filled, and submitted; until it is submitted it is not there. Nothing in
 * here allocates, locks or blocks, except for disk blocks to be found.
 */
#pragma once

#include "record/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_writer {
	struct dw_rec_header *header; /* the mapped file; NULL: there is no recording */
	uint64_t limit;  /* bytes that are mapped: what the header says can have been changed */
	uint64_t ready;  /* bytes of the file that are present without asking */
	uint32_t sealed; /* no system calls any more */
	uint32_t
	    full; /* enum dw_loss + 1: why no chunk could be had, so do not ask again and again */
};

/* Where a thread writes. All zero: it has no chunk yet. */
struct dw_writer_cursor {
	uint64_t at, end;  /* offsets in the file: of the chunk, as far as it is free */
	uint64_t more_end; /* the chunks from `end` up to here are free as well */
	uint64_t taken;    /* bytes that were taken from the file the last time */
};

/*
 * Makes the recording @path: exclusively, for the user alone, never through a link.
 * @limit: bytes that the file may have; less if RLIMIT_FSIZE or RLIMIT_AS say so.
 * Where the disk has no room an empty file is left: it says that there was something to record.
 *
 * Return: 0, or a negative errno, leaving @writer as it was; -EEXIST if there is such a file.
 */
int dw_writer_create(struct dw_writer *writer, const char *path, uint64_t limit, unsigned flags);

/*
 * Opens the recording in the open file @fd, which another process writes to as well.
 *
 * Return: 0, or a negative errno, leaving @writer as it was; -EINVAL if it is no recording.
 */
int dw_writer_open(struct dw_writer *writer, int fd);

/* Forgets the recording, which stays as it is: a forked child must not write into it. */
void dw_writer_abandon(struct dw_writer *writer);

/*
 * From now on no system call may be made: a seccomp filter could kill the program for it.
 * Makes @reserve bytes present for what is still to come.
 */
void dw_writer_seal(struct dw_writer *writer, uint64_t reserve);

/*
 * Room for a record of @size bytes in all, zeroed but for its size; NULL if there is none
 * (the loss is counted). The caller fills it and submits it.
 */
void *dw_writer_reserve(struct dw_writer *writer, struct dw_writer_cursor *cursor, size_t size);

/* The record is complete: from now on it is there. Return: its id. */
uint32_t dw_writer_submit(struct dw_writer *writer, void *record, enum dw_rec_kind kind);

/* Counts a loss. Without a recording there is nobody to tell. */
void dw_writer_lost(struct dw_writer *writer, enum dw_loss loss);

/* CLOCK_MONOTONIC, in nanoseconds: the time of all that is recorded. */
uint64_t dw_writer_now_ns(void);

/* The process is seen to run at @now_ns. */
static inline void dw_writer_seen(struct dw_writer *writer, uint64_t now_ns)
{
	if (writer->header && now_ns > __atomic_load_n(&writer->header->seen_ns, __ATOMIC_RELAXED))
		__atomic_store_n(&writer->header->seen_ns, now_ns, __ATOMIC_RELAXED);
}

static inline void *dw_writer_record(const struct dw_writer *writer, uint32_t id)
{
	return (char *)writer->header + (uint64_t)id * 8;
}

/*
 * The record @id if it is there, of @kind, and has @size bytes at least; else NULL. For those who
 * did not write it, and believe nothing.
 */
const void *dw_writer_find(const struct dw_writer *writer, uint32_t id, enum dw_rec_kind kind,
			   size_t size);

static inline uint32_t dw_writer_id(const struct dw_writer *writer, const void *record)
{
	return (uint32_t)(((const char *)record - (const char *)writer->header) / 8);
}
