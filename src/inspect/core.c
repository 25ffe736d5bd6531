/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/core.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/core_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Segments and notes of a process with the most mappings that Linux allows take 20 MiB. */
#define MEMORY_MAX ((size_t)256 << 20)

/* Mappings; the kernel's limit (vm.max_map_count) is 65530 unless it was raised. */
#define SEGMENTS_MAX ((size_t)1 << 20)

/* Addresses from here on are the kernel's; there is a page that programs may call (vsyscall). */
#define KERNELS (UINT64_C(1) << 63)

/* Bytes of notes that are read. Those of 65536 threads with AVX-512 have 200 MiB. */
#define NOTES_MAX ((uint64_t)512 << 20)

/* What a compressed file begins with. */
static const struct {
	uint8_t bytes[4], size;
} compressed[] = {
    {{0x28, 0xb5, 0x2f, 0xfd}, 4}, /* zstd */
    {{0x04, 0x22, 0x4d, 0x18}, 4}, /* lz4 */
    {{0xfd, '7', 'z', 'X'}, 4},    /* xz */
    {{0x1f, 0x8b}, 2},             /* gzip */
};

static int compare_segments(const void *left, const void *right)
{
	const struct segment *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* What of @n bytes from @offset on is in the file. */
static uint64_t present(const struct dw_core *core, uint64_t offset, uint64_t n)
{
	if (offset >= core->size)
		return 0;
	return n < core->size - offset ? n : core->size - offset;
}

static void add_segment(struct dw_core *core, const GElf_Phdr *header)
{
	uint64_t size = present(core, header->p_offset, header->p_filesz);
	struct segment segment = {
	    .start = header->p_vaddr,
	    .offset = header->p_offset,
	    .size = size < header->p_memsz ? size : header->p_memsz,
	    .full_size = header->p_filesz,
	    .memory_size = header->p_memsz,
	    .is_code = header->p_flags & PF_X,
	};

	if (segment.start > UINT64_MAX - segment.memory_size)
		return;
	core->gaps.missing_size += header->p_filesz - size;
	core->segments[core->n_segments++] = segment;
}

static int read_segments(struct dw_core *core)
{
	GElf_Phdr header;
	size_t n;

	if (elf_getphdrnum(core->elf, &n) != 0 || n == 0)
		return DW_CORE_NO_THREADS;
	n = n < SEGMENTS_MAX ? n : SEGMENTS_MAX;
	core->segments = dw_arena_alloc(core->arena, n * sizeof(*core->segments));
	if (!core->segments)
		return dw_raise(-ENOMEM);
	for (size_t i = 0; i < n && gelf_getphdr(core->elf, (int)i, &header); i++)
		if (header.p_type == PT_LOAD)
			add_segment(core, &header);
	qsort(core->segments, core->n_segments, sizeof(*core->segments), compare_segments);
	return 0;
}

static int read_notes(struct dw_core *core)
{
	GElf_Phdr header;
	size_t n = 0;
	int r = 0;

	elf_getphdrnum(core->elf, &n);
	for (size_t i = 0; r == 0 && i < n && gelf_getphdr(core->elf, (int)i, &header); i++) {
		uint64_t size = present(core, header.p_offset, header.p_filesz);

		if (header.p_type != PT_NOTE)
			continue;
		core->gaps.missing_size += header.p_filesz - size;
		size = size < NOTES_MAX ? size : NOTES_MAX;
		core->gaps.notes_cut = core->gaps.notes_cut || size < header.p_filesz;
		r = dw_core_notes_read(core, header.p_offset, size);
	}
	return r;
}

/* Return: 0, or what is wrong with it. */
static int check_kind(const struct dw_core *core)
{
	uint8_t head[4] = {0};
	GElf_Ehdr header;

	if (pread(core->fd, head, sizeof(head), 0) < 0)
		return dw_raise(-errno);
	for (size_t i = 0; i < sizeof(compressed) / sizeof(*compressed); i++)
		if (memcmp(head, compressed[i].bytes, compressed[i].size) == 0)
			return DW_CORE_COMPRESSED;
	if (!core->elf || elf_kind(core->elf) != ELF_K_ELF || !gelf_getehdr(core->elf, &header) ||
	    header.e_type != ET_CORE)
		return DW_CORE_NO_CORE;
	if (!dw_arch_is(header.e_machine) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB)
		return DW_CORE_FOREIGN;
	return 0;
}

static int read_all(struct dw_core *core)
{
	struct stat status;
	int r;

	if (fstat(core->fd, &status) < 0)
		return dw_raise(-errno);
	if (!S_ISREG(status.st_mode))
		return DW_CORE_NO_CORE;
	core->size = (uint64_t)status.st_size;
	elf_version(EV_CURRENT);
	core->elf = elf_begin(core->fd, ELF_C_READ, NULL);
	r = check_kind(core);
	if (r == 0)
		r = read_segments(core);
	if (r == 0)
		r = read_notes(core);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	core->gaps.no_files = core->n_files == 0;
	return core->n_threads > 0 ? 0 : DW_CORE_NO_THREADS;
}

int dw_core_new(struct dw_core **ret, int fd)
{
	struct dw_arena *arena;
	dw_auto(core) core = dw_arena_new_owner(&arena, MEMORY_MAX, sizeof(*core));
	int r;

	if (!core)
		return dw_raise(-ENOMEM);
	core->arena = arena;
	core->fd = fd;
	r = read_all(core);
	if (r != 0) {
		core->fd = -1;
		return r;
	}
	*ret = dw_take(core);
	return 0;
}

struct dw_core *dw_core_free(struct dw_core *core)
{
	if (!core)
		return NULL;
	if (core->elf)
		elf_end(core->elf);
	if (core->fd >= 0)
		close(core->fd);
	dw_arena_free(core->arena);
	return NULL;
}

pid_t dw_core_pid(const struct dw_core *core)
{
	return core->pid;
}

const char *dw_core_name(const struct dw_core *core)
{
	return core->name;
}

int dw_core_signal(const struct dw_core *core)
{
	return core->signal;
}

const struct dw_core_thread *dw_core_threads(const struct dw_core *core, uint32_t *ret_n)
{
	*ret_n = core->n_threads;
	return core->threads;
}

const struct dw_core_file *dw_core_files(const struct dw_core *core, uint32_t *ret_n)
{
	*ret_n = core->n_files;
	return core->files;
}

struct dw_core_gaps dw_core_gaps(const struct dw_core *core)
{
	return core->gaps;
}

/* The mapped file that @address is in; NULL: none. */
static const struct dw_core_file *find_file(const struct dw_core *core, uint64_t address)
{
	uint32_t low = 0, high = core->n_files;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (core->files[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && address < core->files[low - 1].end ? &core->files[low - 1] : NULL;
}

const char *dw_core_program(const struct dw_core *core)
{
	const struct dw_core_file *file = find_file(core, core->entry);

	return core->entry && file ? file->path : NULL;
}

/* The last segment that begins at @address or before it; NULL: none. */
static const struct segment *find_segment(const struct dw_core *core, uint64_t address)
{
	uint32_t low = 0, high = core->n_segments;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (core->segments[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &core->segments[low - 1] : NULL;
}

struct dw_range dw_core_vdso(const struct dw_core *core)
{
	const struct segment *segment = core->vdso ? find_segment(core, core->vdso) : NULL;

	if (!segment || segment->start != core->vdso)
		return (struct dw_range){0};
	return (struct dw_range){segment->start, segment->start + segment->size};
}

uint32_t dw_core_generated(const struct dw_core *core, struct dw_range *ret, uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < core->n_segments && n < max; i++) {
		const struct segment *segment = &core->segments[i];
		const struct dw_core_file *file = find_file(core, segment->start);

		if (segment->is_code && segment->start != core->vdso && segment->start < KERNELS &&
		    (!file || dw_map_is_in_memory(file->path)))
			ret[n++] = (struct dw_range){segment->start,
						     segment->start + segment->memory_size};
	}
	return n;
}

const struct dw_core_file *dw_core_left_out(const struct dw_core *core, uint64_t address, size_t n)
{
	const struct segment *segment = find_segment(core, address);
	const struct dw_core_file *file = find_file(core, address);

	if (segment && address - segment->start < segment->full_size)
		return NULL;
	return file && n <= file->end - address ? file : NULL;
}

/* Return: how many of @n bytes at @address could be read; 0: none. */
static size_t read_part(const struct dw_core *core, uint64_t address, uint8_t *ret, size_t n)
{
	const struct segment *segment = find_segment(core, address);
	uint64_t from = segment ? address - segment->start : 0;
	ssize_t r;

	if (!segment || from >= segment->size)
		return 0;
	n = n < segment->size - from ? n : segment->size - from;
	r = pread(core->fd, ret, n, (off_t)(segment->offset + from));
	return r > 0 ? (size_t)r : 0;
}

int dw_core_read(const struct dw_core *core, uint64_t address, void *ret, size_t n)
{
	uint8_t *to = ret;

	while (n > 0) {
		size_t part = read_part(core, address, to, n);

		if (part == 0)
			return -EFAULT;
		to += part;
		n -= part;
		if (n > 0 && address > UINT64_MAX - part)
			return -EFAULT;
		address += part;
	}
	return 0;
}
