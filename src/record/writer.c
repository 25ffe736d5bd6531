/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/*
 * Kernels before 5.14 cannot make pages present on request. There this much is allocated at
 * the start, and is all there is.
 */
#define OLD_KERNEL_LIMIT ((uint64_t)8 << 20)

/* A thread that has much to tell takes so much at once. */
#define TAKE_MAX ((uint64_t)8 * DW_REC_CHUNK_SIZE)

/* Below this a recording could not even say what was lost. */
#define LIMIT_MIN ((uint64_t)DW_REC_HEADER_SIZE + 4 * DW_REC_CHUNK_SIZE)

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t dw_writer_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* The part of a program's address space (RLIMIT_AS) that a recording may take. */
#define ROOM_SHARE 8

/* A file that grows beyond RLIMIT_FSIZE ends the program with SIGXFSZ. */
static uint64_t within_limits(uint64_t limit)
{
	struct rlimit rlimit;

	if (getrlimit(RLIMIT_AS, &rlimit) == 0 && rlimit.rlim_cur / ROOM_SHARE < limit)
		limit = rlimit.rlim_cur / ROOM_SHARE;

	if (getrlimit(RLIMIT_FSIZE, &rlimit) == 0 && rlimit.rlim_cur < limit)
		limit = rlimit.rlim_cur;
	return limit / DW_REC_CHUNK_SIZE * DW_REC_CHUNK_SIZE;
}

/*
 * Whole pages only: the header's size and a chunk's are. What is not present is not accessible
 * either, so that a program that locks all its memory (mlockall) does not get all of the file.
 * Keeps errno.
 */
static int make_present(void *base, uint64_t from, uint64_t size)
{
	char *at = (char *)base + from;
	int error = errno, r = 0;

	if (mprotect(at, size, PROT_READ | PROT_WRITE) < 0 ||
	    madvise(at, size, MADV_POPULATE_WRITE) < 0)
		r = -errno;
	errno = error;
	return r;
}

static void fill_program(struct dw_rec_header *header)
{
	ssize_t n = readlink("/proc/self/exe", header->program, DW_REC_PROGRAM_MAX - 1);

	header->program[n > 0 ? n : 0] = '\0';
}

static void fill_header(struct dw_rec_header *header, uint64_t limit, unsigned flags)
{
	header->version = DW_REC_VERSION;
	header->header_size = DW_REC_HEADER_SIZE;
	header->word_bits = 64;
	header->flags = flags;
	header->used = DW_REC_HEADER_SIZE;
	header->limit = limit;
	header->start_ns = dw_writer_now_ns();
	header->start_real_ns = clock_ns(CLOCK_REALTIME);
	header->pid = (uint32_t)getpid();
	fill_program(header);
	/* Last: a file with the magic has a whole header. */
	__atomic_store_n(&header->magic, DW_REC_MAGIC, __ATOMIC_RELEASE);
}

/* As much of @limit as there is address space for (RLIMIT_AS): *@limit says how much that is. */
static void *map_most(int fd, uint64_t *limit)
{
	void *base = mmap(NULL, *limit, PROT_NONE, MAP_SHARED, fd, 0);

	while (base == MAP_FAILED && errno == ENOMEM && *limit / 2 >= LIMIT_MIN) {
		*limit = *limit / 2 / DW_REC_CHUNK_SIZE * DW_REC_CHUNK_SIZE;
		base = mmap(NULL, *limit, PROT_NONE, MAP_SHARED, fd, 0);
	}
	return base;
}

/* Maps the open file @fd, as far as the kernel and the disk let it: *@limit says how far. */
static int map_file(int fd, struct dw_writer *writer, uint64_t *limit)
{
	void *base;
	int r;

	base = map_most(fd, limit);
	if (base == MAP_FAILED)
		return -errno;
	if (ftruncate(fd, (off_t)*limit) < 0) {
		r = -errno;
		munmap(base, *limit);
		return r;
	}
	r = make_present(base, 0, DW_REC_HEADER_SIZE);
	if (r == -EINVAL) {
		*limit = *limit < OLD_KERNEL_LIMIT ? *limit : OLD_KERNEL_LIMIT;
		r = fallocate(fd, 0, 0, (off_t)*limit) < 0 ? -errno : 0;
		if (r == 0)
			r = mprotect(base, *limit, PROT_READ | PROT_WRITE) < 0 ? -errno : 0;
		writer->ready = *limit;
	}
	if (r < 0) {
		munmap(base, *limit);
		return r == -EFAULT ? -ENOSPC : r;
	}
	writer->header = base;
	return 0;
}

int dw_writer_create(struct dw_writer *writer, const char *path, uint64_t limit, unsigned flags)
{
	struct dw_writer made = {0};
	bool leaves_empty;
	int fd, r;

	limit = within_limits(limit);
	if (limit < LIMIT_MIN)
		return -EFBIG;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = map_file(fd, &made, &limit);
	leaves_empty = (r == -ENOSPC || r == -EDQUOT) && ftruncate(fd, 0) == 0;
	close(fd);
	if (r < 0) {
		if (!leaves_empty)
			unlink(path);
		return r;
	}
	made.limit = limit;
	fill_header(made.header, limit, flags);
	*writer = made;
	return 0;
}

/* What is there of a file is mapped, whatever its header says; and kept to, ever after. */
static bool is_recording(const struct dw_rec_header *header, uint64_t size)
{
	return __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) == DW_REC_MAGIC &&
	       header->version == DW_REC_VERSION && header->header_size == DW_REC_HEADER_SIZE &&
	       header->limit == size;
}

int dw_writer_open(struct dw_writer *writer, int fd)
{
	struct dw_rec_header *header;
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) < 0)
		return -errno;
	size = (uint64_t)st.st_size;
	if (size < LIMIT_MIN)
		return -EINVAL;
	header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (header == MAP_FAILED)
		return -errno;
	if (!is_recording(header, size)) {
		munmap(header, size);
		return -EINVAL;
	}
	/* Where pages cannot be made present on request, they all are. */
	*writer = (struct dw_writer){.header = header, .limit = size};
	if (madvise(header, DW_REC_HEADER_SIZE, MADV_POPULATE_WRITE) < 0 && errno == EINVAL)
		writer->ready = size;
	return 0;
}

void dw_writer_abandon(struct dw_writer *writer)
{
	if (writer->header)
		munmap(writer->header, writer->limit);
	*writer = (struct dw_writer){0};
}

const void *dw_writer_find(const struct dw_writer *writer, uint32_t id, enum dw_rec_kind kind,
			   size_t size)
{
	const struct dw_rec_head *head = dw_writer_record(writer, id);
	uint64_t at = (uint64_t)id * 8;

	if (id == 0 || at > writer->limit || writer->limit - at < size)
		return NULL;
	if (__atomic_load_n(&head->kind, __ATOMIC_ACQUIRE) != kind || head->size < size ||
	    head->size > writer->limit - at)
		return NULL;
	return head;
}

void dw_writer_lost(struct dw_writer *writer, enum dw_loss loss)
{
	if (writer->header)
		__atomic_fetch_add(&writer->header->losses[loss], 1, __ATOMIC_RELAXED);
}

void dw_writer_seal(struct dw_writer *writer, uint64_t reserve)
{
	struct dw_rec_header *header = writer->header;
	uint64_t used;

	writer->sealed = 1;
	if (!header)
		return;
	used = __atomic_load_n(&header->used, __ATOMIC_RELAXED);
	if (used > writer->limit)
		return;
	if (reserve > writer->limit - used)
		reserve = writer->limit - used;
	if (writer->ready < used + reserve && make_present(header, used, reserve) == 0)
		writer->ready = used + reserve;
}

static uint64_t no_more(struct dw_writer *writer, enum dw_loss why)
{
	writer->full = why + 1;
	dw_writer_lost(writer, why);
	return 0;
}

/* Return: the offset of @size new bytes of the file, ready to be written; 0 if there are none. */
static uint64_t chunk_new(struct dw_writer *writer, uint64_t size)
{
	struct dw_rec_header *header = writer->header;
	uint64_t at = __atomic_fetch_add(&header->used, size, __ATOMIC_RELAXED);

	if (at < DW_REC_HEADER_SIZE || at % 8 || at > writer->limit || size > writer->limit - at) {
		__atomic_fetch_sub(&header->used, size, __ATOMIC_RELAXED);
		return no_more(writer, DW_LOSS_LIMIT);
	}
	if (at + size <= writer->ready)
		return at;
	if (writer->sealed)
		return no_more(writer, DW_LOSS_SEALED);
	if (make_present(header, at, size) < 0)
		return no_more(writer, DW_LOSS_DISK);
	return at;
}

/* What @size bytes take at least: a record begins in a chunk that it fits in, or at its start. */
static uint64_t whole_chunks(size_t size)
{
	return ((uint64_t)size + DW_REC_CHUNK_SIZE - 1) / DW_REC_CHUNK_SIZE * DW_REC_CHUNK_SIZE;
}

/*
 * Who has used up what it took takes twice as much, for that costs two system calls; but of a
 * file that is filling up, as little as will do.
 */
static uint64_t take_size(const struct dw_writer *writer, const struct dw_writer_cursor *cursor,
			  uint64_t least)
{
	uint64_t used = __atomic_load_n(&writer->header->used, __ATOMIC_RELAXED);
	uint64_t wished = 2 * cursor->taken < TAKE_MAX ? 2 * cursor->taken : TAKE_MAX;

	if (writer->sealed || wished < least || used + wished > writer->limit / 2)
		return least;
	return wished;
}

static bool next_chunk(struct dw_writer *writer, struct dw_writer_cursor *cursor, size_t size)
{
	uint64_t least = whole_chunks(size), at = cursor->end, taken = cursor->taken;

	if (cursor->more_end < at + least) {
		taken = take_size(writer, cursor, least);
		at = chunk_new(writer, taken);
		if (!at)
			return false;
		cursor->more_end = at + taken;
	}
	cursor->at = at;
	cursor->end = at + least;
	cursor->taken = taken;
	return true;
}

void *dw_writer_reserve(struct dw_writer *writer, struct dw_writer_cursor *cursor, size_t size)
{
	struct dw_rec_head *head;

	size = (size + 7) / 8 * 8;
	if (!writer->header)
		return NULL;
	if (cursor->end - cursor->at < size) {
		if (writer->full) {
			dw_writer_lost(writer, writer->full - 1);
			return NULL;
		}
		if (!next_chunk(writer, cursor, size))
			return NULL;
	}
	head = dw_writer_record(writer, (uint32_t)(cursor->at / 8));
	cursor->at += size;
	head->size = (uint32_t)size;
	return head;
}

uint32_t dw_writer_submit(struct dw_writer *writer, void *record, enum dw_rec_kind kind)
{
	struct dw_rec_head *head = record;

	__atomic_store_n(&head->kind, (uint16_t)kind, __ATOMIC_RELEASE);
	return dw_writer_id(writer, record);
}
