/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/image.h"

#include "base/error.h"
#include "base/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int add_extent(struct dw_image *image, uint64_t start, uint64_t end)
{
	if (image->n_extents == image->extents_room) {
		size_t room = image->extents_room ? image->extents_room * 2 : 16;
		void *grown = reallocarray(image->extents, room, sizeof(*image->extents));

		if (!grown)
			return dw_raise(-ENOMEM);
		image->extents = grown;
		image->extents_room = room;
	}
	image->extents[image->n_extents++] = (struct dw_extent){start, end};
	image->data_size += end - start;
	return 0;
}

/* The next data of the file from @offset on. Return: 1 with *@ret set, 0: there is none, or errno.
 */
static int find_data(int fd, uint64_t offset, uint64_t size, struct dw_extent *ret)
{
	off_t start = lseek(fd, (off_t)offset, SEEK_DATA);
	off_t end;

	if (start < 0 && errno == ENXIO)
		return 0;
	if (start < 0)
		return dw_raise(-errno);
	end = lseek(fd, start, SEEK_HOLE);
	if (end < 0 && errno == ENXIO) /* it was truncated between the two */
		return 0;
	if (end < 0)
		return dw_raise(-errno);
	ret->start = (uint64_t)start;
	ret->end = (uint64_t)end < size ? (uint64_t)end : size;
	return ret->start < ret->end;
}

/* A file that shrinks meanwhile leaves zeroes, and `cut`. */
static int copy_extent(struct dw_image *image, int fd, const struct dw_extent *extent)
{
	uint8_t *data = (uint8_t *)image->data;
	uint64_t at = extent->start;

	while (at < extent->end && !image->cut) {
		ssize_t n = pread(fd, data + at, extent->end - at, (off_t)at);

		if (n < 0 && errno != EINTR)
			return dw_raise(-errno);
		if (n == 0)
			image->cut = true;
		at += n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

static int copy_data(struct dw_image *image, int fd, size_t memory_max)
{
	struct dw_extent extent = {0, 0};
	int r;

	while ((r = find_data(fd, extent.end, image->size, &extent)) > 0) {
		if (extent.end - extent.start > memory_max - image->data_size)
			return dw_raise(-ENOMEM);
		r = add_extent(image, extent.start, extent.end);
		if (r < 0)
			return dw_pass(r);
		r = copy_extent(image, fd, &extent);
		if (r < 0)
			return dw_pass(r);
	}
	return r < 0 ? dw_pass(r) : 0;
}

static uint64_t promised(const struct dw_rec_header *header)
{
	return header->used < header->limit ? header->used : header->limit;
}

static int map_copy(struct dw_image *image, uint64_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (data == MAP_FAILED)
		return dw_raise(-ENOMEM);
	image->data = data;
	image->size = size;
	image->mapped = true;
	return 0;
}

/*
 * The program may be running, and its header's numbers grow. The file has a size before the
 * header promises it, so the promise is read first; a thread has a number before it tells
 * anything, so the header's numbers are read again last.
 */
static int copy_file(struct dw_image *image, int fd, size_t memory_max)
{
	static const struct dw_extent header_extent = {0, sizeof(struct dw_rec_header)};
	struct dw_rec_header header;
	struct stat st;
	int r;

	if (pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header))
		image->promised = promised(&header);
	if (fstat(fd, &st) < 0)
		return dw_raise(-errno);
	if (!S_ISREG(st.st_mode))
		return 1;
	if (st.st_size == 0)
		return 0;
	r = map_copy(image, (uint64_t)st.st_size < DW_IMAGE_SIZE_MAX ? (uint64_t)st.st_size
								     : DW_IMAGE_SIZE_MAX);
	if (r < 0)
		return dw_pass(r);
	r = copy_data(image, fd, memory_max);
	if (r < 0)
		return dw_pass(r);
	if (image->size < header_extent.end)
		return 0;
	r = copy_extent(image, fd, &header_extent);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_image_open(struct dw_image **ret, const char *path, size_t memory_max)
{
	/* A FIFO must not keep us waiting to find out that it is no recording. */
	dw_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	dw_auto(image) image = NULL;
	int r;

	if (fd < 0)
		return dw_raise(-errno);
	image = calloc(1, sizeof(*image));
	if (!image)
		return dw_raise(-ENOMEM);
	r = copy_file(image, fd, memory_max);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(image);
	return 0;
}

int dw_image_open_memory(struct dw_image **ret, const void *data, size_t size)
{
	dw_auto(image) image = calloc(1, sizeof(*image));
	struct dw_rec_header header;
	int r;

	if (!image)
		return dw_raise(-ENOMEM);
	image->data = data;
	image->size = size < DW_IMAGE_SIZE_MAX ? size : DW_IMAGE_SIZE_MAX;
	if (size >= sizeof(header)) {
		memcpy(&header, data, sizeof(header));
		image->promised = promised(&header);
	}
	r = add_extent(image, 0, image->size);
	if (r < 0)
		return dw_pass(r);
	*ret = dw_take(image);
	return 0;
}

struct dw_image *dw_image_free(struct dw_image *image)
{
	if (!image)
		return NULL;
	if (image->mapped)
		munmap((void *)image->data, image->size);
	free(image->extents);
	free(image);
	return NULL;
}

static uint64_t chunk_at(const struct dw_image_walk *walk, uint64_t offset)
{
	return offset - (offset - walk->first) % DW_REC_CHUNK_SIZE;
}

/* Moves to the chunk at @boundary, or, if that lies in a hole, to the next that does not. */
static void go_to_chunk(struct dw_image_walk *walk, const struct dw_image *image, uint64_t boundary)
{
	while (walk->extent < image->n_extents && image->extents[walk->extent].end <= boundary)
		walk->extent++;
	walk->offset = image->size;
	if (walk->extent == image->n_extents)
		return;
	walk->offset = boundary;
	if (image->extents[walk->extent].start > boundary)
		walk->offset = chunk_at(walk, image->extents[walk->extent].start);
}

void dw_image_walk_init(struct dw_image_walk *walk, const struct dw_image *image, uint64_t first)
{
	*walk = (struct dw_image_walk){.first = first, .run_end = first};
	go_to_chunk(walk, image, first);
}

/*
 * Whether a record of this head can be here. A record that begins a chunk may be as large as
 * a run of chunks; the others end within the run, so that a damaged size cannot swallow the
 * chunks of other threads.
 */
static bool fits(struct dw_image_walk *walk, const struct dw_image *image,
		 const struct dw_rec_head *head)
{
	uint64_t end = walk->offset + head->size;
	uint64_t run_end = chunk_at(walk, end + DW_REC_CHUNK_SIZE - 1);

	if (head->size < sizeof(*head) || head->size % 8 != 0 || end > image->size)
		return false;
	if (walk->offset == chunk_at(walk, walk->offset) && run_end > walk->run_end)
		walk->run_end = run_end;
	return end <= walk->run_end;
}

int dw_image_walk_next(struct dw_image_walk *walk, const struct dw_image *image,
		       struct dw_rec_head *ret_head, uint32_t *ret_id)
{
	struct dw_rec_head head;

	while (walk->offset + sizeof(head) <= image->size) {
		memcpy(&head, image->data + walk->offset, sizeof(head));
		if (head.kind != 0 && fits(walk, image, &head)) {
			*ret_head = head;
			*ret_id = (uint32_t)(walk->offset / 8);
			walk->offset += head.size;
			return 1;
		}
		walk->damaged += head.kind != 0;
		go_to_chunk(walk, image, chunk_at(walk, walk->offset) + DW_REC_CHUNK_SIZE);
	}
	return 0;
}
