/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a recording, and the walk over its records.
 *
 * An image of a file is a private copy: what happens to the file afterwards, or while it
 * is read, cannot hurt. A recording is sparse, so only its data is copied; the holes of
 * the copy are memory that is never touched. An image of memory is just a view.
 *
 * Single-threaded. Internal to the reader.
 */
#pragma once

#include "base/cleanup.h"
#include "record/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids have 32 bits and count 8 bytes: nothing behind this can be referred to. */
#define DW_IMAGE_SIZE_MAX ((uint64_t)UINT32_MAX * 8)

struct dw_extent {
	uint64_t start, end; /* bytes of data, not a hole */
};

struct dw_image {
	const uint8_t *data;
	uint64_t size;
	struct dw_extent *extents; /* ascending, not touching */
	size_t n_extents;
	size_t extents_room;
	uint64_t data_size; /* bytes of all extents */
	bool mapped;        /* `data` is ours */
	uint64_t promised;  /* bytes that the header said were in use, before the size was known */
	bool cut;           /* the file shrank while it was read */
};

/*
 * Copies the file at @path, as long as its data is at most @memory_max bytes.
 *
 * Return: 0; 1 if it is no regular file; the negative errno of open(), lseek() or read();
 * -ENOMEM.
 */
int dw_image_open(struct dw_image **ret, const char *path, size_t memory_max);

/* A view of @data, which must outlive it. Return: 0, or -ENOMEM. */
int dw_image_open_memory(struct dw_image **ret, const void *data, size_t size);

struct dw_image *dw_image_free(struct dw_image *image);

/* A walk over all records of an image. */
struct dw_image_walk {
	uint64_t first;   /* where the first chunk begins */
	uint64_t offset;  /* where to look next */
	uint64_t run_end; /* records of the current run of chunks end before this */
	size_t extent;    /* the first extent that does not end before `offset` */
	uint64_t damaged; /* heads met that make no sense */
};

void dw_image_walk_init(struct dw_image_walk *walk, const struct dw_image *image, uint64_t first);

/*
 * The next record. It lies within the image whole.
 *
 * Return: 1 with *@ret_head and its id set, 0 at the end.
 */
int dw_image_walk_next(struct dw_image_walk *walk, const struct dw_image *image,
		       struct dw_rec_head *ret_head, uint32_t *ret_id);

DW_DEFINE_AUTO(image)
